"""How many bytes may be on their way in at once.

Given the size of a request, lets it in or tells its sender when to come back, so that memory stays bounded however
many send.

Never: queues a request that it cannot hold.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from spanledger_server.errors import Busy

RETRY_AFTER_S: Final = 2


class Admission:
    """Counts the bytes that are being decoded or wait for their commit; shared by all receivers."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._inside_bytes = 0
        self._turned_away = 0

    @contextmanager
    def admit(self, size_bytes: int) -> Iterator[None]:
        """Hold a place for `size_bytes` (after decompression) while the request is decoded and stored.

        A single request is let in whatever its size when nothing else is inside: that size has a limit of its own.

        Raises:
            Busy: There is no room now.
        """
        with self._lock:
            if self._inside_bytes and self._inside_bytes + size_bytes > self.limit_bytes:
                self._turned_away += 1
                raise Busy(f"{self._inside_bytes} bytes are on their way in, {self.limit_bytes} may be", RETRY_AFTER_S)
            self._inside_bytes += size_bytes
        try:
            yield
        finally:
            with self._lock:
                self._inside_bytes -= size_bytes

    @property
    def inside_bytes(self) -> int:
        """Bytes on their way in now."""
        return self._inside_bytes

    @property
    def turned_away(self) -> int:
        """Requests that were told to come back."""
        return self._turned_away
