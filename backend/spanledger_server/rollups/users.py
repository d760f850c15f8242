"""Who spent what: days of the ledger sorted by user, and each user's sums of a year, recomputed where they are marked.

Given the time, recomputes those marked days (UTC) that are over, from the ledger, and in the same transaction the years
in which they lie: a year is at each moment the sum of its days. Ingest goes on beside it; two of these must not.

Never: a day recomputed from lines that are no longer all there, or a number given to two users.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date, timedelta
from typing import Final

from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.levels import WIDTH_NS, runs
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Transaction

SQL = sqlfile.load(__package__)

DAY_NS: Final = WIDTH_NS["1d"]
TOGETHER: Final = 8  # days that one transaction recomputes: their years are summed once
_EPOCH: Final = date(1970, 1, 1)


def refresh_users(
    database: Database, dirty: DirtyBuckets, now_ns: int, turn: AbstractContextManager[object] | None = None
) -> int:
    """Recompute the marked days that are over; how many.

    Args:
        database: The database.
        dirty: The marks.
        now_ns: The time.
        turn: Held by whoever notes what was recomputed, so that notes are in the order of their commits.

    Raises:
        Busy: The database could not write; what is left stays marked.
    """
    with database.reader() as reader:
        waiting = dirty.waiting(reader, "user", "1d", now_ns // DAY_NS)
    for run in reversed(runs(waiting, TOGETHER)):
        with database.transaction() as tx:
            dirty.take(tx, "user", "1d", run)
        with turn or nullcontext(), database.beside() as tx:
            _recompute(tx, run)
            dirty.consume(tx, "user", "1d", run)
    return len(waiting)


def _recompute(tx: Transaction, run: Sequence[int]) -> None:
    kept_ns: int = dict(tx.tuples(SQL["kept_from"])).get("ledger", 0)
    whole = [day for day in run if day * DAY_NS >= kept_ns]
    if not whole:
        return
    bounds = {"from_day": whole[0], "to_day": whole[-1] + 1}
    times = {"from_ns": bounds["from_day"] * DAY_NS, "to_ns": bounds["to_day"] * DAY_NS}
    tx.execute(SQL["number_users"], **times)
    tx.execute(SQL["clear_user_1d"], **bounds)
    tx.execute(SQL["fill_user_1d"], **times)
    for year in sorted({(_EPOCH + timedelta(days=day)).year for day in whole}):
        tx.execute(SQL["clear_user_1y"], year=year)
        tx.execute(SQL["fill_user_1y"], year=year, **_days_of(year))
    tx.execute(SQL["forget_users"])
    tx.execute(SQL["log_recomputed"], family="user", level="1d", buckets=whole)


def _days_of(year: int) -> dict[str, int]:
    return {"from_day": (date(year, 1, 1) - _EPOCH).days, "to_day": (date(year + 1, 1, 1) - _EPOCH).days}
