"""Jaeger's query API of the first generation, ``/api/…``, on our store: Jaeger's UI and Grafana's data source read it.

Never: a parameter that Jaeger takes and we quietly read in another way.
"""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Path, Request, Response

from spanledger_server.api import answers, jaeger_answers, jaeger_parameters
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.api.jaeger_answers import documented, envelope
from spanledger_server.api.jaeger_parameters import Asked
from spanledger_server.errors import Invalid, NotFound
from spanledger_server.store.database import Reader
from spanledger_server.traces import jaeger, jaeger_read
from spanledger_server.traces.filters import KINDS

router = jaeger_answers.router(jaeger_answers.first_refusal)

NOT_FOUND: Final = "trace not found"
FULL: Final = "left out, since the answer is full: ask for it alone"
PARTLY: Final = "only the newest part of the window was searched: ask for a shorter one"
TIMES: Final = {"start": "microseconds since 1970, only a hint", "end": "microseconds since 1970, only a hint"}
RAW: Final = {"raw": "true: without warnings"}
TRACE: Final = {
    "traceID": "4bf92f3577b34da6a3ce929d0e0e4736",
    "spans": [
        {
            "traceID": "4bf92f3577b34da6a3ce929d0e0e4736",
            "spanID": "00f067aa0ba902b7",
            "operationName": "POST /chat",
            "references": [],
            "startTime": 1795262400000000,
            "duration": 1200000,
            "tags": [{"key": "span.kind", "type": "string", "value": "server"}],
            "logs": [],
            "processID": "p1",
            "warnings": None,
        }
    ],
    "processes": {"p1": {"serviceName": "shop", "tags": []}},
    "warnings": None,
}


@router.get("/api/services", openapi_extra=documented(envelope(["shop"], total=1)))
def services(store: Store, now_ns: NowNs) -> Response:
    """Jaeger: the services of which spans are kept."""
    with store.reader() as reader:
        found = jaeger_read.services(reader, now_ns)
    return answers.answer(envelope(found, total=len(found)))


@router.get("/api/services/{service:path}/operations", openapi_extra=documented(envelope(["POST /chat"], total=1)))
def operation_names(
    service: Annotated[str, Path(description="the service's name")], store: Store, now_ns: NowNs
) -> Response:
    """Jaeger: the names of a service's operations."""
    with store.reader() as reader:
        found = list(dict.fromkeys(name for name, _ in jaeger_read.operations(reader, service, None, now_ns)))
    return answers.answer(envelope(found, total=len(found)))


@router.get(
    "/api/operations",
    openapi_extra=documented(
        envelope([{"name": "POST /chat", "spanKind": "server"}], total=1),
        service="the service's name",
        spanKind="server, client, producer, consumer or internal; default all",
    ),
)
def operations(request: Request, store: Store, now_ns: NowNs) -> Response:
    """Jaeger: a service's operations with the kinds of their spans."""
    asked = Asked(request.query_params)
    service = asked.text("service")
    if service is None:
        raise Invalid("service", "", "parameter 'service' is required")
    with store.reader() as reader:
        found = jaeger_read.operations(reader, service, asked.kind("spanKind"), now_ns)
    named = [{"name": name, "spanKind": KINDS[kind] if kind else ""} for name, kind in found]
    return answers.answer(envelope(named, total=len(named)))


@router.get(
    "/api/traces",
    openapi_extra=documented(
        envelope([TRACE]),
        service="the service of a span that meets everything that is asked for; required unless traceID is given",
        operation="its name",
        tag="key:value, repeated: a tag as Jaeger shows it, of the span, its logs or its process",
        tags='the same as a JSON object of texts: {"error":"true"}',
        start="when it began at the earliest, microseconds since 1970; default: two days before end",
        end="when it began at the latest, microseconds since 1970; default now",
        lookback="how long before end, such as 1h, where start is missing",
        minDuration="how long it takes at least, such as 1.5s or 20ms",
        maxDuration="how long it takes at most",
        limit="1 to 1500 traces, the newest first; default 100. An answer has at most 50,000 spans",
        traceID="repeated: these traces, instead of a search; 1 to 32 hexadecimal digits",
        **RAW,
    ),
)
def traces(request: Request, store: Store, now_ns: NowNs) -> Response:
    """Jaeger: whole traces, found by one of their spans, or by their ids."""
    asked = Asked(request.query_params)
    raw = asked.boolean("raw")
    ids = [jaeger_parameters.trace_id("traceID", text) for text in asked.texts("traceID")]
    if len(ids) > jaeger_parameters.MOST_TRACES:
        raise Invalid("traceID", f"{len(ids)} ids", f"at most {jaeger_parameters.MOST_TRACES}")
    question = None if ids else jaeger_parameters.first_search(asked, now_ns)
    with store.reader() as reader:
        if question is None:
            shapes, errors = _by_id(reader, ids, raw=raw)
        else:
            found, exact = jaeger_read.find(reader, question)
            shapes, errors = _by_id(reader, found, raw=raw)
            errors += [] if exact else [{"msg": PARTLY}]
    return answers.answer(envelope(shapes, errors=errors or None))


def _by_id(reader: Reader, ids: list[UUID], *, raw: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """These traces, and why others of them are not there."""
    whole, left_out = jaeger_read.whole(reader, ids)
    there = {each.trace_id for each in whole}
    missing = [
        {"msg": FULL if each in left_out else NOT_FOUND, "traceID": jaeger.trace_text(each.int)}
        for each in ids
        if each not in there
    ]
    return [jaeger.trace_shape(each, raw=raw) for each in whole], missing


@router.get("/api/traces/{trace_id}", openapi_extra=documented(envelope([TRACE]), **TIMES, **RAW))
def one_trace(
    request: Request, trace_id: Annotated[str, Path(description="1 to 32 hexadecimal digits")], store: Store
) -> Response:
    """Jaeger: one trace."""
    asked = Asked(request.query_params)
    raw, wanted = asked.boolean("raw"), jaeger_parameters.trace_id("traceID", trace_id)
    for name in TIMES:
        asked.number(name)
    with store.reader() as reader:
        shapes, missing = _by_id(reader, [wanted], raw=raw)
    if missing:
        raise NotFound(NOT_FOUND)
    return answers.answer(envelope(shapes))


@router.get(
    "/api/dependencies",
    openapi_extra=documented(
        envelope([{"parent": "shop", "child": "llm", "callCount": 12}]),
        endTs="end of the window, milliseconds since 1970; default now",
        lookback="length of the window in milliseconds; default a day",
        service="only what calls this service, or what it calls",
    ),
)
def dependencies(request: Request, store: Store, now_ns: NowNs) -> Response:
    """Jaeger: how often the spans of one service are parents of spans of another."""
    asked = Asked(request.query_params)
    window, service = jaeger_parameters.dependency_window(asked, now_ns), asked.text("service")
    with store.reader() as reader:
        links, exact = jaeger_read.dependencies(reader, window)
    shapes = [
        {"parent": link.parent, "child": link.child, "callCount": link.calls}
        for link in links
        if service in (None, link.parent, link.child)
    ]
    return answers.answer(envelope(shapes, errors=None if exact else [{"msg": PARTLY}]))
