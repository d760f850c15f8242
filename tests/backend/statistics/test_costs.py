"""What was spent: both ways of reading agree with a sum done by hand, to the last digit."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import Context, Decimal, localcontext
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_server import timegrid
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.statistics import costs, periods, slots
from spanledger_server.store.database import Database
from spanledger_server.traces import filters
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, insert, line
from tests.backend.statistics.rolled import roll
from tests.support.stores import new_store
from tests.support.thorough import examples

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "America/Havana",
)
COLUMNS = {
    "model": "model",
    "feature": "feature",
    "user_tier": "user_tier",
    "provider": "provider",
    "user": "user_id",
    "service": "service",
}


@pytest.fixture
def database():
    opened = new_store()
    yield opened
    opened.close()


def ask(
    database: Database,
    period: str,
    now_ns: int,
    zone: str = "UTC",
    by: str = "model",
    f: tuple[str, ...] = (),
    route=None,
):
    conditions = filters.parse(f, filters.LEDGER)
    span = periods.to_date(period, now_ns, ZoneInfo(zone))
    with database.reader() as reader:
        return costs.costs(reader, span, by, conditions.bound(), conditions.asked(), route)


def local_date(at_ns: int, zone: str) -> dt.date:
    return (
        (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=at_ns // 1000))
        .astimezone(ZoneInfo(zone))
        .date()
    )


def by_hand(lines: list[dict[str, Any]], period: str, now_ns: int, zone: str, column: str) -> dict[str, Any]:
    """The same figures from plain Python: no SQL, no offsets, only wall clocks."""
    today = local_date(now_ns, zone)
    begins = {
        "week": today - dt.timedelta(days=today.weekday()),
        "month": today.replace(day=1),
        "today": today,
        "year": today.replace(month=1, day=1),
    }[period]
    inside = [one for one in lines if one["at_ns"] < now_ns and local_date(one["at_ns"], zone) >= begins]
    known = [Decimal(one["cost_usd"]) for one in inside if one["cost_usd"] is not None]
    categories: dict[Any, list[Decimal]] = defaultdict(list)
    days: dict[str, list[Decimal]] = defaultdict(list)
    counts: dict[Any, int] = defaultdict(int)
    for one in inside:
        counts[one[column]] += 1
        if one["cost_usd"] is not None:
            categories[one[column]].append(Decimal(one["cost_usd"]))
            days[local_date(one["at_ns"], zone).isoformat()].append(Decimal(one["cost_usd"]))
    with localcontext(Context(prec=80)):
        total = sum(known, Decimal(0)) if known or not inside else None
        return {
            "total": total,
            "calls": len(inside),
            "by": {key: (sum(values, Decimal(0))) for key, values in categories.items()},
            "counts": dict(counts),
            "days": {key: sum(values, Decimal(0)) for key, values in days.items()},
            "input": sum(one["input_tokens"] for one in inside if one["input_tokens"] is not None),
        }


def figures(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "total": answer["total_cost"],
        "calls": answer["calls"],
        "by": {item["category"]: item["cost"] for item in answer["breakdown"] if item["cost"] is not None},
        "counts": {item["category"]: item["count"] for item in answer["breakdown"]},
        "days": {bar["date"]: bar["cost"] for bar in answer["trend"] if bar["calls"] and bar["cost"] is not None},
        "input": answer["input_tokens"] or 0,
    }


amounts = st.one_of(st.none(), st.decimals(0, 999_999_999_999, places=12, allow_nan=False))
names = st.sampled_from([None, "a", "b", "Ä'; DROP TABLE ledger; --"])


@st.composite
def ledgers(draw):
    """A moment, a zone and lines around its days' edges, some of them late."""
    zone = draw(st.sampled_from(ZONES))
    year = draw(st.sampled_from([2011, 2023, 2024, 2025, 2026]))
    now = dt.datetime(year, 1, 1, tzinfo=ZoneInfo(zone)) + dt.timedelta(minutes=draw(st.integers(1, 525_000)))
    now_ns = int(now.timestamp()) * 10**9 + draw(st.sampled_from([0, 1, 999_999_999]))
    edge = st.integers(0, 380).map(lambda days: now_ns // DAY * DAY - days * DAY)
    near = st.sampled_from([-1, 0, 1, HOUR, -HOUR, 30 * MINUTE, 13 * HOUR + 7])
    anywhere = st.integers(0, 380 * DAY).map(lambda back: now_ns - back)
    midnight = st.integers(0, 370).map(
        lambda days: timegrid.day_start_ns(now.date() - dt.timedelta(days=days), ZoneInfo(zone))
    )
    at = st.one_of(anywhere, st.builds(lambda a, b: a + b, edge, near), st.builds(lambda a, b: a + b, midnight, near))
    lines = [
        line(
            number,
            draw(at),
            cost_usd=cost,
            state="unpriced" if cost is None else draw(st.sampled_from(["priced", "estimated"])),
            model=draw(names),
            feature=draw(names),
            user_id=draw(names),
            user_tier=draw(names),
            input_tokens=draw(st.one_of(st.none(), st.integers(0, 2**62))),
        )
        for number, cost in enumerate(draw(st.lists(amounts, max_size=40)))
    ]
    return zone, now_ns, lines, draw(st.integers(0, len(lines)))


@settings(
    max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(
    ledgers(),
    st.sampled_from(["today", "week", "month", "year"]),
    st.sampled_from(["model", "feature", "user_tier", "user"]),
)
def test_ledger_and_rollups_give_the_sum_done_by_hand_in_every_zone(drawn, period, dimension):
    zone, now_ns, lines, rolled = drawn
    database = new_store()
    insert(database, "ledger", lines[:rolled])
    roll(database, now_ns)
    insert(database, "ledger", lines[rolled:])  # these came after the rollups were made
    insert(
        database,
        "dirty_buckets",
        [
            {"family": "cost", "level": level, "bucket": one["at_ns"] // width}
            for one, (level, width) in zip(
                lines[rolled:], [("1m", MINUTE), ("1h", HOUR), ("1d", DAY)] * 40, strict=False
            )
        ],
    )
    expected = by_hand(lines, period, now_ns, zone, COLUMNS[dimension])
    from_ledger = ask(database, period, now_ns, zone, dimension, route="ledger")
    from_rollups = ask(database, period, now_ns, zone, dimension, route="rollup")
    database.close()
    expected_days = expected.pop("days")
    for answer in (from_ledger, from_rollups):
        found = figures(answer)
        days = found.pop("days")
        assert found == expected
        if period != "today":
            assert days == expected_days
        with localcontext(Context(prec=80)):
            assert sum((cost for bar in answer["trend"] for cost in bar["by"].values()), Decimal(0)) == (
                answer["total_cost"] or 0
            )


def test_a_year_is_read_from_day_buckets_and_the_ledger_only_for_their_edges(database):
    insert(database, "ledger", [line(number, NOON - number * DAY) for number in range(200)])
    roll(database, NOON)
    with database.transaction() as tx:
        tx.execute("DELETE FROM ledger WHERE at_ns < $edge", edge=NOON // DAY * DAY)
    answer = ask(database, "year", NOON + 1)
    assert (answer["source"], answer["calls"], answer["total_cost"]) == ("rollup", 200, Decimal(2))


def test_unknown_is_not_nothing(database):
    insert(database, "ledger", [line(1, cost_usd=None, state="unpriced")])
    answer = ask(database, "today", NOON + 1)
    assert (answer["total_cost"], answer["calls"], answer["coverage"]) == (None, 1, Decimal(0))
    assert answer["breakdown"][0]["cost"] is None
    assert answer["breakdown"][0]["percentage"] is None
    insert(database, "ledger", [line(2, cost_usd="0", state="free")])
    answer = ask(database, "today", NOON + 1)
    assert (answer["total_cost"], answer["coverage"]) == (Decimal(0), Decimal("0.5"))


def test_an_empty_ledger_costs_nothing_and_its_days_are_unknown(database):
    answer = ask(database, "month", NOON)
    assert (answer["total_cost"], answer["calls"], answer["coverage"], answer["breakdown"]) == (Decimal(0), 0, None, [])
    assert [bar["cost"] for bar in answer["trend"]] == [None] * 21


def test_days_without_calls_are_zero_only_where_something_is_known(database):
    insert(database, "ledger", [line(1, NOON - 9 * DAY), line(2, NOON - 5 * DAY)])
    costs_by_day = {bar["date"]: bar["cost"] for bar in ask(database, "month", NOON)["trend"]}
    assert costs_by_day["2026-11-11"] is None
    assert costs_by_day["2026-11-12"] == Decimal("0.01")
    assert costs_by_day["2026-11-13"] == 0
    assert costs_by_day["2026-11-16"] == Decimal("0.01")
    assert costs_by_day["2026-11-17"] is None
    insert(database, "metric_points", [{"series_id": 1, "at_ns": NOON - HOUR, "value": 1}])
    assert {bar["date"]: bar["cost"] for bar in ask(database, "month", NOON)["trend"]}["2026-11-17"] == 0


def test_the_day_the_clocks_change_has_as_many_hours_as_it_has(database):
    berlin = ZoneInfo("Europe/Berlin")
    for date, hours in ((dt.date(2026, 3, 29), 23), (dt.date(2026, 10, 25), 25), (dt.date(2026, 11, 21), 24)):
        end = timegrid.day_start_ns(date + dt.timedelta(days=1), berlin)
        trend = ask(database, "today", end - 1, "Europe/Berlin")["trend"]
        assert len(trend) == hours
        assert [bar["complete"] for bar in trend] == [True] * (hours - 1) + [False]


def test_the_leap_day_is_a_day(database):
    leap = int(dt.datetime(2024, 2, 29, 23, 59, 59, tzinfo=dt.UTC).timestamp()) * 10**9
    insert(database, "ledger", [line(1, leap)])
    bars = ask(database, "year", leap + DAY)["trend"]
    assert [bar["date"] for bar in bars if bar["calls"]] == ["2024-02-29"]
    assert len(bars) == 61


def test_categories_beyond_the_costliest_are_one_line_and_nothing_is_lost(database):
    insert(
        database,
        "ledger",
        [line(number, model=f"m{number:03}", cost_usd=f"0.{number + 1:03}") for number in range(250)],
    )
    answer = ask(database, "today", NOON + 1)
    *named, other = answer["breakdown"]
    assert len(named) == 200
    assert (other["category"], other["folded"], other["count"]) == ("other", 50, 50)
    assert named[0]["category"] == "m249"
    assert sum(item["cost"] for item in answer["breakdown"]) == answer["total_cost"]
    assert list(answer["trend"][-1]["by"])[-1] is not None
    assert len(answer["trend"][-1]["by"]) == 21


def test_filters_narrow_the_sums_and_those_the_rollups_do_not_know_read_the_ledger(database):
    insert(
        database,
        "ledger",
        [line(1, model="a"), line(2, model="b", user_id="u"), line(3, model=None), line(4, error_type="timeout")],
    )
    roll(database, NOON + DAY)
    assert ask(database, "year", NOON + 1, f=("model:a", "model:b"))["calls"] == 2
    assert ask(database, "year", NOON + 1, f=("model:",))["calls"] == 1
    assert ask(database, "year", NOON + 1, f=("!model:a",))["calls"] == 3
    narrowed = ask(database, "year", NOON + 1, f=("user_id:u",))
    assert (narrowed["calls"], narrowed["source"]) == (1, "ledger")
    assert ask(database, "year", NOON + 1, f=("status:error",))["calls"] == 1
    assert ask(database, "year", NOON + 1, f=("cost>0.01",))["calls"] == 0
    assert ask(database, "year", NOON + 1, f=("cost>=0.01",))["calls"] == 4


def test_percentages_come_from_decimals_and_are_rounded_once(database):
    insert(database, "ledger", [line(number, model=str(number), cost_usd="1") for number in range(3)])
    assert [item["percentage"] for item in ask(database, "today", NOON + 1)["breakdown"]] == [Decimal("33.3333")] * 3


def test_slots_are_given_once_in_the_order_of_first_sight_and_never_change(database):
    insert(database, "ledger", [line(number, model=f"m{number}", cost_usd=number) for number in range(5)])
    roll(database, NOON + DAY)
    slots.assign_new(database, NOON + 1)
    first = {item["category"]: item["slot"] for item in ask(database, "today", NOON + 1)["breakdown"]}
    assert first == {"m4": 1, "m3": 2, "m2": 3, "m1": 4, "m0": 5}
    insert(database, "ledger", [line(number, model=f"m{number}", cost_usd=100) for number in range(5, 20)])
    roll(database, NOON + DAY)
    slots.assign_new(database, NOON + 1)
    slots.assign(database, "model", ["m0", "late"])
    with database.reader() as reader:
        second = slots.of(reader, "model")
    assert {key: second[key] for key in first} == first
    assert sorted(second.values()) == list(range(1, 10))
    slots.assign_new(database, NOON + 1)  # there is none left to give
    with database.reader() as reader:
        assert slots.of(reader, "model") == second


def test_what_came_late_gets_its_slot_from_the_rollups(database):
    old, earlier = line(1, NOON - 9 * DAY, model="old", cost_usd=2), line(2, NOON - 3 * HOUR, model="earlier")
    insert(database, "ledger", [old, earlier])
    slots.assign_new(database, NOON)
    with database.reader() as reader:
        assert slots.of(reader, "model") == {}
    roll(database, NOON)
    slots.assign_new(database, NOON)
    with database.reader() as reader:
        assert slots.of(reader, "model") == {"old": 1, "earlier": 2}


def test_new_values_are_looked_for_when_something_has_come_and_at_the_first_turn(database):
    insert(database, "ledger", [line(1, model="first", user_id="u")])
    roll(database, NOON + DAY)
    come = [0]
    values = slots.NewValues(database, lambda: come[0])

    def given(now_ns: int) -> dict[str, int]:
        values.tick(now_ns)
        with database.reader() as reader:
            return slots.of(reader, "model")

    assert given(NOON + 1) == {"first": 1}
    insert(database, "ledger", [line(2, model="second")])
    roll(database, NOON + DAY)
    assert given(NOON + 2) == {"first": 1}
    come[0] += 1
    assert given(NOON + 3) == {"first": 1, "second": 2}
    with database.reader() as reader:
        assert slots.of(reader, "user") == {"u": 1}  # of whom no rollup tells


def test_a_zone_turns_where_the_database_of_zones_says(database):
    year = periods.to_date("year", NOON, ZoneInfo("Europe/Berlin"))
    turns = [start for start, _ in year.offsets[1:]]
    assert turns == [
        int(dt.datetime(2026, 3, 29, 1, tzinfo=dt.UTC).timestamp()) * 10**9,
        int(dt.datetime(2026, 10, 25, 1, tzinfo=dt.UTC).timestamp()) * 10**9,
    ]
    for name in ZONES:
        assert len(periods.to_date("year", NOON + 40 * DAY, ZoneInfo(name)).offsets) <= periods.MOST_TURNS + 1


@settings(
    max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(ledgers(), st.booleans())
def test_the_servers_own_rollups_fresh_or_not_change_no_total(drawn, refreshed):
    zone, now_ns, lines, rolled = drawn
    database, dirty = new_store(), DirtyBuckets()
    for part in (lines[:rolled], lines[rolled:]):
        insert(database, "ledger", part)
        with database.transaction() as tx:
            dirty.mark(tx, "cost", {one["at_ns"] // MINUTE for one in part})
        if part == lines[:rolled] or refreshed:
            Rollups(database, dirty).refresh(now_ns)
    expected = by_hand(lines, "year", now_ns, zone, "model")
    found = figures(ask(database, "year", now_ns, zone, "model", route="rollup"))
    database.close()
    assert found == expected


@pytest.mark.parametrize("route", ["ledger", "rollup"])
def test_users_beyond_the_costliest_are_one_line_and_nothing_is_lost(database, route):
    lines = [
        line(
            n,
            NOON - n * HOUR // 4,
            user_id=None if n % 261 == 0 else f"u{n % 261}",
            cost_usd=None if n % 7 == 0 else f"0.{n % 261 + 1:03}",
            state="unpriced" if n % 7 == 0 else "priced",
            input_tokens=n,
        )
        for n in range(1, 1500)
    ]
    insert(database, "ledger", lines)
    roll(database, NOON)
    answer = ask(database, "month", NOON + 1, by="user", route=route)
    expected = by_hand(lines, "month", NOON + 1, "UTC", "user_id")
    *named, other = answer["breakdown"]
    assert (len(named), other["category"], other["folded"]) == (200, "other", 61)
    assert (answer["total_cost"], answer["calls"]) == (expected["total"], expected["calls"])
    assert {item["category"]: item["cost"] for item in named}.items() <= expected["by"].items()
    ranked = sorted(expected["by"].values(), reverse=True)
    assert [item["cost"] for item in named] == ranked[:200]
    assert other["cost"] == sum(ranked[200:])
    assert other["input_tokens"] == expected["input"] - sum(item["input_tokens"] for item in named)
    assert {bar["date"]: bar["cost"] for bar in answer["trend"] if bar["calls"]} == expected["days"]


@pytest.mark.parametrize("route", ["ledger", "rollup"])
def test_lines_without_a_user_are_told_apart_in_the_trend_when_they_are_among_the_costliest(database, route):
    users = [None, *(f"u{number}" for number in range(240))]
    lines = [
        line(n, NOON - DAY - n, user_id=user, cost_usd="9" if user is None else "0.5", state="priced")
        for n, user in enumerate(users, 1)
    ]
    insert(database, "ledger", lines)
    roll(database, NOON)
    (bar,) = (bar for bar in ask(database, "month", NOON, by="user", route=route)["trend"] if bar["calls"])
    assert bar["by"]["unknown"] == 9
    assert bar["by"]["other"] == Decimal("0.5") * (len(users) - 20)
    assert sum(bar["by"].values()) == bar["cost"]
