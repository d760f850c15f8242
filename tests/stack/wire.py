"""A wire between two programs, to be frozen, half closed, cut and healed."""

from __future__ import annotations

import contextlib
import socket
import threading

CHUNK = 65_536


class Wire:
    """Passes on what comes to `port` to another port of this machine, while it is well."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._flowing = threading.Event()
        self._flowing.set()
        self._whole = True
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Wire:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._whole = False
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._flowing.set()
        self._hang_up()
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()

    def freeze(self) -> None:
        """Nothing passes, and nobody is told."""
        self._flowing.clear()

    def half_close(self) -> None:
        """Whoever called hears that nothing more will come; what they say still passes."""
        for caller in self._ends[::2]:
            with contextlib.suppress(OSError):
                caller.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """Connections break, and new ones too."""
        self._whole = False
        self._hang_up()

    def heal(self) -> None:
        """All is well again."""
        self._whole = True
        self._flowing.set()

    def _hang_up(self) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                if not self._whole:
                    caller.close()
                    continue
                try:
                    called = socket.create_connection(("127.0.0.1", self._to_port))
                except OSError:
                    caller.close()
                    continue
                self._ends += [caller, called]
                for ends in ((caller, called), (called, caller)):
                    thread = threading.Thread(target=self._pump, args=ends)
                    self._threads.append(thread)
                    thread.start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while said := one.recv(CHUNK):
                self._flowing.wait()
                other.sendall(said)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_WR)
