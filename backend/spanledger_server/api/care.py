"""Backups, the size of the store, and export over HTTP.

Never: a path from a request, or an export that is held in memory as a whole.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from spanledger_server.api import answers, parameters
from spanledger_server.api.auth import caller_of
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.care import export
from spanledger_server.care.backup import Backups, Job
from spanledger_server.care.storage import Storage, StorageWatch
from spanledger_server.errors import Busy, Invalid
from spanledger_server.ingest.retention import LEVEL_OF
from spanledger_server.settings import Settings
from spanledger_server.timegrid import DAY_NS

LONGEST_EXPORT_NS: Final = 31 * DAY_NS
PATIENCE_S: Final = 10.0  # for the turn to export
PARQUET: Final = "application/vnd.apache.parquet"
JOB_EXAMPLE: Final = {
    "name": "spanledger-20261121T090000Z.duckdb",
    "state": "done",
    "started_at": "2026-11-21T09:00:00Z",
    "ended_at": "2026-11-21T09:00:09Z",
    "expected_bytes": 440401920,
    "bytes": 439877632,
    "done": 1.0,
    "tables": 41,
    "rows": 5123456,
    "reason": None,
}
LIST_EXAMPLE: Final = {
    "directory": "/var/lib/spanledger/backups",
    "job": JOB_EXAMPLE,
    "items": [{"name": JOB_EXAMPLE["name"], "bytes": 439877632, "at": "2026-11-21T09:00:09Z"}],
    "next_cursor": None,
}
STORAGE_EXAMPLE: Final = {
    "at": "2026-11-21T09:00:00Z",
    "file_bytes": 440401920,
    "used_bytes": 438304768,
    "wal_bytes": 1048576,
    "disk_free_bytes": 90194313216,
    "max_disk_bytes": 10737418240,
    "growth_bytes_a_day": 62500000.0,
    "days_until_max_disk": 164.8,
    "days_until_disk_full": 1443.1,
    "tables": [
        {
            "name": "spans",
            "rows": 5000000,
            "bytes": 400556032,
            "rows_a_day": 700000.0,
            "bytes_a_day": 60000000.0,
            "kept_days": 7.0,
        }
    ],
}


class NewBackup(BaseModel):
    """The body that asks for a backup."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = Field(None, max_length=200, description="of the file; without it, by the time")


def _example(status: int, content: Any) -> dict[int | str, dict[str, Any]]:
    return {status: {"content": {"application/json": {"example": content}}}}


def backup_router(backups: Backups) -> APIRouter:
    """Backups; for administrators."""
    routes = APIRouter(tags=["administration"])

    @routes.post("/api/v1/backup", status_code=202, responses=_example(202, JOB_EXAMPLE))
    def back_up(request: Request, body: NewBackup | None = None) -> Response:
        """Begin a backup, beside everything else; GET tells how far it is."""
        job = backups.start((body or NewBackup(name=None)).name, caller_of(request).name or "")
        return answers.answer(_job(job), 202)

    @routes.get("/api/v1/backup", responses=_example(200, LIST_EXAMPLE))
    def listed() -> Response:
        """The latest backup since the start, and the files that there are."""
        job = backups.job()
        items = [{"name": name, "bytes": size, "at": answers.when(at_ns)} for name, size, at_ns in backups.listed()]
        body = {"directory": str(backups.directory), "job": None if job is None else _job(job)}
        return answers.answer({**body, "items": items, "next_cursor": None})

    @routes.get("/api/v1/backup/{name}", response_class=FileResponse)
    def file(name: Annotated[str, Path(description="the name of a backup")]) -> Response:
        """A backup itself."""
        found = backups.file(name)
        return FileResponse(found, media_type="application/octet-stream", filename=found.name)

    return routes


def _job(job: Job) -> dict[str, Any]:
    told = asdict(job)
    times = {"started_at": answers.when(told.pop("started_ns")), "ended_at": answers.when(told.pop("ended_ns"))}
    return told | times


def storage_router(watch: StorageWatch, settings: Settings) -> APIRouter:
    """The size of the store; for whoever may read."""
    routes = APIRouter(tags=["administration"])
    kept = {name: getattr(settings, f"retention_{level}") / timedelta(days=1) for name, level in LEVEL_OF.items()}

    @routes.get("/api/v1/storage", responses=_example(200, STORAGE_EXAMPLE))
    def storage(now_ns: NowNs) -> Response:
        """Size, rows, growth and age by table, and how long the room lasts; what is not known yet is null.

        A table without `kept_days` is not emptied by age alone.
        """
        return answers.answer(_storage(watch.look(now_ns), kept))

    return routes


def _storage(found: Storage, kept: dict[str, float]) -> dict[str, Any]:
    return {
        "at": answers.when(found.at_ns),
        "file_bytes": found.file_bytes,
        "used_bytes": found.used_bytes,
        "wal_bytes": found.wal_bytes,
        "disk_free_bytes": found.disk_free_bytes,
        "max_disk_bytes": found.max_disk_bytes,
        "growth_bytes_a_day": found.growth_bytes_a_day,
        "days_until_max_disk": found.days_until_max_disk,
        "days_until_disk_full": found.days_until_disk_full,
        "tables": [asdict(each) | {"kept_days": kept.get(each.name)} for each in found.tables],
    }


@cache
def export_router() -> APIRouter:
    """Views as Parquet; for whoever may read, one at a time."""
    routes = APIRouter(tags=["administration"])
    turn = threading.Lock()

    @routes.get("/api/v1/export", responses=_example(200, {"items": ["ledger", "logs", "spans"], "next_cursor": None}))
    def listed(store: Store) -> Response:
        """The views that can be exported."""
        return answers.answer({"items": sorted(export.views(store)), "next_cursor": None})

    @routes.get("/api/v1/export/{view}", response_class=StreamingResponse)
    def one(
        store: Store,
        now_ns: NowNs,
        view: Annotated[str, Path(description="one that GET /api/v1/export lists")],
        from_: Annotated[str | None, Query(alias="from", description="RFC 3339 or now-1d; default now-1d")] = None,
        to: Annotated[str | None, Query(description="RFC 3339 or now (default); not part of the window")] = None,
    ) -> Response:
        """The rows of a window, at most 31 days, as a Parquet file, written while it is read."""
        window = parameters.window(from_, to, now_ns, default_s=86_400)
        if window.to_ns - window.from_ns > LONGEST_EXPORT_NS:
            raise Invalid("from", from_, "at most 31 days before `to`")
        statement = export.statement_of(store, view)
        if not turn.acquire(timeout=PATIENCE_S):
            raise Busy("another export is under way", retry_after_s=5)
        pieces = _released(export.parquet(store, view, statement, window.from_ns, window.to_ns), turn)
        next(pieces)  # begun, so that closing it ends the turn
        return _Ending(pieces)

    return routes


class _Ending(StreamingResponse):
    """A stream that is closed when it was sent, and also when its reader went away."""

    def __init__(self, pieces: Generator[bytes]) -> None:
        super().__init__(pieces, media_type=PARQUET)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._pieces.close()


def _released(pieces: Generator[bytes], turn: threading.Lock) -> Generator[bytes]:
    try:
        yield b""
        with closing(pieces):
            yield from pieces
    finally:
        turn.release()
