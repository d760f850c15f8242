"""The warnings that Jaeger shows at spans: parents that are not there, links to nothing, and clocks that disagree.

Given a trace's spans, finds those that do not lie within their parents although they come from another host, by the
rule of Jaeger's clock skew adjuster; nothing is adjusted, as in a Jaeger whose largest adjustment is 0, its default.

Never: a time that was changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Span = Mapping[str, Any]

SKEWED: Final = "clock skew adjustment disabled; not applying calculated delta of {}"
_UNITS: Final = ((10**9, "s"), (10**6, "ms"), (10**3, "µs"))


@dataclass(frozen=True, slots=True)
class Reading:
    """How a generation of Jaeger reads a trace.

    Attributes:
        host: What tells where a span comes from; empty where nobody knows.
        parent: The id of a span's parent, None for a root.
        orphaned: What is said of a span whose parent is missing; ``{}`` becomes the parent's id.
        unlinked: What is said of a link that names no trace.
    """

    host: Callable[[Span], str]
    parent: Callable[[Span], int | None]
    orphaned: str
    unlinked: str


def names_a_trace(link: Mapping[str, Any]) -> bool:
    """Whether there is a trace id in a link that is not all zeros."""
    return bool(int(link.get("trace_id") or "0", 16))


def warnings(spans: Sequence[Span], reading: Reading) -> dict[int, list[str]]:
    """Warnings by span id.

    Args:
        spans: All of a trace, each id once.
        reading: Who reads it.
    """
    known = {span["span_id"] for span in spans}
    found: dict[int, list[str]] = {}
    children: dict[int | None, list[Span]] = {}
    for span in spans:
        parent = reading.parent(span)
        if parent is not None and parent not in known:
            found[span["span_id"]] = [reading.orphaned.format(f"{parent:016x}")]
            parent = None
        children.setdefault(parent, []).append(span)
    for span, skew_ns in _skews(children, reading.host):
        if skew_ns:
            found.setdefault(span["span_id"], []).append(SKEWED.format(duration_text(skew_ns)))
    for span in spans:
        for link in span["links"]:
            if not names_a_trace(link):
                found.setdefault(span["span_id"], []).append(reading.unlinked)
    return found


def _skews(children: Mapping[int | None, Sequence[Span]], host: Callable[[Span], str]) -> Iterator[tuple[Span, int]]:
    """Every span that a root leads to, and by how much its host's clock differs from the parent's, in nanoseconds."""
    waiting = [(span, 0, host(span)) for span in children.get(None, ())]
    while waiting:
        span, skew_ns, here = waiting.pop()
        yield span, skew_ns
        for child in children.get(span["span_id"], ()):
            there = host(child)
            differs = there != here or not there
            waiting.append((child, skew(child, span) if differs else skew_ns, there if differs else here))


def skew(child: Span, parent: Span) -> int:
    """By how much `child` would have to move, in nanoseconds, to lie within `parent`."""
    lasted, room = child["end_ns"] - child["start_ns"], parent["end_ns"] - parent["start_ns"]
    early: int = parent["start_ns"] - child["start_ns"]
    if lasted > room:
        return max(early, 0)
    if early <= 0 and child["end_ns"] <= parent["end_ns"]:
        return 0
    return early + int(room - lasted) // 2


def duration_text(length_ns: int) -> str:
    """A duration as Go spells it, ``-1m2.5s``."""
    sign, length_ns = "-" if length_ns < 0 else "", abs(length_ns)
    if length_ns < 1000:
        return f"{sign}{length_ns}ns" if length_ns else "0s"
    size, unit = next((size, unit) for size, unit in _UNITS if length_ns >= size)
    minutes, rest_ns = divmod(length_ns, 60 * size) if unit == "s" else (0, length_ns)
    fraction = f".{rest_ns % size:0{len(str(size)) - 1}d}".rstrip("0").rstrip(".")
    clock = (f"{minutes // 60}h" if minutes >= 60 else "") + (f"{minutes % 60}m" if minutes else "")
    return f"{sign}{clock}{rest_ns // size}{fraction}{unit}"
