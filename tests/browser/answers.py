"""Made-up answers of the server for the browser tests: the same for the same second, in every face a page can have.

Given a face (full, empty, unknown, partial) and the present, gives the JSON bodies the pages ask for.
Money is text with exact digits.
Never: a figure that depends on when the test process started.
"""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

MODELS = [
    ("gpt-5.2", "openai", 1, "0.0021"),
    ("claude-opus-4.6", "anthropic", 2, "0.0093"),
    ("gemini-3-flash", "google", 3, "0.00041"),
    ("whisper-2-large", "openai", 4, "0.0018"),
    ("qwen3-32b", "local", None, None),
]
SERVICES = ["chat-api", "audio-worker", "llm-gateway", "search", "voice-backend", "batch-summaries"]
WINDOW_S = 900
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


class Exact:
    """A number that keeps its digits on the way out; `encode` writes it bare."""

    def __init__(self, text: str) -> None:
        self.text = text


def when(ms: float) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat().replace("+00:00", "Z")


def point(t: int) -> dict[str, Any] | None:
    """The point of one second; None in the two stretches where nothing came."""
    if t % 450 in range(200, 222):
        return None
    chance = random.Random(t)
    wave = math.sin(t / 47) + 0.6 * math.sin(t / 13)
    calls = max(1, round(38 + 6 * wave + chance.uniform(-3, 3)))
    storm = max(0.0, 1 - abs((t % 600) - 300) / 45)
    errors = sum(chance.random() < 0.004 + 0.05 * storm for _ in range(calls))
    base = 1 + 0.12 * math.sin(t / 31) + chance.uniform(-0.03, 0.03)
    return {
        "t": t,
        "calls": calls,
        "errors": errors,
        "cost": str(Decimal(calls) * Decimal("0.00431") + Decimal(t % 7) * Decimal("0.000001")),
        "unpriced": 1 if t % 40 == 0 else 0,
        "input_tokens": calls * 840,
        "output_tokens": calls * 212,
        "p50": round(168 * base, 3),
        "p95": round(575 * base * (1 + 0.7 * storm), 3),
        "p99": round(905 * base * (1 + 1.1 * storm), 3),
        "ttfc_p95": round(282 * base, 3),
        "spans": calls * 6,
    }


def points(now_s: int, after: int) -> list[dict[str, Any]]:
    found = (point(t) for t in range(max(after + 1, now_s - WINDOW_S + 1), now_s + 1))
    return [one for one in found if one is not None]


def state(face: str, now_s: int) -> dict[str, Any]:
    if face in ("empty", "unknown"):
        return _bare_state(face, now_s)
    recent = points(now_s, now_s - 60)
    calls = sum(one["calls"] for one in recent)
    errors = sum(one["errors"] for one in recent)
    last = recent[-1] if recent else None
    partial = face == "partial"
    return {
        "sentence": "2 of 6 services need attention (voice-backend: 12 of 96 calls failed in 5 min; "
        "chat-api: 6 of 104 calls failed in 5 min) · 1 unknown",
        "level": "critical",
        "tiles": {
            "calls_per_s": round(calls / 60, 3) if calls else None,
            "error_ratio": round(errors / calls, 6) if calls else None,
            "p95_ms": last["p95"] if last else None,
            "ttfc_p95_ms": last["ttfc_p95"] if last else None,
            "tokens_per_s": round(calls * 1052 / 60, 2) if calls else None,
            "spend_today": f"{189 + (now_s % 86400) * 0.00001:.6f}",
            "spend_today_coverage": 0.82 if partial else 0.992,
            "unpriced_today": 18_214 if partial else 812,
            "calls_today": 101_519,
        },
        "services": _services(now_s),
        "models": [
            {
                "model": name,
                "provider": provider,
                "cost": None if each is None else str(Decimal(each) * (9100 + now_s % 60)),
                "calls": 9100 - 1400 * at,
                "slot": slot,
            }
            for at, (name, provider, slot, each) in enumerate(MODELS)
        ],
        "slow": _slow(now_s),
        "complete_to": when((now_s - 3) * 1000),
        "loss": {"dropped": 0, "refused": 0},
    }


