"""What a message says: from the alerts of an incident to one line, a few sentences, and the alerts themselves.

Never: more alerts than a message may hold; how many were left out is told.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from spanledger_server.notify.event import Event, Severity
from spanledger_server.notify.message import Message, Status
from spanledger_server.notify.standing import Alert, Incident
from spanledger_server.notify.terms import RANKS
from spanledger_server.notify.text_values import lasted

MOST_ALERTS: Final = 20
MOST_TITLE: Final = 200
MOST_NAMED: Final = 3
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "error", "warning", "info")


def message(
    incident: Incident,
    firing: Sequence[Alert],
    ended: Sequence[Alert],
    *,
    repeat: int,
    now_ns: int,
    why: str = "",
    alone_ns: int | None = None,
) -> Message:
    """What a channel is told of an incident.

    Args:
        incident: As it is with this message.
        firing: Its alerts that fire.
        ended: Those that have ended since the last message.
        repeat: How often it was told before.
        now_ns: The time.
        why: What a digest begins with.
        alone_ns: For how long nobody took care, where that is why it is told.
    """
    ranked = sorted(firing, key=_rank) + sorted(ended, key=_rank)
    return Message(
        notification_id=_id(incident, now_ns),
        incident_id=incident.incident_id,
        status=_status(incident, firing),
        severity=max((alert.event.severity for alert in firing), key=RANKS.__getitem__, default=incident.severity),
        at_ns=now_ns,
        started_ns=incident.started_ns,
        title=_title(firing or ended, why)[:MOST_TITLE],
        text=_alone(alone_ns) + _text(firing, ended),
        alerts=tuple(alert.event for alert in ranked[:MOST_ALERTS]),
        omitted=max(0, len(ranked) - MOST_ALERTS),
        repeat=repeat,
    )


def _rank(alert: Alert) -> tuple[int, float, int, str]:
    return -RANKS[alert.event.severity], -_beyond(alert.event), alert.fired_ns, alert.event.dedup_key


def _beyond(event: Event) -> float:
    """How many times its threshold the value is, or the other way round; 1 where that says nothing."""
    if event.value is None or event.threshold is None:
        return 1.0
    value, threshold = float(event.value), float(event.threshold)
    above, below = (value, threshold) if (event.operator or "").startswith(">") else (threshold, value)
    known = (event.operator or "")[:1] in ("<", ">") and above > 0 and below > 0
    return above / below if known and math.isfinite(above / below) else 1.0


def _id(incident: Incident, now_ns: int) -> UUID:
    """The same for the same message, so that a plan that was made twice is one message."""
    key = f"{incident.channel_id} {incident.incident_id} {incident.opened_ns} {incident.messages} {now_ns}"
    return UUID(bytes=hashlib.blake2b(key.encode(), digest_size=16, person=b"notification").digest())


def _status(incident: Incident, firing: Sequence[Alert]) -> Status:
    if not firing:
        return "resolved"
    if incident.digest:
        return "digest"
    return "acknowledged" if all(alert.acked for alert in firing) else "firing"


def _title(alerts: Sequence[Alert], why: str) -> str:
    if len(alerts) == 1 and not why:
        return alerts[0].event.title
    names = Counter(alert.event.name for alert in alerts)
    named = [f"{name} ({count})" if len(names) > 1 else name for name, count in names.most_common(MOST_NAMED)]
    more = f" and {len(names) - MOST_NAMED} more rules" if len(names) > MOST_NAMED else ""
    return f"{why}{_count(len(alerts))}: {', '.join(named)}{more}"


def _alone(alone_ns: int | None) -> str:
    """Why somebody is told of it who was not at first, or once more."""
    return "" if alone_ns is None else f"Nobody has taken care of this for {lasted(alone_ns)}.\n"


def _count(number: int) -> str:
    return f"{number} alert" if number == 1 else f"{number} alerts"


def _text(firing: Sequence[Alert], ended: Sequence[Alert]) -> str:
    if len(firing) + len(ended) == 1:
        return (firing or ended)[0].event.text
    said = []
    if firing:
        by_severity = Counter(alert.event.severity for alert in firing)
        parts = ", ".join(f"{by_severity[each]} {each}" for each in SEVERITIES if each in by_severity)
        worst = min(firing, key=_rank).event
        said.append(f"{_count(len(firing))} {'fires' if len(firing) == 1 else 'fire'} ({parts}).")
        said.append(f"The worst: {worst.title}." if len(firing) > 1 else worst.text)
        cared = sum(alert.acked for alert in firing)
        if cared:
            said.append(f"Somebody takes care of {cared}.")
    if ended:
        said.append(f"{_count(len(ended))} {'has' if len(ended) == 1 else 'have'} ended.")
    return " ".join(said)
