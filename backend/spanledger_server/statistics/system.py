"""Machine and processes over time: CPU, memory, queues, requests under way, database pools, Celery.

Given a snapshot and a period, reads gauges by OpenTelemetry's names, and figures that programs told by the plain names
(``cpu_usage`` and so on, in percent), and gives each for every part of the period: a mean, over all that reported it.

Never: a zero where nothing was reported.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.rollups import stretches
from spanledger_server.statistics import gone, shares
from spanledger_server.statistics.periods import Period
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)

CPU, MEMORY = "system.cpu.utilization", "system.memory.utilization"
ACTIVE_REQUESTS, QUEUE = "http.server.active_requests", "celery.queue.length"
TASKS, POOL = "celery.worker.tasks", "celery.worker.pool.size"
CONNECTIONS: Final = ("db.client.connection.count", "db.client.connections.usage")
MOST_CONNECTIONS: Final = ("db.client.connection.max", "db.client.connections.max")
TOLD: Final = ("cpu_usage", "memory_usage", "queue_length", "queue_size", "active_requests")
NAMES: Final = (CPU, MEMORY, ACTIVE_REQUESTS, QUEUE, TASKS, POOL, *CONNECTIONS, *MOST_CONNECTIONS, *TOLD)
STATES: Final = ("state", "cpu.mode", "system.memory.state", "db.client.connection.state", "celery.task.state")
SHOWN: Final = ("cpu_usage", "memory_usage", "queue_length", "active_requests")
FIGURES: Final = (
    *SHOWN,
    "db_connections_used",
    "db_connections_idle",
    "db_connections_max",
    "celery_active",
    "celery_reserved",
    "celery_pool_size",
)


@dataclass(frozen=True, slots=True)
class Gauge:
    """One series in one part: who told it, its labels, and its mean."""

    name: str
    service: str | None
    labels: Mapping[str, Any]
    mean: float

    @property
    def state(self) -> str | None:
        """What of the whole it tells of, such as ``idle`` or ``used``."""
        return next((str(self.labels[key]) for key in STATES if key in self.labels), None)


def figures(reader: Reader, period: Period) -> dict[int, dict[str, float | None]]:
    """Every figure by the number of the part of `period`; parts in which nothing was reported are not there."""
    return dict(gone.by_part(reader, "system", "metric", period, lambda each: _figures(reader, each), light=True))


def _figures(reader: Reader, period: Period) -> list[tuple[int, dict[str, float | None]]]:
    s = stretches.of(reader, "metric", period.window, period.coarsest)
    labels: dict[str | None, dict[str, Any]] = {}
    gauges: dict[int, list[Gauge]] = defaultdict(list)
    bound = {"names": list(NAMES), "s": s, "p": period.bound(), **stretches.needed(s)}
    sql, parameters = sqlfile.lean(SQL["gauge_cells"], bound)
    for row in reader.rows(sql, **parameters):
        text = row["attributes"]
        known = labels.setdefault(text, json.loads(text) if text else {})
        gauges[row["part"]].append(Gauge(row["name"], row["service"], known, row["mean"]))
    return [(part, together(found)) for part, found in gauges.items()]


def together(gauges: Iterable[Gauge]) -> dict[str, float | None]:
    """Every figure that these gauges tell of."""
    by_name: dict[str, list[Gauge]] = defaultdict(list)
    for gauge in gauges:
        by_name[gauge.name].append(gauge)
    connections = [gauge for name in CONNECTIONS for gauge in by_name[name]]
    told_memory = _mean(gauge.mean for gauge in by_name["memory_usage"])
    return {
        "cpu_usage": _first(_cpu(by_name[CPU]), _mean(gauge.mean for gauge in by_name["cpu_usage"])),
        "memory_usage": _first(
            _mean(100 * gauge.mean for gauge in by_name[MEMORY] if gauge.state == "used"),
            told_memory if told_memory is not None and told_memory <= 100 else None,  # else it is no percentage
        ),
        "queue_length": _first(_each_once(by_name[QUEUE]), _sum(by_name["queue_length"]), _sum(by_name["queue_size"])),
        "active_requests": _first(_sum(by_name[ACTIVE_REQUESTS]), _sum(by_name["active_requests"])),
        "db_connections_used": _sum(gauge for gauge in connections if gauge.state == "used"),
        "db_connections_idle": _sum(gauge for gauge in connections if gauge.state == "idle"),
        "db_connections_max": _sum(gauge for name in MOST_CONNECTIONS for gauge in by_name[name]),
        "celery_active": _sum(gauge for gauge in by_name[TASKS] if gauge.state == "active"),
        "celery_reserved": _sum(gauge for gauge in by_name[TASKS] if gauge.state == "reserved"),
        "celery_pool_size": _sum(by_name[POOL]),
    }


def _cpu(gauges: Iterable[Gauge]) -> float | None:
    """Percent of the time that processors were not idle."""
    idle: list[float] = []
    busy: dict[tuple[str | None, Any], float] = defaultdict(float)
    for gauge in gauges:
        if gauge.state == "idle":
            idle.append(gauge.mean)
        else:
            busy[gauge.service, gauge.labels.get("cpu", gauge.labels.get("cpu.logical_number"))] += gauge.mean
    used = [1 - share for share in idle] or list(busy.values())
    return _mean(100 * min(1.0, max(0.0, share)) for share in used)


def _each_once(gauges: Iterable[Gauge]) -> float | None:
    """The lengths of all queues together; several workers tell of the same one."""
    lengths: dict[Any, float] = {}
    for gauge in gauges:
        queue = gauge.labels.get("messaging.destination.name")
        lengths[queue] = max(gauge.mean, lengths.get(queue, 0.0))
    return sum(lengths.values()) if lengths else None


def _sum(gauges: Iterable[Gauge]) -> float | None:
    values = [gauge.mean for gauge in gauges]
    return sum(values) if values else None


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return sum(known) / len(known) if known else None


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def system(reader: Reader, period: Period) -> dict[str, Any]:
    """The statistics of `period`, as `GET /api/admin/stats/system` answers them."""
    found = figures(reader, period)
    nothing: dict[str, float | None] = dict.fromkeys(FIGURES)
    series: list[dict[str, Any]] = [
        {"timestamp": part.name, **found.get(part.number, nothing)} for part in period.parts
    ]
    known = {name: [each for each in series if each[name] is not None] for name in FIGURES}
    last = {name: rows[-1][name] if rows else None for name, rows in known.items()}
    return {
        "period": period.name,
        "from_ns": period.from_ns,
        "to_ns": period.to_ns,
        **{f"avg_{name}": _mean(row[name] for row in known[name]) for name in SHOWN},
        **{f"current_{name}": last[name] for name in SHOWN},
        "current_at": max((rows[-1]["timestamp"] for rows in known.values() if rows), default=None),
        "db_pool": {name: last[f"db_connections_{name}"] for name in ("used", "idle", "max")},
        "celery": {name: last[f"celery_{name}"] for name in ("active", "reserved", "pool_size")},
        "coverage": {name: shares.ratio(len(rows), len(series)) for name, rows in known.items()},
        "metrics": series,
    }
