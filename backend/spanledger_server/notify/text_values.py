"""Values, lengths of time and moments, in the words of a message.

Given numbers and units, gives text; money straight from its decimal digits. None is an em dash.

Never: a raw float, an exponent, or a time without its zone.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Final

UNKNOWN: Final = "—"
NS: Final = 10**9
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LATEST_S: Final = 253_402_300_799  # the year 9999
Number = int | float | Decimal

MONEY: Final = {"usd": "", "$": "", "usd/h": " an hour", "usd/hour": " an hour", "usd/d": " a day", "usd/day": " a day"}
MILLISECONDS: Final = {
    "ns": Decimal("1e-6"),
    "us": Decimal("1e-3"),
    "µs": Decimal("1e-3"),
    "ms": Decimal(1),
    **dict.fromkeys(("s", "second", "seconds"), Decimal(1000)),
    **dict.fromkeys(("min", "minutes"), Decimal(60_000)),
    **dict.fromkeys(("h", "hours"), Decimal(3_600_000)),
}
SHARES: Final = {"%": Decimal(1), "percent": Decimal(1), "ratio": Decimal(100), "1": Decimal(100)}
BYTES: Final = ("by", "b", "byte", "bytes")
STATE: Final = "{state}"  # of a health check
STATES: Final = {0: "healthy", 1: "degraded", 2: "down"}
PER: Final = {"s": " a second", "min": " a minute", "h": " an hour", "d": " a day"}
_COUNTED = re.compile(r"\{(?P<name>[a-z ]{1,40})\}(/(?P<per>s|min|h|d))?")
COMPARED: Final = {">": "above", ">=": "at or above", "<": "below", "<=": "at or below", "==": "at", "!=": "not"}


def amount(value: Number | None, unit: str | None, digits: int = 3) -> str:
    """A value with its unit: ``$0.0042``, ``2.4 s``, ``4.2 %``, ``1,204 tokens``.

    Args:
        value: None where it is not known.
        unit: None for a plain number.
        digits: How many of them say something; none before the point is left out.
    """
    if value is None:
        return UNKNOWN
    number = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not number.is_finite():
        return UNKNOWN
    named = (unit or "").strip().lower()
    if named == STATE and number in STATES:
        return STATES[int(number)]
    if named in MONEY:
        return money(number, digits - 3) + MONEY[named]
    if named in MILLISECONDS:
        return _duration(number * MILLISECONDS[named], digits)
    if named in SHARES:
        return f"{_share(number * SHARES[named], digits)} %"
    if named in BYTES:
        return _bytes(number, digits)
    return _digits(number, digits) + _thing(unit or "", number)


def against(value: Number | None, other: Number | None, unit: str | None) -> tuple[str, str]:
    """Two values with as many digits as it takes to tell them apart."""
    told = amount(value, unit), amount(other, unit)
    if value is None or other is None or value == other:
        return told
    for digits in range(4, 13):
        if told[0] != told[1]:
            break
        told = amount(value, unit, digits), amount(other, unit, digits)
    return told


def money(value: Decimal, more: int = 0) -> str:
    """USD: whole from 1000, cents from 1, four significant digits below; `more` places beyond these."""
    if value == 0:
        return "$0"
    size = abs(value)
    places = 0 if size >= 1000 else 2 if size >= 1 else min(12, max(4, 3 - size.adjusted()))
    text = f"{_rounded(size, min(12, places + more)):,f}"
    whole, _, cents = text.partition(".")
    cents = cents[:2] + cents[2:].rstrip("0")
    return f"{'-' if value < 0 else ''}${whole}{f'.{cents}' if cents else ''}"


def lasted(length_ns: int) -> str:
    """A length of time in words: ``40 seconds``, ``12 minutes``, ``3 hours 5 minutes``, ``2 days 4 hours``."""
    seconds = max(0, length_ns) // NS
    if seconds < 60:
        return _counted(seconds, "second")
    minutes = seconds // 60
    if minutes < 60:
        return _counted(minutes, "minute")
    if minutes < 24 * 60:
        return _pair((minutes // 60, "hour"), (minutes % 60, "minute"))
    return _pair((minutes // (24 * 60), "day"), (minutes // 60 % 24, "hour"))


def moment(at_ns: int) -> str:
    """A time to the minute, with its zone: ``2026-11-21 14:03 UTC``."""
    found = EPOCH + dt.timedelta(seconds=min(max(0, at_ns // NS), LATEST_S))
    return f"{found:%Y-%m-%d %H:%M} UTC"


def _duration(milliseconds: Decimal, digits: int) -> str:
    size = abs(milliseconds)
    if size >= 120_000 and digits == 3:
        return ("-" if milliseconds < 0 else "") + lasted(int(size) * 10**6)
    if size >= 1000:
        return f"{_digits(milliseconds / 1000, digits)} s"
    if size >= 1 or size == 0:
        return f"{_digits(milliseconds, digits)} ms"
    return f"{_digits(milliseconds * 1000, digits)} µs"


def _thing(unit: str, number: Decimal) -> str:
    """What is counted: ``{call}`` are calls, ``{token}/h`` tokens an hour, ``x`` times as much."""
    if unit == "x":
        return "×"
    counted = _COUNTED.fullmatch(unit)
    if counted is None:
        return f" {unit}" if unit else ""
    plural = "" if number == 1 or counted["name"].endswith("s") else "s"
    return f" {counted['name']}{plural}{PER.get(counted['per'], '')}"


def _share(percent: Decimal, digits: int) -> str:
    """Near the whole, what is missing counts: 99.95 is not 100."""
    missing = abs(100 - percent)
    if not 0 < missing < 10:
        return _digits(percent, digits)
    return _idle(f"{_rounded(percent, max(0, min(12, digits - 2 - missing.adjusted()))):,f}")


def _bytes(number: Decimal, digits: int) -> str:
    for power, name in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if abs(number) >= 1024**power:
            return f"{_digits(number / 1024**power, digits)} {name}"
    return f"{_digits(number, digits)} bytes"


def _digits(number: Decimal, digits: int) -> str:
    """So many significant digits and no idle zeros; every digit before the point."""
    if number == 0:
        return "0"
    if abs(number) >= Decimal("1e15"):
        return f"{number:.2e}".replace("e+", " × 10^")
    return _idle(f"{_rounded(number, max(0, min(12, digits - 1 - number.adjusted()))):,f}")


def _idle(text: str) -> str:
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def _rounded(number: Decimal, places: int) -> Decimal:
    with localcontext() as context:
        context.prec = 60
        return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"


def _pair(large: tuple[int, str], small: tuple[int, str]) -> str:
    return _counted(*large) + (f" {_counted(*small)}" if small[0] else "")
