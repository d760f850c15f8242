"""The metrics that everybody calls by name: of the ledger, its caches and rate limits, of requests and of the system.

Given a name, a snapshot and a period, gives a value for each of its parts, and from how many events it comes. Alert
rules, histories and terminal charts all ask here, so that a name means one thing.

Never: a value for a part in which nothing happened, but for counts and sums, which are 0 then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from spanledger_server.statistics import calls, gone, requests, system, told
from spanledger_server.statistics.calls import Calls
from spanledger_server.statistics.periods import Part, Period
from spanledger_server.statistics.requests import Answered
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS
from spanledger_server.traces import filters
from spanledger_server.traces.filters import Conditions

Source = Literal["calls", "cache", "rate_limit", "requests", "system"]


@dataclass(frozen=True, slots=True)
class Point:
    """One part of a period.

    Attributes:
        part: Which one.
        value: None where nothing tells.
        events: From how many it comes; None of the system's figures.
        percentiles: p50, p95 and p99 beside a duration, in its unit.
    """

    part: Part
    value: Any
    events: float | None
    percentiles: Mapping[str, float | None] | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """What a name means.

    Attributes:
        unit: ``ms``, ``usd``, ``usd/h``, ``1`` (a share), ``{call}``, ``{token}``, ``%`` and so on.
        source: Where it is read.
        value: What it is, of what the source gives for a part, and the length of that in hours.
        meaning: For people.
        timed: Whether percentiles stand beside it.
    """

    unit: str
    source: Source
    value: Callable[[Any, float], Any]
    meaning: str
    timed: bool = False


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _gauge(name: str) -> Callable[[Any, float], Any]:
    return lambda found, _: found.get(name)


def _ms(found: Any) -> float | None:
    return None if found is None else getattr(found, "value", found) / 1e6


def _error_rate(found: Calls, _: float) -> float | None:
    return _share(found.errors, found.calls)


METRICS: Final[dict[str, Named]] = {
    "latency": Named("ms", "calls", lambda found, _: found.mean_ms, "mean time of a model call", timed=True),
    "avg_latency": Named("ms", "calls", lambda found, _: found.mean_ms, "mean time of a model call", timed=True),
    "p50_latency": Named("ms", "calls", lambda found, _: found.quantile_ms(0.5), "half of the model calls took less"),
    "p95_latency": Named("ms", "calls", lambda found, _: found.quantile_ms(0.95), "95 of 100 model calls took less"),
    "p99_latency": Named("ms", "calls", lambda found, _: found.quantile_ms(0.99), "99 of 100 model calls took less"),
    "error_rate": Named("1", "calls", _error_rate, "share of model calls that failed"),
    "success_rate": Named(
        "1", "calls", lambda found, _: _share(found.calls - found.errors, found.calls), "share that went well"
    ),
    "api_failure": Named("{call}", "calls", lambda found, _: found.errors, "model calls that failed"),
    "requests": Named("{call}", "calls", lambda found, _: found.calls, "model calls"),
    "cost_threshold": Named("usd", "calls", lambda found, _: found.spent, "spent within a part"),
    "cost": Named("usd", "calls", lambda found, _: found.spent, "spent within a part"),
    "hourly_cost": Named(
        "usd/h",
        "calls",
        lambda found, hours: None if found.spent is None or not hours else float(found.spent) / hours,
        "spent, as an hour's sum",
    ),
    "input_tokens": Named("{token}", "calls", lambda found, _: found.tokens["input_tokens"] or 0, "tokens sent"),
    "output_tokens": Named("{token}", "calls", lambda found, _: found.tokens["output_tokens"] or 0, "tokens received"),
    "cache_hit_rate": Named(
        "1", "cache", lambda found, _: _share(found.hit, found.hit + found.miss), "share of lookups that hit"
    ),
    "cache_saved_cost": Named("usd", "cache", lambda found, _: found.shown()["saved_cost"], "saved by hits"),
    "rate_limit_denial_rate": Named(
        "1", "rate_limit", lambda found, _: _share(found.denied, found.allowed + found.denied), "share that was denied"
    ),
    "response_time": Named("ms", "requests", lambda found, _: _ms(found.mean_ns), "mean time of a request", timed=True),
    "p95_response_time": Named(
        "ms", "requests", lambda found, _: _ms(found.quantile_ns(0.95)), "95 of 100 requests took less"
    ),
    "request_count": Named("{request}", "requests", lambda found, _: found.count.value, "HTTP requests"),
    "request_error_rate": Named("1", "requests", lambda found, _: found.error_rate, "share of requests that failed"),
    "slow_requests": Named("{request}", "requests", lambda found, _: found.slow, "requests that took over 2 s"),
    "cpu_usage": Named("%", "system", _gauge("cpu_usage"), "busy processors"),
    "memory_usage": Named("%", "system", _gauge("memory_usage"), "used memory"),
    "queue_length": Named("{message}", "system", _gauge("queue_length"), "messages that wait"),
    "active_requests": Named("{request}", "system", _gauge("active_requests"), "requests under way"),
    "db_connections_used": Named("{connection}", "system", _gauge("db_connections_used"), "connections in use"),
    "celery_active": Named("{task}", "system", _gauge("celery_active"), "tasks that workers run"),
}
TOLD: Final[dict[Source, str]] = {"cache": "cache", "rate_limit": "rate_limit", "requests": "request"}  # its events
FILTERED: Final[tuple[Source, ...]] = ("calls",)  # the sources that filters of the ledger reach


class Reading:
    """The metrics of one period, each source read once."""

    def __init__(
        self, reader: Reader, period: Period, conditions: Conditions | None = None, *, together: bool = False
    ) -> None:
        """Nothing is read yet.

        Args:
            reader: One snapshot.
            period: Its parts.
            conditions: Filters of the ledger, for metrics whose source is in `FILTERED`.
            together: Whether metrics of more than one of `TOLD` will be asked for: these are read in one statement.
        """
        self._reader, self._period, self._conditions = reader, period, conditions
        self._together = together
        self._found: dict[Source, tuple[Mapping[int, Any], Any]] = {}
        self._said: list[dict[str, Any]] | None = None

    def points(self, name: str) -> list[Point]:
        """The metric `name`, one of `METRICS`, for each part of the period."""
        metric, period = METRICS[name], self._period
        if metric.source not in self._found:
            self._found[metric.source] = self._by_part(metric.source)
        found, nothing = self._found[metric.source]
        empty: dict[float, Point] = {}  # by hours: all parts without anything have the same figures

        def point(part: Part) -> Point:
            hours = _hours(part, period)
            if part.number in found:
                return _point(metric, part, found[part.number], hours)
            if hours not in empty:
                empty[hours] = _point(metric, part, nothing, hours)
            same = empty[hours]
            return Point(part, same.value, same.events, same.percentiles)

        return [point(part) for part in period.parts]

    def _by_part(self, source: Source) -> tuple[Mapping[int, Any], Any]:
        """What the source gives by part, and what it gives for a part in which nothing happened."""
        if source == "calls":
            return _calls(self._reader, self._period, self._conditions or filters.parse((), filters.LEDGER)), Calls()
        if source == "requests":
            return requests.by_part(self._reader, self._period, self._told(source)), Answered()
        if source == "system":
            return system.figures(self._reader, self._period), {}
        kind: Callable[[], Any] = told.Cache if source == "cache" else told.RateLimit
        by_part: dict[int, Any] = {}
        for cell in self._told(source):
            by_part.setdefault(cell["part"], kind()).add(cell)
        return by_part, kind()

    def _told(self, source: Source) -> list[dict[str, Any]]:
        """What tracking calls told of this source."""
        event = TOLD[source]
        if not self._together:
            return told.cells(self._reader, self._period, (event,), {})
        if self._said is None:
            self._said = told.cells(self._reader, self._period, tuple(TOLD.values()), {})
        return [cell for cell in self._said if cell["event"] == event]


def _hours(part: Part, period: Period) -> float:
    """How much of a part lies within the period."""
    return (min(part.to_ns, period.to_ns) - max(part.from_ns, period.from_ns)) / HOUR_NS


def _point(metric: Named, part: Part, found: Any, hours: float) -> Point:
    percentiles = _percentiles(found) if metric.timed else None
    return Point(part, metric.value(found, hours), _events(found), percentiles)


def _calls(reader: Reader, period: Period, conditions: Conditions) -> dict[int, Calls]:
    """The calls of each part."""

    def read(each: Period) -> list[tuple[int, Calls]]:
        return list(calls.by(calls.cells(reader, each, conditions), "part").items())

    if not calls.rolled(conditions, ""):
        return dict(read(period))
    question = ("calls by part", repr(sorted(conditions.bound().items())))
    return dict(gone.by_part(reader, question, "cost", period, read))


def _events(found: Any) -> float | None:
    if isinstance(found, Calls):
        return found.calls
    if isinstance(found, Answered):
        return found.count.value
    if isinstance(found, told.Cache):
        return found.hit + found.miss
    return found.allowed + found.denied if isinstance(found, told.RateLimit) else None


def _percentiles(found: Calls | Answered) -> dict[str, float | None]:
    if isinstance(found, Calls):
        return {name: found.quantile_ms(q) for name, q in requests.QUANTILES.items()}
    return {name: _ms(found.quantile_ns(q)) for name, q in requests.QUANTILES.items()}
