"""PagerDuty: events of version 2, triggered, acknowledged and resolved under the key of the incident.

Given a message, sends one event; a test sends two, so that nothing stays open.

Never: an event above 512 KB, a summary above 1024 characters, or a second try of what was refused as wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from spanledger_server.notify.channels import fields
from spanledger_server.notify.channels.clean import cut
from spanledger_server.notify.channels.fields import Field
from spanledger_server.notify.channels.reach import Deadline
from spanledger_server.notify.channels.request import Answer
from spanledger_server.notify.channels.setup import Kind, Setup
from spanledger_server.notify.channels.wire import encoded, when
from spanledger_server.notify.message import Delivered, Failed, Message
from spanledger_server.notify.text import Told, labels, told

URLS: Final = {
    "us": "https://events.pagerduty.com/v2/enqueue",
    "eu": "https://events.eu.pagerduty.com/v2/enqueue",
}
ACTIONS: Final = {"firing": "trigger", "digest": "trigger", "acknowledged": "acknowledge", "resolved": "resolve"}
LONGEST_SUMMARY: Final = 1024
LONGEST_KEY: Final = 255
LARGEST: Final = 512 * 1000
CLIENT: Final = "spanledger"


class PagerDuty:
    """One integration of one service there."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def send(self, message: Message) -> Delivered | Failed:
        """Send its event."""
        deadline = self._setup.deadline()
        actions = ("trigger", "resolve") if message.status == "test" else (ACTIONS[message.status],)
        outcome: Delivered | Failed = Failed("nothing was sent", permanent=True)
        for action in actions:
            outcome = _outcome(self._asked(self._event(message, action), deadline))
            if isinstance(outcome, Failed):
                return outcome
        return outcome

    def _asked(self, event: Mapping[str, Any], deadline: Deadline) -> Answer:
        setup, values = self._setup, self._setup.values
        url = values.get("url") or URLS[values.get("region") or "us"]
        return setup.post(url, _small_enough(event), {"Content-Type": "application/json"}, deadline)

    def _event(self, message: Message, action: str) -> dict[str, Any]:
        key = {
            "routing_key": self._setup.values["routing_key"],
            "event_action": action,
            "dedup_key": message.incident_id[:LONGEST_KEY] or message.notification_id.hex,
        }
        if action != "trigger":
            return key
        parts = told(message, self._setup.pages)
        links = [*parts.links, *([("What to do", parts.runbook)] if parts.runbook else []), *_traces(parts)]
        return {
            **key,
            "client": CLIENT,
            "client_url": parts.links[0][1] if parts.links else self._setup.pages,
            "links": [{"href": address, "text": name} for name, address in links],
            "payload": self._payload(message, parts),
        }

    def _payload(self, message: Message, parts: Told) -> dict[str, Any]:
        worst = message.alerts[0] if message.alerts else None
        found = worst.labels if worst is not None else {}
        payload = {
            "summary": cut(parts.title or "an alert", LONGEST_SUMMARY),
            "source": found.get("service") or CLIENT,
            "severity": message.severity,
            "timestamp": when(message.started_ns),
            "component": found.get("service"),
            "group": found.get("tenant"),
            "class": worst.name if worst is not None else None,
            "custom_details": _details(message, parts),
        }
        return {name: value for name, value in payload.items() if value}


def _details(message: Message, parts: Told) -> dict[str, Any]:
    """What stands beside the summary, by name."""
    lists: tuple[tuple[str, Any], ...] = (
        ("Text", parts.text),
        *parts.rows,
        ("Where most of it comes from", list(parts.contributors)),
        ("Alerts", [*parts.alerts, *([parts.more] if parts.more else [])]),
        ("Labels", [labels(event) for event in message.alerts[1:]]),
    )
    return {name: value for name, value in lists if value}


def _traces(parts: Told) -> list[tuple[str, str]]:
    return [(f"Request {name}", address) for name, address in parts.traces]


def _small_enough(event: Mapping[str, Any]) -> bytes:
    """The body; without its details where it would be too large."""
    body = encoded(event)
    if len(body) <= LARGEST:
        return body
    payload = {name: value for name, value in event["payload"].items() if name != "custom_details"}
    return encoded({**event, "payload": payload})


def _outcome(answer: Answer) -> Delivered | Failed:
    if answer.status == 202:
        return answer.delivered()
    found = answer.json()
    errors = found.get("errors")
    said = [str(each) for each in errors if isinstance(each, str)] if isinstance(errors, list) else []
    why = "; ".join(said) or str(found.get("message") or "")
    if answer.fine:
        return answer.failed(why or "it did not say that it accepted it", permanent=False)
    return answer.failed(why)


KIND: Final = Kind(
    meaning="a service of PagerDuty, by its Events API v2",
    make=PagerDuty,
    fields=(
        Field(
            "routing_key",
            fields.matching(r"[A-Za-z0-9]{32}", "the integration key: 32 letters and digits"),
            "the integration key of an Events API v2 integration: 32 letters and digits",
            required=True,
            secret=True,
        ),
        Field(
            "region",
            fields.one_of(*URLS),
            "where the account is",
            default="us",
            place=True,
            schema={"enum": list(URLS)},
        ),
        Field("url", fields.web_address, "the whole address to post to, in place of the region's", place=True),
    ),
)
