"""The one way in: every request becomes rows here, and its acknowledgement means that they are on disk.

Given a decoded request, on the thread that received it, prices it and queues it; one writer thread takes what is
waiting into one transaction and completes each acknowledgement after the commit. When a group fails, each of its
requests is tried alone.

Never: acknowledges before the commit, or keeps a sender waiting for something that will not come.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from spanledger.pricing import PriceBook
from spanledger_server.clock import Clock
from spanledger_server.errors import Busy, SpanledgerError
from spanledger_server.ingest.limits import NO_SERVICE, Cardinality, SeriesLimits
from spanledger_server.ingest.prepare import Prepared, prepare
from spanledger_server.ingest.stored import Stored
from spanledger_server.ingest.totals import Totals
from spanledger_server.ingest.write import write
from spanledger_server.otlp.columns import Decoded
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.store.database import Database, RowsRefused

log = logging.getLogger(__name__)

GROUP_ROWS: Final = 8_192
FREE_FLOOR_BYTES: Final = 64 * 1024 * 1024
MOST_WAITING: Final = 1_024  # requests; each holds a receiver's thread, so this is a guard against a mistake
STOP_PATIENCE_S: Final = 30.0


class LiveFeed(Protocol):
    """Someone who wants to know what has changed."""

    def touched(self, seconds: set[int]) -> None:
        """Told after a commit: seconds since 1970 in which spans ended or ledger lines lie. Must not block or raise."""
        ...


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What the sender is told once its request is on disk.

    Attributes:
        refused: Records that were not taken; goes into OTLP's partial success.
        message: The first reasons; None when nothing was refused.
    """

    refused: int
    message: str | None


@dataclass(slots=True)
class Counters:
    """What the writer did since it started; read by `/metrics`."""

    requests: int = 0
    refused_records: int = 0
    rows: int = 0
    bytes: int = 0
    groups: int = 0
    busy: int = 0
    commit_seconds: float = 0.0
    failed_ns: int | None = None  # when the newest attempt to commit failed; None: it worked, or there was none


@dataclass(slots=True)
class _Waiting:
    prepared: Prepared
    done: threading.Event = field(default_factory=threading.Event)
    answer: Acknowledgement | SpanledgerError | None = None

    def complete(self, answer: Acknowledgement | SpanledgerError) -> None:
        if not self.done.is_set():
            self.answer = answer
            self.done.set()


