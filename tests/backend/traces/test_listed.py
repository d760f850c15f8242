"""A page of the list against the search that judges the whole window: the same traces, page by page, in every order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_server.store.database import Database
from spanledger_server.traces import filters, listed, search
from tests.backend.rows import HOUR, NOON, SECOND, add_spans, insert, line, span
from tests.support.stores import new_store

FROM, TO = NOON - HOUR, NOON
SERVICES = st.sampled_from([None, "shop", "bank"])
PLACES = st.one_of(
    st.sampled_from([0, 1, 2, 3, 59, 60, 61, 1800, 3539, 3540, 3597, 3598, 3599]),  # ties, and edges of parts
    st.integers(-300, 3900),
)
LONG = st.sampled_from([0, 0, 1, 5, 60, 700, 4000])  # seconds, also longer than the window
ROWS = st.lists(
    st.tuples(
        st.booleans(),
        st.integers(1, 12),
        PLACES,
        LONG,
        SERVICES,
        st.sampled_from([None, 1.0, 4.0]),
        st.sampled_from([0, 0, 0, 1, 2]),
        st.sampled_from([None, "m-1"]),
    ),
    max_size=40,
)
ASKED = st.sampled_from(
    [
        *[([], "")] * 4,  # which are found in a way of their own
        (["status:error"], ""),
        (["!status:error"], ""),
        (["status:ok"], ""),
        (["service:shop"], ""),
        (["service:"], ""),
        (["!service:bank"], ""),
        (["service:shop", "status:error"], ""),
        (["duration>2s"], ""),
        (["duration<1s", "service:bank"], ""),
        (["cost>0.02"], ""),
        (["model:m-1"], ""),
        (["!model:m-1", "name:GET /"], ""),
        (["state:unpriced"], ""),
        (["route:/x"], ""),
        (["trace_id:" + "0" * 31 + "3"], ""),
        ([], "timeout"),
        (["!status:ok"], '"get /" chat'),
    ]
)
SIZES = st.sampled_from([1, 2, 5, 50])


@pytest.fixture(scope="module")
def database() -> Database:
    return new_store()


def stored(database: Database, rows: list[tuple[Any, ...]]) -> None:
    spans, lines = [], []
    for number, (spanned, trace, second, long, service, weight, status, model) in enumerate(rows):
        at_ns = FROM + second * SECOND
        if spanned:
            told = {"adjusted_count": weight, "status_code": status, "route": "/x" if number % 7 == 0 else None}
            spans.append(span(trace, number, at_ns, long * SECOND, service=service, model=model, **told))
        else:
            failed = {"error_type": "timeout" if status == 2 else None, "model": model, "service": service}
            priced = {"state": "unpriced", "cost_usd": None} if number % 5 == 0 else {}
            lines.append(line(trace, at_ns, span_id=number, duration_ns=long * SECOND, **failed, **priced))
    with database.transaction() as tx:
        tx.execute("DELETE FROM spans; DELETE FROM ledger; DELETE FROM trace_index")
    add_spans(database, spans)
    insert(database, "ledger", lines)


def pages(database: Database, find: Any, asked: filters.Conditions, sort: str, most: int) -> list[Any]:
    found: list[Any] = []
    while not found or found[-1].after is not None:
        with database.reader() as reader:
            after = found[-1].after if found else None
            found.append(find(reader, FROM, TO, asked, sort, after, most))
        assert len(found) < 50
    return found


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=ROWS,
    question=ASKED,
    sort=st.sampled_from(["-start", "-start", "start", "start", "-duration", "cost"]),
    most=SIZES,
    fewest=st.sampled_from([1, 8]),
)
def test_a_page_is_the_one_of_the_whole_search(
    database: Database,
    rows: list[Any],
    question: tuple[list[str], str],
    sort: str,
    most: int,
    fewest: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listed, "ROWS_A_TRACE", 1)
    monkeypatch.setattr(listed, "FEWEST_ROWS", fewest)
    monkeypatch.setattr(listed, "ENOUGH_ROWS", 1)
    monkeypatch.setattr(listed, "GROWTH", 2)
    monkeypatch.setattr(listed, "SPARE", 1)
    stored(database, rows)
    asked = filters.search(*question, filters.TRACES)
    whole = pages(database, search.search, asked, sort, most)
    parts = pages(database, listed.listed, asked, sort, most)
    assert [page.traces for page in parts] == [page.traces for page in whole]
    assert [page.after for page in parts] == [page.after for page in whole]
    assert all(page.exact for page in parts)
