"""Events, kept in the transaction of those who judge, so that neither is without the other.

Given a transaction and events, writes those that are not there yet, and wakes those who deliver once it is committed.

Never: an event twice, or one that is lost once its transaction is committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from spanledger_server.notify.event import Event
from spanledger_server.notify.written import event_text
from spanledger_server.otlp.columns import uuid_field
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Transaction

SQL = sqlfile.load(__package__)

TOPIC: Final = "notify"  # what those listen to who want to know of new events

_COLUMNS: Final = pa.schema(
    [
        pa.field("number", pa.int64()),
        uuid_field("event_id"),
        uuid_field("alert_id"),
        pa.field("kind", pa.string()),
        pa.field("at_ns", pa.int64()),
        pa.field("body", pa.string()),
    ]
)


def record(tx: Transaction, events: Sequence[Event], now_ns: int) -> int:
    """Keep `events`, in their order; how many were new.

    Args:
        tx: The writer's turn in which what they tell of is recorded too.
        events: What happened; those whose id is there already change nothing.
        now_ns: The time.
    """
    if not events:
        return 0
    columns = [
        list(range(len(events))),
        [event.event_id.bytes for event in events],
        [event.alert_id.bytes for event in events],
        [event.kind for event in events],
        [event.at_ns for event in events],
        [event_text(event) for event in events],
    ]
    with tx.scan("recorded_events", pa.table(columns, schema=_COLUMNS)):
        new = tx.execute(SQL["add_events"], now_ns=now_ns)
    tx.tell(TOPIC)
    return new
