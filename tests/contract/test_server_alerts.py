"""Alerts that others send, as they would send them to an Alertmanager, and the lists in which they stand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from spanledger_server.alerts import received
from tests.support.inside import Inside, Shifted
from tests.support.server import Server

NS = 10**9
MINUTE_S = 60


@pytest.fixture
def clock() -> Shifted:
    return Shifted()


@pytest.fixture
def server(tmp_path: Path, clock: Shifted) -> Iterator[Inside]:
    running = Inside(tmp_path, "--tick", "10m", "--alert-resolve-timeout", "3m", clock=clock)
    try:
        yield running.start()
    finally:
        running.stop()


def time(server: Inside, offset_s: float = 0) -> str:
    """The server's time and so many seconds, as Go writes it."""
    moment = dt.datetime.fromtimestamp(server.clock.now_ns() / NS + offset_s, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def alert(name: str = "A", **more: Any) -> dict[str, Any]:
    labels = {"alertname": name, "severity": "critical", **more.pop("labels", {})}
    return {"labels": labels, "annotations": {"summary": f"{name} is wrong"}, **more}


def post(server: Server, *alerts: Any, token: str | None = "") -> httpx.Response:
    with server.client(token) as client:
        return client.post("/api/v2/alerts", json=list(alerts))


def pass_s(server: Inside, clock: Shifted, seconds: float) -> None:
    """So much later, after a tick."""
    clock.by_ns += int(seconds * NS)
    assert server.running._vitals is not None
    assert server.running._vitals.loop is not None
    assert server.running._vitals.loop.tick() == 0


def items(server: Server, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.get("/api/v1/alerts", **query)["items"]
    return found


def test_an_alert_fires_until_its_sender_says_that_it_ended_and_is_then_history(server: Inside, clock: Shifted):
    since = time(server, -30)
    firing = alert(startsAt=since, endsAt=time(server, 4 * MINUTE_S), generatorURL="http://prometheus:9090/graph?a=b")
    assert post(server, firing).status_code == 200
    (shown,) = items(server)
    assert (shown["rule_name"], shown["severity"], shown["state"]) == ("A", "critical", "firing")
    assert (shown["message"], shown["source"]) == ("A is wrong", "prometheus")
    assert shown["generator_url"] == firing["generatorURL"]
    assert shown["labels"] == firing["labels"]
    (active,) = server.get("/admin/monitoring/alerts")["alerts"]
    assert active.keys() >= {"id", "severity", "type", "message", "details", "status", "created_at"}
    assert (active["id"], active["type"], active["status"]) == (shown["id"], "A", "active")

    pass_s(server, clock, MINUTE_S)
    ended = time(server, -5)
    assert post(server, alert(startsAt=since, endsAt=ended)).status_code == 200
    (shown,) = items(server, state="resolved")
    assert items(server, state="firing") == []
    assert shown["resolved_at"][:19] == ended[:19]
    assert server.get("/admin/monitoring/alerts")["alerts"] == []
    assert server.get("/admin/monitoring/alerts", status="resolved")["alerts"][0]["status"] == "resolved"
    history = server.get(f"/api/v1/alerts/{shown['id']}")["history"]
    assert [(change["state"], change["why"]) for change in history] == [("firing", "told"), ("resolved", "told")]


def test_what_comes_again_changes_nothing(server: Inside):
    one = alert(startsAt=time(server, -30), endsAt=time(server, 60))
    assert post(server, one).status_code == 200
    before = server.get("/api/v1/alerts/" + items(server)[0]["id"])
    for _ in range(3):
        assert post(server, one, one).status_code == 200
    (shown,) = items(server)
    assert server.get("/api/v1/alerts/" + shown["id"]) == before


@pytest.mark.parametrize("more", [{}, {"startsAt": "0001-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z"}])
def test_an_alert_of_which_nobody_says_more_ends_after_the_timeout(
    server: Inside, clock: Shifted, more: dict[str, str]
):
    assert post(server, alert(**more)).status_code == 200
    pass_s(server, clock, 2 * MINUTE_S)
    assert post(server, alert(**more)).status_code == 200
    pass_s(server, clock, 2 * MINUTE_S)
    assert [each["state"] for each in items(server)] == ["firing"]
    pass_s(server, clock, 2 * MINUTE_S)
    (shown,) = items(server)
    assert shown["state"] == "resolved"
    assert server.get("/api/v1/alerts/" + shown["id"])["history"][-1]["why"] == "expired"


def test_it_survives_a_restart_and_a_long_stop_does_not_end_what_still_fires(server: Inside, clock: Shifted):
    since = time(server, -30)
    assert post(server, alert(startsAt=since, endsAt=time(server, 4 * MINUTE_S))).status_code == 200
    assert post(server, alert("B", startsAt=since, endsAt=time(server, -1))).status_code == 200
    before = items(server)
    server.stop()
    clock.by_ns += 3600 * NS
    server.start()
    pass_s(server, clock, MINUTE_S)
    assert [(each["id"], each["state"]) for each in items(server)] == [(each["id"], each["state"]) for each in before]
    assert post(server, alert(startsAt=since, endsAt=time(server, 4 * MINUTE_S))).status_code == 200
    pass_s(server, clock, 3 * MINUTE_S)
    (firing,) = items(server, state="firing")
    history = server.get("/api/v1/alerts/" + firing["id"])["history"]
    assert [change["state"] for change in history] == ["firing"]
    pass_s(server, clock, 2 * MINUTE_S)
    assert items(server, state="firing") == []


def told(server: Inside) -> list[str]:
    """The alerts of others: to a server whose clock jumps for days, its own work looks late."""
    return sorted(each["rule_name"] for each in items(server) if each["source"] == "prometheus")


def test_alerts_that_ended_long_ago_are_forgotten(server: Inside, clock: Shifted):
    ended = alert(startsAt=time(server, -30), endsAt=time(server, -1))
    assert post(server, ended, alert("B", endsAt=time(server, 400 * 86_400))).status_code == 200
    pass_s(server, clock, 364 * 86_400)
    assert told(server) == ["A", "B"]
    pass_s(server, clock, 2 * 86_400)
    assert told(server) == ["B"]


BAD: list[tuple[Any, str]] = [
    (5, "an object"),
    ({}, "labels"),
    ({"labels": {}}, "at least one label"),
    ({"labels": {"a": ""}}, "at least one label"),
    ({"labels": {"a": 5}}, "not a text"),
    ({"labels": {"": "x"}}, "no name"),
    ({"labels": {"a": "x" * 5000}}, "too long"),
    ({"labels": {"a" * 300: "x"}}, "too long"),
    ({"labels": {"a": "\0"}}, "NUL"),
    ({"labels": {f"l{number}": "x" for number in range(65)}}, "at most 64"),
    ({"labels": {"a": "x"}, "startsAt": "yesterday"}, "startsAt"),
    ({"labels": {"a": "x"}, "startsAt": 5}, "startsAt"),
    ({"labels": {"a": "x"}, "startsAt": "now-1h"}, "startsAt"),
    ({"labels": {"a": "x"}, "endsAt": "9999-01-01T00:00:00Z"}, "endsAt"),
    ({"labels": {"a": "x"}, "startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"}, "after endsAt"),
]


def test_a_bad_alert_is_refused_with_the_reason_and_those_beside_it_are_taken(server: Inside):
    for number, (bad, why) in enumerate(BAD):
        answer = post(server, alert(f"{number} before"), bad, alert(f"{number} behind"))
        assert answer.status_code == 400
        assert "1 of 3" in answer.json()["detail"]
        assert why in answer.json()["detail"]
    assert len(items(server)) == 2 * len(BAD)
    with server.client() as client:
        metrics = client.get("/metrics").text
    assert f"\nspanledger_alerts_received_total {2 * len(BAD)}\n" in metrics
    assert f"\nspanledger_alerts_refused_total {len(BAD)}\n" in metrics


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"null", b"\xff", b'["\\ud800"]', b"[" * 100_000])
def test_a_body_that_is_no_list_is_refused(shared_server: Server, body: bytes):
    with shared_server.client() as client:
        assert client.post("/api/v2/alerts", content=body).status_code == 400


