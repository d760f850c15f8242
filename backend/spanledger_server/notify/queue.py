"""The messages that are to be sent, in the store: leased before they are sent, settled afterwards.

A message is leased and its attempt noted in one transaction, and only then sent; what became of it is written in
another one. What was leased when the server stopped is sent again, under the same id. Of one incident, a channel gets
the messages in their order: the next one waits until the one before is delivered, parked or dropped.

Never: an end whose beginning was never told there, or a message that vanishes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal
from uuid import UUID

from spanledger_server.errors import Conflict, NotFound
from spanledger_server.notify.message import Delivered, Failed, Message
from spanledger_server.notify.written import message_of
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction
from spanledger_server.timegrid import DAY_NS, SECOND_NS

SQL = sqlfile.load(__package__)

FIRST_PAUSE_NS: Final = 2 * SECOND_NS
LONGEST_PAUSE_NS: Final = 600 * SECOND_NS
LONGEST_AFTER_NS: Final = 3600 * SECOND_NS  # however long the other side wants
FARTHEST_NS: Final = (
    2 * LONGEST_AFTER_NS
)  # what is to be sent later than that was written before the clock was set back
GIVEN_UP_NS: Final = DAY_NS
MOST_REASON: Final = 500  # characters
NEVER_TOLD: Final = "its beginning was never told there"
State = Literal["waiting", "delivered", "parked", "dropped"]


@dataclass(frozen=True, slots=True)
class Job:
    """A message to be sent.

    Attributes:
        message: With the receipt of its incident, if there is one.
        channel_id: Through which channel.
        attempt: The number of this attempt, from 1.
        since_ns: Since when it is tried.
        breach_ns: Since when there was something to tell.
    """

    message: Message
    channel_id: str
    attempt: int
    since_ns: int
    breach_ns: int

    @property
    def notification_id(self) -> UUID:
        """Of the message."""
        return self.message.notification_id


def resume(tx: Transaction, now_ns: int) -> None:
    """Take back all leases: nobody else has the store, so whoever held them is gone."""
    tx.execute(SQL["interrupted_attempts"])
    tx.execute(SQL["return_leases"], now_ns=now_ns)


def channels(reader: Reader) -> list[str]:
    """Those that have something to send."""
    return [channel_id for (channel_id,) in reader.tuples(SQL["channels_with_work"])]


def lease(tx: Transaction, channel_id: str, now_ns: int) -> Job | int | None:
    """The next message for a channel, leased; when there will be one; None when nothing waits.

    Args:
        tx: The writer's turn.
        channel_id: The channel.
        now_ns: The time.
    """
    while True:
        heads = tx.rows(SQL["heads"], channel_id=channel_id, now_ns=now_ns)
        ready = next((head for head in heads if head["state"] == "waiting"), None)
        if ready is None:
            return None
        if now_ns < ready["next_ns"] <= now_ns + FARTHEST_NS:
            return int(ready["next_ns"])
        if not _without_beginning(tx, channel_id, ready):
            return _leased(tx, channel_id, ready, now_ns)
        _settle(tx, ready["notification_id"], "dropped", now_ns, now_ns, NEVER_TOLD)


def _without_beginning(tx: Transaction, channel_id: str, head: Mapping[str, Any]) -> bool:
    if head["status"] not in ("resolved", "acknowledged"):
        return False
    return not tx.value(SQL["delivered_before"], channel_id=channel_id, incident_id=head["incident_id"])


def _leased(tx: Transaction, channel_id: str, head: Mapping[str, Any], now_ns: int) -> Job:
    attempt = head["attempts"] + 1
    tx.execute(SQL["lease"], notification_id=head["notification_id"])
    tx.execute(SQL["begin_attempt"], notification_id=head["notification_id"], number=attempt, at_ns=now_ns)
    receipt = tx.value(SQL["receipt"], channel_id=channel_id, incident_id=head["incident_id"])
    message = replace(message_of(head["body"]), receipt=None if receipt is None else json.loads(receipt))
    return Job(message, channel_id, attempt, head["since_ns"], head["breach_ns"])


def settle(tx: Transaction, job: Job, outcome: Delivered | Failed, began_ns: int, now_ns: int) -> State:
    """Write what became of a message; its state from now on.

    Args:
        tx: The writer's turn.
        job: What was leased.
        outcome: What the channel said.
        began_ns: When it began to send.
        now_ns: The time.
    """
    name, reason, state, next_ns = _judged(job, outcome, now_ns)
    tx.execute(
        SQL["end_attempt"],
        notification_id=job.notification_id,
        number=job.attempt,
        took_ns=max(0, now_ns - began_ns),
        outcome=name,
        reason=reason,
    )
    _settle(tx, job.notification_id, state, now_ns, next_ns, reason)
    if isinstance(outcome, Delivered) and job.message.status != "test":
        _keep_receipt(tx, job, outcome.receipt, now_ns)
    return state


def _judged(job: Job, outcome: Delivered | Failed, now_ns: int) -> tuple[str, str, State, int]:
    """Its name, what is told of it, the message's state, and when it is tried again."""
    if isinstance(outcome, Delivered):
        return "delivered", outcome.detail[:MOST_REASON], "delivered", now_ns
    reason = outcome.reason[:MOST_REASON]
    if outcome.permanent:
        return "refused", reason, "parked", now_ns
    if job.message.status == "test":
        return "failed", reason, "parked", now_ns
    if now_ns - job.since_ns >= GIVEN_UP_NS:
        return "failed", f"given up after a day: {reason}", "parked", now_ns
    return "failed", reason, "waiting", now_ns + pause_ns(job.attempt, outcome.after_s)


