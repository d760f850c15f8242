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
ONE_MACHINE = {"AGENT_COMPRESSION": "none", "GATEWAY_COMPRESSION": "none"}  # there is no network to spare


def processes(stack: Stack) -> dict[str, psutil.Process]:
    pids = {"agent": stack.agent.pid, "gateway": stack.gateway.pid, "backend": stack.backend.pid}
    return {name: psutil.Process(pid) for name, pid in pids.items()}


def worked(running: dict[str, psutil.Process]) -> dict[str, float]:
    return {name: sum(process.cpu_times()[:2]) for name, process in running.items()}


def idle(running: dict[str, psutil.Process], seconds: float = 40) -> None:
    time.sleep(15)  # as in bench_ingest
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
    p50, p99 = waits[ASKED // 2], waits[ASKED * 99 // 100]
    print(f"told to queryable        p50 {p50:.2f} s, p99 {p99:.2f} s  (< {QUERYABLE_S:g} s)")
    return p99 < QUERYABLE_S


def throughput(stack: Stack, running: dict[str, psutil.Process]) -> bool:
    before = worked(running)
    result = send("http", f"http://127.0.0.1:{stack.agent.http_port}", 512, 4, SECONDS)
    began = time.perf_counter() - result["seconds"]  # what it sends is made before
    taken = int(result["acknowledged"])
    while stack.stored("spans", "bench") < taken and time.perf_counter() - began < 6 * SECONDS:
        time.sleep(0.5)
    rate = taken / (time.perf_counter() - began)
    lost = taken - stack.stored("spans", "bench")
    print(f"agent to durable rows    {rate:,.0f} spans/s of {taken:,}  (≥ {SPANS_A_SECOND:,}), lost {lost}")
    busy = {name: (after - before[name]) / taken for name, after in worked(running).items()}
    for name, each_s in busy.items():
        megabytes = running[name].memory_info().rss / 2**20
        print(f"busy, {name:<18} {megabytes:.0f} MB, {each_s * 1e6:.0f} µs of CPU a span")
    print(
        f"busy, all                {sum(busy.values()) * 1e6:.0f} µs of CPU a span, where 2 cores leave {2e6 / SPANS_A_SECOND:.0f}"
    )
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
            stack.start(**ONE_MACHINE)
            running = processes(stack)
            idle(running)
            return 0 if queryable(stack) & throughput(stack, running) else 1
        finally:
            stack.stop()


if __name__ == "__main__":
    raise SystemExit(main())
