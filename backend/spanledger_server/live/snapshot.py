"""The state beside the points: tiles, services, models, calls worth a look.

Given one snapshot of the store and the window, gives what the live pages show. What changes slowly is read seldom;
each reading says when it was made.

Never: a number in place of one that is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from spanledger_server.live.health import DAY_S, ServiceHealth, Usual
from spanledger_server.live.window import LENGTH_S, Window, amount, milliseconds
from spanledger_server.measures import PLACES
from spanledger_server.rollups import stretches
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import Range

SQL = sqlfile.load(__package__)

NS = 10**9
TILES_S = 60  # the tiles speak of the last minute
MOST_SLOW = 20
MOST_MODELS = 50
SLOW_READ_EVERY_S = 5
HABITS_READ_EVERY_S = 60


@dataclass(slots=True)
class Readings:
    """What was read from the store beside the window, and when."""

    latency: dict[str, Any] = field(default_factory=dict)
    models: list[dict[str, Any]] = field(default_factory=list)
    slots: dict[str, int] = field(default_factory=dict)
    service_p95_ns: dict[str, float] = field(default_factory=dict)
    slow: list[dict[str, Any]] = field(default_factory=list)
    audio: list[dict[str, Any]] = field(default_factory=list)
    usual: dict[str, Usual] = field(default_factory=dict)
    refused: int = 0
    ever: bool = False
    slow_read_s: int = 0
    habits_read_s: int = 0
    today_s: int = 0

    def read(self, reader: Reader, now_s: int, today_s: int, *, changed: bool) -> None:
        """Bring up to date what is old enough.

        Args:
            reader: One snapshot of the store.
            now_s: Seconds since 1970.
            today_s: The second at which the day began in the server's zone.
            changed: Whether anything new was stored since the last time.
        """
        self.latency = reader.row(SQL["latency"], from_ns=(now_s - TILES_S + 1) * NS, to_ns=(now_s + 1) * NS) or {}
        if changed or today_s != self.today_s:
            s = stretches.of(reader, "cost", Range(today_s * NS, (now_s + 1) * NS), exact=True)
            sql, bound = sqlfile.lean(SQL["today_by_model"], {"s": s, **stretches.needed(s)})
            self.models = reader.rows(sql, **bound)
            self.today_s = today_s
        if now_s - self.slow_read_s >= SLOW_READ_EVERY_S:
            self._read_slow(reader, now_s)
        if now_s - self.habits_read_s >= HABITS_READ_EVERY_S:
            self._read_habits(reader, now_s)

    def _read_slow(self, reader: Reader, now_s: int) -> None:
        stretch = {"from_ns": (now_s - LENGTH_S) * NS, "to_ns": (now_s + 1) * NS}
        self.slow = reader.rows(SQL["slow_or_failed"], most=MOST_SLOW, **stretch)
        self.audio = reader.rows(SQL["audio"], pesq=PLACES["pesq"], factor=PLACES["real_time_factor"], **stretch)
        self.service_p95_ns = dict(reader.tuples(SQL["service_latency"], **stretch))
        self.slots = dict(reader.tuples(SQL["model_slots"]))
        self.refused = int(reader.value(SQL["refused_today"], from_ns=self.today_s * NS))
        self.ever = self.ever or bool(reader.value(SQL["anything_ever"]))
        self.slow_read_s = now_s

    def _read_habits(self, reader: Reader, now_s: int) -> None:
        rows = reader.rows(SQL["reporting_minutes"], from_minute=(now_s - DAY_S) // 60)
        self.usual = {row["service"]: Usual(row["last_minute"] * 60, (row["gap_minutes"] or 0) * 60) for row in rows}
        self.habits_read_s = now_s


def tiles(window: Window, readings: Readings, now_s: int) -> dict[str, Any]:
    """The figures at the top: the last minute's, and today's money."""
    calls = errors = tokens = 0
    for _, second in window.between(now_s - TILES_S + 1, now_s + 1):
        if second.point is not None:
            calls += second.point["calls"]
            errors += second.point["errors"]
            tokens += (second.point["input_tokens"] or 0) + (second.point["output_tokens"] or 0)
    today = sum(int(row["calls"]) for row in readings.models)
    unpriced = sum(int(row["unpriced"]) for row in readings.models)
    return {
        "calls_per_s": round(calls / TILES_S, 3) if calls else None,
        "error_ratio": round(errors / calls, 6) if calls else None,
        "p95_ms": milliseconds(readings.latency.get("duration_ns")),
        "ttfc_p95_ms": milliseconds(readings.latency.get("first_chunk_ns")),
        "tokens_per_s": round(tokens / TILES_S, 3) if calls else None,
        "spend_today": _spend(readings.models, today),
        "spend_today_coverage": round((today - unpriced) / today, 6) if today else None,
        "unpriced_today": unpriced,
        "calls_today": today,
    }


def _spend(models: Sequence[dict[str, Any]], calls: int) -> str | None:
    """The sum of what is priced; zero without calls, unknown when there are calls and none is priced."""
    known = [row["cost"] for row in models if row["cost"] is not None]
    if not known:
        return None if calls else "0"
    return amount(sum(known, Decimal(0)))


def audio(readings: Readings, now_s: int) -> dict[str, Any] | None:
    """How good and how fast the window's audio was; None where there was none."""
    found = {(row["metric"], row["minute"]): row for row in readings.audio}
    if ("audios", None) not in found:
        return None
    minutes = range(now_s // 60 - LENGTH_S // 60 + 1, now_s // 60 + 1)
    told: dict[str, Any] = {"audios": found["audios", None]["weight"]}
    for metric in ("pesq", "real_time_factor"):
        whole = found.get((metric, None), {})
        told[metric] = {
            "p50": whole.get("p50"),
            "p95": whole.get("p95"),
            "measured": whole.get("weight", 0),
            "minutes": [found.get((metric, minute), {}).get("p50") for minute in minutes],
        }
    return told


def models(readings: Readings) -> list[dict[str, Any]]:
    """Today's models, dearest first."""
    return [
        {
            "model": row["model"],
            "provider": row["provider"],
            "cost": amount(row["cost"]),
            "calls": int(row["calls"]),
            "slot": readings.slots.get(row["model"]),
        }
        for row in readings.models[:MOST_MODELS]
    ]


def slow(readings: Readings) -> list[dict[str, Any]]:
    """Calls of the window that failed or were slowest, latest first."""
    failed = [row for row in readings.slow if row["error_type"] is not None]
    others = sorted((row for row in readings.slow if row["error_type"] is None), key=lambda row: -row["duration_ns"])
    chosen = failed[: MOST_SLOW // 2] + others
    chosen = (chosen + failed[MOST_SLOW // 2 :])[:MOST_SLOW]
    return [
        {
            "trace_id": row["trace_id"].hex,
            "span_id": f"{row['span_id']:016x}",
            "at": row["at_ns"],
            "service": row["service"],
            "model": row["model"],
            "operation": row["operation"],
            "duration_ms": milliseconds(row["duration_ns"]),
            "error_type": row["error_type"],
            "cost": amount(row["cost_usd"]),
        }
        for row in sorted(chosen, key=lambda row: -row["at_ns"])
    ]


def shown_services(found: Sequence[ServiceHealth], readings: Readings) -> list[dict[str, Any]]:
    """The services as pages get them."""
    return [health.shown(readings.service_p95_ns.get(health.service)) for health in found]
