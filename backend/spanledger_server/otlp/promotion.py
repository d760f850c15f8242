"""Which attributes get a column of their own, and which stay in the JSON beside it.

Given a record's attributes, gives the promoted values in column order and the rest. Of the names that a column is
known by, the first whose value fits the column's type is taken. Only the canonical name, with a value of exactly the
column's type, leaves the rest: an older or foreign name, or a number that was written as text, stays, so that nothing
is lost.

Never: a value changed to make it fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spanledger import semconv

MAX_INT32 = 2**31 - 1
MAX_INT64 = 2**63 - 1
LONGEST_INTEGER_TEXT = 18  # digits: always fits int64

# column -> dialects of semconv.DIALECTS, in order of precedence
SPAN_TEXTS: dict[str, tuple[str, ...]] = {
    "operation": ("operation",),
    "provider": ("provider",),
    "model": ("response_model", "request_model"),
    "user_id": ("user_id",),
    "session_id": ("session_id",),
    "feature": ("feature",),
    "tenant": ("tenant",),
    "user_tier": ("user_tier",),
    "route": ("route",),
    "error_type": ("error_type",),
}
SPAN_INTEGERS: dict[str, int] = {"input_tokens": MAX_INT64, "output_tokens": MAX_INT64, "http_status": MAX_INT32}
SPAN_COLUMNS = (
    "operation",
    "provider",
    "model",
    "input_tokens",
    "output_tokens",
    "user_id",
    "session_id",
    "feature",
    "tenant",
    "user_tier",
    "route",
    "http_status",
    "error_type",
)
LOG_COLUMNS = ("user_id", "session_id")


def integer(value: Any, most: int = MAX_INT64) -> int | None:
    """`value` as an integer of at most `most` in size: an int, an integral double, a short decimal text; else None."""
    found: int | None = None
    if type(value) is int:
        found = value
    elif type(value) is float and value.is_integer():
        found = int(value)
    elif type(value) is str:
        digits = value.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_INTEGER_TEXT:
            found = int(value)
    return found if found is not None and -most - 1 <= found <= most else None


class Promotion:
    """The promoted columns of one signal."""

    __slots__ = ("_blank", "_canonical", "_columns", "_narrow", "_others")

    def __init__(self, columns: Sequence[str]) -> None:
        """Takes the names of the columns, each a key of `SPAN_TEXTS` or of `SPAN_INTEGERS`."""
        self._blank: list[Any] = [None] * len(columns)
        self._columns: list[tuple[int | None, tuple[str, ...]]] = []  # most (None: a text), names in order
        self._canonical: dict[str, tuple[int, type]] = {}
        self._others: dict[str, int] = {}  # any other name -> index
        for index, column in enumerate(columns):
            most = SPAN_INTEGERS.get(column)
            dialects = SPAN_TEXTS.get(column, (column,))
            names = tuple(name for dialect in dialects for name in semconv.DIALECTS[dialect])
            self._columns.append((most, names))
            self._canonical[names[0]] = (index, str if most is None else int)
            self._others.update(dict.fromkeys(names[1:] if most is None else names, index))
        self._narrow = [(index, names[0]) for index, (most, names) in enumerate(self._columns) if most == MAX_INT32]

    def split(self, attributes: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The promoted values, in column order, and what is not promoted; `attributes` stays as it is."""
        promoted = self._blank[:]
        rest: dict[str, Any] = {}
        canonical, others = self._canonical, self._others
        unsure: list[int] = []
        for key, value in attributes.items():
            place = canonical.get(key)
            if place is not None and type(value) is place[1]:
                promoted[place[0]] = value
            else:
                rest[key] = value
                if key in others:
                    unsure.append(others[key])
        for index, name in self._narrow:
            if promoted[index] is not None and not -MAX_INT32 - 1 <= promoted[index] <= MAX_INT32:
                rest[name], promoted[index] = promoted[index], None
        for index in unsure:
            if promoted[index] is None:
                promoted[index] = self._first_that_fits(index, rest)
        return promoted, rest

    def _first_that_fits(self, index: int, rest: dict[str, Any]) -> Any:
        most, names = self._columns[index]
        for name in names:
            found = _fit(rest.get(name), most)
            if found is not None:
                return found
        return None


def _fit(value: Any, most: int | None) -> Any:
    if most is None:
        return value if type(value) is str else None
    return integer(value, most)


SPAN_PROMOTION = Promotion(SPAN_COLUMNS)
LOG_PROMOTION = Promotion(LOG_COLUMNS)
