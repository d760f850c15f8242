"""Model calls seen by other instrumentations: below a traced call witnesses of it, elsewhere lines of their own.

Given spans as they start and end, marks those below a traced call with that call's span id, and hands the usage that
they carry to the call; of those that no traced call is around makes a line under the span's own ids. Some clients make
such spans by themselves (Anthropic's does), others through OpenTelemetry, OpenInference or Traceloop packages.

Never: a line for a span of ours, or of an agent or workflow, whose usage is the sum of its children's.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode, Tracer, TraceState
from opentelemetry.util.types import Attributes

from spanledger import lone, semconv
from spanledger.asked import tell
from spanledger.billing import bill_late
from spanledger.call import Call, Entry, current_call
from spanledger.guard import guard
from spanledger.ledger import record
from spanledger.providers.names import provider_name
from spanledger.settle import Observation
from spanledger.usage import USAGE_FIELDS, Reading, Usage, named_usage, text
from spanledger.version import __version__

SCOPE = "spanledger"
_WHO = {  # each of the five by its name among the dialects
    semconv.USER_ID: "user_id",
    semconv.USER_TIER: "user_tier",
    semconv.SESSION_ID: "session_id",
    semconv.FEATURE: "feature",
    semconv.TENANT: "tenant",
}
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
            if _is_ours(span):
                return
            if call is not None:
                self._take(span, call)
            elif is_inference(span.attributes or {}):
                tell(get_current() if parent_context is None else parent_context)
                lone.began(span, 0 if span.parent is None else span.parent.span_id)

    def on_end(self, span: ReadableSpan) -> None:
        """Hand the usage of a span below a traced call to that call; make the line of one that stands alone."""
        with _GUARD:
            if span.context is None:
                return
            known = self._open.pop(span.context.span_id, None)
            if known is None:
                if not _is_ours(span):
                    _bill_alone(span, span.context)
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
    """Lets the spans that others make of model calls be recorded, not kept, where they would be dropped.

    A dropped span reaches no processor, and the ledger would lose what it tells of. What tells a model call is known
    when the span begins: `gen_ai.operation.name`, or its like in another dialect.

    Args:
        inner: Decides everything else.
    """

    def __init__(self, inner: Sampler) -> None:
        self.inner = inner

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
        decided = self.inner.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        if decided.decision is Decision.DROP and attributes and _GUARD.run(is_inference, attributes):
            return SamplingResult(Decision.RECORD_ONLY, attributes, decided.trace_state)
        return decided

    def get_description(self) -> str:
        """For people."""
        return f"spanledger.WitnessSampler{{{self.inner.get_description()}}}"


def own_tracer(provider: trace.TracerProvider) -> Tracer:
    """The tracer for the SDK's own spans, which need no witness."""
    tracer = provider.get_tracer(SCOPE, __version__)
    sampler = getattr(tracer, "sampler", None)
    if isinstance(sampler, WitnessSampler):
        tracer.sampler = sampler.inner  # type: ignore[attr-defined]
    return tracer


def is_inference(attributes: Mapping[str, Any]) -> bool:
    """Whether a span is a call to a model itself, and nothing that holds such calls."""
    kind = attributes.get(semconv.OPENINFERENCE_SPAN_KIND)
    if kind is not None and kind not in semconv.OPERATION_ALIASES:
        return False
    return attributes.get(semconv.TRACELOOP_SPAN_KIND) is None and _operation(attributes) in semconv.BILLABLE_OPERATIONS


def _is_ours(span: Span | ReadableSpan) -> bool:
    scope = span.instrumentation_scope
    return scope is not None and scope.name == SCOPE


def _same_trace(span: Span, call: Call | None) -> Call | None:
    """A span started with an explicit parent is below the current call all the same if it is in its trace."""
    return call if call is not None and call.entry.trace_id == span.get_span_context().trace_id else None


def reading_of_span(attributes: Mapping[str, Any]) -> Reading | None:
    """What a leaf inference span says, in any dialect that is understood; `None` without usage or for other spans."""
    if not is_inference(attributes):
        return None
    usage = named_usage({name: _first(attributes, name) for name in USAGE_FIELDS})
    return None if usage is None else _reading(attributes, usage)


