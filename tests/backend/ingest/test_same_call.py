"""One line for each call, whatever the order, the repetitions and the grouping in which it was told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.ingest.same_call import Link, Told, settle
from spanledger_server.ingest.write import SAME_CALL_NS
from spanledger_server.otlp.columns import Candidate
from tests.backend.ingest.requests import (
    NOON,
    SECOND,
    candidate,
    events,
    ingesting,
    request,
    tuples,
    value,
)
from tests.support.thorough import examples

LINES = "SELECT trace_id::BLOB, span_id, source, at_ns, response_id FROM ledger ORDER BY ALL"


class Ledger:
    """The ledger as the writer keeps it, in memory."""

    def __init__(self) -> None:
        self.lines: list[Told] = []
        self.links: set[Link] = set()

    def take(self, group: list[Told]) -> None:
        arriving = [line._replace(position=position) for position, line in enumerate(group)]
        verdict = settle(arriving, self.lines, self.links)
        self.lines = [line for line in self.lines if line not in verdict.delete]
        self.lines += [arriving[position]._replace(position=None) for position in verdict.insert]
        self.links |= set(verdict.remember)


# One candidate for each (trace, span, source): few ids, so that they meet.
told = st.builds(
    Told,
    trace_id=st.sampled_from([b"a", b"b"]),
    span_id=st.integers(1, 5),
    source=st.sampled_from(["event", "span"]),
    at_ns=st.integers(0, 3),
    response_id=st.sampled_from([None, "r1", "r2", "r3"]),
    position=st.none(),
)
sets_of_lines = st.lists(told, min_size=1, max_size=12, unique_by=lambda line: line[:3])


@given(lines=sets_of_lines, data=st.data())
@settings(max_examples=examples(150), deadline=None)
def test_the_lines_that_stand_do_not_depend_on_order_repetition_or_grouping(lines: list[Told], data: Any) -> None:
    at_once = Ledger()
    at_once.take(lines)
    arrivals = data.draw(st.permutations(lines + data.draw(st.lists(st.sampled_from(lines), max_size=8))))
    stepwise = Ledger()
    while arrivals:
        size = data.draw(st.integers(1, len(arrivals)))
        stepwise.take(arrivals[:size])
        arrivals = arrivals[size:]
    assert sorted(stepwise.lines, key=repr) == sorted(at_once.lines, key=repr)


@given(lines=sets_of_lines)
@settings(max_examples=examples(80), deadline=None)
def test_every_call_has_one_line_and_no_two_lines_tell_of_the_same(lines: list[Told]) -> None:
    ledger = Ledger()
    ledger.take(lines)
    keys = [line[:2] for line in ledger.lines]
    answers = [(line.trace_id, line.response_id) for line in ledger.lines if line.response_id is not None]
    assert len(keys) == len(set(keys))
    assert len(answers) == len(set(answers))
    for line in lines:  # nothing is dropped that shares neither span nor answer with another line
        alone = all(
            other is line
            or other.trace_id != line.trace_id
            or (other.span_id != line.span_id and (other.response_id is None or other.response_id != line.response_id))
            for other in lines
        )
        assert not alone or line in ledger.lines


@given(lines=sets_of_lines, data=st.data())
@settings(max_examples=examples(12), deadline=None)
def test_the_table_is_the_same_for_every_order_repetition_and_grouping(lines: list[Told], data: Any) -> None:
    arrivals = data.draw(st.permutations(lines + data.draw(st.lists(st.sampled_from(lines), max_size=5))))
    expected = Ledger()
    expected.take(lines)
    with ingesting() as (ingest, database):
        while arrivals:
            size = data.draw(st.integers(1, len(arrivals)))
            ingest.accept(request("traces", candidates=[as_candidate(line) for line in arrivals[:size]]), 1)
            arrivals = arrivals[size:]
        stored = {(trace[-1:], *rest) for trace, *rest in tuples(database, LINES)}
    assert stored == {
        (line.trace_id, line.span_id, line.source, NOON + line.at_ns * SECOND, line.response_id)
        for line in expected.lines
    }


def as_candidate(line: Told) -> Candidate:
    trace = int.from_bytes(line.trace_id, "big")
    return candidate(line.source, trace, line.span_id, NOON + line.at_ns * SECOND, response=line.response_id)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("together", [True, False])
def test_an_event_stands_for_a_call_whose_span_came_first_or_later(order: tuple[int, int], together: bool) -> None:
    both = [candidate("span", 1, 1, input_tokens=3), candidate("event", 1, 1, input_tokens=5)]
    arrivals = [both[position] for position in order]
    with ingesting() as (ingest, database):
        for group in [arrivals] if together else [[each] for each in arrivals]:
            ingest.accept(request("traces", candidates=group), 1)
        assert tuples(database, "SELECT source, input_tokens FROM ledger") == [("event", 5)]


def test_an_event_that_exists_is_not_changed_by_another_one_with_its_key() -> None:
    with ingesting() as (ingest, database):
        ingest.accept(events(candidate("event", 1, 1, input_tokens=3)), 1)
        ingest.accept(events(candidate("event", 1, 1, input_tokens=9), candidate("event", 1, 2)), 1)
        assert tuples(database, "SELECT span_id, input_tokens FROM ledger ORDER BY ALL") == [(1, 3), (2, 10)]


def test_the_same_answer_in_one_trace_is_one_call_and_in_two_traces_two() -> None:
    with ingesting() as (ingest, database):
        ingest.accept(events(candidate("span", 1, 1, response="r"), candidate("span", 1, 2, response="r")), 1)
        ingest.accept(events(candidate("span", 1, 3, response="r"), candidate("span", 2, 4, response="r")), 1)
        ingest.accept(events(candidate("event", 1, 5, NOON + SECOND, response="r")), 1)
        assert tuples(database, "SELECT span_id FROM ledger ORDER BY ALL") == [(4,), (5,)]
        assert value(database, "SELECT count(*) FROM ledger_links") > 0


def test_a_line_that_gives_way_marks_its_own_minute_too() -> None:
    minute = 60 * SECOND
    with ingesting() as (ingest, database):
        ingest.accept(events(candidate("span", 1, 1, NOON - 5 * minute, response="r")), 1)
        with database.transaction() as tx:
            tx.execute("DELETE FROM dirty_buckets")
        ingest._dirty._marked.clear()
        ingest.accept(events(candidate("event", 1, 2, NOON, response="r")), 1)
        marked = tuples(database, "SELECT bucket FROM dirty_buckets ORDER BY ALL")
        assert marked == [(NOON // minute - 5,), (NOON // minute,)]


def test_lines_that_end_far_apart_are_two_calls() -> None:
    with ingesting() as (ingest, database):
        ingest.accept(events(candidate("span", 1, 1, NOON, response="r")), 1)
        ingest.accept(events(candidate("span", 1, 2, NOON + 3 * SAME_CALL_NS, response="r")), 1)
        assert value(database, "SELECT count(*) FROM ledger") == 2


def test_events_of_a_year_in_one_request_are_each_looked_for_where_they_lie() -> None:
    day = 86_400 * SECOND
    year = [candidate("event", number, 1, NOON - number * day) for number in range(1, 360, 7)]
    with ingesting() as (ingest, database):
        ingest.accept(events(*year), 1)
        ingest.accept(events(*year, candidate("event", 999, 1)), 1)
        assert value(database, "SELECT count(*) FROM ledger") == len(year) + 1
