"""Many slices judged at once: a month of minutes in arrays, because one after the other takes ten times as long.

Given what happened in minutes, and stretches of whole slices, gives what the slices of each stretch come to, in the
order of `slices.NONE`.

Never: a slice judged otherwise than `slices.judged` does it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from spanledger_server.slos.objective import Objective
from spanledger_server.slos.tallies import Figures
from spanledger_server.timegrid import MINUTE_NS, Range

Floats: TypeAlias = NDArray[np.float64]


def summed(
    objective: Objective, minutes: NDArray[np.int64], counts: Floats, stretches: Sequence[Range]
) -> list[Figures]:
    """What the slices of each stretch come to.

    Args:
        objective: One that counts slices.
        minutes: Numbers of those in which anything happened, each in one of the stretches; some may be there twice.
        counts: A row of `burn.Counts` for each.
        stretches: Whole slices, apart from one another, oldest first.
    """
    figures = np.zeros((len(stretches), 8))
    figures[:, -1] = math.inf
    if len(minutes):
        numbers, each = _slices(minutes * MINUTE_NS // objective.slice_ns, counts)
        begins = np.array([one.from_ns // objective.slice_ns for one in stretches])
        place = np.searchsorted(begins, numbers, side="right") - 1
        for column, values in enumerate(_columns(objective, each)):
            figures[:, column] = np.bincount(place, values, len(stretches))
        there, first = np.unique(place, return_index=True)
        figures[there, -1] = numbers[first]
    return [tuple(row) for row in figures.tolist()]


def _slices(numbers: NDArray[np.int64], counts: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Each slice once, oldest first, and what happened in it."""
    order = np.argsort(numbers, kind="stable")
    numbers, counts = numbers[order], counts[order]
    first = np.flatnonzero(np.diff(numbers, prepend=-1))
    return numbers[first], np.add.reduceat(counts, first, axis=0)


def _columns(objective: Objective, each: Floats) -> list[Floats]:
    """Of each slice what a stretch adds up, but for its number."""
    good, total, seen, uncounted, plain_good = each.T
    spans = seen + uncounted
    (right, judged), (plain_right, plain_judged) = (
        _judged(objective, good, total),
        _judged(objective, plain_good, spans),
    )
    return [right, plain_right, judged, plain_judged, np.where(judged > 0, 0.0, uncounted), seen, uncounted]


def _judged(objective: Objective, good: Floats, total: Floats) -> tuple[Floats, Floats]:
    """How much of each slice is good, and whether it is judged at all."""
    if objective.slice_events is not None:
        return (good >= objective.slice_events).astype(np.float64), np.ones_like(good)
    known = total > 0
    ratio: Any = np.divide(good, total, out=np.zeros_like(good), where=known)
    if objective.method != "ratio_timeslices":
        ratio = ((ratio >= float(objective.slice_target)) & known).astype(np.float64)
    return ratio, known.astype(np.float64)
