"""Metric points and their series as rows; the same for both encodings.

A decoder names a metric, then hands over its points; `decoded` gives the columns of both.

Never: a number that is not known as zero, or one that is not finite in a column.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spanledger_server.otlp.attributes import Attributes
from spanledger_server.otlp.columns import POINT_SCHEMA, SERIES_SCHEMA, Decoded, Refusals
from spanledger_server.otlp.limits import MAX_INT64, DecodeLimits, shortened
from spanledger_server.otlp.resources import Resource, fingerprint, sorted_json
from spanledger_server.otlp.tables import batch

AT_COLUMN = 1
NO_RECORDED_VALUE = 1  # bit of a point's flags
TEMPORALITIES = {1: "delta", 2: "cumulative"}
WITH_TEMPORALITY = frozenset({"sum", "histogram", "exponential_histogram"})
MIN_INT32, MAX_INT32 = -(2**31), 2**31 - 1


class Refused(Exception):
    """A point cannot be taken; the text is the reason's word."""


@dataclass(slots=True)
class Numbers:
    """What one point says, whatever its kind; field by field the columns of `POINT_SCHEMA` after the times."""

    value: float | None = None
    count: int | None = None
    min: float | None = None
    max: float | None = None
    scale: int | None = None
    zero_count: int | None = None
    bounds: list[float | None] | None = None
    bucket_index: list[int] | None = None
    bucket_count: list[int] | None = None
    quantile_values: list[float | None] | None = None


UNKNOWN = Numbers()


def known(number: float | None) -> float | None:
    """A number that a column can hold, None for NaN.

    Raises:
        Refused: It is infinite.
    """
    if number is None or math.isnan(number):
        return None
    if math.isinf(number):
        raise Refused("value_not_finite")
    return float(number)


def counted(number: int) -> int:
    """A count that a column can hold.

    Raises:
        Refused: It is larger.
    """
    if number > MAX_INT64:
        raise Refused("count_invalid")
    return number


def explicit_buckets(numbers: Numbers, bounds: Sequence[float], counts: Sequence[int], most: int) -> None:
    """Put an explicit histogram's buckets into `numbers`.

    Raises:
        Refused: They do not fit together, or there are more than `most`.
    """
    if len(counts) > most or len(bounds) > most:
        raise Refused("too_many_buckets")
    if not counts and not bounds:
        return
    rising = all(low < high for low, high in itertools.pairwise(bounds))
    if len(counts) != len(bounds) + 1 or not rising or not all(map(math.isfinite, bounds)):
        raise Refused("buckets_invalid")
    numbers.bounds = [float(bound) for bound in bounds]
    numbers.bucket_count = [counted(count) for count in counts]


def exponential_buckets(
    numbers: Numbers, offset: int, positive: Sequence[int], negative: Sequence[int], most: int
) -> None:
    """Put an exponential histogram's buckets into `numbers`: positive ones sparse, negative ones as zeros.

    Raises:
        Refused: An index does not fit 32 bits, or there are more than `most`.
    """
    if len(positive) > most or len(negative) > most:
        raise Refused("too_many_buckets")
    if not MIN_INT32 <= offset <= offset + len(positive) <= MAX_INT32:
        raise Refused("buckets_invalid")
    filled = [(offset + place, counted(count)) for place, count in enumerate(positive) if count]
    numbers.bucket_index = [index for index, _ in filled]
    numbers.bucket_count = [count for _, count in filled]
    numbers.zero_count = counted((numbers.zero_count or 0) + sum(negative))


@dataclass(frozen=True, slots=True)
class Metric:
    """What the points that follow have in common."""

    name: str
    kind: str
    unit: str | None
    temporality: str | None
    monotonic: bool | None


