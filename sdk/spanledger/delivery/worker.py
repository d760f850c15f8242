"""The one thread that empties the lanes: politely while the program runs, in a hurry when it ends.

Given lanes in order of importance and something that reads the metrics, encodes and sends batches, waits where a
receiver is busy or away, and survives a fork by starting anew in the child with nothing in its hands.

Never: longer than a slice without letting other threads run, and no waiting in the caller's thread but in `flush` and
`stop`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence

from opentelemetry.instrumentation.utils import suppress_instrumentation

from spanledger.delivery.lane import Batch, Lane
from spanledger.delivery.outcome import Lost, Outcome, Sent, TryAgain
from spanledger.delivery.recovery import recover
from spanledger.guard import after_fork as guard_after_fork
from spanledger.guard import guard, say_once

SPELL_S, BREATH_S = 0.00025, 0.0005  # of work and of sleep: p99.9 of an event loop beside it stays at 1 ms, not at 12
CALL_PATIENCE_S = 1.0
RECOVER_EVERY_S = 60.0  # a sibling may be killed while this process lives on
# The longest piece of work is the first one, which imports the transport and loads prices: half a second, and more on a
# busy machine. A child forked in the middle of it could never import those modules, nor what they import: better wait.
FORK_PATIENCE_S = 60.0
_guard = guard("delivery")


class Worker:
    """Empties lanes.

    Args:
        lanes: The most important first.
        collect: Reads the metrics into their lane.
        interval_s: Seconds between two looks at the queues.
        collect_interval_s: Seconds between two readings of the metrics.
        timeout_s: Seconds a request of each lane may take, by the lane's signal.
        max_pause_s: Longest pause between two tries.
        stop_timeout_s: Seconds that the end of a child of `multiprocessing` may wait for delivery.
        turn: Called before each look at the queues with the time of `time.monotonic`, the seconds by which the thread
            was woken too late, whether the program ends, and what lets others have their turn.
        after_fork: Called in a forked child before its thread starts.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        collect: Callable[[], None],
        *,
        interval_s: float,
        collect_interval_s: float,
        timeout_s: Mapping[str, float],
        max_pause_s: float,
        stop_timeout_s: float = 5.0,
        turn: Callable[[float, float, bool, Callable[[], None]], None] = lambda *_: None,
        after_fork: Callable[[], None] = lambda: None,
    ) -> None:
        self.lanes = tuple(lanes)
        self._collect = collect
        self._interval_s, self._collect_interval_s = interval_s, collect_interval_s
        self._timeout_s, self._max_pause_s, self._after_fork = timeout_s, max_pause_s, after_fork
        self._turn, self.stop_timeout_s = turn, stop_timeout_s
        self._fresh()
        _remember(self)

    def _fresh(self) -> None:
        self._gate = threading.Lock()  # held while anything but the network is worked on: a fork waits for it
        self._wire = threading.Lock()  # held while a call is under way that a fork must not copy
        self._news = threading.Condition(threading.RLock())
        self._wake = threading.Event()
        self._asked = self._answered = 0
        self._lag_s = self._breathed_s = 0.0  # of `time.thread_time`, the latter
        self._deadline: float | None = None
        self._next_collect = time.monotonic() + self._collect_interval_s
        self._next_recovery = 0.0
        self._thread: threading.Thread | None = None
        self._held_for_fork: list[threading.Lock] = []
        self.stopped = False

    # --- for everybody ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="spanledger-delivery", daemon=True)
        with _guard:  # at the end of a program threads can no longer be started: stop() then does the work itself
            self._thread.start()

    def flush(self, timeout_s: float) -> bool:
        """Send what waits, now; whether nothing is left after at most `timeout_s` seconds."""
        return self._ask(timeout_s, self._is_empty)

    def settle_down(self, timeout_s: float) -> None:
        """Try once to send what waits; what does not go and has a spool goes there. The worker lives on."""
        self._ask(timeout_s, lambda: True)
        with self._gate:
            for lane in self.lanes:
                lane.spill_all()

    def _ask(self, timeout_s: float, is_enough: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + timeout_s
        with self._news:
            thread = self._thread
            if self.stopped or thread is None or not thread.is_alive() or thread is threading.current_thread():
                return self._is_empty()
            self._asked += 1
            mine = self._asked
            for lane in self.lanes:
                lane.not_before = 0.0
            self._wake.set()
            return self._news.wait_for(
                lambda: (self._answered >= mine and is_enough()) or self.stopped,
                max(deadline - time.monotonic(), 0.0),
            )

    def stop(self, timeout_s: float) -> None:
        """Deliver what can be delivered in `timeout_s` seconds, give up on the rest, end the thread; once is enough."""
        if self.stopped:
            return
        deadline = time.monotonic() + timeout_s
        with self._news:
            self._deadline = deadline
            self._wake.set()
        thread = self._thread
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join(timeout_s + 0.5)
        else:
            with _guard:
                self._drain(deadline)
        self._abandon()

    # --- the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        with suppress_instrumentation():
            self._recover()
            while self._deadline is None:
                self._rest()
                asked = self._asked
                with _guard:
                    if asked > self._answered:
                        self._everything()
                    else:
                        self._round()
                with self._news:
                    self._answered = asked
                    self._news.notify_all()
            with _guard:
                self._drain(self._deadline)

    def _pause(self) -> float:
        return 0.0 if self._asked > self._answered or self._deadline is not None else self._interval_s

    def _rest(self) -> None:
        """Wait until there may be something to do."""
        pause_s, began_s = self._pause(), time.monotonic()
        on_time = not self._wake.wait(pause_s)
        self._lag_s = max(time.monotonic() - began_s - pause_s, 0.0) if on_time else 0.0
        self._wake.clear()

    def _round(self) -> None:
        """One look at everything."""
        now_s = time.monotonic()
        with _guard, self._gate:
            self._turn(now_s, self._lag_s, False, self._breathe)
        if now_s >= self._next_collect:
            self._read_metrics()
        if now_s >= self._next_recovery:
            self._recover()
        for lane in self.lanes:
            if lane.journal is not None:
                lane.journal.look_after(now_s)
        while self._deadline is None and sum(self._step(lane) for lane in self.lanes):
            pass

    def _recover(self) -> None:
        """Take over what processes left that have ended."""
        self._next_recovery = time.monotonic() + RECOVER_EVERY_S
        with _guard, self._gate:
            for lane in self.lanes:
                recover(lane, self._breathe)

    def _everything(self) -> None:
        """What `flush` asks for: the lanes, then the metrics that tell of it, then those too."""
        self._round()
        self._read_metrics()
        self._round()

    def _step(self, lane: Lane) -> bool:
        """One batch of one lane; whether there may be another to do at once."""
        if lane.spool is not None and lane.is_crowded():
            with self._gate:
                if lane.spill(self._breathe):
                    return True
        if not lane.is_due(time.monotonic(), hurry=not self._pause()) or not lane.has_work():
            return False
        batch = self._next(lane)
        if batch is None:
            return False
        return isinstance(self._send(lane, batch, self._timeout_s[lane.signal]), (Sent, Lost)) and lane.has_work()

    def _next(self, lane: Lane) -> Batch | None:
        with self._gate:
            batch = lane.next_batch(self._breathe)
            if batch is not None:
                with _guard:
                    lane.transport.prepare()
        return batch

    def _send(self, lane: Lane, batch: Batch, timeout_s: float) -> Outcome:
        with self._wire if lane.transport.forks_wait else contextlib.nullcontext():
            outcome = lane.transport.send(batch.payload, timeout_s)
        with self._gate:
            lane.settle(batch, outcome, time.monotonic(), random.random(), self._max_pause_s)
        _tell(lane, outcome)
        return outcome

    def _breathe(self) -> None:
        """Let others have their turn; a short one while there is so much money that some of it must go to disk."""
        if self._deadline is None and self._asked <= self._answered and time.thread_time() - self._breathed_s > SPELL_S:
            behind = any(lane.spool is not None and lane.is_crowded() for lane in self.lanes)
            time.sleep(0.0 if behind else BREATH_S)
            self._breathed_s = time.thread_time()

    def _read_metrics(self) -> None:
        self._next_collect = time.monotonic() + self._collect_interval_s
        with _guard, self._gate:
            self._collect()

    # --- the end ------------------------------------------------------------------------------------------------------

    def _drain(self, deadline: float) -> None:
        """Send everything that will go: the lanes first, then the metrics, whose last reading tells of them."""
        with _guard, self._gate:
            self._turn(time.monotonic(), 0.0, True, self._breathe)
        ahead, last = self.lanes[:-1], self.lanes[-1:]
        for lane in ahead:
            lane.close("shutdown")
            self._drain_lane(lane, deadline)
        self._read_metrics()
        for lane in last:
            self._drain_lane(lane, deadline)

    def _drain_lane(self, lane: Lane, deadline: float) -> None:
        lane.not_before = 0.0
        while lane.has_work() and (left := deadline - time.monotonic()) > 0:
            batch = self._next(lane)
            if batch is None:
                return
            outcome = self._send(lane, batch, min(self._timeout_s[lane.signal], left))
            if isinstance(outcome, TryAgain):
                pause = max(lane.not_before - time.monotonic(), 0.0)
                # Nobody there: do not hold up the end of the program, unless this is money and there is no other place
                # for it.
                nobody = outcome.unreachable and (lane.spool is not None or lane.signal != "ledger")
                if nobody or pause >= deadline - time.monotonic():
                    return
                time.sleep(pause)

    def _abandon(self) -> None:
        """What is still here goes to the spool, or is dropped and counted."""
        with _guard:
            held = self._gate.acquire(timeout=1.0)
            try:
                for lane in self.lanes:
                    lane.close("shutdown")
                    lane.abandon("shutdown")
                    lane.transport.close()
            finally:
                if held:
                    self._gate.release()
        with self._news:
            self.stopped = True
            self._news.notify_all()

    def _is_empty(self) -> bool:
        return all(lane.is_empty() for lane in self.lanes)

    # --- forks --------------------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Wait until the worker is between two pieces of work: no library's lock is to be copied while it is held."""
        if threading.current_thread() is self._thread:
            return
        if self._gate.acquire(timeout=FORK_PATIENCE_S):
            self._held_for_fork.append(self._gate)
        if not self._wire.acquire(timeout=CALL_PATIENCE_S):
            for lane in self.lanes:  # a hanging call is broken off, and tried again later
                if lane.transport.forks_wait:
                    lane.transport.close()
            if not self._wire.acquire(timeout=CALL_PATIENCE_S):
                return
        self._held_for_fork.append(self._wire)

    def after_fork_in_parent(self) -> None:
        """Go on."""
        while self._held_for_fork:
            self._held_for_fork.pop().release()

    def after_fork_in_child(self) -> None:
        """Nothing was recorded here yet; connections and waiting items are the parent's."""
        stopped = self.stopped
        self._fresh()
        for lane in self.lanes:
            lane.after_fork()
        self._after_fork()
        self.stopped = stopped
        if stopped:
            for lane in self.lanes:
                lane.close("shutdown")
        else:
            self.start()


def breathe() -> None:
    """Let others have their turn, where this is a worker's thread: for what it calls without knowing."""
    for worker in list(_workers):
        if worker._thread is threading.current_thread():
            worker._breathe()


def _tell(lane: Lane, outcome: Outcome) -> None:
    """Say once what an operator should know; the counters have the rest."""
    match outcome:
        case Sent(refused=refused, message=message) if refused:
            said = "the backend refused %d of the %s it was sent: %s"
            say_once(f"refused {lane.signal}", logging.WARNING, said, refused, lane.signal, message)
        case Lost(reason=reason):
            said = "%s were dropped because the backend answered %s"
            say_once(f"lost {lane.signal} {reason}", logging.ERROR, said, lane.signal, reason)
        case TryAgain(reason=reason):
            said = "%s cannot be delivered (%s); what fits into the queue is kept and tried again"
            say_once(f"away {lane.signal}", logging.WARNING, said, lane.signal, reason)
        case _:
            pass


_workers: weakref.WeakSet[Worker] = weakref.WeakSet()
_registered = False


def _remember(worker: Worker) -> None:
    """Have forks told to this worker; the hooks are registered once, as they cannot be taken back."""
    global _registered
    _workers.add(worker)
    if not _registered and hasattr(os, "register_at_fork"):
        _registered = True
        os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)


def _before() -> None:
    for worker in list(_workers):
        worker.before_fork()


def _after_in_parent() -> None:
    for worker in list(_workers):
        worker.after_fork_in_parent()


def _after_in_child() -> None:
    guard_after_fork()
    for worker in list(_workers):
        worker.after_fork_in_child()
        _finish_with_multiprocessing(worker)


def _finish_with_multiprocessing(worker: Worker) -> None:
    """A child of `multiprocessing` ends without atexit; finalizers are run, but only those set after it began."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        ends = (worker.stop_timeout_s,)
        util.register_after_fork(worker, lambda ours: util.Finalize(ours, ours.stop, args=ends, exitpriority=100))
