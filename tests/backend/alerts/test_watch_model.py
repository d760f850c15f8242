"""Alerts of rules against a plain reference: whatever is measured, done by people, or breaks in between."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from spanledger_server.alerts import by_hand, record
from spanledger_server.alerts.by_hand import Who
from spanledger_server.errors import Busy
from spanledger_server.notify import outbox
from spanledger_server.rules.rule import Rule
from spanledger_server.rules.verdict import Verdict
from spanledger_server.store.database import Database
from tests.backend.alerts import made
from tests.backend.alerts.made import NOON, NS, Judge, says
from tests.backend.alerts.reference import Group
from tests.support.stores import new_store
from tests.support.thorough import examples

GROUPS = ("a", "b")
OUTCOMES = ("true", "true", "false", "false", "between", "no_data", "error", None)
TABLES = ("alert_episodes", "alert_changes", "alert_feedback", "notify_events")
STORE: list[Database] = []


@pytest.fixture(scope="module", autouse=True)
def store() -> Any:
    STORE.append(new_store())
    yield
    STORE.pop().close()


def verdict(outcome: str, group: str) -> Verdict:
    return says("false", group, clear=False) if outcome == "between" else says(outcome, group)  # type: ignore[arg-type]


class Alerts(RuleBasedStateMachine):
    """Two rules of two groups each, minute by minute."""

    def __init__(self) -> None:
        super().__init__()
        self.database = STORE[0]
        with self.database.transaction() as tx:
            for table in TABLES:
                tx.execute(f"DELETE FROM {table}")
        self.now_s = 0
        self.wanted: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        self.measured: dict[tuple[str, str], str | None] = {}
        self.groups: dict[tuple[str, str, str], Group] = {}

    @initialize(keep=st.booleans())
    def two_rules(self, keep: bool) -> None:
        policy: dict[str, Any] = {"no_data": "keep" if keep else "resolve", "error": "keep" if keep else "fire"}
        slow = made.rule("slow", for_ns=20 * NS, keep_firing_for_ns=20 * NS, **policy)
        self.judge = Judge([slow, made.rule("quick", **policy)])
        self.alerting = self.judge.alerting(self.database)
        for each in self.judge.known:
            for group in GROUPS:
                self.fresh(each, group)

    def fresh(self, of: Rule, group: str) -> None:
        delays = (of.for_ns // NS, of.keep_firing_for_ns // NS)
        self.groups[of.name, group, "alert"] = Group(*delays, of.no_data, of.error)
        self.groups[of.name, group, "evaluation"] = Group(300, 0, "resolve", "fire", damped=False)

    def expect(self) -> None:
        for each in self.judge.known:
            for group in GROUPS if each.enabled else ():
                outcome = self.measured.get((each.name, group))
                alert, check = (self.groups[each.name, group, kind] for kind in ("alert", "evaluation"))
                trouble = outcome == "error" or (outcome == "no_data" and alert.fires)
                calm = "false" if outcome is not None or check.phase != "idle" else None
                self.wanted[each.name, group, "alert"] += alert.hear(outcome, self.now_s)
                self.wanted[each.name, group, "evaluation"] += check.hear("true" if trouble else calm, self.now_s)

    def tick(self) -> None:
        self.judge.verdicts_of = {
            each.name: [verdict(said, group) for group in GROUPS if (said := self.measured.get((each.name, group)))]
            for each in self.judge.known
        }
        self.alerting.tick(NOON + self.now_s * NS)

    @rule(said=st.lists(st.tuples(*[st.sampled_from(OUTCOMES)] * 4, st.integers(1, 3)), min_size=2, max_size=8))
    def measure(self, said: list[tuple[Any, ...]]) -> None:
        for *outcomes, times in said:
            self.hear(outcomes)
            for number in range(times):
                self.pass_s(300 if outcomes[0] == "error" and number == 1 else 10)

    @rule(outcome=st.sampled_from(("true", "false")), times=st.integers(1, 12))
    def measure_the_same(self, outcome: str, times: int) -> None:
        for number in range(times):
            self.hear([outcome if number % 2 == 0 or times < 6 else "false"] * 4)
            self.pass_s(10)

    @rule(said=st.sampled_from(OUTCOMES), times=st.integers(3, 5))
    def measure_one_thing_of_all(self, said: str | None, times: int) -> None:
        self.hear([said] * 4)
        for _ in range(times):
            self.pass_s(10)

    def hear(self, outcomes: Sequence[str | None]) -> None:
        for number, each in enumerate(self.judge.known):
            for place, group in enumerate(GROUPS):
                self.measured[each.name, group] = outcomes[2 * number + place]

    def pass_s(self, seconds: int) -> None:
        self.now_s += seconds
        self.expect()
        self.tick()

    @rule()
    def start_again(self) -> None:
        self.alerting = self.judge.alerting(self.database)

    @rule(data=st.data(), late=st.booleans())
    def die_while_writing(self, data: st.DataObject, late: bool) -> None:
        self.now_s += 10
        for each in self.judge.known:
            for group in GROUPS:
                self.measured[each.name, group] = data.draw(st.sampled_from(OUTCOMES))
        before = made.events(self.database), made.episodes(self.database)

        def dies(*given: Any) -> int:
            if late:
                outbox_record(*given)
            raise Busy("the machine stopped")

        outbox_record = outbox.record
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(record.outbox, "record", dies)
            try:
                self.tick()
                alive = True
            except Busy:
                alive = False
        if alive:  # there was nothing to write
            self.expect()
        else:
            assert (made.events(self.database), made.episodes(self.database)) == before
            self.now_s -= 10
            self.start_again()

    @rule(
        name=st.sampled_from(("slow", "quick")), group=st.sampled_from(GROUPS), for_s=st.sampled_from((None, 15, 200))
    )
    def acknowledge(self, name: str, group: str, for_s: int | None) -> None:
        found = self.firing(name, group)
        if not found:
            return
        until_s = None if for_s is None else self.now_s + for_s
        with self.database.transaction() as tx:
            until_ns = None if until_s is None else NOON + until_s * NS
            done = by_hand.acknowledge(tx, found, until_ns, Who("ana", NOON + self.now_s * NS))
        if done.changed:
            self.groups[name, group, "alert"].taken_until_s = until_s
            self.wanted[name, group, "alert"].append("acknowledged")

    @rule(name=st.sampled_from(("slow", "quick")), group=st.sampled_from(GROUPS))
    def resolve(self, name: str, group: str) -> None:
        found = self.firing(name, group)
        with self.database.transaction() as tx:
            done = by_hand.resolve(tx, found, Who("ana", NOON + self.now_s * NS))
        if done.changed:
            alert = self.groups[name, group, "alert"]
            self.wanted[name, group, "alert"] += alert.end(self.now_s)
            alert.told_to_wait = True

    @rule(number=st.integers(0, 1), how=st.sampled_from(("disable", "change")))
    def edit(self, number: int, how: str) -> None:
        """The rule judges something else, or nothing for a tick."""
        before = self.judge.known[number]
        changed = {"enabled": False} if how == "disable" else {"threshold": (before.threshold or Decimal(0)) + 1}
        self.judge.known[number] = replace(before, **changed)  # type: ignore[arg-type]
        self.now_s += 10
        other = self.judge.known[1 - number]
        for group in GROUPS:
            for kind in ("alert", "evaluation"):
                self.wanted[before.name, group, kind] += self.groups[before.name, group, kind].end(self.now_s)
            self.measured[before.name, group] = None
            self.measured[other.name, group] = None
            self.fresh(before, group)
        self.expect()
        self.tick()
        self.judge.known[number] = replace(self.judge.known[number], enabled=True, version=before.version + 1)
        if how == "disable":  # as one that judges something else: what it was is not remembered here
            self.judge.known[number] = replace(
                self.judge.known[number], threshold=(before.threshold or Decimal(0)) + Decimal("0.5")
            )

    def firing(self, name: str, group: str) -> list[UUID]:
        return [
            row["alert_id"]
            for row in made.episodes(self.database)
            if row["state"] in ("firing", "recovering")
            and row["kind"] == "alert"
            and (row["name"], json.loads(row["labels"])["group"]) == (name, group)
        ]

    @precondition(lambda self: self.groups)
    @invariant()
    def what_is_told_is_what_should_be_and_in_order(self) -> None:
        told: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for kind, name, group in made.events(self.database):
            which = "evaluation" if name.endswith(" cannot be evaluated") else "alert"
            told[name.removesuffix(" cannot be evaluated"), group, which].append(kind)
        assert told == {key: kinds for key, kinds in self.wanted.items() if kinds}
        for key, kinds in told.items():
            turns = [kind for kind in kinds if kind in ("fired", "resolved")]
            assert turns == [("fired", "resolved")[number % 2] for number in range(len(turns))], key

    @precondition(lambda self: self.groups)
    @invariant()
    def what_is_open_is_what_should_be(self) -> None:
        found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for row in made.episodes(self.database):
            if row["state"] != "resolved":
                name = row["name"].removesuffix(" cannot be evaluated")
                group = json.loads(row["labels"])["group"]
                found[name, group, row["kind"]].append(row["state"].replace("recovering", "firing"))
        phases = {key: "firing" if known.fires else known.phase for key, known in self.groups.items()}
        assert found == {key: [phase] for key, phase in phases.items() if phase != "idle"}

    @precondition(lambda self: self.groups)
    @invariant()
    def every_change_is_in_the_history_once(self) -> None:
        with self.database.reader() as reader:
            wrong = reader.tuples(
                """
                SELECT e.alert_id FROM alert_episodes AS e LEFT JOIN alert_changes AS c ON c.alert_id = e.alert_id
                GROUP BY e.alert_id, e.changes
                HAVING e.changes <> count(c.number) OR e.changes <> max(c.number) OR
                    count(DISTINCT c.number) <> e.changes
                """
            )
        assert wrong == []


Alerts.TestCase.settings = settings(
    max_examples=examples(5), stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
test_alerts_follow_the_reference = Alerts.TestCase
