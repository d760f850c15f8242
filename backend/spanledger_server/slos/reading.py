"""The statements that count the events of one indicator, or of several, in stretches of time.

Given a snapshot, indicators and stretches that lie apart, gives rows of counts by stretch, slice and group: from the
rollups where they can tell, else from the rows themselves.

Never: text of a user inside a statement.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from spanledger_server.rollups import histogram
from spanledger_server.slos.burn import Counts
from spanledger_server.slos.conditions import COLUMNS, ROLLED, path
from spanledger_server.slos.objective import Indicator
from spanledger_server.slos.stretches import METRIC, SPAN, parameters, pieces, raw_bounds
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import Range

SQL = sqlfile.load(__package__)

SORT: Final = ROLLED["span"]  # by what the small statements tell spans apart
SPAN_KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")
ERROR: Final = 2  # the status of a span


def quick(indicator: Indicator) -> bool:
    """Whether the small statement can tell: bounds of numbers are left to the one that judges in SQL."""
    parts = (indicator.where, indicator.good or indicator.where)
    return together(indicator) and all(one.least is None and one.most is None for part in parts for one in part.each)


def together(indicator: Indicator) -> bool:
    """Whether several such indicators are read at once, from the rollups of spans."""
    return indicator.kind == "span" and indicator.rolled


def lines_together(indicator: Indicator) -> bool:
    """Whether several such indicators are read at once, from the ledger."""
    return indicator.kind == "ledger" and not _attributes(indicator)


class Judge:
    """Which spans count for an indicator, and which of them are good, by what `SORT` names; each sort once."""

    def __init__(self, indicator: Indicator) -> None:
        self._where, self._good = indicator.where, indicator.good or indicator.where
        self._known: dict[tuple[Any, ...], tuple[bool, bool]] = {}

    def __call__(self, sort: tuple[Any, ...]) -> tuple[bool, bool]:
        """Whether they count, and whether they are good but for the threshold."""
        if sort not in self._known:
            texts = dict(zip(SORT, _texts(sort), strict=True))
            self._known[sort] = self._where.meets(texts), self._good.meets(texts)
        return self._known[sort]


def cells(
    reader: Reader, indicator: Indicator, stretches: Sequence[Range]
) -> list[tuple[int, tuple[Any, ...], Counts]]:
    """Number of the stretch, what `SORT` names, and the events of such spans there that count."""
    if not any(stretch.length_ns > 0 for stretch in stretches):
        return []
    cut = pieces(reader, SPAN, stretches, 0)
    entry, levels = indicator.where.value_of("entry"), {piece.level for piece in cut}
    plain = indicator.threshold is None
    asked = {
        **parameters(cut),
        **raw_bounds(cut),
        **sides(indicator),
        "service": indicator.where.value_of("service"),
        "entry": None if entry is None else entry == "true",
        "within": not plain,
        "hours": "1h" in levels,
        "days": "1d" in levels,
        "rows": "raw" in levels,
    }
    statement, bounds = sqlfile.lean(SQL["span_cells" if plain else "span_cells_within"], asked)
    rows = reader.tuples(statement, **bounds)
    found = []
    judge = Judge(indicator)
    for segment, *told in rows:
        sort = tuple(told[: len(SORT)])
        counts, good = judge(sort)
        if counts:
            weighed, spans, uncounted, *within = told[len(SORT) :]
            right, sent = within or (weighed, spans)
            found.append((segment, sort, Counts(right * good, weighed, spans - uncounted, uncounted, sent * good)))
    return found


def _texts(sort: Sequence[Any]) -> tuple[str | None, ...]:
    """What spans are told apart by, as conditions see it."""
    service, name, kind, status, route, model, entry = sort
    return service, name, SPAN_KINDS[kind], "error" if status == ERROR else "ok", route, model, str(entry).lower()


def read(
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
    lines = [number for number, each in enumerate(indicators) if group is None and lines_together(each)]
    if len(lines) > 1:
        for row in _lines(reader, [indicators[number] for number in lines], stretches, bound):
            found[lines[row["slo"]]].append(row)
        several += lines
    apart = set(range(len(indicators))) - set(several)
    for number, each in enumerate(indicators):
        if number in apart:
            found[number] = _alone(reader, each, stretches, bound)
    return found


def _spans(
    reader: Reader, indicators: Sequence[Indicator], stretches: Sequence[Range], bound: dict[str, Any]
) -> list[dict[str, Any]]:
    cut = pieces(reader, SPAN, stretches, bound["slice_ns"])
    thresholds = [code(each) for each in indicators]
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


def _lines(
    reader: Reader, indicators: Sequence[Indicator], stretches: Sequence[Range], bound: dict[str, Any]
) -> list[dict[str, Any]]:
    services = [each.where.value_of("service") for each in indicators]
    thresholds = [each.threshold for each in indicators]
    conditions = [_bound(each, COLUMNS["ledger"], ()) for each in indicators]
    return reader.rows(
        SQL["ledger_events"],
        slice_ns=bound["slice_ns"],
        **_stretches(stretches),
        **{name: [each[name] for each in conditions] for name in conditions[0]},
        asked=sorted({name for each in indicators for name in _columns(each)} | {"service"}),
        services=None if None in services else sorted(set(map(str, services))),
        service=services,
        slo=list(range(len(indicators))),
        field=[None if each is None else each.field for each in thresholds],
        threshold=[None if each is None else each.value for each in thresholds],
        below=[each is None or each.below for each in thresholds],
    )


def _stretches(stretches: Sequence[Range]) -> dict[str, Any]:
    """Stretches as the statements over rows take them."""
    return {
        "segment": list(range(len(stretches))),
        "from_ns": [stretch.from_ns for stretch in stretches],
        "to_ns": [stretch.to_ns for stretch in stretches],
        "least_ns": min(stretch.from_ns for stretch in stretches),
        "most_ns": max(stretch.to_ns for stretch in stretches),
    }


def _columns(indicator: Indicator) -> list[str]:
    """What the conditions of an indicator name."""
    return sorted({each.name for part in (indicator.where, indicator.good) if part for each in part.each})


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
        cut = parameters(pieces(reader, METRIC, stretches, bound["slice_ns"]))
        names = {"metric": indicator.metric, "good_metric": indicator.good_metric}
        return reader.rows(SQL["metric_events"], **asked, **cut, **names, code=code(indicator))
    asked |= _stretches(stretches)
    if indicator.kind == "ledger":
        field, value = (None, None) if threshold is None else (threshold.field, threshold.value)
        return reader.rows(SQL["ledger_rows"], **asked, asked=_columns(indicator), field=field, threshold=value)
    return reader.rows(SQL["span_rows"], **asked, code=code(indicator))


def _bound(indicator: Indicator, columns: Sequence[str], attributes: Sequence[str]) -> dict[str, Any]:
    good = indicator.good or indicator.where
    return indicator.where.bound(columns, attributes, "where") | good.bound(columns, attributes, "good")


def beyond(indicator: Indicator) -> tuple[int | None, bool]:
    """The first bucket of the histograms above the threshold, and whether those below are good."""
    first, below = code(indicator), indicator.threshold is None or indicator.threshold.below
    return (None if first is None else first + below), below


def sides(indicator: Indicator) -> dict[str, Any]:
    """The threshold as the statements over histograms take it."""
    bound, below = beyond(indicator)
    return {"bound": bound, "edge_ns": edge_ns(bound), "below": below, "above": not below}


def edge_ns(bound: int | None) -> int | None:
    """The longest duration that lies in a bucket below this one."""
    if bound is None:
        return None
    if bound <= histogram.ZERO_CODE + 1:
        return 0 if bound > histogram.ZERO_CODE else -1
    edge: int = math.floor(2.0 ** (bound / histogram.BUCKETS_PER_DOUBLING))
    while edge > 0 and histogram.code(edge) >= bound:
        edge -= 1
    while histogram.code(edge + 1) < bound:
        edge += 1
    return edge


def code(indicator: Indicator) -> int | None:
    """The bucket of the threshold, in the unit that is stored."""
    if indicator.threshold is None:
        return None
    return histogram.code(indicator.threshold.value * (1e6 if indicator.kind == "span" else 1.0))


def _attributes(indicator: Indicator) -> list[str]:
    both = (*indicator.where.attributes, *(indicator.good.attributes if indicator.good else ()))
    return list(dict.fromkeys(both))
