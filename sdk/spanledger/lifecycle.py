"""How a traced call begins and ends.

Given the options of a decorated function, `begin` starts its span and gives a `Call`, or `None` (switched off, or
something of ours failed: the function then runs as if undecorated). `finish` ends it, once, whoever comes first: the
function, its stream, or the garbage collector.

Never: raises or waits.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from opentelemetry.baggage import _BAGGAGE_KEY
from opentelemetry.context import Context
from opentelemetry.trace import NoOpTracer, SpanKind, TraceFlags, Tracer
from opentelemetry.trace.propagation import _SPAN_KEY

from spanledger import content, semconv
from spanledger.asked import ASKED, tell
from spanledger.attached import attached
from spanledger.billing import bill
from spanledger.call import CURRENT_CALL, Call, Entry, Options, fresh_span_id, fresh_trace_id
from spanledger.configure import enabled, tracer
from spanledger.context import current
from spanledger.failure import asked_of, error_type, http_status
from spanledger.guard import guard
from spanledger.providers import plain
from spanledger.sampling.strategies import OPERATIONS
from spanledger.spans import name_at_end, show
from spanledger.usage import Reading, named_usage, over

_NEW = object.__new__
_BEGIN = guard("traced_cost.begin")
_READ = guard("traced_cost.read")
_FINISH = guard("traced_cost.finish")

_CLIENT, _SAMPLED = SpanKind.CLIENT, TraceFlags.SAMPLED  # a member of an enumeration takes 0.1 µs to look up
_NOBODY: Mapping[str, str] = MappingProxyType({})


def scope(call: Call) -> Context:
    """The context that the function runs in: the call's span is current, and the call can be found."""
    if call.own_ids:
        return Context({**attached(), CURRENT_CALL: call})
    return Context({**attached(), CURRENT_CALL: call, _SPAN_KEY: call.span})


def reading_of(call: Call, answer: Any) -> Reading | None:
    """What the answer says; the user's own `usage=` callable comes first."""
    with _READ:
        return _read(call, answer)
    return None


def finish(call: Call, read: Reading | None, *, error: BaseException | None = None, answer: Any = None) -> None:
    """End a call: its lines go to the ledger, then its span ends. Later ends of the same call do nothing.

    Args:
        call: The call.
        read: What is known of its answer.
        error: What the function raised; a cancellation or a closed generator is no error.
        answer: What it returned, for what only the span shows.
    """
    with _FINISH:
        _finish(call, read, error, answer)


def _finish(call: Call, read: Reading | None, error: BaseException | None, answer: Any) -> None:
    try:
        call.open.pop()
    except IndexError:
        return
    entry = call.entry
    entry.end_ns = end_ns = entry.start_ns + time.perf_counter_ns() - call.started
    if error is not None:
        entry.error_type = error_type(error)
        entry.http_status = http_status(error)
        if read is None and (entry.provider is None or entry.request_model is None):
            provider, model = asked_of(error)
            entry.provider, entry.request_model = entry.provider or provider, entry.request_model or model
    shown, billed_by = read, None
    try:
        shown, billed_by = bill(call, read)
        if OPERATIONS.wanted and entry.parent_span_id is None and shown is not None:
            _learn(call, shown)
    finally:
        if call.recording:
            try:
                show(call, shown, billed_by, error, answer)
            finally:
                call.span.end(end_ns)


def _learn(call: Call, read: Reading) -> None:
    """What a call is named in the end, also where its span is dropped: what comes next is sampled by that."""
    options, entry = call.options, call.entry
    name, asked = name_at_end(entry, options, read), entry.request_model or ""
    if name is not None:
        began = f"{options.span_name} {asked}" if asked and options.model is None else options.span_name
        OPERATIONS.learn(began, name, model=asked)


def _read_and_finished(call: Call, answer: Any) -> None:
    read = plain.read(answer) if call.options.usage is None else _read(call, answer)
    _finish(call, read, None, answer)


def _finished_unread(call: Call, answer: Any) -> None:
    finish(call, None, answer=answer)


def _begun_unseen(options: Options, arguments: Mapping[str, Any]) -> Call | None:
    """Where somebody's sampler or processor failed: the ledger needs no span."""
    return _BEGIN.run(_begun, options, arguments, NoOpTracer()) if enabled() else None


def _read(call: Call, answer: Any) -> Reading | None:
    read = plain.read(answer)
    return read if call.options.usage is None else _told(call.options.usage(answer), read)


