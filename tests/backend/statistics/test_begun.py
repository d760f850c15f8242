"""Minutes read from their rollup and from the rows since: whatever came in which order, nothing is lost or twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.ingest.accept import Ingest
from spanledger_server.rollups import stretches
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.statistics import calls, costs, periods, weighed
from spanledger_server.store.database import Database
from spanledger_server.timegrid import Range
from spanledger_server.traces import filters
from tests.backend.ingest.requests import (
    MINUTE,
    NOON,
    SECOND,
    SteppedClock,
    candidate,
    events,
    prices,
    request,
    span,
    spans,
)
from tests.support.stores import new_store
from tests.support.thorough import examples

WINDOW = Range(NOON - 5 * MINUTE, NOON + 5 * MINUTE)
ALL = filters.parse((), filters.LEDGER)
SEEN = "SELECT count(*), coalesce(sum(adjusted_count), 0) FROM spans WHERE end_ns >= $from_ns AND end_ns < $to_ns"
CALLED = "SELECT count(*), coalesce(sum(cost_usd), 0) FROM ledger WHERE at_ns >= $from_ns AND at_ns < $to_ns"
Family = Literal["cost", "span"]


class House:
    """A server's writer and its rollups, which can be started again."""

    def __init__(self) -> None:
        self.database: Database = new_store()
        self.start()

    def start(self) -> None:
        self.dirty = DirtyBuckets()
        self.ingest = Ingest(self.database, prices(), SteppedClock(), dirty=self.dirty)
        self.ingest.start()

    def restart(self) -> None:
        self.ingest.stop()
        self.start()

    def refresh(self) -> None:
        Rollups(self.database, self.dirty).refresh(NOON + MINUTE)

    def spans(self, *seconds: float, first: int = 1) -> None:
        rows = (
            span(first + number, NOON + int(second * SECOND), adjusted_count=2.0, flags=0x100)
            for number, second in enumerate(seconds)
        )
        self.ingest.accept(spans(*rows), 1)

    def stretch(self, family: Family, window: Range = WINDOW, *, exact: bool = False) -> tuple[list[int], list[int]]:
        """The minutes, counted from noon, that are read from their rows, and those that are from the rows since."""
        with self.database.reader() as reader:
            s = stretches.of(reader, family, window, exact=exact)
        return tuple([each - NOON // MINUTE for each in s[name]] for name in ("stale_minutes", "begun_minutes"))  # type: ignore[return-value]

    def is_told(self, to_ns: int = NOON + MINUTE) -> None:
        """That the figures are those of the rows, of whole minutes and until a moment within one."""
        with self.database.reader() as reader:
            seen = reader.tuples(SEEN, from_ns=WINDOW.from_ns, to_ns=WINDOW.to_ns)
            called = reader.tuples(CALLED, from_ns=WINDOW.from_ns, to_ns=WINDOW.to_ns)
            until = reader.tuples(CALLED, from_ns=0, to_ns=to_ns)
            found = weighed.requests(reader, WINDOW.from_ns, WINDOW.to_ns)
            summed = calls.added(calls.cells(reader, periods.whole(WINDOW)))
            spent = costs.costs(
                reader, periods.to_date("year", to_ns, ZoneInfo("UTC")), "model", ALL.bound(), ALL.asked()
            )
        assert [(sum(each.spans for each in found.values()), sum(each.weight for each in found.values()))] == seen
        assert [(summed.calls, summed.cost_usd or 0)] == called
        assert [(spent["calls"], spent["total_cost"] or 0)] == until

    def clear(self) -> None:
        self.ingest.stop()
        with self.database.transaction() as tx:
            for (table,) in tx.tuples("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'"):
                if table in EMPTIED:
                    tx.execute(f"DELETE FROM {table}")
        self.database.memory.clear()
        self.start()


EMPTIED = {
    *("spans", "ledger", "ledger_links", "dirty_buckets", "trace_index", "resources"),
    *(f"{family}_{level}" for family in ("span", "cost") for level in ("1m", "1h", "1d")),
    *("user_1d", "user_1y", "user_numbers"),
}


@contextmanager
def a_house() -> Iterator[House]:
    made = House()
    try:
        yield made
    finally:
        made.ingest.stop()
        made.database.close()


@pytest.fixture
def house() -> Iterator[House]:
    with a_house() as made:
        yield made


@pytest.fixture(scope="module")
def one_house() -> Iterator[House]:
    with a_house() as made:
        yield made


def test_only_the_rows_since_are_read_of_a_minute_that_got_nothing_else(house: House) -> None:
    house.spans(1, 2, 3)
    assert house.stretch("span") == ([0], [])
    house.refresh()
    assert house.stretch("span") == ([], [])
    house.spans(4, -10, first=10)
    assert house.stretch("span") == ([-1], [0])  # the minute before was never rolled up
    house.is_told()
    house.refresh()
    house.spans(5, -11, first=20)
    assert house.stretch("span") == ([], [-1, 0])
    house.is_told()


def test_a_line_that_gave_way_has_its_minute_read_from_the_rows(house: House) -> None:
    house.ingest.accept(events(candidate("span", 1, 1, NOON + SECOND), candidate("event", 2, 1, NOON + SECOND)), 1)
    house.refresh()
    house.ingest.accept(events(candidate("event", 3, 1, NOON + 2 * SECOND)), 1)
    assert house.stretch("cost") == ([], [0])
    house.ingest.accept(events(candidate("event", 1, 1, NOON + SECOND)), 1)
    assert house.stretch("cost") == ([0], [])
    house.is_told()
    house.refresh()
    house.ingest.accept(events(candidate("event", 4, 1, NOON + 2 * SECOND)), 1)
    assert house.stretch("cost") == ([], [0])
    house.is_told()


def test_a_restart_goes_on_counting_commits_where_it_ended(house: House) -> None:
    for number in range(3):
        house.spans(number, first=10 * number + 1)
    house.refresh()
    house.restart()
    house.spans(9, first=90)
    with house.database.reader() as reader:
        assert reader.tuples("SELECT commit_no FROM spans ORDER BY 1") == [(1,), (2,), (3,), (4,)]
    assert house.stretch("span") == ([], [0])
    house.is_told()


def test_rows_from_before_commits_were_numbered_are_read_whole(house: House) -> None:
    house.spans(1, 2)
    with house.database.transaction() as tx:
        tx.execute("UPDATE spans SET commit_no = NULL")
    house.refresh()
    house.spans(3, first=10)
    assert house.stretch("span") == ([0], [])
    house.is_told()


def test_a_window_that_ends_within_a_minute_holds_nothing_beyond(house: House) -> None:
    house.ingest.accept(
        events(candidate("event", 1, 1, NOON + 10 * SECOND), candidate("event", 2, 1, NOON + 40 * SECOND)), 1
    )
    house.refresh()
    house.ingest.accept(events(candidate("event", 3, 1, NOON + 20 * SECOND)), 1)
    assert house.stretch("cost", Range(NOON - MINUTE, NOON + 30 * SECOND), exact=True) == ([0], [])
    assert house.stretch("cost", Range(NOON - MINUTE, NOON + 41 * SECOND), exact=True) == ([], [0])
    assert house.stretch("cost", Range(NOON + SECOND, NOON + MINUTE), exact=True) == ([0], [])
    for second in (5, 15, 30, 41, 60):
        house.is_told(NOON + second * SECOND)


offsets = st.one_of(st.integers(-3, 3), st.integers(-150, 119), st.sampled_from([0, 59, 60, -1, -60]))
numbers = st.integers(1, 6)
steps = st.one_of(
    st.tuples(st.just("spans"), st.lists(st.tuples(numbers, offsets), min_size=1, max_size=4)),
    st.tuples(
        st.just("calls"),
        st.lists(st.tuples(numbers, numbers, st.sampled_from(["event", "span"]), offsets), min_size=1, max_size=4),
    ),
    st.tuples(st.sampled_from(["refresh", "refresh", "restart"]), st.none()),
)


@given(taken=st.lists(steps, max_size=14), until=st.integers(-150, 119))
@settings(max_examples=examples(40), deadline=None)
def test_figures_are_those_of_the_rows_after_each_step(
    one_house: House, taken: list[tuple[str, Any]], until: int
) -> None:
    house = one_house
    house.clear()
    for step, told in taken:
        if step == "spans":
            rows = [span(number, NOON + at * SECOND, adjusted_count=2.0, flags=0x100) for number, at in told]
            house.ingest.accept(spans(*rows), 1)
        elif step == "calls":
            found = [candidate(source, trace, number, NOON + at * SECOND) for trace, number, source, at in told]
            house.ingest.accept(request("logs", candidates=found), 1)
        elif step == "refresh":
            house.refresh()
        else:
            house.restart()
        house.is_told(NOON + until * SECOND)
