"""Filters (``f=service:chat``, ``f=!status:error``, ``f=duration>500ms``) and free text, into values to bind.

Given the texts of a request and the subject that is asked about, gives `Conditions`, whose `bound()` are the named
parameters of the statements about that subject: for each key a list to contain (`key`) and one to be free of
(`not_key`), for each range a least and a most. None stands for "not asked". An empty value (``model:``) means "not
set".

Never: text of a user inside a statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from spanledger_server.errors import Invalid

MOST_FILTERS: Final = 50
MOST_VALUE: Final = 1000  # characters
MOST_WORDS: Final = 10
STATUSES: Final = ("unset", "ok", "error")  # by OTLP number
KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")  # by OTLP number
_CONTEXT: Final = ("user_id", "session_id", "feature", "tenant", "user_tier")
_RANGE = re.compile(r"(?P<key>\w+)(?P<sign>>=|<=|>|<)(?P<value>.+)", re.ASCII | re.DOTALL)
_NUMBER = re.compile(r"(?P<number>\d{1,18}(?:\.\d{1,18})?)(?P<unit>[a-zµ]*)")
_TOKEN = re.compile(r'(?:(?P<head>!?\w+(?::!?|>=|<=|>|<)))?(?:"(?P<quoted>[^"]*)"|(?P<bare>\S+))', re.ASCII)
_HEX32 = re.compile(r"[0-9a-f]{32}")
NANOSECONDS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "min": 60 * 10**9,
    "h": 3600 * 10**9,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What can be filtered in one kind of list.

    Attributes:
        texts: Keys compared as text.
        words: Keys that know only these values.
        ranges: Keys compared by size: key -> its smallest step.
    """

    texts: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys."""
        return (*self.texts, *self.ranges)


_STATES: Final = ("priced", "unpriced", "estimated", "free")
_RANGES: Final = {"duration": Decimal(1), "cost": Decimal("1e-12")}
TRACES: Final = Subject(
    ("service", "name", "status", "kind", "model", "provider", "operation", *_CONTEXT, "route", "state", "trace_id"),
    {"status": STATUSES, "kind": KINDS, "state": _STATES},
    _RANGES,
)
LEDGER: Final = Subject(
    ("service", "status", "kind", "model", "provider", "operation", *_CONTEXT, "state", "trace_id"),
    {"status": ("ok", "error"), "kind": ("usage", "cost"), "state": _STATES},
    _RANGES,
)
LOGS: Final = Subject(("service", "name", "user_id", "session_id", "trace_id"))


@dataclass(slots=True)
class Conditions:
    """What was asked for; `words` must all occur in one record's text."""

    subject: Subject
    include: dict[str, list[str]] = field(default_factory=dict)
    exclude: dict[str, list[str]] = field(default_factory=dict)
    least: dict[str, Decimal] = field(default_factory=dict)
    most: dict[str, Decimal] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def bound(self) -> dict[str, Any]:
        """The named parameters of the subject's statements."""
        values: dict[str, Any] = {}
        for key in self.subject.texts:
            values[key] = self.include.get(key)
            values[f"not_{key}"] = self.exclude.get(key)
        for key, step in self.subject.ranges.items():
            values[f"least_{key}"] = _sized(self.least.get(key), step)
            values[f"most_{key}"] = _sized(self.most.get(key), step)
        return values

    def asked(self) -> set[str]:
        """The keys about which something was asked."""
        return {*self.include, *self.exclude, *self.least, *self.most}

    def spelled(self) -> list[str]:
        """All of it in one fixed spelling, to tell questions apart."""
        parts = (self.include, self.exclude, self.least, self.most)
        return [repr([sorted(part.items()) for part in parts]), repr(self.words)]


def _sized(value: Decimal | None, step: Decimal) -> int | Decimal | None:
    return int(value) if value is not None and step == 1 else value


