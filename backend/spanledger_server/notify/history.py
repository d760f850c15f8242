"""What was told to whom, and what was not and why: for people who ask.

Given a snapshot, reads messages with all attempts, and the reasons why an alert was not told.

Never: a message's text beyond its title, unless one message is asked for.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from spanledger_server.errors import NotFound
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)

STATES: Final = ("waiting", "sending", "delivered", "parked", "dropped")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages; None stands for any.

    Attributes:
        alert_id: That tell of this alert.
        channel: Id or name of their channel.
        state: In which they are.
        incident_id: Of this incident.
        from_ns: Made then or later.
        to_ns: Made before.
    """

    alert_id: UUID | None = None
    channel: str | None = None
    state: str | None = None
    incident_id: str | None = None
    from_ns: int = 0
    to_ns: int = 2**63 - 1


def page(reader: Reader, wanted: Wanted, before: int | None, most: int) -> list[dict[str, Any]]:
    """Up to `most` messages, newest first, each with its attempts; below the `place` that is `before`."""
    return _with_attempts(reader, reader.rows(SQL["notification_page"], before=before, most=most, **asdict(wanted)))


def some(reader: Reader, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """These messages, in the order in which they were made."""
    return _with_attempts(reader, reader.rows(SQL["some_notifications"], ids=[str(each) for each in ids]))


def one(reader: Reader, notification_id: UUID) -> dict[str, Any]:
    """One message with its attempts, and all that it says as `body`.

    Raises:
        NotFound: There is none.
    """
    found = some(reader, [notification_id])
    if not found:
        raise NotFound(f"there is no notification {notification_id}; GET /api/v1/notifications lists all")
    body = json.loads(reader.value(SQL["notification_body"], notification_id=notification_id))
    return found[0] | {"body": body}


def holds(reader: Reader, alert_id: UUID) -> list[dict[str, Any]]:
    """Why channels were not told of an alert, and from when to when; `channel` is None where no route took it."""
    return reader.rows(SQL["holds_of_alert"], alert_id=alert_id)


def _with_attempts(reader: Reader, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    attempts: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    ids = [str(row["notification_id"]) for row in rows]
    for attempt in reader.rows(SQL["attempts"], ids=ids) if ids else []:
        attempts[attempt.pop("notification_id")].append(attempt)
    return [row | {"tried": attempts[row["notification_id"]]} for row in rows]
