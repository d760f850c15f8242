"""What a setting may be: each reads the text of one, or says what is allowed.

Given text as people write it, gives a value.

Never: a guess at what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

TRUE = frozenset({"true", "1", "yes", "on"})
FALSE = frozenset({"false", "0", "no", "off"})
IDENTITY = frozenset({"user_id", "user_tier", "session_id", "feature", "tenant"})


def truth(text: str) -> bool:
    """True or false, as people write it."""
    if text.lower() in TRUE:
        return True
    if text.lower() in FALSE:
        return False
    raise ValueError("true or false")


def words(text: str) -> str:
    """Any text."""
    return text


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them; `none` is the empty list."""
    listed = tuple(name.strip() for name in text.split(",") if name.strip())
    return () if listed == ("none",) else listed


def pairs(text: str) -> dict[str, str]:
    """`key=value` with commas between them, percent-encoded as W3C baggage is."""
    found: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not part.strip():
            continue
        if not equals or not key.strip():
            raise ValueError("key=value,key=value (commas in values as %2C)")
        found[unquote(key.strip())] = unquote(value.strip())
    return found


def headers(text: str) -> dict[str, str]:
    """Which header of a request says what."""
    found = pairs(text)
    if not found.keys() <= IDENTITY:
        raise ValueError("name=Header,… with names of " + ", ".join(sorted(IDENTITY)))
    return found


def one_of(*allowed: str) -> Callable[[str], str]:
    """One of these words."""

    def read(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError("one of " + ", ".join(allowed))
        return text.lower()

    return read


def number(low: float, high: float, *, whole: bool = False) -> Callable[[str], float]:
    """A number between two others, both included."""
    allowed = f"a {'whole ' if whole else ''}number between {low:g} and {high:g}"

    def read(text: str) -> float:
        try:
            value = int(text) if whole else float(text)
        except ValueError:
            raise ValueError(allowed) from None
        if not low <= value <= high:
            raise ValueError(allowed)
        return value

    return read


def pattern(text: str) -> str:
    """A regular expression."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from None
    return text


def level(text: str) -> str:
    """A level of standard logging, by name."""
    if text.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise ValueError("one of DEBUG, INFO, WARNING, ERROR, CRITICAL")
    return text.upper()
