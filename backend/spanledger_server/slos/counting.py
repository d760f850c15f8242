"""Good events and all events of an objective's windows, read from the rollups (or the rows themselves) each time.

Given a snapshot, an indicator and ranges of whole minutes, cuts them into stretches between all their ends, reads each
stretch once (whole days and hours where there are such, minutes at the edges) and adds the stretches up. Nothing is
kept: late data, repricing, restarts and changed definitions need no code here.

Never: an average of ratios, or a stretch that is counted twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from spanledger_server.rollups import histogram
from spanledger_server.slos.burn import Counts
from spanledger_server.slos.conditions import COLUMNS, ROLLED, path
from spanledger_server.slos.objective import Indicator, Threshold
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range

SQL = sqlfile.load(__package__)

WIDTHS: Final = {"1d": DAY_NS, "1h": HOUR_NS, "1m": MINUTE_NS}
ROWS: Final = {"span": "spans", "ledger": "ledger", "metric": "metric_points"}
GROUPS: Final = {
    "span": ("route", "model", "name"),
    "ledger": ("model", "tenant", "feature"),
    "metric": ("service",),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole buckets of one level that belong to a stretch."""

    segment: int
    level: str
    first: int
    beyond: int


def windows(reader: Reader, indicator: Indicator, ranges: Sequence[Range]) -> list[Counts]:
    """The events of each range.

    Args:
        reader: One snapshot.
        indicator: What counts, and what is good.
        ranges: Whole minutes; they may overlap.
    """
    (found,) = windows_of(reader, [indicator], ranges)
    return found


def together(indicator: Indicator) -> bool:
    """Whether several such indicators are read at once."""
    return indicator.kind == "span" and indicator.rolled


def windows_of(reader: Reader, indicators: Sequence[Indicator], ranges: Sequence[Range]) -> list[list[Counts]]:
    """The events of each range, for several indicators: in one statement where they can be read `together`."""
    stretches = _stretches(ranges)
    found = []
    for rows in _read(reader, indicators, stretches):
        each: defaultdict[int, Counts] = defaultdict(Counts)
        for row in rows:
            each[row["segment"]] += _counts(row)
        found.append(
            [
                sum((each[n] for n, stretch in enumerate(stretches) if n in each and _within(stretch, asked)), Counts())
                for asked in ranges
            ]
        )
    return found


def slices(reader: Reader, indicator: Indicator, asked: Sequence[Range], slice_ns: int) -> dict[int, Counts]:
    """The events of each slice of some ranges that has any: number of the slice since 1970 -> counts."""
    found: defaultdict[int, Counts] = defaultdict(Counts)
    (rows,) = _read(reader, [indicator], asked, slice_ns=slice_ns)
    for row in rows:
        found[row["slice"]] += _counts(row)
    return dict(sorted(found.items()))


def groups(reader: Reader, indicator: Indicator, asked: Range, group: str) -> dict[str | None, Counts]:
    """The events of a range by the values of one column of `GROUPS`."""
    found: defaultdict[str | None, Counts] = defaultdict(Counts)
    (rows,) = _read(reader, [indicator], [asked], group=group)
    for row in rows:
        found[row["category"]] += _counts(row)
    return dict(found)


def as_sent(counts: Counts) -> bool:
    """Whether none of a window's spans says what it stands for, so that each can only stand for itself."""
    return counts.seen == 0 and counts.uncounted > 0


def kept_since(reader: Reader, indicator: Indicator) -> int:
    """From when on the rows are there that this indicator is read from; 0 when none was ever deleted."""
    kept: dict[str, int] = dict(reader.tuples(SQL["kept_rollups"]))
    if indicator.kind == "ledger" or not indicator.rolled:
        return kept.get(ROWS[indicator.kind], 0)
    return kept.get(f"{indicator.kind}_1d", 0)


def heard(reader: Reader, service: str | None, asked: Range) -> tuple[list[int], bool]:
    """The minutes in which anything came from a service, and whether it reports regularly, with or without requests."""
    rows = reader.tuples(
        SQL["presence"],
        service=service,
        first=asked.from_ns // MINUTE_NS,
        beyond=asked.to_ns // MINUTE_NS,
    )
    return [bucket for bucket, _ in rows], any(alone for _, alone in rows)


