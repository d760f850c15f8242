"""What rules on budgets, forecasts and objectives would have said at instants of the past, of what was known then.

Given a snapshot, a rule and even steps, reads the hours that were spent, or the slices that an objective counts, once,
and works out each step in memory by what lies before it. Budgets and objectives are taken as they are now, and prices
too; that a service was silent is seen by its objective's own events alone.

Never: anything of a step that came after it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal, localcontext
from typing import Any, Final

import numpy as np

from spanledger_server.budgets import budget as budgets
from spanledger_server.budgets import status as of_budget
from spanledger_server.budgets.budget import Budget
from spanledger_server.forecast import projection, spend
from spanledger_server.forecast.outlook import EXACT
from spanledger_server.forecast.spend import HISTORY_HOURS, Hour, Spend
from spanledger_server.rules import standing
from spanledger_server.rules.rule import Rule
from spanledger_server.rules.verdict import Verdict
from spanledger_server.slos import burn, measure, register
from spanledger_server.slos.burn import Counts
from spanledger_server.slos.objective import Objective
from spanledger_server.slos.register import Kept
from spanledger_server.slos.status import COVERED, Condition
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS, Range

Raw = tuple[Any, float | None, str | None]  # value, events, why there is none
FIELDS: Final = tuple(each.name for each in fields(Counts))


@dataclass(frozen=True, slots=True)
class _Spending:
    """The hours in which a budget's calls cost anything, oldest first, and what they cost up to the end of each."""

    begins_ns: Sequence[int]
    costs: Sequence[Decimal]
    up_to: Sequence[Decimal]

    def within(self, window: Range) -> Decimal:
        """USD of the hours that begin in a window."""
        first, beyond = (bisect_left(self.begins_ns, edge) for edge in (window.from_ns, window.to_ns))
        return EXACT.subtract(self.up_to[beyond], self.up_to[first])

    def at(self, window: Range, at_ns: int) -> Spend:
        """What was known at a time of the spending in a window and before."""
        first, beyond = (bisect_left(self.begins_ns, edge) for edge in (window.from_ns, at_ns))
        pairs = zip(self.begins_ns[first:beyond], self.costs[first:beyond], strict=True)
        hours = tuple(Hour(begin, cost) for begin, cost in pairs)
        oldest = bisect_left(self.begins_ns, at_ns - HISTORY_HOURS * HOUR_NS)
        history: list[float] = []
        if oldest < beyond:
            begun = self.begins_ns[oldest]
            history = [0.0] * ((at_ns - begun) // HOUR_NS)
            for number in range(oldest, beyond):
                history[(self.begins_ns[number] - begun) // HOUR_NS] = float(self.costs[number])
        return Spend(self.within(Range(window.from_ns, at_ns)), 0, 0, hours, tuple(history))


def of_budgets(reader: Reader, rule: Rule, ends_ns: Sequence[int], zone: str) -> list[tuple[dict[str, str], list[Raw]]]:
    """Each budget that a rule is about: its labels, and what was spent or feared at each step, at a whole hour."""
    found: list[tuple[dict[str, str], list[Raw]]] = []
    for budget in standing.chosen(reader, rule):
        known = _spending(reader, budget, ends_ns, zone)
        limits: dict[int, Decimal] = {}
        raw: list[Raw] = []
        for at_ns in ends_ns:
            window = budget.window(at_ns - 1, zone)
            if window.from_ns not in limits and not (budget.rolling and limits):
                limits[window.from_ns] = budget.limit_usd + of_budget.carried_over(reader, budget, at_ns - 1, zone)
            limit = limits[next(iter(limits)) if budget.rolling else window.from_ns]
            raw.append(_at(rule, budget, known, window, at_ns, limit))
        found.append((standing.of(rule, budget), raw))
    return found


def _at(rule: Rule, budget: Budget, known: _Spending, window: Range, at_ns: int, limit: Decimal) -> Raw:
    if rule.kind == "budget":
        percent = budgets.percentage(known.within(Range(window.from_ns, at_ns)), limit)
        return percent, None, "no price is known of what was spent"
    feared = budgets.part(limit, standing.share_feared(rule, budget))
    goes = projection.project(known.at(window, at_ns), window, at_ns, feared, rolling=budget.rolling)
    return (goes.outlook.over if goes.certain else None), None, standing.TOO_YOUNG


def _spending(reader: Reader, budget: Budget, ends_ns: Sequence[int], zone: str) -> _Spending:
    """All that the replay needs of a budget's hours: its first window, and eight weeks of history."""
    from_ns = min(budget.window(ends_ns[0] - 1, zone).from_ns, ends_ns[0] - HISTORY_HOURS * HOUR_NS)
    window = Range(max(0, from_ns) // HOUR_NS * HOUR_NS, ends_ns[-1])
    hours = spend.spend(reader, budget.conditions(), window, ends_ns[-1], history_hours=1).hours
    up_to = [Decimal(0)]
    with localcontext(EXACT):
        for hour in hours:
            up_to.append(up_to[-1] + hour.cost)
    return _Spending([hour.from_ns for hour in hours], [hour.cost for hour in hours], up_to)


def of_objectives(reader: Reader, rule: Rule, ends_ns: Sequence[int], step_ns: int) -> list[list[Verdict]]:
    """What a rule says of each objective that it is about, at each step."""
    chosen = [each for each in register.listed(reader) if rule.slo in (None, each.slo_id, each.objective.name)]
    if not chosen:
        return [[standing.missing(rule)] * len(ends_ns)] if rule.slo is not None else []
    return [_burnt(reader, rule, kept, ends_ns, step_ns) for kept in chosen]


def _burnt(reader: Reader, rule: Rule, kept: Kept, ends_ns: Sequence[int], step_ns: int) -> list[Verdict]:
    objective = kept.objective
    policies = objective.pairs(ends_ns[-1])
    lengths = burn.windows_of(policies)
    counted = _counted(reader, objective, ends_ns, max(lengths, default=0), step_ns)
    windows = {length: _slid(counted, ends_ns, length) for length in lengths}
    said = []
    for number, at_ns in enumerate(ends_ns):
        counts = {length: windows[length][number] for length in lengths}
        covered = {length: _covered(each) for length, each in counts.items()}
        period_ns = objective.window.length_ns(at_ns)
        conditions = []
        for policy in policies:
            verdict = burn.judge(policy, objective.target, period_ns, counts, covered)
            conditions.append(Condition(policy, float(policy.threshold(period_ns)), verdict, None))
        events = counts[lengths[-1]].total if lengths else None
        said.append(standing.burning(rule, kept, conditions, events))
    return said


def _counted(
    reader: Reader, objective: Objective, ends_ns: Sequence[int], longest_ns: int, step_ns: int
) -> Mapping[int, Counts]:
    """Begin of a slice -> what an objective counts in it."""
    window = Range(max(0, ends_ns[0] - longest_ns) // step_ns * step_ns, ends_ns[-1])
    if objective.indicator.kind == "composite":
        found, length_ns = measure.minutes(reader, objective, [window], step_ns, loose=False), step_ns
    else:
        length_ns = step_ns if objective.method == "occurrences" else objective.slice_ns
        found = measure.sliced_events(reader, objective, window, length_ns)
    return {number * length_ns: each for number, each in found.items()}


def _slid(counted: Mapping[int, Counts], ends_ns: Sequence[int], length_ns: int) -> list[Counts]:
    """The sum of what begins within so long before each step."""
    begins = sorted(counted)
    table = np.array([[getattr(counted[begin], name) for name in FIELDS] for begin in begins] + [[0.0] * len(FIELDS)])
    ends = np.asarray(ends_ns)
    first, beyond = np.searchsorted(begins, ends - length_ns), np.searchsorted(begins, ends)
    sums = np.add.reduceat(table, np.column_stack((first, beyond)).ravel(), axis=0)[::2]
    sums[first >= beyond] = 0.0
    return [Counts(*row) for row in sums.tolist()]


def _covered(counts: Counts) -> bool:
    spans = counts.seen + counts.uncounted
    return not spans or counts.seen >= COVERED * spans
