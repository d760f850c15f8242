"""A ledger entry as an OTLP log record: the attributes of one billable call, named as `semconv` has them.

Given an entry and an estimate of its cost, gives the bytes of a LogRecord whose time is the end of the call. What many
calls have in common (models, feature, tenant) is encoded once and kept.

Never: an attribute for what is not known, or a prompt's text.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from spanledger import semconv
from spanledger.delivery.wire import Counts, attribute, block, fixed64, int_attribute, text_attribute
from spanledger.usage import USAGE_FIELDS

if TYPE_CHECKING:
    from spanledger.call import Entry

MAX_KEPT = 2_048  # sets of common attributes; a program has few, and starting over costs little
TIME, OBSERVED = b"\x09", b"\x59"  # the tags of fields 1 and 11, as fixed64
SEVERITY_INFO = b"\x10\x09"
TRACE_ID, SPAN_ID = b"\x4a\x10", b"\x52\x08"  # the tags of fields 9 and 10, and how many bytes they have
SAMPLED = b"\x45\x01\x00\x00\x00"
EVENT_NAME = block(12, semconv.LEDGER_EVENT.encode())
USAGE = tuple(Counts(semconv.DIALECTS[name][0]) for name in USAGE_FIELDS)
MICRO_USD = Counts(semconv.COST_ESTIMATED_MICRO_USD)
PICO = 10**12
ALIKE = (  # what many calls have in common
    ("kind", semconv.ENTRY_KIND),
    ("operation", semconv.GEN_AI_OPERATION_NAME),
    ("provider", semconv.GEN_AI_PROVIDER_NAME),
    ("request_model", semconv.GEN_AI_REQUEST_MODEL),
    ("response_model", semconv.GEN_AI_RESPONSE_MODEL),
    ("usage_state", semconv.USAGE_STATE),
    ("service_tier", semconv.SERVICE_TIER),
    ("error_type", semconv.ERROR_TYPE),
    ("batch", semconv.BATCH),
    ("stream", semconv.GEN_AI_REQUEST_STREAM),
)
ALIKE_VALUES = attrgetter(*[field for field, _ in ALIKE])
ALIKE_NAMES = (*[name for _, name in ALIKE], *semconv.LOW_CARDINALITY_CONTEXT_KEYS)
OWN_CONTEXT_KEYS = tuple(key for key in semconv.CONTEXT_KEYS if key not in semconv.LOW_CARDINALITY_CONTEXT_KEYS)
_kept: dict[tuple[Any, ...], bytes] = {}


def ledger_record(entry: Entry, estimate_pico: int | None, told: tuple[type, ...] | None = None) -> bytes:
    """The bytes of the LogRecord.

    Args:
        entry: The call.
        estimate_pico: What it will have cost, in 10^-12 USD, if that is known.
        told: The `noughts` of its usage, where who calls knows them.
    """
    at = fixed64(entry.end_ns)
    parts = [
        TIME,
        at,
        SEVERITY_INFO,
        _common(entry),
        _own(entry),
        _money(entry, estimate_pico),
        SAMPLED if entry.sampled else b"",
        TRACE_ID,
        entry.trace_id.to_bytes(16, "big"),
        SPAN_ID,
        entry.span_id.to_bytes(8, "big"),
        OBSERVED,
        at,
        EVENT_NAME,
    ]
    usage = entry.usage
    if usage is not None:
        given, made, rest = usage[0], usage[1], None if told is None else _noughts(told)
        if rest is not None and type(given) is int and type(made) is int:
            parts += (USAGE[0][given], USAGE[1][made], rest)
        else:
            parts += _counted(USAGE, usage)
    if entry.attributes:
        parts.extend(attribute(str(key), value) for key, value in entry.attributes.items())
    return b"".join(parts)


def _counted(names: Sequence[Counts], values: Sequence[Any]) -> list[bytes]:
    return [
        counts[value] if type(value) is int else attribute(counts.key, value)
        for counts, value in zip(names, values, strict=True)
        if value is not None
    ]


@lru_cache(maxsize=256)
def _noughts(told: tuple[type, ...]) -> bytes | None:
    """Units of which none is more than nought; None where one is nought and no whole number."""
    if not {int, type(None)}.issuperset(told):
        return None
    return b"".join(_counted(USAGE[2:], [0 if kind is int else None for kind in told]))


def _common(entry: Entry) -> bytes:
    """What many calls have in common."""
    alike: tuple[Any, ...] = ALIKE_VALUES(entry)
    if entry.context:
        alike += tuple(map(entry.context.get, semconv.LOW_CARDINALITY_CONTEXT_KEYS))
    try:
        found = _kept.get(alike)
    except TypeError:  # something that is no text was given as a name, and cannot be a key
        return _written(alike)
    if found is None:
        if len(_kept) >= MAX_KEPT:
            _kept.clear()
        found = _kept[alike] = _written(alike)
    return found


def _written(alike: tuple[Any, ...]) -> bytes:
    told = zip(ALIKE_NAMES, alike, strict=False)  # shorter where there is no context
    return b"".join(
        attribute(key, True) if value is True else text_attribute(key, str(value))
        for key, value in told
        if value is not None and value is not False
    )


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
    if entry.context:
        for key in OWN_CONTEXT_KEYS:
            value = entry.context.get(key)
            if value is not None:
                out += text_attribute(key, value)
    return out


def _money(entry: Entry, estimate_pico: int | None) -> bytes:
    """Decimal strings, exact; and the estimate in whole millionths for policies that only know numbers."""
    out = b""
    if entry.cost_usd is not None:
        out += text_attribute(semconv.COST_USD, plain(Decimal(str(entry.cost_usd))))
    if estimate_pico is not None:
        out += text_attribute(semconv.COST_ESTIMATED_USD, dollars(estimate_pico))
        out += MICRO_USD[micro(estimate_pico)]
    return out


def dollars(pico: int) -> str:
    """10^-12 US dollars as `plain` has them in dollars."""
    whole, rest = divmod(pico, PICO)
    return f"{whole}.{rest:012d}".rstrip("0").rstrip(".")


def micro(pico: int) -> int:
    """10^-12 US dollars in millionths of a dollar, half to even."""
    whole, rest = divmod(pico, 1_000_000)
    return whole + (rest > 500_000 or (rest == 500_000 and whole & 1))


def plain(amount: Decimal) -> str:
    """All digits, no exponent, no zeros that say nothing."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
