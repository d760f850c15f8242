"""Sort the index of traces, so that a trace is found without reading all of it.

Rows of `trace_index` stand in the order in which they came, in which any block may hold any hash. Given the time, sorts
by hash those that no more come to, a run of some minutes after the other; of a run a question reads one block. Where
ledger lines lie of which no span is kept is given up then: there may be ten such traces for one that is kept.

Never: holds up a writer, or sorts what is sorted.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from spanledger_server.errors import Busy
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database
from spanledger_server.timegrid import MINUTE_NS

log = logging.getLogger(__name__)

SQL = sqlfile.load(__package__)

RUN_ROWS: Final = 2_000_000  # of a run, at least: 16 blocks, and half a second
SETTLED_MINUTES: Final = 60  # after which hardly any row is added
SPANS_MINUTES: Final = 7 * 24 * 60  # before a line its trace may have had its spans: a batch is billed a day later


class TraceIndex:
    """The index of one database."""

    def __init__(self, database: Database, run_rows: int = RUN_ROWS) -> None:
        """Nothing is sorted yet.

        Args:
            database: The store.
            run_rows: How many rows a run has at least.
        """
        self._database = database
        self._run_rows = run_rows

    def sort(self, now_ns: int) -> bool:
        """Sort one run of what has settled; whether there was enough for one."""
        settled = now_ns // MINUTE_NS - SETTLED_MINUTES
        with self._database.reader() as reader:
            from_minute = reader.value(SQL["trace_index_sorted"])
            counted = reader.tuples(SQL["trace_index_minutes"], from_minute=from_minute, to_minute=settled)
        to_minute = _end(counted, self._run_rows)
        return to_minute is not None and self._sorted(from_minute, to_minute)

    def _sorted(self, from_minute: int, to_minute: int) -> bool:
        """Whether the rows between these minutes are sorted now; not where somebody deleted some of them meanwhile."""
        try:
            with self._database.beside() as tx:
                run = {"from_minute": from_minute, "to_minute": to_minute}
                tx.execute(SQL["sort_trace_index"], **run, spans_from_minute=from_minute - SPANS_MINUTES)
                tx.execute(SQL["give_up_lines"], **run)
                tx.execute(SQL["clear_trace_index"], **run)
                rows = tx.execute(SQL["fill_trace_index"])
                tx.execute(SQL["trace_index_sorted_to"], to_minute=to_minute)
        except Busy as error:
            log.info("the index of traces is sorted another time", extra={"reason": str(error)})
            return False
        log.info("sorted the index of traces", extra={"rows": rows})
        return True


def _end(counted: Sequence[tuple[int, int]], run_rows: int) -> int | None:
    """Behind which minute the first run ends, of minutes and their rows; None where they are too few."""
    rows = 0
    for minute, number in counted:
        rows += number
        if rows >= run_rows:
            return minute + 1
    return None
