"""Rules on what is unusual: a value against what was usual at the same time of the week, or of the day.

The baseline is the median of a metric's values around the same minute of earlier weeks, and their scatter the median
absolute deviation; where there are not two weeks yet, of earlier days; where there are not two days, the rule is
still learning and says so. The scatter is never taken to be less than counting alone makes it (Poisson for counts,
binomial for shares), nor than a twentieth of the median; few events scatter further up than down. A value that was
there before is not unusual, though it be far from the median: one of two weeks may have had an incident.

Never: an alarm while it is learning.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from statistics import median
from typing import Any, Final, Literal

from spanledger_server.rules import measured, sliding
from spanledger_server.rules.held import Held
from spanledger_server.rules.metrics import Measure
from spanledger_server.rules.reads import Answer, Crowd, Failed, Key, Question
from spanledger_server.rules.rule import Rule
from spanledger_server.rules.verdict import Verdict
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, MINUTE_NS, Range

Season = Literal["week", "day"]
SEASONS: Final[dict[Season, tuple[int, ...]]] = {
    "week": tuple(7 * DAY_NS * number for number in (1, 2, 3, 4)),
    "day": tuple(DAY_NS * number for number in range(1, 8)),
}
REACH_NS: Final = max(ago for distances in SEASONS.values() for ago in distances)
SHIFTS: Final = (-2, -1, 0, 1, 2)  # windows beside the same minute
FEWEST: Final = 6  # samples
FEWEST_SEASONS: Final = 2
LEARNT_NS: Final = 5 * MINUTE_NS  # how long a baseline holds
CONSISTENT: Final = 1.4826  # makes the median deviation of normal values their standard deviation
LEAST_RELATIVE: Final = 0.05
LEAST: Final = 1e-9  # scatter of what never changes
CALM: Final = 0.5  # a firing alert ends where the value is nearer than this share of its bound


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual at a time.

    Attributes:
        middle: The median.
        scatter: As a standard deviation.
        season: Of what it was learnt: earlier weeks or earlier days.
        samples: From how many windows.
        least: The smallest value that was there.
        most: The largest.
        one: What one event more makes; 0 where it does not count events.
    """

    middle: float
    scatter: float
    season: Season
    samples: int
    least: float
    most: float
    one: float

    def bound(self, number: float, limit: float) -> float:
        """From where on values on the side of `number` are unusual, `limit` deviations away."""
        if number < self.middle:
            return min(self.middle - limit * self.scatter, self.least)
        skew = max(0.0, (limit**2 - 1) / 6 * self.one)  # of a Poisson distribution (Cornish and Fisher)
        return max(self.middle + limit * self.scatter + skew, self.most)


Sample = tuple[int, float]  # of which season (1: the last one), and the value
Samples = Mapping[Key, Mapping[Season, Sequence[Sample]]]


class Baselines:
    """Learns what is usual for each rule of the kind, a few at each tick, and holds it for five minutes."""

    def __init__(self) -> None:
        self._held: Held[Samples] = Held(LEARNT_NS, 5)

    def turn(self, now_ns: int) -> None:
        """A tick begins."""
        self._held.turn(now_ns)

    def samples(self, reader: Reader, rule: Rule, now_ns: int) -> Samples | None:
        """The values of earlier weeks and days, by group; None where it is not the rule's turn yet."""
        anchor_ns = now_ns // LEARNT_NS * LEARNT_NS
        return self._held.get(rule.digest, anchor_ns, lambda: samples(reader, rule, anchor_ns))


def question(rule: Rule, now_ns: int) -> Question:
    """What such a rule asks at a time: the last window of minutes that are over."""
    return measured.question(rule, measured.measure(rule), measured.whole_minutes(rule.window_ns, now_ns))


def samples(reader: Reader, rule: Rule, anchor_ns: int) -> Samples:
    """The metric's values in the windows around the same minute of earlier weeks and days, by group."""
    found: dict[Key, dict[Season, list[Sample]]] = {}
    for season, distances in SEASONS.items():
        for number, ago_ns in enumerate(distances, start=1):
            for key, values in _around(reader, rule, anchor_ns - ago_ns).items():
                for value, events in values:
                    if value is not None and events != 0:
                        found.setdefault(key, {}).setdefault(season, []).append((number, float(value)))
    return found


