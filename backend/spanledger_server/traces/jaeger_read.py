"""What Jaeger's clients ask of the store: services, operations, traces that have a certain span, and who calls whom.

Given a snapshot, gives names, trace ids and whole traces. A search goes through its window from the newest part to the
oldest, each as large as can be afforded, until it has found enough.

Never: a trace by its id from anywhere but the minutes that `trace_index` names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import Range
from spanledger_server.traces import search, trace

SQL = sqlfile.load(__package__)

NAMELESS: Final = "missing-service-name"  # what Jaeger calls a service that does not say its name
MOST_SPANS: Final = 50_000  # in one answer
MOST_PARTS: Final = 5  # of a window are searched
ROLLED_UP_AFTER_NS: Final = 15 * 60 * 10**9  # an ample bound: rollups are made every few seconds
HOUR_NS: Final = 3600 * 10**9


@dataclass(frozen=True, slots=True)
class Question:
    """A search: traces in which one span meets all of it; None stands for "not asked".

    Attributes:
        window: When that span starts.
        service: Its service.
        operation: Its name.
        least_ns: How long it takes at least.
        most_ns: How long it takes at most.
        tags: Its tags.
        most: How many traces.
    """

    window: Range
    service: str | None = None
    operation: str | None = None
    least_ns: int | None = None
    most_ns: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    most: int = 100


@dataclass(frozen=True, slots=True)
class Whole:
    """A trace: its spans as `trace.opened` gives them, by start; `number` is how many it has."""

    trace_id: UUID
    spans: list[dict[str, Any]]
    number: int


@dataclass(frozen=True, slots=True)
class Link:
    """`calls` spans of `child` have a parent in `parent`."""

    parent: str
    child: str
    calls: int


def services(reader: Reader, now_ns: int) -> list[str]:
    """The services of which spans are kept."""
    return [name for (name,) in reader.tuples(SQL["jaeger_services"], nameless=NAMELESS, **_since(now_ns))]


def operations(reader: Reader, service: str, kind: int | None, now_ns: int) -> list[tuple[str, int]]:
    """Names and kinds of a service's operations.

    Args:
        reader: One snapshot.
        service: The service.
        kind: Only this one, by OTLP number; any when None.
        now_ns: The time.
    """
    asked = {"service": service, "kind": kind, "nameless": NAMELESS}
    return [(name, number) for name, number in reader.tuples(SQL["jaeger_operations"], **asked, **_since(now_ns))]


def _since(now_ns: int) -> dict[str, int]:
    return {"since_ns": now_ns - 2 * HOUR_NS, "recent_ns": now_ns - ROLLED_UP_AFTER_NS}


def find(reader: Reader, question: Question) -> tuple[list[UUID], bool]:
    """The traces that were asked for, newest first, and whether all of the window was searched for them."""
    found: dict[UUID, None] = {}
    from_ns, to_ns = question.window.from_ns, question.window.to_ns
    for _ in range(MOST_PARTS):
        if from_ns >= to_ns or len(found) >= question.most:
            return list(found)[: question.most], True
        part_ns, _ = search.affordable(reader, from_ns, to_ns, oldest=False)
        found |= dict.fromkeys(_found_in(reader, question, part_ns, to_ns))
        to_ns = part_ns
    return list(found)[: question.most], from_ns >= to_ns or len(found) >= question.most


def _found_in(reader: Reader, question: Question, from_ns: int, to_ns: int) -> list[UUID]:
    rows = reader.tuples(
        SQL["jaeger_found"],
        from_ns=from_ns,
        to_ns=to_ns,
        service=question.service,
        name=question.operation,
        least_ns=question.least_ns,
        most_ns=question.most_ns,
        nameless=NAMELESS,
        keys=list(question.tags),
        pointers=[f"/{key.replace('~', '~0').replace('/', '~1')}" for key in question.tags],
        texts=[_spellings(value) for value in question.tags.values()],
        most=question.most,
    )
    return [trace_id for trace_id, _ in rows]


def _spellings(value: str) -> list[str]:
    """`value`, and how the store spells the same number when it is a double."""
    try:
        return sorted({value, repr(float(value))})
    except ValueError:
        return [value]


def whole(reader: Reader, traces: Sequence[UUID]) -> tuple[list[Whole], list[UUID]]:
    """These traces in this order, and those that one answer has no room for; unknown ones are in neither.

    The first one is never left out, so that who asks again for the others gets them all.
    """
    within = search.bounds(reader, traces) if traces else None
    if within is None:
        return [], []
    window = {"from_ns": within[0], "to_ns": within[1]}
    sizes = dict(reader.tuples(SQL["jaeger_sizes"], traces=list(traces), **window))
    taken: list[UUID] = []
    left_out: list[UUID] = []
    room = MOST_SPANS
    for trace_id in dict.fromkeys(traces):
        size = min(sizes.get(trace_id, 0), trace.MOST_SPANS)
        if size:
            (taken if size <= room or not taken else left_out).append(trace_id)
            room -= size
    rows = reader.rows(SQL["jaeger_spans"], traces=taken, most=trace.MOST_SPANS, **window) if taken else []
    spans: dict[UUID, list[dict[str, Any]]] = {trace_id: [] for trace_id in taken}
    for row in trace.opened(reader, rows):
        spans[row["trace_id"]].append(row)
    return [Whole(trace_id, spans[trace_id], sizes[trace_id]) for trace_id in taken], left_out


def summaries(reader: Reader, traces: Sequence[UUID]) -> list[dict[str, Any]]:
    """Each of these traces in one row, in this order."""
    within = search.bounds(reader, traces) if traces else None
    if within is None:
        return []
    rows = reader.rows(
        SQL["jaeger_summaries"], traces=list(traces), from_ns=within[0], to_ns=within[1], nameless=NAMELESS
    )
    by_id = {row["trace_id"]: row for row in rows}
    return [by_id[trace_id] for trace_id in traces if trace_id in by_id]


def dependencies(reader: Reader, window: Range) -> tuple[list[Link], bool]:
    """Which services call which, by spans that begin in `window`, and whether all of it was looked at."""
    if window.from_ns >= window.to_ns:
        return [], True
    from_ns, to_ns = search.affordable(reader, window.from_ns, window.to_ns, oldest=False)
    rows = reader.tuples(SQL["jaeger_dependencies"], from_ns=from_ns, to_ns=to_ns, nameless=NAMELESS)
    return [Link(*row) for row in rows], from_ns == window.from_ns
