"""Jaeger's remote storage API over gRPC, for reading: a Jaeger of its own shows what lies in our store.

Given the store and who may read, gives handlers for the gRPC server that takes OTLP, which is how such a Jaeger would
write. Only a few questions are worked on at once; who comes then is told to come back. A search streams all that it
found, however many spans that are.

Never: a span to somebody whose token may not read, on loopback neither.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import grpc
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from spanledger_server.api import jaeger_messages as messages
from spanledger_server.api.jaeger_parameters import MOST_TRACES, few
from spanledger_server.api.parameters import LATEST_NS
from spanledger_server.api.receivers.grpc import abort, client_host, metadata
from spanledger_server.clock import Clock
from spanledger_server.errors import Busy, Invalid, Malformed, SpanledgerError
from spanledger_server.store.database import Database, Reader
from spanledger_server.timegrid import Range
from spanledger_server.traces import jaeger_protobuf, jaeger_read
from spanledger_server.traces.filters import KINDS
from spanledger_server.traces.jaeger_read import Question

MOST_AT_ONCE: Final = 4
AuthorizeReader = Callable[[Mapping[str, str], str | None], None]


class RemoteStorage:
    """The services ``TraceReader`` and ``DependencyReader``."""

    def __init__(self, database: Database, clock: Clock, authorize: AuthorizeReader) -> None:
        self._database = database
        self._clock = clock
        self._authorize = authorize
        self._room = threading.BoundedSemaphore(MOST_AT_ONCE)

    def handlers(self) -> list[grpc.GenericRpcHandler[Any, Any]]:
        """What to hang into a gRPC server."""
        one = grpc.unary_unary_rpc_method_handler
        reads = {
            "GetServices": one(self._answering(self._services)),
            "GetOperations": one(self._answering(self._operations)),
            "FindTraceIDs": one(self._answering(self._find_ids)),
            "GetTraces": grpc.unary_stream_rpc_method_handler(self._streaming(self._named)),
            "FindTraces": grpc.unary_stream_rpc_method_handler(self._streaming(self._found)),
        }
        depends = {"GetDependencies": one(self._answering(self._dependencies))}
        return [
            grpc.method_handlers_generic_handler(f"{messages.SERVICES}.{service}", methods)
            for service, methods in (("TraceReader", reads), ("DependencyReader", depends))
        ]

    def _answering(self, ask: Callable[[Reader, bytes], Any]) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        def answer(body: bytes, context: grpc.ServicerContext) -> bytes:
            with self._admitted(context), self._database.reader() as reader:
                return bytes(ask(reader, body).SerializeToString())

        return answer

    def _streaming(
        self, ask: Callable[[Reader, bytes], list[UUID]]
    ) -> Callable[[bytes, grpc.ServicerContext], Iterator[bytes]]:
        def stream(body: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            with self._admitted(context):
                with self._database.reader() as reader:
                    wanted = ask(reader, body)
                while wanted:
                    with self._database.reader() as reader:
                        found, wanted = jaeger_read.whole(reader, wanted)
                    for whole in found:
                        yield from jaeger_protobuf.pieces(whole)

        return stream

    @contextmanager
    def _admitted(self, context: grpc.ServicerContext) -> Iterator[None]:
        """Room for one who may read; whatever goes wrong inside ends the call with its status."""
        try:
            self._authorize(metadata(context), client_host(context.peer()))
            if not self._room.acquire(blocking=False):
                raise Busy(f"{MOST_AT_ONCE} questions are being answered")
            try:
                yield
            except DecodeError as error:
                raise Malformed(f"the request is not protobuf: {error}") from error
            finally:
                self._room.release()
        except SpanledgerError as error:
            abort(context, error)

    def _services(self, reader: Reader, _: bytes) -> Any:
        return messages.GetServicesResponse(services=jaeger_read.services(reader, self._clock.now_ns()))

    def _operations(self, reader: Reader, body: bytes) -> Any:
        asked = messages.GetOperationsRequest.FromString(body)
        kind = (KINDS.index(asked.span_kind) if asked.span_kind in KINDS else -1) if asked.span_kind else None
        found = jaeger_read.operations(reader, asked.service, kind, self._clock.now_ns())
        named = [{"name": name, "span_kind": KINDS[number] if number else ""} for name, number in found]
        return messages.GetOperationsResponse(operations=named)

    def _named(self, _: Reader, body: bytes) -> list[UUID]:
        asked = messages.GetTracesRequest.FromString(body).query
        if len(asked) > MOST_TRACES:
            raise Invalid("query", f"{len(asked)} ids", f"at most {MOST_TRACES}")
        return [_trace_id(each.trace_id) for each in asked]

    def _find_ids(self, reader: Reader, body: bytes) -> Any:
        found = [{"trace_id": each.bytes} for each in self._found(reader, body)]
        return messages.FindTraceIDsResponse(trace_ids=found)

    def _found(self, reader: Reader, body: bytes) -> list[UUID]:
        question = _question(messages.FindTracesRequest.FromString(body).query, self._clock.now_ns())
        return jaeger_read.find(reader, question)[0]

    def _dependencies(self, reader: Reader, body: bytes) -> Any:
        asked = messages.GetDependenciesRequest.FromString(body)
        window = Range(_at_ns(asked.start_time) or 0, _at_ns(asked.end_time) or self._clock.now_ns() + 1)
        links, _ = jaeger_read.dependencies(reader, window)
        found = [{"parent": link.parent, "child": link.child, "call_count": link.calls} for link in links]
        return messages.GetDependenciesResponse(dependencies=found)


def _trace_id(raw: bytes) -> UUID:
    if len(raw) != 16:
        raise Invalid("trace_id", raw.hex(), "16 bytes")
    return UUID(bytes=raw)


def _question(asked: Any, now_ns: int) -> Question:
    if asked.search_depth < 0:
        raise Invalid("search_depth", asked.search_depth, "a number of traces")
    to_ns = _at_ns(asked.start_time_max) or now_ns
    return Question(
        window=Range(_at_ns(asked.start_time_min) or 0, min(to_ns + 1, LATEST_NS)),
        service=asked.service_name or None,
        operation=asked.operation_name or None,
        least_ns=_length_ns(asked.duration_min),
        most_ns=_length_ns(asked.duration_max),
        tags=few({pair.key: _text(pair.value) for pair in asked.attributes}),
        most=min(asked.search_depth or 100, MOST_TRACES),
    )


def _at_ns(time: Any) -> int | None:
    """A time; None for none, and for the year 1, which is how Go spells it."""
    at_ns = int(time.seconds) * 10**9 + int(time.nanos)
    return min(at_ns, LATEST_NS) if at_ns > 0 else None


def _length_ns(length: Any) -> int | None:
    length_ns = int(length.seconds) * 10**9 + int(length.nanos)
    return max(-LATEST_NS, min(length_ns, LATEST_NS)) or None


def _text(value: AnyValue) -> str:
    kind = value.WhichOneof("value")
    found = getattr(value, kind) if kind else ""
    return str(found).lower() if isinstance(found, bool) else str(found)
