"""Backups for tests: made, waited for and counted."""

from __future__ import annotations

from pathlib import Path

from spanledger_server.care.backup import Backups, Job, read_whole
from spanledger_server.clock import SystemClock
from spanledger_server.store.database import Database
from tests.support.waiting import until

ADD = "INSERT INTO loss SELECT i, 'shop', 'spans', 'test', 1 FROM range($count) AS r(i)"


def ended(backups: Backups) -> Job:
    def over() -> Job | None:
        job = backups.job()
        return job if job is not None and job.over else None

    job = until(over, 60)
    assert job is not None
    return job


def made(database: Database, name: str = "one.duckdb") -> Path:
    backups = Backups(database, SystemClock())
    backups.start(name, "me")
    job = ended(backups)
    assert job.state == "done", job.reason
    return backups.file(name)


def rows(file: Path) -> int:
    return read_whole(file)["loss"].rows
