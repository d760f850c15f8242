"""OTLP over gRPC, on one channel, with bytes that are encoded already.

Given encoded bytes, makes a unary call and reads the answer: `partial_success`, and how long a busy receiver wants to
be left alone.

Never: a channel made by one process and used by its child.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from spanledger.delivery.outcome import LONGEST_PAUSE_S, Lost, Outcome, TooLarge, TryAgain
from spanledger.delivery.responses import pause_in, refused_in, retry_delay
from spanledger.endpoints import Target
from spanledger.version import __version__

if TYPE_CHECKING:
    import grpc

METHODS = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
BUSY = frozenset({"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"})
OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 200),
    (
        "grpc.max_reconnect_backoff_ms",
        5_000,
    ),  # our own backoff decides when to try; the channel must not still be asleep
    ("grpc.primary_user_agent", f"spanledger-python/{__version__}"),
)
_parents: list[Any] = []  # channels of the process we were forked from: closing or collecting them there would hang


class GrpcTransport:
    """One channel to one receiver."""

    forks_wait = (
        True  # gRPC's fork handlers give up while a call is under way, and gRPC never works in that child again
    )

    def __init__(self, target: Target) -> None:
        self._target = target
        self._metadata = tuple(target.headers.items())
        self._channel: grpc.Channel | None = None
        self._call: Any = None

    def prepare(self) -> None:
        """Import `grpc` (100 ms, and it starts threads) and make a channel."""
        if self._channel is not None:
            return
        import grpc

        compression = grpc.Compression.Gzip if self._target.compression == "gzip" else grpc.Compression.NoCompression
        if self._target.secure:
            self._channel = grpc.secure_channel(self._target.address, self._credentials(), OPTIONS, compression)
        else:
            self._channel = grpc.insecure_channel(self._target.address, OPTIONS, compression)
        self._call = self._channel.unary_unary(METHODS[self._target.signal], None, None)

    def send(self, payload: bytes, timeout_s: float) -> Outcome:
        """Make one call."""
        import grpc

        try:
            self.prepare()
            answer: bytes = self._call(payload, timeout=timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            return _failure(error)
        except (OSError, ValueError) as error:  # a certificate file, a header, or a closed channel
            return Lost(type(error).__name__)
        return refused_in(answer)

    def _credentials(self) -> grpc.ChannelCredentials:
        import grpc

        files = (self._target.certificate, self._target.client_key, self._target.client_certificate)
        return grpc.ssl_channel_credentials(*(Path(name).read_bytes() if name else None for name in files))

    def close(self) -> None:
        """Close the channel."""
        channel, self._channel, self._call = self._channel, None, None
        if channel is not None:
            channel.close()

    def after_fork(self) -> None:
        """The channel's threads stayed in the parent; a new one is made with the next call."""
        if self._channel is not None:
            _parents.append((self._channel, self._call))
        self._channel = self._call = None


def _failure(error: Any) -> Outcome:
    name: str = error.code().name
    trailers = {key: value for key, value in (error.trailing_metadata() or ()) if key.endswith("-bin")}
    pause = None
    if "grpc-status-details-bin" in trailers:
        pause = pause_in(trailers["grpc-status-details-bin"])
    elif "google.rpc.retryinfo-bin" in trailers:
        pause = retry_delay(trailers["google.rpc.retryinfo-bin"])
    if pause is not None:
        pause = min(max(pause, 0.0), LONGEST_PAUSE_S)
    reason = f"grpc_{name.lower()}"
    if name in BUSY or (name == "RESOURCE_EXHAUSTED" and pause is not None):
        return TryAgain(reason, pause, unreachable=name == "UNAVAILABLE" and pause is None)
    return TooLarge() if name == "RESOURCE_EXHAUSTED" else Lost(reason)
