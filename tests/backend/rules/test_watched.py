"""Rules on health checks, and on the server's own work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from spanledger_server.alerts import judged, state
from spanledger_server.alerts.watch import Alerting
from spanledger_server.errors import Invalid, Mistakes
from spanledger_server.health import machine, register, results
from spanledger_server.health.answer import Answer, State
from spanledger_server.rules import backtest, checks, ready, story
from spanledger_server.rules import register as rules
from spanledger_server.rules.evaluate import Evaluator
from spanledger_server.rules.rule import Rule
from spanledger_server.rules.verdict import Verdict
from spanledger_server.store.database import Database
from spanledger_server.timegrid import Range
from tests.backend.rows import HOUR, MINUTE, NOON, SECOND
from tests.backend.rules.conftest import Add

SHIPPED = {each.name: dict(each.body) for each in ready.defaults() if each.pack == "server"}
DOWN: Mapping[str, Any] = {**SHIPPED["A health check is down"], "name": "down"}


def checked(database: Database, name: str, **more: Any) -> register.Kept:
    with database.transaction() as tx:
        body = {"name": name, "kind": "tcp", "target": "127.0.0.1:9", "down_after": 1, **more}
        return register.create(tx, body, NOON, "tests")


def answers(database: Database, name: str, state: State, at_ns: int, *, latency_ms: int = 3, **told: Any) -> None:
    """A check answers so, and what is believed of it is written."""
    with database.transaction() as tx:
        kept = register.one(tx, name)
        answer = Answer(state, f"it says {state}", latency_ms * 10**6, told)
        standing, changes = machine.heard(kept.standing, answer, at_ns, kept.check.patience)
        found = results.Collected(standing={kept.check_id: standing})
        first = standing.changes - len(changes) + 1
        found.changes = [results.noted(kept.check_id, kept.check, n, each) for n, each in enumerate(changes, first)]
        found.minutes.setdefault((kept.check_id, at_ns // MINUTE), results.Answers()).add(answer)
        results.write(tx, found, at_ns)


def says(database: Database, rule: Rule, now_ns: int) -> dict[str, Verdict]:
    with database.reader() as reader:
        found = Evaluator(database).one(reader, rule, now_ns)
    return {each.labels.get("check", ""): each for each in found}


def test_a_check_that_is_down_is_told_of_by_itself_with_its_words(database: Database, add: Add) -> None:
    rule = add(**DOWN)
    checked(database, "shop", service="shop")
    checked(database, "mail")
    assert {name: each.outcome for name, each in says(database, rule, NOON).items()} == {
        "shop": "no_data",  # nobody has looked
        "mail": "no_data",
    }
    answers(database, "shop", "down", NOON)
    answers(database, "mail", "healthy", NOON)
    found = says(database, rule, NOON + SECOND)
    assert (found["shop"].outcome, found["shop"].value, found["shop"].labels) == (
        "true",
        2,
        {"check": "shop", "service": "shop", "kind": "tcp"},
    )
    assert (found["mail"].outcome, found["mail"].clear) == ("false", True)
    with database.reader() as reader:
        told = story.of(reader, rule, found["shop"], NOON + MINUTE, "UTC")
    assert told.title == "A health check is down (check shop, service shop, kind tcp)"
    assert told.text.startswith("shop is down. Last answer: it says down. Down since: 2026-11-21 12:00 UTC.")
    assert ("Value", "down") in told.facts
    assert told.path == "/services/shop"


def test_what_nobody_knows_is_neither_down_nor_healthy_and_has_a_rule_of_its_own(database: Database, add: Add) -> None:
    rule, unknown = add(**DOWN), add(condition="health_unknown > 0", group_by=["check"])
    checked(database, "shop")
    answers(database, "shop", "down", NOON)
    late = NOON + 10 * MINUTE
    assert says(database, rule, late)["shop"].outcome == "no_data"
    assert says(database, rule, late)["shop"].reason == "nobody knows how it does"
    assert says(database, unknown, late)["shop"].outcome == "true"
    assert says(database, unknown, NOON + SECOND)["shop"].outcome == "false"


def test_the_alert_ends_when_it_is_healthy_again_or_the_check_is_gone_and_not_while_nobody_knows(
    database: Database, add: Add
) -> None:
    add(**DOWN)
    alerting = Alerting(database, Evaluator(database), 10 * SECOND)
    checked(database, "shop")
    mail = checked(database, "mail")

    def stands(at_ns: int) -> dict[str, str]:
        alerting.tick(at_ns)
        with database.reader() as reader:
            return dict(
                reader.tuples(
                    "SELECT labels ->> 'check', arg_max(state, pending_ns) FROM alert_episodes "
                    "WHERE kind = 'alert' GROUP BY 1"
                )
            )

    assert stands(NOON) == {}
    answers(database, "shop", "down", NOON)
    answers(database, "mail", "down", NOON)
    assert stands(NOON + 10 * SECOND) == {"shop": "firing", "mail": "firing"}
    silent = NOON + 10 * MINUTE
    assert stands(silent) == {"shop": "firing", "mail": "firing"}
    assert stands(silent + 10 * MINUTE) == {"shop": "firing", "mail": "firing"}
    silent += 11 * MINUTE
    with database.transaction() as tx:
        register.delete(tx, mail.check_id, silent, "tests")
    answers(database, "shop", "degraded", silent + 10 * SECOND)
    assert stands(silent + 20 * SECOND) == {"shop": "resolved", "mail": "resolved"}
    with database.reader() as reader:
        assert reader.value("SELECT count(*) FROM alert_episodes WHERE kind = 'evaluation'") == 0


def test_checks_are_rules_of_other_kinds_too_and_are_replayed_by_what_was_believed_then(
    database: Database, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = add(**DOWN)
    slow = add(condition="health_latency > 100", group_by=["check"])
    ends = add(condition="health_certificate_days < 14")
    slower = add(kind="change", metric="health_latency", threshold=200, window="10m")
    checked(database, "shop")
    for minute in range(60):
        word: State = "down" if 20 <= minute < 30 else "healthy"
        latency_ms = 500 if minute >= 50 else 10
        answers(database, "shop", word, NOON + minute * MINUTE, latency_ms=latency_ms, certificate_days=minute)
    now_ns = NOON + 60 * MINUTE
    assert says(database, slow, now_ns)["shop"].value == 500
    assert says(database, slow, NOON + 45 * MINUTE)["shop"].value == 10
    assert says(database, ends, now_ns)[""].outcome == "false"
    assert says(database, slower, now_ns)[""].value == pytest.approx(4900)

    def steps(of: Rule, step_ns: int) -> backtest.Step:
        policy = judged.policy_of(of, step_ns)

        def step(stands: Any, verdict: Verdict | None, at_ns: int) -> Any:
            moved, changes = state.step(stands, verdict, policy, at_ns)
            return moved, [each.kind for each in changes]

        return step

    with database.reader() as reader:
        (found,) = backtest.replay(reader, rule, {}, Range(NOON, now_ns), steps)
        monkeypatch.setattr(checks, "MOST_ROWS", 59)
        with pytest.raises(Invalid, match="a shorter time, or a filter"):
            backtest.replay(reader, rule, {}, Range(NOON, now_ns), steps)
    (episode,) = found.episodes
    assert (episode.from_ns, episode.to_ns) == (NOON + 20 * MINUTE, NOON + 30 * MINUTE)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"kind": "change", "metric": "evaluation_lag", "threshold": 1}, "kind"),
        ({"kind": "absence", "metric": "health_state"}, "kind"),
        ({"condition": "health_state > 1", "group_by": ["model"]}, "group_by.model"),
    ],
)
def test_kinds_that_need_what_nobody_keeps_are_refused(add: Add, body: dict[str, Any], place: str) -> None:
    with pytest.raises(Mistakes) as told:
        add(**body)
    assert place in [each.parameter for each in told.value.each]


class Seconds:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def test_a_tick_that_is_stuck_is_told_of_without_it_and_only_once(database: Database, add: Add) -> None:
    add(**SHIPPED["Rules are judged late"])
    clock = Seconds()
    alerting = Alerting(database, Evaluator(database), 10 * SECOND, Evaluator(database, only_own=True), clock)

    def at(second: int) -> int:
        clock.s = float(second)
        return NOON + second * SECOND

    def fired() -> list[tuple[str, str]]:
        with database.reader() as reader:
            return reader.tuples("SELECT name, state FROM alert_episodes ORDER BY name")

    for second in range(0, 120, 10):
        alerting.tick(at(second))
        alerting.watch(at(second + 5))
    assert fired() == []  # quiet where all is well
    for second in range(120, 200, 10):
        alerting.watch(at(second))
    assert fired() == [("Rules are judged late", "firing")]
    alerting.tick(at(200))
    alerting.watch(at(201))
    assert fired() == [("Rules are judged late", "firing")]
    for second in range(210, 900, 10):
        alerting.tick(at(second))
    assert fired() == [("Rules are judged late", "resolved")]


def test_two_who_judge_the_same_at_once_make_one_alert(database: Database, add: Add) -> None:
    add(**SHIPPED["Rules are judged late"])
    clock = Seconds()

    class Slow(Evaluator):
        """While it judges, the other one does."""

        def verdicts(self, reader: Any, now_ns: int) -> Any:
            found = super().verdicts(reader, now_ns)
            meanwhile.pop()() if meanwhile else None
            return found

    alerting = Alerting(database, Slow(database), 10 * SECOND, Evaluator(database, only_own=True), clock)
    meanwhile: list[Any] = []
    alerting.tick(NOON)
    clock.s = 100.0
    assert alerting.own.pulse is not None
    late = alerting.own.pulse.waits_s

    def other() -> None:
        clock.s = 200.0
        alerting.watch(NOON + 200 * SECOND)

    meanwhile.append(other)
    alerting.tick(NOON + 100 * SECOND)
    alerting.tick(NOON + 210 * SECOND)
    assert late(200.0) == 0.0
    with database.reader() as reader:
        assert reader.value("SELECT count(*) FROM alert_episodes WHERE name = 'Rules are judged late'") == 1


def test_messages_that_wait_tasks_that_fail_and_ticks_that_overrun_are_figures(database: Database, add: Add) -> None:
    clock = Seconds()
    alerting = Alerting(database, Evaluator(database), 10 * SECOND, now_s=clock)
    own = alerting.own
    own.waits = lambda _reader, _now_ns: {"": 1.0, "night": 130.0, "day": 4.0}
    own.tasks = lambda: [("rollups", True), ("slots", False)]
    names = ("Messages wait to be sent", "Work of the server fails", "The server cannot keep up")
    waits, tasks, overruns = (add(**SHIPPED[name]) for name in names)
    for number in range(8):  # ticks of 16 s
        clock.s = number * 16.0
        alerting.tick(NOON + number * 16 * SECOND)
    now_ns = NOON + 112 * SECOND
    with database.reader() as reader:
        found = {
            rule.rule_id: {
                (each.labels.get("channel") or each.labels.get("task") or ""): each.value
                for each in Evaluator(database).one(reader, rule, now_ns)
                if each.outcome == "true"
            }
            for rule in (waits, tasks, overruns)
        }
        with pytest.raises(Invalid, match="only now"):
            backtest.replay(reader, waits, {}, Range(NOON - HOUR, NOON), lambda *_: lambda *_: (None, ()))
    assert found == {waits.rule_id: {"night": 130.0}, tasks.rule_id: {"rollups": 1}, overruns.rule_id: {"": 7}}


def test_a_clock_that_jumps_is_no_lag(database: Database) -> None:
    ready.install(database, NOON)
    clock = Seconds()
    alerting = Alerting(database, Evaluator(database), 10 * SECOND, now_s=clock)
    for number, jumped in enumerate((0, 0, HOUR, HOUR, -HOUR, -HOUR)):
        clock.s = number * 10.0
        alerting.tick(NOON + number * 10 * SECOND + jumped)
    with database.reader() as reader:
        assert reader.value("SELECT count(*) FROM alert_episodes") == 0
        assert [rule.name for rule in rules.listed(reader) if rule.pack and rule.pack.startswith("server/")]
