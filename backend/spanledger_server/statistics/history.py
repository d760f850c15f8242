"""A metric over the last hour, day, week or month: one of ours by its name, or any that was sent over OTLP by its own.

Given a snapshot, a name and a period, gives evenly spaced points. What was sent is read from its points up to a day
back, and from rollups beyond, so that it is known as long as those are kept.

Never: a line drawn through a gap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from spanledger_server.errors import NotFound
from spanledger_server.metrics import query
from spanledger_server.rollups import histogram, stretches
from spanledger_server.statistics import named, periods, shares
from spanledger_server.statistics.periods import Period, Rolling
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS, MINUTE_NS
from spanledger_server.traces.filters import Conditions

SQL = sqlfile.load(__package__)

STEP_NS: Final[dict[Rolling, int]] = {
    "hour": MINUTE_NS,
    "day": 15 * MINUTE_NS,
    "week": 2 * HOUR_NS,
    "month": 6 * HOUR_NS,
}
FROM_POINTS: Final = ("hour", "day")
HISTOGRAMS: Final = ("histogram", "exponential_histogram")


def fine(name: Rolling, now_ns: int) -> Period:
    """The last hour, day, week or month in parts as a chart draws them."""
    window = periods.rolling(name, now_ns, periods.UTC_ZONE).window
    return periods.stepped(name, window, STEP_NS[name], periods.UTC_ZONE)


def history(reader: Reader, name: str, period: Rolling, now_ns: int, conditions: Conditions | None) -> dict[str, Any]:
    """The metric as `GET /api/admin/monitoring/metrics/history` answers it.

    Args:
        reader: One snapshot.
        name: One of `named.METRICS`, or the name of a metric that was sent.
        period: How far back.
        now_ns: The time.
        conditions: Filters of the ledger, for metrics of it.

    Raises:
        NotFound: There is no such metric.
    """
    asked = fine(period, now_ns)
    kind, unit, points = course(reader, name, asked, conditions)
    known = [point["value"] for point in points if point["value"] is not None]
    return {
        "metric": name,
        "period": period,
        "from_ns": asked.from_ns,
        "to_ns": asked.to_ns,
        "step_s": STEP_NS[period] // 10**9,
        "unit": unit,
        "kind": kind,
        "current": known[-1] if known else None,
        "average": float(sum(known)) / len(known) if known else None,
        "min": min(known, default=None),
        "max": max(known, default=None),
        "coverage": shares.ratio(len(known), len(points)),
        "points": points,
    }


def course(
    reader: Reader, name: str, asked: Period, conditions: Conditions | None
) -> tuple[str, str | None, list[dict[str, Any]]]:
    """What a metric is, its unit, and a point for each part of any period.

    Raises:
        NotFound: There is no such metric.
    """
    if name in named.METRICS:
        return "statistics", named.METRICS[name].unit, _ours(reader, name, asked, conditions)
    return _sent(reader, name, asked)


def _ours(reader: Reader, name: str, asked: Period, conditions: Conditions | None) -> list[dict[str, Any]]:
    found = named.Reading(reader, asked, conditions).points(name)
    return [
        {"timestamp": point.part.name, "value": point.value, "count": point.events, **(point.percentiles or {})}
        for point in found
    ]


def _sent(reader: Reader, name: str, asked: Period) -> tuple[str, str | None, list[dict[str, Any]]]:
    series = reader.rows(SQL["sent_metric"], name=name)
    if not series:
        known = ", ".join(named.METRICS)
        raise NotFound(f"there is no metric named {name!r}: GET /api/v1/metrics lists what was sent, ours are {known}")
    kind, unit = series[0]["kind"], series[0]["unit"]
    points = _from_points(reader, name, asked) if asked.name in FROM_POINTS else []
    if all(point["value"] is None for point in points):  # of a time whose points are gone, rollups are left
        points = _from_rollups(reader, name, kind, asked)
    return kind, unit, points


def _from_points(reader: Reader, name: str, asked: Period) -> list[dict[str, Any]]:
    found = query.query(reader, query.Question(name, asked.from_ns, asked.to_ns, asked.width_ns, (), None))
    values = [value for _, value in found["series"][0]["points"]] if found["series"] else []
    return [
        {"timestamp": part.name, "value": value, "count": None}
        for part, value in zip(asked.parts, values or [None] * len(asked.parts), strict=True)
    ]


def _from_rollups(reader: Reader, name: str, kind: str, asked: Period) -> list[dict[str, Any]]:
    s = stretches.of(reader, "metric", asked.window, asked.coarsest)
    cells: dict[int, list[Mapping[str, Any]]] = {}
    for row in reader.rows(SQL["sent_cells"], name=name, s=s, p=asked.bound()):
        cells.setdefault(row["part"], []).append(row)
    return [
        {"timestamp": part.name, **_of_part(cells.get(part.number, []), kind, asked.width_ns / 10**9)}
        for part in asked.parts
    ]


def _of_part(rows: Sequence[Mapping[str, Any]], kind: str, seconds: float) -> dict[str, Any]:
    """Gauges as a mean, counters as a rate, histograms as their 95th percentile: as `metrics/query.py` has it."""
    rows = [row for row in rows if row["sum"] is not None]
    points = sum(row["points"] for row in rows)
    if not rows:
        return {"value": None, "count": None}
    total = sum(row["sum"] for row in rows)
    if kind in HISTOGRAMS:
        codes: Counter[int] = Counter()
        for row in rows:
            codes.update(dict(zip(row["codes"] or (), row["counts"] or (), strict=True)))
        index = sorted(codes)
        return {
            "value": histogram.quantile(index, [codes[code] for code in index], 0.95),
            "count": sum(row["count"] or 0 for row in rows),
        }
    if rows[0]["increments"]:
        return {"value": total / seconds, "count": points}
    return {"value": total / points, "count": points}
