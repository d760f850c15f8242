"""Rows of the ticks before, for as long as the rollups have not been written anew; and what must be empty.

Given runs of buckets and how they are read, gives what was read of them at the last tick where none of them has changed
since, and nothing where a run begins behind the last row. A tick reads what is new, so that a window of a day costs
hardly more than its last minutes, and a server to which nothing comes judges its rules for next to nothing.

Never: rows that differ from what the store would say, or the memory of a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final, TypeVar

from spanledger_server.rules.buckets import Run
from spanledger_server.rules.metrics import Source
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS

SQL = sqlfile.load(__package__)

FAMILIES: Final[dict[Source, tuple[str, ...]]] = {
    "calls": ("cost",),
    "cache": ("told",),
    "rate_limit": ("told",),
    "requests": ("span", "told"),
    "spans": ("span",),
    "system": ("metric",),
    "metric": ("metric",),
}
WIDTHS: Final = {"1m": MINUTE_NS, "1h": HOUR_NS, "1d": DAY_NS}
Asked = tuple[Source, Run, Hashable]  # and what is asked of it
Rows = TypeVar("Rows")


class Unchanged:
    """What was read at the last tick; used by one thread at a time."""

    def __init__(self) -> None:
        self._change: int | None = None  # the last one of the rollups that is accounted for
        self._kept: Mapping[str, int] = {}
        self._ends_ns: dict[str, int] = {}  # family -> before which all its rows begin
        self._before: dict[Asked, Any] = {}
        self._found: dict[Asked, Any] = {}

    def turn(self, reader: Reader) -> None:
        """A tick begins: what was not asked at the last one is forgotten, and what is not so any more."""
        self._before, self._found = self._found, {}
        known = self._change
        since = _last(reader) if known is None else known
        notes = reader.tuples(SQL["notes_since"], since=since)
        kept = {subject: at for change, subject, _, at in notes if change is None}
        changes = {change: (family, level, bucket) for change, family, level, bucket in notes if change is not None}
        if known is None or kept != self._kept or (changes and known not in changes):
            self._before, self._ends_ns = {}, _ends(reader)  # who can tell what has changed since
        last = max(changes, default=since)
        changes.pop(since, None)
        for family, level, bucket in set(changes.values()):
            self._ends_ns[family] = max(self._ends_ns.get(family, 0), (bucket + 1) * WIDTHS[level])
        changed = set(changes.values())
        self._before = {asked: rows for asked, rows in self._before.items() if not _touched(asked, changed)}
        self._change, self._kept = last, kept

    def nothing(self, source: Source, from_ns: int) -> bool:
        """Whether there can be no row from a time on."""
        families = FAMILIES.get(source)
        return families is not None and from_ns >= max(self._ends_ns[family] for family in families)

    def rows(self, source: Source, run: Run, key: Hashable, read: Callable[[], Rows]) -> Rows | None:
        """What is read of a run, on the snapshot with which the tick began; None where there is nothing.

        Args:
            source: Of what.
            run: The buckets.
            key: Whatever else the rows depend on.
            read: Asks the store.
        """
        level, first, _ = run
        if self.nothing(source, first * WIDTHS[level]):
            return None
        asked = (source, run, key)
        if asked not in self._found:
            self._found[asked] = self._before[asked] if asked in self._before else read()
        found: Rows = self._found[asked]
        return found


def _last(reader: Reader) -> int:
    """The last change; 0 without any."""
    return int(reader.value(SQL["last_change"]) or 0)


def _touched(asked: Asked, changed: set[tuple[str, str, int]]) -> bool:
    source, (level, first, beyond), _ = asked
    return any(
        family in FAMILIES[source] and level == of and first <= bucket < beyond for family, of, bucket in changed
    )


def _ends(reader: Reader) -> dict[str, int]:
    """Of each family of rollups the end of its last bucket, of whatever length; 0 without any."""
    found = dict.fromkeys((family for each in FAMILIES.values() for family in each), 0)
    for family, level, bucket in reader.tuples(SQL["last_buckets"]):
        if bucket is not None:
            found[family] = max(found[family], (bucket + 1) * WIDTHS[level])
    return found
