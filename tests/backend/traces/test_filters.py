"""Filters: what is written in a URL or a search bar, as values to bind."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_server.errors import Invalid
from spanledger_server.traces import filters


def test_values_are_gathered_by_key_and_negation():
    found = filters.parse(["service:a", "service:b:c", "!model:x", "model:!y", "user_id:"], filters.TRACES)
    assert found.include == {"service": ["a", "b:c"], "user_id": [""]}
    assert found.exclude == {"model": ["x", "y"]}
    assert found.asked() == {"service", "model", "user_id"}


def test_ranges_become_the_tightest_least_and_most_in_whole_steps():
    found = filters.parse(
        ["duration>500ms", "duration>=0.4s", "duration<2s", "cost>0.01", "cost<=1"], filters.TRACES
    ).bound()
    assert (found["least_duration"], found["most_duration"]) == (500_000_001, 1_999_999_999)
    assert (found["least_cost"], found["most_cost"]) == (Decimal("0.010000000001"), Decimal(1))


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("duration>1ns", 2),
        ("duration>=1.5ns", 2),
        ("duration>1.5ns", 2),
        ("duration>=1us", 1000),
        ("duration>=1µs", 1000),
        ("duration>=2min", 120 * 10**9),
        ("duration>=1h", 3600 * 10**9),
    ],
)
def test_every_unit_of_time_is_understood(text, least):
    assert filters.parse([text], filters.TRACES).bound()["least_duration"] == least


@pytest.mark.parametrize("subject", [filters.TRACES, filters.LEDGER, filters.LOGS])
def test_every_key_is_bound_whether_asked_or_not(subject):
    bound = filters.parse([], subject).bound()
    assert set(bound.values()) == {None}
    assert len(bound) == 2 * len(subject.keys)


def test_a_search_bar_mixes_filters_and_words():
    found = filters.search(
        ["tenant:t"], 'Blue service:chat-api "two Words" !status:error name:"POST /x" x:y duration>2s', filters.TRACES
    )
    assert found.words == ["blue", "two words", "x:y"]
    assert found.include == {"tenant": ["t"], "service": ["chat-api"], "name": ["POST /x"]}
    assert found.exclude == {"status": ["error"]}
    assert found.least == {"duration": Decimal(2_000_000_001)}


def test_the_same_question_has_one_spelling():
    first = filters.parse(["service:a", "model:b"], filters.TRACES)
    second = filters.parse(["model:b", "service:a"], filters.TRACES)
    assert first.spelled() == second.spelled()
    assert first.spelled() != filters.parse(["!model:b", "service:a"], filters.TRACES).spelled()


@given(st.lists(st.text(max_size=40), max_size=5), st.text(max_size=80))
def test_no_text_does_more_than_being_refused(texts, free):
    asked = _search(texts, free)
    if isinstance(asked, Invalid):
        assert asked.parameter in ("f", "q")
        assert asked.allowed
        return
    texts_bound = {f"{sign}{key}" for key in filters.TRACES.texts for sign in ("", "not_")}
    ranges_bound = {f"{end}_{key}" for key in filters.TRACES.ranges for end in ("least", "most")}
    assert set(asked.bound()) == texts_bound | ranges_bound


def _search(texts: list[str], free: str) -> filters.Conditions | Invalid:
    try:
        return filters.search(texts, free, filters.TRACES)
    except Invalid as refused:
        return refused
