"""What queries may name: the public views with their columns, and the functions.

Never: a table, or a view that is not public.
"""

from __future__ import annotations

from typing import Any

from spanledger_server.query import allowed
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)


def described(reader: Reader) -> dict[str, Any]:
    """Views by name with columns in order, and the functions by subject."""
    columns: dict[str, list[dict[str, Any]]] = {}
    for row in reader.rows(SQL["public_columns"]):
        columns.setdefault(row["table_name"], []).append(
            {"name": row["column_name"], "type": row["data_type"], "comment": row["comment"]}
        )
    views = [
        {"name": row["view_name"], "comment": row["comment"], "columns": columns.get(row["view_name"], [])}
        for row in reader.rows(SQL["public_views"])
    ]
    return {"views": views, "functions": {subject: sorted(names) for subject, names in allowed.BY_SUBJECT.items()}}
