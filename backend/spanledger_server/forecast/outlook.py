"""What a pace means for a sum of money: the end of a period, the chance to pass a limit, and when.

Given what was spent, what is expected of each stretch to come and how wide that spreads, gives P10, P50 and P90. One
factor, the same for all that is to come, is what is not known; its logarithm is normal. So each quantile of the total
and of the time is exact, and needs no drawing of lots. In a rolling window old money leaves while new comes: there the
total is the highest that the window reaches.

Never: a time for money that has not enough of a chance to be spent within the period, or a chance where nothing is
known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import accumulate, pairwise
from statistics import NormalDist
from typing import Final

QUANTILES: Final = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
STEP: Final = Decimal("1e-6")
EXACT: Final = Context(prec=60)  # Python's own 28 digits are fewer than a sum can have
MOST_DAYS: Final = 36_500.0
_NORMAL: Final = NormalDist()
_DAY_NS: Final = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is to come.

    Attributes:
        edges_ns: Where the stretches begin and end: one more than there are stretches.
        expected: USD expected in each stretch.
        leaving: USD that has left a rolling window at the end of each stretch, of what it holds now.
        spread: Standard deviation of the logarithm of the one factor; None when nothing is known.
        per_day: USD that a day is expected to cost.
    """

    edges_ns: tuple[int, ...]
    expected: tuple[float, ...]
    leaving: tuple[float, ...]
    spread: float | None
    per_day: float

    def __post_init__(self) -> None:
        if not len(self.edges_ns) - 1 == len(self.expected) == len(self.leaving):
            raise ValueError("a stretch has two edges")


@dataclass(frozen=True, slots=True)
class Outlook:
    """What it will come to; None is "not known".

    Attributes:
        total: The expected total, which is the median; None when it is not known what was spent.
        quantiles: ``p10``, ``p50``, ``p90`` of the total.
        over: The chance that the total passes the limit, 0 to 1.
        exhausted_ns: By when the limit is reached with a chance of 10, 50 and 90 %, where that is within the period;
            when it was, where that is known.
        days_left: Until the limit at the pace of an average day, however far that is.
    """

    total: Decimal | None
    quantiles: dict[str, Decimal] | None
    over: float | None
    exhausted_ns: dict[str, int | None] | None
    days_left: float | None


@dataclass(frozen=True, slots=True)
class Course:
    """How the money goes on, at moments from now to the end.

    Attributes:
        at_ns: The moments; the first is now.
        quantiles: ``p10``, ``p50``, ``p90`` of what there is at each, in USD.
    """

    at_ns: tuple[int, ...]
    quantiles: dict[str, tuple[Decimal, ...]]


def course(spent: Decimal | None, ahead: Ahead, most: int) -> Course | None:
    """Where the money is on its way to the end; None where nothing is known, or nothing is to come.

    Args:
        spent: USD so far; None when it is not known.
        ahead: What is to come.
        most: How many moments after now are wanted.
    """
    stretches = len(ahead.expected)
    if spent is None or ahead.spread is None or not stretches:
        return None
    coming, step = list(accumulate(ahead.expected)), -(-stretches // most)
    places = sorted({*range(step, stretches, step), stretches})
    return Course(
        (ahead.edges_ns[0], *(ahead.edges_ns[place] for place in places)),
        {
            name: (
                spent,
                *(
                    _amount(float(spent) - ahead.leaving[place - 1] + _factor(ahead.spread, q) * coming[place - 1])
                    for place in places
                ),
            )
            for name, q in QUANTILES.items()
        },
    )


def outlook(spent: Decimal | None, ahead: Ahead, limit: Decimal | None, exhausted_ns: int | None = None) -> Outlook:
    """What `spent` and what is `ahead` make of `limit`.

    Args:
        spent: USD so far; None when it is not known.
        ahead: What is to come.
        limit: USD; None when there is none.
        exhausted_ns: When the limit was reached, if it was.
    """
    if spent is None:
        return Outlook(None, None, None, None, None)
    coming = list(accumulate(ahead.expected))
    held = [float(spent) - left for left in ahead.leaving]
    if ahead.spread is None:
        total, quantiles = spent, None
    else:
        found = {name: _total(spent, held, coming, _factor(ahead.spread, q)) for name, q in QUANTILES.items()}
        total, quantiles = found["p50"], found
    if limit is None:
        return Outlook(total, quantiles, None, None, None)
    if spent >= limit:
        then: dict[str, int | None] | None = None if exhausted_ns is None else dict.fromkeys(QUANTILES, exhausted_ns)
        return Outlook(total, quantiles, 1.0, then, 0.0)
    days = float(limit - spent) / ahead.per_day if ahead.per_day > 0 else math.inf
    days_left = days if days <= MOST_DAYS else None
    if ahead.spread is None:
        return Outlook(total, quantiles, None, None, days_left)
    least = min(
        ((float(limit) - there) / come for there, come in zip(held, coming, strict=True) if come > 0), default=math.inf
    )
    money = [(float(spent), 0.0), *zip(held, coming, strict=True)]
    times = {name: _reached_ns(money, ahead, q, float(limit)) for name, q in QUANTILES.items()}
    return Outlook(total, quantiles, _chance_above(least, ahead.spread), times, days_left)


def _factor(spread: float, quantile: float) -> float:
    return math.exp(spread * _NORMAL.inv_cdf(quantile))


def _chance_above(factor: float, spread: float) -> float:
    if factor <= 0:
        return 1.0
    if math.isinf(factor):
        return 0.0
    return 1.0 - _NORMAL.cdf(math.log(factor) / spread) if spread > 0 else float(factor <= 1)


def _total(spent: Decimal, held: Sequence[float], coming: Sequence[float], factor: float) -> Decimal:
    most = max((there + factor * come for there, come in zip(held, coming, strict=True)), default=0.0)
    return max(spent, _amount(most))


def _amount(usd: float) -> Decimal:
    return Decimal(usd).quantize(STEP, ROUND_HALF_EVEN, EXACT)


def _reached_ns(money: Sequence[tuple[float, float]], ahead: Ahead, quantile: float, limit: float) -> int | None:
    """When the limit is reached with a chance of `quantile`: the more is spent, the sooner.

    Args:
        money: At each edge, what is left of what there is now, and what is expected to have come.
        ahead: Where the edges are, and how wide it spreads.
        quantile: Of the time.
        limit: USD.
    """
    factor = _factor(ahead.spread or 0.0, 1 - quantile)
    amounts = [there + factor * come for there, come in money]
    for (before, after), (from_ns, to_ns) in zip(pairwise(amounts), pairwise(ahead.edges_ns), strict=True):
        if after >= limit:
            share = (limit - before) / (after - before) if after > before else 1.0
            return from_ns + int((to_ns - from_ns) * min(1.0, max(0.0, share)))
    return None
