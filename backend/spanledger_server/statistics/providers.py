"""How providers of models do: healthy, degraded, down or unknown, each with its reason, judged by its own usual.

Given a snapshot and the time, lays the calls of the last quarter of an hour beside those of the week before, by
provider: how many failed, how long they took, what they cost.

Never: "healthy" for a provider that nobody called, or a verdict from a handful of calls of which some failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any, Final, Literal

from spanledger_server.statistics import calls, periods, remembered, shares
from spanledger_server.statistics.calls import Calls
from spanledger_server.statistics.periods import Period
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range

Status = Literal["healthy", "degraded", "down", "unknown"]
WORST_FIRST: Final[tuple[Status, ...]] = ("down", "degraded", "unknown", "healthy")
JUDGED_NS: Final = 15 * MINUTE_NS
USUAL_NS: Final = 7 * DAY_NS
FEWEST_CALLS: Final = 5  # below this many, a share says nothing
FEWEST_FAILED: Final = 3  # so many calls, all of which failed, do
FEWEST_USUAL: Final = 20  # calls, to know what is usual
DOWN_BELOW: Final = 0.5  # share of calls that went well
DEGRADED_BELOW: Final = 0.95
SLOWER: Final = 2.0  # times its usual p95, and at least so much more
SLOWER_BY_MS: Final = 200.0
DEARER: Final = 3  # times its usual cost a call


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider: its calls of late, its usual ones, and what follows."""

    name: str
    now: Calls
    usual: Calls
    last_ns: int | None  # end of the newest bucket in which it was called
    status: Status
    reasons: tuple[str, ...]

    def shown(self) -> dict[str, Any]:
        """As answers have it; `last_ns` is spelled by the caller."""
        return {
            "provider": self.name,
            "status": self.status,
            "reason": "; ".join(self.reasons),
            "requests": self.now.calls,
            "errors": self.now.errors,
            "success_rate": shares.ratio(self.now.calls - self.now.errors, self.now.calls),
            "latency": self.now.mean_ms,
            "p95_latency": self.now.quantile_ms(0.95),
            "cost": self.now.spent,
            "cost_per_request": _each(self.now),
            "coverage": self.now.coverage,
            "usual": {
                "requests": self.usual.calls,
                "success_rate": shares.ratio(self.usual.calls - self.usual.errors, self.usual.calls),
                "latency": self.usual.mean_ms,
                "p95_latency": self.usual.quantile_ms(0.95),
                "cost_per_request": _each(self.usual),
            },
            "last_ns": self.last_ns,
        }


def providers(reader: Reader, now_ns: int) -> list[Provider]:
    """Every provider that was called within a week, worst first, then by name."""
    end_ns = -(-now_ns // MINUTE_NS) * MINUTE_NS
    split_ns = max(0, end_ns - JUDGED_NS)
    late = calls.cells(reader, periods.whole(Range(split_ns, end_ns)), None, "provider")
    week = periods.stepped("week", Range(max(0, split_ns - USUAL_NS), split_ns), HOUR_NS, periods.UTC_ZONE)
    now, usual = calls.by(late, "category"), dict[str | None, Calls]()
    last = dict.fromkeys(now, end_ns)
    for name, each, part in _earlier(reader, week):
        usual[name] = each
        last[name] = max(last.get(name, 0), min(split_ns, (part + 1) * HOUR_NS))
    found = [
        _judged(name, now.get(name, Calls()), usual.get(name, Calls()), last[name], end_ns)
        for name in last
        if name is not None
    ]
    return sorted(found, key=lambda one: (WORST_FIRST.index(one.status), one.name))


def _earlier(reader: Reader, week: Period) -> list[tuple[str | None, Calls, int]]:
    """Provider, its calls of the week, and their last part, read once a minute: pages ask every few seconds."""

    def read() -> list[tuple[str | None, Calls, int]]:
        found = calls.cells(reader, week, None, "provider")
        last: dict[str | None, int] = {}
        for cell in found.rows:
            last[cell["category"]] = max(last.get(cell["category"], 0), cell["part"])
        return [(name, each, last[name]) for name, each in calls.by(found, "category").items()]

    found = remembered.rows(reader, "providers", "cost", week.window, read, unless=remembered.MINUTES)
    return read() if found is None else found


def _judged(name: str, now: Calls, usual: Calls, last_ns: int, end_ns: int) -> Provider:
    status, reasons = _verdict(now, usual, end_ns - last_ns)
    return Provider(name, now, usual, last_ns, status, tuple(reasons))


def _verdict(now: Calls, usual: Calls, silent_ns: int) -> tuple[Status, list[str]]:
    failed = f"{now.errors} of {now.calls} calls failed in {JUDGED_NS // MINUTE_NS} min"
    if not now.calls:
        hours = silent_ns // HOUR_NS
        return "unknown", [f"not called for {f'{hours} h or more' if hours else f'{JUDGED_NS // MINUTE_NS} min'}"]
    if now.calls < FEWEST_CALLS and now.errors:
        if now.errors == now.calls >= FEWEST_FAILED:
            return "down", [failed]
        return "unknown", [f"{failed}: too few to judge"]
    if now.errors > (1 - DOWN_BELOW) * now.calls:
        return "down", [failed]
    reasons = [failed] if now.errors > (1 - DEGRADED_BELOW) * now.calls else []
    reasons += [reason for reason in (_slower(now, usual), _dearer(now, usual)) if reason]
    if reasons:
        return "degraded", reasons
    return "healthy", [f"{now.calls - now.errors} of {now.calls} calls went well"]


def _slower(now: Calls, usual: Calls) -> str | None:
    p95, usual_p95 = now.quantile_ms(0.95), usual.quantile_ms(0.95)
    if p95 is None or usual_p95 is None or now.durations.timed < FEWEST_CALLS or usual.durations.timed < FEWEST_USUAL:
        return None
    if p95 < SLOWER * usual_p95 or p95 < usual_p95 + SLOWER_BY_MS:
        return None
    return f"p95 is {p95:.0f} ms, usually {usual_p95:.0f} ms"


def _dearer(now: Calls, usual: Calls) -> str | None:
    each, usually = _each(now), _each(usual)
    if each is None or not usually or now.calls < FEWEST_CALLS or usual.calls < FEWEST_USUAL:
        return None
    return None if each < DEARER * usually else f"a call costs {each / usually:.1f} times its usual"


def _each(of: Calls) -> Decimal | None:
    """What one of the calls cost whose cost is known."""
    priced = of.calls - of.counts["unpriced_calls"]
    if of.cost_usd is None or not priced:
        return None
    with localcontext(shares.EXACT):
        return round(of.cost_usd / priced, 12)