def effective(threshold: Threshold, kind: str) -> float:
    """The threshold as the histograms know it: the end of the bucket in which it lies, in its own unit."""
    unit = 1e6 if kind == "span" else 1.0
    code = histogram.code(threshold.value * unit)
    edge = code + 1 if threshold.below else code
    if code <= histogram.ZERO_CODE:
        return threshold.value
    return float(2.0 ** (edge / histogram.BUCKETS_PER_DOUBLING)) / unit


def _counts(row: Mapping[str, Any]) -> Counts:
    return Counts(row["good"], row["total"], row["seen"], row["uncounted"], row["plain_good"])


def _within(stretch: Range, asked: Range) -> bool:
    return asked.from_ns <= stretch.from_ns and stretch.to_ns <= asked.to_ns


def _stretches(ranges: Sequence[Range]) -> list[Range]:
    edges = sorted({edge for asked in ranges for edge in (asked.from_ns, asked.to_ns)})
    return [Range(before, after) for before, after in pairwise(edges)]


def _read(
    reader: Reader,
    indicators: Sequence[Indicator],
    stretches: Sequence[Range],
    *,
    slice_ns: int = 0,
    group: str | None = None,
) -> list[list[dict[str, Any]]]:
    """For each indicator, rows of counts by stretch, slice and group."""
    found: list[list[dict[str, Any]]] = [[] for _ in indicators]
    if not any(stretch.length_ns > 0 for stretch in stretches):
        return found
    bound = {"slice_ns": slice_ns, "group": group}
    several = [number for number, each in enumerate(indicators) if together(each)]
    if several:
        for row in _spans(reader, [indicators[number] for number in several], stretches, bound):
            found[several[row["slo"]]].append(row)
    for number, each in enumerate(indicators):
        if not together(each):
            found[number] = _alone(reader, each, stretches, bound)
    return found


def _spans(
    reader: Reader, indicators: Sequence[Indicator], stretches: Sequence[Range], bound: dict[str, Any]
) -> list[dict[str, Any]]:
    pieces = _pieces(reader, "span", stretches, bound["slice_ns"])
    raw = [piece for piece in pieces if piece.level == "raw"]
    thresholds = [_code(each) for each in indicators]
    services = {each.where.value_of("service") for each in indicators}
    conditions = [_bound(each, ROLLED["span"], ()) for each in indicators]
    return reader.rows(
        SQL["span_events"],
        **bound,
        **_cut(pieces),
        **{name: [each[name] for each in conditions] for name in conditions[0]},
        least_ns=min((piece.first for piece in raw), default=0) * MINUTE_NS,
        most_ns=max((piece.beyond for piece in raw), default=0) * MINUTE_NS,
        services=None if None in services else sorted(str(service) for service in services),
        slo=list(range(len(indicators))),
        threshold=thresholds,
        below=[each.threshold is None or each.threshold.below for each in indicators],
        coded=any(threshold is not None for threshold in thresholds),
    )


def _alone(
    reader: Reader, indicator: Indicator, stretches: Sequence[Range], bound: dict[str, Any]
) -> list[dict[str, Any]]:
    attributes = _attributes(indicator)
    threshold = indicator.threshold
    asked = {
        **bound,
        **_bound(indicator, COLUMNS[indicator.kind], attributes),
        "paths": [path(name) for name in attributes],
        "service": indicator.where.value_of("service"),
        "below": threshold is None or threshold.below,
    }
    if indicator.kind == "metric":
        cut = _cut(_pieces(reader, "metric", stretches, bound["slice_ns"]))
        names = {"metric": indicator.metric, "good_metric": indicator.good_metric}
        return reader.rows(SQL["metric_events"], **asked, **cut, **names, code=_code(indicator))
    asked |= {
        "segment": list(range(len(stretches))),
        "from_ns": [stretch.from_ns for stretch in stretches],
        "to_ns": [stretch.to_ns for stretch in stretches],
        "least_ns": min(stretch.from_ns for stretch in stretches),
        "most_ns": max(stretch.to_ns for stretch in stretches),
    }
    if indicator.kind == "ledger":
        field, value = (None, None) if threshold is None else (threshold.field, threshold.value)
        columns = sorted({each.name for part in (indicator.where, indicator.good) if part for each in part.each})
        return reader.rows(SQL["ledger_rows"], **asked, asked=columns, field=field, threshold=value)
    return reader.rows(SQL["span_rows"], **asked, code=_code(indicator))


