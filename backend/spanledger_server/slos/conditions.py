"""What an objective asks of spans, ledger lines or metric series: attributes and their values, into values to bind.

Given a mapping of attributes to wanted values (text, number, true or false, null for "not set", a list of these, text
with a leading ``!`` for "not", or an object with ``not``, ``lt``, ``lte``, ``gt``, ``gte``), gives `Conditions`, which
the statements take as parallel lists: one place for each column of the subject, then one for each other attribute.

Never: text of a user inside a statement.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from spanledger import semconv
from spanledger_server.errors import Invalid
from spanledger_server.otlp import promotion

Kind = Literal["span", "ledger", "metric", "composite"]  # a composite is of other objectives, and asks nothing of rows
KINDS: Final[tuple[Kind, ...]] = ("span", "ledger", "metric", "composite")
MOST_CONDITIONS: Final = 30
MOST_VALUES: Final = 100
MOST_CHARACTERS: Final = 1000
VALUE: Final = 'text, a number, true, false, null, a list of these, "!text", or {"not", "lt", "lte", "gt", "gte"}'
BOUNDS: Final = ("lt", "lte", "gt", "gte")

# The columns in the order in which the statements list them; the first ones are also in the rollups.
ROLLED: Final[dict[Kind, tuple[str, ...]]] = {
    "span": ("service", "name", "kind", "status", "route", "model", "entry"),
    "ledger": ("service", "kind", "operation", "provider", "model", "feature", "tenant", "user_tier", "status"),
    "metric": ("service",),
    "composite": (),
}
COLUMNS: Final[dict[Kind, tuple[str, ...]]] = {
    "span": (
        *ROLLED["span"],
        *(
            "provider",
            "operation",
            "user_id",
            "session_id",
            "feature",
            "tenant",
            "user_tier",
            "http_status",
            "error_type",
        ),
    ),
    "ledger": (*ROLLED["ledger"], "user_id", "session_id", "state", "error_type", "request_model", "service_tier"),
    "metric": ROLLED["metric"],
    "composite": (),
}
_NAMES: Final = {
    name: column
    for column in promotion.SPAN_COLUMNS
    for dialect in promotion.SPAN_TEXTS.get(column, (column,))
    for name in semconv.DIALECTS[dialect]
} | {"service.name": "service", "span.name": "name", "span.kind": "kind"}


@dataclass(frozen=True, slots=True)
class Condition:
    """What one attribute must be.

    Attributes:
        name: The subject's column, or the attribute's own name.
        wanted: One of these; empty text is "not set". None: any.
        unwanted: None of these.
        least: Not below, as a number.
        most: Not above.
    """

    name: str
    wanted: tuple[str, ...] | None = None
    unwanted: tuple[str, ...] | None = None
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """All of them must hold."""

    kind: Kind
    each: tuple[Condition, ...] = ()

    @property
    def rolled(self) -> bool:
        """Whether the rollups can tell."""
        return self.kind == "metric" or all(condition.name in ROLLED[self.kind] for condition in self.each)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that have no column."""
        return tuple(condition.name for condition in self.each if condition.name not in COLUMNS[self.kind])

    def value_of(self, name: str) -> str | None:
        """The one value that the attribute must have; None when there is no such one."""
        found = [each.wanted[0] for each in self.each if each.name == name and each.wanted and len(each.wanted) == 1]
        return found[0] or None if found else None

    def meets(self, texts: Mapping[str, str | None]) -> bool:
        """Whether all hold for one of these texts by column; for conditions without bounds of numbers."""
        for one in self.each:
            text = texts[one.name] or ""
            if (one.wanted is not None and text not in one.wanted) or (
                one.unwanted is not None and text in one.unwanted
            ):
                return False
        return True

    def bound(self, columns: Sequence[str], attributes: Sequence[str], prefix: str) -> dict[str, Any]:
        """The named parameters of a statement that lists these columns and then these attributes."""
        places = [*columns, *attributes]
        by_name = {condition.name: condition for condition in self.each}
        found = [by_name.get(place, Condition(place)) for place in places]
        return {
            f"{prefix}_wanted": [None if each.wanted is None else list(each.wanted) for each in found],
            f"{prefix}_unwanted": [None if each.unwanted is None else list(each.unwanted) for each in found],
            f"{prefix}_least": [each.least for each in found],
            f"{prefix}_most": [each.most for each in found],
        }


