"""Add up metric points that land on the same overflow series at the same time.

Given points as dictionaries of the points' columns, gives one for each (series, time): gauges keep the last value;
sums add up; histograms add up bucket by bucket where their buckets agree, otherwise their counts and sums only.

Never: adds up gauges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

Point = dict[str, Any]


def merged(points: Iterable[Point], kinds: Mapping[int, str]) -> list[Point]:
    """One point for each (series_id, at_ns).

    Args:
        points: Points in order of arrival.
        kinds: Series id -> kind, as in the series' column of that name.
    """
    found: dict[tuple[int, int], Point] = {}
    for point in points:
        key = (point["series_id"], point["at_ns"])
        before = found.get(key)
        found[key] = point if before is None or kinds[point["series_id"]] == "gauge" else _added(before, point)
    return list(found.values())


def _added(one: Point, other: Point) -> Point:
    total = dict(one)
    for name in ("value", "count", "zero_count"):
        total[name] = _with(one[name], other[name], lambda a, b: a + b)
    for name, choose in (("min", min), ("max", max), ("start_ns", min)):
        total[name] = _with(one[name], other[name], choose)
    total["quantile_values"] = None
    if one["scale"] is not None and other["scale"] is not None:
        total.update(_exponential(one, other))
    elif one["bounds"] == other["bounds"] and _same_length(one["bucket_count"], other["bucket_count"]):
        total["bucket_count"] = [a + b for a, b in zip(one["bucket_count"], other["bucket_count"], strict=True)]
    else:
        total.update(bounds=None, bucket_count=None, bucket_index=None, scale=None)
    return total


def _with(one: Any, other: Any, join: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return join(one, other)


def _same_length(one: list[int] | None, other: list[int] | None) -> bool:
    return one is not None and other is not None and len(one) == len(other)


def _exponential(one: Point, other: Point) -> Point:
    """Both distributions at the coarser scale of the two."""
    scale = min(one["scale"], other["scale"])
    buckets: Counter[int] = Counter()
    for point in (one, other):
        shift = point["scale"] - scale
        for index, count in zip(point["bucket_index"] or [], point["bucket_count"] or [], strict=True):
            buckets[index >> shift] += count
    ordered = sorted(buckets.items())
    return {
        "scale": scale,
        "bucket_index": [index for index, _ in ordered],
        "bucket_count": [count for _, count in ordered],
    }