def _bare_state(face: str, now_s: int) -> dict[str, Any]:
    nothing = dict.fromkeys(
        (
            "calls_per_s",
            "error_ratio",
            "p95_ms",
            "ttfc_p95_ms",
            "tokens_per_s",
            "spend_today",
            "spend_today_coverage",
            "unpriced_today",
            "calls_today",
        )
    )
    if face == "empty":
        sentence, services, tiles = (
            "Nothing has reported yet",
            [],
            {**nothing, "spend_today": "0", "unpriced_today": 0, "calls_today": 0},
        )
    else:
        sentence, tiles = "No service is known to be well: 2 unknown", nothing
        services = [
            {
                "service": name,
                "calls": None,
                "errors": None,
                "spans": None,
                "p95_ms": None,
                "cost": None,
                "last_seen": when((now_s - 333) * 1000),
                "state": "unknown",
                "reason": "silent for 5 min",
            }
            for name in ("chat-api", "audio-worker")
        ]
    models = (
        [{"model": "qwen3-32b", "provider": "local", "cost": None, "calls": 12, "slot": None}]
        if face == "unknown"
        else []
    )
    return {
        "sentence": sentence,
        "level": "unknown",
        "tiles": tiles,
        "services": services,
        "models": models,
        "slow": [],
        "complete_to": None,
        "loss": {"dropped": None, "refused": None},
    }


def _services(now_s: int) -> list[dict[str, Any]]:
    states = [
        ("voice-backend", "critical", "12 of 96 calls failed in 5 min"),
        ("chat-api", "warning", "6 of 104 calls failed in 5 min"),
        ("batch-summaries", "unknown", "silent for 4 min"),
    ]
    states += [(name, "ok", None) for name in SERVICES if name not in {row[0] for row in states}]
    return [
        {
            "service": name,
            "calls": 0 if kind == "unknown" else 812 + 91 * at,
            "errors": 12 if kind == "critical" else 0,
            "spans": 4000,
            "p95_ms": None if kind == "unknown" else 240.5 + 190 * at,
            "cost": None if kind == "unknown" else str(Decimal("3.18402") * (at + 1)),
            "last_seen": when((now_s - (240 if kind == "unknown" else 1)) * 1000),
            "state": kind,
            "reason": reason,
        }
        for at, (name, kind, reason) in enumerate(states)
    ]