def path(attribute: str) -> str:
    """Where an attribute stands in the stored JSON."""
    return '$."' + attribute.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parse(kind: Kind, asked: Any, place: str) -> Conditions:
    """The conditions of a mapping.

    Args:
        kind: What they are about.
        asked: The mapping; None for no condition.
        place: Where it stands, for the message.

    Raises:
        Invalid: It is no mapping, has too many entries, or a value that is no condition.
    """
    if asked is None:
        return Conditions(kind)
    if not isinstance(asked, Mapping) or len(asked) > MOST_CONDITIONS:
        raise Invalid(place, asked, f"at most {MOST_CONDITIONS} attributes and their values")
    found: dict[str, Condition] = {}
    for name, value in asked.items():
        where = f"{place}.{name}"
        if not isinstance(name, str) or not 0 < len(name) <= MOST_CHARACTERS or "\x00" in name:
            raise Invalid(place, name, "names of attributes")
        column = name if name in COLUMNS[kind] else _NAMES.get(name, name)
        column = column if column in COLUMNS[kind] else name
        if column in found:
            raise Invalid(where, value, f"one condition for {column}")
        found[column] = _condition(kind, column, value, where)
    return Conditions(kind, tuple(found.values()))


def _condition(kind: Kind, name: str, value: Any, where: str) -> Condition:
    if isinstance(value, Mapping):
        return _bounded(kind, name, value, where)
    values = value if isinstance(value, list) else [value]
    if not 0 < len(values) <= MOST_VALUES:
        raise Invalid(where, value, f"1 to {MOST_VALUES} values")
    texts = [_text(kind, name, each, where) for each in values]
    wanted = tuple(text for negated, text in texts if not negated)
    unwanted = tuple(text for negated, text in texts if negated)
    return Condition(name, wanted or None, unwanted or None)


def _bounded(kind: Kind, name: str, asked: Mapping[str, Any], where: str) -> Condition:
    if not asked or not asked.keys() <= {"not", *BOUNDS}:
        raise Invalid(where, dict(asked), VALUE)
    unwanted: tuple[str, ...] | None = None
    if "not" in asked:
        negated = asked["not"] if isinstance(asked["not"], list) else [asked["not"]]
        unwanted = tuple(_text(kind, name, each, where)[1] for each in negated)
    least: float | None = None
    most: float | None = None
    for key in BOUNDS:
        if key not in asked:
            continue
        number = asked[key]
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
            raise Invalid(f"{where}.{key}", number, "a number")
        if key in ("gt", "gte"):
            least = math.nextafter(number, math.inf) if key == "gt" else float(number)
        else:
            most = math.nextafter(number, -math.inf) if key == "lt" else float(number)
    return Condition(name, None, unwanted, least, most)


def _text(kind: Kind, name: str, value: Any, where: str) -> tuple[bool, str]:
    """Whether a value is negated, and its text as the statements see it."""
    if value is None:
        return False, ""
    if isinstance(value, bool):
        return False, "true" if value else "false"
    if isinstance(value, (int, float)) and math.isfinite(value):
        return False, str(int(value)) if float(value).is_integer() else repr(value)
    if not isinstance(value, str) or len(value) > MOST_CHARACTERS or "\x00" in value:
        raise Invalid(where, value, VALUE)
    negated, text = value.startswith("!"), value.removeprefix("!")
    words = {"status": ("ok", "error"), "entry": ("true", "false")}.get(name)
    if kind != "metric" and words and text not in words:
        raise Invalid(where, value, f"one of {', '.join(words)}")
    return negated, text
