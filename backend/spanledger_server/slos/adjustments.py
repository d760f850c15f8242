"""What of an objective's time and events does not count: planned downtime, once or again and again, and corrections.

Given its JSON, gives an adjustment or every mistake at once; given a window, the minutes of it that are excluded and
the bad events that are added or taken back. Downtime that recurs is hung on the clock of an IANA zone: it begins at
the same time of the day on both sides of a change of the clocks (where that time is skipped, as much later; where it
comes twice, the first time) and lasts as long.

Never: a part of a minute, or an excluded minute that is counted because two adjustments name it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, get_args

from spanledger_server import timegrid
from spanledger_server.errors import Invalid, Mistakes
from spanledger_server.slos.burn import Counts
from spanledger_server.timegrid import DAY_NS, MINUTE_NS, SECOND_NS, Range

Repeat = Literal["day", "week", "month"]
REPEATS: Final[tuple[Repeat, ...]] = get_args(Repeat)
DAYS: Final[dict[str, int]] = {"day": 1, "week": 7}
LONGEST_NS: Final = 31 * DAY_NS
LONGEST_REPEATED_NS: Final = 7 * DAY_NS
MOST_EVERY: Final = 52
MOST_BAD: Final = 10**12
LATEST_NS: Final = 2**63 - 1
MOST_REASON: Final = 1000
MONTHS: Final = 12
LENGTH: Final = re.compile(r"(?P<count>[1-9]\d{0,4})(?P<unit>[mhd])", re.ASCII)
UNITS_NS: Final = {"m": MINUTE_NS, "h": 60 * MINUTE_NS, "d": DAY_NS}
UTC_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:00(\.0+)?)?([Zz]|[-+]\d\d:\d\d)", re.ASCII)
LOCAL_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", re.ASCII)
ONCE: Final = frozenset(("kind", "reason", "from", "to"))
AGAIN: Final = frozenset(("kind", "reason", "starts", "duration", "timezone", "repeats", "every", "until"))
CORRECTS: Final = frozenset(("kind", "reason", "at", "bad"))
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Downtime:
    """Planned downtime, once.

    Attributes:
        window: When; whole minutes.
    """

    window: Range

    def within(self, window: Range) -> Iterator[Range]:
        """The stretches that have a moment in a window."""
        if self.window.from_ns < window.to_ns and window.from_ns < self.window.to_ns:
            yield self.window


@dataclass(frozen=True, slots=True)
class Recurring:
    """Planned downtime, again and again.

    Attributes:
        starts: The first time, on the clock of `timezone`.
        length_ns: How long each time lasts.
        timezone: IANA name.
        repeats: Each day, each week on the same day, or each month on the same date (none in months without it).
        every: Each time (1), each second time (2), …
        until: The last day on which one begins; None: for ever.
    """

    starts: dt.datetime
    length_ns: int
    timezone: str
    repeats: Repeat
    every: int = 1
    until: dt.date | None = None

    def within(self, window: Range) -> Iterator[Range]:
        """The stretches that have a moment in a window, oldest first."""
        tz = timegrid.zone(self.timezone)
        for day in self._days(timegrid.local_date(max(0, window.from_ns - self.length_ns - DAY_NS), tz)):
            local = dt.datetime.combine(day, self.starts.time(), tzinfo=tz)
            since = local.astimezone(dt.UTC) - EPOCH
            from_ns = (since.days * 86_400 + since.seconds) * SECOND_NS
            if from_ns >= window.to_ns or (self.until is not None and day > self.until):
                return
            if from_ns + self.length_ns > window.from_ns:
                yield Range(from_ns, from_ns + self.length_ns)

    def _days(self, first: dt.date) -> Iterator[dt.date]:
        """The days on which it begins, from about `first` on."""
        start = self.starts.date()
        if self.repeats == "month":
            months = (first.year - start.year) * MONTHS + first.month - start.month
            number = max(0, months // self.every)
            while True:
                yield from _same_date(start, number * self.every)
                number += 1
        step = DAYS[self.repeats] * self.every
        number = max(0, (first - start).days // step)
        while True:
            yield start + dt.timedelta(days=number * step)
            number += 1


def _same_date(start: dt.date, months: int) -> Iterator[dt.date]:
    """The same date so many months later, where that month has it."""
    years, month = divmod(start.month - 1 + months, MONTHS)
    try:
        yield start.replace(year=start.year + years, month=month + 1)
    except ValueError:
        return


@dataclass(frozen=True, slots=True)
class Correction:
    """Bad events that were none, or that were not measured.

    Attributes:
        at_ns: When they were.
        bad: How many there were beside what was measured; below 0 where so many of the measured ones were none.
    """

    at_ns: int
    bad: float


@dataclass(frozen=True, slots=True)
class Adjustments:
    """All of an objective."""

    downtimes: tuple[Downtime | Recurring, ...] = ()
    corrections: tuple[Correction, ...] = ()

    def excluded(self, window: Range) -> tuple[Range, ...]:
        """The stretches of a window that do not count, oldest first, apart from one another."""
        found = (each for downtime in self.downtimes for each in downtime.within(window))
        return merged(Range(max(each.from_ns, window.from_ns), min(each.to_ns, window.to_ns)) for each in found)

    def corrected(self, counts: Counts, window: Range, excluded: Sequence[Range]) -> Counts:
        """The events of a window with the corrections in it that lie in no excluded stretch.

        There are never more good events than events, nor fewer than none.
        """
        bad = sum(
            each.bad
            for each in self.corrections
            if each.at_ns in window and not any(each.at_ns in stretch for stretch in excluded)
        )
        if bad == 0 or counts.total <= 0:
            return counts
        return replace(counts, good=min(counts.total, max(0.0, counts.good - bad)))

    def __add__(self, other: Adjustments) -> Adjustments:
        """Both."""
        return Adjustments(self.downtimes + other.downtimes, self.corrections + other.corrections)


NONE: Final = Adjustments()


def merged(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The same moments, each once, oldest first."""
    found: list[Range] = []
    for each in sorted(ranges, key=lambda one: (one.from_ns, one.to_ns)):
        if found and each.from_ns <= found[-1].to_ns:
            found[-1] = Range(found[-1].from_ns, max(found[-1].to_ns, each.to_ns))
        elif each.length_ns > 0:
            found.append(each)
    return tuple(found)


