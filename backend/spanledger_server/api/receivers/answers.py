"""What a sender is told, in OTLP's own words: success, partial success, or a ``google.rpc.Status``.

Given an acknowledgement or an error, gives the bytes of the answer in the encoding of the request. The one table that
says which error is which HTTP status and which gRPC code stands here.

Never: an invitation to send the same again when that cannot help.
"""

from __future__ import annotations

import logging
from typing import Any, Final

import orjson
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanledger_server import errors
from spanledger_server.api.receivers.receive import Acknowledged, Encoding
from spanledger_server.otlp.columns import Signal

log = logging.getLogger(__name__)

# error -> HTTP status, gRPC code (google.rpc.Code); the first that fits
TABLE: Final[tuple[tuple[type[errors.SpanledgerError], int, int], ...]] = (
    (errors.Malformed, 400, 3),
    (errors.Unauthenticated, 401, 16),
    (errors.Forbidden, 403, 7),
    (errors.NotFound, 404, 5),
    (errors.TooLarge, 413, 8),
    (errors.UnsupportedMedia, 415, 3),
    (errors.Invalid, 422, 3),
    (errors.TooOften, 429, 8),
    (errors.Busy, 503, 14),
    (errors.SpanledgerError, 500, 13),
)
SHORTEST_WAIT_S, LONGEST_WAIT_S = 1, 3  # a longer wait makes OpenTelemetry's exporters drop the data at once
LONGEST_MESSAGE: Final = 1_000  # characters: gRPC carries it in a trailer
REJECTED: Final[dict[Signal, tuple[Any, str, str]]] = {
    "traces": (ExportTraceServiceResponse, "rejected_spans", "rejectedSpans"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points", "rejectedDataPoints"),
}
MEDIA_TYPES: Final[dict[Encoding, str]] = {"protobuf": "application/x-protobuf", "json": "application/json"}


def success(signal: Signal, encoding: Encoding, acknowledged: Acknowledged) -> bytes:
    """The answer to a request that was stored, wholly or in part."""
    response, field, json_field = REJECTED[signal]
    partial = acknowledged.refused > 0 or bool(acknowledged.message)
    message = (acknowledged.message or "")[:LONGEST_MESSAGE]
    if encoding == "json":
        # int64 is a text in protobuf's JSON
        told = {json_field: str(acknowledged.refused), "errorMessage": message}
        return orjson.dumps({"partialSuccess": told} if partial else {})
    answer = response()
    if partial:
        setattr(answer.partial_success, field, acknowledged.refused)
        answer.partial_success.error_message = message
    return bytes(answer.SerializeToString())


def codes(error: errors.SpanledgerError) -> tuple[int, int]:
    """The HTTP status and the gRPC code of `error`."""
    return next((http, rpc) for kind, http, rpc in TABLE if isinstance(error, kind))


def wait_s(error: errors.Busy) -> int:
    """Seconds after which a sender should come back."""
    return min(max(error.retry_after_s, SHORTEST_WAIT_S), LONGEST_WAIT_S)


def told(error: errors.SpanledgerError) -> str:
    """What the sender reads; what went wrong inside goes to the log only."""
    if codes(error)[0] == 500:
        log.error("a telemetry request failed", exc_info=error)
        return "the server could not take this; its log says why"
    return str(error)[:LONGEST_MESSAGE]


def retry_info(error: errors.Busy) -> RetryInfo:
    """When to come back, as gRPC says it: up to a second earlier by chance, as Collectors obey to the millisecond."""
    longest_s = wait_s(error)
    earlier_s = error.chance * min(longest_s - SHORTEST_WAIT_S, 1)
    retry = RetryInfo(retry_delay=Duration())
    retry.retry_delay.FromNanoseconds(round((longest_s - earlier_s) * 1e9))
    return retry


def status(error: errors.SpanledgerError) -> Status:
    """`error` as a ``google.rpc.Status``."""
    answer = Status(code=codes(error)[1], message=told(error))
    if isinstance(error, errors.Busy):
        answer.details.append(_packed(retry_info(error)))
    elif isinstance(error, errors.Malformed):
        violation = BadRequest.FieldViolation(field="body", description=answer.message)
        answer.details.append(_packed(BadRequest(field_violations=[violation])))
    return answer


def failure(encoding: Encoding, error: errors.SpanledgerError) -> bytes:
    """The body of an answer to a request that was not stored."""
    if encoding == "protobuf":
        return bytes(status(error).SerializeToString())
    return orjson.dumps({"code": codes(error)[1], "message": told(error), "details": _json_details(error)})


def _json_details(error: errors.SpanledgerError) -> list[dict[str, Any]]:
    if isinstance(error, errors.Busy):
        return [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{wait_s(error)}s"}]
    if isinstance(error, errors.Malformed):
        violation = {"field": "body", "description": str(error)[:LONGEST_MESSAGE]}
        return [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    return []


def _packed(message: Any) -> Packed:
    packed = Packed()
    packed.Pack(message)
    return packed
