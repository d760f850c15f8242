"""Alerts as they are shown: in our form, in the two of the seeds, and in Alertmanager's.

Never: an alert whose labels are not shown as they came, or one that is held back without saying by what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from spanledger_server.alerts.listed import Alert
from spanledger_server.alerts.mirrored import NAMELESS, message
from spanledger_server.alerts.state import Standing
from spanledger_server.api import answers
from spanledger_server.silences.held import Held

EXAMPLE_ID: Final = "5f1d6a52-0c4c-9d3c-7f5e-2b8c1f0a9e11"
EXAMPLE_LABELS: Final = {"alertname": "TelemetryDropped", "severity": "critical", "instance": "agent:8888"}
EXAMPLE: Final = {
    "id": EXAMPLE_ID,
    "source": "prometheus",
    "kind": "alert",
    "rule_id": None,
    "rule_name": "TelemetryDropped",
    "severity": "critical",
    "state": "firing",
    "message": "agent:8888 drops what otlp_grpc refuses for good",
    "started_at": "2026-11-21T10:00:00Z",
    "pending_at": "2026-11-21T10:00:00Z",
    "resolved_at": None,
    "updated_at": "2026-11-21T10:04:00Z",
    "expires_at": "2026-11-21T10:08:00Z",
    "acknowledged": {"by": "ana", "at": "2026-11-21T10:02:00Z", "until": None},
    "held_back": None,
    "flapping": False,
    "current_value": None,
    "threshold_value": None,
    "operator": None,
    "unit": None,
    "outcome": None,
    "reason": None,
    "labels": EXAMPLE_LABELS,
    "annotations": {"summary": "agent:8888 drops what otlp_grpc refuses for good"},
    "runbook_url": None,
    "fingerprint": "8a8a6d8d4b1d2f3c",
    "generator_url": "http://prometheus:9090/graph?g0.expr=…",
}
EXAMPLE_CHANGE: Final = {
    "number": 1,
    "at": "2026-11-21T10:00:30Z",
    "kind": "fired",
    "from": None,
    "state": "firing",
    "why": "told",
    "by": "prometheus",
    "note": None,
}
EXAMPLE_STORY: Final = {
    "title": "agent:8888 drops what otlp_grpc refuses for good",
    "text": "",
    "facts": [{"name": "instance", "value": "agent:8888"}],
    "contributors": [],
    "traces": [],
    "path": "/alerts",
}
EXAMPLE_MORE: Final = {
    "feedback": {"useful": 1, "not_useful": 0},
    "history": [EXAMPLE_CHANGE],
    "story": EXAMPLE_STORY,
    "deliveries": [],
}
EXAMPLE_PRECISION: Final = {
    "source": "rule",
    "rule_id": "0b7c1f7e-5c1e-4c5e-9d57-3f5b8e3b1a11",
    "name": "slow",
    "fired": 7,
    "judged": 4,
    "useful": 3,
    "precision": 0.75,
    "held_back": {"silenced": 2, "cooldown": 5},
}
EXAMPLE_SEED: Final = {
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


def shown(alert: Alert, held: Held) -> dict[str, Any]:
    """An alert as `/api/v1` shows it."""
    episode, standing = alert.episode, alert.episode.standing
    told = alert.story()
    return {
        "id": str(episode.alert_id),
        "source": episode.source,
        "kind": episode.kind,
        "rule_id": None if episode.rule_id is None else str(episode.rule_id),
        "rule_name": episode.name or None,
        "severity": alert.severity,
        "state": standing.state,
        "message": said(alert),
        "started_at": answers.when(alert.starts_ns),
        "pending_at": answers.when(standing.pending_ns),
        "resolved_at": answers.when(standing.resolved_ns),
        "updated_at": answers.when(alert.updated_ns),
        "expires_at": answers.when(alert.expires_ns),
        "acknowledged": _acknowledged(standing),
        "held_back": _held_back(alert, held),
        "flapping": standing.flapping,
        "current_value": standing.value,
        "threshold_value": standing.threshold,
        "operator": episode.operator,
        "unit": episode.unit,
        "outcome": standing.outcome,
        "reason": standing.reason,
        "labels": alert.labels,
        "annotations": alert.annotations,
        "runbook_url": told.runbook_url,
        "fingerprint": f"{alert.fingerprint:016x}",
        "generator_url": alert.generator_url,
    }


def said(alert: Alert) -> str:
    """What it says in one line."""
    if alert.episode.source == "prometheus":
        return message(alert.episode.name or None, alert.annotations)
    return alert.story().title or alert.episode.name or NAMELESS


def _acknowledged(standing: Standing) -> dict[str, Any] | None:
    if standing.acked_by is None:
        return None
    at, until = answers.when(standing.acked_ns), answers.when(standing.acked_until_ns)
    return {"by": standing.acked_by, "at": at, "until": until}


def _held_back(alert: Alert, held: Held) -> dict[str, Any] | None:
    why = held.all(alert.labels, alert.episode.standing.severity) if alert.episode.standing.fires else None
    if why is None:
        return None
    return {
        "why": why.told,
        "silenced_by": why.silenced_by,
        "maintenance": why.maintained_by,
        "inhibited_by": why.inhibited_by,
    }


def change(row: Mapping[str, Any]) -> dict[str, Any]:
    """One step of an alert's history."""
    return {
        "number": row["number"],
        "at": answers.when(row["at_ns"]),
        "kind": row["kind"],
        "from": row["from_state"],
        "state": row["to_state"],
        "why": row["why"],
        "by": row["actor"],
        "note": row["note"],
    }