def _reading(attributes: Mapping[str, Any], usage: Usage | None) -> Reading:
    reasons = attributes.get(semconv.GEN_AI_RESPONSE_FINISH_REASONS)
    return Reading(
        None if usage is None else _inclusive(usage),
        provider_name(_first(attributes, "provider")),
        text(_first(attributes, "response_model")) or text(_first(attributes, "request_model")),
        text(_first(attributes, "response_id")),
        text(_first(attributes, "service_tier")),
        tuple(str(reason) for reason in reasons) if isinstance(reasons, (list, tuple)) else (),
        _operation(attributes),
    )


def _operation(attributes: Mapping[str, Any]) -> str | None:
    operation = text(_first(attributes, "operation"))
    return semconv.OPERATION_ALIASES.get(operation or "", operation)


def _bill_alone(span: ReadableSpan, ids: SpanContext) -> None:
    """Record the line of a model call that only this span tells of, unless a call inside it has made one."""
    attributes = span.attributes or {}
    if not is_inference(attributes):
        return
    read = _reading(attributes, named_usage({name: _first(attributes, name) for name in USAGE_FIELDS}))
    if not lone.is_told(ids.trace_id, ids.span_id, read.response_id) and semconv.CALL_SPAN_ID not in attributes:
        record(_entry(span, ids, attributes, read))


def _entry(span: ReadableSpan, ids: SpanContext, attributes: Mapping[str, Any], read: Reading) -> Entry:
    first_chunk = _first(attributes, "time_to_first_chunk_s")
    status = attributes.get(semconv.HTTP_RESPONSE_STATUS_CODE)
    state = attributes.get(semconv.USAGE_STATE)
    return Entry(
        ids.trace_id,
        ids.span_id,
        None if span.parent is None else span.parent.span_id,
        span.start_time or 0,
        span.end_time or 0,
        ids.trace_flags.sampled,
        operation=read.operation,
        provider=read.provider,
        request_model=text(_first(attributes, "request_model")),
        response_model=read.model,
        response_id=read.response_id,
        usage=read.usage,
        usage_state="unknown" if read.usage is None else "estimated" if state == "estimated" else "reported",
        service_tier=read.service_tier,
        batch=attributes.get(semconv.BATCH) is True or read.service_tier == "batch",
        time_to_first_chunk_s=float(first_chunk) if isinstance(first_chunk, (int, float)) else None,
        stream=attributes.get(semconv.GEN_AI_REQUEST_STREAM) is True,
        error_type=_error(span, attributes),
        http_status=status if isinstance(status, int) else None,
        context={key: str(value) for key, name in _WHO.items() if (value := _first(attributes, name)) is not None},
    )


def _error(span: ReadableSpan, attributes: Mapping[str, Any]) -> str | None:
    if span.status.status_code is not StatusCode.ERROR:
        return None
    return text(attributes.get(semconv.ERROR_TYPE)) or "error"


def _observed(span: ReadableSpan, ancestors: tuple[int, ...]) -> Observation | None:
    attributes = span.attributes or {}
    read = reading_of_span(attributes)
    if read is None or span.context is None:
        return None
    return Observation(
        read,
        span.context.span_id,
        ancestors,
        text(_first(attributes, "request_model")),
        span.start_time or 0,
        span.end_time or 0,
        span.context.trace_flags.sampled,
        _error(span, attributes),
    )


def _first(attributes: Mapping[str, Any], name: str) -> Any:
    return next((attributes[key] for key in semconv.DIALECTS[name] if attributes.get(key) is not None), None)


def _inclusive(usage: Usage) -> Usage:
    """Cached parts larger than the whole input: the producer counts them beside it."""
    parts = (usage.cache_read_tokens or 0) + (usage.cache_write_tokens or 0)
    if usage.input_tokens is None or parts <= usage.input_tokens:
        return usage
    return usage._replace(input_tokens=usage.input_tokens + parts)