def without(window: Range, excluded: Sequence[Range]) -> list[Range]:
    """What is left of a window; `excluded` as `merged` gives it."""
    found, from_ns = [], window.from_ns
    for each in excluded:
        if each.from_ns > from_ns:
            found.append(Range(from_ns, min(each.from_ns, window.to_ns)))
        from_ns = max(from_ns, each.to_ns)
    return [each for each in [*found, Range(from_ns, window.to_ns)] if each.length_ns > 0]


def length_ns(window: Range, excluded: Sequence[Range]) -> int:
    """How much of a window is excluded."""
    return sum(max(0, min(each.to_ns, window.to_ns) - max(each.from_ns, window.from_ns)) for each in excluded)


def of(each: Iterable[Downtime | Recurring | Correction]) -> Adjustments:
    """Adjustments of one objective, together."""
    listed = list(each)
    return Adjustments(
        tuple(one for one in listed if not isinstance(one, Correction)),
        tuple(one for one in listed if isinstance(one, Correction)),
    )


def parse(given: Any) -> Downtime | Recurring | Correction:
    """An adjustment of its JSON; docs/slos.md lists the members.

    Raises:
        Mistakes: With everything that is wrong.
    """
    if not isinstance(given, Mapping):
        raise Mistakes([Invalid("body", given, "an object with kind and reason")])
    reading = _Reading(given)
    kind = given.get("kind")
    reading.take(lambda: _reason(given.get("reason")))
    if kind == "correction":
        found: Downtime | Recurring | Correction | None = reading.correction()
    elif kind == "downtime":
        found = reading.recurring() if given.keys() & {"starts", "repeats", "duration"} else reading.once()
    else:
        reading.mistakes.append(Invalid("kind", kind, "downtime or correction"))
        found = None
    if reading.mistakes or found is None:
        raise Mistakes(reading.mistakes)
    return found


