"""An objective judged for each value of a column: each model, tenant or route by itself, a bounded number of them.

Given a snapshot and an objective as it stands as a whole, gives those groups that spend most, worst first, and what
the others are together: nothing is left out without being counted.

Never: more groups than were asked for, or a group that is judged by the events of others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from spanledger_server.slos import measure, status
from spanledger_server.slos.burn import Counts
from spanledger_server.slos.conditions import Condition
from spanledger_server.slos.objective import Objective
from spanledger_server.slos.status import Status
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import Range

MOST_NOTED: Final = 1000  # objectives of which it is known how many groups they had


@dataclass(frozen=True, slots=True)
class Group:
    """One value, and where the objective stands for it; None is "not set"."""

    value: str | None
    status: Status


@dataclass(frozen=True, slots=True)
class Grouped:
    """An objective by its groups.

    Attributes:
        by: The column.
        each: Worst first: those with most bad events.
        other_groups: How many more there are.
        others: Their events in the objective's own window, together.
    """

    by: str
    each: tuple[Group, ...]
    other_groups: int
    others: Counts


def of(reader: Reader, objective: Objective, whole: Status, now_ns: int, period: Range | None = None) -> Grouped | None:
    """Where an objective stands for each of its groups; None when it is judged by none.

    Args:
        reader: One snapshot.
        objective: Which.
        whole: Where it stands as a whole.
        now_ns: The time.
        period: Another window in place of the objective's own, of whole minutes.
    """
    if objective.groups is None:
        return None
    by, plan, loose = objective.groups.by, status.plan_of(objective, now_ns, period), not whole.weighed
    at_once = _were_few(reader, objective)
    totals = measure.by_group(reader, objective, plan.windows if at_once else plan.windows[:1], by, loose)
    there = [(value, each[0]) for value, each in totals.items() if each[0].total > 0 or each[0].uncounted > 0]
    _note(reader, objective, len(there))
    ranked = sorted(there, key=lambda one: (-one[1].bad, -one[1].total, one[0] or ""))
    kept = [value for value, _ in ranked[: objective.groups.most]]
    others = sum((counts for _, counts in ranked[objective.groups.most :]), Counts())
    counted = totals
    if kept and not at_once:
        counted = measure.by_group(reader, _narrowed(objective, by, kept), plan.windows, by, loose)
    presence = status.heard(reader, objective, now_ns)
    each = [
        Group(
            value,
            status.judged(
                objective, plan, status.of_rows(objective, plan.windows, presence, counted[value], whole.weighed)
            ),
        )
        for value in kept
    ]
    return Grouped(by, tuple(each), len(ranked) - len(kept), others)


def _were_few(reader: Reader, objective: Objective) -> bool:
    """Whether all groups could be told when somebody asked last: then one reading of all windows is enough."""
    found = (reader.memory or {}).get("slos.groups", {}).get((objective.indicator, objective.groups))
    return found is not None and objective.groups is not None and found <= objective.groups.most


def _note(reader: Reader, objective: Objective, found: int) -> None:
    """How many groups there were; nothing but how they are read next time depends on it."""
    if reader.memory is None:
        return
    known = reader.memory.setdefault("slos.groups", {})
    if len(known) >= MOST_NOTED:
        known.clear()
    known[objective.indicator, objective.groups] = found


def _narrowed(objective: Objective, by: str, values: list[str | None]) -> Objective:
    """The objective over events of these groups only, so that no more is read than is shown."""
    where = objective.indicator.where
    each = (*(one for one in where.each if one.name != by), Condition(by, tuple(value or "" for value in values)))
    return replace(objective, indicator=replace(objective.indicator, where=replace(where, each=each)))
