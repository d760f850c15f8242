"""Quiet hours on a clock that is changed twice a year."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server import timegrid
from spanledger_server.notify.quiet import DAYS, Quiet
from tests.backend.notify.events import HOUR, MINUTE, SECOND

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")


def at(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp()) * SECOND


def night(zone: str = "Europe/Berlin", begin: str = "22:00", end: str = "08:00", **more: object) -> Quiet:
    return Quiet(dt.time.fromisoformat(begin), dt.time.fromisoformat(end), zone, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("begins", "hours"),
    [
        ("2025-11-21T22:00+01:00", 10),
        ("2025-10-25T22:00+02:00", 11),  # an hour comes twice
        ("2025-03-29T22:00+01:00", 9),  # an hour is skipped
    ],
)
def test_a_night_is_as_long_as_it_is(begins: str, hours: int) -> None:
    begin_ns = at(begins)
    assert night().ends_ns(begin_ns - 1) is None
    assert night().ends_ns(begin_ns) == begin_ns + hours * HOUR
    assert night().ends_ns(begin_ns + hours * HOUR - 1) == begin_ns + hours * HOUR
    assert night().ends_ns(begin_ns + hours * HOUR) is None


def test_an_hour_that_comes_twice_is_quiet_both_times() -> None:
    quiet = night(begin="02:00", end="03:00")
    assert quiet.ends_ns(at("2025-10-26T02:30+02:00")) == at("2025-10-26T03:00+01:00")
    assert quiet.ends_ns(at("2025-10-26T02:30+01:00")) == at("2025-10-26T03:00+01:00")


def test_hours_that_the_clock_skips_do_not_last_for_ever() -> None:
    quiet = night(begin="02:15", end="02:45")
    end_ns = quiet.ends_ns(at("2025-03-30T01:59+01:00"))
    assert end_ns is None or end_ns <= at("2025-03-30T04:00+02:00")
    assert quiet.ends_ns(at("2025-03-30T05:00+02:00")) is None


def test_days_are_those_on_which_the_hours_begin() -> None:
    quiet = night(days=("fri",))
    assert quiet.ends_ns(at("2025-11-22T03:00+01:00")) == at("2025-11-22T08:00+01:00")
    assert quiet.ends_ns(at("2025-11-21T03:00+01:00")) is None


def test_what_passes_is_never_held_back() -> None:
    quiet = night()
    inside = at("2025-11-21T23:00+01:00")
    assert quiet.holds_back("critical", inside) is None
    assert quiet.holds_back("error", inside) == at("2025-11-22T08:00+01:00")


def test_hours_around_the_clock_follow_each_other() -> None:
    quiet = night(begin="09:00", end="09:00")
    now_ns = at("2025-11-21T12:00+01:00")
    end_ns = quiet.ends_ns(now_ns)
    assert end_ns is not None
    assert end_ns > now_ns + 24 * HOUR


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    begin=st.integers(0, 1439),
    end=st.integers(0, 1439),
    days=st.lists(st.sampled_from(DAYS), min_size=1, unique=True),
    now_s=st.integers(1_735_689_600, 1_798_761_600),
)
def test_the_end_of_quiet_hours_is_later_and_not_quiet(zone: str, begin: int, end: int, days: list[str], now_s: int):
    clocks = [dt.time(*divmod(minutes, 60)) for minutes in (begin, end)]
    quiet = Quiet(*clocks, zone, tuple(days))
    now_ns = now_s * SECOND
    end_ns = quiet.ends_ns(now_ns)
    local = dt.datetime.fromtimestamp(now_s, timegrid.zone(zone))
    if end_ns is not None:
        assert now_ns < end_ns
        assert end_ns - now_ns > 7 * 24 * HOUR or quiet.ends_ns(end_ns) is None
    elif begin < end and DAYS[local.weekday()] in days:
        minute = local.hour * 60 + local.minute
        assert not begin <= minute < end
    assert quiet.ends_ns(now_ns + 0 * MINUTE) == end_ns
