"""One object to watch a service with: tell figures, set rules, ask how everything does.

Given figures, sends them as metrics of those names, like everything else the SDK records: without waiting. The other
calls ask the backend's API and wait for its answer: they are for scripts, jobs and admin pages, not for a request's
way. What the backend at hand does not offer is `NotOffered`, as the backend itself says.

Never: raises from `collect_metrics`, or makes up a figure that the backend does not have.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from spanledger import semconv
from spanledger.configure import configure, enabled, held
from spanledger.context import current
from spanledger.errors import BackendError, ConfigurationError
from spanledger.guard import guard, say_once

if TYPE_CHECKING:
    from spanledger.backend import Backend

KEYS: Final = (
    "alert_channels",
    "certificate",
    "collection_interval",
    "retention_days",
    "timeout_s",
    "token",
    "url",
)
KNOWN_AS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {  # what people call them -> statistic, first metric there
    "latency": ("p95", (semconv.METRIC_OPERATION_DURATION,)),
    "throughput": ("rate", (semconv.METRIC_OPERATION_DURATION,)),
    "quality": ("avg", (semconv.AUDIO_QUALITY_INDEX, semconv.AUDIO_QUALITY_INDEX_NO_REFERENCE)),
    "cache": ("rate", (semconv.METRIC_CACHE_EVENTS,)),
}
_UNITS: Final = {"minute": "m", "hour": "h", "day": "d", "week": "w"}
_TIMEFRAME: Final = re.compile(r"last_(?:(\d{1,5})_)?(minute|hour|day|week)s?|(\d{1,5})([mhdw])")
_LEVELS: Final = {"healthy": "ok", "degraded": "warning", "down": "critical"}
_MONTH: Final = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Health:
    """How everything does.

    Attributes:
        status: `ok`, `warning`, `critical`, or `unknown` where nobody can say, as while the backend is away.
        healthy_services: How many services are `ok`; a silent one is not.
        total_services: How many services have reported within a day.
        sentence: The same in words.
        services: Each service's state by its name.
        checks: The state of each of the backend's health checks by its name.
    """

    status: str
    healthy_services: int
    total_services: int
    sentence: str
    services: Mapping[str, str]
    checks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric over a time.

    Attributes:
        name: The metric's name at the backend; None where it has none that goes by the name asked for.
        statistic: What is told of each step: `avg`, `p95`, `rate` and so on.
        unit: The metric's unit, where it has one.
        points: Begin of each step and the value; None where nothing came.
        latest: The last value that is there, or None.
    """

    name: str | None
    statistic: str | None
    unit: str | None
    points: tuple[tuple[datetime, float | None], ...]
    latest: float | None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What a page would show.

    Attributes:
        timeframe: As it was asked for.
        metrics: Each metric asked for, by the name that was asked for.
        health: How everything does now.
        figures: The backend's own figures of the last minute and of today, such as `calls_per_s` and `spend_today`.
    """

    timeframe: str
    metrics: Mapping[str, Curve]
    health: Health
    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SlaReport:
    """How well a month kept what was promised.

    Attributes:
        month: Such as `2024-01`.
        compliance: Percent; NaN where nobody knows.
        document: The whole report as the backend gave it.
    """

    month: str
    compliance: float
    document: Mapping[str, Any]


class ProductionMonitor:
    """Watches a service.

    Args:
        config: What is to be otherwise than usual: `url` and `token` of the backend (else SPANLEDGER_URL,
            SPANLEDGER_TOKEN), `timeout_s`, `certificate`; `alert_channels`, where alerts go if a call does not say it;
            `collection_interval`, seconds between two sendings, where nobody has called `spanledger.configure` yet.
            `retention_days` is taken and not used: how long data is kept is a setting of the backend.

    Raises:
        ConfigurationError: With each key that there is not, and each value that cannot be.
    """

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        self.config = dict(config or {})
        self._check()
        self._backend = self._made()
        self._configure()

    def collect_metrics(self, service_name: str, metrics: Mapping[str, float]) -> None:
        """Send figures as metrics of these names; each is a point of its own and none is averaged away.

        Args:
            service_name: The service that they are of.
            metrics: Name to number. What is no finite number, and a name that OpenTelemetry does not allow, is left
                out, logged once, and counted in `spanledger.stats()["failures"]`.
        """
        with guard("collect_metrics"):
            if not enabled():
                return
            from spanledger import gauges  # OpenTelemetry's SDK: not with `import spanledger`

            context = current()
            few = {key: context[key] for key in semconv.LOW_CARDINALITY_CONTEXT_KEYS if key in context}
            for name, value in metrics.items():
                with guard("collect_metrics"):
                    gauges.tell(str(service_name), name, value, few)

    def add_alert_rule(
        self, name: str, condition: str, severity: str = "warning", channels: Sequence[str] | None = None
    ) -> Mapping[str, Any]:
        """Have the backend watch a condition.

        Args:
            name: The rule's name.
            condition: A metric, a comparison and a number, such as `processing_time > 500`.
            severity: `info`, `warning` or `critical`.
            channels: Where the alert goes; if not given, as `alert_channels` says.

        Returns:
            The rule as the backend has it, with its `id`.

        Raises:
            NotOffered: This backend has no alert rules.
            BackendError: It is away, or refused.
        """
        body = {
            "name": name,
            "condition": condition,
            "severity": severity,
            "notification_channels": self._channels(channels),
            "metric_expected": True,  # what `collect_metrics` told may still be on its way
        }
        return self._object("POST", "/api/v1/rules", "alert rules", body=body)

    def trigger_alert(self, condition: str, severity: str = "warning", channels: Sequence[str] | None = None) -> None:
        """Raise an alert at once, whatever the rules say.

        Args:
            condition: What is the matter; the alert's name.
            severity: `info`, `warning` or `critical`.
            channels: Where it goes; if not given, as `alert_channels` says.

        Raises:
            NotOffered: This backend takes no alerts.
            BackendError: It is away, or refused.
        """
        labels = {"alertname": condition, "severity": severity}
        if self._channels(channels):
            labels["channels"] = ",".join(self._channels(channels))
        alert = {"labels": labels, "annotations": {"summary": condition}, "startsAt": datetime.now(UTC).isoformat()}
        self._backend.ask("POST", "/api/v2/alerts", "alerts from elsewhere", body=[alert])

    def check_health(self) -> Health:
        """How the services do; where the backend is away, nobody knows, and that is what it says.

        Raises:
            BackendError: The backend is there and refused.
        """
        try:
            reasons = self._backend.ready()
        except BackendError as away:
            return Health("unknown", 0, 0, str(away), {})
        found = self._object("GET", "/api/admin/monitoring/health/services", "health of services")
        services = {row["name"]: _level(row["status"]) for row in found["services"]}
        checks = {row["name"]: _level(row["status"]) for row in found.get("checks", ())}
        healthy = sum(state == "ok" for state in services.values())
        status, sentence = _level(found["status"]), found["sentence"]
        if reasons and status != "critical":
            status, sentence = "critical", f"The backend is not ready: {', '.join(reasons)}"
        return Health(status, healthy, len(services), sentence, services, checks)

    def get_dashboard_data(
        self, timeframe: str = "last_hour", metrics: Sequence[str] = ("latency", "throughput", "quality")
    ) -> Dashboard:
        """What a page would show.

        Args:
            timeframe: `last_hour`, `last_15_minutes`, `last_7_days`, or short: `15m`, `7d`.
            metrics: Names of metrics; `latency`, `throughput`, `quality` and `cache` are known without being collected.

        Raises:
            ValueError: There is no such time.
            NotOffered: This backend has no metrics to query.
            BackendError: It is away, or refused.
        """
        since = _since(timeframe)
        there = {row["name"] for row in self._object("GET", "/api/v1/metrics", "list of metrics")["items"]}
        curves = {asked: self._curve(asked, since, there) for asked in metrics}
        figures = self._object("GET", "/api/v1/status", "status")["tiles"]
        return Dashboard(timeframe, curves, self.check_health(), figures)

    def generate_sla_report(self, month: str) -> SlaReport:
        """How well a month kept what was promised.

        Args:
            month: Such as `2024-01`.

        Raises:
            ValueError: That is no month.
            NotOffered: This backend makes no such reports.
            BackendError: It is away, or refused.
        """
        if not _MONTH.fullmatch(month):
            raise ValueError(f"a month such as 2024-01 was expected, not {month!r}")
        document = self._object("GET", "/api/v1/reports/sla", "SLA reports", parameters={"month": month})
        compliance = document.get("compliance")
        return SlaReport(month, math.nan if compliance is None else float(compliance), document)

    # --- inside

    def _check(self) -> None:
        mistakes = []
        for key in self.config:
            if key not in KEYS:
                near = get_close_matches(str(key), KEYS, 1)
                mistakes.append(
                    f"{key!r} is no key of the monitor's" + (f": did you mean {near[0]!r}?" if near else "")
                )
        for key in ("collection_interval", "timeout_s"):
            value = self.config.get(key)
            if value is not None and not (type(value) in (int, float) and 0.1 <= value <= 3600):
                mistakes.append(f"{key}={value!r} is not a number of seconds from 0.1 to 3600")
        channels = self.config.get("alert_channels")
        if channels is not None and (isinstance(channels, str) or not all(isinstance(one, str) for one in channels)):
            mistakes.append(f"alert_channels={channels!r} is not a list of names")
        if mistakes:
            raise ConfigurationError(mistakes)
        if self.config.get("retention_days") is not None:
            said = "retention_days=%s is not used here: the backend's --retention-… settings say how long data is kept"
            say_once("monitor retention", logging.INFO, said, self.config["retention_days"])

    def _configure(self) -> None:
        from spanledger import gauges

        interval_s = self.config.get("collection_interval")
        wanted: dict[str, Any] = {"metrics_interval_s": interval_s}
        if not gauges.are_diverted():  # as in tests
            configure(**({} if interval_s in (None, held().metrics_interval_s) else wanted))

    def _made(self) -> Backend:
        from spanledger.backend import DEFAULT_URL, TIMEOUT_S, Backend

        said = held()
        return Backend(
            url=str(self.config.get("url") or said.url or DEFAULT_URL),
            token=self.config.get("token") or said.token,
            timeout_s=float(self.config.get("timeout_s") or TIMEOUT_S),
            certificate=self.config.get("certificate") or said.certificate,
        )

    def _channels(self, given: Sequence[str] | None) -> list[str]:
        return list(self.config.get("alert_channels") or () if given is None else given)

    def _object(self, method: str, path: str, what: str, **more: Any) -> dict[str, Any]:
        answer = self._backend.ask(method, path, what, **more)
        if not isinstance(answer, dict):
            raise BackendError(f"{self._backend.url} answered {method} {path} with something unexpected")
        return answer

    def _curve(self, asked: str, since: str, there: set[str]) -> Curve:
        statistic, names = (None, (asked,)) if asked in there else KNOWN_AS.get(asked, (None, ()))
        name = next((name for name in names if name in there), None)
        if name is None:
            return Curve(None, None, None, (), None)
        question = {"name": name, "from": since, "group_by": ""} | ({"stat": statistic} if statistic else {})
        found = self._object("GET", "/api/v1/metrics/query", "metrics over time", parameters=question)
        lines = found["series"]
        points = tuple((datetime.fromtimestamp(at, UTC), value) for at, value in lines[0]["points"]) if lines else ()
        latest = next((value for _, value in reversed(points) if value is not None), None)
        return Curve(found["name"], found["stat"], found["unit"], points, latest)


def _level(state: str) -> str:
    """A state in the words that the SDK has used from the first."""
    return _LEVELS.get(state, state)


def _since(timeframe: str) -> str:
    """A time as the API spells it."""
    found = _TIMEFRAME.fullmatch(timeframe)
    if found is None:
        raise ValueError(f"a time such as last_hour, last_15_minutes or 7d was expected, not {timeframe!r}")
    return f"now-{found[3]}{found[4]}" if found[3] else f"now-{found[1] or 1}{_UNITS[found[2]]}"
