"""Good events and all events of an objective's windows, from the rollups (or the rows themselves).

Given a snapshot, an indicator and ranges of whole minutes, cuts them into stretches between all their ends, takes each
stretch once (whole days and hours where there are such, minutes at the edges) and adds the stretches up. What
`buckets.py` remembers of whole buckets holds for late data, repricing, restarts and changed definitions.

Never: an average of ratios, or a stretch that is counted twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from spanledger_server.rollups import histogram
from spanledger_server.slos import buckets
from spanledger_server.slos.burn import Counts
from spanledger_server.slos.objective import Indicator, Threshold
from spanledger_server.slos.reading import SORT, cells, quick, read
from spanledger_server.slos.stretches import WIDTHS, between, marks, pieces, within
from spanledger_server.slos.tallies import Tallies
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS, MINUTE_NS, Range

SQL = sqlfile.load(__package__)

CONTRIBUTE: Final[dict[str, tuple[str, ...]]] = {
    "span": ("route", "model", "name"),
    "ledger": ("model", "tenant", "feature"),
    "metric": ("service",),
}
AHEAD: Final = 60  # minutes that are still to come: that nothing came in one holds until something does
HEARD_IN: Final = {"heard_alone": frozenset({"metric"}), "heard_beside": frozenset({"span", "cost"})}


def windows(
    reader: Reader, indicator: Indicator, ranges: Sequence[Range], excluded: Sequence[Range] = ()
) -> list[Counts]:
    """The events of each range.

    Args:
        reader: One snapshot.
        indicator: What counts, and what is good.
        ranges: Whole minutes; they may overlap.
        excluded: Whole minutes of them that do not count, apart from one another.
    """
    stretches = between(ranges, excluded)
    cut = pieces(reader, buckets.source(indicator), stretches, 0)
    return _added(buckets.added(buckets.counted(reader, indicator, cut), cut), _parts(stretches, ranges))


def windows_of(
    reader: Reader, indicators: Sequence[Indicator], ranges: Sequence[Range], excluded: Sequence[Range] = ()
) -> list[list[Counts]]:
    """The events of each range, for several indicators: in one statement where they can be read `together`."""
    stretches = between(ranges, excluded)
    parts = _parts(stretches, ranges)
    return [_summed(rows, parts) for rows in read(reader, indicators, stretches)]


def windows_by(
    reader: Reader, indicator: Indicator, ranges: Sequence[Range], excluded: Sequence[Range], group: str
) -> dict[str | None, list[Counts]]:
    """The events of each range by the values of one column of `objective.GROUPED`."""
    stretches = between(ranges, excluded)
    parts = _parts(stretches, ranges)
    if quick(indicator) and group in SORT:
        column, by_value = (
            SORT.index(group),
            defaultdict[str | None, defaultdict[int, Counts]](lambda: defaultdict(Counts)),
        )
        for segment, sort, counts in cells(reader, indicator, stretches):
            by_value[sort[column]][segment] += counts
        return {value: _added(each, parts) for value, each in by_value.items()}
    rows: defaultdict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for row in read(reader, [indicator], stretches, group=group)[0]:
        rows[row["category"]].append(row)
    return {value: _summed(each, parts) for value, each in rows.items()}


def slices(reader: Reader, indicator: Indicator, asked: Sequence[Range], slice_ns: int) -> dict[int, Counts]:
    """The events of each slice of some ranges that has any: number of the slice since 1970 -> counts."""
    found: defaultdict[int, Counts] = defaultdict(Counts)
    if slice_ns % HOUR_NS == 0 or quick(indicator):
        cut = pieces(reader, buckets.source(indicator), asked, slice_ns)
        for (level, number), figures in buckets.counted(reader, indicator, cut).items():
            if any(figures):
                found[number * WIDTHS.get(level, MINUTE_NS) // slice_ns] += Counts(*figures)
    else:
        for row in read(reader, [indicator], asked, slice_ns=slice_ns)[0]:
            found[row["slice"]] += _counts(row)
    return dict(sorted(found.items()))


def slices_by(
    reader: Reader, indicator: Indicator, asked: Sequence[Range], slice_ns: int, group: str
) -> dict[str | None, dict[int, Counts]]:
    """As `slices`, by the values of one column of `objective.GROUPED`."""
    found: defaultdict[str | None, defaultdict[int, Counts]] = defaultdict(lambda: defaultdict(Counts))
    for row in read(reader, [indicator], asked, slice_ns=slice_ns, group=group)[0]:
        found[row["category"]][row["slice"]] += _counts(row)
    return {value: dict(sorted(each.items())) for value, each in found.items()}


def groups(
    reader: Reader, indicator: Indicator, asked: Sequence[Range], columns: Sequence[str]
) -> dict[str, dict[str | None, Counts]]:
    """The events of some ranges by the values of each of some columns."""
    found: dict[str, dict[str | None, Counts]] = {}
    read_once = cells(reader, indicator, asked) if quick(indicator) and set(columns) & set(SORT) else []
    for column in columns:
        each: defaultdict[str | None, Counts] = defaultdict(Counts)
        if quick(indicator) and column in SORT:
            for _, sort, counts in read_once:
                each[sort[SORT.index(column)]] += counts
        else:
            for row in read(reader, [indicator], asked, group=column)[0]:
                each[row["category"]] += _counts(row)
        found[column] = dict(each)
    return found


def as_sent(counts: Counts) -> bool:
    """Whether none of a window's spans says what it stands for, so that each can only stand for itself."""
    return counts.seen == 0 and counts.uncounted > 0


