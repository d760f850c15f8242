"""Dialogues, performance, caches, rate limits, calls by level, and providers, over HTTP.

Never: a total without how much of it is known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from spanledger_server import timegrid
from spanledger_server.api import answers, parameters
from spanledger_server.api.answered import MS, performance
from spanledger_server.api.deps import DefaultZone, NowNs, Store
from spanledger_server.api.scoped import CallersScope, within
from spanledger_server.api.statistics_examples import of as example
from spanledger_server.auth.scope import Scope
from spanledger_server.statistics import calls, periods, providers, requests, series, told
from spanledger_server.statistics import dialogues as told_dialogues
from spanledger_server.statistics.periods import Period
from spanledger_server.store.database import Database, Reader
from spanledger_server.timegrid import MINUTE_NS, Range
from spanledger_server.traces import filters
from spanledger_server.traces.filters import Conditions, Subject

router = APIRouter(tags=["statistics"])

ToDate = Annotated[str | None, Query(description="today, week, month (default) or year: to date")]
Zone = Annotated[str | None, Query(description="IANA zone in which days begin; default: the server's")]
Filters = Annotated[
    list[str] | None, Query(description="key:value, repeated; a leading ! negates, an empty value is unset")
]
From = Annotated[str | None, Query(alias="from", description="RFC 3339 or now-15m; whole minutes are taken")]
To = Annotated[str | None, Query(description="RFC 3339 or now (default); not part of the window")]
NO_DIMENSION: Final = "none"


@router.get("/admin/statistics/dialogues", responses=example("dialogues"))
def dialogues(
    store: Store,
    now_ns: NowNs,
    default_zone: DefaultZone,
    scope: CallersScope,
    period: ToDate = None,
    group_by: Annotated[str | None, Query(description="book (default), user, model or type")] = None,
    tz: Zone = None,
    f: Filters = None,
) -> Response:
    """Dialogues of a period to date: how many, whose, how long, how content; a figure nobody told is null."""
    span, dimension, conditions = parameters.together(
        lambda: to_date(period, now_ns, default_zone if tz is None else tz),
        lambda: parameters.choice("group_by", group_by, told_dialogues.DIMENSIONS, "book"),
        lambda: filters.parse(f or [], told_dialogues.DIALOGUES),
    )
    with store.reader() as reader:
        found = told_dialogues.dialogues(reader, span, dimension, within(conditions, scope).bound())
    return answers.answer(_dated(found))


@router.get("/api/v1/statistics/performance", responses=example("performance"))
def performance_summary(
    store: Store,
    now_ns: NowNs,
    default_zone: DefaultZone,
    period: ToDate = None,
    tz: Zone = None,
    service: Annotated[str | None, Query(description="only this service")] = None,
) -> Response:
    """HTTP requests and model calls of a period to date: how many, how fast, how many failed or were slow."""
    (span,) = parameters.together(lambda: to_date(period, now_ns, default_zone if tz is None else tz))
    only = filters.parse([] if service is None else [f"service:{service}"], filters.LEDGER)
    with store.reader() as reader:
        whole = periods.whole(span.window)  # days as wide as they are kept: its parts are not told
        found = requests.report(reader, whole, service)
        called = calls.whole(reader, span.window, only)
    head = {"period": span.name, "from": answers.when(span.from_ns), "to": answers.when(span.to_ns)}
    return answers.answer(head | performance(found.whole, MS) | {"calls": called.shown()})


@router.get("/api/v1/statistics/cache", responses=example("cache"))
def cache(
    store: Store,
    now_ns: NowNs,
    default_zone: DefaultZone,
    scope: CallersScope,
    period: ToDate = None,
    tz: Zone = None,
    f: Filters = None,
) -> Response:
    """Hits, misses and savings of caches in a period to date, as `track_cache` told them."""
    return _tracked(told.caches, told.CACHES, store, scope, (period, now_ns, default_zone if tz is None else tz), f)


@router.get("/api/v1/statistics/rate-limits", responses=example("rate-limits"))
def rate_limits(
    store: Store,
    now_ns: NowNs,
    default_zone: DefaultZone,
    scope: CallersScope,
    period: ToDate = None,
    tz: Zone = None,
    f: Filters = None,
) -> Response:
    """What rate limiters allowed and denied in a period to date, as `track_rate_limit` told it."""
    return _tracked(
        told.rate_limits, told.RATE_LIMITS, store, scope, (period, now_ns, default_zone if tz is None else tz), f
    )


@router.get("/api/v1/statistics/series", responses=example("series"))
def over_time(
    store: Store,
    now_ns: NowNs,
    default_zone: DefaultZone,
    scope: CallersScope,
    level: Annotated[str | None, Query(description="1min, 1hour (default), 1day, 1week or 1month")] = None,
    from_: From = None,
    to: To = None,
    group_by: Annotated[
        str | None,
        Query(description="none (default), model, provider, service, operation, feature, tenant, user_tier or user"),
    ] = None,
    tz: Zone = None,
    f: Filters = None,
) -> Response:
    """Calls of the ledger bucket by bucket, at a level: counts, latencies with percentiles, tokens, cost."""
    chosen, dimension, zone, conditions = parameters.together(
        lambda: _level(level),
        lambda: parameters.choice("group_by", group_by, (NO_DIMENSION, *calls.DIMENSIONS), NO_DIMENSION),
        lambda: timegrid.zone(default_zone if tz is None else tz),
        lambda: filters.parse(f or [], filters.LEDGER),
    )
    asked = series.question(chosen, _window(from_, to, now_ns, series.USUAL_NS[chosen]), zone)
    grouped = "" if dimension == NO_DIMENSION else dimension
    with store.reader() as reader:
        found = series.series(reader, asked, within(conditions, scope), grouped)
    head = {"level": chosen, "group_by": dimension, "timezone": zone.key}
    bounds = {"from": answers.when(asked.period.from_ns), "to": answers.when(asked.period.to_ns)}
    return answers.answer(head | bounds | {"series": found})


@router.get("/api/v1/statistics/summary", responses=example("summary"))
def summary(
    store: Store,
    now_ns: NowNs,
    scope: CallersScope,
    from_: From = None,
    to: To = None,
    f: Filters = None,
) -> Response:
    """All calls of a window as one: counts, latencies with percentiles, tokens, cost, caches, rate limits."""
    conditions, window = parameters.together(
        lambda: filters.parse(f or [], filters.LEDGER),
        lambda: _window(from_, to, now_ns, timegrid.DAY_NS),
    )
    with store.reader() as reader:
        found = series.summary(reader, window, within(conditions, scope))
    return answers.answer({"from": answers.when(window.from_ns), "to": answers.when(window.to_ns), **found})


@router.get("/api/v1/providers/health", responses=example("providers"))
def provider_health(store: Store, now_ns: NowNs) -> Response:
    """Each provider of the last week: healthy, degraded, down or unknown, and why; judged by its own usual."""
    with store.reader() as reader:
        found = providers.providers(reader, now_ns)
    counts = {status: sum(one.status == status for one in found) for status in providers.WORST_FIRST}
    listed = []
    for one in found:
        shown = one.shown()
        listed.append(shown | {"last_call_before": answers.when(shown.pop("last_ns"))})
    seconds = {"window_s": providers.JUDGED_NS // 10**9, "usual_s": providers.USUAL_NS // 10**9}
    return answers.answer({"providers": listed, "counts": counts, **seconds})


def to_date(text: str | None, now_ns: int, zone: str) -> Period:
    """The period to date that a parameter names.

    Raises:
        Invalid: There is no such period, or no such zone.
    """
    chosen, where = parameters.together(
        lambda: parameters.choice("period", text, timegrid.PERIODS, "month"), lambda: timegrid.zone(zone)
    )
    return periods.to_date(chosen, now_ns, where)


def _tracked(
    read: Callable[[Reader, Period, dict[str, Any]], dict[str, Any]],
    subject: Subject,
    store: Database,
    scope: Scope,
    when: tuple[str | None, int, str],
    f: list[str] | None,
) -> Response:
    """Statistics of one kind of tracking call."""
    parsed: list[Any] = parameters.together(lambda: to_date(*when), lambda: filters.parse(f or [], subject))
    span: Period = parsed[0]
    conditions: Conditions = within(parsed[1], scope)
    with store.reader() as reader:
        found = read(reader, span, conditions.bound())
    head = {"period": span.name, "from_ns": span.from_ns, "to_ns": span.to_ns, "timezone": span.zone.key}
    return answers.answer(_dated(head | found))


def _dated(found: dict[str, Any]) -> dict[str, Any]:
    """`found` with its bounds, and those of the period before, as times."""
    previous = found["previous"]
    found["previous"] = None if previous is None else answers.bounded(previous)
    return {"period": found.pop("period"), **answers.bounded(found)}


def _level(text: str | None) -> series.Level:
    chosen = parameters.choice("level", text, series.LEVELS, "1hour")
    return next(level for level in series.LEVELS if level == chosen)


def _window(from_text: str | None, to_text: str | None, now_ns: int, usual_ns: int) -> Range:
    """Whole minutes."""
    window = parameters.window(from_text, to_text, now_ns, usual_ns // 10**9)
    return Range(window.from_ns // MINUTE_NS * MINUTE_NS, -(-window.to_ns // MINUTE_NS) * MINUTE_NS)
