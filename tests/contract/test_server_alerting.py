"""Alerts of rules over HTTP, end to end: judged, told, taken care of, silenced, and grouped into incidents."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.inside import Inside, Shifted

NS = 10**9
ADMIN = "admin token of the settings"


@pytest.fixture(scope="module")
def clock() -> Shifted:
    return Shifted()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, clock: Shifted) -> Iterator[Inside]:
    running = Inside(tmp_path_factory.mktemp("alerting"), "--tick", "10m", clock=clock)
    try:
        yield running.start()
    finally:
        running.stop()


def time(server: Inside, offset_s: float = 0) -> str:
    moment = dt.datetime.fromtimestamp(server.clock.now_ns() / NS + offset_s, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def pass_s(server: Inside, clock: Shifted, seconds: float) -> None:
    clock.by_ns += int(seconds * NS)
    vitals = server.running._vitals
    assert vitals is not None
    assert vitals.loop is not None
    assert vitals.loop.tick() == 0


def ask(server: Inside, method: str, path: str, status: int = 200, **more: Any) -> Any:
    with server.client() as client:
        answer = client.request(method, path, **more)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def fire(server: Inside, name: str, **labels: str) -> str:
    """A received alert that fires for an hour."""
    alert = {"labels": {"alertname": name, **labels}, "endsAt": time(server, 3600)}
    ask(server, "POST", "/api/v2/alerts", json=[alert])
    found = ask(server, "GET", "/api/v1/alerts", params={"state": "firing"})["items"]
    return next(str(each["id"]) for each in found if each["labels"] == alert["labels"])


def end(server: Inside, name: str, **labels: str) -> None:
    alert = {"labels": {"alertname": name, **labels}, "startsAt": time(server, -3600), "endsAt": time(server, -0.001)}
    ask(server, "POST", "/api/v2/alerts", json=[alert])


def test_a_rule_fires_within_one_tick_is_taken_care_of_and_ends_once_its_condition_is_over(
    server: Inside, clock: Shifted
):
    wanted = {"name": "no requests", "condition": "requests < 1", "severity": "critical", "no_data": "fire"}
    rule = ask(server, "POST", "/api/v1/rules", 201, json=wanted)
    pass_s(server, clock, 10)
    (alert,) = ask(server, "GET", "/api/v1/alerts", params={"source": "rule", "rule_id": rule["id"]})["items"]
    assert (alert["state"], alert["severity"], alert["rule_name"]) == ("firing", "critical", "no requests")
    (active,) = [
        each
        for each in ask(server, "GET", "/api/admin/monitoring/alerts/active")["alerts"]
        if each["rule_id"] == rule["id"]
    ]
    assert active.keys() >= {"id", "rule_id", "rule_name", "severity", "state", "started_at", "labels"}
    assert active.keys() >= {"current_value", "threshold_value"}

    taken = ask(server, "POST", f"/api/admin/monitoring/alerts/{alert['id']}/acknowledge", json={"note": "mine"})
    assert taken["acknowledged"]["by"] == ADMIN
    again = ask(server, "POST", f"/api/v1/alerts/{alert['id']}/acknowledge", json={"for": "30s"})
    assert again["acknowledged"]["until"] is not None
    (active,) = [
        each
        for each in ask(server, "GET", "/api/admin/monitoring/alerts/active")["alerts"]
        if each["rule_id"] == rule["id"]
    ]
    assert active["state"] == "acknowledged"
    pass_s(server, clock, 40)
    whole = ask(server, "GET", f"/api/v1/alerts/{alert['id']}")
    assert whole["acknowledged"] is None
    ask(server, "POST", f"/api/v1/alerts/{alert['id']}/notes", 201, json={"note": "the shop is closed"})
    assert ask(server, "POST", f"/api/v1/alerts/{alert['id']}/feedback", json={"useful": True})["useful"] == 1

    ask(server, "POST", f"/api/v1/rules/{rule['id']}/disable")
    pass_s(server, clock, 10)
    whole = ask(server, "GET", f"/api/v1/alerts/{alert['id']}")
    kinds = [(change["kind"], change["by"]) for change in whole["history"]]
    assert kinds == [
        ("fired", None),
        ("acknowledged", ADMIN),
        ("acknowledged", ADMIN),
        ("unacknowledged", None),
        ("note", ADMIN),
        ("resolved", None),
    ]
    assert (whole["history"][-1]["why"], whole["state"]) == ("rule disabled", "resolved")
    assert whole["story"]["title"]
    ask(server, "POST", f"/api/v1/alerts/{alert['id']}/acknowledge", 409)
    (precise,) = [
        each for each in ask(server, "GET", "/api/v1/alerts/precision")["items"] if each["rule_id"] == rule["id"]
    ]
    assert (precise["fired"], precise["judged"], precise["precision"]) == (1, 1, 1.0)
    history = ask(server, "GET", "/api/admin/monitoring/alerts/history")["alerts"]
    assert alert["id"] in {each["id"] for each in history}
    audited = ask(server, "GET", "/api/v1/audit", params={"subject": alert["id"]})["items"]
    assert {row["action"] for row in audited} == {"alert.acknowledged", "alert.noted", "alert.judged"}


def test_many_are_taken_by_a_filter_or_by_ids_and_ended(server: Inside):
    ids = [fire(server, "many", n=str(number), team="a" if number < 3 else "b") for number in range(5)]
    done = ask(
        server, "POST", "/api/v1/alerts/acknowledge", json={"filter": {"matchers": ["alertname=many", "team=a"]}}
    )
    assert sorted(done["changed"]) == sorted(ids[:3])
    done = ask(server, "POST", "/api/v1/alerts/unacknowledge", json={"ids": ids})
    assert (sorted(done["changed"]), sorted(done["unchanged"])) == (sorted(ids[:3]), sorted(ids[3:]))
    done = ask(server, "POST", "/api/v1/alerts/resolve", json={"ids": ids, "note": "a false alarm"})
    assert sorted(done["changed"]) == sorted(ids)
    ask(server, "POST", "/api/v1/alerts/resolve", 404, json={"ids": ["00000000-0000-0000-0000-000000000000"]})
    again = {"labels": {"alertname": "many", "n": "0", "team": "a"}, "endsAt": time(server, 7200)}
    ask(
        server, "POST", "/api/v2/alerts", json=[again]
    )  # it was ended by hand: that its sender says it again is no news
    assert ask(server, "GET", f"/api/v1/alerts/{ids[0]}")["state"] == "resolved"


def test_a_silence_holds_back_what_matches_until_it_ends_or_is_expired(server: Inside, clock: Shifted):
    held, told = fire(server, "Quiet", team="shop"), fire(server, "Loud", team="ops")
    wanted = {"matchers": ['team=~"sh.*"', "alertname!=Loud"], "duration": "1h", "comment": "the shop moves"}
    made = ask(server, "POST", "/api/v1/silences", 201, json=wanted)
    assert (made["state"], made["created_by"]) == ("active", ADMIN)
    shown = ask(server, "GET", f"/api/v1/alerts/{held}")["held_back"]
    assert shown["silenced_by"] == [made["id"]]
    assert "the shop moves" in shown["why"]
    assert ask(server, "GET", f"/api/v1/alerts/{told}")["held_back"] is None
    longer = ask(server, "PUT", f"/api/v1/silences/{made['id']}", json=wanted | {"duration": "2h"})
    assert longer["ends_at"] > made["ends_at"]
    assert longer["starts_at"] == made["starts_at"]
    assert [each["id"] for each in ask(server, "GET", "/api/v1/silences")["items"]] == [made["id"]]
    gone = ask(server, "DELETE", f"/api/v1/silences/{made['id']}")
    assert gone["state"] == "expired"
    ask(server, "DELETE", f"/api/v1/silences/{made['id']}", 409)
    ask(server, "PUT", f"/api/v1/silences/{made['id']}", 409, json=wanted)
    assert ask(server, "GET", f"/api/v1/alerts/{held}")["held_back"] is None
    assert ask(server, "GET", "/api/v1/silences")["items"] == []
    audited = ask(server, "GET", "/api/v1/audit", params={"subject": made["id"]})["items"]
    assert [row["action"] for row in audited] == ["silence.expired", "silence.changed", "silence.created"]


def test_amtools_way_to_make_list_and_expire_silences(server: Inside):
    fire(server, "Am", team="am")
    posted = {
        "matchers": [{"name": "team", "value": "am", "isRegex": False, "isEqual": True}],
        "startsAt": time(server),
        "endsAt": time(server, 3600),
        "createdBy": "root",
        "comment": "by amtool",
    }
    made = ask(server, "POST", "/api/v2/silences", json=posted)["silenceID"]
    one = ask(server, "GET", f"/api/v2/silence/{made}")
    assert one["status"] == {"state": "active"}
    assert one["matchers"] == posted["matchers"]
    assert {"id", "updatedAt", "comment", "createdBy", "startsAt", "endsAt"} <= one.keys()
    (listed,) = ask(server, "GET", "/api/v2/silences", params={"filter": "team=am"})
    assert listed == one
    assert ask(server, "GET", "/api/v2/silences", params={"filter": "team=other"}) == []
    (alert,) = ask(server, "GET", "/api/v2/alerts", params={"filter": "alertname=Am"})
    assert alert["status"] == {"state": "suppressed", "silencedBy": [made], "inhibitedBy": [], "mutedBy": []}
    assert ask(server, "GET", "/api/v2/alerts", params={"filter": "alertname=Am", "silenced": "false"}) == []
    changed = ask(server, "POST", "/api/v2/silences", json=posted | {"id": made, "comment": "longer"})["silenceID"]
    assert changed == made
    ask(server, "DELETE", f"/api/v2/silence/{made}")
    assert ask(server, "GET", f"/api/v2/silence/{made}")["status"] == {"state": "expired"}


@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed")
def test_the_real_amtool_makes_changes_lists_and_expires_silences(server: Inside, tmp_path: Path):
    fire(server, "Tool", team="tool")
    configuration = tmp_path / "http.yml"
    configuration.write_text(f"authorization:\n  credentials: {server.token_for('admin')}\n")
    amtool = ("amtool", "--alertmanager.url", server.url, "--http.config.file", str(configuration))

    def run(*words: str) -> str:
        done = subprocess.run([*amtool, *words], capture_output=True, text=True, check=True, timeout=30)
        return done.stdout

    made = run("silence", "add", "team=tool", "alertname=~T.*", "-c", "moving", "-d", "1h").strip()
    assert made in run("silence", "query", "team=tool")
    assert "Tool" not in run("alert", "query", "team=tool")
    assert "suppressed" in run("alert", "query", "--silenced", "team=tool")
    assert made in run("silence", "update", "-d", "2h", made)
    run("silence", "expire", made)
    assert ask(server, "GET", f"/api/v2/silence/{made}")["status"]["state"] == "expired"
    assert "active" in run("alert", "query", "team=tool")


def test_maintenance_and_inhibitions_hold_back_and_are_taken_away(server: Inside):
    alert, cause = fire(server, "Slow", host="h1", service="db"), fire(server, "HostDown", host="h1")
    window = {"name": "move", "matchers": ["service=db"], "comment": "it moves", "ends_at": "now+1h"}
    made = ask(server, "POST", "/api/v1/maintenance", 201, json=window)
    assert made["now"] is not None
    assert ask(server, "GET", f"/api/v1/alerts/{alert}")["held_back"]["maintenance"] == [made["id"]]
    ask(server, "POST", "/api/v1/maintenance", 409, json=window)
    weekly = {"name": "move", "matchers": ["service=db"], "comment": "each Sunday", "at": "02:30", "minutes": 30}
    changed = ask(
        server,
        "PUT",
        f"/api/v1/maintenance/{made['id']}",
        json=weekly | {"weekdays": ["sun"], "timezone": "Asia/Tokyo"},
    )
    assert changed["next"] is not None
    late = window | {"updated_at": made["updated_at"]}
    refused = ask(server, "PUT", f"/api/v1/maintenance/{made['id']}", 409, json=late)
    assert f"it was changed by {changed['updated_by']} at {changed['updated_at']}" in refused["detail"]
    ask(server, "DELETE", f"/api/v1/maintenance/{made['id']}", 204)
    ask(server, "GET", f"/api/v1/maintenance/{made['id']}", 404)

    rule = {"name": "host", "source": ["alertname=HostDown"], "target": ["host=~.+"], "equal": ["host"]}
    inhibition = ask(server, "POST", "/api/v1/inhibitions", 201, json=rule)
    assert ask(server, "GET", f"/api/v1/alerts/{alert}")["held_back"]["inhibited_by"] == [inhibition["id"]]
    assert ask(server, "GET", f"/api/v1/alerts/{cause}")["held_back"] is None
    other = f"/api/v1/inhibitions/{inhibition['id']}"
    wider = rule | {"source": ["alertname=~Host.*"], "updated_at": inhibition["updated_at"]}
    changed = ask(server, "PUT", other, json=wider)
    assert changed == ask(server, "GET", other)
    assert (changed["id"], changed["created_at"]) == (inhibition["id"], inhibition["created_at"])
    assert changed["source"] == ['alertname=~"Host.*"']
    ask(server, "PUT", other, 409, json=wider)
    assert ask(server, "GET", f"/api/v1/alerts/{alert}")["held_back"]["inhibited_by"] == [inhibition["id"]]
    end(server, "HostDown", host="h1")
    assert ask(server, "GET", f"/api/v1/alerts/{alert}")["held_back"] is None
    ask(server, "DELETE", f"/api/v1/inhibitions/{inhibition['id']}", 204)
    assert ask(server, "GET", "/api/v1/inhibitions")["items"] == []


def test_an_incident_holds_alerts_that_fired_together_and_what_happened_around_them(server: Inside, clock: Shifted):
    clock.by_ns += 3 * 3600 * NS
    marker = {"service": "shop", "version": "1.8.0", "at": time(server, -120)}
    first = ask(server, "POST", "/api/v1/deployments", 201, json=marker)
    assert ask(server, "POST", "/api/v1/deployments", 201, json=marker)["id"] == first["id"]
    assert len(ask(server, "GET", "/api/v1/deployments", params={"service": "shop"})["items"]) == 1
    pass_s(server, clock, 0)  # what fired before has expired
    alert = fire(server, "Slow shop", service="shop", severity="error")
    clock.by_ns += 60 * NS
    other = fire(server, "Failing shop", service="shop", severity="critical")
    silence = {"matchers": ["service=shop"], "duration": "10m", "comment": "we know"}
    ask(server, "POST", "/api/v1/silences", 201, json=silence)
    (incident, *_) = ask(server, "GET", "/api/v1/incidents")["items"]
    assert (incident["state"], incident["severity"]) == ("open", "critical")
    assert "shop" in incident["services"]
    whole = ask(server, "GET", f"/api/v1/incidents/{other}")
    assert whole["id"] == incident["id"]
    assert {alert, other} <= {each["id"] for each in whole["members"]}
    ask(server, "POST", f"/api/v1/incidents/{other}/notes", 201, json={"note": "rolled back"})
    lines = ask(server, "GET", f"/api/v1/incidents/{incident['id']}")["timeline"]
    assert {line["kind"] for line in lines} >= {"deployment", "alert", "silence", "note"}
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert any("shop 1.8.0 went out" in line["text"] for line in lines)
    ask(server, "GET", "/api/v1/incidents/00000000-0000-0000-0000-000000000000", 404)


def test_a_check_that_is_down_is_an_alert_until_it_is_deleted(server: Inside, clock: Shifted):
    check = {"name": "orders-db", "kind": "tcp", "target": "127.0.0.1:1", "service": "orders", "down_after": 1}
    made = ask(server, "POST", "/api/v1/health/checks", 201, json=check)
    ask(server, "POST", f"/api/v1/health/checks/{made['id']}/run")
    pass_s(server, clock, 10)
    asked = {"source": "rule", "state": "active"}
    (alert,) = ask(server, "GET", "/api/v1/alerts", params=asked)["items"]
    assert alert["labels"] == {
        "alertname": "A health check is down",
        "check": "orders-db",
        "kind": "tcp",
        "service": "orders",
    }
    assert (alert["severity"], alert["current_value"], alert["unit"]) == ("critical", 2, "{state}")
    ask(server, "DELETE", f"/api/v1/health/checks/{made['id']}", 204)
    pass_s(server, clock, 10)
    assert ask(server, "GET", "/api/v1/alerts", params=asked)["items"] == []


def test_a_maintenance_window_lasts_as_long_as_it_says(server: Inside):
    body = {"name": "copies", "matchers": ["service=db"], "comment": "x"}
    again = ask(server, "POST", "/api/v1/maintenance", 201, json=body | {"at": "02:30", "duration": "2h"})
    assert again["minutes"] == 120
    ask(server, "DELETE", f"/api/v1/maintenance/{again['id']}", 204)
    for wrong in (
        {"at": "02:30", "duration": "90s"},
        {"at": "02:30", "duration": "1h", "minutes": 60},
        {"duration": "1h", "ends_at": "now+1h"},
    ):
        told = ask(server, "POST", "/api/v1/maintenance", 422, json=body | wrong)
        assert told["parameter"] in ("duration", "minutes")


def test_how_rules_are_judged_stands_in_the_metrics(server: Inside, clock: Shifted):
    pass_s(server, clock, 10)
    with server.client() as client:
        metrics = client.get("/metrics").text
    for name in ("rules", "rules_failing", "rules_lag_seconds", "rules_evaluation_seconds", "rules_overruns_total"):
        assert f"\nspanledger_{name} " in metrics


def test_who_may_change_and_who_may_only_look(server: Inside):
    viewer, sender = server.token_for("viewer"), server.token_for("ingest")
    alert = fire(server, "Whose")
    for token, path, body, status in (
        (viewer, f"/api/v1/alerts/{alert}/acknowledge", {}, 403),
        (viewer, "/api/v1/silences", {"matchers": ["a=b"], "duration": "1h", "comment": "x"}, 403),
        (sender, "/api/v1/silences", {"matchers": ["a=b"], "duration": "1h", "comment": "x"}, 403),
        (sender, "/api/v1/deployments", {"service": "a", "version": "1"}, 201),
    ):
        with server.client(token) as client:
            answer: httpx.Response = client.post(path, json=body)
        assert answer.status_code == status, path
    with server.client(viewer) as client:
        assert client.get("/api/v1/silences").status_code == 200


def test_alerts_of_a_store_survive_its_restart(tmp_path: Path):
    clock = Shifted()
    running = Inside(tmp_path, "--tick", "10m", clock=clock).start()
    try:
        wanted = {"name": "quiet", "condition": "requests < 1", "no_data": "fire", "duration_seconds": 60}
        ask(running, "POST", "/api/v1/rules", 201, json=wanted)
        pass_s(running, clock, 10)
        running.stop()
        clock.by_ns += 55 * NS
        running.start()
        pass_s(running, clock, 10)
        found = [each for each in ask(running, "GET", "/api/v1/alerts")["items"] if each["rule_name"] == "quiet"]
        assert [each["state"] for each in found] == ["firing"]
        history = ask(running, "GET", f"/api/v1/alerts/{found[0]['id']}")["history"]
        assert [change["kind"] for change in history] == ["pending", "fired"]
    finally:
        running.stop()
