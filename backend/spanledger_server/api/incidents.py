"""Incidents and deployments over HTTP.

Never: a marker that counts twice because a pipeline said it twice.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from spanledger_server.alerts import deployments, incidents
from spanledger_server.alerts.deployments import Deployment
from spanledger_server.alerts.incidents import Fired, Incident, Line
from spanledger_server.api import answers, parameters
from spanledger_server.api.alerts import After, Limit, an_id
from spanledger_server.api.alerts_changes import Written, actor, done_by
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.timegrid import Range

FUTURE_NS: Final = 3600 * 10**9
ID: Final = "5f1d6a52-0c4c-9d3c-7f5e-2b8c1f0a9e11"
INCIDENT: Final = {
    "id": ID,
    "title": "shop: p95 latency 2.1 s > 500 ms",
    "severity": "critical",
    "state": "resolved",
    "started_at": "2026-11-21T10:00:00Z",
    "ended_at": "2026-11-21T10:14:00Z",
    "duration_s": 840.0,
    "alerts": 2,
    "services": ["shop"],
}
LINE: Final = {
    "at": "2026-11-21T09:58:00Z",
    "kind": "deployment",
    "what": "shop",
    "text": "shop 1.8.0 went out in production",
    "by": "ci",
    "alert_id": None,
}
ALERT: Final = {
    "id": ID,
    "source": "rule",
    "rule_name": "slow",
    "severity": "critical",
    "title": "shop: p95 latency 2.1 s > 500 ms",
    "labels": {"alertname": "slow", "service": "shop"},
    "started_at": "2026-11-21T10:00:00Z",
    "resolved_at": "2026-11-21T10:14:00Z",
}
DEPLOYMENT: Final = {
    "id": "2c1c92a4-1c37-4a3f-86a3-0a5c4be42c10",
    "at": "2026-11-21T09:58:00Z",
    "service": "shop",
    "version": "1.8.0",
    "environment": "production",
    "note": None,
    "url": "https://ci.example/42",
    "by": "ci",
}

IncidentId = Annotated[str, Path(description="the incident's id, or that of any of its alerts")]
From = Annotated[str | None, Query(alias="from", description="RFC 3339 or now-7d; default now-7d")]
To = Annotated[str | None, Query(description="RFC 3339 or now (default)")]


class Marker(BaseModel):
    """A deployment."""

    model_config = ConfigDict(extra="forbid")
    service: str = Field(min_length=1, max_length=256)
    version: str = Field(min_length=1, max_length=256)
    at: str | None = Field(None, description="RFC 3339 or now-5m; default: now")
    environment: str | None = Field(None, max_length=256)
    note: str | None = Field(None, max_length=2000)
    url: str | None = Field(None, max_length=2000, pattern=r"^https?://")


def _example(body: Any, status: int = 200) -> dict[int | str, dict[str, Any]]:
    return {status: {"content": {"application/json": {"example": body}}}}


@cache
def router() -> APIRouter:
    """Reading, for everybody; writing notes, for administrators."""
    routes = APIRouter(tags=["incidents"])
    _listing(routes)
    _about_one(routes)
    _marked(routes)
    return routes


def _listing(routes: APIRouter) -> None:
    @routes.get("/api/v1/incidents", responses=_example({"items": [INCIDENT], "next_cursor": None}))
    def listed(
        store: Store,
        now_ns: NowNs,
        from_: From = None,
        to: To = None,
        limit: Limit = None,
        cursor: After = None,
    ) -> Response:
        """Alerts that fired together, those that began last first."""
        question = ("incidents", from_, to)
        most, place, span = parameters.together(
            lambda: parameters.limit(limit),
            lambda: parameters.cursor(cursor, question),
            lambda: parameters.window(from_ or "now-7d", to, now_ns),
        )
        span = span if place is None else place.window
        with store.reader() as reader:
            found = incidents.listed(reader, span)
        behind = found if place is None else [each for each in found if _position(each) > place.position]
        last = parameters.Cursor(span, _position(behind[most - 1])) if len(behind) > most else None
        items = [_shown(each, now_ns) for each in behind[:most]]
        next_cursor = None if last is None else parameters.cursor_text(last, question)
        return answers.answer({"items": items, "next_cursor": next_cursor})


def _about_one(routes: APIRouter) -> None:
    @routes.get(
        "/api/v1/incidents/{incident_id}", responses=_example(INCIDENT | {"members": [ALERT], "timeline": [LINE]})
    )
    def one(incident_id: IncidentId, store: Store, now_ns: NowNs) -> Response:
        """An incident: its alerts, and what happened around them, the oldest first."""
        return answers.answer(_whole(store, an_id("incident_id", incident_id), now_ns))

    @routes.post(
        "/api/v1/incidents/{incident_id}/notes",
        status_code=201,
        responses=_example(INCIDENT | {"members": [ALERT], "timeline": [LINE]}, 201),
    )
    def note(incident_id: IncidentId, body: Written, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Write something beside an incident; it stands in its timeline."""
        key = an_id("incident_id", incident_id)
        with store.transaction() as tx:
            incident = incidents.one(tx, key, now_ns)
            incidents.note(tx, incident, body.note, actor(request), now_ns)
            done_by(tx, request, now_ns, "incident.noted", str(incident.incident_id), note=body.note)
        return answers.answer(_whole(store, key, now_ns), 201)


