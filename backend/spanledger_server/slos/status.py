"""Where an objective stands: its budget, its burn rates, what its pairs of windows say, and whether that can be known.

Given a snapshot, an objective and the time, counts all its windows at once. `ok` and `breach` are said only of what
was seen: without events, with too much of the window missing, or with spans that cannot be counted, the state is
`unknown` with its reason, and pairs say nothing rather than "resolved".

Never: `ok` where nobody looked, or a breach that is forgotten because data went missing afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from spanledger_server.slos import burn, counting
from spanledger_server.slos.burn import Budget, Counts, Policy, Verdict
from spanledger_server.slos.objective import Objective
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS, MINUTE_NS, Range

State = Literal["ok", "breach", "unknown"]
COVERED: Final = 0.9  # of a window's minutes, or of its spans
SILENT_NS: Final = 5 * MINUTE_NS  # a service that reports regularly and has not for so long is gone
ARRIVES_NS: Final = 2 * MINUTE_NS  # a minute that ended since may still be on its way
LATELY_NS: Final = HOUR_NS
PRESENCE_NS: Final = 6 * HOUR_NS  # as far back as presence is looked at
SECOND_NS: Final = 10**9


@dataclass(frozen=True, slots=True)
class Presence:
    """What was heard of a service lately.

    Attributes:
        minutes: Numbers of the minutes in which anything came.
        regular: Whether it reports by itself, requests or not: only then is silence a gap.
        until_ns: Up to when silence says something.
    """

    minutes: frozenset[int]
    regular: bool
    until_ns: int

    def share(self, window: Range) -> float | None:
        """The share of a window's minutes in which anything came; None where nobody can know."""
        to_ns = min(window.to_ns, self.until_ns)
        minutes = range(window.from_ns // MINUTE_NS, to_ns // MINUTE_NS)
        if not self.regular or not minutes or window.length_ns > PRESENCE_NS:
            return None
        return sum(minute in self.minutes for minute in minutes) / len(minutes)

    @property
    def silent_ns(self) -> int:
        """For how long nothing came from a service that reports regularly."""
        if not self.regular or not self.minutes:
            return 0
        return max(0, self.until_ns - (max(self.minutes) + 1) * MINUTE_NS)


@dataclass(frozen=True, slots=True)
class Reading:
    """One window.

    Attributes:
        window: From when to when.
        counts: Its events, or slices.
        burn_rate: None without events.
        coverage: The share of it that was seen; None where nobody can know.
    """

    window: Range
    counts: Counts
    burn_rate: float | None
    coverage: float | None

    @property
    def covered(self) -> bool:
        """Whether it can be judged."""
        return self.coverage is None or self.coverage >= COVERED


@dataclass(frozen=True, slots=True)
class Condition:
    """A pair of windows and what it says."""

    policy: Policy
    threshold: float
    verdict: Verdict
    unreachable: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """Where an objective stands.

    Attributes:
        state: ok, breach or unknown.
        reason: Why, in a word: within, overspent, no_events, stale, low_coverage, uncounted, invalid.
        period: The objective's own window.
        budget: None without events.
        readings: Shorter windows, shortest first.
        conditions: The pairs.
        silent_ns: For how long nothing came from a service that reports regularly.
        weighed: Whether spans say what they stand for; else each stands for itself.
    """

    state: State
    reason: str
    period: Reading
    budget: Budget | None
    readings: tuple[Reading, ...]
    conditions: tuple[Condition, ...]
    silent_ns: int
    weighed: bool


def of(reader: Reader, objective: Objective, now_ns: int, period: Range | None = None) -> Status:
    """The status of an objective.

    Args:
        reader: One snapshot.
        objective: Which.
        now_ns: The time; windows end with the minute that goes on.
        period: Another window in place of the objective's own, of whole minutes.
    """
    plan = _plan(objective, now_ns, period)
    counted, weighed = counts(reader, objective, plan.windows)
    return _judged(objective, plan, counted, weighed, heard(reader, objective, now_ns))


def at_once(objective: Objective) -> bool:
    """Whether `of_all` counts it in one statement with others."""
    return objective.method == "occurrences" and counting.together(objective.indicator)


def of_all(reader: Reader, objectives: Sequence[Objective], now_ns: int) -> list[Status]:
    """The status of several objectives: those that can be are counted by one statement."""
    plans = [_plan(objective, now_ns, None) for objective in objectives]
    together = [number for number, each in enumerate(objectives) if at_once(each)]
    ranges = list(dict.fromkeys(window for number in together for window in plans[number].windows))
    read = counting.windows_of(reader, [objectives[number].indicator for number in together], ranges)
    by_number = {number: dict(zip(ranges, each, strict=True)) for number, each in zip(together, read, strict=True)}
    presence: dict[str | None, Presence] = {}
    found = []
    for number, (objective, plan) in enumerate(zip(objectives, plans, strict=True)):
        service = objective.indicator.where.value_of("service")
        if service not in presence:
            presence[service] = heard(reader, objective, now_ns)
        if number in by_number:
            counted, weighed = _weighed([by_number[number][window] for window in plan.windows])
        else:
            counted, weighed = counts(reader, objective, plan.windows)
        found.append(_judged(objective, plan, counted, weighed, presence[service]))
    return found


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is counted for an objective.

    Attributes:
        length_ns: Of its own period as a whole, from which thresholds follow.
        policies: Its pairs.
        lengths: Of the windows behind the first.
        windows: The period so far, then windows of `lengths` up to now.
    """

    length_ns: int
    policies: tuple[Policy, ...]
    lengths: tuple[int, ...]
    windows: tuple[Range, ...]


def _plan(objective: Objective, now_ns: int, period: Range | None) -> _Plan:
    edge_ns = (now_ns // MINUTE_NS + 1) * MINUTE_NS
    whole = period or objective.window.range(edge_ns if not objective.window.calendar else now_ns)
    policies = objective.pairs(now_ns)
    lengths = tuple(sorted({*burn.windows_of(policies), LATELY_NS}))
    asked = Range(whole.from_ns, min(whole.to_ns, edge_ns))
    windows = (asked, *(Range(edge_ns - length, edge_ns) for length in lengths))
    return _Plan(objective.window.length_ns(now_ns), policies, lengths, windows)


def _judged(objective: Objective, plan: _Plan, counted: Sequence[Counts], weighed: bool, presence: Presence) -> Status:
    readings = [_reading(objective, window, each, presence) for window, each in zip(plan.windows, counted, strict=True)]
    by_length = dict(zip(plan.lengths, readings[1:], strict=True))
    period, lately = readings[0], by_length[LATELY_NS].counts
    budget = None
    if period.counts.total > 0:
        budget = burn.budget(period.counts, lately, LATELY_NS / SECOND_NS, objective.target)
    up_to_now = period.window.to_ns >= readings[1].window.to_ns
    state, reason = _state(period, budget, presence.silent_ns if up_to_now else 0)
    return Status(
        state,
        reason,
        period,
        budget,
        tuple(readings[1:]),
        tuple(_condition(policy, objective, plan.length_ns, by_length, presence) for policy in plan.policies),
        presence.silent_ns,
        weighed,
    )


def counts(reader: Reader, objective: Objective, windows: Sequence[Range]) -> tuple[list[Counts], bool]:
    """The events of each window, and whether they are weighed.

    Where slices are what counts, good slices and those in which anything happened. When no span of the first window
    says what it stands for, each stands for itself: a ratio of them is right where what is sampled is left to chance.
    """
    if objective.method == "occurrences":
        return _weighed(counting.windows(reader, objective.indicator, windows))
    whole = Range(min(window.from_ns for window in windows), max(window.to_ns for window in windows))
    slices = counting.slices(reader, objective.indicator, [whole], objective.slice_ns)
    loose = counting.as_sent(sum(slices.values(), Counts()))
    if objective.slice_events is not None and slices:
        slices = {number: slices.get(number, Counts()) for number in _from_the_first(slices, whole, objective.slice_ns)}
    judged = {number: sliced(objective, each.as_sent if loose else each) for number, each in slices.items()}
    found = [
        sum((each for number, each in judged.items() if number * objective.slice_ns in window), Counts())
        for window in windows
    ]
    return found, not loose


def _weighed(events: Sequence[Counts]) -> tuple[list[Counts], bool]:
    loose = counting.as_sent(events[0])
    return [each.as_sent if loose else each for each in events], not loose


def _from_the_first(slices: Mapping[int, Counts], whole: Range, slice_ns: int) -> range:
    """The slices since anything happened that are over: where events are asked for, one without any is bad."""
    return range(min(slices), max(min(slices), (whole.to_ns - MINUTE_NS) // slice_ns))


def sliced(objective: Objective, events: Counts) -> Counts:
    """One slice as one event: good or not, or good in part."""
    if objective.slice_events is not None:
        return Counts(float(events.good >= objective.slice_events), 1, 1)
    ratio = events.good_ratio
    if ratio is None:
        return Counts(uncounted=events.uncounted)
    good = ratio if objective.method == "ratio_timeslices" else float(ratio >= float(objective.slice_target))
    return Counts(good, 1, 1)


def heard(reader: Reader, objective: Objective, now_ns: int) -> Presence:
    """What was heard of the objective's service lately."""
    until_ns = (now_ns - ARRIVES_NS) // MINUTE_NS * MINUTE_NS
    service = objective.indicator.where.value_of("service")
    minutes, regular = counting.heard(reader, service, Range(until_ns - PRESENCE_NS, until_ns + ARRIVES_NS))
    return Presence(frozenset(minutes), regular, until_ns)


def _reading(objective: Objective, window: Range, events: Counts, presence: Presence) -> Reading:
    spans = events.seen + events.uncounted
    shares = [presence.share(window), events.seen / spans if spans > 0 else None]
    known = [share for share in shares if share is not None]
    return Reading(window, events, burn.burn_rate(events, objective.target), min(known) if known else None)


def _state(period: Reading, budget: Budget | None, silent_ns: int) -> tuple[State, str]:
    if budget is None:
        return "unknown", "uncounted" if period.counts.uncounted else "no_events"
    if period.counts.good > period.counts.total * (1 + 1e-9):
        return "unknown", "invalid"
    if period.coverage is not None and period.coverage < COVERED:
        return "unknown", "uncounted" if period.counts.uncounted else "low_coverage"
    if budget.remaining < -1e-9:
        return "breach", "overspent"
    if silent_ns >= SILENT_NS:
        return "unknown", "stale"
    return "ok", "within"


def _condition(
    policy: Policy, objective: Objective, length_ns: int, readings: Mapping[int, Reading], presence: Presence
) -> Condition:
    silent = presence.silent_ns >= SILENT_NS
    verdict = burn.judge(
        policy,
        objective.target,
        length_ns,
        {length: reading.counts for length, reading in readings.items()},
        {length: reading.covered and not silent for length, reading in readings.items()},
    )
    return Condition(
        policy,
        float(policy.threshold(length_ns)),
        verdict,
        burn.unreachable(policy, objective.target, length_ns),
    )
