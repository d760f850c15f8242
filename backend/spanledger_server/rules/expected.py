"""Between which values a metric is expected at each part of a period, by what was usual at that time before.

Given a snapshot, a metric by its name and a period, learns as rules on the unusual do (`anomaly`), from parts of the
same length around the same time of earlier weeks, else of earlier days; where parts are long, from that very time
alone. A value beyond the range is what a rule with so many deviations would call unusual.

Never: a range that is learnt from fewer than two weeks or two days, or from the part itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any, Final

from spanledger_server.rules import anomaly, metrics
from spanledger_server.rules.anomaly import SEASONS, SHIFTS, Season, Usual
from spanledger_server.rules.rule import Rule
from spanledger_server.statistics import history, named, periods, remembered
from spanledger_server.statistics.periods import Part, Period
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import MINUTE_NS, Range
from spanledger_server.traces.filters import Conditions

USUAL_DEVIATIONS: Final = 4.0
TIMED: Final = "p95"  # the figure of a duration whose range is told
NEAR_NS: Final = 30 * MINUTE_NS  # what is further away on the clock is another time of the day
NAME: Final = "expected"  # of the periods that are read: not one of those that are read from raw points
Value = tuple[float, float | None]  # of a part, and from how many events it comes


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of one part.

    Attributes:
        part: Which one.
        low: The least that is not unusual; None, like the rest, where too little is known, or where the part is cut.
        middle: The median of what was there.
        high: The most that is not unusual.
        season: From which earlier times.
        samples: From how many parts.
    """

    part: Part
    low: float | None = None
    middle: float | None = None
    high: float | None = None
    season: Season | None = None
    samples: int = 0


def figure(name: str) -> str:
    """Which figure of a metric's points the range is of: of a duration `p95`, else `value`."""
    return TIMED if name in named.METRICS and named.METRICS[name].timed else "value"


def rule_about(rules: Sequence[Rule], name: str) -> Rule | None:
    """The rule on what is unusual of all of a metric, one that is in use first; None where there is none."""
    names = (f"{TIMED}_{name}", name) if figure(name) == TIMED else (name,)
    about = [each for each in rules if each.kind == "anomaly" and not each.filters and not each.group_by]
    found = [each for each in about if each.metric in names]
    return min(found, key=lambda each: (not each.enabled, each.name), default=None)


def deviations(rule: Rule | None) -> float:
    """From how many on a value is unusual to a rule."""
    return USUAL_DEVIATIONS if rule is None or rule.threshold is None else float(rule.threshold)


def expected(
    reader: Reader, name: str, asked: Period, conditions: Conditions | None, deviations: float
) -> list[Expected]:
    """The range of each part of a period.

    Args:
        reader: One snapshot.
        name: As `history.course` takes it.
        asked: Its parts begin at multiples of their width since 1970, and a day is a multiple of that.
        conditions: Filters of the ledger, for metrics of it.
        deviations: From how many on a value is unusual.

    Raises:
        NotFound: There is no such metric.
    """
    found: dict[int, Expected] = {}
    judged = [part for part in asked.parts if not metrics.measure(name).sums or _whole(part, asked)]
    for season in SEASONS:
        missing = [part for part in judged if part.number not in found]
        values = _values(reader, name, asked, conditions, season) if missing else {}
        for part in missing:
            normal = _usual(name, values, part, asked.width_ns, season)
            if normal is not None:
                found[part.number] = _range(name, part, normal, deviations)
    return [found.get(part.number, Expected(part)) for part in asked.parts]


def _whole(part: Part, asked: Period) -> bool:
    """Whether it lies within the period: of a sum, a piece of a part says nothing."""
    return asked.from_ns <= part.from_ns and part.to_ns <= asked.to_ns


def _values(
    reader: Reader, name: str, asked: Period, conditions: Conditions | None, season: Season
) -> Mapping[int, Value]:
    """What there was at those earlier times, by the part's number."""
    values: dict[int, Value] = {}
    filtered = None if conditions is None else conditions.spelled()
    for window in _windows(asked, season):
        past = periods.stepped(NAME, window, asked.width_ns, asked.zone)
        read = partial(_points, reader, name, past, conditions)
        if name in named.METRICS and named.METRICS[name].source in named.FILTERED:  # from rollups of costs alone
            question = ("expected", name, repr(filtered), asked.width_ns, window)
            found = remembered.rows(reader, question, "cost", window, read)
        else:
            found = None
        values |= read() if found is None else found
    return values


def _points(reader: Reader, name: str, past: Period, conditions: Conditions | None) -> dict[int, Value]:
    points = history.course(reader, name, past, conditions)[2]
    known = (
        (part.number, point.get(TIMED, point["value"]), point["count"])
        for part, point in zip(past.parts, points, strict=True)
    )
    return {number: (float(value), events) for number, value, events in known if value is not None and events != 0}


def _windows(asked: Period, season: Season) -> list[Range]:
    """Whole parts around the same time of earlier seasons; one window where they touch one another."""
    beside = _shifts(asked.width_ns)[-1] * asked.width_ns
    first, last = asked.parts[0].from_ns - beside, asked.parts[-1].to_ns + beside
    each = [Range(max(0, first - ago), last - ago) for ago in SEASONS[season] if last > ago]
    if each and last - first >= SEASONS[season][0]:
        return [Range(each[-1].from_ns, each[0].to_ns)]
    return each


def _usual(name: str, values: Mapping[int, Value], part: Part, width_ns: int, season: Season) -> Usual | None:
    numbers = [
        (number, part.number - ago // width_ns + shift)
        for number, ago in enumerate(SEASONS[season], start=1)
        for shift in _shifts(width_ns)
    ]
    there = [(number, *values[at]) for number, at in numbers if at in values]
    counted = [events for _, _, events in there if events is not None]
    events = float(median(counted)) if counted else None
    samples = [(number, value) for number, value, _ in there]
    fewest = min(anomaly.FEWEST, anomaly.FEWEST_SEASONS * len(_shifts(width_ns)))
    return anomaly.usual(metrics.measure(name), {season: samples}, events, fewest)


def _shifts(width_ns: int) -> Sequence[int]:
    """Which parts beside that of the same time are of that time of the day, too."""
    return [shift for shift in SHIFTS if abs(shift) * width_ns <= NEAR_NS]


def _range(name: str, part: Part, normal: Usual, deviations: float) -> Expected:
    low, high = (normal.bound(side, deviations) for side in (float("-inf"), float("inf")))
    if normal.least >= 0:
        low = max(low, 0.0)
    if metrics.measure(name).unit == "1":
        high = min(high, 1.0)
    return Expected(part, low, normal.middle, high, normal.season, normal.samples)


def shown(found: Expected) -> dict[str, Any]:
    """As answers have it."""
    return {
        "timestamp": found.part.name,
        "low": found.low,
        "middle": found.middle,
        "high": found.high,
        "season": found.season,
        "samples": found.samples,
    }
