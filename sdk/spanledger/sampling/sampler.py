"""Decides when a trace begins whether its spans are kept: who keeps less keeps a part of what others keep.

Given a strategy's threshold, keeps a trace where its random value is not below it, and writes the threshold into the
tracestate as `ot=th:…`, so that whoever counts spans knows how many each kept one stands for. A span with a parent
follows the parent, also one in another process.

Never: a tracestate entry of somebody else's that gets lost, or attributes given at the span's creation that do not
arrive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes

from spanledger.sampling.strategies import Ratio, Strategy
from spanledger.sampling.thresholds import ALL, MASK, random_value, root_state, threshold_text, with_threshold

_NO_STATE = TraceState()


class ConsistentSampler(Sampler):
    """Keeps what a strategy says.

    Args:
        strategy: Gives the threshold.
        parent_based: False: decide anew for spans with a parent too, by the same random value.

    Attributes:
        records_dropped: Whether spans that are dropped are recorded all the same, for somebody who may keep them in the
            end.
    """

    def __init__(self, strategy: Strategy, *, parent_based: bool = True) -> None:
        self.strategy, self._parent_based = strategy, parent_based
        self.records_dropped = False

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide; see the class."""
        del kind, links, trace_state  # the sampler's interface; OpenTelemetry Python leaves `trace_state` empty
        parent = get_current_span(parent_context).get_span_context()
        there = parent.trace_state if parent.is_valid else None
        kept, state = self.decide(trace_id, there, parent.trace_flags.sampled, name, attributes)
        if kept:
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, state)
        if self.records_dropped:
            return SamplingResult(Decision.RECORD_ONLY, attributes, state)
        return SamplingResult(Decision.DROP, None, state or None)

    def decide(
        self,
        trace_id: int,
        state: TraceState | None,
        sampled: bool,
        name: str,
        attributes: Mapping[str, Any] | None,
    ) -> tuple[bool, TraceState]:
        """Whether a span is kept, and its tracestate.

        Args:
            trace_id: Of its trace.
            state: Its parent's tracestate; None for a root.
            sampled: Whether its parent is kept.
            name: Its name.
            attributes: Those that it begins with.
        """
        if state is None:
            threshold = self.strategy.threshold(name, attributes)
            return (True, root_state(threshold)) if (trace_id & MASK) >= threshold else (False, _NO_STATE)
        if self._parent_based:
            return sampled, state
        threshold = self.strategy.threshold(name, attributes)
        if threshold < ALL and random_value(state, trace_id) >= threshold:
            return True, with_threshold(state, threshold_text(threshold))
        return False, with_threshold(state, None)

    def get_description(self) -> str:
        """For people."""
        return f"spanledger.ConsistentSampler{{{self.strategy.name},parent_based={self._parent_based}}}"


class RatioSampler(ConsistentSampler):
    """Keeps `ratio` of all traces.

    Args:
        ratio: Between 0 (none) and 1 (all).
        parent_based: False: decide anew for spans with a parent too, by the same random value.
    """

    def __init__(self, ratio: float, *, parent_based: bool = True) -> None:
        super().__init__(Ratio(ratio), parent_based=parent_based)
        self.ratio = ratio

    def get_description(self) -> str:
        """For people."""
        return f"spanledger.RatioSampler{{{self.ratio},parent_based={self._parent_based}}}"
