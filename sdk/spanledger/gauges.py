"""Figures that a program tells by name, each with its own time, until the delivery worker reads them.

Given a service, names and numbers, keeps each number as one point of a gauge; `taken` gives all of them as one reading,
under their services' own resources. Points are kept one by one because an instrument would keep only the last of a
name: a peak between two readings would never be seen.

Never: more than `MOST_WAITING` points, or a value that is no finite number.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Final

from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, MetricsData, NumberDataPoint, ResourceMetrics
from opentelemetry.sdk.resources import SERVICE_NAME, Resource

from spanledger.delivery.encode import Reading, resource_message
from spanledger.delivery.wire import MAX_INT, MIN_INT
from spanledger.meter import Labels, key_values
from spanledger.version import __version__

MOST_WAITING: Final = 5_000
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]{0,254}")  # as OpenTelemetry has it
Number = int | float


@dataclass(frozen=True, slots=True)
class Point:
    """One number as it was told.

    Attributes:
        service: Whose it is.
        name: The metric.
        labels: What else tells its series apart.
        at_ns: When it was told, in nanoseconds since 1970 UTC.
        value: The number.
    """

    service: str
    name: str
    labels: Labels
    at_ns: int
    value: Number


_lock = threading.RLock()  # re-entrant: a signal handler may tell something, too
_waiting: list[Point] = []
_too_many = 0
_last_ns = 0
_take: Callable[[Point], None] | None = None


def tell(service: str, name: str, value: object, labels: Mapping[str, str]) -> None:
    """Keep one number.

    Raises:
        ValueError: The name is none that a metric may have, or the value is no finite number.
    """
    global _too_many, _last_ns
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"a letter, then letters, digits, _ . / or - were expected as a name, not {name!r:.100}")
    number = _number(value)
    with _lock:
        if _take is None and len(_waiting) >= MOST_WAITING:
            _too_many += 1
            return
        _last_ns = max(time.time_ns(), _last_ns + 1)  # two points of a series must not have the same time
        (_take or _waiting.append)(Point(service, name, tuple(sorted(labels.items())), _last_ns, number))


def taken(resource: Callable[[], Resource]) -> tuple[Reading | None, int]:
    """All points since the last time as one reading, if there are any, and how many there was no room for.

    Args:
        resource: Gives the process's own resource, from which only the service's name differs.
    """
    global _too_many
    with _lock:
        points, too_many = _waiting[:], _too_many
        _waiting.clear()
        _too_many = 0
    return (_reading(points, resource()) if points else None), too_many


@contextmanager
def diverted(take: Callable[[Point], None]) -> Iterator[None]:
    """Points go to `take` while the block runs (for `spanledger.testing`)."""
    global _take
    before, _take = _take, take
    try:
        yield
    finally:
        _take = before


def are_diverted() -> bool:
    """Whether somebody else takes them."""
    return _take is not None


def clear() -> None:
    """Forget everything (in a forked child, what was told before is the parent's)."""
    global _lock
    _lock = threading.RLock()
    taken(Resource.get_empty)


def _number(value: object) -> Number:
    if isinstance(value, (Real, Decimal)) and not isinstance(value, bool):
        number = int(value) if isinstance(value, int) else float(value)
        if math.isfinite(number):
            return number if isinstance(number, float) or MIN_INT <= number <= MAX_INT else float(number)
    raise ValueError(f"a finite number was expected, not {value!r:.100}")


def _reading(points: list[Point], resource: Resource) -> Reading:
    whole = MetricsData()
    services: dict[str, ResourceMetrics] = {}
    gauges: dict[tuple[str, str], Gauge] = {}
    for point in points:
        group = services.get(point.service)
        if group is None:
            group = services[point.service] = whole.resource_metrics.add()
            group.resource.CopyFrom(resource_message(resource.merge(Resource({SERVICE_NAME: point.service}))))
            scope = group.scope_metrics.add().scope
            scope.name, scope.version = "spanledger", __version__
        gauge = gauges.get((point.service, point.name))
        if gauge is None:
            metric: Metric = group.scope_metrics[0].metrics.add(name=point.name)
            gauge = gauges[point.service, point.name] = metric.gauge
        gauge.data_points.append(_data_point(point))
    return Reading(whole.SerializeToString(), len(points))


def _data_point(point: Point) -> NumberDataPoint:
    found = NumberDataPoint(time_unix_nano=point.at_ns, attributes=key_values(point.labels))
    if isinstance(point.value, int):
        found.as_int = point.value
    else:
        found.as_double = point.value
    return found
