"""How large the database is, by table, and how fast it grows.

Given the time, notes the sizes once an hour; growth is the difference to the oldest note of the last week. A block of
the file may hold values of several tables, so the tables' bytes add up to a little more than the file holds.

Never: a growth from less than an hour of history.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.store import sizes, sqlfile
from spanledger_server.store.database import Database, Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS

SQL = sqlfile.load(__package__)

FILE: Final = "file"
LOOK_BACK_NS: Final = 7 * DAY_NS
KEEP_NS: Final = 90 * DAY_NS
FRESH_NS: Final = 30 * 10**9


@dataclass(frozen=True, slots=True)
class Size:
    """Of a table, or of the file: what it has, and what comes to it a day; None where that is not known yet."""

    name: str
    rows: int
    bytes: int
    rows_a_day: float | None
    bytes_a_day: float | None


@dataclass(frozen=True, slots=True)
class Storage:
    """The whole: sizes in bytes. `used` holds rows, the rest of the file is free for new ones; None where unknown."""

    at_ns: int
    file_bytes: int
    used_bytes: int
    wal_bytes: int
    disk_free_bytes: int | None
    max_disk_bytes: int | None
    growth_bytes_a_day: float | None
    tables: tuple[Size, ...]

    @property
    def days_until_max_disk(self) -> float | None:
        """Days until the oldest raw rows go early, if it goes on like this; None: never, or nobody knows."""
        return _days(
            None if self.max_disk_bytes is None else self.max_disk_bytes - self.used_bytes, self.growth_bytes_a_day
        )

    @property
    def days_until_disk_full(self) -> float | None:
        """Days until the volume is full, if it goes on like this."""
        return _days(self.disk_free_bytes, self.growth_bytes_a_day)


def _days(room: int | None, a_day: float | None) -> float | None:
    return None if room is None or a_day is None or a_day <= 0 else max(0.0, room / a_day)


class StorageWatch:
    """Looks at one database."""

    def __init__(self, database: Database, max_disk_bytes: int | None) -> None:
        self._database = database
        self._max_disk_bytes = max_disk_bytes
        self._lock = threading.Lock()
        self._latest: Storage | None = None

    def tick(self, now_ns: int) -> None:
        """Note the sizes, if that was not done within the last hour."""
        with self._database.reader() as reader:
            last_ns = reader.value(SQL["last_look"])
        if last_ns is not None and 0 <= now_ns - last_ns < HOUR_NS:
            return
        storage = self.look(now_ns)
        noted = [(each.name, each.rows, each.bytes) for each in storage.tables]
        noted.append((FILE, sum(each.rows for each in storage.tables), storage.used_bytes))
        subjects, rows, sizes_bytes = zip(*noted, strict=True)
        with self._database.transaction() as tx:
            tx.execute(
                SQL["add_sizes"], at_ns=now_ns, subjects=list(subjects), rows=list(rows), bytes=list(sizes_bytes)
            )
            tx.execute(SQL["forget_sizes"], before_ns=now_ns - KEEP_NS)

    def look(self, now_ns: int) -> Storage:
        """The sizes, at most half a minute old."""
        with self._lock:
            latest = self._latest
            if latest is None or not 0 <= now_ns - latest.at_ns < FRESH_NS:
                with self._database.reader() as reader:
                    latest = self._latest = self._looked(reader, now_ns)
            return latest

    def _looked(self, reader: Reader, now_ns: int) -> Storage:
        use = reader.row(SQL["file_use"]) or {"used_bytes": 0, "block_size": 0}
        earlier = {row["subject"]: row for row in reader.rows(SQL["earlier_sizes"], since_ns=now_ns - LOOK_BACK_NS)}
        tables = []
        for name, rows in sizes.rows(reader).items():
            held = int(reader.value(SQL["table_blocks"], name=name)) * use["block_size"]
            before = earlier.get(name)
            growth = [_growth(before, key, now, now_ns) for key, now in (("rows", rows), ("bytes", held))]
            tables.append(Size(name, rows, held, *growth))
        wal = self._database.wal_bytes()
        used = use["used_bytes"] + wal if self._database.path is not None else self._database.size_bytes()
        return Storage(
            at_ns=now_ns,
            file_bytes=self._database.size_bytes() - wal,
            used_bytes=used,
            wal_bytes=wal,
            disk_free_bytes=self._database.free_bytes(),
            max_disk_bytes=self._max_disk_bytes,
            growth_bytes_a_day=_growth(earlier.get(FILE), "bytes", used, now_ns),
            tables=tuple(sorted(tables, key=lambda each: (-each.bytes, -each.rows, each.name))),
        )


def _growth(before: dict[str, Any] | None, key: str, now: int, now_ns: int) -> float | None:
    """What comes a day."""
    if before is None or now_ns - before["at_ns"] < HOUR_NS:
        return None
    elapsed_ns: int = now_ns - before["at_ns"]
    more: int = now - before[key]
    return more * DAY_NS / elapsed_ns
