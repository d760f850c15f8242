"""Hours in which somebody wants to hear only of what cannot wait, on a calendar and a clock of some zone.

Given the hours and a time, says whether they hold then, and when they end. Hours that end before they begin end the
next day; where the clock is changed, they are as much longer or shorter as that night is.

Never: an hour that comes twice and is quiet only once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from spanledger_server import timegrid
from spanledger_server.notify.event import Severity
from spanledger_server.timegrid import Range

DAYS: Final[tuple[str, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LOOKED_AHEAD: Final = 9  # days: over a week, so that hours of one weekday are found


@dataclass(frozen=True, slots=True)
class Quiet:
    """Quiet hours.

    Attributes:
        begin: On the clock of the zone.
        end: The same; the next day where it is not after `begin`.
        zone: IANA name.
        days: On which days they begin.
        passing: Severities that are told all the same.
    """

    begin: dt.time
    end: dt.time
    zone: str
    days: tuple[str, ...] = DAYS
    passing: tuple[Severity, ...] = ("critical",)

    def ends_ns(self, now_ns: int) -> int | None:
        """When the quiet that holds at `now_ns` ends; None when none holds."""
        end_ns: int | None = None
        for hours in self._around(now_ns):
            if now_ns in hours or (end_ns is not None and hours.from_ns <= end_ns < hours.to_ns):
                end_ns = hours.to_ns
        return end_ns

    def holds_back(self, severity: Severity, now_ns: int) -> int | None:
        """When what has this severity may be told again; None: it may now."""
        return None if severity in self.passing else self.ends_ns(now_ns)

    def _around(self, now_ns: int) -> Iterator[Range]:
        """The quiet hours that begin from the day before on."""
        tz = timegrid.zone(self.zone)
        today = timegrid.local_date(now_ns, tz)
        for offset in range(-1, _LOOKED_AHEAD):
            day = today + dt.timedelta(days=offset)
            if DAYS[day.weekday()] in self.days:
                following = day if self.end > self.begin else day + dt.timedelta(days=1)
                yield Range(_instant(day, self.begin, tz, min), _instant(following, self.end, tz, max))


def _instant(day: dt.date, clock: dt.time, tz: ZoneInfo, choose: Callable[[int, int], int]) -> int:
    """Nanoseconds of a time on a clock; of one that comes twice, or never, what `choose` takes of both readings."""
    local = dt.datetime.combine(day, clock, tz)
    return choose(_ns(local.replace(fold=0)), _ns(local.replace(fold=1)))


def _ns(local: dt.datetime) -> int:
    since = local.astimezone(dt.UTC) - _EPOCH
    return (since.days * 86_400 + since.seconds) * timegrid.SECOND_NS
