"""What rules ask the store: questions, and their answers by group, read from rollups alone.

A question is a source, filters, labels to tell apart, and a window. Questions that differ only in what their filters
want share one statement for each window: labels that are filtered are told apart there, and picked here. A window of
minutes is read from minutes, a longer one from hours and days where those are fresh.

Never: a raw line, or a group that was left out without a word.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from spanledger_server.errors import SpanledgerError
from spanledger_server.rollups.dirty import Family
from spanledger_server.rules import buckets, checks, distributions, metrics, own
from spanledger_server.rules.buckets import Run
from spanledger_server.rules.metrics import DIMENSIONS, Source
from spanledger_server.rules.rule import MOST_GROUPS, Filter
from spanledger_server.rules.unchanged import Unchanged
from spanledger_server.slos.conditions import path
from spanledger_server.statistics import system, weighed
from spanledger_server.statistics.system import Gauge
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import Range

SQL = sqlfile.load(__package__)

MOST_ROWS: Final = 20_000  # of one statement that several questions share, or whose rows are told apart by outcome
FAMILIES: Final[dict[Source, Family]] = {
    "calls": "cost",
    "cache": "told",
    "rate_limit": "told",
    "requests": "span",
    "spans": "span",
    "system": "metric",
    "metric": "metric",
}
TOLD_LABELS: Final = ("service", "subject", "feature", "tenant", "user_tier")
# Level -> the statement that reads it.
CALL: Final = {"1m": "call_cells_1m", "1h": "call_cells_1h", "1d": "call_cells_1d"}
TOLD: Final = {"1m": "told_cells_1m", "1h": "told_cells_1h", "1d": "told_cells_1d"}
SPAN: Final = {"1m": "span_cells_1m", "1h": "span_cells_1h", "1d": "span_cells_1d"}
SENT: Final = {"1m": "sent_cells_1m", "1h": "sent_cells_1h", "1d": "sent_cells_1d"}
GAUGE: Final = {"1m": "gauge_cells_1m", "1h": "gauge_cells_1h", "1d": "gauge_cells_1d"}
SUBJECTS: Final[dict[Source, str]] = {"cache": "provider", "rate_limit": "limit_type", "requests": "route"}
NAME: Final = ""  # the label that a metric's name is
Key = tuple[str, ...]
Filters = tuple[tuple[str, Filter], ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One window of one source.

    Attributes:
        source: Where it is read.
        window: From a whole minute on; its last minute is taken whole.
        group_by: Labels to tell apart, in the order of the keys of the answer.
        filters: Label and what it must be, by label.
        name: Of a metric that was sent.
        bare: Whether only the groups are wanted, and nothing of them.
        spread: Whether distributions are wanted.
    """

    source: Source
    window: Range
    group_by: tuple[str, ...] = ()
    filters: Filters = ()
    name: str | None = None
    bare: bool = False
    spread: bool = True

    @property
    def every(self) -> Filters:
        """The filters, the metric's name among them."""
        return self.filters if self.name is None else ((NAME, Filter((self.name,))), *self.filters)


@dataclass(frozen=True, slots=True)
class Crowd:
    """More groups than may be."""

    groups: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The store could not answer."""

    reason: str


Groups = Mapping[Key, Any]  # key -> what was found, an object of the source
Answer = Groups | Crowd | Failed
Row = Mapping[str, Any]
_Row = tuple[Mapping[str, str], Row]  # its labels, and the row


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a statement tells apart, and by what it lets rows through."""

    source: Source
    labels: tuple[str, ...]
    only: tuple[str, ...]

    @classmethod
    def of(cls, question: Question) -> _Shape:
        labels = tuple(sorted({*question.group_by, *(label for label, _ in question.every)}))
        exact = tuple(label for label, each in question.every if each.wanted and not each.unwanted)
        return cls(question.source, labels, exact)


