"""Whose statement runs next: one at a time, a few wait, and nobody's many come before another's first.

Given callers, lets each in when its turn has come. Of those who wait the first is next, except that two turns of one
caller do not follow each other while somebody else waits.

Never: a wait without an end, or a caller who fills the queue.
"""

from __future__ import annotations

import threading
from typing import Final

from spanledger_server.errors import Busy, TooOften

MOST_WAITING: Final = 16
MOST_OF_ONE: Final = 4
PATIENCE_S: Final = 20.0
COME_BACK_S: Final = 2


class Turns:
    """The queue before the one place."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._state = threading.Condition()
        self._taken = False
        self._last: str | None = None
        self._waiting: list[tuple[str, object]] = []

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def take(self, caller: str) -> None:
        """Return when it is `caller`'s turn, which lasts until `release`.

        Raises:
            TooOften: The caller waits often enough already.
            Busy: Too many wait, or it took too long.
        """
        ticket = (caller, object())
        with self._state:
            if sum(other == caller for other, _ in self._waiting) >= MOST_OF_ONE:
                raise TooOften(f"{MOST_OF_ONE} of your queries wait already: come back when one is done", COME_BACK_S)
            if len(self._waiting) >= MOST_WAITING:
                raise Busy(f"{MOST_WAITING} queries wait already: come back in a moment", COME_BACK_S)
            self._waiting.append(ticket)
            try:
                if not self._state.wait_for(lambda: not self._taken and self._next() is ticket, self._patience_s):
                    raise Busy("other queries took all the time there was: come back in a moment", COME_BACK_S)
                self._taken, self._last = True, caller
            finally:
                self._waiting.remove(ticket)
                self._state.notify_all()

    def release(self) -> None:
        """The turn is over."""
        with self._state:
            self._taken = False
            self._state.notify_all()

    def _next(self) -> tuple[str, object]:
        return next((ticket for ticket in self._waiting if ticket[0] != self._last), self._waiting[0])
