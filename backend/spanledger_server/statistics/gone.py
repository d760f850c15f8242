"""Periods of which the parts that are long gone are read once, and only the last minutes again and again.

Given a snapshot, a period and what reads rows of any stretch of it, gives the rows of all of it. It is read from
rollups as `stretches` says.

Never: a row of one part among those of another, where finer rollups than the parts are deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from spanledger_server.rollups import stretches
from spanledger_server.rollups.dirty import Family
from spanledger_server.statistics import periods, remembered
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
    additive: bool = False,
) -> list[Row]:
    """The rows of a period, each of one of its parts; nobody may change them.

    Args:
        reader: One snapshot.
        question: Everything that the rows depend on, but for the period and the rows of the rollups.
        family: The rollups that they are read from.
        period: Its parts are told apart.
        read: Reads a stretch of it.
        weight: How much a row is, in pieces of two kilobytes.
        additive: A part's rows add up, however many there are of the same.
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
    found = list(before)
    for each in parted.others:
        goes_on = additive and each.to_ns == period.to_ns and not period.closed
        found += _open(reader, question, family, each, read, weight) if goes_on else read(each)
    return found


def _open(
    reader: Reader,
    question: Hashable,
    family: Family,
    period: Period,
    read: Callable[[Period], list[Row]],
    weight: Callable[[Row], int],
) -> list[Row]:
    """The rows of a period that goes on: but for its last minutes they were read before."""
    if not stretches.told_apart(reader, family, remembered.settled_until(reader, family, period.window)):
        return read(period)

    def piece(window: Range) -> _Rows[Row]:
        each = read(replace(period, from_ns=window.from_ns, to_ns=window.to_ns))
        return _Rows(each, sum(map(weight, each)))

    def both(one: _Rows[Row], other: _Rows[Row]) -> _Rows[Row]:
        return _Rows([*one.each, *other.each], one.weight + other.weight)

    asked = ("open", question, repr(replace(period, to_ns=0).bound()), period.from_ns)
    before, rest = remembered.settled(reader, asked, period.window, piece, both, family)
    return [*(() if before is None else before.each), *piece(rest).each]


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
    read: Callable[[Period], list[Row]],
    weight: Callable[[Row], int] = _one,
) -> list[Row]:
    """The same of a period that is all one part."""
    s = stretches.of(reader, family, period.window, period.coarsest)
    parted = stretches.parted(s, remembered.OPEN_PARTS, FEWEST_DAYS)
    if parted is None:
        return _open(reader, question, family, period, read, weight)
    gone, _ = parted
    before = _remembered(reader, (question, gone), family, gone, lambda: read(periods.whole(gone)), weight)
    if before is None:
        return read(period)
    head = replace(period, to_ns=gone.from_ns)
    rest = replace(period, from_ns=gone.to_ns)
    return [
        *before,
        *(read(head) if head.from_ns < head.to_ns else ()),
        *_open(reader, question, family, rest, read, weight),
    ]
