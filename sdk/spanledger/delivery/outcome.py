"""What became of one request, in the four words that matter to whoever keeps the batch.

Never: an exception for something a receiver may well answer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Protocol

LONGEST_PAUSE_S = 300.0  # a receiver that asks for more is asked again after this


@dataclass(frozen=True, slots=True)
class Sent:
    """The receiver has it, all but `refused` items."""

    refused: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Not now: the receiver is busy (`after_s` is its wish) or cannot be reached."""

    reason: str
    after_s: float | None = None
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class TooLarge:
    """Too many bytes at once; halves may pass."""

    reason: str = "too_large"


@dataclass(frozen=True, slots=True)
class Lost:
    """The receiver will never take it."""

    reason: str


Outcome = Sent | TryAgain | TooLarge | Lost


class Transport(Protocol):
    """A way to one receiver.

    Attributes:
        forks_wait: Whether the process must not fork in the middle of a request.
    """

    forks_wait: bool

    def prepare(self) -> None:
        """Import and make what `send` needs, without the network; no fork copies it while it is half done."""
        ...

    def send(self, payload: bytes, timeout_s: float) -> Outcome:
        """Send one request and say what became of it; never raises for what a network or a receiver does."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...

    def after_fork(self) -> None:
        """In a child: forget the parent's connections without touching them."""
        ...


def pause_of(header: str | None) -> float | None:
    """Seconds that a Retry-After header (seconds or an HTTP date) asks for."""
    if not header:
        return None
    try:
        asked = float(header)
    except ValueError:
        try:
            asked = parsedate_to_datetime(header).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(asked, 0.0), LONGEST_PAUSE_S)
