"""Keeps failed, slow and expensive local traces for certain, although nobody could know of them when they began.

Given all spans of the process as they end, kept and dropped ones, holds them until the root of their local trace has
ended: the span that has no parent in this process. If the trace failed, was slow or cost much, all its spans are kept,
with a threshold that says what is true of such traces: every one is kept, so each stands for itself. Otherwise its head
decision holds. All of it runs on the delivery worker; a request's thread only puts its spans into a queue.

A trace that is open for too long, or too large, or when too much is held, is decided early: by its head decision, and
for good, whatever happens to it later. That too stays right, for its weight is that of the head decision. What is held
and what is remembered are bounded, whatever arrives.

What a decision here cannot do: the services that were called have been told the head decision, and drop their spans.

Never: a trace of which the spans that end after the decision go another way than those before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from opentelemetry.trace import StatusCode

from spanledger.light import LightSpan
from spanledger.sampling.kept import kept_as, marked

MOST_SPANS = 20_000  # held at once, in all traces
MOST_OF_ONE = 256
AT_ONCE = 128  # spans that are looked at without letting other threads run: half a millisecond
LONGEST_S = 30.0
REMEMBER_S = 30.0  # at least: how spans were decided, for those that end after what is around them
MOST_REMEMBERED = 20_000  # spans decided since, and traces that were decided early
HEAD: Final = "head"
EARLY: Final = "early"
_NOTHING = Decimal(0)
Estimate = Callable[[Any], "Decimal | None"]


@dataclass(frozen=True, slots=True)
class Keep:
    """Which local traces are kept for certain.

    Attributes:
        errors: Those with a span that failed.
        slow_s: Those whose root took at least so many seconds; None: none for that.
        expensive_usd: Those whose calls cost at least that much by the estimate; None: none for that.
    """

    errors: bool = True
    slow_s: float | None = 10.0
    expensive_usd: Decimal | None = Decimal("0.5")

    def __bool__(self) -> bool:
        """Whether anything is."""
        return self.errors or self.slow_s is not None or self.expensive_usd is not None


@dataclass(slots=True)
class _Trace:
    """The spans of one trace that have ended here and wait."""

    since_s: float
    waiting: dict[int, list[Any]] = field(default_factory=dict)  # by the parent that they wait for
    held: int = 0


class Tail:
    """Decides when local traces end.

    Args:
        put: Takes the spans that are kept.
        keep: Which are kept whatever the head decision was.
        strategy: What the head decision was made by, for the root's attributes.
        estimate: Gives the cost of a ledger entry, or None.
        most_arrived: Spans that may wait for the worker.
        turn_away: Told of spans that there was no room for.
    """

    def __init__(
        self,
        put: Callable[[Any], None],
        keep: Keep,
        strategy: str,
        estimate: Estimate,
        *,
        most_arrived: int,
        turn_away: Callable[[int], None],
    ) -> None:
        self._put, self._keep, self._strategy, self._estimate = put, keep, strategy, estimate
        self._most_arrived, self._turn_away = most_arrived, turn_away
        self.clear()

    def clear(self) -> None:
        """Forget everything: in a forked child it is the parent's."""
        self._arrived: deque[Any] = deque()
        self._open: dict[int, _Trace] = {}  # in the order in which they began to wait
        self._held = 0
        # Numbers and constants only, in two generations: what is held by the thousand must not be for the garbage
        # collector to look at, which stops all threads while it does.
        self._decided: dict[int, str] = {}  # by span
        self._decided_before: dict[int, str] = {}
        self._early: dict[int, None] = {}  # by trace, the oldest first
        self._turned_s = 0.0

    def put(self, span: Any) -> None:
        """Take a span that has ended; for every thread, in any place."""
        if len(self._arrived) < self._most_arrived:
            self._arrived.append(span)
        elif is_sampled(span) or (self._keep.errors and has_failed(span)):
            self._turn_away(1)

    def sort(self, now_s: float, breathe: Callable[[], None] = lambda: None) -> None:
        """Decide what can be decided; for the worker.

        Args:
            now_s: Seconds of a clock that never goes back.
            breathe: Lets other threads have their turn.
        """
        for number in range(1, len(self._arrived) + 1):
            self._take(self._arrived.popleft(), now_s)
            if number % AT_ONCE == 0:
                breathe()
        while self._open:
            trace_id, trace = next(iter(self._open.items()))
            if now_s - trace.since_s < LONGEST_S and self._held <= MOST_SPANS:
                break
            self._decide_early(trace_id, trace)
        if now_s - self._turned_s >= REMEMBER_S:
            self._turn_over(now_s)

    def close(self, now_s: float, breathe: Callable[[], None] = lambda: None) -> None:
        """Decide everything, now: the program ends."""
        self.sort(now_s, breathe)
        for trace_id, trace in list(self._open.items()):
            self._decide_early(trace_id, trace)

    def _take(self, span: Any, now_s: float) -> None:
        trace_id, span_id, parent_id = ids(span)
        trace = self._open.get(trace_id)
        why = EARLY if trace_id in self._early else None
        if parent_id is None:
            why = why or self._judge(span, trace)
        else:
            why = self._decided.get(parent_id) or self._decided_before.get(parent_id) or why
        if why is None:
            self._hold(trace_id, trace, parent_id, span, now_s)
            return
        if trace is not None:
            self._settle_below(trace_id, trace, span_id, why)
        self._settle(span, span_id, why, root=parent_id is None)
        if len(self._decided) >= MOST_REMEMBERED:
            self._turn_over(now_s)

    def _hold(self, trace_id: int, trace: _Trace | None, parent_id: int | None, span: Any, now_s: float) -> None:
        if trace is None:
            trace = self._open[trace_id] = _Trace(now_s)
        trace.waiting.setdefault(parent_id or 0, []).append(span)
        trace.held += 1
        self._held += 1
        if trace.held > MOST_OF_ONE:
            self._decide_early(trace_id, trace)

    def _settle_below(self, trace_id: int, trace: _Trace, span_id: int, why: str) -> None:
        """Decide everything that waits for a span."""
        todo = [span_id]
        while todo:
            below = trace.waiting.pop(todo.pop(), ())
            trace.held -= len(below)
            self._held -= len(below)
            for span in below:
                below_id = ids(span)[1]
                todo.append(below_id)
                self._settle(span, below_id, why)
        if not trace.held:
            del self._open[trace_id]

    def _settle(self, span: Any, span_id: int, why: str, *, root: bool = False) -> None:
        if why != EARLY:  # of which the whole trace is remembered
            self._decided[span_id] = why
        self._release(span, why, root=root)

    def _decide_early(self, trace_id: int, trace: _Trace) -> None:
        del self._open[trace_id]
        self._held -= trace.held
        self._early[trace_id] = None
        if len(self._early) > MOST_REMEMBERED:
            del self._early[next(iter(self._early))]
        for spans in trace.waiting.values():
            for span in spans:
                self._release(span, EARLY)

    def _turn_over(self, now_s: float) -> None:
        """Forget what was decided before the last turn."""
        self._decided_before, self._decided, self._turned_s = self._decided, {}, now_s

    def _release(self, span: Any, why: str, *, root: bool = False) -> None:
        if why not in (HEAD, EARLY):
            span = kept_as(span, 0)
        elif not is_sampled(span):
            return
        self._put(marked(span, self._strategy, why) if root else span)

    def _judge(self, root: Any, trace: _Trace | None) -> str:
        spans = [root] if trace is None else [root, *_below(root, trace)]
        keep = self._keep
        if keep.errors and any(has_failed(span) for span in spans):
            return "error"
        if keep.slow_s is not None and seconds(root) >= keep.slow_s:
            return "slow"
        if keep.expensive_usd is not None and sum(map(self._cost, spans), _NOTHING) >= keep.expensive_usd:
            return "expensive"
        return HEAD

    def _cost(self, span: Any) -> Decimal:
        told = span.told if type(span) is LightSpan else None
        return (self._estimate(told[0]) or _NOTHING) if told is not None else _NOTHING


