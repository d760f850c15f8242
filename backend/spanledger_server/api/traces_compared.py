"""Traces beside other traces over HTTP: what is different about some of them, and which one is typical.

Never: a share without the counts that it was made of.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from spanledger_server.api import answers, parameters
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.api.traces import TRACE_ID
from spanledger_server.errors import Invalid
from spanledger_server.timegrid import Range
from spanledger_server.traces import alike, differences, filters, typical
from spanledger_server.traces.differences import Found, Part, Value

MOST_VALUES: Final = 100
SPAN_ID: Final = re.compile(r"[0-9a-fA-F]{16}")
QUARTER: Final = 0.25  # of a decade: the width of a bar of durations
DIFFERENT: Final[dict[str, Any]] = {
    "from": "2026-11-21T11:00:00Z",
    "to": "2026-11-21T12:00:00Z",
    "inside": {"traces": 42, "stand_for": 120.0},
    "outside": {"traces": 958, "stand_for": 9580.0},
    "bounds": {"duration_ms": 1830.5, "cost_usd": None},
    "items": [
        {
            "key": "model",
            "value": "gpt-5",
            "inside": {"traces": 40, "share": 0.95},
            "outside": {"traces": 101, "share": 0.11},
            "chance": 1e-12,
        }
    ],
    "compared": 310,
    "durations": [{"from_ms": 1000.0, "to_ms": 1778.2794, "traces": 61, "inside": 0}],
    "exact": True,
}
TYPICAL: Final[dict[str, Any]] = {
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "duration_ms": 812.4,
    "name": "POST /v1/ask",
    "service": "chat-api",
    "traces": 311,
    "from": "2026-11-21T00:00:00Z",
    "to": "2026-11-22T00:00:00Z",
}

ALIKE: Final[dict[str, Any]] = {
    "name": "chat gpt-5",
    "service": "chat-api",
    "spans": 4120,
    "faster": 0.993,
    "median_ms": 640.2,
    "p95_ms": 1910.0,
    "from": "2026-11-21T00:00:00Z",
    "to": "2026-11-22T00:00:00Z",
}

router = APIRouter(tags=["traces"])
From = Annotated[str | None, Query(alias="from", description="RFC 3339 or now-15m; default now-1h")]
To = Annotated[str | None, Query(description="RFC 3339 or now (default); not part of the window")]


def _example(value: Any) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"example": value}}}}


@router.get("/api/v1/traces/differences", responses=_example(DIFFERENT))
def different(
    store: Store,
    now_ns: NowNs,
    from_: From = None,
    to: To = None,
    q: Annotated[str | None, Query(description="words or key:value, as for the list of traces")] = None,
    f: Annotated[list[str] | None, Query(description="what all the traces are, as for the list of traces")] = None,
    in_: Annotated[
        list[str] | None,
        Query(alias="in", description="which of them are chosen: status:error, duration>2s, cost>0.01, duration>p90"),
    ] = None,
    in_from: Annotated[str | None, Query(description="chosen are those that began then or later")] = None,
    in_to: Annotated[str | None, Query(description="chosen are those that began before")] = None,
    limit: Annotated[str | None, Query(description="1 to 100 values, default 20")] = None,
) -> Response:
    """Which values the chosen traces have more often, or less, than the rest of the window, beyond chance."""
    window, conditions, most, times = parameters.together(
        lambda: parameters.window(from_, to, now_ns),
        lambda: filters.search(f or [], parameters.free_text("q", q), filters.TRACES),
        lambda: parameters.limit(limit, 20, MOST_VALUES),
        lambda: _times(in_from, in_to, now_ns),
    )
    chosen = differences.choice(in_ or [], *times)
    with store.reader() as reader:
        found = differences.find(reader, window.from_ns, window.to_ns, conditions, chosen, most)
    return answers.answer(_told(found, window))


def _times(in_from: str | None, in_to: str | None, now_ns: int) -> tuple[int | None, int | None]:
    from_ns = None if in_from is None else parameters.instant("in_from", in_from, now_ns)
    to_ns = None if in_to is None else parameters.instant("in_to", in_to, now_ns)
    if from_ns is not None and to_ns is not None and from_ns >= to_ns:
        raise Invalid("in_from", in_from, "a time before `in_to`")
    return from_ns, to_ns


def _told(found: Found, window: Range) -> dict[str, Any]:
    return {
        "from": answers.when(found.searched[0]),
        "to": answers.when(found.searched[1]),
        "inside": _part(found.inside),
        "outside": _part(found.outside),
        "bounds": {
            "duration_ms": answers.milliseconds(found.bounds["duration_ns"]),
            "cost_usd": found.bounds["cost_usd"],
        },
        "items": [_value(one) for one in found.values],
        "compared": found.compared,
        "durations": [_length(*one) for one in found.lengths],
        "exact": found.searched == (window.from_ns, window.to_ns),
    }


def _part(part: Part) -> dict[str, Any]:
    return {"traces": part.traces, "stand_for": part.weight}


def _value(one: Value) -> dict[str, Any]:
    return {
        "key": one.key,
        "value": one.value,
        "inside": {"traces": one.inside, "share": one.inside_share},
        "outside": {"traces": one.outside, "share": one.outside_share},
        "chance": one.chance,
    }


def _length(step: int, traces: int, inside: int) -> dict[str, Any]:
    edges = (round(10 ** (QUARTER * at) / 1e6, 9) for at in (step, step + 1))
    return dict(zip(("from_ms", "to_ms"), edges, strict=True)) | {"traces": traces, "inside": inside}


@router.get("/api/v1/traces/{trace_id}/typical", responses=_example(TYPICAL))
def beside(
    trace_id: Annotated[str, Path(description="32 hexadecimal digits")],
    store: Store,
    now_ns: NowNs,
    from_: Annotated[str | None, Query(alias="from", description="default: 12 h before the trace")] = None,
    to: Annotated[str | None, Query(description="default: 12 h after the trace")] = None,
) -> Response:
    """The trace of the median duration among the others that begin with the same operation."""
    if not TRACE_ID.fullmatch(trace_id):
        raise Invalid("trace_id", trace_id, "32 hexadecimal digits")
    window = None if from_ is None and to is None else parameters.window(from_, to, now_ns)
    with store.reader() as reader:
        found = typical.find(reader, UUID(hex=trace_id), window)
    return answers.answer(
        {
            "trace_id": found.trace_id.hex,
            "duration_ms": answers.milliseconds(found.duration_ns),
            "name": found.name,
            "service": found.service,
            "traces": found.traces,
            "from": answers.when(found.window.from_ns),
            "to": answers.when(found.window.to_ns),
        }
    )


@router.get("/api/v1/traces/{trace_id}/spans/{span_id}/alike", responses=_example(ALIKE))
def among_its_like(
    trace_id: Annotated[str, Path(description="32 hexadecimal digits")],
    span_id: Annotated[str, Path(description="16 hexadecimal digits")],
    store: Store,
) -> Response:
    """What share of the spans of the same name and service was faster, within half a day; null where they are few."""
    if not TRACE_ID.fullmatch(trace_id):
        raise Invalid("trace_id", trace_id, "32 hexadecimal digits")
    if not SPAN_ID.fullmatch(span_id):
        raise Invalid("span_id", span_id, "16 hexadecimal digits")
    with store.reader() as reader:
        found = alike.find(reader, UUID(hex=trace_id), int(span_id, 16))
    return answers.answer(
        {
            "name": found.name,
            "service": found.service,
            "spans": found.spans,
            "faster": found.faster,
            "median_ms": answers.milliseconds(found.median_ns),
            "p95_ms": answers.milliseconds(found.p95_ns),
            "from": answers.when(found.window.from_ns),
            "to": answers.when(found.window.to_ns),
        }
    )
