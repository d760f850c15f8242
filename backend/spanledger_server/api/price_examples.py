"""What answers about prices, runs and bills look like, for the OpenAPI document.

Never: a figure of anybody's.
"""

from __future__ import annotations

from typing import Any, Final

PRICE: Final = {
    "provider": "openai",
    "model": "gpt-5-mini",
    "match": "exact",
    "valid_from": "2026-11-01T00:00:00Z",
    "valid_to": None,
    "rates": {"input_mtok": 0.25, "output_mtok": 2, "cache_read_mtok": 0.025},
    "tiers": {},
    "audio": None,
    "source": "override:server",
    "version": "override:server r3",
    "note": None,
    "reason": None,
}
OVERRIDE: Final = {
    "id": "price_9a5a23f7cbc2",
    "revision": 3,
    "file": None,
    "provider": "openai",
    "model": "gpt-5-mini",
    "match": "exact",
    "rates": {"input_mtok": 0.25, "output_mtok": 2, "cache_read_mtok": 0.025},
    "valid_from": "2026-11-01T00:00:00Z",
    "valid_to": None,
    "batch": False,
    "service_tier": None,
    "estimated": False,
    "stated": {"provider": "openai", "model": "gpt-5-mini", "rates": {"input_mtok": "0.25", "output_mtok": "2"}},
    "source": "override:server",
    "version": "override:server r3",
    "set_at": "2026-11-01T09:00:00Z",
    "set_by": "ann",
    "ended_at": None,
    "ended_by": None,
}
MISSING: Final = {
    "provider": "openai",
    "model": "gpt-9",
    "reason": "model_unknown",
    "calls": 1204,
    "input_tokens": 884210,
    "output_tokens": 92110,
    "audio_seconds": None,
    "characters": None,
    "first_at": "2026-11-20T08:00:01Z",
    "last_at": "2026-11-21T11:59:59Z",
    "has_price_now": False,
}
USED: Final = PRICE | {"calls": 48211, "cost_usd": 412.08, "unpriced_calls": 0, "last_at": "2026-11-21T11:59:59Z"}
SUMS: Final = {
    "changed": 4021,
    "newly_priced": 12,
    "newly_unpriced": 0,
    "unpriced": 3,
    "old_total": 812.31,
    "new_total": 790.02,
    "difference": -22.29,
}
RUN: Final = {
    "run": "reprice_4f2a9c01be77",
    "state": "done",
    "reason": None,
    "apply": False,
    "from": "2026-11-01T00:00:00Z",
    "to": "2026-12-01T00:00:00Z",
    "filters": ["model:gpt-5-mini"],
    "prices": "genai-prices 0.2.3 + spanledger 2026-11-01 + override r3/1",
    "started_at": "2026-12-01T09:00:00Z",
    "started_by": "ann",
    "ended_at": "2026-12-01T09:00:04Z",
    "lines": 120000,
    "done": 120000,
    "done_until": "2026-12-01T00:00:00Z",
    **SUMS,
    "models": [{"provider": "openai", "model": "gpt-5-mini", "lines": 120000, **SUMS}],
    "more_models": 0,
}
CORRECTION: Final = {
    "run": "reprice_4f2a9c01be77",
    "corrected_at": "2026-12-01T09:00:00Z",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "span_id": "00f067aa0ba902b7",
    "at": "2026-11-21T10:00:00Z",
    "line_source": "event",
    "service": "shop",
    "provider": "openai",
    "model": "gpt-5-mini",
    "before": {
        "state": "unpriced",
        "state_reason": "model_unknown",
        "cost_usd": None,
        "price_source": None,
        "price_version": None,
        "rate": None,
    },
    "after": {
        "state": "priced",
        "state_reason": None,
        "cost_usd": 0.00045,
        "price_source": "override:server",
        "price_version": "override:server r3",
        "rate": {"input_mtok": "0.25", "output_mtok": "2"},
    },
}
CELL: Final = {
    "day": "2026-10-14",
    "model": "gpt-5-mini",
    "project": None,
    "bill": 40.11,
    "ledger": 36.5,
    "difference": 3.61,
    "bill_tokens": None,
    "ledger_tokens": 30240000,
    "bill_requests": None,
    "ledger_calls": 2400,
    "unpriced_calls": 0,
    "why": "unknown",
    "text": "calls, tokens or price: the bill says no tokens to tell which",
}
RECONCILIATION: Final = {
    "id": "bill_5e0c71f2a9d3",
    "at": "2026-11-02T08:30:00Z",
    "made_by": "ann",
    "format": "openai-costs",
    "file": "october.csv",
    "from": "2026-10-01",
    "to": "2026-10-31",
    "timezone": "UTC",
    "providers": ["openai"],
    "compared": "cost",
    "state": "agrees",
    "tolerance": 0.01,
    "bill": 1204.51,
    "ledger": 1200.9,
    "difference": 3.61,
    "seen": 0.997,
    "off": 0.002997,
    "sentence": "we saw 99.7 % of the bill",
    "unpriced_calls": 0,
    "explained": [{"why": "unknown", "difference": 3.61}],
    "suggested_timezone_shift_hours": None,
    "credits": [],
    "left_out": [],
    "notes": [],
    "rows": 310,
    "more_cells": 0,
}


def of(body: Any, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """What FastAPI is told of an answer: an example."""
    return {status: {"content": {"application/json": {"example": body}}}}


def page(item: Any) -> dict[int | str, dict[str, Any]]:
    """The same of a list with one item."""
    return of({"items": [item], "next_cursor": None})
