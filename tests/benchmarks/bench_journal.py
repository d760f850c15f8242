"""What it costs the caller that each ledger entry is on disk before the call returns, and an hour without a backend.

Prints microseconds of the caller's processor time for queueing an entry with and without the journal, beside a plain
OpenTelemetry span with 8 attributes; the one time that the file is made; and, for 360,000 entries (an hour at 100 a
second) offered as fast as they are taken while nobody answers: the memory held, the bytes on disk, and what arrived
when the backend was there again.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from spanledger.delivery.journal import Journal
from spanledger.delivery.lane import Lane
from spanledger.delivery.outcome import Outcome, Sent, TryAgain
from spanledger.delivery.spool import Spool
from spanledger.settings import Settings
from tests.benchmarks.bench_traced_cost import ANSWER, plain_span, provider
from tests.sdk.making import entry, ledger_lane, working

ROUNDS, CALLS = 15, 5_000
HOUR = 360_000
TARGET_US, TARGET_MB = 4.0, 100.0
CONTEXT = {"user.id": "ada", "user.tier": "pro", "session.id": "s-1", "spanledger.tenant": "acme"}
DEFAULTS = Settings()


class Receiver:
    """A transport to nobody, until it is told that somebody is there; then it counts each entry."""

    forks_wait = False

    def __init__(self) -> None:
        self.there = False
        self.times = bytearray(HOUR)

    def send(self, payload: bytes, timeout_s: float) -> Outcome:
        if not self.there:
            return TryAgain("nobody", unreachable=True)
        for resource in ExportLogsServiceRequest.FromString(payload).resource_logs:
            for scope in resource.scope_logs:
                for record in scope.log_records:
                    self.times[int.from_bytes(record.span_id, "big")] += 1
        return Sent()

    def prepare(self) -> None: ...

    def close(self) -> None: ...

    def after_fork(self) -> None: ...


def lane_in(directory: Path, *, journal: bool) -> Lane:
    spool = Spool(directory, "http://nobody", DEFAULTS.spool_max_bytes)
    own = Journal(spool.directory, DEFAULTS.journal_max_bytes, lambda: b"") if journal else None
    made = ledger_lane("http://nobody", limit=DEFAULTS.queue_size, batch_size=512, spool=spool, journal=own)
    made.transport = Receiver()
    return made


def us(function: Callable[[], Any]) -> float:
    started = time.thread_time()
    for _ in range(CALLS):
        function()
    return (time.thread_time() - started) / CALLS * 1e6


def cost(directory: Path) -> bool:
    made = entry(1, context=CONTEXT)
    lanes = {name: lane_in(directory / name, journal=name == "journal") for name in ("queue", "journal")}
    started = time.perf_counter()
    lanes["journal"].put(made)
    print(f"the file is made with the first entry: {(time.perf_counter() - started) * 1e3:.2f} ms")
    functions = {"plain": plain_span(provider(True).get_tracer("plain"), ANSWER), "bare": lambda: ANSWER}
    functions |= {name: lambda lane=lane: lane.put(made) for name, lane in lanes.items()}
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, function in functions.items():
            taken = us(function)
            best[name] = min(taken, best.get(name, taken))
            for lane in lanes.values():
                empty(lane)
    more, plain = best["journal"] - best["queue"], best["plain"] - best["bare"]
    print(f"put: {best['queue']:.2f} us, with the journal {best['journal']:.2f} us: {more:.2f} us more")
    print(f"plain span with 8 attributes: {plain:.2f} us; the journal is {more / plain:.3f} of it")
    return more <= TARGET_US


def empty(lane: Lane) -> None:
    """As if everything had been delivered."""
    kept = list(lane._queue)
    lane._queue.clear()
    if lane.journal is not None:
        lane.journal.done(kept)


def rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def hour(directory: Path) -> bool:
    lane = lane_in(directory, journal=True)
    receiver: Any = lane.transport
    with working(lane, timeout_s={"ledger": 5.0}) as worker:
        before = highest = rss_mb()
        started = time.monotonic()
        for number in range(HOUR):
            lane.put(entry(number, context=CONTEXT))
            if number % 100 == 0:
                highest = max(highest, rss_mb())
                while lane.is_crowded():  # an hour of real calls is two hundred times slower
                    time.sleep(0.001)
        took, books = time.monotonic() - started, lane.books()
        on_disk = sum(path.stat().st_size for path in directory.rglob("*.otlp")) / 1e6
        receiver.there = True
        arrived = worker.flush(120)
    print(f"{HOUR} entries with nobody there, in {took:.0f} s: {books.spooled} in {on_disk:.1f} MB of spool,")
    print(f"{books.waiting} in memory, dropped {books.dropped}, missed by the journal {lane.journal.books().missed}")  # type: ignore[union-attr]
    print(f"memory: {before:.0f} MB before, {highest:.0f} MB at most: {highest - before:.0f} MB held")
    once = receiver.times.count(1)
    print(f"arrived when it was back: {once} once, {HOUR - once} otherwise; flushed: {arrived}; {lane.books()}")
    return once == HOUR and highest - before <= TARGET_MB


def main() -> int:
    with TemporaryDirectory() as directory:
        passed = [cost(Path(directory) / "cost"), hour(Path(directory) / "hour")]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
