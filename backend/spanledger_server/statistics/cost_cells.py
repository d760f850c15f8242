"""Costs of a period by part and category, read where they are the fewest rows; all ways give the same digits.

Given a snapshot, a period and the bound parameters of a question, gives cells: of time that is long gone from whole
hours or days of the rollups, and the ledger for their edges; of late from all levels, and the ledger's lines only of
minutes that wait to be recomputed, so that it does not matter how much came today.

Never: a bucket of the rollups that lies in two parts, or one that is not fresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import localcontext
from typing import Any, Final

from spanledger_server.rollups import noted, stretches
from spanledger_server.rollups.dirty import Level
from spanledger_server.statistics import reach, remembered, shares, spenders, spent
from spanledger_server.statistics.periods import Period
from spanledger_server.statistics.spent import Spent
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range

SQL = sqlfile.load(__package__)

UNIT_NS: Final[dict[Level, int]] = {"1h": HOUR_NS, "1d": DAY_NS}


def read(reader: Reader, period: Period, sources: Mapping[str, Any], bound: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The cells of a period, from `sources` as `whole_buckets` or `all_from_ledger` gives them."""
    level = sources["level"]
    marks = {"rolled": bool(level), "hourly": level == "1h", "split": sources["split_to_ns"] > 0}
    sql, parameters = sqlfile.lean(SQL["cost_cells"], {"to_ns": period.to_ns, **sources, **bound, **marks})
    return reader.rows(sql, **parameters)


