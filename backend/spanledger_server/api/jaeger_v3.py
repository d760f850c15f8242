"""Jaeger's query API of the second generation, ``/api/v3/…``, on our store: OTLP in JSON, and summaries.

Never: spans of a trace that are not in the store as they came.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Path, Request, Response

from spanledger_server.api import answers, jaeger_answers, jaeger_parameters
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.api.jaeger_answers import documented
from spanledger_server.api.jaeger_parameters import Asked
from spanledger_server.api.parameters import instant
from spanledger_server.errors import NotFound
from spanledger_server.traces import jaeger_otlp, jaeger_read
from spanledger_server.traces.filters import KINDS

router = jaeger_answers.router(jaeger_answers.second_refusal)

NOT_FOUND: Final = "No traces found"
SEARCH: Final = {
    "query__serviceName": "the service of a span that meets everything that is asked for",
    "query__operationName": "its name",
    "query__attributes": 'its attributes, its events\' or its resource\'s: a JSON object of texts, {"error":"true"}',
    "query__startTimeMin": "RFC 3339: when it began at the earliest; required",
    "query__startTimeMax": "RFC 3339: when it began at the latest; required",
    "query__durationMin": "how long it takes at least, such as 1.5s or 20ms",
    "query__durationMax": "how long it takes at most",
    "query__searchDepth": "1 to 1500 traces, the newest first; default 100. An answer has at most 50,000 spans",
    "query__rawTraces": "true: without warnings",
}
SPAN: Final = {
    "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
    "spanId": "00f067aa0ba902b7",
    "parentSpanId": "",
    "name": "POST /chat",
    "kind": 2,
    "startTimeUnixNano": "1795262400000000000",
    "endTimeUnixNano": "1795262401200000000",
    "status": {},
}
RESULT: Final[dict[str, Any]] = {
    "result": {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
                "scopeSpans": [{"scope": {}, "spans": [SPAN]}],
            }
        ]
    }
}
SUMMARY: Final = {
    "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
    "rootServiceName": "shop",
    "rootOperationName": "POST /chat",
    "minStartTimeUnixNano": "1795262400000000000",
    "maxEndTimeUnixNano": "1795262401200000000",
    "spanCount": 1,
    "errorSpanCount": 0,
    "orphanSpanCount": 0,
    "services": [{"name": "shop", "spanCount": 1, "errorSpanCount": 0}],
}


@router.get("/api/v3/services", openapi_extra=documented({"services": ["shop"]}))
def services(store: Store, now_ns: NowNs) -> Response:
    """Jaeger v3: the services of which spans are kept."""
    with store.reader() as reader:
        return answers.answer({"services": jaeger_read.services(reader, now_ns)})


@router.get(
    "/api/v3/operations",
    openapi_extra=documented(
        {"operations": [{"name": "POST /chat", "spanKind": "server"}]},
        service="the service's name",
        spanKind="server, client, producer, consumer or internal; default all",
    ),
)
def operations(request: Request, store: Store, now_ns: NowNs) -> Response:
    """Jaeger v3: a service's operations with the kinds of their spans."""
    asked = Asked(request.query_params)
    with store.reader() as reader:
        found = jaeger_read.operations(reader, asked.text("service") or "", asked.kind("spanKind", "span_kind"), now_ns)
    named = [{"name": name, "spanKind": KINDS[kind] if kind else ""} for name, kind in found]
    return answers.answer({"operations": named})


@router.get("/api/v3/traces", openapi_extra=documented(RESULT, **SEARCH))
def traces(request: Request, store: Store, now_ns: NowNs) -> Response:
    """Jaeger v3: whole traces, found by one of their spans. Parameters may also be spelled `query.service_name`."""
    asked = Asked(request.query_params)
    question, raw = jaeger_parameters.second_search(asked, now_ns), asked.boolean("query.rawTraces", "query.raw_traces")
    with store.reader() as reader:
        found, _ = jaeger_read.find(reader, question)
        whole, _ = jaeger_read.whole(reader, found)
    return _result(whole, raw=raw)


@router.get("/api/v3/trace-summaries", openapi_extra=documented({"summaries": [SUMMARY]}, **SEARCH))
def summaries(request: Request, store: Store, now_ns: NowNs) -> Response:
    """Jaeger v3: what traces look like from outside, found by one of their spans."""
    asked = Asked(request.query_params)
    question = jaeger_parameters.second_search(asked, now_ns)
    asked.boolean("query.rawTraces", "query.raw_traces")
    with store.reader() as reader:
        found, _ = jaeger_read.find(reader, question)
        rows = jaeger_read.summaries(reader, found)
    return answers.answer({"summaries": [jaeger_otlp.summary(row) for row in rows]})


@router.get(
    "/api/v3/traces/{trace_id}",
    openapi_extra=documented(
        RESULT,
        startTime="RFC 3339, only a hint",
        endTime="RFC 3339, only a hint",
        rawTraces="true: without warnings",
    ),
)
def one_trace(
    request: Request,
    trace_id: Annotated[str, Path(description="1 to 32 hexadecimal digits")],
    store: Store,
    now_ns: NowNs,
) -> Response:
    """Jaeger v3: one trace."""
    asked = Asked(request.query_params)
    wanted, raw = jaeger_parameters.trace_id("trace_id", trace_id), asked.boolean("rawTraces", "raw_traces")
    for names in (("startTime", "start_time"), ("endTime", "end_time")):
        if (text := asked.text(*names)) is not None:
            instant(names[0], text, now_ns)
    with store.reader() as reader:
        whole, _ = jaeger_read.whole(reader, [wanted])
    return _result(whole, raw=raw)


def _result(whole: list[jaeger_read.Whole], *, raw: bool) -> Response:
    if not whole:
        raise NotFound(NOT_FOUND)
    return answers.answer({"result": {"resourceSpans": jaeger_otlp.resource_spans(whole, raw=raw)}})
