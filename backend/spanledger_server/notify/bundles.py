"""What one channel is told of one incident at one time: which news wait, and what is known afterwards.

Given the news of an incident, says when to tell them; then gives the message, and what the channel knows after it.

Never: an incident that is closed while one of its alerts fires.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal
from uuid import UUID

from spanledger_server.notify import composed
from spanledger_server.notify.event import Event
from spanledger_server.notify.message import Message
from spanledger_server.notify.standing import Alert, Incident, Told
from spanledger_server.notify.terms import RANKS, Route

Kind = Literal["fired", "worse", "unacked", "repeat", "acked", "flapping", "ended"]
URGENT: Final[tuple[Kind, ...]] = ("worse", "unacked", "repeat")


@dataclass(frozen=True, slots=True)
class News:
    """What there is to tell a channel of one alert.

    Attributes:
        alert: The alert.
        kind: What there is to tell.
        told: What the channel knows of it; None: nothing.
        channel_id: The channel.
        turns: How often it was to be told by now.
        route: The way there.
        since_ns: Since when there is this to tell.
        deferred: Whether quiet hours held it back until now.
        alone_ns: For how long nobody took care of it, where the channel is told for that reason; None elsewhere.
    """

    alert: Alert
    kind: Kind
    told: Told | None
    channel_id: str
    turns: int
    route: Route
    since_ns: int
    deferred: bool = False
    alone_ns: int | None = None


@dataclass(slots=True)
class Bundle:
    """News of one incident, for one channel.

    Attributes:
        channel_id: The channel.
        group: What the alerts share.
        incident: The one that is open; None: this begins one.
        firing: Its alerts that fire, as far as the channel knows of them.
        news: What there is to tell.
        why: What a digest says first; None for the alerts of one group.
    """

    channel_id: str
    group: str
    incident: Incident | None
    firing: Sequence[Alert]
    news: list[News] = field(default_factory=list)
    why: str | None = None

    @property
    def fired(self) -> list[News]:
        """Alerts of which the channel knows nothing yet."""
        return [each for each in self.news if each.kind == "fired"]

    @property
    def urgent(self) -> bool:
        """Whether something in it waits for nothing."""
        return any(each.kind in URGENT for each in self.news)

    @property
    def over(self) -> bool:
        """Whether no alert of it fires any more."""
        return not self.firing and not self.fired


def due_ns(bundle: Bundle, now_ns: int) -> int:
    """When to tell it.

    Args:
        bundle: News of one incident.
        now_ns: The time.
    """
    all_cared = bool(bundle.firing) and all(alert.acked for alert in bundle.firing)
    cared = all_cared and any(each.kind == "acked" for each in bundle.news)
    if bundle.urgent or bundle.over or cared:
        return now_ns
    return min(_alone_due_ns(bundle, each, now_ns) for each in bundle.news)


def _alone_due_ns(bundle: Bundle, news: News, now_ns: int) -> int:
    incident, route = bundle.incident, news.route
    critical = news.kind == "fired" and news.alert.event.severity == "critical"
    if incident is None:
        waited_ns = now_ns - news.alert.fired_ns
        return (
            now_ns + route.first_wait_ns - waited_ns
            if 0 <= waited_ns < route.first_wait_ns and not critical
            else now_ns
        )
    if critical and incident.severity != "critical":
        return now_ns
    wait_ns = route.group_wait_ns if critical or incident.messages == 1 else route.group_interval_ns
    elapsed_ns = now_ns - incident.told_ns
    return incident.told_ns + wait_ns if 0 <= elapsed_ns < wait_ns else now_ns


def rule_of(event: Event) -> str:
    """What is counted against the hourly limit: the rule, or the name where others judge."""
    return event.name if event.rule_id is None else event.rule_id.hex


def told_of(bundle: Bundle, now_ns: int) -> tuple[Message, Incident, list[Told], frozenset[str], int]:
    """The message of a bundle, and what is known once it is sent.

    Args:
        bundle: News of one incident.
        now_ns: The time.

    Returns:
        The message, the incident, what the channel knows of each alert, the rules of what is new in it, and since
        when there was something to tell.
    """
    fired = bundle.fired
    firing = [*bundle.firing, *(each.alert for each in fired)]
    ended = [each.alert for each in bundle.news if each.kind == "ended"]
    before = bundle.incident or _begun(bundle, now_ns)
    incident = replace(
        before,
        told_ns=now_ns,
        messages=before.messages + 1,
        severity=max((before.severity, *(alert.event.severity for alert in firing)), key=RANKS.__getitem__),
        closed=not firing,
    )
    repeat = max((each.told.turns for each in bundle.news if each.kind == "repeat" and each.told), default=0)
    alone_ns = max((each.alone_ns for each in bundle.news if each.alone_ns is not None), default=None)
    message = composed.message(
        incident, firing, ended, repeat=repeat, now_ns=now_ns, why=bundle.why or "", alone_ns=alone_ns
    )
    told = [_known(each, incident, now_ns) for each in bundle.news]
    rules = frozenset(rule_of(each.alert.event) for each in fired)
    return message, incident, told, rules, min(now_ns, *(each.since_ns for each in bundle.news))


def _begun(bundle: Bundle, now_ns: int) -> Incident:
    first = min(bundle.news, key=lambda each: (each.alert.fired_ns, each.alert.event.dedup_key)).alert
    return Incident(
        channel_id=bundle.channel_id,
        incident_id=_incident_id(bundle, first.alert_id, now_ns),
        group=bundle.group,
        digest=bundle.why is not None,
        opened_ns=now_ns,
        told_ns=now_ns,
        started_ns=first.fired_ns,
        messages=0,
        severity=first.event.severity,
    )


def _incident_id(bundle: Bundle, alert_id: UUID, now_ns: int) -> str:
    """Of the group and its first alert: the same at each channel that is told of them together."""
    parts = [bundle.group, alert_id.hex]
    if bundle.why is not None:
        parts.append(f"{bundle.channel_id} {now_ns}")
    return hashlib.blake2b(" ".join(parts).encode(), digest_size=16, person=b"incident").hexdigest()


def _known(news: News, incident: Incident, now_ns: int) -> Told:
    """What the channel knows of an alert after this."""
    event, told = news.alert.event, news.told
    if told is None or news.kind == "fired":
        return Told(
            channel_id=news.channel_id,
            alert_id=event.alert_id,
            dedup_key=event.dedup_key,
            incident_id=incident.incident_id,
            severity=event.severity,
            acked=news.alert.acked,
            flapping=news.alert.flapping,
            over=False,
            turns=news.turns,
            first_ns=now_ns if told is None else told.first_ns,
            fired_ns=now_ns,
        )
    if news.kind == "ended":
        return replace(told, over=True)
    if news.kind == "acked":
        return replace(told, acked=True)
    again = replace(told, acked=news.alert.acked, flapping=news.alert.flapping, turns=max(news.turns, told.turns))
    if news.kind == "worse":
        return replace(again, severity=event.severity, fired_ns=now_ns)
    return replace(again, fired_ns=now_ns)
