"""How performance changed: requests, model calls, databases and users over a period, beside the one before.

Given a snapshot, the time and a zone, gives for each figure its points, its mean in this period and in the one before,
and whether it got better; and how many calls came in which hour of the day.

Never: "better" or "worse" from a handful of events, or of a figure that has no better side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from spanledger_server.statistics import calls, gone, history, named, periods
from spanledger_server.statistics.named import Point, Reading
from spanledger_server.statistics.periods import Period, Rolling
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS, MINUTE_NS, Range

SHOWN: Final = (
    *("response_time", "request_count", "request_error_rate", "latency", "requests", "error_rate", "cost"),
    *("cache_hit_rate", "db_connections_used", "cpu_usage", "memory_usage", "queue_length"),
)
LESS_IS_BETTER: Final = {"response_time", "request_error_rate", "latency", "error_rate", "queue_length"}
MORE_IS_BETTER: Final = {"cache_hit_rate"}
NOTEWORTHY: Final = 0.1  # a change of the mean by less is none
FEWEST_EVENTS: Final = 20
Direction = Literal["better", "worse", "up", "down", "same"]


def trends(reader: Reader, period: Rolling, now_ns: int, zone: ZoneInfo) -> dict[str, Any]:
    """The trends as `GET /api/admin/monitoring/performance/trends` answers them."""
    now, before = _compared(period, now_ns)
    readings = (
        named.Reading(reader, now, together=True),
        None if before is None else named.Reading(reader, before, together=True),
    )
    return {
        "period": period,
        "from_ns": now.from_ns,
        "to_ns": now.to_ns,
        "step_s": now.width_ns // 10**9,
        "timezone": zone.key,
        "metrics": [_trend(name, *readings) for name in SHOWN],
        "by_hour": _by_hour(reader, period, now_ns, zone),
    }


def _compared(period: Rolling, now_ns: int) -> tuple[Period, Period | None]:
    """The period from a whole part on, and the same length before it, of which nothing is open; None before 1970."""
    fine = history.fine(period, now_ns)
    from_ns = fine.parts[0].from_ns
    now = periods.stepped(period, Range(from_ns, now_ns), fine.width_ns, fine.zone)
    earlier = Range(from_ns - periods.LENGTH_AND_STEP_NS[period][0], from_ns)
    if earlier.from_ns < 0:
        return now, None
    return now, replace(periods.stepped(period, earlier, fine.width_ns, fine.zone), closed=True)


def _trend(name: str, now: Reading, before: Reading | None) -> dict[str, Any]:
    points = now.points(name)
    earlier = [] if before is None else before.points(name)
    mean, was = _mean(name, points), _mean(name, earlier)
    change = None if mean is None or not was else 100 * (mean - was) / was
    return {
        "metric": name,
        "unit": named.METRICS[name].unit,
        "meaning": named.METRICS[name].meaning,
        "average": mean,
        "previous_average": was,
        "change_percent": change,
        "direction": None if change is None or _few(points) or _few(earlier) else _direction(name, change / 100),
        "points": [
            {"timestamp": point.part.name, "value": point.value, "count": point.events, **(point.percentiles or {})}
            for point in points
        ],
    }


def _mean(name: str, points: Sequence[Point]) -> float | None:
    """Over the parts; of durations and shares, each as heavy as the events it comes from."""
    known = [point for point in points if point.value is not None]
    by_events = named.METRICS[name].unit in ("ms", "1")
    weights = [point.events or 0 if by_events else 1 for point in known]
    if not sum(weights):
        return None
    return sum(float(point.value) * weight for point, weight in zip(known, weights, strict=True)) / sum(weights)


def _few(points: Sequence[Point]) -> bool:
    told = [point.events for point in points if point.events is not None]
    return bool(told) and sum(told) < FEWEST_EVENTS


def _direction(name: str, change: float) -> Direction:
    if abs(change) < NOTEWORTHY:
        return "same"
    if name in LESS_IS_BETTER | MORE_IS_BETTER:
        return "better" if (change > 0) == (name in MORE_IS_BETTER) else "worse"
    return "up" if change > 0 else "down"


def _by_hour(reader: Reader, period: Rolling, now_ns: int, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Model calls by hour of the day, as a clock on the wall shows it: users at work. Each hour comes equally often."""
    hourly = _hourly(period, now_ns, zone)
    number, errors = dict.fromkeys(range(24), 0), dict.fromkeys(range(24), 0)

    def read(each: Period) -> list[tuple[int, int, int]]:
        found = calls.by(calls.cells(reader, each, timed=False), "part")
        return [(part, one.calls, one.errors) for part, one in found.items()]

    for part, called, failed in gone.by_part(reader, "calls by hour", "cost", hourly, read, additive=True):
        hour = datetime.fromtimestamp(part * hourly.width_ns // 10**9, UTC).astimezone(zone).hour
        number[hour] += called
        errors[hour] += failed
    return [{"hour": hour, "requests": number[hour], "errors": errors[hour]} for hour in range(24)]


def _hourly(period: Rolling, now_ns: int, zone: ZoneInfo) -> Period:
    """As long as the period, in parts of which each lies in one hour of the zone; the last one goes on."""
    length_ns = periods.LENGTH_AND_STEP_NS[period][0]
    whole_hours = all(_offset_s(at_ns, zone) % 3600 == 0 for at_ns in (max(0, now_ns - length_ns), now_ns))
    step_ns = MINUTE_NS if period == "hour" else HOUR_NS if whole_hours else 15 * MINUTE_NS
    end_ns = -(-now_ns // step_ns) * step_ns
    return periods.stepped("hours", Range(max(0, end_ns - length_ns), now_ns), step_ns, zone)


def _offset_s(at_ns: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(at_ns // 10**9, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
