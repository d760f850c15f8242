"""What time it is: read at the edges only, passed down as `now_ns`.

Never: called from a feature. `main`, `loops` and `api/deps` ask; everything below is told.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Something that knows the time."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970, UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970, UTC."""
        return time.time_ns()
