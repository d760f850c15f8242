"""What users spent in a period: the costliest by themselves, all others as one, and the first of them over time.

Given a snapshot, a period and filters, reads the days by user where they are fresh, of a year to date the year's sums,
and the ledger's lines for the rest. All ways give the same digits.

Never: a line twice, or a user named who is one of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set, Sized
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import localcontext
from functools import partial
from itertools import chain
from typing import Any, Final, TypeVar

import pyarrow.compute as pc

from spanledger_server.rollups import noted
from spanledger_server.rollups.dirty import Family
from spanledger_server.statistics import reach, remembered, shares, spent, user_sums
from spanledger_server.statistics.periods import Period
from spanledger_server.statistics.spent import Parts
from spanledger_server.statistics.user_sums import Held, Lines
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, MINUTE_NS, Range

SQL = sqlfile.load(__package__)

QUARTER_NS: Final = 15 * MINUTE_NS
QUARTERS_A_DAY: Final = 96
FAR_DAY: Final = 2**31 - 1
MINUTES_A_DAY: Final = DAY_NS // MINUTE_NS
WAITED: Final[tuple[Family, ...]] = ("cost", "user")  # whose marks make a day by user wait
LATE_NS: Final = 2 * DAY_NS  # a longer stretch has more users than are remembered
OPEN_NS: Final = QUARTER_NS  # a longer one has more users by part than by themselves
KNOWN: Final = frozenset(
    ("service", "kind", "model", "provider", "operation", "feature", "tenant", "user_tier", "user_id")
)
Kept = TypeVar("Kept", bound=Sized)
ANYBODY: Final = {"numbers": None, "not_numbers": None, "least_number": 0, "most_number": 2**31 - 1}


@dataclass(frozen=True, slots=True)
class Spenders:
    """The users of a period.

    Attributes:
        ranked: The costliest, with their sums, and in `users` how many there are.
        parts: What the first of them spent by part of the period, of calls with a price, in pieces.
        rolled: Whether days by user were read.
    """

    ranked: list[dict[str, Any]]
    parts: list[Parts]
    rolled: bool


def spenders(
    reader: Reader,
    period: Period,
    conditions: Mapping[str, Any],
    asked: Set[str],
    *,
    most: int,
    in_trend: int,
    from_ledger: bool,
) -> Spenders:
    """The users who spent most.

    Args:
        reader: One snapshot.
        period: Which stretch of time, and its parts.
        conditions: The bound filters of the ledger.
        asked: The keys that are filtered.
        most: How many to name.
        in_trend: How many of them to tell over time.
        from_ledger: Whether to read nothing else.
    """
    u = all_from_ledger(period) if from_ledger or not KNOWN.issuperset(asked) else sources(reader, period)
    beside, window = (u, None) if from_ledger else without_late(u, period)
    bound = {"u": beside, "p": period.bound(), **who(reader, conditions), **conditions}
    late = _Late(None, []) if window is None else _late(reader, window, bound)
    if beside["rest_from_ns"] < beside["to_ns"]:
        late.lines.append(_read_lines(reader, bound))
    days = _days(reader, bound, None if asked else _year(period, u))
    lines = [*late.lines, *(each for _, each in late.by_part)]
    ranked = user_sums.ranked(days, lines, most, partial(_numbers_of, reader), partial(_names_of, reader))
    first = {row["user_id"]: row["user_number"] for row in ranked[:in_trend]}
    numbers = sorted(number for number in first.values() if number >= 0)  # what is remembered holds for any order
    told = {
        "users": sorted(user for user in first if user is not None),
        "user_numbers": numbers,
        "first_number": min(numbers, default=0),
        "last_number": max(numbers, default=-1),
        "unset": None in first,
    }
    parts = _parts(reader, {**told, **bound}, late, frozenset(first)) if ranked else []
    return Spenders(ranked, parts, u["first_day"] < u["end_day"])


def without_late(u: Mapping[str, Any], period: Period) -> tuple[dict[str, Any], Range | None]:
    """The sources of a period but for its last lines, which grow, and the window of these; None where it is long.

    Days at the end that wait are among these, so that what was read of a day outlives its midnight.
    """
    for day in (*_waiting_last(u), u["end_day"]):
        from_ns = max(day * DAY_NS, u["head_ns"]) if day < u["end_day"] else u["tail_ns"]
        if 0 < period.to_ns - from_ns <= LATE_NS:
            return {**u, "to_ns": from_ns}, Range(from_ns, period.to_ns)
    return dict(u), None


def _waiting_last(u: Mapping[str, Any]) -> range:
    """The last of the days by user that wait."""
    first = u["end_day"]
    while first - 1 in u["stale"]:
        first -= 1
    return range(first, u["end_day"])


@dataclass(frozen=True, slots=True)
class _Late:
    """What users spent late in a period.

    Attributes:
        window: The stretch of time that grows, if there is one.
        lines: The sums of lines that were read without their parts.
        last: The last minutes of it.
        by_part: The sums of these by part, a part perhaps twice.
    """

    window: Range | None
    lines: list[Lines]
    last: Range | None = None
    by_part: list[tuple[int, Lines]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _ByPart:
    """The sums of some minutes by part."""

    each: list[tuple[int, Lines]]

    def __len__(self) -> int:
        return 1 + sum(len(lines) for _, lines in self.each)


def _late(reader: Reader, window: Range, bound: Mapping[str, Any]) -> _Late:
    """The last lines of a period; of the last minutes, which are read each time, by part at once."""
    conditions = {name: value for name, value in bound.items() if name not in ("u", "p")}

    def read(each: Range) -> Lines:
        return _read_lines(reader, {**conditions, "u": all_from_ledger(each)})

    question = ("late lines of users", repr(sorted(conditions.items())), window.from_ns)
    found, rest = remembered.settled(reader, question, window, read, user_sums.together)
    settled = [] if found is None else [found]
    if rest.length_ns > OPEN_NS:
        return _Late(window, [*settled, read(rest)])
    minute_ns = max(rest.from_ns, rest.to_ns // MINUTE_NS * MINUTE_NS)
    whole, last = Range(rest.from_ns, minute_ns), Range(minute_ns, rest.to_ns)
    asked = ("last lines of users", repr(sorted({**bound, "u": None}.items())))
    minutes = remembered.rows(
        reader, asked, "cost", whole, lambda: _by_part(reader, bound, whole), unless=remembered.MINUTES
    )
    if minutes is None:
        return _Late(window, [*settled, read(rest)])
    return _Late(window, settled, rest, [*minutes.each, *_by_part(reader, bound, last).each])


def _by_part(reader: Reader, bound: Mapping[str, Any], window: Range) -> _ByPart:
    if window.to_ns <= window.from_ns:
        return _ByPart([])
    sql, parameters = sqlfile.lean(SQL["lines_of_users"], {**bound, "u": all_from_ledger(window), "parted": True})
    table = reader.arrow(sql, **parameters)
    parts: list[Any] = table["part"].unique().to_pylist()
    return _ByPart([(part, user_sums.lines(table.filter(pc.equal(table["part"], part)))) for part in parts])


def _read_lines(reader: Reader, bound: Mapping[str, Any]) -> Lines:
    sql, parameters = sqlfile.lean(SQL["lines_of_users"], bound)
    return user_sums.lines(reader.arrow(sql, **parameters))


def _days(reader: Reader, bound: Mapping[str, Any], year: int | None) -> Held:
    """The sums of the days by user, read once while they are the same."""
    u = bound["u"]
    if u["first_day"] >= u["end_day"]:
        return user_sums.nothing()
    y = _beside(year, u)
    marks = {"year": year is not None, "days": y["from_day"] < y["to_day"]}
    sql, parameters = sqlfile.lean(
        SQL["days_of_users"], {"y": y, **bound, **marks, "both": marks["year"] and marks["days"]}
    )

    def read() -> Held:
        return user_sums.held(reader.arrow(sql, **parameters))

    return once(reader, "users", sql, parameters | {"y": y}, u, read)


def once(
    reader: Reader, name: str, sql: str, parameters: Mapping[str, Any], u: Mapping[str, Any], read: Callable[[], Kept]
) -> Kept:
    """What is read of the days by user and of nothing else, once while they are the same."""
    days = {each: u[each] for each in ("first_day", "first_quarter", "end_day", "stale")}
    question = (name, sql, repr(sorted((dict(parameters) | {"u": days}).items())))
    window = Range(days["first_day"] * DAY_NS, days["end_day"] * DAY_NS)
    found = remembered.rows(reader, question, "user", window, read, unless=())
    return read() if found is None else found  # None: too much to be remembered


def _numbers_of(reader: Reader, users: Sequence[str]) -> dict[str, int]:
    found = reader.tuples(SQL["numbers_of_users"], users=list(users)) if users else []
    return {user: number for number, user in found}


def _names_of(reader: Reader, numbers: Sequence[int]) -> dict[int, str]:
    if not numbers:
        return {}
    bounds = {"least": min(numbers), "most": max(numbers)}
    return dict(reader.tuples(SQL["names_of_users"], numbers=list(numbers), **bounds))


def _parts(reader: Reader, bound: Mapping[str, Any], late: _Late, users: Set[str | None]) -> list[Parts]:
    """What users spent by part: in the days by user, read once while they are the same, and in the lines beside."""
    u = bound["u"]
    sql, parameters = sqlfile.lean(SQL["parts_of_users"], bound)

    def days() -> Parts:
        return spent.of_parts(reader.rows(sql, **parameters))

    rows = _later_parts(reader, bound, u) if u["rest_from_ns"] < u["to_ns"] else []
    if late.window is not None:
        rows += _late_parts(reader, bound, late, late.window, users)
    return [once(reader, "parts of users", sql, parameters, u, days), spent.of_parts(rows)]


def _late_parts(
    reader: Reader, bound: Mapping[str, Any], late: _Late, window: Range, users: Set[str | None]
) -> list[dict[str, Any]]:
    """The same of the last lines of a period."""

    def read(each: Range) -> list[dict[str, Any]]:
        return _later_parts(reader, bound, all_from_ledger(each))

    question = ("late parts of users", repr(sorted({**bound, "u": None}.items())), window.from_ns)
    found, rest = remembered.settled(reader, question, window, read, _added)
    if rest != late.last:
        return [*(found or ()), *read(rest)]
    last = [{"part": part, **row} for part, lines in late.by_part for row in user_sums.priced(lines, users)]
    return [*(found or ()), *last]


def _later_parts(reader: Reader, bound: Mapping[str, Any], u: Mapping[str, Any]) -> list[dict[str, Any]]:
    sql, parameters = sqlfile.lean(SQL["later_parts_of_users"], {**bound, "u": u})
    return reader.rows(sql, **parameters)


def _added(some: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Both, each part and user once."""
    added: dict[tuple[int, str | None], dict[str, Any]] = {}
    with localcontext(shares.EXACT):
        for row in chain(some, others):
            mine = added.setdefault((row["part"], row["user_id"]), {**row, "cost_usd": None, "known_calls": 0})
            mine["known_calls"] += row["known_calls"]
            if row["cost_usd"] is not None:
                mine["cost_usd"] = row["cost_usd"] + (mine["cost_usd"] or 0)
    return list(added.values())


