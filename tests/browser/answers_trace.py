"""One made-up trace for the browser tests: a dialogue with audio, model calls, tools and an error, as long as asked."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from tests.browser.answers import TRACE_ID, Exact, when

MS = 1_000_000


def trace(face: str, now_s: int, size: int = 120) -> dict[str, Any]:
    """The whole answer; `size` spans."""
    spans = _spans(size)
    if face == "unknown":
        for span in spans:
            span["duration_ns"] = None
            if span["ledger"]:
                span["ledger"].update(
                    cost_usd=None,
                    state="unpriced",
                    state_reason="model_unknown",
                    parts=[],
                    input_tokens=None,
                    output_tokens=None,
                )
    if face in ("partial", "unknown"):
        spans[5]["parent_span_id"], spans[5]["parent_missing"] = "00000000000fffff", True
    lines = [span["ledger"] for span in spans if span["ledger"]]
    known = [Decimal(line["cost_usd"].text) for line in lines if line["cost_usd"] is not None]
    return {
        "trace_id": TRACE_ID,
        "start": when((now_s - 12) * 1000),
        "duration_ms": None if face == "unknown" else 4820.4,
        "span_count": len(spans),
        "services": ["chat-api", "audio-worker", "llm-gateway", "postgres"],
        "cost_usd": Exact(str(sum(known))) if known else None,
        "calls": len(lines),
        "unpriced_calls": len(lines) - len(known),
        "error_count": sum(span["status"] == "error" for span in spans),
        "missing_parents": 1 if face in ("partial", "unknown") else 0,
        "truncated": False,
        "spans": spans,
        "ledger": [_line("00000000000000ff", "gpt-5.2", "0.000431200000", 240, 61)] if face == "partial" else [],
    }


def _spans(size: int) -> list[dict[str, Any]]:
    spans = [_span(0xA0, None, "POST /v1/dialogue", "chat-api", "server", 0, 4820.4)]
    spans[0]["status"] = "error"
    spans.append(_span(0xA1, 0xA0, "authorize", "chat-api", "internal", 2, 11))
    spans.append(_span(0xA2, 0xA1, "cache lookup", "redis", "cache", 3, 2.1))
    spans.append(_span(0xA3, 0xA0, "audio pipeline", "audio-worker", "audio", 15, 1650))
    spans.append(_span(0xA4, 0xA3, "load_audio", "audio-worker", "audio", 16, 84))
    spans.append(_span(0xA5, 0xA3, "quality_analysis", "audio-worker", "audio", 102, 310))
    spans.append(_span(0xA6, 0xA3, "enhancement", "audio-worker", "audio", 420, 902))
    spans.append(_span(0xA7, 0xA0, "retrieve context", "llm-gateway", "internal", 1668, 240))
    spans.append(_span(0xA8, 0xA7, "embeddings text-embedding-4", "llm-gateway", "model", 1670, 62))
    spans[-1]["ledger"] = _line("00000000000000a8", "text-embedding-4", "0.000008240000", 412, None)
    spans.append(_span(0xA9, 0xA7, "vector search", "postgres", "database", 1735, 101))
    spans.append(_span(0xB0, 0xA0, "chat claude-opus-4.6", "llm-gateway", "model", 1915, 2230))
    spans[-1]["ledger"] = _line("00000000000000b0", "claude-opus-4.6", "0.042115600000", 9920, 816, first=505.0)
    spans[-1]["events"] = [{"name": "first chunk", "offset_ns": 2420 * MS, "attributes": {"chunk": 1}}]
    spans.append(_span(0xB2, 0xB0, "tool: lookup_order", "orders", "tool", 2600, 88))
    spans.append(_span(0xB3, 0xA0, "chat qwen3-32b", "llm-gateway", "model", 4160, 380))
    spans[-1]["ledger"] = {
        **_line("00000000000000b3", "qwen3-32b", "0", 310, 44),
        "cost_usd": None,
        "state": "unpriced",
        "state_reason": "model_unknown",
        "parts": [],
    }
    spans.append(_failed(_span(0xB1, 0xA0, "synthesize speech", "audio-worker", "audio", 4550, 231)))
    chance = random.Random(7)
    parents = [0xA7, 0xB0, 0xA6]
    kinds = [
        ("http GET orders", "http"),
        ("select conversation", "database"),
        ("cache lookup", "cache"),
        ("render prompt", "internal"),
        ("tool: lookup_order", "tool"),
    ]
    for at in range(max(0, size - len(spans))):
        parent = chance.choice(parents)
        name, category = chance.choice(kinds)
        mine = 0x1000 + at
        spans.append(
            _span(
                mine,
                parent,
                name,
                chance.choice(["orders", "redis", "postgres", "llm-gateway"]),
                category,
                chance.uniform(500, 4300),
                chance.uniform(0.4, 190),
            )
        )
        if chance.random() < 0.15:
            parents.append(mine)
    return spans


def _span(
    own: int, parent: int | None, name: str, service: str, category: str, start_ms: float, length_ms: float
) -> dict[str, Any]:
    return {
        "span_id": f"{own:016x}",
        "parent_span_id": None if parent is None else f"{parent:016x}",
        "parent_missing": False,
        "name": name,
        "service": service,
        "scope": "spanledger",
        "kind": "server" if category == "server" else "internal",
        "category": category,
        "start_offset_ns": round(start_ms * MS),
        "duration_ns": round(length_ms * MS),
        "status": "ok",
        "status_message": None,
        "attributes": {
            "service.name": service,
            "spanledger.feature": "dialogue",
            "user.id": "user-001",
            "thread.id": 4711,
            "retry": False,
        },
        "events": [],
        "links": [],
        "resource": {"service.name": service, "service.version": "2.11.0", "deployment.environment.name": "production"},
        "sampling": {"threshold": None, "adjusted_count": 1},
        "ledger": None,
    }


def _failed(span: dict[str, Any]) -> dict[str, Any]:
    said = {
        "exception.type": "TimeoutError",
        "exception.message": "voice backend did not answer in 230 ms",
        "exception.stacktrace": "Traceback (most recent call last):\n  File voice.py, line 88, in speak",
    }
    event = {"name": "exception", "offset_ns": 4780 * MS, "attributes": said}
    return {**span, "status": "error", "status_message": "voice backend did not answer in 230 ms", "events": [event]}


def _line(
    span_id: str, model: str, cost: str, tokens_in: int | None, tokens_out: int | None, first: float | None = None
) -> dict[str, Any]:
    parts = [_part("input_mtok", "input_tokens", tokens_in, "3", Decimal(cost) * Decimal("0.6"))]
    if tokens_out is not None:
        parts.append(_part("output_mtok", "output_tokens", tokens_out, "15", Decimal(cost) * Decimal("0.4")))
    return {
        "trace_id": TRACE_ID,
        "span_id": span_id,
        "at": "2026-11-21T09:41:07.123456789Z",
        "service": "llm-gateway",
        "kind": "usage",
        "operation": "chat",
        "provider": "anthropic",
        "model": model,
        "request_model": model,
        "state": "priced",
        "state_reason": None,
        "cost_usd": Exact(cost),
        "price_source": "genai-prices",
        "price_version": "genai-prices 0.2.3",
        "rate": {"input_mtok": "3"},
        "usage_state": "reported",
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "cached_input_tokens": None,
        "duration_ms": 2230.0,
        "time_to_first_chunk_ms": first,
        "error_type": None,
        "user_id": "user-001",
        "session_id": "s-88",
        "feature": "dialogue",
        "tenant": None,
        "user_tier": "premium",
        "service_tier": None,
        "batch": False,
        "source": "event",
        "parts": parts,
    }


def _part(unit: str, counted: str, amount: int | None, rate: str, cost: Decimal) -> dict[str, Any]:
    quantity = None if amount is None else Exact(str(Decimal(amount) / 1_000_000))
    return {
        "unit": unit,
        "quantity": quantity,
        "rate": Exact(rate),
        "cost": Exact(str(cost)),
        "counted": counted,
        "amount": amount,
    }
