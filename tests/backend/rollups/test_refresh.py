"""Whole buckets, recomputed: every level tells what the raw rows tell, whatever the order in which they came."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.rollups import histogram
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Refreshed, Rollups
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, SECOND, insert, line
from tests.support.stores import new_store
from tests.support.thorough import examples

LATER = NOON + 3 * DAY
LEVELS = {"1m": MINUTE, "1h": HOUR, "1d": DAY}
COSTS = """SELECT sum(calls), sum(errors), sum(priced_calls), sum(unpriced_calls), sum(cost_usd), sum(input_tokens),
    sum(duration_sum_ns), min(duration_min_ns), max(duration_max_ns) FROM cost_{level}"""
LEDGER = """SELECT count(*), count(error_type), count(*) FILTER (state = 'priced'),
    count(*) FILTER (state = 'unpriced'), sum(cost_usd), sum(input_tokens), sum(duration_ns), min(duration_ns),
    max(duration_ns) FROM ledger"""


class House:
    """A database with its rollups; `put` writes raw rows and marks their minutes, as ingest does."""

    def __init__(self) -> None:
        self.database = new_store()
        self.dirty = DirtyBuckets()
        self.rollups = Rollups(self.database, self.dirty)

    def put(self, table: str, family: Any, rows: list[dict[str, Any]], time: str = "at_ns") -> None:
        insert(self.database, table, rows)
        with self.database.transaction() as tx:
            self.dirty.mark(tx, family, {row[time] // MINUTE for row in rows})

    def tuples(self, sql: str) -> list[tuple[Any, ...]]:
        with self.database.reader() as reader:
            return reader.tuples(sql)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with self.database.reader() as reader:
            return reader.rows(sql)

    def close(self) -> None:
        self.database.close()


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.close()


def span(number: int, end_ns: int, duration_ns: int = 5 * SECOND, **values: Any) -> dict[str, Any]:
    return {
        "trace_id": f"{number:032x}",
        "span_id": number,
        "start_ns": end_ns - duration_ns,
        "end_ns": end_ns,
        "name": "work",
        "kind": 2,
        "status_code": 0,
        **values,
    }


def gauge(name: str = "depth", number: int = 1) -> dict[str, Any]:
    return {"series_id": number, "name": name, "kind": "gauge"}


def counter(number: int = 2, kind: str = "sum", **values: Any) -> dict[str, Any]:
    return {"series_id": number, "name": "c", "kind": kind, "temporality": "cumulative", "monotonic": True, **values}


calls = st.builds(
    dict,
    at_ns=st.integers(0, 3 * DAY).map(lambda ns: NOON - DAY + ns),
    cost=st.one_of(st.none(), st.integers(0, 10**15).map(lambda units: Decimal(units).scaleb(-12))),
    input_tokens=st.one_of(st.none(), st.integers(0, 2**62)),
    duration_ns=st.one_of(st.none(), st.integers(0, 10**13)),
    error_type=st.sampled_from([None, "timeout"]),
    model=st.sampled_from(["a", "b", None]),
    feature=st.sampled_from(["search", None]),
)


@given(groups=st.lists(st.lists(calls, min_size=1, max_size=6), min_size=1, max_size=4), data=st.data())
@settings(max_examples=examples(10), deadline=None)
def test_ledger_minutes_hours_and_days_have_the_same_totals_however_the_calls_arrived(
    groups: list[list[dict[str, Any]]], data: Any
) -> None:
    house = House()
    number = 0
    for group in groups:
        rows = []
        for call in group:
            number += 1
            cost = call["cost"]
            state = "unpriced" if cost is None else "priced"
            rows.append(line(number, **{**call, "cost": cost, "state": state, "cost_usd": cost}))
            rows[-1].pop("cost", None)
        house.put("ledger", "cost", rows)
        if data.draw(st.booleans()):
            house.rollups.refresh(data.draw(st.sampled_from([NOON, NOON + HOUR, LATER])))
    house.rollups.refresh(LATER)
    expected = house.tuples(LEDGER)
    for level in LEVELS:
        assert house.tuples(COSTS.format(level=level)) == expected, level
    assert house.tuples("SELECT count(*) FROM dirty_buckets") == [(0,)]
    _distributions_agree(house)
    house.close()


def _distributions_agree(house: House) -> None:
    durations = [each for (each,) in house.tuples("SELECT duration_ns FROM ledger WHERE duration_ns IS NOT NULL")]
    expected = histogram.of(durations)
    for level in LEVELS:
        stored = house.tuples(f"SELECT duration_index, duration_count FROM cost_{level}")
        assert all(index is None or list(index) == sorted(index) for index, _ in stored)
        assert histogram.merge(stored) == expected, level


def test_a_second_refresh_changes_nothing_and_does_nothing(house: House) -> None:
    house.put("ledger", "cost", [line(n, NOON + n * MINUTE) for n in range(1, 100)])
    assert house.rollups.refresh(LATER) == Refreshed(99 + 2 + 1)
    before = {level: house.tuples(f"SELECT * FROM cost_{level} ORDER BY ALL") for level in LEVELS}
    assert house.rollups.refresh(LATER) == Refreshed()
    assert {level: house.tuples(f"SELECT * FROM cost_{level} ORDER BY ALL") for level in LEVELS} == before


def test_an_hour_and_a_day_are_made_when_they_are_over_and_again_when_something_comes_late(house: House) -> None:
    house.put("ledger", "cost", [line(1, NOON)])
    house.rollups.refresh(NOON + MINUTE)
    counts = "SELECT (SELECT count(*) FROM cost_1m), (SELECT count(*) FROM cost_1h), (SELECT count(*) FROM cost_1d)"
    assert house.tuples(counts) == [(1, 0, 0)]
    house.rollups.refresh(NOON + HOUR)
    assert house.tuples(counts) == [(1, 1, 0)]
    house.rollups.refresh(NOON + DAY)
    assert house.tuples(counts) == [(1, 1, 1)]
    house.put("ledger", "cost", [line(2, NOON + 30 * SECOND)])
    house.rollups.refresh(NOON + DAY)
    assert house.tuples("SELECT sum(calls) FROM cost_1d") == [(2,)]
    assert house.tuples("SELECT bucket, calls FROM cost_1m") == [(NOON // MINUTE, 2)]


def test_a_refresh_with_much_to_do_ends_in_time_and_the_newest_go_first(house: House) -> None:
    minutes = [NOON - hours * HOUR for hours in range(4)]
    insert(house.database, "ledger", [line(number, at_ns) for number, at_ns in enumerate(minutes, 1)])
    with house.database.transaction() as tx:
        house.dirty.mark(tx, "cost", {at_ns // MINUTE for at_ns in minutes})
    hurried = Rollups(house.database, house.dirty, 0.0)
    for done in range(1, 5):
        hurried.refresh(NOON)
        with house.database.reader() as reader:
            found = reader.tuples("SELECT bucket FROM cost_1m ORDER BY bucket DESC")
        assert found == [(at_ns // MINUTE,) for at_ns in minutes[:done]]


def test_a_bucket_is_half_open(house: House) -> None:
    house.put("ledger", "cost", [line(1, NOON - 1), line(2, NOON), line(3, NOON + MINUTE - 1), line(4, NOON + MINUTE)])
    house.rollups.refresh(LATER)
    minute = NOON // MINUTE
    found = house.tuples("SELECT bucket, sum(calls) FROM cost_1m GROUP BY bucket ORDER BY bucket")
    assert found == [(minute - 1, 1), (minute, 2), (minute + 1, 1)]


def test_calls_without_any_cost_have_an_unknown_total_not_zero(house: House) -> None:
    house.put("ledger", "cost", [line(1, NOON, state="unpriced", cost_usd=None)])
    house.rollups.refresh(LATER)
    for level in LEVELS:
        assert house.tuples(f"SELECT calls, unpriced_calls, cost_usd FROM cost_{level}") == [(1, 1, None)]


def test_span_rollups_count_weigh_and_time_what_the_spans_tell(house: House) -> None:
    rng = random.Random(7)
    ends = [(NOON + rng.randrange(2 * DAY), rng.randrange(10**11)) for _ in range(300)]
    rows = [
        span(number, end_ns, duration_ns, route=rng.choice(["/a", None]), adjusted_count=rng.choice([1.0, 10.0, None]))
        for number, (end_ns, duration_ns) in enumerate(ends)
    ]
    rng.shuffle(rows)
    for start in range(0, 300, 100):
        house.put("spans", "span", rows[start : start + 100], time="end_ns")
        house.rollups.refresh(NOON + DAY)
    house.rollups.refresh(LATER)
    expected = house.tuples(
        "SELECT count(*), sum(adjusted_count), count(*) - count(adjusted_count), sum(end_ns - start_ns) FROM spans"
    )
    distribution = histogram.of([duration_ns for _, duration_ns in ends])
    for level in LEVELS:
        totals = f"SELECT sum(spans), sum(adjusted_spans), sum(uncounted_spans), sum(duration_sum_ns) FROM span_{level}"
        assert house.tuples(totals) == expected
        stored = house.tuples(f"SELECT duration_index, duration_count FROM span_{level}")
        assert histogram.merge(stored) == distribution


@pytest.mark.parametrize(("family", "table"), [("span", "spans"), ("metric", "metric_points")])
def test_a_bucket_whose_raw_rows_are_deleted_is_frozen_and_never_becomes_zero(
    house: House, family: Any, table: str
) -> None:
    insert(house.database, "metric_series", [gauge()])
    rows = [span(1, NOON)] if family == "span" else [{"series_id": 1, "at_ns": NOON, "value": 3.0}]
    house.put(table, family, rows, time="end_ns" if family == "span" else "at_ns")
    house.rollups.refresh(LATER)
    before = {level: house.tuples(f"SELECT * FROM {family}_{level}") for level in LEVELS}
    with house.database.transaction() as tx:
        tx.execute(f"DELETE FROM {table}")
        tx.execute("INSERT INTO kept_from VALUES ($table, $from_ns)", table=table, from_ns=NOON + HOUR)
        house.dirty.mark(tx, family, {NOON // MINUTE})
        house.dirty.mark(tx, family, {NOON // HOUR}, "1h")
    assert house.rollups.refresh(LATER).frozen == 1
    assert {level: house.tuples(f"SELECT * FROM {family}_{level}") for level in LEVELS} == before
    assert house.tuples("SELECT count(*) FROM dirty_buckets") == [(0,)]


def test_an_old_call_reaches_its_hour_and_day_though_their_minutes_and_hours_are_deleted(house: House) -> None:
    house.put("ledger", "cost", [line(n, NOON + n * MINUTE) for n in range(5)])
    house.rollups.refresh(LATER)
    with house.database.transaction() as tx:
        tx.execute("DELETE FROM cost_1m")
        tx.execute("DELETE FROM cost_1h")
        tx.execute("INSERT INTO kept_from VALUES ('cost_1m', $at), ('cost_1h', $at)", at=NOON + 2 * DAY)
    house.put("ledger", "cost", [line(99, NOON + 30 * SECOND)])
    house.rollups.refresh(LATER)
    assert house.tuples("SELECT sum(calls), sum(cost_usd) FROM cost_1d") == house.tuples(
        "SELECT count(*), sum(cost_usd) FROM ledger"
    )
    assert house.tuples("SELECT sum(calls) FROM cost_1h") == [(6,)]


def test_marks_are_inserted_once_and_again_after_the_refresh_has_consumed_them(house: House) -> None:
    count = "SELECT count(*) FROM dirty_buckets"
    for _ in range(3):
        with house.database.transaction() as tx:
            house.dirty.mark(tx, "cost", {1, 2})
    assert house.tuples(count) == [(2,)]
    house.rollups.refresh(LATER)
    with house.database.transaction() as tx:
        house.dirty.mark(tx, "cost", {1})
    assert house.tuples(count) == [(1,)]


def test_marks_of_a_transaction_that_failed_are_not_remembered(house: House) -> None:
    def fail() -> None:
        with house.database.transaction() as tx:
            house.dirty.mark(tx, "cost", {1})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with house.database.transaction() as tx:
        house.dirty.mark(tx, "cost", {1})
    assert house.tuples("SELECT count(*) FROM dirty_buckets") == [(1,)]


def test_what_is_written_while_a_bucket_is_recomputed_marks_it_anew(house: House) -> None:
    house.put("ledger", "cost", [line(1, NOON)])
    minute = NOON // MINUTE
    with house.database.transaction() as tx:
        house.dirty.take(tx, "cost", "1m", [minute])
    with house.database.beside() as recomputing:
        seen = recomputing.value("SELECT count(*) FROM ledger")
        house.put("ledger", "cost", [line(2, NOON)])
        house.dirty.consume(recomputing, "cost", "1m", [minute])
    assert (seen, house.tuples("SELECT bucket, taken FROM dirty_buckets")) == (1, [(minute, False)])
    house.rollups.refresh(LATER)
    assert house.tuples("SELECT sum(calls) FROM cost_1m") == [(2,)]
