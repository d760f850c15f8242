"""Listening sockets, taken before anything else starts.

Given a host and the wanted ports, gives bound sockets, or says which port of which setting is taken.

Never: a half-started server because of a port.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping

from spanledger_server.errors import SpanledgerError

BACKLOG = 2048

Listening = socket.socket


class PortError(SpanledgerError):
    """A port cannot be had; the text names it, its setting, and the way out."""


def bound(host: str, ports: Mapping[str, int]) -> dict[str, socket.socket]:
    """A listening socket for each setting; port 0 takes any free one.

    Args:
        host: A name or address.
        ports: Flag -> port.

    Raises:
        PortError: When one of them cannot be had; none stays open.
    """
    taken: dict[str, socket.socket] = {}
    try:
        for flag, port in ports.items():
            taken[flag] = _listening(host, port, flag)
    except PortError:
        for other in taken.values():
            other.close()
        raise
    return taken


def _listening(host: str, port: int, flag: str) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise PortError(_told(error, host, port, flag)) from error
    listening.set_inheritable(False)
    return listening


def _told(error: OSError, host: str, port: int, flag: str) -> str:
    variable = "SPANLEDGER_" + flag.removeprefix("--").replace("-", "_").upper()
    if isinstance(error, socket.gaierror):
        return f"--host {host}: no such address on this machine ({error.strerror})"
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is taken: stop what has it, or choose another with {flag} or {variable}"
    if error.errno == errno.EACCES:
        return f"port {port} of {host} may not be used by this user: choose one above 1023 with {flag} or {variable}"
    return f"{flag} {port}: cannot listen on {host}: {error.strerror or error}"


def check_free(host: str, port: int, flag: str) -> None:
    """Find out whether a port could be had by someone who binds it later.

    Raises:
        PortError: It could not.
    """
    _listening(host, port, flag).close()


def port_of(listening: socket.socket) -> int:
    """The port a socket listens on."""
    return int(listening.getsockname()[1])
