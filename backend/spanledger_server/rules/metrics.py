"""The metrics that rules measure: where each is read, which labels it knows, and its value of what was found.

The named statistics are those of `statistics.named`, so that a name means one thing everywhere. Beside them stand
statistics of spans, how health checks and the server's own work do, and every metric that was sent over OTLP by its
own name. What was found in a window, for one
group, is one object of its source; a metric is a function of it.

Never: a value where nothing tells, but for counts and sums, which are 0 then.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from spanledger_server.rollups import histogram
from spanledger_server.rules import checks, own
from spanledger_server.statistics import named, requests, system, told
from spanledger_server.statistics.calls import Calls
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS

Source = Literal["calls", "cache", "rate_limit", "requests", "system", "spans", "metric", "health", "server"]
Value = Any  # float, Decimal or None
USUAL_WINDOW_NS: Final = 5 * MINUTE_NS
STATE: Final = "{state}"  # the unit of how a check stands
SENT_WINDOW_NS: Final = MINUTE_NS  # of a metric that was sent: as new as minutes are
_CONTEXT: Final = ("feature", "tenant", "user_tier")
DIMENSIONS: Final[dict[Source, tuple[str, ...] | None]] = {
    "calls": ("service", "kind", "operation", "provider", "model", *_CONTEXT),
    "cache": ("service", "provider", *_CONTEXT),
    "rate_limit": ("service", "limit_type", *_CONTEXT),
    "requests": ("service", "route"),
    "system": ("service",),
    "spans": ("service", "name", "kind", "status", "route", "model", "entry"),
    "metric": None,  # any attribute, beside the service
    "health": checks.LABELS,
    "server": own.LABELS,
}
LISTED: Final[frozenset[Source]] = frozenset(("health", "server"))  # what is not among their groups is over, not late
SUMS: Final = frozenset(
    (
        *("requests", "api_failure", "cost_threshold", "cost", "input_tokens", "output_tokens", "cache_saved_cost"),
        *("request_count", "slow_requests", "span_count", "span_errors"),
    )
)
WINDOWS_NS: Final = {
    **dict.fromkeys(("hourly_cost", "cost_threshold"), HOUR_NS),
    "cost": DAY_NS,
    **dict.fromkeys(("evaluation_lag", "tick_overruns"), 10 * MINUTE_NS),
    **dict.fromkeys(("health_state", "health_unknown", "delivery_lag", "failing_tasks"), MINUTE_NS),
}
STATS: Final = ("avg", "min", "max", "last", "sum", "rate", "increase", "count")


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric by its name.

    Attributes:
        name: As rules say it.
        source: Where it is read.
        unit: Of its value.
        value: What it is, of what was found and the window's length in hours.
        events: From how many events it comes; None where that is not counted.
        sums: Whether it adds up over time: then a window is never longer than what was asked for.
        meaning: For people.
    """

    name: str
    source: Source
    unit: str | None
    value: Callable[[Any, float], Value]
    events: Callable[[Any], float | None]
    sums: bool
    meaning: str

    @property
    def spread(self) -> bool:
        """Whether it is read of a distribution."""
        exact = ("calls", "spans", "health")
        return self.source not in exact or "latency" in self.name or "duration" in self.name

    @property
    def silence(self) -> str | None:
        """Why there is no value; None: nothing came within the window."""
        return "nobody knows how it does" if self.name == "health_state" else None

    @property
    def window_ns(self) -> int:
        """Over which it is read where a rule does not say it."""
        return WINDOWS_NS.get(self.name, SENT_WINDOW_NS if self.source == "metric" else USUAL_WINDOW_NS)


