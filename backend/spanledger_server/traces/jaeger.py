"""Traces as Jaeger's own clients read them: ``/api/traces`` with spans, processes, tags, logs and references.

Given whole traces of the store, gives the shapes of Jaeger's first generation; what OTLP has and Jaeger has not
becomes a tag, by the mapping of the OpenTelemetry specification and of Jaeger itself.

Never: a number that JavaScript would round. Integers beyond 53 bits are text.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from typing import Any, Final

from spanledger import semconv
from spanledger_server.traces.filters import KINDS, STATUSES
from spanledger_server.traces.jaeger_read import NAMELESS, Whole
from spanledger_server.traces.jaeger_warnings import Reading, Span, names_a_trace, warnings

Shape = dict[str, Any]

EXACT_IN_JAVASCRIPT: Final = 2**53 - 1
ADDRESSES: Final = frozenset(("ip", "peer.ipv4"))


def trace_shape(whole: Whole, *, raw: bool = False) -> Shape:
    """A trace.

    Args:
        whole: Its spans.
        raw: Without warnings.
    """
    processes: dict[int | None, tuple[str, Shape]] = {}
    warned = {} if raw else warnings(whole.spans, READING)
    spans = []
    for span in whole.spans:
        if span["resource_id"] not in processes:
            processes[span["resource_id"]] = (f"p{len(processes) + 1}", _process(span))
        name, _ = processes[span["resource_id"]]
        spans.append(_span(span, name, warned.get(span["span_id"], [])))
    missing = whole.number - len(whole.spans)
    return {
        "traceID": trace_text(whole.trace_id.int),
        "spans": spans,
        "processes": dict(processes.values()),
        "warnings": [f"{missing} of {whole.number} spans are not shown"] if missing else None,
    }


def trace_text(trace_id: int) -> str:
    """A trace id as Jaeger spells it: 16 digits when they are enough, else 32."""
    return f"{trace_id:016x}" if trace_id < 2**64 else f"{trace_id:032x}"


def _host(span: Span) -> str:
    address = dotted("ip", span["resource"].get("ip"))
    return address if isinstance(address, str) else ""


def _parent(span: Span) -> int | None:
    """The parent; of a span that has none, the first span of its trace that it is linked to."""
    if span["parent_span_id"] is not None:
        return int(span["parent_span_id"])
    own = [link for link in span["links"] if link.get("trace_id") == span["trace_id"].hex]
    return (int(own[0].get("span_id") or "0", 16) or None) if own else None


READING: Final = Reading(
    host=_host,
    parent=_parent,
    orphaned="invalid parent span IDs={}; skipping clock skew adjustment",
    unlinked="Invalid span reference removed",
)


def _process(span: Span) -> Shape:
    attributes = {key: value for key, value in span["resource"].items() if key != semconv.SERVICE_NAME}
    return {"serviceName": span["service"] or NAMELESS, "tags": _tags(attributes)}


def _span(span: Span, process: str, warned: list[str]) -> Shape:
    return {
        "traceID": trace_text(span["trace_id"].int),
        "spanID": f"{span['span_id']:016x}",
        "operationName": span["name"],
        "references": _references(span),
        "startTime": span["start_ns"] // 1000,
        "duration": (span["end_ns"] - span["start_ns"]) // 1000,
        "tags": sorted(_tags(span["attributes"]) + _tags(_told_apart(span)), key=lambda tag: str(tag["key"])),
        "logs": [_log(event) for event in span["events"]],
        "processID": process,
        "warnings": warned or None,
    }


def _told_apart(span: Span) -> dict[str, Any]:
    """What OTLP tells of a span beside its attributes, as tags."""
    kind, status = span["kind"], span["status_code"]
    told = {
        "otel.scope.name": span["scope"],
        "span.kind": KINDS[kind] if kind else None,
        "otel.status_code": STATUSES[status].upper() if status else None,
        "error": True if STATUSES[status] == "error" else None,
        "otel.status_description": span["status_message"],
        "w3c.tracestate": span["trace_state"],
    }
    return {key: value for key, value in told.items() if value is not None}


def _references(span: Span) -> list[Shape]:
    """The parent and the links; what belongs to this trace comes first."""
    own, parent = span["trace_id"].int, span["parent_span_id"]
    found = {(own, parent): "CHILD_OF"} if parent is not None else {}
    for link in filter(names_a_trace, span["links"]):
        child = (link.get("attributes") or {}).get("opentracing.ref_type") == "child_of"
        place = (int(link["trace_id"], 16), int(link.get("span_id") or "0", 16))
        found[place] = "CHILD_OF" if child else "FOLLOWS_FROM"
    placed = list(found.items())
    ours = [entry for entry in placed if entry[0][0] == own]
    if ours:
        at = placed.index(min(ours, key=lambda entry: entry[1] != "CHILD_OF"))
        placed[0], placed[at] = placed[at], placed[0]
    return [
        {"refType": kind, "traceID": trace_text(trace_id), "spanID": f"{span_id:016x}"}
        for (trace_id, span_id), kind in placed
    ]


def _log(event: Mapping[str, Any]) -> Shape:
    attributes = event.get("attributes") or {}
    named = {"event": event["name"]} if event.get("name") and "event" not in attributes else {}
    fields = _tags({**named, **attributes})
    fields.sort(key=lambda tag: (tag["key"] != "event", tag["key"]))
    return {"timestamp": int(event.get("at_ns") or 0) // 1000, "fields": fields}


def _tags(attributes: Mapping[str, Any]) -> list[Shape]:
    return [_tag(key, dotted(key, value)) for key, value in sorted(attributes.items())]


def dotted(key: str, value: Any) -> Any:
    """An IPv4 address that Jaeger's own clients told as a number; anything else as it is."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(ipaddress.IPv4Address(int(value) & 0xFFFFFFFF)) if key in ADDRESSES and number else value


def _tag(key: str, value: Any) -> Shape:
    if isinstance(value, bool):
        return {"key": key, "type": "bool", "value": value}
    if isinstance(value, int):
        return {"key": key, "type": "int64", "value": value if abs(value) <= EXACT_IN_JAVASCRIPT else str(value)}
    if isinstance(value, float):
        return {"key": key, "type": "float64", "value": value}
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return {"key": key, "type": "string", "value": value or ""}
