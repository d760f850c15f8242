"""Rules over HTTP: made, changed, tried on now and on the past, refused with every mistake, and put away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import spanledger
from spanledger.errors import BackendError
from tests.backend.rows import MINUTE, SECOND, insert, line
from tests.support.inside import Inside

OURS, NAMED = "/api/v1/rules", "/api/admin/monitoring/rules"
SEED: dict[str, Any] = {
    "rule_name": "payments fail",
    "metric_name": "payment_success_ratio",
    "threshold_value": 0.95,
    "comparison_operator": "<",
    "severity": "critical",
    "notification_channels": ["email", "slack"],
    "cooldown_minutes": 5,
    "max_alerts_per_hour": 2,
    "is_active": True,
    "duration_seconds": 60,
    "filters": {"service": "shop"},
    "group_by": ["region"],
}


@pytest.fixture(scope="module")
def client(shared_server: Inside) -> Iterator[httpx.Client]:
    with shared_server.client() as client:
        yield client


def mistakes(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    return {each["parameter"]: each["allowed"] for each in problem.get("errors", [problem])}


def test_a_rule_is_made_by_our_names_read_changed_and_put_away(client: httpx.Client) -> None:
    made = client.post(
        OURS,
        json={
            "name": "slow models",
            "metric": "p95_latency",
            "operator": ">",
            "threshold": 2000,
            "duration_seconds": 300,
            "severity": "warning",
            "provider": "claude",
            "enabled": True,
        },
    )
    assert made.status_code == 201, made.text
    rule = made.json()
    assert (rule["threshold"], rule["unit"], rule["filters"]) == (2000, "ms", {"provider": "claude"})
    place = f"{OURS}/{rule['id']}"
    assert client.get(place).json() == rule
    changed = client.put(place, json={"threshold": 2500, "summary": "models are slow"})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["version"], changed.json()["threshold"]) == (2, 2500)
    assert changed.json()["duration_seconds"] == 300  # what is left out stays
    assert client.put(place, json={"threshold": 2500}).json()["version"] == 2  # nothing is different
    assert client.post(f"{place}/disable").json()["enabled"] is False
    assert client.post(f"{OURS}/slow models/enable").json()["version"] == 4
    assert [each["version"] for each in client.get(f"{place}/history").json()["items"]] == [4, 3, 2, 1]
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404
    assert client.get(f"{place}/history").json()["items"][0]["deleted_at"] is not None
    entries = client.get("/api/v1/audit", params={"subject": rule["id"]}).json()["items"]
    assert [each["action"] for each in entries] == [
        "rule.deleted",
        "rule.enabled",
        "rule.disabled",
        "rule.changed",
        "rule.created",
    ]
    detail = json.loads(entries[3]["detail"])
    assert (detail["before"]["threshold"], detail["after"]["threshold"]) == ("2000", "2500")


def test_the_other_names_are_understood_and_told(client: httpx.Client) -> None:
    made = client.post(NAMED, json=SEED)
    assert made.status_code == 201, made.text
    rule = made.json()
    assert {name: rule[name] for name in SEED} == SEED
    assert "nothing named payment_success_ratio has come yet" in rule["warnings"][0]
    listed = client.get(NAMED).json()["rules"]
    assert rule["id"] in [each["id"] for each in listed]
    place = f"{NAMED}/{rule['id']}"
    changed = client.put(place, json={"threshold_value": 0.9, "is_active": False}).json()
    assert (changed["threshold_value"], changed["is_active"], changed["severity"]) == (0.9, False, "critical")
    assert client.post(NAMED, json=SEED).status_code == 409
    tested = client.post(f"{place}/test").json()
    assert (tested["triggered"], tested["verdicts"]) == (False, [])
    assert client.delete(place).status_code == 204


def test_every_mistake_is_told_at_once_with_names_that_are_near(client: httpx.Client) -> None:
    told = mistakes(
        client.post(
            OURS,
            json={
                "name": "",
                "metric": "eror_rate",
                "operator": "~",
                "threshold": "much",
                "severity": "loud",
                "window": "90s",
                "group_by": ["colour"],
                "runbook_url": "javascript:alert(1)",
                "colour": 1,
            },
        )
    )
    assert "did you mean error_rate" in told["metric"]
    assert told.keys() >= {"name", "operator", "threshold", "severity", "window_seconds", "colour"}
    assert "annotations.runbook_url" in told
    assert (
        "a label of error_rate"
        in mistakes(
            client.post(
                OURS,
                json={"name": "x", "metric": "error_rate", "operator": ">", "threshold": 1, "group_by": ["colour"]},
            )
        )["group_by.colour"]
    )
    assert "did you mean" in mistakes(client.post(NAMED, json={**SEED, "metric_name": "p95_latencyy"}))["metric"]


def test_a_condition_that_cannot_be_read_points_at_the_character(client: httpx.Client) -> None:
    told = mistakes(client.post(OURS, json={"name": "x", "condition": "p95_latency >= fast"}))
    assert told["condition"].startswith("at character 16, a number is expected:\n")
    assert told["condition"].endswith("\np95_latency >= fast\n               ^")


def test_composites_of_themselves_are_refused_and_parts_of_them_stay(client: httpx.Client) -> None:
    first = client.post(OURS, json={"name": "part one", "condition": "error_rate > 5%"}).json()
    whole = client.post(OURS, json={"name": "whole", "expression": "'part one' and not 'Error Spike'"})
    assert whole.status_code == 201, whole.text
    assert (
        "made of itself: part one → whole → part one"
        in mistakes(client.put(f"{OURS}/{first['id']}", json={"kind": "composite", "expression": "whole"}))[
            "expression"
        ]
    )
    assert (
        "there is none called 'nobody'"
        in mistakes(client.post(OURS, json={"name": "y", "expression": "whole or nobody"}))["expression"]
    )
    refused = client.delete(f"{OURS}/{first['id']}")
    assert refused.status_code == 409
    assert "whole is made of it" in refused.json()["detail"]
    assert client.delete(f"{OURS}/whole").status_code == 204
    assert client.delete(f"{OURS}/{first['id']}").status_code == 204


def test_the_defaults_are_there_once_and_stay_deleted(server: Inside) -> None:
    with server.client() as client:
        names = {each["rule_name"]: each for each in client.get(NAMED).json()["rules"]}
        assert {"High Latency", "Error Spike", "High Cost", "high_daily_cost", "api_error_rate"} <= names.keys()
        assert names["Error Spike"]["is_active"]
        assert not names["No telemetry"]["is_active"]
        assert client.delete(f"{OURS}/Error Spike").status_code == 204
        mine = client.post(OURS, json={"name": "high_daily_cost", "type": "cost_threshold", "threshold": 10})
        assert (mine.status_code, mine.json()["id"]) == (201, names["high_daily_cost"]["id"])  # an untouched default
        again = client.post(OURS, json={"name": "high_daily_cost", "type": "cost_threshold", "threshold": 11})
        assert again.status_code == 409
    server.stop()
    server.start()
    with server.client() as client:
        states = {each["name"]: each for each in client.get(f"{OURS}/defaults").json()["items"]}
        assert states["Error Spike"]["state"] == "deleted"
        made = client.post(f"{OURS}/defaults", json={"names": ["Error Spike"]}).json()["items"]
        assert [each["name"] for each in made] == ["Error Spike"]
        assert "names" in mistakes(client.post(f"{OURS}/defaults", json={"names": ["nothing"]}))


def test_a_rule_says_what_holds_now_and_what_it_would_have_done(server: Inside) -> None:
    now_ns = server.clock.now_ns()
    lines = [line(n, now_ns - n * 10 * SECOND, error_type="timeout" if n > 60 else None) for n in range(1, 300)]
    vitals = server.running._vitals
    assert vitals is not None
    assert vitals.loop is not None
    marks = [{"family": "cost", "level": "1m", "bucket": now_ns // MINUTE - n} for n in range(60)]
    insert(vitals.database, "ledger", lines)
    insert(vitals.database, "dirty_buckets", marks)
    vitals.loop.tick()
    with server.client() as client:
        client.post(OURS, json={"name": "fails", "condition": "error_rate > 5% for 2m over 20m", "min_events": 10})
        tested = client.post(f"{OURS}/fails/test").json()
        assert tested["triggered"], tested
        assert 0.4 < tested["current_value"] < 0.6
        assert tested["threshold_value"] == 0.05
        assert tested["story"]["title"] == tested["message"]
        assert tested["story"]["traces"]
        body = {"rule": "fails", "from": "now-1h", "thresholds": [1.0]}
        replayed = client.post(f"{OURS}/backtest", json=body).json()
        assert (replayed["fired"], replayed["step_seconds"]) == (1, 60)
        assert replayed["sentence"].startswith("would have fired once in 1 hour, median ")
        assert replayed["compared"][0]["fired"] == 0
        unkept = {"rule": {"metric": "requests", "operator": ">", "threshold": 1000}, "from": "now-1h"}
        assert client.post(f"{OURS}/backtest", json=unkept).json()["sentence"] == "would not have fired in 1 hour"
        silence = {"rule": {"kind": "absence", "window_seconds": 600}, "from": "now-30m"}
        assert client.post(f"{OURS}/backtest", json=silence).json()["sentence"] == "would not have fired in 30 minutes"


def test_rules_are_suggested_by_pages_until_all_were_tried(server: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns = server.clock.now_ns()
    lines = [line(number, now_ns - number * MINUTE, error_type="timeout") for number in range(1, 240)]
    vitals = server.running._vitals
    assert vitals is not None
    assert vitals.loop is not None
    insert(vitals.database, "ledger", lines)
    marks = [{"family": "cost", "level": "1m", "bucket": now_ns // MINUTE - n} for n in range(300)]
    insert(vitals.database, "dirty_buckets", marks)
    vitals.loop.tick()
    with server.client() as client:
        for each in client.get(OURS, params={"limit": 1000}).json()["items"]:
            client.delete(f"{OURS}/{each['id']}").raise_for_status()
        client.post(OURS, json={"name": "quiet", "condition": "requests > 100000", "enabled": False}).raise_for_status()
        client.post(OURS, json={"name": "loud", "condition": "error_rate > 0.5", "enabled": False}).raise_for_status()
        elsewhere = {"condition": "error_rate > 0.9", "enabled": False, "filters": {"model": "never asked"}}
        client.post(OURS, json={"name": "never known"} | elsewhere).raise_for_status()
        monkeypatch.setattr("spanledger_server.api.rules.SUGGESTED_WITHIN_S", 60.0)  # all on one page
        whole = client.get(f"{OURS}/suggest").json()
        assert [(each["kind"], each["title"]) for each in whole["items"]] == [("on", "loud"), ("on", "quiet")]
        assert whole["items"][0]["replay"]["sentence"].startswith("would have fired once in 7 days")
        assert whole["items"][1]["replay"]["sentence"] == "would not have fired in 7 days"
        assert (whole["of"], whole["tried"], whole["noisy"], whole["next_cursor"]) == (3, 3, 0, None)
        monkeypatch.setattr("spanledger_server.api.rules.SUGGESTED_WITHIN_S", -1.0)  # one a page
        pages, cursor = [], None
        while cursor or not pages:
            pages.append(client.get(f"{OURS}/suggest", params={"cursor": cursor} if cursor else {}).json())
            cursor = pages[-1]["next_cursor"]
        assert [page["tried"] for page in pages] == [1, 1, 1]
        assert [each["title"] for page in pages for each in page["items"]] == ["loud", "quiet"]
        for name in ("noisy", "unknown"):
            assert sum(page[name] for page in pages) == whole[name]
        assert client.get(f"{OURS}/suggest", params={"cursor": "x"}).status_code == 422


def test_the_monitor_of_the_sdk_adds_rules(shared_server: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spanledger.production_monitor.configure", lambda **more: None)  # it only asks
    monitor = spanledger.ProductionMonitor({"url": shared_server.url, "token": shared_server.token})
    rule = monitor.add_alert_rule(
        name="high_latency", condition="processing_time > 500", severity="warning", channels=["slack"]
    )
    assert (rule["name"], rule["metric"], rule["threshold"]) == ("high_latency", "processing_time", 500)
    assert rule["notification_channels"] == ["slack"]
    with pytest.raises(BackendError, match="at character 17, a number is expected"):
        monitor.add_alert_rule("x", "quality_score < bad")
