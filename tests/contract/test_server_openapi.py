"""The OpenAPI document: valid, whole, and kept by the server's answers to wrong values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate

from spanledger_server.api import answers
from tests.support.server import Server

WRONG: dict[str, list[str]] = {
    "period": ["decade", ""],
    "group_by": ["colour"],
    "calls_by": ["colour"],
    "tz": ["Mars/Olympus", ""],
    "from": ["yesterday", "2026-02-30T00:00:00Z"],
    "to": ["tomorrow", "9999-01-01T00:00:00Z"],
    "f": ["x", "colour:red", "cost>much"],
    "q": ["x" * 2001],
    "topics": ["weather", ""],
    "sort": ["beauty"],
    "limit": ["0", "1001", "ten", "-1", "1e3"],
    "cursor": ["x", "1-x", "%00"],
    "trace_id": ["12", "g" * 32],
    "severity": ["loud", "25"],
    "name": [""],
    "step": ["0s", "fast"],
    "level": ["5min", ""],
    "metric": [""],
    "status": ["loud"],
    "state": ["loud", ""],
    "source": ["nobody"],
    "filter": ["x", "", 'a="b', "a=~(", 'a=b c="d"', "{}"],
    **{key: ["yes", ""] for key in ("active", "silenced", "inhibited", "unprocessed")},
    "receiver": ["("],
    **{key: ["perhaps"] for key in ("archived", "standing", "histogram", "replace", "totals")},
    **{key: ["12"] for key in ("alert_id", "silence_id", "window_id", "inhibition_id", "incident_id")},
    "notification_id": ["12"],
    "view": ["tokens", "x"],
    **{key: ["x" * 2001] for key in ("actor", "action", "subject")},
    "window": ["x", "0d", "2Y"],
    "month": ["2026-13", "november", "2999-01"],
    "format": ["pdf"],
    **{key: ["x" * 2001] for key in ("provider", "model")},
    "at": ["yesterday"],
    "service_tier": ["x" * 65],
    **{key: ["perhaps"] for key in ("batch", "ended")},
    "span_id": ["12"],
    "columns": ["date"],
    "project": ["colour"],
    "decimal": [";"],
    "dates": ["ymd"],
    "duplicates": ["twice"],
    "currency_rate": ["EUR=0", "1.08"],
    "tolerance": ["101", "much"],
    "kind": ["gopher"],
    **{key: ["loud", "nan", "1e999"] for key in ("at_least", "at_most")},
    **{key: ["yesterday"] for key in ("within_from", "within_to")},
    "in": ["x", "colour:red", "duration>p0", "cost>p100"],
    "in_from": ["yesterday"],
    "in_to": ["tomorrow"],
}
ANY_TEXT = (
    "budget_id",
    "channel_id",
    "override_id",
    "run_id",
    "reconciliation_id",
    "slo_id",
    "slo",
    "rule_id",
    "check_id",
    "adjustment_id",
    "token_id",
    "stat",
    "service",
    "route_id",
    "escalation_id",
    "channel",
    "incident",
    "view_id",
)  # no token has the id; the metric judges; nobody knows all services
ELSEWHERE: dict[tuple[str, str], list[str]] = {
    ("/api/v1/backup/{name}", "name"): ["x", "a b.duckdb"],
    ("/api/v1/metrics/query", "group_by"): [",".join("abcdefghijkl")],  # any label may be asked for, but not all
}
ELSEWHERE |= {("/api/v1/traces", "limit"): ["1001", "ten", "-1"]}  # 0: the totals alone
BESIDE = {("/api/v1/metrics/query", parameter): {"name": "m"} for parameter in ("from", "to", "step", "group_by")}
BESIDE |= {("/api/v1/reports/sla", "tz"): {"month": "2026-01"}, ("/api/v1/reports/sla", "format"): {"month": "2026-01"}}
BESIDE |= {
    ("/api/v1/prices/history", each): {"provider": "x", "model": "x"} for each in ("service_tier", "batch", "from")
}
BESIDE |= {
    ("/api/v1/prices/history", "provider"): {"model": "x"},
    ("/api/v1/prices/history", "model"): {"provider": "x"},
}
BESIDE |= {("/api/v1/ledger/corrections", each): {"trace_id": "0" * 32} for each in ("span_id", "limit", "cursor")}
WRONG["force"] = ["yes"]
ELSEWHERE |= {("/api/v1/channels/{channel_id}", "force"): []}  # of a DELETE
ELSEWHERE |= {("/api/v1/traces/{trace_id}/typical", each): [] for each in ("from", "to")}  # the id is looked at first
ELSEWHERE |= {("/api/v1/traces/{trace_id}/spans/{span_id}/alike", "span_id"): []}  # and so is the trace's
ELSEWHERE |= {  # their bodies are looked at first
    ("/api/v1/alerts/{alert_id}/notes", "alert_id"): [],
    ("/api/v1/alerts/{alert_id}/feedback", "alert_id"): [],
    ("/api/v1/incidents/{incident_id}/notes", "incident_id"): [],
}
POSTED = (
    "/api/v1/slos",
    "/api/v1/slos/openslo",
    *("/api/v1/reconcile", "/api/v1/slos/simulate", "/api/admin/monitoring/alerts/{alert_id}/acknowledge"),
    *(f"/api/v1/alerts/{{alert_id}}/{what}" for what in ("acknowledge", "unacknowledge", "resolve")),
    "/api/v1/notifications/{notification_id}/retry",
)  # take parameters beside their bodies
BESIDE |= {(f"/api/v1/slos/{{slo_id}}/{what}", "tz"): {"month": "2026-01"} for what in ("report", "series")}
BODIES = [
    ("/api/v1/tokens", {"role": "viewer"}, "name"),
    ("/api/v1/tokens", {"name": "x", "role": "owner"}, "role"),
    ("/api/v1/tokens", {"name": "x", "role": "viewer", "expires_at": "soon"}, "expires_at"),
    ("/api/v1/tokens", {"name": "x", "role": "viewer", "expires_at": "now-1h"}, "expires_at"),
    ("/api/v1/tokens", {"name": "x", "role": "viewer", "scope": "all"}, "scope"),
    ("/api/v1/budgets", {"name": "x", "period": "daily", "limit_amount": 0}, "limit_amount"),
    ("/api/v1/budgets", {"name": "x", "period": "hourly", "limit_amount": 1}, "period"),
    ("/api/v1/budgets", {"name": "x", "period": "daily", "limit_amount": 1, "currency": "EUR"}, "currency"),
    ("/api/v1/health/checks", {"name": "x", "kind": "gopher"}, "kind"),
    ("/api/v1/health/checks", {"name": "x", "kind": "tcp", "target": "x"}, "target"),
    ("/api/v1/budgets/default/reserve", {"amount": -1}, "amount"),
    ("/api/v1/budgets/default/settle", {"reservation_id": "x", "amount": "NaN"}, "amount"),
    ("/api/v1/tokens", {"name": "x", "role": "viewer", "services": []}, "services"),
    ("/api/v1/tokens", {"name": "x", "role": "admin", "tenants": ["a"]}, "role"),
    ("/api/v1/tokens/x/rotate", {"grace": "soon"}, "grace"),
    ("/api/v1/backup", {"name": "../x.duckdb"}, "name"),
    ("/api/v1/prices", {"provider": "a", "model": "b"}, "rates"),
    ("/api/v1/prices", {"provider": "a", "model": "b", "rates": {"x": "1"}}, "rates.x"),
    ("/api/v1/prices/refresh", {"name": "x", "content": "y"}, "content"),
    ("/api/v1/reprice", {"from": "then"}, "from"),
    ("/api/v1/channels", {"name": "x", "type": "pigeon"}, "type"),
    ("/api/v1/channels", {"name": "x", "type": "webhook", "url": "ftp://x"}, "url"),
    ("/api/v1/channels", {"name": "x", "type": "webhook", "url": "https://x.example", "colour": 1}, "colour"),
    ("/api/v1/rules", {"name": "x", "metric": "no_such_metric", "operator": ">", "threshold": 1}, "metric"),
    ("/api/v1/rules", {"name": "x", "condition": "error_rate >"}, "condition"),
    ("/api/v1/rules/backtest", {"rule": {"condition": "requests > 1"}, "from": "then"}, "from"),
    ("/api/v1/silences", {"matchers": ["x"], "duration": "1h", "comment": "x"}, "matchers"),
    ("/api/v1/silences", {"matchers": ["a=b"], "comment": "x"}, "ends_at"),
    ("/api/v1/silences", {"matchers": ["a=~.*"], "duration": "1h", "comment": "x"}, "matchers"),
    ("/api/v1/silences", {"matchers": ["a=~("], "duration": "1h", "comment": "x"}, "matchers"),
    ("/api/v1/silences", {"matchers": ["a=b"], "duration": "1h", "comment": " "}, "comment"),
    ("/api/v1/silences", {"matchers": ["a=b"], "duration": "500d", "comment": "x"}, "ends_at"),
    ("/api/v1/maintenance", {"name": "x", "matchers": ["a=b"], "comment": "x"}, "ends_at"),
    ("/api/v1/maintenance", {"name": "x", "matchers": ["a=b"], "comment": "x", "at": "25:00", "minutes": 5}, "at"),
    ("/api/v1/maintenance", {"name": "x", "matchers": ["a=b"], "comment": "x", "weekdays": ["sun"]}, "at"),
    ("/api/v1/inhibitions", {"name": "x", "source": ["a=b"], "target": ["a"]}, "target"),
    ("/api/v1/alerts/acknowledge", {}, "ids"),
    ("/api/v1/alerts/acknowledge", {"filter": {}, "until": "now-1h"}, "until"),
    ("/api/v1/deployments", {"service": "a", "version": "1", "at": "then"}, "at"),
    ("/api/v1/session", {}, "token"),
    ("/api/v1/session", {"token": 5}, "token"),
    ("/api/v1/session", {"token": "x" * 201}, "token"),
]


@pytest.fixture(scope="module")
def client(shared_server: Server) -> Iterator[httpx.Client]:
    with shared_server.client() as client:
        yield client


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        yield from ((method, path, operation) for method, operation in methods.items())


def test_the_document_is_valid(document: dict[str, Any]):
    validate(document)


def test_every_operation_says_what_it_does_what_it_asks_and_how_it_refuses(document: dict[str, Any]):
    for method, path, operation in operations(document):
        assert operation["description"], f"{method} {path}"
        assert "security" in operation
        assert "default" in operation["responses"]
        assert "422" not in operation["responses"]
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], f"{method} {path} {parameter['name']}"
    assert document["paths"]["/api/v1/tokens"]["post"]["x-roles"] == ["admin"]
    assert document["paths"]["/v1/traces"]["post"]["x-roles"] == ["ingest", "admin"]
    assert document["paths"]["/healthz"]["get"]["security"] == []


WITHOUT_EXAMPLES = {  # files, and an answer without a body
    ("GET", "/api/v1/backup/{name}"),
    ("GET", "/api/v1/export/{view}"),
    ("DELETE", "/api/v2/silence/{silence_id}"),
}


def test_every_operation_shows_an_answer(document: dict[str, Any]):
    missing = set()
    for method, path, operation in operations(document):
        good = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
        contents = [content for answer in good.values() for content in answer.get("content", {}).values()]
        if "204" not in good and not any("example" in content or "examples" in content for content in contents):
            missing.add((method.upper(), path))
    assert missing == WITHOUT_EXAMPLES


def test_examples_have_the_members_that_answers_have(document: dict[str, Any], client: httpx.Client):
    compared, differing = 0, {}
    for method, path, operation in operations(document):
        if method.upper() != "GET" or "{" in path:
            continue
        example = operation["responses"]["200"].get("content", {}).get("application/json", {}).get("example")
        answer = client.get(path)
        if not isinstance(example, dict) or answer.status_code != 200 or not isinstance(answer.json(), dict):
            continue
        compared += 1
        if more := example.keys() - answer.json().keys():  # the framework leaves null out of examples
            differing[path] = more
    assert not differing
    assert compared > 30


def test_every_parameter_refuses_a_wrong_value_by_name_and_says_what_is_allowed(
    document: dict[str, Any], client: httpx.Client
):
    tried = 0
    for method, path, operation in operations(document):
        if operation["tags"] in (["jaeger"], ["queries"]):
            continue  # says no in the way of Jaeger, or is not asked by GET; see the tests of either
        for parameter in operation.get("parameters", ()):
            name = parameter["name"]
            if name in ANY_TEXT:
                continue
            for value in ELSEWHERE.get((path, name), WRONG[name]):
                inside = parameter["in"] == "path"
                query = {} if inside else {**BESIDE.get((path, name), {}), name: value}
                how = method if path in POSTED else "get"
                answer = client.request(how, path.replace(f"{{{name}}}", value), params=query)
                check(answer, name)
                tried += 1
    assert tried > 60


@pytest.mark.parametrize(("path", "body", "parameter"), BODIES)
def test_every_member_of_a_body_refuses_a_wrong_value_by_name(
    client: httpx.Client, path: str, body: Any, parameter: str
):
    check(client.post(path, json=body), parameter)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[1]", b"null", b"[" * 10_000])
def test_a_body_that_is_no_object_is_refused_with_a_problem(client: httpx.Client, content: bytes):
    answer = client.post("/api/v1/tokens", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unknown_path_and_method_are_problems_too(client: httpx.Client):
    for answer, status in ((client.get("/api/v1/none"), 404), (client.put("/api/v1/tokens"), 405)):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


def check(answer: httpx.Response, parameter: str) -> None:
    told = f"{answer.request.url} {answer.status_code} {answer.text}"
    assert answer.status_code == 422, told
    assert answer.headers["content-type"] == "application/problem+json", told
    body = answer.json()
    assert body["parameter"] == parameter, told
    assert body["allowed"], told
    assert parameter in body["detail"], told


def test_what_a_body_is_held_against_is_said_in_words(document: dict[str, Any]):
    """Every pattern of a body has its words: an expression is no answer for whoever mistyped a length."""

    def patterns(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("pattern"), str):
                yield node["pattern"]
            node = list(node.values())
        if isinstance(node, list):
            for each in node:
                yield from patterns(each)

    found = set(patterns(document["components"]["schemas"]))
    money = r"^[0-9]{1,12}(\.[0-9]{1,12})?$"  # described as this, read by code that has words of its own
    assert found - {money} == answers.PATTERNS.keys()
