"""The time that a look may take, as a whole.

Never: a wait that begins anew with each byte, so that who answers slowly enough is waited for for ever.
"""

from __future__ import annotations

import time

from spanledger_server.health.answer import BrokenError


class Deadline:
    """Begins when it is made."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._began = time.perf_counter()

    def left(self, what: str = "it answered") -> float:
        """Seconds that are left, above zero.

        Args:
            what: What is being waited for, for the reason.

        Raises:
            BrokenError: There is no time left.
        """
        left = self.seconds - (time.perf_counter() - self._began)
        if left <= 0:
            raise self.over(what)
        return left

    def over(self, what: str = "it answered") -> BrokenError:
        """What to raise when the time is over."""
        return BrokenError(f"{self.seconds:g} s were over before {what}")

    def taken_ns(self) -> int:
        """How long it is since the beginning."""
        return round((time.perf_counter() - self._began) * 1e9)
