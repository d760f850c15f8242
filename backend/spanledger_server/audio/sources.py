"""Which rollups, and which spans, tell of a window of audio: every moment once, nothing that waits to be recomputed.

Given a snapshot and a window, gives the days and the quarters of hours that are read from rollups; the ends of the
window beyond them, and hours that wait to be recomputed, are read from the spans. Where spans or hours are deleted,
whole quarters or days are read: there a window begins up to that much early.

Never: a bucket twice, or one that is not fresh while its spans are there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.rollups.levels import days_read
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS, Range

SQL: Final = sqlfile.load(__package__)
QUARTER_NS: Final = HOUR_NS // 4


@dataclass(frozen=True, slots=True)
class Kept:
    """Since when all spans of audio, hours and days are kept; 0 where none were deleted yet."""

    rows_ns: int
    hours_ns: int
    days_ns: int


def kept(reader: Reader) -> Kept:
    """What is kept."""
    found: dict[str, int] = dict(reader.once("audio.kept", lambda: reader.tuples(SQL["kept_from"])))
    return Kept(*(found.get(subject, 0) for subject in ("audio_spans", "audio_1h", "audio_1d")))


def anything(reader: Reader, window: Range) -> bool:
    """Whether there is any span of audio, or rollup of some, in a window: planning to read them takes far longer."""
    days = {"first_day": window.from_ns // DAY_NS, "end_day": -(-window.to_ns // DAY_NS)}
    bounds = {"from_ns": window.from_ns, "to_ns": window.to_ns, **days}
    return bool(reader.once(("audio.there", window), lambda: reader.value(SQL["there"], **bounds)))


@dataclass(frozen=True, slots=True)
class Sources:
    """What is read from rollups.

    Attributes:
        quarters: Of hours, numbered since 1970; those of `days` are among them.
        days: Numbered since 1970.
        stale_hours: Of `quarters`, those that are read from spans.
        stale_days: Of `days`, those that are read from hours.
    """

    quarters: range = range(0)
    days: range = range(0)
    stale_hours: tuple[int, ...] = ()
    stale_days: tuple[int, ...] = ()

    def rows(self, window: Range) -> dict[str, Any]:
        """The named parameters of what is read from spans."""
        head_ns, tail_ns = (each * QUARTER_NS for each in (self.quarters.start, self.quarters.stop))
        if not self.quarters:
            head_ns = tail_ns = window.to_ns
        stale = self.stale_hours
        return {
            "from_ns": window.from_ns,
            "to_ns": window.to_ns,
            "head_ns": head_ns,
            "tail_ns": tail_ns,
            "stale_hours": list(stale),
            "stale_from_ns": max(head_ns, stale[0] * HOUR_NS) if stale else 0,
            "stale_to_ns": min(tail_ns, (stale[-1] + 1) * HOUR_NS) if stale else 0,
        }

    def buckets(self) -> dict[str, Any]:
        """The named parameters of what is read from rollups."""
        return {
            "first_quarter": self.quarters.start,
            "end_quarter": self.quarters.stop,
            "first_day": self.days.start,
            "end_day": self.days.stop,
            "stale_days": list(self.stale_days),
        }


EVERY_ROW: Final = Sources()


def of(reader: Reader, window: Range, *, by_day: bool) -> Sources:
    """What makes up a window.

    Args:
        reader: One snapshot.
        window: Nanoseconds UTC.
        by_day: Whether days may be read where hours are kept.
    """
    there = kept(reader)
    marks: list[tuple[str, int]] = reader.once("audio.stale", lambda: reader.tuples(SQL["stale"]))
    hours = {bucket for level, bucket in marks if level == "1h" and bucket * HOUR_NS >= there.rows_ns}
    days = days_read(window, there.hours_ns, wanted=by_day)
    quarters = _fresh_end(_quarters(window, there.rows_ns, days), hours)
    first, last = quarters.start // 4, (quarters.stop - 1) // 4
    stale = sorted(hour for hour in hours if first <= hour <= last) if quarters else []
    waiting = {hour // 24 for hour in hours} | {bucket for level, bucket in marks if level == "1d"}
    return Sources(
        quarters,
        days,
        tuple(stale),
        tuple(sorted(day for day in waiting if day in days and day * DAY_NS >= there.hours_ns)),
    )


def _quarters(window: Range, rows_kept_ns: int, days: range) -> range:
    """Whole quarters within the window, and the days; where spans are deleted, every quarter with a part in it."""
    first, end = -(-window.from_ns // QUARTER_NS), window.to_ns // QUARTER_NS
    if window.from_ns < rows_kept_ns:
        first = window.from_ns // QUARTER_NS
    if window.to_ns <= rows_kept_ns:
        end = -(-window.to_ns // QUARTER_NS)
    if days:
        first, end = min(first, days.start * 96), max(end, days.stop * 96)
    return range(first, max(first, end))


def _fresh_end(quarters: range, stale_hours: Collection[int]) -> range:
    """Without the hours at the end that wait, as the newest always does: one stretch of spans is read instead."""
    end = quarters.stop
    while end > quarters.start and (end - 1) // 4 in stale_hours:
        end = max(quarters.start, (end - 1) // 4 * 4)
    return range(quarters.start, end)
