"""How much the tables hold.

Never: a table counted row by row: the database knows about how many there are.
"""

from __future__ import annotations

from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)


def rows(reader: Reader) -> dict[str, int]:
    """About how many rows each table has."""
    return dict(reader.tuples(SQL["rows_by_table"]))