def late(reader: Reader, period: Period, bound: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The cells of a period, some perhaps twice; None where nothing of it is in minutes, or they are too many."""
    first = reach.of(reader).cost_1m
    if first is None or first * MINUTE_NS >= period.to_ns:
        return None
    split_ns = max(period.from_ns, first * MINUTE_NS)
    before = replace(period, to_ns=split_ns)
    found = [] if split_ns == period.from_ns else read(reader, before, all_from_ledger(before), {**bound, **PLAIN})
    s = stretches.of(reader, "cost", replace(period, from_ns=split_ns).window, period.coarsest, exact=True)
    rows = {"s": s, "whole": False, **{name: s[name] for name in ("rows_from_ns", "rows_to_ns")}}
    sql, parameters = sqlfile.lean(SQL["call_cells"], {**bound, **PLAIN, **rows, **stretches.needed(s)})
    found += reader.rows(sql, **parameters)
    return None if len(found) > remembered.MOST_ROWS else found


def of_users(reader: Reader, period: Period, bound: Mapping[str, Any]) -> tuple[list[Spent] | None, bool]:
    """What some users spent, in pieces, None where it is too much for that; and whether days by user were read.

    Args:
        reader: One snapshot.
        period: Which stretch of time, and its parts.
        bound: The dimension, the bound filters, and `p`, the period's own.
    """
    u = spenders.sources(reader, period)
    beside, window = spenders.without_late(u, period)
    plain = {**bound, **spenders.who(reader, bound), **PLAIN}
    sql, parameters = sqlfile.lean(SQL["cost_cells_of_users"], {"u": beside, **plain})

    def days() -> Spent:
        return spent.of(reader.rows(sql, **parameters))

    alone = beside["rest_from_ns"] >= beside["to_ns"]
    found = [spenders.once(reader, "cells of users", sql, parameters, beside, days) if alone else days()]
    if window is not None:

        def piece(each: Range) -> list[dict[str, Any]]:
            part = replace(period, from_ns=each.from_ns, to_ns=each.to_ns)
            return read(reader, part, all_from_ledger(part), plain)

        question = ("costs of users", repr(sorted(plain.items())), window.from_ns)
        before, rest = remembered.settled(reader, question, window, piece, _together)
        found.append(spent.of([*(before or ()), *piece(rest)]))
    too_much = sum(map(len, found)) > remembered.MOST_ROWS
    return (None if too_much else found), u["first_day"] < u["end_day"]


def _together(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Both, each part and category once."""
    found = {(cell["part"], cell["category"]): cell for cell in one}
    with localcontext(shares.EXACT):
        for cell in other:
            before = found.get((cell["part"], cell["category"]))
            found[cell["part"], cell["category"]] = cell if before is None else _sum(before, cell)
    return list(found.values())


def _sum(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    told = {name: [each for each in (one[name], other[name]) if each is not None] for name in one}
    return {name: one[name] if name in KEY else sum(told[name]) if told[name] else None for name in one}


KEY: Final = ("part", "category")
PLAIN: Final[dict[str, Any]] = {"unranked": True, "most_rows": remembered.MOST_ROWS}


def all_from_ledger(period: Period) -> dict[str, Any]:
    """A period of which nothing is read from rollups."""
    end = period.to_ns
    bounds = {"rest_from_ns": period.from_ns, "head_ns": end, "tail_ns": end, "dirty_from_ns": 0, "dirty_to_ns": 0}
    return {"level": "", "unit_ns": DAY_NS, "dirty": [], "split_from_ns": 0, "split_to_ns": 0} | bounds


def whole_buckets(reader: Reader, period: Period) -> dict[str, Any]:
    """Which stretch comes from which rollup, which of its buckets are not fresh, and which hours lie in two parts."""
    level: Level = "1d" if period.aligned(DAY_NS) else "1h"
    unit_ns = UNIT_NS[level]
    if period.width_ns < DAY_NS and not period.aligned(HOUR_NS):  # every hour lies in two parts
        return all_from_ledger(period)
    first = reach.of(reader).rolled_from(level)
    if first is None:
        return all_from_ledger(period)
    head_ns = max(-(-period.from_ns // unit_ns), first) * unit_ns
    tail_ns = period.to_ns // unit_ns * unit_ns
    if head_ns >= tail_ns:
        return all_from_ledger(period)
    dirty = _dirty(reader, unit_ns, head_ns, tail_ns)
    rest = [tail_ns, *(bucket * unit_ns for bucket in dirty[:1])]
    return {
        "level": level,
        "unit_ns": unit_ns,
        "rest_from_ns": min(rest) if period.from_ns >= head_ns else period.from_ns,
        "head_ns": head_ns,
        "tail_ns": tail_ns,
        "dirty": dirty,
        "dirty_from_ns": dirty[0] * unit_ns if dirty else 0,
        "dirty_to_ns": (dirty[-1] + 1) * unit_ns if dirty else 0,
        **_split_hours(period),
    }


def is_young(reader: Reader, now_ns: int) -> bool:
    """Whether no day of the rollups has ended yet."""
    first = reach.of(reader).cost_1d
    return first is None or (first + 1) * DAY_NS > now_ns


def _split_hours(period: Period) -> dict[str, int]:
    """The hours of the day of UTC, the first to the last, that lie in two parts on some day: they hold a midnight."""
    turns = (start for start, _ in period.offsets[1:] if start % HOUR_NS)
    midnights = (-by for _, by in period.offsets if by % HOUR_NS)
    hours = [time_ns % DAY_NS // HOUR_NS for time_ns in (*turns, *midnights)]
    return {
        "split_from_ns": min(hours) * HOUR_NS if hours else 0,
        "split_to_ns": (max(hours) + 1) * HOUR_NS if hours else 0,
    }


def _dirty(reader: Reader, unit_ns: int, head_ns: int, tail_ns: int) -> list[int]:
    """Buckets within [head, tail) of which a part waits to be recomputed; a dirty day makes all its hours dirty."""
    buckets: set[int] = set()
    first, end = (head_ns - DAY_NS) // MINUTE_NS, tail_ns // MINUTE_NS
    for level, minute in noted.of(reader).waiting("cost", first, end):
        bucket = minute * MINUTE_NS // unit_ns
        buckets.update(range(bucket, bucket + (DAY_NS // unit_ns if level == "1d" else 1)))
    return sorted(bucket for bucket in buckets if head_ns <= bucket * unit_ns < tail_ns)
