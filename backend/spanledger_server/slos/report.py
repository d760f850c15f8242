"""What an objective's window looked like: incidents, downtime, who contributed, and how it was before.

A bad minute is one in which fewer events were good than the target asks; a minute is down when none was. Bad minutes
that lie close together, and spent enough of the budget, are one incident.

Never: downtime where nothing happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from spanledger_server import timegrid
from spanledger_server.slos import counting, status
from spanledger_server.slos.burn import Counts
from spanledger_server.slos.objective import CALENDARS, Objective
from spanledger_server.slos.status import Status
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range

APART: Final = 5  # slices without trouble that still belong to an incident
WORTH_TELLING: Final = 0.01  # of the budget
FEWEST_BAD: Final = 2
MOST_INCIDENTS: Final = 100
MOST_CONTRIBUTORS: Final = 5
MINUTES_UP_TO_NS: Final = 31 * DAY_NS  # a longer window is looked at by hours


@dataclass(frozen=True, slots=True)
class Incident:
    """A stretch in which the budget was spent.

    Attributes:
        window: From its first bad minute to the end of its last.
        counts: Its events.
        budget_share: Of the whole period's budget.
        down_ns: For how long no event was good.
    """

    window: Range
    counts: Counts
    budget_share: float
    down_ns: int


@dataclass(frozen=True, slots=True)
class Contributor:
    """One value of a column, and what it spent."""

    column: str
    value: str | None
    counts: Counts


@dataclass(frozen=True, slots=True)
class Report:
    """An objective over a window.

    Attributes:
        status: Where it stands, judged over the window.
        slice_ns: How finely it was looked at.
        bad_ns: How long fewer events were good than the target asks.
        down_ns: How long none was.
        quiet_ns: How long nothing happened.
        incidents: Oldest first.
        contributors: Who spent most, by column.
        previous: The counts of the window before.
        previous_window: When that was.
    """

    status: Status
    slice_ns: int
    bad_ns: int
    down_ns: int
    quiet_ns: int
    incidents: tuple[Incident, ...]
    contributors: tuple[Contributor, ...]
    previous: Counts
    previous_window: Range


def of(reader: Reader, objective: Objective, now_ns: int, period: Range | None = None) -> Report:
    """The report over a window; over the objective's own without one.

    Args:
        reader: One snapshot.
        objective: Which.
        now_ns: The time.
        period: Whole minutes.
    """
    found = status.of(reader, objective, now_ns, period)
    window = found.period.window
    slice_ns = MINUTE_NS if window.length_ns <= MINUTES_UP_TO_NS else HOUR_NS
    slices = counting.slices(reader, objective.indicator, window, slice_ns)
    if not found.weighed:
        slices = {number: each.as_sent for number, each in slices.items()}
    target = float(objective.target)
    bad = {number: each for number, each in slices.items() if (each.good_ratio or 0) < target and each.total > 0}
    before = _before(objective, window, period)
    (previous,), _ = status.counts(reader, objective, [before])
    down = sum(each.good <= 0 for each in bad.values())
    happened = sum(each.total > 0 for each in slices.values())
    return Report(
        status=found,
        slice_ns=slice_ns,
        bad_ns=len(bad) * slice_ns,
        down_ns=down * slice_ns,
        quiet_ns=max(0, -(-window.length_ns // slice_ns) - happened) * slice_ns,
        incidents=tuple(_incidents(bad, slice_ns, slices, target)),
        contributors=tuple(_contributors(reader, objective, window, found.weighed)),
        previous=previous,
        previous_window=before,
    )


def _before(objective: Objective, window: Range, period: Range | None) -> Range:
    """The window of the same kind before this one."""
    if period is None and objective.window.calendar:
        zone = timegrid.zone(objective.window.timezone)
        return timegrid.previous(CALENDARS[objective.window.duration], window.from_ns, zone)
    length_ns = (period or window).length_ns
    return Range(max(0, window.from_ns - length_ns), window.from_ns)


def _incidents(bad: Mapping[int, Counts], slice_ns: int, slices: Mapping[int, Counts], target: float) -> list[Incident]:
    runs: list[list[int]] = []
    for number in sorted(bad):
        if runs and number - runs[-1][-1] <= APART:
            runs[-1].append(number)
        else:
            runs.append([number])
    allowed = sum(each.total for each in slices.values()) * (1 - target)
    found = []
    for run in runs:
        window = Range(run[0] * slice_ns, (run[-1] + 1) * slice_ns)
        counts = sum((slices[n] for n in range(run[0], run[-1] + 1) if n in slices), Counts())
        down_ns = sum(bad[number].good <= 0 for number in run) * slice_ns
        share = counts.bad / allowed if allowed > 0 else 0.0
        if counts.bad >= FEWEST_BAD and share >= WORTH_TELLING:
            found.append(Incident(window, counts, share, down_ns))
    worst = sorted(found, key=lambda incident: -incident.budget_share)[:MOST_INCIDENTS]
    return sorted(worst, key=lambda incident: incident.window.from_ns)


def _contributors(reader: Reader, objective: Objective, window: Range, weighed: bool) -> list[Contributor]:
    found = []
    for column in counting.GROUPS[objective.indicator.kind]:
        counted = counting.groups(reader, objective.indicator, window, column)
        each = counted if weighed else {value: counts.as_sent for value, counts in counted.items()}
        if set(each) <= {None}:
            continue
        worst = sorted(each.items(), key=lambda item: (-item[1].bad, item[0] or ""))[:MOST_CONTRIBUTORS]
        found += [Contributor(column, value, counts) for value, counts in worst if counts.bad > 0]
    return found
