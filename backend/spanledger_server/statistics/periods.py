"""Periods to date in a zone, the same stretch of the period before, and the parts that a trend shows.

Given a period's name, the time and a zone, gives where it begins and ends and into which days (of `today`: hours) it
falls, with what a statement needs to put a line into its part. A line belongs to the day that a clock on the wall
showed when the call ended. `rolling` gives the last hour, day, week or month by the clock alone, `stepped` any window.

Never: a day taken for 24 hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

from spanledger_server import timegrid
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS, Range

Rolling = Literal["hour", "day", "week", "month"]
ROLLING: Final[tuple[Rolling, ...]] = get_args(Rolling)
LENGTH_AND_STEP_NS: Final[dict[Rolling, tuple[int, int]]] = {
    "hour": (HOUR_NS, MINUTE_NS),
    "day": (DAY_NS, HOUR_NS),
    "week": (7 * DAY_NS, 2 * HOUR_NS),
    "month": (30 * DAY_NS, 6 * HOUR_NS),
}
MOST_TURNS: Final = 4  # changes of the offset within a year: Morocco has four, no zone more
FAR_NS: Final = 2**62
UTC_ZONE: Final = ZoneInfo("UTC")
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
        name: ``today``, ``week``, ``month`` or ``year``; of a rolling one, ``hour`` and so on.
        zone: Where its days begin.
        from_ns: Its beginning, part of it.
        to_ns: Now, not part of it.
        width_ns: Width of a part by the clock on the wall.
        offsets: From when on the zone is how far ahead of UTC, both in nanoseconds; the first holds from `from_ns`. Of
            ``today`` the one entry puts hour 0 at midnight.
        parts: The parts in order; the last one is the one that goes on.
        closed: Whether it ended long ago, with a whole part, so that none of it goes on.
    """

    name: str
    zone: ZoneInfo
    from_ns: int
    to_ns: int
    width_ns: int
    offsets: tuple[tuple[int, int], ...]
    parts: tuple[Part, ...]
    closed: bool = False

    @property
    def window(self) -> Range:
        """From its beginning to its end."""
        return Range(self.from_ns, self.to_ns)

    @property
    def coarsest(self) -> Literal["minute", "hour", "day"]:
        """The widest bucket of UTC that never lies in two parts."""
        if self.width_ns == FAR_NS or (self.width_ns % DAY_NS == 0 and self.aligned(DAY_NS)):
            return "day"
        return "hour" if self.width_ns % HOUR_NS == 0 and self.aligned(HOUR_NS) else "minute"

    def bound(self) -> dict[str, int]:
        """What `part_of` puts a line into its part by: `width_ns`, `offset_0`, `turn_1`, `offset_1` and on."""
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
    return _calendar(name, zone, from_ns, max(now_ns, from_ns + 1))


def _calendar(name: str, zone: ZoneInfo, from_ns: int, to_ns: int) -> Period:
    if name == "today":
        return Period(name, zone, from_ns, to_ns, HOUR_NS, ((from_ns, -from_ns),), _hours(from_ns, to_ns))
    parts, offsets = _days(zone, from_ns, -(-to_ns // DAY_NS) * DAY_NS)
    turned = (offsets[0], *(each for each in offsets[1:] if each[0] < to_ns))
    return Period(name, zone, from_ns, to_ns, DAY_NS, turned, tuple(part for part in parts if part.from_ns < to_ns))


@lru_cache(maxsize=32)
def _days(zone: ZoneInfo, from_ns: int, to_ns: int) -> tuple[tuple[Part, ...], tuple[tuple[int, int], ...]]:
    """The days of a zone between two times, and its offsets; a year of them takes milliseconds."""
    days = timegrid.days(timegrid.Range(from_ns, to_ns), zone)
    parts = (Part((day.date - date(1970, 1, 1)).days, day.date.isoformat(), day.from_ns, day.to_ns) for day in days)
    return tuple(parts), _offsets(zone, from_ns, to_ns)


def before(period: Period) -> Period | None:
    """The same stretch of the period before, as far as the clocks on the wall go; None where there was none."""
    first = timegrid.local_date(period.from_ns, period.zone)
    last = _wall(period.to_ns, period.zone)
    begin = _first_day_before(period.name, first)
    if period.name == "year":
        end = _a_year_earlier(last)
    else:
        end = datetime.combine(begin, time()) + (last - datetime.combine(first, time()))
    from_ns = timegrid.day_start_ns(begin, period.zone)
    to_ns = min(_at_ns(end, period.zone) + period.to_ns % SECOND_NS, period.from_ns)
    return None if to_ns <= from_ns or from_ns < 0 else _calendar(period.name, period.zone, from_ns, to_ns)


def _first_day_before(name: str, first: date) -> date:
    """The first day of the period before the one that begins on `first`."""
    if name == "year":
        return first.replace(year=first.year - 1)
    if name == "month":
        return (first - timedelta(days=1)).replace(day=1)
    return first - timedelta(days=7 if name == "week" else 1)


def _a_year_earlier(wall: datetime) -> datetime:
    try:
        return wall.replace(year=wall.year - 1)
    except ValueError:  # the 29th of February: all of the 28th was before it
        return datetime(wall.year - 1, 3, 1)  # noqa: DTZ001 - what a clock on the wall shows


def _wall(at_ns: int, zone: ZoneInfo) -> datetime:
    """What a clock on the wall shows, to the second."""
    return _utc(at_ns).astimezone(zone).replace(tzinfo=None)


def _at_ns(wall: datetime, zone: ZoneInfo) -> int:
    since = wall.replace(tzinfo=zone).astimezone(UTC) - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND_NS


def rolling(name: Rolling, now_ns: int, zone: ZoneInfo) -> Period:
    """The last hour, 24 hours, 7 or 30 days, from a whole minute on."""
    length_ns, step_ns = LENGTH_AND_STEP_NS[name]
    return stepped(name, Range(max(0, now_ns - length_ns) // MINUTE_NS * MINUTE_NS, now_ns), step_ns, zone)


def stepped(name: str, window: Range, step_ns: int, zone: ZoneInfo) -> Period:
    """Any window in parts of one width, which begin at multiples of it since 1970."""
    numbers = timegrid.buckets(window, step_ns)
    parts = tuple(Part(n, rfc3339(n * step_ns), n * step_ns, (n + 1) * step_ns) for n in numbers)
    return Period(name, zone, window.from_ns, window.to_ns, step_ns, ((window.from_ns, 0),), parts)


def in_days(name: str, window: Range, zone: ZoneInfo) -> Period:
    """Any window in days of a zone, at most a year."""
    return _calendar(name, zone, window.from_ns, window.to_ns)


def whole(window: Range) -> Period:
    """Any window in one part."""
    return Period("window", UTC_ZONE, window.from_ns, window.to_ns, FAR_NS, ((window.from_ns, 0),), ())


def rfc3339(at_ns: int) -> str:
    """A time in UTC, to the second."""
    return f"{_utc(at_ns):%Y-%m-%dT%H:%M:%SZ}"


def _hours(from_ns: int, to_ns: int) -> tuple[Part, ...]:
    starts = enumerate(range(from_ns, to_ns, HOUR_NS))
    return tuple(Part(number, rfc3339(start), start, start + HOUR_NS) for number, start in starts)


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
