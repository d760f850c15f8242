"""Slices as events: of an objective that counts slices, how many of each window there were, and how many were good.

Given a snapshot and windows, judges each slice that begins in one of them by its own events. What was judged of whole
days and hours of slices is remembered until one of their minutes changes, so that a month is not judged again for each
minute that is new. Slices that go on, or are excluded in part, are judged by themselves each time.

Never: remembers a slice of which a minute waits to be recomputed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final

import numpy as np

from spanledger_server.slos import adjustments, buckets, counting, judging, reading
from spanledger_server.slos.burn import Counts
from spanledger_server.slos.objective import Objective
from spanledger_server.slos.stretches import Piece, between, marks, pieces, within
from spanledger_server.slos.tallies import Bucket, Figures, Tallies
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range

# Good slices, the same when each span stands for itself, slices that are judged, the same, spans of slices of which
# nothing is known beside, spans that say what they stand for, those that do not, and the first slice with any.
NONE: Final[Figures] = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, math.inf)


def judged(objective: Objective, events: Counts) -> Counts:
    """One slice as one event: good or not, or good in part."""
    if objective.slice_events is not None:
        return Counts(float(events.good >= objective.slice_events), 1, 1)
    ratio = events.good_ratio
    if ratio is None:
        return Counts(uncounted=events.uncounted)
    good = ratio if objective.method == "ratio_timeslices" else float(ratio >= float(objective.slice_target))
    return Counts(good, 1, 1)


def windows(
    reader: Reader, objective: Objective, ranges: Sequence[Range], excluded: Sequence[Range]
) -> tuple[list[Counts], bool]:
    """The slices that begin in each range, and whether their spans are weighed.

    Args:
        reader: One snapshot.
        objective: Which; one that counts slices.
        ranges: Whole minutes; they may overlap.
        excluded: Whole minutes that do not count, apart from one another.
    """
    laid = _laid(objective, ranges, excluded)
    each = _figures(reader, objective, laid.stretches)
    apart = counting.slices(reader, objective.indicator, laid.apart, objective.slice_ns) if laid.apart else {}
    alone = {number: _summed(objective, [(number, events)]) for number, events in apart.items()}
    whole = _added([*each, *alone.values()])
    loose, first = _is_loose(whole), whole[-1]
    found = []
    for window in laid.windows:
        parts = [n for n, stretch in enumerate(laid.stretches) if within(stretch, window)]
        if objective.slice_events is not None:
            slices = sum(_slices_from(laid.stretches[n], first, objective.slice_ns) for n in parts)
            good = _added(each[n] for n in parts)[loose]
            found.append(Counts(good, slices, slices))
        else:
            inside = [figures for number, figures in alone.items() if number * objective.slice_ns in window]
            found.append(_counts(_added([*(each[n] for n in parts), *inside]), loose))
    return found, not loose


@dataclass(frozen=True, slots=True)
class Lost:
    """A slice that was not good.

    Attributes:
        events: What happened in it.
        share: How much of the slice was lost: all of it, or by shares.
    """

    events: Counts
    share: float


def lost(
    reader: Reader, objective: Objective, window: Range, excluded: Sequence[Range], most: int
) -> tuple[dict[int, Lost], int]:
    """Number of a slice -> what was lost in it, of those that were not good; and in how many anything happened.

    Args:
        reader: One snapshot.
        objective: Which; one that counts slices.
        window: Whole minutes.
        excluded: What of it does not count.
        most: How many hours (days, where slices do not fit into hours) are looked into, those that lost most.
    """
    laid, length_ns = _laid(objective, [window], excluded), objective.slice_ns
    parts = [part for one in laid.stretches for part in _parts(one, _widths(length_ns).get("1h", DAY_NS))]
    each = _figures(reader, objective, parts)
    apart = counting.slices(reader, objective.indicator, laid.apart, length_ns) if laid.apart else {}
    whole = _added([*each, _summed(objective, apart.items())])
    loose, first = _is_loose(whole), whole[-1]
    spent = []
    for part, figures in zip(parts, each, strict=True):
        counts = objective.slice_events is not None
        slices = _slices_from(part, first, length_ns) if counts else figures[2 + loose]
        spent.append((slices - figures[loose], part))
    worst = [part for missed, part in sorted(spent, key=lambda one: -one[0])[:most] if missed > 0]
    events = counting.slices(reader, objective.indicator, worst, length_ns) if worst else {}
    numbers = {number for part in worst for number in range(part.from_ns // length_ns, part.to_ns // length_ns)}
    if objective.slice_events is None:
        events, numbers = {**events, **apart}, numbers & set(events) | set(apart)
    found = {}
    for number in sorted(number for number in numbers if number >= first):
        there = events.get(number, Counts())
        one = there.as_sent if loose else there
        figure = judged(objective, one)
        if figure.bad > 0 and (objective.method == "timeslices" or figure.good < float(objective.target)):
            found[number] = Lost(one, figure.bad)
    return found, int(whole[2 + loose])


def _parts(stretch: Range, width_ns: int) -> list[Range]:
    edges = range((stretch.from_ns // width_ns + 1) * width_ns, stretch.to_ns, width_ns)
    return [Range(*pair) for pair in pairwise([stretch.from_ns, *edges, stretch.to_ns])]


def _is_loose(figures: Figures) -> bool:
    """Whether no span says what it stands for."""
    *_, seen, uncounted, _ = figures
    return seen == 0 and uncounted > 0


@dataclass(frozen=True, slots=True)
class _Laid:
    """Windows as slices.

    Attributes:
        windows: Each from the first slice that begins in it to the end of the last.
        stretches: Whole slices between all ends, without those that are cut.
        apart: What is left of slices that are excluded in part, began before, or go on.
    """

    windows: list[Range]
    stretches: list[Range]
    apart: list[Range]


def _laid(objective: Objective, ranges: Sequence[Range], excluded: Sequence[Range]) -> _Laid:
    slice_ns, most_ns = objective.slice_ns, max(one.to_ns for one in ranges)
    whole = Range(min(one.from_ns for one in ranges), most_ns)
    # Where a number of events is asked for, a slice is bad until it has them: it is judged when it is over.
    until_ns = most_ns if objective.slice_events is None else (most_ns - MINUTE_NS) // slice_ns * slice_ns
    up = [
        (-(-one.from_ns // slice_ns) * slice_ns, -(-min(one.to_ns, until_ns) // slice_ns) * slice_ns) for one in ranges
    ]
    laid = [Range(from_ns, max(from_ns, to_ns)) for from_ns, to_ns in up]
    ends = [Range(edge, edge + 1) for edge in (whole.from_ns, whole.to_ns) if edge % slice_ns]
    cut = _outward(sorted([*excluded, *ends], key=lambda one: one.from_ns), slice_ns)
    left = [each for one in cut for each in adjustments.without(_clipped(one, whole), excluded)]
    return _Laid(laid, between(laid, cut), left)


def _outward(excluded: Iterable[Range], slice_ns: int) -> list[Range]:
    """The slices of which something is excluded, as ranges apart from one another."""
    found: list[Range] = []
    for one in excluded:
        from_ns, to_ns = one.from_ns // slice_ns * slice_ns, -(-one.to_ns // slice_ns) * slice_ns
        if found and from_ns <= found[-1].to_ns:
            found[-1] = Range(found[-1].from_ns, max(to_ns, found[-1].to_ns))
        else:
            found.append(Range(from_ns, to_ns))
    return found


def _clipped(one: Range, whole: Range) -> Range:
    from_ns = max(one.from_ns, whole.from_ns)
    return Range(from_ns, max(from_ns, min(one.to_ns, whole.to_ns)))


def _slices_from(stretch: Range, first: float, slice_ns: int) -> int:
    """How many slices of a stretch there are from the first one on in which anything happened."""
    return 0 if first == math.inf else max(0, stretch.to_ns // slice_ns - max(stretch.from_ns // slice_ns, int(first)))


def _counts(figures: Figures, loose: bool) -> Counts:
    good, plain_good, told, plain_told, untold, *_ = figures
    return Counts(plain_good, plain_told, plain_told) if loose else Counts(good, told, told, untold)


def _figures(reader: Reader, objective: Objective, stretches: Sequence[Range]) -> list[Figures]:
    """What each stretch of whole slices comes to."""
    source, widths = buckets.source(objective.indicator), _widths(objective.slice_ns)
    seen = marks(reader)
    stale = seen.stale.get(source.family, {}).get("1m", frozenset())
    waiting = {level: {minute * MINUTE_NS // width for minute in stale} for level, width in widths.items()}
    since_ns = source.since(seen)["1m"]
    kept_ns = since_ns // objective.slice_ns * objective.slice_ns
    cut = [_cut(max(one.from_ns, kept_ns), one.to_ns, list(widths.items()), waiting) for one in stretches]
    question = (
        "slices",
        objective.indicator,
        objective.method,
        objective.slice_ns,
        objective.slice_target,
        objective.slice_events,
    )
    asked = [bucket for each in cut for bucket in each]
    certain = [(level, number) for level, number in asked if number not in waiting[level]]
    tallies = Tallies.of(reader)
    found = {} if tallies is None else tallies.find(seen.version, question, certain)
    missing = [bucket for bucket in asked if bucket not in found]
    if missing:
        new = _read(reader, objective, missing, widths)
        found |= new
        if tallies is not None:
            fresh = {each: new[each] for each in certain if each in new and each[1] * widths[each[0]] >= since_ns}
            minutes = {level: width // MINUTE_NS for level, width in widths.items()}
            tallies.keep(seen.version, question, frozenset({source.family}), fresh, minutes)
    return [_added(found[bucket] for bucket in each) for each in cut]


def _widths(slice_ns: int) -> dict[str, int]:
    """By what slices are remembered, coarsest first."""
    coarser = {level: width for level, width in (("1d", DAY_NS), ("1h", HOUR_NS)) if width % slice_ns == 0}
    return {level: width for level, width in coarser.items() if width > slice_ns} | {"slice": slice_ns}


def _cut(from_ns: int, to_ns: int, widths: Sequence[tuple[str, int]], waiting: Mapping[str, set[int]]) -> list[Bucket]:
    """A stretch of whole slices as days, hours and slices, the coarsest of which nothing waits."""
    (level, width), *finer = widths
    first, beyond = -(-from_ns // width), to_ns // width
    if not finer or first >= beyond:
        return _cut(from_ns, to_ns, finer, waiting) if finer else [(level, n) for n in range(first, beyond)]
    found = _cut(from_ns, first * width, finer, waiting)
    for number in range(first, beyond):
        is_one = number not in waiting[level]
        found += [(level, number)] if is_one else _cut(number * width, (number + 1) * width, finer, waiting)
    return found + _cut(beyond * width, to_ns, finer, waiting)


def _read(
    reader: Reader, objective: Objective, missing: Sequence[Bucket], widths: Mapping[str, int]
) -> dict[Bucket, Figures]:
    begins = sorted((number * widths[level], widths[level], level, number) for level, number in missing)
    asked: list[Range] = []
    for from_ns, width, *_ in begins:
        if asked and asked[-1].to_ns == from_ns:
            asked[-1] = Range(asked[-1].from_ns, from_ns + width)
        else:
            asked.append(Range(from_ns, from_ns + width))
    if objective.slice_ns < HOUR_NS and reading.quick(objective.indicator):
        cut = pieces(reader, buckets.source(objective.indicator), asked, objective.slice_ns)
        if sum(piece.beyond - piece.first for piece in cut if piece.level == "1m") > buckets.FEW:
            stretches = [Range(from_ns, from_ns + width) for from_ns, width, *_ in begins]
            found = _judged_at_once(reader, objective, cut, stretches)
            return {(level, number): each for (*_, level, number), each in zip(begins, found, strict=True)}
    events = counting.slices(reader, objective.indicator, asked, objective.slice_ns)
    left = iter(begins)
    from_ns, width, level, number = next(left)

    def bucket_of(item: tuple[int, Counts]) -> Bucket:
        nonlocal from_ns, width, level, number
        while item[0] * objective.slice_ns >= from_ns + width:
            from_ns, width, level, number = next(left)
        return level, number

    return dict.fromkeys(missing, NONE) | {
        bucket: _summed(objective, each) for bucket, each in groupby(events.items(), bucket_of)
    }


def _judged_at_once(
    reader: Reader, objective: Objective, cut: Sequence[Piece], stretches: Sequence[Range]
) -> list[Figures]:
    """What the slices of each stretch come to, of minutes of the rollups and of those that wait to be recomputed."""
    rolled = [number for piece in cut if piece.level == "1m" for number in range(piece.first, piece.beyond)]
    numbers, counts = buckets.minutes(reader, objective.indicator, rolled)
    raw = buckets.counted(reader, objective.indicator, [piece for piece in cut if piece.level != "1m"])
    if raw:
        there = [(number, figures) for (_, number), figures in raw.items() if any(figures)]
        numbers = np.concatenate([numbers, np.array([number for number, _ in there], dtype=np.int64)])
        counts = np.concatenate([counts, np.array([figures for _, figures in there]).reshape(-1, 5)])
    return judging.summed(objective, numbers, counts, stretches)


def _summed(objective: Objective, slices: Iterable[tuple[int, Counts]]) -> Figures:
    """What some slices come to."""
    return _added(
        (
            (weighed := judged(objective, events)).good,
            (plain := judged(objective, events.as_sent)).good,
            weighed.total,
            plain.total,
            weighed.uncounted,
            events.seen,
            events.uncounted,
            number,
        )
        for number, events in slices
    )


def _added(each: Iterable[Figures]) -> Figures:
    columns = list(zip(*each, strict=True))
    return (*map(sum, columns[:-1]), min(columns[-1])) if columns else NONE
