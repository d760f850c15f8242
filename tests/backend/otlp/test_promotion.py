"""Promotion loses nothing: columns and rest together hold what came."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger import semconv
from spanledger_server.otlp.memory import keep_arenas
from spanledger_server.otlp.promotion import LOG_COLUMNS, LOG_PROMOTION, SPAN_COLUMNS, SPAN_PROMOTION, integer
from tests.backend.otlp.generated import INT64, KEYS, VALUES

CANONICAL = {
    column: semconv.DIALECTS["response_model" if column == "model" else column][0]
    for column in (*SPAN_COLUMNS, *LOG_COLUMNS)
}


@given(attributes=st.dictionaries(KEYS, VALUES | INT64, max_size=10))
@settings(max_examples=150, deadline=None)
def test_what_leaves_the_rest_stands_unchanged_in_its_column(attributes: dict[str, Any]) -> None:
    for promotion, columns in ((SPAN_PROMOTION, SPAN_COLUMNS), (LOG_PROMOTION, LOG_COLUMNS)):
        before = dict(attributes)
        promoted, rest = promotion.split(attributes)
        assert list(attributes) == list(before)
        back = dict(rest)
        for column, value in zip(columns, promoted, strict=True):
            if value is not None and CANONICAL[column] not in rest and CANONICAL[column] in attributes:
                back[CANONICAL[column]] = value
        assert set(back) == set(attributes)
        assert all(back[key] is attributes[key] or back[key] == attributes[key] for key in back)


@given(value=st.one_of(INT64, st.floats(), st.text(max_size=25), st.booleans(), st.none()))
def test_an_integer_is_never_guessed(value: Any) -> None:
    found = integer(value)
    if found is not None:
        assert type(value) is not bool
        assert found == (int(value) if isinstance(value, str) else value)
        assert -(2**63) <= found < 2**63


def test_keeping_memory_can_be_asked_for_again() -> None:
    assert keep_arenas() == keep_arenas()
