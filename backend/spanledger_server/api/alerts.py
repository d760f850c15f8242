"""Alerts as people and programs read them: lists in our form and in the seed's, one with its history.

Every alert says by `source` who judged it; a rule's own figures are null where its sender does not tell them.

Never: an alert whose labels are not shown as they came.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from spanledger_server.alerts import listed
from spanledger_server.alerts.episodes import Episode
from spanledger_server.alerts.listed import Position, Wanted
from spanledger_server.api import answers, parameters
from spanledger_server.api.deps import Store
from spanledger_server.errors import Invalid
from spanledger_server.timegrid import Range

router = APIRouter(tags=["alerts"])

SEVERITIES: Final = ("info", "warning", "error", "critical")
STATUSES: Final = ("active", "resolved", "all")
STATES: Final = ("firing", "resolved", "any")
SOURCES: Final = ("prometheus",)
EVERYTHING: Final = Range(0, parameters.LATEST_NS)
TOLD_BY: Final = ("summary", "message", "description", "title")
EXAMPLE_ID: Final = "5f1d6a52-0c4c-9d3c-7f5e-2b8c1f0a9e11"
EXAMPLE_LABELS: Final = {"alertname": "TelemetryDropped", "severity": "critical", "instance": "agent:8888"}
EXAMPLE: Final = {
    "id": EXAMPLE_ID,
    "source": "prometheus",
    "rule_id": None,
    "rule_name": "TelemetryDropped",
    "severity": "critical",
    "state": "firing",
    "message": "agent:8888 drops what otlp_grpc refuses for good",
    "started_at": "2026-11-21T10:00:00Z",
    "resolved_at": None,
    "updated_at": "2026-11-21T10:04:00Z",
    "expires_at": "2026-11-21T10:08:00Z",
    "current_value": None,
    "threshold_value": None,
    "labels": EXAMPLE_LABELS,
    "annotations": {"summary": "agent:8888 drops what otlp_grpc refuses for good"},
    "fingerprint": "8a8a6d8d4b1d2f3c",
    "generator_url": "http://prometheus:9090/graph?g0.expr=…",
}
EXAMPLE_CHANGE: Final = {"at": "2026-11-21T10:00:30Z", "state": "firing", "why": "told", "by": "prometheus"}


def _example(body: Any) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"example": body}}}}


@router.get("/api/v1/alerts", responses=_example({"items": [EXAMPLE], "next_cursor": None}))
def alerts(
    store: Store,
    state: Annotated[str | None, Query(description="firing, resolved, or any (default)")] = None,
    severity: Annotated[str | None, Query(description="info, warning, error or critical; default any")] = None,
    source: Annotated[str | None, Query(description="who judged: prometheus; default any")] = None,
    limit: Annotated[str | None, Query(description="1 to 1000, default 100")] = None,
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
) -> Response:
    """Alerts, those that began last first."""
    parameters.choice("source", source, SOURCES, "prometheus")
    chosen = parameters.choice("state", state, STATES, "any")
    wanted = _wanted(None if chosen == "any" else chosen, severity)
    question = ("alerts", chosen, severity)
    place = parameters.cursor(cursor, question)
    after = None if place is None else Position(place.position[0], UUID(place.position[1]))
    most = parameters.limit(limit)
    with store.reader() as reader:
        found = listed.page(reader, wanted, after, most + 1)
    following = None
    if len(found) > most:
        last = found[most - 1]
        following = parameters.cursor_text(
            parameters.Cursor(EVERYTHING, (last.starts_ns, str(last.alert_id))), question
        )
    return answers.answer({"items": [shown(each) for each in found[:most]], "next_cursor": following})


@router.get("/api/v1/alerts/{alert_id}", responses=_example(EXAMPLE | {"history": [EXAMPLE_CHANGE]}))
def alert(store: Store, alert_id: Annotated[str, Path(description="the id of an alert")]) -> Response:
    """One alert, and what became of it."""
    try:
        key = UUID(alert_id)
    except ValueError as error:
        raise Invalid("alert_id", alert_id, "the id of an alert, as the list has it") from error
    with store.reader() as reader:
        episode, changes = listed.one(reader, key)
    history = [
        {"at": answers.when(row["at_ns"]), "state": row["state"], "why": row["why"], "by": row["sender"]}
        for row in changes
    ]
    return answers.answer(shown(episode) | {"history": history})


@router.get(
    "/admin/monitoring/alerts",
    responses=_example(
        {
            "alerts": [
                {
                    "id": EXAMPLE_ID,
                    "severity": "critical",
                    "type": "TelemetryDropped",
                    "message": "agent:8888 drops what otlp_grpc refuses for good",
                    "details": {"labels": EXAMPLE_LABELS, "annotations": {}, "generator_url": None},
                    "status": "active",
                    "created_at": "2026-11-21T10:00:00Z",
                    "resolved_at": None,
                    "source": "prometheus",
                }
            ],
            "total": 1,
        }
    ),
)
def system_alerts(
    store: Store,
    severity: Annotated[str | None, Query(description="info, warning, error or critical; default any")] = None,
    status: Annotated[str | None, Query(description="active (default), resolved or all")] = None,
) -> Response:
    """System alerts and warnings: the newest thousand, and how many there are."""
    chosen = parameters.choice("status", status, STATUSES, "active")
    wanted = _wanted({"active": "firing", "resolved": "resolved"}.get(chosen), severity)
    with store.reader() as reader:
        found = listed.page(reader, wanted, None, parameters.MOST_ITEMS)
        total = listed.count(reader, wanted)
    return answers.answer({"alerts": [_of_the_seed(each) for each in found], "total": total})


def _wanted(state: Any, severity: str | None) -> Wanted:
    if severity is not None:
        parameters.choice("severity", severity, SEVERITIES, "info")
    return Wanted(state, severity)  # type: ignore[arg-type]  # one of the four


def message(episode: Episode) -> str:
    """What an alert says in one line: its summary, else what comes nearest, else its name."""
    annotations = json.loads(episode.annotations)
    told = next((annotations[name] for name in TOLD_BY if annotations.get(name)), None)
    return told or episode.name or "an alert without a name"


def shown(episode: Episode) -> dict[str, Any]:
    """An alert as `/api/v1` shows it."""
    return {
        "id": str(episode.alert_id),
        "source": "prometheus",
        "rule_id": None,
        "rule_name": episode.name,
        "severity": episode.severity,
        "state": episode.state,
        "message": message(episode),
        "started_at": answers.when(episode.starts_ns),
        "resolved_at": answers.when(episode.ends_ns),
        "updated_at": answers.when(episode.updated_ns),
        "expires_at": answers.when(episode.expires_ns) if episode.ends_ns is None else None,
        "current_value": None,
        "threshold_value": None,
        "labels": json.loads(episode.labels),
        "annotations": json.loads(episode.annotations),
        "fingerprint": f"{episode.fingerprint:016x}",
        "generator_url": episode.generator_url,
    }


def _of_the_seed(episode: Episode) -> dict[str, Any]:
    return {
        "id": str(episode.alert_id),
        "severity": episode.severity,
        "type": episode.name,
        "message": message(episode),
        "details": {
            "labels": json.loads(episode.labels),
            "annotations": json.loads(episode.annotations),
            "generator_url": episode.generator_url,
        },
        "status": "active" if episode.ends_ns is None else "resolved",
        "created_at": answers.when(episode.starts_ns),
        "resolved_at": answers.when(episode.ends_ns),
        "source": "prometheus",
    }
