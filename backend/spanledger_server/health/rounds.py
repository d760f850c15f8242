"""Looks again and again: each check on its own thread, at its own distance, never twice at once.

Given what there is to look at and a way to look, starts each look when it is due. Distances are measured on a clock
that nobody sets; each is a tenth longer or shorter than asked for, so that checks do not all ask at once.

Never: one look that waits for another, or a thread that stays when its look is over.
"""

from __future__ import annotations

import heapq
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 64
SPREAD_S: Final = 10.0  # over which the first looks are spread
JITTER: Final = 0.1
STOP_PATIENCE_S: Final = 2.0


@dataclass(slots=True)
class Counters:
    """What the rounds did; read by `/metrics`."""

    looks: int = 0
    failures: int = 0  # looks that raised what none should
    late_s: float = 0.0  # how much later than due the latest look began


@dataclass(slots=True)
class _Turn:
    interval_s: float
    due: float
    looking: bool = False


class Rounds:
    """`start`, then `plan` whenever there is something else to look at, then `stop`."""

    def __init__(self, look: Callable[[str], None], *, spread_s: float = SPREAD_S) -> None:
        """Nothing is looked at yet.

        Args:
            look: Looks at the one of this key, and sees to what it found.
            spread_s: Over how long first looks are spread, seconds.
        """
        self.counters = Counters()
        self._look = look
        self._spread_s = spread_s
        self._turns: dict[str, _Turn] = {}
        self._queue: list[tuple[float, str]] = []
        self._at_once = 0
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="spanledger-health", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no more looks; those under way are left behind."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(STOP_PATIENCE_S)

    def plan(self, intervals_s: Mapping[str, float]) -> None:
        """Look at these from now on, each at this distance, and at nothing else."""
        with self._changed:
            for key in self._turns.keys() - intervals_s.keys():
                del self._turns[key]
            for key, interval_s in intervals_s.items():
                known = self._turns.get(key)
                if known is not None and known.interval_s == interval_s:
                    continue
                due = time.monotonic() + random.uniform(0, min(self._spread_s, interval_s))
                turn = self._turns[key] = _Turn(interval_s, due)
                turn.looking = known is not None and known.looking
                heapq.heappush(self._queue, (due, key))
            self._changed.notify_all()

    def now(self, key: str, within_s: float) -> bool:
        """Look at once, or wait for the look that is under way; whether it ended in time."""
        with self._changed:
            turn = self._turns.get(key)
            if turn is None or self._stopping:
                return False
            if not turn.looking:
                self._begin(key, turn)
            return self._changed.wait_for(lambda: not turn.looking, within_s)

    def _work(self) -> None:
        with self._changed:
            while not self._stopping:
                wait_s = self._begin_due()
                self._changed.wait(wait_s)

    def _begin_due(self) -> float | None:
        """Begin what is due and there is room for; seconds until the next, None when somebody has to end first."""
        while self._queue and self._at_once < MOST_AT_ONCE:
            due, key = self._queue[0]
            turn = self._turns.get(key)
            if turn is None or turn.due != due or turn.looking:
                heapq.heappop(self._queue)
                continue
            wait_s = due - time.monotonic()
            if wait_s > 0:
                return wait_s
            heapq.heappop(self._queue)
            self.counters.late_s = -wait_s
            self._begin(key, turn)
        return None

    def _begin(self, key: str, turn: _Turn) -> None:
        turn.looking = True
        self._at_once += 1
        self.counters.looks += 1
        threading.Thread(target=self._one, args=(key,), name="spanledger-look", daemon=True).start()

    def _one(self, key: str) -> None:
        try:
            self._look(key)
        except Exception:  # the boundary: one look's failure is no reason for the others to stop
            self.counters.failures += 1
            log.exception("a health check failed", extra={"check": key})
        finally:
            with self._changed:
                self._at_once -= 1
                self._end(key)
                self._changed.notify_all()

    def _end(self, key: str) -> None:
        turn = self._turns.get(key)
        if turn is None:
            return
        turn.looking = False
        turn.due = time.monotonic() + turn.interval_s * random.uniform(1 - JITTER, 1 + JITTER)
        heapq.heappush(self._queue, (turn.due, key))