def parse(texts: Sequence[str], subject: Subject, parameter: str = "f") -> Conditions:
    """What `texts` ask of `subject`.

    Args:
        texts: One filter each: ``key:value``, ``!key:value``, ``key:!value`` or ``key>value`` (``>=``, ``<``, ``<=``).
        subject: Which keys there are.
        parameter: The parameter's name, for the message.

    Raises:
        Invalid: A filter is not one of these, its key is not known here, or its value is not one of the key's.
    """
    if len(texts) > MOST_FILTERS:
        raise Invalid(parameter, f"{len(texts)} filters", f"at most {MOST_FILTERS}")
    found = Conditions(subject)
    for text in texts:
        _take(found, text, parameter)
    return found


def search(texts: Sequence[str], free: str, subject: Subject) -> Conditions:
    """`parse`, and the free text of a search bar: its ``key:value`` become filters, the rest words to look for.

    Args:
        texts: As for `parse`.
        free: Words and filters with spaces between; ``"…"`` keeps spaces. 32 hexadecimal digits are a trace id.
        subject: Which keys there are.

    Raises:
        Invalid: As for `parse`, or there are too many words.
    """
    found = parse(texts, subject)
    for match in _TOKEN.finditer(free):
        head, value = match["head"], match["quoted"] if match["quoted"] is not None else match["bare"]
        key = re.split(r"[:<>]", (head or "").lstrip("!"))[0]
        if head and key in subject.keys:
            _take(found, head + value, "q")
        elif head:
            found.words.append((head + value).lower())
        elif _HEX32.fullmatch(value.lower()) and "trace_id" in subject.texts:
            found.include.setdefault("trace_id", []).append(value.lower())
        elif value:
            found.words.append(value.lower())
    if len(found.words) > MOST_WORDS:
        raise Invalid("q", free, f"at most {MOST_WORDS} words")
    return found


def _take(found: Conditions, text: str, parameter: str) -> None:
    if len(text) > MOST_VALUE or "\x00" in text:
        raise Invalid(parameter, text, f"at most {MOST_VALUE} characters, none of them NUL")
    subject = found.subject
    sized = _RANGE.fullmatch(text)
    if sized and sized["key"] in subject.ranges:
        _take_range(found, sized["key"], sized["sign"], sized["value"], parameter, text)
        return
    head, colon, value = text.partition(":")
    key = head.removeprefix("!")
    negated = head != key or value.startswith("!")
    value = value.removeprefix("!")
    if not colon or key not in subject.texts:
        ranges = "".join(f", {name}>value" for name in subject.ranges)
        raise Invalid(parameter, text, f"key:value with one of the keys {', '.join(subject.texts)}{ranges}")
    (found.exclude if negated else found.include).setdefault(key, []).append(
        _value(key, value, subject, parameter, text)
    )


def _value(key: str, value: str, subject: Subject, parameter: str, text: str) -> str:
    if key in subject.words and value not in subject.words[key]:
        raise Invalid(parameter, text, f"{key} is one of {', '.join(subject.words[key])}")
    if key == "trace_id":
        value = value.lower()
        if not _HEX32.fullmatch(value):
            raise Invalid(parameter, text, "trace_id is 32 hexadecimal digits")
    return value


def _take_range(found: Conditions, key: str, sign: str, value: str, parameter: str, text: str) -> None:
    match = _NUMBER.fullmatch(value.strip())
    units = NANOSECONDS if key == "duration" else {"": 1}
    if match is None or match["unit"] not in units:
        allowed = "a number with a unit such as 500ms, 2s, 1m" if key == "duration" else "an amount such as 0.01"
        raise Invalid(parameter, text, f"{key} is compared with {allowed}")
    step = found.subject.ranges[key]
    steps = Decimal(match["number"]) * units[match["unit"]] / step
    if steps >= 2**63:
        raise Invalid(parameter, text, f"{key} is compared with something smaller")
    down, up = steps.to_integral_value(ROUND_FLOOR), steps.to_integral_value(ROUND_CEILING)
    if sign in (">", ">="):
        least = (down + 1 if sign == ">" else up) * step
        found.least[key] = max(least, found.least.get(key, least))
    else:
        most = (up - 1 if sign == "<" else down) * step
        found.most[key] = min(most, found.most.get(key, most))
