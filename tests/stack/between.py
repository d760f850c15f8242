"""Stands between a gateway and the backend: notes what comes, passes it on, or answers as one in trouble would."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.ports import kept_port

LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
WAIT_S = 1
Behaviour = Callable[["Between", str, bytes, grpc.ServicerContext], bytes]


class Between:
    """One listening gRPC server, from `start` to `stop`; `trouble` says what becomes of each request, in turn."""

    def __init__(self, to_port: int, trouble: list[Behaviour] | None = None, only: str = "") -> None:
        self.port = kept_port()
        self.spans: list[Any] = []  # (scope attributes, span) of all that came
        self.behaved: Counter[str] = Counter()
        self.released = threading.Event()  # set when who answers late should no longer
        self._trouble = list(trouble or [])
        self._only = only  # the method that has the trouble; all of them when empty
        self._lock = threading.Lock()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{to_port}", [("grpc.enable_retries", 0)])
        self._server = grpc.server(ThreadPoolExecutor(8), handlers=[_Handlers(self)])
        self._server.add_insecure_port(f"127.0.0.1:{self.port}")

    def __enter__(self) -> Between:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.stop(5).wait()
        self._channel.close()

    def trouble_over(self) -> bool:
        return not self._trouble

    def passed_on(self, method: str, body: bytes, context: grpc.ServicerContext) -> bytes:
        token = [(key, value) for key, value in context.invocation_metadata() if key == "authorization"]
        answer: bytes = self._channel.unary_unary(method)(body, timeout=30, metadata=token, wait_for_ready=True)
        return answer

    def answer(self, method: str, body: bytes, context: grpc.ServicerContext) -> bytes:
        with self._lock:
            behaviour = self._trouble.pop(0) if self._trouble and method.startswith(self._only) else None
            self.behaved[behaviour.__name__ if behaviour else "well"] += 1
            if method == TRACES and behaviour is None:
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in resource.scope_spans:
                        self.spans += [(scope.scope, made) for made in scope.spans]
        return self.passed_on(method, body, context) if behaviour is None else behaviour(self, method, body, context)


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[type-arg]
    def __init__(self, between: Between) -> None:
        self._between = between

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        method = str(details.method)
        return grpc.unary_unary_rpc_method_handler(lambda body, context: self._between.answer(method, body, context))


def _refuse(context: grpc.ServicerContext, code: grpc.StatusCode, *, when_to_come_back: bool = False) -> bytes:
    if when_to_come_back:
        status = Status(code=code.value[0], message="busy")
        packed = Packed()
        packed.Pack(RetryInfo(retry_delay=Duration(seconds=WAIT_S)))
        status.details.append(packed)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, "busy")
    raise AssertionError("abort raises")


def unavailable(_: Between, _method: str, _body: bytes, context: grpc.ServicerContext) -> bytes:
    """HTTP's 503, without a word about when to come back."""
    return _refuse(context, grpc.StatusCode.UNAVAILABLE)


def unavailable_for_a_while(_: Between, _method: str, _body: bytes, context: grpc.ServicerContext) -> bytes:
    """503 with Retry-After."""
    return _refuse(context, grpc.StatusCode.UNAVAILABLE, when_to_come_back=True)


def exhausted_for_a_while(_: Between, _method: str, _body: bytes, context: grpc.ServicerContext) -> bytes:
    """429 with Retry-After."""
    return _refuse(context, grpc.StatusCode.RESOURCE_EXHAUSTED, when_to_come_back=True)


def stored_but_not_acknowledged(between: Between, method: str, body: bytes, context: grpc.ServicerContext) -> bytes:
    """It dies after the commit."""
    between.passed_on(method, body, context)
    return _refuse(context, grpc.StatusCode.UNAVAILABLE)


def stored_and_acknowledged_too_late(
    between: Between, method: str, body: bytes, context: grpc.ServicerContext
) -> bytes:
    """It answers when nobody listens any more."""
    answer = between.passed_on(method, body, context)
    gone = threading.Event()
    if context.add_callback(gone.set):
        gone.wait(30)
    return answer


def slow(between: Between, method: str, body: bytes, context: grpc.ServicerContext) -> bytes:
    """It is well, but takes five seconds."""
    between.released.wait(5)
    return between.passed_on(method, body, context)


def invalid(_: Between, _method: str, _body: bytes, context: grpc.ServicerContext) -> bytes:
    """400: it will never take it."""
    return _refuse(context, grpc.StatusCode.INVALID_ARGUMENT)


def exhausted(_: Between, _method: str, _body: bytes, context: grpc.ServicerContext) -> bytes:
    """429 without Retry-After, which a Collector takes for a final answer."""
    return _refuse(context, grpc.StatusCode.RESOURCE_EXHAUSTED)
