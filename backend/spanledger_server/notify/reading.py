"""Reading what a client says of routes, escalations and preferences: all mistakes at once, each with its place.

Given a JSON object, gives its members one by one; at the end says what was wrong with them.

Never: a member that nobody reads and that is silently left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

from spanledger_server import timegrid
from spanledger_server.errors import Invalid, Mistakes
from spanledger_server.notify.event import Severity
from spanledger_server.notify.quiet import DAYS, Quiet
from spanledger_server.notify.terms import RANKS
from spanledger_server.timegrid import SECOND_NS

MOST_TEXT: Final = 200
MOST_ITEMS: Final = 100
SEVERITIES: Final = tuple(RANKS)
CLOCK: Final = "a time such as 22:00"
Found = TypeVar("Found")


class Reading:
    """Takes members out of an object, and gathers what is wrong with them."""

    def __init__(self, given: Any, allowed: Sequence[str], place: str = "") -> None:
        """Begin.

        Args:
            given: What was sent.
            allowed: The members that there may be.
            place: Where it stands; empty for the whole.
        """
        self.mistakes: list[Invalid] = []
        self._place = place
        self.given: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        if not isinstance(given, Mapping):
            self.wrong("", given, "an object")
        for name in self.given.keys() - set(allowed):
            self.wrong(str(name), self.given[name], "nothing: there is no such member; there are " + ", ".join(allowed))

    def wrong(self, name: str, value: Any, allowed: str) -> None:
        """Note a mistake."""
        self.mistakes.append(Invalid(self.at(name) or "body", value, allowed))

    def at(self, name: str) -> str:
        """Where a member stands."""
        return f"{self._place}.{name}" if self._place and name else self._place or name

    def done(self) -> None:
        """End.

        Raises:
            Mistakes: With everything that was wrong.
        """
        if self.mistakes:
            raise Mistakes(sorted(self.mistakes, key=lambda each: each.parameter))

    def part(self, read: Callable[[], Found], instead: Found) -> Found:
        """What `read` gives; `instead` where it is refused, which is noted."""
        try:
            return read()
        except Mistakes as error:
            self.mistakes += error.each
        except Invalid as error:
            self.mistakes.append(error)
        return instead

    def text(self, name: str, default: str | None = None) -> str:
        """A line of text; without a default it has to be there."""
        value = self.given.get(name, default)
        if isinstance(value, str) and 1 <= len(value.strip()) <= MOST_TEXT and value.isprintable():
            return value.strip()
        self.wrong(name, value, f"a line of 1 to {MOST_TEXT} characters")
        return ""

    def maybe_text(self, name: str) -> str | None:
        """The same, or null."""
        return None if self.given.get(name) is None else self.text(name)

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self.given.get(name, default)
        if not isinstance(value, bool):
            self.wrong(name, value, "true or false")
        return bool(value)

    def whole(self, name: str, default: int | None, least: int, most: int) -> int | None:
        """A whole number; null only where that is the default."""
        value = self.given.get(name, default)
        if value is None and default is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.wrong(name, value, f"a whole number from {least} to {most}")
            return default
        return value

    def seconds(self, name: str, default: float | None, least: float, most: float) -> int | None:
        """A length of time in seconds, as nanoseconds."""
        value = self.given.get(name, default)
        if value is None and default is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            self.wrong(name, value, f"seconds from {least:g} to {most:g}")
            return None
        return round(value * SECOND_NS)

    def texts(self, name: str, default: Sequence[str], *, least: int = 0) -> tuple[str, ...]:
        """A list of short texts, each once."""
        return self.part(lambda: texts(self.at(name), self.given.get(name, default), least), ())

    def severities(self, name: str, default: Sequence[str]) -> tuple[Severity, ...]:
        """A list of severities."""
        return self.part(lambda: severities(self.at(name), self.given.get(name, default)), ())


def texts(place: str, value: Any, least: int = 0) -> tuple[str, ...]:
    """A list of short texts, each once; a text alone is a list of one.

    Raises:
        Invalid: It is something else.
    """
    each = [value] if isinstance(value, str) else value
    good = isinstance(each, list | tuple) and least <= len(each) <= MOST_ITEMS
    if not good or not all(isinstance(one, str) and 1 <= len(one) <= MOST_TEXT for one in each):
        raise Invalid(place, value, f"a list of {least} to {MOST_ITEMS} texts of at most {MOST_TEXT} characters")
    return tuple(dict.fromkeys(each))


def severities(place: str, value: Any) -> tuple[Severity, ...]:
    """A list of severities.

    Raises:
        Invalid: One of them is none.
    """
    found = texts(place, value)
    for one in found:
        if one not in RANKS:
            raise Invalid(place, one, "some of " + ", ".join(SEVERITIES))
    return cast("tuple[Severity, ...]", found)


def quiet(place: str, given: Any) -> Quiet | None:
    """Quiet hours: ``{start, end, timezone, days, passes}``, or null.

    Raises:
        Mistakes: Something is wrong with them.
    """
    if given is None:
        return None
    reading = Reading(given, ("start", "end", "timezone", "days", "passes"), place)
    begin = reading.part(lambda: clock(reading.at("start"), reading.given.get("start")), dt.time())
    end = reading.part(lambda: clock(reading.at("end"), reading.given.get("end")), dt.time())
    name = reading.part(lambda: zone(reading.at("timezone"), reading.given.get("timezone", "UTC")), "UTC")
    days = reading.part(lambda: weekdays(reading.at("days"), reading.given.get("days", DAYS)), DAYS)
    passing = reading.severities("passes", ("critical",))
    reading.done()
    return Quiet(begin, end, name, days, passing)


def told_quiet(hours: Quiet | None) -> dict[str, Any] | None:
    """Quiet hours as `quiet` reads them."""
    if hours is None:
        return None
    return {
        "start": f"{hours.begin:%H:%M}",
        "end": f"{hours.end:%H:%M}",
        "timezone": hours.zone,
        "days": list(hours.days),
        "passes": list(hours.passing),
    }


def clock(place: str, value: Any) -> dt.time:
    """A time of day.

    Raises:
        Invalid: It is none.
    """
    try:
        found = dt.time.fromisoformat(value) if isinstance(value, str) and ":" in value else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None:
        raise Invalid(place, value, CLOCK)
    return found.replace(second=0, microsecond=0)


def zone(place: str, value: Any) -> str:
    """The name of a time zone.

    Raises:
        Invalid: There is none of that name.
    """
    try:
        return timegrid.zone(str(value)).key if isinstance(value, str) else _no_zone(place, value)
    except Invalid as error:
        raise Invalid(place, value, error.allowed) from error


def _no_zone(place: str, value: Any) -> str:
    raise Invalid(place, value, "an IANA time zone such as UTC or Europe/Berlin")


def weekdays(place: str, value: Any) -> tuple[str, ...]:
    """Days of the week.

    Raises:
        Invalid: One of them is none.
    """
    found = texts(place, value, 1)
    for one in found:
        if one not in DAYS:
            raise Invalid(place, one, "some of " + ", ".join(DAYS))
    return found
