"""Each kind of channel against a server that is as strict as the provider's documents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import simplejson
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.notify.channels.request import Answer
from spanledger_server.notify.channels.webhook import signature
from spanledger_server.notify.message import Delivered, Failed
from tests.backend.notify.channels.made import PAGES, channel, event, hostile, message
from tests.support.providers import (
    AlertmanagerReceiver,
    AlertmanagerWebhook,
    PagerDuty,
    Reply,
    Slack,
    Twilio,
    WebhookReceiver,
    as_json,
    sms_segments,
)


def delivered(outcome: Delivered | Failed) -> Delivered:
    assert isinstance(outcome, Delivered), outcome
    return outcome


def failed(outcome: Delivered | Failed) -> Failed:
    assert isinstance(outcome, Failed), outcome
    return outcome


def test_a_webhook_gets_what_was_promised_and_can_check_who_sent_it():
    with WebhookReceiver("newer-secret") as receiver:
        webhook = channel("webhook", url=receiver.url, secret=["newer-secret", "older-secret"])
        found = delivered(webhook.send(message(event(value=Decimal("0.100000000001"), unit="USD", threshold=None))))
        request = receiver.requests[0]
    assert re.fullmatch(r"\d+ ms, HTTP 200", found.detail)
    assert not receiver.mistakes
    assert b'"value":0.100000000001,' in request.body
    body = simplejson.loads(request.body, use_decimal=True)
    assert body["value"] == Decimal("0.100000000001")
    assert body["threshold"] is None
    assert (body["status"], body["severity"], body["incident_id"]) == ("firing", "critical", "incident-1")
    assert body["labels"] == {"service": "checkout", "model": "gpt-5"}
    assert body["links"][0] == {"name": "Open the alert", "url": f"{PAGES}/alerts/1?tz=UTC&from=now-1h"}
    sent = request.headers["x-spanledger-timestamp"]
    older = signature("older-secret", sent, request.body)
    assert request.headers["x-spanledger-signature"].split(",")[1] == older
    assert request.headers["user-agent"].startswith("spanledger/")


def test_a_webhook_with_one_secret_has_one_signature_and_without_one_none():
    with WebhookReceiver("just-a-secret") as receiver:
        one = channel("webhook", url=receiver.url, secret="just-a-secret", headers={"Authorization": "Bearer x"})
        delivered(one.send(message()))
    headers = receiver.requests[0].headers
    made = signature("just-a-secret", headers["x-spanledger-timestamp"], receiver.requests[0].body)
    assert headers["x-spanledger-signature"] == made
    assert headers["authorization"] == "Bearer x"
    with WebhookReceiver() as receiver:
        delivered(channel("webhook", url=receiver.url).send(message()))
    assert "x-spanledger-signature" not in receiver.requests[0].headers


def test_a_webhook_of_alertmanagers_form_is_taken_by_programs_made_for_it():
    with AlertmanagerWebhook() as receiver:
        webhook = channel("webhook", url=receiver.url, format="alertmanager")
        other = event(labels={"service": "checkout"}, kind="resolved")
        delivered(webhook.send(message(event(), other)))
        delivered(webhook.send(message(event(kind="resolved"), status="resolved")))
        delivered(webhook.send(message(alerts=(), status="test")))
    assert not receiver.mistakes
    both, resolved, test = receiver.taken
    assert both["commonLabels"]["service"] == "checkout"
    assert "model" not in both["commonLabels"]
    assert [each["status"] for each in both["alerts"]] == ["firing", "resolved"]
    assert (resolved["status"], test["status"]) == ("resolved", "firing")


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        *((status, True) for status in (302, 400, 401, 404, 410)),
        *((status, False) for status in (408, 425, 429, 500, 502, 503)),
    ],
)
def test_what_is_wrong_for_good_is_told_from_what_may_be_better_later(status: int, permanent: bool):
    with WebhookReceiver() as receiver:
        receiver.answers.append(Reply(status, b"t0psecretpath", {"Retry-After": "17"}))
        found = failed(channel("webhook", url=receiver.url).send(message()))
    assert (found.permanent, found.after_s) == (permanent, 17.0)
    assert found.reason.startswith(f"HTTP {status}")
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("told", "date", "after_s"),
    [
        ("120", "", 120.0),
        ("0", "", 0.0),
        ("-1", "", None),
        ("soon", "", None),
        ("nan", "", None),
        ("1e99", "", 86_400.0),
        ("Sun, 22 Nov 2026 10:02:00 GMT", "Sun, 22 Nov 2026 10:00:00 GMT", 120.0),
        ("Sun, 22 Nov 2026 10:02:00 GMT", "rubbish", None),
        ("٣", "", None),
    ],
)
def test_when_to_come_again_is_understood_in_all_its_forms(told: str, date: str, after_s: float | None):
    assert Answer(503, {"retry-after": told, "date": date}, b"", 1).after_s == after_s


def test_slack_gets_blocks_within_its_limits_by_an_incoming_webhook():
    with Slack() as slack:
        found = delivered(channel("slack", url=slack.url).send(message()))
    assert not slack.mistakes
    assert found.receipt is None
    body = slack.taken[0]
    assert body["text"].startswith("🔴 Critical: Checkout is slow: p95 2.41 s")
    shown = str(body["blocks"])
    assert "2.41 s, above 1 s" in shown
    assert "<https://runbooks.example/checkout?a=1&amp;b=2|What to do>" in shown


def test_a_slack_bot_keeps_one_message_up_to_date_and_tells_changes_in_its_thread():
    with Slack() as slack:
        bot = channel("slack", token=Slack.TOKEN, channel="#alerts", api_url=slack.api_url)
        receipt = delivered(bot.send(message())).receipt
        assert receipt is not None
        again = message(receipt=receipt, repeat=1)
        assert delivered(bot.send(again)).receipt == receipt
        delivered(bot.send(message(event(kind="acknowledged", by="alice"), status="acknowledged", receipt=receipt)))
        delivered(bot.send(message(event(kind="resolved"), status="resolved", receipt=receipt)))
    assert not slack.mistakes
    assert len(slack.messages) == 1
    assert slack.messages[receipt["ts"]]["text"].startswith("✅ Resolved: Checkout is slow")
    thread = slack.threads[receipt["ts"]]
    assert [each["text"].splitlines()[0] for each in thread] == [
        "🔴 Critical: Checkout is slow: p95 2.41 s",
        "👀 Acknowledged: Checkout is slow: p95 2.41 s",
        "✅ Resolved: Checkout is slow: p95 2.41 s",
    ]
    assert "Acknowledged by: alice" in thread[1]["text"]
    assert [each["reply_broadcast"] for each in thread] == [True, False, False]


def test_a_slack_message_that_somebody_deleted_is_posted_anew():
    with Slack() as slack:
        bot = channel("slack", token=Slack.TOKEN, channel="#alerts", api_url=slack.api_url)
        lost = {"channel": Slack.CHANNEL, "ts": "1700000000.000001"}
        receipt = delivered(bot.send(message(receipt=lost))).receipt
    assert receipt is not None
    assert receipt["ts"] in slack.messages


def test_a_change_that_reached_slack_by_half_is_told_whole_when_it_is_tried_again():
    with Slack() as slack:
        bot = channel("slack", token=Slack.TOKEN, channel="#alerts", api_url=slack.api_url)
        receipt = delivered(bot.send(message())).receipt
        resolved = message(event(kind="resolved"), status="resolved", receipt=receipt)
        slack.answers.extend([slack.judge, Reply(503)])
        assert not failed(bot.send(resolved)).permanent
        delivered(bot.send(resolved))
    assert receipt is not None
    assert len(slack.threads[receipt["ts"]]) == 1
    assert slack.messages[receipt["ts"]]["text"].startswith("✅")


@pytest.mark.parametrize(
    ("reply", "permanent", "after_s"),
    [
        (as_json({"ok": False, "error": "invalid_auth"}), True, None),
        (as_json({"ok": False, "error": "channel_not_found"}), True, None),
        (as_json({"ok": False, "error": "ratelimited"}, 429, **{"Retry-After": "30"}), False, 30.0),
        (as_json({"ok": False, "error": "internal_error"}), False, None),
        (as_json({"ok": False, "error": "<b>Slack.TOKEN</b>"}), False, None),
        (Reply(200, b"<html>a proxy</html>"), False, None),
        (Reply(200, b"[1]"), False, None),
        (Reply(503, b""), False, None),
    ],
)
def test_what_slack_answers_a_bot_is_understood(reply: Reply, permanent: bool, after_s: float | None):
    with Slack() as slack:
        slack.answers.append(reply)
        bot = channel("slack", token=Slack.TOKEN, channel="#alerts", api_url=slack.api_url)
        found = failed(bot.send(message()))
    assert (found.permanent, found.after_s) == (permanent, after_s)
    assert "<" not in found.reason


def test_an_incoming_webhook_that_is_gone_or_behind_a_strange_page_is_no_delivery():
    with Slack() as slack:
        slack.answers.extend([Reply(404, b"no_service"), Reply(200, b"<html>sign in</html>")])
        gone = failed(channel("slack", url=slack.url).send(message()))
        strange = failed(channel("slack", url=slack.url).send(message()))
    assert (gone.reason, gone.permanent) == ("HTTP 404: no_service", True)
    assert not strange.permanent


def test_pagerduty_opens_acknowledges_and_resolves_one_incident():
    with PagerDuty() as pagerduty:
        service = channel("pagerduty", routing_key=PagerDuty.KEY, url=pagerduty.url)
        delivered(service.send(message()))
        assert pagerduty.incidents == {"incident-1": "triggered"}
        delivered(service.send(message(status="acknowledged")))
        assert pagerduty.incidents == {"incident-1": "acknowledged"}
        delivered(service.send(message(status="resolved")))
    assert pagerduty.incidents == {"incident-1": "resolved"}
    assert not pagerduty.mistakes
    payload = pagerduty.taken[0]["payload"]
    assert (payload["severity"], payload["source"]) == ("critical", "checkout")
    assert payload["custom_details"]["Measured"] == "2.41 s, above 1 s"
    assert {"href": "https://runbooks.example/checkout?a=1&b=2", "text": "What to do"} in pagerduty.taken[0]["links"]


def test_a_test_of_pagerduty_leaves_nothing_open_and_severities_are_its_own():
    with PagerDuty() as pagerduty:
        service = channel("pagerduty", routing_key=PagerDuty.KEY, url=pagerduty.url)
        delivered(service.send(message(status="test", severity="info", incident_id="test-1", alerts=())))
        for severity in ("info", "warning", "error", "critical"):
            delivered(service.send(message(event(severity=severity))))
    assert [each["event_action"] for each in pagerduty.taken[:2]] == ["trigger", "resolve"]
    told = [each["payload"]["severity"] for each in pagerduty.taken[2:]]
    assert told == ["info", "warning", "error", "critical"]


def test_pagerduty_refuses_for_good_with_400_and_for_now_with_429():
    with PagerDuty() as pagerduty:
        wrong = channel("pagerduty", routing_key="0" * 32, url=pagerduty.url)
        refused = failed(wrong.send(message()))
        pagerduty.answers.append(Reply(429, b"", {"Retry-After": "30"}))
        later = failed(wrong.send(message()))
        pagerduty.answers.append(Reply(200, b"a proxy's page"))
        strange = failed(wrong.send(message()))
    assert refused.permanent
    assert "routing_key" in refused.reason
    assert (later.permanent, later.after_s) == (False, 30.0)
    assert not strange.permanent


def twilio(provider: Twilio, **given: Any) -> Any:
    plain = {"account_sid": Twilio.SID, "auth_token": Twilio.TOKEN, "from": "+15005550006", "to": "+4915112345678"}
    return channel("sms", **{**plain, "url": provider.origin, **given})


def test_a_text_message_is_one_part_with_the_address_where_there_is_room():
    with Twilio() as provider:
        found = delivered(twilio(provider).send(message()))
        long = event(title="Überlange Überschrift – „Zitat“ 日本 " * 6)
        delivered(twilio(provider).send(message(long)))
    assert not provider.mistakes
    first, second = provider.taken
    assert (first["num_segments"], second["num_segments"]) == (1, 1)
    assert first["Body"].startswith("Critical: Checkout is slow: p95 2.41 s, above 1 s, since ")
    assert first["Body"].endswith(f" {PAGES}/alerts/1?tz=UTC&from=now-1h")
    assert second["Body"].startswith('Critical: Überlange Überschrift - "Zitat" Überlange')
    assert found.detail.endswith("HTTP 201, queued")


@pytest.mark.parametrize(
    ("given", "reason", "permanent"),
    [
        ({"to": "+15005550001"}, "error 21211", True),
        ({"to": "+15005550004"}, "error 21610", True),
        ({"auth_token": "wr0ngtoken"}, "error 20003", True),
        ({"account_sid": "AC" + "1" * 32}, "error 20404", True),
    ],
)
def test_what_twilio_refuses_is_told_with_its_code(given: dict[str, Any], reason: str, permanent: bool):
    with Twilio() as provider:
        found = failed(twilio(provider, **given).send(message()))
    assert reason in found.reason
    assert found.permanent is permanent


def test_what_twilio_cannot_do_now_is_tried_again():
    with Twilio() as provider:
        provider.answers.append(as_json({"code": 20429, "message": "Too Many Requests"}, 429))
        provider.answers.append(as_json({"sid": "SM1", "status": "failed", "error_code": 30007}, 201))
        provider.answers.append(Reply(200, b"{}"))
        sms = twilio(provider)
        assert not failed(sms.send(message())).permanent
        assert failed(sms.send(message())).permanent
        assert not failed(sms.send(message())).permanent


def test_an_alertmanager_is_pushed_every_alert_with_its_beginning_and_its_end():
    with AlertmanagerReceiver() as receiver:
        push = channel("alertmanager", url=receiver.url + "/", username="u", password="a password", fires_for_s=600)
        strange = event(labels={"service": "checkout", "gen_ai.model": "x", "9": "y", "empty": "", "a-b": "1"})
        ended = event(kind="resolved", labels={"service": "other"})
        delivered(push.send(message(strange, ended)))
        delivered(push.send(message(alerts=(), status="test")))
    assert not receiver.mistakes
    fires, over, *others = receiver.taken[0]
    assert fires["labels"] == {
        "alertname": "checkout is slow",
        "severity": "critical",
        "service": "checkout",
        "gen_ai_model": "x",
        "_9": "y",
        "a_b": "1",
    }
    assert fires["annotations"]["summary"] == "Checkout is slow: p95 2.41 s"
    assert receiver.requests[0].headers["authorization"].startswith("Basic ")
    assert over["endsAt"] < fires["endsAt"]
    assert {(each["labels"]["severity"], each["endsAt"]) for each in others} == {
        (severity, over["endsAt"]) for severity in ("info", "warning", "error")
    }
    assert len(receiver.taken[1]) == 1


CHANNELS: list[tuple[type[Any], str, Any]] = [
    (WebhookReceiver, "webhook", lambda p: {"url": p.url}),
    (AlertmanagerWebhook, "webhook", lambda p: {"url": p.url, "format": "alertmanager"}),
    (Slack, "slack", lambda p: {"url": p.url}),
    (Slack, "slack", lambda p: {"token": Slack.TOKEN, "channel": "#alerts", "api_url": p.api_url}),
    (PagerDuty, "pagerduty", lambda p: {"routing_key": PagerDuty.KEY, "url": p.url}),
    (AlertmanagerReceiver, "alertmanager", lambda p: {"url": p.url}),
]


@pytest.mark.parametrize(("provider", "kind", "given"), CHANNELS, ids=lambda each: getattr(each, "__name__", ""))
def test_names_that_mean_harm_arrive_harmless_and_within_the_limits(provider: type[Any], kind: str, given: Any):
    with provider() as running:
        way = channel(kind, **given(running))
        worst = hostile()
        for status in ("firing", "acknowledged", "resolved", "digest", "test"):
            delivered(way.send(replace(worst, status=status)))
        for each in worst.alerts:
            delivered(way.send(replace(worst, alerts=(each,), omitted=0)))
    assert not running.mistakes
    assert max(len(request.body) for request in running.requests) < 3_000_000
    for request in running.requests:
        text = request.body.decode()
        assert "\u202e" not in text
        assert "javascript:" not in text
        assert "evil.example/x" not in text.replace("https://evil.example", "")


def test_names_that_mean_harm_cost_one_text_message():
    with Twilio() as provider:
        sms = twilio(provider)
        for each in hostile().alerts:
            delivered(sms.send(message(each)))
    assert not provider.mistakes
    assert {each["num_segments"] for each in provider.taken} == {1}
    assert sms_segments("€" * 81) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(["ok", "queued", "ratelimited"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["ok", "error", "errors", "sid", "code", "message", "status", "ts"]), inner)
    ),
    max_leaves=6,
)
BODIES = JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=30) | st.just(b"[" * 5000)


@settings(max_examples=25, deadline=None)
@given(status=st.sampled_from([200, 201, 202, 204, 302, 400, 429, 500]), body=BODIES)
def test_whatever_a_provider_answers_is_an_outcome(everybody: dict[str, tuple[Any, Any]], status: int, body: bytes):
    for provider, way in everybody.values():
        provider.answers.append(Reply(status, b"" if status == 204 else body))
        outcome = way.send(message())
        provider.answers.clear()
        assert "it could not be sent" not in getattr(outcome, "reason", ""), outcome
        assert isinstance(outcome, Failed) or 200 <= status < 300


@pytest.fixture(scope="module")
def everybody() -> Iterator[dict[str, tuple[Any, Any]]]:
    with ExitStack() as stack:
        found = {}
        for provider, kind, given in CHANNELS:
            running = stack.enter_context(provider())
            found[f"{provider.__name__} {kind}"] = (running, channel(kind, **given(running)))
        running = stack.enter_context(Twilio())
        found["sms"] = (running, twilio(running))
        yield found


def test_what_the_other_side_repeats_of_a_secret_is_not_told():
    """Some answer with what they were asked."""
    with PagerDuty() as pagerduty, Twilio() as provider:
        pagerduty.answers.append(lambda request: as_json({"errors": [request.body.decode()[:200]]}, 400))
        key = failed(channel("pagerduty", routing_key=PagerDuty.KEY, url=pagerduty.url).send(message()))
        said = {"code": 20003, "message": f"no account has the token {Twilio.TOKEN}"}
        provider.answers.append(as_json(said, 401))
        token = failed(twilio(provider).send(message()))
    assert "routing_key" in key.reason
    assert PagerDuty.KEY not in key.reason
    assert token.reason == "HTTP 401: error 20003: no account has the token …"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_apprise_is_used_when_it_is_installed_and_named_when_it_is_not(monkeypatch: pytest.MonkeyPatch):
    with WebhookReceiver() as receiver:
        receiver.answers.extend([Reply(200), Reply(500)])
        url = receiver.origin.replace("http://", "json://") + "/x"
        delivered(channel("apprise", url=url).send(message()))
        assert not failed(channel("apprise", url=url).send(message())).permanent
    assert receiver.requests[0].json["title"] == "Critical: Checkout is slow: p95 2.41 s"
    assert failed(channel("apprise", url="nothing://here").send(message())).permanent
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    missing = failed(channel("apprise", url=url).send(message()))
    assert "pip install 'spanledger[apprise]'" in missing.reason
    assert missing.permanent