class PointRows:
    """Collects the points of one request."""

    def __init__(self, now_ns: int, limits: DecodeLimits) -> None:
        self.refusals = Refusals()
        self.resources: dict[int, str] = {}
        self._rows: list[tuple[Any, ...]] = []
        self._series: dict[int, tuple[Any, ...]] = {}
        self._limits = limits
        self._latest_ns = limits.latest_ns(now_ns)
        self._earliest_ns = now_ns - limits.late_ns
        self._resource = Resource(0, None, "{}")
        self._scope: str | None = None
        self._metric = Metric("", "", None, None, None)

    def enter(self, resource: Resource, scope: str | None) -> None:
        """The metrics that follow come from this resource and scope."""
        self.resources[resource.resource_id] = resource.attributes
        self._resource, self._scope = resource, scope

    def metric(self, name: str, unit: str, kind: str, temporality: int, monotonic: bool, offered: int) -> int:
        """The points that follow belong to this metric.

        Returns:
            How many of its `offered` points to hand over; the others are refused.
        """
        most = self._limits.name_length
        said = TEMPORALITIES.get(temporality) if kind in WITH_TEMPORALITY else None
        self._metric = Metric(
            shortened(name, most), kind, shortened(unit, most) or None, said, monotonic if kind == "sum" else None
        )
        reason = "name_missing" if not name else None
        if kind in WITH_TEMPORALITY and said is None:
            reason = "temporality_invalid"
        if reason:
            self._refuse(reason, offered)
            return 0
        room = max(self._limits.records - len(self._rows) - self.refusals.total, 0)
        if offered > room:
            self._refuse("too_many_records", offered - room)
        return min(offered, room)

    def refuse_kind(self, name: str) -> None:
        """A metric without data that is known here: one record refused."""
        self._metric = Metric(shortened(name, self._limits.name_length), "", None, None, None)
        self._refuse("kind_unknown", 1)

    def refuse_large(self) -> None:
        """A point of more bytes than a point can need."""
        self._refuse("point_too_large", 1)

    def _refuse(self, reason: str, count: int) -> None:
        if count:
            what = f"{count} points of metric {self._metric.name[:100] or 'without name'}"
            self.refusals.add(self._resource.service or "", reason, f"{what}: {reason}", count)

    def add(self, at_ns: int, start_ns: int, attributes: Attributes, numbers: Numbers | str) -> None:
        """Take one point; `numbers` may be the reason for refusing it."""
        if isinstance(numbers, str):
            self._refuse(numbers, 1)
        elif at_ns == 0:
            self._refuse("time_invalid", 1)
        elif not self._earliest_ns <= at_ns <= self._latest_ns:
            self._refuse("too_far_in_future" if at_ns > self._latest_ns else "too_late", 1)
        else:
            start = start_ns if 0 < start_ns <= MAX_INT64 else None
            series_id = self._series_id(attributes)
            self._rows.append((series_id, at_ns, start, *_columns(numbers)))

    def _series_id(self, attributes: Attributes) -> int:
        metric, resource = self._metric, self._resource
        text = sorted_json(attributes).decode() if attributes else None
        what = (metric.name, metric.kind, metric.unit, metric.temporality, metric.monotonic)
        row = (*what, resource.service, self._scope, text, resource.resource_id)
        series_id = fingerprint(sorted_json(row))
        self._series[series_id] = (series_id, *row)
        return series_id

    def decoded(self) -> Decoded:
        """All that was taken, as columns."""
        columns = list(zip(*self._rows, strict=True))
        times = columns[AT_COLUMN] if columns else ()
        return Decoded(
            signal="metrics",
            table=batch(columns, POINT_SCHEMA),
            rows=len(self._rows),
            series=batch(list(zip(*self._series.values(), strict=True)), SERIES_SCHEMA),
            resources=self.resources,
            candidates=[],
            refusals=self.refusals,
            min_ns=min(times, default=None),
            max_ns=max(times, default=None),
        )


def _columns(numbers: Numbers) -> tuple[Any, ...]:
    n = numbers
    spread = (n.value, n.count, n.min, n.max, n.scale, n.zero_count)
    return (*spread, n.bounds, n.bucket_index, n.bucket_count, n.quantile_values)
