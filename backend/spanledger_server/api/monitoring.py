"""Requests, the system, services and metrics over the last hour, day, week or month, over HTTP.

Never: a figure for what nobody reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from spanledger_server import timegrid
from spanledger_server.api import answered, answers, parameters, services
from spanledger_server.api.deps import DefaultZone, NowNs, Store
from spanledger_server.api.live import Channel
from spanledger_server.api.statistics_examples import of as example
from spanledger_server.errors import Invalid
from spanledger_server.health.watch import Health
from spanledger_server.rules import expected, register
from spanledger_server.statistics import history, named, periods, providers, requests, system, trends
from spanledger_server.statistics.periods import ROLLING, Rolling
from spanledger_server.timegrid import DAY_NS
from spanledger_server.traces import filters

router = APIRouter(tags=["monitoring"])

LastHour = Annotated[str | None, Query(description="hour (default), day, week or month: up to now")]
LastDay = Annotated[str | None, Query(description="hour, day (default), week or month: up to now")]
LastWeek = Annotated[str | None, Query(description="hour, day, week (default) or month: up to now")]
MetricName = Annotated[str | None, Query(description="one of ours by name, or any that was sent by its own")]
OfCalls = Annotated[list[str] | None, Query(description="key:value, repeated: for metrics of the ledger")]
SHORT: Final[dict[str, Rolling]] = {"1h": "hour", "24h": "day", "1d": "day", "7d": "week", "30d": "month"}
USUAL_ENDPOINTS, MOST_ENDPOINTS = 5, 1000
EARLIEST_NS: Final = 32 * DAY_NS  # a period ends at least its length after the beginning of time


@router.get("/api/admin/stats/requests", responses=example("requests"))
def request_statistics(
    store: Store,
    now_ns: NowNs,
    period: LastDay = None,
    service: Annotated[str | None, Query(description="only this service")] = None,
    limit: Annotated[str | None, Query(description="how many endpoints are listed: 1 to 1000, default 5")] = None,
) -> Response:
    """HTTP requests: how many, how fast, how many failed, the endpoints asked most; times in seconds."""
    chosen, most = parameters.together(
        lambda: rolling(period, "day"), lambda: parameters.limit(limit, USUAL_ENDPOINTS, MOST_ENDPOINTS)
    )
    span = periods.rolling(chosen, now_ns, periods.UTC_ZONE)
    with store.reader() as reader:
        found = requests.report(reader, span, service)
    bounds = {"from": answers.when(span.from_ns), "to": answers.when(span.to_ns)}
    return answers.answer(answered.requests(found, chosen, most) | bounds)


@router.get("/api/admin/stats/system", responses=example("system"))
def system_statistics(store: Store, now_ns: NowNs, period: LastHour = None) -> Response:
    """CPU, memory, queues, requests under way, database pools and Celery: averages, the newest, and over time."""
    span = history.fine(rolling(period, "hour"), now_ns)
    with store.reader() as reader:
        found = system.system(reader, span)
    return answers.answer({"period": found.pop("period"), **answers.bounded(found)})


@router.get("/api/admin/monitoring/metrics/history", responses=example("history"))
def metric_history(
    store: Store,
    now_ns: NowNs,
    metric: MetricName = None,
    period: LastDay = None,
    to: Annotated[str | None, Query(description="where the period ends: RFC 3339 or now-7d; now (default)")] = None,
    f: OfCalls = None,
) -> Response:
    """A metric at even distances, null where nothing came; with percentiles where it is a duration."""
    chosen, conditions, end_ns = parameters.together(
        lambda: rolling(period, "day"),
        lambda: filters.parse(f or [], filters.LEDGER),
        lambda: now_ns if to is None else min(now_ns, parameters.instant("to", to, now_ns)),
    )
    with store.reader() as reader:
        found = history.history(reader, _metric(metric, f), chosen, max(end_ns, EARLIEST_NS), conditions)
    return answers.answer({"metric": found.pop("metric"), "period": found.pop("period"), **answers.bounded(found)})


@router.get("/api/admin/monitoring/metrics/expected", responses=example("expected"))
def metric_expected(
    store: Store, now_ns: NowNs, metric: MetricName = None, period: LastDay = None, f: OfCalls = None
) -> Response:
    """Between which values a metric is expected at each of those times, by earlier weeks or days; null if unknown."""
    chosen, conditions = parameters.together(
        lambda: rolling(period, "day"), lambda: filters.parse(f or [], filters.LEDGER)
    )
    name, span = _metric(metric, f), history.fine(chosen, now_ns)
    with store.reader() as reader:
        rule = expected.rule_about(register.listed(reader), name)
        deviations = expected.deviations(rule)
        points = expected.expected(reader, name, span, conditions, deviations)
    head = {"metric": name, "period": chosen, "figure": expected.figure(name), "deviations": deviations}
    about = {"rule": rule and rule.name, "rule_id": rule and rule.rule_id}
    bounds = {"from": answers.when(span.from_ns), "to": answers.when(span.to_ns)}
    return answers.answer(head | bounds | about | {"points": [expected.shown(each) for each in points]})


def _metric(name: str | None, f: Sequence[str] | None) -> str:
    """The name, where there is one, and filters only where they reach."""
    if not name:
        raise Invalid("metric", name or "", f"a name: {', '.join(named.METRICS)}, or one of GET /api/v1/metrics")
    known = named.METRICS.get(name)
    if f and (known is None or known.source not in named.FILTERED):
        raise Invalid("f", f[0], "filters for metrics of model calls alone")
    return name


@router.get("/api/admin/monitoring/performance/trends", responses=example("trends"))
def performance_trends(
    store: Store,
    now_ns: NowNs,
    default_zone: DefaultZone,
    period: LastWeek = None,
    tz: Annotated[str | None, Query(description="IANA zone of the hours of the day; default: the server's")] = None,
) -> Response:
    """Requests, model calls, databases and users over time, beside the same length of time before."""
    chosen, zone = parameters.together(
        lambda: rolling(period, "week"), lambda: timegrid.zone(default_zone if tz is None else tz)
    )
    with store.reader() as reader:
        found = trends.trends(reader, chosen, now_ns, zone)
    return answers.answer({"period": found.pop("period"), **answers.bounded(found)})


def services_router(channel: Channel, health: Health) -> APIRouter:
    """The health of services, as the live feed and the checks know it, and of providers."""
    routes = APIRouter(tags=["monitoring"])

    @routes.get("/api/admin/monitoring/health/services", responses=example("services"))
    def all_services(store: Store, now_ns: NowNs) -> Response:
        """Each service that reported within a day or has checks, each check, each provider: how it does, and why."""
        found = services.together(channel.feed.look(now_ns, from_s=2**62).state, health.standing())
        with store.reader() as reader:
            called = providers.providers(reader, now_ns)
        listed = [{"name": one.name, "status": one.status, "reason": "; ".join(one.reasons)} for one in called]
        return answers.answer({**found, "providers": listed, "at": answers.when(now_ns)})

    return routes


def rolling(text: str | None, usual: Rolling) -> Rolling:
    """The period that a parameter names, also as ``1h``, ``24h``, ``7d`` or ``30d``.

    Raises:
        Invalid: There is no such period.
    """
    chosen = parameters.choice("period", SHORT.get(text or "", text), ROLLING, usual)
    return next(name for name in ROLLING if name == chosen)
