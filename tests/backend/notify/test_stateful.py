"""Alerts come, get worse, are taken care of and end; nights, silences and failures come and go; and nothing is lost."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from spanledger_server.notify import preferences, routes
from spanledger_server.notify.event import Event
from spanledger_server.notify.message import Failed, Message
from spanledger_server.notify.quiet import Quiet
from spanledger_server.notify.reading import clock
from tests.backend.notify.events import HOUR, MINUTE, SECOND, event
from tests.backend.notify.house import House, taken

ANSWERS = {
    "ok": taken,
    "busy": lambda _: Failed("HTTP 429", permanent=False, after_s=90),
    "broken": lambda _: Failed("HTTP 500", permanent=False),
}
SEVERITIES = ("info", "warning", "error", "critical")
NIGHT = {"quiet_hours_enabled": True, "quiet_start_time": "22:00", "quiet_end_time": "08:00"}
BEGINNINGS = (  # with nights in which Berlin's clock is changed
    datetime(2025, 3, 29, 20, 58, tzinfo=UTC),
    datetime(2025, 10, 25, 19, 58, tzinfo=UTC),
    datetime(2025, 11, 21, 22, tzinfo=UTC),
)
WANTED = {"night": ["info", "warning", "error", "critical"]}


class Alerts(RuleBasedStateMachine):
    """`day` hears everything, `night` sleeps in Berlin."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House("day", "night")
        self.number = 0
        self.newest: dict[str, Event] = {}
        self.events: Counter[UUID] = Counter()
        self.quiet: Quiet | None = None

    @initialize(
        at=st.sampled_from(BEGINNINGS),
        group_by=st.sampled_from([["rule"], ["..."], []]),
        sleeps=st.sampled_from((True, True, False)),
    )
    def begin(self, at: datetime, group_by: list[str], sleeps: bool) -> None:
        self.house.now_ns = int(at.timestamp()) * SECOND
        with self.house.database.transaction() as tx:
            routes.change(tx, routes.one(tx, "default"), {"group_by": group_by}, self.house.now_ns, "ann")
            if sleeps:
                given = {**NIGHT, "channels": WANTED, "timezone": "Europe/Berlin"}
                preferences.put(tx, preferences.of(tx, "ann"), given, self.house.now_ns, "UTC")
        if sleeps:
            self.quiet = Quiet(clock("", "22:00"), clock("", "08:00"), "Europe/Berlin")

        for name, severity in zip("abc", SEVERITIES[1:], strict=True):
            self.begins(name, severity, 1)

    def happened(self, told: Event) -> None:
        self.events[told.alert_id] += 1
        self.house.record(told)
        self.house.tick(10 * SECOND)

    def firing(self) -> list[str]:
        return sorted(name for name, told in self.newest.items() if told.kind != "resolved")

    def change(self, name: str, kind: str, **more: Any) -> None:
        self.number += 1
        before = self.newest[name]
        more = {"severity": before.severity, "rule_id": before.rule_id, "labels": before.labels} | more
        told = event(kind, str(before.alert_id), self.house.now_ns, self.number, dedup_key=before.dedup_key, **more)
        self.newest[name] = told = replaced(told, before)
        self.happened(told)

    @rule(name=st.sampled_from("abcdef"), severity=st.sampled_from(SEVERITIES), of=st.integers(1, 2))
    def fires(self, name: str, severity: str, of: int) -> None:
        if name not in self.firing():
            self.begins(name, severity, of)

    def begins(self, name: str, severity: str, of: int) -> None:
        self.number += 1
        told = event(
            "fired",
            f"{name}{self.number}",
            self.house.now_ns,
            self.number,
            dedup_key=name,
            severity=severity,
            rule_id=UUID(int=of),
            labels={"alert": name},
        )
        self.newest[name] = told
        self.happened(told)

    @precondition(lambda self: self.firing())
    @rule(data=st.data())
    def gets_worse(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.firing()))
        before = self.newest[name].severity
        if before != "critical":
            self.change(name, "worse", severity=SEVERITIES[SEVERITIES.index(before) + 1])

    @precondition(lambda self: self.firing())
    @rule(data=st.data(), kind=st.sampled_from(("resolved", "acknowledged", "unacknowledged")))
    def goes_on(self, data: st.DataObject, kind: str) -> None:
        self.change(data.draw(st.sampled_from(self.firing())), kind)

    @rule(name=st.sampled_from("abcdef"))
    def is_silenced_or_not(self, name: str) -> None:
        if self.house.silences.held.pop(name, None) is None:
            self.house.silences.held[name] = "silenced by ann"

    @rule(channel=st.sampled_from(("day", "night")), answer=st.sampled_from(tuple(ANSWERS)))
    def a_channel_answers(self, channel: str, answer: str) -> None:
        self.house.channels[channel].answer = ANSWERS[answer]

    @rule(length_ns=st.sampled_from((SECOND, 10 * SECOND, 30 * SECOND, 5 * MINUTE, 20 * MINUTE, HOUR, 5 * HOUR)))
    def time_goes_by(self, length_ns: int) -> None:
        self.house.wait(length_ns, max(10 * SECOND, length_ns // 4))

    @rule()
    def the_server_is_restarted(self) -> None:
        self.house.restart()

    @invariant()
    def nothing_is_told_twice_for_one_reason(self) -> None:
        told = Counter(self.house.rows("SELECT channel_id, unnest(alert_ids) FROM notifications"))
        for (_, alert_id), count in told.items():
            if alert_id in self.events:
                assert count <= self.events[alert_id]

    @invariant()
    def an_end_is_the_last_word_of_an_incident_and_never_the_first(self) -> None:
        for name in ("day", "night"):
            said: dict[str, list[Message]] = defaultdict(list)
            for message in self.house.channels[name].arrived:
                said[message.incident_id].append(message)
            for messages in said.values():
                assert messages[0].status in ("firing", "digest")
                assert "resolved" not in [message.status for message in messages[:-1]]
                assert [each.at_ns for each in messages] == sorted(each.at_ns for each in messages)

    @invariant()
    def only_what_is_critical_is_told_at_night(self) -> None:
        if self.quiet is None:
            return
        made = "SELECT made_ns, severity FROM notifications WHERE channel_id = 'night' AND len(rules) > 0"
        for made_ns, severity in self.house.rows(made):
            assert severity == "critical" or self.quiet.ends_ns(int(str(made_ns))) is None

    def teardown(self) -> None:
        """In the end, with everybody awake and nothing broken, channels know exactly what is."""
        house = self.house
        house.silences.held.clear()
        for name in ("day", "night"):
            house.channels[name].answer = taken
        for name in self.firing():
            if self.newest[name].kind != "unacknowledged":
                self.change(name, "unacknowledged")
        house.wait(16 * HOUR, 30 * MINUTE)
        firing = {self.newest[name].alert_id for name in self.firing()}
        for name in ("day", "night"):
            known = house.rows(f"SELECT alert_id FROM notify_told WHERE channel_id = '{name}' AND NOT \"over\"")
            told_of = {each for (each,) in known if each in self.events}
            assert told_of == firing
        left = house.rows("SELECT state, reason FROM notifications WHERE state NOT IN ('delivered', 'dropped')")
        assert left == []
        assert house.rows("SELECT * FROM notify_holds WHERE to_ns IS NULL") == []
        self.nothing_is_told_twice_for_one_reason()
        self.an_end_is_the_last_word_of_an_incident_and_never_the_first()
        self.only_what_is_critical_is_told_at_night()
        house.close()


def replaced(told: Event, before: Event) -> Event:
    return replace(told, alert_id=before.alert_id, title=before.title)


TestAlerts = Alerts.TestCase
TestAlerts.settings = settings(max_examples=5, stateful_step_count=12, deadline=None)
