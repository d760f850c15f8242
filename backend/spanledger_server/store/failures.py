"""What can go wrong between a statement and the database, beside the kinds that every feature knows.

Never: DuckDB's own exceptions; `database` turns them into these.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from spanledger_server.errors import Busy, SpanledgerError

IN_USE: Final = "another process has it open"


class StatementFailed(SpanledgerError):
    """The database could not run the statement, and trying again will not help."""


class RowsRefused(StatementFailed):
    """The statement is right; a row that it was given breaks a rule of the tables."""


class NoMemory(Busy):
    """The database had no memory, or no room to spill, for the statement."""


class StillRead(Busy):
    """Somebody reads a snapshot from before the last changes: the log cannot move into the file now."""


class Interrupted(StatementFailed):
    """Somebody stopped the statement."""


def way_out(path: Path | None, reason: str) -> str:
    """Why a file was not opened, and what to do about it.

    Args:
        path: The file.
        reason: What DuckDB said.
    """
    if "lock" in reason.lower() and "block" not in reason.lower():
        holder = re.search(r"PID (\d+)", reason)
        who = f" (process {holder[1]})" if holder else ""
        return f"{path} was not opened: {IN_USE}{who}: stop that one, or choose another --data-dir"
    if "Permission denied" in reason:
        return f"{path} was not opened: this user may not read and write it: change that, or choose another --data-dir"
    if "WAL" in reason and "match" in reason:
        return (
            f"{path} was not opened and not touched: the log beside it is of another database, as an interrupted "
            f"`spanledger restore` leaves it: restore again. DuckDB says: {reason}"
        )
    way = "it is damaged, or not a database: put a backup in its place, or choose another --data-dir"
    return f"{path} was not opened and not touched: {way}. DuckDB says: {reason}"
