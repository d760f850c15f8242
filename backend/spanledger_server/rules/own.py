"""What this process knows of its own work, for rules on it: how late it judges and tells, and what of it fails.

Whoever does the work puts in what is known; rules read it like any other source. Nothing of it is on disk, so that it
is known also where the store hangs, and a restart begins anew.

Never: a lag that is only a clock's that was set.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.store.database import Reader

LABELS: Final = ("task", "channel")
MOST_LATE: Final = 10_000
TOLERATED_S: Final = 5.0  # what is that late is on time: a tick may be short, and the machine busy
Waits = Callable[[Reader, int], Mapping[str, float]]  # snapshot and time -> channel -> seconds that a message waits
Tasks = Callable[[], Iterable[tuple[str, bool]]]  # each task, and whether its last turn failed


class Pulse:
    """When rules were judged, and by how much that was later than it was due."""

    def __init__(self, every_s: float) -> None:
        """Nothing was judged yet.

        Args:
            every_s: How often it is due, seconds.
        """
        self._every_s = every_s
        self._lock = threading.Lock()
        self._last: tuple[float, int] | None = None
        self._late: deque[tuple[float, float]] = deque(maxlen=MOST_LATE)  # when, and by how many seconds

    def beat(self, now_ns: int, at_s: float) -> None:
        """Rules are judged now.

        Args:
            now_ns: The time by the clock.
            at_s: The time by a clock that nobody sets, seconds.
        """
        with self._lock:
            if self._last is not None:
                passed_s = min(at_s - self._last[0], (now_ns - self._last[1]) / 1e9)
                if passed_s - self._every_s > TOLERATED_S:
                    self._late.append((at_s, passed_s - self._every_s))
            self._last = at_s, now_ns

    def waits_s(self, at_s: float) -> float:
        """By how much it is late now, seconds."""
        with self._lock:
            return 0.0 if self._last is None else max(0.0, at_s - self._last[0] - self._every_s)

    def late(self, at_s: float, within_s: float) -> list[float]:
        """By how many seconds each one was late that was, within so many seconds."""
        with self._lock:
            return [late_s for when_s, late_s in self._late if at_s - when_s < within_s]


@dataclass(frozen=True, slots=True)
class Work:
    """What is known of the server's work, of one combination of labels.

    Attributes:
        lag_s: By how much rules were judged late, at most; None where it is not of this combination.
        overruns: How many ticks were late.
        waits_s: How long a message has waited for its channel.
        failed: How many tasks failed in their last turn.
    """

    lag_s: float | None = None
    overruns: int = 0
    waits_s: float | None = None
    failed: int = 0


class Own:
    """Of one database's server."""

    def __init__(self) -> None:
        self.pulse: Pulse | None = None
        self.now_s: Callable[[], float] = lambda: 0.0  # by a clock that nobody sets
        self.waits: Waits = lambda _reader, _now_ns: {}
        self.tasks: Tasks = lambda: ()

    @classmethod
    def among(cls, memory: dict[str, Any]) -> Own:
        """That of a database whose memory this is."""
        found: Own = memory.setdefault("rules.own", cls())
        return found

    def rows(self, reader: Reader, now_ns: int, within_s: float) -> list[tuple[dict[str, str], Work]]:
        """What is known now, with its labels."""
        found = [({"task": name, "channel": ""}, Work(failed=int(failed))) for name, failed in self.tasks()]
        waits = self.waits(reader, now_ns)
        found += [({"task": "", "channel": name}, Work(waits_s=waits_s)) for name, waits_s in waits.items()]
        if self.pulse is not None:
            at_s = self.now_s()
            late = self.pulse.late(at_s, within_s)
            work = Work(lag_s=max(self.pulse.waits_s(at_s), *late, 0.0), overruns=len(late))
            found.append(({"task": "", "channel": ""}, work))
        return found


def rows(reader: Reader, now_ns: int, within_s: float) -> list[tuple[dict[str, str], Work]]:
    """What the server of a snapshot's database knows; nothing where rows are changed."""
    memory = reader.memory
    return [] if memory is None else Own.among(memory).rows(reader, now_ns, within_s)


def together(each: Iterable[Work]) -> Work:
    """What is known of some combinations of labels."""
    some = list(each)
    lags = [one.lag_s for one in some if one.lag_s is not None]
    waits = [one.waits_s for one in some if one.waits_s is not None]
    return Work(
        lag_s=max(lags, default=None),
        overruns=sum(one.overruns for one in some),
        waits_s=max(waits, default=0.0),
        failed=sum(one.failed for one in some),
    )