@dataclass(slots=True)
class Spans:
    """Spans, each weighed by how many it stands for; one that does not say it counts once."""

    number: float = 0.0
    failed: float = 0.0
    duration_ns: float = 0.0
    durations: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row of the statement `span_cells`."""
        number = row["weight"] + row["uncounted"]
        self.number += number
        self.failed += number if row["failed"] else 0.0
        seen = [a + b for a, b in zip(row["weights"] or (), row["loose"] or (), strict=True)]
        kept = sum(row["kept"] or ())
        self.duration_ns += row["duration_sum_ns"] * (sum(seen) / kept if kept else 1.0)
        for code, weight in zip(row["codes"] or (), seen, strict=True):
            self.durations[code] += weight

    def mean_ms(self) -> float | None:
        """How long they took on average."""
        timed = sum(self.durations.values())
        return self.duration_ns / timed / 1e6 if timed else None

    def quantile_ms(self, q: float) -> float | None:
        """The duration that a share `q` of them does not exceed."""
        codes = sorted(self.durations)
        found = histogram.weighted_quantile(codes, [self.durations[code] for code in codes], q)
        return None if found is None else found / 1e6


@dataclass(slots=True)
class Sent:
    """Points of a metric that was sent: as they are for gauges, as increments for what accumulates."""

    points: int = 0
    sum: float | None = None
    min: float | None = None
    max: float | None = None
    last: float | None = None
    count: int = 0
    kind: str | None = None
    increments: bool = False
    codes: Counter[int] = field(default_factory=Counter)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row of the statement `sent_cells`."""
        self.points += row["points"] or 0
        self.sum = _plus(self.sum, row["sum"])
        self.min = row["min"] if self.min is None else min(self.min, _or(row["min"], self.min))
        self.max = row["max"] if self.max is None else max(self.max, _or(row["max"], self.max))
        self.last = _or(row["last"], self.last)
        self.count += row["count"] or 0
        self.kind, self.increments = row["kind"], row["increments"]
        for code, number in zip(row["codes"] or (), row["counts"] or (), strict=True):
            self.codes[code] += number

    @property
    def observed(self) -> bool:
        """Whether its points hold many values each."""
        return self.kind in ("histogram", "exponential_histogram", "summary")

    def quantile(self, q: float) -> float | None:
        """The value that a share `q` does not exceed."""
        index = sorted(self.codes)
        return histogram.quantile(index, [self.codes[code] for code in index], q, least=self.min, most=self.max)

    def told(self, stat: str | None, hours: float) -> float | None:
        """One figure of them; without a name a gauge's mean, a counter's rate, a histogram's 95th percentile."""
        usual = "p95" if self.observed and self.kind != "summary" else "rate" if self.increments else "avg"
        chosen = stat or ("avg" if self.kind == "summary" else usual)
        if not self.points or self.sum is None:
            return None
        if chosen.startswith("p"):
            return self.quantile(float(chosen[1:]) / 100)
        number = self.count if self.observed else self.points
        plain: dict[str, float | None] = {
            "avg": self.sum / number if number else None,
            "rate": (self.count if self.observed else self.sum) / (hours * 3600) if hours else None,
            "increase": self.sum,
            "sum": self.sum,
            "count": float(number),
            "min": self.min,
            "max": self.max,
            "last": self.last,
        }
        return plain[chosen]


def _plus(one: float | None, other: float | None) -> float | None:
    return one if other is None else other + (one or 0.0)


def _or(one: float | None, other: float | None) -> Any:
    return other if one is None else one


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def nothing(source: Source) -> Any:
    """What is found of a source where nothing happened."""
    empty: dict[Source, Callable[[], Any]] = {
        "calls": Calls,
        "cache": told.Cache,
        "rate_limit": told.RateLimit,
        "requests": requests.Answered,
        "system": dict,
        "spans": Spans,
        "metric": Sent,
        "health": checks.Checks,
        "server": own.Work,
    }
    return empty[source]()


