"""The whole stack: spans into an agent until they are rows of the backend, events until they can be asked for, and idle.

Skipped, with the reason, where no Collector was built.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import psutil

from spanledger_examples.collector import NoCollectorError, found
from tests.benchmarks.bench_ingest import send
from tests.stack.stack import Stack
from tests.support.telemetry import ledger_event, ledger_request

SPANS_A_SECOND = 8_000
SECONDS = 20
ASKED = 100
QUERYABLE_S = 3.0


def processes(stack: Stack) -> dict[str, psutil.Process]:
    pids = {"agent": stack.agent.pid, "gateway": stack.gateway.pid, "backend": stack.backend.pid}
    return {name: psutil.Process(pid) for name, pid in pids.items()}


def worked(running: dict[str, psutil.Process]) -> dict[str, float]:
    return {name: sum(process.cpu_times()[:2]) for name, process in running.items()}


def idle(running: dict[str, psutil.Process], seconds: float = 20) -> None:
    time.sleep(5)
    before = worked(running)
    time.sleep(seconds)
    for name, after in worked(running).items():
        megabytes = running[name].memory_info().rss / 2**20
        print(f"idle, {name:<18} {megabytes:.0f} MB, {(after - before[name]) / seconds:.2%} of a core")


def queryable(stack: Stack) -> bool:
    waits = []
    with stack.backend.client() as client:
        for _ in range(ASKED):
            event = ledger_event()
            began = time.perf_counter()
            url = f"http://127.0.0.1:{stack.agent.http_port}/v1/logs"
            client.post(url, content=ledger_request(event), headers={"content-type": "application/x-protobuf"})
            asked = {"f": f"trace_id:{event.trace_id.hex()}"}
            while not client.get("/api/v1/ledger", params=asked).json()["items"]:
                time.sleep(0.01)
            waits.append(time.perf_counter() - began)
    waits.sort()
    print(f"told to queryable        p50 {waits[ASKED // 2]:.2f} s, slowest {waits[-1]:.2f} s  (< {QUERYABLE_S:g} s)")
    return waits[-1] < QUERYABLE_S


def throughput(stack: Stack, running: dict[str, psutil.Process]) -> bool:
    before, began = worked(running), time.perf_counter()
    result = send("http", f"http://127.0.0.1:{stack.agent.http_port}", 512, 4, SECONDS)
    taken = int(result["acknowledged"])
    while stack.stored("spans", "bench") < taken and time.perf_counter() - began < 6 * SECONDS:
        time.sleep(0.2)
    rate = taken / (time.perf_counter() - began)
    lost = taken - stack.stored("spans", "bench")
    print(f"agent to durable rows    {rate:,.0f} spans/s  (≥ {SPANS_A_SECOND:,}), lost {lost}")
    for name, after in worked(running).items():
        megabytes = running[name].memory_info().rss / 2**20
        print(f"busy, {name:<18} {megabytes:.0f} MB, {(after - before[name]) / taken * 1e6:.0f} µs of CPU a span")
    return rate >= SPANS_A_SECOND and not lost


def main() -> int:
    try:
        binary = found()
    except NoCollectorError as reason:
        print(f"skipped: {reason}")
        return 0
    with tempfile.TemporaryDirectory() as name:
        stack = Stack(binary, Path(name))
        try:
            stack.backend_process()
            stack.start()
            running = processes(stack)
            idle(running)
            return 0 if queryable(stack) & throughput(stack, running) else 1
        finally:
            stack.stop()


if __name__ == "__main__":
    raise SystemExit(main())