def sources(reader: Reader, period: Period) -> dict[str, Any]:
    """Which stretch of a period is read from days by user, and which of its days are not fresh.

    Args:
        reader: One snapshot.
        period: Its parts must begin at quarters of an hour, else all of it is read from the ledger.
    """
    known, end_day = reach.of(reader), period.to_ns // DAY_NS
    if known.first_day is None or not period.aligned(QUARTER_NS):
        return all_from_ledger(period)
    notes = noted.of(reader)
    kept_day = max(notes.kept.get(subject, 0) for subject in ("user_1d", "ledger")) // DAY_NS
    head_ns = max(-(-period.from_ns // QUARTER_NS) * QUARTER_NS, max(known.first_day, kept_day) * DAY_NS)
    if head_ns >= end_day * DAY_NS:
        return all_from_ledger(period)
    first_day = head_ns // DAY_NS
    bounds = (first_day * MINUTES_A_DAY, end_day * MINUTES_A_DAY)
    waiting = (minute for family in WAITED for _, minute in notes.waiting(family, *bounds))
    stale = sorted({minute // MINUTES_A_DAY for minute in waiting})
    from_ns = max(period.from_ns, known.first_ns or 0)
    rest = [*([from_ns] if from_ns < head_ns else []), *(day * DAY_NS for day in stale), end_day * DAY_NS]
    return {
        "rest_from_ns": max(from_ns, min(rest)),
        "to_ns": period.to_ns,
        "head_ns": head_ns,
        "tail_ns": end_day * DAY_NS,
        "first_day": first_day,
        "first_quarter": head_ns // QUARTER_NS % QUARTERS_A_DAY,
        "end_day": end_day,
        "stale": stale,
        "kept_day": kept_day,
        "last_day": known.last_day,
    }


def all_from_ledger(period: Period | Range) -> dict[str, Any]:
    """A period of which nothing is read from days by user."""
    days = {"first_day": 0, "first_quarter": 0, "end_day": 0, "stale": [], "kept_day": 0, "last_day": 0}
    return days | {
        "rest_from_ns": period.from_ns,
        "to_ns": period.to_ns,
        "head_ns": period.to_ns,
        "tail_ns": period.from_ns,
    }


def who(reader: Reader, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """The filters of users as numbers."""
    wanted, unwanted = conditions["user_id"], conditions["not_user_id"]
    if wanted is None and unwanted is None:
        return ANYBODY
    chosen, left_out = _numbers(reader, wanted), _numbers(reader, unwanted)
    bounds = (
        ANYBODY if chosen is None else {"least_number": min(chosen, default=0), "most_number": max(chosen, default=-1)}
    )
    return ANYBODY | bounds | {"numbers": chosen, "not_numbers": left_out}


def _numbers(reader: Reader, users: Sequence[str] | None) -> list[int] | None:
    if users is None:
        return None
    known = [number for number, _ in reader.tuples(SQL["numbers_of_users"], users=list(users))]
    return [*known, 0] if "" in users else known


def _year(period: Period, u: Mapping[str, Any]) -> int | None:
    """The year (UTC) whose sums are most of a year to date; None for other periods, or where it holds less or more."""
    if period.name != "year" or u["first_day"] >= u["end_day"] or u["last_day"] >= u["end_day"]:
        return None
    year = datetime.fromtimestamp((period.from_ns + DAY_NS) // 10**9, UTC).year
    return year if u["kept_day"] <= _first_day(year) else None


def _beside(year: int | None, u: Mapping[str, Any]) -> dict[str, Any]:
    """Which days are read beside a year's sums, which hold all days from `year_day` on; without a year, all of them."""
    if year is None:
        return {"year": 0, "year_day": FAR_DAY, "from_day": u["first_day"], "to_day": u["end_day"]}
    year_day = _first_day(year)
    is_whole = u["first_day"] == year_day and u["first_quarter"] == 0
    edges = range(0) if is_whole else range(u["first_day"], year_day + 1)
    days = [*edges[:1], *edges[-1:], *u["stale"]]
    return {"year": year, "year_day": year_day, "from_day": min(days, default=0), "to_day": max(days, default=-1) + 1}


def _first_day(year: int) -> int:
    return (date(year, 1, 1) - date(1970, 1, 1)).days
