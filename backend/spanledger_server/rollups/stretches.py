"""Which rollups, and which rows, make up a window: every moment once, nothing that waits to be recomputed.

Given a snapshot, a family of rollups and a window of whole minutes, gives the days, hours and minutes to be read, and
the minutes whose rollups are not fresh, which are read from the rows they are made of. Of a minute for which nothing
but more rows came since it was rolled up, as for the present one, those rows are read beside its rollup. The macros
`of_days`, `of_hours`, `of_minutes` and `of_rows` (store/views.sql) turn it into conditions.

Where finer rollups are deleted, whole coarser ones are read: there a window begins up to a day early.

Never: a bucket twice, or one that is not fresh.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Literal

from spanledger_server.rollups import noted
from spanledger_server.rollups.dirty import Family
from spanledger_server.rollups.levels import days_read
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range

Unit = Literal["minute", "hour", "day"]
ROWS: Final[dict[Family, str]] = {"cost": "ledger", "span": "spans", "metric": "metric_points", "told": "logs"}
HOURS_FROM_NS: Final = 6 * HOUR_NS  # a window longer than this is read from hours
MINUTES_A_DAY: Final = 1440
MOST_BEGUN: Final = 5  # rows still come for the last ones only
FAR_NS: Final = 2**62


def of(reader: Reader, family: Family, window: Range, coarsest: Unit = "day", *, exact: bool = False) -> dict[str, Any]:
    """What makes up `window`, as the parameter `s` of the macros.

    Args:
        reader: One snapshot.
        family: Which rollups.
        window: Nanoseconds UTC; its minutes are taken whole.
        coarsest: The widest bucket that may be read where finer ones are kept: one that lies in one part of a trend.
        exact: Whether the minutes in which it begins and ends are read from the rows, as far as they lie within it.
    """
    known = noted.of(reader)
    kept = known.kept
    first_minute, end_minute = window.from_ns // MINUTE_NS, -(-window.to_ns // MINUTE_NS)
    hours_kept, minutes_kept = kept.get(f"{family}_1h", 0), kept.get(f"{family}_1m", 0)
    days = days_read(window, hours_kept, wanted=coarsest == "day")
    hours = _hours(window, minutes_kept, days, wanted=coarsest != "minute")
    marks = list(known.waiting(family, first_minute - MINUTES_A_DAY, end_minute))
    # A minute that waits makes its hour and its day wait; an hour its day.
    stale_days = {bucket // MINUTES_A_DAY for _, bucket in marks}
    stale_hours = {bucket // 60 for level, bucket in marks if level != "1d"}
    stale_minutes = {bucket for level, bucket in marks if level == "1m" and first_minute <= bucket < end_minute}
    if exact:
        stale_minutes |= {at_ns // MINUTE_NS for at_ns in (window.from_ns, window.to_ns) if at_ns % MINUTE_NS}
    rows_kept = kept.get(ROWS[family], 0)
    fresh = sorted(bucket for bucket in stale_minutes if bucket * MINUTE_NS >= rows_kept)
    begun = _begun(known, family, fresh, window if exact else None)
    anew = [minute for minute in fresh if minute not in begun]
    return {
        "first_day": days.start,
        "end_day": days.stop,
        "hours_from_day": -(-hours_kept // DAY_NS),
        "gone_day": 0,
        "gone_end_day": 0,
        "first_hour": hours.start,
        "end_hour": hours.stop,
        "first_minute": max(first_minute, -(-minutes_kept // MINUTE_NS)),
        "end_minute": end_minute,
        "stale_days": _within(stale_days, days, hours_kept // DAY_NS),
        "stale_hours": _within(stale_hours, hours, minutes_kept // HOUR_NS),
        "stale_minutes": anew,
        "begun_minutes": list(begun),
        "begun_after": list(begun.values()),
        "rows_after": -1 if anew or not begun else min(begun.values()),
        "rows_from_ns": max(fresh[0] * MINUTE_NS, window.from_ns if exact else 0) if fresh else 0,
        "rows_to_ns": min((fresh[-1] + 1) * MINUTE_NS, window.to_ns if exact else FAR_NS) if fresh else 0,
    }


def parted(s: Mapping[str, Any], open_days: int, fewest: int) -> tuple[Range, dict[str, Any]] | None:
    """The days of a stretch that are long gone, and what reads the rest; None where they are too few, or not fresh.

    Args:
        s: As `of` gives it.
        open_days: How many of its last days are not long gone.
        fewest: How many days are worth it.
    """
    gone = range(s["first_day"], s["end_day"] - open_days)
    if len(gone) < fewest or any(day in gone for day in s["stale_days"]):
        return None
    rest = {**s, "gone_day": gone.start, "gone_end_day": gone.stop}
    if s["hours_from_day"] <= gone.stop:  # the last days come from hours: one rollup less to read
        rest |= {"end_day": gone.stop, "stale_days": []}
    return Range(gone.start * DAY_NS, gone.stop * DAY_NS), rest


def told_apart(reader: Reader, family: Family, at_ns: int) -> bool:
    """Whether no bucket that is read for want of finer ones lies on both sides of a time."""
    kept = noted.of(reader).kept
    hours_kept, minutes_kept = kept.get(f"{family}_1h", 0), kept.get(f"{family}_1m", 0)
    if at_ns < hours_kept:
        return at_ns % DAY_NS == 0
    return at_ns >= minutes_kept or at_ns % HOUR_NS == 0


def needed(s: Mapping[str, Any]) -> dict[str, bool]:
    """What there is to read beside minutes: ``hours``, ``days`` and ``rows``, the marks of the statements."""
    days, hours = range(s["first_day"], s["end_day"]), range(s["first_hour"], s["end_hour"])
    whole = len(days) > s["gone_end_day"] - s["gone_day"]
    uncovered = not days or hours.start < days.start * 24 or hours.stop > days.stop * 24 or bool(s["stale_days"])
    return {"hours": bool(hours) and uncovered, "days": whole, "rows": bool(s["stale_minutes"] or s["begun_minutes"])}


def _begun(known: noted.Noted, family: Family, waiting: Sequence[int], exactly: Range | None) -> dict[int, int]:
    """Of the minutes that wait those that got more rows only -> up to which commit their rollups hold.

    Args:
        known: What the snapshot says.
        family: Which rollups.
        waiting: The minutes.
        exactly: Nothing of a minute may lie outside of this window.
    """
    found: dict[int, int] = {}
    for minute in waiting if len(waiting) <= MOST_BEGUN else ():
        note = known.begun(family, minute)
        if note is None or note.commit_no is None or note.last_ns is None:
            continue
        if exactly is None or (minute * MINUTE_NS >= exactly.from_ns and note.last_ns < exactly.to_ns):
            found[minute] = note.commit_no
    return found


def _hours(window: Range, minutes_kept_ns: int, days: range, *, wanted: bool) -> range:
    """Whole hours within the window, where that is long, and all of the days; where minutes are deleted, every hour."""
    first, end = -(-window.from_ns // HOUR_NS), window.to_ns // HOUR_NS
    if not wanted or window.length_ns <= HOURS_FROM_NS or end <= first:
        first = end = window.from_ns // HOUR_NS
    if window.from_ns < minutes_kept_ns:
        first = window.from_ns // HOUR_NS
        end = max(end, -(-min(minutes_kept_ns, window.to_ns) // HOUR_NS))
    if days:
        first, end = min(first, days.start * 24), max(end, days.stop * 24)
    return range(first, end)


def _within(stale: Collection[int], buckets: range, first_kept: int) -> list[int]:
    """Those that finer rollups can stand in for."""
    return sorted(bucket for bucket in stale if bucket in buckets and bucket >= first_kept)