def _below(root: Any, trace: _Trace) -> list[Any]:
    """What waits for a span, and for what waits for it; each once, also where ids are not what they should be."""
    found: list[Any] = []
    todo = [ids(root)[1]]
    while todo and len(found) < trace.held:
        below = trace.waiting.get(todo.pop(), ())
        found += below
        todo += [ids(span)[1] for span in below]
    return found


def ids(span: Any) -> tuple[int, int, int | None]:
    """Trace, span, and the parent's span if that is in this process."""
    if type(span) is LightSpan:
        around = span.around
        local = around is not None and (type(around) is LightSpan or not around.get_span_context().is_remote)
        return span.trace_id, span.span_id, span.parent_span_id if local else None
    parent = span.parent
    return span.context.trace_id, span.context.span_id, None if parent is None or parent.is_remote else parent.span_id


def is_sampled(span: Any) -> bool:
    """Whether the head decision keeps it."""
    return bool(span.sampled if type(span) is LightSpan else span.context.trace_flags.sampled)


def has_failed(span: Any) -> bool:
    """Whether its status says so."""
    if type(span) is LightSpan:
        return span.has_failed()
    return span.status.status_code is StatusCode.ERROR


def seconds(span: Any) -> float:
    """How long it took."""
    if type(span) is LightSpan:
        return ((span.end_ns or span.start_ns) - span.start_ns) / 1e9
    return ((span.end_time or 0) - (span.start_time or 0)) / 1e9