def _bound(indicator: Indicator, columns: Sequence[str], attributes: Sequence[str]) -> dict[str, Any]:
    good = indicator.good or indicator.where
    return indicator.where.bound(columns, attributes, "where") | good.bound(columns, attributes, "good")


def _code(indicator: Indicator) -> int | None:
    """The bucket of the threshold, in the unit that is stored."""
    if indicator.threshold is None:
        return None
    return histogram.code(indicator.threshold.value * (1e6 if indicator.kind == "span" else 1.0))


def _attributes(indicator: Indicator) -> list[str]:
    both = (*indicator.where.attributes, *(indicator.good.attributes if indicator.good else ()))
    return list(dict.fromkeys(both))


def _pieces(reader: Reader, family: str, stretches: Sequence[Range], slice_ns: int) -> list[Piece]:
    rolled = _Rolled.of(reader, family, slice_ns)
    return [
        Piece(number, *cut)
        for number, stretch in enumerate(stretches)
        for cut in rolled.cut(stretch.from_ns, stretch.to_ns)
    ]


def _cut(pieces: Sequence[Piece]) -> dict[str, Any]:
    return {
        "segment": [piece.segment for piece in pieces],
        "level": [piece.level for piece in pieces],
        "first": [piece.first for piece in pieces],
        "beyond": [piece.beyond for piece in pieces],
    }


@dataclass(frozen=True, slots=True)
class _Rolled:
    """What of a family's rollups may be read.

    Attributes:
        levels: Coarsest first; those whose buckets lie in one slice.
        since: Level -> from when on its buckets are kept.
        stale: Level -> buckets that wait to be recomputed.
        rows: Whether stale minutes can be read from the rows themselves.
    """

    levels: tuple[str, ...]
    since: Mapping[str, int]
    stale: Mapping[str, frozenset[int]]
    rows: bool

    @classmethod
    def of(cls, reader: Reader, family: str, slice_ns: int) -> _Rolled:
        kept: dict[str, int] = dict(reader.tuples(SQL["kept_rollups"]))
        marked: defaultdict[str, set[int]] = defaultdict(set)
        for level, bucket in reader.tuples(SQL["stale"], family=family):
            marked[level].add(bucket)
        marked["1h"] |= {bucket // 60 for bucket in marked["1m"]}
        marked["1d"] |= {bucket // 24 for bucket in marked["1h"]}
        return cls(
            levels=tuple(level for level in WIDTHS if level == "1m" or slice_ns % WIDTHS[level] == 0),
            since={level: kept.get(f"{family}_{level}", 0) for level in WIDTHS},
            stale={level: frozenset(marked[level]) for level in WIDTHS},
            rows=family == "span",
        )

    def cut(self, from_ns: int, to_ns: int, at: int = 0) -> list[tuple[str, int, int]]:
        """A stretch as runs of whole buckets, the coarsest that are fresh, or that are left."""
        if from_ns >= to_ns:
            return []
        level, width = self.levels[at], WIDTHS[self.levels[at]]
        finest = at == len(self.levels) - 1
        first, beyond = -(-from_ns // width), to_ns // width
        if finest or from_ns < self.since[self.levels[at + 1]]:
            first = from_ns // width
        if finest:
            beyond = -(-to_ns // width)
        if first >= beyond:
            return self.cut(from_ns, to_ns, at + 1)
        found = [] if finest else self.cut(from_ns, min(first * width, to_ns), at + 1)
        for bucket in sorted(number for number in self.stale[level] if first <= number < beyond):
            found += [(level, first, bucket)] if first < bucket else []
            found += self._stale(at, bucket)
            first = bucket + 1
        found += [(level, first, beyond)] if first < beyond else []
        return found if finest else [*found, *self.cut(beyond * width, to_ns, at + 1)]

    def _stale(self, at: int, bucket: int) -> list[tuple[str, int, int]]:
        """A bucket that waits to be recomputed: its finer ones, or its rows."""
        level, width = self.levels[at], WIDTHS[self.levels[at]]
        if at < len(self.levels) - 1 and bucket * width >= self.since[self.levels[at + 1]]:
            return self.cut(bucket * width, (bucket + 1) * width, at + 1)
        return [("raw" if self.rows and level == "1m" else level, bucket, bucket + 1)]