class _Reading:
    """Takes an adjustment apart and gathers what is wrong with it."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        self.mistakes: list[Invalid] = []

    def take(self, read: Callable[[], Any]) -> Any:
        """What `read` gives; None when it is refused, which is noted."""
        try:
            return read()
        except Invalid as mistake:
            self.mistakes.append(mistake)
            return None

    def once(self) -> Downtime | None:
        """Downtime with `from` and `to`."""
        self._known(ONCE)
        from_ns = self.take(lambda: _moment("from", self.given.get("from")))
        to_ns = self.take(lambda: _moment("to", self.given.get("to")))
        if from_ns is None or to_ns is None:
            return None
        if not 0 < to_ns - from_ns <= LONGEST_NS:
            self.mistakes.append(Invalid("to", self.given["to"], "after from, at most 31 days after it"))
        return Downtime(Range(from_ns, to_ns))

    def recurring(self) -> Recurring | None:
        """Downtime with `starts`, `duration` and `repeats`."""
        self._known(AGAIN)
        given = self.given
        starts = self.take(lambda: _local(given.get("starts")))
        length = self.take(lambda: _length(given.get("duration")))
        zone = self.take(lambda: _zone(given.get("timezone", "UTC")))
        repeats = self.take(lambda: _repeats(given.get("repeats")))
        every = given.get("every", 1)
        if isinstance(every, bool) or not isinstance(every, int) or not 1 <= every <= MOST_EVERY:
            self.mistakes.append(Invalid("every", every, f"a whole number from 1 to {MOST_EVERY}"))
        until = self.take(lambda: None if given.get("until") is None else _date(given["until"]))
        if self.mistakes:
            return None
        return Recurring(starts, length, zone, repeats, every, until)

    def correction(self) -> Correction | None:
        """A correction with `at` and `bad`."""
        self._known(CORRECTS)
        at_ns = self.take(lambda: _moment("at", self.given.get("at")))
        bad = self.given.get("bad")
        if isinstance(bad, bool) or not isinstance(bad, (int, float)) or bad == 0 or not abs(bad) <= MOST_BAD:
            self.mistakes.append(Invalid("bad", bad, "a number of events that is not 0; below 0 to take bad ones back"))
        return None if self.mistakes else Correction(at_ns, float(bad or 0))

    def _known(self, members: frozenset[str]) -> None:
        for name in sorted(set(map(str, self.given)) - members):
            self.mistakes.append(Invalid(name, self.given.get(name), f"one of {', '.join(sorted(members))}"))


def _reason(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MOST_REASON or "\x00" in value:
        raise Invalid("reason", value, f"why, in 1 to {MOST_REASON} characters")
    return value


def _moment(name: str, value: Any) -> int:
    allowed = "a whole minute with its zone, such as 2026-11-22T02:00:00Z"
    if not isinstance(value, str) or not UTC_TIME.fullmatch(value):
        raise Invalid(name, value, allowed)
    try:
        since = dt.datetime.fromisoformat(value.upper()).astimezone(dt.UTC) - EPOCH
    except (ValueError, OverflowError) as error:
        raise Invalid(name, value, allowed) from error
    found = (since.days * 86_400 + since.seconds) * SECOND_NS
    if not 0 <= found <= LATEST_NS:
        raise Invalid(name, value, "a time from 1970 to 2262")
    return found


def _local(value: Any) -> dt.datetime:
    allowed = "a time of the zone's clock without an offset, such as 2026-11-22T02:00, from 1970 to 2200"
    if not isinstance(value, str) or not LOCAL_TIME.fullmatch(value):
        raise Invalid("starts", value, allowed)
    try:
        found = dt.datetime.fromisoformat(value)
    except ValueError as error:
        raise Invalid("starts", value, allowed) from error
    if not 1970 <= found.year <= 2200:
        raise Invalid("starts", value, allowed)
    return found


def _length(value: Any) -> int:
    match = LENGTH.fullmatch(value) if isinstance(value, str) else None
    found = 0 if match is None else int(match["count"]) * UNITS_NS[match["unit"]]
    if not 0 < found <= LONGEST_REPEATED_NS:
        raise Invalid("duration", value, "a length such as 90m, 2h or 1d, at most 7d")
    return found


def _repeats(value: Any) -> Repeat:
    for each in REPEATS:
        if value == each:
            return each
    raise Invalid("repeats", value, f"one of {', '.join(REPEATS)}")


def _zone(value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid("timezone", value, "an IANA time zone such as UTC or Europe/Berlin")
    try:
        timegrid.zone(value)
    except Invalid as error:
        raise Invalid("timezone", value, error.allowed) from error
    return value


def _date(value: Any) -> dt.date:
    try:
        if not isinstance(value, str) or len(value) != len("2026-12-31"):
            raise ValueError(value)
        return dt.date.fromisoformat(value)
    except ValueError as error:
        raise Invalid("until", value, "a day such as 2026-12-31, the last on which one begins") from error
