"""One trace by its id among fifty million spans (`BENCH_SPANS`) of 15 days, over HTTP from a real server's file.

That is the reference load: of a hundred calls a second each is billed, and of one in ten the four spans are kept.

First alone, then while another process sends spans as fast as half the server's target. `BENCH_STORE` names a directory
to keep the file in, and to find it in the next time.
"""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from uuid import UUID

import httpx

from spanledger_server.ingest.trace_index import TraceIndex
from spanledger_server.store.database import Database
from tests.backend.rows import DAY
from tests.benchmarks.bench_ingest import Backend
from tests.benchmarks.bench_statistics import INGESTED_A_SECOND
from tests.benchmarks.timed import Timed
from tests.support.waiting import until

SPANS, SPANS_A_TRACE, DAYS = 50_000_000, 4, 15
CALLS_A_TRACE = 10  # that are billed, for one whose trace is kept
SOME = 2_000_000  # what one transaction can hold
ASKED, INGESTING_S, TARGET_MS = 200, 120, 50
KEPT = {"SPANLEDGER_RETENTION_RAW": "40d", "SPANLEDGER_RETENTION_MINUTES": "40d"}
SPANS_SQL = """
INSERT INTO spans BY NAME
SELECT md5((i // $each)::VARCHAR)::UUID AS trace_id, hash(i) AS span_id,
    CASE WHEN i % $each > 0 THEN hash(i // $each * $each) END AS parent_span_id, $begin + i * $gap AS start_ns,
    start_ns + hash(i) % 3000000000 AS end_ns, 'service-' || i % 4 AS service, 'operation-' || i % 40 AS name,
    2 AS kind, CASE WHEN hash(i) % 100 = 0 THEN 2 ELSE 0 END AS status_code, 1 AS adjusted_count,
    '{"a": "some text of span ' || i || '"}' AS attributes
FROM range($first, $end) AS r(i)
"""
LINES_SQL = """
INSERT INTO ledger BY NAME
SELECT md5(CASE WHEN i % $calls = 0 THEN (i // $calls)::VARCHAR ELSE 'call ' || i END)::UUID AS trace_id,
    hash(i) AS span_id, $begin + i * $gap AS at_ns,
    1000000000 AS duration_ns, 'event' AS source, 'service-' || i % 4 AS service, 'usage' AS kind, 'chat' AS operation,
    'provider-' || i % 3 AS provider, 'model-' || i % 20 AS model, 'priced' AS state, 0.001 AS cost_usd,
    1000 AS input_tokens, 100 AS output_tokens
FROM range($first, $end) AS r(i)
"""
INDEX_SQL = """
INSERT INTO trace_index
SELECT ('0x' || replace(trace_id::VARCHAR, '-', '')[17:])::UBIGINT, min(at_ns) // 60000000000,
    max(at_ns) // 60000000000, of_lines
FROM (
    SELECT trace_id, start_ns AS at_ns, false AS of_lines FROM spans WHERE start_ns >= $from_ns AND start_ns < $to_ns
    UNION ALL
    SELECT trace_id, at_ns, true FROM ledger WHERE at_ns >= $from_ns AND at_ns < $to_ns
)
GROUP BY trace_id, of_lines
"""


def days(directory: Path, spans: int, end_ns: int) -> None:
    """A file with spans until `end_ns` and a ledger line for each call, in the order in which they came."""
    began, sorting = time.perf_counter(), 0.0
    with closing(Database.open(directory / "spanledger.duckdb")) as database:
        begin, gap = end_ns - DAYS * DAY, DAYS * DAY // spans
        for first in range(0, spans, SOME):
            part = {"first": first, "end": min(first + SOME, spans)}
            calls = {key: number // SPANS_A_TRACE * CALLS_A_TRACE for key, number in part.items()}
            with database.transaction() as tx:
                tx.execute(SPANS_SQL, begin=begin, gap=gap, each=SPANS_A_TRACE, **part)
                call_gap = gap * SPANS_A_TRACE // CALLS_A_TRACE
                tx.execute(LINES_SQL, begin=begin, gap=call_gap, calls=CALLS_A_TRACE, **calls)
                tx.execute(INDEX_SQL, from_ns=begin + first * gap, to_ns=begin + part["end"] * gap)
            busy = time.process_time()
            while TraceIndex(database).sort(end_ns):
                pass
            sorting += time.process_time() - busy
        database.checkpoint()
    size = (directory / "spanledger.duckdb").stat().st_size / 2**30
    took = time.perf_counter() - began
    print(f"{spans:,} spans, {size:.1f} GB, made in {took:.0f} s; {sorting:.0f} s of processor to sort", flush=True)


def ask(when: str, backend: Backend, client: httpx.Client, spans: int) -> None:
    """Traces that were never asked for, by the clock and by what the server is busy with."""
    timed = Timed(backend)
    for _ in range(ASKED):
        number = random.randrange(spans // SPANS_A_TRACE)
        wanted = UUID(hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest())
        timed.ask(lambda wanted=wanted: _found(client, wanted))
    print(f"{when:<22} {timed.told(TARGET_MS)}", flush=True)


def _found(client: httpx.Client, wanted: UUID) -> None:
    found = client.get(f"/api/v1/traces/{wanted.hex}").raise_for_status().json()
    assert (found["span_count"], found["calls"]) == (SPANS_A_TRACE, 1)


def main() -> None:
    spans = int(os.environ.get("BENCH_SPANS", str(SPANS)))
    with tempfile.TemporaryDirectory() as made:
        directory = Path(os.environ.get("BENCH_STORE", made))
        directory.mkdir(mode=0o700, exist_ok=True)
        if not (directory / "spanledger.duckdb").exists():
            days(directory, spans, time.time_ns())
        backend = Backend(directory, **KEPT)
        try:
            with httpx.Client(base_url=backend.url, headers=backend.headers, timeout=60) as client:
                ask("first", backend, client, spans)
                ask("again", backend, client, spans)
                before = backend.stored()
                arguments = ["http", f"http://127.0.0.1:{backend.otlp}", 512, 8, INGESTING_S, INGESTED_A_SECOND]
                sender = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.sender", *map(str, arguments)])
                try:
                    until(lambda: backend.stored() > before, 240, called="spans come in")
                    ask(f"at {INGESTED_A_SECOND:,} spans/s", backend, client, spans)
                finally:
                    sender.terminate()
                    sender.wait()
        finally:
            backend.child.stop(60)


if __name__ == "__main__":
    main()
