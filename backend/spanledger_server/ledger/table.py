"""The ledger's columns, and rows made into them.

Given rows in the order of `LEDGER_SCHEMA`, gives a record batch that DuckDB scans as it is; rows that cannot be
stored are handed back.

Never: a batch refused for one bad row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from spanledger_server.otlp.columns import uuid_field

Row = tuple[Any, ...]

MONEY: Final = pa.decimal128(24, 12)
SECONDS: Final = pa.decimal128(18, 6)

LEDGER_SCHEMA: Final = pa.schema(
    [
        uuid_field("trace_id"),
        pa.field("span_id", pa.uint64(), nullable=False),
        pa.field("parent_span_id", pa.uint64()),
        pa.field("at_ns", pa.int64(), nullable=False),
        pa.field("duration_ns", pa.int64()),
        pa.field("time_to_first_chunk_ns", pa.int64()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("service", pa.string()),
        pa.field("kind", pa.string(), nullable=False),
        *(pa.field(name, pa.string()) for name in ("operation", "provider", "model", "request_model", "response_id")),
        pa.field("state", pa.string(), nullable=False),
        pa.field("state_reason", pa.string()),
        pa.field("cost_usd", MONEY),
        *(pa.field(name, pa.string()) for name in ("price_source", "price_version", "rate", "usage_state")),
        *(
            pa.field(name, pa.int64())
            for name in (
                "input_tokens",
                "output_tokens",
                "cached_input_tokens",
                "cache_write_tokens",
                "cache_write_5m_tokens",
                "cache_write_1h_tokens",
                "reasoning_tokens",
                "audio_input_tokens",
                "audio_output_tokens",
                "audio_cached_input_tokens",
            )
        ),
        pa.field("audio_seconds", SECONDS),
        *(pa.field(name, pa.int64()) for name in ("characters", "requests", "web_searches")),
        pa.field("service_tier", pa.string()),
        pa.field("batch", pa.bool_()),
        *(
            pa.field(name, pa.string())
            for name in ("user_id", "session_id", "feature", "tenant", "user_tier", "error_type", "attributes")
        ),
    ]
)
_TYPES: Final = tuple(LEDGER_SCHEMA.types)
_REQUIRED: Final = tuple(index for index, field in enumerate(LEDGER_SCHEMA) if not field.nullable)


def batch(rows: Sequence[Row]) -> tuple[pa.RecordBatch, list[Row]]:
    """Rows as one batch.

    Returns:
        The batch, and the rows that cannot be stored (a text that is not Unicode, a number beyond its column).
    """
    try:
        return _batch(rows), []
    except (ValueError, TypeError, OverflowError):
        good: list[Row] = []
        bad: list[Row] = []
        for row in rows:
            (good if _fits(row) else bad).append(row)
        return _batch(good), bad


def _batch(rows: Sequence[Row]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) or [()] * len(_TYPES)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, _TYPES, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=LEDGER_SCHEMA)


def _fits(row: Row) -> bool:
    if any(row[index] is None for index in _REQUIRED):
        return False
    try:
        _batch([row])
    except (ValueError, TypeError, OverflowError):
        return False
    return True
