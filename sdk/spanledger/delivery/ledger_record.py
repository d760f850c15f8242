"""A ledger entry as an OTLP log record: the attributes of one billable call, named as `semconv` has them.

Given an entry and an estimate of its cost, gives the bytes of a LogRecord whose time is the end of the call. What many
calls have in common (models, feature, tenant) is encoded once and kept.

Never: an attribute for what is not known, or a prompt's text.
"""

from __future__ import annotations

import struct
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from spanledger import semconv
from spanledger.alike import MAX_KEPT, Alike, alike_of
from spanledger.delivery.wire import (
    MAX_INT,
    MAX_TEXT,
    Before,
    Counts,
    attribute,
    block,
    int_attribute,
    text_attribute,
    varint,
)
from spanledger.usage import USAGE_FIELDS

if TYPE_CHECKING:
    from spanledger.call import Entry

TIME, OBSERVED = b"\x09", b"\x59"  # the tags of fields 1 and 11, as fixed64
SEVERITY_INFO = b"\x10\x09"
TRACE_ID, SPAN_ID = b"\x4a\x10", b"\x52\x08"  # the tags of fields 9 and 10, and how many bytes they have
SAMPLED = b"\x45\x01\x00\x00\x00"
ALWAYS = SEVERITY_INFO + block(12, semconv.LEDGER_EVENT.encode())
USAGE = tuple(Counts(semconv.DIALECTS[name][0]) for name in USAGE_FIELDS)
INPUT, OUTPUT, *_ = USAGE
DURATION_NS, MICRO_USD = Counts(semconv.DURATION_NS), Counts(semconv.COST_ESTIMATED_MICRO_USD)
RESPONSE_ID, ESTIMATED_USD = Before(semconv.GEN_AI_RESPONSE_ID), Before(semconv.COST_ESTIMATED_USD)
PARENT_SPAN_ID = Before(semconv.PARENT_SPAN_ID)[16]
PICO = 10**12
_ALL_BITS = (1 << 64) - 1
_when_and_where = struct.Struct("<cQcQ2s16s2s8s").pack
ALIKE_NAMES = (  # of `Alike.values`
    semconv.ENTRY_KIND,
    semconv.GEN_AI_OPERATION_NAME,
    semconv.GEN_AI_PROVIDER_NAME,
    semconv.GEN_AI_REQUEST_MODEL,
    semconv.GEN_AI_RESPONSE_MODEL,
    semconv.USAGE_STATE,
    semconv.SERVICE_TIER,
    semconv.ERROR_TYPE,
    semconv.BATCH,
    semconv.GEN_AI_REQUEST_STREAM,
    *semconv.LOW_CARDINALITY_CONTEXT_KEYS,
)
OWN_CONTEXT_KEYS = tuple(key for key in semconv.CONTEXT_KEYS if key not in semconv.LOW_CARDINALITY_CONTEXT_KEYS)


def ledger_record(entry: Entry, estimate_pico: int | None) -> tuple[bytes, bytes]:
    """The bytes of the LogRecord in two parts: what it has in common with others, which is kept, and its own.

    Args:
        entry: The call.
        estimate_pico: What it will have cost, in 10^-12 USD, if that is known.
    """
    end_ns, response_id, usage, alike = entry.end_ns, entry.response_id, entry.usage, entry.alike or alike_of(entry)
    at, took_ns = end_ns & _ALL_BITS, end_ns - entry.start_ns
    trace_id, span_id = entry.trace_id.to_bytes(16, "big"), entry.span_id.to_bytes(8, "big")
    before_ns = lasted = before_id = text = given = made = before_usd = usd = micro_usd = b""
    if 0 < took_ns <= MAX_INT:
        lasted = varint(took_ns)
        before_ns = DURATION_NS.before[len(lasted)]
    elif took_ns:  # nought: what was told of afterwards took no time that anybody knows
        lasted = DURATION_NS[took_ns]
    if response_id is not None:
        if type(response_id) is not str or len(response_id) > MAX_TEXT:
            response_id = str(response_id)[:MAX_TEXT]
        text = response_id.encode("utf-8", "replace")
        before_id = RESPONSE_ID[len(text)]
    if alike.told is not None and usage is not None and type(usage[0]) is int and type(usage[1]) is int:
        given, made = INPUT[usage[0]], OUTPUT[usage[1]]
    elif usage is not None:
        given = _counted(usage if alike.told is None else usage[:2])
    if estimate_pico is not None:
        before_usd, usd, micro_usd = _estimated(estimate_pico)
    sampled, rare = SAMPLED if entry.sampled else b"", _rare(entry)
    ids = _when_and_where(TIME, at, OBSERVED, at, TRACE_ID, trace_id, SPAN_ID, span_id)
    own = (ids, before_ns, lasted, before_id, text, given, made, before_usd, usd, micro_usd, sampled, rare)
    return _common(alike), b"".join(own)


def _estimated(pico: int) -> tuple[bytes, bytes, bytes]:
    """Exact, and in whole millionths (half to even) for policies that only know numbers."""
    if 0 < pico < PICO:
        amount = (b"0.%012d" % pico).rstrip(b"0")
    else:
        amount = (b"%d.%012d" % divmod(pico, PICO)).rstrip(b"0").rstrip(b".")
    millionths = (pico + 500_000) // 1_000_000
    if millionths & 1 and pico % 1_000_000 == 500_000:
        millionths -= 1
    return ESTIMATED_USD[len(amount)], amount, MICRO_USD[millionths]


def _counted(usage: tuple[Any, ...]) -> bytes:
    return b"".join(
        [
            counts[value] if type(value) is int else attribute(counts.key, value)
            for counts, value in zip(USAGE, usage, strict=False)
            if value is not None
        ]
    )


@lru_cache(maxsize=MAX_KEPT)
def _common(alike: Alike) -> bytes:
    """What entries of one kind have in common."""
    named = b"".join(
        attribute(key, True) if value is True else text_attribute(key, str(value))
        for key, value in zip(ALIKE_NAMES, alike.values, strict=True)
        if value is not None and value is not False
    )
    return ALWAYS + named + (b"" if alike.told is None else _counted((None, None, *alike.told.told)))


def _rare(entry: Entry) -> bytes:
    """What most calls do not have."""
    found = b""
    if entry.parent_span_id is not None:
        found = PARENT_SPAN_ID + b"%016x" % entry.parent_span_id
    if entry.time_to_first_chunk_s is not None:
        found += attribute(semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, float(entry.time_to_first_chunk_s))
    if entry.http_status is not None:
        found += int_attribute(semconv.HTTP_RESPONSE_STATUS_CODE, entry.http_status)
    if entry.cost_usd is not None:
        found += text_attribute(semconv.COST_USD, plain(Decimal(str(entry.cost_usd))))
    if entry.context:
        told = ((key, entry.context.get(key)) for key in OWN_CONTEXT_KEYS)
        found += b"".join([text_attribute(key, value) for key, value in told if value is not None])
    if entry.attributes:
        found += b"".join([attribute(str(key), value) for key, value in entry.attributes.items()])
    return found


def plain(amount: Decimal) -> str:
    """All digits, no exponent, no zeros that say nothing."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
