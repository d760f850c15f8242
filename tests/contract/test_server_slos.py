"""Objectives over HTTP, on the real server and over spans and ledger events that came by OTLP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from tests.support import telemetry
from tests.support.inside import Inside

NS = 10**9
SLO: dict[str, Any] = {
    "apiVersion": "openslo/v1",
    "kind": "SLO",
    "metadata": {"name": "chat-availability", "displayName": "Chat answers", "annotations": {"team": "books"}},
    "spec": {
        "description": "Chats are answered.",
        "service": "chat-api",
        "indicator": {
            "metadata": {"name": "answered"},
            "spec": {
                "ratioMetric": {
                    "counter": True,
                    "good": {
                        "metricSource": {
                            "type": "spanledger",
                            "spec": {"kind": "span", "filter": {"service.name": "chat-api", "status": "ok"}},
                        }
                    },
                    "total": {
                        "metricSource": {
                            "type": "spanledger",
                            "spec": {"kind": "span", "filter": {"service.name": "chat-api"}},
                        }
                    },
                }
            },
        },
        "timeWindow": [{"duration": "30d", "isRolling": True}],
        "budgetingMethod": "Occurrences",
        "objectives": [{"target": 0.99}],
    },
}


@pytest.fixture(scope="module")
def running(shared_server: Inside) -> Iterator[httpx.Client]:
    with shared_server.client() as client:
        yield client


@pytest.fixture
def client(running: httpx.Client, request: pytest.FixtureRequest) -> httpx.Client:
    """A server that knows no objective, and nothing of the test's own service."""
    kept_ones = running.get("/api/v1/slos").json()["slos"]
    for kept in sorted(kept_ones, key=lambda one: not one["parts"]):
        running.delete(f"/api/v1/slos/{kept['id']}")
    running.headers["X-Service"] = f"chat-{abs(hash(request.node.name))}"
    return running


def service(client: httpx.Client) -> str:
    return client.headers["X-Service"]


def slo(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(SLO).replace("chat-api", service(client)))
    return found


def spans(
    client: httpx.Client, good: int, bad: int, *, ago_s: float = 60, duration_ms: int = 100, route: str = "/books"
) -> None:
    at_ns = int((time.time() - ago_s) * NS)
    each = [telemetry.span(at_ns=at_ns, duration_ms=duration_ms, failed=n < bad) for n in range(good + bad)]
    for one in each:
        one.attributes.extend(telemetry.attributes({"http.route": route}))
    sent = client.post(
        "/v1/traces",
        content=telemetry.span_request(*each, service=service(client)),
        headers={"Content-Type": "application/x-protobuf"},
    )
    assert sent.status_code == 200, sent.text


