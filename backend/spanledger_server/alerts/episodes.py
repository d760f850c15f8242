"""What a message says of an alert: that it began, fires on, fires again, ended, or nothing new.

An alert is a set of labels; an episode is one time that it fires. A message tells of the newest episode of its labels
when the two touch in time, and of a new one when it begins later. Messages of either kind count only when they say
more than any of that kind before: "fires until" only with a later time, "ended" only with a later end. So what comes
again, or comes late, changes nothing, whoever else sends the same alert.

Never: two episodes of the same labels that fire at once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

Severity = Literal["info", "warning", "error", "critical"]
State = Literal["firing", "resolved"]
EndedBy = Literal["sender", "expiry"]
Why = Literal["told", "expired", "superseded"]


@dataclass(frozen=True, slots=True)
class Message:
    """One alert of a request. Times are nanoseconds since 1970.

    Attributes:
        fingerprint: Of the labels.
        labels: As JSON, sorted by name, without those that are empty.
        name: The label `alertname`.
        severity: What the labels say of it, in our words.
        annotations: As JSON.
        generator_url: Where it was made.
        starts_ns: Since when it fires.
        ends_ns: When it ended; until when it is taken to fire, if it fires.
        fires: Whether `ends_ns` has not come yet.
    """

    fingerprint: int
    labels: str
    name: str | None
    severity: Severity | None
    annotations: str
    generator_url: str | None
    starts_ns: int
    ends_ns: int
    fires: bool


@dataclass(frozen=True, slots=True)
class Episode:
    """A row of `received_alerts`."""

    alert_id: UUID
    fingerprint: int
    labels: str
    name: str | None
    severity: Severity | None
    annotations: str
    generator_url: str | None
    starts_ns: int
    expires_ns: int
    told_end_ns: int | None
    ends_ns: int | None
    ended_by: EndedBy | None
    updated_ns: int

    @property
    def state(self) -> State:
        """Whether it fires."""
        return "firing" if self.ends_ns is None else "resolved"

    @property
    def until_ns(self) -> int:
        """When it ended; until when it is taken to fire, if it fires."""
        return self.expires_ns if self.ends_ns is None else self.ends_ns


@dataclass(frozen=True, slots=True)
class Change:
    """An episode as it is from now on, and why; `why` is None where its state is what it was."""

    episode: Episode
    why: Why | None


def heard(newest: Episode | None, message: Message, now_ns: int) -> list[Change]:
    """What a message changes.

    Args:
        newest: The newest episode of the same labels; None when there is none.
        message: What was said.
        now_ns: When.
    """
    if newest is None:
        return [Change(_begun(message, now_ns), "told")]
    if message.starts_ns > newest.until_ns:
        ended = [Change(expired(newest, now_ns), "superseded")] if newest.ends_ns is None else []
        return [*ended, Change(_begun(message, now_ns), "told")]
    if message.ends_ns < newest.starts_ns:
        return []
    return _fires_on(newest, message, now_ns) if message.fires else _ended(newest, message, now_ns)


def expired(episode: Episode, now_ns: int) -> Episode:
    """The episode, ended for want of a word from its sender."""
    return replace(episode, ends_ns=episode.expires_ns, ended_by="expiry", updated_ns=now_ns)


def _begun(message: Message, now_ns: int) -> Episode:
    key = f"{message.starts_ns} {message.labels}".encode()
    return Episode(
        alert_id=UUID(bytes=hashlib.blake2b(key, digest_size=16, person=b"received alert").digest()),
        fingerprint=message.fingerprint,
        labels=message.labels,
        name=message.name,
        severity=message.severity,
        annotations=message.annotations,
        generator_url=message.generator_url,
        starts_ns=message.starts_ns,
        expires_ns=message.ends_ns,
        told_end_ns=None if message.fires else message.ends_ns,
        ends_ns=None if message.fires else message.ends_ns,
        ended_by=None if message.fires else "sender",
        updated_ns=now_ns,
    )


def _fires_on(newest: Episode, message: Message, now_ns: int) -> list[Change]:
    if message.ends_ns <= newest.expires_ns:
        return []
    episode = replace(
        newest,
        annotations=message.annotations,
        generator_url=message.generator_url,
        expires_ns=message.ends_ns,
        ends_ns=None,
        ended_by=None,
        updated_ns=now_ns,
    )
    return [Change(episode, None if newest.ends_ns is None else "told")]


def _ended(newest: Episode, message: Message, now_ns: int) -> list[Change]:
    if newest.told_end_ns is not None and message.ends_ns <= newest.told_end_ns:
        return []
    episode = replace(
        newest, told_end_ns=message.ends_ns, ends_ns=message.ends_ns, ended_by="sender", updated_ns=now_ns
    )
    return [Change(episode, "told" if newest.ends_ns is None else None)]
