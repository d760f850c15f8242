"""The spans that a real Jaeger and our backend are sent alike: every kind of value, links, events, gaps and skews."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

MS = 10**6
LONG = bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736")
SHORT = bytes.fromhex("0000000000000000a3ce929d0e0e4737")
NAMELESS = bytes.fromhex("00000000000000010000000000000003")
SKEWED = bytes.fromhex("5bf92f3577b34da6a3ce929d0e0e4739")


def _value(value: Any) -> AnyValue:
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[_value(item) for item in value]))
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=_attributes(value)))
    kinds = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value"}
    return AnyValue(**{kinds[type(value)]: value})


def _attributes(values: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in values.items()]


def _span(
    trace_id: bytes,
    number: int,
    parent: int | None,
    name: str,
    at_ns: int,
    duration_ns: int,
    kind: int = Span.SPAN_KIND_INTERNAL,
    attributes: dict[str, Any] | None = None,
    **more: Any,
) -> Span:
    return Span(
        trace_id=trace_id,
        span_id=number.to_bytes(8, "big"),
        parent_span_id=b"" if parent is None else parent.to_bytes(8, "big"),
        name=name,
        kind=kind,  # type: ignore[arg-type]  # an enumeration's number
        start_time_unix_nano=at_ns,
        end_time_unix_nano=at_ns + duration_ns,
        attributes=_attributes(attributes or {}),
        **more,
    )


def _group(resource: dict[str, Any], scope: str | None, *spans: Span) -> ResourceSpans:
    scoped = InstrumentationScope(name=scope) if scope else InstrumentationScope()
    return ResourceSpans(
        resource=Resource(attributes=_attributes(resource)), scope_spans=[ScopeSpans(scope=scoped, spans=spans)]
    )


EVERYTHING = {
    "text": "größer als 語 🐳",
    "empty": "",
    "whole": 5,
    "large": 2**60,
    "part": 72.5,
    "round": 5.0,
    "yes": True,
    "no": False,
    "many": ["a", 1, 2.5, True],
    "nested": {"b": {"c": 1}, "a": "x"},
    "a.key/with~signs": "found",
    "user.id": "u-1",
    "gen_ai.usage.input_tokens": 12,
}
SHOP = {"service.name": "shop", "service.version": "1.2.3", "deployment.environment.name": "test"}
LLM = {"service.name": "llm", "host.name": "gpu-1"}


def _calls(at_ns: int) -> list[ResourceSpans]:
    """A request through two services that fails in the second."""
    events = [
        Span.Event(time_unix_nano=at_ns + 30 * MS, name="retry", attributes=_attributes({"attempt": 2})),
        Span.Event(
            time_unix_nano=at_ns + 40 * MS,
            name="exception",
            attributes=_attributes({"exception.type": "Überlauf", "exception.message": "zu viel"}),
        ),
        Span.Event(time_unix_nano=at_ns + 41 * MS, attributes=_attributes({"event": "named by itself", "a": 1})),
    ]
    links = [
        Span.Link(trace_id=SHORT, span_id=(1).to_bytes(8, "big"), attributes=_attributes({"why": "batch"})),
        Span.Link(
            trace_id=SHORT,
            span_id=(2).to_bytes(8, "big"),
            attributes=_attributes({"opentracing.ref_type": "child_of"}),
        ),
        Span.Link(trace_id=bytes(16), span_id=(3).to_bytes(8, "big")),
    ]
    shop = _group(
        SHOP,
        "shop.web",
        _span(LONG, 1, None, "POST /chat", at_ns, 900 * MS, Span.SPAN_KIND_SERVER, EVERYTHING, flags=1),
        _span(
            LONG,
            2,
            1,
            "chat gpt-5",
            at_ns + 10 * MS,
            800 * MS,
            Span.SPAN_KIND_CLIENT,
            {"gen_ai.operation.name": "chat"},
            status=Status(code=Status.STATUS_CODE_OK),
            trace_state="ot=th:8",
        ),
    )
    llm = _group(
        LLM,
        "llm.server",
        _span(
            LONG,
            3,
            2,
            "generate",
            at_ns + 20 * MS,
            700 * MS,
            Span.SPAN_KIND_SERVER,
            {"peer.ipv4": 0x7F000001},
            status=Status(code=Status.STATUS_CODE_ERROR, message="out of memory"),
            events=events,
            links=links,
        ),
        _span(LONG, 4, 3, "tokenize", at_ns + 21 * MS, 1234567, attributes={"n": 1}),
    )
    return [shop, llm]


def _short(at_ns: int) -> list[ResourceSpans]:
    """A trace with an id of 64 bits, a span without its parent, and one that says nothing of its scope."""
    worker = _group(
        {"service.name": "worker"},
        None,
        _span(SHORT, 1, None, "job", at_ns, 50 * MS, Span.SPAN_KIND_CONSUMER),
        _span(SHORT, 2, 1, "step", at_ns + MS, 10 * MS, Span.SPAN_KIND_UNSPECIFIED),
        _span(SHORT, 3, 99, "orphan", at_ns + 2 * MS, MS),
    )
    return [worker]


def _nameless(at_ns: int) -> list[ResourceSpans]:
    link = Span.Link(trace_id=NAMELESS, span_id=(1).to_bytes(8, "big"))
    sent = _span(NAMELESS, 1, None, "send", at_ns, 5 * MS, Span.SPAN_KIND_PRODUCER)
    return [_group({}, "queue", sent, _span(NAMELESS, 2, None, "receive", at_ns + 9 * MS, MS, 5, links=[link]))]


def _skewed(at_ns: int) -> list[ResourceSpans]:
    """A child of another host that seems to begin before its parent, and one that seems to outlast it."""
    shop = _group(SHOP, "shop.web", _span(SKEWED, 1, None, "GET /", at_ns, 100 * MS, Span.SPAN_KIND_SERVER))
    llm = _group(
        LLM,
        "llm.server",
        _span(SKEWED, 2, 1, "early", at_ns - 30 * MS, 60 * MS),
        _span(SKEWED, 3, 2, "within", at_ns - 20 * MS, 10 * MS),
        _span(SKEWED, 4, 1, "late", at_ns + 20 * MS, 90 * MS),
        _span(SKEWED, 5, 1, "longer", at_ns - 1500, 61 * 10**9 + 5 * MS),
    )
    return [shop, llm]


def request(at_ns: int) -> ExportTraceServiceRequest:
    """All of it, in four traces that begin a second apart, the first at `at_ns`."""
    makers = (_calls, _short, _nameless, _skewed)
    groups = [group for number, make in enumerate(makers) for group in make(at_ns + number * 1000 * MS)]
    return ExportTraceServiceRequest(resource_spans=groups)
