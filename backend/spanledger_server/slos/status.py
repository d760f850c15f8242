"""Where an objective stands: its budget, its burn rates, what its pairs of windows say, and whether that can be known.

Given a snapshot, an objective and the time, counts all its windows at once. `ok` and `breach` are said only of what
was seen: without events, with too much of the window missing, or with spans that cannot be counted, the state is
`unknown` with its reason, and pairs say nothing rather than "resolved".

Never: `ok` where nobody looked, or a breach that is forgotten because data went missing afterwards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from spanledger_server.slos import adjustments, burn, counting, measure, reading
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
        excluded: Stretches in which silence is planned.
    """

    minutes: frozenset[int]
    regular: bool
    until_ns: int
    excluded: tuple[Range, ...] = ()

    def share(self, window: Range) -> float | None:
        """The share of a window's minutes in which anything came; None where nobody can know."""
        if not self.regular or window.length_ns > PRESENCE_NS:
            return None
        minutes = self._counted(window.from_ns, min(window.to_ns, self.until_ns))
        return sum(minute in self.minutes for minute in minutes) / len(minutes) if minutes else None

    @property
    def silent_ns(self) -> int:
        """For how long nothing came from a service that reports regularly, planned silence left out."""
        if not self.regular or not self.minutes:
            return 0
        return len(self._counted((max(self.minutes) + 1) * MINUTE_NS, self.until_ns)) * MINUTE_NS

    def _counted(self, from_ns: int, to_ns: int) -> list[int]:
        if to_ns <= from_ns:
            return []
        left = adjustments.without(Range(from_ns, to_ns), self.excluded)
        return [minute for each in left for minute in range(each.from_ns // MINUTE_NS, each.to_ns // MINUTE_NS)]


@dataclass(frozen=True, slots=True)
class Reading:
    """One window.

    Attributes:
        window: From when to when.
        counts: Its events, or slices.
        burn_rate: None without events.
        coverage: The share of it that was seen; None where nobody can know. Of a composite, the weight of the parts
            that are known.
        excluded_ns: How much of it does not count.
    """

    window: Range
    counts: Counts
    burn_rate: float | None
    coverage: float | None
    excluded_ns: int = 0

    @property
    def covered(self) -> bool:
        """Whether it can be judged."""
        return self.coverage is None or self.coverage >= COVERED


@dataclass(frozen=True, slots=True)
class PartStanding:
    """A part of a composite in the composite's own window.

    Attributes:
        name: The objective's name.
        weight: Its share of all weights.
        reading: Its events.
        silent_ns: For how long nothing came from its service.
    """

    name: str
    weight: float
    reading: Reading
    silent_ns: int


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
        reason: Why, in a word: within, overspent, no_events, excluded, stale, low_coverage, unknown_part, uncounted,
            invalid.
        period: The objective's own window.
        budget: None without events.
        readings: Shorter windows, shortest first.
        conditions: The pairs.
        silent_ns: For how long nothing came from a service that reports regularly.
        weighed: Whether spans say what they stand for; else each stands for itself.
        parts: Of a composite, its parts.
    """

    state: State
    reason: str
    period: Reading
    budget: Budget | None
    readings: tuple[Reading, ...]
    conditions: tuple[Condition, ...]
    silent_ns: int
    weighed: bool
    parts: tuple[PartStanding, ...] = ()


def of(reader: Reader, objective: Objective, now_ns: int, period: Range | None = None) -> Status:
    """The status of an objective.

    Args:
        reader: One snapshot.
        objective: Which.
        now_ns: The time; windows end with the minute that goes on.
        period: Another window in place of the objective's own, of whole minutes.
    """
    return with_others(reader, objective, now_ns, period, lambda _: ())[0]


def with_others(
    reader: Reader,
    objective: Objective,
    now_ns: int,
    period: Range | None,
    others: Callable[[Range], Sequence[Range]],
) -> tuple[Status, list[Counts]]:
    """As `of`, and the events of other windows, read with it.

    Args:
        reader: One snapshot.
        objective: Which.
        now_ns: The time.
        period: Another window in place of the objective's own.
        others: Given the window that is judged, more of them.
    """
    plan = plan_of(objective, now_ns, period)
    more = others(plan.windows[0])
    seen = _seen(reader, objective, (*plan.windows, *more), now_ns)
    own = len(plan.windows)
    found = judged(objective, plan, replace(seen, readings=seen.readings[:own]))
    return found, [reading.counts for reading in seen.readings[own:]]


def at_once(objective: Objective) -> bool:
    """Whether `of_all` counts it in one statement with others."""
    indicator = objective.indicator
    return objective.method == "occurrences" and (reading.together(indicator) or reading.lines_together(indicator))


def of_all(reader: Reader, objectives: Sequence[Objective], now_ns: int) -> list[Status]:
    """The status of several objectives: those that can be are counted by one statement."""
    return list(each_of_all(reader, objectives, now_ns))


def each_of_all(reader: Reader, objectives: Sequence[Objective], now_ns: int) -> Iterator[Status]:
    """As `of_all`, one after the other, for those who let others work in between."""
    plans = [plan_of(objective, now_ns, None) for objective in objectives]
    read = _read_at_once(reader, objectives, plans)
    presence: dict[str | None, Presence] = {}
    for number, (objective, plan) in enumerate(zip(objectives, plans, strict=True)):
        if number in read:
            service = objective.indicator.where.value_of("service")
            if service not in presence:
                presence[service] = heard(reader, objective, now_ns)
            seen = of_rows(objective, plan.windows, presence[service], *read[number])
        else:
            seen = _seen(reader, objective, plan.windows, now_ns)
        yield judged(objective, plan, seen)


def _read_at_once(
    reader: Reader, objectives: Sequence[Objective], plans: Sequence[Plan]
) -> dict[int, tuple[list[Counts], bool]]:
    """Number -> the events of its windows: of those that the same time is excluded from, by one statement."""
    alike: defaultdict[tuple[Range, ...], list[int]] = defaultdict(list)
    for number, objective in enumerate(objectives):
        if at_once(objective):
            alike[measure.excluded(objective, plans[number].windows)].append(number)
    found = {}
    for out, numbers in alike.items():
        ranges = list(dict.fromkeys(window for number in numbers for window in plans[number].windows))
        read = counting.windows_of(reader, [objectives[number].indicator for number in numbers], ranges, out)
        for number, each in zip(numbers, read, strict=True):
            by_range = dict(zip(ranges, each, strict=True))
            windows = plans[number].windows
            found[number] = measure.weighed(objectives[number], windows, out, [by_range[one] for one in windows])
    return found


@dataclass(frozen=True, slots=True)
class Plan:
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


def plan_of(objective: Objective, now_ns: int, period: Range | None) -> Plan:
    """What is counted for an objective: its own period, or another one, and windows up to now."""
    edge_ns = (now_ns // MINUTE_NS + 1) * MINUTE_NS
    whole = period or objective.window.range(edge_ns if not objective.window.calendar else now_ns)
    policies = objective.pairs(now_ns)
    lengths = tuple(sorted({*burn.windows_of(policies), LATELY_NS}))
    asked = Range(whole.from_ns, min(whole.to_ns, edge_ns))
    windows = (asked, *(Range(edge_ns - length, edge_ns) for length in lengths))
    return Plan(objective.window.length_ns(now_ns), policies, lengths, windows)


@dataclass(frozen=True, slots=True)
class Seen:
    """The windows of an objective as they were read.

    Attributes:
        readings: One of each window.
        silent_ns: For how long nothing came from the service.
        weighed: Whether spans say what they stand for.
        parts: Of a composite.
    """

    readings: list[Reading]
    silent_ns: int
    weighed: bool
    parts: tuple[PartStanding, ...] = ()


def _seen(reader: Reader, objective: Objective, windows: Sequence[Range], now_ns: int) -> Seen:
    if objective.indicator.kind == "composite":
        return _composed(reader, objective, windows, now_ns)
    counted = measure.counts(reader, objective, windows)
    return of_rows(objective, windows, heard(reader, objective, now_ns), *counted)


def of_rows(
    objective: Objective, windows: Sequence[Range], presence: Presence, counted: Sequence[Counts], weighed: bool
) -> Seen:
    """What was counted in windows, and how much of each was seen."""
    out = measure.excluded(objective, windows)
    known = replace(presence, excluded=out)
    readings = [_reading(objective, window, each, known, out) for window, each in zip(windows, counted, strict=True)]
    return Seen(readings, known.silent_ns, weighed)


def _composed(reader: Reader, objective: Objective, windows: Sequence[Range], now_ns: int) -> Seen:
    """A composite of what its parts count in its windows."""
    out = measure.excluded(objective, windows)
    seen = [(part, _seen(reader, one, windows, now_ns)) for part, one in measure.of_parts(objective)]
    whole = sum(part.weight for part in objective.indicator.parts)
    readings = []
    for number, window in enumerate(windows):
        each = [(part.weight, inner.readings[number], inner.silent_ns) for part, inner in seen]
        events = measure.together((weight, reading.counts) for weight, reading, _ in each)
        current = window.to_ns > now_ns
        known = sum(weight * _known_share(reading, silent_ns * current) for weight, reading, silent_ns in each) / whole
        rate = burn.burn_rate(events, objective.target)
        readings.append(Reading(window, events, rate, known, adjustments.length_ns(window, out)))
    parts = [PartStanding(part.name, part.weight / whole, one.readings[0], one.silent_ns) for part, one in seen]
    return Seen(readings, 0, all(inner.weighed for _, inner in seen), tuple(parts))


def _known_share(reading: Reading, silent_ns: int) -> float:
    """How much of a part of a composite is known: nothing of one that is silent or had no events."""
    if silent_ns >= SILENT_NS or not measure.told(reading.counts):
        return 0.0
    return 1.0 if reading.coverage is None else reading.coverage


def judged(objective: Objective, plan: Plan, seen: Seen) -> Status:
    """What its windows, as they were read, say of an objective."""
    by_length = dict(zip(plan.lengths, seen.readings[1:], strict=True))
    period, lately = seen.readings[0], by_length[LATELY_NS].counts
    budget = None
    if period.counts.total > 0:
        budget = burn.budget(period.counts, lately, LATELY_NS / SECOND_NS, objective.target)
    up_to_now = period.window.to_ns >= seen.readings[1].window.to_ns
    state, reason = _state(period, budget, seen.silent_ns if up_to_now else 0, bool(objective.indicator.parts))
    return Status(
        state,
        reason,
        period,
        budget,
        tuple(seen.readings[1:]),
        tuple(_condition(policy, objective, plan.length_ns, by_length, seen.silent_ns) for policy in plan.policies),
        seen.silent_ns,
        seen.weighed,
        seen.parts,
    )


def heard(reader: Reader, objective: Objective, now_ns: int) -> Presence:
    """What was heard of the objective's service lately."""
    until_ns = (now_ns - ARRIVES_NS) // MINUTE_NS * MINUTE_NS
    service = objective.indicator.where.value_of("service")
    minutes, regular = counting.heard(reader, service, Range(until_ns - PRESENCE_NS, until_ns + ARRIVES_NS))
    return Presence(frozenset(minutes), regular, until_ns)


def _reading(objective: Objective, window: Range, events: Counts, presence: Presence, out: Sequence[Range]) -> Reading:
    spans = events.seen + events.uncounted
    shares = [presence.share(window), events.seen / spans if spans > 0 else None]
    known = [share for share in shares if share is not None]
    rate = burn.burn_rate(events, objective.target)
    return Reading(window, events, rate, min(known) if known else None, adjustments.length_ns(window, out))


def _state(period: Reading, budget: Budget | None, silent_ns: int, composite: bool) -> tuple[State, str]:
    if budget is None:
        if 0 < period.window.length_ns <= period.excluded_ns:
            return "unknown", "excluded"
        return "unknown", "uncounted" if period.counts.uncounted else "no_events"
    if period.counts.good > period.counts.total * measure.INVALID:
        return "unknown", "invalid"
    if period.coverage is not None and period.coverage < COVERED:
        if composite:  # missed for sure when it is even if the parts that nobody knows were all good
            spent = budget.consumed * period.coverage > budget.total + 1e-9
            return ("breach", "overspent") if spent else ("unknown", "unknown_part")
        return "unknown", "uncounted" if period.counts.uncounted else "low_coverage"
    if budget.remaining < -1e-9:
        return "breach", "overspent"
    if silent_ns >= SILENT_NS:
        return "unknown", "stale"
    return "ok", "within"


def _condition(
    policy: Policy, objective: Objective, length_ns: int, readings: Mapping[int, Reading], silent_ns: int
) -> Condition:
    silent = silent_ns >= SILENT_NS
    asked = burn.limits(policy, objective.target, length_ns)
    verdict = burn.judge(
        policy,
        objective.target,
        length_ns,
        {length: reading.counts for length, reading in readings.items()},
        {length: reading.covered and not silent for length, reading in readings.items()},
    )
    return Condition(
        policy,
        asked.threshold,
        verdict,
        asked.unreachable,
    )
