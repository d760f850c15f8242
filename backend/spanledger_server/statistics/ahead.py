"""What a projection stands on: a window's spending and the hours before, by category too, and what drives a change.

Given a snapshot, filters and the time, gives what `forecast` reads. Hours that are over are read once, and from then on
those alone that lines still come for.

Never: another digit than `forecast` finds when it reads all of it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from spanledger_server.forecast import drivers, spend
from spanledger_server.forecast.drivers import Compared, Ranked
from spanledger_server.forecast.prices import PriceChange
from spanledger_server.forecast.spend import HISTORY_HOURS, Cell, Spend
from spanledger_server.rollups.dirty import Level
from spanledger_server.statistics import remembered
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS, Range
from spanledger_server.traces.filters import Conditions

CELLS_OF_TWO_KILOBYTES: Final = 5
WAITED: Final[tuple[Level, ...]] = ("1m", "1h")  # whose marks matter: prices mark hours where minutes are deleted
MOST_CATEGORIES: Final = 500_000


@dataclass(frozen=True, slots=True)
class _Cells:
    """Cells, and how much they are in rows of two kilobytes."""

    each: list[Cell]

    def __len__(self) -> int:
        return -(-len(self.each) // CELLS_OF_TWO_KILOBYTES)


def spent(
    reader: Reader, conditions: Conditions, window: Range, now_ns: int, changed: Sequence[PriceChange] = ()
) -> Spend:
    """What was spent in `window`, and the history before now, as `spend.spend` gives it."""
    return spend.summed(_cells(reader, conditions, window, now_ns, changed), window, now_ns // HOUR_NS)


def spent_by(
    reader: Reader, conditions: Conditions, dimension: str, names: Sequence[str | None], window: Range, now_ns: int
) -> list[Spend]:
    """The same of some categories, each for itself, in their order.

    Args:
        reader: One snapshot.
        conditions: Which lines.
        dimension: One of `drivers.DIMENSIONS`.
        names: The categories; None is what has none.
        window: The stretch whose exact total is wanted.
        now_ns: The time.
    """
    if not names:
        return []
    wanted = sorted({name or "" for name in names})
    only = replace(conditions, include={**conditions.include, drivers.KEYS[dimension]: wanted})
    by_name: dict[str, list[Cell]] = {name: [] for name in wanted}
    for cell in _cells(reader, only, window, now_ns, (), dimension):
        by_name[cell.category or ""].append(cell)
    return [spend.summed(by_name[name or ""], window, now_ns // HOUR_NS) for name in names]


def _cells(
    reader: Reader,
    conditions: Conditions,
    window: Range,
    now_ns: int,
    changed: Sequence[PriceChange],
    dimension: str = "",
) -> list[Cell]:
    this_hour = now_ns // HOUR_NS
    begin_ns = min(window.from_ns // HOUR_NS, this_hour - HISTORY_HOURS) * HOUR_NS
    split_ns, open_ns = spend.split_ns(window), _open_ns(now_ns)

    def read(stretch: Range) -> list[Cell]:
        return spend.cells(reader, conditions, stretch, split_ns, this_hour, changed, dimension)

    gone = Range(begin_ns, open_ns)
    question: Hashable = ("spent", repr((conditions.spelled(), dimension, changed, split_ns, gone)))
    before = remembered.rows(reader, question, "cost", gone, lambda: _Cells(read(gone)), unless=WAITED)
    if before is None:
        return read(Range(begin_ns, window.to_ns))
    return [*before.each, *read(Range(open_ns, window.to_ns))]


def compared(
    reader: Reader, conditions: Conditions, dimension: str, window: Range, before: Range, now_ns: int
) -> list[Compared]:
    """What drives a change, as `drivers.compared` gives it."""
    now, then = drivers.stretches(window, before, now_ns)
    old_now = Range(now.from_ns, max(now.from_ns, min(now.to_ns, _open_ns(now_ns))))
    old_then = Range(then.from_ns, max(then.from_ns, then.to_ns // HOUR_NS * HOUR_NS))

    question: Hashable = ("compared", repr((conditions.spelled(), dimension, old_now, old_then)))

    def read(one: Range, other: Range) -> Ranked:
        return drivers.ranked(reader, conditions, dimension, one, other, now_ns, MOST_CATEGORIES)

    long_gone = Range(then.from_ns, old_now.to_ns)
    old = remembered.rows(reader, question, "cost", long_gone, lambda: read(old_now, old_then), unless=WAITED)
    late = read(Range(old_now.to_ns, now.to_ns), Range(old_then.to_ns, then.to_ns))
    if old is None or max(old.table.num_rows, late.table.num_rows) >= MOST_CATEGORIES:
        return drivers.compared(reader, conditions, dimension, window, before, now_ns)
    return old.with_more(late)


def _open_ns(now_ns: int) -> int:
    """From when on lines still come: senders are a little late."""
    return (now_ns // HOUR_NS - 1) * HOUR_NS
