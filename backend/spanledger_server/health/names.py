"""From a name to addresses that may be asked.

Checks are defined by administrators and private addresses are what they are for. Refused are the addresses at which
clouds hand out credentials to whatever runs there.

Never: an address that is asked without having been looked at, or a wait for a resolver beyond the time of the look.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from contextlib import suppress
from typing import Any, Final

from spanledger_server.health.answer import BrokenError, CannotError
from spanledger_server.health.deadline import Deadline

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
REFUSED: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "169.254.0.0/16",  # link-local: credentials of AWS, Google, Azure, Oracle and others, 169.254.169.254
            "fe80::/10",
            "fd00:ec2::/32",  # AWS over IPv6
            "fd20:ce::/32",  # Google over IPv6
            "100.100.100.200/32",  # Alibaba
            "168.63.129.16/32",  # Azure
            "192.0.0.192/32",  # Oracle
        ),
    )
)
EMBEDDED: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))  # IPv4 inside of IPv6
MOST_WAITING: Final = 64

_waiting = threading.BoundedSemaphore(MOST_WAITING)


def refused(text: str) -> str | None:
    """Why an address, or a name that is one, may not be asked; None when it may."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0].strip("[]"))
    except ValueError:
        return None
    if any(each in network for each in _meant(address) for network in REFUSED if each.version == network.version):
        return f"{text} belongs to the addresses at which clouds hand out credentials"
    return None


def resolved(host: str, port: int, deadline: Deadline) -> list[tuple[socket.AddressFamily, Any]]:
    """The addresses of a name, each with its family, in the order in which they should be tried.

    Raises:
        BrokenError: There is no such name.
        CannotError: The resolver does not answer, or all that it says is refused.
    """
    found = _asked(host, port, deadline)
    allowed = [(family, address) for family, _, _, _, address in found if refused(str(address[0])) is None]
    if not allowed:
        raise CannotError(f"not asked: {refused(str(found[0][4][0]))}")
    return allowed


def all_of(host: str, deadline: Deadline) -> list[tuple[socket.AddressFamily, Any]]:
    """The addresses of a name, to be looked at and not to be asked.

    Raises:
        BrokenError: There is no such name.
        CannotError: The resolver does not answer.
    """
    return [(family, address) for family, _, _, _, address in _asked(host, 0, deadline)]


def _meant(address: Address) -> list[Address]:
    """The address, and the IPv4 address that is inside of it, if any."""
    meant: list[Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        inside = [address.ipv4_mapped, address.sixtofour]
        if any(address in network for network in EMBEDDED):
            inside.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        meant += [each for each in inside if each is not None]
    return meant


def _asked(host: str, port: int, deadline: Deadline) -> list[Any]:
    """What the resolver says; it cannot be told to hurry, so it is left behind when there is no more time."""
    with suppress(ValueError, socket.gaierror):
        ipaddress.ip_address(host)
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not _waiting.acquire(blocking=False):
        raise CannotError("not asked: this machine's resolver does not answer")
    found: list[Any] = []
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failed.append(error)
        finally:
            _waiting.release()

    asking = threading.Thread(target=ask, name="spanledger-resolve", daemon=True)
    asking.start()
    asking.join(deadline.left("the name was resolved"))
    if asking.is_alive():
        raise CannotError(f"not asked: {host} was not resolved within {deadline.seconds:g} s")
    if failed or not found:
        why = failed[0] if failed else None
        if isinstance(why, socket.gaierror) and why.errno == socket.EAI_AGAIN:
            raise CannotError(f"not asked: {host} cannot be resolved at the moment")
        raise BrokenError(f"there is no {host}: the name has no address")
    return found
