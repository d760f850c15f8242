"""The door to the network: which addresses a channel may connect to, and until when.

Given a host and a port, resolves the name once and connects to an address that was looked at, so that a name cannot
mean one machine when it is judged and another when it is used. Proxies and variables of the environment play no part.

Never: a connection to a private, local or otherwise special address, unless the channel may; or one that outlives its
deadline, however slowly the other side drips.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

ATTEMPT_S: Final = 5.0  # at one of several addresses
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

INSIDE: Final = (  # of clouds: not marked as special, and not meant for anybody's messages
    ipaddress.ip_network("168.63.129.16/32"),
    ipaddress.ip_network("192.0.0.0/24"),
    ipaddress.ip_network("64:ff9b:1::/48"),
)
CARRYING: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))  # an IPv4 address at their end


class Unreached(Exception):
    """Nobody was reached, or not in time; the text is for people and holds no secret."""

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


class Deadline:
    """When it is over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.cut = False  # a connection was cut for it
        self._began = time.monotonic()

    def left(self) -> float:
        """Seconds, above zero.

        Raises:
            Unreached: It is over.
        """
        left = self._began + self.seconds - time.monotonic()
        if left <= 0:
            raise self.missed()
        return left

    def missed(self) -> Unreached:
        """What to raise when it is over."""
        return Unreached(f"it took longer than {self.seconds:g} s")

    @property
    def over(self) -> bool:
        """Whether it is."""
        return self.cut or time.monotonic() >= self._began + self.seconds

    @property
    def passed_ms(self) -> int:
        """Milliseconds since it began."""
        return round((time.monotonic() - self._began) * 1000)


def private(address: Address) -> bool:
    """Whether an address is for machines of a network of one's own, or for anything else than a machine outside."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and any(address in network for network in CARRYING):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return private(inner)
        if address.is_site_local or address.teredo is not None:
            return True
    inside = any(address.version == network.version and address in network for network in INSIDE)
    return inside or not address.is_global or address.is_multicast or address.is_reserved


def connected(host: str, port: int, deadline: Deadline, *, allow_private: bool) -> socket.socket:
    """A connection to one of the addresses that `host` has now.

    Raises:
        Unreached: It has none, none that this channel may connect to, or nobody answers there.
    """
    found = _resolved(host, port, deadline)
    usable = [each for each in found if allow_private or not private(ipaddress.ip_address(each.partition("%")[0]))]
    if not usable:
        raise Unreached(
            "the address is in a private network or on this machine, and the channel does not allow that: "
            "allow_private=true does",
            permanent=True,
        )
    reason = ""
    for address in usable[:4]:
        patience = min(ATTEMPT_S, deadline.left())
        try:
            return socket.create_connection((address, port), patience)
        except OSError as error:
            reason = told(error)
    raise Unreached(f"it could not be connected to: {reason}")


def _resolved(host: str, port: int, deadline: Deadline) -> list[str]:
    """The addresses of a host, each once."""
    answers: queue.SimpleQueue[list[str] | str] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(each[4][0]) for each in found)))
        except (OSError, UnicodeError) as error:
            answers.put(told(error))

    threading.Thread(target=ask, name="spanledger-resolve", daemon=True).start()
    try:
        found = answers.get(timeout=deadline.left())
    except queue.Empty:
        raise Unreached("the name of the host could not be resolved in time") from None
    if isinstance(found, str):
        raise Unreached(f"the name of the host could not be resolved: {found}")
    return found


@contextmanager
def bounded(deadline: Deadline, connection: Callable[[], socket.socket | None]) -> Iterator[None]:
    """Cut the connection when the deadline is over, and let errors of the network leave as `Unreached`.

    Args:
        deadline: When that is.
        connection: Which it is by then.

    Raises:
        Unreached: It was over, or the connection failed.
    """

    def cut() -> None:
        deadline.cut = True
        now = connection()
        if now is not None:
            with suppress(OSError):
                socket.socket.shutdown(now, socket.SHUT_RDWR)  # of the connection, not of TLS, which would wait

    timer = threading.Timer(deadline.left(), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except OSError as error:
        if deadline.over or isinstance(error, TimeoutError):
            raise deadline.missed() from None
        raise Unreached(told(error)) from None
    finally:
        timer.cancel()


def tls(authorities: str | None) -> ssl.SSLContext:
    """TLS that looks at certificates and names; the given authorities (PEM), or else the system's."""
    return ssl.create_default_context(cadata=authorities)


def told(error: BaseException) -> str:
    """What went wrong, for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or 'no reason').lower().replace('_', ' ')}"
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, ConnectionError) and not isinstance(error, ConnectionRefusedError):
        return "it closed the connection"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
