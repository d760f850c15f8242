"""Channels over HTTP: set up, tried, changed and deleted; secrets that no answer, trail, log or query tells."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.inside import Inside
from tests.support.providers import PagerDuty, Reply, WebhookReceiver

SECRET = "s1gn1ng-s3cr3t"
PATH = "/api/v1/channels"


@pytest.fixture(scope="module")
def client(shared_server: Inside) -> Iterator[httpx.Client]:
    with shared_server.client() as client:
        yield client


@pytest.fixture(scope="module")
def viewer(shared_server: Inside) -> Iterator[httpx.Client]:
    with shared_server.client(shared_server.token_for("viewer")) as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver(SECRET) as receiver:
        yield receiver


def made(client: httpx.Client, receiver: WebhookReceiver, **more: Any) -> dict[str, Any]:
    body = {"name": "hook", "type": "webhook", "url": receiver.url, "secret": SECRET, "allow_private": True, **more}
    answer = client.post(PATH, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def channel(client: httpx.Client, receiver: WebhookReceiver) -> Iterator[dict[str, Any]]:
    found = made(client, receiver)
    yield found
    assert client.delete(f"{PATH}/{found['id']}").status_code in (204, 404)


def test_a_channel_is_tried_and_says_how_long_it_took(
    client: httpx.Client, channel: dict[str, Any], receiver: WebhookReceiver, shared_server: Inside
):
    found = client.post(f"{PATH}/hook/test").json()
    assert found["delivered"] is True
    assert found["sentence"].startswith("Delivered in ")
    assert found["sentence"].endswith(" ms, HTTP 200")
    assert not receiver.mistakes
    (body,) = receiver.taken
    assert (body["status"], body["title"]) == ("test", "The channel hook works")
    assert body["links"] == [{"name": "Open spanledger", "url": shared_server.url}]
    receiver.answers.append(Reply(503, b"", {"Retry-After": "9"}))
    failed = client.post(f"{PATH}/{channel['id']}/test").json()
    assert failed == {"delivered": False, "sentence": "Not delivered: HTTP 503", "permanent": False, "after_s": 9.0}
    shown = client.get(f"{PATH}/hook").json()
    assert (shown["last_failed"], shown["failed_in_a_row"]) == ("HTTP 503", 1)
    assert shown["last_delivered"].endswith("HTTP 200")


def test_a_private_address_is_refused_unless_the_channel_allows_it(client: httpx.Client, receiver: WebhookReceiver):
    found = made(client, receiver, name="inside", allow_private=False)
    tried = client.post(f"{PATH}/inside/test").json()
    client.delete(f"{PATH}/{found['id']}")
    assert tried["permanent"] is True
    assert "allow_private" in tried["sentence"]
    assert not receiver.requests


def test_secrets_are_told_by_nobody(
    client: httpx.Client,
    viewer: httpx.Client,
    channel: dict[str, Any],
    receiver: WebhookReceiver,
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.DEBUG)
    receiver.answers.append(Reply(400, f"{SECRET} t0psecretpath".encode()))
    tried = client.post(f"{PATH}/hook/test")
    again = client.post(PATH, json={"name": "x", "type": "webhook", "url": f"ftp://{SECRET}", "secret": SECRET})
    changed = client.put(f"{PATH}/hook", json={"name": "hook", "type": "webhook", "allow_private": True})
    assert (again.status_code, changed.status_code) == (422, 200)
    trail = client.get("/api/v1/audit", params={"action": "channel"})
    assert [row["action"] for row in trail.json()["items"]][:2] == ["channel.changed", "channel.tested"]
    for sql in ("SELECT * FROM channels", "SELECT secrets FROM main.channels", "SELECT * FROM duckdb_tables()"):
        assert viewer.post("/api/v1/query", json={"sql": sql}).status_code in (400, 403, 422)
    told = [tried, again, changed, trail, viewer.get(PATH), viewer.get(f"{PATH}/hook"), client.get("/metrics")]
    for answer in told:
        assert SECRET not in answer.text, answer.url
        assert "t0psecretpath" not in answer.text, answer.url
    assert viewer.get(f"{PATH}/hook").json()["url"] == f"{receiver.origin}/…"
    assert SECRET not in caplog.text
    assert "t0psecretpath" not in caplog.text


def test_every_mistake_is_told_at_once(client: httpx.Client):
    body = {"name": "", "type": "email", "host": "x y", "to": "nobody", "port": "25", "colour": "red"}
    answer = client.post(PATH, json=body)
    assert answer.status_code == 422
    named = [one["parameter"] for one in answer.json()["errors"]]
    assert sorted(named) == ["colour", "from", "host", "name", "port", "to"]


def test_a_channel_keeps_its_secret_through_a_change_and_loses_nothing_to_another_version(
    client: httpx.Client, channel: dict[str, Any], receiver: WebhookReceiver
):
    of_a_server = ("id", "created_at", "updated_at", "updated_by")
    body = {key: value for key, value in channel.items() if key not in of_a_server and "last_" not in key}
    body.pop("failed_in_a_row")
    answer = client.put(f"{PATH}/{channel['id']}", json=body | {"enabled": False})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["version"], answer.json()["enabled"], answer.json()["secret"]) == (2, False, "set")
    assert client.post(f"{PATH}/hook/test").json()["delivered"] is True
    assert not receiver.mistakes
    assert client.put(f"{PATH}/hook", json=body).status_code == 409
    assert client.put(f"{PATH}/hook", json=body | {"version": "1"}).status_code == 422
    assert client.post(PATH, json=body | {"url": receiver.url, "secret": SECRET}).status_code == 422
    assert client.delete(f"{PATH}/hook").status_code == 204
    assert client.get(f"{PATH}/hook").status_code == 404


def test_a_channel_survives_a_restart_with_its_secrets(server: Inside):
    with PagerDuty() as pagerduty:
        given = {"routing_key": PagerDuty.KEY, "url": pagerduty.url, "allow_private": True}
        with server.client() as client:
            assert client.post(PATH, json={"name": "pd", "type": "pagerduty", **given}).status_code == 201
        server.stop()
        server.start()
        with server.client() as client:
            assert client.post(f"{PATH}/pd/test").json()["delivered"] is True
            assert client.get(PATH).json()["items"][0]["routing_key"] == "set"
    assert [each["event_action"] for each in pagerduty.taken] == ["trigger", "resolve"]
