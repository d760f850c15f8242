"""What the span of a traced call shows when it ends.

Given the call and what was read of its answer, gives all attributes in one go, the status, and the name where it was
not known before. Parts of the usage that are nought are left to the ledger, and so are tiers that change no rate.

Never: a prompt, an answer or an exception's message, unless content is captured.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.trace import Span, Status, StatusCode

from spanledger import content, semconv
from spanledger.call import Call, Entry, Options
from spanledger.providers import plain
from spanledger.usage import USAGE_FIELDS, Reading, Usage

Told = tuple[Entry, Options, "Reading | None", "int | None", tuple[str, ...], "Mapping[str, Any] | None", "str | None"]

_PART_NAMES = tuple(name for name in USAGE_FIELDS if name not in ("input_tokens", "output_tokens"))
_PART_ATTRIBUTES = tuple(semconv.DIALECTS[name][0] for name in _PART_NAMES)
_PARTS = attrgetter(*_PART_NAMES)
_USUAL_TIERS = frozenset({"default", "standard", "auto"})
_LONGEST_DESCRIPTION = 500


def show(call: Call, read: Reading | None, billed_by: int | None, error: BaseException | None, answer: Any) -> None:
    """Write onto the call's span what is known at its end; one of our own spans does so in the delivery worker.

    Args:
        call: The call.
        read: What was read of its answer.
        billed_by: The span that bills for it, if it does not bill itself.
        error: What was raised.
        answer: What was returned; a program may change it afterwards.
    """
    reasons: tuple[str, ...] = ()
    if read is not None:
        reasons = read.finish_reasons or plain.finish_reasons(answer)
    messages: dict[str, Any] | None = None
    description = None if error is None else call.entry.error_type
    if call.options.capture_content:  # an exception's message may hold the prompt or a key
        messages = {}
        content.show(messages, call.messages, answer)
        description = f"{description}: {error}"[:_LONGEST_DESCRIPTION]
    span: Any = call.span
    told = (call.entry, call.options, read, billed_by, reasons, messages, description)
    if hasattr(span, "told"):
        span.told = told
    else:
        _write(span, *known(*told))


def known(
    entry: Entry,
    options: Options,
    read: Reading | None,
    billed_by: int | None,
    reasons: tuple[str, ...],
    messages: Mapping[str, Any] | None,
    description: str | None,
) -> tuple[dict[str, Any], str | None, Status | None]:
    """Attributes, the name where it was not known before, and the status if it is not left open."""
    shown: dict[str, Any] = {}
    name = None
    if read is not None:
        _show_reading(shown, options, read)
        name = name_at_end(entry, options, read)
    if reasons:
        shown[semconv.GEN_AI_RESPONSE_FINISH_REASONS] = reasons
    if billed_by is not None:
        shown[semconv.CALL_SPAN_ID] = f"{billed_by:016x}"
    if entry.stream:
        shown[semconv.GEN_AI_REQUEST_STREAM] = True
        _show_times(shown, entry)
    if messages:
        shown.update(messages)
    if entry.error_type is None:
        return shown, name, None
    shown[semconv.ERROR_TYPE] = entry.error_type
    if read is None:  # who was asked stands on the exception
        asked = {semconv.GEN_AI_PROVIDER_NAME: entry.provider, semconv.GEN_AI_REQUEST_MODEL: entry.request_model}
        shown.update({attribute: said for attribute, said in asked.items() if said is not None})
    if entry.http_status is not None:
        shown[semconv.HTTP_RESPONSE_STATUS_CODE] = entry.http_status
    return shown, name, Status(StatusCode.ERROR, description)


def _show_times(shown: dict[str, Any], entry: Entry) -> None:
    times = entry.chunk_times
    if times is None:
        return
    shown[semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK] = entry.time_to_first_chunk_s
    shown[semconv.STREAM_CHUNKS] = times.count
    if times.gaps:
        shown[semconv.STREAM_CHUNK_GAP_MEAN_S] = times.total_s / times.gaps
        shown[semconv.STREAM_CHUNK_GAP_MAX_S] = times.highest_ns / 1e9


def name_at_end(entry: Entry, options: Options, read: Reading) -> str | None:
    """The span's name where it was not known when the call began."""
    operation, asked = _operation(options, read), entry.request_model
    if options.name is None and (asked is None or operation != options.operation) and (asked or read.model):
        return f"{operation} {asked or read.model}"
    return None


def _operation(options: Options, read: Reading) -> str:
    return read.operation if read.operation and options.operation == "chat" else options.operation


def _show_reading(shown: dict[str, Any], options: Options, read: Reading) -> None:
    """Add what was read."""
    if options.provider is None and read.provider is not None:
        shown[semconv.GEN_AI_PROVIDER_NAME] = read.provider
    if read.model is not None:
        shown[semconv.GEN_AI_RESPONSE_MODEL] = read.model
    if read.response_id is not None:
        shown[semconv.GEN_AI_RESPONSE_ID] = read.response_id
    if read.service_tier is not None and read.service_tier not in _USUAL_TIERS:
        shown[semconv.SERVICE_TIER] = read.service_tier
    if read.usage is not None:
        _show_usage(shown, read.usage)
        if read.state != "reported":
            shown[semconv.USAGE_STATE] = read.state
    operation = _operation(options, read)
    if operation != options.operation:
        shown[semconv.GEN_AI_OPERATION_NAME] = operation


def _show_usage(shown: dict[str, Any], usage: Usage) -> None:
    if usage.input_tokens is not None:
        shown[semconv.GEN_AI_USAGE_INPUT_TOKENS] = usage.input_tokens
    if usage.output_tokens is not None:
        shown[semconv.GEN_AI_USAGE_OUTPUT_TOKENS] = usage.output_tokens
    parts = _PARTS(usage)
    if any(parts):
        for attribute, value in zip(_PART_ATTRIBUTES, parts, strict=True):
            if value:
                shown[attribute] = float(value) if isinstance(value, Decimal) else value


def _write(span: Span, shown: dict[str, Any], name: str | None, status: Status | None) -> None:
    if name is not None:
        span.update_name(name)
    if status is not None:
        span.set_status(status)
    if shown:
        set_checked(span, shown)


def set_checked(span: Span, shown: Mapping[str, Any]) -> None:
    """Set attributes that are texts, numbers and tuples of texts by the way they were made.

    OpenTelemetry's own way takes 4 µs to find that out again; it is taken where a limit could apply, and where the span
    is made otherwise than in the version at hand.
    """
    kept: Any = getattr(span, "_attributes", None)
    try:
        fits = kept.max_value_len is None and (kept.maxlen is None or len(kept) + len(shown) <= kept.maxlen)
        if type(kept) is BoundedAttributes and fits and not kept._immutable:
            with kept._lock:
                kept._dict.update(shown)
            return
    except AttributeError:
        pass
    span.set_attributes(shown)
