"""What the span of a traced call shows when it ends.

Given the call and what was read of its answer, sets all attributes in one go, the status, and the name where it was not
known before. Parts of the usage that are nought are left to the ledger, and so are tiers that change no rate.

Never: a prompt, an answer or an exception's message, unless content is captured.
"""

from __future__ import annotations

from decimal import Decimal
from operator import attrgetter
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.trace import Span, Status, StatusCode

from spanledger import content, semconv
from spanledger.call import Call
from spanledger.providers import plain
from spanledger.usage import USAGE_FIELDS, Reading, Usage

_PART_NAMES = tuple(name for name in USAGE_FIELDS if name not in ("input_tokens", "output_tokens"))
_PART_ATTRIBUTES = tuple(semconv.DIALECTS[name][0] for name in _PART_NAMES)
_PARTS = attrgetter(*_PART_NAMES)
_USUAL_TIERS = frozenset({"default", "standard", "auto"})
_LONGEST_DESCRIPTION = 500


def show(call: Call, read: Reading | None, billed_by: int | None, error: BaseException | None, answer: Any) -> None:
    """Write onto the call's span what is known at its end.

    Args:
        call: The call.
        read: What was read of its answer.
        billed_by: The span that bills for it, if it does not bill itself.
        error: What was raised.
        answer: What was returned.
    """
    shown: dict[str, Any] = {}
    if read is not None:
        _show_reading(shown, call, read, answer)
    if billed_by is not None:
        shown[semconv.CALL_SPAN_ID] = f"{billed_by:016x}"
    if call.entry.stream:
        shown[semconv.GEN_AI_REQUEST_STREAM] = True
        if call.entry.time_to_first_chunk_s is not None:
            shown[semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK] = call.entry.time_to_first_chunk_s
    if call.options.capture_content:
        content.show(shown, call.messages, answer)
    error_type = call.entry.error_type
    if error_type is not None:
        shown[semconv.ERROR_TYPE] = error_type
        if call.entry.http_status is not None:
            shown[semconv.HTTP_RESPONSE_STATUS_CODE] = call.entry.http_status
        call.span.set_status(Status(StatusCode.ERROR, _description(call, error, error_type)))
    if shown:
        _set_checked(call.span, shown)


def _show_reading(shown: dict[str, Any], call: Call, read: Reading, answer: Any) -> None:
    options = call.options
    if options.provider is None and read.provider is not None:
        shown[semconv.GEN_AI_PROVIDER_NAME] = read.provider
    if read.model is not None:
        shown[semconv.GEN_AI_RESPONSE_MODEL] = read.model
    if read.response_id is not None:
        shown[semconv.GEN_AI_RESPONSE_ID] = read.response_id
    reasons = read.finish_reasons or plain.finish_reasons(answer)
    if reasons:
        shown[semconv.GEN_AI_RESPONSE_FINISH_REASONS] = reasons
    if read.service_tier is not None and read.service_tier not in _USUAL_TIERS:
        shown[semconv.SERVICE_TIER] = read.service_tier
    if read.usage is not None:
        _show_usage(shown, read.usage)
        if read.state != "reported":
            shown[semconv.USAGE_STATE] = read.state
    operation = read.operation if read.operation and options.operation == "chat" else options.operation
    if operation != options.operation:
        shown[semconv.GEN_AI_OPERATION_NAME] = operation
    asked = call.entry.request_model
    if options.name is None and (asked is None or operation != options.operation) and (asked or read.model):
        call.span.update_name(f"{operation} {asked or read.model}")


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


def _set_checked(span: Span, shown: dict[str, Any]) -> None:
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


def _description(call: Call, error: BaseException | None, error_type: str) -> str:
    """An exception's message may hold the prompt or a key: it is shown only where content is."""
    return f"{error_type}: {error}"[:_LONGEST_DESCRIPTION] if call.options.capture_content else error_type
