"""What a channel of some kind is told: fields, each with its reader; and the readers they share.

Given what a client says, gives values that JSON can carry.

Never: a secret's value in what is told of a mistake.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from spanledger_server.errors import Invalid

HIDDEN: Final = "(hidden)"
LONGEST_URL: Final = 2048
LONGEST_PEM: Final = 64 * 1024
_HOST = re.compile(
    r"(?=.{1,253}\.?$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a channel is told.

    Attributes:
        name: As clients say it.
        read: From what was given to what is kept; raises ValueError, whose text says what is allowed.
        meaning: For people.
        required: Whether it has to be given.
        default: What holds where it is not given.
        secret: Whether it is never told again.
        place: Whether it decides who is told the secrets: they have to be given again when it changes.
        schema: JSON schema of it.
    """

    name: str
    read: Callable[[Any], Any]
    meaning: str
    required: bool = False
    default: Any = None
    secret: bool = False
    place: bool = False
    schema: Mapping[str, Any] | None = None


Together = Callable[[Mapping[str, Any]], Sequence[Invalid]]


def text(most: int, allowed: str | None = None) -> Callable[[Any], str]:
    """A line of at most `most` characters."""

    def read(given: Any) -> str:
        if not isinstance(given, str) or not 1 <= len(given.strip()) <= most or not given.strip().isprintable():
            raise ValueError(allowed or f"a line of 1 to {most} characters")
        return given.strip()

    return read


def matching(pattern: str, allowed: str) -> Callable[[Any], str]:
    """A text of this form."""
    compiled = re.compile(pattern, re.ASCII)

    def read(given: Any) -> str:
        if not isinstance(given, str) or compiled.fullmatch(given.strip()) is None:
            raise ValueError(allowed)
        return given.strip()

    return read


def one_of(*allowed: str) -> Callable[[Any], str]:
    """One of these words."""

    def read(given: Any) -> str:
        if given not in allowed:
            raise ValueError("one of " + ", ".join(allowed))
        return str(given)

    return read


def flag(given: Any) -> bool:
    """True or false."""
    if not isinstance(given, bool):
        raise ValueError("true or false")
    return given


def number(least: int, most: int) -> Callable[[Any], int]:
    """A whole number."""

    def read(given: Any) -> int:
        if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return given

    return read


def listed(read_one: Callable[[Any], Any], most: int) -> Callable[[Any], list[Any]]:
    """One or several; no one twice."""

    def read(given: Any) -> list[Any]:
        each = given if isinstance(given, list) else [given]
        if not 1 <= len(each) <= most:
            raise ValueError(f"1 to {most}")
        return list(dict.fromkeys(read_one(one) for one in each))

    return read


def web_address(given: Any) -> str:
    """An address of the web that names a host and no user."""
    allowed = (
        f"an address that begins with https:// or http://, without user and password, of up to {LONGEST_URL} "
        "characters of ASCII (xn--… for other names)"
    )
    if not isinstance(given, str) or not 1 <= len(given) <= LONGEST_URL or not given.isascii():
        raise ValueError(allowed)
    if not given.isprintable() or any(each in given for each in ' "<>\\^`{|}'):
        raise ValueError(allowed)
    try:
        parsed = urlsplit(given)
        named, port = parsed.hostname, parsed.port
    except ValueError:
        raise ValueError(allowed) from None
    if parsed.scheme not in ("http", "https") or not named or parsed.username is not None or port == 0:
        raise ValueError(allowed)
    try:
        host(named)
    except ValueError:
        raise ValueError(allowed) from None
    return given


def host(given: Any) -> str:
    """The name or the address of a machine."""
    if not isinstance(given, str):
        raise ValueError("the name or the address of a machine")
    name = given.strip()
    if _HOST.fullmatch(name):
        return name
    try:
        return str(ipaddress.IPv6Address(name.removeprefix("[").removesuffix("]")))
    except ValueError:
        raise ValueError("the name or the address of a machine") from None


def certificates(given: Any) -> str:
    """Certificates of authorities, in PEM."""
    if not isinstance(given, str) or len(given) > LONGEST_PEM or not given.isascii():
        raise ValueError("certificates in PEM")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=given)
    except (ssl.SSLError, ValueError):
        raise ValueError("certificates in PEM") from None
    return given


ALLOW_PRIVATE: Final = Field(
    "allow_private",
    flag,
    "whether it may be in a private network, or on this machine",
    default=False,
    schema={"type": "boolean"},
)
AUTHORITIES: Final = Field(
    "ca", certificates, "authorities (PEM) to trust in place of the system's", place=True, schema={"type": "string"}
)
EVERYWHERE: Final = (ALLOW_PRIVATE, AUTHORITIES)
