"""Bodies of rules: every name, every mistake at once, and the same rule after it was kept."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.errors import Mistakes
from spanledger_server.rules import definition, merging, rule
from spanledger_server.rules.definition import Known
from spanledger_server.rules.rule import Filter, Rule
from tests.support.thorough import examples

KNOWN = Known(
    sent={"processing_time": "ms", "payment_success_ratio": None},
    expressions={"a": None, "b": None},
    budgets=frozenset(("default",)),
    slos=frozenset(("calls",)),
)
BODIES: tuple[dict[str, Any], ...] = (
    {
        "name": "n",
        "metric": "error_rate",
        "operator": ">",
        "threshold": 0.05,
        "provider": "openai",
        "model": ["a", "!b"],
    },
    {"rule_name": "n", "metric_name": "payment_success_ratio", "threshold_value": 0.9, "comparison_operator": "<"},
    {"name": "n", "condition": "processing_time > 0.5s for 5m"},
    {"name": "n", "type": "cost_threshold", "condition": {"period": "day", "service": "all"}, "threshold": 500.0},
    {"name": "n", "type": "response_time", "condition": {"percentile": "p95"}, "threshold": 2000, "time_window": 600},
    {"name": "n", "type": "error_rate", "condition": {"status_codes": [500, 502]}, "threshold": 0.05},
    {"name": "n", "kind": "ratio", "metric": "cost", "divided_by": "requests", "operator": ">", "threshold": 1},
    {"name": "n", "kind": "change", "metric": "requests", "threshold": -50, "operator": "<", "against": "week"},
    {"name": "n", "kind": "anomaly", "metric": "cost", "direction": "up"},
    {"name": "n", "kind": "absence", "window": "15m", "group_by": ["service"]},
    {"name": "n", "expression": "a and not b", "group_by": ["model"]},
    {"name": "n", "budget": "default", "threshold": 80},
    {"name": "n", "kind": "forecast", "budget": "default"},
    {"name": "n", "slo": "calls", "burn": "page", "severity": "critical"},
    {
        "name": "n",
        "metric": "processing_time",
        "stat": "p99",
        "operator": ">",
        "threshold": "1.50",
        "group_by": ["region"],
    },
)


def made(body: dict[str, Any]) -> Rule:
    return Rule(**definition.parse(body, KNOWN).values, rule_id=uuid.UUID(int=1), version=1)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.get("kind") or str(body)[:40])
def test_a_rule_that_was_kept_is_the_same_rule_and_a_change_of_nothing_changes_nothing(body: dict[str, Any]) -> None:
    found = made(body)
    kept = Rule(**rule.said(found.told()), rule_id=found.rule_id, version=1)
    assert kept == found
    assert kept.digest == found.digest
    assert made(merging.merged(found, {})) == found
    assert made(merging.merged(found, {"severity": "info"})).digest == found.digest  # the same is judged


def test_what_is_written_is_what_is_meant() -> None:
    assert made(BODIES[0]).filters == {"provider": Filter(("openai",)), "model": Filter(("a",), ("b",))}
    slow = made(BODIES[2])
    assert (slow.threshold, slow.for_ns, slow.window_ns) == (Decimal(500), 300 * 10**9, 60 * 10**9)
    assert (made(BODIES[3]).metric, made(BODIES[3]).window_ns) == ("cost_threshold", 86_400 * 10**9)
    assert made(BODIES[4]).metric == "p95_response_time"
    assert made(BODIES[5]).metric == "server_error_rate"
    assert made({"name": "n", "condition": "error_rate > 5%"}).threshold == Decimal("0.05")
    assert made({"name": "n", "condition": "cpu_usage > 90%"}).threshold == Decimal(90)


def mistakes(body: dict[str, Any], known: Known = KNOWN) -> dict[str, str]:
    with pytest.raises(Mistakes) as refused:
        definition.parse(body, known)
    return {each.parameter: each.allowed for each in refused.value.each}


@pytest.mark.parametrize(
    ("more", "parameter"),
    [
        ({"threshold": True}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": 10**19}, "threshold"),
        ({"threshold": "1e-999999"}, "threshold"),
        ({"metric": "processing_time", "stat": "p²"}, "stat"),
        ({"condition": {"period": []}}, "condition.period"),
        ({"condition": 5}, "condition"),
        ({"threshold_value": 5}, "threshold_value"),
        ({"clear_threshold": 2}, "clear_threshold"),
        ({"duration_seconds": -1}, "duration_seconds"),
        ({"window_seconds": 30}, "window_seconds"),
        ({"window": "40d"}, "window_seconds"),
        ({"severity": "page"}, "severity"),
        ({"filters": {"user": "x"}}, "filters.user"),
        ({"group_by": ["a"] * 9}, "group_by"),
        ({"group_limit": 1001}, "group_limit"),
        ({"stat": "p95"}, "stat"),
        ({"divided_by": "requests", "kind": "threshold"}, "divided_by"),
        ({"expression": "a", "kind": "threshold"}, "expression"),
        ({"labels": {"a b": "x"}}, "labels.a b"),
        ({"annotations": {"runbook_url": "file:///etc/passwd"}}, "annotations.runbook_url"),
        ({"enabled": "yes"}, "enabled"),
        ({"name": "a\nb"}, "name"),
        ({"no_data": "alert"}, "no_data"),
        ({"unknown_member": 1}, "unknown_member"),
    ],
)
def test_each_mistake_is_named(more: dict[str, Any], parameter: str) -> None:
    body = {"name": "n", "metric": "error_rate", "operator": ">", "threshold": 1, **more}
    assert parameter in mistakes(body)


def test_a_metric_that_nobody_sent_is_refused_unless_it_is_expected() -> None:
    body = {"name": "n", "condition": "procesing_time > 1"}
    assert "did you mean processing_time" in mistakes(body)["metric"]
    assert "did you mean processing_time" in mistakes(body, Known(sent=KNOWN.sent, lenient=True))["metric"]
    assert "queue_depth" in definition.parse({**body, "condition": "queue_depth > 1"}, Known(lenient=True)).warnings[0]
    assert definition.parse({**body, "metric_expected": True}, KNOWN).warnings


def test_a_composite_of_itself_is_refused_with_the_way() -> None:
    known = Known(expressions={"a": "b", "b": "c", "c": None})
    assert "c → a → b → c" in mistakes({"name": "c", "expression": "a"}, known)["expression"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = st.sampled_from(
    [
        *BODIES[0],
        *("kind", "type", "condition", "expression", "budget", "slo", "burn", "window", "for", "filters", "group_by"),
        *(
            "labels",
            "annotations",
            "stat",
            "divided_by",
            "clear_threshold",
            "min_events",
            "channels",
            "enabled",
            "summary",
        ),
    ]
)


@settings(max_examples=examples(150), deadline=None)
@given(st.dictionaries(MEMBERS | st.text(max_size=10), VALUES, max_size=8))
def test_any_body_is_a_rule_or_a_list_of_mistakes(body: dict[str, Any]) -> None:
    try:
        found = made({"name": "n", **body})
    except Mistakes:
        return
    assert Rule(**rule.said(found.told()), rule_id=found.rule_id, version=1) == found
