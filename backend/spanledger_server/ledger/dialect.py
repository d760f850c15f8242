"""What a span or event says of a call, whichever dialect it speaks, as plain values.

Given the attributes of a candidate, gives one value for each of `FIELDS`: the names of `semconv.DIALECTS` in their
order of precedence, with numbers taken from integers, doubles and texts.

Never: an exception because of a value, or a guess at what a value that cannot be read might have been.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal, DecimalException
from typing import Any, Final

from spanledger import semconv
from spanledger.usage import USAGE_FIELDS

MOST_BIGINT: Final = 2**63 - 1
LONGEST_NUMBER: Final = 64
MICRO: Final = Decimal("0.000001")
MOST_SECONDS: Final = Decimal(10) ** 12
_exact: Final = Context(prec=96)

# usage first, so that it is a slice
FIELDS: Final = (
    *USAGE_FIELDS,
    "operation",
    "provider",
    "response_model",
    "request_model",
    "response_id",
    "time_to_first_chunk_s",
    "user_id",
    "session_id",
    "feature",
    "tenant",
    "user_tier",
    "error_type",
    "service_tier",
    "batch",
    "usage_state",
    "entry_kind",
    "parent_span_id",
    "duration_ns",
    "cost_usd",
)
OWN_FIELDS: Final = {
    "usage_state": (semconv.USAGE_STATE,),
    "entry_kind": (semconv.ENTRY_KIND,),
    "parent_span_id": (semconv.PARENT_SPAN_ID,),
    "duration_ns": (semconv.DURATION_NS,),
    "cost_usd": (semconv.COST_USD,),
}
_NAMES: Final = {field: OWN_FIELDS.get(field) or semconv.DIALECTS[field] for field in FIELDS}
_FIRST: Final = {names[0]: slot for slot, names in enumerate(_NAMES.values())}
_LATER: Final = {
    name: (rank, slot) for slot, names in enumerate(_NAMES.values()) for rank, name in enumerate(names) if rank
}
# without a column, and not to be kept: estimates that the price book overrules, and what people said
_DROPPED: Final = frozenset(
    {
        semconv.COST_ESTIMATED_USD,
        semconv.COST_ESTIMATED_MICRO_USD,
        semconv.GEN_AI_INPUT_MESSAGES,
        semconv.GEN_AI_OUTPUT_MESSAGES,
    }
)
_NOTHING: Final = (None,) * len(FIELDS)

OPERATIONS: Final = {
    **{operation: operation for operation in semconv.BILLABLE_OPERATIONS},
    **semconv.OPERATION_ALIASES,
    **{alias.lower(): operation for alias, operation in semconv.OPERATION_ALIASES.items()},
}
HOLDING_KINDS: Final = frozenset({"workflow", "task", "agent", "tool"})  # of Traceloop: they hold calls
INFERENCE_KINDS: Final = frozenset({"LLM", "EMBEDDING", "RERANKER"})  # of OpenInference; the others hold or serve calls


def read(attributes: Mapping[str, Any]) -> list[Any]:
    """The raw value of each of `FIELDS`, None where there is none."""
    found: list[Any] = [*_NOTHING]
    later: list[tuple[int, int, Any]] | None = None
    for name, value in attributes.items():
        slot = _FIRST.get(name)
        if slot is not None:
            found[slot] = value
        elif name in _LATER and value is not None:
            later = later or []
            later.append((*_LATER[name], value))
    if later:
        for _, slot, value in sorted(later, key=lambda one: one[0]):
            if found[slot] is None:
                found[slot] = value
    return found


def remainder(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that have no column in the ledger."""
    return {
        name: value
        for name, value in attributes.items()
        if name not in _FIRST and name not in _LATER and name not in _DROPPED
    }


def leaf_operation(attributes: Mapping[str, Any], operation: Any) -> tuple[bool, str | None]:
    """Whether a span is a call to a model itself, not something that holds such calls, and which operation it is."""
    if semconv.CALL_SPAN_ID in attributes:
        return False, None
    kind = attributes.get(semconv.TRACELOOP_SPAN_KIND)
    if kind is not None and text(kind) in HOLDING_KINDS:
        return False, None
    kind = attributes.get(semconv.OPENINFERENCE_SPAN_KIND)
    if kind is not None and not (type(kind) is str and kind.upper() in INFERENCE_KINDS):
        return False, None
    if operation is None:
        return _looks_like_a_call(attributes), None
    name = canonical_operation(operation)
    return name in semconv.BILLABLE_OPERATIONS, name


def canonical_operation(value: Any) -> str | None:
    """An operation by its current name; one that is not known stays as it is."""
    if type(value) is not str:
        return text(value)
    return OPERATIONS.get(value) or OPERATIONS.get(value.lower()) or value or None


def _looks_like_a_call(attributes: Mapping[str, Any]) -> bool:
    """A span that does not say its operation is a call only when it names model and provider, and no agent."""
    if semconv.GEN_AI_AGENT_NAME in attributes:
        return False
    named = [_NAMES["request_model"], _NAMES["response_model"]]
    has_model = any(name in attributes for names in named for name in names)
    return has_model and any(name in attributes for name in _NAMES["provider"])


def canonical_provider(value: Any) -> str | None:
    """A provider by OpenTelemetry's name, in lower case."""
    name = value if type(value) is str else text(value)
    if name is None:
        return None
    name = name.strip().lower()
    return semconv.PROVIDER_ALIASES.get(name, name) or None


def text(value: Any) -> str | None:
    """A value as text: numbers too, but nothing nested; None when there is nothing."""
    if type(value) is str:
        return value or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value) if isinstance(value, float) or abs(value) <= MOST_BIGINT else None
    return None


def count(value: Any) -> int | None:
    """A count from an integer, an integral double or a text of either; None when it is not one that can be stored."""
    if type(value) is int:
        return value if 0 <= value <= MOST_BIGINT else None
    number = decimal(value)
    if number is None or not 0 <= number <= MOST_BIGINT or number != number.to_integral_value():
        return None
    return int(number)


def seconds(value: Any) -> Decimal | None:
    """Seconds, to the microsecond, half to even; None when it is not a length of time."""
    number = decimal(value)
    if number is None or not 0 <= number < MOST_SECONDS:
        return None
    return _exact.quantize(number, MICRO)


def decimal(value: Any) -> Decimal | None:
    """A finite number of reasonable size from an integer, a double or a text; None when it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    if isinstance(value, int) and abs(value) > MOST_BIGINT:
        return None
    written = str(value).strip()
    if len(written) > LONGEST_NUMBER or "_" in written:
        return None
    try:
        number = _exact.create_decimal(written)
    except DecimalException:
        return None
    return number if number.is_finite() and -64 <= number.adjusted() <= 30 else None


def span_id(value: Any) -> int | None:
    """A span id from its sixteen hexadecimal digits; None when it is not one or all zero."""
    if type(value) is not str or len(value) != 16 or not value.isascii() or not value.isalnum():
        return None
    try:
        return int(value, 16) or None
    except ValueError:
        return None
