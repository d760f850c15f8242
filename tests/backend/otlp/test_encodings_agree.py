"""The same data gives the same columns, whichever way it was written; and DuckDB takes all of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from spanledger import semconv
from spanledger_server.otlp.limits import DecodeLimits
from tests.backend.otlp.generated import requests
from tests.backend.otlp.payloads import as_json, both, decode, plain
from tests.support.stores import new_store
from tests.support.thorough import examples

SIGNALS = ("traces", "logs", "metrics")
TIGHT = DecodeLimits(records=4, attributes=3, value_length=12, name_length=5, depth=2, events=1, buckets=3)
EXAMPLES = settings(
    max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.parametrize("signal", SIGNALS)
@given(data=st.data())
@EXAMPLES
def test_protobuf_and_json_give_identical_columns_refusals_and_candidates(signal: str, data: st.DataObject) -> None:
    both(signal, data.draw(requests(signal)))


@pytest.mark.parametrize("signal", SIGNALS)
@given(data=st.data())
@EXAMPLES
def test_they_agree_on_what_exceeds_the_limits_too(signal: str, data: st.DataObject) -> None:
    both(signal, data.draw(requests(signal)), limits=TIGHT)


@pytest.mark.parametrize("signal", ["traces", "logs"])
@given(data=st.data())
@EXAMPLES
def test_a_record_reads_the_same_piece_by_piece(signal: str, data: st.DataObject) -> None:
    body = data.draw(requests(signal)).SerializeToString()
    whole = decode(signal, body)
    pieces = decode(signal, body, limits=DecodeLimits(wide_bytes=300))
    assume(semconv.TRUNCATED_VALUES not in repr(plain(pieces)))  # 300 bytes are also where nested values are cut
    assert plain(whole) == plain(pieces)


@pytest.mark.parametrize("signal", SIGNALS)
@given(data=st.data())
@settings(EXAMPLES, max_examples=examples(6))
def test_the_database_gives_back_what_was_decoded(signal: str, data: st.DataObject) -> None:
    decoded = decode(signal, as_json(data.draw(requests(signal))), "json")
    for table in (decoded.table, decoded.series):
        if table is not None and table.num_rows:
            assert stored(table) == table.to_pylist()


def stored(table: Any) -> list[dict[str, Any]]:
    """The rows as DuckDB has them after a scan."""
    database = new_store()
    try:
        with database.transaction() as transaction, transaction.scan("incoming", table):
            rows = transaction.arrow("SELECT * FROM incoming").to_pylist()
    finally:
        database.close()
    for row in rows:
        if row.get("trace_id") is not None:
            row["trace_id"] = UUID(str(row["trace_id"])).bytes
    return rows
