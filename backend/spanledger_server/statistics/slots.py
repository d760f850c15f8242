"""Colour slots: each value of a dimension keeps the place in the palette that it got when it was first seen.

Given new values, writes their slots; reading gives value -> slot. A tick looks for new ones; whoever knows values
sooner calls `assign`.

Never: a slot that changes, or one that is given out by a reader.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Final

from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Reader

SQL = sqlfile.load(__package__)

SLOTS: Final = 9  # the tenth and further values share the colour of "other"
DIMENSIONS: Final = ("model", "feature", "user_tier", "provider", "user", "service")
LOOK_BACK_NS: Final = 3600 * 10**9


def of(reader: Reader, dimension: str) -> dict[str, int]:
    """The slots of a dimension's values, 1 to `SLOTS`."""
    return dict(reader.tuples(SQL["slots"], dimension=dimension))


def assign(database: Database, dimension: str, values: Sequence[str]) -> None:
    """Give `values` that have none the next free slots, while there are any.

    Args:
        database: The store.
        dimension: One of `DIMENSIONS`.
        values: Distinct values, the one that should come first first.
    """
    with database.transaction() as tx:
        tx.execute(SQL["assign_slots"], dimension=dimension, values=list(values), most=SLOTS)


def assign_new(database: Database, now_ns: int) -> None:
    """Give slots to the values of the rollups, and of the last hour's users; writes only where there is one."""
    with database.reader() as reader:
        taken = dict(reader.tuples(SQL["slots_taken"]))
        free = [dimension for dimension in DIMENSIONS if taken.get(dimension, 0) < SLOTS]
        bounds = {"dimensions": free, "from_ns": now_ns - LOOK_BACK_NS, "most": SLOTS}
        sql, parameters = sqlfile.lean(SQL["unseen_values"], {**bounds, "users": "user" in free})
        found = dict(reader.tuples(sql, **parameters)) if free else {}
    for dimension, values in found.items():
        assign(database, dimension, values)


class NewValues:
    """Gives slots to new values, and looks for them only when something has come."""

    def __init__(self, database: Database, come: Callable[[], Hashable]) -> None:
        """Nothing is given yet.

        Args:
            database: The store.
            come: What is another whenever there may be new values.
        """
        self._database = database
        self._come = come
        self._seen: Hashable = None

    def tick(self, now_ns: int) -> None:
        """Look, where something has come since the last look; always the first time."""
        come = self._come()
        if come != self._seen:
            assign_new(self._database, now_ns)
            self._seen = come
