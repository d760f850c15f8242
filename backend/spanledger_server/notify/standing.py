"""What stands: which alerts fire, what each channel was told of each, and why it was not told more.

Given events, gives alerts as they are; the rest is written by the planner, as values.

Never: a store or a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Literal
from uuid import UUID

from spanledger_server.notify.event import Event, Severity

Reason = Literal[
    "no_route",
    "acknowledged",
    "silenced",
    "maintenance",
    "inhibited",
    "preferences",
    "channel_off",
    "quiet_hours",
    "cooldown",
    "hourly_limit",
    "storm",
    "grouping",
]
WAITING: Final[tuple[Reason, ...]] = ("grouping",)  # no suppression: it is a matter of seconds
NOWHERE: Final = ""  # in place of a channel, for alerts that no way leads from


@dataclass(frozen=True, slots=True)
class Alert:
    """One episode of an alert, as its events tell.

    Attributes:
        event: The newest.
        fires: Whether it has not ended.
        fired_ns: When it began.
        ended_ns: When it ended.
        acks: From when to when somebody took care of it; None: still.
        flapping: Whether it comes and goes.
    """

    event: Event
    fires: bool
    fired_ns: int
    ended_ns: int | None = None
    acks: tuple[tuple[int, int | None], ...] = ()
    flapping: bool = False

    @property
    def alert_id(self) -> UUID:
        """Of the episode."""
        return self.event.alert_id

    @property
    def acked(self) -> bool:
        """Whether somebody takes care."""
        return bool(self.acks) and self.acks[-1][1] is None

    def cared_ns(self, from_ns: int, to_ns: int) -> int:
        """How long between these somebody took care."""
        return sum(
            max(0, min(to_ns, to_ns if end_ns is None else end_ns) - max(from_ns, begin_ns))
            for begin_ns, end_ns in self.acks
        )


def happened(alert: Alert | None, event: Event) -> Alert:
    """The alert after an event; None: nothing was known of it."""
    if alert is None:
        alert = Alert(event, event.kind != "resolved", event.at_ns)
    elif event.kind != "fired" and not alert.fires:
        return alert  # what is over is over
    alert = replace(alert, event=event)
    if event.kind == "fired":
        return alert if alert.fires else Alert(event, True, event.at_ns)
    if event.kind == "resolved":
        return replace(_cared(alert, event.at_ns), fires=False, ended_ns=event.at_ns, flapping=False)
    if event.kind == "acknowledged" and not alert.acked:
        return replace(alert, acks=(*alert.acks, (event.at_ns, None)))
    if event.kind == "unacknowledged":
        return _cared(alert, event.at_ns)
    if event.kind in ("flapping", "unflapping"):
        return replace(alert, flapping=event.kind == "flapping")
    return alert


def _cared(alert: Alert, until_ns: int) -> Alert:
    """Nobody takes care of it any more."""
    if not alert.acked:
        return alert
    begin_ns, _ = alert.acks[-1]
    return replace(alert, acks=(*alert.acks[:-1], (begin_ns, max(begin_ns, until_ns))))


@dataclass(frozen=True, slots=True)
class Told:
    """What a channel was told of an alert.

    Attributes:
        channel_id: The channel.
        alert_id: The episode.
        dedup_key: Of the alert.
        incident_id: In which incident.
        severity: The highest that was told.
        acked: Whether it knows that somebody takes care.
        flapping: Whether it knows that it comes and goes.
        over: Whether it knows the end.
        turns: How often it was told that it fires, as the terms count.
        first_ns: When it was told first.
        fired_ns: When it was told last that it fires.
    """

    channel_id: str
    alert_id: UUID
    dedup_key: str
    incident_id: str
    severity: Severity
    acked: bool
    flapping: bool
    over: bool
    turns: int
    first_ns: int
    fired_ns: int


@dataclass(frozen=True, slots=True)
class Incident:
    """Alerts that one channel is told of together.

    Attributes:
        channel_id: The channel.
        incident_id: Deduplication key of its messages.
        group: What its alerts share; a digest has one of its own.
        digest: Whether it is a list of what belongs to several groups.
        opened_ns: When its first message was made.
        told_ns: When its last one was.
        started_ns: Since when its first alert fires.
        messages: How many there were.
        severity: The highest that was told.
        closed: Whether its end was told.
    """

    channel_id: str
    incident_id: str
    group: str
    digest: bool
    opened_ns: int
    told_ns: int
    started_ns: int
    messages: int
    severity: Severity
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a channel is not told now what there is to tell of an alert.

    Attributes:
        channel_id: The channel; empty where no way leads anywhere.
        alert_id: The alert.
        reason: Which kind of reason.
        detail: In words.
        until_ns: When it ends, where that is known; no part of what it is.
    """

    channel_id: str
    alert_id: UUID
    reason: Reason
    detail: str = ""
    until_ns: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that counts: a channel was told of something new.

    Attributes:
        at_ns: When it was made.
        rules: Of which rules.
    """

    at_ns: int
    rules: frozenset[str]


Key = tuple[str, UUID]
Heard = tuple[int, Severity]  # when a channel was told last that an alert fires, and as how severe


@dataclass(slots=True)
class Standing:
    """All of it that is not over.

    Attributes:
        alerts: That fire, or whose end is not told yet.
        told: Of these alerts, by channel and alert.
        incidents: That are open, by channel and id.
        holds: By channel and alert.
        heard: When a channel was told last of an alert, by channel and deduplication key; also of what is over.
        sent: The messages that count of the last hour, by channel, the oldest first.
        fresh: The alerts to which something happened since the last plan.
    """

    alerts: dict[UUID, Alert] = field(default_factory=dict)
    told: dict[Key, Told] = field(default_factory=dict)
    incidents: dict[tuple[str, str], Incident] = field(default_factory=dict)
    holds: dict[Key, Hold] = field(default_factory=dict)
    heard: dict[tuple[str, str], Heard] = field(default_factory=dict)
    sent: dict[str, tuple[Sent, ...]] = field(default_factory=dict)
    fresh: frozenset[UUID] = frozenset()