_EVENTS: Final[dict[Source, Callable[[Any], float | None]]] = {
    "calls": lambda found: found.calls,
    "cache": lambda found: found.hit + found.miss,
    "rate_limit": lambda found: found.allowed + found.denied,
    "requests": lambda found: found.count.value,
    "system": lambda _: None,
    "spans": lambda found: found.number,
    "metric": lambda found: found.count if found.observed else found.points,
    "health": lambda _: None,
    "server": lambda _: None,
}
# Of checks, and of the server's own work: unit, value and meaning.
_WATCHED: Final[dict[str, tuple[Source, str, Callable[[Any, float], Value], str]]] = {
    "health_state": (
        "health",
        STATE,
        lambda found, _: found.worst,
        "how a check stands: 0 healthy, 1 degraded, 2 down",
    ),
    "health_unknown": ("health", "{check}", lambda found, _: found.unknown, "checks of which nobody knows how they do"),
    "health_latency": ("health", "ms", lambda found, _: found.latency_ms, "mean time of a check's answers"),
    "health_certificate_days": (
        "health",
        "d",
        lambda found, _: found.certificate_days,
        "days until a certificate ends",
    ),
    "evaluation_lag": ("server", "s", lambda found, _: found.lag_s, "how late rules were judged, at most"),
    "tick_overruns": ("server", "{tick}", lambda found, _: found.overruns, "ticks that began late"),
    "delivery_lag": ("server", "s", lambda found, _: found.waits_s, "how long the oldest message has waited"),
    "failing_tasks": ("server", "{task}", lambda found, _: found.failed, "parts of the server's work that fail"),
}


def _of_spans() -> dict[str, tuple[str, Callable[[Any, float], Value], str]]:
    quantiles = {
        f"span_p{percent}_duration": (
            "ms",
            lambda found, _, q=percent / 100: found.quantile_ms(q),
            f"{percent} of 100 spans took less",
        )
        for percent in (50, 95, 99)
    }
    return {
        "span_count": ("{span}", lambda found, _: found.number, "spans"),
        "span_errors": ("{span}", lambda found, _: found.failed, "spans that failed"),
        "span_error_rate": ("1", lambda found, _: _share(found.failed, found.number), "share of spans that failed"),
        "span_success_rate": (
            "1",
            lambda found, _: _share(found.number - found.failed, found.number),
            "share of spans that went well",
        ),
        "span_mean_duration": ("ms", lambda found, _: found.mean_ms(), "mean time of a span"),
        **quantiles,
    }


def _ours() -> dict[str, Measure]:
    found = {
        name: Measure(name, each.source, each.unit, each.value, _EVENTS[each.source], name in SUMS, each.meaning)
        for name, each in named.METRICS.items()
    }
    found["server_error_rate"] = Measure(
        "server_error_rate",
        "requests",
        "1",
        lambda answered, _: _share(answered.server_errors, answered.count.value),
        _EVENTS["requests"],
        False,
        "share of requests that were answered with 500 or above, or failed",
    )
    for name, (unit, value, meaning) in _of_spans().items():
        found[name] = Measure(name, "spans", unit, value, _EVENTS["spans"], name in SUMS, meaning)
    for name, (source, unit, value, meaning) in _WATCHED.items():
        found[name] = Measure(name, source, unit, value, _EVENTS[source], name in SUMS, meaning)
    return found


METRICS: Final[dict[str, Measure]] = _ours()


def measure(name: str, stat: str | None = None, unit: str | None = None) -> Measure:
    """The metric of that name: one of ours, else one that was sent.

    Args:
        name: As a rule has it.
        stat: Of a metric that was sent: what is told of it.
        unit: Of a metric that was sent.
    """
    if name in METRICS:
        return METRICS[name]
    sums = stat in ("increase", "sum", "count")
    told_of = lambda found, hours: found.told(stat, hours)  # noqa: E731 - a value of a table
    return Measure(name, "metric", unit, told_of, _EVENTS["metric"], sums, "a metric that was sent")


def gauges_together(found: list[system.Gauge]) -> Mapping[str, float | None]:
    """The figures of the system, of the gauges of one group."""
    return system.together(found)
