"""What is kept of what was told: as long as alerts are, then it is forgotten.

Never: something forgotten that is not over.
"""

from __future__ import annotations

from typing import Final

from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database
from spanledger_server.timegrid import HOUR_NS

SQL = sqlfile.load(__package__)

EVERY_NS: Final = HOUR_NS
STATEMENTS: Final = (
    SQL["forget_old_attempts"],
    SQL["forget_old_notifications"],
    SQL["forget_old_receipts"],
    SQL["forget_old_holds"],
    SQL["forget_old_incidents"],
    SQL["forget_old_told"],
    SQL["forget_old_events"],
)


def forget(database: Database, now_ns: int, keep_ns: int) -> None:
    """Delete what ended longer ago than `keep_ns`."""
    with database.transaction() as tx:
        for statement in STATEMENTS:
            tx.execute(statement, before_ns=now_ns - keep_ns)
