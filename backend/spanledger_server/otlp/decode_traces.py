"""One trace request's bytes as columns: `decode`.

Given OTLP protobuf or JSON, the time and the limits, gives spans, resources, candidates for the ledger and refusals;
pure. This loop is where ingest spends its time: one call a span, one dict lookup an attribute.

Never: an exception but `Malformed` and `TooLarge`.
"""

from __future__ import annotations

from typing import Any, Literal

from google.protobuf.message import DecodeError
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanledger_server.errors import Malformed
from spanledger_server.otlp import json
from spanledger_server.otlp.attributes import Attributes, ProtobufValues
from spanledger_server.otlp.columns import Decoded
from spanledger_server.otlp.limits import DecodeLimits, shortened
from spanledger_server.otlp.resources import json_scope, protobuf_resource, protobuf_scope, resource_of
from spanledger_server.otlp.spans import SpanFields, SpanRows, event_of, link_of, list_json, noted
from spanledger_server.otlp.wire import ShallowEvent, ShallowLink, ShallowSpan, scope_groups

Encoding = Literal["protobuf", "json"]


def decode(body: bytes, *, encoding: Encoding, now_ns: int, limits: DecodeLimits) -> Decoded:
    """Decode an ExportTraceServiceRequest.

    Args:
        body: The request, not compressed.
        encoding: ``protobuf`` or ``json``.
        now_ns: The time, ns since 1970: what is too far in the future or too late is judged by it.
        limits: The bounds.

    Raises:
        Malformed: `body` is not what `encoding` says.
        TooLarge: It has more groups, or more JSON objects, than the limits allow.
    """
    rows = SpanRows(now_ns, limits)
    if encoding == "protobuf":
        _read_protobuf(body, rows, limits)
    else:
        _read_json(body, rows, limits)
    return rows.decoded()


def _read_protobuf(body: bytes, rows: SpanRows, limits: DecodeLimits) -> None:
    reader = _ProtobufSpans(rows, limits)
    narrow, wide, wide_bytes = reader.narrow, reader.wide, limits.wide_bytes
    try:
        for resource, scope, spans in scope_groups(body, limits.records):
            rows.enter(protobuf_resource(resource, limits), protobuf_scope(scope, limits) if scope else None)
            for raw in spans[: rows.taken(len(spans))]:
                if len(raw) < wide_bytes:
                    narrow(raw)
                else:
                    wide(raw)
    except DecodeError as error:
        raise Malformed(f"the body is not OTLP protobuf: {error}") from error


def _fields(span: Any) -> SpanFields:
    status = span.status
    return (
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.name,
        span.kind,
        status.code,
        status.message,
        span.trace_state,
        span.flags,
    )


class _ProtobufSpans:
    """Reads spans, each from its own bytes."""

    def __init__(self, rows: SpanRows, limits: DecodeLimits) -> None:
        self._rows = rows
        self._limits = limits
        self._values = ProtobufValues(limits)

    def narrow(self, raw: bytes) -> None:
        span = Span.FromString(raw)
        size = len(raw)
        attributes = self._values.attributes(span.attributes, size, span.dropped_attributes_count)
        events, links = span.events, span.links
        most = self._limits.events
        event_text = list_json([self._event(event, size) for event in events[:most]]) if events else None
        link_text = list_json([self._link(link, size) for link in links[:most]]) if links else None
        dropped_events = span.dropped_events_count + max(len(events) - most, 0)
        dropped_links = span.dropped_links_count + max(len(links) - most, 0)
        if dropped_events or dropped_links:
            noted(attributes, dropped_events, dropped_links)
        self._rows.add(_fields(span), attributes, event_text, link_text)

    def wide(self, raw: bytes) -> None:
        """As `narrow`, piece by piece: a hostile span may hold millions of pieces in a few megabytes."""
        span = ShallowSpan.FromString(raw)
        attributes = self._values.shallow_attributes(span.attributes, span.dropped_attributes_count)
        most = self._limits.events
        events = [self._shallow_event(ShallowEvent.FromString(event)) for event in span.events[:most]]
        links = [self._shallow_link(ShallowLink.FromString(link)) for link in span.links[:most]]
        dropped_events = span.dropped_events_count + max(len(span.events) - most, 0)
        dropped_links = span.dropped_links_count + max(len(span.links) - most, 0)
        noted(attributes, dropped_events, dropped_links)
        self._rows.add(_fields(span), attributes, list_json(events), list_json(links))

    def _event(self, event: Any, size: int) -> Attributes:
        attributes = self._values.attributes(event.attributes, size, event.dropped_attributes_count)
        return self._event_of(event, attributes)

    def _shallow_event(self, event: Any) -> Attributes:
        return self._event_of(event, self._values.shallow_attributes(event.attributes, event.dropped_attributes_count))

    def _event_of(self, event: Any, attributes: Attributes) -> Attributes:
        return event_of(shortened(event.name, self._limits.name_length), event.time_unix_nano, attributes)

    def _link(self, link: Any, size: int) -> Attributes:
        return link_of(
            link.trace_id, link.span_id, self._values.attributes(link.attributes, size, link.dropped_attributes_count)
        )

    def _shallow_link(self, link: Any) -> Attributes:
        return link_of(
            link.trace_id, link.span_id, self._values.shallow_attributes(link.attributes, link.dropped_attributes_count)
        )


def _read_json(body: bytes, rows: SpanRows, limits: DecodeLimits) -> None:
    values = json.JsonValues(limits)
    document = json.document(body, limits)
    groups = json.scope_groups(document, "resourceSpans", "scopeSpans", "spans", limits.records)
    for resource, scope, spans in groups:
        rows.enter(resource_of(values.attributes(resource)), json_scope(scope, limits))
        for span in spans[: rows.taken(len(spans))]:
            _add_json(span, rows, values, limits)


def _add_json(span: json.Object, rows: SpanRows, values: json.JsonValues, limits: DecodeLimits) -> None:
    attributes = values.attributes(span)
    events, links = json.objects(span, "events"), json.objects(span, "links")
    most = limits.events
    noted(
        attributes,
        json.uint32(span, "droppedEventsCount") + max(len(events) - most, 0),
        json.uint32(span, "droppedLinksCount") + max(len(links) - most, 0),
    )
    read_events = [_json_event(event, values, limits) for event in events[:most]]
    read_links = [_json_link(link, values) for link in links[:most]]
    rows.add(_json_fields(span), attributes, list_json(read_events), list_json(read_links))


def _json_fields(span: json.Object) -> SpanFields:
    status = json.one(span, "status")
    return (
        json.identifier(span, "traceId"),
        json.identifier(span, "spanId"),
        json.identifier(span, "parentSpanId"),
        json.uint64(span, "startTimeUnixNano"),
        json.uint64(span, "endTimeUnixNano"),
        json.text(span, "name"),
        json.int32(span, "kind"),
        json.int32(status, "code"),
        json.text(status, "message"),
        json.text(span, "traceState"),
        json.uint32(span, "flags"),
    )


def _json_event(event: json.Object, values: json.JsonValues, limits: DecodeLimits) -> Attributes:
    at_ns = json.uint64(event, "timeUnixNano")
    return event_of(shortened(json.text(event, "name"), limits.name_length), at_ns, values.attributes(event))


def _json_link(link: json.Object, values: json.JsonValues) -> Attributes:
    return link_of(json.identifier(link, "traceId"), json.identifier(link, "spanId"), values.attributes(link))
