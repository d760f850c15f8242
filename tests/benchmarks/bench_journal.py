"""What it costs the caller that each ledger entry is on disk before the call returns, and an hour without a backend.

Prints microseconds of the caller's processor time for queueing an entry with and without the journal, beside a plain
OpenTelemetry span with 8 attributes; the one time that the file is made; and, for 360,000 entries (an hour at 100 a
second) offered as fast as they are taken while nobody answers: the memory held, the bytes on disk, and what arrived
when the backend was there again.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

import spanledger
from spanledger import semconv
from spanledger.configure import _state
from spanledger.delivery.journal import Journal
from spanledger.delivery.lane import Lane
from spanledger.delivery.outcome import Outcome, Sent, TryAgain
from spanledger.delivery.spool import Spool
from spanledger.settings import Settings
from tests.benchmarks.bench_traced_cost import ANSWER, plain_span, provider
from tests.sdk.making import entry, ledger_lane

ROUNDS, CALLS = 15, 5_000
WARM, HOUR = 2_000, 360_000
TARGET_US, TARGET_MB = 3.0, 100.0
CONTEXT = {"user.id": "ada", "user.tier": "pro", "session.id": "s-1", "spanledger.tenant": "acme"}
DEFAULTS = Settings()


class Receiver:
    """A transport to somebody who counts each call, or to nobody."""

    forks_wait = False

    def __init__(self) -> None:
        self.there = True
        self.times = bytearray(WARM + HOUR)

    def send(self, payload: bytes, timeout_s: float) -> Outcome:
        if not self.there:
            return TryAgain("nobody", unreachable=True)
        for resource in ExportLogsServiceRequest.FromString(payload).resource_logs:
            for scope in resource.scope_logs:
                for record in scope.log_records:
                    self.times[called(record)] += 1
        return Sent()

    def prepare(self) -> None: ...

    def close(self) -> None: ...

    def after_fork(self) -> None: ...


def called(record: LogRecord) -> int:
    """The number of the call that a record tells of."""
    (said,) = (pair.value.string_value for pair in record.attributes if pair.key == semconv.GEN_AI_RESPONSE_ID)
    return int(said.partition("-")[0])


class Anybody(Receiver):
    """The same for what is no ledger entry."""

    def send(self, payload: bytes, timeout_s: float) -> Outcome:
        return Sent() if self.there else TryAgain("nobody", unreachable=True)


def lane_in(directory: Path, *, journal: bool) -> Lane:
    spool = Spool(directory, "http://nobody", DEFAULTS.spool_max_bytes)
    own = Journal(spool.directory, DEFAULTS.journal_max_bytes, lambda: b"") if journal else None
    made = ledger_lane("http://nobody", limit=DEFAULTS.queue_size, batch_size=512, spool=spool, journal=own)
    made.transport = Receiver()
    return made


@spanledger.traced_cost(provider="openai", model="gpt-4o-mini")
def call(number: int) -> dict[str, Any]:
    """A call whose ids are as they are in life, which do not compress."""
    usage = {"prompt_tokens": random.randrange(4_000), "completion_tokens": random.randrange(900)}
    return ANSWER | {"id": f"{number}-{random.getrandbits(116):029x}", "usage": usage}


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
    """All signals, as `configure` sets them up, the metrics read 50 times as often."""
    handle = spanledger.configure(
        service_name="bench",
        endpoint="http://127.0.0.1:9",
        spool_dir=str(directory),
        journal=True,
        metrics_interval_s=0.2,
        max_backoff_s=0.2,
    )
    pipeline: Any = _state.pipeline
    ledger, others = Receiver(), Anybody()
    for lane in pipeline.worker.lanes:
        lane.transport = ledger if lane is pipeline.ledger else others
    make_calls(0, WARM, pipeline.ledger)
    handle.flush(60)
    before, ledger.there, others.there = rss_mb(), False, False
    started = time.monotonic()
    highest = make_calls(WARM, HOUR, pipeline.ledger)
    took, books = time.monotonic() - started, handle.stats()
    on_disk = sum(path.stat().st_size for path in directory.rglob("*.otlp")) / 1e6
    ledger.there = others.there = True
    arrived, once = handle.flush(120), ledger.times.count(1)
    print(f"{HOUR} calls with nobody there, in {took:.0f} s: {books['ledger']}, {on_disk:.1f} MB of spool")
    for name in ("journal", "spans", "metrics"):
        print(f"{name}: {books[name]}")
    print(f"memory: {before:.0f} MB before, {highest:.0f} MB at most: {highest - before:.0f} MB held")
    print(f"arrived when it was back: {once} once, {WARM + HOUR - once} otherwise; flushed: {arrived}")
    print(f"{handle.stats()['ledger']}")
    return once == WARM + HOUR and highest - before <= TARGET_MB


def make_calls(first: int, count: int, lane: Lane) -> float:
    """As fast as the worker takes them; gives the most memory that was held meanwhile, in MB."""
    highest = 0.0
    with spanledger.context(user_id="ada", user_tier="pro", session_id="s-1", tenant="acme"):
        for number in range(first, first + count):
            call(number)
            if number % 100 == 0:
                highest = max(highest, rss_mb())
                while lane.is_crowded():  # an hour of real calls is far slower
                    time.sleep(0.001)
    return highest


def main() -> int:
    with TemporaryDirectory() as directory:
        passed = [cost(Path(directory) / "cost"), hour(Path(directory) / "hour")]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
