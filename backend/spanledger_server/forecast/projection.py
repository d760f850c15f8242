"""The end of a period, from what was spent and how it goes on.

Given a window (one that ends, or one that rolls), what was spent in it and a limit, gives the outlook with the pace it
stands on and what a reader should know of it.

Never: a sure word from less than a day of history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final

from spanledger_server.forecast import outlook, pace
from spanledger_server.forecast.outlook import Ahead, Course, Outlook
from spanledger_server.forecast.pace import DAY, Pace
from spanledger_server.forecast.prices import PriceChange
from spanledger_server.forecast.spend import Hour, Spend
from spanledger_server.timegrid import HOUR_NS, Range

CERTAIN_HOURS: Final = DAY  # of history, from which on a pace says something of days
MOMENTS: Final = 24  # of a course: what a drawing needs


@dataclass(frozen=True, slots=True)
class Projection:
    """Where it goes.

    Attributes:
        outlook: The end of the window, and what it means for the limit.
        pace: What it stands on.
        notes: What to know of it, a sentence each.
        spent: USD so far; None when it is not known.
        ahead: What is to come.
    """

    outlook: Outlook
    pace: Pace
    notes: tuple[str, ...]
    spent: Decimal | None
    ahead: Ahead

    @property
    def certain(self) -> bool:
        """Whether there is enough history for the projection to decide anything."""
        return self.pace.history_hours >= CERTAIN_HOURS or self.pace.method == pace.NONE

    @property
    def course(self) -> Course | None:
        """The way to the end; None where the end is not known."""
        return outlook.course(self.spent, self.ahead, MOMENTS) if self.certain else None


def project(
    found: Spend,
    window: Range,
    now_ns: int,
    limit: Decimal | None,
    *,
    rolling: bool = False,
    exhausted_ns: int | None = None,
    changed: Sequence[PriceChange] = (),
) -> Projection:
    """Where the spending of `window` goes.

    Args:
        found: What was spent so far, and the history.
        window: The period; of a rolling one, as it stands now.
        now_ns: The time.
        limit: USD; None when there is none.
        rolling: Whether old money leaves the window while new comes.
        exhausted_ns: When the limit was reached, if it was.
        changed: Prices that changed within the history.
    """
    length_ns = window.to_ns - window.from_ns
    end_ns = now_ns + length_ns if rolling else max(now_ns, window.to_ns)
    edges = _edges(now_ns, end_ns)
    going = pace.pace(found.history, max(len(edges) - 1, DAY))
    shares = [(after - before) / HOUR_NS for before, after in pairwise(edges)]
    expected = tuple(share * going.expected[number] for number, share in enumerate(shares))
    gone_ns = [edge - length_ns for edge in edges[1:]] if rolling else []
    ahead = Ahead(
        edges_ns=tuple(edges),
        expected=expected,
        leaving=_leaving(found.hours, gone_ns) if rolling else (0.0,) * len(expected),
        spread=going.spread,
        per_day=DAY * sum(going.expected) / len(going.expected),
    )
    end = outlook.outlook(found.cost, ahead, limit, exhausted_ns)
    return Projection(end, going, _notes(found, going, changed), found.cost, ahead)


def _edges(now_ns: int, end_ns: int) -> list[int]:
    """Now, every full hour, the end."""
    first = (now_ns // HOUR_NS + 1) * HOUR_NS
    return [now_ns, *range(first, end_ns, HOUR_NS), end_ns] if end_ns > now_ns else [now_ns]


def _leaving(hours: Sequence[Hour], gone_ns: Sequence[int]) -> tuple[float, ...]:
    """What has left a window whose begin moves to each of `gone_ns`; an hour leaves as a whole."""
    left, number, found = 0.0, 0, []
    for at_ns in gone_ns:
        while number < len(hours) and hours[number].from_ns + HOUR_NS <= at_ns:
            left += float(hours[number].cost)
            number += 1
        found.append(left)
    return tuple(found)


def _notes(found: Spend, going: Pace, changed: Sequence[PriceChange]) -> tuple[str, ...]:
    notes = []
    if going.method == pace.NONE and found.cost is None:
        notes.append("Nothing is known of what was spent: there is no pace to go by.")
    elif going.method == pace.NONE:
        notes.append("Nothing was spent within eight weeks: there is no pace to go by.")
    elif going.history_hours < CERTAIN_HOURS:
        notes.append(f"Too early: {going.history_hours} of {CERTAIN_HOURS} hours of history.")
    elif going.history_hours < pace.WEEK:
        notes.append(f"{going.history_hours // DAY} of 7 days of history: weekdays are not known yet.")
    if found.unpriced_calls:
        calls = "1 call has" if found.unpriced_calls == 1 else f"{found.unpriced_calls} calls have"
        notes.append(f"{calls} no known price: the true figures are higher.")
    for change in changed:
        way = "dearer" if change.factor > 1 else "cheaper"
        by = abs(change.factor - 1) * 100
        notes.append(f"{change.model} became {by:.0f} % {way}: its usage of before is projected at the price of now.")
    return tuple(notes)
