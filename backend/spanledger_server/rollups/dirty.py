"""Which minutes must be recomputed: marked by whoever writes raw rows, taken and then consumed by the refresh.

The marks live in `dirty_buckets`, written in the transaction that changes the rows. This process remembers which
minutes are marked already, so that most transactions insert none. What is written after the refresh has taken a
mark sets a new one, so nothing that a running recomputation may not see is forgotten.

Never: remembers a mark before it is committed, or after the refresh has taken it (both happen within the writer's
turn).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction

SQL = sqlfile.load(__package__)

Family = Literal["cost", "span", "metric", "told", "audio", "user"]
Level = Literal["1m", "1h", "1d"]


class DirtyBuckets:
    """The marks of one database; everything in the process that writes raw rows shares one."""

    __slots__ = ("_marked",)

    def __init__(self) -> None:
        self._marked: set[tuple[Family, Level, int, bool]] = set()

    def mark(
        self, tx: Transaction, family: Family, buckets: Collection[int], level: Level = "1m", *, added: bool = False
    ) -> None:
        """Ask for these buckets to be recomputed.

        Args:
            tx: The transaction that changes what the buckets are made of.
            family: Which rollup.
            buckets: Numbers of buckets since 1970, UTC.
            level: Which width.
            added: That nothing but rows of a new commit were added to them.
        """
        known = {False, added}
        new = [bucket for bucket in buckets if not any((family, level, bucket, each) in self._marked for each in known)]
        if new:
            tx.execute(SQL["mark_dirty"], family=family, level=level, buckets=new, added=added)
            tx.after_commit(lambda: self._marked.update((family, level, bucket, added) for bucket in new))

    def waiting(self, reader: Reader, family: Family, level: Level, before: int) -> list[int]:
        """The marked buckets below number `before`, oldest first, each once."""
        return [bucket for (bucket,) in reader.tuples(SQL["dirty"], family=family, level=level, before=before)]

    def all_waiting(self, reader: Reader, level: Level, before: int) -> dict[Family, list[int]]:
        """As `waiting`, of each family that has any."""
        return dict(reader.tuples(SQL["all_dirty"], level=level, before=before))

    def take(self, tx: Transaction, family: Family, level: Level, buckets: Collection[int]) -> None:
        """Before these buckets are recomputed, in the writer's turn: rows committed from here on mark them anew."""
        tx.execute(SQL["take_dirty"], family=family, level=level, buckets=list(buckets))
        taken = {(family, level, bucket, added) for bucket in buckets for added in (False, True)}
        tx.after_commit(lambda: self._marked.difference_update(taken))

    def consume(self, tx: Transaction, family: Family, level: Level, buckets: Collection[int]) -> None:
        """Remove the marks that were taken, in the transaction that recomputes the buckets."""
        tx.execute(SQL["consume_dirty"], family=family, level=level, buckets=list(buckets))
