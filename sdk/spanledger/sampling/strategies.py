"""How much to keep: a constant share, so many traces a second, or so many spans a second with rare kinds kept whole.

Given a trace that begins, by its root's name and attributes, each strategy gives the threshold for it. They differ in
what they keep of the past; none of them ever sees a trace's random value.

Never: a lock held while anything else is called, or more than `MOST_KINDS` kinds.
"""

from __future__ import annotations

import math
import os
import re
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from spanledger import semconv
from spanledger.sampling.rates import Rate, allowances, kept_share
from spanledger.sampling.thresholds import rounded, threshold_of

MOST_KINDS = 500
NEWCOMERS = 0.1  # the share of the target that kinds may take which were never seen before
ALLOT_EVERY_S = 0.5
LOOK_EVERY_S = 0.01
STALE_S = 5.0
FORGET_BELOW = 1 / 600  # arrivals a second: a kind that came once in ten minutes is gone
_VARYING = re.compile(r"(?<=/)(?=[^/]*\d)[^/]+")
Kind = tuple[str, str]
OTHER: Kind = ("", "other")
MOST_LEARNT = 2_000


class Gate:
    """What keeps so many a second of what arrives, looking at the rate at most a hundred times a second."""

    __slots__ = ("_came", "_rate", "_threshold", "_until")

    def __init__(self) -> None:
        self._rate = Rate()
        self._came = 0
        self._until = -math.inf
        self._threshold = 0

    def threshold(self, now_s: float, allowed: float) -> int:
        """Count one arrival; gives its threshold.

        Args:
            now_s: Seconds of a clock that never goes back.
            allowed: How many may be kept a second.
        """
        self._came += 1
        if now_s >= self._until:
            rate = self._rate.arrived(now_s, self._came)
            self._came, self._until = 0, now_s + LOOK_EVERY_S
            self._threshold = rounded(kept_share(allowed, rate))
        return self._threshold

    def rate(self, now_s: float) -> float:
        """Arrivals a second."""
        return self._rate.at(now_s)


class Strategy(Protocol):
    """How much of what begins is kept.

    Attributes:
        name: What spans say they were kept by.
    """

    name: str

    def threshold(self, root: str, attributes: Mapping[str, Any] | None) -> int:
        """The threshold for a trace.

        Args:
            root: The name of the span that it begins with.
            attributes: Those that the span begins with.
        """
        ...

    def tick(self, load: float, spans_a_trace: float) -> None:
        """Look at what changes slowly; called a few times a second, not on a request's thread.

        Args:
            load: What of the usual amount may be kept, between 0 and 1.
            spans_a_trace: How many spans a kept trace has had of late.
        """
        ...


class Ratio:
    """A constant share, less under load."""

    name = "ratio"

    def __init__(self, ratio: float) -> None:
        if not 0 <= ratio <= 1:
            raise ValueError(f"ratio={ratio} is not between 0 and 1")
        self.ratio = ratio
        self._threshold = threshold_of(ratio)

    def threshold(self, root: str, attributes: Mapping[str, Any] | None) -> int:
        """See `Strategy`."""
        del root, attributes
        return self._threshold

    def tick(self, load: float, spans_a_trace: float) -> None:
        """See `Strategy`."""
        del spans_a_trace
        self._threshold = threshold_of(self.ratio) if load >= 1 else rounded(self.ratio * load)


class TracesPerSecond:
    """So many traces a second, whatever arrives.

    Args:
        target: Traces a second.
        clock: Seconds, never going back.
    """

    name = "rate"

    def __init__(self, target: float, clock: Callable[[], float] = time.monotonic) -> None:
        if not target > 0:
            raise ValueError(f"rate={target} is not above 0")
        self.target, self._clock = target, clock
        self._load = 1.0
        self.clear()
        forked.add(self)

    def clear(self) -> None:
        """Start afresh, in a forked child: its lock may be held by a thread that is not there."""
        self._lock = threading.Lock()
        self._gate = Gate()

    def threshold(self, root: str, attributes: Mapping[str, Any] | None) -> int:
        """See `Strategy`."""
        del root, attributes
        now = self._clock()
        with self._lock:
            return self._gate.threshold(now, self.target * self._load)

    def tick(self, load: float, spans_a_trace: float) -> None:
        """See `Strategy`."""
        del spans_a_trace
        self._load = load


