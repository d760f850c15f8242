"""Reading the ledger: pages of lines, newest first.

Given a snapshot and bound filters (`traces.filters.LEDGER`), gives rows as they stand in the table.

Never: a write, or a line twice on two pages because others came in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the sort key of its last line."""

    at_ns: int
    trace_id: UUID
    span_id: int


def page(
    reader: Reader, from_ns: int, to_ns: int, conditions: Mapping[str, Any], after: Position | None, most: int
) -> list[dict[str, Any]]:
    """Up to `most` lines of [`from_ns`, `to_ns`) that meet `conditions`, newest first, from behind `after` on."""
    bound = {
        "from_ns": from_ns,
        "to_ns": to_ns,
        "before_ns": None if after is None else after.at_ns,
        "before_trace": None if after is None else after.trace_id,
        "before_span": None if after is None else after.span_id,
        "most": most,
    }
    sql, parameters = sqlfile.lean(SQL["ledger_page"], bound | dict(conditions))
    return reader.rows(sql, **parameters)
