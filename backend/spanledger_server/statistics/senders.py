"""What programs tell of their own deliveries: the metric ``spanledger.sdk.items`` of each process, added up.

Given a snapshot and a window, gives one `Process` for each that told anything; restarts within a series are followed.

Never: a process that did not tell.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from spanledger import semconv
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)

LOOK_BACK_NS: Final = 600 * 10**9  # how long before the window the counter's value that increments start from may lie
TELLS_WITHIN_NS: Final = 60 * 10**9  # a process that lives tells again within this time
MOST_STRETCHES: Final = 10  # of one service, the newest: each is laid beside every item


@dataclass(slots=True)
class Process:
    """One process, as it last told of itself.

    Attributes:
        service: Its service.
        resource_id: What tells it from others of the service.
        first_ns: When it first told within the window.
        told_ns: When it last did.
        began_ns: When it began to count.
        counts: Signal -> outcome -> items.
        dropped: Signal -> reason -> items.
    """

    service: str | None
    resource_id: int
    first_ns: int
    told_ns: int
    began_ns: int
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    dropped: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def held(self, signal: str) -> int:
        """Items that waited in it, or in its spool, when it last told."""
        counts = self.counts[signal]
        come = counts["recorded"] + counts["recovered"]
        return come - counts["sent"] - counts["refused"] - self.dropped[signal].total()

    def lives(self, now_ns: int) -> bool:
        """Whether it has told lately enough to be thought of as running."""
        return now_ns - self.told_ns <= 2 * TELLS_WITHIN_NS


class Stretch(NamedTuple):
    """A stretch of time of which a service's processes have not told yet, its end included."""

    service: str
    began_ns: int
    ended_ns: int


def told(reader: Reader, metrics: Sequence[str], from_ns: int, to_ns: int) -> list[dict[str, Any]]:
    """What was told under these names within a window, by process."""
    bounds = {"look_from_ns": from_ns - LOOK_BACK_NS, "from_ns": from_ns, "to_ns": to_ns}
    return reader.rows(SQL["told_by_senders"], metrics=list(metrics), **bounds)


def processes(reader: Reader, from_ns: int, to_ns: int) -> list[Process]:
    """All processes that told of themselves within a window."""
    found: dict[int, Process] = {}
    for row in told(reader, [semconv.METRIC_SDK_ITEMS], from_ns, to_ns):
        signal, outcome = row["signal"], row["outcome"]
        if signal is None or outcome is None:
            continue
        times = (row["first_ns"], row["told_ns"], row["began_ns"])
        one = found.setdefault(row["resource_id"], Process(row["service"], row["resource_id"], *times))
        one.first_ns, one.told_ns = min(one.first_ns, row["first_ns"]), max(one.told_ns, row["told_ns"])
        if outcome == "dropped":
            one.dropped[signal][row["reason"] or "unknown"] += row["items"]
        else:
            one.counts[signal][outcome] += row["items"]
    _with_their_own_readings(reader, found)
    return list(found.values())


def _with_their_own_readings(reader: Reader, found: dict[int, Process]) -> None:
    """Count the points that came with the last telling: recorded after it was written, and sent, as it is here."""
    at = {number: one.told_ns for number, one in found.items() if number is not None}
    if not at:
        return
    bounds = {"first_ns": min(at.values()), "last_ns": max(at.values())}
    for row in reader.rows(SQL["points_told_with"], resources=list(at), told=list(at.values()), **bounds):
        counts = found[row["resource_id"]].counts["metrics"]
        counts["recorded"] += row["items"]
        counts["sent"] += row["items"]


def untold(found: Iterable[Process], from_ns: int) -> list[Stretch]:
    """When items may have been stored that no process has told of yet, or that were told of before the window."""
    by_service: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for one in found:
        stretches = by_service[one.service or ""]
        stretches.append((one.told_ns, one.told_ns + TELLS_WITHIN_NS))
        if one.began_ns < from_ns:
            stretches.append((from_ns - 1, one.first_ns))
    return [Stretch(service, *each) for service, times in by_service.items() for each in _merged(sorted(times))]


def _merged(times: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for began_ns, ended_ns in times:
        if merged and began_ns <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ended_ns))
        else:
            merged.append((began_ns, ended_ns))
    return merged[-MOST_STRETCHES:]
