"""Windows as stretches between all their ends, and stretches as whole buckets of the rollups.

Given ranges of whole minutes and what is excluded of them, gives stretches that lie apart; given those, the days,
hours and minutes of which each consists, the coarsest that are fresh, and the minutes that are read from spans.

Never: a bucket in two stretches.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from spanledger_server.slos.tallies import Tallies
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range

SQL = sqlfile.load(__package__)

WIDTHS: Final = {"1d": DAY_NS, "1h": HOUR_NS, "1m": MINUTE_NS}


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole buckets of one level that belong to a stretch."""

    segment: int
    level: str
    first: int
    beyond: int


def between(ranges: Sequence[Range], excluded: Sequence[Range]) -> list[Range]:
    """What lies between all ends, without what is excluded."""
    if not ranges:
        return []
    least, most = min(asked.from_ns for asked in ranges), max(asked.to_ns for asked in ranges)
    ends = {edge for asked in ranges for edge in (asked.from_ns, asked.to_ns)}
    ends |= {edge for out in excluded for edge in (out.from_ns, out.to_ns) if least < edge < most}
    begins = [out.from_ns for out in excluded]

    def counted(at_ns: int) -> bool:
        last = bisect_right(begins, at_ns) - 1
        return last < 0 or at_ns >= excluded[last].to_ns

    return [Range(before, after) for before, after in pairwise(sorted(ends)) if counted(before)]


def within(stretch: Range, asked: Range) -> bool:
    """Whether a stretch belongs to a window."""
    return asked.from_ns <= stretch.from_ns and stretch.to_ns <= asked.to_ns


@dataclass(frozen=True, slots=True)
class Source:
    """What is counted by buckets.

    Attributes:
        family: The rollups whose marks say which buckets are to be recomputed.
        rows: The table, where rows themselves are counted at every level; None: the rollups.
        unrolled: Whether minutes that wait to be recomputed are read from rows.
    """

    family: str
    rows: str | None = None
    unrolled: bool = True

    def since(self, seen: Marks) -> dict[str, int]:
        """From when on whole buckets are there, by level."""
        return {level: seen.kept.get(self.rows or f"{self.family}_{level}", 0) for level in WIDTHS}


SPAN: Final = Source("span")
SPAN_ROWS: Final = Source("span", rows="spans")
LEDGER: Final = Source("cost", rows="ledger")
METRIC: Final = Source("metric", unrolled=False)


@dataclass(frozen=True, slots=True)
class Marks:
    """What a snapshot says of the rollups.

    Attributes:
        kept: Table -> from when on its rows are kept.
        stale: Family -> level -> buckets that wait to be recomputed, or whose finer ones do.
        version: What counts that are remembered are asked for with; None: none are.
    """

    kept: Mapping[str, int]
    stale: Mapping[str, Mapping[str, frozenset[int]]]
    version: int | None


def marks(reader: Reader) -> Marks:
    """What a snapshot says of the rollups."""
    return reader.once("slos.marks", lambda: _marks(reader))


def _marks(reader: Reader) -> Marks:
    tallies = Tallies.of(reader)
    since = None
    if tallies is not None:
        since = reader.value(SQL["last_change"]) if tallies.known is None else tallies.known
    stale: defaultdict[str, defaultdict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    kept: dict[str, int] = {}
    changes: dict[int, tuple[str, str, int]] = {}
    for change, name, level, number in reader.tuples(SQL["marks"], since=since):
        if change is not None:
            changes[change] = name, level, number
        elif level is None:
            kept[name] = number
        else:
            stale[name][level].add(number)
    for levels in stale.values():
        levels["1h"] |= {bucket // 60 for bucket in levels["1m"]}
        levels["1d"] |= {bucket // 24 for bucket in levels["1h"]}
    found = {family: {level: frozenset(each[level]) for level in WIDTHS} for family, each in stale.items()}
    last = max(changes, default=None)
    return Marks(kept, found, None if tallies is None else tallies.bring_up_to(last, changes))


def pieces(reader: Reader, source: Source, stretches: Sequence[Range], slice_ns: int) -> list[Piece]:
    """The buckets of which stretches consist.

    Args:
        reader: One snapshot.
        source: Of what.
        stretches: Apart from one another.
        slice_ns: No bucket is longer than a slice; 0: as long as there are.
    """
    rolled = _Rolled.of(marks(reader), source, slice_ns)
    return [
        Piece(number, *cut)
        for number, stretch in enumerate(stretches)
        for cut in rolled.cut(stretch.from_ns, stretch.to_ns)
    ]


def parameters(pieces: Sequence[Piece]) -> dict[str, Any]:
    """Pieces as the statements take them."""
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
    def of(cls, seen: Marks, source: Source, slice_ns: int) -> _Rolled:
        return cls(
            levels=tuple(level for level in WIDTHS if level == "1m" or slice_ns % WIDTHS[level] == 0),
            since=dict.fromkeys(WIDTHS, 0) if source.rows else source.since(seen),
            stale=seen.stale.get(source.family, dict.fromkeys(WIDTHS, frozenset())),
            rows=source.unrolled,
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


def raw_bounds(pieces: Sequence[Piece]) -> dict[str, int]:
    """From when to when spans themselves are read."""
    raw = [piece for piece in pieces if piece.level == "raw"]
    return {
        "least_ns": min((piece.first for piece in raw), default=0) * MINUTE_NS,
        "most_ns": max((piece.beyond for piece in raw), default=0) * MINUTE_NS,
    }
