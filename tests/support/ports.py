"""Ports for servers that are started again on the same one, or only after somebody was told of it.

Gives ports below those that a system hands out by itself: between the look and the start, and while the server is away,
nobody else gets them by chance.

Never: the same port twice in one process.
"""

from __future__ import annotations

import itertools
import os
import socket

LOWEST, HIGHEST = 20_000, 32_000
_next = itertools.count(os.getpid() * 7919)


def kept_port() -> int:
    """A port on loopback that nothing listens on.

    Raises:
        OSError: When all of them are taken.
    """
    for number in itertools.islice(_next, HIGHEST - LOWEST):
        port = LOWEST + number % (HIGHEST - LOWEST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("all ports are taken")
