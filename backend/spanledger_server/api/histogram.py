"""How long something took: counts in fixed buckets, and for each bucket the newest trace that fell into it.

Never: more memory than the buckets, however much is observed.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One observation that can be looked at: its trace, its value, and when it was made (ns since 1970)."""

    trace_id: str
    value: float
    at_ns: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What a histogram held at one moment.

    Attributes:
        bounds: Upper bounds of the buckets; one more bucket takes what lies above all of them.
        counts: Of each bucket alone.
        total: Sum of what was observed.
        exemplars: One for each bucket that has any.
    """

    bounds: Sequence[float]
    counts: Sequence[int]
    total: float
    exemplars: Sequence[Exemplar | None]


class Histogram:
    """Observed from any thread."""

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._exemplars: list[Exemplar | None] = [None] * (len(bounds) + 1)
        self._total = 0.0
        self._lock = threading.Lock()

    def observe(self, value: float, exemplar: Exemplar | None = None) -> None:
        """Count `value`; `exemplar` is what can be looked at for it."""
        bucket = bisect_left(self._bounds, value)
        with self._lock:
            self._counts[bucket] += 1
            self._total += value
            if exemplar is not None:
                self._exemplars[bucket] = exemplar

    def seen(self) -> Seen:
        """All of it at one moment."""
        with self._lock:
            return Seen(self._bounds, tuple(self._counts), self._total, tuple(self._exemplars))
