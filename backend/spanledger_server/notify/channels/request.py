"""One request over HTTP, and the answer to it.

Given an address and a body, connects through the door to the network, posts, and reads the answer up to a limit.
Redirects are not followed: what an address leads to would have to be judged anew.

Never: more of an answer than `MOST_BYTES`, more time than the deadline, or an answer whose certificate is not in order.
"""

from __future__ import annotations

import http.client
import math
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from spanledger.version import __version__
from spanledger_server.notify.channels import reach
from spanledger_server.notify.channels.reach import Deadline, Unreached
from spanledger_server.notify.message import Delivered, Failed

MOST_BYTES: Final = 64 * 1024
LATER: Final = (408, 425, 429)  # of the 400s, those that mean: not now
LONGEST_WAIT_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: Of HTTP.
        headers: By name in small letters.
        body: What could be read of it.
        took_ms: How long the whole of it took.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    took_ms: int

    @property
    def fine(self) -> bool:
        """Whether it was accepted."""
        return 200 <= self.status < 300

    @property
    def after_s(self) -> float | None:
        """When to come again, where it says so: in seconds, or until a time by its own clock."""
        told = self.headers.get("retry-after", "").strip()
        try:
            seconds = float(told) if told.isascii() else math.nan
        except ValueError:
            seconds = self._until(told)
        return min(seconds, LONGEST_WAIT_S) if seconds >= 0 else None

    def _until(self, told: str) -> float:
        try:
            now = parsedate_to_datetime(self.headers.get("date", ""))
            return (parsedate_to_datetime(told) - now).total_seconds()
        except (ValueError, TypeError, IndexError, OverflowError):
            return math.nan

    def json(self) -> dict[str, Any]:
        """Its body as an object; empty when it is none."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    def delivered(self, receipt: Mapping[str, str] | None = None, more: str = "") -> Delivered:
        """That it was accepted."""
        return Delivered(f"{self.took_ms} ms, HTTP {self.status}{more}", receipt)

    def failed(self, why: str = "", *, permanent: bool | None = None) -> Failed:
        """That it was not, and whether it ever will be."""
        if 300 <= self.status < 400:
            why = why or "it leads elsewhere, and that is not followed: give the address that it leads to"
        later = self.status >= 500 or self.status in LATER
        reason = f"HTTP {self.status}: {why}" if why else f"HTTP {self.status}"
        return Failed(reason, permanent=not later if permanent is None else permanent, after_s=self.after_s)


class _Connection(http.client.HTTPConnection):
    """A connection that was made already."""

    def __init__(self, host: str, port: int, *, secure: bool) -> None:
        super().__init__(host, port)
        self.default_port = 443 if secure else 80
        self.auto_open = 0
        self.held: socket.socket | None = None  # also while only the answer still holds it

    def use(self, made: socket.socket) -> None:
        """Speak over this one."""
        self.sock = self.held = made


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    deadline: Deadline,
    *,
    allow_private: bool,
    authorities: str | None = None,
) -> Answer:
    """What `url` answers to `body`.

    Args:
        url: An address that was checked when it was given.
        body: As it is sent.
        headers: Beside those that every request has.
        deadline: For all of it.
        allow_private: Whether it may be in a private network.
        authorities: Which certificates to trust (PEM); None for the system's.

    Raises:
        Unreached: There was no answer.
    """
    parsed = urlsplit(url)
    host, secure = str(parsed.hostname), parsed.scheme == "https"
    connection = _Connection(host, parsed.port or (443 if secure else 80), secure=secure)
    made = reach.connected(host, connection.port, deadline, allow_private=allow_private)
    connection.use(made)
    try:
        with reach.bounded(deadline, lambda: connection.held):
            made.settimeout(deadline.left())
            if secure:
                connection.use(reach.tls(authorities).wrap_socket(made, server_hostname=host))
            return _asked(connection, _target(url), body, headers, deadline)
    except (http.client.HTTPException, ValueError) as error:
        if deadline.over:
            raise deadline.missed() from None
        raise Unreached(f"what it answered is not HTTP ({type(error).__name__})") from None
    finally:
        connection.close()


def _asked(connection: _Connection, target: str, body: bytes, headers: Mapping[str, str], deadline: Deadline) -> Answer:
    always = {"User-Agent": f"spanledger/{__version__}", "Accept-Encoding": "identity", "Connection": "close"}
    connection.request("POST", target, body, {**always, **headers})
    found = connection.getresponse()
    if deadline.over:  # and what was read of its head is not the whole of it
        raise deadline.missed()
    try:
        content = found.read(MOST_BYTES)
    except (OSError, http.client.HTTPException, ValueError):
        content = b""  # it had answered by then; those who need the body will miss it
    kept = {name.lower(): value for name, value in found.getheaders()}
    return Answer(found.status, kept, content, deadline.passed_ms)


def _target(url: str) -> str:
    parsed = urlsplit(url)
    return (parsed.path or "/") + (f"?{parsed.query}" if parsed.query else "")
