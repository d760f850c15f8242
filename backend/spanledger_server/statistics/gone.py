"""Periods of which the parts that are long gone are read once, and only the last ones again and again.

Given a snapshot, a period and what reads rows of any stretch of it, gives the rows of all of it. It is read from
rollups as `stretches` says.

Never: a row of one part among those of another, where finer rollups than the parts are deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from spanledger_server.rollups.dirty import Family
from spanledger_server.statistics import periods, remembered, stretches
from spanledger_server.statistics.periods import Period
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import Range

FEWEST_DAYS: Final = 9  # that are remembered as one: fewer are read from hours
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class _Rows(Generic[Row]):
    """Rows, and how much they are in rows of two kilobytes."""

    each: list[Row]
    weight: int

    def __len__(self) -> int:
        return self.weight


def _one(_: object) -> int:
    return 1


def by_part(
    reader: Reader,
    question: Hashable,
    family: Family,
    period: Period,
    read: Callable[[Period], list[Row]],
    weight: Callable[[Row], int] = _one,
    *,
    light: bool = False,
) -> list[Row]:
    """The rows of a period, each of one of its parts; nobody may change them.

    Args:
        reader: One snapshot.
        question: Everything that the rows depend on, but for the period and the rows of the rollups.
        family: The rollups that they are read from.
        period: Its parts are told apart.
        read: Reads a stretch of it.
        weight: How much a row is, in pieces of two kilobytes.
        light: It is little: a period that begins within a part, or has no parts, is read whole, not in two pieces.
    """
    whole = light and (not period.parts or period.parts[0].from_ns < period.from_ns)
    parted = None if whole else remembered.parted(period)
    if parted is None:
        return read(period)
    gone = parted.gone
    if not all(stretches.told_apart(reader, family, edge_ns) for edge_ns in (gone.from_ns, gone.to_ns)):
        return read(period)
    asked = (question, repr(gone.bound()), gone.window)
    before = _remembered(reader, asked, family, gone.window, lambda: read(gone), weight)
    if before is None:
        return read(period)
    return [*before, *(row for each in parted.others for row in read(each))]


def _remembered(
    reader: Reader,
    question: Hashable,
    family: Family,
    window: Range,
    read: Callable[[], list[Row]],
    weight: Callable[[Row], int],
) -> list[Row] | None:
    def weighed() -> _Rows[Row]:
        each = read()
        return _Rows(each, sum(map(weight, each)))

    found = remembered.rows(reader, question, family, window, weighed, unless=remembered.MINUTES)
    return None if found is None else found.each


def whole(
    reader: Reader,
    question: Hashable,
    family: Family,
    period: Period,
    read: Callable[[Period, Mapping[str, Any]], list[Row]],
    weight: Callable[[Row], int] = _one,
) -> list[Row]:
    """The same of a period that is all one part; `read` is given what makes up a stretch, too."""
    s = stretches.of(reader, family, period.window, period.coarsest)
    parted = stretches.parted(s, remembered.OPEN_PARTS, FEWEST_DAYS)
    if parted is None:
        return read(period, s)
    gone, rest = parted

    def read_gone() -> list[Row]:
        return read(periods.whole(gone), stretches.of(reader, family, gone))

    before = _remembered(reader, (question, gone), family, gone, read_gone, weight)
    return read(period, s) if before is None else [*before, *read(period, rest)]
