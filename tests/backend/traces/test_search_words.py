"""Words are found in whatever a span or line says, thought to be rare or not; traces look alike by rows and sums."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_server.store.database import Database
from spanledger_server.traces import filters, looks, search
from tests.backend.rows import HOUR, NOON, SECOND, add_spans, insert, line, span
from tests.support.stores import new_store

FROM, TO = NOON - HOUR, NOON
SAYINGS = st.sampled_from(
    [None, "GET /Shop", "ÄRGER 7", "timeout", "time", "out 7", '{"a": "Time out"}', "", " ", "%_'"]
)
WEIGHTS = st.sampled_from([None, 1.0, 4.0])
OF_SPANS = (
    *("name", "service", "user_id", "session_id", "operation", "model", "provider", "route", "error_type"),
    *("status_message", "attributes"),
)
OF_LINES = (
    "service",
    "user_id",
    "session_id",
    "operation",
    "model",
    "provider",
    "error_type",
    "response_id",
    "attributes",
)
ROWS = st.lists(
    st.tuples(
        st.booleans(), st.integers(1, 6), st.integers(0, 3599), WEIGHTS, st.dictionaries(st.integers(0, 10), SAYINGS)
    ),
    max_size=20,
)
WORDS = st.lists(
    st.sampled_from(["time", "out", "timeout", "time out", "ärger", "7", "shop", "/", "e t", "%"]), max_size=3
)


@pytest.fixture(scope="module")
def database() -> Database:
    return new_store()


def made(rows: list[tuple[bool, int, int, float | None, dict[int, Any]]]) -> tuple[list[Any], list[Any]]:
    spans, lines = [], []
    for number, (spanned, trace, second, weight, told) in enumerate(rows):
        keys = OF_SPANS if spanned else OF_LINES
        says = {keys[place % len(keys)]: text for place, text in told.items()}
        at_ns = FROM + second * SECOND + number
        if spanned:
            says["name"] = says.get("name") or "work"
            spans.append(span(trace, number, at_ns, SECOND, **{"adjusted_count": weight, **says}))
        else:
            lines.append(line(trace, at_ns, **{"span_id": number, **says}))
    return spans, lines


def said(row: dict[str, Any]) -> str:
    keys = OF_SPANS if "start_ns" in row else OF_LINES
    return " ".join(row[key] for key in keys if row.get(key) is not None).lower()


def stored(database: Database, spans: list[Any], lines: list[Any]) -> None:
    with database.transaction() as tx:
        tx.execute("DELETE FROM spans; DELETE FROM ledger; DELETE FROM trace_index")
    add_spans(database, spans)
    insert(database, "ledger", lines)


def found(database: Database, asked: filters.Conditions) -> search.Found:
    with database.reader() as reader:
        return search.search(reader, FROM, TO, asked, "start", None, 50)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, words=WORDS, other=st.sampled_from(["", "status:error", "!service:time", "duration>500ms"]))
def test_words_are_found_rare_or_not(
    database: Database, rows: list[Any], words: list[str], other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans, lines = made(rows)
    stored(database, spans, lines)
    asked = filters.search((), " ".join([*(f'"{word}"' for word in words), other]), filters.TRACES)
    answers = []
    for way in (_rare, _usual, _none):
        monkeypatch.setattr(search, "rare_word", way)
        answers.append(found(database, asked))
    assert answers[0] == answers[1] == answers[2]
    if not other:
        matching = {
            row["trace_id"] for row in (*spans, *lines) if all(word.lower() in said(row) for word in asked.words)
        }
        assert {trace["trace_id"].hex for trace in answers[0].traces} == matching


def _rare(_reader: Any, _searched: Any, words: list[str]) -> tuple[str | None, bool]:
    word = next((word for word in words if " " not in word), None)
    return word, word is not None


def _usual(_reader: Any, _searched: Any, words: list[str]) -> tuple[str | None, bool]:
    return next((word for word in words if " " not in word), None), False


def _none(*_: Any) -> tuple[None, bool]:
    return None, False


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        (["timeout"], ("timeout", True)),
        (["work"], ("work", False)),
        (["working", "timeout", "work"], ("working", True)),
        (["work", "is"], ("is", True)),
        (["work out"], (None, False)),
        ([], (None, False)),
    ],
)
def test_a_word_is_rare_where_few_spans_say_it(
    database: Database, words: list[str], chosen: tuple[str | None, bool]
) -> None:
    rows = [{**span(number, number, NOON - SECOND - number), "name": "work"} for number in range(1, 41)]
    stored(database, [{**rows[0], "name": "Work is TIMEOUT"}, *rows[1:]], [])
    with database.reader() as reader:
        assert search.rare_word(reader, (FROM, TO), words) == chosen


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_traces_look_the_same_by_few_rows_and_by_sums(
    database: Database, rows: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(database, *made(rows))
    traces = [UUID(int=number) for number in range(1, 7)]
    answers = []
    for few in (0, looks.FEW_ROWS):
        monkeypatch.setattr(looks, "FEW_ROWS", few)
        with database.reader() as reader:
            answers.append(search.summaries(reader, traces) + search.summaries(reader, traces[:1]))
    assert answers[0] == answers[1]
