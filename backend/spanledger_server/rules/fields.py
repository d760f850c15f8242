"""The members of a body, one by one: each read, or told what is wrong with it.

Never: a mistake that hides another one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from spanledger_server.errors import Invalid
from spanledger_server.rules.condition import length_ns
from spanledger_server.rules.rule import SECOND_NS, Filter

MOST_VALUES: Final = 100
MOST_CHARACTERS: Final = 1000
LARGEST: Final = Decimal(10) ** 18
SMALLEST: Final = -18  # power of ten
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,199}", re.ASCII)
T = TypeVar("T", bound=str)


class Fields:
    """A body that is read; what is wrong with it gathers in `wrong`."""

    def __init__(self, body: Mapping[str, Any], wrong: list[Invalid]) -> None:
        self._body, self.wrong, self._read = body, wrong, set[str]()

    def given(self, name: str) -> bool:
        """Whether it says anything of that."""
        return self._body.get(name) is not None

    def raw(self, name: str) -> Any:
        """What stands there."""
        self._read.add(name)
        return self._body.get(name)

    def refuse(self, name: str, allowed: str) -> None:
        """Tell that something is wrong with what stands there."""
        self.wrong.append(Invalid(name, self.raw(name), allowed))

    def unknown(self, others: Sequence[str] = ()) -> None:
        """Tell of every member that nobody has read."""
        for name in self._body:
            if name not in self._read and name not in others:
                self.wrong.append(Invalid(str(name), self._body[name], "left out: a rule has no such member"))

    def text(self, name: str, *, most: int = 200, required: bool = False) -> str | None:
        """Text without control characters, of a bounded length."""
        value = self.raw(name)
        if value is None and not required:
            return None
        if not isinstance(value, str) or not 0 < len(value.strip()) <= len(value) <= most or not _plain(value):
            self.refuse(name, f"1 to {most} characters, none of them a control character")
            return None
        return value.strip()

    def choice(self, name: str, allowed: Sequence[T], usual: T | None) -> T | None:
        """One of `allowed`."""
        value = self.raw(name)
        if value is None and usual is not None:
            return usual
        for each in allowed:
            if each == value:
                return each
        self.refuse(name, "one of " + ", ".join(allowed))
        return None

    def flag(self, name: str, *, usual: bool) -> bool:
        """True or false."""
        value = self.raw(name)
        if value is not None and not isinstance(value, bool):
            self.refuse(name, "true or false")
        return usual if not isinstance(value, bool) else value

    def amount(self, name: str) -> Decimal | None:
        """A finite number; None where there is none."""
        value = self.raw(name)
        if value is None:
            return None
        try:
            number = Decimal("NaN") if isinstance(value, bool) else Decimal(str(value))
        except InvalidOperation:
            number = Decimal("NaN")
        known = isinstance(value, (int, float, str, Decimal)) and number.is_finite()
        if not known or abs(number) >= LARGEST or (number and number.adjusted() < SMALLEST):
            self.refuse(name, "0, or a number from 1e-18 to 1e18, with either sign")
            return None
        return number

    def whole(self, name: str, least: int, most: int, usual: int) -> int:
        """A whole number within bounds."""
        value = self.raw(name)
        if value is None:
            return usual
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.refuse(name, f"a whole number from {least} to {most}")
            return usual
        return value

    def seconds(self, name: str, least: int, most: int, usual_ns: int, *, minutes: bool = False) -> int:
        """A length in nanoseconds, given as seconds or as ``5m``."""
        value = self.raw(name)
        if value is None:
            return usual_ns
        found_ns = length_ns(value) if isinstance(value, str) else None
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            found_ns = int(value) * SECOND_NS if abs(value) <= most and value == int(value) else None
        step = 60 if minutes else 1
        if found_ns is None or not least <= found_ns // SECOND_NS <= most or found_ns // SECOND_NS % step:
            of_minutes = ", whole minutes" if minutes else ""
            self.refuse(name, f"{least} to {most} seconds, or a length such as 30s, 5m, 1h, 1d{of_minutes}")
            return usual_ns
        return found_ns

    def texts(self, name: str, most: int, *, unique: bool = True) -> tuple[str, ...]:
        """A list of texts."""
        value = self.raw(name)
        if value is None:
            return ()
        listed = [value] if isinstance(value, str) else value
        if (
            not isinstance(listed, (list, tuple))
            or len(listed) > most
            or not all(isinstance(each, str) and 0 < len(each) <= 200 and _plain(each) for each in listed)
        ):
            self.refuse(name, f"a list of at most {most} texts of 1 to 200 characters")
            return ()
        return tuple(dict.fromkeys(listed)) if unique else tuple(listed)

    def labels(self, name: str, *, most: int, longest: int) -> dict[str, str]:
        """A mapping of names to texts."""
        value = self.raw(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping) or len(value) > most:
            self.refuse(name, f"an object of at most {most} members")
            return {}
        found = {}
        for key, each in value.items():
            if not isinstance(key, str) or not _LABEL.fullmatch(key):
                self.wrong.append(Invalid(f"{name}.{key}", each, "a name of letters, digits, _ and ., at most 200"))
            elif not isinstance(each, str) or len(each) > longest or "\x00" in each:
                self.wrong.append(Invalid(f"{name}.{key}", each, f"a text of at most {longest} characters"))
            else:
                found[key] = each
        return found

    def address(self, place: str, text: str | None) -> None:
        """Tell of an address that no browser should open from here."""
        if text is None:
            return
        try:
            parts = urlsplit(text)
            fine = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            fine = False
        if not fine:
            self.wrong.append(Invalid(place, text, "an address that begins with http:// or https://"))

    def filters(self, name: str) -> dict[str, Filter]:
        """What labels must be: a text, or a list of texts; a leading ``!`` negates, an empty text is "not set"."""
        value = self.raw(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping) or len(value) > 20:
            self.refuse(name, "an object of at most 20 labels, each with a text or a list of texts")
            return {}
        found = {}
        for label, each in value.items():
            given = each if isinstance(each, (list, tuple)) else [each]
            texts = [_spelled(one) for one in given]
            if not isinstance(label, str) or not 0 < len(label) <= 200 or not _plain(label):
                self.wrong.append(Invalid(name, label, "names of labels"))
            elif not 0 < len(texts) <= MOST_VALUES or None in texts:
                self.wrong.append(
                    Invalid(
                        f"{name}.{label}",
                        each,
                        f'a text, a number, true or false, "!text", or 1 to {MOST_VALUES} of these',
                    )
                )
            else:
                found[label] = _filter([text for text in texts if text is not None])
        return found


def _filter(texts: Sequence[str]) -> Filter:
    wanted = tuple(dict.fromkeys(text for text in texts if not text.startswith("!")))
    unwanted = tuple(dict.fromkeys(text.removeprefix("!") for text in texts if text.startswith("!")))
    return Filter(wanted or None, unwanted or None)


def _spelled(value: Any) -> str | None:
    """A filter's value as labels spell it; None where it can be none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)) and math.isfinite(value):
        return str(int(value)) if float(value).is_integer() else repr(value)
    return value if isinstance(value, str) and len(value) <= MOST_CHARACTERS and "\x00" not in value else None


def _plain(text: str) -> bool:
    return not any(ord(character) < 32 or 0xD800 <= ord(character) <= 0xDFFF for character in text)