def heard(reader: Reader, service: str | None, asked: Range) -> tuple[list[int], bool]:
    """The minutes in which anything came from a service, and whether it reports by itself, with or without requests.

    Of one that does not, the minutes say nothing, and none are told.
    """
    minutes = range(asked.from_ns // MINUTE_NS, asked.to_ns // MINUTE_NS)
    alone = _heard(reader, "heard_alone", service, minutes)
    if not alone:
        return [], False
    beside = _heard(reader, "heard_beside", service, [number for number in minutes if number not in alone])
    return sorted(alone | beside), True


def _heard(reader: Reader, statement: str, service: str | None, minutes: Sequence[int]) -> set[int]:
    """Those minutes that a statement of presence names."""
    tallies, seen, question = Tallies.of(reader), marks(reader), (statement, service)
    found = {} if tallies is None else tallies.find(seen.version, question, [("1m", number) for number in minutes])
    missing = [number for number in minutes if ("1m", number) not in found]
    if missing:
        ahead = range(missing[-1] + 1, missing[-1] + 1 + AHEAD)
        rows = reader.tuples(SQL[statement], service=service, first=missing[0], beyond=ahead.stop)
        there = {bucket for (bucket,) in rows}
        found |= {("1m", number): (float(number in there),) for number in (*missing, *ahead)}
        families = HEARD_IN[statement]
        since = max(seen.kept.get(f"{family}_1m", 0) for family in families)
        if tallies is not None:
            kept = {bucket: told for bucket, told in found.items() if bucket[1] * MINUTE_NS >= since}
            tallies.keep(seen.version, question, families, kept)
    return {number for number in minutes if found["1m", number][0]}


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


def _parts(stretches: Sequence[Range], ranges: Sequence[Range]) -> list[list[int]]:
    """The numbers of the stretches that belong to each range."""
    return [[n for n, stretch in enumerate(stretches) if within(stretch, asked)] for asked in ranges]


def _summed(rows: Iterable[Mapping[str, Any]], parts: Sequence[Sequence[int]]) -> list[Counts]:
    """What was read of stretches, as the events of each range."""
    each: defaultdict[int, Counts] = defaultdict(Counts)
    for row in rows:
        each[row["segment"]] += _counts(row)
    return _added(each, parts)


def _added(each: Mapping[int, Counts], parts: Sequence[Sequence[int]]) -> list[Counts]:
    return [sum((each[n] for n in some if n in each), Counts()) for some in parts]
