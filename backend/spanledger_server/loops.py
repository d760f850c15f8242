"""The tick: work that is done again and again, told the time once a tick.

Given a clock and tasks, calls each task that is due with the same `now_ns`, one after another. A task that raises
is logged and counted, and the others go on; so does the task itself at its next turn.

Never: two ticks at once, or a tick after `stop` has returned.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

log = logging.getLogger(__name__)

STOP_PATIENCE_S: Final = 30.0
LEAST_REST: Final = 0.1  # of a tick's length, after one that took longer than that


class TellsTime(Protocol):
    """A clock."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970, UTC."""
        ...


@dataclass(slots=True)
class Task:
    """Something to do again and again.

    Attributes:
        name: What logs and metrics call it.
        run: Called with the time in nanoseconds.
        every_ns: How long to wait between two turns; 0 for every tick.
        failures: How often it raised.
        failed: Whether it raised in its last turn.
        turns: How often it ran.
        seconds: How long its last turn took.
        busy_s: How long all turns took together, seconds.
        last_ns: When it last began; None before its first turn.
    """

    name: str
    run: Callable[[int], object]
    every_ns: int = 0
    failures: int = field(default=0, init=False)
    failed: bool = field(default=False, init=False)
    turns: int = field(default=0, init=False)
    seconds: float = field(default=0.0, init=False)
    busy_s: float = field(default=0.0, init=False)
    last_ns: int | None = field(default=None, init=False)

    def due(self, now_ns: int) -> bool:
        """Whether its turn has come; also when the clock was set back."""
        return self.last_ns is None or not 0 <= now_ns - self.last_ns < self.every_ns


class TickLoop:
    """Runs tasks on a thread of its own, every `tick_s` seconds, however long they take."""

    def __init__(self, clock: TellsTime, tasks: Sequence[Task], tick_s: float = 10.0) -> None:
        self.tasks = tuple(tasks)
        self._clock = clock
        self._tick_s = tick_s
        self._one_tick = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; the first tick is at once."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._work, name="spanledger-tick", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the task that is running, if any; safe to call twice."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOP_PATIENCE_S)
            self._thread = None

    def tick(self) -> int:
        """Do what is due, on the caller's thread; how many tasks raised."""
        failed = 0
        with self._one_tick:
            now_ns = self._clock.now_ns()
            for task in self.tasks:
                if self._stopping.is_set():
                    break
                if task.due(now_ns):
                    failed += not self._turn(task, now_ns)
        return failed

    @staticmethod
    def _turn(task: Task, now_ns: int) -> bool:
        task.last_ns = now_ns
        started = time.perf_counter()
        try:
            task.run(now_ns)
        except Exception:  # the boundary: one task's failure is no reason for the others to stop
            task.failures += 1
            task.failed = True
            log.exception("a task failed", extra={"task": task.name, "failures": task.failures})
            return False
        finally:
            task.seconds = time.perf_counter() - started
            task.busy_s += task.seconds
            task.turns += 1
        task.failed = False
        return True

    def _work(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            self.tick()
            left_s = self._tick_s - (time.monotonic() - began)
            self._stopping.wait(max(left_s, self._tick_s * LEAST_REST))
