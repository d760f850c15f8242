"""Rows for the store's tables, put there by SQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from spanledger_server.ingest.write import OF_AUDIO
from spanledger_server.ingest.write import SQL as WRITING
from spanledger_server.measures import TAKEN
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.store.database import Database

SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOON = 1_795_262_400 * SECOND  # 2026-11-21T12:00:00Z, a Saturday


def insert(database: Database, table: str, rows: Iterable[dict[str, Any]]) -> None:
    """Add `rows`; every value travels as text and is cast by the table's column."""
    listed = list(rows)
    if not listed:
        return
    names = list(dict.fromkeys(name for row in listed for name in row))
    texts = {name: [None if row.get(name) is None else str(row[name]) for row in listed] for name in names}
    columns = pa.table({name: pa.array(values, pa.string()) for name, values in texts.items()})
    with database.transaction() as tx, tx.scan("new_rows", columns):
        tx.execute(f"INSERT INTO {table} BY NAME SELECT * FROM new_rows")
    if table == "ledger":
        insert(
            database,
            "trace_index",
            (_indexed(row["trace_id"], row["at_ns"], row["at_ns"], of_lines=True) for row in listed),
        )


def _indexed(trace_id: str, first_ns: int, last_ns: int, *, of_lines: bool = False) -> dict[str, Any]:
    """What ingest notes of where a trace lies."""
    low = int(trace_id.replace("-", ""), 16) & (2**64 - 1)
    minutes = {"first_minute": first_ns // MINUTE, "last_minute": last_ns // MINUTE}
    return {"hash": low, **minutes, "of_lines": of_lines}


def trace(number: int) -> str:
    """A trace id as hexadecimal text."""
    return f"{number:032x}"


def line(number: int, at_ns: int = NOON, **values: Any) -> dict[str, Any]:
    """A line of the ledger with key `number`: a priced chat call."""
    return {
        "trace_id": trace(number),
        "span_id": number,
        "at_ns": at_ns,
        "duration_ns": SECOND,
        "source": "event",
        "service": "shop",
        "kind": "usage",
        "operation": "chat",
        "provider": "openai",
        "model": "gpt-5.2",
        "state": "priced",
        "cost_usd": "0.01",
        "price_source": "genai-prices",
        "price_version": "1",
        "usage_state": "reported",
        "input_tokens": 100,
        "output_tokens": 10,
        "cached_input_tokens": 0,
    } | values


def span(
    trace_number: int, span_id: int, start_ns: int = NOON, duration_ns: int = SECOND, **values: Any
) -> dict[str, Any]:
    """A server span."""
    return {
        "trace_id": trace(trace_number),
        "span_id": span_id,
        "start_ns": start_ns,
        "end_ns": start_ns + duration_ns,
        "service": "shop",
        "name": "GET /",
        "kind": 2,
        "status_code": 0,
    } | values


def add_spans(database: Database, spans: Iterable[dict[str, Any]]) -> None:
    """Add spans and what the index of traces knows about them."""
    listed = list(spans)
    insert(database, "spans", listed)
    index = (_indexed(one["trace_id"], one["start_ns"], one["end_ns"]) for one in listed)
    insert(database, "trace_index", index)


def hear(database: Database, spans: Iterable[dict[str, Any]], dirty: DirtyBuckets | None = None) -> None:
    """Add spans, and what they tell of audio, as ingest does."""
    listed = list(spans)
    insert(database, "spans", listed)
    starts = [one["start_ns"] for one in listed] or [0]
    with database.transaction() as tx:
        statement = WRITING["insert_new_audio"].replace("incoming", "spans")
        tx.execute(statement, from_ns=min(starts), to_ns=max(starts), **TAKEN)
        heard = {one["start_ns"] // HOUR for one in listed if OF_AUDIO in (one.get("attributes") or "")}
        (dirty or DirtyBuckets()).mark(tx, "audio", {hour + by for hour in heard for by in (0, 1)}, "1h")
