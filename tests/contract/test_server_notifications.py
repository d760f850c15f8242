"""Telling people over HTTP: routes, escalations, preferences, messages and their attempts, once more, and a try."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from spanledger_server.notify import outbox
from spanledger_server.notify.event import Event
from tests.backend.notify.events import event
from tests.support.inside import Inside
from tests.support.providers import Reply, WebhookReceiver
from tests.support.waiting import until

SECRET = "s1gn1ng-s3cr3t"
NOTIFICATIONS = "/api/v1/notifications"
PREFERENCES = "/api/admin/monitoring/preferences"
CRITICAL = {"severity": "critical", "cooldown_ns": 0, "most_per_hour": None}


@pytest.fixture(scope="module")
def client(shared_server: Inside) -> Iterator[httpx.Client]:
    with shared_server.client() as client:
        yield client


@pytest.fixture(scope="module")
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver(SECRET) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def channel(client: httpx.Client, receiver: WebhookReceiver) -> dict[str, Any]:
    body = {"name": "hook", "type": "webhook", "url": receiver.url, "secret": SECRET, "allow_private": True}
    found: dict[str, Any] = client.post("/api/v1/channels", json=body).json()
    return found


def happened(server: Inside, *events: Event) -> None:
    database = server.running._vitals.database  # type: ignore[union-attr]
    with database.transaction() as tx:
        outbox.record(tx, events, time.time_ns())


def of_alert(client: httpx.Client, alert_id: UUID, **more: Any) -> dict[str, Any]:
    answer = client.get(NOTIFICATIONS, params={"alert_id": alert_id.hex, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def delivered(client: httpx.Client, alert_id: UUID, count: int = 1) -> list[dict[str, Any]]:
    def look() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = of_alert(client, alert_id, state="delivered")["items"]
        return found if len(found) >= count else []

    return until(look, called="the message at the channel")


def test_an_alert_arrives_within_a_second_or_two_and_says_how(
    shared_server: Inside, client: httpx.Client, channel: dict[str, Any], receiver: WebhookReceiver
):
    told = event(alert="quick", at_ns=time.time_ns(), channels=("hook",), **CRITICAL)
    happened(shared_server, told)
    (found,) = delivered(client, told.alert_id)
    assert (found["channel"], found["status"]) == (
        {"id": channel["id"], "name": "hook", "type": "webhook"},
        "firing",
    )
    assert found["lag_seconds"] < 5
    assert [(each["number"], each["outcome"]) for each in found["attempts"]] == [(1, "delivered")]
    assert receiver.taken[-1]["title"] == told.title
    whole = client.get(f"{NOTIFICATIONS}/{found['id']}").json()
    assert whole["listed"] == [{"id": str(told.alert_id), "title": told.title, "kind": "fired"}]
    happened(shared_server, event("resolved", alert="quick", at_ns=time.time_ns(), **CRITICAL))
    last, first = delivered(client, told.alert_id, 2)
    assert (first["status"], last["status"]) == ("firing", "resolved")
    assert first["incident_id"] == last["incident_id"]
    metrics = client.get("/metrics").text
    assert 'spanledger_notification_attempts_total{channel="hook",outcome="delivered"}' in metrics
    assert "spanledger_notification_lag_seconds_count" in metrics


def test_what_is_refused_for_good_is_parked_told_elsewhere_and_sent_again_on_demand(
    shared_server: Inside, client: httpx.Client, channel: dict[str, Any], receiver: WebhookReceiver
):
    with WebhookReceiver(SECRET) as other:
        body = {"name": "spare", "type": "webhook", "url": other.url, "secret": SECRET, "allow_private": True}
        assert client.post("/api/v1/channels", json=body).status_code == 201
        receiver.answers.append(Reply(404, b"gone"))
        told = event(alert="parked", at_ns=time.time_ns(), channels=("hook",), **CRITICAL)
        happened(shared_server, told)
        (parked,) = until(lambda: of_alert(client, told.alert_id, state="parked")["items"])
        assert parked["attempts"][-1]["outcome"] == "refused"
        until(lambda: [each for each in other.taken if "hook" in each["title"]], called="the report through the other")
        assert "Slow answers: parked" in other.taken[-1]["text"]
        assert any("hook" in each["text"] for each in client.get("/api/v1/status").json()["conditions"])
        again = client.post(f"{NOTIFICATIONS}/{parked['id']}/retry")
        assert again.status_code == 200, again.text
        (found,) = delivered(client, told.alert_id)
        assert (found["id"], len(found["attempts"])) == (parked["id"], 2)
        assert client.post(f"{NOTIFICATIONS}/{parked['id']}/retry").status_code == 409
        until(lambda: [each for each in other.taken if each["status"] == "resolved"], called="that it works again")
        assert client.delete("/api/v1/channels/spare").status_code == 204
    trail = client.get("/api/v1/audit", params={"action": "notification.retried"}).json()["items"]
    assert trail[0]["subject"] == UUID(parked["id"]).hex


def test_why_nobody_was_told_is_told(shared_server: Inside, client: httpx.Client, channel: dict[str, Any]):
    answer = client.put(PREFERENCES, json={"channels": {"hook": ["critical"]}})
    assert answer.status_code == 200, answer.text
    told = event(alert="quietly", at_ns=time.time_ns(), channels=("hook",), rule_id=UUID(int=7), name="Other")
    happened(shared_server, told)
    held = until(lambda: of_alert(client, told.alert_id)["held"])
    assert [(each["channel"]["name"], each["reason"], each["to"]) for each in held] == [("hook", "preferences", None)]
    assert client.put(PREFERENCES, json={"channels": None}).status_code == 200
    delivered(client, told.alert_id)
    assert of_alert(client, told.alert_id)["held"][0]["to"] is not None


def test_preferences_have_the_seeds_names_and_one_who_says_nothing_has_the_usual(
    shared_server: Inside, client: httpx.Client
):
    given = {
        "email_notifications": True,
        "sms_notifications": True,
        "slack_notifications": False,
        "critical_alerts": True,
        "warning_alerts": True,
        "info_alerts": True,
        "quiet_hours_enabled": True,
        "quiet_start_time": "22:00",
        "quiet_end_time": "08:00",
    }
    answer = client.put(PREFERENCES, json=given | {"timezone": "Europe/Berlin", "max_alerts_per_hour": 10})
    found = client.get(PREFERENCES).json()
    assert found == answer.json()
    assert found.items() >= given.items()
    row = client.post("/api/v1/query", json={"sql": "SELECT * FROM admin_notification_preferences"}).json()
    named = dict(zip([each["name"] for each in row["columns"]], row["rows"][0], strict=True))
    assert named["sms_notifications"] is True
    assert named["quiet_start_time"] == "22:00:00"
    wrong = {"quiet_start_time": "25:00", "timezone": "Mars/Olympus", "channels": {"x": ["loud"]}, "colour": "red"}
    refused = client.put(PREFERENCES, json=wrong)
    assert refused.status_code == 422
    assert refused.json()["parameter"] == "colour"
    del wrong["colour"]
    refused = client.put(PREFERENCES, json=wrong)
    named_wrong = {each["parameter"] for each in refused.json()["errors"]}
    assert named_wrong == {"quiet_start_time", "timezone", "channels.x"}
    with shared_server.client(shared_server.token_for("viewer")) as viewer:
        assert viewer.get(PREFERENCES).json()["stored"] is False
        assert viewer.put(PREFERENCES, json=given).status_code == 403
    client.put(PREFERENCES, json={"quiet_hours_enabled": False})


def test_routes_and_escalations_are_made_changed_and_deleted(client: httpx.Client):
    steps = [{"delay_seconds": 0, "channels": ["hook"]}, {"delay_seconds": 600, "channels": ["sms"]}]
    escalation = client.post("/api/v1/escalations", json={"name": "on call", "steps": steps, "repeats": 2})
    assert escalation.status_code == 201, escalation.text
    key = escalation.json()["id"]
    body = {"name": "chat", "matchers": {"service": "chat-*"}, "severities": ["critical"], "escalation": key}
    made = client.post("/api/v1/routes", json=body)
    assert made.status_code == 201, made.text
    listed = client.get("/api/v1/routes").json()["items"]
    assert [each["name"] for each in listed] == ["chat", "default"]
    assert client.delete(f"/api/v1/escalations/{key}").status_code == 409
    changed = client.put("/api/v1/routes/chat", json=body | {"continue": True, "escalation": None})
    assert (changed.json()["continue"], changed.json()["version"]) == (True, 2)
    assert client.delete(f"/api/v1/escalations/{key}").status_code == 204
    assert client.put("/api/v1/routes/default", json={"channels": ["hook"]}).status_code == 200
    assert client.get("/api/v1/routes/default").json()["channels"] == ["hook"]
    assert client.delete("/api/v1/routes/default").status_code == 409
    assert client.delete("/api/v1/routes/chat").status_code == 204
    assert client.get("/api/v1/routes/chat").status_code == 404
    actions = [row["action"] for row in client.get("/api/v1/audit", params={"action": "route"}).json()["items"]]
    assert actions == ["route.deleted", "route.changed", "route.changed", "route.created"]


def test_all_mistakes_of_a_route_are_told_at_once(client: httpx.Client):
    body = {
        "name": "",
        "severities": ["loud"],
        "group_wait_seconds": -1,
        "escalation": "x",
        "quiet_hours": {"end": "x"},
    }
    refused = client.post("/api/v1/routes", json=body)
    assert refused.status_code == 422
    named = {each["parameter"] for each in refused.json()["errors"]}
    assert named == {"name", "severities", "group_wait_seconds", "escalation", "quiet_hours.start", "quiet_hours.end"}
    refused = client.post("/api/v1/escalations", json={"name": "x", "steps": [{"delay_seconds": 1}]})
    assert refused.json()["parameter"] == "steps[0].channels"


def test_a_try_goes_through_the_queue_and_says_what_became_of_it(
    client: httpx.Client, channel: dict[str, Any], receiver: WebhookReceiver
):
    found = client.post("/api/admin/monitoring/notifications/test", json={"channels": ["hook"]}).json()
    assert (found["delivered"], [each["state"] for each in found["items"]]) == (True, ["delivered"])
    assert receiver.taken[-1]["status"] == "test"
    receiver.answers.append(Reply(503))
    found = client.post("/api/admin/monitoring/notifications/test").json()
    assert (found["delivered"], found["items"][0]["attempts"][0]["outcome"]) == (False, "failed")
    refused = client.post("/api/admin/monitoring/notifications/test", json={"channels": ["nobody"]})
    assert refused.status_code == 404
