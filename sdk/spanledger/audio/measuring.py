"""The way to the measuring process: a short queue, one thread, one child process, and a limit on what they may cost.

Given a sound, puts it in the queue at once and later tells its measures, on the thread. The process is started with the
first sound and ends when there is nothing to do; it may crash, hang or be killed, and the next sound starts another.
It is a plain child, not a fork: neither the user's threads nor his `__main__` come with it.

Never: makes a caller wait, lets more than `MOST_WAITING` sounds wait, or spends more than the share of a core that the
setting `audio_cpu_share` allows (after a first burst).
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Protocol

from spanledger import configure
from spanledger.audio.child import Child, ChildFailedError
from spanledger.audio.facts import Facts
from spanledger.guard import guard

MOST_WAITING: Final = 16
IDLE_S: Final = 30.0
BURST_S: Final = 10.0  # of computing, before the share of a core holds
SPARE_S: Final = 5.0  # kept for what is cheap
_ALL: Final = 1 << 56
_ANSWER = guard("audio.answer")

Told = Callable[[Facts | None, Mapping[str, float], str | None], None]


class Asked(Protocol):
    """Something to be measured."""

    @property
    def facts(self) -> Facts:
        """What is known of it; where that is nothing, it is asked for even if nothing is measured."""
        ...

    def question(self, *, measure: bool) -> tuple[dict[str, Any], bytes]:
        """What to ask; called on the measuring thread. Without `measure`, only what it is."""
        ...

    def close(self) -> None:
        """It is measured, or nobody will."""
        ...


@dataclass(frozen=True, slots=True)
class _Job:
    asked: Asked
    left_out: str | None  # why only what it is is wanted, and not what it is like
    told: Told


class Budget:
    """Seconds of computing that may be spent: refilled at `share` a second, up to a burst."""

    def __init__(self, share: float) -> None:
        self._share, self._left, self._at = share, BURST_S, time.monotonic()

    def left(self, more_than: float = 0.0) -> bool:
        """Whether there is something to spend, and how much more than nothing."""
        now = time.monotonic()
        self._left, self._at = min(BURST_S, self._left + (now - self._at) * self._share), now
        return self._left > more_than

    def spend(self, seconds: float) -> None:
        """It was spent."""
        self._left -= seconds


class Measurer:
    """The queue, the thread and the child of one process."""

    def __init__(self, share: float) -> None:
        self._ready = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._budget = Budget(share)
        self._thread: threading.Thread | None = None
        self._busy = self._stopping = False
        self.child = Child()

    def put(self, asked: Asked, told: Told, *, chosen: bool) -> str | None:
        """Take something to be measured; gives the reason where it is not to be measured."""
        with self._ready:
            left_out = None if chosen else "not_sampled"
            if chosen and not self._budget.left():
                left_out = "over_budget"
            if left_out is not None and asked.facts.known:
                return left_out
            if len(self._jobs) >= MOST_WAITING:
                return "busy"
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="spanledger-audio", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the program is ending
                    return "ending"
                self._thread = thread
            self._jobs.append(_Job(asked, left_out, told))
            self._ready.notify_all()
        return None

    def settle(self, timeout_s: float) -> bool:
        """Wait until everything is measured; gives whether it is."""
        with self._ready:
            return self._ready.wait_for(lambda: not self._jobs and not self._busy, timeout_s)

    def stop(self, timeout_s: float) -> None:
        """Measure what there is time for, and end thread and child; the rest is told that it was left out."""
        self.settle(timeout_s)
        with self._ready:
            thread, left = self._thread, list(self._jobs)
            self._jobs.clear()
            self._stopping = True
            self._ready.notify_all()
        self.child.kill()
        for job in left:
            _tell(job, {"skipped": "ending"})
        if thread is not None:
            thread.join(1.0)
        with self._ready:
            self._stopping = False

    def _run(self) -> None:
        child = self.child = Child()
        while (job := self._next()) is not None:
            answer: Mapping[str, Any] = {"skipped": "failed"}
            with self._ready:
                spare = self._budget.left(SPARE_S)
            with _ANSWER:
                answer = _answer(child, job, spare=spare)
            _tell(job, answer)
            with self._ready:
                self._budget.spend(answer.get("cpu_s", 0.0))
                self._busy = False
                self._ready.notify_all()
        child.kill()

    def _next(self) -> _Job | None:
        with self._ready:
            self._ready.wait_for(lambda: self._jobs or self._stopping, IDLE_S)
            if not self._jobs or self._stopping:
                self._thread = None
                return None
            self._busy = True
            return self._jobs.popleft()


def measure(asked: Asked, trace_id: int, told: Told) -> str | None:
    """Have something measured, if it is its turn; gives the reason where it is not.

    Args:
        asked: What to measure; closed by whoever measures it.
        trace_id: What decides whether it is chosen: the traces that a sampler keeps are chosen first. 0: nobody traces.
        told: Called once, on another thread.
    """
    if not trace_id:
        return "not_traced"
    if not _installed():
        return "not_installed"
    ratio = configure.held().audio_sample_ratio
    return _measurer().put(asked, told, chosen=trace_id % _ALL >= _ALL - round(ratio * _ALL))


def _answer(child: Child, job: _Job, *, spare: bool) -> Mapping[str, Any]:
    try:
        question, content = job.asked.question(measure=job.left_out is None)
        return child.ask({**question, "spare": spare}, content)
    except ChildFailedError as failed:
        return {"skipped": str(failed), "cpu_s": failed.spent_s}
    except (OSError, ValueError):
        return {"skipped": "unreadable"}
    finally:
        job.asked.close()


def _tell(job: _Job, answer: Mapping[str, Any]) -> None:
    with _ANSWER:
        facts = None
        if found := answer.get("facts"):
            duration_s, rate, channels, name = found
            facts = Facts(duration_s, rate, channels, job.asked.facts.format or name)
        skipped = answer.get("skipped") or job.left_out
        job.told(facts, answer.get("measures") or {}, skipped)


@cache
def _installed() -> bool:
    return importlib.util.find_spec("numpy") is not None


class _Process:
    """What there is one of in a process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.measurer: Measurer | None = None


_process = _Process()


def _measurer() -> Measurer:
    with _process.lock:
        if _process.measurer is None:
            _process.measurer = Measurer(configure.held().audio_cpu_share)
            atexit.register(_at_exit)  # late, so that it runs before the providers' own ends
        return _process.measurer


def _settle(timeout_s: float) -> bool:
    measurer = _process.measurer
    return measurer is None or measurer.settle(timeout_s)


def _stop(timeout_s: float) -> None:
    measurer = _process.measurer
    if measurer is not None:
        measurer.stop(timeout_s)


def _at_exit() -> None:
    _stop(configure.held().shutdown_timeout_s / 2)


def _after_fork() -> None:
    """In a child: thread and process are the parent's."""
    measurer, _process.measurer, _process.lock = _process.measurer, None, threading.Lock()
    if measurer is not None:
        measurer.child.forget()


configure.settle_first(_settle, _stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
