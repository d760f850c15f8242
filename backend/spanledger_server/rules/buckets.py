"""Which buckets of the rollups make up a window: minutes of a short one, of a longer one days and hours that are fresh.

Never: a bucket twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Final

from spanledger_server.rollups import stretches
from spanledger_server.rollups.dirty import Family
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS, MINUTE_NS, Range

FROM_MINUTES_NS: Final = 6 * HOUR_NS  # a window up to this length is read from minutes alone
Run = tuple[str, int, int]  # level, first bucket, the one beyond the last


def minutes(window: Range) -> tuple[int, int]:
    """The first minute of a window, and the one beyond its last, which is taken whole."""
    return window.from_ns // MINUTE_NS, -(-window.to_ns // MINUTE_NS)


def runs(reader: Reader, family: Family, window: Range) -> list[Run]:
    """The buckets that make up a window, as runs of neighbours of one level."""
    if window.length_ns <= FROM_MINUTES_NS:
        return [("1m", *minutes(window))]
    s = stretches.of(reader, family, window)
    stale_days, stale_hours = set(s["stale_days"]), set(s["stale_hours"])
    days = {day for day in range(s["first_day"], s["end_day"]) if day not in stale_days}
    hours = {
        hour for hour in range(s["first_hour"], s["end_hour"]) if hour not in stale_hours and hour // 24 not in days
    }
    singles = [
        minute
        for hour in range(s["first_minute"] // 60, -(-s["end_minute"] // 60))
        if hour not in hours and hour // 24 not in days
        for minute in range(max(hour * 60, s["first_minute"]), min((hour + 1) * 60, s["end_minute"]))
    ]
    return [*_neighbours("1d", days), *_neighbours("1h", hours), *_neighbours("1m", singles)]


def _neighbours(level: str, buckets: Iterable[int]) -> list[Run]:
    ordered = enumerate(sorted(buckets))
    runs = [[bucket for _, bucket in run] for _, run in groupby(ordered, key=lambda each: each[1] - each[0])]
    return [(level, run[0], run[-1] + 1) for run in runs]
