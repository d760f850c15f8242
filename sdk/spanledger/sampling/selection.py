"""Which of the spans that end leave the process, put together from a sampler, what is kept for certain, and the load.

Given spans from any thread, passes those on that need no decision, and leaves the others to `Tail`; looks after the
strategy and the load when the delivery worker gives it a turn.

Never: work on a request's thread beyond putting a span into a queue.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.trace.sampling import Sampler

from spanledger.light import LightSpan
from spanledger.sampling.load import Limits, Load
from spanledger.sampling.sampler import ConsistentSampler
from spanledger.sampling.strategies import Ratio
from spanledger.sampling.tail import Estimate, Keep, Tail, ids, is_sampled
from spanledger.sampling.thresholds import root_state

_WHOLE = root_state(0)
_FORGET = 0.9  # of what was counted, at each turn a second apart


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was asked for.

    Attributes:
        sampler: Decides when traces begin.
        keep: What is kept whatever it decided.
        limits: From where on less is kept.
    """

    sampler: Sampler
    keep: Keep = field(default_factory=Keep)
    limits: Limits = field(default_factory=Limits)


class Selection:
    """Between the spans that end and the lane that they leave by.

    Args:
        chosen: What was asked for.
        put: The lane's.
        estimate: Gives the cost of a ledger entry, or None.
        room: Spans that may wait for a decision.
        turn_away: Told of spans that there was no room for.

    Attributes:
        put: Takes a span that has ended.
        decides: Whether dropped spans are to be recorded and put in here as well.
    """

    def __init__(
        self,
        chosen: Chosen,
        put: Callable[[Any], None],
        estimate: Estimate,
        *,
        room: int,
        turn_away: Callable[[int], None],
    ) -> None:
        self._lane = put
        self._load = Load(chosen.limits)
        self._sampler = chosen.sampler if isinstance(chosen.sampler, ConsistentSampler) else None
        self._tail: Tail | None = None
        self._keeps_all = self._sampler is not None and constant(self._sampler) == 1
        if self._sampler is not None and chosen.keep and constant(self._sampler) != 0:
            self._sampler.records_dropped = True
            name = self._sampler.strategy.name
            self._tail = Tail(self._count, chosen.keep, name, estimate, most_arrived=room, turn_away=turn_away)
        self.decides = self._tail is not None
        self.put: Callable[[Any], None] = self._sort_out if self.decides else self._count
        self.clear()

    def clear(self) -> None:
        """Start afresh, in a forked child."""
        self._spans, self._roots = 0.0, 0.0
        self._counted_at = time.monotonic()
        if self._tail is not None:
            self._tail.clear()

    def turn(self, now_s: float, lag_s: float, breathe: Callable[[], None], *, ending: bool = False) -> None:
        """Decide what can be decided and look at the load; for the worker, a few times a second.

        Args:
            now_s: Of `time.monotonic`.
            lag_s: How much later than it asked for the worker was woken.
            breathe: Lets other threads have their turn.
            ending: Whether the program ends: everything is decided.
        """
        if self._tail is not None:
            (self._tail.close if ending else self._tail.sort)(now_s, breathe)
        if self._sampler is not None and not ending:
            spans_a_trace = self._spans / self._roots if self._roots >= 1 else 1.0
            self._sampler.strategy.tick(self._load.look(now_s, time.process_time(), lag_s), spans_a_trace)
            if now_s - self._counted_at >= 1.0:
                self._counted_at = now_s
                self._spans, self._roots = self._spans * _FORGET, self._roots * _FORGET

    def _sort_out(self, span: Any) -> None:
        if self._keeps_all and is_whole(span):
            self._count(span)
        elif self._tail is not None:
            self._tail.put(span)

    def _count(self, span: Any) -> None:
        self._spans += 1
        if (type(span) is LightSpan and span.around is None) or ids(span)[2] is None:
            self._roots += 1
        self._lane(span)


def is_whole(span: Any) -> bool:
    """Whether it is of a trace that is kept for certain already: each stands for itself, whatever comes out of it."""
    if not is_sampled(span):
        return False
    state = span.state if type(span) is LightSpan else span.context.trace_state
    return state is _WHOLE or "th:0" in (state.get("ot") or "").split(";")


def constant(sampler: ConsistentSampler) -> float | None:
    """The share that it was asked for, if that is a constant one."""
    return sampler.strategy.ratio if isinstance(sampler.strategy, Ratio) else None
