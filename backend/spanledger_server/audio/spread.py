"""How the values of a measure are spread: buckets of 2.2 % with the smallest and the largest value in each.

Given the lists that statements and rollups have, adds them up and gives quantiles: within the smallest and the largest
value of the bucket in which a quantile lies, so exact where that holds one value, and never 2.2 % off.

Never: reads the database.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ROUNDING = 1e-12  # of weights that were added in another order


@dataclass(frozen=True, slots=True)
class Bucket:
    """Values near each other: how many they stand for, the smallest and the largest."""

    weight: float
    least: float
    most: float

    def __add__(self, other: Bucket) -> Bucket:
        return Bucket(self.weight + other.weight, min(self.least, other.least), max(self.most, other.most))


@dataclass(frozen=True, slots=True)
class Spread:
    """Values of a measure.

    Attributes:
        buckets: From the smallest to the largest values, apart from one another.
        bars: Number of a bar of the distribution -> how many it stands for.
    """

    buckets: Sequence[Bucket]
    bars: Mapping[int, float]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Spread:
        """That of a row with `bins`, `codes`, `weights`, `least` and `most`."""
        buckets: dict[int, Bucket] = {}
        bars: defaultdict[int, float] = defaultdict(float)
        lists = (found[name] or () for name in ("bins", "codes", "weights", "least", "most"))
        for number, code, weight, least, most in zip(*lists, strict=True):
            one = Bucket(weight, least, most)
            buckets[code] = buckets[code] + one if code in buckets else one
            bars[number] += weight
        return cls(sorted(buckets.values(), key=lambda each: each.least), bars)

    def quantile(self, q: float) -> float | None:
        """The value that a share `q` of the weight does not exceed; None where there is none."""
        rank, below = q * math.fsum(each.weight for each in self.buckets) * (1 - ROUNDING), 0.0
        for bucket in self.buckets:
            if below + bucket.weight >= rank:
                within = min(1.0, max(0.0, (rank - below) / bucket.weight))
                return bucket.least + (bucket.most - bucket.least) * within
            below += bucket.weight
        return self.buckets[-1].most if self.buckets else None
