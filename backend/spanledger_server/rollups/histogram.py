"""Distributions as sorted sparse arrays, mergeable without error: base-2 exponential histograms of scale 5.

Bucket i holds the values in (base^i, base^(i+1)] with base = 2^(1/32), OpenTelemetry's own numbering. A quantile is
answered with the geometric middle of the bucket that holds the nearest-rank value, so it is within a factor
2^(1/64) of it: at most 1.1 % off. Merging adds counts, so the answer is the same whether minutes, hours or days
were merged. Zero has the bucket ZERO_CODE; negative values lie below it, mirrored. The macro `value_code` of the
store's `views.sql` is the same numbering in SQL.

Explicit-bucket histograms enter with each bucket's count at its upper bound (the overflow bucket at the last
bound): what is read from them is at most one of *their* buckets too high. Exponential histograms of a coarser scale
enter in the middle of their buckets.

Never: reads the database.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Final

SCALE: Final = 5
BUCKETS_PER_DOUBLING: Final = 2**SCALE
RELATIVE_ERROR: Final = 2 ** (1 / (2 * BUCKETS_PER_DOUBLING)) - 1  # 1.09 %
ZERO_CODE: Final = -100_000
NEGATIVE_CODE: Final = -200_000  # code of -v is NEGATIVE_CODE - code of v


@dataclass(frozen=True, slots=True)
class Distribution:
    """Counts by bucket code, sorted by code.

    Attributes:
        index: Codes, ascending.
        count: Parallel to `index`, each above zero.
    """

    index: Sequence[int] = ()
    count: Sequence[int] = ()

    @property
    def total(self) -> int:
        """How many values it holds."""
        return sum(self.count)


def code(value: float) -> int:
    """The bucket of a finite value."""
    if value == 0:
        return ZERO_CODE
    exponent = math.ceil(math.log2(abs(value)) * BUCKETS_PER_DOUBLING) - 1
    return exponent if value > 0 else NEGATIVE_CODE - exponent


@lru_cache(maxsize=8192)
def middle(bucket: int) -> float:
    """The value that stands for a bucket: within `RELATIVE_ERROR` of everything in it."""
    if bucket == ZERO_CODE:
        return 0.0
    negative = bucket < ZERO_CODE
    exponent = NEGATIVE_CODE - bucket if negative else bucket
    return math.copysign(math.ldexp(2.0 ** ((exponent % 32 + 0.5) / 32), exponent // 32), -1.0 if negative else 1.0)


def of(values: Iterable[float]) -> Distribution:
    """The distribution of some finite values."""
    return _sorted(Counter(code(value) for value in values))


def merge(distributions: Iterable[tuple[Sequence[int] | None, Sequence[int] | None]]) -> Distribution:
    """Add up distributions as the rollups store them; exact, in any order.

    Args:
        distributions: Pairs of `*_index` and `*_count`; None for "nothing".
    """
    added: Counter[int] = Counter()
    for index, count in distributions:
        for bucket, n in zip(index or (), count or (), strict=True):
            added[bucket] += n
    return _sorted(added)


def _sorted(added: Counter[int]) -> Distribution:
    ordered = sorted((bucket, n) for bucket, n in added.items() if n > 0)
    return Distribution(tuple(bucket for bucket, _ in ordered), tuple(n for _, n in ordered))


def quantile(
    index: Sequence[int] | None,
    count: Sequence[int] | None,
    q: float,
    *,
    least: float | None = None,
    most: float | None = None,
) -> float | None:
    """The value that a share `q` of the values does not exceed (nearest rank).

    Args:
        index: Bucket codes, ascending.
        count: Parallel to `index`.
        q: 0 to 1.
        least: The smallest value, where it is known: the answer is not below it.
        most: The largest value, where it is known: the answer is not above it.

    Returns:
        None when there are no values.
    """
    total = sum(count or ())
    if not index or not count or total == 0:
        return None
    value = middle(_ranked(index, count, max(1, math.ceil(q * total))))
    if least is not None:
        value = max(value, least)
    return value if most is None else min(value, most)


def weighted_quantile(index: Sequence[int], weight: Sequence[float], q: float) -> float | None:
    """As `quantile`, of values that stand for several each.

    Args:
        index: Bucket codes, ascending.
        weight: Parallel to `index`, not negative.
        q: 0 to 1.

    Returns:
        None when nothing has any weight.
    """
    total = math.fsum(weight)
    if total <= 0:
        return None
    some = [(bucket, n) for bucket, n in zip(index, weight, strict=True) if n > 0]
    return middle(_ranked([bucket for bucket, _ in some], [n for _, n in some], q * total * (1 - 1e-12)))


def _ranked(index: Sequence[int], count: Sequence[float], rank: float) -> int:
    """The first bucket up to which there are at least `rank`; the last one where rounding left less."""
    running = zip(index, accumulate(count), strict=True)
    return next((bucket for bucket, below in running if below >= rank), index[-1])
