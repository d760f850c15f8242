"""What may be said of a check beside its target, and how each is read.

Never: a value that was silently replaced by another one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.health.answer import CannotError
from spanledger_server.health.wire import Trust, context

MOST_TEXT: Final = 1000
UNICODE: Final = re.compile(r"[^\x00\ud800-\udfff]*")  # what can be stored and sent
LONGEST_AUTHORITY: Final = 100_000


@dataclass(frozen=True, slots=True)
class Option:
    """One of them.

    Attributes:
        default: What holds when nothing is said.
        read: A value as it was given to the one that is used; raises ValueError with what is allowed.
        meaning: For people.
        secret: Whether its value is never told.
    """

    default: Any
    read: Callable[[Any], Any]
    meaning: str
    secret: bool = False


def number(least: float, most: float, *, whole: bool = False, none: bool = False) -> Callable[[Any], Any]:
    """Reads a number between two bounds, both allowed."""
    kind = "a whole number" if whole else "a number"
    allowed = f"{kind} from {least:g} to {most:g}" + (", or null" if none else "")

    def read(value: Any) -> Any:
        if value is None and none:
            return None
        if type(value) not in (int, float) or not least <= value <= most or (whole and value != int(value)):
            raise ValueError(allowed)
        return int(value) if whole else value

    return read


def truth(value: Any) -> bool:
    """Reads true or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def one_of(*allowed: str) -> Callable[[Any], str]:
    """Reads one of some words."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return value

    return read


def text(most: int = MOST_TEXT) -> Callable[[Any], str | None]:
    """Reads text that is not empty, or null."""

    def read(value: Any) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str) or not value or len(value) > most or not UNICODE.fullmatch(value):
            raise ValueError(f"text of 1 to {most} characters, or null")
        return value

    return read


def texts(most: int = 20, pattern: str = r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}") -> Callable[[Any], list[str]]:
    """Reads a list of texts."""
    fits = re.compile(pattern)

    def read(value: Any) -> list[str]:
        if not isinstance(value, list) or len(value) > most or not all(_fits(fits, each) for each in value):
            raise ValueError(f"a list of at most {most} texts")
        return list(dict.fromkeys(value))

    return read


def headers(value: Any) -> dict[str, str]:
    """Reads headers of HTTP: names and values."""
    allowed = "at most 20 headers: names of letters, digits and -, values of printable ASCII"
    if not isinstance(value, Mapping) or len(value) > 20:
        raise ValueError(allowed)
    for name, each in value.items():
        if not re.fullmatch(r"[A-Za-z0-9-]{1,100}", str(name)) or not _fits(re.compile(r"[\x20-\x7e]{0,4000}"), each):
            raise ValueError(allowed)
        if name.lower() in ("host", "content-length", "transfer-encoding", "connection"):
            raise ValueError(f"{allowed}; {name} is not among them")
    return dict(value)


def statuses(value: Any) -> list[str]:
    """Reads statuses of HTTP: `200`, `200-299`."""
    read = [value] if isinstance(value, str | int) and not isinstance(value, bool) else value
    allowed = "statuses such as 200 or 200-299, or a list of them"
    if not isinstance(read, list) or not 1 <= len(read) <= 20:
        raise ValueError(allowed)
    found = [str(each).strip() for each in read]
    for each in found:
        match = re.fullmatch(r"([1-5]\d\d)(?:-([1-5]\d\d))?", each, re.ASCII)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise ValueError(allowed)
    return found


def authority(value: Any) -> str | None:
    """Reads certificates of authorities."""
    found = text(LONGEST_AUTHORITY)(value)
    try:
        context(Trust(authority=found))
    except CannotError as error:
        raise ValueError("certificates of authorities in PEM, or null for this machine's") from error
    return found


def _fits(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


DAYS: Final = number(0, 3650)


def trust(*, verify: bool = True) -> dict[str, Option]:
    """What every kind understands that can speak TLS."""
    return {
        "verify": Option(verify, truth, "whether its certificate must be valid for the host"),
        "authority": Option(None, authority, "certificates (PEM) of authorities in place of this machine's"),
        "certificate_days": Option(14, DAYS, "degraded when its certificate ends within so many days; 0: never"),
    }
