"""Good events and all events of an objective's windows, read from the rollups (or the rows themselves) each time.

Given a snapshot, an indicator and ranges of whole minutes, cuts them into stretches between all their ends, reads each
stretch once (whole days and hours where there are such, minutes at the edges) and adds the stretches up. Nothing is
kept: late data, repricing, restarts and changed definitions need no code here.

Never: an average of ratios, or a stretch that is counted twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from spanledger_server.rollups import histogram
from spanledger_server.slos.burn import Counts
from spanledger_server.slos.conditions import COLUMNS, ROLLED, path
from spanledger_server.slos.objective import Indicator, Threshold
from spanledger_server.slos.stretches import between, parameters, pieces, raw_bounds, within
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import MINUTE_NS, Range

SQL = sqlfile.load(__package__)

SORT: Final = ("service", "name", "kind", "status", "route", "model", "entry")  # as the small statement gives them
SPAN_KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")
ERROR: Final = 2  # the status of a span
CONTRIBUTE: Final[dict[str, tuple[str, ...]]] = {
    "span": ("route", "model", "name"),
    "ledger": ("model", "tenant", "feature"),
    "metric": ("service",),
}


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
    if not _quick(indicator):
        (found,) = windows_of(reader, [indicator], ranges, excluded)
        return found
    stretches = between(ranges, excluded)
    each: defaultdict[int, Counts] = defaultdict(Counts)
    for segment, _, counts in _cells(reader, indicator, stretches):
        each[segment] += counts
    return _added(each, stretches, ranges)


def _quick(indicator: Indicator) -> bool:
    """Whether the small statement can tell: bounds of numbers are left to the one that judges in SQL."""
    parts = (indicator.where, indicator.good or indicator.where)
    return together(indicator) and all(one.least is None and one.most is None for part in parts for one in part.each)


def together(indicator: Indicator) -> bool:
    """Whether several such indicators are read at once."""
    return indicator.kind == "span" and indicator.rolled


def windows_of(
    reader: Reader, indicators: Sequence[Indicator], ranges: Sequence[Range], excluded: Sequence[Range] = ()
) -> list[list[Counts]]:
    """The events of each range, for several indicators: in one statement where they can be read `together`."""
    stretches = between(ranges, excluded)
    return [_summed(rows, stretches, ranges) for rows in _read(reader, indicators, stretches)]


def windows_by(
    reader: Reader, indicator: Indicator, ranges: Sequence[Range], excluded: Sequence[Range], group: str
) -> dict[str | None, list[Counts]]:
    """The events of each range by the values of one column of `objective.GROUPED`."""
    stretches = between(ranges, excluded)
    if _quick(indicator) and group in SORT:
        column, by_value = (
            SORT.index(group),
            defaultdict[str | None, defaultdict[int, Counts]](lambda: defaultdict(Counts)),
        )
        for segment, sort, counts in _cells(reader, indicator, stretches):
            by_value[sort[column]][segment] += counts
        return {value: _added(each, stretches, ranges) for value, each in by_value.items()}
    rows: defaultdict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for row in _read(reader, [indicator], stretches, group=group)[0]:
        rows[row["category"]].append(row)
    return {value: _summed(each, stretches, ranges) for value, each in rows.items()}


def slices(reader: Reader, indicator: Indicator, asked: Sequence[Range], slice_ns: int) -> dict[int, Counts]:
    """The events of each slice of some ranges that has any: number of the slice since 1970 -> counts."""
    found: defaultdict[int, Counts] = defaultdict(Counts)
    (rows,) = _read(reader, [indicator], asked, slice_ns=slice_ns)
    for row in rows:
        found[row["slice"]] += _counts(row)
    return dict(sorted(found.items()))


def slices_by(
    reader: Reader, indicator: Indicator, asked: Sequence[Range], slice_ns: int, group: str
) -> dict[str | None, dict[int, Counts]]:
    """As `slices`, by the values of one column of `objective.GROUPED`."""
    found: defaultdict[str | None, defaultdict[int, Counts]] = defaultdict(lambda: defaultdict(Counts))
    for row in _read(reader, [indicator], asked, slice_ns=slice_ns, group=group)[0]:
        found[row["category"]][row["slice"]] += _counts(row)
    return {value: dict(sorted(each.items())) for value, each in found.items()}


def groups(
    reader: Reader, indicator: Indicator, asked: Sequence[Range], columns: Sequence[str]
) -> dict[str, dict[str | None, Counts]]:
    """The events of some ranges by the values of each of some columns."""
    found: dict[str, dict[str | None, Counts]] = {}
    cells = _cells(reader, indicator, asked) if _quick(indicator) and set(columns) & set(SORT) else []
    for column in columns:
        each: defaultdict[str | None, Counts] = defaultdict(Counts)
        if _quick(indicator) and column in SORT:
            for _, sort, counts in cells:
                each[sort[SORT.index(column)]] += counts
        else:
            for row in _read(reader, [indicator], asked, group=column)[0]:
                each[row["category"]] += _counts(row)
        found[column] = dict(each)
    return found


def as_sent(counts: Counts) -> bool:
    """Whether none of a window's spans says what it stands for, so that each can only stand for itself."""
    return counts.seen == 0 and counts.uncounted > 0


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


