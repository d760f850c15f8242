"""OTLP over gRPC: the Export method of the three collector services, plain or gzip.

Given a receiver, a host and a port, serves until it is stopped. A message reaches the decoder as the bytes that came.

Never: RESOURCE_EXHAUSTED where coming back helps, or UNAVAILABLE where it does not.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NoReturn
from urllib.parse import unquote

import grpc

from spanledger_server.api.receivers import answers
from spanledger_server.api.receivers.receive import Receiver
from spanledger_server.auth.scope import EVERYTHING, Scope
from spanledger_server.errors import Busy, SpanledgerError
from spanledger_server.otlp.columns import Signal

log = logging.getLogger(__name__)

SERVICES: Final[dict[Signal, str]] = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
}
CODES: Final = {code.value[0]: code for code in grpc.StatusCode}

# metadata, client host; gives what may be sent for; raises Unauthenticated or Forbidden
Authorize = Callable[[Mapping[str, str], str | None], Scope | None]


class GrpcReceiver:
    """The three OTLP services on one port."""

    def __init__(
        self,
        receiver: Receiver,
        *,
        host: str,
        port: int,
        max_request_bytes: int,
        authorize: Authorize | None = None,
        beside: Sequence[grpc.GenericRpcHandler[Any, Any]] = (),
        credentials: grpc.ServerCredentials | None = None,
        threads: int = 16,
    ) -> None:
        """Binds nothing yet.

        Args:
            receiver: Where requests go.
            host: Address to listen on.
            port: Port to listen on, 0 for any free one.
            max_request_bytes: Most bytes of a message after unpacking.
            authorize: Asked with each request's metadata; None to let all in.
            beside: Handlers of further services, which see to their doors themselves.
            credentials: Its certificate; None for no TLS.
            threads: How many requests are decoded or wait for their commit at once.
        """
        self._receiver = receiver
        self._authorize = authorize
        self._credentials = credentials
        self._address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        options = [
            ("grpc.max_receive_message_length", max_request_bytes),
            ("grpc.max_concurrent_streams", 2 * threads),  # more wait at the sender, instead of being turned away here
            ("grpc.so_reuseport", 0),  # or two servers would share a port without a word
        ]
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="otlp-grpc")
        self._server = grpc.server(self._threads, handlers=[*self._handlers(), *beside], options=options)

    def start(self) -> int:
        """Listen; gives the port.

        Raises:
            OSError: The address is taken or not ours.
        """
        try:
            if self._credentials is None:
                port = self._server.add_insecure_port(self._address)
            else:
                port = self._server.add_secure_port(self._address, self._credentials)
        except RuntimeError as error:
            message = f"cannot listen on {self._address} for OTLP over gRPC: choose another --otlp-grpc-port or --host"
            raise OSError(errno.EADDRINUSE, message) from error
        self._server.start()
        return port

    def stop(self, grace_s: float) -> None:
        """Take nothing new, wait up to `grace_s` seconds for what is on its way, then end."""
        self._server.stop(grace_s).wait()
        self._threads.shutdown(wait=True)

    def _handlers(self) -> list[grpc.GenericRpcHandler[Any, Any]]:
        return [
            grpc.method_handlers_generic_handler(
                service, {"Export": grpc.unary_unary_rpc_method_handler(self._export(signal))}
            )
            for signal, service in SERVICES.items()
        ]

    def _export(self, signal: Signal) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        def export(body: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                scope = self._authorize and self._authorize(metadata(context), client_host(context.peer()))
                acknowledged = self._receiver.receive(signal, body, "protobuf", len(body), scope or EVERYTHING)
            except SpanledgerError as error:
                abort(context, error)
            return answers.success(signal, "protobuf", acknowledged)

        return export


def metadata(context: grpc.ServicerContext) -> dict[str, str]:
    """A call's metadata that is text."""
    return {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}


def client_host(peer: str) -> str | None:
    """The address in gRPC's name of a peer, such as ``ipv4:127.0.0.1:41234``; None when it has none."""
    family, _, address = peer.partition(":")
    if family not in ("ipv4", "ipv6"):
        return None
    return unquote(address).rpartition(":")[0].strip("[]") or None


def abort(context: grpc.ServicerContext, error: SpanledgerError) -> NoReturn:
    """End a call with the status that tells `error`."""
    status = answers.status(error)
    trailers: list[tuple[str, Any]] = [("grpc-status-details-bin", status.SerializeToString())]
    if isinstance(error, Busy):
        # Collectors read the status above, OpenTelemetry Python only this one
        trailers.append(("google.rpc.retryinfo-bin", answers.retry_info(error).SerializeToString()))
    context.set_trailing_metadata(tuple(trailers))
    context.abort(CODES[status.code], status.message)
