"""What drives a change: each category's spending in a period to date against the same stretch of the one before.

Never: a whole period compared with a part of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from spanledger_server.forecast.spend import Filtered, hours_of
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS, Range

SQL = sqlfile.load(__package__)

DIMENSIONS: Final = ("model", "feature", "user_tier", "provider", "user", "service")
KEYS: Final = {name: "user_id" if name == "user" else name for name in DIMENSIONS}  # the filters' names
MOST: Final = 200
MOST_SHOWN: Final = 5


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
    asked, this_hour = conditions.asked() | {KEYS[dimension]}, now_ns // HOUR_NS
    now, then = Range(window.from_ns, min(now_ns, window.to_ns)), Range(before.from_ns, end(window, before, now_ns))
    stretches = {"": now, "before_": then}
    bounds: dict[str, Any] = {"dimension": dimension, "most": MOST}
    for prefix, each in stretches.items():
        sources = hours_of(reader, asked, each.from_ns, each, this_hour) | {
            "from_ns": each.from_ns,
            "to_ns": each.to_ns,
        }
        bounds |= {prefix + name: value for name, value in sources.items()}
    rolled = any(bounds[f"{prefix}head_ns"] < bounds[f"{prefix}tail_ns"] for prefix in stretches)
    sql, parameters = sqlfile.lean(SQL["compared"], {**conditions.bound(), **bounds, "rolled": rolled})
    return [Compared(**row) for row in reader.rows(sql, **parameters)]
