"""What a check found, and what goes wrong while it asks.

Never: an answer without its reason, or "healthy" for what was not asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

State = Literal["healthy", "degraded", "down", "unknown"]
STATES: Final[tuple[State, ...]] = ("healthy", "degraded", "down", "unknown")
WORST_FIRST: Final[tuple[State, ...]] = ("down", "degraded", "unknown", "healthy")
CODES: Final[Mapping[State, int]] = {"unknown": -1, "healthy": 0, "degraded": 1, "down": 2}
LONGEST_REASON: Final = 300  # characters


@dataclass(frozen=True, slots=True)
class Answer:
    """What one look found.

    Attributes:
        state: How it does.
        reason: Why, for people.
        latency_ns: How long the answer took; None where nothing was waited for.
        told: Figures beside it, such as `certificate_days`; JSON.
    """

    state: State
    reason: str
    latency_ns: int | None = None
    told: Mapping[str, Any] = field(default_factory=dict)


class LookFailedError(Exception):
    """What ends a look early; its text is the reason."""

    state: State = "unknown"


class BrokenError(LookFailedError):
    """It was asked and did not answer as it should: it is down."""

    state: State = "down"


class CannotError(LookFailedError):
    """It could not be asked, which says nothing about it."""


def visible(text: str, most: int = LONGEST_REASON) -> str:
    """What somebody else sent, fit to be shown: one line, printable, of a bounded length."""
    shown = "".join(each if each.isprintable() else " " for each in text)
    shown = " ".join(shown.split())
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
