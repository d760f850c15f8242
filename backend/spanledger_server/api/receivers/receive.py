"""The one way from a request's bytes to its acknowledgement, for HTTP and gRPC alike.

Given a signal, a body and its encoding, holds a place for its bytes, decodes them and hands the columns to ingest;
gives what the sender is told. Blocks until the rows are on disk: runs on a receiver's thread.

Never: an acknowledgement before ingest's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal, Protocol

from spanledger_server.api.histogram import Exemplar, Histogram
from spanledger_server.auth.scope import EVERYTHING, Scope
from spanledger_server.ingest.allowed import allowed
from spanledger_server.otlp import decode_logs, decode_metrics, decode_traces
from spanledger_server.otlp.columns import Decoded, Signal
from spanledger_server.otlp.limits import DecodeLimits

Encoding = Literal["protobuf", "json"]

RESERVATION_STEP_BYTES: Final = 65_536
DECODERS: Final = {"traces": decode_traces.decode, "logs": decode_logs.decode, "metrics": decode_metrics.decode}


class Acknowledged(Protocol):
    """What ingest tells after a commit."""

    @property
    def refused(self) -> int:
        """How many records were not taken."""
        ...

    @property
    def message(self) -> str | None:
        """The first reasons."""
        ...


class Admits(Protocol):
    """Bounds the bytes that are on their way in."""

    def admit(self, size_bytes: int, /) -> AbstractContextManager[None]:
        """Hold a place for `size_bytes`; raises `Busy` when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Empty:
    """The acknowledgement of a request that holds nothing."""

    refused: int = 0
    message: str | None = None


class Receiver:
    """Takes requests, on any thread."""

    def __init__(
        self,
        *,
        accept: Callable[[Decoded, int], Acknowledged],
        admission: Admits,
        now: Callable[[], int],
        limits: DecodeLimits | None = None,
        turn: threading.Lock | None = None,
        acks: Mapping[Signal, Histogram] | None = None,
    ) -> None:
        """Made once.

        Args:
            accept: Ingest: blocks until the rows are committed; may raise `Busy`.
            admission: Bounds the bytes on their way in.
            now: The time, ns since 1970.
            limits: The decoders' bounds.
            turn: Held while decoding: several decoders at once would only take the interpreter from each other, and
                from the writer.
            acks: Told how long each request took, by signal.
        """
        self.admission = admission
        self._accept = accept
        self._now = now
        self._limits = limits or DecodeLimits()
        self._turn = turn or threading.Lock()
        self._acks = acks or {}

    def receive(
        self, signal: Signal, body: bytes, encoding: Encoding, size: int, scope: Scope = EVERYTHING
    ) -> Acknowledged:
        """Decode a request and store it.

        Args:
            signal: Which of the three it is.
            body: The request, not compressed.
            encoding: How it is written.
            size: Bytes that it counts for while it is on its way in.
            scope: What its sender may send for.

        Raises:
            Malformed: The body is not what it says it is.
            Forbidden: Nothing in it is what its sender may send.
            TooLarge: It holds more than the limits allow.
            Busy: There is no room now, or it could not be committed.
        """
        if not body:
            return Empty()
        started = time.perf_counter()
        with self.admission.admit(size):
            with self._turn:
                decoded = DECODERS[signal](body, encoding=encoding, now_ns=self._now(), limits=self._limits)
                decoded = allowed(decoded, scope)
            if not decoded.rows and not decoded.candidates and not decoded.refusals.total:
                return Empty()
            acknowledged = self._accept(decoded, size)
        if signal in self._acks:
            seconds = time.perf_counter() - started
            trace_id = _some_trace(decoded)
            exemplar = Exemplar(trace_id.hex(), seconds, self._now()) if trace_id else None
            self._acks[signal].observe(seconds, exemplar)
        return acknowledged


def _some_trace(decoded: Decoded) -> bytes | None:
    """One of the traces that a request told of."""
    if decoded.candidates:
        return decoded.candidates[0].trace_id
    if decoded.signal != "traces" or not decoded.rows:
        return None
    found: bytes = decoded.table.column("trace_id")[0].as_py()
    return found


class Reservation:
    """A place for a body whose size is not known yet: grows while it is read."""

    def __init__(self, admission: Admits) -> None:
        self._admission = admission
        self._held_bytes = 0
        self._stack = ExitStack()

    def grow(self, to_bytes: int) -> None:
        """Hold a place for `to_bytes` altogether.

        Raises:
            Busy: There is no room.
        """
        missing = to_bytes - self._held_bytes
        if missing > 0:
            step = max(missing, RESERVATION_STEP_BYTES)
            self._stack.enter_context(self._admission.admit(step))
            self._held_bytes += step

    def __enter__(self) -> Reservation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the place back; a second time does nothing."""
        self._stack.close()
        self._held_bytes = 0