def made(client: httpx.Client, document: Any = None) -> dict[str, Any]:
    answer = client.post("/api/v1/slos", json=document or slo(client))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def report(client: httpx.Client, slo_id: str, **query: str) -> dict[str, Any]:
    answer = client.get(f"/api/v1/slos/{slo_id}/report", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_report_counts_events_and_says_what_is_left(client: httpx.Client):
    slo_id = made(client)["id"]
    empty = report(client, slo_id)
    assert (empty["state"], empty["reason"], empty["achieved_performance"]) == ("unknown", "no_events", None)
    spans(client, 995, 5)
    found = report(client, slo_id)
    assert (found["good"], found["total"], found["state"]) == (995, 1000, "ok")
    assert found["slo_target"] == 99
    assert found["achieved_performance"] == 99.5
    assert found["total_error_budget"] == 1
    assert found["consumed_budget"] == 0.5
    assert found["remaining_budget"] == 0.5
    assert found["remaining_ratio"] == pytest.approx(0.5)
    assert found["coverage"] is not None or not found["weighed"]
    assert {each["window_s"] for each in found["burn_rates"]} >= {300, 3600, 21600}
    assert found["burn_rates"][0]["burn_rate"] == pytest.approx(0.5)


def test_an_overspent_budget_is_a_breach_with_its_incident_and_who_it_was(client: httpx.Client):
    slo_id = made(client)["id"]
    spans(client, 50, 50, ago_s=600, route="/chat")
    spans(client, 100, 0)
    found = report(client, slo_id)
    assert (found["state"], found["reason"]) == ("breach", "overspent")
    assert found["remaining_budget"] == -24
    assert found["time_until_exhausted"] == 0
    assert [each["bad"] for each in found["incidents"]] == [50]
    assert found["contributors"][0]["share_of_bad"] == 1
    paging = [each for each in found["conditions"] if each["severity"] == "page"]
    assert [each["firing"] for each in paging] == [
        False,
        True,
    ]  # the last five minutes are fine, the last thirty are not


def test_a_latency_objective_says_which_threshold_it_really_has(client: httpx.Client):
    given = {
        "name": "chat-fast",
        "service": service(client),
        "indicator": {"kind": "span", "below": {"field": "duration_ms", "value": 500}},
        "target": 0.9,
        "window": "7d",
    }
    made(client, given)
    spans(client, 8, 0, duration_ms=100)
    spans(client, 2, 0, duration_ms=900, ago_s=61)
    found = report(client, "chat-fast")
    assert (found["good"], found["total"], found["state"]) == (8, 10, "breach")
    assert found["measured"]["threshold"]["effective_value"] == pytest.approx(500, rel=0.022)


def test_what_came_as_openslo_leaves_as_it_came(client: httpx.Client):
    text = "# ours\n" + json.dumps(slo(client), indent=1)
    answer = client.post("/api/v1/slos/openslo", content=text, headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 201, answer.text
    own = {
        "name": "own",
        "service": "shop",
        "indicator": {"kind": "ledger", "below": {"field": "cost_usd", "value": 0.05}},
        "target": 0.95,
        "window": {"duration": "1M", "calendar": True, "timezone": "Europe/Berlin"},
        "alerting": [{"severity": "page", "budget_percent": 2, "long": "1h", "short": "5m"}],
    }
    made(client, own)
    exported = client.get("/api/v1/slos/openslo").text
    assert json.dumps(slo(client), indent=1) in exported
    before = {each["name"]: each for each in client.get("/api/v1/slos").json()["slos"]}
    for each in before.values():
        assert client.delete(f"/api/v1/slos/{each['id']}").status_code == 204
    again = client.post("/api/v1/slos/openslo", content=exported, headers={"Content-Type": "application/yaml"})
    assert again.status_code == 201, again.text
    after = {each["name"]: each for each in client.get("/api/v1/slos").json()["slos"]}
    for name, each in before.items():
        for member in ("target", "window", "method", "measured", "conditions", "service"):
            assert after[name][member] == each[member], (name, member)


def test_a_change_is_another_generation_and_is_audited(client: httpx.Client):
    kept = made(client)
    changed = slo(client)
    changed["spec"]["objectives"][0]["target"] = 0.999
    answer = client.put(f"/api/v1/slos/{kept['id']}", json=changed)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["generation"], answer.json()["target"]) == (2, 99.9)
    found = client.get("/api/v1/slos/chat-availability").json()
    assert [each["definition"]["target"] for each in found["generations"]] == [0.99]
    actions = [row["action"] for row in client.get("/api/v1/audit").json()["items"]]
    assert actions[:2] == ["slo.changed", "slo.created"]


def test_all_mistakes_are_told_at_once_with_line_and_member_and_nothing_is_imported(client: httpx.Client):
    text = """
apiVersion: openslo/v1
kind: SLO
metadata: {name: Not A Name}
spec:
  service: chat-api
  indicator:
    spec:
      thresholdMetric:
        metricSource: {type: prometheus, spec: {query: up}}
  timeWindow:
    - {duration: 2w, isRolling: true}
  budgetingMethod: Occurrences
  objectives:
    - {op: lt, value: 500, target: 1}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: fine}
spec:
  service: chat-api
  indicator:
    spec:
      thresholdMetric:
        metricSource: {type: spanledger, spec: {kind: span, colour: red}}
  timeWindow:
    - {duration: 2y, isRolling: true}
  budgetingMethod: Sometimes
  objectives:
    - {op: lt, value: 500, target: 2}
"""
    answer = client.post("/api/v1/slos/openslo", content=text.encode())
    assert answer.status_code == 422
    told = answer.json()
    assert "line 10: spec.indicator.spec.thresholdMetric.metricSource.type" in told["detail"]
    assert "line 29" in told["detail"] or "spec.budgetingMethod" in told["detail"]
    assert client.get("/api/v1/slos").json()["slos"] == []


HOSTILE = [
    (b"a: &a [1]\nb: *a", 400),
    (b"a: !!python/object/apply:os.system [ls]", 400),
    (b"{a: 1, a: 2}", 400),
    (b"[" * 5000, 400),
    (b"x" * 5_000_000, 413),
    (b"", 400),
    (b"\xff\xfe", 400),
    (b"just text", 422),
    (b"[]", 400),
]


@pytest.mark.parametrize(("content", "status"), HOSTILE, ids=[str(n) for n in range(len(HOSTILE))])
def test_hostile_documents_are_refused(client: httpx.Client, content: bytes, status: int):
    answer = client.post("/api/v1/slos", content=content)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("target", [0, 1, 1.5, -1, "NaN", "Infinity", None, True, [0.9], 99.9])
def test_a_target_is_a_share_strictly_between_0_and_1(client: httpx.Client, target: Any):
    given = {
        "name": "x",
        "service": "s",
        "indicator": {"kind": "span", "good": {"status": "ok"}},
        "window": "7d",
        "target": target,
    }
    answer = client.post("/api/v1/slos", json=given)
    assert answer.status_code == 422, answer.text
    assert answer.json()["parameter"] == "target"


def test_a_month_of_all_objectives_as_json_and_as_markdown(client: httpx.Client):
    made(client)
    spans(client, 90, 10)
    month = time.strftime("%Y-%m", time.gmtime())
    found = client.get("/api/v1/reports/sla", params={"month": month}).json()
    assert (found["kept"], found["missed"], found["compliance"]) == (0, 1, 0)
    text = client.get("/api/v1/reports/sla", params={"month": month, "format": "markdown"})
    assert text.headers["content-type"].startswith("text/markdown")
    assert f"| Chat answers | {service(client)} | 99 % | 90 % |" in text.text
    assert client.get("/api/v1/reports/sla", params={"month": "2999-01"}).status_code == 422
    assert client.get("/api/v1/reports/sla", params={"month": "2026-13"}).status_code == 422


def test_planned_downtime_is_excluded_and_shown_and_every_change_of_it_is_in_the_trail(client: httpx.Client):
    slo_id = made(client)["id"]
    minute = int(time.time()) // 60 * 60 - 1800
    spans(client, 0, 20, ago_s=time.time() - minute - 30)
    spans(client, 100, 0)
    assert report(client, slo_id)["state"] == "breach"
    planned = {"kind": "downtime", "reason": "the database is moved", "from": stamp(minute), "to": stamp(minute + 600)}
    path = f"/api/v1/slos/{slo_id}/adjustments"
    added = client.post(path, json=planned)
    assert added.status_code == 201, added.text
    found = report(client, slo_id)
    assert (found["state"], found["total"], found["excluded_minutes"]) == ("ok", 100, 10)
    assert [each["minutes"] for each in found["excluded"]] == [10]
    assert [each["id"] for each in client.get(path).json()["adjustments"]] == [added.json()["id"]]
    weekly = {
        "kind": "downtime",
        "reason": "patches",
        "starts": "2026-11-01T02:00",
        "duration": "2h",
        "timezone": "Europe/Berlin",
        "repeats": "week",
    }
    changed = client.put(f"{path}/{added.json()['id']}", json=weekly)
    assert (changed.status_code, len(changed.json()["next"])) == (200, 3)
    refusal = client.post(path, json=weekly | {"timezone": "Mars/Olympus", "repeats": "never"})
    assert refusal.status_code == 422
    assert {each["parameter"] for each in refusal.json()["errors"]} == {"timezone", "repeats"}
    assert client.delete(f"{path}/{added.json()['id']}").status_code == 204
    assert client.delete(f"{path}/{added.json()['id']}").status_code == 404
    trail = client.get("/api/v1/audit", params={"subject": slo_id, "action": "slo.adjustment"}).json()
    assert [row["action"].split(".")[-1] for row in trail["items"]] == ["deleted", "changed", "created"]


def test_composites_and_groups_are_told_with_their_parts(client: httpx.Client):
    first = made(client, own(client, "first", groups={"by": "route", "most": 1}))
    spans(client, 10, 10, route="/chat")
    spans(client, 80, 0, route="/books", ago_s=61)
    spans(client, 5, 1, route="/pay", ago_s=62)
    both = made(client, own(client, "both", indicator={"kind": "composite", "parts": [{"slo": "first", "weight": 2}]}))
    found = client.get(f"/api/v1/slos/{first['id']}").json()["groups"]
    assert [(each["value"], each["state"]) for each in found["each"]] == [("/chat", "breach")]
    assert found["others"] | {"uncounted": 0} == {
        "groups": 2,
        "good": 85,
        "total": 86,
        "bad": 1,
        "estimated": False,
        "uncounted": 0,
    }
    told = report(client, both["id"])
    assert [(part["slo"], part["share"], part["total"]) for part in told["parts"]] == [("first", 1, 106)]
    assert told["contributors"][0]["dimension"] == "objective"
    assert client.delete("/api/v1/slos/first").status_code == 409
    assert client.delete("/api/v1/slos/both").status_code == 204


def own(client: httpx.Client, name: str, **changed: Any) -> dict[str, Any]:
    indicator = {"kind": "span", "good": {"status": "ok"}}
    return {"name": name, "service": service(client), "indicator": indicator, "target": 0.9, "window": "7d"} | changed


def stamp(second: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def test_the_budget_over_time_ends_where_the_objective_stands(client: httpx.Client):
    made(client, own(client, "over-time"))
    spans(client, 90, 5)
    found = client.get("/api/v1/slos/over-time/series", params={"window": "1d"}).json()
    assert found["points"][-1]["remaining_ratio"] == pytest.approx(report(client, "over-time")["remaining_ratio"])
    assert (found["points"][0]["remaining_ratio"], found["width_s"]) == (1, 900)
    assert sum(point["total"] for point in found["points"]) == 95


def test_a_definition_is_simulated_and_not_kept(client: httpx.Client):
    spans(client, 40, 60, ago_s=3600)
    given = own(client, "would-be", target=0.99)
    path = "/api/v1/slos/simulate"
    found = client.post(path, json=given, params={"from": "now-6h"}).json()["slos"][0]
    assert (found["total"], found["bad"], found["pages"]) == (100, 60, 2)
    assert [len(pair["alerts"]) for pair in found["pairs"]] == [1, 1, 1, 1]
    assert client.get("/api/v1/slos/would-be").status_code == 404
    made(client, given)
    assert client.post(path, params={"slo": "would-be", "from": "now-6h"}).json()["slos"][0]["total"] == 100
    for wrong in ({"slo": "nobody"}, {"from": "now-6h"}, {"slo": "would-be", "from": "now+1h"}):
        assert client.post(path, params=wrong).status_code in (404, 422)


def test_the_rules_for_prometheus_name_each_objective(client: httpx.Client):
    made(client, own(client, "ruled", target=0.99))
    found = client.get("/api/v1/slos/rules.yaml")
    assert found.headers["content-type"].startswith("application/yaml")
    assert 'spanledger_slo_burn_rate{slo="ruled", window=~"3600s|300s"}' in found.text
    assert client.get("/api/v1/slos/rules.yaml", params={"format": "nagios"}).status_code == 422


@pytest.mark.parametrize(
    ("where", "window", "more", "longest"),
    [
        ({}, "366d", {}, "365 days: days and ledger lines"),
        ({"book.kind": "novel"}, "30d", {}, "7 days: what it counts by is told by spans alone"),
        ({}, "60d", {"method": "timeslices", "slice": {"window": "1m", "target": 0.9}}, "30 days: such slices"),
        ({}, "120d", {"method": "timeslices", "slice": {"window": "1h", "target": 0.9}}, "90 days: such slices"),
    ],
)
def test_a_window_longer_than_what_is_kept_is_refused(client: httpx.Client, where, window, more, longest):
    indicator = {"kind": "span", "filter": where, "good": {"status": "ok"}}
    given = {"name": "long", "service": service(client), "indicator": indicator, "target": 0.9}
    for path in ("/api/v1/slos", "/api/v1/slos/validate"):
        refused = client.post(path, json=given | more | {"window": window})
        assert refused.status_code == 422, refused.text
        assert (refused.json()["parameter"], refused.json()["value"]) == ("window", window)
        assert longest in refused.json()["allowed"]
        assert client.post("/api/v1/slos/validate", json=given | more | {"window": "7d"}).status_code == 200
    made = client.post("/api/v1/slos", json=given | more | {"window": "7d"}).json()
    assert client.put(f"/api/v1/slos/{made['id']}", json=given | more | {"window": window}).status_code == 422


def test_a_window_that_is_too_long_is_told_with_its_line_and_nothing_is_imported(client: httpx.Client):
    long = slo(client)
    long["spec"]["timeWindow"][0]["duration"] = "40d"
    long["spec"]["indicator"]["spec"]["ratioMetric"]["total"]["metricSource"]["spec"]["filter"]["book.kind"] = "novel"
    long["spec"]["indicator"]["spec"]["ratioMetric"]["good"]["metricSource"]["spec"]["filter"]["book.kind"] = "novel"
    fine = slo(client)
    fine["metadata"]["name"] = "fine"
    text = "---\n".join(yaml.safe_dump(one) for one in (fine, long))
    refused = client.post("/api/v1/slos/openslo", content=text, headers={"Content-Type": "application/yaml"})
    assert refused.status_code == 422, refused.text
    line = next(n for n, each in enumerate(text.splitlines(), 1) if "40d" in each)
    assert "spec.timeWindow" in refused.json()["parameter"]
    assert abs(int(refused.json()["parameter"].removeprefix("line ").split(":")[0]) - line) <= 1
    assert client.get("/api/v1/slos").json()["slos"] == []