def pause_ns(attempts: int, after_s: float | None = None) -> int:
    """How long to wait after so many failures: twice as long each time, up to ten minutes, give or take a fifth.

    Args:
        attempts: How many there were.
        after_s: What the other side asked for: it is waited for at least.
    """
    usual_ns = min(LONGEST_PAUSE_NS, FIRST_PAUSE_NS << min(attempts - 1, 20))
    jittered = round(usual_ns * random.uniform(0.8, 1.2))
    return jittered if after_s is None else max(jittered, min(LONGEST_AFTER_NS, round(max(0.0, after_s) * SECOND_NS)))


def _settle(tx: Transaction, key: UUID, state: State, now_ns: int, next_ns: int, reason: str) -> None:
    finished_ns = None if state == "waiting" else now_ns
    tx.execute(SQL["settle"], notification_id=key, state=state, next_ns=next_ns, finished_ns=finished_ns, reason=reason)


def _keep_receipt(tx: Transaction, job: Job, receipt: Mapping[str, str] | None, now_ns: int) -> None:
    incident_id = job.message.incident_id
    if receipt is None and job.message.status != "resolved":
        return
    tx.execute(SQL["forget_receipt"], channel_id=job.channel_id, incident_id=incident_id)
    if receipt is not None:
        text = json.dumps(dict(receipt))
        tx.execute(SQL["keep_receipt"], channel_id=job.channel_id, incident_id=incident_id, receipt=text, at_ns=now_ns)


def drop(tx: Transaction, channel_id: str, reason: str, now_ns: int) -> int:
    """Give up what waits for a channel; how many messages."""
    return tx.execute(SQL["drop_of_channel"], channel_id=channel_id, reason=reason, now_ns=now_ns)


def retry(tx: Transaction, notification_id: UUID, now_ns: int) -> dict[str, Any]:
    """Send a message once more that was parked or dropped, or waits; it, as it was.

    Raises:
        NotFound: There is no such message.
        Conflict: It was delivered, or is being sent.
    """
    row = tx.row(SQL["one_notification"], notification_id=notification_id)
    if row is None:
        raise NotFound(f"there is no notification {notification_id}; GET /api/v1/notifications lists all")
    if not tx.execute(SQL["retry"], notification_id=notification_id, now_ns=now_ns):
        raise Conflict(f"the notification is {row['state']}: only what is parked, dropped or waiting is sent again")
    return row
