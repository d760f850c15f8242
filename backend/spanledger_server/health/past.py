"""What became of a check: its changes, and its answers in even steps.

Given a snapshot and a window, reads changes newest first, and answers from minutes or, in steps of hours, from hours.

Never: more rows than were asked for, or a step that has neither answers nor a row.
"""

from __future__ import annotations

from typing import Any, Final

from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS, MINUTE_NS, Range

SQL = sqlfile.load(__package__)

MOST_STEPS: Final = 500
STEPS_NS: Final = tuple(MINUTE_NS * count for count in (1, 5, 15, 30, 60, 180, 360, 720, 1440, 10_080))


def history(reader: Reader, check_id: str, window: Range, before: int | None, most: int) -> list[dict[str, Any]]:
    """Changes with their numbers, newest first.

    Args:
        reader: A snapshot.
        check_id: Whose.
        window: When.
        before: Only those with a lower number; None: all.
        most: How many.
    """
    bounds = {"from_ns": window.from_ns, "to_ns": window.to_ns}
    return reader.rows(SQL["history"], check_id=check_id, before=before, most=most, **bounds)


def step_ns(window: Range) -> int | None:
    """The finest step in which a window has not too many; None when it is too long for any."""
    return next((each for each in STEPS_NS if (window.to_ns - window.from_ns) / each <= MOST_STEPS), None)


def answers(reader: Reader, check_id: str, window: Range, step: int) -> list[dict[str, Any]]:
    """Answers by state and their latencies, in steps of so many nanoseconds from the window's beginning on."""
    sql = SQL["answers_by_minute" if step < HOUR_NS else "answers_by_hour"]
    return reader.rows(sql, check_id=check_id, from_ns=window.from_ns, to_ns=window.to_ns, step_ns=step)
