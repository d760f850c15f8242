"""The protobuf messages that a request is read with: OpenTelemetry's own, and shallow twins of them.

A twin has the same wire format, but its sub-messages are left as bytes. So a request is opened record by record, and
a hostile one (millions of empty sub-messages in a few bytes each) takes no multiple of its size. Derived from
OpenTelemetry's descriptors at import.

Never: knowledge of what a field means.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from spanledger_server.errors import Malformed, TooLarge

LEFT_AS_BYTES = frozenset(
    {
        ("AnyValue", "array_value"),
        ("AnyValue", "kvlist_value"),
        ("Resource", "attributes"),
        ("InstrumentationScope", "attributes"),
        ("Span", "attributes"),
        ("Span", "events"),
        ("Span", "links"),
        ("Event", "attributes"),
        ("Link", "attributes"),
        ("LogRecord", "attributes"),
        ("Metric", "metadata"),
        ("Gauge", "data_points"),
        ("Sum", "data_points"),
        ("Histogram", "data_points"),
        ("ExponentialHistogram", "data_points"),
        ("Summary", "data_points"),
    }
)


def _leave_as_bytes(message: descriptor_pb2.DescriptorProto) -> None:
    for inner in message.nested_type:
        _leave_as_bytes(inner)
    for field in message.field:
        if (message.name, field.name) in LEFT_AS_BYTES:
            field.type = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
            field.ClearField("type_name")


def _group_file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="spanledger/group.proto", package="spanledger", syntax="proto3")
    message = file.message_type.add(name="Group")
    for number, name in ((1, "first"), (2, "second")):
        kind, label = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES, descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
        message.field.add(name=name, number=number, type=kind, label=label)
    return file


def _twins() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for module in (common_pb2, resource_pb2, trace_pb2, logs_pb2, metrics_pb2):
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        for message in file.message_type:
            _leave_as_bytes(message)
        pool.Add(file)
    pool.Add(_group_file())
    return pool


_POOL = _twins()


def _twin(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(name))


ShallowKeyValue = _twin("opentelemetry.proto.common.v1.KeyValue")
ShallowValue = _twin("opentelemetry.proto.common.v1.AnyValue")
ShallowScope = _twin("opentelemetry.proto.common.v1.InstrumentationScope")
ShallowResource = _twin("opentelemetry.proto.resource.v1.Resource")
ShallowSpan = _twin("opentelemetry.proto.trace.v1.Span")
ShallowEvent = _twin("opentelemetry.proto.trace.v1.Span.Event")
ShallowLink = _twin("opentelemetry.proto.trace.v1.Span.Link")
ShallowLogRecord = _twin("opentelemetry.proto.logs.v1.LogRecord")
ShallowMetric = _twin("opentelemetry.proto.metrics.v1.Metric")
# Requests, resource groups and scope groups of all three signals: what they hold stands in fields 1 and 2.
_Group = _twin("spanledger.Group")


def scope_groups(body: bytes, most_groups: int) -> Iterator[tuple[bytes, bytes, Sequence[bytes]]]:
    """The scope groups of a request of any signal, each record still as bytes.

    Args:
        body: The request's protobuf.
        most_groups: Resource and scope groups that are opened.

    Yields:
        The resource, the scope (joined where a sender wrote them in parts: so protobuf merges), the records.

    Raises:
        Malformed: `body` is not protobuf.
        TooLarge: More groups than `most_groups`.
    """
    try:
        groups = _Group.FromString(body).first
        opened = len(groups)
        for raw in groups:
            group = _Group.FromString(raw)
            resource = b"".join(group.first)
            opened += len(group.second)
            if opened > most_groups:
                raise TooLarge(f"the request has more than {most_groups} resource and scope groups: send smaller ones")
            for raw_scope in group.second:
                inner = _Group.FromString(raw_scope)
                yield resource, b"".join(inner.first), inner.second
    except DecodeError as error:
        raise Malformed(f"the body is not OTLP protobuf: {error}") from error
