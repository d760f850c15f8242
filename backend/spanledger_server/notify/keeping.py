"""What is kept of what was told: as long as alerts are, then it is forgotten.

What fires here but is over, or gone, where alerts are judged is ended here as well.

Never: something forgotten that is not over.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final
from uuid import UUID

from spanledger_server.notify.event import Event
from spanledger_server.notify.written import event_of
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Reader
from spanledger_server.timegrid import HOUR_NS, MINUTE_NS

SQL = sqlfile.load(__package__)

EVERY_NS: Final = HOUR_NS
PATIENCE_NS: Final = 5 * MINUTE_NS
STATEMENTS: Final = (
    SQL["forget_old_attempts"],
    SQL["forget_old_notifications"],
    SQL["forget_old_receipts"],
    SQL["forget_old_holds"],
    SQL["forget_old_incidents"],
    SQL["forget_old_told"],
    SQL["forget_old_events"],
)


def ended(reader: Reader, now_ns: int) -> list[Event]:
    """The ends of alerts of which nobody told that they ended: as if they had been told.

    Args:
        reader: A snapshot.
        now_ns: The time; who judges has had some minutes to say so.
    """
    rows = reader.tuples(SQL["ended_elsewhere"], before_ns=now_ns - PATIENCE_NS)
    return [_end(event_of(body), now_ns) for (body,) in rows]


def _end(event: Event, now_ns: int) -> Event:
    key = f"{event.alert_id} {event.event_id} ended".encode()
    event_id = UUID(bytes=hashlib.blake2b(key, digest_size=16, person=b"ended alert").digest())
    return replace(event, event_id=event_id, kind="resolved", at_ns=now_ns)


def forget(database: Database, now_ns: int, keep_ns: int) -> None:
    """Delete what ended longer ago than `keep_ns`."""
    with database.transaction() as tx:
        for statement in STATEMENTS:
            tx.execute(statement, before_ns=now_ns - keep_ns)
