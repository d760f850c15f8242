"""Putting a backup in the place of the database, and bringing a database to this version, while no server runs.

Given a backup, copies it beside the database, reads it whole, brings it to this program's version, and only then gives
it the database's name; what was there before is kept under another one.

Never: a change to a database that a server has open, or to the backup, or a moment without a database in its place.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from spanledger_server.care.backup import read_whole, settle
from spanledger_server.care.sums import Sum, Told
from spanledger_server.errors import SpanledgerError, StoreRefused
from spanledger_server.store import migrate, sqlfile
from spanledger_server.store.database import Database
from spanledger_server.store.failures import IN_USE

SQL = sqlfile.load(__package__)

COMING: Final = ".restoring"
STEP_BYTES: Final = 4 * 1024 * 1024

Progress = Callable[[int, int], None]  # so far, in all: bytes that are copied, and read again


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done: where the database was put aside (None: there was none), the versions, and how much it holds."""

    aside: Path | None
    from_version: int
    to_version: int
    tables: int
    rows: int


def restore(backup: Path, place: Path, stamp: str, progress: Progress) -> Restored:
    """Put `backup` in the place of the database.

    Args:
        backup: The file; it stays as it is.
        place: The database's file.
        stamp: For the name of what is put aside.
        progress: Told how far it is.

    Raises:
        StoreRefused: The backup is newer than this program, damaged or not ours, a server has the database open, or
            there is no room.
    """
    _check_stopped(place)
    version = version_of(backup)
    coming = place.with_name(place.name + COMING)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove(coming)
    _check_room(backup, place.parent)
    size = backup.stat().st_size
    try:
        _copy(backup, coming, lambda done, _: progress(done, 2 * size))
        found = _read(coming, backup, lambda done, whole: progress(size + size * min(done, whole) // whole, 2 * size))
        Database.open(coming).close()
        aside = _swap(coming, place, stamp)
    except BaseException:
        _remove(coming)
        raise
    rows = sum(each.rows for each in found.values())
    return Restored(aside, version, migrate.newest(), len(found), rows)


def bring_up_to_date(place: Path, backup: Path | None, progress: Progress) -> None:
    """Apply the steps that a database lacks.

    Args:
        place: The database's file; no server has it open.
        backup: Where it is copied to first; None for no copy.
        progress: Told how far the copying is.

    Raises:
        StoreRefused: It is newer, damaged, not ours, or open elsewhere.
        SpanledgerError: A step failed; the database is as it was before that step.
    """
    if backup is not None:
        backup.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = Database.open(place, read_only=True)  # held, so that no server begins meanwhile
        try:
            _copy(place, backup, progress)
        finally:
            database.close()
        read_whole(backup)
    Database.open(place).close()


def version_of(file: Path) -> int:
    """The version of a file's tables; 0 for a file without any.

    Raises:
        StoreRefused: It cannot be opened by this program, or does not exist.
    """
    if not file.is_file():
        raise StoreRefused(f"there is no file {file}")
    database = Database.open(file, read_only=True)
    try:
        with database.reader() as reader:
            return int(reader.value(SQL["schema_version"]) or 0)
    finally:
        database.close()


def _check_stopped(place: Path) -> None:
    if not place.exists():
        return
    try:
        Database.open(place, read_only=True).close()
    except StoreRefused as error:
        if IN_USE in str(error):
            raise StoreRefused(f"{place} is open: stop its server first ({error})") from error


def _check_room(backup: Path, directory: Path) -> None:
    needed = sum(path.stat().st_size for path in (backup, Path(f"{backup}.wal")) if path.exists())
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise StoreRefused(f"no room for the database: it needs {needed} bytes, {directory} has {free}")


def _read(coming: Path, backup: Path, told: Told) -> dict[str, Sum]:
    try:
        return read_whole(coming, told)
    except SpanledgerError as error:
        raise StoreRefused(f"{backup} cannot be read whole, so nothing was changed: {error}") from error


def _copy(source: Path, target: Path, progress: Progress) -> None:
    """The file and the log that belongs to it, at most its owner's to read."""
    with suppress(FileNotFoundError):
        shutil.copyfile(f"{source}.wal", f"{target}.wal")
    whole = source.stat().st_size
    with (
        source.open("rb") as reading,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out,
    ):
        done = 0
        while piece := reading.read(STEP_BYTES):
            out.write(piece)
            done += len(piece)
            progress(done, whole)


def _swap(coming: Path, place: Path, stamp: str) -> Path | None:
    """Give `coming` the database's name; what was there keeps links, so that one or the other always has it.

    Its log goes last: a new database beside an old log is refused by DuckDB, an old one without its log is not.
    """
    aside, log = None, Path(f"{place}.wal")
    if place.exists():
        aside = place.with_name(f"{place.name}.before-restore-{stamp}")
        os.link(place, aside)
        if log.exists():
            os.link(log, f"{aside}.wal")
    try:
        settle(coming, place)
    except OSError:
        if aside is not None:
            _remove(aside)
        raise
    log.unlink(missing_ok=True)
    return aside


def _remove(coming: Path) -> None:
    for path in (coming, Path(f"{coming}.wal")):
        path.unlink(missing_ok=True)
