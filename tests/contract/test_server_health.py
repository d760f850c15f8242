"""Health checks over HTTP: made, run, changed and deleted; what they find, over time; who may."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.backend.health.scripted import says, serving
from tests.support.inside import Inside
from tests.support.telemetry import ledger_event, ledger_request
from tests.support.waiting import until

PATH = "/api/v1/health/checks"
SECRET = "tell-nobody-7261"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def client(shared_server: Inside) -> Iterator[httpx.Client]:
    with shared_server.client() as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    running = Inside(tmp_path_factory.mktemp("server"), "--tick", "100ms")
    try:
        yield running.start()
    finally:
        running.stop()


def make(client: httpx.Client, **more: Any) -> Any:
    body = {"name": "web", "kind": "http", "interval_s": 600, "timeout_s": 2, "down_after": 1, **more}
    answer = client.post(PATH, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_check_is_made_run_changed_and_deleted(client: httpx.Client, shared_server: Inside):
    with serving(says(OK)) as port:
        made = make(client, target=f"http://ada:{SECRET}@127.0.0.1:{port}/?token={SECRET}", service="shop")
        assert (made["state"], made["reason"], made["latest"], made["version"]) == (
            "unknown",
            "Not checked yet",
            None,
            1,
        )
        assert made["target"] == f"http://ada:***@127.0.0.1:{port}/?token=***"
        run = client.post(f"{PATH}/{made['id']}/run").json()
        assert (run["state"], run["reason"], run["latest"]["told"]["status"]) == ("healthy", "answered 200", 200)
        listed = client.get(PATH, params={"service": "shop"}).json()
        assert [each["id"] for each in listed["items"]] == [made["id"]]
        assert listed["counts"] == {"healthy": 1, "degraded": 0, "down": 0, "unknown": 0}
        assert len(listed["items"][0]["beats"]) == 48
        assert listed["items"][0]["beats"][-1]["state"] == "healthy"
        assert listed["items"][0]["uptime"]["uptime"] == 1
    changed = client.put(
        f"{PATH}/{made['id']}",
        json={
            "name": "web",
            "kind": "http",
            "target": made["target"],
            "down_after": 1,
            "version": 1,
            "service": "shop",
        },
    ).json()
    assert (changed["version"], changed["state"], changed["interval_s"]) == (2, "healthy", 30)
    assert client.post(f"{PATH}/web/run").json()["reason"] == "not reached: Connection refused"
    history = client.get(f"{PATH}/web/history").json()["items"]
    assert [each["state"] for each in history] == ["down", "healthy", "unknown"]
    first = client.get(f"{PATH}/web/history", params={"limit": 2}).json()
    rest = client.get(f"{PATH}/web/history", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert ([*first["items"], *rest["items"]], rest["next_cursor"]) == (history, None)
    up = client.get(f"{PATH}/web/uptime", params={"from": "now-1h"}).json()
    assert 0 < up["uptime"] < 1
    assert up["known"] < 1
    (found,) = client.get(f"{PATH}/web/results", params={"from": "now-10m"}).json()["items"][-1:]
    assert (found["healthy"], found["down"]) in ((1, 1), (0, 1))
    assert client.delete(f"{PATH}/web").status_code == 204
    assert client.get(f"{PATH}/web").status_code == 404
    told = client.get("/api/v1/audit", params={"action": "health"}).text
    assert [each["action"] for each in json.loads(told)["items"]] == [
        "health.check.deleted",
        "health.check.run",
        "health.check.changed",
        "health.check.run",
        "health.check.created",
    ]
    assert SECRET not in told


def test_services_are_judged_from_both_sides(client: httpx.Client):
    with serving(says(OK)) as port:
        make(client, name="up", target=f"http://127.0.0.1:{port}", service="shop")
        make(client, name="gone", target="http://127.0.0.1:1", service="cellar")
        for name in ("up", "gone"):
            client.post(f"{PATH}/{name}/run")
    found = client.get("/api/admin/monitoring/health/services").json()
    services = {each["name"]: each for each in found["services"]}
    assert (services["cellar"]["status"], services["shop"]["status"]) == ("down", "healthy")
    assert services["cellar"]["reason"] == "gone: not reached: Connection refused"
    assert (services["cellar"]["requests"], services["cellar"]["last_seen"]) == (None, None)
    assert (found["status"], found["healthy_services"], found["total_services"]) == ("down", 1, 2)
    assert "1 of 6 checks needs attention (gone: not reached: Connection refused)" in found["sentence"]
    checks = {each["name"]: each for each in found["checks"]}
    assert {"up", "gone", "This server", "CPU", "Memory", "Queue"} == checks.keys()
    assert client.get("/api/v1/status").json()["conditions"] == [
        {"level": "critical", "service": "cellar", "text": "gone: not reached: Connection refused"}
    ]
    metrics = client.get("/metrics").text
    assert 'spanledger_health_state{check="gone",kind="http",service="cellar",state="down"} 1' in metrics
    for name in ("up", "gone"):
        assert client.delete(f"{PATH}/{name}").status_code == 204


def test_mistakes_are_told_by_name_and_secrets_are_not_told_with_them(client: httpx.Client):
    body = {
        "name": "",
        "kind": "redis",
        "target": f"redis://:{SECRET}@169.254.169.254",
        "interval_s": "x",
        "options": 5,
    }
    refused = client.post(PATH, json=body)
    assert refused.status_code == 422
    assert {each["parameter"] for each in refused.json()["errors"]} == {"name", "target", "interval_s", "options"}
    assert SECRET not in refused.text
    headers = {"name": "x", "kind": "http", "target": "http://x", "options": {"headers": {"A\n": SECRET}}}
    refused = client.post(PATH, json=headers)
    assert (refused.status_code, refused.json()["parameter"]) == (422, "options.headers")
    assert SECRET not in refused.text
    assert client.post(PATH, json={"kind": "gopher", "name": "x"}).json()["parameter"] == "kind"
    for more in (
        {"service": "\ud800"},
        {"options": {"text": "\ud800"}},
        {"name": "\ud800"},
        {"target": "http://\ud800"},
    ):
        content = json.dumps({"name": "x", "kind": "http", "target": "http://x", **more})
        assert client.post(PATH, content=content, headers={"Content-Type": "application/json"}).status_code == 422
    assert client.post(f"{PATH}/none/run").status_code == 404
    make(client, name="one", target="http://127.0.0.1:1")
    assert client.post(PATH, json={"name": "one", "kind": "tcp", "target": "x:1"}).status_code == 409
    seen = client.put(f"{PATH}/one", json={"name": "one", "kind": "tcp", "target": "x:1", "version": 7})
    assert seen.status_code == 409
    assert client.delete(f"{PATH}/one").status_code == 204


def test_a_paused_check_is_looked_at_when_somebody_asks_and_stays_paused(client: httpx.Client):
    with serving(says(OK)) as port:
        made = make(client, name="off", target=f"http://127.0.0.1:{port}", enabled=False)
        assert (made["state"], made["reason"]) == ("unknown", "Paused")
        run = client.post(f"{PATH}/off/run").json()
        assert (run["state"], run["latest"]["state"]) == ("unknown", "healthy")
    assert client.delete(f"{PATH}/off").status_code == 204


def test_a_day_of_each_service_and_how_this_server_does(client: httpx.Client, shared_server: Inside):
    now_ns = time.time_ns()
    events = [ledger_event(at_ns=now_ns, error="timeout" if number < 3 else None) for number in range(20)]
    assert shared_server.send("logs", ledger_request(*events, service="kiosk")).status_code == 200

    def of(name: str) -> list[str | None] | None:
        found = {each["name"]: each["beats"] for each in client.get("/api/v1/health/beats").json()["services"]}
        return found.get(name)

    until(lambda: of("kiosk") is not None, called="the minute is rolled up")
    assert of("kiosk") == [None] * 47 + ["degraded"]
    make(client, name="kiosk", target="http://127.0.0.1:1", service="kiosk")
    client.post(f"{PATH}/kiosk/run")
    assert (of("kiosk") or [])[-1] == "down"
    assert client.delete(f"{PATH}/kiosk").status_code == 204
    told = client.get("/api/v1/health/self").json()
    assert (told["ready"], told["rows"]["logs"] >= 0, told["turned_away"]) == (True, True, 0)
    assert {"health", "rollups"} <= {each["name"] for each in told["tasks"]}


def test_kinds_are_told_with_their_options(client: httpx.Client):
    kinds = {each["kind"]: each for each in client.get("/api/v1/health/kinds").json()["items"]}
    assert len(kinds) == 12
    assert kinds["http"]["options"]["headers"]["secret"] is True


def test_a_viewer_reads_and_changes_nothing(shared_server: Inside):
    with shared_server.client(shared_server.token_for("viewer")) as viewer:
        assert viewer.get(PATH).status_code == 200
        assert viewer.post(PATH, json={}).status_code == 403
        assert viewer.post(f"{PATH}/cpu/run").status_code == 403
        assert viewer.delete(f"{PATH}/cpu").status_code == 403
