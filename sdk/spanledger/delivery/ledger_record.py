"""A ledger entry as an OTLP log record: the attributes of one billable call, named as `semconv` has them.

Given an entry and an estimate of its cost, gives the bytes of a LogRecord whose time is the end of the call. What many
calls have in common (models, feature, tenant) is encoded once and kept.

Never: an attribute for what is not known, or a prompt's text.
"""

from __future__ import annotations

from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from spanledger import semconv
from spanledger.delivery.wire import attribute, block, fixed64, int_attribute, text_attribute

if TYPE_CHECKING:
    from spanledger.call import Entry

MAX_KEPT = 2_048  # sets of common attributes; a program has few, and starting over costs little
TIME, OBSERVED = b"\x09", b"\x59"  # the tags of fields 1 and 11, as fixed64
SEVERITY_INFO = b"\x10\x09"
TRACE_ID, SPAN_ID = b"\x4a\x10", b"\x52\x08"  # the tags of fields 9 and 10, and how many bytes they have
SAMPLED = b"\x45\x01\x00\x00\x00"
EVENT_NAME = block(12, semconv.LEDGER_EVENT.encode())
INT_USAGE = (
    ("input_tokens", semconv.GEN_AI_USAGE_INPUT_TOKENS),
    ("output_tokens", semconv.GEN_AI_USAGE_OUTPUT_TOKENS),
    ("cache_read_tokens", semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS),
    ("cache_write_tokens", semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS),
    ("cache_write_5m_tokens", semconv.USAGE_CACHE_WRITE_5M_TOKENS),
    ("cache_write_1h_tokens", semconv.USAGE_CACHE_WRITE_1H_TOKENS),
    ("reasoning_tokens", semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS),
    ("audio_input_tokens", semconv.GEN_AI_USAGE_AUDIO_INPUT_TOKENS),
    ("audio_output_tokens", semconv.GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS),
    ("audio_cache_read_tokens", semconv.GEN_AI_USAGE_AUDIO_CACHE_READ_INPUT_TOKENS),
    ("characters", semconv.USAGE_CHARACTERS),
    ("requests", semconv.USAGE_REQUESTS),
    ("web_searches", semconv.USAGE_WEB_SEARCHES),
)
INT_USAGE_NAMES = tuple(name for _, name in INT_USAGE)
INT_USAGE_VALUES = attrgetter(*(field for field, _ in INT_USAGE))
COMMON = (
    semconv.ENTRY_KIND,
    semconv.GEN_AI_OPERATION_NAME,
    semconv.GEN_AI_PROVIDER_NAME,
    semconv.GEN_AI_REQUEST_MODEL,
    semconv.GEN_AI_RESPONSE_MODEL,
    semconv.USAGE_STATE,
    semconv.SERVICE_TIER,
    semconv.ERROR_TYPE,
    *semconv.LOW_CARDINALITY_CONTEXT_KEYS,
)
OWN_CONTEXT_KEYS = tuple(key for key in semconv.CONTEXT_KEYS if key not in semconv.LOW_CARDINALITY_CONTEXT_KEYS)
_kept: dict[tuple[Any, ...], bytes] = {}


def ledger_record(entry: Entry, estimate: Decimal | None) -> bytes:
    """The bytes of the LogRecord."""
    at = fixed64(entry.end_ns)
    parts = [
        TIME,
        at,
        SEVERITY_INFO,
        _common(entry),
        _own(entry),
        _usage(entry),
        _money(entry, estimate),
        SAMPLED if entry.sampled else b"",
        TRACE_ID,
        entry.trace_id.to_bytes(16, "big"),
        SPAN_ID,
        entry.span_id.to_bytes(8, "big"),
        OBSERVED,
        at,
        EVENT_NAME,
    ]
    if entry.attributes:
        parts.extend(attribute(str(key), value) for key, value in entry.attributes.items())
    return b"".join(parts)


def _common(entry: Entry) -> bytes:
    """What many calls have in common."""
    context = entry.context
    values = (
        entry.kind,
        entry.operation,
        entry.provider,
        entry.request_model,
        entry.response_model,
        entry.usage_state,
        entry.service_tier,
        entry.error_type,
        *[context.get(key) for key in semconv.LOW_CARDINALITY_CONTEXT_KEYS],
    )
    key = (*values, entry.batch, entry.stream)
    try:
        found = _kept.get(key)
    except TypeError:  # something that is no text was given as a name, and cannot be a key
        return _written(values, entry)
    if found is None:
        if len(_kept) >= MAX_KEPT:
            _kept.clear()
        found = _kept[key] = _written(values, entry)
    return found


def _written(values: tuple[Any, ...], entry: Entry) -> bytes:
    out = b"".join(text_attribute(key, str(v)) for key, v in zip(COMMON, values, strict=True) if v is not None)
    if entry.batch:
        out += attribute(semconv.BATCH, True)
    if entry.stream:
        out += attribute(semconv.GEN_AI_REQUEST_STREAM, True)
    return out


def _own(entry: Entry) -> bytes:
    """What only this call has."""
    took_ns = entry.end_ns - entry.start_ns  # nought: what was told of afterwards took no time that anybody knows
    out = int_attribute(semconv.DURATION_NS, took_ns) if took_ns else b""
    if entry.response_id is not None:
        out += text_attribute(semconv.GEN_AI_RESPONSE_ID, str(entry.response_id))
    if entry.parent_span_id is not None:
        out += text_attribute(semconv.PARENT_SPAN_ID, f"{entry.parent_span_id:016x}")
    if entry.time_to_first_chunk_s is not None:
        out += attribute(semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, float(entry.time_to_first_chunk_s))
    if entry.http_status is not None:
        out += int_attribute(semconv.HTTP_RESPONSE_STATUS_CODE, entry.http_status)
    for key in OWN_CONTEXT_KEYS:
        value = entry.context.get(key)
        if value is not None:
            out += text_attribute(key, value)
    return out


def _usage(entry: Entry) -> bytes:
    usage = entry.usage
    if usage is None:
        return b""
    out = b""
    for name, value in zip(INT_USAGE_NAMES, INT_USAGE_VALUES(usage)):  # noqa: B905 - as long, and half the time
        if value is not None:
            out += int_attribute(name, value) if type(value) is int else attribute(name, value)
    if usage.audio_seconds is not None:
        out += attribute(semconv.USAGE_AUDIO_SECONDS, usage.audio_seconds)
    return out


def _money(entry: Entry, estimate: Decimal | None) -> bytes:
    """Decimal strings, exact; and the estimate in whole millionths for policies that only know numbers."""
    out = b""
    if entry.cost_usd is not None:
        out += text_attribute(semconv.COST_USD, plain(Decimal(str(entry.cost_usd))))
    if estimate is not None:
        out += text_attribute(semconv.COST_ESTIMATED_USD, plain(estimate))
        out += int_attribute(semconv.COST_ESTIMATED_MICRO_USD, round(estimate * 1_000_000))
    return out


def plain(amount: Decimal) -> str:
    """All digits, no exponent, no zeros that say nothing."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
