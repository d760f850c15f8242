"""What a definition would have come to over stored history: what it would have spent, and when it would have told.

Given a snapshot, an objective and a stretch of time, judges its pairs of windows at each step as the server would have
judged them then, by all events that are stored now. Nothing is drawn by lot: the same history gives the same answer.

An incident is a stretch of bad minutes that spent a hundredth of a window's budget. An alert is late by the time from
the beginning of the first incident that it speaks of to its own. It is false when what was bad, from the beginning of
its long window until it ended, is less than half of the share of the budget that its pair asks for (at the mean number
of events of this history). What silence would have said is not known of the past: a window without events says nothing.

Never: an event that is later than the step that is judged.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from spanledger_server.slos import burn, measure, report
from spanledger_server.slos.burn import Budget, Counts, Policy
from spanledger_server.slos.objective import Objective
from spanledger_server.slos.report import Incident
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, MINUTE_NS, Range

MOST_STEPS: Final = 12_000
STEPS_NS: Final = (MINUTE_NS, 5 * MINUTE_NS, 15 * MINUTE_NS, 60 * MINUTE_NS)
LONGEST_NS: Final = 366 * DAY_NS
ALMOST: Final = 0.5  # of the share that a pair asks for: below it an alert was for nothing


@dataclass(frozen=True, slots=True)
class Alert:
    """A time that a pair would have held.

    Attributes:
        window: From when to when.
        spent: The share of a whole window's budget that went from the beginning of its long window until it ended.
        late_ns: How long after the beginning of its incident; None when it speaks of none.
        false: Whether it was for nothing.
    """

    window: Range
    spent: float
    late_ns: int | None
    false: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair of windows and when it would have held."""

    policy: Policy
    threshold: float
    unreachable: str | None
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, slots=True)
class Simulated:
    """What would have been.

    Attributes:
        window: The history.
        step_ns: How often was judged.
        counts: All events.
        budget: Of the history, as if it were one window; None without events.
        pairs: Each with its alerts.
        incidents: Oldest first.
        missed: Those incidents of which no pair would have told.
    """

    window: Range
    step_ns: int
    counts: Counts
    budget: Budget | None
    pairs: tuple[Pair, ...]
    incidents: tuple[Incident, ...]
    missed: int


class _Leaf:
    """The events of an objective in any window of whole minutes."""

    def __init__(self, reader: Reader, objective: Objective, window: Range) -> None:
        own_ns = MINUTE_NS if objective.method == "occurrences" else objective.slice_ns
        found = measure.sliced_events(reader, objective, window, own_ns)
        self._at = [number * own_ns for number in found]
        self._sums = [Counts(), *accumulate(found.values())]

    def counts(self, window: Range) -> Counts:
        first, beyond = (self._sums[bisect_left(self._at, edge)] for edge in (window.from_ns, window.to_ns))
        return Counts(
            *(
                getattr(beyond, name) - getattr(first, name)
                for name in ("good", "total", "seen", "uncounted", "plain_good")
            )
        )


class _Composed:
    """The same of a composite."""

    def __init__(self, parts: Sequence[tuple[float, _Leaf | _Composed]]) -> None:
        self._parts = parts

    def counts(self, window: Range) -> Counts:
        return measure.together((weight, part.counts(window)) for weight, part in self._parts)


def of(reader: Reader, objective: Objective, asked: Range) -> Simulated:
    """What an objective would have come to.

    Args:
        reader: One snapshot.
        objective: Which; its parts looked up.
        asked: The history; whole minutes.
    """
    step_ns = next((each for each in STEPS_NS if asked.length_ns <= each * MOST_STEPS), STEPS_NS[-1])
    policies = objective.pairs(asked.to_ns)
    before_ns = max((policy.long_ns for policy in policies), default=0)
    track = _track(reader, objective, Range(max(0, asked.from_ns - before_ns), asked.to_ns))
    counts = track.counts(asked)
    period_ns = objective.window.length_ns(asked.to_ns)
    whole = counts.total * float(burn.allowed(objective.target)) * period_ns / max(1, asked.length_ns)
    incidents = report.incidents(reader, objective, asked, whole)
    pairs = []
    for policy in policies:
        held = _held(track, objective, policy, period_ns, asked, step_ns)
        alerts = tuple(_alert(track, policy, window, incidents, whole) for window in held)
        reason = burn.limits(policy, objective.target, period_ns).unreachable
        pairs.append(Pair(policy, float(policy.threshold(period_ns)), reason, alerts))
    return Simulated(
        asked,
        step_ns,
        counts,
        burn.budget(counts, counts, asked.length_ns / 10**9, objective.target) if counts.total > 0 else None,
        tuple(pairs),
        tuple(incidents),
        sum(
            not any(_speaks(pair.policy, alert.window, each) for pair in pairs for alert in pair.alerts)
            for each in incidents
        ),
    )


def _track(reader: Reader, objective: Objective, window: Range) -> _Leaf | _Composed:
    if objective.indicator.kind != "composite":
        return _Leaf(reader, objective, window)
    return _Composed([(part.weight, _track(reader, one, window)) for part, one in measure.of_parts(objective)])


def _held(
    track: _Leaf | _Composed, objective: Objective, policy: Policy, period_ns: int, asked: Range, step_ns: int
) -> list[Range]:
    """When a pair would have held, step by step; a step of which nobody knows leaves it as it was."""
    threshold = float(policy.threshold(period_ns)) * float(burn.allowed(objective.target))
    covered = {policy.long_ns: True, policy.short_ns: True}
    found: list[Range] = []
    since_ns: int | None = None
    for at_ns in range(asked.from_ns + step_ns, asked.to_ns + 1, step_ns):
        windows = _windows(track, policy, at_ns)
        ratio = windows[policy.long_ns].error_ratio
        if ratio is not None and ratio <= threshold:
            holds: bool | None = False  # most steps end here, and none of them needs the rest
        else:
            holds = burn.judge(policy, objective.target, period_ns, windows, covered).holds
        if holds and since_ns is None:
            since_ns = at_ns
        elif holds is False and since_ns is not None:
            found.append(Range(since_ns, at_ns))
            since_ns = None
    return found if since_ns is None else [*found, Range(since_ns, asked.to_ns)]


def _windows(track: _Leaf | _Composed, policy: Policy, at_ns: int) -> Mapping[int, Counts]:
    return {length: track.counts(Range(at_ns - length, at_ns)) for length in (policy.long_ns, policy.short_ns)}


def _alert(
    track: _Leaf | _Composed, policy: Policy, window: Range, incidents: Sequence[Incident], whole: float
) -> Alert:
    spent = track.counts(Range(window.from_ns - policy.long_ns, window.to_ns)).bad / whole if whole > 0 else 0.0
    of_it = next((each for each in incidents if _speaks(policy, window, each)), None)
    late_ns = None if of_it is None else max(0, window.from_ns - of_it.window.from_ns)
    return Alert(window, spent, late_ns, spent < float(policy.budget_share) * ALMOST)


def _speaks(policy: Policy, window: Range, incident: Incident) -> bool:
    """Whether an alert can be about an incident: it began in the alert's long window, or while it held."""
    return window.from_ns - policy.long_ns < incident.window.to_ns and incident.window.from_ns < window.to_ns
