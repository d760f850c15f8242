from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from spanledger_server.errors import Busy
from spanledger_server.ingest import accept, stored
from spanledger_server.ingest.accept import Acknowledgement
from spanledger_server.otlp.columns import Refusals
from spanledger_server.store.database import Database
from tests.backend.ingest.requests import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    candidate,
    events,
    ingesting,
    log,
    point,
    request,
    series,
    span,
    spans,
    trace_id,
    tuples,
    value,
)
from tests.support.waiting import until


def test_an_acknowledged_span_is_stored_as_it_was_sent() -> None:
    row = span(
        1,
        parent_span_id=2**64 - 1,
        name="chat gpt-4o",
        status_code=2,
        trace_state="ot=th:8",
        sampling_threshold=2**55,
        adjusted_count=2.0,
        input_tokens=3,
        attributes='{"a":1}',
        events="[]",
    )
    with ingesting() as (ingest, database):
        assert ingest.accept(spans(row), 100) == Acknowledgement(0, None)
        with database.reader() as reader:
            stored = reader.row("SELECT * FROM spans")
        assert stored is not None
        assert stored.pop("trace_id").bytes == row.pop("trace_id")
        assert {name: found for name, found in stored.items() if found is not None} == row | {"commit_no": 1}
        assert tuples(database, "SELECT * FROM resources") == [(7, '{"service.name":"shop"}')]
        assert ingest.counters.rows == 1
        assert ingest.counters.bytes == 100


def test_a_replayed_request_changes_nothing_in_any_signal(tmp_path: Path) -> None:
    path = tmp_path / "spanledger.duckdb"
    sent = [
        spans(*(span(number, NOON + number * MINUTE) for number in range(1, 50))),
        request("logs", [log(number, NOON - number * HOUR) for number in range(5)]),
        request("metrics", [point(1, 2.5, NOON + number) for number in range(5)], of=[series(1)]),
        events(*(candidate("event", 1, number) for number in range(1, 9))),
    ]

    def counts(database: Database) -> list[tuple[int, ...]]:
        tables = ("spans", "logs", "metric_points", "metric_series", "ledger", "resources")
        return [tuples(database, f"SELECT count(*) FROM {table}")[0] for table in tables]

    with ingesting(path) as (ingest, database):
        for each in (*sent, *sent):
            ingest.accept(each, 1)
        assert counts(database) == [(49,), (5,), (5,), (1,), (8,), (1,)]
    with ingesting(path) as (ingest, database):
        for each in sent:
            ingest.accept(each, 1)
        assert counts(database) == [(49,), (5,), (5,), (1,), (8,), (1,)]


def test_repetitions_inside_a_request_are_stored_once_and_the_first_stands() -> None:
    with ingesting() as (ingest, database):
        ingest.accept(spans(span(1, name="first"), span(1, name="second"), span(2)), 1)
        ingest.accept(request("logs", [log(1), log(1)]), 1)
        ingest.accept(request("metrics", [point(1, 1.0), point(1, 2.0)], of=[series(1)]), 1)
        assert tuples(database, "SELECT name FROM spans ORDER BY span_id") == [("first",), ("work",)]
        assert value(database, "SELECT count(*) FROM logs") == 1
        assert tuples(database, "SELECT value FROM metric_points") == [(1.0,)]


def test_the_same_span_id_in_another_trace_is_another_span() -> None:
    with ingesting() as (ingest, database):
        ingest.accept(spans(span(1, trace=1), span(1, trace=2)), 1)
        ingest.accept(spans(span(1, trace=3)), 1)
        assert value(database, "SELECT count(*) FROM spans") == 3


def test_a_late_and_a_fresh_span_in_one_request_are_both_deduplicated() -> None:
    sent = spans(span(1, NOON), span(2, NOON - 20 * HOUR), span(3, NOON - 5 * HOUR))
    with ingesting() as (ingest, database):
        ingest.accept(sent, 1)
        ingest.accept(sent, 1)
        assert value(database, "SELECT count(*) FROM spans") == 3


def test_requests_sent_at_once_are_committed_in_groups_and_each_is_acknowledged() -> None:
    with ingesting() as (ingest, database), ThreadPoolExecutor(20) as pool:
        with database.transaction():
            waiting = [pool.submit(ingest.accept, spans(span(1)), 1)]
            until(lambda: database._waiting == 1, called="the writer has taken the first and waits for its turn")
            waiting += [pool.submit(ingest.accept, spans(span(n), span(999, NOON + n)), 1) for n in range(2, 21)]
            until(lambda: ingest.queued() == 19)
            assert not any(each.done() for each in waiting)
        assert [each.result(10).refused for each in waiting] == [0] * 20
        assert value(database, "SELECT count(*) FROM spans WHERE span_id < 100") == 20
        assert (ingest.counters.groups, ingest.counters.requests) == (2, 20)


def test_one_request_that_breaks_a_rule_is_refused_and_its_neighbours_are_stored() -> None:
    bad = span(5)
    bad["name"] = None
    with ingesting() as (ingest, database), ThreadPoolExecutor(4) as pool:
        with database.transaction():
            good = [pool.submit(ingest.accept, spans(span(1)), 1)]
            until(lambda: database._waiting == 1, called="the writer has taken the first and waits for its turn")
            good += [pool.submit(ingest.accept, spans(span(n)), 1) for n in (2, 3)]
            refused = pool.submit(ingest.accept, spans(bad, span(6)), 1)
            until(lambda: ingest.queued() == 3)
        assert [each.result(10).refused for each in good] == [0, 0, 0]
        answer = refused.result(10)
        assert answer.refused == 2
        assert answer.message is not None
        assert "rejected" in answer.message
        assert tuples(database, "SELECT span_id FROM spans ORDER BY ALL") == [(1,), (2,), (3,)]
        assert tuples(database, "SELECT signal, reason, records FROM loss") == [("traces", "rejected_by_store", 2)]


