"""What a day takes on disk at the reference load: a hundred billed calls a second, of one in ten the four spans are kept.

Hours of it are sent over OTLP to a real server, as events and spans; the file is measured as the server leaves it when
all of that has settled: rollups made, the index of traces sorted, a checkpoint. What counts is what the hours after the
first one add: an empty file has a block for each of its tables. Without metrics and logs.
"""

from __future__ import annotations

import random
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanledger_server.care.storage import Storage, StorageWatch
from spanledger_server.ingest.trace_index import TraceIndex
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.store.database import Database
from tests.benchmarks.bench_ingest import Backend
from tests.benchmarks.load import billed_call, trace_requests
from tests.support.telemetry import NS, attributes, ledger_request

CALLS_A_SECOND, KEPT, SPANS_A_CALL, SECONDS, HOURS = 100, 10, 4, 3600, 4
AT_A_TIME, TARGET_GB = 10, 1.0  # seconds in a request
TOLD = 8  # tables


def hour(end_ns: int) -> Iterator[tuple[bytes, bytes]]:
    """Requests with the spans that are kept, and with the events of all calls, of some seconds each."""
    random_ = random.Random(1)
    for first in range(0, SECONDS, AT_A_TIME):
        spans, events = [], []
        for second in range(first, first + AT_A_TIME):
            at_ns = end_ns - (SECONDS - second) * NS
            kept = next(trace_requests(KEPT * SPANS_A_CALL, second, lambda at_ns=at_ns: at_ns, SPANS_A_CALL))
            scope = ExportTraceServiceRequest.FromString(kept).resource_spans[0].scope_spans[0]
            spans.append(kept)
            events += [_event(each) for each in scope.spans[SPANS_A_CALL - 1 :: SPANS_A_CALL]]
            for _ in range(CALLS_A_SECOND - KEPT):
                call = billed_call(random_, at_ns)
                call.trace_id, call.span_id = secrets.token_bytes(16), secrets.token_bytes(8)
                events.append(_event(call))
        yield b"".join(spans), ledger_request(*events, service="bench")  # messages add up where their fields repeat


def _event(call: Span) -> LogRecord:
    """What the SDK tells of a call beside its span."""
    duration_ns = call.end_time_unix_nano - call.start_time_unix_nano
    told = {"spanledger.entry.kind": "usage", "spanledger.duration_ns": duration_ns}
    return LogRecord(
        time_unix_nano=call.end_time_unix_nano,
        observed_time_unix_nano=call.end_time_unix_nano,
        event_name="spanledger.ledger.entry",
        trace_id=call.trace_id,
        span_id=call.span_id,
        attributes=[*attributes(told), *call.attributes],
    )


def sent(directory: Path, hours_ends_ns: Sequence[int]) -> None:
    """Hours into the file of this directory, by a server that is stopped then."""
    backend = Backend(directory)
    try:
        began = time.perf_counter()
        with httpx.Client(headers={"content-type": "application/x-protobuf"}, timeout=60) as client:
            for end_ns in hours_ends_ns:
                for spans, events in hour(end_ns):
                    for path, body in (("traces", spans), ("logs", events)):
                        url = f"http://127.0.0.1:{backend.otlp}/v1/{path}"
                        client.post(url, content=body).raise_for_status()
        calls = CALLS_A_SECOND * SECONDS * len(hours_ends_ns)
        print(f"sent                     {calls:,} calls in {time.perf_counter() - began:.0f} s", flush=True)
    finally:
        backend.child.stop(60)


def measured(file: Path) -> Storage:
    """What the file takes once all has settled."""
    now_ns = time.time_ns()
    with closing(Database.open(file)) as database:
        Rollups(database, DirtyBuckets()).refresh(now_ns)
        while TraceIndex(database, run_rows=1).sort(now_ns + 2 * SECONDS * NS):
            pass
        database.checkpoint()
        return StorageWatch(database, None).look(now_ns)


def main() -> None:
    now_ns = time.time_ns()
    first, *others = (now_ns - ago * SECONDS * NS for ago in reversed(range(HOURS)))
    with tempfile.TemporaryDirectory() as name:
        directory, file = Path(name), Path(name) / "spanledger.duckdb"
        sent(directory, [first])
        before = measured(file)
        sent(directory, others)
        after = measured(file)
    days = 24 / len(others)
    day = (after.used_bytes - before.used_bytes) * days / 1e9
    print(
        f"first hour, empty blocks {before.used_bytes / 1e6:.1f} MB; {len(others)} more {after.used_bytes / 1e6:.1f} MB"
    )
    print(f"a day                    {day:.2f} GB  (< {TARGET_GB:.0f} GB)")
    held = {table.name: table.bytes for table in before.tables}
    for table in after.tables[:TOLD]:
        print(f"  {table.name:<22} {(table.bytes - held[table.name]) * days / 1e6:>6.0f} MB a day, in whole blocks")


if __name__ == "__main__":
    main()
