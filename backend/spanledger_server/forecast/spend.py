"""What was spent, hour by hour: exact within a window, and the history that a pace is made of.

Given the store, filters and a window, gives the window's exact total with how much of it is priced, and the amounts of
whole hours up to now at the prices of now. Fresh hours of the rollup are read in place of the ledger, and of hours that
go on or wait to be recomputed fresh minutes; all have the same digits.

Never: an hour of which nothing is known taken for one in which nothing was spent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any, Final, NamedTuple, Protocol

from spanledger_server.forecast import prices
from spanledger_server.forecast.outlook import EXACT
from spanledger_server.forecast.prices import PriceChange
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS, MINUTE_NS, Range

SQL = sqlfile.load(__package__)

HISTORY_HOURS: Final = 8 * 7 * 24
MINUTES: Final = 60  # of an hour
FAR: Final = 2**62
KEPT: Final = {"cost_1h": HOUR_NS, "cost_1m": MINUTE_NS}
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


class Cell(NamedTuple):
    """What was spent in an hour, or in a piece of one, by calls of a category."""

    hour: int  # since 1970
    later: bool  # whether after the split
    cost_usd: Decimal | None
    restated: float  # what it would have cost at the prices of now
    calls: int
    unpriced_calls: int
    category: str | None


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
    if not history_hours:
        h = sources(reader, conditions.asked(), window, this_hour)
        sql, parameters = sqlfile.lean(SQL["window"], {**conditions.bound(), "h": h, "rolled": rolled(h)})
        row = reader.row(sql, **parameters) or {}
        return Spend(row["cost_usd"] if row["calls"] else Decimal(0), row["calls"], row["unpriced_calls"], (), ())
    from_ns = min(window.from_ns // HOUR_NS, this_hour - history_hours) * HOUR_NS
    found = cells(reader, conditions, Range(from_ns, window.to_ns), split_ns(window), this_hour, changed)
    return summed(found, window, this_hour, history_hours)


def split_ns(window: Range) -> int:
    """Where an hour must be read in two pieces because a window begins within it; 0: nowhere."""
    return window.from_ns if window.from_ns % HOUR_NS else 0


def cells(
    reader: Reader,
    conditions: Filtered,
    stretch: Range,
    split_ns: int,
    this_hour: int,
    changed: Sequence[PriceChange] = (),
    dimension: str = "",
) -> list[Cell]:
    """What was spent in a stretch of time, by hour; by category too, where there is a dimension.

    Args:
        reader: One snapshot.
        conditions: Which lines; of the dimension, too.
        stretch: From when to when.
        split_ns: Where an hour is told in two.
        this_hour: The number of the one that goes on.
        changed: Prices that changed, see `prices.changes`.
        dimension: One of `drivers.DIMENSIONS`.
    """
    h = sources(reader, conditions.asked(), stretch, this_hour, split_ns)
    bound = {**conditions.bound(), **prices.bound(changed), "dimension": dimension, "split_ns": split_ns}
    sql, parameters = sqlfile.lean(SQL["hours"], {**bound, "h": h, "rolled": rolled(h)})
    return [Cell(*row) for row in reader.tuples(sql, **parameters)]


def summed(found: Sequence[Cell], window: Range, this_hour: int, history_hours: int = HISTORY_HOURS) -> Spend:
    """What cells of one category make of a window and the history before this hour; they are in the order of time."""
    begin = window.from_ns // HOUR_NS
    inside = [cell for cell in found if cell.later and cell.hour >= begin]
    known = [cell.cost_usd for cell in inside if cell.cost_usd is not None]
    calls = sum(cell.calls for cell in inside)
    with localcontext(EXACT):
        cost = sum(known, Decimal(0)) if known or not calls else None
    return Spend(
        cost=cost,
        calls=calls,
        unpriced_calls=sum(cell.unpriced_calls for cell in inside),
        hours=tuple(Hour(cell.hour * HOUR_NS, cell.cost_usd) for cell in inside if cell.cost_usd is not None),
        history=_history(found, this_hour - history_hours, this_hour),
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


def _history(found: Sequence[Cell], first: int, this_hour: int) -> tuple[float, ...]:
    """The whole hours; of a store, or a scope, that is not an hour old, what there is of the one that goes on."""
    by_hour: dict[int, float] = {}
    for cell in found:
        by_hour[cell.hour] = by_hour.get(cell.hour, 0.0) + max(0.0, cell.restated)
    spent = [hour for hour, amount in by_hour.items() if first <= hour < this_hour and amount > 0]
    if not spent:
        return (by_hour[this_hour],) if by_hour.get(this_hour) else ()
    return tuple(by_hour.get(hour, 0.0) for hour in range(min(spent), this_hour))


def sources(reader: Reader, asked: Set[str], stretch: Range, this_hour: int, split_ns: int = 0) -> dict[str, Any]:
    """Which hours, minutes and lines make up a stretch of time, as the parameter `h` of the macros `spent_...`.

    Args:
        reader: One snapshot.
        asked: What the lines are filtered or told apart by.
        stretch: From when to when; what is not a whole minute at its edges is read from the ledger.
        this_hour: The number of the one that goes on.
        split_ns: Where a bucket is told in two; 0: nowhere.
    """
    h = {"first_hour": FAR, "end_hour": FAR, "apart": [], "first_minute": 0, "end_minute": 0, "stale": []}
    h |= {"rest_from_ns": stretch.from_ns, "to_ns": stretch.to_ns}
    if not asked <= IN_ROLLUPS:
        return h
    known = reader.once(("forecast.rolled", this_hour), lambda: _rolled(reader, this_hour))
    end = min(this_hour, stretch.to_ns // HOUR_NS)
    first = -(-stretch.from_ns // HOUR_NS)
    head = end if known.first_hour is None else min(end, max(known.first_hour, first))
    apart = {hour for hour in known.dirty_hours if head <= hour < end}
    if split_ns and head <= split_ns // HOUR_NS < end:
        apart.add(split_ns // HOUR_NS)
    minutes = _minutes(known, stretch)
    beside = [minute for minute in known.dirty_minutes if minute in minutes]
    beside += [split_ns // MINUTE_NS] if split_ns % MINUTE_NS and split_ns // MINUTE_NS in minutes else []
    stale = [minute for minute in beside if minute >= end * MINUTES or minute // MINUTES in apart]
    rest = [stretch.from_ns] if stretch.from_ns < head * HOUR_NS else []
    begins = (max(hour * HOUR_NS, stretch.from_ns) for hour in (*apart, end))
    rest += [begin for begin in begins if begin < minutes.start * MINUTE_NS]
    rest += [minutes.stop * MINUTE_NS, *(minute * MINUTE_NS for minute in stale)]
    h |= {"first_hour": head, "end_hour": end, "apart": sorted(apart), "stale": sorted(stale)}
    h |= {"first_minute": minutes.start, "end_minute": minutes.stop}
    return h | {"rest_from_ns": max(stretch.from_ns, min(rest))}


def rolled(h: Mapping[str, Any]) -> bool:
    """Whether anything of a stretch comes from rollups."""
    return bool(h["first_hour"] < h["end_hour"] or h["first_minute"] < h["end_minute"])


@dataclass(frozen=True, slots=True)
class _Rolled:
    """What a snapshot says of the rollups.

    Attributes:
        first_hour: From which on they are whole; None when there are none.
        first_minute: The same of the hour that goes on and the one before.
        dirty_hours: Of which a part waits to be recomputed.
        dirty_minutes: Which wait.
    """

    first_hour: int | None
    first_minute: int | None
    dirty_hours: Set[int]
    dirty_minutes: Set[int]


def _rolled(reader: Reader, this_hour: int) -> _Rolled:
    told: dict[str, list[Any]] = dict(reader.tuples(SQL["rolled"], from_minute=(this_hour - 1) * MINUTES))
    (hour,), (minute,) = told["hours"], told["minutes"]
    kept_hour, kept_minute = (-(-told.get(name, [0])[0] // width) for name, width in KEPT.items())
    minutes = set(told.get("1m", ()))
    hours = {each // MINUTES for each in minutes} | set(told.get("1h", ()))
    hours.update(each for day in told.get("1d", ()) for each in range(day * 24, (day + 1) * 24))
    return _Rolled(
        None if hour is None else max(hour, kept_hour),
        None if minute is None else max(minute, kept_minute),
        hours,
        minutes,
    )


def _minutes(known: _Rolled, stretch: Range) -> range:
    """The minutes that may be read from their rollup; where there are none, an empty range at the end."""
    first, end = -(-stretch.from_ns // MINUTE_NS), stretch.to_ns // MINUTE_NS
    return range(end if known.first_minute is None else min(end, max(first, known.first_minute)), end)