def read(reader: Reader, asked: Iterable[Question], known: Unchanged | None = None) -> dict[Question, Answer]:
    """What was found for each question, by group; a crowd where there are more groups than any rule may have.

    Args:
        reader: One snapshot.
        asked: What.
        known: What is remembered of the tick before; None: nothing.
    """
    together: dict[tuple[_Shape, Range], list[Question]] = defaultdict(list)
    for question in dict.fromkeys(asked):
        together[_Shape.of(question), question.window].append(question)
    found: dict[Question, Answer] = {}
    for (shape, window), questions in together.items():
        try:
            found |= _answered(reader, shape, window, questions, known)
        except SpanledgerError as error:
            found |= dict.fromkeys(questions, Failed(str(error)))
    return found


def apart(reader: Reader, question: Question, length: int) -> dict[Key, list[Row]]:
    """The rows of each group, those of each stretch of so many minutes by themselves; `found` makes objects of them.

    Stretches (`bucket`) are numbered from 1970 on.
    """
    rows = _rows(
        reader, _Shape.of(question), [("1m", *buckets.minutes(question.window))], [question], 2**40, apart=length
    )
    groups: dict[Key, list[Row]] = defaultdict(list)
    for labels, row in () if isinstance(rows, Crowd) else rows:
        if _fits(question, labels):
            groups[_key(question, labels)].append(row)
    return groups


def found(source: Source, rows: Iterable[Row]) -> Any:
    """What these rows tell, as one object of their source."""
    if source == "system":
        return metrics.gauges_together([row["gauge"] for row in rows])
    if source == "health":
        return checks.together(rows)
    if source == "server":
        return own.together(row["work"] for row in rows)
    together = metrics.nothing(source)
    if source == "calls":
        some = list(rows)
        together.durations = distributions.of_calls(some)
        for row in some:
            together.add(row)
        return together
    for row in map(distributions.added, rows):
        if source != "requests":
            together.add(row)
        elif "outcome" in row:
            together.add_told(row)
        else:
            together.add_spans(weighed.in_arrays(row))
    return together


def _answered(
    reader: Reader, shape: _Shape, window: Range, questions: Sequence[Question], known: Unchanged | None
) -> dict[Question, Groups | Crowd]:
    if known is not None and known.nothing(shape.source, window.from_ns):
        return {question: {} for question in questions}
    family = FAMILIES.get(shape.source)
    runs = [("1m", *buckets.minutes(window))] if family is None else buckets.runs(reader, family, window)
    rows = _rows(reader, shape, runs, questions, MOST_ROWS, known=known)
    if isinstance(rows, Crowd):
        if len(questions) == 1:
            return {questions[0]: rows}
        each = [_answered(reader, shape, window, [question], known) for question in questions]
        return {question: groups for one in each for question, groups in one.items()}
    picked = _picked(questions, rows)
    return {question: _grouped(question, picked[question]) for question in questions}


def _picked(questions: Sequence[Question], rows: Sequence[_Row]) -> dict[Question, Sequence[_Row]]:
    """The rows of each question; found by the one value that a filter wants, where all filters want one."""
    if len(questions) == 1 or not all(_one_each(question) for question in questions):
        return {question: [row for row in rows if _fits(question, row[0])] for question in questions}
    labels = [label for label, _ in questions[0].every]
    by_value: dict[Key, list[_Row]] = defaultdict(list)
    for row in rows:
        by_value[tuple(row[0][label] for label in labels)].append(row)
    return {
        question: by_value.get(tuple(each.wanted[0] for _, each in question.every if each.wanted), [])
        for question in questions
    }


def _one_each(question: Question) -> bool:
    return all(each.wanted is not None and len(each.wanted) == 1 and not each.unwanted for _, each in question.every)


def _fits(question: Question, labels: Mapping[str, str]) -> bool:
    return all(each.fits(labels[label]) for label, each in question.every)


def _key(question: Question, labels: Mapping[str, str]) -> Key:
    return tuple(labels[label] for label in question.group_by)


