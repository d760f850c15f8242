"""What an objective counts in windows: events or slices, without what is excluded and with what is corrected.

Given a snapshot, an objective and windows, gives their counts; by group, where it is judged by groups. Of a composite
the parts are counted by those who ask, and put together here: the share of good events of each part, by its weight.

Never: an excluded minute that is counted, or a part of a composite that is taken for good because nothing was seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from spanledger_server.slos import adjustments, counting
from spanledger_server.slos import slices as of_slices
from spanledger_server.slos.burn import Counts
from spanledger_server.slos.objective import Objective, Part
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import MINUTE_NS, Range

Slices = Mapping[int, Counts]
INVALID: Final = 1 + 1e-9  # good events beyond all events, but for rounding


def span(windows: Sequence[Range]) -> Range:
    """From the first moment of some windows to the last."""
    return Range(min(window.from_ns for window in windows), max(window.to_ns for window in windows))


def excluded(objective: Objective, windows: Sequence[Range]) -> tuple[Range, ...]:
    """The stretches of some windows that do not count."""
    return objective.adjusted.excluded(span(windows))


def counts(reader: Reader, objective: Objective, windows: Sequence[Range]) -> tuple[list[Counts], bool]:
    """The events of each window, and whether they are weighed.

    Where slices are what counts, good slices and those in which anything happened. When no span of the first window
    says what it stands for, each stands for itself: a ratio of them is right where what is sampled is left to chance.
    """
    out = excluded(objective, windows)
    if objective.method == "occurrences":
        return weighed(objective, windows, out, counting.windows(reader, objective.indicator, windows, out))
    found, are_weighed = of_slices.windows(reader, objective, windows, out)
    return corrected(objective, windows, out, found), are_weighed


def sliced_events(reader: Reader, objective: Objective, window: Range, slice_ns: int) -> dict[int, Counts]:
    """Number of a slice -> what it counts: its events, or itself as one where slices are what counts.

    Args:
        reader: One snapshot.
        objective: Which; no composite.
        window: Whole minutes.
        slice_ns: The length of a slice: the objective's own where slices are what counts.
    """
    slices, loose = _slices(reader, objective, window, slice_ns)
    if objective.method != "occurrences":
        return _judged(objective, slices, window, objective.adjusted.excluded(window), loose)
    return {number: each.as_sent if loose else each for number, each in slices.items()}


def _slices(reader: Reader, objective: Objective, window: Range, slice_ns: int) -> tuple[dict[int, Counts], bool]:
    asked = adjustments.without(window, objective.adjusted.excluded(window))
    slices = counting.slices(reader, objective.indicator, asked, slice_ns)
    return slices, counting.as_sent(sum(slices.values(), Counts()))


def weighed(
    objective: Objective, windows: Sequence[Range], out: Sequence[Range], events: Sequence[Counts]
) -> tuple[list[Counts], bool]:
    """Events of windows as they were read, with corrections; and whether spans say what they stand for."""
    loose = counting.as_sent(events[0])
    return corrected(objective, windows, out, [each.as_sent if loose else each for each in events]), not loose


def corrected(
    objective: Objective, windows: Sequence[Range], out: Sequence[Range], events: Sequence[Counts]
) -> list[Counts]:
    """The events of windows with the corrections in them."""
    if not objective.adjusted.corrections:
        return list(events)
    return [objective.adjusted.corrected(each, window, out) for window, each in zip(windows, events, strict=True)]


def by_group(
    reader: Reader, objective: Objective, windows: Sequence[Range], group: str, loose: bool
) -> dict[str | None, list[Counts]]:
    """As `counts`, by the values of a column; corrections are of the whole and in none of them."""
    out = excluded(objective, windows)
    if objective.method == "occurrences":
        found = counting.windows_by(reader, objective.indicator, windows, out, group)
        return {value: [one.as_sent if loose else one for one in each] for value, each in found.items()}
    asked = adjustments.without(span(windows), out)
    slices = counting.slices_by(reader, objective.indicator, asked, objective.slice_ns, group)
    judged = {value: _judged(objective, each, span(windows), out, loose) for value, each in slices.items()}
    return {value: _in_windows(objective, each, windows) for value, each in judged.items()}


def _judged(objective: Objective, slices: Slices, whole: Range, out: Sequence[Range], loose: bool) -> dict[int, Counts]:
    """Each slice as one event."""
    length_ns = objective.slice_ns
    if objective.slice_events is not None and slices:
        # Where a number is asked for, a slice without any is bad, and one that is excluded in part is none at all.
        first, beyond = min(slices), max(min(slices), (whole.to_ns - MINUTE_NS) // length_ns)
        cut = {number for each in out for number in range(each.from_ns // length_ns, -(-each.to_ns // length_ns))}
        slices = {number: slices.get(number, Counts()) for number in range(first, beyond) if number not in cut}
    return {number: of_slices.judged(objective, each.as_sent if loose else each) for number, each in slices.items()}


def _in_windows(objective: Objective, judged: Slices, windows: Sequence[Range]) -> list[Counts]:
    """The slices that begin in each window."""
    length_ns = objective.slice_ns
    return [
        sum((each for number, each in judged.items() if number * length_ns in window), Counts()) for window in windows
    ]


def minutes(
    reader: Reader, objective: Objective, asked: Sequence[Range], slice_ns: int, loose: bool
) -> dict[int, Counts]:
    """The events of each slice of some ranges that has any; of a composite, of its parts together."""
    if objective.indicator.kind != "composite":
        left = [each for one in asked for each in adjustments.without(one, objective.adjusted.excluded(one))]
        found = counting.slices(reader, objective.indicator, left, slice_ns)
        return {number: each.as_sent for number, each in found.items()} if loose else found
    parts: defaultdict[int, list[tuple[float, Counts]]] = defaultdict(list)
    for part, one in of_parts(objective):
        for number, each in minutes(reader, one, asked, slice_ns, loose).items():
            parts[number].append((part.weight, each))
    whole = sum(part.weight for part in objective.indicator.parts)
    return {number: together(parts[number], whole) for number in sorted(parts)}


def of_parts(objective: Objective) -> list[tuple[Part, Objective]]:
    """The parts of a composite that there are."""
    return [(part, part.objective) for part in objective.indicator.parts if part.objective is not None]


def told(counts: Counts) -> bool:
    """Whether a part says anything: there were events, and no more good ones than there were."""
    return counts.total > 0 and counts.good <= counts.total * INVALID


def together(parts: Iterable[tuple[float, Counts]], whole: float | None = None) -> Counts:
    """The parts of a composite as one: the shares of their good events by weight, of as many events as they have.

    Args:
        parts: The weight of each, and its events.
        whole: The weight of all parts: those of which nothing was seen then have failed in nothing. None: they are
            left out.

    Returns:
        As many seen events as would prove as much: a part with few of them makes the whole less certain.
    """
    known = [(weight, counts) for weight, counts in parts if told(counts)]
    weight_of_known = sum(weight for weight, _ in known)
    if not known:
        return Counts()
    bad = sum(weight * max(0.0, counts.bad) / counts.total for weight, counts in known) / (whole or weight_of_known)
    total = sum(counts.total for _, counts in known)
    spread = [(weight / weight_of_known) ** 2 / max(1e-9, min(counts.seen, counts.total)) for weight, counts in known]
    uncounted = sum(counts.uncounted for _, counts in known)
    return Counts(total * (1 - bad), total, min(total, 1 / sum(spread)), uncounted)
