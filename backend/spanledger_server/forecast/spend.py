"""What was spent, hour by hour: exact within a window, and the history that a pace is made of.

Given the store, filters and a window, gives the window's exact total with how much of it is priced, and the amounts of
whole hours up to now at the prices of now. Fresh hours of the rollup are read in place of the ledger; both have the
same digits.

Never: an hour of which nothing is known taken for one in which nothing was spent.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any, Final, Protocol

from spanledger_server.forecast import prices
from spanledger_server.forecast.outlook import EXACT
from spanledger_server.forecast.prices import PriceChange
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS, Range

SQL = sqlfile.load(__package__)

HISTORY_HOURS: Final = 8 * 7 * 24
IN_ROLLUPS: Final = frozenset(("service", "kind", "model", "provider", "operation", "feature", "tenant", "user_tier"))


class Filtered(Protocol):
    """Which lines of the ledger: `traces.filters.Conditions` of the subject `LEDGER`."""

    def bound(self) -> dict[str, Any]:
        """The named parameters of a statement about lines."""
        ...

    def asked(self) -> set[str]:
        """The keys that are filtered."""
        ...


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the window."""

    from_ns: int
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Spend:
    """What was spent.

    Attributes:
        cost: USD of the window; None when there are calls and none has a price.
        calls: How many the window holds.
        unpriced_calls: How many of them have no known price.
        hours: The window's hours in which something was spent, oldest first.
        history: USD of each whole hour before the one that goes on, at the prices of now, from the first in which
            something was spent; at most eight weeks.
    """

    cost: Decimal | None
    calls: int
    unpriced_calls: int
    hours: tuple[Hour, ...]
    history: tuple[float, ...]

    @property
    def coverage(self) -> Decimal | None:
        """The share of calls whose cost is known; None without calls."""
        if not self.calls:
            return None
        return (Decimal(self.calls - self.unpriced_calls) / self.calls).quantize(Decimal("1e-6"))


def spend(
    reader: Reader,
    conditions: Filtered,
    window: Range,
    now_ns: int,
    changed: Sequence[PriceChange] = (),
    *,
    history_hours: int = HISTORY_HOURS,
) -> Spend:
    """What was spent in `window`, and the history before now.

    Args:
        reader: One snapshot.
        conditions: Which lines.
        window: The stretch whose exact total is wanted.
        now_ns: The time.
        changed: Prices that changed, see `prices.changes`.
        history_hours: How much history is wanted; 0 for the sums of the window alone.
    """
    this_hour = now_ns // HOUR_NS
    from_ns = min(window.from_ns // HOUR_NS, this_hour - history_hours) * HOUR_NS if history_hours else window.from_ns
    sources = hours_of(reader, conditions.asked(), from_ns, window, this_hour)
    bounds = {"from_ns": from_ns, "to_ns": window.to_ns}
    if not history_hours:
        row = reader.row(SQL["window"], **bounds, **sources, **conditions.bound()) or {}
        cost = row["cost_usd"] if row["calls"] else Decimal(0)
        return Spend(cost, row["calls"], row["unpriced_calls"], (), ())
    bounds["window_from_ns"] = window.from_ns
    rows = reader.rows(SQL["hours"], **bounds, **sources, **prices.bound(changed), **conditions.bound())
    inside = [row for row in rows if row["inside"]]
    known = [row["cost_usd"] for row in inside if row["cost_usd"] is not None]
    calls = sum(row["calls"] for row in inside)
    with localcontext(EXACT):
        cost = sum(known, Decimal(0)) if known or not calls else None
    return Spend(
        cost=cost,
        calls=calls,
        unpriced_calls=sum(row["unpriced_calls"] for row in inside),
        hours=tuple(Hour(row["hour"] * HOUR_NS, row["cost_usd"]) for row in inside if row["cost_usd"] is not None),
        history=_history(rows, this_hour - history_hours, this_hour),
    )


def reached_ns(reader: Reader, conditions: Filtered, window: Range, found: Spend, limit: Decimal) -> int | None:
    """When the spending of `found` reached `limit`; None when it did not."""
    so_far = Decimal(0)
    for hour in found.hours if found.cost is not None and found.cost >= limit else ():
        if so_far + hour.cost >= limit:
            from_ns, to_ns = max(hour.from_ns, window.from_ns), min(hour.from_ns + HOUR_NS, window.to_ns)
            bounds = {"from_ns": from_ns, "to_ns": to_ns, "amount": limit - so_far}
            at_ns = reader.value(SQL["running_sum_of_hour"], **bounds, **conditions.bound())
            return from_ns if at_ns is None else int(at_ns)
        so_far += hour.cost
    return None


def _history(rows: Sequence[dict[str, Any]], first: int, this_hour: int) -> tuple[float, ...]:
    """The whole hours; of a store, or a scope, that is not an hour old, what there is of the one that goes on."""
    by_hour: dict[int, float] = {}
    for row in rows:
        by_hour[row["hour"]] = by_hour.get(row["hour"], 0.0) + max(0.0, row["restated"])
    spent = [hour for hour, amount in by_hour.items() if first <= hour < this_hour and amount > 0]
    if not spent:
        return (by_hour[this_hour],) if by_hour.get(this_hour) else ()
    return tuple(by_hour.get(hour, 0.0) for hour in range(min(spent), this_hour))


def hours_of(reader: Reader, asked: Set[str], from_ns: int, window: Range, this_hour: int) -> dict[str, Any]:
    """Which hours come from the rollup: those that are over, fresh, and on one side of the window's begin.

    Args:
        reader: One snapshot.
        asked: What the lines are filtered or told apart by.
        from_ns: Where reading begins, at or before the window.
        window: The stretch of time.
        this_hour: The one that goes on.
    """
    rolled = reader.value(SQL["rolled_hours"]) if asked <= IN_ROLLUPS else None
    end = min(this_hour, window.to_ns // HOUR_NS)
    head = end if rolled is None else min(end, max(int(rolled), -(-from_ns // HOUR_NS)))
    raw = {hour for hour in _dirty(reader) if head <= hour < end}
    if window.from_ns % HOUR_NS:
        raw.add(window.from_ns // HOUR_NS)
    return {"head_ns": head * HOUR_NS, "tail_ns": end * HOUR_NS, "raw": sorted(raw)}


def _dirty(reader: Reader) -> set[int]:
    """Hours that wait to be recomputed; a day that waits makes all its hours wait."""
    found: set[int] = set()
    for hour, whole_day in reader.tuples(SQL["dirty_hours"]):
        found.update(range(hour, hour + 24 if whole_day else hour + 1))
    return found
