"""Thresholds, random values and adjusted counts as the tracestate carries them.

Given a probability, gives the 56-bit threshold and its text; given a tracestate, gives the random value and a
tracestate with another threshold. A trace is kept where its random value is not below the threshold, and then stands
for `ALL / (ALL - threshold)` traces.

Source: OpenTelemetry, "TraceState: Probability Sampling" (consistent probability sampling).

Never: a tracestate entry of somebody else's that gets lost.
"""

from __future__ import annotations

from functools import lru_cache

from opentelemetry.trace import TraceState

BITS = 56
ALL = 1 << BITS
MASK = ALL - 1
_DIGITS = 14
_PRECISION = 4  # hexadecimal digits behind the leading f's, as the specification recommends: 0.002 % of the probability


def threshold_of(ratio: float) -> int:
    """The threshold that keeps this share, to the last digit."""
    return ALL - round(ratio * ALL)


def rounded(ratio: float) -> int:
    """The threshold that keeps about this share: few enough different ones to keep their tracestates at hand."""
    kept = round(ratio * ALL)
    if kept <= 0:
        return ALL
    step = 1 << max(kept.bit_length() - 4 * _PRECISION + 1, 0)
    return ALL - min(max(kept // step * step, 1), ALL)


def threshold_text(threshold: int) -> str:
    """A threshold as `th` has it: 14 hexadecimal digits without the zeros at the end."""
    return f"{threshold:014x}".rstrip("0") or "0"


@lru_cache(maxsize=8192)
def root_state(threshold: int) -> TraceState:
    """The tracestate of a root that was kept by this threshold."""
    return TraceState([("ot", f"th:{threshold_text(threshold)}")])


def random_value(state: TraceState, trace_id: int) -> int:
    """The trace's random value: `rv` where a service put one, else the low 56 bits of the trace id."""
    for part in (state.get("ot") or "").split(";"):
        key, _, value = part.partition(":")
        if key == "rv" and len(value) == _DIGITS:
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
