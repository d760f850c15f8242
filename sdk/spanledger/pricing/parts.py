"""A ledger line's cost, taken apart again: what was charged for each unit, by the rate stored with the line.

Given the usage and the JSON text of the rates used, gives the parts; their costs add up to the line's cost before
rounding.

Never: today's price for yesterday's call.
"""

from __future__ import annotations

import json
from decimal import Context, Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from spanledger.usage import USAGE_FIELDS, Usage

from .seconds import taken_out
from .units import CONSTANT, UNITS, Form, Unit, shares

_exact: Final = Context(prec=64)


class Part(NamedTuple):
    """One unit's part of a line.

    Attributes:
        unit: The unit's name, such as ``input_mtok`` (a million input tokens).
        quantity: How many of the unit: 1200 tokens are 0.0012 ``input_mtok``.
        rate: US dollars for one unit.
        cost: `quantity` x `rate`, US dollars, not rounded.
        counted: The name of what was counted, such as ``input_tokens``.
        amount: How many of those were charged in this unit: tokens, seconds, characters, requests.
    """

    unit: str
    quantity: Decimal
    rate: Decimal
    cost: Decimal
    counted: str
    amount: Decimal


def parts(usage: Usage, rate_json: str) -> list[Part]:
    """The parts of a line's cost.

    Args:
        usage: The line's usage.
        rate_json: The line's rates as `Priced.rate` gave them: JSON text, unit -> US dollars for one unit.

    Returns:
        One part for each unit that was charged for something, in the order of the rates. Where a quantity has no finite
        decimal form (seconds in hours), quantity and cost are given to 64 digits.

    Raises:
        ValueError: The text is not such rates.
    """
    rates = json.loads(rate_json)
    if not isinstance(rates, dict):
        raise ValueError(f"rates must be a JSON object, not {rate_json!r}")
    audio = taken_out(rates)
    units = [UNITS[name] for name in rates if name in UNITS]
    share = shares(units, {unit.name: {_index(unit, usage): 1} for unit in units})
    counts = {index: Fraction(getattr(usage, name) or 0) for index, name in enumerate(USAGE_FIELDS)}
    seconds = USAGE_FIELDS.index("audio_seconds")
    counts[seconds] = Fraction(audio.billed(usage.audio_seconds or Decimal(0)))
    counts[CONSTANT] = Fraction(1)
    found = ((unit, _count(share[unit.name], counts)) for unit in units)
    return [_part(unit, count, Fraction(rates[unit.name])) for unit, count in found if count]


def _index(unit: Unit, usage: Usage) -> int:
    field = unit.field or ""
    return CONSTANT if field == "requests" and usage.requests is None else USAGE_FIELDS.index(field)


def _count(form: Form, counts: dict[int, Fraction]) -> Fraction:
    return sum((counts[index] * times for index, times in form.items()), Fraction(0))


def _part(unit: Unit, count: Fraction, rate: Fraction) -> Part:
    quantity = count / unit.per
    return Part(unit.name, _decimal(quantity), _decimal(rate), _decimal(quantity * rate), unit.counted, _decimal(count))


def _decimal(value: Fraction) -> Decimal:
    return _exact.divide(Decimal(value.numerator), Decimal(value.denominator))
