"""The tick of alerts: what it writes, what it leaves alone, and what it survives."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spanledger_server.alerts import by_hand, kept, watch
from spanledger_server.alerts.by_hand import Who
from spanledger_server.alerts.received import ReceivedAlerts
from spanledger_server.errors import Busy
from spanledger_server.rules.rule import Rule
from spanledger_server.rules.verdict import Story, Verdict
from spanledger_server.store.database import Database, Reader
from tests.backend.alerts.made import NOON, NS, TICK_S, Judge, episodes, events, history, rule, says
from tests.support.stores import new_store


@pytest.fixture
def database() -> Iterator[Database]:
    opened = new_store()
    yield opened
    opened.close()


def pass_ticks(judge: Judge, database: Database, first: int, *rounds: Sequence[Verdict], name: str = "slow") -> None:
    alerting = judge.alerting(database)
    for number, verdicts in enumerate(rounds, first):
        judge.verdicts_of[name] = verdicts
        alerting.tick(NOON + number * TICK_S * NS)


def test_a_storm_fires_each_alert_once_asks_for_few_stories_and_then_costs_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    judge = Judge([rule(f"r{number}") for number in range(10)])
    judge.verdicts_of = {each.name: [says("true", str(group)) for group in range(1000)] for each in judge.known}
    alerting = judge.alerting(database)
    alerting.tick(NOON)
    assert Counter(kind for kind, _, _ in events(database)) == {"fired": 10_000}
    assert judge.stories <= watch.MOST_STORIES
    assert {row["state"] for row in episodes(database)} == {"firing"}

    def refused() -> Any:
        raise AssertionError("nothing changed: nothing is written")

    with monkeypatch.context() as patched:
        patched.setattr(database, "transaction", refused)
        alerting.tick(NOON + TICK_S * NS)
    judge.verdicts_of = {each.name: [says("false", str(group)) for group in range(1000)] for each in judge.known}
    alerting.tick(NOON + 3 * TICK_S * NS)
    assert Counter(kind for kind, _, _ in events(database)) == {"fired": 10_000, "resolved": 10_000}


def test_a_thousand_rules_of_twenty_calm_groups_are_stepped_in_a_fraction_of_a_tick(database: Database):
    judge = Judge([rule(f"r{number}") for number in range(1000)])
    judge.verdicts_of = {each.name: [says("false", str(group)) for group in range(20)] for each in judge.known}
    alerting = judge.alerting(database)
    started = time.process_time()
    alerting.tick(NOON)
    assert time.process_time() - started < 5
    assert (alerting.counters.rules, alerting.counters.groups) == (1000, 20_000)


def test_what_somebody_does_while_rules_are_judged_is_not_undone(database: Database):
    class Meanwhile(Judge):
        def verdicts(self, reader: Reader, now_ns: int) -> list[tuple[Rule, Sequence[Verdict]]]:
            found = super().verdicts(reader, now_ns)
            list(reader.rows("SELECT 1"))
            for act in acts:
                with database.transaction() as tx:
                    act(tx)
            return found

    acts: list[Any] = []
    judge = Meanwhile([rule(keep_firing_for_ns=60 * NS)])
    pass_ticks(judge, database, 0, [says("true")])
    (alert,) = episodes(database)
    acts.append(lambda tx: by_hand.acknowledge(tx, [alert["alert_id"]], None, Who("ana", NOON + 5 * NS)))
    pass_ticks(judge, database, 1, [says("false")])
    (alert,) = episodes(database)
    assert (alert["state"], alert["acked_by"]) == ("recovering", "ana")
    acts[:] = [lambda tx: by_hand.resolve(tx, [alert["alert_id"]], Who("ana", NOON + 15 * NS))]
    pass_ticks(judge, database, 2, [says("true")])
    acts.clear()
    pass_ticks(judge, database, 3, [says("true")])
    (alert,) = episodes(database)
    assert alert["state"] == "resolved"
    assert [kind for kind, _, _ in events(database)] == ["fired", "acknowledged", "resolved"]


def test_a_rule_that_cannot_be_evaluated_is_an_alert_with_the_same_labels(database: Database):
    judge = Judge([rule(severity="critical")])
    pass_ticks(judge, database, 0, *([[says("error")]] * 31))
    (alert,) = episodes(database)
    assert (alert["kind"], alert["state"], alert["severity"]) == ("evaluation", "firing", "error")
    labels = kept.labels_of(alert["labels"])
    assert labels == {"alertname": "slow", "alert_kind": "evaluation", "group": "a"}
    assert "the store is away" in alert["story"]
    pass_ticks(judge, database, 40, [says("false")])
    assert events(database) == [
        ("fired", "slow cannot be evaluated", "a"),
        ("resolved", "slow cannot be evaluated", "a"),
    ]


def test_a_rule_that_fails_as_a_whole_says_so_of_its_groups_too(database: Database):
    judge = Judge([rule(error="resolve", no_data="keep")])
    whole = Verdict({}, "error", reason="too many groups")
    pass_ticks(judge, database, 0, [says("true", "a"), says("true", "b")], [whole])
    assert [row["state"] for row in episodes(database) if row["kind"] == "alert"] == ["resolved", "resolved"]
    assert judge.alerting(database).counters.failing == ()


@pytest.mark.parametrize(
    ("edited", "why"),
    [
        ([], "rule deleted"),
        ([rule(enabled=False)], "rule disabled"),
        ([rule(operator="<")], "rule changed"),
    ],
)
def test_an_alert_ends_with_its_rule_and_says_so(database: Database, edited: list[Rule], why: str):
    judge = Judge([rule(for_ns=0)])
    pass_ticks(judge, database, 0, [says("true")])
    judge.known = edited
    pass_ticks(judge, database, 1, [says("true")])
    with database.reader() as reader:
        assert reader.value("SELECT why FROM alert_changes WHERE kind = 'resolved'") == why


def test_a_rule_that_keeps_its_condition_keeps_its_alerts(database: Database):
    judge = Judge([rule()])
    pass_ticks(judge, database, 0, [says("true")])
    judge.known = [replace(judge.known[0], name="renamed", severity="critical", cooldown_minutes=1, version=2)]
    pass_ticks(judge, database, 1, [says("true")], name="renamed")
    assert [kind for kind, _, _ in events(database)] == ["fired", "worse"]


def test_a_pending_alert_that_never_fires_leaves_nothing(database: Database):
    judge = Judge([rule(for_ns=60 * NS)])
    pass_ticks(judge, database, 0, [says("true")], [says("true")])
    assert [row["state"] for row in episodes(database)] == ["pending"]
    pass_ticks(judge, database, 2, [says("false")])
    assert (episodes(database), history(database), events(database)) == ([], [], [])


def test_values_of_what_fires_are_refreshed_once_a_minute(database: Database):
    judge = Judge([rule()])
    pass_ticks(judge, database, 0, *([says("true", value=600.0 + number)] for number in range(9)))
    (alert,) = episodes(database)
    assert (alert["value"], alert["changes"]) == (606.0, 1)


def test_a_file_that_was_closed_in_the_middle_of_everything_goes_on(tmp_path: Path):
    judge = Judge([rule("late", for_ns=30 * NS), rule("kept", keep_firing_for_ns=30 * NS)])
    path = tmp_path / "spanledger.duckdb"
    said = {0: ("true", "true"), 10: ("true", "false"), 20: ("true", "false"), 30: ("true", "false")}
    for at_s, (late, kept_on) in (said | {40: ("true", "false")}).items():
        opened = Database.open(path)
        judge.verdicts_of = {"late": [says(late)], "kept": [says(kept_on)]}  # type: ignore[arg-type]
        judge.alerting(opened).tick(NOON + at_s * NS)
        found = events(opened)
        opened.close()
    assert found == [("fired", "kept", "a"), ("fired", "late", "a"), ("resolved", "kept", "a")]


def test_a_story_that_fails_is_told_without_the_store(database: Database):
    class Mute(Judge):
        def story(self, _reader: Reader, _of: Rule, _verdict: Verdict, _now_ns: int) -> Story:
            raise Busy("not now")

    pass_ticks(Mute([rule()]), database, 0, [says("true", value=7.5)])
    (alert,) = episodes(database)
    told = kept.story_of(alert["story"])
    assert (told.title, told.text) == ("slow: latency is 7.5 ms, above 500 ms (group a)", "")


def test_what_ended_long_ago_is_forgotten_with_all_that_belongs_to_it(database: Database):
    judge = Judge([rule()])
    pass_ticks(judge, database, 0, [says("true")], [says("false")])
    (alert,) = episodes(database)
    with database.transaction() as tx:
        by_hand.feedback(tx, alert["alert_id"], False, Who("ana", NOON))
    received = ReceivedAlerts(database, 300 * NS, 86_400 * NS, NOON)
    received.tick(NOON + 3600 * NS)
    assert len(episodes(database)) == 1
    received.tick(NOON + 2 * 86_400 * NS)
    with database.reader() as reader:
        for table in ("alert_episodes", "alert_changes", "alert_feedback"):
            assert reader.value(f"SELECT count(*) FROM {table}") == 0


def test_conditions_name_rules_that_fail_and_evaluations_that_are_late(database: Database):
    judge = Judge([rule("a"), rule("b")])
    alerting = judge.alerting(database)
    assert alerting.conditions(NOON) == []
    judge.verdicts_of = {"a": [says("error")], "b": [says("false")]}
    alerting.tick(NOON)
    (told,) = alerting.conditions(NOON + 10 * NS)
    assert told["text"] == "1 of 2 rules cannot be evaluated: a"
    assert [each["text"] for each in alerting.conditions(NOON + 100 * NS)][1:] == ["no rule was evaluated for 100 s"]