def _grouped(question: Question, rows: Iterable[_Row]) -> Groups | Crowd:
    by_key: dict[Key, list[Row]] = defaultdict(list)
    for labels, row in rows:
        by_key[_key(question, labels)].append(row)
    if len(by_key) > MOST_GROUPS:
        return Crowd(len(by_key))
    return {key: None if question.bare else found(question.source, each) for key, each in by_key.items()}


def _rows(
    reader: Reader,
    shape: _Shape,
    runs: Sequence[Run],
    questions: Sequence[Question],
    most: int,
    *,
    apart: int = 0,
    known: Unchanged | None = None,
) -> list[_Row] | Crowd:
    """The rows that all these questions need."""
    if shape.source in metrics.LISTED:
        return _watched(reader, shape, questions, apart)
    rows: list[_Row] = []
    key = (shape, frozenset((each.every, each.spread and not each.bare) for each in questions))
    for run in runs:
        level, first, beyond = run
        bound = {"first": first, "beyond": beyond, "apart": apart, "most": most}
        reading = partial(_some, reader, shape, level, bound, questions)
        some = reading() if known is None else known.rows(shape.source, run, key, reading)
        if isinstance(some, Crowd):
            return some
        rows += some or ()
    return rows


def _watched(reader: Reader, shape: _Shape, questions: Sequence[Question], apart: int) -> list[_Row]:
    """Of health checks, and of the server's own work, which nobody but this process knows."""
    window = questions[0].window
    if shape.source == "health":
        wanted = lambda labels: any(_fits(each, labels) for each in questions)  # noqa: E731 - said here alone
        return [*checks.rows(reader, window, apart, wanted, timed=any(each.spread for each in questions))]
    found = own.rows(reader, window.to_ns, window.length_ns / 1e9)
    return [(labels, {"work": work}) for labels, work in found]


def _some(
    reader: Reader, shape: _Shape, level: str, bound: Mapping[str, Any], questions: Sequence[Question]
) -> list[_Row] | Crowd:
    if shape.source == "system":
        return _gauges(reader, level, bound)
    if shape.source == "metric":
        return _sent(reader, shape, level, bound, questions)
    if shape.source == "requests":
        return _requests(reader, shape, level, bound, questions)
    if shape.source in ("cache", "rate_limit"):
        return _told(reader, shape, level, bound, questions)
    if shape.source == "calls":
        return _calls(reader, shape, level, bound, questions)
    asked = _asked(shape, DIMENSIONS[shape.source] or (), questions)
    rows = distributions.rows(reader, SQL[SPAN[level]], **bound, **asked, served=False, spread=_spread(questions))
    return _taken(rows, shape, bound)


def _spread(questions: Iterable[Question]) -> bool:
    return any(each.spread and not each.bare for each in questions)


def _calls(
    reader: Reader, shape: _Shape, level: str, bound: Mapping[str, Any], questions: Sequence[Question]
) -> list[_Row] | Crowd:
    """Calls, by a statement without what nobody wants: most of what a rule costs is its statement's plan."""
    known = DIMENSIONS["calls"] or ()
    told = replace(shape, labels=_ordered(known, shape.labels), only=_ordered(known, shape.only))
    wanted = _wanted(told, questions)
    marks = {f"by_{label}": True for label in told.labels} | {f"only_{label}": True for label in told.only}
    spread, apart = _spread(questions), bound["apart"] or None
    asked = {**bound, **marks, "labels": bool(marks), "spread": spread, "wanted": wanted, "apart": apart}
    asked["whole"] = not marks and apart is None
    sql, left = sqlfile.lean(SQL[CALL[level]], asked)
    rows = distributions.rows(reader, sql, **left) if spread else reader.rows(sql, **left)
    return _taken(rows, told, bound)


def _ordered(known: Sequence[str], labels: Sequence[str]) -> tuple[str, ...]:
    return tuple(label for label in known if label in labels)


