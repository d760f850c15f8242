"""Which lines a call makes: one for each billable response, whoever saw it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.settle import Line, Observation, settle
from spanledger.usage import Reading, Usage


def reading(response_id: str | None = None, tokens: int | None = 10, model: str | None = None) -> Reading:
    return Reading(None if tokens is None else Usage(input_tokens=tokens, output_tokens=1), None, model, response_id)


def seen(span: int, response_id: str | None = None, tokens: int = 10, ancestors: tuple[int, ...] = ()) -> Observation:
    return Observation(reading(response_id, tokens, "seen"), span, ancestors)


def keys(lines: list[Line]) -> list[Any]:
    """The span of each line (0: the call's own) and the response it is for."""
    return [
        (line.observation.span_id if line.observation else 0, line.reading and line.reading.response_id)
        for line in lines
    ]


A, B = "resp_a", "resp_b"


@pytest.mark.parametrize(
    ("own", "observed", "billed", "inner", "expected"),
    [
        pytest.param(None, (), (), False, [(0, None)], id="nothing is known: one line, unknown"),
        pytest.param(reading(A), (), (), False, [(0, A)], id="read by the call"),
        pytest.param(reading(A), (seen(1, A),), (), False, [(0, A)], id="read and seen: the same response"),
        pytest.param(reading(A), (seen(1),), (), False, [(0, A)], id="seen without an id is the same"),
        pytest.param(
            reading(A), (seen(1, B), seen(2, A)), (), False, [(0, A), (1, B)], id="another response was seen too"
        ),
        pytest.param(reading(), (seen(1, A),), (), False, [(0, A)], id="read without an id, seen with one"),
        pytest.param(
            reading(), (seen(1, A, 99),), (), False, [(0, A)], id="one was seen with other counts: the call's own win"
        ),
        pytest.param(
            reading(), (seen(1, A, 99), seen(2, B, 10)), (), False, [(0, B), (1, A)], id="counts tell which it was"
        ),
        pytest.param(
            reading(None, 30), (seen(1, A), seen(2, B, 20)), (), False, [(0, None)], id="the user's own sum covers all"
        ),
        pytest.param(None, (seen(1, A),), (), False, [(0, A)], id="not read, one seen: the call's line takes it"),
        pytest.param(reading(A, None), (seen(1),), (), False, [(0, A)], id="read without usage, one seen"),
        pytest.param(
            None, (seen(1, A), seen(2, B)), (), False, [(1, A), (2, B)], id="not read, several seen: a line each"
        ),
        pytest.param(None, (seen(1, A), seen(2, A)), (), False, [(0, A)], id="two instrumentations saw one response"),
        pytest.param(
            None, (seen(1, None, 10, (2,)), seen(2)), (), False, [(0, None)], id="a span around a seen one is no leaf"
        ),
        pytest.param(None, (), (), True, [], id="a traced call below makes the line"),
        pytest.param(None, (), (A,), True, [], id="a traced call below has billed"),
        pytest.param(reading(A), (), (A,), True, [], id="the same response was billed below"),
        pytest.param(reading(), (), (A,), True, [], id="a sum of what was billed below"),
        pytest.param(reading(B), (), (A,), True, [(0, B)], id="another response than the one billed below"),
        pytest.param(reading(A), (), (None,), True, [(0, A)], id="what was billed below has no id"),
        pytest.param(reading(A), (), (), True, [(0, A)], id="the call below knew nothing"),
        pytest.param(None, (seen(1, A),), (A,), True, [], id="seen here, billed below"),
        pytest.param(None, (seen(1, B),), (A,), True, [(0, B)], id="seen here beside what was billed below"),
        pytest.param(reading(A), (seen(1, B),), (A,), True, [(1, B)], id="billed below, and another one seen"),
    ],
)
def test_lines(own: Any, observed: Any, billed: Any, inner: bool, expected: Any) -> None:
    assert keys(settle(own, observed, billed, inner=inner)) == expected


def test_what_the_call_did_not_read_is_taken_from_what_was_seen() -> None:
    (line,) = settle(reading(A, 10), (seen(1, A),))
    assert line.reading == Reading(Usage(input_tokens=10, output_tokens=1), None, "seen", A)


observations = st.lists(st.tuples(st.sampled_from([None, "a", "b", "c"]), st.integers(1, 3)), max_size=6).map(
    lambda made: tuple(seen(place + 1, *one) for place, one in enumerate(made))
)
owns = st.one_of(
    st.none(), st.builds(reading, st.sampled_from([None, "a", "b"]), st.one_of(st.none(), st.integers(1, 3)))
)


@given(owns, observations, st.sets(st.sampled_from([None, "a", "b", "c"])))
def test_no_response_is_in_two_lines_and_none_is_lost(own: Reading | None, observed: Any, billed: set[Any]) -> None:
    lines = settle(own, observed, billed, inner=bool(billed))
    ids = [line.reading.response_id for line in lines if line.reading and line.reading.response_id]
    assert len(ids) == len(set(ids))
    spans = [line.observation.span_id if line.observation else 0 for line in lines]
    assert len(spans) == len(set(spans))
    assert lines or billed
    if own is not None and own.usage is not None and own.response_id is not None:
        known = {own.response_id, *(one.reading.response_id for one in observed if one.reading.response_id)}
        assert {*ids, *billed} >= known
