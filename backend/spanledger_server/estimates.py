"""Estimates from a sample of traces: totals, shares and quantiles, each with the interval that holds the truth.

A kept span stands for w = 1/p spans (Horvitz and Thompson, 1952). All spans of a trace are kept or dropped by the one
random number of their trace, so they vary together: of two of them, with weights v <= w, the covariance is estimated by
w (v - 1), hence a trace adds (sum of w x)^2 - sum over pairs of max(w, w') x x' to the variance, which is
w (w - 1) (sum of x)^2 where all its weights are the same. Intervals of skewed amounts take their skewness out (Hall,
1992) and use Student's t with Satterthwaite's degrees of freedom.

Given sums, gives `Estimate`s; knows no database. Where a rollup only keeps a sketch of the variance, `spread_variance`
reads it.

Never: an interval that excludes what was seen, or one around a total of which nothing is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

USUAL: Final = 1.959963984540054  # standard deviations on both sides that hold 95 %
BAND: Final = 3.0  # and 99.73 %: what a check calls possible
FEWEST_FREEDOM: Final = 3.0  # degrees; below, the expansion of Student's t is of no use


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure of all spans, of which only some were kept.

    Attributes:
        value: The estimate.
        low: Where its interval begins.
        high: Where it ends.
    """

    value: float
    low: float
    high: float

    @property
    def margin(self) -> float:
        """What stands behind the ±: the longer side."""
        return max(self.value - self.low, self.high - self.value)


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over the kept traces of one total.

    Attributes:
        total: Of w x: the estimate.
        seen: Of x alone: the truth is not less, where no x is negative.
        variance: The estimated variance of `total`.
        third: Of w (w - 1)^2 X^3, X a trace's sum of x: how skewed the total is beside its own variance.
        freedom: Of (1 - 1/w) (w (w - 1) X^2)^2: how much the variance varies itself.
    """

    total: float = 0.0
    seen: float = 0.0
    variance: float = 0.0
    third: float = 0.0
    freedom: float = 0.0

    def interval(self, deviations: float = USUAL) -> Estimate:
        """The total with its interval.

        Args:
            deviations: How many standard deviations of a normal figure it spans on each side.
        """
        if self.variance <= 0:
            return Estimate(self.total, self.total, self.total)
        sigma = math.sqrt(self.variance)
        skew = self.third / sigma**3
        reach = _student(deviations, max(FEWEST_FREEDOM, 2 * self.variance**2 / max(self.freedom, 1e-300)))
        low, high = self.total - sigma * _unskewed(reach, skew), self.total - sigma * _unskewed(-reach, skew)
        return Estimate(self.total, min(max(low, self.seen), self.total), max(high, self.total))


def total(value: float, seen: float, variance: float, deviations: float = USUAL) -> Estimate:
    """A count, of which only the variance is known, with an interval on the scale of logarithms.

    Args:
        value: Sum of weights.
        seen: How many were kept: there are not fewer.
        variance: Of `value`.
        deviations: As for `Moments.interval`.
    """
    if variance <= 0 or value <= 0:
        return Estimate(value, value, value)
    stretch = math.exp(deviations * math.sqrt(variance) / value)
    return Estimate(value, min(value, max(seen, value / stretch)), value * stretch)


def share(
    part: float, whole: float, variance: float, whole_variance: float, deviations: float = USUAL
) -> Estimate | None:
    """A part of a whole, both estimated from the same traces; None when there is no whole.

    Args:
        part: Sum of the part's weights.
        whole: Sum of all weights.
        variance: Of the sum of w (x - share), x being 1 in the part and 0 outside of it.
        whole_variance: Of `whole`.
        deviations: As for `Moments.interval`.
    """
    if whole <= 0:
        return None
    value = min(1.0, part / whole)
    if whole_variance <= 0:
        return Estimate(value, value, value)
    rarer = min(value, 1 - value)
    if rarer <= 0:  # none was seen: as many as would have been missed by chance
        near, far = 0.0, 1 - (math.erfc(deviations / math.sqrt(2)) / 2) ** (whole_variance / whole**2)
    else:
        stretch = math.exp(deviations * math.sqrt(max(0.0, variance)) / whole / rarer)
        near, far = rarer / stretch, min(1.0, rarer * stretch)
    return Estimate(value, near, far) if value <= 0.5 else Estimate(value, 1 - far, 1 - near)


def quantile_ranks(q: float, whole: float, variance: float, deviations: float = USUAL) -> tuple[float, float]:
    """The quantiles between which the true one lies (Woodruff, 1952), when keeping did not depend on the value.

    Args:
        q: The quantile asked for, 0 to 1.
        whole: Sum of all weights, above zero.
        variance: Of that sum.
        deviations: As for `Moments.interval`.
    """
    reach = deviations * math.sqrt(q * (1 - q) * max(0.0, variance)) / whole
    return max(0.0, q - reach), min(1.0, q + reach)


def spread_variance(spread: Mapping[int, float]) -> float:
    """The variance that a sketch holds, by slot.

    Each trace went into one slot, by chance with + or -: what different traces add cancels out on average when it is
    squared.
    """
    return sum(value * value for value in spread.values())


def _unskewed(reach: float, skew: float) -> float:
    """The number whose cubic transformation is `reach`."""
    if skew < 1e-9:
        return reach
    return 3 / skew * (math.cbrt(1 + skew * (reach - skew / 6)) - 1)


def _student(deviations: float, freedom: float) -> float:
    """The quantile of Student's t that belongs to one of the normal distribution (Abramowitz and Stegun, 26.7.5)."""
    z = deviations
    first = (z**3 + z) / (4 * freedom)
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return z + first + second + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
