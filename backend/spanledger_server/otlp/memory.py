"""Keeps the memory that decoding frees in the process, instead of giving it back to the kernel after every request.

Each request's messages are freed at once; glibc then returns the pages, and the next request faults them in again:
about half of the time that parsing takes. Linux with glibc only; elsewhere nothing happens.

Never: a failure to start because of it.
"""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD = -1
KEPT_BYTES = 256 * 1024 * 1024


def keep_arenas() -> bool:
    """Raise glibc's trim threshold for this process; call once at the start. True when it was done."""
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return False
    return bool(mallopt(M_TRIM_THRESHOLD, KEPT_BYTES))
