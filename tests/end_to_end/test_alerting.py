"""From calls that fail to messages at five channels, through kills of the backend, an acknowledgement and the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.backend import Backend
from tests.support.mailbox import Mailbox
from tests.support.providers import PagerDuty, Provider, Slack, Twilio, WebhookReceiver
from tests.support.telemetry import ledger_event, ledger_request
from tests.support.waiting import until

SECRET = "signs-0123456789"
PATIENT_S = 60  # on a busy machine; how fast it is, tests/benchmarks/bench_breach.py measures


class Around:
    """The backend and those who are told."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self.backend = Backend(directory)
        stack.callback(self.backend.close)
        self.backend.start(SPANLEDGER_TICK="1s")
        self.webhook: WebhookReceiver = stack.enter_context(WebhookReceiver(SECRET))
        self.slack: Slack = stack.enter_context(Slack())
        self.pagerduty: PagerDuty = stack.enter_context(PagerDuty())
        self.sms: Twilio = stack.enter_context(Twilio())
        self.mail = stack.enter_context(Mailbox())
        headers = {"authorization": f"Bearer {self.backend.token}"}
        self._client = stack.enter_context(httpx.Client(base_url=self.backend.url, headers=headers, timeout=30))
        self._make_channels()

    @property
    def providers(self) -> tuple[Provider, ...]:
        return (self.webhook, self.slack, self.pagerduty, self.sms)

    def ask(self, method: str, path: str, **body: Any) -> Any:
        answer = self._client.request(method, path, json=body or None)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def call(self, *, failed: int = 0, good: int = 0) -> None:
        errors = [ledger_event(error="timeout") for _ in range(failed)]
        content = ledger_request(*errors, *(ledger_event() for _ in range(good)))
        headers = {"content-type": "application/x-protobuf"}
        httpx.post(f"{self.backend.otlp_url}/v1/logs", content=content, headers=headers, timeout=30).raise_for_status()

    def delivered(self, alert: dict[str, Any]) -> int:
        found = self.ask("GET", f"/api/v1/notifications?alert_id={alert['id']}&state=delivered")
        return len(found["items"])

    def _make_channels(self) -> None:
        slack = {"token": Slack.TOKEN, "channel": "#alerts", "api_url": self.slack.api_url}
        mail = {"host": "127.0.0.1", "port": self.mail.port, "security": "none"}
        sms = {"account_sid": Twilio.SID, "auth_token": Twilio.TOKEN, "from": "+15550100", "to": "+15550123"}
        kinds: dict[str, dict[str, Any]] = {
            "webhook": {"url": self.webhook.url, "secret": SECRET},
            "slack": slack,
            "pagerduty": {"routing_key": PagerDuty.KEY, "url": self.pagerduty.url},
            "email": mail | {"from": "alerts@example.com", "to": ["ann@example.com"]},
            "sms": sms | {"url": self.sms.origin},
        }
        for kind, given in kinds.items():
            self.ask("POST", "/api/v1/channels", name=kind, type=kind, allow_private=True, **given)


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Around]:
    with ExitStack() as stack:
        yield Around(stack, tmp_path)


def test_failing_calls_are_told_everywhere_once_and_their_end_too_whatever_is_killed_meanwhile(around: Around) -> None:
    rule = around.ask(
        "POST",
        "/api/v1/rules",
        name="Calls fail",
        condition="error_rate > 0.5",
        severity="critical",
        duration_seconds=0,
        notification_channels=["webhook", "slack", "pagerduty", "email", "sms"],
        annotations={"runbook_url": "https://example.com/runbook"},
    )
    around.call(failed=40)
    until(lambda: all(each.taken for each in around.providers) and around.mail.taken, PATIENT_S, called="all are told")
    (told,) = around.webhook.taken
    assert (told["status"], told["severity"]) == ("firing", "critical")
    assert (told["value"], told["threshold"]) == (1.0, 0.5)
    assert "100" in around.sms.taken[0]["Body"]
    assert "Calls fail" in around.mail.taken[0].mail["Subject"]
    assert set(around.pagerduty.incidents.values()) == {"triggered"}
    (alert,) = around.ask("GET", f"/api/v1/alerts?state=firing&rule_id={rule['id']}")["items"]
    until(lambda: around.delivered(alert) == 5, PATIENT_S, called="it is known that they were told")

    around.backend.kill()
    around.backend.start(SPANLEDGER_TICK="1s")
    around.ask("POST", f"/api/v1/alerts/{alert['id']}/acknowledge", note="on it")
    until(lambda: set(around.pagerduty.incidents.values()) == {"acknowledged"}, PATIENT_S, called="it is acknowledged")
    assert len([each for each in around.webhook.taken if each["status"] == "firing"]) == 1

    around.call(good=400)
    around.backend.kill()
    around.backend.start(SPANLEDGER_TICK="1s")
    until(lambda: set(around.pagerduty.incidents.values()) == {"resolved"}, PATIENT_S, called="it is resolved")
    until(lambda: around.webhook.taken[-1]["status"] == "resolved", PATIENT_S, called="the program knows")
    until(lambda: "resolved" in str(around.mail.taken[-1].mail["Subject"]).lower(), PATIENT_S, called="the mail came")
    assert len({each["incident_id"] for each in around.webhook.taken}) == 1
    assert len({each["dedup_key"] for each in around.pagerduty.taken}) == 1
    assert len(around.slack.messages) == 1  # one message, kept up to date; what happened stands in its thread
    assert [mistake for each in around.providers for mistake in each.mistakes] == []
    kinds = [each["kind"] for each in around.ask("GET", f"/api/v1/alerts/{alert['id']}")["history"]]
    assert [kind for kind in kinds if kind in ("fired", "acknowledged", "resolved")] == [
        "fired",
        "acknowledged",
        "resolved",
    ]
