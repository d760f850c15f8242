"""What this process knows to be stored already, so that most transactions need not ask.

Resources and series by id, whether any link between ledger lines exists, and the last commit's number. Asked within
the writer's turn. Forgetting only costs an insert that changes nothing.

Never: believes something stored before it was committed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from spanledger_server.store import sqlfile
from spanledger_server.store.database import Transaction

SQL = sqlfile.load(__package__)

MOST_REMEMBERED: Final = 200_000  # ids; beyond it everything is forgotten once


class Stored:
    """Ids that are in the tables; owned by the writer."""

    def __init__(self) -> None:
        self._resources: set[int] = set()
        self._series: set[int] = set()
        self._links: bool | None = None
        self._commit_no: int | None = None

    def forget(self) -> None:
        """Believe nothing; after retention has deleted resources or series."""
        self._resources.clear()
        self._series.clear()

    def put_resources(self, tx: Transaction, resources: Iterable[Mapping[int, str]]) -> None:
        """Insert the resources that are not known to be stored."""
        new: dict[int, str] = {}
        for found in resources:
            new.update({key: text for key, text in found.items() if key not in self._resources})
        if new:
            tx.execute(SQL["insert_resources"], ids=list(new), attributes=list(new.values()))
            tx.after_commit(lambda: self._remember(self._resources, new))

    def put_series(self, tx: Transaction, series: Iterable[pa.Table]) -> None:
        """Insert the series that are not known to be stored."""
        table = pa.concat_tables(list(series))
        ids: set[int] = set(table.column("series_id").to_pylist())  # type: ignore[arg-type]  # the column has no nulls
        new = ids - self._series
        if new:
            wanted = pc.is_in(table.column("series_id"), pa.array(list(new), pa.uint64()))
            with tx.scan("incoming_series", table.filter(wanted)):
                tx.execute(SQL["insert_series"])
            tx.after_commit(lambda: self._remember(self._series, new))

    def next_commit(self, tx: Transaction) -> int:
        """A number for rows that are written now: greater than that of any row that is stored."""
        if self._commit_no is None:
            self._commit_no = int(tx.value(SQL["last_commit"]))
        self._commit_no += 1
        return self._commit_no

    @staticmethod
    def _remember(known: set[int], new: Iterable[int]) -> None:
        if len(known) > MOST_REMEMBERED:
            known.clear()
        known.update(new)

    def any_links(self, tx: Transaction) -> bool:
        """Whether any ledger line ever gave way to one with another span."""
        if self._links is None:
            self._links = bool(tx.value(SQL["any_links"]))
        return self._links

    def links_were_added(self, tx: Transaction) -> None:
        """Links exist from this commit on."""
        tx.after_commit(self._links_exist)

    def _links_exist(self) -> None:
        self._links = True
