"""Calendar periods and buckets as half-open ranges of nanoseconds.

Given a time and an IANA zone, gives the day, ISO week (Monday to Sunday), month or year around it, the one before
it, and the days and months of a range: their lengths differ with daylight saving and leap days. Buckets of fixed
width are counted from 1970 in UTC.

Never: reads the clock, or assumes that a day has 24 hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from spanledger_server.errors import Invalid

SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
HOUR_NS: Final = 60 * MINUTE_NS
DAY_NS: Final = 24 * HOUR_NS  # of UTC

Period = Literal["today", "week", "month", "year"]
PERIODS: Final[tuple[Period, ...]] = get_args(Period)
NO_ZONES: Final = ("right/", "posix/", "posixrules", "localtime")  # files beside the zones, with leap seconds or ours
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Range:
    """Nanoseconds UTC: `from_ns` belongs to it, `to_ns` does not."""

    from_ns: int
    to_ns: int

    @property
    def length_ns(self) -> int:
        """How long it is; a calendar day may have 23 or 25 hours."""
        return self.to_ns - self.from_ns

    def __contains__(self, at_ns: int) -> bool:
        return self.from_ns <= at_ns < self.to_ns


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar day of some zone and when it was."""

    date: date
    from_ns: int
    to_ns: int


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The zone of that IANA name.

    Raises:
        Invalid: There is none.
    """
    try:
        if name.startswith(NO_ZONES):
            raise ZoneInfoNotFoundError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid("tz", name, "an IANA time zone such as UTC or Europe/Berlin") from error


def local_date(at_ns: int, tz: ZoneInfo) -> date:
    """The date on a calendar that hangs in `tz` at that time."""
    return (_EPOCH + timedelta(seconds=at_ns // SECOND_NS)).astimezone(tz).date()


def day_start_ns(day: date, tz: ZoneInfo) -> int:
    """When that day begins: its first moment, also where midnight is skipped or comes twice."""
    midnight = datetime(
        day.year, day.month, day.day, tzinfo=tz
    )  # fold 0: the first of two; a skipped one is where it would be
    since = midnight.astimezone(UTC) - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND_NS


def period(name: Period, now_ns: int, tz: ZoneInfo) -> Range:
    """The whole calendar period in which `now_ns` lies.

    Args:
        name: today, week (ISO: from Monday), month or year.
        now_ns: A time.
        tz: Where the calendar hangs.
    """
    first = _first_day(name, local_date(now_ns, tz))
    return Range(day_start_ns(first, tz), day_start_ns(_next_first_day(name, first), tz))


def previous(name: Period, now_ns: int, tz: ZoneInfo) -> Range:
    """The calendar period before the one in which `now_ns` lies."""
    first = _first_day(name, local_date(now_ns, tz))
    before = _first_day(name, first - timedelta(days=1))
    return Range(day_start_ns(before, tz), day_start_ns(first, tz))


def month(text: str, tz: ZoneInfo) -> Range:
    """The calendar month that is written ``2026-11``.

    Raises:
        Invalid: It is none.
    """
    try:
        if len(text) != len("2026-11"):
            raise ValueError(text)
        first = date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise Invalid("month", text, "a month such as 2026-11") from error
    if not 1970 <= first.year <= 2261:
        raise Invalid("month", text, "a month from 1970-01 to 2261-12")
    return Range(day_start_ns(first, tz), day_start_ns(_next_first_day("month", first), tz))


def _first_day(name: Period, day: date) -> date:
    if name == "week":
        return day - timedelta(days=day.weekday())
    if name == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if name == "year" else day


def _next_first_day(name: Period, first: date) -> date:
    if name == "today":
        return first + timedelta(days=1)
    if name == "week":
        return first + timedelta(days=7)
    beyond = first + timedelta(days=31 if name == "month" else 366)
    return _first_day(name, beyond)


def days(span: Range, tz: ZoneInfo) -> list[Day]:
    """The calendar days that have a moment in `span`, whole, oldest first; a day that a zone skipped is none."""
    return list(_days(span, tz))


def _days(span: Range, tz: ZoneInfo) -> Iterator[Day]:
    if span.to_ns <= span.from_ns:
        return
    current = local_date(span.from_ns, tz)
    from_ns = day_start_ns(current, tz)
    while from_ns < span.to_ns:
        following = current + timedelta(days=1)
        to_ns = day_start_ns(following, tz)
        if to_ns > from_ns:
            yield Day(current, from_ns, to_ns)
        current, from_ns = following, to_ns


def bucket(at_ns: int, width_ns: int) -> int:
    """The number of the bucket of that width, counted from 1970 UTC."""
    return at_ns // width_ns


def buckets(span: Range, width_ns: int) -> range:
    """The numbers of the buckets that have a moment in `span`."""
    return range(
        span.from_ns // width_ns, -(-span.to_ns // width_ns) if span.to_ns > span.from_ns else span.from_ns // width_ns
    )


def whole_buckets(span: Range, width_ns: int) -> range:
    """The numbers of the buckets that lie in `span` from end to end; empty when there is none."""
    first = -(-span.from_ns // width_ns)
    return range(first, max(first, span.to_ns // width_ns))
