"""Changes, silences, what is unusual, composites, budgets and objectives."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from spanledger_server.budgets import record
from spanledger_server.budgets.budget import FLAGS
from spanledger_server.rules import ready, register
from spanledger_server.rules.evaluate import Evaluator
from spanledger_server.rules.rule import Rule
from spanledger_server.rules.verdict import Story, Verdict
from spanledger_server.slos import register as slos
from spanledger_server.store.database import Database
from tests.backend.budgets import made
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, SECOND
from tests.backend.rules import rolled
from tests.backend.rules.conftest import Add

NOW = NOON + 25 * SECOND


def judged(database: Database, rule: Rule, now_ns: int = NOW) -> list[Verdict]:
    with database.reader() as reader:
        return Evaluator(database).one(reader, rule, now_ns)


def outcome(database: Database, rule: Rule, now_ns: int = NOW) -> str:
    (found,) = judged(database, rule, now_ns)
    return found.outcome


def story(database: Database, rule: Rule, now_ns: int = NOW) -> Story:
    evaluator = Evaluator(database)
    with database.reader() as reader:
        verdict = next(each for each in evaluator.one(reader, rule, now_ns) if each.outcome == "true")
        return evaluator.story(reader, rule, verdict, now_ns)


def test_a_change_is_told_in_percent_and_absolute_against_before_yesterday_and_last_week(database: Database, add: Add):
    for first, ago_ns, number in ((1, 0, 30), (100, 10 * MINUTE, 20), (200, DAY, 15), (300, 7 * DAY, 60)):
        rolled.even(database, first, number, NOON - ago_ns - 10 * MINUTE, NOON - ago_ns, NOW)
    values = {
        (against, how): judged(
            database, add(kind="change", metric="requests", threshold=1, window="10m", against=against, change_in=how)
        )[0].value
        for against in ("before", "day", "week")
        for how in ("percent", "absolute")
    }
    assert values == {
        ("before", "percent"): pytest.approx(50),
        ("before", "absolute"): 10,
        ("day", "percent"): pytest.approx(100),
        ("day", "absolute"): 15,
        ("week", "percent"): pytest.approx(-50),
        ("week", "absolute"): -30,
    }
    falls = add(kind="change", metric="requests", operator="<", threshold=-40, against="week", window="10m")
    assert outcome(database, falls) == "true"
    (nothing,) = judged(database, add(kind="change", metric="requests", threshold=1, window="1m"), NOW - 2 * DAY)
    assert (nothing.outcome, nothing.reason) == ("no_data", "divided by zero: it was 0 before")


def test_silence_is_told_of_who_was_heard_and_of_nobody_else(database: Database, add: Add) -> None:
    each, everything = add(kind="absence", window="10m", group_by=["service"]), add(kind="absence", window="10m")
    assert (judged(database, each), outcome(database, everything)) == ([], "no_data")
    rolled.even(database, 1, 2, NOON - 2 * HOUR, NOON - HOUR, NOW, service="gone")
    rolled.even(database, 10, 5, NOON - 5 * MINUTE, NOON, NOW, service="here")
    assert {one.labels["service"]: one.outcome for one in judged(database, each)} == {"gone": "true", "here": "false"}
    assert outcome(database, everything) == "false"
    assert outcome(database, everything, NOW + HOUR) == "true"
    metric = add(kind="absence", metric="requests", window="10m", filters={"service": "gone"})
    assert (outcome(database, metric), outcome(database, metric, NOON - 65 * MINUTE)) == ("true", "false")
    assert story(database, metric).title.endswith("Nothing has come for 10 minutes (service gone)")


def test_what_is_unusual_is_told_only_when_two_seasons_are_known(database: Database, add: Add) -> None:
    rule = add(kind="anomaly", metric="requests", window="5m", threshold=4)
    rolled.even(database, 1, 60, NOON - 5 * MINUTE, NOON, NOW)
    (learning,) = judged(database, rule)
    assert (learning.outcome, learning.reason) == ("no_data", "it is learning: two days are needed")
    for day in (1, 2, 3):
        middle = NOON - day * DAY
        rolled.even(database, 1000 * day, 100, middle - 20 * MINUTE, middle + 20 * MINUTE, NOW)  # 12.5 in five minutes
    (found,) = judged(database, rule)
    assert (found.outcome, found.value) == ("true", 60)
    assert 20 < float(found.threshold or 0) < 40
    assert outcome(database, add(kind="anomaly", metric="requests", window="5m", direction="down")) == "false"


def test_composites_join_rules_as_a_whole_and_by_label(database: Database, add: Add) -> None:
    rolled.even(database, 1, 10, NOON - 2 * MINUTE, NOON, NOW, model="a", error_type="x", duration_ns=10 * SECOND)
    rolled.even(database, 20, 10, NOON - 2 * MINUTE, NOON, NOW, model="b", error_type="x")
    fails = {"name": "fails", "metric": "error_rate", "operator": ">", "threshold": 0.5, "group_by": ["model"]}
    slow = {"name": "slow", "metric": "p95_latency", "operator": ">", "threshold": 5000, "group_by": ["model"]}
    add(**fails, enabled=False)
    add(**slow, enabled=False)
    add(name="cached", condition="cache_hit_rate > 0", enabled=False)
    both = add(name="both", expression="fails and slow", group_by=["model"])
    assert {one.labels["model"]: one.outcome for one in judged(database, both)} == {"a": "true", "b": "false"}
    assert outcome(database, add(name="whole", expression="fails and slow")) == "true"
    (unknown,) = judged(database, add(name="unknown", expression="fails and cached"))
    assert (unknown.outcome, unknown.reason) == ("no_data", "cached: nothing in 5 minutes")
    assert outcome(database, add(name="decided", expression="not fails and cached")) == "false"
    assert outcome(database, add(name="deep", expression="whole or unknown")) == "true"
    with database.reader() as reader:  # parts that are disabled make no alerts of their own
        names = {rule.name for rule, _ in Evaluator(database).verdicts(reader, NOW)}
    assert names == {"both", "whole", "unknown", "decided", "deep"}


def test_budgets_and_forecasts_are_judged_by_what_is_spent(database: Database, add: Add) -> None:
    rolled.even(database, 1, 10, NOON - HOUR, NOON, NOW, cost_usd="45")
    (found,) = judged(database, add(kind="budget", threshold=80))
    assert (found.outcome, found.value, found.labels) == ("true", 90, {"budget": "default"})
    told = story(database, add(name="spent", kind="budget", threshold=80))
    assert ("Spent", "$450.00 of $500.00") in told.facts
    assert told.path.startswith("/costs?")
    (ahead,) = judged(database, add(kind="forecast"))
    assert (ahead.outcome, ahead.reason) == ("no_data", "there is less than a day of history to go by")


def test_defaults_on_budgets_tell_of_those_that_ask_for_their_threshold(database: Database, add: Add) -> None:
    rolled.even(database, 1, 10, NOON - HOUR, NOON, NOW, cost_usd="45")
    ready.install(database, NOON)
    for budget in (
        made.values("half", 500, alert_at_50_percent=True, alert_at_80_percent=False),
        made.values("gone", 400, alert_at_95_percent=False),
        made.values("silent", 400, **dict.fromkeys(FLAGS.values(), False)),
    ):
        with database.transaction() as tx:
            record.create(tx, budget, NOON, "me")
    with database.reader() as reader:
        rules = {each.name: each for each in register.listed(reader) if each.kind == "budget"}
    told = {
        name: {each.labels["budget"] for each in judged(database, rule) if each.outcome == "true"}
        for name, rule in rules.items()
    }
    assert told == {
        "Budget half spent": {"half"},
        "Budget nearly spent": {"default", "gone"},
        "Budget spent to 95 %": set(),
        "Budget exceeded": {"gone"},
    }
    own = judged(database, add(kind="budget", threshold=80))
    assert {each.labels["budget"] for each in own if each.outcome == "true"} == {"default", "gone", "half", "silent"}
    named = judged(database, add(kind="budget", threshold=50, budget="silent"))
    assert [each.outcome for each in named] == ["true"]


def test_the_default_on_forecasts_tells_of_the_share_that_a_budget_asks_for(database: Database, add: Add) -> None:
    begun = NOON - 10 * DAY
    rolled.even(database, 1, 240, begun, NOON, NOW, cost_usd="1")
    ready.install(database, NOON)
    for budget in (
        made.values("plain", 240, period="weekly", time_window="rolling"),
        made.values("far", 240, period="weekly", time_window="rolling", forecast_percent=Decimal(100)),
        made.values("half", 240, period="weekly", time_window="rolling", forecast_percent=Decimal(50)),
    ):
        with database.transaction() as tx:
            record.create(tx, budget, NOON, "me")
    with database.reader() as reader:
        default = register.one(reader, "Budget on pace to be exceeded")
    told = {each.labels["budget"]: each.outcome for each in judged(database, default)}
    assert told == {"far": "false", "half": "true"}
    every = {each.labels["budget"]: each.outcome for each in judged(database, add(kind="forecast"))}
    assert every == {"plain": "false", "far": "false", "half": "false", "default": "false"}


def test_error_budgets_that_burn_are_told_by_their_pairs_of_windows(database: Database, add: Add) -> None:
    given: dict[str, Any] = {
        "name": "calls",
        "service": "shop",
        "indicator": {"kind": "ledger", "good": {"status": "ok"}},
        "target": 0.99,
        "window": "28d",
    }
    slos.add(database, [(given, None)], NOON, "tests")
    page, ticket = add(kind="burn_rate", burn="page"), add(kind="burn_rate", burn="ticket", slo="calls")
    assert outcome(database, page) == "no_data"
    rolled.even(database, 1, 60, NOON - HOUR, NOON, NOW, error_type="x")
    rolled.even(database, 100, 60, NOON - HOUR, NOON, NOW)
    (found,) = judged(database, page)
    assert (found.outcome, found.labels) == ("true", {"slo": "calls", "service": "shop"})
    assert found.value == pytest.approx(50, rel=0.05)
    assert outcome(database, ticket) == "true"
    told = story(database, page)
    assert told.path.startswith("/slos/calls?")
    facts = dict(told.facts)
    assert facts["Windows"] == "50× over 6 hours, 50× over 30 minutes"
    assert (facts["Objective"], facts["Bad events"]) == ("99 % over 28 days", "60 of 120")
    assert facts["Error budget"] == "spent 50 times over"


def test_a_story_says_what_where_how_much_how_it_was_and_who_has_most(database: Database, add: Add) -> None:
    rolled.even(database, 1, 6, NOON - 2 * MINUTE, NOON, NOW, model="a", error_type="x", user_id="u1")
    rolled.even(database, 20, 14, NOON - 2 * MINUTE, NOON, NOW, model="b", user_id="u2")
    rolled.even(database, 50, 20, NOON - 8 * MINUTE, NOON - 6 * MINUTE, NOW)
    rule = add(
        name="fails",
        condition="error_rate > 5% for 1m",
        provider="openai",
        runbook_url="https://example.com/runbook",
        description="Ask the provider.",
    )
    told = story(database, rule)
    assert told.title == "fails: error rate is 30 %, above 5 % (provider openai)"
    assert told.text == (
        "Error rate is 30 %, above 5 %, over 5 minutes until 12:00 UTC, from 20 events. "
        "Error rate: share of model calls that failed. It has been so for 1 minute. "
        "The window before: 0 %. At this time yesterday: nothing. Most of it: model a (100 %).\nAsk the provider."
    )
    assert ("user", "u1", "100 %") in told.contributors
    assert told.traces
    assert told.runbook_url == "https://example.com/runbook"
    assert told.path == ("/traces?from=2026-11-21T10:55:00Z&to=2026-11-21T12:00:25Z&f=provider:openai&f=status:error")


def test_the_same_time_and_store_give_the_same_verdicts(database: Database, add: Add) -> None:
    rolled.even(database, 1, 30, NOON - 10 * MINUTE, NOON, NOW, error_type="x")
    add(condition="error_rate > 5%")
    add(kind="change", metric="requests", threshold=1)
    add(kind="budget", threshold=80)
    with database.reader() as reader:
        first, second = (Evaluator(database).verdicts(reader, NOW) for _ in range(2))
    assert first == second
