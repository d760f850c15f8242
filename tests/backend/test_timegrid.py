from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_server import timegrid
from spanledger_server.errors import Invalid
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, PERIODS, Period, Range

BERLIN = ZoneInfo("Europe/Berlin")


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("name", "now", "zone", "begin", "end"),
    [
        ("today", "2026-11-21T12:00:00+00:00", "UTC", "2026-11-21T00:00:00+00:00", "2026-11-22T00:00:00+00:00"),
        (
            "today",
            "2026-11-21T23:30:00+00:00",
            "Asia/Kolkata",
            "2026-11-22T00:00:00+05:30",
            "2026-11-23T00:00:00+05:30",
        ),
        (
            "today",
            "2026-03-29T10:00:00+00:00",
            "Europe/Berlin",
            "2026-03-29T00:00:00+01:00",
            "2026-03-30T00:00:00+02:00",
        ),
        (
            "today",
            "2026-10-25T10:00:00+00:00",
            "Europe/Berlin",
            "2026-10-25T00:00:00+02:00",
            "2026-10-26T00:00:00+01:00",
        ),
        ("week", "2026-11-22T23:59:59+00:00", "UTC", "2026-11-16T00:00:00+00:00", "2026-11-23T00:00:00+00:00"),
        ("week", "2027-01-01T00:00:00+00:00", "UTC", "2026-12-28T00:00:00+00:00", "2027-01-04T00:00:00+00:00"),
        ("month", "2028-02-29T12:00:00+00:00", "UTC", "2028-02-01T00:00:00+00:00", "2028-03-01T00:00:00+00:00"),
        (
            "month",
            "2026-12-31T23:30:00+00:00",
            "Europe/Berlin",
            "2027-01-01T00:00:00+01:00",
            "2027-02-01T00:00:00+01:00",
        ),
        ("year", "2028-07-01T00:00:00+00:00", "UTC", "2028-01-01T00:00:00+00:00", "2029-01-01T00:00:00+00:00"),
        ("year", "2026-12-31T23:59:59+00:00", "UTC", "2026-01-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"),
    ],
)
def test_a_period_is_the_whole_one_around_the_time(name: Period, now: str, zone: str, begin: str, end: str) -> None:
    assert timegrid.period(name, ns(now), ZoneInfo(zone)) == Range(ns(begin), ns(end))


def test_days_around_daylight_saving_have_23_and_25_hours_and_a_leap_year_366_days() -> None:
    assert timegrid.period("today", ns("2026-03-29T10:00:00+00:00"), BERLIN).length_ns == 23 * HOUR_NS
    assert timegrid.period("today", ns("2026-10-25T10:00:00+00:00"), BERLIN).length_ns == 25 * HOUR_NS
    year = timegrid.period("year", ns("2028-05-01T00:00:00+00:00"), BERLIN)
    assert len(timegrid.days(year, BERLIN)) == 366


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00:00+00:00"),  # midnight was skipped
        ("America/Havana", date(2026, 11, 1), "2026-11-01T04:00:00+00:00"),  # midnight comes twice: the first
        ("Asia/Kathmandu", date(2026, 1, 1), "2025-12-31T18:15:00+00:00"),
    ],
)
def test_a_day_begins_at_its_first_moment(zone: str, day: date, begins: str) -> None:
    tz = ZoneInfo(zone)
    begin_ns = timegrid.day_start_ns(day, tz)
    assert begin_ns == ns(begins)
    assert timegrid.local_date(begin_ns, tz) == day
    assert timegrid.local_date(begin_ns - 1, tz) < day


def test_a_day_that_a_zone_skipped_is_none() -> None:
    apia = ZoneInfo("Pacific/Apia")
    span = Range(ns("2011-12-29T12:00:00+00:00"), ns("2012-01-01T00:00:00+00:00"))
    assert [day.date.day for day in timegrid.days(span, apia)] == [29, 31, 1]


zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Chatham"]
)
times = st.integers(0, 4 * 10**18)  # until 2096


@given(name=st.sampled_from(PERIODS), now_ns=times, zone=zones)
def test_periods_hold_their_time_and_follow_each_other_without_gaps(name: Period, now_ns: int, zone: str) -> None:
    tz = ZoneInfo(zone)
    found = timegrid.period(name, now_ns, tz)
    assert now_ns in found
    assert timegrid.period(name, found.from_ns, tz) == timegrid.period(name, found.to_ns - 1, tz) == found
    before = timegrid.previous(name, now_ns, tz)
    assert before.to_ns == found.from_ns
    assert before == timegrid.period(name, found.from_ns - 1, tz)
    assert timegrid.period(name, found.to_ns, tz).from_ns == found.to_ns


@given(from_ns=times, length_ns=st.integers(0, 40 * DAY_NS), zone=zones)
def test_days_cover_a_range_without_gaps(from_ns: int, length_ns: int, zone: str) -> None:
    span = Range(from_ns, from_ns + length_ns)
    found = timegrid.days(span, ZoneInfo(zone))
    if length_ns == 0:
        assert found == []
        return
    assert found[0].from_ns <= span.from_ns < found[0].to_ns
    assert found[-1].from_ns < span.to_ns <= found[-1].to_ns
    assert all(one.to_ns == other.from_ns for one, other in pairwise(found))


@given(from_ns=times, length_ns=st.integers(0, 10**13), width_ns=st.sampled_from([MINUTE_NS, HOUR_NS, DAY_NS]))
def test_buckets_cover_a_range_and_whole_ones_lie_inside(from_ns: int, length_ns: int, width_ns: int) -> None:
    span = Range(from_ns, from_ns + length_ns)
    touched = timegrid.buckets(span, width_ns)
    for number in touched:
        bucket = timegrid.Range(number * width_ns, (number + 1) * width_ns)
        assert bucket.from_ns < span.to_ns
        assert bucket.to_ns > span.from_ns
    if length_ns:
        assert timegrid.bucket(span.from_ns, width_ns) == touched[0]
        assert timegrid.bucket(span.to_ns - 1, width_ns) == touched[-1]
    for number in timegrid.whole_buckets(span, width_ns):
        bucket = timegrid.Range(number * width_ns, (number + 1) * width_ns)
        assert span.from_ns <= bucket.from_ns
        assert bucket.to_ns <= span.to_ns
    assert len(touched) - len(timegrid.whole_buckets(span, width_ns)) <= 2


def test_a_range_holds_its_begin_and_not_its_end() -> None:
    assert 5 in Range(5, 7)
    assert 7 not in Range(5, 7)


def test_a_zone_is_found_by_name_or_refused_by_name() -> None:
    assert timegrid.zone("Europe/Berlin") is BERLIN
    for name in ("Mars/Olympus", "", "../etc/passwd", "right/UTC", "posix/Europe/Berlin", "localtime", "posixrules"):
        with pytest.raises(Invalid, match="tz="):
            timegrid.zone(name)


def test_no_zone_but_utc_is_needed_for_whole_days_of_utc() -> None:
    today = timegrid.period("today", ns("2026-11-21T12:34:56+00:00"), ZoneInfo("UTC"))
    assert (today.from_ns % DAY_NS, today.length_ns) == (0, DAY_NS)
    assert datetime.fromtimestamp(today.from_ns / 10**9, UTC).isoformat() == "2026-11-21T00:00:00+00:00"
