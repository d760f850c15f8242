"""A budget: what it is about, how much, in which window of time; and the arithmetic of its thresholds.

Given values that were checked, gives the window around a time, whether a call falls under it, and how much of a limit
was used.

Never: reads or writes the store, or takes a dimension that nobody named for one that matches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any, Final, Literal, get_args

from spanledger_server import timegrid
from spanledger_server.forecast.outlook import EXACT
from spanledger_server.timegrid import DAY_NS, Range
from spanledger_server.traces import filters
from spanledger_server.traces.filters import Conditions

PeriodName = Literal["daily", "weekly", "monthly"]
Window = Literal["calendar", "rolling"]
State = Literal["under_budget", "on_track", "over_budget", "no_budget", "degraded"]

PERIODS: Final[tuple[PeriodName, ...]] = get_args(PeriodName)
WINDOWS: Final[tuple[Window, ...]] = get_args(Window)
CALENDAR: Final[dict[str, timegrid.Period]] = {"daily": "today", "weekly": "week", "monthly": "month"}
ROLLING_DAYS: Final[dict[str, int]] = {"daily": 1, "weekly": 7, "monthly": 30}
DIMENSIONS: Final = ("provider", "model", "service", "feature", "user_tier", "user_id", "session_id", "tenant")
FLAGS: Final = {
    50: "alert_at_50_percent",
    80: "alert_at_80_percent",
    95: "alert_at_95_percent",
    100: "alert_at_exceeded",
}
ON_TRACK_FROM: Final = Decimal("0.8")  # of the limit: below it, a budget is under budget
PERCENT_STEP: Final = Decimal("0.0001")
WHOLE: Final = Decimal(100)  # percent


@dataclass(frozen=True, slots=True)
class Budget:
    """One version of a budget; all columns of its table.

    Attributes:
        budget_id: The same for all versions.
        version: Counted from 1.
        name: Unique among those that are not archived.
        description: For people.
        period: How long.
        time_window: Of the calendar, or the last so many days.
        timezone: IANA zone of the calendar; None for the server's.
        limit_usd: What may be spent in a period.
        provider: Only calls of this provider, and so on for the seven below; None for all.
        model: As the ledger names it.
        service: The service that called.
        feature: The part of the product.
        user_tier: The user's plan.
        user_id: Who it was done for.
        session_id: The conversation.
        tenant: The customer.
        alert_at_50_percent: Whether half of it is worth a word, and so on for the three below.
        alert_at_80_percent: At four fifths.
        alert_at_95_percent: Nearly.
        alert_at_exceeded: All of it.
        forecast_percent: What the projection may reach of the limit without a word; None for no such threshold.
        rollover_usd: The most that is carried over from the period before; None for nothing.
        enabled: Whether it is watched.
        created_ns: When the budget was made.
        changed_ns: When this version was.
        changed_by: Who made this version.
        archived_ns: When it was put away; None while it is in use.
    """

    budget_id: str
    version: int
    name: str
    description: str | None
    period: PeriodName
    time_window: Window
    timezone: str | None
    limit_usd: Decimal
    provider: str | None
    model: str | None
    service: str | None
    feature: str | None
    user_tier: str | None
    user_id: str | None
    session_id: str | None
    tenant: str | None
    alert_at_50_percent: bool
    alert_at_80_percent: bool
    alert_at_95_percent: bool
    alert_at_exceeded: bool
    forecast_percent: Decimal | None
    rollover_usd: Decimal | None
    enabled: bool
    created_ns: int
    changed_ns: int
    changed_by: str
    archived_ns: int | None

    @property
    def scope(self) -> dict[str, str]:
        """What it is about: dimension -> the only value; empty for everything."""
        return {name: value for name in DIMENSIONS if (value := getattr(self, name)) is not None}

    @property
    def watched(self) -> bool:
        """Whether it is in use."""
        return self.enabled and self.archived_ns is None

    def asks_for(self, percent: Decimal | None) -> bool:
        """Whether a share of the limit is worth a word; of one that a budget does not name nobody has said no."""
        return all(getattr(self, flag) for share, flag in FLAGS.items() if share == percent)

    @property
    def rolling(self) -> bool:
        """Whether its window is the last so many days."""
        return self.time_window == "rolling"

    def window(self, now_ns: int, default_zone: str) -> Range:
        """The stretch of time around `now_ns` in which spending counts; of a rolling one, up to now.

        Args:
            now_ns: A time.
            default_zone: The IANA zone of budgets that name none.
        """
        if self.rolling:
            return Range(now_ns - ROLLING_DAYS[self.period] * DAY_NS, now_ns)
        return timegrid.period(CALENDAR[self.period], now_ns, timegrid.zone(self.timezone or default_zone))

    def previous(self, now_ns: int, default_zone: str) -> Range:
        """The calendar period before."""
        return timegrid.previous(CALENDAR[self.period], now_ns, timegrid.zone(self.timezone or default_zone))

    def conditions(self) -> Conditions:
        """Its scope as filters of the ledger."""
        return Conditions(filters.LEDGER, include={name: [value] for name, value in self.scope.items()})

    def covers(self, call: Mapping[str, str | None]) -> bool:
        """Whether a call with these values counts."""
        return all(call.get(name) == value for name, value in self.scope.items())

    def overlaps(self, other: Budget) -> bool:
        """Whether there can be a call that counts for both."""
        mine, theirs = self.scope, other.scope
        return all(mine[name] == theirs[name] for name in mine.keys() & theirs.keys())

    def told(self) -> dict[str, Any]:
        """Its values by name, for the audit trail."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def percentage(spent: Decimal | None, limit: Decimal) -> Decimal | None:
    """Percent of `limit` that was used, rounded once; None when it is not known, or there is nothing to divide by."""
    if spent is None or limit <= 0:
        return None
    with localcontext(EXACT):
        return (100 * spent / limit).quantize(PERCENT_STEP, ROUND_HALF_EVEN)


def part(limit: Decimal, share: Decimal) -> Decimal:
    """So many percent of `limit`."""
    return limit if share == WHOLE else EXACT.divide(EXACT.multiply(limit, share), WHOLE)


def state(spent: Decimal | None, expected: Decimal | None, limit: Decimal, unpriced: int) -> State:
    """How a budget stands.

    Args:
        spent: USD so far; None when it is not known.
        expected: USD at the end; None when the projection is too uncertain to decide.
        limit: USD.
        unpriced: Calls whose cost is not known: they can only make it worse.
    """
    worst = max(spent or Decimal(0), expected or Decimal(0))
    if worst >= limit > 0 and worst > 0:
        return "over_budget"
    if unpriced:
        return "degraded"
    return "on_track" if worst >= ON_TRACK_FROM * limit else "under_budget"
