"""Channels that fail are alerts themselves, told through other channels; with them goes what they could not tell.

Given what became of a message, records that the alert on its channel begins, gets worse, or ends.

Never: an alert on a channel that is told through that channel.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from spanledger_server.notify import outbox
from spanledger_server.notify.event import Event, Kind, Severity
from spanledger_server.notify.message import Delivered, Failed
from spanledger_server.notify.queue import Job, State
from spanledger_server.notify.terms import FAILING, RANKS, Known
from spanledger_server.notify.written import event_of, event_text
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction
from spanledger_server.timegrid import MINUTE_NS

SQL = sqlfile.load(__package__)

PATIENCE_NS: Final = 2 * MINUTE_NS  # how long a channel may fail before others hear of it
PATH: Final = "/alerts"


@dataclass(frozen=True, slots=True)
class Failing:
    """A channel that fails, and the alert on it."""

    channel_id: str
    alert_id: UUID
    since_ns: int
    severity: Severity
    number: int
    event: Event


def listed(reader: Reader) -> list[Failing]:
    """All channels that fail."""
    return [_failing(row) for row in reader.rows(SQL["failing"])]


def note(tx: Transaction, channel: Known, job: Job, outcome: Delivered | Failed, state: State, now_ns: int) -> None:
    """Let others know of a channel that fails, or that does not any more.

    Args:
        tx: The transaction in which the outcome is written.
        channel: Which one.
        job: The message.
        outcome: What became of it.
        state: The message's state from now on.
        now_ns: The time.
    """
    if job.message.status == "test":
        return
    row = tx.row(SQL["failing_channel"], channel_id=channel.channel_id)
    known = None if row is None else _failing(row)
    if isinstance(outcome, Delivered):
        if known is not None:
            end(tx, known, f"{channel.name} works again.", now_ns)
        return
    severity = job.message.severity
    if known is None and (state == "parked" or now_ns - job.since_ns >= PATIENCE_NS):
        _begin(tx, channel, job, outcome, now_ns)
    elif known is not None and state == "parked" and RANKS[severity] > RANKS[known.severity]:
        number = known.number + 1
        text = _said(channel, job, outcome)
        event = _numbered(replace(known.event, severity=severity, text=text), "worse", number, now_ns)
        _keep(tx, Failing(channel.channel_id, known.alert_id, known.since_ns, severity, number, event), now_ns)


def end(tx: Transaction, known: Failing, text: str, now_ns: int) -> None:
    """The alert on a channel ends: it works again, or nobody uses it any more."""
    event = _numbered(replace(known.event, text=text), "resolved", known.number + 1, now_ns)
    tx.execute(SQL["forget_failing"], channel_id=known.channel_id)
    outbox.record(tx, [event], now_ns)


def _begin(tx: Transaction, channel: Known, job: Job, outcome: Failed, now_ns: int) -> None:
    alert_id = _id("alert", channel.channel_id, now_ns)
    event = Event(
        event_id=_id("event", alert_id.hex, 1),
        alert_id=alert_id,
        dedup_key=f"channel:{channel.channel_id}",
        kind="fired",
        at_ns=now_ns,
        rule_id=None,
        name="Notification channel fails",
        severity=job.message.severity,
        labels={FAILING: channel.channel_id, "channel": channel.name, "kind": channel.kind},
        value=None,
        threshold=None,
        operator=None,
        unit=None,
        started_ns=now_ns,
        title=f"The channel {channel.name} could not be told",
        text=_said(channel, job, outcome),
        facts=(("channel", channel.name), ("kind", channel.kind), ("reason", outcome.reason)),
        path=PATH,
        most_per_hour=None,
    )
    _keep(tx, Failing(channel.channel_id, alert_id, now_ns, event.severity, 1, event), now_ns)


def _keep(tx: Transaction, failing: Failing, now_ns: int) -> None:
    tx.execute(SQL["forget_failing"], channel_id=failing.channel_id)
    tx.execute(
        SQL["keep_failing"],
        channel_id=failing.channel_id,
        alert_id=failing.alert_id,
        since_ns=failing.since_ns,
        severity=failing.severity,
        number=failing.number,
        body=event_text(failing.event),
    )
    outbox.record(tx, [failing.event], now_ns)


def _numbered(event: Event, kind: Kind, number: int, now_ns: int) -> Event:
    return replace(event, event_id=_id("event", event.alert_id.hex, number), kind=kind, at_ns=now_ns)


def _said(channel: Known, job: Job, outcome: Failed) -> str:
    said = f"{channel.name} ({channel.kind}) does not take messages: {outcome.reason}."
    return f"{said} It was to be told: {job.message.title}. {job.message.text}".strip()


def _id(*parts: object) -> UUID:
    text = " ".join(str(part) for part in parts)
    return UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16, person=b"failing channel").digest())


def _failing(row: dict[str, Any]) -> Failing:
    event = event_of(row.pop("body"))
    return Failing(**row, event=event)
