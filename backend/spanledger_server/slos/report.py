"""What an objective's window looked like: incidents, downtime, who contributed, and how it was before.

A bad minute is one in which fewer events were good than the target asks; a minute is down when none was. Where slices
are what counts, those that were not good are bad. Bad minutes that lie close together, and spent enough of the budget,
are one incident. In a long window they are looked for in the hours that spent more than an hour may.

Never: downtime where nothing happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from spanledger_server import timegrid
from spanledger_server.slos import adjustments, burn, counting, groups, measure, slices, status
from spanledger_server.slos.burn import Counts
from spanledger_server.slos.counting import CONTRIBUTE
from spanledger_server.slos.groups import Grouped
from spanledger_server.slos.objective import CALENDARS, Objective
from spanledger_server.slos.status import PartStanding, Status
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range

APART_NS: Final = 5 * MINUTE_NS  # without trouble for less than this still belongs to an incident
WORTH_TELLING: Final = 0.01  # of the budget
FEWEST_BAD: Final = 2
MOST_INCIDENTS: Final = 100
MOST_CONTRIBUTORS: Final = 5
MINUTES_UP_TO_NS: Final = 2 * DAY_NS  # a longer window is looked at by hours first
MOST_HOURS: Final = 200  # of a long window that are looked at closely, the worst ones


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
    """One value of a column, and what it spent.

    Attributes:
        column: Of which column.
        value: None is "not set".
        counts: Its events, also where slices are what counts.
        share: Of the bad events of all values.
    """

    column: str
    value: str | None
    counts: Counts
    share: float


@dataclass(frozen=True, slots=True)
class Report:
    """An objective over a window.

    Attributes:
        status: Where it stands, judged over the window.
        bad_ns: How long fewer events were good than the target asks.
        down_ns: How long none was.
        quiet_ns: How long nothing happened.
        incidents: Oldest first.
        contributors: Who spent most, by column.
        previous: The counts of the window before.
        previous_window: When that was.
        excluded: What of the window does not count, oldest first.
        groups: Where it stands for each of its groups, worst first; None when it is judged by none.
    """

    status: Status
    bad_ns: int
    down_ns: int
    quiet_ns: int
    incidents: tuple[Incident, ...]
    contributors: tuple[Contributor, ...]
    previous: Counts
    previous_window: Range
    excluded: tuple[Range, ...] = ()
    groups: Grouped | None = None


def of(reader: Reader, objective: Objective, now_ns: int, period: Range | None = None) -> Report:
    """The report over a window; over the objective's own without one.

    Args:
        reader: One snapshot.
        objective: Which.
        now_ns: The time.
        period: Whole minutes.
    """
    found, (previous,) = status.with_others(
        reader, objective, now_ns, period, lambda window: [_before(objective, window, period)]
    )
    window = found.period.window
    seen = _looked(reader, objective, window, found.weighed)
    return Report(
        status=found,
        bad_ns=len(seen.spent) * seen.length_ns,
        down_ns=seen.down_ns(seen.spent),
        quiet_ns=seen.quiet_ns,
        incidents=tuple(_incidents(seen, found.budget.total if found.budget else 0.0)),
        contributors=tuple(_contributors(reader, objective, found)),
        previous=previous,
        previous_window=_before(objective, window, period),
        excluded=objective.adjusted.excluded(window),
        groups=groups.of(reader, objective, found, now_ns, period),
    )


def incidents(reader: Reader, objective: Objective, window: Range, allowed: float) -> list[Incident]:
    """The stretches of a window in which a hundredth or more of a budget was spent, oldest first.

    Args:
        reader: One snapshot.
        objective: Which.
        window: Whole minutes.
        allowed: The budget, in bad events.
    """
    weighed = objective.indicator.kind == "composite" or measure.counts(reader, objective, [window])[1]
    return _incidents(_looked(reader, objective, window, weighed), allowed)


@dataclass(frozen=True, slots=True)
class _Looked:
    """The minutes of a window, or its slices where those are what counts.

    Attributes:
        length_ns: Of each.
        events: Number -> what happened in it.
        spent: Those that were bad, and what each spent of the budget: bad events, or slices.
        fewest: An incident spends no less.
        quiet_ns: For how long nothing happened.
    """

    length_ns: int
    events: Mapping[int, Counts]
    spent: Mapping[int, float]
    fewest: float
    quiet_ns: int

    def down_ns(self, numbers: Iterable[int]) -> int:
        """For how long no event of these was good."""
        return sum(self.events[number].good <= 0 for number in numbers) * self.length_ns


def _looked(reader: Reader, objective: Objective, window: Range, weighed: bool) -> _Looked:
    if objective.method != "occurrences":
        out = objective.adjusted.excluded(window)
        found, told = slices.lost(reader, objective, window, out, MOST_HOURS)
        quiet_ns = window.length_ns - adjustments.length_ns(window, out) - told * objective.slice_ns
        events = {number: each.events for number, each in found.items()}
        spent = {number: each.share for number, each in found.items()}
        return _Looked(objective.slice_ns, events, spent, 0, max(0, quiet_ns))
    minutes, quiet_ns = _minutes(reader, objective, window, weighed)
    target = float(objective.target)
    bad = {number: each.bad for number, each in minutes.items() if each.total > 0 and (each.good_ratio or 0) < target}
    return _Looked(MINUTE_NS, minutes, bad, FEWEST_BAD, quiet_ns)


def _minutes(reader: Reader, objective: Objective, window: Range, weighed: bool) -> tuple[dict[int, Counts], int]:
    """The minutes of a window that may be bad, and for how long nothing happened in it."""
    counted_ns = window.length_ns - adjustments.length_ns(window, objective.adjusted.excluded(window))
    if window.length_ns <= MINUTES_UP_TO_NS:
        minutes = measure.minutes(reader, objective, [window], MINUTE_NS, not weighed)
        return minutes, max(0, counted_ns - len(minutes) * MINUTE_NS)
    hours = measure.minutes(reader, objective, [window], HOUR_NS, not weighed)
    allowed = float(burn.allowed(objective.target))
    spent = [(each.bad, number) for number, each in hours.items() if each.bad > each.total * allowed]
    worst = [
        Range(max(number * HOUR_NS, window.from_ns), min((number + 1) * HOUR_NS, window.to_ns))
        for _, number in sorted(sorted(spent, reverse=True)[:MOST_HOURS], key=lambda item: item[1])
    ]
    quiet_ns = max(0, counted_ns - len(hours) * HOUR_NS)
    return measure.minutes(reader, objective, worst, MINUTE_NS, not weighed), quiet_ns


def _before(objective: Objective, window: Range, period: Range | None) -> Range:
    """The window of the same kind before this one."""
    if period is None and objective.window.calendar:
        zone = timegrid.zone(objective.window.timezone)
        return timegrid.previous(CALENDARS[objective.window.duration], window.from_ns, zone)
    length_ns = (period or window).length_ns
    return Range(max(0, window.from_ns - length_ns), window.from_ns)


def _incidents(seen: _Looked, allowed: float) -> list[Incident]:
    """Runs of bad minutes that spent something of what is `allowed`, oldest first."""
    runs: list[list[int]] = []
    for number in sorted(seen.spent):
        if runs and (number - runs[-1][-1] - 1) * seen.length_ns < APART_NS:
            runs[-1].append(number)
        else:
            runs.append([number])
    found = []
    for run in runs:
        window = Range(run[0] * seen.length_ns, (run[-1] + 1) * seen.length_ns)
        counts = sum((seen.events[n] for n in range(run[0], run[-1] + 1) if n in seen.events), Counts())
        spent = sum(seen.spent[number] for number in run)
        if seen.fewest:  # of events, those that were bad in good minutes between as well
            spent = counts.bad
        share = spent / allowed if allowed > 0 else 0.0
        if spent >= seen.fewest and share >= WORTH_TELLING:
            found.append(Incident(window, counts, share, seen.down_ns(run)))
    worst = sorted(found, key=lambda incident: -incident.budget_share)[:MOST_INCIDENTS]
    return sorted(worst, key=lambda incident: incident.window.from_ns)


def _contributors(reader: Reader, objective: Objective, found: Status) -> list[Contributor]:
    """Who spent most; of a composite its parts."""
    whole = found.period.counts
    if objective.indicator.kind == "composite":
        each = [(part.name, _spent(part, whole.total)) for part in found.parts]
        return _worst("objective", each)
    window = found.period.window
    asked = adjustments.without(window, objective.adjusted.excluded(window))
    columns = CONTRIBUTE[objective.indicator.kind]
    if objective.groups is not None:
        columns = tuple(dict.fromkeys((objective.groups.by, *columns)))
    told = []
    for column, counted in counting.groups(reader, objective.indicator, asked, columns).items():
        if set(counted) <= {None}:
            continue
        told += _worst(column, [(value, each if found.weighed else each.as_sent) for value, each in counted.items()])
    return told


def _spent(part: PartStanding, total: float) -> Counts:
    """What a part spends of its composite: its share of bad events by its weight."""
    bad = (part.reading.counts.error_ratio or 0.0) * part.weight * total
    return Counts(part.weight * total - bad, part.weight * total, part.weight * total)


def _worst(column: str, each: Sequence[tuple[str | None, Counts]]) -> list[Contributor]:
    worst = sorted(each, key=lambda item: (-item[1].bad, item[0] or ""))[:MOST_CONTRIBUTORS]
    bad = sum(max(0.0, counts.bad) for _, counts in each)
    return [Contributor(column, value, counts, counts.bad / bad) for value, counts in worst if counts.bad > 0]
