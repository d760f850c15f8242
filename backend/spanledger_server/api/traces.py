"""Traces over HTTP: search, and one trace with what each of its calls cost.

Never: a call without its ledger line because its span was not kept.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from spanledger_server.api import answers, parameters
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.api.ledger import itemised
from spanledger_server.errors import Invalid, NotFound
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import Range
from spanledger_server.traces import filters, kept, listed, looks, search, trace

router = APIRouter(tags=["traces"])

TRACE_ID: Final = re.compile(r"[0-9a-fA-F]{32}")
TOTALS: Final = ("histogram", "facets", "matched", "stand_for")
HEAD: Final = (
    "name",
    "service",
    "services",
    "span_count",
    "error_count",
    "status",
    "calls",
    "cost_usd",
    "unpriced_calls",
    "models",
)


@router.get("/api/v1/traces")
def traces(
    store: Store,
    now_ns: NowNs,
    from_: Annotated[str | None, Query(alias="from", description="RFC 3339 or now-15m; default now-1h")] = None,
    to: Annotated[str | None, Query(description="RFC 3339 or now (default); not part of the window")] = None,
    q: Annotated[str | None, Query(description="words, key:value, or a trace id")] = None,
    f: Annotated[
        list[str] | None, Query(description="key:value, cost>0.01, duration>500ms; a leading ! negates")
    ] = None,
    sort: Annotated[
        str | None, Query(description="start, duration or cost; a leading - is descending; default -start")
    ] = None,
    limit: Annotated[str | None, Query(description="1 to 1000, default 50; 0: the totals alone")] = None,
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    totals: Annotated[
        str | None, Query(description="true (default) or false: the page alone, which is found much faster")
    ] = None,
) -> Response:
    """Traces that did something in the window, with a histogram and facets of all. A cursor keeps the window."""
    conditions = filters.search(f or [], parameters.free_text("q", q), filters.TRACES)
    order = parameters.choice("sort", sort, search.SORTS, "-start")
    question = ("traces", order, *conditions.spelled())
    place = parameters.cursor(cursor, question)
    whole = parameters.choice("totals", totals, ("true", "false"), "true") == "true"
    most = parameters.limit(limit, 50, fewest=0 if whole else 1)
    with store.reader() as reader:
        if place is not None:
            window = place.window
        elif from_ is None and to is None and (lived := _lived(reader, conditions)):
            window = lived
        else:
            window = parameters.window(from_, to, now_ns)
        find = search.search if whole else listed.listed
        found = find(reader, window.from_ns, window.to_ns, conditions, order, _after(place), most)
    told = _totals(found) if isinstance(found, search.Found) else dict.fromkeys(TOTALS)
    return answers.answer(_page(found, window, question) | told | {"exact": found.exact})


def _lived(reader: Reader, conditions: filters.Conditions) -> Range | None:
    """The time in which the traces asked for by id lived: who has an id need not know when it was."""
    wanted = conditions.include.get("trace_id")
    found = search.life(reader, [UUID(hex=text) for text in wanted]) if wanted else None
    return None if found is None else Range(*found)


def _after(place: parameters.Cursor | None) -> search.After | None:
    if place is None:
        return None
    key, trace_id = place.position
    return search.After(None if key is None else Decimal(key), UUID(hex=trace_id))


def _page(found: search.Found | listed.Listed, window: Range, question: tuple[str, ...]) -> dict[str, Any]:
    following = None
    if found.after is not None:
        key = None if found.after.place is None else str(found.after.place)
        following = parameters.cursor_text(parameters.Cursor(window, (key, found.after.trace_id.hex)), question)
    return {
        "items": [_item(summary) for summary in found.traces],
        "next_cursor": following,
        "from": answers.when(window.from_ns),
        "to": answers.when(window.to_ns),
    }


def _totals(found: search.Found) -> dict[str, Any]:
    bars = [{"at": answers.when(at), "traces": count, "errors": errors} for at, count, errors in found.bars]
    stand_for = answers.estimate(found.estimated) | {"uncounted": found.uncounted}
    return dict(zip(TOTALS, (bars, found.facets, found.matched, stand_for), strict=True))


def _item(summary: dict[str, Any]) -> dict[str, Any]:
    return {
        "trace_id": summary["trace_id"].hex,
        "start": answers.when(summary["start_ns"]),
        "duration_ms": answers.milliseconds(summary["duration_ns"]),
        **{name: summary[name] for name in HEAD + looks.WHO},
    }


@router.get("/api/v1/traces/{trace_id}")
def one_trace(trace_id: Annotated[str, Path(description="32 hexadecimal digits")], store: Store) -> Response:
    """A trace: its first 20,000 spans by start, and its ledger lines, those without a span apart."""
    if not TRACE_ID.fullmatch(trace_id):
        raise Invalid("trace_id", trace_id, "32 hexadecimal digits")
    wanted = UUID(hex=trace_id)
    with store.reader() as reader:
        found = trace.find(reader, wanted)
    if found is None:
        raise NotFound(f"no span and no ledger line of trace {wanted.hex} is stored")
    return answers.answer(_whole(found))


def _whole(found: trace.Trace) -> dict[str, Any]:
    by_span = {line["span_id"]: itemised(line) for line in found.lines}
    shown = [_span(row, found.summary["start_ns"], by_span.pop(row["span_id"], None)) for row in found.spans]
    return _item(found.summary) | {
        "sampling": kept.explained(found.spans),
        "missing_parents": found.missing_parents,
        "truncated": found.truncated,
        "spans": shown,
        "ledger": list(by_span.values()),
    }


def _span(row: dict[str, Any], start_ns: int, line: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "span_id": answers.span_hex(row["span_id"]),
        "parent_span_id": answers.span_hex(row["parent_span_id"]),
        "parent_missing": row["parent_missing"],
        "name": row["name"],
        "service": row["service"],
        "scope": row["scope"],
        "kind": filters.KINDS[row["kind"]] if 0 <= row["kind"] < len(filters.KINDS) else "unspecified",
        "category": row["category"],
        "start_offset_ns": row["start_ns"] - start_ns,
        "duration_ns": row["end_ns"] - row["start_ns"],
        "status": filters.STATUSES[row["status_code"]] if 0 <= row["status_code"] < len(filters.STATUSES) else "unset",
        "status_message": row["status_message"],
        "attributes": row["attributes"],
        "events": [_event(event, start_ns) for event in row["events"]],
        "links": row["links"],
        "resource": row["resource"],
        "sampling": {"threshold": row["sampling_threshold"], "adjusted_count": row["adjusted_count"]},
        "ledger": line,
    }


def _event(event: dict[str, Any], start_ns: int) -> dict[str, Any]:
    at_ns = event.get("at_ns")
    offset_ns = None if at_ns is None else int(at_ns) - start_ns
    return {"name": event.get("name"), "offset_ns": offset_ns, "attributes": event.get("attributes") or {}}
