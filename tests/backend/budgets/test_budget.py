"""Windows, scopes and states: against independent computations, and by what must hold for all of them."""

from __future__ import annotations

import calendar
import datetime as dt
from decimal import Decimal
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.budgets.budget import DIMENSIONS, ROLLING_DAYS, percentage, state
from tests.backend.budgets.made import budget
from tests.support.thorough import examples

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/Havana",
    "Africa/Cairo",
)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
moments = st.one_of(
    st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2100, 1, 1)),  # noqa: DTZ001 - of UTC, added below
    st.sampled_from(
        [
            dt.datetime(2024, 2, 29, 12),  # noqa: DTZ001
            dt.datetime(2026, 12, 31, 23, 59, 59),  # noqa: DTZ001 - in week 53
            dt.datetime(2027, 1, 1),  # noqa: DTZ001
            dt.datetime(2026, 3, 29, 1, 30),  # noqa: DTZ001
            dt.datetime(2026, 10, 25, 0, 30),  # noqa: DTZ001
        ]
    ),
)


def ns(moment: dt.datetime) -> int:
    since = moment.astimezone(dt.UTC) - EPOCH
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000


def days_of(period: str, day: dt.date) -> tuple[dt.date, dt.date]:
    """The first day of the period around `day`, and of the one after it."""
    if period == "daily":
        return day, day + dt.timedelta(days=1)
    if period == "weekly":
        year, week, _ = day.isocalendar()
        monday = dt.date.fromisocalendar(year, week, 1)
        return monday, monday + dt.timedelta(days=7)
    length = calendar.monthrange(day.year, day.month)[1]
    return day.replace(day=1), day.replace(day=1) + dt.timedelta(days=length)


@given(moments, st.sampled_from(ZONES), st.sampled_from(["daily", "weekly", "monthly"]))
@settings(max_examples=examples(200), deadline=None)
def test_a_calendar_window_holds_exactly_the_moments_whose_date_is_in_the_period(
    moment: dt.datetime, zone: str, period: str
):
    now = moment.replace(tzinfo=dt.UTC)
    window = budget(period=period, timezone=zone).window(ns(now), "UTC")
    first, beyond = days_of(period, now.astimezone(ZoneInfo(zone)).date())
    assert window.from_ns <= ns(now) < window.to_ns

    def date_at(at_ns: int) -> dt.date:
        return (EPOCH + dt.timedelta(seconds=at_ns // 10**9)).astimezone(ZoneInfo(zone)).date()

    assert date_at(window.from_ns) == first
    assert date_at(window.to_ns - 10**9) < beyond
    assert date_at(window.from_ns - 10**9) < first
    assert date_at(window.to_ns) == beyond


@given(moments, st.sampled_from(ZONES), st.sampled_from(["daily", "weekly", "monthly"]))
@settings(max_examples=examples(100), deadline=None)
def test_the_period_before_ends_where_this_one_begins(moment: dt.datetime, zone: str, period: str):
    one = budget(period=period)
    now_ns = ns(moment.replace(tzinfo=dt.UTC))
    window, before = one.window(now_ns, zone), one.previous(now_ns, zone)
    assert before.to_ns == window.from_ns
    assert before == one.window(window.from_ns - 1, zone)


@pytest.mark.parametrize(("period", "days"), ROLLING_DAYS.items())
def test_a_rolling_window_is_so_many_times_24_hours_up_to_now(period: str, days: int):
    window = budget(period=period, time_window="rolling").window(10**18, "Europe/Berlin")
    assert (window.from_ns, window.to_ns) == (10**18 - days * 86_400 * 10**9, 10**18)


values = st.sampled_from([None, "a", "b", "", "A"])
calls = st.fixed_dictionaries(dict.fromkeys(DIMENSIONS, values))


@given(calls, calls)
@settings(max_examples=examples(200))
def test_a_budget_covers_a_call_when_nothing_that_it_names_is_different(
    scope: dict[str, str | None], call: dict[str, str | None]
):
    different = [name for name in DIMENSIONS if scope[name] is not None and scope[name] != call[name]]
    one = budget(**scope)
    assert one.covers(call) == (not different)
    assert one.conditions().include == {name: [value] for name, value in scope.items() if value is not None}


def test_budgets_overlap_when_there_is_a_call_that_both_cover():
    names = ("provider", "model")
    scopes = [dict(zip(names, pair, strict=True)) for pair in product((None, "a", "b"), repeat=2)]
    every_call = [dict(zip(names, pair, strict=True)) for pair in product(("a", "b", "c"), repeat=2)]
    for one, two in product(scopes, repeat=2):
        mine, theirs = budget(**one), budget(**two)
        assert mine.overlaps(theirs) == any(mine.covers(call) and theirs.covers(call) for call in every_call)
        assert mine.overlaps(theirs) == theirs.overlaps(mine)


money = st.one_of(st.none(), st.decimals(0, 10**12, places=6, allow_nan=False))
ORDER = ("under_budget", "on_track", "over_budget")


@given(money, money, money, st.decimals("0.000001", 10**12, places=6), st.integers(0, 3))
@settings(max_examples=examples(300))
def test_a_state_never_gets_better_when_more_is_spent(spent, more, expected, limit: Decimal, unpriced: int):
    first, second = sorted((spent or Decimal(0), more or Decimal(0)))
    before, after = state(first, expected, limit, unpriced), state(second, expected, limit, unpriced)
    if unpriced:
        assert {before, after} <= {"degraded", "over_budget"}, "never green"
        assert (before, after) != ("over_budget", "degraded")
    else:
        assert ORDER.index(before) <= ORDER.index(after)
    if second >= limit:
        assert after == "over_budget"
    assert state(first, expected, limit, 0) == before or unpriced


def test_a_share_of_nothing_and_of_what_is_not_known_is_not_known():
    assert percentage(None, Decimal(1)) is None
    assert percentage(Decimal(1), Decimal(0)) is None
    assert percentage(Decimal("999999999999.999999999999"), Decimal("0.000000000001")) is not None
    assert percentage(Decimal(1), Decimal(3)) == Decimal("33.3333")
