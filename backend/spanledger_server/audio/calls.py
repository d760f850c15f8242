"""Calls about sound in the ledger: speech to text, text to speech, and whatever used seconds or tokens of audio.

Given a snapshot and a question, adds them up by a dimension: exact, since the ledger holds every call, also those whose
traces were not kept. A minute's cost is that of the calls which have both a price and a length.

Never: a call without a price, or without a length, counted as one of zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any, Final

from spanledger_server.audio.figures import MOST_GROUPS
from spanledger_server.audio.question import Question
from spanledger_server.audio.sources import SQL
from spanledger_server.statistics import shares
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

DIMENSIONS: Final = ("model", "provider", "operation", "service", "feature", "tenant", "user_tier")
_PICODOLLAR: Final = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class Calls:
    """All of them as one, by a dimension, the costliest first, and how many values there are of it."""

    whole: dict[str, Any]
    groups: list[dict[str, Any]]
    values: int


def of(reader: Reader, question: Question, dimension: str = "") -> Calls:
    """The calls of a question.

    Args:
        reader: One snapshot.
        question: What.
        dimension: One of `DIMENSIONS`; empty: all of them are one group.
    """
    bound = {**question.bound(), "dimension": dimension, "of_spans": question.of_spans, "most": MOST_GROUPS}
    sql, parameters = sqlfile.lean(SQL["calls"], bound)
    rows = reader.rows(sql, **parameters)
    everything = next((row for row in rows if row["whole"] and row["calls"]), None)
    groups = [{"value": row["category"], **_shown(row)} for row in rows if not row["whole"]]
    return Calls(_shown(everything), groups, rows[0]["categories"] if everything else 0)


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