def _begun(options: Options, arguments: Mapping[str, Any], given: Tracer | None = None) -> Call | None:
    maker = given or tracer()
    if type(maker) is NoOpTracer and given is None and not enabled():
        return None
    around = attached()
    name, model, attributes, context = options.span_name, options.model, options.at_start, _NOBODY
    if ASKED in around:
        tell(around)
    if _BAGGAGE_KEY in around:
        context = current(around)
        attributes = {**context, **attributes}
    if options.feature is not None:
        context = {**context, semconv.FEATURE: options.feature}
    if model is None:
        asked = arguments.get("model")
        if isinstance(asked, str):
            model = asked
            name = options.name or f"{name} {asked}"
            attributes = {**attributes, semconv.GEN_AI_REQUEST_MODEL: asked}
    outer: Any = around.get(CURRENT_CALL)
    if outer is not None:
        outer = _around(outer)
    entry, call = _NEW(Entry), _NEW(Call)  # `Entry(…)` takes three times as long as to set the fields here
    entry.kind, entry.usage_state, entry.chunks = "usage", "unknown", 0
    entry.batch = entry.stream = False
    entry.response_model = entry.response_id = entry.usage = entry.cost_usd = entry.service_tier = None
    entry.time_to_first_chunk_s = entry.chunk_times = entry.error_type = entry.http_status = entry.alike = None
    entry.start_ns, call.started = time.time_ns(), time.perf_counter_ns()
    own_ids = False
    span: Any = maker.start_span(name, around, _CLIENT, attributes, (), entry.start_ns)
    call.span = span
    if hasattr(span, "is_light"):
        entry.trace_id, entry.span_id, entry.parent_span_id = span.trace_id, span.span_id, span.parent_span_id
        entry.sampled, call.recording = span.sampled, span.recorded
    else:
        own_ids = _identify(call, entry, around, outer)
    entry.operation, entry.provider, entry.request_model = options.operation, options.provider, model
    entry.context, entry.attributes = context, options.attributes
    call.options, call.entry, call.outer, call.open = options, entry, outer, [None]
    call.own_ids, call.witness = own_ids, False
    call.inner = call.explicit = call.observed = call.own = None
    call.messages = content.asked(arguments) if options.capture_content else None
    return call


def _identify(call: Call, entry: Entry, around: Context, outer: Call | None) -> bool:
    """Take the ids of a span that somebody else's tracer made, or ours where it made none; gives whether they are."""
    span, own_ids = call.span, False
    trace_id, span_id, _, flags, *_ = span.get_span_context()
    parent_span: Any = around.get(_SPAN_KEY)
    parent_id = 0 if parent_span is None else parent_span.get_span_context().span_id
    if not span_id or span_id == parent_id:  # without a provider a tracer hands the parent's span back
        trace_id, span_id, parent_id = _own_ids(trace_id, parent_id, outer)
        own_ids = True
    entry.trace_id, entry.span_id, entry.parent_span_id = trace_id, span_id, parent_id or None
    entry.sampled = flags & _SAMPLED != 0
    call.recording = not own_ids and span.is_recording()
    return own_ids


def _around(outer: Call) -> Call | None:
    """The call around a new one, unless it has ended: a task may outlive the call it was made in."""
    if not outer.open:
        return None
    outer.below()
    return outer


def _own_ids(trace_id: int, parent_id: int, outer: Call | None) -> tuple[int, int, int]:
    """Trace, span and parent ids where no tracer gives a span."""
    if outer is not None and outer.own_ids:
        return outer.entry.trace_id, fresh_span_id(), outer.entry.span_id
    return trace_id or fresh_trace_id(), fresh_span_id(), parent_id


def _told(answer: Any, read: Reading | None) -> Reading | None:
    """What the user's own reader answered (Usage, dict or None), over what we read ourselves."""
    told = plain.read(answer) if answer is not None else None
    if told is None and isinstance(answer, dict):
        usage = named_usage(answer)
        told = None if usage is None else Reading(usage)
    return read if told is None else over(told, read)


begin: Final = _BEGIN.or_else(_begun, _begun_unseen)
"""Begin a call: start its span below the current one.

Args:
    options: What the decorator was told.
    arguments: The keyword arguments that the function was called with; the model asked for may be among them.
"""

returned: Final = _READ.or_else(_read_and_finished, _finished_unread)
"""End a call with what its function returned."""
