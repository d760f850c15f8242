"""A tiny OTLP receiver on a loopback port, over HTTP and over gRPC, whose answers a test chooses.

Given requests, keeps them decoded; `answers` is a list of what to say next (an HTTP status and headers, or a gRPC
code), and when it is empty everything is accepted. `wait_for` waits for a condition with a deadline instead of
sleeping.

Never: a clock of its own, or a port that is not free.
"""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUESTS = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}


class Received:
    """What came in.

    Attributes:
        requests: All accepted requests as (signal, message).
        headers: The headers of every request, accepted or not.
        answers: What to say to the next requests, first first: a tuple (status, headers, body), or a callable that
            is given the signal and the message and gives one, or None to accept.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[Any] = []
        self.always: Callable[[str, Any], Any] | None = None
        self.attempts = 0
        self._news = threading.Condition()

    def take(self, signal: str, body: bytes, headers: dict[str, str]) -> Any:
        message = REQUESTS[signal].FromString(body)
        with self._news:
            self.attempts += 1
            self.headers.append(headers)
            answer = self.answers.pop(0) if self.answers else None
            if answer is None and self.always is not None:
                answer = self.always(signal, message)
            if answer is None or (isinstance(answer, tuple) and answer[0] == 200):
                self.requests.append((signal, message))
            self._news.notify_all()
            return answer

    def wait_for(self, condition: Callable[[Received], Any], timeout_s: float = 20.0) -> Any:
        with self._news:
            found = self._news.wait_for(lambda: condition(self), timeout_s)
        assert found, f"not within {timeout_s} s; received: {[(s, m.ByteSize()) for s, m in self.requests]}"
        return found

    def records(self, event: str | None = None, *, service: str | None = None) -> list[Any]:
        """All log records, or those with this event name, of this service."""
        return [
            record
            for signal, message in list(self.requests)
            if signal == "logs"
            for resource in message.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
            if event in (None, record.event_name) and of(service, resource)
        ]

    def spans(self, *, service: str | None = None) -> list[Any]:
        """All spans, or those of this service."""
        return [
            span
            for signal, message in list(self.requests)
            if signal == "traces"
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
            if of(service, resource)
        ]

    def metrics(self, name: str) -> list[Any]:
        """All metrics of that name, in the order of arrival."""
        return [
            metric
            for signal, message in list(self.requests)
            if signal == "metrics"
            for resource in message.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
        ]

    def resources(self) -> list[dict[str, Any]]:
        found = []
        for signal, message in list(self.requests):
            for resource in getattr(
                message, {"traces": "resource_spans", "logs": "resource_logs"}.get(signal, "resource_metrics")
            ):
                found.append(attributes(resource.resource))
        return found


def of(service: str | None, resource: Any) -> bool:
    """Whether what came from this resource is of that service."""
    return service is None or attributes(resource.resource).get("service.name") == service


def attributes(message: Any) -> dict[str, Any]:
    """A message's attributes as Python values."""
    return {pair.key: value_of(pair.value) for pair in message.attributes}


def value_of(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [value_of(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: value_of(pair.value) for pair in value.kvlist_value.values}
    return getattr(value, kind)


@contextmanager
def http_receiver(port: int = 0) -> Iterator[tuple[Received, str]]:
    """A receiver over HTTP, and its address."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            signal = self.path.rsplit("/", 1)[-1]
            answer = received.take(signal, body, {k.lower(): v for k, v in self.headers.items()})
            status, headers, content = answer or (200, {}, b"")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    connections: list[socket.socket] = []

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        allow_reuse_address = True
        request_queue_size = 64

        def process_request(self, request: Any, client_address: Any) -> None:
            connections.append(request)
            super().process_request(request, client_address)

        def handle_error(self, *args: Any) -> None:
            pass

    server = Server(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield received, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        for connection in connections:  # kept ones too: gone is gone
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def grpc_receiver(port: int = 0) -> Iterator[tuple[Received, str]]:
    """A receiver over gRPC, and its address. Answers are tuples (grpc.StatusCode, trailing metadata, message)."""
    received = Received()

    class Services(grpc.GenericRpcHandler):
        def service(self, call: Any) -> Any:
            signal = call.method.split(".collector.")[1].split(".")[0].replace("trace", "traces")
            headers = dict(call.invocation_metadata)

            def export(body: bytes, context: grpc.ServicerContext) -> bytes:
                answer = received.take(signal, body, headers)
                if answer is None:
                    return b""
                code, trailers, content = answer
                if code == 200:
                    return content
                context.set_trailing_metadata(trailers)
                context.abort(code, "chosen by the test")
                return b""

            return grpc.unary_unary_rpc_method_handler(export)

    server = grpc.server(ThreadPoolExecutor(4), handlers=[Services()])
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield received, f"http://127.0.0.1:{bound}"
    finally:
        server.stop(0).wait()