def _marked(routes: APIRouter) -> None:
    @routes.get("/api/v1/deployments", responses=_example({"items": [DEPLOYMENT], "next_cursor": None}))
    def marked(
        store: Store,
        now_ns: NowNs,
        service: Annotated[str | None, Query(description="only of this service")] = None,
        from_: From = None,
        to: To = None,
        limit: Limit = None,
    ) -> Response:
        """Markers of deployments, the newest first."""
        span, most = parameters.together(
            lambda: parameters.window(from_ or "now-7d", to, now_ns), lambda: parameters.limit(limit)
        )
        with store.reader() as reader:
            found = deployments.listed(reader, _with_the_future(span, now_ns), service, most)
        return answers.answer({"items": [_deployment(row) for row in found], "next_cursor": None})


@cache
def senders() -> APIRouter:
    """What pipelines send."""
    routes = APIRouter(tags=["incidents"])

    @routes.post("/api/v1/deployments", status_code=201, responses=_example(DEPLOYMENT, 201))
    def mark(body: Marker, store: Store, now_ns: NowNs, request: Request) -> Response:
        """A version of a service went out; saying the same again changes nothing."""
        at_ns = now_ns if body.at is None else parameters.instant("at", body.at, now_ns)
        made = Deployment(at_ns, body.service, body.version, body.environment, body.note, body.url)
        with store.transaction() as tx:
            if deployments.mark(tx, made, actor(request), now_ns):
                told = {"service": made.service, "version": made.version}
                done_by(tx, request, now_ns, "deployment.marked", str(made.deployment_id), after=told)
        told_of = {name: getattr(made, name) for name in Deployment.__slots__}
        key = {"deployment_id": made.deployment_id, "actor": actor(request)}
        return answers.answer(_deployment(told_of | key), 201)

    return routes


def _with_the_future(span: Range, now_ns: int) -> Range:
    """A time that ends now also holds what was marked for the hour to come."""
    return Range(span.from_ns, span.to_ns + FUTURE_NS) if span.to_ns == now_ns else span


def _whole(store: Store, key: UUID, now_ns: int) -> dict[str, Any]:
    with store.reader() as reader:
        incident = incidents.one(reader, key, now_ns)
        lines = incidents.timeline(reader, incident, now_ns)
    members = [_member(each) for each in incident.alerts[: parameters.MOST_ITEMS]]
    return _shown(incident, now_ns) | {"members": members, "timeline": [_line(line) for line in lines]}


def _position(incident: Incident) -> tuple[int, str]:
    return (-incident.started_ns, str(incident.incident_id))


def _shown(incident: Incident, now_ns: int) -> dict[str, Any]:
    worst, ended_ns = incident.worst, incident.ended_ns
    return {
        "id": str(incident.incident_id),
        "title": worst.title or worst.name or "an alert without a name",
        "severity": worst.severity,
        "state": "open" if ended_ns is None else "resolved",
        "started_at": answers.when(incident.started_ns),
        "ended_at": answers.when(ended_ns),
        "duration_s": max(0, (now_ns if ended_ns is None else ended_ns) - incident.started_ns) / 1e9,
        "alerts": len(incident.alerts),
        "services": incident.services,
    }


def _member(alert: Fired) -> dict[str, Any]:
    return {
        "id": str(alert.alert_id),
        "source": alert.source,
        "rule_name": alert.name or None,
        "severity": alert.severity,
        "title": alert.title,
        "labels": alert.labels,
        "started_at": answers.when(alert.fired_ns),
        "resolved_at": answers.when(alert.resolved_ns),
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "at": answers.when(line.at_ns),
        "kind": line.kind,
        "what": line.what,
        "text": line.text,
        "by": line.actor,
        "alert_id": None if line.alert_id is None else str(line.alert_id),
    }


def _deployment(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(row["deployment_id"]),
        "at": answers.when(row["at_ns"]),
        **{name: row[name] for name in ("service", "version", "environment", "note", "url")},
        "by": row["actor"],
    }