def test_a_packed_body_a_large_one_and_too_many_alerts_are_refused(shared_server: Server):
    with shared_server.client() as client:
        packed = client.post("/api/v2/alerts", content=b"[]", headers={"Content-Encoding": "gzip"})
        assert packed.status_code == 415
        assert client.post("/api/v2/alerts", content=b" " * (16 * 1024 * 1024 + 1)).status_code == 413
        assert client.post("/api/v2/alerts", json=[{}] * 10_001).status_code == 413


def test_odd_but_usable_alerts_are_taken_as_well_as_they_can_be(server: Inside):
    odd = {
        "labels": {"job": "ün\n\"x'; DROP TABLE spans", "severity": " PAGE "},
        "annotations": {"description": "d" * 20_000, "number": 5, "empty": ""},
        "generatorURL": "javascript:alert(1)",
        "unknown": [1],
    }
    assert post(server, odd).status_code == 200
    (shown,) = items(server)
    assert (shown["rule_name"], shown["severity"], shown["generator_url"]) == (None, "critical", None)
    assert shown["labels"] == odd["labels"]
    assert list(shown["annotations"]) == ["description"]
    assert len(shown["message"]) == 16_384
    assert post(server, {"labels": {"x": "y"}, "annotations": None, "startsAt": None}).status_code == 200
    assert {each["message"] for each in items(server)} == {shown["message"], "an alert without a name"}


