"""Whom to tell what, seen at the channels."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from spanledger_server.notify import escalations, preferences, routes
from tests.backend.notify.events import HOUR, MINUTE, NOON, SECOND, event
from tests.backend.notify.house import House

HOLDS = "SELECT channel_id, reason FROM notify_holds WHERE to_ns IS NULL ORDER BY ALL"


@pytest.fixture
def house() -> Iterator[House]:
    made = House("ops", "pager")
    yield made
    made.close()


def told(house: House, name: str = "ops") -> list[tuple[str, str]]:
    return house.channels[name].told


def prefer(house: House, admin: str = "ann", **given: Any) -> None:
    with house.database.transaction() as tx:
        preferences.put(tx, preferences.of(tx, admin), given, house.now_ns, "UTC")


def route(house: House, **given: Any) -> None:
    with house.database.transaction() as tx:
        routes.add(tx, given, house.now_ns, "ann")


def default_route(house: House, **given: Any) -> None:
    with house.database.transaction() as tx:
        routes.change(tx, routes.one(tx, "default"), given, house.now_ns, "ann")


def test_an_alert_is_told_at_once_and_its_end_as_well(house: House) -> None:
    house.record(event())
    house.tick()
    house.record(event("resolved", at_ns=NOON + SECOND))
    house.tick(SECOND)
    assert told(house) == [("firing", "Slow answers: a"), ("resolved", "Slow answers: a")]
    assert told(house, "pager") == told(house)
    first, last = house.channels["ops"].arrived
    assert first.incident_id == last.incident_id
    assert first.notification_id != last.notification_id
    house.wait(HOUR)
    assert len(told(house)) == 2
    assert house.rows("SELECT * FROM notify_alerts") == []


def test_what_follows_in_a_group_is_collected(house: House) -> None:
    house.record(event())
    house.tick()
    house.record(event(alert="b", at_ns=NOON + SECOND))
    house.tick(SECOND)
    house.record(event(alert="c", at_ns=NOON + 2 * SECOND))
    house.wait(28 * SECOND)
    assert len(told(house)) == 1
    assert set(house.rows(HOLDS)) == {("ops", "grouping"), ("pager", "grouping")}
    house.tick(SECOND)
    assert told(house)[1:] == [("firing", "3 alerts: Slow answers")]
    assert house.rows(HOLDS) == []
    house.record(event("resolved", alert="b", at_ns=house.now_ns))
    house.wait(5 * MINUTE - SECOND, 30 * SECOND)
    assert len(told(house)) == 2
    house.tick(SECOND)
    assert told(house)[2:] == [("firing", "2 alerts: Slow answers")]
    assert [each.kind for each in house.channels["ops"].arrived[2].alerts] == ["fired", "fired", "resolved"]


def test_a_critical_alert_joins_at_once(house: House) -> None:
    house.record(event())
    house.tick()
    house.record(event(alert="b", severity="critical"))
    house.tick(SECOND)
    assert [each.severity for each in house.channels["ops"].arrived] == ["warning", "critical"]


def test_a_rise_is_told_at_once_and_a_word_of_care_too(house: House) -> None:
    house.record(event())
    house.tick()
    house.record(event("worse", severity="critical", number=1, at_ns=NOON + SECOND))
    house.tick(SECOND)
    house.record(event("acknowledged", severity="critical", number=2, by="ann"))
    house.tick(SECOND)
    assert [status for status, _ in told(house)] == ["firing", "firing", "acknowledged"]
    house.record(event("unacknowledged", severity="critical", number=3))
    house.tick(SECOND)
    assert told(house)[-1][0] == "firing"


def test_an_alert_that_comes_again_is_told_after_its_cooldown(house: House) -> None:
    house.record(event())
    house.tick()
    house.record(event("resolved"))
    house.tick(SECOND)
    again = event(alert="again", dedup_key="key-a", at_ns=NOON + MINUTE)
    house.record(again)
    house.wait(14 * MINUTE)
    assert len(told(house)) == 2
    assert ("ops", "cooldown") in house.rows(HOLDS)
    house.restart()
    house.wait(MINUTE)
    assert told(house)[2:] == [("firing", "Slow answers: again")]


def test_an_alert_that_comes_again_and_ends_within_its_cooldown_is_not_told_but_counted(house: House) -> None:
    house.record(event())
    house.tick()
    house.record(event("resolved"))
    house.tick(SECOND)
    house.record(event(alert="again", dedup_key="key-a"))
    house.tick(SECOND)
    house.record(event("resolved", alert="again", dedup_key="key-a"))
    house.wait(30 * MINUTE, 10 * MINUTE)
    assert len(told(house)) == 2
    assert house.delivery.planner.counters.suppressed["cooldown"] == 2
    ended = house.rows("SELECT channel_id, reason FROM notify_holds WHERE to_ns IS NOT NULL ORDER BY ALL")
    assert ended == [("ops", "cooldown"), ("pager", "cooldown")]


def test_more_than_four_an_hour_of_one_rule_become_one_list(house: House) -> None:
    default_route(house, group_by=["..."])
    for number in range(4):
        house.record(event(alert=f"a{number}"))
        house.tick(MINUTE)
    for number in range(12):
        house.record(event(alert=f"b{number}"))
    house.wait(20 * MINUTE, 10 * MINUTE)
    assert len(told(house)) == 4
    assert ("ops", "hourly_limit") in house.rows(HOLDS)
    house.wait(40 * MINUTE, MINUTE)
    assert told(house)[4:] == [("digest", "In one list: 12 alerts: Slow answers")]


def test_what_quiet_hours_hold_back_is_told_in_one_list_at_their_end(house: House) -> None:
    default_route(house, group_by=["alert"])
    night = {"quiet_hours_enabled": True, "quiet_start_time": "12:00", "quiet_end_time": "13:00", "timezone": "UTC"}
    prefer(house, channels={"ops": ["critical", "warning"]}, **night)
    house.record(event(), event(alert="b"), event(alert="c"), event(alert="d", severity="critical"))
    house.tick(SECOND)
    assert told(house) == [("firing", "Slow answers: d")]
    assert len(told(house, "pager")) == 4
    house.record(event("resolved", alert="b"), event("resolved", alert="d"))
    house.wait(30 * MINUTE, 10 * MINUTE)
    assert told(house)[1:] == [("resolved", "Slow answers: d")]
    house.restart()
    house.wait(30 * MINUTE, 10 * MINUTE)
    assert told(house)[2:] == [("digest", "While it was quiet: 2 alerts: Slow answers")]
    house.record(event("resolved", alert="a"), event("resolved", alert="c"))
    house.tick(SECOND)
    assert told(house)[3:] == [("resolved", "2 alerts: Slow answers")]


def test_what_is_silenced_is_told_once_it_is_not_any_more(house: House) -> None:
    house.silences.held["a"] = "silence 7 of ann"
    house.record(event())
    house.wait(MINUTE)
    assert told(house) == []
    assert house.rows(HOLDS) == [("ops", "silenced"), ("pager", "silenced")]
    house.silences.held.clear()
    house.tick(SECOND)
    assert told(house) == [("firing", "Slow answers: a")]


def test_preferences_say_which_severities_somebody_wants(house: House) -> None:
    prefer(house, channels={"ops": ["critical"]})
    house.record(event())
    house.tick()
    assert told(house) == []
    assert told(house, "pager") == [("firing", "Slow answers: a")]
    assert house.rows(HOLDS) == [("ops", "preferences")]


def test_a_route_leads_where_its_labels_say(house: House) -> None:
    route(house, name="chat", matchers={"service": ["chat*", "!chat-test"]}, severities=["warning"], channels=["pager"])
    house.record(event(), event(alert="b", labels={"service": "chat-test"}, name="Other", rule_id=UUID(int=2)))
    house.tick()
    assert sorted(told(house, "pager")) == [("firing", "Slow answers: a"), ("firing", "Slow answers: b")]
    assert told(house) == [("firing", "Slow answers: b")]


def test_an_alert_that_no_route_takes_says_so(house: House) -> None:
    default_route(house, channels=[])
    house.record(event())
    house.tick()
    assert house.rows(HOLDS) == [("", "no_route")]


def test_a_rule_can_name_its_channels(house: House) -> None:
    house.record(event(channels=("pager",)))
    house.tick()
    assert told(house) == []
    assert told(house, "pager") == [("firing", "Slow answers: a")]


def test_a_rule_whose_channels_are_gone_is_told_by_the_routes(house: House) -> None:
    house.record(event(channels=("gone",)))
    house.tick()
    assert told(house) == [("firing", "Slow answers: a")]


def test_an_escalation_goes_on_until_somebody_takes_care(house: House) -> None:
    with house.database.transaction() as tx:
        steps = [{"delay_seconds": 600, "channels": ["pager"]}, {"delay_seconds": 600, "channels": ["ops", "pager"]}]
        escalation = escalations.add(tx, {"name": "wake", "steps": steps, "repeats": 1}, house.now_ns, "ann")
    default_route(house, channels=["ops"], escalation=escalation.escalation.escalation_id)
    house.record(event())
    house.tick()
    assert (len(told(house)), len(told(house, "pager"))) == (1, 0)
    house.wait(10 * MINUTE, 5 * MINUTE)
    assert (len(told(house)), len(told(house, "pager"))) == (1, 1)
    assert "Nobody" not in house.channels["ops"].arrived[0].text
    assert house.channels["pager"].arrived[0].text.startswith("Nobody has taken care of this for 10 minutes.\n")
    house.restart()
    house.wait(5 * MINUTE, MINUTE)
    house.record(event("acknowledged", at_ns=house.now_ns))
    house.wait(HOUR, 10 * MINUTE)
    assert [status for status, _ in told(house)] == ["firing", "acknowledged"]
    house.record(event("unacknowledged", at_ns=house.now_ns))
    house.wait(4 * MINUTE, MINUTE)
    assert [status for status, _ in told(house)] == ["firing", "acknowledged", "firing"]
    house.wait(MINUTE, MINUTE)
    assert [status for status, _ in told(house)] == ["firing", "acknowledged", "firing", "firing"]
    assert house.channels["ops"].arrived[-1].repeat == 1
    house.wait(HOUR, 10 * MINUTE)
    assert [status for status, _ in told(house, "pager")] == ["firing", "acknowledged", *["firing"] * 4]
    house.wait(HOUR, 10 * MINUTE)
    assert len(told(house, "pager")) == 6


def test_what_nobody_takes_care_of_is_repeated(house: House) -> None:
    default_route(house, repeat_seconds=3600)
    house.record(event())
    house.tick()
    house.wait(2 * HOUR, 10 * MINUTE)
    assert [message.repeat for message in house.channels["ops"].arrived] == [0, 1, 2]


def test_a_channel_that_is_turned_on_again_hears_what_still_fires(house: House) -> None:
    house.channels.listed["ops"] = replace(house.channels.listed["ops"], enabled=False)
    house.record(event())
    house.tick()
    assert ("ops", "channel_off") in house.rows(HOLDS)
    house.channels.listed["ops"] = replace(house.channels.listed["ops"], enabled=True)
    house.tick(SECOND)
    assert told(house) == [("firing", "Slow answers: a")]


def test_quiet_days_are_counted_on_the_clock_of_their_zone(house: House) -> None:
    """Berlin's night of 26 October 2025 has an hour twice."""
    default_route(
        house,
        quiet_hours={"start": "22:00", "end": "08:00", "timezone": "Europe/Berlin", "days": ["sat"], "passes": []},
    )
    house.now_ns = int(dt.datetime(2025, 10, 25, 20, 0, tzinfo=dt.UTC).timestamp()) * SECOND
    house.record(event(severity="critical", at_ns=house.now_ns))
    house.wait(11 * HOUR - SECOND, HOUR)
    assert told(house) == []
    house.tick(SECOND)
    assert told(house) == [("firing", "Slow answers: a")]