def _slow(now_s: int) -> list[dict[str, Any]]:
    rows = []
    for at in range(12):
        began = (now_s // 7 - at) * 7 - 5
        chance = random.Random(began)
        name, _, _, each = chance.choice(MODELS)
        failed = chance.random() < 0.3
        cost = (
            None if each is None else str((Decimal(each) * Decimal(chance.randrange(2, 30))).quantize(Decimal("1e-9")))
        )
        rows.append(
            {
                "trace_id": TRACE_ID if at == 0 else f"{chance.getrandbits(128):032x}",
                "span_id": "00000000000000b1" if at == 0 else f"{chance.getrandbits(63) + 1:016x}",
                "at": when(began * 1000),
                "service": chance.choice(SERVICES),
                "model": name,
                "operation": chance.choice(["chat", "chat", "embeddings", "text_completion"]),
                "duration_ms": chance.uniform(1900, 8800),
                "error_type": "TimeoutError" if failed else None,
                "cost": cost,
            }
        )
    return rows


GROUPS = {
    "model": [(name, slot, each) for name, _, slot, each in MODELS],
    "provider": [("openai", 1, "0.0039"), ("anthropic", 2, "0.0093"), ("google", 3, "0.00041"), ("local", None, None)],
    "feature": [("dialogue", 1, "0.0061"), ("summaries", 2, "0.0034"), ("voice", 3, "0.0018"), (None, None, "0.0002")],
    "user_tier": [("enterprise", 1, "0.0071"), ("premium", 2, "0.0044"), ("free", 3, "0.0011")],
    "user": [(f"user-{at:03d}", at if at < 10 else None, str(Decimal("0.004") / at)) for at in range(1, 75)],
    "service": [(name, at + 1, str(Decimal("0.0031") * (at + 1))) for at, name in enumerate(SERVICES)],
}
DAYS = {"today": 1, "week": 6, "month": 21, "year": 11}


def costs(face: str, period: str, group: str, now_s: int) -> dict[str, Any]:
    start, dates = _dates(period, now_s)
    head = {
        "period": period,
        "group_by": group,
        "from": start,
        "to": when(now_s * 1000),
        "timezone": "UTC",
        "currency": "USD",
        "projection": None,
        "source": "rollup",
    }
    if face == "empty":
        counts = dict.fromkeys(
            (
                "calls",
                "priced_calls",
                "unpriced_calls",
                "estimated_calls",
                "free_calls",
                "input_tokens",
                "output_tokens",
                "cached_input_tokens",
            ),
            0,
        )
        return {**head, **counts, "total_cost": Exact("0"), "coverage": None, "breakdown": [], "trend": []}
    unknown = face == "unknown"
    scale = Decimal(31_000) * DAYS[period]
    rows = []
    for name, slot, each in GROUPS[group]:
        cost = None if each is None or unknown else Decimal(each) * scale
        calls = int(scale / 5)
        rows.append(
            {
                "category": name,
                "cost": cost,
                "count": calls,
                "slot": slot,
                "priced_calls": 0 if cost is None else calls - 12,
                "unpriced_calls": calls if cost is None else 12,
            }
        )
    total = None if unknown else sum((row["cost"] for row in rows if row["cost"] is not None), Decimal(0))
    calls = sum(row["count"] for row in rows)
    unpriced = sum(row["unpriced_calls"] for row in rows)
    breakdown = [_row(row, total, unknown) for row in sorted(rows, key=lambda row: -(row["cost"] or 0))]
    tokens = None if unknown else calls
    return {
        **head,
        "total_cost": None if total is None else Exact(str(total)),
        "calls": None if unknown else calls,
        "priced_calls": None if unknown else calls - unpriced,
        "unpriced_calls": None if unknown else unpriced,
        "estimated_calls": None if unknown else 41,
        "free_calls": None if unknown else 0,
        "coverage": None if unknown else (0.82 if face == "partial" else (calls - unpriced) / calls),
        "input_tokens": tokens and tokens * 840,
        "output_tokens": tokens and tokens * 212,
        "cached_input_tokens": tokens and tokens * 310,
        "breakdown": breakdown,
        "trend": [_bucket(date, at, len(dates), rows, unknown) for at, date in enumerate(dates)],
    }


def _dates(period: str, now_s: int) -> tuple[str, list[str]]:
    now = datetime.fromtimestamp(now_s, UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "today":
        return when(midnight.timestamp() * 1000), [
            when((midnight.timestamp() + hour * 3600) * 1000) for hour in range(now.hour + 1)
        ]
    if period == "year":
        return f"{now.year}-01-01T00:00:00Z", [f"{now.year}-{month:02d}-01" for month in range(1, now.month + 1)]
    first = midnight - timedelta(days=now.weekday() if period == "week" else now.day - 1)
    return when(first.timestamp() * 1000), [
        (first + timedelta(days=day)).date().isoformat() for day in range((midnight - first).days + 1)
    ]


def _row(row: dict[str, Any], total: Decimal | None, unknown: bool) -> dict[str, Any]:
    known = row["cost"] is not None
    counts = dict.fromkeys(("count", "priced_calls", "unpriced_calls")) if unknown else {}
    return {
        **row,
        **counts,
        "cost": Exact(str(row["cost"])) if known else None,
        "percentage": float(row["cost"] / total * 100) if known and total else None,
        "input_tokens": None if unknown else row["count"] * 840,
        "output_tokens": None if unknown else row["count"] * 212,
        "cached_input_tokens": None if unknown else row["count"] * 310,
    }


def _bucket(date: str, at: int, of: int, rows: list[dict[str, Any]], unknown: bool) -> dict[str, Any]:
    chance = random.Random(at)
    weight = Decimal(str(round(0.7 + 0.5 * chance.random(), 3))) / of
    by = {
        row["category"] or "unknown": Exact(str((row["cost"] * weight).quantize(Decimal("1e-9"))))
        for row in rows
        if row["cost"] is not None
    }
    total = sum((Decimal(one.text) for one in by.values()), Decimal(0))
    cost = None if unknown else Exact(str(total))
    return {
        "date": date,
        "cost": cost,
        "calls": None if unknown else 6200,
        "unpriced_calls": None if unknown else 60,
        "complete": at < of - 1,
        "by": {} if unknown else by,
    }


def traces(face: str, now_s: int, *, filtered: bool, cursor: str | None) -> dict[str, Any]:
    if face == "empty" or (face == "nomatch" and filtered):
        return {
            "items": [],
            "next_cursor": None,
            "histogram": [],
            "facets": {"service": [], "model": [], "status": []},
            "matched": 0,
            "exact": True,
        }
    first = 50 if cursor else 0
    items = [_trace_row(face, now_s, at) for at in range(first, first + 50)]
    histogram = [
        {
            "at": when((now_s // 60 - 60 + at) * 60_000),
            "traces": 30 + (at * 7) % 23,
            "errors": 4 if at % 17 == 3 else at % 2,
        }
        for at in range(60)
    ]
    facets = {
        "service": [{"value": name, "count": 412 - 60 * at} for at, name in enumerate(SERVICES)],
        "model": [{"value": model[0], "count": 380 - 70 * at} for at, model in enumerate(MODELS)],
        "status": [{"value": "ok", "count": 2231}, {"value": "error", "count": 94}, {"value": "unset", "count": 12}],
    }
    return {
        "items": items,
        "next_cursor": None if cursor else "next",
        "histogram": histogram,
        "facets": facets,
        "matched": 2337,
        "exact": face != "partial",
    }


NAMES = [
    "POST /v1/dialogue",
    "POST /v1/chat",
    "POST /v1/enhance",
    "WS /v1/voice",
    "nightly summaries of every open conversation of the last working day",
]


def _trace_row(face: str, now_s: int, at: int) -> dict[str, Any]:
    chance = random.Random(at)
    unknown = face == "unknown"
    calls = 0 if at % 9 == 4 else chance.randrange(1, 6)
    unpriced = 1 if at % 11 == 2 and calls else 0
    cost = (
        None
        if unknown or (unpriced and calls == 1)
        else Exact(str((Decimal(str(chance.random())) * Decimal("0.06")).quantize(Decimal("1e-9"))))
    )
    return {
        "trace_id": TRACE_ID if at == 0 else f"{chance.getrandbits(128):032x}",
        "start": when((now_s - at * 11 - 3) * 1000),
        "duration_ms": None if unknown else chance.uniform(80, 5200),
        "name": chance.choice(NAMES),
        "service": chance.choice(SERVICES),
        "services": chance.sample(SERVICES, 3),
        "span_count": None if unknown else chance.randrange(3, 420),
        "error_count": 2 if at % 5 == 1 else 0,
        "status": "unset" if unknown else "error" if at % 5 == 1 else "ok",
        "calls": None if unknown else calls,
        "cost_usd": cost,
        "unpriced_calls": unpriced,
        "models": chance.sample([model[0] for model in MODELS], 2),
        "user_id": "user-001",
        "session_id": None,
        "feature": "dialogue",
    }


def logs(face: str, now_s: int) -> dict[str, Any]:
    if face in ("empty", "unknown"):
        return {"items": [], "next_cursor": None}
    rows = [
        ("INFO", 9, "request accepted", "00000000000000a0"),
        ("WARN", 13, "voice backend slow, attempt 2 of 3", "00000000000000b1"),
        ("ERROR", 17, "voice backend did not answer in 230 ms", "00000000000000b1"),
    ]
    return {
        "items": [
            {
                "at": when((now_s - 9 + at) * 1000),
                "service": "chat-api",
                "severity": number,
                "severity_text": text,
                "event_name": None,
                "body": body,
                "trace_id": TRACE_ID,
                "span_id": span,
                "attributes": {},
            }
            for at, (text, number, body, span) in enumerate(rows)
        ],
        "next_cursor": None,
    }
