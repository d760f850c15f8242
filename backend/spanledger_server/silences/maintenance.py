"""Maintenance: times that are known before, once or again and again, in which some alerts are not told.

A time of day is one of the window's zone, whatever its clocks do; the length is one that passes. Where the clocks skip
that time, the window begins as much later; where they show it twice, it begins with the first.

Never: a window that is an hour off for half of the year.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from spanledger_server import timegrid
from spanledger_server.errors import Conflict, Invalid, Mistakes, NotFound
from spanledger_server.silences import matchers as written
from spanledger_server.silences.matchers import Matcher
from spanledger_server.silences.silence import LONGEST_NS, MOST_COMMENT, meaningful
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction
from spanledger_server.timegrid import DAY_NS, MINUTE_NS, Range

SQL = sqlfile.load(__package__)

MOST: Final = 1000
MOST_MINUTES: Final = 7 * 24 * 60
MOST_NAME: Final = 200
DAYS_AHEAD: Final = 366 * 4 + 1  # a 29th of February comes within
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """When a window comes again.

    Attributes:
        at_time: HH:MM on the clocks of the zone.
        minutes: How long.
        weekdays: 0 is Monday; none: any.
        month_days: 1 to 31, -1 is the last; none: any. With both, both have to be.
    """

    at_time: str
    minutes: int
    weekdays: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a window is; checked by `check`.

    Attributes:
        name: For people.
        matchers: Which alerts.
        comment: Why.
        timezone: IANA name.
        starts_ns: When it begins; with a recurrence, from when that holds.
        ends_ns: When it ends; with a recurrence, until when that holds, None without end.
        recurrence: None for once.
    """

    name: str
    matchers: tuple[Matcher, ...]
    comment: str
    timezone: str
    starts_ns: int
    ends_ns: int | None
    recurrence: Recurrence | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A window in the store."""

    window_id: UUID
    plan: Plan
    created_by: str
    created_ns: int
    updated_by: str
    updated_ns: int


def now(plan: Plan, at_ns: int) -> Range | None:
    """The time around `at_ns` in which it lasts; None when it does not."""
    if plan.recurrence is None:
        once = Range(plan.starts_ns, plan.ends_ns if plan.ends_ns is not None else plan.starts_ns)
        return once if at_ns in once else None
    first = at_ns - plan.recurrence.minutes * MINUTE_NS - 2 * DAY_NS
    days = 4 + plan.recurrence.minutes // (24 * 60)
    return next((span for span in _occurrences(plan, plan.recurrence, first, days) if at_ns in span), None)


def following(plan: Plan, at_ns: int) -> Range | None:
    """When it begins next, after `at_ns`; None when it does not."""
    if plan.recurrence is None:
        once = Range(plan.starts_ns, plan.ends_ns if plan.ends_ns is not None else plan.starts_ns)
        return once if at_ns < plan.starts_ns else None
    first = max(at_ns, plan.starts_ns) - DAY_NS
    coming = _occurrences(plan, plan.recurrence, first, DAYS_AHEAD)
    return next((span for span in coming if span.from_ns > at_ns), None)


def between(plan: Plan, span: Range) -> Iterator[Range]:
    """When it lasted within `span`, oldest first."""
    if plan.recurrence is None:
        found = iter([Range(plan.starts_ns, plan.ends_ns or plan.starts_ns)])
    else:
        length_ns = plan.recurrence.minutes * MINUTE_NS
        days = (span.length_ns + length_ns) // DAY_NS + 4
        found = _occurrences(plan, plan.recurrence, span.from_ns - length_ns - DAY_NS, days)
    return (each for each in found if each.from_ns < span.to_ns and span.from_ns < each.to_ns)


def _occurrences(plan: Plan, recurrence: Recurrence, from_ns: int, days: int) -> Iterator[Range]:
    tz = timegrid.zone(plan.timezone)
    first = timegrid.local_date(max(from_ns, 0), tz)
    for number in range(days):
        day = first + dt.timedelta(days=number)
        if _falls_on(recurrence, day):
            starts_ns = local_ns(day, recurrence.at_time, tz)
            if plan.starts_ns <= starts_ns and (plan.ends_ns is None or starts_ns < plan.ends_ns):
                yield Range(starts_ns, starts_ns + recurrence.minutes * MINUTE_NS)


def _falls_on(recurrence: Recurrence, day: dt.date) -> bool:
    if recurrence.weekdays and day.weekday() not in recurrence.weekdays:
        return False
    from_the_end = -((day.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - day).days
    return not recurrence.month_days or day.day in recurrence.month_days or from_the_end in recurrence.month_days


def local_ns(day: dt.date, at_time: str, tz: ZoneInfo) -> int:
    """When the clocks of `tz` show that time on that day: the first of two; one that is skipped, as much later.

    Args:
        day: The date.
        at_time: HH:MM.
        tz: The zone.
    """
    hour, minute = (int(part) for part in at_time.split(":"))
    shown = dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=tz)
    return (shown.astimezone(dt.UTC) - _EPOCH) // dt.timedelta(microseconds=1) * 1000


def check(plan: Plan) -> None:
    """Refuse what is no window.

    Raises:
        Mistakes: All that is wrong.
    """
    mistakes = meaningful("matchers", plan.matchers)
    for name, text, most in (("name", plan.name, MOST_NAME), ("comment", plan.comment, MOST_COMMENT)):
        if not text.strip() or len(text) > most:
            mistakes.append(Invalid(name, text[:100], f"1 to {most} characters"))
    try:
        timegrid.zone(plan.timezone)
    except Invalid as error:
        mistakes.append(Invalid("timezone", plan.timezone, error.allowed))
    if plan.ends_ns is not None and plan.ends_ns <= plan.starts_ns:
        mistakes.append(Invalid("ends_at", plan.ends_ns, "a time after starts_at"))
    if plan.recurrence is not None:
        mistakes += _wrong(plan.recurrence)
    elif plan.ends_ns is None:
        mistakes.append(Invalid("ends_at", None, "when it ends; or say `at` and `minutes` for one that comes again"))
    elif plan.ends_ns - plan.starts_ns > LONGEST_NS:
        mistakes.append(Invalid("ends_at", plan.ends_ns, "at most 366 days after starts_at"))
    if mistakes:
        raise Mistakes(mistakes)


def _wrong(recurrence: Recurrence) -> Iterator[Invalid]:
    try:
        dt.datetime.strptime(recurrence.at_time, "%H:%M")  # noqa: DTZ007 - a time of day, of no day
    except ValueError:
        yield Invalid("at", recurrence.at_time, "a time of day such as 22:00")
    if not 1 <= recurrence.minutes <= MOST_MINUTES:
        yield Invalid("minutes", recurrence.minutes, f"1 to {MOST_MINUTES}")
    if any(not 0 <= day <= 6 for day in recurrence.weekdays):
        yield Invalid("weekdays", list(recurrence.weekdays), "mon, tue, wed, thu, fri, sat, sun")
    if any(not 1 <= abs(day) <= 31 for day in recurrence.month_days):
        yield Invalid("month_days", list(recurrence.month_days), "1 to 31, or -1 for the last to -31")


def listed(reader: Reader) -> list[Window]:
    """All windows, by name."""
    return [_of_row(row) for row in reader.rows(SQL["maintenance_windows"])]


def one(reader: Reader, window_id: UUID) -> Window:
    """The window of that id.

    Raises:
        NotFound: There is none.
    """
    found = next((window for window in listed(reader) if window.window_id == window_id), None)
    if found is None:
        raise NotFound(f"there is no maintenance window {window_id}")
    return found


def add(tx: Transaction, plan: Plan, actor: str, now_ns: int) -> Window:
    """A new window.

    Raises:
        Invalid: It is none, or there are too many.
        Conflict: Its name is taken.
    """
    check(plan)
    known = listed(tx)
    if len(known) >= MOST:
        raise Invalid("name", plan.name, f"at most {MOST} windows: delete some")
    _check_name(known, plan.name, None)
    made = Window(uuid4(), plan, actor, now_ns, actor, now_ns)
    tx.execute(SQL["add_window"], **_row(made))
    return made


def change(tx: Transaction, window_id: UUID, plan: Plan, actor: str, now_ns: int) -> tuple[Window, Window]:
    """Another plan for a window; as it was, and as it is.

    Raises:
        NotFound: There is none of that id.
        Invalid: It is no plan.
        Conflict: Its name is taken.
    """
    check(plan)
    before = one(tx, window_id)
    _check_name(listed(tx), plan.name, window_id)
    after = Window(window_id, plan, before.created_by, before.created_ns, actor, now_ns)
    tx.execute(SQL["delete_window"], window_id=str(window_id))
    tx.execute(SQL["add_window"], **_row(after))
    return before, after


def delete(tx: Transaction, window_id: UUID) -> Window:
    """Take a window away; as it was.

    Raises:
        NotFound: There is none of that id.
    """
    before = one(tx, window_id)
    tx.execute(SQL["delete_window"], window_id=str(window_id))
    return before


def _check_name(known: list[Window], name: str, mine: UUID | None) -> None:
    if any(window.plan.name == name and window.window_id != mine for window in known):
        raise Conflict(f"another maintenance window is called {name!r}")


def _row(window: Window) -> dict[str, Any]:
    plan, again = window.plan, window.plan.recurrence
    return {
        "window_id": str(window.window_id),
        **{name: getattr(plan, name) for name in ("name", "comment", "timezone", "starts_ns", "ends_ns")},
        "matchers": written.text(plan.matchers),
        "at_time": again and again.at_time,
        "minutes": again and again.minutes,
        "weekdays": json.dumps(again.weekdays if again else []),
        "month_days": json.dumps(again.month_days if again else []),
        **{name: getattr(window, name) for name in ("created_by", "created_ns", "updated_by", "updated_ns")},
    }


def _of_row(row: Mapping[str, Any]) -> Window:
    again = None
    if row["at_time"] is not None:
        days = (tuple(json.loads(row[name])) for name in ("weekdays", "month_days"))
        again = Recurrence(row["at_time"], row["minutes"], *days)
    names = ("name", "comment", "timezone", "starts_ns", "ends_ns")
    plan = Plan(matchers=written.of_text(row["matchers"]), recurrence=again, **{name: row[name] for name in names})
    return Window(
        row["window_id"], plan, *(row[name] for name in ("created_by", "created_ns", "updated_by", "updated_ns"))
    )