def test_ten_thousand_alerts_of_one_request_stand_in_pages_each_once(server: Inside):
    many = [alert(f"A{number}", labels={"severity": ("info", "error")[number % 2]}) for number in range(10_000)]
    assert post(server, *many).status_code == 200
    assert post(server, *many[:5]).status_code == 200
    assert server.get("/admin/monitoring/alerts", severity="error")["total"] == 5_000
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 1000, "severity": "info"}
    while True:
        page = server.get("/api/v1/alerts", **query)
        seen += [each["id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 5_000
    with server.client() as client:
        assert '\nspanledger_alerts_firing{severity="info"} 5000' in client.get("/metrics").text


def test_more_alerts_than_may_fire_are_refused_and_those_that_fire_can_still_end(
    server: Inside, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(received, "MOST_FIRING", 3)
    answer = post(server, *(alert(f"A{number}") for number in range(5)))
    assert answer.status_code == 400
    assert "2 alerts: more than" in answer.json()["detail"]
    assert len(items(server, state="firing")) == 3
    assert post(server, alert("A0", endsAt=time(server, -0.001)), alert("A4")).status_code == 200
    assert {each["rule_name"] for each in items(server, state="firing")} == {"A1", "A2", "A4"}


def test_alertmanagers_own_list_and_filters(server: Inside):
    assert (
        post(server, alert(labels={"team": "shop"}), alert("B", labels={"team": "ops", "n": "10"})).status_code == 200
    )

    def names(**query: Any) -> set[str]:
        return {each["labels"]["alertname"] for each in server.get("/api/v2/alerts", **query)}

    assert names() == {"A", "B"}
    for text, found in {
        'team="shop"': {"A"},
        "team=shop": {"A"},
        'team!="shop"': {"B"},
        'team=~"sh.*|x"': {"A"},
        "team=~sho": set(),
        "team!~sh.+": {"B"},
        'n=""': {"A"},
        "n!=": {"B"},
        'n=~"[0-9]+"': {"B"},
        "missing=~.*": {"A", "B"},
        'team=~"(a+)+$"': set(),
    }.items():
        assert names(filter=text) == found, text
    assert names(filter=["team=shop", "alertname=B"]) == set()
    assert names(active="false") == set()
    assert names(receiver="span.*") == {"A", "B"}
    assert names(receiver="web") == set()
    (one,) = server.get("/api/v2/alerts", filter="alertname=A")
    assert one.keys() == {
        *("annotations", "endsAt", "fingerprint", "receivers", "startsAt", "status", "updatedAt", "labels")
    }
    status = server.get("/api/v2/status")
    assert status["cluster"]["status"] == "disabled"
    assert status["versionInfo"].keys() == {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"}


def test_who_sends_and_who_reads(shared_server: Server):
    sender, viewer = shared_server.token_for("ingest"), shared_server.token_for("viewer")
    assert post(shared_server, alert("who"), token=sender).status_code == 200
    assert post(shared_server, alert("who"), token="").status_code == 200  # on loopback, as telemetry
    assert post(shared_server, alert("who"), token=viewer).status_code == 200  # a token is not asked there
    for path in ("/api/v1/alerts", "/api/v2/alerts", "/api/v2/status", "/admin/monitoring/alerts"):
        for token, status in ((sender, 403), (viewer, 200), ("", 401)):
            with shared_server.client(token) as client:
                assert client.get(path).status_code == status
    with shared_server.client("") as client:
        elsewhere = client.post("/api/v2/alerts", json=[alert("evil")], headers={"Origin": "http://evil.example"})
    assert elsewhere.status_code == 403


def test_an_alert_that_there_is_not_is_not_found(shared_server: Server):
    with shared_server.client() as client:
        assert client.get("/api/v1/alerts/00000000-0000-0000-0000-000000000000").status_code == 404
