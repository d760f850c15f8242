"""Periods to date in a zone, and the parts of them that a trend shows.

Given a period's name, the time and a zone, gives where it begins and ends and into which days (of `today`: hours) it
falls, with what a statement needs to put a line into its part. A line belongs to the day that a clock on the wall
showed when the call ended.

Never: a day taken for 24 hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from spanledger_server import timegrid
from spanledger_server.timegrid import DAY_NS, HOUR_NS, SECOND_NS

MOST_TURNS: Final = 4  # changes of the offset within a year: Morocco has four, no zone more
FAR_NS: Final = 2**62
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Part:
    """One bar of a trend: its number in SQL, how answers call it, and its stretch of time."""

    number: int
    name: str
    from_ns: int
    to_ns: int


@dataclass(frozen=True, slots=True)
class Period:
    """A period to date.

    Attributes:
        name: ``today``, ``week``, ``month`` or ``year``.
        zone: Where its days begin.
        from_ns: Its beginning, part of it.
        to_ns: Now, not part of it.
        width_ns: Width of a part by the clock on the wall.
        offsets: From when on the zone is how far ahead of UTC, both in nanoseconds; the first holds from `from_ns`. Of
            ``today`` the one entry puts hour 0 at midnight.
        parts: The parts in order; the last one is the one that goes on.
    """

    name: timegrid.Period
    zone: ZoneInfo
    from_ns: int
    to_ns: int
    width_ns: int
    offsets: tuple[tuple[int, int], ...]
    parts: tuple[Part, ...]

    def bound(self) -> dict[str, int]:
        """The named parameters that put a line into its part: `width_ns`, `offset_0`, `turn_1`, `offset_1` and on."""
        padded = [*self.offsets, *[(FAR_NS, 0)] * (MOST_TURNS + 1 - len(self.offsets))]
        turns = {f"turn_{number}": start for number, (start, _) in enumerate(padded) if number}
        return {"width_ns": self.width_ns, **turns, **{f"offset_{number}": by for number, (_, by) in enumerate(padded)}}

    def aligned(self, unit_ns: int) -> bool:
        """Whether no whole unit of UTC lies in two parts."""
        starts = [start for start, _ in self.offsets[1:]]
        return all(value % unit_ns == 0 for value in (*starts, *(by for _, by in self.offsets)))


def to_date(name: timegrid.Period, now_ns: int, zone: ZoneInfo) -> Period:
    """The period called `name` that holds `now_ns`, up to it."""
    from_ns = timegrid.period(name, now_ns, zone).from_ns
    to_ns = max(now_ns, from_ns + 1)
    if name == "today":
        return Period(name, zone, from_ns, to_ns, HOUR_NS, ((from_ns, -from_ns),), _hours(from_ns, to_ns))
    days = timegrid.days(timegrid.Range(from_ns, to_ns), zone)
    parts = tuple(
        Part((day.date - date(1970, 1, 1)).days, day.date.isoformat(), day.from_ns, day.to_ns) for day in days
    )
    return Period(name, zone, from_ns, to_ns, DAY_NS, _offsets(zone, from_ns, to_ns), parts)


def _hours(from_ns: int, to_ns: int) -> tuple[Part, ...]:
    starts = enumerate(range(from_ns, to_ns, HOUR_NS))
    return tuple(Part(number, f"{_utc(start):%Y-%m-%dT%H:%M:%SZ}", start, start + HOUR_NS) for number, start in starts)


def _utc(at_ns: int) -> datetime:
    return _EPOCH + timedelta(seconds=at_ns // SECOND_NS)


def _offset_ns(at_ns: int, zone: ZoneInfo) -> int:
    offset = _utc(at_ns).astimezone(zone).utcoffset() or timedelta()
    return (offset.days * 86_400 + offset.seconds) * SECOND_NS


def _offsets(zone: ZoneInfo, from_ns: int, to_ns: int) -> tuple[tuple[int, int], ...]:
    """The zone's offsets between two times: looked at once a day, and each change found to the second."""
    found = [(from_ns, _offset_ns(from_ns, zone))]
    for at_ns in range(from_ns, to_ns, DAY_NS):
        next_ns = min(at_ns + DAY_NS, to_ns)
        if _offset_ns(next_ns, zone) != found[-1][1]:
            turn_ns = _turn_ns(zone, at_ns, next_ns)
            found.append((turn_ns, _offset_ns(turn_ns, zone)))
    return tuple(found)


def _turn_ns(zone: ZoneInfo, before_ns: int, after_ns: int) -> int:
    """The first whole second after `before_ns` at which the offset is another."""
    low, high = before_ns // SECOND_NS, after_ns // SECOND_NS
    old = _offset_ns(before_ns, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset_ns(middle * SECOND_NS, zone) == old else (low, middle)
    return high * SECOND_NS
