"""Finding log records: pages of them, newest first.

Given a snapshot, a window and bound filters (`traces.filters.LOGS`), gives rows.

Never: a record twice on two pages because others came in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)

SEVERITIES: Final = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}  # the least OTLP number


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended."""

    at_ns: int
    record_id: int


def page(
    reader: Reader,
    from_ns: int,
    to_ns: int,
    conditions: Mapping[str, Any],
    words: Sequence[str],
    severity: int | None,
    after: Position | None,
    most: int,
) -> list[dict[str, Any]]:
    """Up to `most` records of a window.

    Args:
        reader: One snapshot.
        from_ns: Beginning of the window.
        to_ns: Its end, not part of it.
        conditions: Bound filters.
        words: All of them must occur in the record, in lower case.
        severity: The least OTLP number; records without one are then left out.
        after: Where the page before ended.
        most: How many.
    """
    return reader.rows(
        SQL["log_page"],
        from_ns=from_ns,
        to_ns=to_ns,
        before_ns=None if after is None else after.at_ns,
        before_record=None if after is None else after.record_id,
        severity=severity,
        words=list(words) or None,
        most=most,
        **conditions,
    )
