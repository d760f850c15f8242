"""Billable calls: spans and ledger events read, priced, and made into lines of the ledger.

Given candidates and a price book, gives the lines as an Arrow batch, and what was refused. A ledger event is always a
line. A span is one only when it is itself a call to a model and says what was used: agents and workflows carry the
sum of their children, and spans below a traced call are billed by it.

Never: a cost of zero for what is not known, or an exception because of what an attribute holds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Any, Final

import orjson
import pyarrow as pa

from spanledger import semconv
from spanledger.pricing import PriceBook, Priced
from spanledger.usage import USAGE_FIELDS
from spanledger_server.ledger import dialect
from spanledger_server.ledger.dialect import text
from spanledger_server.ledger.table import LEDGER_SCHEMA, Row, batch
from spanledger_server.otlp.columns import Candidate, Refusals

__all__ = ["LEDGER_SCHEMA", "lines"]

USAGE: Final = slice(0, len(USAGE_FIELDS))
COUNTS: Final = len(USAGE_FIELDS)
OPERATION, PROVIDER, ANSWERED, ASKED, RESPONSE_ID, FIRST_CHUNK, SERVICE_TIER, BATCH, FAILURE = (
    dialect.FIELDS.index(name)
    for name in (
        "operation",
        "provider",
        "response_model",
        "request_model",
        "response_id",
        "time_to_first_chunk_s",
        "service_tier",
        "batch",
        "error_type",
    )
)
USAGE_STATE, KIND, PARENT, DURATION, COST = (
    dialect.FIELDS.index(name) for name in ("usage_state", "entry_kind", "parent_span_id", "duration_ns", "cost_usd")
)
WHOSE: Final = slice(dialect.FIELDS.index("user_id"), dialect.FIELDS.index("user_tier") + 1)
NO_USAGE: Final = (None,) * COUNTS
INPUT, READ, WRITE, WRITE_5M, WRITE_1H, AUDIO_SECONDS = (
    USAGE_FIELDS.index(name)
    for name in (
        "input_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "cache_write_5m_tokens",
        "cache_write_1h_tokens",
        "audio_seconds",
    )
)
USAGE_STATES: Final = frozenset({"reported", "estimated", "unknown"})
OTHER_ERROR: Final = "_OTHER"  # OpenTelemetry's word for an error without a type
MOST_BIGINT: Final = dialect.MOST_BIGINT
MOST_COST: Final = Decimal(10) ** 12
PICO: Final = Decimal("1e-12")
_exact: Final = Context(prec=96)


def lines(candidates: Sequence[Candidate], prices: PriceBook) -> tuple[pa.RecordBatch, Refusals]:
    """The ledger's lines for these candidates.

    Args:
        candidates: Spans and events that may be billable calls, in order of arrival.
        prices: The price book.

    Returns:
        A batch with the columns of the table `ledger`, in order, one row for each billable call; and the candidates
        that could not be stored, counted by service and reason.
    """
    refusals = Refusals()
    rows: list[Row] = []
    for candidate in candidates:
        found = dialect.read(candidate.attributes)
        operation: str | None
        if candidate.source == "span":
            is_call, operation = dialect.leaf_operation(candidate.attributes, found[OPERATION])
            if not is_call or found[USAGE].count(None) == COUNTS:
                continue
        else:
            operation = dialect.canonical_operation(found[OPERATION])
        row = _line(candidate, found, operation, prices)
        if row is None:
            refusals.add(candidate.service or "", "attributes_unreadable", _example(candidate, "attributes_unreadable"))
        else:
            rows.append(row)
    made, unfit = batch(rows)
    for row in unfit:
        refusals.add(row[7] if type(row[7]) is str else "", "line_unfit", f"ledger line of span {row[1]}: line_unfit")
    return made, refusals


def _line(candidate: Candidate, found: list[Any], operation: str | None, prices: PriceBook) -> Row | None:
    event = candidate.source == "event"
    usage, malformed = _usage(found)
    provider = dialect.canonical_provider(found[PROVIDER])
    answered, asked, tier = text(found[ANSWERED]), text(found[ASKED]), text(found[SERVICE_TIER])
    in_batch = found[BATCH] is True or found[BATCH] == "true"
    usage_state = found[USAGE_STATE]
    if type(usage_state) is not str or usage_state not in USAGE_STATES:
        usage_state = "unknown" if usage == NO_USAGE else "reported"
    kind = "usage"
    if event and (found[KIND] == "cost" or (found[COST] is not None and found[KIND] != "usage")):
        kind, priced = "cost", _explicit(found[COST])
    elif malformed is not None:
        priced = malformed
    elif event and usage == NO_USAGE and _refused(candidate.attributes):
        priced = Priced("free", Decimal(0), "provider", None, None, "refused_by_provider")
    else:
        called = (provider, answered or asked, asked)
        priced = priced_call(usage, called, (candidate.at_ns, tier, in_batch), usage_state, prices)
    attributes = None
    if event and (rest := dialect.remainder(candidate.attributes)):
        attributes = _json(rest)
        if attributes is None:
            return None
    parent = candidate.parent_span_id
    if parent is None and found[PARENT] is not None:
        parent = dialect.span_id(found[PARENT])
    first_chunk_ns = None if found[FIRST_CHUNK] is None else _nanoseconds(found[FIRST_CHUNK])
    head = (candidate.trace_id, candidate.span_id, parent, candidate.at_ns, _duration_ns(candidate, found[DURATION]))
    seen = (first_chunk_ns, candidate.source, candidate.service, kind, operation, provider)
    named = (answered or asked, asked, text(found[RESPONSE_ID]))
    state, cost, source, version, rate, reason = priced
    money = (state, reason, cost, source, version, rate, usage_state)
    whose = [text(value) for value in found[WHOSE]]
    failure = text(found[FAILURE]) or (OTHER_ERROR if candidate.error else None)
    return (*head, *seen, *named, *money, *usage, tier, in_batch, *whose, failure, attributes)


def _usage(found: list[Any]) -> tuple[tuple[Any, ...], Priced | None]:
    """The counts, totals made inclusive; and why they cannot be priced, when one of them cannot be read."""
    usage = found[USAGE]
    odd: list[str] = []
    for index, value in enumerate(usage):
        if value is None or (type(value) is int and 0 <= value <= MOST_BIGINT and index != AUDIO_SECONDS):
            continue
        usage[index] = dialect.seconds(value) if index == AUDIO_SECONDS else dialect.count(value)
        if usage[index] is None:
            odd.append(USAGE_FIELDS[index])
    if odd:
        return tuple(usage), Priced("unpriced", None, None, None, None, f"usage_malformed: {', '.join(odd)}")
    if usage[WRITE] is None and (usage[WRITE_5M] is not None or usage[WRITE_1H] is not None):
        usage[WRITE] = min((usage[WRITE_5M] or 0) + (usage[WRITE_1H] or 0), MOST_BIGINT)
    cached = (usage[READ] or 0) + (usage[WRITE] or 0)
    if cached and usage[INPUT] is not None and cached > usage[INPUT]:  # the sender counts the cache beside the input
        usage[INPUT] = min(usage[INPUT] + cached, MOST_BIGINT)
    return tuple(usage), None


def priced_call(
    usage: tuple[Any, ...],
    called: tuple[str | None, str | None, str | None],
    served: tuple[int, str | None, bool],
    usage_state: str | None,
    prices: PriceBook,
) -> Priced:
    """What a call costs; it follows from what its line says alone, so that a line can be priced again.

    Args:
        usage: The counts in the order of `USAGE_FIELDS`, totals inclusive.
        called: The provider, the model that answered (else the one that was asked), the model that was asked.
        served: When, in nanoseconds since 1970, the service tier, and whether in a batch.
        usage_state: How sure the counts are.
        prices: The price book.
    """
    provider, model, asked = called
    priced = prices.price_values(usage, provider, model, *served)
    if priced.reason == "model_unknown" and model and asked and model != asked:
        other = prices.price_values(usage, provider, asked, *served)
        if other.state == "priced":
            priced = other._replace(state="estimated", reason="model_unknown: priced as the model that was asked for")
    if usage_state == "estimated" and priced.state == "priced":
        priced = priced._replace(state="estimated", reason="usage_estimated")
    return priced


def _refused(attributes: dict[str, Any]) -> bool:
    """Whether the provider answered with an HTTP error: what it refused, it does not bill."""
    status = dialect.count(attributes.get(semconv.HTTP_RESPONSE_STATUS_CODE))
    return status is not None and 400 <= status < 600 and attributes.get(semconv.ERROR_TYPE) is not None


def _explicit(cost: Any) -> Priced:
    """A cost that the sender states: a decimal, zero or more."""
    if cost is None:
        return Priced("unpriced", None, "explicit", None, None, "cost_missing")
    amount = dialect.decimal(cost)
    if amount is None:
        return Priced("unpriced", None, "explicit", None, None, "cost_malformed")
    if amount < 0:
        return Priced("unpriced", None, "explicit", None, None, "cost_negative")
    rounded = _exact.quantize(amount, PICO) if amount < MOST_COST else MOST_COST
    if rounded >= MOST_COST:
        return Priced("unpriced", None, "explicit", None, None, "cost_out_of_range")
    return Priced("priced", rounded, "explicit", None, None, None)


def _duration_ns(candidate: Candidate, told: Any) -> int | None:
    if candidate.source == "event" and told is not None:
        duration = dialect.count(told)
        if duration is not None:
            return duration
    if candidate.start_ns is None:
        return None
    return max(candidate.at_ns - candidate.start_ns, 0)


def _nanoseconds(told: Any) -> int | None:
    """Seconds, as nanoseconds."""
    if told is None:
        return None
    if type(told) is float and 0 <= told < 1e9:
        return round(told * 1e9)
    number = dialect.decimal(told)
    if number is None or not 0 <= number < 10**9:
        return None
    return int(_exact.to_integral_value(_exact.multiply(number, 10**9)))


def _json(attributes: dict[str, Any]) -> str | None:
    """Attributes as JSON text; None when that cannot be."""
    try:
        return orjson.dumps(attributes).decode()
    except TypeError:
        pass
    try:
        return json.dumps(attributes, default=str, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None


def _example(candidate: Candidate, reason: str) -> str:
    return f"{candidate.source} of span {candidate.span_id}: {reason}"
