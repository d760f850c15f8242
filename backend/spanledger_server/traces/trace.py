"""One trace, whole: its spans in order of start, what each is about, and what is missing.

Given a snapshot and an id, finds the minutes of the trace in `trace_index` and fetches only those: its spans and its
ledger lines, of which follows what it looks like from outside.

Never: a tree. Parents may be missing, cyclic or their own; who draws the tree decides what that means.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from spanledger import semconv
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.traces import looks, search

SQL = sqlfile.load(__package__)

MOST_SPANS: Final = 20_000
PROMOTED: Final = {
    "operation": semconv.GEN_AI_OPERATION_NAME,
    "provider": semconv.GEN_AI_PROVIDER_NAME,
    "model": semconv.GEN_AI_RESPONSE_MODEL,
    "input_tokens": semconv.GEN_AI_USAGE_INPUT_TOKENS,
    "output_tokens": semconv.GEN_AI_USAGE_OUTPUT_TOKENS,
    "user_id": semconv.USER_ID,
    "session_id": semconv.SESSION_ID,
    "feature": semconv.FEATURE,
    "tenant": semconv.TENANT,
    "user_tier": semconv.USER_TIER,
    "route": semconv.HTTP_ROUTE,
    "http_status": semconv.HTTP_RESPONSE_STATUS_CODE,
    "error_type": semconv.ERROR_TYPE,
}
CACHES: Final = frozenset(("redis", "valkey", "memcached", "memcache"))
UNREADABLE: Final = "spanledger.unreadable"


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace.

    Attributes:
        summary: As `search.summaries` tells it.
        spans: Rows of the table, by start, with `parent_missing` and `category`; their JSON is parsed.
        lines: Rows of the ledger, oldest first.
        missing_parents: How many parents are named that are not there.
        truncated: Whether there are more spans than `MOST_SPANS`.
    """

    summary: dict[str, Any]
    spans: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    missing_parents: int
    truncated: bool


def find(reader: Reader, trace_id: UUID, most: int = MOST_SPANS) -> Trace | None:
    """The trace with this id, its first `most` spans; None when there are neither spans nor ledger lines."""
    where = search.place(reader, [trace_id])
    rows: list[dict[str, Any]] = []
    if where.spans is not None:
        window = {"from_ns": where.spans[0], "to_ns": where.spans[1]}
        rows = reader.rows(SQL["few_spans_of_trace"], trace_id=trace_id, most=most + 1, **window)
        rows.sort(key=itemgetter("start_ns", "span_id"))
    from_ns, to_ns = where.lines(None, sure=bool(rows))
    lines = reader.rows(SQL["lines_of_trace"], trace_id=trace_id, from_ns=from_ns, to_ns=to_ns)
    lines.sort(key=itemgetter("at_ns", "span_id"))
    if not rows and not lines:
        return None
    if len(rows) <= most:
        summary, missing = looks.summary(trace_id, looks.of_spans(rows), looks.of_lines(lines)), _without_parents(rows)
        return Trace(summary, opened(reader, rows), lines, missing, truncated=False)
    rows = reader.rows(SQL["spans_of_trace"], trace_id=trace_id, most=most, **window)
    (summary,) = search.summaries_at(reader, [trace_id], where)
    return Trace(summary, opened(reader, rows), lines, rows[0]["missing_parents"], truncated=True)


def _without_parents(rows: Sequence[dict[str, Any]]) -> int:
    """Note on each span of a whole trace whether its parent is missing; how many parents are."""
    known = {None, *(row["span_id"] for row in rows)}
    for row in rows:
        row["parent_missing"] = row["parent_span_id"] not in known
    return len({row["parent_span_id"] for row in rows} - known)


def opened(reader: Reader, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`rows` of the table with `category` and with their JSON parsed: attributes, events, links and the resource's."""
    resources = _resources(reader, rows)
    return [_opened(row, resources) for row in rows]


def _resources(reader: Reader, rows: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    ids = sorted({row["resource_id"] for row in rows if row["resource_id"] is not None})
    return {number: _parsed(text, {}) for number, text in reader.tuples(SQL["resources"], ids=ids)} if ids else {}


def _opened(row: dict[str, Any], resources: Mapping[int, dict[str, Any]]) -> dict[str, Any]:
    attributes = _parsed(row["attributes"], {})
    for column, name in PROMOTED.items():
        if row[column] is not None:
            attributes.setdefault(name, row[column])
    return row | {
        "attributes": attributes,
        "events": _parsed(row["events"], []),
        "links": _parsed(row["links"], []),
        "resource": resources.get(row["resource_id"], {}),
        "category": category(row["kind"], attributes),
    }


def _parsed(text: str | None, empty: Any) -> Any:
    """The JSON in `text`; `empty` where there is none or it has another shape. What is no JSON is shown as it is."""
    if text is None:
        return empty
    try:
        found = json.loads(text)
    except ValueError:
        return {UNREADABLE: text} if isinstance(empty, dict) else empty
    return found if isinstance(found, type(empty)) else empty


def category(kind: int, attributes: Mapping[str, Any]) -> str:
    """What a span is about: model, tool, database, http, audio, cache, server or internal.

    Args:
        kind: OTLP number of the span's kind.
        attributes: All its attributes under their current names.
    """
    operation = attributes.get(semconv.GEN_AI_OPERATION_NAME)
    if operation == "execute_tool" or "gen_ai.tool.name" in attributes:
        return "tool"
    if operation is not None or semconv.GEN_AI_PROVIDER_NAME in attributes or "gen_ai.system" in attributes:
        return "model"
    heads = {name.partition(".")[0] for name in attributes}
    if "audio" in heads:
        return "audio"
    if "cache" in heads or {attributes.get("db.system.name"), attributes.get("db.system")} & CACHES:
        return "cache"
    if "db" in heads:
        return "database"
    if kind == 3 and ("http" in heads or "url" in heads):
        return "http"
    return "server" if kind in (2, 5) else "internal"
