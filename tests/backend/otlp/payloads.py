"""OTLP requests for tests: built as protobuf, turned into OTLP/JSON, decoded and compared."""

from __future__ import annotations

import base64
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanledger_server.otlp import decode_logs, decode_metrics, decode_traces
from spanledger_server.otlp.columns import Decoded
from spanledger_server.otlp.limits import DecodeLimits

NOW = 1_795_000_000_000_000_000
SECOND = 10**9
TRACE_ID = bytes(range(1, 17))
SPAN_ID = bytes(range(1, 9))
LIMITS = DecodeLimits()
DECODERS = {"traces": decode_traces.decode, "logs": decode_logs.decode, "metrics": decode_metrics.decode}
REQUESTS: dict[str, Any] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
HEX_FIELDS = ("traceId", "spanId", "parentSpanId")


def any_value(value: Any) -> AnyValue:
    found = AnyValue()
    if isinstance(value, bool):
        found.bool_value = value
    elif isinstance(value, str):
        found.string_value = value
    elif isinstance(value, int):
        found.int_value = value
    elif isinstance(value, float):
        found.double_value = value
    elif isinstance(value, bytes):
        found.bytes_value = value
    elif isinstance(value, list):
        found.array_value.values.extend(any_value(item) for item in value)
        found.array_value.SetInParent()
    elif isinstance(value, dict):
        found.kvlist_value.values.extend(pairs(value))
        found.kvlist_value.SetInParent()
    return found


def pairs(attributes: dict[str, Any] | list[tuple[str, Any]]) -> list[KeyValue]:
    items = attributes.items() if isinstance(attributes, dict) else attributes
    return [KeyValue(key=key, value=any_value(value)) for key, value in items]


def span(attributes: dict[str, Any] | list[tuple[str, Any]] | None = None, **fields: Any) -> Span:
    known: dict[str, Any] = {
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "name": "chat",
        "start_time_unix_nano": NOW - 2 * SECOND,
        "end_time_unix_nano": NOW - SECOND,
    }
    return Span(**(known | fields), attributes=pairs(attributes or {}))


def log(attributes: dict[str, Any] | None = None, **fields: Any) -> LogRecord:
    known: dict[str, Any] = {"trace_id": TRACE_ID, "span_id": SPAN_ID, "time_unix_nano": NOW - SECOND}
    return LogRecord(**(known | fields), attributes=pairs(attributes or {}))


def request(signal: str, records: list[Any], resource: dict[str, Any] | None = None, scope: str = "test") -> Any:
    message = REQUESTS[signal]()
    group = {"traces": "resource_spans", "logs": "resource_logs", "metrics": "resource_metrics"}[signal]
    inner = {"traces": "scope_spans", "logs": "scope_logs", "metrics": "scope_metrics"}[signal]
    last = {"traces": "spans", "logs": "log_records", "metrics": "metrics"}[signal]
    resource_group = getattr(message, group).add()
    resource_group.resource.attributes.extend(pairs(resource or {"service.name": "bookshop"}))
    scope_group = getattr(resource_group, inner).add()
    scope_group.scope.name = scope
    getattr(scope_group, last).extend(records)
    return message


def traces(*spans: Span, **more: Any) -> bytes:
    return bytes(request("traces", list(spans), **more).SerializeToString())


def logs(*records: LogRecord, **more: Any) -> bytes:
    return bytes(request("logs", list(records), **more).SerializeToString())


def metrics(*found: Metric, **more: Any) -> bytes:
    return bytes(request("metrics", list(found), **more).SerializeToString())


def as_json(message: Any) -> bytes:
    """A request as OTLP/JSON: protobuf's mapping, but ids in hex and enums as integers."""
    return orjson.dumps(_hex_ids(MessageToDict(message, use_integers_for_enums=True)))


def _hex_ids(found: Any) -> Any:
    if isinstance(found, list):
        return [_hex_ids(item) for item in found]
    if isinstance(found, dict):
        return {
            key: base64.b64decode(value).hex() if key in HEX_FIELDS else _hex_ids(value) for key, value in found.items()
        }
    return found


def decode(
    signal: str, body: bytes, encoding: Any = "protobuf", *, now_ns: int = NOW, limits: DecodeLimits = LIMITS
) -> Decoded:
    return DECODERS[signal](body, encoding=encoding, now_ns=now_ns, limits=limits)


def both(signal: str, message: Any, *, limits: DecodeLimits = LIMITS) -> Decoded:
    """The request decoded; from protobuf and from JSON it must be the same."""
    from_protobuf = decode(signal, message.SerializeToString(), limits=limits)
    from_json = decode(signal, as_json(message), "json", limits=limits)
    assert plain(from_protobuf) == plain(from_json)
    return from_protobuf


def plain(decoded: Decoded) -> dict[str, Any]:
    """All that a decoder gave, as values that compare."""
    return {
        "signal": decoded.signal,
        "rows": decoded.table.to_pylist(),
        "count": decoded.rows,
        "schema": decoded.table.schema,
        "series": None if decoded.series is None else decoded.series.to_pylist(),
        "resources": decoded.resources,
        "candidates": decoded.candidates,
        "refusals": (decoded.refusals.by_reason, decoded.refusals.examples),
        "times": (decoded.min_ns, decoded.max_ns),
    }


def row(decoded: Decoded) -> dict[str, Any]:
    """The only row."""
    (found,) = decoded.table.to_pylist()
    return dict(found)


def rest(decoded: Decoded) -> Any:
    """The JSON of the only row's attributes."""
    text = row(decoded)["attributes"]
    return None if text is None else orjson.loads(text)


def reasons(decoded: Decoded) -> dict[str, int]:
    """Refused records by reason, over all services."""
    found: dict[str, int] = {}
    for (_, reason), count in decoded.refusals.by_reason.items():
        found[reason] = found.get(reason, 0) + count
    return found
