"""One channel's messages, one after the other, on a thread of its own.

Given the store and what opens the channel, leases a message, sends it, and writes what became of it.

Never: two messages of one channel at once, or one that is sent before its lease is committed.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from spanledger_server.errors import SpanledgerError
from spanledger_server.notify import failing, queue
from spanledger_server.notify.message import Channel, Delivered, Failed
from spanledger_server.notify.opening import Opening
from spanledger_server.notify.queue import Job, State
from spanledger_server.notify.terms import Known
from spanledger_server.store.database import Database
from spanledger_server.timegrid import SECOND_NS

log = logging.getLogger(__name__)

HANGS_NS: Final = 60 * SECOND_NS
LONGEST_WAIT_S: Final = 60.0
AFTER_FAILURE_S: Final = 2.0
LAG_BOUNDS_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0, 3600.0)


@dataclass(slots=True)
class Tally:
    """What became of messages since the server started, over all channels; read by `/metrics`.

    Attributes:
        attempts: By channel and outcome.
        lags_s: From the breach to the delivery, as counts by the bounds of `LAG_BOUNDS_S` and one beyond.
        lag_s: Their sum.
        lock: For whoever changes it.
    """

    attempts: Counter[tuple[str, str]] = field(default_factory=Counter)
    lags_s: list[int] = field(default_factory=lambda: [0] * (len(LAG_BOUNDS_S) + 1))
    lag_s: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, job: Job, outcome: Delivered | Failed, state: State, now_ns: int) -> None:
        """Count an outcome."""
        name = "delivered" if isinstance(outcome, Delivered) else "parked" if state == "parked" else "failed"
        with self.lock:
            self.attempts[job.channel_id, name] += 1
            if isinstance(outcome, Delivered) and job.message.status != "test":
                lag_s = max(0.0, (now_ns - job.breach_ns) / SECOND_NS)
                self.lags_s[sum(lag_s > bound for bound in LAG_BOUNDS_S)] += 1
                self.lag_s += lag_s


class Worker:
    """Of one channel."""

    def __init__(
        self, database: Database, now: Callable[[], int], opening: Opening, tally: Tally, channel_id: str
    ) -> None:
        """Nothing is opened yet.

        Args:
            database: The store.
            now: The time in ns since 1970.
            opening: Opens the channel.
            tally: Where outcomes are counted.
            channel_id: The channel.
        """
        self.channel_id = channel_id
        self.sending_ns: int | None = None
        self._database = database
        self._now = now
        self._opening = opening
        self._tally = tally
        self._sending: tuple[Job, Known] | None = None
        self._unsettled: _Outcome | None = None
        self._channel: Channel | None = None
        self._version = 0
        self._failures = 0
        self._pause_until_ns = 0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._settling = threading.Lock()
        self._thread = threading.Thread(target=self._work, name=f"spanledger-notify-{channel_id[:8]}", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There may be something to send. Returns at once."""
        self._wake.set()

    def hurry(self) -> None:
        """Do not wait for the end of a pause. Returns at once."""
        self._failures, self._pause_until_ns = 0, 0
        self._wake.set()

    def stop(self) -> None:
        """End, after what is being sent. Returns at once."""
        self._stopping.set()
        self._wake.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the end."""
        self._thread.join(timeout_s)

    def hangs(self, now_ns: int) -> bool:
        """Whether the channel has said nothing for too long."""
        return self.sending_ns is not None and now_ns - self.sending_ns >= HANGS_NS

    def leave_behind(self, now_ns: int) -> None:
        """Settle what it is sending as not delivered; whatever it says later does not count."""
        with self._settling:
            sending, began_ns, self._sending = self._sending, self.sending_ns, None
        self.stop()
        if sending is not None and began_ns is not None:
            silent = f"the channel said nothing for {HANGS_NS // SECOND_NS} s"
            self._settle(_Outcome(*sending, Failed(silent, permanent=False), began_ns, now_ns))

    def once(self, now_ns: int) -> int | None:
        """Send the next message; when there will be one (the same time: at once), None: nothing waits.

        Raises:
            Busy: It could not be leased, or the outcome could not be written.
        """
        if self._unsettled is not None:
            self._settle(self._unsettled)
        if now_ns < self._pause_until_ns <= now_ns + queue.FARTHEST_NS:
            return self._pause_until_ns
        with self._database.reader() as reader:
            known = self._opening.known(reader).get(self.channel_id)
            version = self._opening.version(reader, self.channel_id)
            if known is None or not known.enabled:
                return None
            opened = self._channel if version == self._version else None
            if opened is None:
                opened, self._version = self._open(lambda: self._opening.opened(reader, self.channel_id)), version
        with self._database.transaction() as tx:
            job = queue.lease(tx, self.channel_id, now_ns)
        if not isinstance(job, Job):
            return job
        self._send(job, opened, known, now_ns)
        return self._now()

    def _open(self, opening: Callable[[], Channel]) -> Channel:
        try:
            self._channel = opening()
        except Exception as error:  # the boundary around delivery: what cannot be opened cannot be sent to
            log.exception("a channel could not be opened", extra={"channel": self.channel_id})
            return _Closed(f"it could not be opened: {type(error).__name__}")
        return self._channel

    def _send(self, job: Job, channel: Channel, known: Known, began_ns: int) -> None:
        sending = (job, known)
        with self._settling:
            self._sending, self.sending_ns = sending, began_ns
        try:
            outcome = channel.send(job.message)
        except Exception as error:  # the boundary around delivery: a channel that raises has not delivered
            log.exception("a channel raised", extra={"channel": self.channel_id})
            outcome = Failed(f"the channel failed: {type(error).__name__}", permanent=False)
        with self._settling:
            mine, self._sending, self.sending_ns = self._sending is sending, None, None
        if mine:
            self._settle(_Outcome(job, known, outcome, began_ns, self._now()))

    def _settle(self, found: _Outcome) -> None:
        """Write an outcome; it is kept until it is written."""
        self._unsettled = found
        with self._database.transaction() as tx:
            state = queue.settle(tx, found.job, found.outcome, found.began_ns, found.now_ns)
            self._opening.note(tx, self.channel_id, found.outcome, found.now_ns)
            failing.note(tx, found.known, found.job, found.outcome, state, found.now_ns)
        self._unsettled = None
        self._tally.note(found.job, found.outcome, state, found.now_ns)
        self._rest(found.outcome, found.now_ns)

    def _rest(self, outcome: Delivered | Failed, now_ns: int) -> None:
        """How long the channel is left alone: not at all once it has taken something or refused it for good."""
        if isinstance(outcome, Delivered) or outcome.permanent:
            self._failures, self._pause_until_ns = 0, 0
            return
        self._failures += 1
        self._pause_until_ns = now_ns + queue.pause_ns(self._failures, outcome.after_s)

    def _work(self) -> None:
        wait_s = 0.0
        while not self._stopping.is_set():
            self._wake.wait(wait_s)
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                now_ns = self._now()
                next_ns = self.once(now_ns)
                wait_s = LONGEST_WAIT_S if next_ns is None else max(0.0, (next_ns - self._now()) / SECOND_NS)
                wait_s = min(LONGEST_WAIT_S, wait_s)
            except SpanledgerError as error:
                log.warning("an outcome could not be committed", extra={"reason": str(error)})
                wait_s = AFTER_FAILURE_S
            except Exception:  # the boundary: one message's failure is no reason to stop
                log.exception("sending failed", extra={"channel": self.channel_id})
                wait_s = AFTER_FAILURE_S


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a message, to be written."""

    job: Job
    known: Known
    outcome: Delivered | Failed
    began_ns: int
    now_ns: int


@dataclass(frozen=True, slots=True)
class _Closed:
    """A channel that cannot be opened."""

    reason: str

    def send(self, _message: object) -> Failed:
        """Say so."""
        return Failed(self.reason, permanent=False)
