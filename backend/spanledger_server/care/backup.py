"""Backups of the running database: consistent, beside the writer, and read again before they count as one.

Given a name, copies everything that one transaction sees into a file of the one directory that is allowed, opens that
file on its own and compares every table. One at a time, on a thread of its own.

Never: a path from outside, a file replaced, or a backup by its name that was not read again.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import re
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from spanledger_server.auth import audit
from spanledger_server.care.sums import Sum, Told, different, sums
from spanledger_server.clock import Clock
from spanledger_server.errors import Busy, Forbidden, Invalid, NotFound, SpanledgerError, StoreRefused
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Reader

log = logging.getLogger(__name__)

SQL = sqlfile.load(__package__)

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.duckdb", re.ASCII)
ALLOWED_NAME: Final = "a file name such as before-upgrade.duckdb: letters, digits, . _ -, without a directory"
PART: Final = ".part"
WITH_ITS_LOG: Final = 1.25  # times the file: while it is written, a log stands beside it
COPYING: Final = 0.5  # of the work; the rest is adding up what there is, and what was written
STOP_PATIENCE_S: Final = 5.0
LET_GO_S: Final = 10.0  # how long a finished file may still be held by a question that runs


class NotTheSameError(SpanledgerError):
    """What was written differs from what was there."""


@dataclass(frozen=True, slots=True)
class Job:
    """One backup, under way or over. Times in ns since 1970.

    Of about `expected_bytes`, `bytes` are written; `done` is the share of the whole work, 0 to 1.
    """

    name: str
    state: Literal["copying", "verifying", "done", "failed"]
    started_ns: int
    expected_bytes: int
    ended_ns: int | None = None
    bytes: int = 0
    done: float = 0.0
    tables: int | None = None
    rows: int | None = None
    reason: str | None = None

    @property
    def over(self) -> bool:
        """Whether it came to an end."""
        return self.state in ("done", "failed")


class Backups:
    """All backups of one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._thread: threading.Thread | None = None
        self._running: Reader | None = None
        self._compared = self._done = 0.0
        self._stopping = False
        self._let_go = threading.Event()

    @property
    def directory(self) -> Path:
        """Where they are written.

        Raises:
            Forbidden: Everything is in memory.
        """
        found = self._database.backup_directory
        if found is None:
            raise Forbidden("everything is in memory, so there is no backup: give the server a --data-dir")
        return found

    def job(self) -> Job | None:
        """The latest one since the start."""
        job = self._job
        if job is None or job.over:
            return job
        written = _size(self.directory / (job.name + PART))
        copied = min(1.0, written / job.expected_bytes) if job.expected_bytes else 1.0
        self._done = max(self._done, COPYING * copied + (1 - COPYING) * self._compared)  # a file may become smaller
        return replace(job, bytes=written, done=self._done)

    def listed(self) -> list[tuple[str, int, int]]:
        """Name, bytes and time (ns) of every backup in the directory, newest first."""
        found = []
        with suppress(FileNotFoundError):
            for path in self.directory.iterdir():
                if NAME.fullmatch(path.name) and path.is_file():
                    stat = path.stat()
                    found.append((path.name, stat.st_size, stat.st_mtime_ns))
        return sorted(found, key=lambda each: (-each[2], each[0]))

    def file(self, name: str) -> Path:
        """One of them.

        Raises:
            Invalid: This can be no name.
            NotFound: There is none of this name.
        """
        path = self.directory / name
        if not NAME.fullmatch(name):
            raise Invalid("name", name, ALLOWED_NAME)
        if path.is_symlink() or not path.is_file():
            raise NotFound(f"there is no backup {name!r}")
        return path

    def start(self, name: str | None, actor: str) -> Job:
        """Begin one; it goes on beside everything else.

        Args:
            name: What the file is called; None names it by the time.
            actor: Who asked.

        Raises:
            Invalid: This can be no name, or there is a file of this name.
            Busy: Another one is under way, or there is no room for it.
        """
        now_ns = self._clock.now_ns()
        chosen = name or f"spanledger-{stamp(now_ns)}.duckdb"
        if not NAME.fullmatch(chosen):
            raise Invalid("name", chosen, ALLOWED_NAME)
        directory = self.directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._lock:
            if self._job is not None and not self._job.over:
                raise Busy(f"the backup {self._job.name} is under way", retry_after_s=10)
            if (directory / chosen).exists():
                raise Invalid("name", chosen, "a name that no backup has yet")
            for left in directory.glob(f"*.duckdb{PART}*"):  # of a server that was killed
                left.unlink(missing_ok=True)
            expected = self._expected(directory)
            with self._database.transaction() as tx:
                audit.record(tx, now_ns, actor, "backup.started", chosen, {"before": None, "after": {"file": chosen}})
            self._compared = self._done = 0.0
            job = self._job = Job(chosen, "copying", now_ns, expected)
            self._thread = threading.Thread(target=self._work, args=(job, actor), name="spanledger-backup", daemon=True)
            self._thread.start()
        return job

    def stop(self) -> None:
        """Give up the one that is under way."""
        self._stopping = True
        self._let_go.set()
        running, thread = self._running, self._thread
        if running is not None:
            with suppress(SpanledgerError):
                running.interrupt()
        if thread is not None:
            thread.join(STOP_PATIENCE_S)

    def _expected(self, directory: Path) -> int:
        with self._database.reader() as reader:
            used = int((reader.row(SQL["file_use"]) or {}).get("used_bytes", 0)) + self._database.wal_bytes()
        free, needed = shutil.disk_usage(directory).free, int(used * WITH_ITS_LOG)
        if free < needed:
            raise Busy(f"no room for a backup: it needs about {needed} bytes, {directory} has {free}", retry_after_s=60)
        return used

    def _work(self, job: Job, actor: str) -> None:
        failed = replace(job, state="failed", reason="the log has the reason")
        ended = failed
        try:
            ended = self._made(job)
        except (SpanledgerError, OSError) as error:
            log.error("a backup failed", extra={"backup": job.name, "reason": str(error)})
            ended = replace(failed, reason=str(error))
        finally:
            self._job = replace(ended, ended_ns=self._clock.now_ns())
        if ended.state == "done":
            with suppress(SpanledgerError), self._database.transaction() as tx:
                told = {"file": job.name, "bytes": ended.bytes, "tables": ended.tables, "rows": ended.rows}
                audit.record(tx, self._clock.now_ns(), actor, "backup.done", job.name, {"before": None, "after": told})

    def _made(self, job: Job) -> Job:
        part = self.directory / (job.name + PART)
        _remove(part)
        try:
            expected = self._copied(part)
            self._job = replace(job, state="verifying", bytes=_size(part))
            found = self._read_back(part)
            if wrong := different(expected, found):
                raise NotTheSameError(f"the backup differs from the database in {', '.join(wrong)}: it was removed")
            settle(part, self.directory / job.name)
        except BaseException:
            _remove(part)
            raise
        rows = sum(each.rows for each in found.values())
        size = _size(self.directory / job.name)
        return replace(job, state="done", bytes=size, done=1.0, tables=len(found), rows=rows)

    def _read_back(self, part: Path) -> dict[str, Sum]:
        """What the file holds; the engine lets go of it only when the last question that began before has ended."""
        until = time.monotonic() + LET_GO_S
        while True:
            try:
                return read_whole(part, lambda done, whole: self._tell(0.5 + min(done, whole) / whole / 2))
            except StoreRefused:
                if self._stopping or time.monotonic() > until:
                    raise
                self._let_go.wait(0.1)

    def _tell(self, compared: float) -> None:
        self._compared = compared

    def _copied(self, part: Path) -> dict[str, Sum]:
        with self._database.beside() as tx:
            tx.execute(SQL["attach_backup"], file=str(part))
        try:
            with self._database.beside() as tx:
                self._running = tx
                if self._stopping:
                    raise Busy("the server is stopping")
                tx.execute(SQL["copy_all"])
                return sums(tx, lambda done, whole: self._tell(min(done, whole) / whole / 2))
        finally:
            self._running = None
            with self._database.beside() as tx:
                tx.execute(SQL["detach_backup"])


def stamp(at_ns: int) -> str:
    """A time as a part of a file's name, UTC."""
    return dt.datetime.fromtimestamp(at_ns // 10**9, dt.UTC).strftime("%Y%m%dT%H%M%SZ")


def read_whole(file: Path, told: Told = lambda _done, _whole: None) -> dict[str, Sum]:
    """Every table of a file that nobody else has open.

    Args:
        file: Which.
        told: How far it is, after each table.

    Raises:
        StoreRefused: It is newer than this program, damaged, or not ours.
        SpanledgerError: A part of it cannot be read.
    """
    database = Database.open(file, read_only=True)
    try:
        with database.reader() as reader:
            return sums(reader, told)
    finally:
        database.close()


def settle(part: Path, file: Path) -> None:
    """Make sure that `part` is on the disk, then give it its name."""
    for path in (part, part.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    part.chmod(0o600)
    part.replace(file)


def _remove(part: Path) -> None:
    for path in (part, Path(f"{part}.wal")):
        path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
