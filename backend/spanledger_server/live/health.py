"""How each service does, and the one sentence that says how all of them do.

Given what was reported lately and how often each service usually reports, gives a state with its reason, worst first.

Never: "well" for a service that is silent. Silence is unknown, and unknown is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, Literal

from spanledger_server.live.window import Window, amount, milliseconds

Level = Literal["ok", "warning", "critical", "unknown"]

JUDGED_S = 300  # errors are judged over this long
FEWEST_CALLS = 5  # below this many, a share says nothing
WARNING_RATIO = 0.05
CRITICAL_RATIO = 0.25
SILENT_AFTER_INTERVALS = 3
SILENT_AT_LEAST_S = 60
DAY_S = 86400
WORST_FIRST: tuple[Level, ...] = ("critical", "warning", "unknown", "ok")
NAMED_MOST = 2


@dataclass(frozen=True, slots=True)
class Usual:
    """How a service reported over the last day: its last second known from rollups, and its usual gap in seconds."""

    last_s: int
    gap_s: int


@dataclass(slots=True)
class ServiceHealth:
    """A service as the live page shows it. Counts and cost are of the window."""

    service: str
    calls: int = 0
    errors: int = 0
    judged_calls: int = 0
    judged_errors: int = 0
    cost: Decimal | None = None
    spans: int = 0
    last_s: int = 0
    gap_s: int = 0
    state: Level = "unknown"
    reason: str | None = None

    def judge(self, now_s: int) -> None:
        """Set the state and its reason."""
        silent_s = now_s - self.last_s
        if silent_s > max(SILENT_AT_LEAST_S, SILENT_AFTER_INTERVALS * self.gap_s):
            self.state, self.reason = "unknown", f"silent for {spoken(silent_s)}"
            return
        self.state, self.reason = "ok", None
        if self.judged_calls < FEWEST_CALLS:
            return
        ratio = self.judged_errors / self.judged_calls
        if ratio >= WARNING_RATIO:
            self.state = "critical" if ratio >= CRITICAL_RATIO else "warning"
            self.reason = f"{self.judged_errors} of {self.judged_calls} calls failed in {JUDGED_S // 60} min"

    def shown(self, p95_ns: float | None) -> dict[str, Any]:
        """As it leaves for the pages; `last_seen` in seconds since 1970 is spelled by the caller."""
        return {
            "service": self.service,
            "calls": self.calls,
            "errors": self.errors,
            "spans": self.spans,
            "p95_ms": milliseconds(p95_ns),
            "cost": amount(self.cost),
            "last_seen": self.last_s,
            "state": self.state,
            "reason": self.reason,
        }


def services(window: Window, usual: Mapping[str, Usual], now_s: int) -> list[ServiceHealth]:
    """All services that reported within a day, worst first, then by name."""
    found: dict[str, ServiceHealth] = {}
    seen: dict[str, list[int]] = {}
    for t, second in sorted(window.seconds.items()):
        for report in second.reports:
            health = found.setdefault(report.service, ServiceHealth(report.service))
            _add(health, report.calls, report.errors, report.cost, report.spans, judged=now_s - JUDGED_S < t <= now_s)
            seen.setdefault(report.service, []).append(t)
    for name, habit in usual.items():
        if now_s - habit.last_s < DAY_S:
            found.setdefault(name, ServiceHealth(name))
    for name, health in found.items():
        seconds = seen.get(name, [])
        known = usual.get(name)
        health.last_s = max([*seconds[-1:], *([known.last_s] if known else [])])
        health.gap_s = usual_gap(seconds) or (known.gap_s if known else 0)
        health.judge(now_s)
    return sorted(found.values(), key=lambda health: (WORST_FIRST.index(health.state), health.service))


def _add(health: ServiceHealth, calls: int, errors: int, cost: Decimal | None, spans: int, *, judged: bool) -> None:
    health.calls += calls
    health.errors += errors
    health.spans += spans
    if cost is not None:
        health.cost = cost if health.cost is None else health.cost + cost
    if judged:
        health.judged_calls += calls
        health.judged_errors += errors


def usual_gap(seconds: Sequence[int]) -> int | None:
    """The gap that nine of ten of these reports stay within; None when there are too few to say."""
    gaps = sorted(later - earlier for earlier, later in pairwise(seconds))
    if len(gaps) < 3:
        return None
    return gaps[min(len(gaps) - 1, len(gaps) * 9 // 10)]


def sentence(found: Sequence[ServiceHealth], *, ever: bool, failing: str | None = None) -> tuple[str, Level]:
    """One sentence on everything, and its level.

    Args:
        found: The services, worst first.
        ever: Whether anything was ever stored.
        failing: Why this server itself cannot store at the moment; None when it can.
    """
    if failing is not None:
        return f"New data cannot be stored: {failing}", "critical"
    if not found:
        return ("Nothing has reported for 24 hours" if ever else "Nothing has reported yet"), "unknown"
    count = {level: sum(health.state == level for health in found) for level in WORST_FIRST}
    if count["ok"] == len(found):
        return "All systems operational", "ok"
    unknown = f"{count['unknown']} unknown"
    bad = [health for health in found if health.state in ("critical", "warning")]
    if not bad:
        return f"{count['ok']} of {_services(len(found))} healthy, {unknown}", "unknown"
    named = "; ".join(f"{health.service}: {health.reason}" for health in bad[:NAMED_MOST])
    more = f"; and {len(bad) - NAMED_MOST} more" if len(bad) > NAMED_MOST else ""
    tail = f" · {unknown}" if count["unknown"] else ""
    needs = "needs" if len(bad) == 1 else "need"
    return f"{len(bad)} of {_services(len(found))} {needs} attention ({named}{more}){tail}", bad[0].state


def _services(count: int) -> str:
    return "1 service" if count == 1 else f"{count} services"


def spoken(seconds: int) -> str:
    """A length of time in words short enough for a sentence."""
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h"
