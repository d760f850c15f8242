"""What is asked: a place in a network, written as people write it, with what it takes to get in.

Given text such as `redis://watch:secret@cache:6379/2`, gives its parts; what is secret in it is shown as `***`.

Never: a password, or a token in a query, in what is shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from spanledger_server.health import names

MASK: Final = "***"
LONGEST: Final = 2000
SECRET_QUERY: Final = re.compile(
    r"([^=&]*(?:token|key|secret|pass|pwd|auth|sig|credential)[^=&]*=)[^&]*", re.IGNORECASE
)
HOST: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?|[0-9A-Fa-f:.]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A target that is somewhere in a network."""

    scheme: str
    host: str
    port: int
    path: str = ""
    query: str = ""
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def netloc(self) -> str:
        """Host and port, as a header has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def place(text: str, schemes: Mapping[str, int | None]) -> Place:
    """The parts of a target.

    Args:
        text: As it was given; without `scheme://`, the first scheme is meant.
        schemes: Those that are understood, each with its usual port; None where the port must be said.

    Raises:
        ValueError: It is none; the text says what is allowed.
    """
    first = next(iter(schemes))
    forms = " or ".join(f"{scheme}://host{':port' if usual is None else ''}" for scheme, usual in schemes.items())
    allowed = f"an address such as {forms}"
    if not text or len(text) > LONGEST or not text.isprintable() or " " in text:
        raise ValueError(allowed)
    try:
        parts = urlsplit(text if "://" in text else f"{first}://{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError(allowed) from error
    if parts.scheme not in schemes or not HOST.fullmatch(host) or parts.fragment:
        raise ValueError(allowed)
    port = schemes[parts.scheme] if port is None else port
    if port is None or not 1 <= port <= 65535:
        raise ValueError(f"{allowed}, with a port from 1 to 65535")
    why = names.refused(host)
    if why is not None:
        raise ValueError(f"another address: {why}")
    return _of(parts, host, port)


def shown(text: str) -> str:
    """The target without what is secret in it."""
    if "://" not in text and "@" not in text:
        return text
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
    except ValueError:
        return MASK
    user, at, rest = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    netloc = f"{name}{colon}{MASK if colon else ''}{at}{rest}"
    found = parts._replace(netloc=netloc, query=SECRET_QUERY.sub(rf"\g<1>{MASK}", parts.query)).geturl()
    return found if "://" in text else found.removeprefix("//")


def _of(parts: SplitResult, host: str, port: int) -> Place:
    return Place(
        scheme=parts.scheme,
        host=host,
        port=port,
        path=quote(parts.path, safe="/%:@!$&'()*+,;=~-._"),
        query=quote(parts.query, safe="/%:@!$&'()*+,;=~-._?"),
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )
