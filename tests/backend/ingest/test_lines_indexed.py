"""Where the ledger lines of a trace are looked for: where the index has them, and where it may not."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from spanledger_server.ingest.trace_index import TraceIndex
from spanledger_server.store.database import Database
from spanledger_server.traces import search, trace
from tests.backend.ingest.requests import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    candidate,
    events,
    ingesting,
    request,
    span,
    trace_id,
    tuples,
)
from tests.support.stores import new_store


def whole(database: Database, number: int) -> tuple[int, int]:
    """How many spans and lines are found of a trace, by its id and in a list."""
    wanted = UUID(bytes=trace_id(number))
    with database.reader() as reader:
        found = trace.find(reader, wanted)
        listed = search.summaries(reader, [wanted])
    if found is None:
        assert listed == []
        return 0, 0
    assert listed == [found.summary]
    assert (len(found.spans), len(found.lines)) == (found.summary["span_count"], found.summary["calls"])
    return len(found.spans), len(found.lines)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spanledger.duckdb"


def test_a_trace_has_one_row_for_its_spans_and_lines_and_lines_that_come_later_are_found(path: Path) -> None:
    with ingesting(path) as (ingest, database):
        ingest.accept(request("traces", [span(1), span(2)], candidates=[candidate("span", 1, 1)]), 1)
        assert len(tuples(database, "SELECT * FROM trace_index")) == 2
        for at_ns in (NOON + DAY, NOON - 30 * DAY):
            ingest.accept(events(candidate("event", 1, at_ns // DAY, at_ns)), 1)
        assert whole(database, 1) == (1, 3)
        with database.reader() as reader:
            assert search.bounds(reader, [UUID(bytes=trace_id(1))]) == (NOON - MINUTE, NOON + MINUTE), "as spans are"
        assert whole(database, 2) == (1, 0)
        assert whole(database, 3) == (0, 0)
        with database.reader() as reader:
            assert search.place(reader, [UUID(bytes=trace_id(2))]).lines(None, sure=True) == (NOON - MINUTE, NOON)
            assert search.place(reader, [UUID(bytes=trace_id(3))]).lines(None, sure=True) == (search.ANY_TIME[0],) * 2
    with ingesting(path) as (_, database):
        assert whole(database, 1) == (1, 3), "also after a start"


def test_a_trace_without_spans_has_all_its_lines() -> None:
    with ingesting() as (ingest, database):
        ingest.accept(events(candidate("event", 1, 1, NOON), candidate("event", 1, 2, NOON - 300 * DAY)), 1)
        assert whole(database, 1) == (0, 2)


def test_lines_from_before_the_index_took_them_in_are_found_as_they_were() -> None:
    with ingesting() as (ingest, database):
        ingest.accept(events(*(candidate("event", 1, day, NOON + day * DAY) for day in (1, 6, 8))), 1)
        ingest.accept(events(candidate("event", 2, 9, NOON - 200 * DAY)), 1)
        with database.transaction() as tx:
            tx.execute("DELETE FROM trace_index; UPDATE lines_indexed SET after_ns = (SELECT max(at_ns) FROM ledger)")
        assert whole(database, 2) == (0, 1)
        assert whole(database, 1) == (0, 3), "no span says when it was"
        ingest.accept(request("traces", [span(1)]), 1)
        ingest.accept(events(candidate("event", 1, 77, NOON - 20 * DAY)), 1)
        assert whole(database, 1) == (1, 3), "a week after its spans, and what the index has"


def test_what_the_index_no_longer_has_is_looked_for_half_an_hour_before_the_spans_and_a_week_after() -> None:
    with ingesting() as (ingest, database):
        ingest.accept(events(candidate("event", 1, 1, NOON - HOUR // 2), candidate("event", 1, 2, NOON + 5 * DAY)), 1)
        ingest.accept(request("traces", [span(1)]), 1)
        with database.transaction() as tx:
            tx.execute("DELETE FROM trace_index WHERE of_lines")
        assert whole(database, 1) == (1, 0), "nobody says that rows were deleted"
        with database.transaction() as tx:
            tx.execute("INSERT INTO kept_from VALUES ('trace_index', $from_ns)", from_ns=NOON + 6 * DAY)
        assert whole(database, 1) == (1, 2)


def test_of_traces_with_spans_all_lines_stay_in_the_index_when_it_is_sorted() -> None:
    with ingesting() as (ingest, database):
        ingest.accept(request("traces", [span(1), span(2)], candidates=[candidate("span", 2, 1)]), 1)
        ingest.accept(events(*(candidate("event", 1, 5 + day, NOON + day * DAY) for day in (1, 6))), 1)
        ingest.accept(events(candidate("event", 3, 6, NOON - HOUR), candidate("event", 4, 1, NOON - 5 * HOUR)), 1)
        ingest.accept(events(candidate("event", 2, 9, NOON - 1)), 1)  # where its span is
        ingest.accept(request("traces", [span(4)]), 1)
        index = TraceIndex(database, run_rows=1)
        while index.sort(NOON + 9 * DAY):
            pass
        minutes = "SELECT first_minute - $noon, last_minute - $noon FROM trace_index WHERE of_lines ORDER BY ALL"
        assert tuples(database, minutes, noon=NOON // MINUTE) == [(-5 * 60, -5 * 60), (24 * 60, 6 * 24 * 60)]
        assert [whole(database, number) for number in (1, 2, 3, 4)] == [(1, 2), (1, 2), (0, 1), (1, 1)]
        with database.reader() as reader:
            first, last = search.place(reader, [UUID(bytes=trace_id(4))]).lines(None, sure=True)
        assert (first, last) == (NOON - 11 * HOUR // 2, NOON + HOUR // 2), "half an hour around it"


def test_lines_whose_spans_come_after_they_were_given_up_are_found_near_them() -> None:
    with ingesting() as (ingest, database):
        ingest.accept(events(candidate("event", 1, 5, NOON + 5 * MINUTE), candidate("event", 3, 6, NOON - 2 * HOUR)), 1)
        assert TraceIndex(database, run_rows=2).sort(NOON + DAY)
        assert not tuples(database, "SELECT * FROM trace_index")
        ingest.accept(request("traces", [span(1), span(2)]), 1)
        assert [whole(database, number) for number in (1, 2, 3)] == [(1, 1), (1, 0), (0, 1)]
        ingest.accept(request("traces", [span(4, NOON + 3 * HOUR)]), 1)
        with database.reader() as reader:
            late = search.place(reader, [UUID(bytes=trace_id(4))])
        assert late.lines(None, sure=True) == late.spans, "nothing is given up of so late"


def test_what_was_given_up_before_lines_of_spans_stayed_is_looked_for_a_week_after_them() -> None:
    with ingesting() as (ingest, database):
        ingest.accept(events(candidate("event", 1, 1, NOON + 6 * DAY), candidate("event", 1, 2, NOON + 6 * DAY + 1)), 1)
        assert TraceIndex(database, run_rows=1).sort(NOON + 9 * DAY)
        ingest.accept(request("traces", [span(1)]), 1)
        assert whole(database, 1) == (1, 0), "their span came days after them"
        with database.transaction() as tx:
            tx.execute("UPDATE lines_indexed SET without_spans = NULL")  # as an older program noted it
        assert whole(database, 1) == (1, 2)


def test_a_new_store_knows_that_all_its_lines_are_indexed() -> None:
    database = new_store()
    assert tuples(database, "SELECT * FROM lines_indexed") == [(None, None)]
    database.close()


def test_what_a_trace_looks_like_is_the_same_by_its_rows_and_by_the_statements_for_many() -> None:
    with ingesting() as (ingest, database):
        rows = [span(1, start_ns=NOON + 5, span_id=1, user_id="late"), span(1, span_id=2, service=None, model="m")]
        rows += [span(1, span_id=3, parent_span_id=2, status_code=2), span(1, span_id=4, session_id="s", feature="f")]
        ingest.accept(request("traces", rows, candidates=[candidate("span", 1, 1, NOON + HOUR)]), 1)
        ingest.accept(events(candidate("event", 1, 9, NOON), candidate("event", 2, 1, attributes={"a": 1})), 1)
        for number in (1, 2):
            wanted = UUID(bytes=trace_id(number))
            with database.reader() as reader:
                found = trace.find(reader, wanted)
                assert found is not None
                assert [found.summary] == search.summaries(reader, [wanted])
        with database.reader() as reader:
            cut = trace.find(reader, UUID(bytes=trace_id(1)), most=2)
        assert cut is not None
        assert (cut.truncated, len(cut.spans), cut.summary["span_count"]) == (True, 2, 4)
