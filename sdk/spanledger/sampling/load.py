"""How much of the usual amount to keep while the process is busy.

Given looks at the process a few times a second, lowers what is kept while it uses more of its processors than allowed
or while threads wait long for their turn, and raises it again slowly.

Never: below a tenth, or above the whole.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

LEAST = 0.1
LOOK_EVERY_S = 1.0
DOWN, UP, CALM = 0.7, 1.15, 0.9


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on the process is busy.

    Attributes:
        cpu: Share of the processors that it may use, between 0 and 1; None: any.
        lag_s: Seconds that a thread may wait for its turn; None: any.
    """

    cpu: float | None = None
    lag_s: float | None = None

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self.cpu is not None or self.lag_s is not None


class Load:
    """Looks at the process.

    Args:
        limits: From where on it is busy.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._looked, self._used = time.monotonic(), time.process_time()
        self.factor = 1.0

    def look(self, now_s: float, used_s: float, lag_s: float) -> float:
        """What of the usual amount may be kept.

        Args:
            now_s: Of `time.monotonic`.
            used_s: Of `time.process_time`.
            lag_s: How much later than it asked for the calling thread was woken, the longest since the last look.
        """
        passed = now_s - self._looked
        if passed < LOOK_EVERY_S or not self._limits:
            return self.factor
        cpu = (used_s - self._used) / passed / self._processors
        self._looked, self._used = now_s, used_s
        busy = max(_over(cpu, self._limits.cpu), _over(lag_s, self._limits.lag_s))
        if busy > 1:
            self.factor = max(LEAST, self.factor * DOWN)
        elif busy < CALM:
            self.factor = min(1.0, self.factor * UP)
        return self.factor


def _over(value: float, limit: float | None) -> float:
    return 0.0 if limit is None or limit <= 0 else value / limit
