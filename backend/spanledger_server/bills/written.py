"""Numbers and dates as people and spreadsheets write them.

Given texts of one column, finds out how they are written; given one of them, its value. Where it could be read in two
ways, it says so instead of choosing.

Never: a thousand taken for a one, or the first of February for the second of January.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from spanledger_server.errors import Invalid

Mark = Literal[".", ","]
Order = Literal["dmy", "mdy"]

LONGEST: Final = 64
_DECOR = re.compile(r"[\s\u00a0\u202f'’_]|US\$|[$€£¥]|[A-Z]{3}(?=\s|$)|(?:^|(?<=\s))[A-Z]{3}", re.ASCII)
_PLAIN = re.compile(r"\d+(?:\.\d*)?(?:[eE][-+]?\d{1,3})?|\.\d+(?:[eE][-+]?\d{1,3})?", re.ASCII)
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d*)?", re.ASCII)
_ISO_DAY = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})", re.ASCII)
_COMPACT = re.compile(r"(20\d\d)(\d\d)(\d\d)", re.ASCII)
_PARTED = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})", re.ASCII)
_NAMED: Final = ("%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y")


def mark(texts: Iterable[str], parameter: str = "decimal") -> Mark:
    """What parts the decimals in a column of numbers.

    Raises:
        Invalid: It could be either, or is both.
    """
    found: set[Mark] = set()
    doubtful = ""
    for text in texts:
        verdict = _mark_of(_bare(text)[0])
        if verdict == "?":
            doubtful = doubtful or text
        elif verdict is not None:
            found.add(verdict)
    if len(found) > 1:
        raise Invalid(parameter, "both . and ,", "amounts that are all written alike; or say which it is: . or ,")
    if not found and doubtful:
        raise Invalid(parameter, doubtful, "told, since this can be read in two ways: decimal=. or decimal=,")
    return found.pop() if found else "."


def _mark_of(bare: str) -> Mark | Literal["?"] | None:
    points, commas = bare.count("."), bare.count(",")
    if points and commas:
        return "." if bare.rfind(".") > bare.rfind(",") else ","
    if not points and not commas:
        return None
    sign: Mark = "." if points else ","
    other: Mark = "," if points else "."
    if points + commas > 1:
        return other
    whole, _, rest = bare.partition(sign)
    if len(rest) != 3 or len(whole) > 3 or whole in ("", "0") or "e" in bare.lower():
        return sign
    return "?" if sign == "," else None


def _bare(text: str) -> tuple[str, bool]:
    """A number without currency, spaces and sign; and whether it is negative."""
    bare = text.strip()[:LONGEST].replace("\u2212", "-").replace("+", "+")
    negative = bare.startswith("(") and bare.endswith(")")
    bare = _DECOR.sub("", bare.strip("()"))
    if bare.endswith("-"):
        bare = f"-{bare[:-1]}"
    if bare.startswith("-"):
        negative, bare = not negative, bare[1:]
    return bare.removeprefix("+"), negative


def number(text: str, decimal: Mark, where: str) -> Decimal | None:
    """A number, None when there is none.

    Args:
        text: As it is written.
        decimal: What parts the decimals.
        where: Where it stands, for the message.

    Raises:
        Invalid: It is something else.
    """
    bare, negative = _bare(text)
    if not bare:
        return None
    if decimal == ",":
        bare = bare.translate({ord(","): ".", ord("."): ","})
    if _GROUPED.fullmatch(bare):
        bare = bare.replace(",", "")
    if not _PLAIN.fullmatch(bare) or len(text.strip()) > LONGEST:
        raise Invalid("file", f"{where}: {text.strip()[:LONGEST]}", f"a number with {decimal} before its decimals")
    try:
        value = Decimal(bare)
    except InvalidOperation as error:
        raise Invalid("file", f"{where}: {text.strip()[:LONGEST]}", "a number") from error
    if value.adjusted() > 15 or int(value.as_tuple().exponent) < -30:
        raise Invalid("file", f"{where}: {text.strip()[:LONGEST]}", "a number of reasonable size")
    return -value if negative else value


def order(texts: Iterable[str], parameter: str = "dates") -> Order:
    """Which comes first, day or month, in a column of dates such as 01/02/2026.

    Raises:
        Invalid: It could be either, or is both.
    """
    found: set[Order] = set()
    doubtful = ""
    for text in texts:
        match = _PARTED.match(text.strip())
        if match is None:
            continue
        first, sign, second = int(match[1]), match[2], int(match[3])
        if first > 12 or (sign == "." and second <= 12):
            found.add("dmy")
        elif second > 12:
            found.add("mdy")
        else:
            doubtful = doubtful or text
    if len(found) > 1:
        raise Invalid(parameter, "both dmy and mdy", "dates that are all written alike")
    if not found and doubtful:
        raise Invalid(parameter, doubtful, "told, since this can be read in two ways: dates=dmy or dates=mdy")
    return found.pop() if found else "mdy"


def moment(text: str, first: Order, zone: ZoneInfo, where: str) -> date | datetime:
    """A day, or a moment with its zone where a time of day is told.

    Raises:
        Invalid: It is neither.
    """
    told = text.strip()[:LONGEST]
    try:
        found = _moment(told, first, zone)
    except (ValueError, OverflowError):
        found = None
    if found is None or not 1970 <= found.year <= 2200:
        raise Invalid("file", f"{where}: {told}", "a date such as 2026-11-01, or a time such as 2026-11-01T00:00:00Z")
    return found


@lru_cache(maxsize=4_096)  # a bill has many rows of few days
def _moment(told: str, first: Order, zone: ZoneInfo) -> date | datetime | None:
    if re.fullmatch(r"\d{10}(?:\.0*)?|\d{13}", told, re.ASCII):
        return datetime.fromtimestamp(int(told.partition(".")[0][:10]), UTC)
    if match := _ISO_DAY.fullmatch(told) or _COMPACT.fullmatch(told):
        return date(int(match[1]), int(match[2]), int(match[3]))
    if match := _PARTED.match(told):
        day, month = (match[1], match[3]) if first == "dmy" else (match[3], match[1])
        return date(int(match[4]), int(month), int(day))
    if re.match(r"\d{4}-\d\d-\d\d[T ]\d", told, re.ASCII):
        found = datetime.fromisoformat(re.sub(r"\s*UTC$", "+00:00", told))
        return found if found.tzinfo else found.replace(tzinfo=zone)
    for form in _NAMED:
        try:
            return datetime.strptime(told, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    return None


def count(value: object, where: str) -> int | None:
    """A count, from a number or a text; None when there is none.

    Raises:
        Invalid: It is something else, or below zero.
    """
    if value is None or value == "":
        return None
    found = value if isinstance(value, Decimal | int) else number(str(value), ".", where)
    if found is None:
        return None
    if found < 0 or found >= 2**63:
        raise Invalid("file", f"{where}: {value}", "a count")
    return round(found)
