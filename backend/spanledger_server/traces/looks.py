"""What traces look like from outside: each in one row, of what its spans and its ledger lines say.

Given a snapshot, some traces and where they lie, reads their rows where these are few, and else lets the database add
them up: both say the same, and planning the sums takes longer than adding up the rows of a page.

Never: looks for where a trace lies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)

WHO: Final = ("user_id", "session_id", "feature")
FEW_ROWS: Final = 5_000  # about 10 ms

Row = Mapping[str, Any]


def by_spans(reader: Reader, bound: Mapping[str, Any]) -> dict[UUID, dict[str, Any]]:
    """What the spans of traces say of each that has some.

    Args:
        reader: One snapshot.
        bound: When they start (`from_ns`, `to_ns`), and the `trace` or `traces`.
    """
    few = _few(reader, SQL["few_rows_of_spans"], bound)
    if few is not None:
        return _each(few, itemgetter("start_ns", "span_id"), of_spans)
    sql, parameters = sqlfile.lean(SQL["summaries_of_spans"], bound)
    return {row["trace_id"]: row for row in reader.rows(sql, **parameters)}


def by_lines(reader: Reader, bound: Mapping[str, Any]) -> dict[UUID, dict[str, Any]]:
    """The same of their ledger lines."""
    few = _few(reader, SQL["few_rows_of_lines"], bound)
    if few is not None:
        return _each(few, itemgetter("at_ns", "span_id"), of_lines)
    sql, parameters = sqlfile.lean(SQL["summaries_of_lines"], bound)
    return {row["trace_id"]: row for row in reader.rows(sql, **parameters)}


def _few(reader: Reader, statement: str, bound: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The rows, None where they are many."""
    sql, parameters = sqlfile.lean(statement, {**bound, "most": FEW_ROWS + 1})
    rows = reader.rows(sql, **parameters)
    return rows if len(rows) <= FEW_ROWS else None


def _each(
    rows: list[dict[str, Any]], place: Callable[[Row], Any], said: Callable[[Sequence[Row]], dict[str, Any] | None]
) -> dict[UUID, dict[str, Any]]:
    by_trace: defaultdict[UUID, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=place):
        by_trace[row["trace_id"]].append(row)
    return {trace: found for trace, its in by_trace.items() if (found := said(its)) is not None}


def of_spans(rows: Sequence[Row]) -> dict[str, Any] | None:
    """What all spans of a trace say of it, as `summaries_of_spans` does; None of none."""
    if not rows:
        return None
    root = next((row for row in rows if row["parent_span_id"] is None), rows[0])
    return {
        "start_ns": rows[0]["start_ns"],
        "end_ns": max(row["end_ns"] for row in rows),
        "span_count": len(rows),
        "error_count": sum(row["status_code"] == 2 for row in rows),
        "ok_count": sum(row["status_code"] == 1 for row in rows),
        "root": {"name": root["name"], "service": root["service"]},
        **_told(rows),
    }


def of_lines(rows: Sequence[Row]) -> dict[str, Any] | None:
    """What all lines of a trace say of it, as `summaries_of_lines` does; None of none."""
    if not rows:
        return None
    costs = [row["cost_usd"] for row in rows if row["cost_usd"] is not None]
    name = " ".join(rows[0][key] for key in ("operation", "model") if rows[0][key] is not None)
    return {
        "start_ns": min(row["at_ns"] - (row["duration_ns"] or 0) for row in rows),
        "end_ns": rows[-1]["at_ns"],
        "calls": len(rows),
        "cost_usd": sum(costs) if costs else None,
        "unpriced_calls": sum(row["state"] == "unpriced" for row in rows),
        "failed_calls": sum(row["error_type"] is not None for row in rows),
        "root": {"name": name or None, "service": rows[0]["service"]},
        **_told(rows),
    }


def _told(rows: Sequence[Row]) -> dict[str, Any]:
    """What spans and lines, the oldest first, say alike: all services and models, and the first of who and what for."""
    every = {f"{key}s": [row[key] for row in rows if row[key] is not None] for key in ("service", "model")}
    first = {key: next((row[key] for row in rows if row[key] is not None), None) for key in WHO}
    return {**every, **first}


def summary(trace_id: UUID, spans: Row | None, lines: Row | None) -> dict[str, Any]:
    """What a trace looks like from outside, of what its spans and its lines say; at least one of them does."""
    both = [side for side in (spans, lines) if side is not None]
    root = both[0]["root"]
    start_ns, end_ns = min(side["start_ns"] for side in both), max(side["end_ns"] for side in both)
    return {
        "trace_id": trace_id,
        "start_ns": start_ns,
        "duration_ns": end_ns - start_ns,
        "name": root["name"],
        "service": root["service"],
        "services": _union(both, "services"),
        "span_count": spans["span_count"] if spans else 0,
        "error_count": spans["error_count"] if spans else 0,
        "status": _status(spans, lines),
        "calls": lines["calls"] if lines else 0,
        "cost_usd": lines["cost_usd"] if lines else Decimal(0),
        "unpriced_calls": lines["unpriced_calls"] if lines else 0,
        "models": _union(both, "models"),
        **{key: next((side[key] for side in both if side[key] is not None), None) for key in WHO},
    }


def _status(spans: Row | None, lines: Row | None) -> str:
    if (spans and spans["error_count"]) or (lines and lines["failed_calls"]):
        return "error"
    return "ok" if spans and spans["ok_count"] else "unset"


def _union(sides: Iterable[Row], key: str) -> list[str]:
    return sorted({value for side in sides for value in side[key] or ()})