class Ingest:
    """Takes decoded requests into the database; `start` before the first, `stop` after the last."""

    def __init__(
        self,
        database: Database,
        prices: PriceBook,
        clock: Clock,
        live: LiveFeed | None = None,
        *,
        dirty: DirtyBuckets,
        cardinality: Cardinality | None = None,
        free_floor_bytes: int = FREE_FLOOR_BYTES,
        group_rows: int = GROUP_ROWS,
    ) -> None:
        self.prices = prices  # another book may take its place at any time
        self.counters = Counters()
        self.totals = Totals()
        self.stored = Stored()
        self.limits = SeriesLimits(cardinality)
        self.turn = threading.Lock()  # one request at a time is decoded or priced; the writer needs the interpreter too
        self._database = database
        self._clock = clock
        self._live = live
        self._dirty = dirty
        self._free_floor_bytes = free_floor_bytes
        self._group_rows = group_rows
        self._queue: deque[_Waiting] = deque()
        self._group: list[_Waiting] = []  # what the writer is at
        self._changed = threading.Condition()
        self._open = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Read which series are known and start the writer thread."""
        with self._database.reader() as reader:
            self.limits.load(reader)
        self._open = True
        self._thread = threading.Thread(target=self._work, name="spanledger-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Commit what is waiting, refuse what comes later, and end the thread; safe to call twice."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(STOP_PATIENCE_S)
            self._thread = None

    def accept(self, decoded: Decoded, size_bytes: int) -> Acknowledgement:
        """Store one request; returns once it is committed.

        Args:
            decoded: The request.
            size_bytes: How large it was on the wire, for the counters.

        Raises:
            Busy: It could not be committed now: no space, stopping, too many waiting. The sender should try again.
        """
        with self.turn:
            prepared = prepare(decoded, self.prices, self.limits)
            if prepared.empty:
                return Acknowledgement(0, None)
            waiting = self._queued(prepared)
        waiting.done.wait()
        if not isinstance(waiting.answer, Acknowledgement):
            raise waiting.answer or Busy("the writer stopped")
        self.counters.bytes += size_bytes
        return waiting.answer

    def caught_up(self) -> None:
        """Returns once everything that was priced before is committed, or was refused."""
        with self.turn, self._changed:
            waiting = [*self._queue, *self._group]
        for each in waiting:
            each.done.wait()

    def _queued(self, prepared: Prepared) -> _Waiting:
        waiting = _Waiting(prepared)
        with self._changed:
            if not self._open or len(self._queue) >= MOST_WAITING:
                self.counters.busy += 1
                raise Busy("the server is stopping" if not self._open else "too many requests are waiting")
            self._queue.append(waiting)
            self._changed.notify_all()
        return waiting

    def queued(self) -> int:
        """Requests that wait for the writer."""
        return len(self._queue)

    def _work(self) -> None:
        while group := self._next_group():
            try:
                self._commit(group)
            except Exception as error:  # the writer goes on with the next group; this one's senders try again
                log.exception("a group could not be written")
                self._complete_all(group, Busy(f"the request could not be written: {type(error).__name__}"))

    def _next_group(self) -> list[_Waiting]:
        """What is waiting, up to the size of a group; empty when there is nothing and nothing will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or not self._open)
            group: list[_Waiting] = []
            rows = 0
            while self._queue and (not group or rows + self._queue[0].prepared.size <= self._group_rows):
                group.append(self._queue.popleft())
                rows += group[-1].prepared.size
            self._group = group
            return group

    def _commit(self, group: Sequence[_Waiting]) -> None:
        free = self._database.free_bytes()
        if free is not None and free < self._free_floor_bytes:
            self._complete_all(group, Busy(f"only {free} bytes are free on the database's volume", retry_after_s=3))
            return
        try:
            self._write([waiting.prepared for waiting in group])
        except SpanledgerError as error:
            if len(group) == 1:
                self._failed(group[0], error)
                return
            log.warning("a group failed and is tried one by one", extra={"requests": len(group), "reason": str(error)})
            for waiting in group:
                self._commit([waiting])
            return
        for waiting in group:
            waiting.complete(Acknowledgement(waiting.prepared.refused, waiting.prepared.message))

    def _write(self, group: Sequence[Prepared]) -> None:
        started = time.perf_counter()
        with self._database.transaction() as tx:
            written = write(tx, group, self.stored, self._dirty, self._clock.now_ns())
        counters = self.counters
        counters.commit_seconds += time.perf_counter() - started
        counters.failed_ns = None
        counters.groups += 1
        counters.requests += len(group)
        counters.rows += sum(prepared.size for prepared in group)
        counters.refused_records += sum(prepared.refused for prepared in group)
        self.totals.add(written)
        if self._live is not None and written.seconds:
            self._live.touched(written.seconds)

    def _failed(self, waiting: _Waiting, error: SpanledgerError) -> None:
        """One request alone failed: its rows break a rule (refused, counted), or the database could not (try again)."""
        if not isinstance(error, RowsRefused):
            busy = error if isinstance(error, Busy) else Busy(f"the request could not be written: {error}")
            self._complete_all([waiting], busy)
            return
        prepared = waiting.prepared
        refused = prepared.refused + prepared.size
        log.error("a request breaks a rule of the tables", extra={"signal": prepared.signal, "reason": str(error)})
        only_loss = replace(
            prepared,
            rows=None,
            series=None,
            resources={},
            ledger=None,
            loss=[*prepared.loss, (prepared.signal, NO_SERVICE, "rejected_by_store", prepared.size)],
            refused=refused,
        )
        self._write([only_loss])
        waiting.complete(Acknowledgement(refused, f"the store rejected the request: {error}"))

    def _complete_all(self, group: Sequence[_Waiting], error: Busy) -> None:
        self.counters.failed_ns = self._clock.now_ns()
        self.counters.busy += len(group)
        for waiting in group:
            waiting.complete(error)
