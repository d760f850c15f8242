"""Spans as they are exported when it was decided at their end that they are kept, and why.

Given a span of ours or of the SDK's, gives it with the threshold that holds for it, or with the attributes that say why
it was kept.

Never: a change to a span that somebody else may still hold.
"""

from __future__ import annotations

import copy
from typing import Any

from opentelemetry.trace import SpanContext, TraceFlags

from spanledger import semconv
from spanledger.light import LightSpan
from spanledger.sampling.thresholds import threshold_text, with_threshold


def kept_as(span: Any, threshold: int) -> Any:
    """The span, sampled, and with this threshold."""
    if type(span) is LightSpan:
        span = span.readable()
    was = span.context
    flags = TraceFlags(was.trace_flags | TraceFlags.SAMPLED)
    state = with_threshold(was.trace_state, threshold_text(threshold))
    found = copy.copy(span)
    found._context = SpanContext(was.trace_id, was.span_id, was.is_remote, flags, state)
    return found


def marked(span: Any, strategy: str, stratum: str) -> Any:
    """The root of a local trace, saying how its trace came to be kept."""
    if type(span) is LightSpan:
        span = span.readable()
    found = copy.copy(span)
    found._attributes = {
        **(span.attributes or {}),
        semconv.SAMPLING_STRATEGY: strategy,
        semconv.SAMPLING_STRATUM: stratum,
    }
    return found
