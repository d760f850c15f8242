"""What one call used: tokens by kind and modality, seconds, characters.

Given a provider's response (or the chunks of a stream), gives a `Usage`; pure. `pricing` multiplies it by a rate; the
backend reads it back from attributes. Totals are inclusive, as OpenTelemetry has them: input holds cache reads, cache
writes and audio; output holds reasoning and audio.

Never: a zero where the provider said nothing. That is `None`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from marshal import dumps
from typing import Any, Literal, NamedTuple

UsageState = Literal["reported", "estimated", "unknown"]


class Usage(NamedTuple):
    """Units used by one call; `None` means that nobody said, 0 that the provider said none.

    Attributes:
        input_tokens: All input tokens: cached, cache-written and audio ones included.
        output_tokens: All output tokens: reasoning and audio included.
        cache_read_tokens: The part of the input read from a cache.
        cache_write_tokens: The part of the input written to a cache, whatever its lifetime.
        cache_write_5m_tokens: The part of `cache_write_tokens` kept for five minutes.
        cache_write_1h_tokens: The part of `cache_write_tokens` kept for an hour.
        reasoning_tokens: The part of the output that was reasoning.
        audio_input_tokens: The part of the input that was audio.
        audio_output_tokens: The part of the output that was audio.
        audio_cache_read_tokens: Audio read from a cache: part of both `audio_input_tokens` and `cache_read_tokens`.
        audio_seconds: Seconds of audio, where that is what is billed.
        characters: Characters of text, where that is what is billed.
        requests: Billed requests (a re-ranker's search units too), where that is what is billed.
        web_searches: Billed searches made by the provider on the call's behalf.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_input_tokens: int | None = None
    audio_output_tokens: int | None = None
    audio_cache_read_tokens: int | None = None
    audio_seconds: Decimal | None = None
    characters: int | None = None
    requests: int | None = None
    web_searches: int | None = None

    def __bool__(self) -> bool:
        """Whether anything at all is known."""
        return self != _NOBODY_SAID


USAGE_FIELDS: tuple[str, ...] = Usage._fields
_NOBODY_SAID = (None,) * len(USAGE_FIELDS)
_NOUGHT_OR_NOBODY = frozenset({int, type(None)})


@dataclass(frozen=True, slots=True, eq=False)
class Noughts:
    """Which of all units but tokens in and out are 0 and which nobody counted: one object for each such answer.

    Attributes:
        told: A unit's 0 or `None`, in the order of `USAGE_FIELDS`.
    """

    told: tuple[Literal[0] | None, ...]


_noughts: dict[bytes, Noughts] = {}  # at most 4,096: two answers for each of twelve units


def noughts(values: tuple[Any, ...]) -> Noughts | None:
    """The units beside tokens in and out, where each of them is the whole number 0 or `None`; else None.

    Such is the commonest usage, and what follows from it (a price's plan, an attribute's bytes) can be kept by it.
    `marshal` tells 0 from False and 0.0, as equality does not.
    """
    rest = values[2:]
    try:
        key = dumps(rest, 2)
    except ValueError:  # a Decimal, or nothing that belongs here
        return None
    found = _noughts.get(key)
    if found is None and not any(rest) and _NOUGHT_OR_NOBODY.issuperset(map(type, rest)):
        found = _noughts.setdefault(key, Noughts(tuple(rest)))
    return found


class Reading(NamedTuple):
    """What a provider's answer says of itself; `None` where it says nothing.

    Attributes:
        usage: What was used.
        provider: Who answered, under OpenTelemetry's name.
        model: The model that answered, as the provider calls it.
        response_id: The provider's own id of the answer.
        service_tier: The tier that served it: it changes the rate.
        finish_reasons: Why the model stopped, one a choice.
        operation: The operation, where the answer's form tells it.
        state: `reported`, or `estimated` when the answer was cut off before its final count or the user counted.
        further: Other responses in the same answer (a retry that was billed, the turns of an agent, a batch), each with
            its own id: lines of their own.
    """

    usage: Usage | None = None
    provider: str | None = None
    model: str | None = None
    response_id: str | None = None
    service_tier: str | None = None
    finish_reasons: tuple[str, ...] = ()
    operation: str | None = None
    state: UsageState = "reported"
    further: tuple[Reading, ...] = ()


def whole(value: object) -> int | None:
    """The value as a count, or `None` if it is no whole number from 0 up (booleans are none)."""
    if type(value) is int:
        return value if value >= 0 else None
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    number = _decimal(value)
    if number is None or number != number.to_integral_value():
        return None
    return int(number)


def seconds(value: object) -> Decimal | None:
    """The value as an exact number of seconds, or `None` if it is no finite number from 0 up."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    return _decimal(value)


def text(value: object) -> str | None:
    """The value if it is a non-empty string."""
    return value if isinstance(value, str) and value else None


def named_usage(units: Mapping[str, Any]) -> Usage | None:
    """Usage from units under their own names (`USAGE_FIELDS`), or `None` if none of them is a number."""
    known: dict[str, Any] = {
        name: seconds(units[name]) if name == "audio_seconds" else whole(units[name])
        for name in USAGE_FIELDS
        if units.get(name) is not None
    }
    if all(value is None for value in known.values()):
        return None
    return Usage(**known)


def over(first: Reading, second: Reading | None) -> Reading:
    """`first`, with what it leaves open taken from `second`, unit by unit; a report goes before an estimate."""
    if second is None:
        return first
    usage, state = first.usage or second.usage, first.state if first.usage else second.state
    if first.usage and second.usage:
        if first.state == "estimated" and second.state == "reported":
            usage, state = merged(second.usage, first.usage), second.state
        else:
            usage = merged(first.usage, second.usage)
    return Reading(
        usage,
        first.provider or second.provider,
        first.model or second.model,
        first.response_id or second.response_id,
        first.service_tier or second.service_tier,
        first.finish_reasons or second.finish_reasons,
        first.operation or second.operation,
        state,
        first.further or second.further,
    )


def merged(first: Usage, second: Usage) -> Usage:
    """`first`, with the units it leaves open taken from `second`."""
    pairs = zip(first, second, strict=True)
    return Usage._make(mine if mine is not None else other for mine, other in pairs)


def added(first: Usage, second: Usage) -> Usage:
    """Both together, unit by unit; a unit that only one of them knows is that one's."""
    pairs = zip(first, second, strict=True)
    return Usage._make(one if two is None else two if one is None else one + two for one, two in pairs)


def _decimal(value: float | str | Decimal) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and number >= 0 else None
