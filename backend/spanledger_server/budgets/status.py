"""How budgets stand: spent and promised, of how much, how sure that is, and where it goes.

Given the store and a budget, reads what was spent in its window from the ledger, what was left of the period before,
and projects the end of the window.

Never: a good word for a budget with calls whose price nobody knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

from spanledger_server.budgets import budget as budgets
from spanledger_server.budgets.budget import FLAGS, Budget, State
from spanledger_server.forecast import projection, spend
from spanledger_server.forecast.outlook import EXACT
from spanledger_server.forecast.prices import PriceChange
from spanledger_server.forecast.projection import Projection
from spanledger_server.forecast.spend import Spend
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS, Range

SQL = sqlfile.load(__package__)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A share of the limit that is worth a word.

    Attributes:
        percent: Of the limit.
        kind: Whether it is about what was ``spent``, or about the ``forecast``.
        watched: Whether a word is wanted.
        reached: Whether it is; None where that is not known.
    """

    percent: Decimal
    kind: str
    watched: bool
    reached: bool | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a budget stands.

    Attributes:
        budget: Which.
        window: The period; of a rolling one, up to now.
        limit: USD of this period, with what was carried over.
        carried: USD that were left of the period before.
        found: What was spent.
        held: USD promised to callers and not in the ledger yet.
        projection: The end of the window; None for a budget that is not watched.
        state: In one word.
        thresholds: Which are reached.
    """

    budget: Budget
    window: Range
    limit: Decimal
    carried: Decimal
    found: Spend
    held: Decimal
    projection: Projection | None
    state: State
    thresholds: tuple[Threshold, ...]

    @property
    def so_far(self) -> tuple[tuple[int, Decimal], ...]:
        """What was spent by when, at some moments of the period up to now; nothing of a rolling one, or unknown."""
        if self.projection is None or self.budget.rolling or self.found.cost is None:
            return ()
        now_ns = self.projection.ahead.edges_ns[0]
        hours = self.found.hours
        sums = accumulate((hour.cost for hour in hours), EXACT.add)
        each = [(hour.from_ns + HOUR_NS, amount) for hour, amount in zip(hours, sums, strict=True)]
        past = [point for point in each if point[0] < now_ns]
        step = -(-len(past) // projection.MOMENTS) or 1
        return ((self.window.from_ns, Decimal(0)), *past[step - 1 :: step], (now_ns, self.found.cost))

    @property
    def remaining(self) -> Decimal | None:
        """USD that are left, below zero when it was exceeded; None when it is not known what was spent."""
        return None if self.found.cost is None else EXACT.subtract(self.limit, self.found.cost)


def standing(
    reader: Reader,
    budget: Budget,
    now_ns: int,
    default_zone: str,
    changed: Sequence[PriceChange] = (),
    share: Decimal = budgets.WHOLE,
) -> Standing:
    """How `budget` stands at `now_ns`.

    Args:
        reader: One snapshot.
        budget: Which.
        now_ns: The time.
        default_zone: The IANA zone of budgets that name none.
        changed: Prices that changed within the history.
        share: Of the limit, in percent, whose chance to be passed the projection tells.
    """
    window = budget.window(now_ns, default_zone)
    found = spent(reader, budget, window, now_ns, changed, history_hours=spend.HISTORY_HOURS)
    carried = carried_over(reader, budget, now_ns, default_zone)
    limit = budget.limit_usd + carried
    held = promised(reader, budget, now_ns)
    if not budget.watched:
        return Standing(budget, window, limit, carried, found, held, None, "no_budget", ())
    exceeded = found.cost is not None and found.cost >= limit
    since_ns = spend.reached_ns(reader, budget.conditions(), window, found, limit) if exceeded else None
    watched = budgets.part(limit, share)
    goes = projection.project(
        found, window, now_ns, watched, rolling=budget.rolling, exhausted_ns=since_ns, changed=changed
    )
    expected = goes.outlook.total if goes.certain else None
    state = budgets.state(found.cost, expected, limit, found.unpriced_calls)
    reached = _thresholds(budget, found, limit, expected)
    return Standing(budget, window, limit, carried, found, held, goes, state, reached)


def spent(
    reader: Reader,
    budget: Budget,
    window: Range,
    now_ns: int,
    changed: Sequence[PriceChange] = (),
    *,
    history_hours: int = 0,
) -> Spend:
    """What the ledger holds of `window`; of a rolling one also lines of clocks that are ahead."""
    counted = Range(window.from_ns, now_ns + HOUR_NS) if budget.rolling else window
    return spend.spend(reader, budget.conditions(), counted, now_ns, changed, history_hours=history_hours)


def carried_over(reader: Reader, budget: Budget, now_ns: int, default_zone: str) -> Decimal:
    """What was left of the period before, up to what may be carried; nothing when that is not known for sure."""
    if budget.rollover_usd is None or budget.rolling:
        return Decimal(0)
    before = budget.previous(now_ns, default_zone)
    limit = reader.value(SQL["limit_at"], budget_id=budget.budget_id, at_ns=before.to_ns)
    if limit is None:
        return Decimal(0)
    found = spent(reader, budget, before, before.to_ns)
    if found.unpriced_calls or found.cost is None:
        return Decimal(0)
    return max(Decimal(0), min(budget.rollover_usd, Decimal(limit) - found.cost))


def promised(reader: Reader, budget: Budget, now_ns: int, holder: str | None = None) -> Decimal:
    """What is reserved and not in the ledger yet, without the lease of `holder`."""
    bounds = {"budget_id": budget.budget_id, "now_ns": now_ns}
    opened, settled, since_ns = reader.tuples(SQL["promises"], **bounds, holder=holder)[0]
    if not settled:
        return Decimal(opened)  # most budgets, most of the time: their lines need not be looked at
    dimensions = {name: getattr(budget, name) for name in budgets.DIMENSIONS}
    return EXACT.add(opened, reader.value(SQL["held"], **bounds, since_ns=since_ns, **dimensions))


def _thresholds(budget: Budget, found: Spend, limit: Decimal, expected: Decimal | None) -> tuple[Threshold, ...]:
    used = budgets.percentage(found.cost, limit)
    each = [
        Threshold(Decimal(percent), "spent", getattr(budget, flag), None if used is None else used >= percent)
        for percent, flag in FLAGS.items()
    ]
    if budget.forecast_percent is not None:
        ahead = budgets.percentage(expected, limit)
        reached = None if ahead is None else ahead >= budget.forecast_percent
        each.append(Threshold(budget.forecast_percent, "forecast", True, reached))
    return tuple(each)
