"""Keeps a constant share of traces, consistently: everyone with the same ratio keeps the same ones.

Given a ratio, decides for a root by the low 56 bits of its trace id (or by `rv` in the tracestate) and writes the
threshold into the tracestate as `ot=th:…`, so that whoever counts spans knows how many each kept one stands for. A
span with a parent follows the parent.

Source: OpenTelemetry, "TraceState: Probability Sampling" (consistent probability sampling, 56-bit thresholds).

Never: a tracestate entry of somebody else's that gets lost, or attributes given at the span's creation that do not
arrive.
"""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes

BITS = 56
ALL = 1 << BITS
MASK = ALL - 1


class RatioSampler(Sampler):
    """Keeps `ratio` of all traces.

    Args:
        ratio: Between 0 (none) and 1 (all).
        parent_based: False: decide anew for spans with a parent too, by the same random value.
    """

    def __init__(self, ratio: float, *, parent_based: bool = True) -> None:
        if not 0 <= ratio <= 1:
            raise ValueError(f"ratio={ratio} is not between 0 and 1")
        self.ratio, self._parent_based = ratio, parent_based
        self._threshold = ALL - round(ratio * ALL)
        self._th = threshold_text(self._threshold)
        self._root_state = TraceState([("ot", f"th:{self._th}")])

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
        del name, kind, links, trace_state  # the sampler's interface; OpenTelemetry Python leaves `trace_state` empty
        parent = get_current_span(parent_context).get_span_context()
        if not parent.is_valid:
            if (trace_id & MASK) >= self._threshold:
                return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, self._root_state)
            return SamplingResult(Decision.DROP)
        state = parent.trace_state
        if self._parent_based:
            if parent.trace_flags.sampled:
                return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, state)
            return SamplingResult(Decision.DROP, None, state)
        if random_value(state, trace_id) >= self._threshold:
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, with_threshold(state, self._th))
        return SamplingResult(Decision.DROP, None, with_threshold(state, None))

    def get_description(self) -> str:
        """For people."""
        return f"spanledger.RatioSampler{{{self.ratio},parent_based={self._parent_based}}}"


def threshold_text(threshold: int) -> str:
    """A threshold as `th` has it: 14 hexadecimal digits without the zeros at the end."""
    return f"{threshold:014x}".rstrip("0") or "0"


def random_value(state: TraceState, trace_id: int) -> int:
    """The trace's random value: `rv` where a service put one, else the low 56 bits of the trace id."""
    for part in (state.get("ot") or "").split(";"):
        key, _, value = part.partition(":")
        if key == "rv" and len(value) == 14:
            try:
                return int(value, 16)
            except ValueError:
                break
    return trace_id & MASK


def with_threshold(state: TraceState, th: str | None) -> TraceState:
    """The same tracestate with this threshold (None: without one); what else stands there stays."""
    kept = [part for part in (state.get("ot") or "").split(";") if part and not part.startswith("th:")]
    parts = ([f"th:{th}"] if th is not None else []) + kept
    if not parts:
        return state.delete("ot") if "ot" in state else state
    value = ";".join(parts)
    return state.update("ot", value) if "ot" in state else state.add("ot", value)


def from_argument(argument: str | None) -> RatioSampler:
    """The sampler that `OTEL_TRACES_SAMPLER_ARG` asks for: `ratio=0.1`, or the bare number; nothing: all traces.

    Raises:
        ValueError: When it is neither.
    """
    text = (argument or "1").strip().removeprefix("ratio=")
    return RatioSampler(float(text))
