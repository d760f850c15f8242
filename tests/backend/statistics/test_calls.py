"""Calls added up: whatever is rolled up, stale or deleted, the figures are those of plain Python over the lines."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from decimal import Context, Decimal, localcontext
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_server import timegrid
from spanledger_server.errors import Invalid
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.levels import COST
from spanledger_server.statistics import calls, periods, series
from spanledger_server.timegrid import Range
from spanledger_server.traces import filters
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, SECOND, insert, line
from tests.backend.statistics.rolled import roll_at_once
from tests.support.stores import new_store
from tests.support.thorough import examples

NOTHING = filters.parse((), filters.LEDGER)
COLUMNS = {"model": "model", "user": "user_id", "provider": "provider"}


class House:
    """A ledger whose minutes are marked as ingest does."""

    def __init__(self) -> None:
        self.database = new_store()
        self.dirty = DirtyBuckets()

    def clear(self) -> None:
        with self.database.transaction() as tx:
            for table in ("ledger", "cost_1m", "cost_1h", "cost_1d", "dirty_buckets"):
                tx.execute(f"DELETE FROM {table}")
        self.dirty = DirtyBuckets()

    def put(self, lines: list[dict[str, Any]]) -> None:
        insert(self.database, "ledger", lines)
        with self.database.transaction() as tx:
            self.dirty.mark(tx, "cost", {one["at_ns"] // MINUTE for one in lines})

    def roll(self, now_ns: int = NOON + DAY) -> None:
        roll_at_once(self.database, COST, now_ns)
        self.dirty = DirtyBuckets()


@cache
def one_house() -> House:
    """One for all examples: opening a database takes longer than they do."""
    return House()


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.database.close()


def nearest_rank(values: list[int], q: float) -> int:
    return sorted(values)[max(1, math.ceil(q * len(values))) - 1]


def same(found: calls.Calls, lines: list[dict[str, Any]]) -> None:
    """That these figures are those of these lines."""
    known = [Decimal(one["cost_usd"]) for one in lines if one["cost_usd"] is not None]
    took = [one["duration_ns"] for one in lines if one["duration_ns"] is not None]
    with localcontext(Context(prec=80)):
        assert found.cost_usd == (sum(known, Decimal(0)) if known else None)
    assert found.calls == len(lines)
    assert found.errors == sum(one.get("error_type") is not None for one in lines)
    assert found.counts["unpriced_calls"] == sum(one["state"] == "unpriced" for one in lines)
    assert (found.tokens["input_tokens"] or 0) == sum(one["input_tokens"] or 0 for one in lines)
    assert found.durations.timed == len(took)
    if took:
        assert found.mean_ms == pytest.approx(sum(took) / len(took) / 1e6)
        assert (found.duration_min_ns, found.duration_max_ns) == (min(took), max(took))
        for q in (0.5, 0.95, 0.99):
            assert found.quantile_ms(q) == pytest.approx(nearest_rank(took, q) / 1e6, rel=0.0111)
    else:
        assert (found.mean_ms, found.quantile_ms(0.5)) == (None, None)


@st.composite
def ledgers(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Lines of two weeks before `NOON`, at edges of buckets and anywhere."""
    edges = st.sampled_from([0, 1, -1, MINUTE, HOUR, DAY, -HOUR + 1]).flatmap(
        lambda by: st.integers(0, 13 * 24).map(lambda hours: NOON - hours * HOUR + by - 1)
    )
    anywhere = st.integers(1, 14 * DAY).map(lambda back: NOON - back)
    found = []
    for number in range(draw(st.integers(0, 40))):
        cost = draw(st.one_of(st.none(), st.decimals(0, 10**11, places=12, allow_nan=False)))
        found.append(
            line(
                number,
                min(NOON - 1, draw(st.one_of(edges, anywhere))),
                cost_usd=cost,
                state="unpriced" if cost is None else "priced",
                model=draw(st.sampled_from([None, "a", "b'; --"])),
                user_id=draw(st.sampled_from([None, "u", "v"])),
                duration_ns=draw(st.one_of(st.none(), st.integers(0, 10**12))),
                error_type=draw(st.sampled_from([None, None, "timeout"])),
                input_tokens=draw(st.one_of(st.none(), st.integers(0, 2**50))),
            )
        )
    return found


