"""Small OTLP requests: ledger events and spans of one service, made by hand."""

from __future__ import annotations

import secrets
import time
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

NS = 10**9


def attributes(values: dict[str, Any]) -> list[KeyValue]:
    """Attributes of any of the plain kinds."""
    return [KeyValue(key=key, value=_value(value)) for key, value in values.items()]


def _value(value: Any) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(string_value=str(value))


def resource(service: str) -> Resource:
    """The resource of a service."""
    return Resource(attributes=attributes({"service.name": service}))


def ledger_event(
    *,
    cost: str | None = "0.25",
    model: str = "gpt-5",
    at_ns: int | None = None,
    duration_ms: int = 120,
    error: str | None = None,
    trace_id: bytes | None = None,
    span_id: bytes | None = None,
    **more: Any,
) -> LogRecord:
    """One billable call; with `cost` None it has neither price nor usage."""
    values: dict[str, Any] = {
        "spanledger.entry.kind": "usage" if cost is None else "cost",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "spanledger.duration_ns": duration_ms * 10**6,
    }
    if cost is not None:
        values["spanledger.cost.usd"] = cost
    if error is not None:
        values["error.type"] = error
    values |= more
    at_ns = time.time_ns() if at_ns is None else at_ns
    return LogRecord(
        time_unix_nano=at_ns,
        observed_time_unix_nano=at_ns,
        event_name="spanledger.ledger.entry",
        trace_id=trace_id or secrets.token_bytes(16),
        span_id=span_id or secrets.token_bytes(8),
        attributes=attributes(values),
    )


def ledger_request(*events: LogRecord, service: str = "shop") -> bytes:
    """A logs request that holds these events."""
    scope = ScopeLogs(log_records=events)
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=resource(service), scope_logs=[scope])]
    ).SerializeToString()


def span(name: str = "GET /books", *, at_ns: int | None = None, duration_ms: int = 50, failed: bool = False) -> Span:
    """A server span that ends at `at_ns`, now when None."""
    end_ns = time.time_ns() if at_ns is None else at_ns
    return Span(
        trace_id=secrets.token_bytes(16),
        span_id=secrets.token_bytes(8),
        name=name,
        kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=end_ns - duration_ms * 10**6,
        end_time_unix_nano=end_ns,
        status=Status(code=Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_OK),
    )


def span_request(*spans: Span, service: str = "shop") -> bytes:
    """A traces request that holds these spans."""
    scope = ScopeSpans(spans=spans)
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource(service), scope_spans=[scope])]
    ).SerializeToString()