def _around(reader: Reader, rule: Rule, at_ns: int) -> Mapping[Key, Sequence[measured.Measured]]:
    """The metric's values in the windows beside one another whose middle one ends at a time; none of a crowd's."""
    of = measured.measure(rule)
    step_ns = math.gcd(LEARNT_NS, rule.window_ns)
    width, end = rule.window_ns // step_ns, at_ns // step_ns
    ends = range(end + SHIFTS[0] * width, end + SHIFTS[-1] * width + 1)
    whole = Range(0, rule.window_ns)
    told = partial(measured.value_of, of, asked=whole)
    found = sliding.values(reader, measured.question(rule, of, whole), step_ns // MINUTE_NS, width, ends, told)
    return {} if isinstance(found, Crowd) else {key: values[::width] for key, values in found.items()}


def verdicts(rule: Rule, asked: Question, answer: Answer, learnt: Samples | None) -> list[Verdict]:
    """What a rule says of the groups that were found, by what was learnt of them."""
    if isinstance(answer, Failed):
        return [measured.unjudged(rule, f"it cannot be read: {answer.reason}")]
    if isinstance(answer, Crowd) or len(answer) > rule.most_groups:
        groups = answer.groups if isinstance(answer, Crowd) else len(answer)
        return [measured.crowded(rule, groups)]
    of = measured.measure(rule)
    keys = {*answer, *(() if rule.group_by else ((),))}
    found = []
    for key in sorted(keys):
        value, events = measured.value_of(of, answer.get(key), asked.window)
        named = measured.labels(rule, key)
        found.append(judged(rule, of, named, value, events, None if learnt is None else learnt.get(key, {})))
    return found


def replayed(
    rule: Rule, named: Mapping[str, str], values: Sequence[measured.Measured], steps: Steps, width: int
) -> list[Verdict]:
    """What a rule said of a group at each step, by the values of the steps before.

    Args:
        rule: Which.
        named: The group's labels.
        values: Of each step, and before these of as many as `steps` says.
        steps: When it was judged.
        width: The window's length, in steps.
    """
    of, found = measured.measure(rule), []
    learnt: Mapping[Season, Sequence[Sample]] = {}
    for place in range(steps.before, len(values)):
        anchor = place - (steps.first + place) % steps.held
        if place == steps.before or anchor == place:
            learnt = _learnt(values, anchor, width, steps.step_ns)
        value, events = values[place]
        found.append(judged(rule, of, named, value, events, learnt))
    return found


@dataclass(frozen=True, slots=True)
class Steps:
    """Even steps in the past.

    Attributes:
        step_ns: How far they are from one another.
        first: Number of the first value since 1970.
        before: How many values lie before the first that is judged.
    """

    step_ns: int
    first: int
    before: int

    @property
    def held(self) -> int:
        """For how many of them a baseline holds."""
        return max(1, LEARNT_NS // self.step_ns)


def _learnt(
    values: Sequence[measured.Measured], anchor: int, width: int, step_ns: int
) -> Mapping[Season, Sequence[Sample]]:
    found: dict[Season, list[Sample]] = {}
    for season, distances in SEASONS.items():
        for number, ago_ns in enumerate(distances, start=1):
            for shift in SHIFTS:
                place = anchor - ago_ns // step_ns - shift * width
                value, events = values[place] if 0 <= place < len(values) else (None, None)
                if value is not None and events != 0:
                    found.setdefault(season, []).append((number, float(value)))
    return found


def judged(
    rule: Rule,
    of: Measure,
    named: Mapping[str, str],
    value: Any,
    events: float | None,
    learnt: Mapping[Season, Sequence[Sample]] | None,
) -> Verdict:
    """The verdict of one value, by the values of the same time of earlier weeks or days."""
    if value is None:
        return Verdict(named, "no_data", events=events, reason=f"nothing in {measured.spoken(rule.window_ns)}")
    if events is not None and events < rule.min_events:
        few = f"only {events:g} of the {rule.min_events} events that it asks for"
        return Verdict(named, "no_data", value=value, events=events, reason=few)
    normal = None if learnt is None else usual(of, learnt, events)
    if normal is None:
        return Verdict(named, "no_data", value=value, events=events, reason="it is learning: two days are needed")
    number = float(value)
    sided = {"up": number >= normal.middle, "down": number <= normal.middle, "both": True}[rule.direction]
    bound = normal.bound(number, float(rule.threshold or Decimal(4)))
    away = abs(number - normal.middle) / max(abs(bound - normal.middle), LEAST)
    over = sided and away > 1
    clear = not over and (not sided or away <= CALM)
    return Verdict(named, "true" if over else "false", clear, value, bound, events)


def usual(
    of: Measure, learnt: Mapping[Season, Sequence[Sample]], events: float | None, fewest: int = FEWEST
) -> Usual | None:
    """What is usual, of the longest season of which enough is known; None while there is none."""
    seasons: tuple[Season, ...] = ("week", "day")
    for season in seasons:
        found = learnt.get(season, ())
        if len(found) >= fewest and len({number for number, _ in found}) >= FEWEST_SEASONS:
            values = [value for _, value in found]
            middle = median(values)
            spread = CONSISTENT * median(abs(value - middle) for value in values)
            scatter = max(spread, _least(of, middle, events))
            return Usual(middle, scatter, season, len(values), min(values), max(values), _one(of, events))
    return None


def _least(of: Measure, middle: float, events: float | None) -> float:
    """The scatter that counting alone makes, or a twentieth of the median."""
    least = LEAST_RELATIVE * abs(middle)
    if of.unit == "1" and events:
        share = min(1.0, max(0.0, middle))
        least = max(least, math.sqrt(max(share * (1 - share), 1 / events) / events))
    elif _counts(of):
        least = max(least, math.sqrt(max(abs(middle), 1.0)))
    return max(least, LEAST)


def _one(of: Measure, events: float | None) -> float:
    if of.unit == "1" and events:
        return 1 / events
    return 1.0 if _counts(of) else 0.0


def _counts(of: Measure) -> bool:
    return of.sums and (of.unit or "").startswith("{")


def spoken(found: Usual | None) -> str | None:
    """What is usual, for people."""
    if found is None:
        return None
    of = "weeks" if found.season == "week" else "days"
    return f"usually {found.middle:.4g} ± {found.scatter:.2g} at this time, of {found.samples} windows of earlier {of}"