def _summed(rows: Iterable[Mapping[str, Any]], stretches: Sequence[Range], ranges: Sequence[Range]) -> list[Counts]:
    """What was read of stretches, as the events of each range."""
    each: defaultdict[int, Counts] = defaultdict(Counts)
    for row in rows:
        each[row["segment"]] += _counts(row)
    return _added(each, stretches, ranges)


def _added(each: Mapping[int, Counts], stretches: Sequence[Range], ranges: Sequence[Range]) -> list[Counts]:
    return [
        sum((each[n] for n, stretch in enumerate(stretches) if n in each and within(stretch, asked)), Counts())
        for asked in ranges
    ]


def _cells(
    reader: Reader, indicator: Indicator, stretches: Sequence[Range]
) -> list[tuple[int, tuple[Any, ...], Counts]]:
    """Number of the stretch, what `SORT` names, and the events of such spans there that count."""
    if not any(stretch.length_ns > 0 for stretch in stretches):
        return []
    cut = pieces(reader, "span", stretches, 0)
    service, entry = indicator.where.value_of("service"), indicator.where.value_of("entry")
    rows = reader.tuples(
        SQL["span_cells" if indicator.threshold is None else "span_cells_within"],
        **parameters(cut),
        **raw_bounds(cut),
        services=None if service is None else [service],
        entry=None if entry is None else entry == "true",
        code=_code(indicator),
        below=indicator.threshold is None or indicator.threshold.below,
    )
    found = []
    judged: dict[tuple[Any, ...], tuple[bool, bool]] = {}
    for segment, *cells in rows:
        sort = tuple(cells[: len(SORT)])
        if sort not in judged:
            texts = dict(zip(SORT, _texts(sort), strict=True))
            judged[sort] = (indicator.where.meets(texts), (indicator.good or indicator.where).meets(texts))
        counts, good = judged[sort]
        if counts:
            weighed, spans, uncounted, within, sent_within = cells[len(SORT) :]
            right, sent = (weighed, spans) if indicator.threshold is None else (within, sent_within)
            found.append((segment, sort, Counts(right * good, weighed, spans - uncounted, uncounted, sent * good)))
    return found


def _texts(sort: Sequence[Any]) -> tuple[str | None, ...]:
    """What spans are told apart by, as conditions see it."""
    service, name, kind, status, route, model, entry = sort
    return service, name, SPAN_KINDS[kind], "error" if status == ERROR else "ok", route, model, str(entry).lower()


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
    rolled = group is None or group in (*ROLLED["span"], "name")
    several = [number for number, each in enumerate(indicators) if rolled and together(each)]
    if several:
        for row in _spans(reader, [indicators[number] for number in several], stretches, bound):
            found[several[row["slo"]]].append(row)
    for number, each in enumerate(indicators):
        if number not in several:
            found[number] = _alone(reader, each, stretches, bound)
    return found


def _spans(
    reader: Reader, indicators: Sequence[Indicator], stretches: Sequence[Range], bound: dict[str, Any]
) -> list[dict[str, Any]]:
    cut = pieces(reader, "span", stretches, bound["slice_ns"])
    thresholds = [_code(each) for each in indicators]
    services = {each.where.value_of("service") for each in indicators}
    conditions = [_bound(each, ROLLED["span"], ()) for each in indicators]
    return reader.rows(
        SQL["span_events"],
        **bound,
        **parameters(cut),
        **{name: [each[name] for each in conditions] for name in conditions[0]},
        **raw_bounds(cut),
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
        cut = parameters(pieces(reader, "metric", stretches, bound["slice_ns"]))
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
