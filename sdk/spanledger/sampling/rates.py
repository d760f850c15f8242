"""How often things happen, and how many of each kind to keep: the arithmetic of adaptive sampling.

Given the times of arrivals, `Rate` gives how many come each second; given the rates of kinds and a total, `shares`
gives how many of each kind are to be kept. Pure: time is an argument.

Two moving averages are kept, of one second and of ten. The slow one is what counts, for it is steady; when the fast one
is further from it than chance would have it, the rate has changed and the slow one starts over from the fast one. (One
average alone either swings or, after an hour without arrivals, believes that hour for many seconds.)

Never: a look at what is decided. The probability of a trace depends on when traces came and never on its random value,
or sums over the kept ones would be wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

FAST_S, SLOW_S = 1.0, 10.0
SIGMAS = 5.0
_MARGIN = 2.0  # arrivals a second: below that, the normal distribution says little about a count
Kind = TypeVar("Kind")


class Rate:
    """Arrivals a second, of late."""

    __slots__ = ("_fast", "_fast_s", "_last", "_slow", "_slow_s")

    def __init__(self) -> None:
        self._last: float | None = None
        self._fast = self._fast_s = self._slow = self._slow_s = 0.0  # arrivals, and the seconds that they came in

    def arrived(self, now_s: float, count: int = 1) -> float:
        """Count arrivals; gives the rate, infinite for the first one.

        Args:
            now_s: Seconds of a clock that never goes back; going back counts as standing still.
            count: How many have come since the last time this was called.
        """
        self._pass(now_s)
        self._fast += count
        self._slow += count
        if self._fast_s <= 0:
            return math.inf
        fast, slow = self._fast / self._fast_s, self._slow / self._slow_s
        if abs(fast - slow) > SIGMAS * math.sqrt(slow / (2 * FAST_S)) + _MARGIN:
            self._slow, self._slow_s, slow = self._fast, self._fast_s, fast
        return slow

    def at(self, now_s: float) -> float:
        """The rate as it is, with nothing arriving now."""
        self._pass(now_s)
        return self._slow / self._slow_s if self._slow_s > 0 else 0.0

    def _pass(self, now_s: float) -> None:
        passed = 0.0 if self._last is None else max(now_s - self._last, 0.0)
        self._last = now_s if self._last is None else max(now_s, self._last)
        if passed:
            left = math.exp(-passed / FAST_S)
            self._fast, self._fast_s = self._fast * left, self._fast_s * left + FAST_S * (1 - left)
            left = math.exp(-passed / SLOW_S)
            self._slow, self._slow_s = self._slow * left, self._slow_s * left + SLOW_S * (1 - left)


def kept_share(target: float, rate: float) -> float:
    """The probability that keeps `target` of `rate`; the first arrival of all is kept."""
    return min(1.0, target / rate) if 0 < rate < math.inf else 1.0


def allowances(rates: Mapping[Kind, float], target: float) -> dict[Kind, float]:
    """How many of each kind may be kept a second: rare kinds whole, frequent ones by the logarithm of their rate.

    Args:
        rates: Arrivals a second of each kind.
        target: What may be kept a second in all.

    Returns:
        For each kind its allowance. A kind that comes less often than it may is kept whole, and what it leaves over is
        given to the others: in all `target` is kept where that much arrives.
    """
    weights = {kind: math.log1p(60 * rate) for kind, rate in rates.items()}  # arrivals a minute
    given: dict[Kind, float] = {}
    left, weight_left = target, sum(weights.values())
    for kind in sorted(rates, key=lambda kind: rates[kind] / weights[kind] if weights[kind] else 0.0):
        given[kind] = left * weights[kind] / weight_left if weight_left > 0 else left
        left -= min(rates[kind], given[kind])
        weight_left -= weights[kind]
    return given
