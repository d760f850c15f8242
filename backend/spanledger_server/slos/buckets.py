"""The events of one indicator in whole buckets of time: remembered where they were counted before, else counted.

Given a snapshot, an indicator and the buckets that `stretches.pieces` cut, gives the counts of each. Of the rollups of
spans a few buckets are read by a statement that is quick to plan, and many by one that is quick to run; all else is
read as stretches. What is remembered, and for how long, is the matter of `tallies.py`.

Never: remembers a bucket that waits to be recomputed, or of which rows are being deleted.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_server.slos import reading
from spanledger_server.slos.burn import Counts
from spanledger_server.slos.conditions import Conditions
from spanledger_server.slos.judging import Floats
from spanledger_server.slos.objective import Indicator
from spanledger_server.slos.reading import SORT, Judge
from spanledger_server.slos.stretches import LEDGER, METRIC, SPAN, SPAN_ROWS, WIDTHS, Piece, Source, marks
from spanledger_server.slos.tallies import Bucket, Figures, Tallies
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import MINUTE_NS, Range

SQL = sqlfile.load(__package__)

FEW_OF: Final = {"raw": "few_raw", "1m": "few_1m", "1h": "few_1h", "1d": "few_1d"}
MANY_OF: Final = {"1m": "many_1m", "1h": "many_1h", "1d": "many_1d"}
FEW: Final = 24  # buckets
FEW_SPREAD: Final = 6  # buckets whose histograms are looked into here: each is a list for every sort of spans
NEAR: Final = 3  # minutes that are read with those that wait, from spans: one statement is quicker than two
MOST_KEPT: Final = 20_000  # buckets that are remembered of one reading: the minutes of a month are not
NOTHING: Final[Figures] = (0.0, 0.0, 0.0, 0.0, 0.0)


def source(indicator: Indicator) -> Source:
    """What an indicator counts by buckets."""
    if indicator.kind == "span":
        return SPAN if indicator.rolled else SPAN_ROWS
    return METRIC if indicator.kind == "metric" else LEDGER


def counted(reader: Reader, indicator: Indicator, cut: Sequence[Piece]) -> dict[Bucket, Figures]:
    """The events of each bucket of some pieces.

    Args:
        reader: One snapshot.
        indicator: What counts, and what is good.
        cut: Pieces of `source(indicator)`.
    """
    asked = [(piece.level, number) for piece in cut for number in range(piece.first, piece.beyond)]
    tallies, seen, of = Tallies.of(reader), marks(reader), source(indicator)
    found = {} if tallies is None else tallies.find(seen.version, indicator, asked)
    missing = [bucket for bucket in asked if bucket not in found]
    if missing:
        new = dict.fromkeys(missing, NOTHING) | _read(reader, indicator, missing)
        found |= new
        if tallies is not None and len(missing) <= MOST_KEPT:
            since = of.since(seen) | {"raw": math.inf}
            kept = {each: new[each] for each in missing if each[1] * WIDTHS.get(each[0], 1) >= since[each[0]]}
            tallies.keep(seen.version, indicator, frozenset({of.family}), kept)
    return found


def added(found: Mapping[Bucket, Figures], cut: Iterable[Piece]) -> dict[int, Counts]:
    """The counts of buckets by the stretch that they belong to."""
    by_stretch: defaultdict[int, list[Figures]] = defaultdict(list)
    for piece in cut:
        by_stretch[piece.segment] += [found[piece.level, number] for number in range(piece.first, piece.beyond)]
    return {number: Counts(*map(sum, zip(*each, strict=True))) for number, each in by_stretch.items() if each}


def _read(reader: Reader, indicator: Indicator, missing: Sequence[Bucket]) -> dict[Bucket, Figures]:
    if not reading.quick(indicator):
        return _as_stretches(reader, indicator, missing)
    found: dict[Bucket, Figures] = {}
    by_level: defaultdict[str, list[int]] = defaultdict(list)
    for level, number in missing:
        by_level[level].append(number)
    if "raw" in by_level and _near(reader, by_level.get("1m", ())):
        near = by_level.pop("1m")
        told = _few(reader, indicator, "raw", [*near, *by_level.pop("raw")])
        found |= {("1m" if number in near else "raw", number): figures for number, figures in told.items()}
    most = FEW if indicator.threshold is None else FEW_SPREAD
    for level, numbers in by_level.items():
        read = _few if level == "raw" or len(numbers) <= most else _many
        found |= {(level, number): figures for number, figures in read(reader, indicator, level, numbers).items()}
    return found


def _as_stretches(reader: Reader, indicator: Indicator, missing: Sequence[Bucket]) -> dict[Bucket, Figures]:
    """Each bucket as a stretch of its own."""
    stretches = []
    for level, number in missing:
        width_ns = WIDTHS.get(level, MINUTE_NS)
        stretches.append(Range(number * width_ns, (number + 1) * width_ns))
    (rows,) = reading.read(reader, [indicator], stretches)
    found: dict[Bucket, Figures] = {}
    for row in rows:
        counts = row["good"], row["total"], row["seen"], row["uncounted"], row["plain_good"]
        found[missing[row["segment"]]] = _sum(found.get(missing[row["segment"]], NOTHING), counts)
    return found


def _near(reader: Reader, minutes: Sequence[int]) -> bool:
    """Whether these are a few minutes of which all spans are there."""
    return 0 < len(minutes) <= NEAR and min(minutes) * MINUTE_NS >= marks(reader).kept.get("spans", 0)


def _few(reader: Reader, indicator: Indicator, level: str, numbers: Sequence[int]) -> dict[int, Figures]:
    """Rows as they are, judged here."""
    bound, below = reading.beyond(indicator)
    edge_ns = reading.edge_ns(bound)
    rows = _cells(reader, level, tuple(numbers), indicator.where.value_of("service"), edge_ns)
    judge, found = Judge(indicator), dict.fromkeys(numbers, NOTHING)
    for bucket, *told in rows:
        counts, good = judge(tuple(told[: len(SORT)]))
        if counts:
            weighed, spans, uncounted, *durations = told[len(SORT) :]
            right, plain = (weighed or 0, spans) if good else (0, 0)
            if good and bound is not None and edge_ns is not None:
                right, plain = _within(bound, edge_ns, below, right, plain, durations)
            found[bucket] = _sum(found[bucket], (right, weighed or 0, spans - uncounted, uncounted, plain))
    return found


def _cells(
    reader: Reader, level: str, numbers: tuple[int, ...], service: str | None, edge_ns: int | None
) -> list[tuple[Any, ...]]:
    """The rows of a service, read once for all objectives that ask for the same, as parts of a composite do."""
    first, beyond = min(numbers), max(numbers) + 1
    asked = {
        "first": first,
        "beyond": beyond,
        "buckets": None if beyond - first == len(numbers) else numbers,
        "service": service,
        "edge_ns": edge_ns,
        "within": edge_ns is not None,
    }
    statement, bounds = sqlfile.lean(SQL[FEW_OF[level]], asked)
    told = ("slos.cells", statement, numbers, service, edge_ns if level == "raw" else None)
    return reader.once(told, lambda: reader.tuples(statement, **bounds))


def _within(
    bound: int, edge_ns: int, below: bool, weighed: float, spans: float, durations: Sequence[Any]
) -> tuple[float, float]:
    """How much of a row lies on the right side, as it is weighed and as it was sent.

    Args:
        bound: The first bucket of histograms beyond the threshold.
        edge_ns: The longest duration before it.
        below: Whether what is before it is right.
        weighed: All of the row.
        spans: The same, as it was sent.
        durations: Whether all are before it; or the least, the most, and the histogram, which is looked into only
            where the threshold lies within.
    """
    if len(durations) == 1 or not durations[0] <= edge_ns < durations[1]:
        before = durations[0] if len(durations) == 1 else durations[1] <= edge_ns
        return (weighed, spans) if before is below else (0, 0)
    _, _, codes, weights, numbers = durations
    right = [(code < bound) is below for code in codes]
    within = sum(weight or 0 for weight, each in zip(weights or (), right, strict=False) if each)
    return within, sum(number for number, each in zip(numbers or (), right, strict=False) if each)


def minutes(reader: Reader, indicator: Indicator, numbers: Sequence[int]) -> tuple[NDArray[np.int64], Floats]:
    """Those of many minutes in which anything happened, and the counts of each; only of what `reading.quick` says."""
    statement, asked = _many_of(indicator, "1m", numbers)
    found = reader.arrow(statement, **asked)
    bucket, *counts = (column.to_numpy() for column in found.columns)
    return bucket, np.column_stack(counts)


def _many(reader: Reader, indicator: Indicator, level: str, numbers: Sequence[int]) -> dict[int, Figures]:
    """Counted where they are."""
    statement, asked = _many_of(indicator, level, numbers)
    return {bucket: tuple(figures) for bucket, *figures in reader.tuples(statement, **asked)}


def _many_of(indicator: Indicator, level: str, numbers: Sequence[int]) -> tuple[str, dict[str, Any]]:
    """The statement without conditions that the indicator does not have: each would be planned."""
    first, beyond = min(numbers), max(numbers) + 1
    asked = {
        "first": first,
        "beyond": beyond,
        "buckets": None if beyond - first == len(numbers) else numbers,
        "whole": indicator.threshold is None,
        **reading.sides(indicator),
        **_fits(indicator.where, "where"),
        **({} if indicator.good is None else _fits(indicator.good, "good")),
    }
    return sqlfile.lean(SQL[MANY_OF[level]], asked)


def _fits(conditions: Conditions, prefix: str) -> dict[str, list[str]]:
    """Conditions as the statements take them."""
    found: dict[str, list[str]] = {}
    for each in conditions.each:
        found |= {} if each.wanted is None else {f"{prefix}_{each.name}": list(each.wanted)}
        found |= {} if each.unwanted is None else {f"{prefix}_not_{each.name}": list(each.unwanted)}
    return found


def _sum(one: Figures, other: Figures) -> Figures:
    return tuple(map(sum, zip(one, other, strict=True)))