@settings(
    max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(
    ledgers(),
    st.integers(0, 14 * 24 * 60),
    st.integers(1, 14 * 24 * 60),
    st.sampled_from(["", "model", "user"]),
    st.sampled_from([MINUTE, HOUR, DAY]),
    st.sampled_from([0, 1, 2]),
)
def test_every_window_dimension_and_freshness_gives_what_plain_python_gives(
    lines: list[dict[str, Any]], back: int, minutes: int, dimension: str, step: int, refreshed: int
) -> None:
    from_ns = NOON - back * MINUTE
    to_ns = min(NOON, from_ns + minutes * MINUTE)
    if to_ns <= from_ns:
        from_ns, to_ns = NOON - minutes * MINUTE, NOON
    house = one_house()
    house.clear()
    house.put(lines[::2])
    if refreshed:
        house.roll(NOON)
    house.put(lines[1::2])
    if refreshed == 2:
        house.roll(NOON)
    period = periods.stepped("x", Range(from_ns, to_ns), step, ZoneInfo("UTC"))
    with house.database.reader() as reader:
        cells = calls.cells(reader, period, NOTHING, dimension)
    within = [one for one in lines if from_ns <= one["at_ns"] < to_ns]
    same(calls.added(cells), within)
    column = COLUMNS.get(dimension)
    groups: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for one in within:
        groups[one["at_ns"] // step, one[column] if column else None].append(one)
    found = calls.grouped(cells, lambda cell: (cell["part"], cell["category"]))
    assert found.keys() == groups.keys()
    for key, some in groups.items():
        same(found[key], some)


def test_what_is_stale_in_a_long_window_is_read_from_the_lines_and_nothing_twice(house: House) -> None:
    lines = [line(number, NOON - number * 3 * HOUR, duration_ns=number + 1) for number in range(300)]
    house.put(lines)
    house.roll()
    late = [line(1000 + number, NOON - number * 7 * DAY - 5, duration_ns=7) for number in range(5)]
    house.put(late)
    with house.database.reader() as reader:
        cells = calls.cells(reader, periods.whole(Range(NOON - 60 * DAY, NOON + MINUTE)))
    same(calls.added(cells), lines + late)


def test_where_finer_rollups_are_deleted_whole_coarser_ones_are_read_once(house: House) -> None:
    lines = [line(number, NOON // DAY * DAY - number * HOUR) for number in range(1, 240)]
    house.put(lines)
    house.roll()
    kept_ns = NOON // DAY * DAY - 3 * DAY
    with house.database.transaction() as tx:
        for level, width in (("1m", MINUTE), ("1h", HOUR)):
            tx.execute(f"DELETE FROM cost_{level} WHERE bucket < $before", before=kept_ns // width)
            tx.execute("INSERT INTO kept_from VALUES ($subject, $kept)", subject=f"cost_{level}", kept=kept_ns)
    for days in (1, 4, 9):
        window = Range(NOON // DAY * DAY - days * DAY, NOON // DAY * DAY)
        with house.database.reader() as reader:
            found = calls.added(calls.cells(reader, periods.whole(window)))
        assert found.calls == days * 24 - (1 if days == 9 and len(lines) < 216 else 0)


def test_filters_combine_and_those_that_rollups_do_not_know_read_the_lines(house: House) -> None:
    house.put(
        [
            line(1, NOON - 5, model="a", user_id="u"),
            line(2, NOON - 5, model="a", error_type="timeout"),
            line(3, NOON - 5, model=None, cost_usd="5"),
            line(4, NOON - 5, model="b", provider="anthropic"),
        ]
    )
    house.roll()
    for f, expected in (
        (("model:a",), 2),
        (("model:a", "model:b"), 3),
        (("!model:a",), 2),
        (("model:",), 1),
        (("model:a", "provider:!openai"), 0),
        (("user_id:u",), 1),
        (("status:error", "model:a"), 1),
        (("cost>1",), 1),
        (("!status:error", "!model:b"), 2),
    ):
        with house.database.reader() as reader:
            cells = calls.cells(
                reader, periods.whole(Range(NOON - HOUR, NOON)), filters.parse(f, filters.LEDGER), "provider"
            )
        assert calls.added(cells).calls == expected, f


def test_a_call_without_a_price_is_not_one_that_cost_nothing(house: House) -> None:
    assert calls.Calls().spent == 0
    house.put([line(1, NOON - 5, cost_usd=None, state="unpriced", duration_ns=None)])
    with house.database.reader() as reader:
        found = calls.added(calls.cells(reader, periods.whole(Range(NOON - HOUR, NOON)))).shown()
    assert (found["total_cost"], found["coverage"], found["avg_latency"]) == (None, 0, None)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"])
@pytest.mark.parametrize("level", ["1day", "1week", "1month"])
def test_days_weeks_and_months_are_those_of_the_zone(house: House, zone: str, level: Any) -> None:
    lines = [line(number, NOON - number * 7 * HOUR - 13 * MINUTE) for number in range(500)]
    house.put(lines)
    house.roll()
    window = Range(NOON - 150 * DAY, NOON)
    asked = series.question(level, window, ZoneInfo(zone))
    with house.database.reader() as reader:
        (only,) = series.series(reader, asked, NOTHING)
    by_hand: dict[str, int] = defaultdict(int)
    for one in lines:
        if one["at_ns"] >= window.from_ns:
            day = timegrid.local_date(one["at_ns"], ZoneInfo(zone))
            begin = {
                "1day": day,
                "1week": day.fromisocalendar(*day.isocalendar()[:2], 1),
                "1month": day.replace(day=1),
            }[level]
            by_hand[begin.isoformat()] += 1
    found = {bucket["bucket"]: bucket["total_requests"] for bucket in only["buckets"] if bucket["total_requests"]}
    assert found == by_hand


def test_the_53rd_week_and_the_year_boundary_are_one_bucket(house: House) -> None:
    new_year = 1_798_761_600 * SECOND  # 2027-01-01T00:00:00Z, a Friday in week 53 of 2026
    house.put([line(1, new_year - DAY), line(2, new_year + DAY), line(3, new_year + 3 * DAY)])
    asked = series.question("1week", Range(new_year - 3 * DAY, new_year + 10 * DAY), ZoneInfo("UTC"))
    with house.database.reader() as reader:
        (only,) = series.series(reader, asked, NOTHING)
    found = [(bucket["bucket"], bucket["total_requests"]) for bucket in only["buckets"]]
    assert found == [("2026-12-28", 2), ("2027-01-04", 1)]


def test_the_leap_day_is_a_day_of_its_own(house: House) -> None:
    leap = 1_709_208_000 * SECOND  # 2024-02-29T12:00:00Z
    house.put([line(1, leap)])
    asked = series.question("1day", Range(leap - DAY, leap + DAY), ZoneInfo("Asia/Kathmandu"))
    with house.database.reader() as reader:
        (only,) = series.series(reader, asked, NOTHING)
    assert [(bucket["bucket"], bucket["total_requests"]) for bucket in only["buckets"]] == [
        ("2024-02-28", 0),
        ("2024-02-29", 1),
        ("2024-03-01", 0),
    ]


def test_too_many_buckets_are_refused_by_name() -> None:
    with pytest.raises(Invalid, match="2000 buckets"):
        series.question("1min", Range(NOON - 3 * DAY, NOON), ZoneInfo("UTC"))
    with pytest.raises(Invalid, match="366 days"):
        series.question("1month", Range(NOON - 400 * DAY, NOON), ZoneInfo("UTC"))
