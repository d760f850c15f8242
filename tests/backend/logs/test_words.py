"""Words that are looked for in log records, against looking into each record."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_server.logs import search
from spanledger_server.store.database import Database
from spanledger_server.traces import filters
from tests.backend.rows import HOUR, NOON, insert
from tests.support.stores import new_store

SAID_IN = ("body", "event_name", "service", "user_id", "session_id", "severity_text", "attributes")
SAYINGS = st.sampled_from(
    [None, "GET /Shop", "ÄRGER 7", "timeout", "time", "out 7", '{"a": "Time out"}', "", " ", "%_'"]
)
RECORDS = st.lists(st.dictionaries(st.sampled_from(SAID_IN), SAYINGS), max_size=12)
WORDS = st.lists(
    st.sampled_from(["time", "out", "timeout", "time out", "ärger", "7", "shop", "/", "e t", "%"]), max_size=4
)


@pytest.fixture(scope="module")
def database() -> Database:
    return new_store()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=RECORDS, words=WORDS)
def test_a_record_is_found_when_all_words_occur_in_it(
    database: Database, records: list[dict[str, Any]], words: list[str]
) -> None:
    rows = [{"record_id": number, "at_ns": NOON - HOUR + number, **told} for number, told in enumerate(records)]
    with database.transaction() as tx:
        tx.execute("DELETE FROM logs")
    insert(database, "logs", rows)
    matching = [row["record_id"] for row in rows if all(word in _said(row) for word in words)]
    asked, bounds = filters.Conditions(filters.LOGS).bound(), (NOON - HOUR, NOON)
    with database.reader() as reader:
        found = search.page(reader, *bounds, asked, words, None, None, 100)
        bars = search.bars(reader, *bounds, HOUR, asked, words, None)
    assert sorted(row["record_id"] for row in found) == matching
    assert sum(bar.records or 0 for bar in bars) == len(matching)


def _said(row: dict[str, Any]) -> str:
    return " ".join(row[key] for key in SAID_IN if row.get(key) is not None).lower()
