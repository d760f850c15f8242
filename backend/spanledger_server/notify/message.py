"""What one channel is told at one time, and what became of telling it.

A message is about one incident (the alerts of one group), or a digest of many. It knows no channel's format: channels
render it.

Never: a secret in a message or in an outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from spanledger_server.notify.event import Event, Severity

Status = Literal["firing", "acknowledged", "resolved", "digest", "test"]


@dataclass(frozen=True, slots=True)
class Message:
    """To be rendered by a channel.

    Attributes:
        notification_id: The same at every attempt.
        incident_id: What the messages of one incident share; at most 255 characters. Deduplication key of channels.
        status: What the incident is now; ``digest`` for a list of many.
        severity: The highest of its alerts.
        at_ns: When it was made.
        started_ns: Since when the incident lasts.
        title: One line, at most 200 characters.
        text: A few sentences.
        alerts: The newest event of each alert in it, the worst first; at most 20.
        omitted: How many more there are.
        links: Name and address.
        receipt: What the channel gave for the first message of this incident (to update it in place); None at first.
        repeat: How often it was told before, for repeats and escalations.
    """

    notification_id: UUID
    incident_id: str
    status: Status
    severity: Severity
    at_ns: int
    started_ns: int
    title: str
    text: str
    alerts: tuple[Event, ...] = ()
    omitted: int = 0
    links: tuple[tuple[str, str], ...] = ()
    receipt: Mapping[str, str] | None = None
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class Delivered:
    """It arrived.

    Attributes:
        detail: What the channel answered, in a few words (``HTTP 200 in 412 ms``).
        receipt: What is needed to update it later; kept with the incident and the channel.
    """

    detail: str
    receipt: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not arrive.

    Attributes:
        reason: For people; holds no secret and no address with one.
        permanent: Whether trying again is useless (400, 401, 404, a refused address).
        after_s: When the other side wants to be asked again, as it said; None when it did not say.
    """

    reason: str
    permanent: bool
    after_s: float | None = None


class Channel(Protocol):
    """One way to somebody. Made of its configuration; used by one thread at a time."""

    def send(self, message: Message) -> Delivered | Failed:
        """Tell it; within 15 s. Network and protocol errors are outcomes, never exceptions."""
        ...
