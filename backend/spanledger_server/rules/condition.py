"""Conditions as people write them: ``processing_time > 500``, ``error_rate > 5% for 5m over 10m``.

Given text, gives what it says; what it does not say has no value here. A mistake is told with the place of the
character at which it was noticed, and a caret below it.

Never: anything but a condition or such a mistake, whatever the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from spanledger_server.errors import Invalid
from spanledger_server.rules.rule import OPERATORS, SECOND_NS, Operator

MOST_CHARACTERS: Final = 500
UNITS: Final = ("ms", "s", "%", "usd", "$")
UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_SPACE = re.compile(r"\s*")
_METRIC = re.compile(r"[A-Za-z_][A-Za-z0-9_./:-]{0,199}", re.ASCII)
_OPERATOR = re.compile(r"[<>=!]{1,2}")
_NUMBER = re.compile(
    r"(?P<dollar>\$)?(?P<number>[-+]?(?:\d{1,18}(?:\.\d{0,12})?|\.\d{1,12})(?:[eE][-+]?\d{1,2})?)", re.ASCII
)
_UNIT = re.compile(r"[A-Za-z%$]+")
_WORD = re.compile(r"[A-Za-z]+")
_LENGTH = re.compile(r"(?P<count>\d{1,7})(?P<unit>[smhdw])(?![A-Za-z0-9])", re.ASCII)
_SPELLED: Final[dict[str, Operator]] = {"=": "==", "=>": ">=", "=<": "<=", "<>": "!="}


@dataclass(frozen=True, slots=True)
class Condition:
    """What a text says.

    Attributes:
        metric: The metric's name.
        operator: How it is compared.
        number: With what, as it is written.
        unit: One of `UNITS` behind it; None where there is none.
        for_ns: How long it must hold; None where that is not said.
        window_ns: Over how long it is read; None where that is not said.
    """

    metric: str
    operator: Operator
    number: Decimal
    unit: str | None = None
    for_ns: int | None = None
    window_ns: int | None = None


def pointed(parameter: str, text: str, at: int, expected: str) -> Invalid:
    """The mistake at a place of a text, with a caret below it."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return Invalid(parameter, text, f"at character {at + 1}, {expected} is expected:\n{shown}\n{' ' * at}^")


def parse(text: str, parameter: str = "condition") -> Condition:
    """What a condition says.

    Args:
        text: A metric, a comparison and a number, and perhaps ``for 5m`` and ``over 10m``.
        parameter: What holds the text, for the message.

    Raises:
        Invalid: It is no condition; the message points at the character.
    """
    if len(text) > MOST_CHARACTERS:
        raise Invalid(parameter, text, f"at most {MOST_CHARACTERS} characters")
    reading = _Reading(text, parameter)
    metric = reading.take(_METRIC, "the name of a metric")
    sign = _operator(reading)
    number, unit = _number(reading)
    lengths: dict[str, int] = {}
    while not reading.over:
        at = reading.at
        word = reading.take(_WORD, "`for`, `over` or the end").lower()
        if word not in ("for", "over") or word in lengths:
            raise pointed(parameter, text, at, "`for`, `over` or the end")
        lengths[word] = _length(reading)
    return Condition(metric, sign, number, unit, lengths.get("for"), lengths.get("over"))


class _Reading:
    """A text and how far it was read."""

    def __init__(self, text: str, parameter: str) -> None:
        self.text, self.parameter, self.at = text, parameter, 0
        self._skip()

    @property
    def over(self) -> bool:
        return self.at >= len(self.text)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
            self._skip()
        return found

    def take(self, pattern: re.Pattern[str], expected: str) -> str:
        found = self.match(pattern)
        if found is None:
            raise pointed(self.parameter, self.text, self.at, expected)
        return found.group()

    def _skip(self) -> None:
        skipped = _SPACE.match(self.text, self.at)
        self.at = self.at if skipped is None else skipped.end()


def _operator(reading: _Reading) -> Operator:
    expected = f"one of {' '.join(OPERATORS)}"
    at = reading.at
    written = reading.take(_OPERATOR, expected)
    spelled = _SPELLED.get(written, written)
    for sign in OPERATORS:
        if sign == spelled:
            return sign
    raise pointed(reading.parameter, reading.text, at, expected)


def _number(reading: _Reading) -> tuple[Decimal, str | None]:
    found = reading.match(_NUMBER)
    if found is None:
        raise pointed(reading.parameter, reading.text, reading.at, "a number")
    unit = "usd" if found["dollar"] else None
    touches = found.end() < len(reading.text) and not reading.text[found.end()].isspace()
    at = reading.at
    spelled = _UNIT.match(reading.text, at)
    if spelled is None or (not touches and spelled.group().lower() in ("for", "over")):
        if touches:
            raise pointed(
                reading.parameter, reading.text, found.end(), "a space, or one of the units " + " ".join(UNITS)
            )
        return Decimal(found["number"]), unit
    if unit is not None or spelled.group().lower() not in UNITS:
        raise pointed(
            reading.parameter, reading.text, at, f"one of the units {' '.join(UNITS)}, `for`, `over` or the end"
        )
    reading.match(_UNIT)
    name = spelled.group().lower()
    return Decimal(found["number"]), "usd" if name == "$" else name


def _length(reading: _Reading) -> int:
    found = reading.match(_LENGTH)
    if found is None:
        raise pointed(reading.parameter, reading.text, reading.at, "a length such as 30s, 5m, 1h or 1d")
    return int(found["count"]) * UNITS_S[found["unit"]] * SECOND_NS


def length_ns(text: str) -> int | None:
    """The length that ``30s``, ``5m``, ``1h``, ``1d`` or ``1w`` says; None where it says none."""
    found = _LENGTH.fullmatch(text.strip())
    return None if found is None else int(found["count"]) * UNITS_S[found["unit"]] * SECOND_NS