def test_after_a_mistake_of_our_own_the_sender_comes_back_and_the_writer_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def mistaken(*_: object) -> set[int]:
        raise RuntimeError("a mistake")

    with ingesting() as (ingest, database):
        with monkeypatch.context() as patched:
            patched.setattr(accept, "write", mistaken)
            with pytest.raises(Busy, match="RuntimeError"):
                ingest.accept(spans(span(1)), 1)
        assert ingest.accept(spans(span(1)), 1).refused == 0
        assert value(database, "SELECT count(*) FROM spans") == 1


def test_a_call_that_cannot_be_a_line_is_refused_and_counted_beside_what_the_decoder_refused() -> None:
    refusals = Refusals()
    refusals.add("shop", "too_late", "record 1 is too late")
    unfit = candidate("event", 1, 2**64)
    with ingesting() as (ingest, database):
        answer = ingest.accept(request("logs", candidates=[candidate("event", 1, 1), unfit], refusals=refusals), 1)
        assert answer.refused == 2
        assert answer.message is not None
        assert "line_unfit" in answer.message
        assert tuples(database, "SELECT reason, records FROM loss ORDER BY ALL") == [("line_unfit", 1), ("too_late", 1)]
        assert value(database, "SELECT count(*) FROM ledger") == 1


def test_what_is_remembered_is_bounded_and_forgetting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MOST_REMEMBERED", 2)
    with ingesting() as (ingest, database):
        for number in [*range(1, 7), *range(1, 7)]:
            ingest.accept(request("metrics", [point(number, 1.0)], of=[series(number)]), 1)
        assert value(database, "SELECT count(*) FROM metric_series") == 6
        assert value(database, "SELECT count(*) FROM metric_points") == 6


def test_what_the_decoder_refused_is_told_to_the_sender_and_counted_as_loss() -> None:
    refusals = Refusals()
    refusals.add("shop", "end_before_start", "span 12 ends before it starts", count=3)
    with ingesting() as (ingest, database):
        answer = ingest.accept(request("traces", [span(1)], refusals=refusals), 1)
        assert answer == Acknowledgement(3, "span 12 ends before it starts")
        assert tuples(database, "SELECT * FROM loss") == [(NOON, "shop", "traces", "end_before_start", 3)]
        assert ingest.counters.refused_records == 3


def test_an_empty_request_is_acknowledged_without_a_transaction() -> None:
    with ingesting() as (ingest, _):
        assert ingest.accept(request("traces"), 1) == Acknowledgement(0, None)
        assert ingest.counters.groups == 0


def test_dirty_minutes_are_marked_once_in_the_same_transaction() -> None:
    with ingesting() as (ingest, database):
        ingest.accept(spans(span(1), span(2, NOON + 5 * SECOND), span(3, NOON - HOUR)), 1)
        ingest.accept(spans(span(4, NOON + 6 * SECOND)), 1)
        ingest.accept(events(candidate("event", 9, 1)), 1)
        ingest.accept(request("metrics", [point(1, 1.0)], of=[series(1)]), 1)
        minute = NOON // MINUTE
        assert tuples(database, "SELECT family, level, bucket FROM dirty_buckets ORDER BY family, bucket") == [
            ("cost", "1m", minute),
            ("metric", "1m", minute),
            ("span", "1m", minute - 60),
            ("span", "1m", minute),
        ]


def test_the_trace_index_holds_the_low_half_of_the_trace_id_and_the_minutes_of_its_starts() -> None:
    trace = int.from_bytes(trace_id(7)[:8] + b"\xff" * 8, "big")
    first, last = span(1, NOON, trace=trace), span(2, NOON + HOUR, trace=trace)
    with ingesting() as (ingest, database):
        ingest.accept(spans(first, last), 1)
        minutes = (first["start_ns"] // MINUTE, last["start_ns"] // MINUTE)
        assert tuples(database, "SELECT * FROM trace_index") == [(2**64 - 1, *minutes, False)]


def test_the_live_feed_is_told_the_seconds_of_spans_and_lines_after_the_commit() -> None:
    told: list[tuple[set[int], int]] = []

    class Feed:
        def touched(self, seconds: set[int]) -> None:
            told.append(
                (seconds, value(opened[0], "SELECT (SELECT count(*) FROM spans) + (SELECT count(*) FROM ledger)"))
            )

    opened: list[Database] = []
    with ingesting(live=Feed()) as (ingest, database):
        opened.append(database)
        ingest.accept(spans(span(1), span(2, NOON + SECOND)), 1)
        ingest.accept(events(candidate("event", 1, 1, NOON - DAY)), 1)
        ingest.accept(request("logs", [log(1)]), 1)
    assert told == [({NOON // SECOND, NOON // SECOND + 1}, 2), ({(NOON - DAY) // SECOND}, 3)]


def test_after_stopping_nothing_is_taken_and_what_waited_is_stored() -> None:
    with ingesting() as (ingest, database):
        ingest.accept(spans(span(1)), 1)
        ingest.stop()
        ingest.stop()
        with pytest.raises(Busy, match="stopping"):
            ingest.accept(spans(span(2)), 1)
        assert value(database, "SELECT count(*) FROM spans") == 1
        assert ingest.counters.busy == 1
