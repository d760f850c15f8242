"""Model calls seen by other instrumentations: their spans below a traced call are witnesses, not lines of their own.

Given spans as they start and end, marks those below a traced call with that call's span id, and hands the usage that
they carry to the call. Some clients make such spans by themselves (Anthropic's does), others through OpenTelemetry,
OpenInference or Traceloop packages.

Never: a span of ours, or of an agent or workflow, whose usage is the sum of its children's.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, StatusCode, TraceState
from opentelemetry.util.types import Attributes

from spanledger import semconv
from spanledger.billing import bill_late
from spanledger.call import Call, current_call
from spanledger.guard import guard
from spanledger.providers.names import provider_name
from spanledger.settle import Observation
from spanledger.usage import USAGE_FIELDS, Reading, Usage, named_usage, text

SCOPE = "spanledger"
_MOST_OPEN = 10_000
_GUARD = guard("CallSpanProcessor")


class CallSpanProcessor(SpanProcessor):
    """Marks and reads the spans that others make below traced calls; to be added before the exporting processors."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[Call, tuple[int, ...]]] = {}
        self._lock = threading.Lock()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Mark a span that starts below a traced call."""
        with _GUARD:
            call = current_call(parent_context)
            if call is None and parent_context is not None:
                call = _same_trace(span, current_call())
            if call is None or _is_ours(span):
                return
            self._take(span, call)

    def on_end(self, span: ReadableSpan) -> None:
        """Hand the usage of a span below a traced call to that call."""
        with _GUARD:
            if span.context is None or not self._open:
                return
            known = self._open.pop(span.context.span_id, None)
            if known is None:
                return
            call, ancestors = known
            observation = _observed(span, ancestors)
            if observation is not None and not call.observe(observation):
                bill_late(call, observation)

    def shutdown(self) -> None:
        """Forget the spans that never ended."""
        self._open.clear()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - OpenTelemetry's signature
        """Nothing waits here."""
        return True

    def _take(self, span: Span, call: Call) -> None:
        span.set_attribute(semconv.CALL_SPAN_ID, f"{call.entry.span_id:016x}")
        parent = 0 if span.parent is None else span.parent.span_id
        around = self._open.get(parent)
        ancestors = (parent, *around[1]) if around is not None and around[0] is call else ()
        if len(self._open) >= _MOST_OPEN:
            with self._lock:  # spans that are never ended pile up: the oldest is forgotten
                self._open.pop(next(iter(self._open)), None)
        self._open[span.get_span_context().span_id] = (call, ancestors)


class WitnessSampler(Sampler):
    """Lets spans of model calls below traced calls be recorded, not kept, where they would be dropped.

    A dropped span reaches no processor, and a traced call that returns text only would lose its usage with it.

    Args:
        inner: Decides everything else.
    """

    def __init__(self, inner: Sampler) -> None:
        self._inner = inner

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
        decided = self._inner.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        if decided.decision is not Decision.DROP or not attributes or semconv.GEN_AI_OPERATION_NAME not in attributes:
            return decided
        with _GUARD:
            call = current_call(parent_context)
            if call is not None and call.open:
                return SamplingResult(Decision.RECORD_ONLY, attributes, decided.trace_state)
        return decided

    def get_description(self) -> str:
        """For people."""
        return f"spanledger.WitnessSampler{{{self._inner.get_description()}}}"


def _is_ours(span: Span) -> bool:
    scope = span.instrumentation_scope
    return scope is not None and scope.name == SCOPE


def _same_trace(span: Span, call: Call | None) -> Call | None:
    """A span started with an explicit parent is below the current call all the same if it is in its trace."""
    return call if call is not None and call.entry.trace_id == span.get_span_context().trace_id else None


def reading_of_span(attributes: Mapping[str, Any]) -> Reading | None:
    """What a leaf inference span says, in any dialect that is understood; `None` without usage or for other spans."""
    operation = text(_first(attributes, "operation"))
    operation = semconv.OPERATION_ALIASES.get(operation or "", operation)
    if operation not in semconv.BILLABLE_OPERATIONS:
        return None
    usage = named_usage({name: _first(attributes, name) for name in USAGE_FIELDS})
    if usage is None:
        return None
    reasons = attributes.get(semconv.GEN_AI_RESPONSE_FINISH_REASONS)
    return Reading(
        _inclusive(usage),
        provider_name(_first(attributes, "provider")),
        text(_first(attributes, "response_model")) or text(_first(attributes, "request_model")),
        text(_first(attributes, "response_id")),
        text(_first(attributes, "service_tier")),
        tuple(str(reason) for reason in reasons) if isinstance(reasons, (list, tuple)) else (),
        operation,
    )


def _observed(span: ReadableSpan, ancestors: tuple[int, ...]) -> Observation | None:
    attributes = span.attributes or {}
    read = reading_of_span(attributes)
    if read is None or span.context is None:
        return None
    failed = span.status.status_code is StatusCode.ERROR
    return Observation(
        read,
        span.context.span_id,
        ancestors,
        text(_first(attributes, "request_model")),
        span.start_time or 0,
        span.end_time or 0,
        span.context.trace_flags.sampled,
        (text(attributes.get(semconv.ERROR_TYPE)) or "error") if failed else None,
    )


def _first(attributes: Mapping[str, Any], name: str) -> Any:
    return next((attributes[key] for key in semconv.DIALECTS[name] if attributes.get(key) is not None), None)


def _inclusive(usage: Usage) -> Usage:
    """Cached parts larger than the whole input: the producer counts them beside it."""
    parts = (usage.cache_read_tokens or 0) + (usage.cache_write_tokens or 0)
    if usage.input_tokens is None or parts <= usage.input_tokens:
        return usage
    return usage._replace(input_tokens=usage.input_tokens + parts)
