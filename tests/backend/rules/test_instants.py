"""Rules on budgets, forecasts, objectives and baselines, replayed: what they said while nothing later was known."""

from __future__ import annotations

from typing import Any

import pytest

from spanledger_server.errors import Invalid
from spanledger_server.rules.backtest import Replay
from spanledger_server.rules.evaluate import Evaluator
from spanledger_server.rules.rule import Rule
from spanledger_server.rules.series import Values
from spanledger_server.rules.verdict import Verdict
from spanledger_server.slos import register as slos
from spanledger_server.store.database import Database
from spanledger_server.timegrid import Range
from tests.backend.rows import DAY, HOUR, MINUTE, NOON
from tests.backend.rules import rolled
from tests.backend.rules.conftest import Add
from tests.backend.rules.test_backtest import replayed


def live(database: Database, rule: Rule, at_ns: int) -> Verdict:
    with database.reader() as reader:
        (found,) = Evaluator(database).one(reader, rule, at_ns)
        return found


def then(database: Database, rule: Rule, window: Range, minutes: int) -> dict[int, Verdict]:
    with database.reader() as reader:
        values = Values(reader, {}, window, minutes, "UTC")
        (series,) = values.series(rule).values()
        return dict(zip(values.ends_ns, series, strict=True))


def told(verdict: Verdict) -> tuple[Any, ...]:
    return verdict.outcome, verdict.value and pytest.approx(float(verdict.value)), dict(verdict.labels)


def test_budgets_and_forecasts_say_at_each_hour_what_they_said_then(database: Database, add: Add) -> None:
    budget, forecast = add(name="spent", kind="budget", threshold=50), add(name="feared", kind="forecast")
    begun = NOON - 3 * DAY
    rolled.even(database, 1, 144, begun, NOON - 4 * HOUR, NOON, cost_usd="1")
    said: dict[str, dict[int, Any]] = {"spent": {}, "feared": {}}
    for number, cost in enumerate(("2", "40", "90", "1")):
        end_ns = NOON - (3 - number) * HOUR
        rolled.even(database, 1000 + 10 * number, 4, end_ns - HOUR, end_ns, end_ns, cost_usd=cost)
        for rule in (budget, forecast):
            said[rule.name][end_ns] = told(live(database, rule, end_ns))
    for rule in (budget, forecast):
        found = then(database, rule, Range(NOON - 4 * HOUR, NOON), 60)
        assert {at_ns: told(each) for at_ns, each in found.items()} == said[rule.name], rule.name
    (replay,) = replayed(database, budget, Range(NOON - 2 * DAY, NOON))
    assert (replay.step_ns, [each.from_ns for each in replay.episodes]) == (HOUR, [NOON - 2 * HOUR])
    assert replayed(database, forecast, Range(NOON - 30 * DAY, NOON))[0].step_ns == 4 * HOUR
    with pytest.raises(Invalid, match="how often such a rule is judged"):
        replayed(database, budget, Range(NOON - 10 * MINUTE, NOON - MINUTE))


def test_a_calendar_budget_begins_anew_with_its_period_in_a_replay(database: Database, add: Add) -> None:
    month = NOON - 20 * DAY - 12 * HOUR  # the first of the month
    rolled.even(database, 1, 48, month - DAY, month + DAY, NOON, cost_usd="10")
    found = then(database, add(kind="budget", threshold=40), Range(month - DAY, month + DAY), 60)
    assert [float(found[month + hour * HOUR].value or 0) for hour in (-1, 0, 1, 24)] == [46, 48, 2, 48]
    assert [found[month + hour * HOUR].outcome for hour in (0, 1)] == ["true", "false"]


def test_error_budgets_burn_in_a_replay_as_they_burnt(database: Database, add: Add) -> None:
    given: dict[str, Any] = {
        "name": "calls",
        "service": "shop",
        "indicator": {"kind": "ledger", "good": {"status": "ok"}},
        "target": 0.99,
        "window": "28d",
    }
    slos.add(database, [(given, None)], NOON, "tests")
    rule = add(kind="burn_rate", burn="page")
    said = {}
    for number in range(4):
        end_ns = NOON - (3 - number) * 10 * MINUTE
        failing = {"error_type": "x"} if number == 1 else {}
        rolled.even(database, 1000 * number + 1, 60, end_ns - 10 * MINUTE, end_ns, end_ns, **failing)
        said[end_ns] = told(live(database, rule, end_ns - 1))
    found = then(database, rule, Range(NOON - 40 * MINUTE, NOON), 1)
    assert {at_ns: told(found[at_ns]) for at_ns in said} == said
    assert {each[0] for each in said.values()} == {"true", "false"}
    (replay,) = replayed(database, rule, Range(NOON - HOUR, NOON))
    assert [dict(each.labels) for each in replay.episodes] == [{"slo": "calls", "service": "shop"}]
    gone = add(kind="burn_rate", slo="calls", name="gone")
    slos.delete(database, "calls", NOON, "tests")
    assert replayed(database, gone, Range(NOON - HOUR, NOON))[0].unknown_share == 1


def test_what_was_unusual_is_found_again_in_a_replay(database: Database, add: Add) -> None:
    for day in (1, 2, 3):
        middle = NOON - day * DAY
        rolled.even(database, 1000 * day, 100, middle - 30 * MINUTE, middle + 30 * MINUTE, NOON)
    rolled.even(database, 1, 60, NOON - 15 * MINUTE, NOON - 10 * MINUTE, NOON)
    rolled.even(database, 100, 15, NOON - 10 * MINUTE, NOON, NOON)
    for body in ({}, {"group_by": ["model"]}, {"direction": "down"}):
        rule = add(kind="anomaly", metric="requests", window="5m", threshold=4, **body)
        found = then(database, rule, Range(NOON - 15 * MINUTE, NOON), 1)
        for at_ns in (NOON - 13 * MINUTE, NOON - 10 * MINUTE, NOON):
            assert told(found[at_ns]) == told(live(database, rule, at_ns)), body
    replay: Replay = replayed(database, add(kind="anomaly", metric="requests"), Range(NOON - DAY, NOON))[0]
    assert len(replay.episodes) == 1


def test_a_silence_is_found_again_in_a_replay(database: Database, add: Add) -> None:
    rolled.even(database, 1, 60, NOON - 2 * HOUR, NOON - HOUR, NOON, service="chat")
    rolled.even(database, 101, 10, NOON - 10 * MINUTE, NOON, NOON, service="chat")
    rolled.even(database, 201, 120, NOON - 2 * HOUR, NOON, NOON, service="shop")
    each = add(kind="absence", window="10m", group_by=["service"], duration_seconds=0)
    (replay,) = replayed(database, each, Range(NOON - 90 * MINUTE, NOON))
    (episode,) = replay.episodes
    assert dict(episode.labels) == {"service": "chat"}
    assert (episode.from_ns, episode.to_ns) == (NOON - 50 * MINUTE, NOON - 9 * MINUTE)
    assert (episode.worst, replay.groups) == (50 * 60, 2)
    everything = add(kind="absence", window="10m")
    assert replayed(database, everything, Range(NOON - 90 * MINUTE, NOON))[0].episodes == ()
    found = then(database, everything, Range(NOON - MINUTE, NOON), 1)
    assert told(found[NOON]) == told(live(database, everything, NOON))
