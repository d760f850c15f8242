"""What the page of services shows beside the checks: a day of each service, and how this server does.

Never: a zero for what nobody counted.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Response

from spanledger_server.api import answers
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.api.health_checks import BEATS
from spanledger_server.api.vitals import Vitals
from spanledger_server.health import beats
from spanledger_server.timegrid import DAY_NS, Range

PART_NS: Final = DAY_NS // BEATS
_BEATS: Final[dict[str, Any]] = {
    "from": "2026-11-20T12:00:00Z",
    "to": "2026-11-21T12:00:00Z",
    "services": [{"name": "bookshop", "beats": ["healthy", "degraded", None]}],
}
_SELF: Final[dict[str, Any]] = {
    "ready": True,
    "reasons": [],
    "rows": {"traces": 120_400, "logs": 8_120, "metrics": 44_031},
    "requests": 5_120,
    "commits": 2_410,
    "queue_requests": 0,
    "queue_bytes": 0,
    "queue_limit_bytes": 268_435_456,
    "turned_away": 0,
    "refused_records": 3,
    "store_bytes": 73_400_320,
    "wal_bytes": 1_048_576,
    "free_bytes": 52_428_800_000,
    "looks": 918,
    "tasks": [{"name": "rollups", "last": "2026-11-21T11:59:58Z", "seconds": 0.041, "failures": 0, "failed": False}],
}


def router(vitals: Vitals) -> APIRouter:
    """For everybody who may read."""
    routes = APIRouter(tags=["health"])

    @routes.get("/api/v1/health/beats", responses=_example(_BEATS))
    def of_services(store: Store, now_ns: NowNs) -> Response:
        """The last 24 hours of each service in 48 parts: the worst that it reported, or that a check of it found."""
        to_ns = (now_ns // PART_NS + 1) * PART_NS
        window = Range(to_ns - DAY_NS, to_ns)
        kept = [each.kept for each in vitals.health.standing()]
        with store.reader() as reader:
            found = beats.of_services(reader, kept, Range(window.from_ns, window.to_ns), BEATS)
        listed = [{"name": name, "beats": found[name]} for name in sorted(found)]
        return answers.answer(
            {"from": answers.when(window.from_ns), "to": answers.when(window.to_ns), "services": listed}
        )

    @routes.get("/api/v1/health/self", responses=_example(_SELF))
    def this_server() -> Response:
        """How this server does: whether it takes data, what it took since it started, what waits, and its own work."""
        return answers.answer(_own(vitals))

    return routes


def _own(vitals: Vitals) -> dict[str, Any]:
    counters, reasons = vitals.ingest.counters, vitals.unready()
    tasks = vitals.loop.tasks if vitals.loop is not None else ()
    return {
        "ready": not reasons,
        "reasons": reasons,
        "rows": dict(vitals.ingest.totals.rows),
        "requests": counters.requests,
        "commits": counters.groups,
        "queue_requests": vitals.ingest.queued(),
        "queue_bytes": vitals.admission.inside_bytes,
        "queue_limit_bytes": vitals.admission.limit_bytes,
        "turned_away": vitals.told_to_come_back(),
        "refused_records": counters.refused_records,
        "store_bytes": vitals.database.size_bytes(),
        "wal_bytes": vitals.database.wal_bytes(),
        "free_bytes": vitals.database.free_bytes(),
        "looks": vitals.health.counters.looks,
        "tasks": [
            {
                "name": task.name,
                "last": answers.when(task.last_ns),
                "seconds": task.seconds,
                "failures": task.failures,
                "failed": task.failed,
            }
            for task in tasks
        ],
    }


def _example(body: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"example": body}}}}