def _asked(shape: _Shape, columns: Sequence[str], questions: Sequence[Question]) -> dict[str, Any]:
    """The places of the labels, and which combinations are let through."""
    wanted = _wanted(shape, questions)
    return {
        "by": [columns.index(label) + 1 for label in shape.labels],
        "only": [] if wanted is None else [columns.index(label) + 1 for label in shape.only],
        "wanted": wanted,
    }


def _wanted(shape: _Shape, questions: Sequence[Question]) -> list[list[str]] | None:
    """The combinations of labels that are let through; None: all, where these would be too many."""
    wanted: set[Key] = set()
    for question in questions:
        filters = dict(question.every)
        values: list[Key] = [()]
        for label in shape.only:
            values = [(*some, value) for some in values for value in filters[label].wanted or ()]
        wanted.update(values)
    few = bool(shape.only) and len(wanted) <= MOST_GROUPS
    return [list(each) for each in sorted(wanted)] if few else None


def _taken(rows: Sequence[Row], shape: _Shape, bound: Mapping[str, Any]) -> list[_Row] | Crowd:
    if not shape.labels:
        return [({}, row) for row in rows]
    if rows and rows[0]["groups"] > bound["most"]:
        return Crowd(rows[0]["groups"])
    return [(dict(zip(shape.labels, row["key"], strict=True)), row) for row in rows]


def _told(
    reader: Reader, shape: _Shape, level: str, bound: Mapping[str, Any], questions: Sequence[Question]
) -> list[_Row] | Crowd:
    """Of caches, rate limits and requests; their provider, type of limit and route are one column."""
    columns = [SUBJECTS[shape.source] if name == "subject" else name for name in TOLD_LABELS]
    event = "request" if shape.source == "requests" else shape.source
    asked = _asked(shape, columns, questions)
    return _taken(distributions.rows(reader, SQL[TOLD[level]], **bound, **asked, event=event), shape, bound)


def _requests(
    reader: Reader, shape: _Shape, level: str, bound: Mapping[str, Any], questions: Sequence[Question]
) -> list[_Row] | Crowd:
    """Server spans, and what was told of requests: an endpoint of which a service tells in both ways as it told."""
    whole = _Shape("requests", ("route", "service"), shape.only)
    told = _told(reader, whole, level, bound, questions)
    asked = _asked(whole, DIMENSIONS["spans"] or (), questions)
    rows = distributions.rows(reader, SQL[SPAN[level]], **bound, **asked, served=True, spread=True)
    spans = _taken(rows, whole, bound)
    if isinstance(told, Crowd) or isinstance(spans, Crowd):
        return told if isinstance(told, Crowd) else spans
    known = {tuple(labels.values()) for labels, _ in told}
    return [*told, *(row for row in spans if tuple(row[0].values()) not in known)]


def _sent(
    reader: Reader, shape: _Shape, level: str, bound: Mapping[str, Any], questions: Sequence[Question]
) -> list[_Row] | Crowd:
    attributes = [label for label in shape.labels if label not in (NAME, "service")]
    rows = distributions.rows(
        reader,
        SQL[SENT[level]],
        **bound,
        **_asked(shape, (NAME, "service", *attributes), questions),
        names=sorted({question.name or "" for question in questions}),
        paths=[path(label) for label in attributes],
    )
    return _taken(rows, shape, bound)


def _gauges(reader: Reader, level: str, bound: Mapping[str, Any]) -> list[_Row] | Crowd:
    rows: list[_Row] = []
    labels: dict[str | None, dict[str, Any]] = {}
    within = {name: bound[name] for name in ("first", "beyond", "apart")}
    for row in reader.rows(SQL[GAUGE[level]], names=list(system.NAMES), **within):
        text = row["attributes"]
        known = labels.setdefault(text, json.loads(text) if text else {})
        gauge = Gauge(row["name"], row["service"], known, row["mean"])
        rows.append(({"service": row["service"]}, {"bucket": row["bucket"], "gauge": gauge}))
    return rows
