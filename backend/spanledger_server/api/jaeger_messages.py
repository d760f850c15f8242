"""The messages of Jaeger's remote storage API (``jaeger.storage.v2``), made at import from the table below.

Only what is read or written here is in the table. Attributes have the wire format of OpenTelemetry's, whose message
takes their place. `SERVICES` is what the API's names begin with.

Never: generated code. Names and numbers of fields are all that the wire consists of.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, message_factory, timestamp_pb2
from opentelemetry.proto.common.v1 import common_pb2

Field = descriptor_pb2.FieldDescriptorProto

PACKAGE: Final = "spanledger.jaeger"  # names of messages are not on the wire
SERVICES: Final = "jaeger.storage.v2"
TIME: Final = ".google.protobuf.Timestamp"
LENGTH: Final = ".google.protobuf.Duration"
ATTRIBUTE: Final = ".opentelemetry.proto.common.v1.KeyValue"
SCALARS: Final = {
    "string": Field.TYPE_STRING,
    "bytes": Field.TYPE_BYTES,
    "int32": Field.TYPE_INT32,
    "uint64": Field.TYPE_UINT64,
}
# message -> its fields by number, from 1; a leading star is "repeated"
MESSAGES: Final = {
    "GetTraceParams": {"trace_id": "bytes"},
    "GetTracesRequest": {"query": "*GetTraceParams"},
    "GetServicesResponse": {"services": "*string"},
    "GetOperationsRequest": {"service": "string", "span_kind": "string"},
    "Operation": {"name": "string", "span_kind": "string"},
    "GetOperationsResponse": {"operations": "*Operation"},
    "TraceQueryParameters": {
        "service_name": "string",
        "operation_name": "string",
        "attributes": f"*{ATTRIBUTE}",
        "start_time_min": TIME,
        "start_time_max": TIME,
        "duration_min": LENGTH,
        "duration_max": LENGTH,
        "search_depth": "int32",
    },
    "FindTracesRequest": {"query": "TraceQueryParameters"},
    "FoundTraceID": {"trace_id": "bytes"},
    "FindTraceIDsResponse": {"trace_ids": "*FoundTraceID"},
    "GetDependenciesRequest": {"start_time": TIME, "end_time": TIME},
    "Dependency": {"parent": "string", "child": "string", "call_count": "uint64", "source": "string"},
    "GetDependenciesResponse": {"dependencies": "*Dependency"},
}


def _made() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="spanledger/jaeger_storage.proto",
        package=PACKAGE,
        syntax="proto3",
        dependency=[each.DESCRIPTOR.name for each in (timestamp_pb2, duration_pb2, common_pb2)],
    )
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields.items(), start=1):
            _add(message, field, number, kind)
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in MESSAGES}


def _add(message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str) -> None:
    label = Field.LABEL_REPEATED if kind.startswith("*") else Field.LABEL_OPTIONAL
    kind = kind.removeprefix("*")
    if kind in SCALARS:
        message.field.add(name=name, number=number, label=label, type=SCALARS[kind])
    else:
        full = kind if kind.startswith(".") else f".{PACKAGE}.{kind}"
        message.field.add(name=name, number=number, label=label, type=Field.TYPE_MESSAGE, type_name=full)


_CLASSES: Final = _made()

GetTracesRequest: Any = _CLASSES["GetTracesRequest"]
GetServicesResponse: Any = _CLASSES["GetServicesResponse"]
GetOperationsRequest: Any = _CLASSES["GetOperationsRequest"]
GetOperationsResponse: Any = _CLASSES["GetOperationsResponse"]
FindTracesRequest: Any = _CLASSES["FindTracesRequest"]
FindTraceIDsResponse: Any = _CLASSES["FindTraceIDsResponse"]
GetDependenciesRequest: Any = _CLASSES["GetDependenciesRequest"]
GetDependenciesResponse: Any = _CLASSES["GetDependenciesResponse"]
