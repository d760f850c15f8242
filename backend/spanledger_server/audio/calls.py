"""Calls about sound in the ledger: speech to text, text to speech, and whatever used seconds or tokens of audio.

Given a snapshot and a question, adds them up by a dimension: exact, since the ledger holds every call, also those whose
traces were not kept. A minute's cost is that of the calls which have both a price and a length.

Never: a call without a price, or without a length, counted as one of zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any, Final

from spanledger_server.audio.figures import MOST_GROUPS
from spanledger_server.audio.question import SQL, Question
from spanledger_server.statistics import shares
from spanledger_server.store.database import Reader

DIMENSIONS: Final = ("model", "provider", "operation", "service", "feature", "tenant", "user_tier")
_PICODOLLAR: Final = Decimal("1e-12")


def grouped(reader: Reader, question: Question, dimension: str) -> tuple[list[dict[str, Any]], int]:
    """Calls by a dimension, the costliest first, and how many values there are of it."""
    rows = reader.rows(
        SQL["calls"], **question.bound(), dimension=dimension, of_spans=question.of_spans, most=MOST_GROUPS
    )
    return [{"value": row["category"], **_shown(row)} for row in rows], rows[0]["categories"] if rows else 0


def whole(reader: Reader, question: Question) -> dict[str, Any]:
    """All of them as one."""
    rows = reader.rows(SQL["calls"], **question.bound(), dimension="", of_spans=question.of_spans, most=1)
    return _shown(rows[0]) if rows else _shown(None)


def _shown(row: Mapping[str, Any] | None) -> dict[str, Any]:
    found: Mapping[str, Any] = row or {}
    calls, unpriced = found.get("calls", 0), found.get("unpriced_calls", 0)
    durations, factors = found.get("durations") or (None, None), found.get("factors") or (None, None)
    seconds = found.get("audio_seconds")
    return {
        "calls": calls,
        "errors": found.get("errors", 0),
        "total_cost": Decimal(0) if not calls else found["cost_usd"],
        "unpriced_calls": unpriced,
        "coverage": shares.ratio(calls - unpriced, calls),
        "timed_calls": found.get("timed_calls", 0),
        "audio_minutes": None if seconds is None else float(seconds) / 60,
        "cost_per_minute": _a_minute(found.get("cost_of_seconds"), found.get("priced_seconds")),
        "characters": found.get("characters"),
        "duration_ms": {"p50": _ms(durations[0]), "p95": _ms(durations[1])},
        "real_time_factor": {"p50": factors[0], "p95": factors[1]},
    }


def _ms(duration_ns: int | None) -> float | None:
    return None if duration_ns is None else duration_ns / 1e6


def _a_minute(cost: Decimal | None, seconds: Decimal | None) -> Decimal | None:
    if cost is None or not seconds:
        return None
    with localcontext(shares.EXACT):
        return (60 * cost / seconds).quantize(_PICODOLLAR, ROUND_HALF_EVEN)