class SpansPerSecond:
    """So many spans a second in all; of each kind of trace by the logarithm of how often it comes.

    A kind is the root's name, and the model where it is a model's call. What was never seen before shares a tenth of
    the target until the next allotment, so that a burst of new names cannot spend it.

    Args:
        target: Spans a second.
        clock: Seconds, never going back.
    """

    name = "adaptive"

    def __init__(self, target: float, clock: Callable[[], float] = time.monotonic) -> None:
        if not target > 0:
            raise ValueError(f"adaptive={target} is not above 0")
        self.target, self._clock = target, clock
        OPERATIONS.wanted = True
        self.clear()
        forked.add(self)

    def clear(self) -> None:
        """Start afresh, in a forked child: its lock may be held by a thread that is not there."""
        self._lock = threading.Lock()
        self._gates: dict[Kind, Gate] = {}
        self._newcomers = Gate()
        self._allowed: Mapping[Kind, float] = {}
        self._traces = self.target  # a second
        self._allotted = self._clock()

    def threshold(self, root: str, attributes: Mapping[str, Any] | None) -> int:
        """See `Strategy`."""
        kind, now = kind_of(root, attributes), self._clock()
        with self._lock:
            gate = self._gates.get(kind)
            if gate is None:
                kind = kind if len(self._gates) < MOST_KINDS else OTHER
                gate = self._gates.setdefault(kind, Gate())
            allowed = self._allowed.get(kind)
            threshold = gate.threshold(now, allowed or 0.0)
            if allowed is None:
                threshold = self._newcomers.threshold(now, self._traces * NEWCOMERS)
            stale = now - self._allotted > STALE_S
        if stale:  # nobody ticks where only the sampler is used
            self.tick(1.0, 1.0)
        return threshold

    def tick(self, load: float, spans_a_trace: float) -> None:
        """See `Strategy`."""
        now = self._clock()
        if now - self._allotted < ALLOT_EVERY_S:
            return
        traces = self.target * load / max(spans_a_trace, 1.0)
        with self._lock:
            rates = {kind: gate.rate(now) for kind, gate in self._gates.items()}
            for kind in [kind for kind, rate in rates.items() if rate < FORGET_BELOW]:
                del self._gates[kind], rates[kind]
        allowed = allowances(rates, traces)
        with self._lock:
            self._allowed, self._traces, self._allotted = allowed, traces, now


class Operations:
    """What roots are called when they end, by how they begin: a server's request by its route, a call by its model.

    The last name counts: a trace that begins goes by what the one before it was called, which chance has no part in.

    Attributes:
        wanted: Whether any strategy tells operations apart.
        names: By how they begin: the name, with the path of a server's request or the model that a call asks for.
    """

    def __init__(self) -> None:
        self.wanted = False
        self.names: dict[Kind, str] = {}

    def learn(self, root: str, operation: str, *, path: str = "", model: str = "") -> None:
        """Take note of what a root is called in the end.

        Args:
            root: What it was called when it began.
            operation: What it is called now.
            path: Of a server's request.
            model: That a call asked for.
        """
        if self.wanted:
            kind = root, _starred(path) if path else model
            if len(self.names) >= MOST_LEARNT and kind not in self.names:
                self.names = {}  # paths that name people rather than pages: learn those anew that still come
            self.names[kind] = operation


OPERATIONS = Operations()


def kind_of(root: str, attributes: Mapping[str, Any] | None) -> Kind:
    """What traces are told apart by: the operation that the root will be called, as far as that is known by now.

    A server's request is named by its route, which is known when it is over; until a route has been learnt it goes by
    its path, with stars for what has digits in it. A call is named by its model, which its answer may be the first to
    say.
    """
    if not attributes:
        return root, ""
    path = attributes.get(semconv.URL_PATH)
    model = attributes.get(semconv.GEN_AI_REQUEST_MODEL, "") if path is None else _starred(path)
    kind = root, model if type(model) is str else str(model)
    learnt = OPERATIONS.names.get(kind)
    return kind if learnt is None else (learnt, "")


def _starred(path: object) -> str:
    return _VARYING.sub("*", str(path)[:200])


forked: weakref.WeakSet[Any] = weakref.WeakSet()  # what starts afresh in a forked child


def _after_fork() -> None:
    for strategy in list(forked):
        strategy.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
