"""Which line stands for a call that was told more than once.

Given the lines that arrive, the lines that stand in the ledger and what is known of lines that gave way (all of the
traces concerned), says which arriving lines go in, which standing ones go out, and what must be remembered. Two
lines tell of the same call when they have the same span, or when the provider answered both with the same response
id; this is followed through, so a span may connect two others. One line stands for each call: an event before a
span, then the earliest. The outcome does not depend on the order of arrival.

Never: reads the database, or drops a line of a call that no other line tells of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Told(NamedTuple):
    """What decides about a line. `position` is its row among the arriving lines, None when it stands in the ledger."""

    trace_id: bytes
    span_id: int
    source: str
    at_ns: int
    response_id: str | None
    position: int | None


class Link(NamedTuple):
    """A line that gave way: this span of this trace was answered with this response."""

    trace_id: bytes
    span_id: int
    response_id: str
    at_ns: int


@dataclass(slots=True)
class Verdict:
    """What to do: `insert` are positions of arriving lines, `delete` lines of the ledger, `remember` new links."""

    insert: list[int] = field(default_factory=list)
    delete: list[Told] = field(default_factory=list)
    remember: list[Link] = field(default_factory=list)


def settle(arriving: Sequence[Told], standing: Iterable[Told], links: Iterable[Link]) -> Verdict:
    """Decide for all lines of some traces.

    Args:
        arriving: New lines in order of arrival; repetitions are dropped.
        standing: Every ledger line of these traces near these times.
        links: Every link of these traces near these times.
    """
    lines: dict[bytes, list[Told]] = defaultdict(list)
    known: dict[bytes, set[Link]] = defaultdict(set)
    seen: set[tuple[bytes, int, str]] = set()
    for line in (*standing, *arriving):
        if line[:3] not in seen:
            seen.add(line[:3])
            lines[line.trace_id].append(line)
    for link in links:
        known[link.trace_id].add(link)
    verdict = Verdict()
    for trace_id, told in lines.items():
        _settle_trace(told, known[trace_id], verdict)
    verdict.insert.sort()
    return verdict


def _settle_trace(lines: Sequence[Told], links: set[Link], verdict: Verdict) -> None:
    groups = _Groups()
    for line in lines:
        groups.join(line.span_id, line.response_id)
    for link in links:
        groups.join(link.span_id, link.response_id)
    calls: dict[int | str, list[Told]] = defaultdict(list)
    for line in lines:
        calls[groups.root(line.span_id)].append(line)
    recorded = {(link.span_id, link.response_id) for link in links}
    for told in calls.values():
        _settle_call(told, recorded, verdict)


def _settle_call(told: Sequence[Told], recorded: set[tuple[int, str]], verdict: Verdict) -> None:
    best = min(told, key=_rank)
    for line in told:
        if line is best:
            if line.position is not None:
                verdict.insert.append(line.position)
            continue
        if line.position is None:
            verdict.delete.append(line)
        pairing = (line.span_id, line.response_id)
        if line.response_id is not None and pairing != (best.span_id, best.response_id) and pairing not in recorded:
            recorded.add((line.span_id, line.response_id))
            verdict.remember.append(Link(line.trace_id, line.span_id, line.response_id, line.at_ns))


def _rank(line: Told) -> tuple[bool, int, int]:
    return (line.source != "event", line.at_ns, line.span_id)


class _Groups:
    """Disjoint sets of span ids (int) and response ids (str) within one trace."""

    __slots__ = ("_parent",)

    def __init__(self) -> None:
        self._parent: dict[int | str, int | str] = {}

    def root(self, member: int | str) -> int | str:
        parent = self._parent.setdefault(member, member)
        while parent != member:
            member, parent = parent, self._parent[parent]
        return member

    def join(self, span_id: int, response_id: str | None) -> None:
        root = self.root(span_id)
        if response_id is not None:
            self._parent[self.root(response_id)] = root
