"""Numbers as people read them in a terminal: the same rules as on the pages, money straight from its decimal digits.

Given `Decimal`, numbers or None, gives text. None is an em dash everywhere.

Never: money through a float, or a zero for what is not known.
"""

from __future__ import annotations

import unicodedata
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext

UNKNOWN = "—"
THIN = "\u202f"
MINUS = "\u2212"
SMALLEST = Decimal("1e-12")
REPLACED = "\ufffd"
STEERING = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
Number = int | float | Decimal

_COUNTS: tuple[tuple[float, str], ...] = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_SECONDS: tuple[tuple[float, str], ...] = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns"))
_LONG: tuple[tuple[int, str], ...] = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_BYTES: tuple[str, ...] = ("B", "KiB", "MiB", "GiB", "TiB")


def money(amount: Decimal | str | None) -> str:
    """USD: no cents from 1000, two places from 1, four significant digits (4 to 12 places) below, exact zero ``$0``."""
    if amount is None:
        return UNKNOWN
    value = Decimal(amount)
    sign = MINUS if value < 0 else ""
    value = abs(value)
    if value == 0:
        return "$0"
    if value < SMALLEST / 2:
        return f"<${SMALLEST:f}"
    rounded = _rounded(value, _places(value))
    rounded = _rounded(value, _places(rounded))  # 999.996 has become 1000, which has no cents
    return f"{sign}${rounded:,f}"


def _places(value: Decimal) -> int:
    if value >= 1000:
        return 0
    if value >= 1:
        return 2
    return min(12, max(4, 3 - value.adjusted()))


def _rounded(value: Decimal, places: int) -> Decimal:
    with localcontext() as context:
        context.prec = 60
        return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)


def exact_money(amount: Decimal | None) -> str:
    """USD with every digit it has."""
    if amount is None:
        return UNKNOWN
    text = f"{abs(amount):f}"
    return f"{MINUS if amount < 0 else ''}${text.rstrip('0').rstrip('.') if '.' in text else text}"


def count(value: Number | None) -> str:
    """Plain below 1000, then three digits with k, M, G, T."""
    if value is None:
        return UNKNOWN
    number = float(value)
    if abs(number) < 1000:
        return _signed(str(int(number)) if number.is_integer() else _three_digits(number))
    size, letter = next(step for step in _COUNTS if abs(number) >= step[0] * 0.9995)
    return _signed(_three_digits(number / size) + letter)


def duration(milliseconds: Number | None) -> str:
    """A duration given in milliseconds, in the unit that fits it."""
    if milliseconds is None:
        return UNKNOWN
    ns = float(milliseconds) * 1e6
    if ns < 0:
        return MINUS + duration(-milliseconds)
    if ns == 0:
        return f"0{THIN}ms"
    if ns >= 59.995e9:
        return long_duration(round(ns / 1e9))
    size, unit = next((step for step in _SECONDS if ns >= step[0] * 0.9995), _SECONDS[-1])
    return f"{round(ns) if unit == 'ns' else _three_digits(ns / size)}{THIN}{unit}"


def long_duration(seconds: int) -> str:
    """Seconds as the two largest units: ``2 min 5 s``, ``3 d 4 h``."""
    for (size, unit), smaller in zip(_LONG, (*_LONG[1:], None), strict=True):
        if seconds >= size:
            head = f"{seconds // size}{THIN}{unit}"
            rest = 0 if smaller is None else seconds % size // smaller[0]
            return f"{head} {rest}{THIN}{smaller[1]}" if smaller is not None and rest else head
    return f"0{THIN}s"


def percent(ratio: Number | None) -> str:
    """A share of one; never rounded up to 100."""
    if ratio is None:
        return UNKNOWN
    value = Decimal(str(ratio)) * 100
    if value in (0, 100):
        return f"{value:.0f}{THIN}%"
    if 0 < value < Decimal("0.01"):
        return f"<0.01{THIN}%"
    if 99 < value < 100:
        return f"{value.quantize(Decimal('0.1'), ROUND_FLOOR)}{THIN}%"
    return f"{_signed(f'{value:.2f}' if abs(value) < Decimal('9.995') else f'{value:.1f}')}{THIN}%"


def hundredths(value: Number | str | None) -> str:
    """A share of a hundred, to five digits."""
    return UNKNOWN if value is None else f"{float(value):.5g}{THIN}%"


def size(octets: Number | None) -> str:
    """Bytes, by 1024."""
    if octets is None:
        return UNKNOWN
    value = float(octets)
    for unit in _BYTES:
        if value < 1023.5 or unit == _BYTES[-1]:
            return f"{int(value) if unit == 'B' else _three_digits(value)}{THIN}{unit}"
        value /= 1024
    return UNKNOWN


def rate(per_second: Number | None) -> str:
    """A figure per second."""
    if per_second is None:
        return UNKNOWN
    value = float(per_second)
    if value == 0:
        return "0/s"
    if value < 0.01:
        return "<0.01/s"
    return (count(value) if value >= 1000 else _three_digits(value)) + "/s"


def text(value: object) -> str:
    """Any other value; None is unknown."""
    return UNKNOWN if value is None else visible(str(value))


def visible(value: str) -> str:
    """`value`, each character that steers a terminal or hides from the reader replaced by a mark, one for one."""
    if value.isprintable():
        return value
    return "".join(REPLACED if unicodedata.category(each) in STEERING else each for each in value)


def moment(value: str | None) -> str:
    """A time of an answer to the second, in UTC: ``2026-11-21 14:49:23``."""
    return UNKNOWN if value is None else visible(value[:19].replace("T", " "))


def clock(value: str | None) -> str:
    """The same without the year."""
    return UNKNOWN if value is None else moment(value)[5:]


def bar(share: Number | None, columns: int) -> str:
    """A share of one as a bar, to an eighth of a column; at least a sliver for what is not nothing."""
    if share is None or share <= 0:
        return ""
    whole, eighths = divmod(max(1, round(min(1.0, float(share)) * columns * 8)), 8)
    return "█" * whole + EIGHTHS[eighths]


def _three_digits(value: float) -> str:
    magnitude = abs(value)
    return f"{value:.{0 if magnitude >= 99.95 else 1 if magnitude >= 9.995 else 2}f}"


def _signed(text: str) -> str:
    return text.replace("-", MINUS, 1)
