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


@dataclass(frozen=True, slots=True)
class Bar:
    """How many records a stretch of time has; None where records of it are deleted.

    Attributes:
        from_ns: Where it begins.
        records: All of them.
        errors: Those at least as severe as an error.
        warnings: Those at least as severe as a warning, without the errors.
    """

    from_ns: int
    records: int | None
    errors: int | None
    warnings: int | None


def bars(
    reader: Reader,
    from_ns: int,
    to_ns: int,
    step_ns: int,
    conditions: Mapping[str, Any],
    words: Sequence[str],
    severity: int | None,
) -> list[Bar]:
    """Each stretch of a window, oldest first.

    Args:
        reader: One snapshot.
        from_ns: Beginning of the window.
        to_ns: Its end, not part of it.
        step_ns: How long a stretch is; they begin at multiples of that.
        conditions: Bound filters.
        words: As for `page`.
        severity: As for `page`.
    """
    bounds = {"from_ns": from_ns, "to_ns": to_ns, "severity": severity, **_said(words)}
    rows = reader.rows(SQL["log_bars"], step_ns=step_ns, **bounds, **conditions)
    found = {row["bar"]: row for row in rows}
    kept_ns = reader.value(SQL["log_kept_from"]) or 0
    numbers = range(from_ns // step_ns, (to_ns - 1) // step_ns + 1)
    return [_bar(number, step_ns, found.get(number), kept_ns) for number in numbers]


def _bar(number: int, step_ns: int, row: Mapping[str, Any] | None, kept_ns: int) -> Bar:
    if row is not None:
        return Bar(number * step_ns, row["records"], row["errors"], row["warnings"])
    none = None if number * step_ns < kept_ns else 0
    return Bar(number * step_ns, none, none, none)


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
        most=most,
        **_said(words),
        **conditions,
    )


def _said(words: Sequence[str]) -> dict[str, Any]:
    """What to bind to look for `words`: the longest without a space stands in one column, others anywhere."""
    word = max((word for word in words if " " not in word), key=len, default=None)
    return {"word": word, "words": [other for other in words if other != word] or None}
