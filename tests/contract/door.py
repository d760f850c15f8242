"""A door in front of a server: turns the first callers away, and can hang up on everybody who is inside."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable


class Door:
    """Passes bytes between its callers and the server at `behind` (``host:port``)."""

    def __init__(self, behind: str, *, away: int) -> None:
        """Opened by `with`.

        Args:
            behind: Where the server is.
            away: How many callers are turned away first, as if there were no server.
        """
        host, _, port = behind.rpartition(":")
        self._behind = (host, int(port))
        self._away = away
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.turned_away = 0

    def __enter__(self) -> Door:
        self._start(self._let_in)
        return self

    def __exit__(self, *_: object) -> None:
        _close(self._listener)
        self.hang_up()
        for thread in self._threads:
            thread.join(10)

    def hang_up(self) -> None:
        """End every connection that is open now."""
        for each in self._open:
            _close(each)

    def _start(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _let_in(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                caller, _ = self._listener.accept()
                if self.turned_away < self._away:
                    self.turned_away += 1
                    caller.close()
                    continue
                server = socket.create_connection(self._behind)
                self._open += [caller, server]
                self._start(_pass_on, caller, server)
                self._start(_pass_on, server, caller)


def _pass_on(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while received := source.recv(65_536):
            to.sendall(received)
    _close(to)
    _close(source)


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is closed already
        one.shutdown(socket.SHUT_RDWR)
    one.close()