def story(alert: Alert) -> dict[str, Any]:
    """What an alert says, with what stands beside it."""
    told = alert.story()
    return {
        "title": told.title,
        "text": told.text,
        "facts": [{"name": name, "value": value} for name, value in told.facts],
        "contributors": [
            {"dimension": dimension, "name": name, "share": share} for dimension, name, share in told.contributors
        ],
        "traces": told.traces,
        "path": told.path,
    }


def of_system(alert: Alert) -> dict[str, Any]:
    """As `GET /admin/monitoring/alerts` lists it."""
    standing = alert.episode.standing
    return {
        "id": str(alert.episode.alert_id),
        "severity": alert.severity,
        "type": alert.episode.name or None,
        "message": said(alert),
        "details": {
            "labels": alert.labels,
            "annotations": alert.annotations,
            "generator_url": alert.generator_url,
        },
        "status": "active" if standing.open else "resolved",
        "created_at": answers.when(alert.starts_ns),
        "resolved_at": answers.when(standing.resolved_ns),
        "source": alert.episode.source,
    }


def of_monitoring(alert: Alert, held: Held) -> dict[str, Any]:
    """As `/api/admin/monitoring/alerts` lists it: acknowledged is a state there."""
    standing = alert.episode.standing
    state = "acknowledged" if standing.fires and standing.acked_by else standing.state
    acknowledged = {"acknowledged_by": standing.acked_by, "acknowledged_at": answers.when(standing.acked_ns)}
    return shown(alert, held) | acknowledged | {"state": "firing" if state == "recovering" else state}


def for_alertmanager(alert: Alert, held: Held, receiver: str) -> dict[str, Any]:
    """An alert that fires as Alertmanager's API shows it."""
    why = held.all(alert.labels, alert.episode.standing.severity)
    silenced: Sequence[str] = (*why.silenced_by, *why.maintained_by) if why else ()
    inhibited: Sequence[str] = why.inhibited_by if why else ()
    state = "suppressed" if why else "active"
    annotations = dict(alert.annotations)
    if alert.episode.source == "rule":
        told = alert.story()
        annotations = {"summary": told.title, "description": told.text, **annotations}
    found = {
        "annotations": annotations,
        "endsAt": answers.when(alert.expires_ns if alert.expires_ns is not None else alert.updated_ns),
        "fingerprint": f"{alert.fingerprint:016x}",
        "receivers": [{"name": receiver}],
        "startsAt": answers.when(alert.starts_ns),
        "status": {"inhibitedBy": inhibited, "mutedBy": [], "silencedBy": silenced, "state": state},
        "updatedAt": answers.when(alert.updated_ns),
        "labels": alert.labels,
    }
    return found if alert.generator_url is None else found | {"generatorURL": alert.generator_url}
