"""Shares, and changes from one period to the next, exact and rounded once.

Given counts or amounts, gives decimals; None where one of them is unknown or there is nothing to divide by.

Never: a float, or a share of nothing.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Any, Final

EXACT: Final = Context(prec=60)  # Python's own 28 digits are fewer than a sum can have
RATIO_STEP: Final = Decimal("1e-6")
PERCENT_STEP: Final = Decimal("0.0001")
NONE: Final = Decimal("0.000000")
ALL: Final = Decimal("1.000000")


def ratio(part: int, whole: int) -> Decimal | None:
    """A part of a whole, 0 to 1."""
    if not whole:
        return None
    if part in (0, whole):  # most often; a series asks thousands of times
        return ALL if part else NONE
    return (Decimal(part) / whole).quantize(RATIO_STEP, ROUND_HALF_EVEN)


def percentage(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    """A part of a whole in percent; None also of what has nothing in it."""
    if part is None or not whole:
        return None
    with localcontext(EXACT):
        return (100 * part / whole).quantize(PERCENT_STEP, ROUND_HALF_EVEN)


def change(now: Decimal | None, earlier: Decimal | None) -> dict[str, Any]:
    """By how much something changed: the amount, and in percent of what it was."""
    if now is None or earlier is None:
        return {"change": None, "change_percent": None}
    with localcontext(EXACT):
        by = now - earlier
        return {"change": by, "change_percent": percentage(by, earlier)}
