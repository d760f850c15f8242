"""Percentiles from histograms of any kind: explicit bounds, or powers of a base.

Given buckets as stretches with counts, gives the value below which a share of the observations lies; pure. Histograms
with different bounds or scales are laid over each other; the answer is exact to the width of one bucket.

Never: a percentile of nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

LARGEST_EXPONENT = 1023.0


class Stretch(NamedTuple):
    """Observations above `low`, up to `high`; infinite where nobody said how far."""

    low: float
    high: float
    observations: int


def stretches(row: Mapping[str, Any]) -> list[Stretch]:
    """The buckets of one row of `distributions` as stretches."""
    buckets: Sequence[int] = row["buckets"] or ()
    counts: Sequence[int] = row["observations"] or ()
    if row["scale"] is None:
        return [_explicit(row["bounds"] or [], bucket, count) for bucket, count in zip(buckets, counts, strict=True)]
    found = [_exponential(row["scale"], bucket, count) for bucket, count in zip(buckets, counts, strict=True)]
    return [Stretch(0.0, 0.0, row["zero_count"]), *found] if row["zero_count"] > 0 else found


def _explicit(bounds: Sequence[float], bucket: int, count: int) -> Stretch:
    high = bounds[bucket] if bucket < len(bounds) else float("inf")
    low = bounds[bucket - 1] if bucket else min(0.0, high)
    return Stretch(low, high, count)


def _exponential(scale: int, bucket: int, count: int) -> Stretch:
    width = 2.0**-scale
    return Stretch(2.0 ** _exponent(bucket * width), 2.0 ** _exponent((bucket + 1) * width), count)


def _exponent(exponent: float) -> float:
    return max(-LARGEST_EXPONENT, min(exponent, LARGEST_EXPONENT))


def quantile(found: Iterable[Stretch], share: float) -> float | None:
    """The value below which `share` (0 to 1) of the observations lies; None when there are none.

    Within a stretch they are taken to be spread evenly. In the last, endless one the answer is where it begins.
    """
    ordered = sorted((one for one in found if one.observations > 0), key=lambda one: (one.high, one.low))
    wanted = share * sum(one.observations for one in ordered)
    for one in ordered:
        if wanted <= one.observations:
            if one.high == float("inf"):
                return one.low
            return one.low + (one.high - one.low) * wanted / one.observations
        wanted -= one.observations
    return ordered[-1].high if ordered else None
