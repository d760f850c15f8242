"""One logs request's bytes as columns: `decode`.

Given OTLP protobuf or JSON, the time and the limits, gives log rows, resources, the ledger's events and refusals;
pure.

Never: an exception but `Malformed` and `TooLarge`.
"""

from __future__ import annotations

from typing import Any, Literal

from google.protobuf.message import DecodeError
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from spanledger import semconv
from spanledger_server.errors import Malformed
from spanledger_server.otlp import json
from spanledger_server.otlp.attributes import Attributes, Oversize, ProtobufValues
from spanledger_server.otlp.columns import Decoded
from spanledger_server.otlp.limits import CUT, DecodeLimits, shortened
from spanledger_server.otlp.log_records import LogFields, LogRows
from spanledger_server.otlp.promotion import integer
from spanledger_server.otlp.resources import json_scope, protobuf_resource, protobuf_scope, resource_of
from spanledger_server.otlp.wire import ShallowLogRecord, scope_groups

Encoding = Literal["protobuf", "json"]


def decode(body: bytes, *, encoding: Encoding, now_ns: int, limits: DecodeLimits) -> Decoded:
    """Decode an ExportLogsServiceRequest.

    Args:
        body: The request, not compressed.
        encoding: ``protobuf`` or ``json``.
        now_ns: The time, ns since 1970: what is too far in the future or too late is judged by it.
        limits: The bounds.

    Raises:
        Malformed: `body` is not what `encoding` says.
        TooLarge: It has more groups, or more JSON objects, than the limits allow.
    """
    rows = LogRows(now_ns, limits)
    if encoding == "protobuf":
        _read_protobuf(body, rows, limits)
    else:
        _read_json(body, rows, limits)
    return rows.decoded()


def _read_protobuf(body: bytes, rows: LogRows, limits: DecodeLimits) -> None:
    values = ProtobufValues(limits)
    try:
        for resource, scope, records in scope_groups(body, limits.records):
            rows.enter(protobuf_resource(resource, limits), protobuf_scope(scope, limits) if scope else None)
            for raw in records[: rows.taken(len(records))]:
                if len(raw) < limits.wide_bytes:
                    _add_narrow(raw, rows, values, limits)
                else:
                    _add_wide(raw, rows, values, limits)
    except DecodeError as error:
        raise Malformed(f"the body is not OTLP protobuf: {error}") from error


def _fields(record: Any) -> LogFields:
    return (
        record.trace_id,
        record.span_id,
        record.time_unix_nano,
        record.observed_time_unix_nano,
        record.severity_number,
        record.severity_text,
        record.event_name,
    )


def _add_narrow(raw: bytes, rows: LogRows, values: ProtobufValues, limits: DecodeLimits) -> None:
    record = LogRecord.FromString(raw)
    attributes = values.attributes(record.attributes, len(raw), record.dropped_attributes_count)
    rows.add(_fields(record), attributes, _body(record.body, values.value, attributes, limits))


def _add_wide(raw: bytes, rows: LogRows, values: ProtobufValues, limits: DecodeLimits) -> None:
    record = ShallowLogRecord.FromString(raw)
    attributes = values.shallow_attributes(record.attributes, record.dropped_attributes_count)
    rows.add(_fields(record), attributes, _body(record.body, values.shallow_value, attributes, limits))


def _body(value: Any, convert: Any, attributes: Attributes, limits: DecodeLimits) -> Any:
    """A record's body within the limits; a cut is counted with those of its attributes."""
    try:
        body = convert(value)
    except Oversize:
        body, cut = CUT, True
    else:
        cut = type(body) is str and len(body) > limits.value_length
        body = shortened(body, limits.value_length) if cut else body
    if cut:
        attributes[semconv.TRUNCATED_VALUES] = (integer(attributes.get(semconv.TRUNCATED_VALUES)) or 0) + 1
    return body


def _read_json(body: bytes, rows: LogRows, limits: DecodeLimits) -> None:
    values = json.JsonValues(limits)
    document = json.document(body, limits)
    groups = json.scope_groups(document, "resourceLogs", "scopeLogs", "logRecords", limits.records)
    for resource, scope, records in groups:
        rows.enter(resource_of(values.attributes(resource)), json_scope(scope, limits))
        for record in records[: rows.taken(len(records))]:
            attributes = values.attributes(record)
            rows.add(_json_fields(record), attributes, _body(record.get("body"), values.value, attributes, limits))


def _json_fields(record: json.Object) -> LogFields:
    return (
        json.identifier(record, "traceId"),
        json.identifier(record, "spanId"),
        json.uint64(record, "timeUnixNano"),
        json.uint64(record, "observedTimeUnixNano"),
        json.int32(record, "severityNumber"),
        json.text(record, "severityText"),
        json.text(record, "eventName"),
    )
