"""How HTTP requests were answered: how many, how fast, how many failed, by endpoint and over time.

Given a snapshot and a period, lays server spans, each weighed by how many it stands for, and what `track_request` told,
each once, beside each other. An endpoint of which a service tells in both ways is taken from what it told: that was
not sampled. Spans that do not say how they were sampled count once each: then the figures are a lower bound.

Never: a request counted twice, or an interval around figures that are only a lower bound.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import numpy as np

from spanledger_server import estimates
from spanledger_server.estimates import Estimate
from spanledger_server.rollups import histogram
from spanledger_server.statistics import told, weighed
from spanledger_server.statistics.periods import Period
from spanledger_server.store.database import Reader

SLOW_NS: Final = 2 * 10**9
ERROR_CLASS, SERVER_ERROR_CLASS = 4, 5  # first digit of the HTTP status
QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
Endpoint = tuple[str, str | None]  # service, route


@dataclass(slots=True)
class Answered:
    """Requests of an endpoint, of a part of a period, or all of them.

    Attributes:
        sampled: Server spans that say how they were sampled; what failed of them are errors here.
        uncounted: Server spans that do not say it.
        told: Requests that were told.
        errors: Requests of the latter two that were answered with 400 or above, or failed.
        server_errors: Requests of all three that were answered with 500 or above, or failed.
        classes: First digit of the status -> requests; None where there is none.
        durations: Bucket code -> requests.
        duration_ns: Sum of the durations.
    """

    sampled: weighed.Requests = field(default_factory=weighed.Requests)
    uncounted: int = 0
    told: int = 0
    errors: float = 0.0
    server_errors: float = 0.0
    classes: defaultdict[int | None, float] = field(default_factory=lambda: defaultdict(float))
    durations: weighed.Weights = field(default_factory=weighed.Weights)
    duration_ns: float = 0.0

    def add_spans(self, cell: Mapping[str, Any]) -> None:
        """Add a row of `weighed.cells`."""
        number, http_class = cell["weight"] + cell["uncounted"], cell["http_class"]
        failed = bool(cell["failed"]) or (http_class or 0) >= ERROR_CLASS
        self.sampled.add(cell, failed=failed)
        self.uncounted += cell["uncounted"]
        self.errors += cell["uncounted"] if failed else 0
        self.server_errors += number if cell["failed"] or (http_class or 0) >= SERVER_ERROR_CLASS else 0
        self.classes[http_class] += number
        self.duration_ns += cell["duration_ns"]
        self.durations.add(cell["codes"], cell["numbers"])

    def add_told(self, cell: Mapping[str, Any]) -> None:
        """Add a row of `told_cells`."""
        status = cell["outcome"] or ""
        http_class = int(status) // 100 if status.isascii() and status.isdigit() else None
        self.told += cell["events"]
        self.errors += cell["events"] if (http_class or 0) >= ERROR_CLASS else 0
        self.server_errors += cell["events"] if (http_class or 0) >= SERVER_ERROR_CLASS else 0
        self.classes[http_class] += cell["events"]
        self.duration_ns += cell["duration_sum_ns"]
        self.durations.add(np.array(cell["codes"] or (), np.int64), np.array(cell["weights"] or (), np.float64))

    @property
    def count(self) -> Estimate:
        """How many there were; `high` is infinite where some do not say what they stand for."""
        found = self.sampled.total or Estimate(0.0, 0.0, 0.0)
        return self._beside(found, self.uncounted + self.told)

    @property
    def failed(self) -> Estimate:
        """How many were answered with 400 or above, or failed."""
        variance = estimates.spread_variance(self.sampled.failed_spread)
        weight = self.sampled.failed_weight
        return self._beside(estimates.total(weight, min(1.0, weight), variance), self.errors)

    def _beside(self, found: Estimate, more: float) -> Estimate:
        high = float("inf") if self.uncounted else found.high + more
        return Estimate(found.value + more, found.low + more, high)

    @property
    def error_rate(self) -> float | None:
        """The share of them; None without requests."""
        return self.failed.value / self.count.value if self.count.value else None

    @property
    def mean_ns(self) -> float | None:
        """How long they took on average; None where nothing tells."""
        timed = sum(self.durations.each()[1])
        return self.duration_ns / timed if timed else None

    @property
    def slow(self) -> float:
        """How many took longer than two seconds, as far as the buckets of durations tell (1.1 %)."""
        codes, numbers = self.durations.each()
        return sum(number for code, number in zip(codes, numbers, strict=True) if histogram.middle(code) > SLOW_NS)

    def quantile_ns(self, q: float) -> Estimate | None:
        """The duration that a share `q` of them does not exceed."""
        codes, numbers = self.durations.each()
        value = histogram.weighted_quantile(codes, numbers, q)
        if value is None:
            return None
        variance = estimates.spread_variance(self.sampled.spread)
        ranks = estimates.quantile_ranks(q, sum(numbers), variance)
        low, high = (histogram.weighted_quantile(codes, numbers, rank) for rank in ranks)
        return Estimate(value, value if low is None else low, value if high is None else high)


@dataclass(slots=True)
class Report:
    """The requests of a period: all, by endpoint, and by the number of the part."""

    whole: Answered = field(default_factory=Answered)
    endpoints: dict[Endpoint, Answered] = field(default_factory=dict)
    parts: dict[int, Answered] = field(default_factory=dict)


def report(reader: Reader, period: Period, service: str | None = None) -> Report:
    """The requests of `period`.

    Args:
        reader: One snapshot.
        period: Its whole minutes.
        service: Only this one.
    """
    found = Report()
    conditions = told.NOTHING | {"service": None if service is None else [service]}
    said = told.cells(reader, period, ("request",), conditions)
    for endpoint, part, add in _rows(reader, period, service, said):
        for each in _places(found, endpoint, part):
            add(each)
    return found


def by_part(reader: Reader, period: Period, said: Sequence[Mapping[str, Any]]) -> dict[int, Answered]:
    """The requests of each part of `period` alone; `said` is what was told of them, as `told.cells` gives it."""
    parts: dict[int, Answered] = {}
    for _, part, add in _rows(reader, period, None, said):
        add(parts.setdefault(part, Answered()))
    return parts


def _rows(
    reader: Reader, period: Period, service: str | None, said: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Endpoint, int, Callable[[Answered], None]]]:
    """Endpoint, number of the part, and what adds what is known of them; nothing twice."""
    known = {(cell["service"], cell["subject"]) for cell in said}
    for cell in said:
        yield (cell["service"], cell["subject"]), cell["part"], partial(Answered.add_told, cell=cell)
    for cell in weighed.cells(reader, period, service):
        if cell["served"] and (cell["service"], cell["path"]) not in known:
            yield (cell["service"], cell["path"]), cell["part"], partial(Answered.add_spans, cell=cell)


def _places(found: Report, endpoint: Endpoint, part: int) -> tuple[Answered, Answered, Answered]:
    return (
        found.whole,
        found.endpoints.setdefault(endpoint, Answered()),
        found.parts.setdefault(part, Answered()),
    )
