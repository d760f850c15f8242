"""The ledger over HTTP: lines by page, and how a line looks in every answer.

Never: a line without its state.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response

from spanledger.pricing import parts
from spanledger.usage import Usage
from spanledger_server.api import answers, parameters
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.api.scoped import CallersScope, within
from spanledger_server.ledger import read
from spanledger_server.traces import filters

router = APIRouter(tags=["ledger"])

AS_STORED: Final = (
    "service",
    "kind",
    "operation",
    "provider",
    "model",
    "request_model",
    "response_id",
    "state",
    "state_reason",
    "cost_usd",
    "price_source",
    "price_version",
    "usage_state",
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "audio_seconds",
    "characters",
    "requests",
    "web_searches",
    "user_id",
    "session_id",
    "feature",
    "tenant",
    "user_tier",
    "error_type",
    "service_tier",
    "batch",
    "source",
)
MOST_PLACES: Final = 18
USAGE_COLUMNS: Final = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cached_input_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "cache_write_5m_tokens": "cache_write_5m_tokens",
    "cache_write_1h_tokens": "cache_write_1h_tokens",
    "reasoning_tokens": "reasoning_tokens",
    "audio_input_tokens": "audio_input_tokens",
    "audio_output_tokens": "audio_output_tokens",
    "audio_cache_read_tokens": "audio_cached_input_tokens",
    "audio_seconds": "audio_seconds",
    "characters": "characters",
    "requests": "requests",
    "web_searches": "web_searches",
}


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """A line as answers show it."""
    return {
        "trace_id": row["trace_id"].hex,
        "span_id": answers.span_hex(row["span_id"]),
        "parent_span_id": answers.span_hex(row["parent_span_id"]),
        "at": answers.when(row["at_ns"]),
        **{name: row[name] for name in AS_STORED},
        "rate": None if row["rate"] is None else json.loads(row["rate"]),
        "duration_ms": answers.milliseconds(row["duration_ns"]),
        "time_to_first_chunk_ms": answers.milliseconds(row["time_to_first_chunk_ns"]),
    }


def itemised(row: dict[str, Any]) -> dict[str, Any]:
    """A line with what each unit of it cost."""
    usage = Usage(**{field: row[column] for field, column in USAGE_COLUMNS.items()})
    found = [] if row["rate"] is None else parts(usage, row["rate"])
    return shown(row) | {
        "parts": [part._asdict() | {"quantity": _short(part.quantity), "cost": _short(part.cost)} for part in found]
    }


def _short(amount: Decimal) -> Decimal:
    """`amount` without the endless tail that a division leaves."""
    return round(amount, MOST_PLACES)


@router.get("/api/v1/ledger")
def ledger(
    store: Store,
    now_ns: NowNs,
    scope: CallersScope,
    from_: Annotated[str | None, Query(alias="from", description="RFC 3339 or now-15m; default now-1h")] = None,
    to: Annotated[str | None, Query(description="RFC 3339 or now (default); not part of the window")] = None,
    f: Annotated[
        list[str] | None, Query(description="key:value, cost>0.01, duration>500ms; a leading ! negates")
    ] = None,
    limit: Annotated[str | None, Query(description="1 to 1000, default 100")] = None,
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
) -> Response:
    """Lines of the ledger, newest first. A cursor keeps the window of the first page."""
    conditions = within(filters.parse(f or [], filters.LEDGER), scope)
    question = ("ledger", *conditions.spelled())
    place = parameters.cursor(cursor, question)
    window = place.window if place else parameters.window(from_, to, now_ns)
    most = parameters.limit(limit)
    after = None if place is None else read.Position(place.position[0], UUID(hex=place.position[1]), place.position[2])
    with store.reader() as reader:
        rows = read.page(reader, window.from_ns, window.to_ns, conditions.bound(), after, most + 1)
    following = None
    if len(rows) > most:
        last = rows[most - 1]
        place = parameters.Cursor(window, (last["at_ns"], last["trace_id"].hex, last["span_id"]))
        following = parameters.cursor_text(place, question)
    return answers.answer({"items": [shown(row) for row in rows[:most]], "next_cursor": following})
