"""Answers of Jaeger's API made comparable: times from the spans' beginning, and nothing that depends on order.

What differs on purpose between a real Jaeger and our backend is taken out of both here, and nowhere else;
`docs/jaeger.md` names each of it.
"""

from __future__ import annotations

from typing import Any

NANOSECONDS = frozenset(("startTimeUnixNano", "endTimeUnixNano", "timeUnixNano"))
MICROSECONDS = frozenset(("startTime", "timestamp"))


def normal(status: int, body: Any, at_ns: int) -> dict[str, Any]:
    """One answer.

    Args:
        status: HTTP status.
        body: Its JSON.
        at_ns: When the spans began.
    """
    if status >= 400:
        return {"status": status, "refused_as": _refusal(body)}
    body = _since(body, at_ns)
    if "result" in body:
        return {"status": status, "spans": _otlp_spans(body["result"])}
    if "data" in body:
        body["data"] = _data(body["data"])
        for error in body["errors"] or ():
            error["msg"] = bool(error["msg"])
        return {"status": status, "body": body}
    return {"status": status, "body": {name: _operations(items) for name, items in body.items() if items}}


def _refusal(body: Any) -> Any:
    """The shape, with every text there or not; what it says is in each one's own words."""
    if isinstance(body, dict):
        return {key: _refusal(value) for key, value in body.items()}
    if isinstance(body, list):
        return [_refusal(item) for item in body]
    return bool(body) if isinstance(body, str) else body


def _since(value: Any, at_ns: int) -> Any:
    if isinstance(value, list):
        return [_since(item, at_ns) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, item in value.items():
        if key in NANOSECONDS:
            found[key] = int(item) - at_ns
        elif key in MICROSECONDS:
            found[key] = item - at_ns // 1000
        else:
            found[key] = _since(item, at_ns)
    return found


def _data(data: Any) -> list[Any]:
    """`data` of the first generation: names, operations, links or traces; null is no more than empty."""
    items = [_trace(item) if isinstance(item, dict) and "spans" in item else item for item in data or []]
    items = [item for item in items if not (isinstance(item, dict) and item.get("parent", 0) == item.get("child", 1))]
    return sorted(items, key=_key)


def _trace(trace: dict[str, Any]) -> dict[str, Any]:
    """A trace with each process in its spans."""
    spans = []
    for span in trace["spans"]:
        process = dict(trace["processes"][span["processID"]])
        process["tags"] = sorted(process["tags"], key=_key)
        logs = sorted(span["logs"], key=_key)
        shown = {key: value for key, value in span.items() if key != "processID"}
        spans.append(shown | {"process": process, "logs": logs, "warnings": sorted(span["warnings"] or [])})
        for warning in spans[-1]["warnings"]:
            if warning.startswith("Invalid span reference removed"):
                spans[-1]["warnings"] = ["Invalid span reference removed"]
    shown = {key: value for key, value in trace.items() if key not in ("processes", "spans")}
    return shown | {"processes": len(trace["processes"]), "spans": sorted(spans, key=_key)}


def _otlp_spans(result: dict[str, Any]) -> list[Any]:
    """Spans of the second generation, each with its resource and scope, however they were grouped."""
    spans = []
    for group in result["resourceSpans"]:
        for scoped in group["scopeSpans"]:
            for span in scoped["spans"]:
                resource = {"attributes": sorted(group["resource"]["attributes"], key=_key)}
                more = {
                    "attributes": sorted(map(_told_once, span.get("attributes", [])), key=_key),
                    "events": sorted(span.get("events", []), key=_key),
                    "resource": resource,
                    "scope": scoped.get("scope") or {},
                }
                spans.append({key: value for key, value in (span | more).items() if value not in ("", [], {}, 0)})
    return sorted(spans, key=_key)


def _told_once(attribute: dict[str, Any]) -> dict[str, Any]:
    """Jaeger's memory keeps the warnings of every answer that it gave before."""
    if attribute["key"] != "@jaeger@warnings":
        return attribute
    texts = {value["stringValue"] for value in attribute["value"]["arrayValue"]["values"]}
    return {"key": attribute["key"], "value": sorted(texts)}


def _operations(items: list[Any]) -> list[Any]:
    named = [item if isinstance(item, str) else {"spanKind": ""} | item for item in items]
    return sorted(named, key=_key)


def _key(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    places = (
        "key",
        "traceID",
        "spanID",
        "traceId",
        "spanId",
        "name",
        "spanKind",
        "parent",
        "child",
        "timestamp",
        "timeUnixNano",
    )
    return " ".join(f"{item.get(place, '')!s:>20}" for place in places)
