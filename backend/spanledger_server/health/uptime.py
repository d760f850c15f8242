"""How long something was up: arithmetic over the changes of a state.

Given changes in order and a window, gives the time in each state, the share that it was up, and beats: the same in even
parts. Before the first change there was nothing to know, which is not counted at all.

Never: unknown time as time that it was up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

from spanledger_server.health.answer import State
from spanledger_server.health.machine import Change
from spanledger_server.timegrid import Range

SHOWN: Final[tuple[State, ...]] = ("down", "degraded", "healthy", "unknown")  # what a part is called after


@dataclass(frozen=True, slots=True)
class Times:
    """How long it was in each state, nanoseconds."""

    healthy: int = 0
    degraded: int = 0
    down: int = 0
    unknown: int = 0

    @property
    def up(self) -> int:
        """How long it answered, well or not so well."""
        return self.healthy + self.degraded

    @property
    def total(self) -> int:
        """How long it was watched, or should have been."""
        return self.up + self.down + self.unknown

    @property
    def uptime(self) -> float | None:
        """The share of the known time that it was up; None where nothing is known."""
        return self.up / (self.up + self.down) if self.up + self.down else None

    @property
    def at_least(self) -> float | None:
        """The share of all time that it is known to have been up."""
        return self.up / self.total if self.total else None

    @property
    def known(self) -> float | None:
        """The share of all time of which anything is known."""
        return (self.up + self.down) / self.total if self.total else None


NO_TIME: Final = Times()


@dataclass(frozen=True, slots=True)
class Beat:
    """A part of a window: the worst that it was there; None where there was nothing to know."""

    window: Range
    state: State | None
    times: Times


def times(changes: Sequence[Change], window: Range) -> Times:
    """How long in each state within a window; `changes` in order, with the last one before it where there is one."""
    found: dict[State, int] = {"healthy": 0, "degraded": 0, "down": 0, "unknown": 0}
    for state, from_ns, to_ns in _stretches(changes, window):
        found[state] += to_ns - from_ns
    return Times(**found)


def beats(changes: Sequence[Change], window: Range, count: int) -> list[Beat]:
    """The window in `count` even parts."""
    stretches = list(_stretches(changes, window))
    found, first = [], 0
    for part in parts(window, count):
        while first < len(stretches) and stretches[first][2] <= part.from_ns:
            first += 1
        if first == len(stretches) or stretches[first][1] >= part.to_ns:
            found.append(Beat(part, None, NO_TIME))
            continue
        spent: dict[State, int] = {"healthy": 0, "degraded": 0, "down": 0, "unknown": 0}
        for state, from_ns, to_ns in stretches[first:]:
            if from_ns >= part.to_ns:
                break
            spent[state] += min(to_ns, part.to_ns) - max(from_ns, part.from_ns)
        worst = next((state for state in SHOWN if spent[state]), None)
        found.append(Beat(part, worst, Times(**spent)))
    return found


@lru_cache(16)
def parts(window: Range, count: int) -> tuple[Range, ...]:
    """The window in `count` parts that differ by at most a nanosecond."""
    edges = (window.from_ns + (window.to_ns - window.from_ns) * number // count for number in range(count + 1))
    return tuple(Range(*pair) for pair in pairwise(edges))


def _stretches(changes: Sequence[Change], window: Range) -> Iterator[tuple[State, int, int]]:
    for number, change in enumerate(changes):
        ends_ns = changes[number + 1].at_ns if number + 1 < len(changes) else window.to_ns
        from_ns, to_ns = max(change.at_ns, window.from_ns), min(ends_ns, window.to_ns)
        if from_ns < to_ns:
            yield change.state, from_ns, to_ns
