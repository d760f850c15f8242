"""Metrics over time: raw points made into evenly spaced ones.

Given a snapshot, a metric's name, a window and a step, gives one list of values for each group of series. Cumulative
counters and histograms become increments here, restarts included. A slot in which nothing came is None.

Never: a line drawn through a gap.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.errors import Invalid, NotFound
from spanledger_server.metrics import distribution
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)

MOST_SLOTS: Final = 2000
MOST_LINES: Final = 100
LOOK_BACK_NS: Final = 600 * 10**9  # how long before the window the point that an increment starts from may lie
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,3})?)")
_OF_VALUES: Final = ("avg", "min", "max", "last", "count")
_OF_COUNTERS: Final = ("rate", "increase", "last", "count")
_OF_OBSERVATIONS: Final = ("avg", "rate", "count", "sum")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        name: The metric's name.
        from_ns: Beginning of the window.
        to_ns: Its end, not part of it.
        step_ns: Distance of the points.
        group_by: Labels to keep; None keeps each series apart.
        stat: What is told of a slot; None for the kind's usual one.
    """

    name: str
    from_ns: int
    to_ns: int
    step_ns: int
    group_by: tuple[str, ...] | None
    stat: str | None


def names(reader: Reader) -> list[dict[str, Any]]:
    """Every metric: name, kind, unit, number of series, services."""
    return [row | {"services": sorted(row["services"] or ())} for row in reader.rows(SQL["metric_names"])]


def query(reader: Reader, question: Question) -> dict[str, Any]:
    """The metric as ``GET /api/v1/metrics/query`` answers it.

    Raises:
        NotFound: There is no such metric.
        Invalid: Its kind has no such `stat`.
    """
    series = reader.rows(SQL["series_of_metric"], name=question.name)
    if not series:
        raise NotFound(f"there is no metric named {question.name!r}; GET /api/v1/metrics lists all")
    kind = series[0]["kind"]
    series = [one for one in series if one["kind"] == kind]
    shape = _shape(series[0])
    stat = _stat(question.stat, shape)
    labels, group_of = _groups(series, question.group_by)
    values = _values(reader, question, series, group_of, shape, stat)
    shown = sorted(range(len(labels)), key=lambda group: json.dumps(labels[group], sort_keys=True))[:MOST_LINES]
    return {
        "name": question.name,
        "unit": series[0]["unit"],
        "kind": kind,
        "stat": stat,
        "step_s": question.step_ns / 1e9,
        "truncated": len(labels) > MOST_LINES,
        "series": [{"labels": labels[group], "points": _points(values.get(group, {}), question)} for group in shown],
    }


def _shape(series: Mapping[str, Any]) -> str:
    if series["kind"] in ("histogram", "exponential_histogram"):
        return "observations"
    if series["kind"] == "summary":
        return "summary"
    return (
        "counter" if series["kind"] == "sum" and (series["monotonic"] or series["temporality"] == "delta") else "value"
    )


def _stat(asked: str | None, shape: str) -> str:
    allowed = {
        "observations": _OF_OBSERVATIONS,
        "summary": _OF_OBSERVATIONS,
        "counter": _OF_COUNTERS,
        "value": _OF_VALUES,
    }[shape]
    if asked is None:
        return "p95" if shape == "observations" else allowed[0]
    if asked in allowed or (shape == "observations" and _PERCENTILE.fullmatch(asked)):
        return asked
    percentiles = ", p50, p95, p99 and so on" if shape == "observations" else ""
    raise Invalid("stat", asked, f"one of {', '.join(allowed)}{percentiles}")


def _groups(
    series: Sequence[Mapping[str, Any]], kept: tuple[str, ...] | None
) -> tuple[list[dict[str, Any]], list[int]]:
    """The labels of each group, and the group of each series."""
    labels: list[dict[str, Any]] = []
    numbers: dict[str, int] = {}
    group_of = []
    for one in series:
        every = {"service": one["service"], **(json.loads(one["attributes"]) if one["attributes"] else {})}
        own = every if kept is None else {key: every.get(key) for key in kept}
        spelled = json.dumps(own, sort_keys=True)
        if spelled not in numbers:
            numbers[spelled] = len(labels)
            labels.append(own)
        group_of.append(numbers[spelled])
    return labels, group_of


def _values(
    reader: Reader, question: Question, series: Sequence[Mapping[str, Any]], group_of: list[int], shape: str, stat: str
) -> dict[int, dict[int, float | None]]:
    """Group -> slot -> value."""
    bound = {
        "series": [one["series_id"] for one in series],
        "groups": group_of,
        "cumulative": [one["temporality"] == "cumulative" or one["kind"] == "summary" for one in series],
        "from_ns": question.from_ns,
        "to_ns": question.to_ns,
        "look_from_ns": question.from_ns - LOOK_BACK_NS,
        "step_ns": question.step_ns,
    }
    if shape in ("observations", "summary"):
        return _of_observations(reader.rows(SQL["distributions"], **bound), question, stat)
    found: dict[int, dict[int, float | None]] = {}
    for row in reader.rows(SQL["numbers"], **bound):
        found.setdefault(row["series_group"], {})[row["slot"]] = _of_numbers(row, question, stat)
    return found


def _of_numbers(row: Mapping[str, Any], question: Question, stat: str) -> float | None:
    if stat == "rate":
        return None if row["increase"] is None else row["increase"] / _seconds(row["slot"], question)
    return row["points" if stat == "count" else stat]  # type: ignore[no-any-return]


def _seconds(slot: int, question: Question) -> float:
    """How much of a slot lies in the window."""
    begin, end = slot * question.step_ns, (slot + 1) * question.step_ns
    return (min(end, question.to_ns) - max(begin, question.from_ns)) / 1e9


def _of_observations(
    rows: Iterable[Mapping[str, Any]], question: Question, stat: str
) -> dict[int, dict[int, float | None]]:
    together: dict[tuple[int, int], list[Mapping[str, Any]]] = {}
    for row in rows:
        together.setdefault((row["series_group"], row["slot"]), []).append(row)
    found: dict[int, dict[int, float | None]] = {}
    for (group, slot), parts in together.items():
        found.setdefault(group, {})[slot] = _of_slot(parts, _seconds(slot, question), stat)
    return found


def _of_slot(parts: Sequence[Mapping[str, Any]], seconds: float, stat: str) -> float | None:
    count = sum(part["count"] for part in parts)
    total = sum(part["sum"] or 0.0 for part in parts)
    simple: dict[str, Callable[[], float | None]] = {
        "count": lambda: float(count),
        "sum": lambda: total,
        "rate": lambda: count / seconds,
        "avg": lambda: total / count if count > 0 else None,
    }
    if stat in simple:
        return simple[stat]()
    every = [stretch for part in parts for stretch in distribution.stretches(part)]
    return distribution.quantile(every, float(stat[1:]) / 100)


def _points(by_slot: Mapping[int, float | None], question: Question) -> list[list[Any]]:
    first, last = question.from_ns // question.step_ns, (question.to_ns - 1) // question.step_ns
    return [[_unix_s(slot * question.step_ns), by_slot.get(slot)] for slot in range(first, last + 1)]


def _unix_s(at_ns: int) -> int | float:
    return at_ns // 10**9 if at_ns % 10**9 == 0 else at_ns / 1e9
