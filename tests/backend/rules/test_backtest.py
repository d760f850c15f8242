"""Rules replayed over the past say what they would have said then."""

from __future__ import annotations

import random
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from spanledger_server.alerts import judged, state
from spanledger_server.errors import Invalid
from spanledger_server.rules import backtest, register
from spanledger_server.rules.backtest import Replay
from spanledger_server.rules.evaluate import Evaluator
from spanledger_server.rules.rule import Rule
from spanledger_server.rules.verdict import Verdict
from spanledger_server.store.database import Database
from spanledger_server.timegrid import Range
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, insert, line, span
from tests.backend.rules import rolled
from tests.backend.rules.conftest import Add


def steps(rule: Rule, step_ns: int) -> backtest.Step:
    policy = judged.policy_of(rule, step_ns)

    def step(standing: Any, verdict: Verdict | None, at_ns: int) -> tuple[Any, list[str]]:
        moved, changes = state.step(standing, verdict, policy, at_ns)
        return moved, [each.kind for each in changes]

    return step


def replayed(database: Database, rule: Rule, window: Range, thresholds: tuple[Decimal, ...] = ()) -> list[Replay]:
    with database.reader() as reader:
        known: Mapping[str, Rule] = {each.name: each for each in register.listed(reader)}
        return backtest.replay(reader, rule, known, window, steps, thresholds)


def some(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    lines = [
        line(
            n,
            NOON - chance.randrange(3 * HOUR),
            model=chance.choice(("a", "b")),
            error_type=chance.choice((None, "x")) if n % 3 else None,
            duration_ns=chance.randrange(10**6, 10**10),
        )
        for n in range(1, 300)
    ]
    rolled.calls(database, lines, NOON)
    ends = [NOON - chance.randrange(3 * HOUR) for _ in range(200)]
    spans = [
        span(n, n, at_ns, chance.randrange(10**9), http_status=chance.choice((200, 500)))
        for n, at_ns in enumerate(ends, 1)
    ]
    insert(database, "spans", spans)
    rolled.refreshed(database, "span", (each["end_ns"] for each in spans), NOON)
    rolled.gauge(database, "depth", {1: {"points": {at_ns: chance.randrange(9) for at_ns in ends}}}, NOON)


BODIES: tuple[dict[str, Any], ...] = (
    {"condition": "error_rate > 30% for 2m", "group_by": ["model"]},
    {"condition": "p95_latency > 8s over 10m"},
    {"condition": "requests > 8"},
    {"kind": "change", "metric": "requests", "threshold": 20},
    {"kind": "ratio", "metric": "cost", "divided_by": "requests", "operator": ">", "threshold": 0.001, "window": "5m"},
    {"kind": "absence", "metric": "requests", "window": "2m"},
    {"condition": "request_error_rate > 50%"},
    {"condition": "p95_response_time > 900ms"},
    {"condition": "span_p95_duration > 900ms", "group_by": ["name"]},
    {"metric": "depth", "operator": ">", "threshold": 5, "stat": "max", "window": "3m"},
    {"metric": "depth", "operator": ">", "threshold": 5, "stat": "last", "window": "2m"},
)


def test_a_replay_fires_when_a_live_evaluation_would_have(database: Database, add: Add) -> None:
    some(database, 5)
    rules = [add(**body) for body in BODIES]
    window = Range(NOON - 16 * MINUTE, NOON)
    fired: dict[str, list[tuple[int, dict[str, str]]]] = {rule.name: [] for rule in rules}
    walked: dict[tuple[str, str], tuple[Any, backtest.Step]] = {}
    with database.reader() as reader:
        for at_ns in range(window.from_ns + MINUTE, NOON + MINUTE, MINUTE):
            for rule, verdicts in Evaluator(database).verdicts(reader, at_ns):
                for verdict in verdicts:
                    key = (rule.name, str(verdict.labels))
                    standing, step = walked.get(key, (None, steps(rule, MINUTE)))
                    moved, changes = step(standing, verdict, at_ns)
                    walked[key] = (moved, step)
                    fired[rule.name] += [(at_ns, dict(verdict.labels))] if "fired" in changes else []
    for rule in rules:
        (found,) = replayed(database, rule, window)
        expected = sorted(fired[rule.name], key=lambda each: (each[0], sorted(each[1].items())))
        assert [(each.from_ns, dict(each.labels)) for each in found.episodes] == expected, rule.name
        assert found.step_ns == MINUTE
    assert sum(map(len, fired.values())) > 4


def test_episodes_are_counted_and_compared_with_other_thresholds(database: Database, add: Add) -> None:
    for number, (start, length) in enumerate(((58, 10), (35, 6), (10, 2)), start=1):
        begun = NOON - start * MINUTE
        rolled.even(
            database, 100 * number, 10 * length, begun, begun + length * MINUTE, NOON, duration_ns=number * 10**9
        )
    rule = add(name="busy", condition="requests > 5 over 1m")
    found, other = replayed(database, rule, Range(NOON - HOUR, NOON), (Decimal(50),))
    assert [each.from_ns for each in found.episodes] == [NOON - n * MINUTE for n in (57, 34, 9)]
    assert [found.lasted_ns(each) // MINUTE for each in found.episodes] == [10, 6, 2]
    assert (found.sentence, found.breach_ns) == ("would have fired 3 times in 1 hour, median 6 minutes", 18 * MINUTE)
    assert found.episodes[0].worst == 10
    assert (other.sentence, other.rule.threshold) == ("would not have fired in 1 hour", 50)
    again = add(name="again", expression="busy")
    assert len(replayed(database, again, Range(NOON - HOUR, NOON))[0].episodes) == 3


def test_a_long_time_takes_longer_stretches_and_too_much_is_refused(database: Database, add: Add) -> None:
    some(database, 9)
    rule = add(name="hour", condition="requests > 5 over 1h")
    (found,) = replayed(database, rule, Range(NOON - 30 * DAY, NOON))
    assert found.step_ns == 5 * MINUTE
    with pytest.raises(Invalid, match="a shorter time"):
        replayed(database, add(name="minutes", condition="requests > 5 over 7m"), Range(NOON - 90 * DAY, NOON))
    with pytest.raises(Invalid, match="between a minute and 90 days"):
        replayed(database, rule, Range(NOON - 91 * DAY, NOON))


@pytest.mark.parametrize(
    ("more", "minutes"),
    [
        ({"condition": "requests > 5 over 5m", "group_by": ["model"]}, 5),
        ({"condition": "requests > 5 over 1m", "group_by": ["model"]}, 1),  # nothing longer fits its window
        ({"condition": "requests > 5 over 5m"}, 1),
        ({"kind": "absence", "window": "15m", "group_by": ["service"]}, 5),
        ({"kind": "absence", "window": "15m"}, 1),
    ],
)
def test_many_groups_take_longer_stretches(
    database: Database, add: Add, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], minutes: int
) -> None:
    lines = [
        line(n, NOON - n * MINUTE, model=f"m{n % 2}", service=f"s{n % 2}") for n in range(1, 40) if not 10 < n < 35
    ]
    rolled.calls(database, lines, NOON)
    rule = add(name="many", duration_seconds=0, **more)
    (whole,) = replayed(database, rule, Range(NOON - HOUR, NOON))
    monkeypatch.setattr("spanledger_server.rules.backtest.MOST_VERDICTS", 100)
    (found,) = replayed(database, rule, Range(NOON - HOUR, NOON))
    assert (whole.step_ns, found.step_ns) == (MINUTE, minutes * MINUTE)
    assert len(found.episodes) == len(whole.episodes)
