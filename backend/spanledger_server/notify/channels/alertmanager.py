"""Alertmanager: alerts pushed to one as Prometheus pushes them, and the body of the webhooks that one sends.

Given a message, pushes each of its alerts with its labels, beginning and end. An Alertmanager takes an alert for
resolved at the end it was told: of one that fires this lies so far away that the message of its end comes before it.

Never: a label name that Prometheus would refuse, or an alert without a name.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from spanledger_server.errors import Invalid
from spanledger_server.notify.channels import fields
from spanledger_server.notify.channels.fields import Field
from spanledger_server.notify.channels.setup import Kind, Setup
from spanledger_server.notify.channels.wire import encoded, when
from spanledger_server.notify.event import Event, Severity
from spanledger_server.notify.message import Delivered, Failed, Message
from spanledger_server.notify.text import measured

SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "error", "critical")
NEVER: Final = "0001-01-01T00:00:00Z"
FIRES_FOR_S: Final = 7 * 86_400
NS: Final = 10**9


class Alertmanager:
    """One, or several that know of each other: one of them is enough."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def send(self, message: Message) -> Delivered | Failed:
        """Push its alerts."""
        setup, values = self._setup, self._setup.values
        now_ns = setup.now()
        ends_ns = now_ns + int(values.get("fires_for_s") or FIRES_FOR_S) * NS
        events = message.alerts
        alerts = [each for event in events for each in _pushed(event, message, setup.pages, ends_ns)]
        alerts = alerts or [_of_the_message(message, setup.pages, now_ns)]
        headers = {"Content-Type": "application/json", **_authorization(values)}
        url = values["url"].rstrip("/") + "/api/v2/alerts"
        answer = setup.post(url, encoded(alerts), headers, setup.deadline())
        return answer.delivered() if answer.fine else answer.failed()


def named(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels with names that every Prometheus takes; of two that become one, the first by name stays."""
    found: dict[str, str] = {}
    for name in sorted(labels):
        plain = re.sub(r"[^a-zA-Z0-9_]", "_", name) or "_"
        if plain[0].isdigit():
            plain = f"_{plain}"
        if labels[name]:
            found.setdefault(plain, labels[name])
    return found


def webhook_body(message: Message, pages: str) -> dict[str, Any]:
    """The body of a webhook as an Alertmanager sends it, version 4."""
    alerts = [_told(event, message, pages) for event in message.alerts] or [_told_of_the_message(message, pages)]
    return {
        "version": "4",
        "groupKey": message.incident_id,
        "truncatedAlerts": message.omitted,
        "status": "resolved" if message.status == "resolved" else "firing",
        "receiver": "spanledger",
        "groupLabels": _shared([{"alertname": each["labels"]["alertname"]} for each in alerts]),
        "commonLabels": _shared([each["labels"] for each in alerts]),
        "commonAnnotations": _shared([each["annotations"] for each in alerts]),
        "externalURL": pages,
        "alerts": alerts,
    }


def _ended(event: Event, message: Message) -> bool:
    return event.kind == "resolved" or message.status == "resolved"


def _pushed(event: Event, message: Message, pages: str, ends_ns: int) -> list[dict[str, Any]]:
    """The alert; where it ends or its severity rose, also that it ended under any other severity it may have had."""
    ended_ns = max(event.at_ns, event.started_ns + 1)
    over = _ended(event, message)
    before = [each for each in SEVERITIES if each != event.severity] if over or event.kind == "worse" else []
    times = {"startsAt": when(event.started_ns), "generatorURL": pages + event.path}
    now = {"labels": _labels(event), "annotations": _annotations(event), "endsAt": when(ended_ns if over else ends_ns)}
    gone = ({"labels": {**_labels(event), "severity": each}, "endsAt": when(ended_ns)} for each in before)
    return [{**each, **times} for each in (now, *gone)]


def _told(event: Event, message: Message, pages: str) -> dict[str, Any]:
    ended = _ended(event, message)
    return {
        "status": "resolved" if ended else "firing",
        "labels": _labels(event),
        "annotations": _annotations(event),
        "startsAt": when(event.started_ns),
        "endsAt": when(event.at_ns) if ended else NEVER,
        "generatorURL": pages + event.path,
        "fingerprint": event.alert_id.hex[:16],
    }


def _of_the_message(message: Message, pages: str, now_ns: int) -> dict[str, Any]:
    """A message without alerts, such as a test: one that ends at once."""
    return {
        "labels": {"alertname": f"spanledger {message.status}", "severity": message.severity},
        "annotations": {"summary": message.title, "description": message.text},
        "startsAt": when(now_ns - NS),
        "endsAt": when(now_ns),
        "generatorURL": f"{pages}/alerts",
    }


def _told_of_the_message(message: Message, pages: str) -> dict[str, Any]:
    plain = _of_the_message(message, pages, message.at_ns)
    ended = message.status == "resolved"
    end = plain["endsAt"] if ended else NEVER
    status = "resolved" if ended else "firing"
    return {**plain, "status": status, "endsAt": end, "fingerprint": message.notification_id.hex[:16]}


def _labels(event: Event) -> dict[str, str]:
    return {**named(event.labels), "alertname": event.name or "unnamed", "severity": event.severity}


def _annotations(event: Event) -> dict[str, str]:
    described = "\n".join(each for each in (event.text, measured(event)) if each)
    found = {**named(event.annotations), "summary": event.title, "description": described}
    return {**found, "runbook_url": event.runbook_url} if event.runbook_url else found


def _shared(each: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first, *others = each
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def _authorization(values: Mapping[str, Any]) -> dict[str, str]:
    if values.get("token"):
        return {"Authorization": f"Bearer {values['token']}"}
    if values.get("username"):
        pair = f"{values['username']}:{values.get('password') or ''}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}


def _together(values: Mapping[str, Any]) -> list[Invalid]:
    if values.get("token") and values.get("username"):
        return [Invalid("token", "set", "either a token, or username and password")]
    if values.get("password") and not values.get("username"):
        return [Invalid("username", None, "a name, where there is a password")]
    return []


KIND: Final = Kind(
    meaning="a Prometheus Alertmanager, told as Prometheus tells it",
    make=Alertmanager,
    together=_together,
    fields=(
        Field("url", fields.web_address, "its address, without /api/v2/alerts", required=True, place=True),
        Field(
            "username",
            fields.matching(r"[\x21-\x39\x3b-\x7e]{1,200}", "1 to 200 characters of ASCII, no colon"),
            "of basic authentication",
        ),
        Field("password", fields.text(500), "of basic authentication", secret=True),
        Field(
            "token",
            fields.matching(r"[\x21-\x7e]{1,4000}", "1 to 4000 characters of ASCII"),
            "a bearer token",
            secret=True,
        ),
        Field(
            "fires_for_s",
            fields.number(60, 30 * 86_400),
            "seconds after which it takes an alert for resolved that it was not told of again",
            default=FIRES_FOR_S,
            schema={"type": "integer", "minimum": 60, "maximum": 2_592_000},
        ),
    ),
)
