"""Telling a program: JSON by POST, signed, so that the receiver knows who sent it and when.

Given a message, sends either our own body or the one of Alertmanager's webhooks (version 4). The signature is over the
time and the body; while a secret is being changed there is one signature for each.

Never: a body that is signed with a time other than the one it is sent at.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, Final

from spanledger_server.notify.channels import alertmanager, fields
from spanledger_server.notify.channels.fields import Field
from spanledger_server.notify.channels.setup import Kind, Setup
from spanledger_server.notify.channels.wire import encoded, when
from spanledger_server.notify.event import Event
from spanledger_server.notify.message import Delivered, Failed, Message
from spanledger_server.notify.text import told

VERSION: Final = "1"
MOST_SECRETS: Final = 5
MOST_HEADERS: Final = 20
OURS: Final = ("host", "content-length", "content-type", "connection", "transfer-encoding", "accept-encoding", "expect")


class Webhook:
    """A program somewhere."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def send(self, message: Message) -> Delivered | Failed:
        """Post it."""
        setup, values = self._setup, self._setup.values
        foreign = values.get("format") == "alertmanager"
        body = encoded(alertmanager.webhook_body(message, setup.pages) if foreign else _body(message, setup.pages))
        sent_s = str(setup.now() // 10**9)
        headers = {
            **(values.get("headers") or {}),
            "Content-Type": "application/json",
            "X-Spanledger-Timestamp": sent_s,
        }
        signatures = [signature(secret, sent_s, body) for secret in values.get("secret") or ()]
        if signatures:
            headers["X-Spanledger-Signature"] = ",".join(signatures)
        answer = setup.post(values["url"], body, headers, setup.deadline())
        return answer.delivered() if answer.fine else answer.failed()


def signature(secret: str, sent_s: str, body: bytes) -> str:
    """What a receiver has to compute as well: over the time in seconds, a dot, and the body as it came."""
    made = hmac.new(secret.encode(), sent_s.encode() + b"." + body, hashlib.sha256)
    return f"sha256={made.hexdigest()}"


def _body(message: Message, pages: str) -> dict[str, Any]:
    parts = told(message, pages)
    worst = message.alerts[0] if message.alerts else None
    return {
        "version": VERSION,
        "notification_id": str(message.notification_id),
        "status": message.status,
        "incident_id": message.incident_id,
        "severity": message.severity,
        "title": message.title,
        "text": parts.text,
        "value": None if worst is None else worst.value,
        "current_value": None if worst is None else worst.present,
        "threshold": None if worst is None else worst.threshold,
        "operator": None if worst is None else worst.operator,
        "unit": None if worst is None else worst.unit,
        "started_at": when(message.started_ns),
        "at": when(message.at_ns),
        "labels": _common(message.alerts),
        "facts": [{"name": name, "value": value} for name, value in parts.rows],
        "links": [{"name": name, "url": address} for name, address in parts.links],
        "alerts": [_alert(event, pages) for event in message.alerts],
        "omitted": message.omitted,
    }


def _alert(event: Event, pages: str) -> dict[str, Any]:
    return {
        "id": str(event.alert_id),
        "rule_id": None if event.rule_id is None else str(event.rule_id),
        "name": event.name,
        "status": "resolved" if event.kind == "resolved" else "firing",
        "kind": event.kind,
        "severity": event.severity,
        "title": event.title,
        "text": event.text,
        "labels": dict(event.labels),
        "annotations": dict(event.annotations),
        "value": event.value,
        "current_value": event.present,
        "threshold": event.threshold,
        "operator": event.operator,
        "unit": event.unit,
        "started_at": when(event.started_ns),
        "at": when(event.at_ns),
        "by": event.by,
        "contributors": [{"dimension": each[0], "name": each[1], "share": each[2]} for each in event.contributors],
        "traces": list(event.traces),
        "runbook_url": event.runbook_url,
        "url": pages + event.path,
    }


def _common(events: Sequence[Event]) -> dict[str, str]:
    """The labels that all of them have."""
    if not events:
        return {}
    first, *others = (event.labels for event in events)
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}


def _headers(given: Any) -> dict[str, str]:
    allowed = f"at most {MOST_HEADERS} names and values of ASCII, none of {', '.join(OURS)} or x-spanledger-…"
    if not isinstance(given, dict) or len(given) > MOST_HEADERS:
        raise ValueError(allowed)
    name_of = fields.matching(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", allowed)
    value_of = fields.matching(r"[\x20-\x7e]{1,4000}", allowed)
    read = {name_of(name): value_of(value) for name, value in given.items()}
    if any(name.lower() in OURS or name.lower().startswith("x-spanledger-") for name in read):
        raise ValueError(allowed)
    return read


KIND: Final = Kind(
    meaning="a program, told by POST with a signed JSON body",
    make=Webhook,
    fields=(
        Field("url", fields.web_address, "where to post to", required=True, secret=True, place=True),
        Field(
            "secret",
            fields.listed(fields.matching(r"[\x21-\x7e]{8,200}", "8 to 200 characters of ASCII"), MOST_SECRETS),
            "what bodies are signed with; several while it is being changed, the newest first",
            secret=True,
            schema={"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        ),
        Field(
            "format",
            fields.one_of("spanledger", "alertmanager"),
            "spanledger, or alertmanager for the body of Alertmanager's webhooks",
            default="spanledger",
            schema={"enum": ["spanledger", "alertmanager"]},
        ),
        Field(
            "headers",
            _headers,
            "further headers, such as Authorization",
            secret=True,
            schema={"type": "object", "additionalProperties": {"type": "string"}},
        ),
    ),
)
