"""An objective's window over time: how fast its budget was spent in each part of it, and what was left after it.

Given a snapshot and an objective, gives up to some two hundred parts of equal length. What is left is a share of the
budget that the window has as a whole, so that the last point is where the objective stands. A part in which nothing
happened leaves the budget as it was, unless the service reports regularly: then it is a gap, and nobody knows.

Never: a line that is drawn through a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from spanledger_server.slos import adjustments, burn, counting, measure, status
from spanledger_server.slos.burn import Counts
from spanledger_server.slos.objective import Objective
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range

WIDTHS_NS: Final = (MINUTE_NS, 5 * MINUTE_NS, 15 * MINUTE_NS, HOUR_NS, 3 * HOUR_NS, 6 * HOUR_NS, DAY_NS, 2 * DAY_NS)
MOST_POINTS: Final = 200


@dataclass(frozen=True, slots=True)
class Point:
    """A part of the window.

    Attributes:
        window: From when to when.
        counts: Its events, or slices.
        burn_rate: None without events.
        remaining_ratio: What is left of the window's budget after it; None where nobody knows, or without a budget.
        known: Whether it is no gap.
        excluded_ns: How much of it does not count.
    """

    window: Range
    counts: Counts
    burn_rate: float | None
    remaining_ratio: float | None
    known: bool
    excluded_ns: int


@dataclass(frozen=True, slots=True)
class Series:
    """All parts of a window, oldest first."""

    window: Range
    width_ns: int
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class _Spent:
    """What was read: number of the part -> its events, and the share of all events that were bad in it."""

    counts: dict[int, Counts]
    bad_share: dict[int, float]


def of(reader: Reader, objective: Objective, now_ns: int, period: Range | None = None) -> Series:
    """The series of the objective's own window so far, or of another one.

    Args:
        reader: One snapshot.
        objective: Which.
        now_ns: The time.
        period: Whole minutes.
    """
    window = status.plan_of(objective, now_ns, period).windows[0]
    width_ns = next((each for each in WIDTHS_NS if window.length_ns <= each * MOST_POINTS), WIDTHS_NS[-1])
    width_ns = max(width_ns, objective.slice_ns)
    spent = _spent(reader, objective, window, width_ns)
    regular = _regular(reader, objective, now_ns)
    out = objective.adjusted.excluded(window)
    allowed = float(burn.allowed(objective.target))
    left: float | None = 1.0 if spent.counts else None
    points = []
    for number in range(window.from_ns // width_ns, -(-window.to_ns // width_ns)):
        part = Range(max(window.from_ns, number * width_ns), min(window.to_ns, (number + 1) * width_ns))
        counts = spent.counts.get(number, Counts())
        excluded_ns = adjustments.length_ns(part, out)
        known = counts.total > 0 or not regular or excluded_ns >= part.length_ns
        if left is not None:
            left -= spent.bad_share.get(number, 0.0) / allowed
        rate = burn.burn_rate(counts, objective.target)
        points.append(Point(part, counts, rate, left if known else None, known, excluded_ns))
    return Series(window, width_ns, tuple(points))


def _spent(reader: Reader, objective: Objective, window: Range, width_ns: int) -> _Spent:
    if objective.indicator.kind == "composite":
        return _composed(reader, objective, window, width_ns)
    out = objective.adjusted.excluded(window)
    own_ns = width_ns if objective.method == "occurrences" else objective.slice_ns
    counts: dict[int, Counts] = {}
    for number, each in measure.sliced_events(reader, objective, window, own_ns).items():
        at = number * own_ns // width_ns
        counts[at] = counts.get(at, Counts()) + each
    if objective.adjusted.corrections:
        counts = {
            number: objective.adjusted.corrected(each, Range(number * width_ns, (number + 1) * width_ns), out)
            for number, each in counts.items()
        }
    total = sum(each.total for each in counts.values())
    return _Spent(counts, {number: each.bad / total for number, each in counts.items() if total > 0})


def _composed(reader: Reader, objective: Objective, window: Range, width_ns: int) -> _Spent:
    each = [(part.weight, _spent(reader, one, window, width_ns)) for part, one in measure.of_parts(objective)]
    known = sum(weight for weight, spent in each if spent.bad_share)
    numbers = sorted({number for _, spent in each for number in spent.counts})
    return _Spent(
        {
            n: measure.together((weight, spent.counts[n]) for weight, spent in each if n in spent.counts)
            for n in numbers
        },
        {n: sum(weight * spent.bad_share.get(n, 0.0) for weight, spent in each) / known for n in numbers if known},
    )


def _regular(reader: Reader, objective: Objective, now_ns: int) -> bool:
    """Whether each service of the objective reports by itself, so that silence is a gap."""
    parts = measure.of_parts(objective)
    if parts:
        return all(_regular(reader, one, now_ns) for _, one in parts)
    service = objective.indicator.where.value_of("service")
    until_ns = now_ns // MINUTE_NS * MINUTE_NS
    return counting.heard(reader, service, Range(until_ns - status.PRESENCE_NS, until_ns))[1]
