"""What pricing a million ledger lines anew costs, as a dry run and corrected, in a file, and what ingestion notices.

A sender commits a line every 20 ms meanwhile; its waits are compared with those before the run.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path

from spanledger.pricing import PriceBook
from spanledger_server.clock import SystemClock
from spanledger_server.ingest.accept import Ingest
from spanledger_server.prices.reprice import Repricer
from spanledger_server.prices.runs import Run
from spanledger_server.prices.stored import StoredPrices
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.store.database import Database
from tests.backend.ingest.requests import candidate, events
from tests.backend.rows import DAY

LINES, TARGET_S, PATIENCE_S = 1_000_000, 60, 600
END = 1_796_083_199 * 10**9
BEGIN = END - 30 * DAY
LEDGER = """
INSERT INTO ledger BY NAME
SELECT md5((i // 3)::VARCHAR)::UUID AS trace_id, hash(i) AS span_id, $begin + i * $gap AS at_ns, 10**9 AS duration_ns,
    'event' AS source, 'service-' || i % 5 AS service, 'usage' AS kind, 'chat' AS operation, 'openai' AS provider,
    ['gpt-5', 'gpt-5-mini', 'gpt-4o', 'gpt-4.1'][1 + i % 4] AS model, model AS request_model, 'unpriced' AS state,
    'model_unknown' AS state_reason, hash(i + 1) % 10000 AS input_tokens, hash(i + 2) % 1000 AS output_tokens,
    CASE WHEN i % 3 = 0 THEN hash(i + 3) % 100 END AS cached_input_tokens, 'reported' AS usage_state, false AS batch,
    'user-' || i % 1000 AS user_id
FROM range($lines) AS r(i)
"""


class Sender(threading.Thread):
    """Commits a line every 20 ms and keeps how long each took."""

    def __init__(self, ingest: Ingest) -> None:
        super().__init__(daemon=True)
        self.ingest, self.waits, self.ended = ingest, list[float](), threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.02):
            began = time.perf_counter()
            number = time.time_ns()
            self.ingest.accept(events(candidate("event", number, number, number)), 100)
            self.waits.append((time.perf_counter() - began) * 1000)

    def told(self) -> str:
        waits, self.waits = sorted(self.waits), []
        return f"commits p50 {waits[len(waits) // 2]:.0f} ms  p95 {waits[len(waits) * 95 // 100]:.0f} ms  max {waits[-1]:.0f} ms"


def timed(repricer: Repricer, *, applies: bool) -> tuple[Run, float]:
    began = time.perf_counter()
    run = repricer.begin((BEGIN, END), [], applies=applies, by="bench", now_ns=time.time_ns())
    run = repricer.wait(run.run_id, PATIENCE_S)
    return run, time.perf_counter() - began


def main() -> None:
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else LINES
    with tempfile.TemporaryDirectory() as directory:
        database = Database.open(Path(directory) / "spanledger.duckdb")
        with database.transaction() as tx:
            tx.execute(LEDGER, begin=BEGIN, gap=(END - BEGIN) // lines, lines=lines)
        database.checkpoint()
        print(f"{lines:,} lines, {database.size_bytes() / 2**20:.0f} MiB")
        clock, dirty = SystemClock(), DirtyBuckets()
        ingest = Ingest(database, PriceBook.default(), clock, dirty=dirty)
        ingest.start()
        repricer = Repricer(database, StoredPrices(database, ingest.prices), dirty, clock.now_ns, ingest.caught_up)
        repricer.start()
        sender = Sender(ingest)
        sender.start()
        time.sleep(2)
        print(f"before            {sender.told()}")
        for name, applies in (("dry run", False), ("corrected", True), ("nothing left", True)):
            run, took = timed(repricer, applies=applies)
            changed = run.totals.together()["changed"]
            print(f"{name:<14} {took:5.1f} s  {run.state}, {changed:,} differ; {sender.told()}   (< {TARGET_S} s)")
        sender.ended.set()
        sender.join()
        print(f"{database.size_bytes() / 2**20:.0f} MiB with the log; ", end="")
        began = time.perf_counter()
        database.checkpoint()
        print(f"checkpoint {time.perf_counter() - began:.1f} s; {database.size_bytes() / 2**20:.0f} MiB")
        repricer.stop()
        ingest.stop()
        database.close()


if __name__ == "__main__":
    main()
