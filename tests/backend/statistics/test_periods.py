"""The same stretch of the period before, and windows in parts: by clocks on the wall, whatever day or year it is."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.statistics import periods
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range
from tests.support.thorough import examples

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana")


def at(text: str, zone: str) -> int:
    """When a clock on the wall of `zone` showed that."""
    moment = dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return int((moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(seconds=1)) * 10**9


def stretch(period: str, now: str, zone: str) -> tuple[str, str] | None:
    """The stretch before, as clocks on the wall show it."""
    found = periods.before(periods.to_date(period, at(now, zone), ZoneInfo(zone)))  # type: ignore[arg-type]
    if found is None:
        return None
    first, last = (
        dt.datetime.fromtimestamp(moment // 10**9, ZoneInfo(zone)).replace(tzinfo=None).isoformat(" ", "minutes")
        for moment in (found.from_ns, found.to_ns)
    )
    return first, last


@pytest.mark.parametrize(
    ("period", "now", "before"),
    [
        ("today", "2026-11-21 12:30", ("2026-11-20 00:00", "2026-11-20 12:30")),
        ("week", "2026-11-21 12:30", ("2026-11-09 00:00", "2026-11-14 12:30")),
        ("month", "2026-11-21 12:30", ("2026-10-01 00:00", "2026-10-21 12:30")),
        ("year", "2026-11-21 12:30", ("2025-01-01 00:00", "2025-11-21 12:30")),
        ("month", "2026-03-31 12:30", ("2026-02-01 00:00", "2026-03-01 00:00")),  # February has no 31st
        ("year", "2024-02-29 12:30", ("2023-01-01 00:00", "2023-03-01 00:00")),  # 2023 has no 29th of February
        ("year", "2025-02-28 12:30", ("2024-01-01 00:00", "2024-02-28 12:30")),
        ("month", "2024-02-29 12:30", ("2024-01-01 00:00", "2024-01-29 12:30")),
        ("week", "2027-01-02 12:30", ("2026-12-21 00:00", "2026-12-26 12:30")),  # ISO week 53 of 2026
        ("today", "2027-01-01 00:30", ("2026-12-31 00:00", "2026-12-31 00:30")),
        ("month", "2027-01-01 00:30", ("2026-12-01 00:00", "2026-12-01 00:30")),
    ],
)
@pytest.mark.parametrize("zone", ZONES)
def test_the_stretch_before_is_as_long_by_the_clock_on_the_wall_and_ends_where_this_period_begins(
    period: str, now: str, before: tuple[str, str], zone: str
) -> None:
    assert stretch(period, now, zone) == before


@pytest.mark.parametrize(
    ("zone", "changed", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/St_Johns", "2026-03-08", 23),
        ("America/St_Johns", "2026-11-01", 25),
    ],
)
def test_the_day_the_clocks_change_is_compared_by_the_clock_on_the_wall(zone: str, changed: str, hours: int) -> None:
    day = periods.to_date("today", at(f"{changed} 23:30", zone), ZoneInfo(zone))
    assert len(day.parts) == hours
    following = (dt.date.fromisoformat(changed) + dt.timedelta(days=1)).isoformat()
    before = periods.before(periods.to_date("today", at(f"{following} 12:00", zone), ZoneInfo(zone)))
    assert before is not None
    assert before.to_ns - before.from_ns == (12 + hours - 24) * HOUR_NS


def test_there_is_nothing_before_the_beginning_of_time() -> None:
    assert periods.before(periods.to_date("year", 5, ZoneInfo("UTC"))) is None


@settings(max_examples=examples(60), deadline=None)
@given(
    st.dates(dt.date(1972, 1, 1), dt.date(2200, 1, 1)),
    st.times(),
    st.sampled_from(ZONES),
    st.sampled_from(["today", "week", "month", "year"]),
)
def test_no_stretch_before_overlaps_its_period_and_each_begins_a_period_of_its_own(
    day: dt.date, hour: dt.time, zone: str, name: str
) -> None:
    now = periods.to_date(name, at(f"{day}T{hour}", zone), ZoneInfo(zone))  # type: ignore[arg-type]
    before = periods.before(now)
    assert before is not None
    assert before.from_ns < before.to_ns <= now.from_ns
    assert periods.to_date(name, before.from_ns, ZoneInfo(zone)).from_ns == before.from_ns  # type: ignore[arg-type]


@settings(max_examples=examples(60), deadline=None)
@given(st.integers(0, 2**60), st.integers(1, 40 * DAY_NS), st.sampled_from([MINUTE_NS, HOUR_NS, 6 * HOUR_NS, DAY_NS]))
def test_parts_of_one_width_cover_their_window_and_nothing_twice(begin: int, length: int, step: int) -> None:
    found = periods.stepped("x", Range(begin, begin + length), step, ZoneInfo("UTC"))
    assert found.parts[0].from_ns <= begin < found.parts[0].to_ns
    assert found.parts[-1].from_ns < begin + length <= found.parts[-1].to_ns
    assert all(one.to_ns == other.from_ns for one, other in zip(found.parts, found.parts[1:], strict=False))


@pytest.mark.parametrize(("name", "parts"), [("hour", 61), ("day", 25), ("week", 85), ("month", 121)])
def test_a_rolling_period_ends_now(name: str, parts: int) -> None:
    now_ns = at("2026-11-21 12:30", "UTC") + 7
    found = periods.rolling(name, now_ns, ZoneInfo("UTC"))  # type: ignore[arg-type]
    assert found.to_ns == now_ns
    assert len(found.parts) in (parts, parts - 1)
