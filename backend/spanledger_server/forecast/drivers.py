"""What drives a change: each category's spending in a period to date against the same stretch of the one before.

Never: a whole period compared with a part of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from heapq import nsmallest
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spanledger_server.forecast import spend
from spanledger_server.forecast.outlook import EXACT
from spanledger_server.forecast.spend import Filtered
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS, Range

SQL = sqlfile.load(__package__)

DIMENSIONS: Final = ("model", "feature", "user_tier", "provider", "user", "service")
KEYS: Final = {name: "user_id" if name == "user" else name for name in DIMENSIONS}  # the filters' names
MOST: Final = 200
MOST_SHOWN: Final = 5
SUMS: Final = ("spent", "before", "calls", "calls_before", "unpriced_calls")
ROUNDED: Final = 1e-12  # of an amount: more than doubles lose
_IF_ANY: Final = pc.ScalarAggregateOptions(min_count=1)


@dataclass(frozen=True, slots=True)
class Compared:
    """A category, now and before.

    Attributes:
        category: Its name; None for what has none.
        spent: USD of the period to date; None when none of its calls has a price.
        before: USD of the same stretch of the period before, in the same way.
        calls: How many calls there are.
        calls_before: How many there were.
        unpriced_calls: How many of the calls have no known price.
    """

    category: str | None
    spent: Decimal | None
    before: Decimal | None
    calls: int
    calls_before: int
    unpriced_calls: int

    @property
    def change(self) -> Decimal | None:
        """USD more than before; None where a side is not known."""
        now = self.spent if self.calls else Decimal(0)
        then = self.before if self.calls_before else Decimal(0)
        return None if now is None or then is None else now - then


def end(window: Range, before: Range, now_ns: int) -> int:
    """Where the stretch of the period before ends: it is as long as this one is old, and no longer than it was."""
    return min(before.to_ns, before.from_ns + max(0, now_ns - window.from_ns))


def compared(
    reader: Reader, conditions: Filtered, dimension: str, window: Range, before: Range, now_ns: int
) -> list[Compared]:
    """Every category of either stretch, those that changed most first.

    Args:
        reader: One snapshot.
        conditions: Which lines.
        dimension: One of `DIMENSIONS`.
        window: The period that goes on.
        before: The one before it.
        now_ns: The time.
    """
    now, then = stretches(window, before, now_ns)
    return ranked(reader, conditions, dimension, now, then, now_ns, MOST).rows()


def stretches(window: Range, before: Range, now_ns: int) -> tuple[Range, Range]:
    """The period to date, and the same stretch of the one before."""
    return Range(window.from_ns, min(now_ns, window.to_ns)), Range(before.from_ns, end(window, before, now_ns))


def ranked(
    reader: Reader, conditions: Filtered, dimension: str, now: Range, then: Range, now_ns: int, most: int
) -> Ranked:
    """At most `most` categories of two stretches of time, those that changed most first."""
    sql, parameters = _statement(reader, conditions, dimension, now, then, now_ns)
    return Ranked(reader.arrow(sql, **parameters, most=most))


def _statement(
    reader: Reader, conditions: Filtered, dimension: str, now: Range, then: Range, now_ns: int
) -> tuple[str, dict[str, Any]]:
    asked, this_hour = conditions.asked() | {KEYS[dimension]}, now_ns // HOUR_NS
    h, before = (spend.sources(reader, asked, each, this_hour) for each in (now, then))
    rolled = spend.rolled(h) or spend.rolled(before)
    bound = {**conditions.bound(), "dimension": dimension, "h": h, "before": before, "rolled": rolled, "most": 0}
    sql, parameters = sqlfile.lean(SQL["compared"], bound)
    return sql, {name: value for name, value in parameters.items() if name != "most"}


@dataclass(frozen=True, slots=True)
class Ranked:
    """All categories of two stretches, those that changed most first: a hundred thousand in a few megabytes."""

    table: pa.Table  # its columns are the attributes of `Compared`

    def __len__(self) -> int:
        """How much it is, in rows of two kilobytes."""
        return 1 + self.table.nbytes // 2000

    def rows(self) -> list[Compared]:
        """All of them."""
        return [Compared(*row) for row in zip(*(column.to_pylist() for column in self.table.columns), strict=True)]

    def with_more(self, other: Ranked) -> list[Compared]:
        """The first ones with another piece of the same stretches, as `compared` has them."""
        if not other.table.num_rows:
            return Ranked(self.table.slice(0, MOST)).rows()
        both = pa.concat_tables([self.table, other.table]).group_by("category", use_threads=False)
        added = both.aggregate([(name, "sum", _IF_ANY) for name in SUMS])
        found = added.select(["category", *(f"{name}_sum" for name in SUMS)])
        return nsmallest(MOST, Ranked(found.filter(_among_first(found))).rows(), key=_place)


def _among_first(found: pa.Table) -> Any:
    """Which may be among those that changed most: told by doubles, exact but for the last digits."""
    spent, before = (np.nan_to_num(found[f"{name}_sum"].cast(pa.float64()).to_numpy()) for name in SUMS[:2])
    moved, size = np.abs(spent - before), np.abs(spent) + np.abs(before)
    least = np.partition(moved, -MOST)[-MOST] if len(moved) > MOST else 0.0
    return pa.array(moved + size * ROUNDED >= least)


def _place(row: Compared) -> tuple[Decimal, bool, str]:
    moved = EXACT.subtract(row.spent or Decimal(0), row.before or Decimal(0))
    return -abs(moved), row.category is None, row.category or ""
