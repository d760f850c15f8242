"""A ceiling over this process's memory while a user's statement runs.

DuckDB does not count the texts and lists that it makes while it computes, and an expression over one block of rows
cannot be stopped half-way. So the kernel is asked to give no more: what asks for it fails with "out of memory", which
DuckDB passes on as the statement's error. Where the kernel knows no such limit (all but Linux) there is none.

Never: left in place after the statement, or below what the process already has.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

_one = threading.Lock()

if sys.platform == "linux":
    import resource

    @contextmanager
    def ceiling(room_bytes: int) -> Iterator[None]:
        """Let this process have `room_bytes` more than now; a second one at the same time changes nothing."""
        if not _one.acquire(blocking=False):
            yield
            return
        try:
            with _lowered(room_bytes):
                yield
        finally:
            _one.release()

    @contextmanager
    def _lowered(room_bytes: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = psutil.Process().memory_info().data + room_bytes
        for limit in (soft, hard):
            most = most if limit == resource.RLIM_INFINITY else min(most, limit)
        with suppress(ValueError, OSError):  # it is a safeguard; a system that forbids it goes without
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
        try:
            yield
        finally:
            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))

else:

    @contextmanager
    def ceiling(room_bytes: int) -> Iterator[None]:
        """There is no such limit on this system."""
        del room_bytes
        yield
