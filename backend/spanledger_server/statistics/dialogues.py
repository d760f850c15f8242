"""Dialogues: how many, whose, how long, and how content their users were, of a period to date.

Given a snapshot, a period, a dimension and filters, counts what `track_dialogue` told, kept as long as the ledger. A
figure that only some dialogues told is the average over those, and `coverage` says how many they were.

Never: a dialogue without a rating taken for one with a bad one.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from spanledger_server.statistics import periods, shares
from spanledger_server.statistics.periods import Period
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.traces.filters import Subject

SQL = sqlfile.load(__package__)

DIMENSIONS: Final = ("book", "user", "model", "type")
DIALOGUES: Final = Subject(
    ("book", "user", "model", "type", "session_id", "service", "feature", "tenant", "user_tier"),
)
MOST_CATEGORIES: Final = 200  # of a breakdown; the rest is one line
OTHER: Final = "other"


def dialogues(reader: Reader, period: Period, dimension: str, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """The statistics of `period` by `dimension`, as `GET /admin/statistics/dialogues` answers them.

    Args:
        reader: One snapshot.
        period: Which stretch of time, and its parts.
        dimension: One of `DIMENSIONS`.
        conditions: The bound filters of `DIALOGUES`.
    """
    bound = {"from_ns": period.from_ns, "to_ns": period.to_ns, **conditions}
    rows = reader.rows(SQL["dialogue_cells"], dimension=dimension, most=MOST_CATEGORIES, **bound)
    whole = next(row for row in rows if row["rank"] == 0)
    by_part = {row["part"]: row for row in reader.rows(SQL["dialogue_parts"], p=period.bound(), **bound)}
    return {
        "period": period.name,
        "group_by": dimension,
        "from_ns": period.from_ns,
        "to_ns": period.to_ns,
        "timezone": period.zone.key,
        "total_dialogues": whole["dialogues"],
        "unique_users": whole["users"],
        "average_messages": _mean(whole["messages"], whole["messages_told"]),
        "average_duration": _mean(whole["seconds"], whole["seconds_told"]),
        "breakdown": [_category(row, whole["dialogues"]) for row in rows if row["rank"] != 0],
        "satisfaction": {
            "average_rating": _mean(whole["ratings"], whole["ratings_told"]),
            "rating_count": whole["ratings_told"],
            "feedback_count": whole["feedbacks"],
            "coverage": shares.ratio(whole["ratings_told"], whole["dialogues"]),
        },
        "coverage": {
            "users": shares.ratio(whole["users_told"], whole["dialogues"]),
            "messages": shares.ratio(whole["messages_told"], whole["dialogues"]),
            "duration": shares.ratio(whole["seconds_told"], whole["dialogues"]),
            "ratings": shares.ratio(whole["ratings_told"], whole["dialogues"]),
        },
        "trend": [_bar(part.name, part.to_ns <= period.to_ns, by_part.get(part.number)) for part in period.parts],
        "previous": _previous(reader, period, whole["dialogues"], conditions),
    }


def _category(row: Mapping[str, Any], all_dialogues: int) -> dict[str, Any]:
    folded = None if row["rank"] is not None else row["categories"] - MOST_CATEGORIES
    return {
        "category": OTHER if row["rank"] is None else row["category"],
        "count": row["dialogues"],
        "percentage": shares.percentage(Decimal(row["dialogues"]), Decimal(all_dialogues)),
        "unique_users": row["users"],
        "average_messages": _mean(row["messages"], row["messages_told"]),
        "average_duration": _mean(row["seconds"], row["seconds_told"]),
        "average_rating": _mean(row["ratings"], row["ratings_told"]),
        "rating_count": row["ratings_told"],
        "folded": folded,
    }


def _bar(name: str, complete: bool, row: Mapping[str, Any] | None) -> dict[str, Any]:
    found = row or {"dialogues": 0, "users": 0}
    return {"date": name, "count": found["dialogues"], "unique_users": found["users"], "complete": complete}


def _previous(reader: Reader, period: Period, now: int, conditions: Mapping[str, Any]) -> dict[str, Any] | None:
    """The same stretch of the period before; None when no dialogue is known from so long ago."""
    before, first_ns = periods.before(period), reader.value(SQL["first_dialogue"])
    if before is None or first_ns is None or first_ns >= before.to_ns:
        return None
    bound = {"from_ns": before.from_ns, "to_ns": before.to_ns, **conditions}
    rows = reader.rows(SQL["dialogue_cells"], dimension="", most=1, **bound)
    earlier = next(row["dialogues"] for row in rows if row["rank"] == 0)
    bounds = {"from_ns": before.from_ns, "to_ns": before.to_ns, "complete": first_ns <= before.from_ns}
    return bounds | {"total_dialogues": earlier, **shares.change(Decimal(now), Decimal(earlier))}


def _mean(total: float | None, told: int) -> float | None:
    return None if total is None or not told else float(total) / told
