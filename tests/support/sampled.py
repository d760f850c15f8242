"""A workload whose truth is known, samples of it, and how often an interval held that truth; all by numpy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spanledger_server.estimates import Estimate, Moments


@dataclass(frozen=True, slots=True)
class Workload:
    """Calls with skewed costs and durations, of which one in a hundred fails.

    Attributes:
        amounts: Figure -> what each call adds to it.
        special: Which calls a sampler at the end of a trace keeps for certain: failed and slow ones.
    """

    amounts: dict[str, Any]
    special: Any

    @classmethod
    def drawn(cls, calls: int, rng: np.random.Generator) -> Workload:
        """A workload of so many calls."""
        failed = rng.random(calls) < 0.01
        cost = np.exp(1.2 * rng.standard_normal(calls) - 5)
        duration = np.exp(0.9 * rng.standard_normal(calls)) * cost**0.3
        amounts = {"count": np.ones(calls), "errors": failed * 1.0, "cost": cost}
        return cls(amounts, failed | (duration > np.quantile(duration, 0.99)))

    def kept(self, rng: np.random.Generator, ratio: float, keeping: str) -> tuple[Any, Any]:
        """Which calls a sampler keeps, and their weights.

        Args:
            rng: Where chance comes from.
            ratio: The share that is kept.
            keeping: ``head`` (regardless of what they are), or ``tail`` (and all that are special).
        """
        chance = np.where(self.special, 1.0, ratio) if keeping == "tail" else np.full(len(self.special), ratio)
        where = np.flatnonzero(rng.random(len(chance)) < chance)
        return where, 1 / chance[where]


def moments(weights: Any, amounts: Any) -> Moments:
    """The moments of a total over traces of one call each."""
    variance = weights * (weights - 1) * amounts**2
    return Moments(
        float((weights * amounts).sum()),
        float(amounts.sum()),
        float(variance.sum()),
        float((weights * (weights - 1) ** 2 * amounts**3).sum()),
        float(((1 - 1 / weights) * variance**2).sum()),
    )


def of_traces(traces: Iterable[Sequence[tuple[float, float]]]) -> Moments:
    """The same over traces of any number of spans, which `sampled_calls` finds in SQL.

    Args:
        traces: Weight and amount of each kept span; weights at least 1.
    """
    return Moments(*map(sum, zip((0.0,) * 5, *map(_of_trace, traces), strict=True)))


def _of_trace(spans: Sequence[tuple[float, float]]) -> tuple[float, ...]:
    total = seen = shared = 0.0
    for weight, x in sorted(spans):
        shared += weight * ((seen + x) ** 2 - seen**2)
        seen += x
        total += weight * x
    variance = max(0.0, total**2 - shared)
    weight = total / seen if seen else 1.0
    return total, seen, variance, weight * (weight - 1) ** 2 * seen**3, variance**2 * (1 - 1 / weight)


def sketch(rng: np.random.Generator, weight: float, amounts: Any) -> Any:
    """The rollups' sketch of the variance of traces with this weight: 64 slots by the columns of `amounts`."""
    found = np.zeros((64, amounts.shape[1]))
    added = (weight * (weight - 1)) ** 0.5 * rng.choice([-1, 1], len(amounts))[:, None] * amounts
    np.add.at(found, rng.integers(0, 64, len(amounts)), added)
    return found


def covered(found: Sequence[Estimate], truth: float) -> float:
    """The share of intervals that hold the truth."""
    return float(np.mean([each.low <= truth <= each.high for each in found]))
