"""When maintenance lasts: once, again and again, and when the clocks change."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_server.errors import Mistakes
from spanledger_server.silences import maintenance
from spanledger_server.silences.maintenance import Plan, Recurrence
from spanledger_server.silences.matchers import Matcher
from spanledger_server.timegrid import DAY_NS, MINUTE_NS, Range

NS = 10**9
ALL = (Matcher("service", "=", "db"),)


def at(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp()) * NS


def told(span: Range | None) -> str | None:
    if span is None:
        return None
    ends = (dt.datetime.fromtimestamp(ns // NS, dt.UTC) for ns in (span.from_ns, span.to_ns))
    return " ".join(f"{end:%m-%dT%H:%M}" for end in ends)


def weekly(at_time: str, minutes: int, zone: str = "Europe/Berlin", **days: Any) -> Plan:
    return Plan("x", ALL, "x", zone, at("2026-01-01T00:00Z"), None, Recurrence(at_time, minutes, **days))


def test_once_is_from_its_beginning_to_its_end():
    plan = Plan("x", ALL, "x", "UTC", at("2026-03-01T10:00Z"), at("2026-03-01T12:00Z"))
    assert maintenance.now(plan, at("2026-03-01T09:59Z")) is None
    assert told(maintenance.now(plan, at("2026-03-01T10:00Z"))) == "03-01T10:00 03-01T12:00"
    assert maintenance.now(plan, at("2026-03-01T12:00Z")) is None
    assert told(maintenance.following(plan, at("2026-02-01T00:00Z"))) == "03-01T10:00 03-01T12:00"
    assert maintenance.following(plan, at("2026-03-01T10:00Z")) is None


@pytest.mark.parametrize(
    ("day", "span"),
    [
        ("2026-03-28", "03-28T01:30 03-28T02:15"),  # the last night of winter time
        ("2026-03-29", "03-29T01:30 03-29T02:15"),  # 02:30 does not come: as much later
        ("2026-03-30", "03-30T00:30 03-30T01:15"),
        ("2026-10-24", "10-24T00:30 10-24T01:15"),
        ("2026-10-25", "10-25T00:30 10-25T01:15"),  # 02:30 comes twice: the first
        ("2026-10-26", "10-26T01:30 10-26T02:15"),
    ],
)
def test_a_time_of_day_is_one_of_the_zones_clocks_whatever_they_do(day: str, span: str):
    plan = weekly("02:30", 45)
    assert told(maintenance.following(plan, at(f"{day}T00:00Z"))) == span
    assert [told(each) for each in maintenance.between(plan, Range(at(f"{day}T00:00Z"), at(f"{day}T12:00Z")))] == [span]


def test_days_of_the_week_and_of_the_month():
    sundays = weekly("22:00", 240, "UTC", weekdays=(6,))
    assert told(maintenance.following(sundays, at("2026-11-21T12:00Z"))) == "11-22T22:00 11-23T02:00"
    assert maintenance.now(sundays, at("2026-11-23T01:59Z")) is not None
    assert maintenance.now(sundays, at("2026-11-22T01:59Z")) is None
    first_sunday = weekly("22:00", 60, "UTC", weekdays=(6,), month_days=tuple(range(1, 8)))
    assert told(maintenance.following(first_sunday, at("2026-11-21T12:00Z"))) == "12-06T22:00 12-06T23:00"
    last_day = weekly("00:00", 60, "UTC", month_days=(-1,))
    assert told(maintenance.following(last_day, at("2026-02-01T12:00Z"))) == "02-28T00:00 02-28T01:00"
    leap_day = weekly("00:00", 60, "UTC", month_days=(29,), weekdays=(1,))
    assert maintenance.following(leap_day, at("2027-03-01T00:00Z")) is not None


def test_a_recurrence_has_a_beginning_and_may_have_an_end():
    plan = replace(weekly("10:00", 60, "UTC"), starts_ns=at("2026-05-02T00:00Z"), ends_ns=at("2026-05-04T00:00Z"))
    spans = [told(each) for each in maintenance.between(plan, Range(at("2026-05-01T00:00Z"), at("2026-06-01T00:00Z")))]
    assert spans == ["05-02T10:00 05-02T11:00", "05-03T10:00 05-03T11:00"]
    assert maintenance.now(plan, at("2026-05-01T10:30Z")) is None
    assert maintenance.following(plan, at("2026-05-03T10:30Z")) is None


@given(
    st.sampled_from(
        ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")
    ),
    st.times(),
    st.integers(1, maintenance.MOST_MINUTES),
    st.integers(0, 20 * 365 * 24 * 60),
)
def test_what_lasts_now_is_found_and_began_when_the_clocks_showed_its_time(
    zone: str, time: dt.time, minutes: int, minute: int
):
    plan = weekly(f"{time:%H:%M}", minutes, zone)
    at_ns = at("2026-02-01T00:00Z") + minute * MINUTE_NS
    span = maintenance.now(plan, at_ns)
    following = maintenance.following(plan, at_ns)
    assert following is not None
    assert at_ns < following.from_ns <= at_ns + 2 * DAY_NS
    if minutes >= 2 * 24 * 60:
        assert span is not None
    if span is not None:
        assert span.from_ns <= at_ns < span.to_ns
        assert span.to_ns - span.from_ns == minutes * MINUTE_NS
        began = dt.datetime.fromtimestamp(span.from_ns // NS, ZoneInfo(zone))
        gap = abs((began.hour * 60 + began.minute) - (time.hour * 60 + time.minute))
        assert gap in (0, 30, 60)  # more than none only where the clocks skipped it


@pytest.mark.parametrize(
    ("more", "parameter"),
    [
        ({"name": " "}, "name"),
        ({"comment": ""}, "comment"),
        ({"matchers": ()}, "matchers"),
        ({"matchers": (Matcher("a", "=~", ".*"),)}, "matchers"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"recurrence": None}, "ends_at"),
        ({"ends_ns": 5}, "ends_at"),
        ({"recurrence": Recurrence("24:00", 5)}, "at"),
        ({"recurrence": Recurrence("10:00", 0)}, "minutes"),
        ({"recurrence": Recurrence("10:00", 5, (7,))}, "weekdays"),
        ({"recurrence": Recurrence("10:00", 5, (), (0,))}, "month_days"),
    ],
)
def test_what_is_no_window_is_refused_by_name(more: dict[str, Any], parameter: str):
    with pytest.raises(Mistakes) as refused:
        maintenance.check(replace(weekly("10:00", 60), **more))
    assert [each.parameter for each in refused.value.each] == [parameter]
