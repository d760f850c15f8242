"""Traces as Jaeger's second generation of clients reads them: OTLP in JSON, and summaries of traces.

Given whole traces of the store, gives ``resourceSpans`` as they would be sent, attributes by name, with Jaeger's
warnings in the attribute where Jaeger keeps them.

Never: a 64-bit number as a JSON number. OTLP's JSON has them as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from spanledger import semconv
from spanledger_server.traces.jaeger import dotted
from spanledger_server.traces.jaeger_read import NAMELESS, Whole
from spanledger_server.traces.jaeger_warnings import Reading, Span, names_a_trace, warnings

Shape = dict[str, Any]

WARNINGS: Final = "@jaeger@warnings"
COUNTS: Final = {
    semconv.DROPPED_ATTRIBUTES: "droppedAttributesCount",
    semconv.DROPPED_EVENTS: "droppedEventsCount",
    semconv.DROPPED_LINKS: "droppedLinksCount",
}


def resource_spans(traces: Iterable[Whole], *, raw: bool = False) -> list[Shape]:
    """All spans of these traces, trace by trace, by resource and scope.

    Args:
        traces: Whole traces.
        raw: Without warnings.
    """
    return [group for whole in traces for group in _of_trace(whole, raw=raw)]


def _of_trace(whole: Whole, *, raw: bool) -> list[Shape]:
    warned = {} if raw else warnings(whole.spans, READING)
    missing = whole.number - len(whole.spans)
    if missing:
        warned.setdefault(whole.spans[0]["span_id"], []).append(f"{missing} of {whole.number} spans are not shown")
    resources: dict[int | None, Shape] = {}
    scopes: dict[tuple[int | None, str | None], list[Shape]] = {}
    for span in whole.spans:
        number, scope = span["resource_id"], span["scope"]
        if number not in resources:
            named = span["resource"] | {semconv.SERVICE_NAME: span["service"] or NAMELESS}
            resources[number] = {"resource": {"attributes": _attributes(named)}, "scopeSpans": []}
        if (number, scope) not in scopes:
            spans = scopes[number, scope] = []
            resources[number]["scopeSpans"].append({"scope": {"name": scope} if scope else {}, "spans": spans})
        scopes[number, scope].append(_span(span, warned.get(span["span_id"], [])))
    return list(resources.values())


def _host(span: Span) -> str:
    resource = span["resource"]
    address = resource.get("host.ip")
    told = (resource.get("host.id"), address[0] if isinstance(address, list) and address else address)
    return next((text for text in (*told, resource.get("host.name")) if isinstance(text, str)), "")


READING: Final = Reading(
    host=_host,
    parent=lambda span: span["parent_span_id"],
    orphaned="parent span ID={} is not in the trace; skipping clock skew adjustment",
    unlinked="Invalid span link removed",
)


def _span(span: Span, warned: list[str]) -> Shape:
    attributes = {key: value for key, value in span["attributes"].items() if key not in COUNTS}
    status = {"message": span["status_message"], "code": span["status_code"]}
    shape = {
        "traceId": span["trace_id"].hex,
        "spanId": f"{span['span_id']:016x}",
        "traceState": span["trace_state"],
        "parentSpanId": "" if span["parent_span_id"] is None else f"{span['parent_span_id']:016x}",
        "flags": span["flags"],
        "name": span["name"],
        "kind": span["kind"],
        "startTimeUnixNano": str(span["start_ns"]),
        "endTimeUnixNano": str(span["end_ns"]),
        "attributes": _attributes(attributes) + ([_attribute(WARNINGS, warned)] if warned else []),
        **_counts(span["attributes"]),
        "events": [_event(event) for event in span["events"]],
        "links": [_link(link) for link in span["links"] if names_a_trace(link)],
        "status": {key: value for key, value in status.items() if value},
    }
    return {key: value for key, value in shape.items() if value or key in ("parentSpanId", "status")}


def _counts(attributes: Mapping[str, Any]) -> Shape:
    return {field: attributes[name] for name, field in COUNTS.items() if name in attributes}


def _event(event: Mapping[str, Any]) -> Shape:
    attributes = dict(event.get("attributes") or {})
    dropped = attributes.pop(semconv.DROPPED_ATTRIBUTES, 0)
    shape = {"timeUnixNano": str(event.get("at_ns") or 0), "name": event.get("name"), "droppedAttributesCount": dropped}
    return {key: value for key, value in (shape | {"attributes": _attributes(attributes)}).items() if value}


def _link(link: Mapping[str, Any]) -> Shape:
    shape = {"traceId": f"{link['trace_id']:0>32}", "spanId": f"{link.get('span_id') or '':0>16}"}
    attributes = _attributes(link.get("attributes") or {})
    return {**shape, "attributes": attributes} if attributes else shape


def _attributes(attributes: Mapping[str, Any]) -> list[Shape]:
    return [_attribute(key, dotted(key, value)) for key, value in sorted(attributes.items())]


def _attribute(key: str, value: Any) -> Shape:
    return {"key": key, "value": _value(value)}


def _value(value: Any) -> Shape:
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [_attribute(key, item) for key, item in value.items()]}}
    return {"stringValue": value}


def summary(row: Mapping[str, Any]) -> Shape:
    """A row of `jaeger_read.summaries` as Jaeger lists it."""
    return {
        "traceId": row["trace_id"].hex,
        "rootServiceName": row["root"]["service"],
        "rootOperationName": row["root"]["name"],
        "minStartTimeUnixNano": str(row["start_ns"]),
        "maxEndTimeUnixNano": str(row["end_ns"]),
        "spanCount": row["spans"],
        "errorSpanCount": row["errors"],
        "orphanSpanCount": row["orphans"],
        "services": [
            {"name": each["name"], "spanCount": each["spans"], "errorSpanCount": each["errors"]}
            for each in row["services"]
        ],
    }
