"""An `Ingest` and a `Repricer` on a database of their own, with prices that a test sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from spanledger_server.ingest.accept import Ingest
from spanledger_server.prices.overrides import Override
from spanledger_server.prices.reprice import Repricer
from spanledger_server.prices.runs import Run
from spanledger_server.prices.stored import StoredPrices
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.store.database import Database
from tests.backend.ingest.requests import DAY, NOON, SteppedClock, prices

PATIENCE_S = 30.0
EVERYTHING = (0, 2**62)
Rates = Mapping[str, Any]


@dataclass
class Pricing:
    """All that is needed to set prices and price lines anew."""

    database: Database
    ingest: Ingest
    stored: StoredPrices
    repricer: Repricer
    rollups: Rollups

    def set(self, rates: Rates, from_ns: int | None = None, until_ns: int | None = None, **stated: Any) -> Override:
        """Set a price of openai's gpt-4o-mini, unless something else is stated."""
        everything = {"provider": "openai", "model": "gpt-4o-mini", "rates": rates} | stated
        with self.database.transaction() as tx:
            return self.stored.add(tx, everything, (from_ns, until_ns), "test", NOON)

    def end(self, override: Override) -> None:
        with self.database.transaction() as tx:
            self.stored.end(tx, override.override_id, "test", NOON)

    def run(
        self, *texts: str, applies: bool = True, bounds: tuple[int, int] = EVERYTHING, prices: str | None = None
    ) -> Run:
        """A run from its beginning to its end."""
        run = self.repricer.begin(bounds, texts, applies=applies, by="test", now_ns=NOON, prices=prices)
        return self.repricer.wait(run.run_id, PATIENCE_S)

    def lines(self, columns: str = "* EXCLUDE (attributes)") -> list[tuple[Any, ...]]:
        return self.tuples(f"SELECT {columns} FROM ledger ORDER BY at_ns, trace_id, span_id")

    def tuples(self, sql: str) -> list[tuple[Any, ...]]:
        with self.database.reader() as reader:
            return reader.tuples(sql)

    def value(self, sql: str) -> Any:
        with self.database.reader() as reader:
            return reader.value(sql)


@contextmanager
def pricing(path: Path | None = None, chunk_lines: int = 7) -> Iterator[Pricing]:
    """Everything, started; stopped in order, so that it can be opened again."""
    database, dirty = Database.open(path), DirtyBuckets()
    ingest = Ingest(database, prices(), SteppedClock(), dirty=dirty)
    stored = StoredPrices(database, prices())
    stored.tell(partial(setattr, ingest, "prices"))
    repricer = Repricer(database, stored, dirty, lambda: NOON + DAY, ingest.caught_up, chunk_lines=chunk_lines)
    ingest.start()
    repricer.start()
    try:
        yield Pricing(database, ingest, stored, repricer, Rollups(database, dirty))
    finally:
        repricer.stop()
        ingest.stop()
        database.close()


def costs(rows: Sequence[tuple[Any, ...]]) -> list[str | None]:
    return [None if cost is None else f"{cost.normalize():f}" for (cost,) in rows]
