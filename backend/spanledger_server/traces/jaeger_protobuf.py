"""Traces as a Jaeger reads them from its storage: OTLP in protobuf, in pieces.

Given a whole trace of the store, gives ``TracesData`` messages of a bounded size, each of this trace only.

Never: an empty piece, or one that gRPC's default limit of 4 MiB would refuse for the number of its spans.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status, TracesData

from spanledger import semconv
from spanledger_server.traces.jaeger_read import NAMELESS, Whole
from spanledger_server.traces.jaeger_warnings import Span as Row

LARGEST_BYTES: Final = 2 * 1024 * 1024
COUNTS: Final = {
    semconv.DROPPED_ATTRIBUTES: "dropped_attributes_count",
    semconv.DROPPED_EVENTS: "dropped_events_count",
    semconv.DROPPED_LINKS: "dropped_links_count",
}


def pieces(whole: Whole) -> Iterator[bytes]:
    """The trace in pieces, its spans by start."""
    piece, size = _Piece(), 0
    for row in whole.spans:
        span = _span(row)
        size += span.ByteSize()
        if size > LARGEST_BYTES and piece.groups:
            yield piece.serialized()
            piece, size = _Piece(), span.ByteSize()
        piece.add(row, span)
    yield piece.serialized()


class _Piece:
    """Spans by resource and scope."""

    def __init__(self) -> None:
        self.groups: dict[int | None, ResourceSpans] = {}
        self._scopes: dict[tuple[int | None, str | None], ScopeSpans] = {}

    def add(self, row: Row, span: Span) -> None:
        number, scope = row["resource_id"], row["scope"]
        if number not in self.groups:
            named = row["resource"] | {semconv.SERVICE_NAME: row["service"] or NAMELESS}
            self.groups[number] = ResourceSpans(resource=Resource(attributes=_attributes(named)))
        if (number, scope) not in self._scopes:
            self._scopes[number, scope] = self.groups[number].scope_spans.add(scope=InstrumentationScope(name=scope))
        self._scopes[number, scope].spans.append(span)

    def serialized(self) -> bytes:
        return TracesData(resource_spans=self.groups.values()).SerializeToString()


def _span(row: Row) -> Span:
    parent = row["parent_span_id"]
    attributes = {key: value for key, value in row["attributes"].items() if key not in COUNTS}
    span = Span(
        trace_id=row["trace_id"].bytes,
        span_id=row["span_id"].to_bytes(8, "big"),
        parent_span_id=b"" if parent is None else parent.to_bytes(8, "big"),
        trace_state=row["trace_state"],
        flags=row["flags"],
        name=row["name"],
        kind=row["kind"],
        start_time_unix_nano=row["start_ns"],
        end_time_unix_nano=row["end_ns"],
        attributes=_attributes(attributes),
        events=[_event(event) for event in row["events"]],
        links=[_link(link) for link in row["links"]],
        status=Status(code=row["status_code"], message=row["status_message"]),
    )
    for name, field in COUNTS.items():
        if name in row["attributes"]:
            setattr(span, field, row["attributes"][name])
    return span


def _event(event: Mapping[str, Any]) -> Span.Event:
    attributes = _attributes(event.get("attributes") or {})
    return Span.Event(time_unix_nano=event.get("at_ns") or 0, name=event.get("name") or "", attributes=attributes)


def _link(link: Mapping[str, Any]) -> Span.Link:
    return Span.Link(
        trace_id=bytes.fromhex(f"{link.get('trace_id') or '':0>32}"),
        span_id=bytes.fromhex(f"{link.get('span_id') or '':0>16}"),
        attributes=_attributes(link.get("attributes") or {}),
    )


def _attributes(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in attributes.items()]


def _value(value: Any) -> AnyValue:
    if value is None:
        return AnyValue()
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[_value(item) for item in value]))
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=_attributes(value)))
    return AnyValue(string_value=value)
