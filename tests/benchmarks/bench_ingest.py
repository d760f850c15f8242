"""The whole way in: a real server and a sender in another process; spans durable and queryable, each with its line."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from spanledger_examples.processes import Child
from tests.support.ports import kept_port

TARGETS = {8192: 15_000, 512: 10_000}


def send(*arguments: object) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.sender", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


class Backend:
    def __init__(self, directory: Path, **variables: str) -> None:
        port, self.otlp, self.grpc = (kept_port() for _ in range(3))
        self.url = f"http://127.0.0.1:{port}"
        token = f"sl_{secrets.token_urlsafe(16)}"
        self.headers = {"authorization": f"Bearer {token}"}
        arguments = ["spanledger_server", "serve", "--port", str(port), "--otlp-http-port", str(self.otlp)]
        arguments += ["--otlp-grpc-port", str(self.grpc), "--data-dir", str(directory)]
        began = time.perf_counter()
        self.child = Child("backend", arguments, {"SPANLEDGER_ADMIN_TOKEN": token, **variables}, directory / "log")
        self.child.wait_until_answers(f"{self.url}/readyz")
        self.ready_s = time.perf_counter() - began
        self.process = psutil.Process(self.child.pid)

    def stored(self) -> int:
        rows = httpx.get(f"{self.url}/api/v1/loss", headers=self.headers, timeout=60).json()["services"]
        return sum(row["stored"] for row in rows if row["signal"] == "spans")


def idle(backend: Backend, seconds: float = 40) -> None:
    time.sleep(15)  # after the start prices are read, and what stays is set apart
    before = backend.process.cpu_times()
    time.sleep(seconds)
    after = backend.process.cpu_times()
    megabytes = backend.process.memory_info().rss / 2**20
    cpu = (after.user + after.system - before.user - before.system) / seconds
    print(f"idle                     {megabytes:.0f} MB, {cpu:.2%} of a core  (< 250 MB, < 1 %)")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        backend = Backend(directory)
        try:
            print(f"start to ready, empty    {backend.ready_s:.2f} s  (< 3 s)")
            idle(backend)
            total = 0
            for spans, at_least in TARGETS.items():
                best = 0.0
                for protocol, url in (
                    ("http", f"http://127.0.0.1:{backend.otlp}"),
                    ("grpc", f"127.0.0.1:{backend.grpc}"),
                ):
                    result = send(protocol, url, spans, 4 if spans > 1000 else 16, 12)
                    total += int(result["acknowledged"])
                    best = result["spans_per_second"] if not best else min(best, result["spans_per_second"])
                    print(
                        f"{protocol}, {spans:>5} a request     {result['spans_per_second']:>7,.0f}/s  (≥ {at_least:,})"
                        f"   ack p50 {result['p50_ms']} p99 {result['p99_ms']} ms, refused {result['refused_requests']}"
                    )
            half = best / 2
            result = send("http", f"http://127.0.0.1:{backend.otlp}", 512, 8, 10, half)
            total += int(result["acknowledged"])
            print(f"ack of 512 at {half:,.0f}/s   p50 {result['p50_ms']} p99 {result['p99_ms']} ms  (p99 < 250 ms)")
            stored = backend.stored()
            print(f"acknowledged {total:,}, stored {stored:,}: {'equal' if stored == total else 'NOT EQUAL'}")
            backend.child.stop(60)
            size = (directory / "spanledger.duckdb").stat().st_size
            print(
                f"on disk                  {size / total:.0f} bytes a span, ledger line and rollups included  (< 200)"
            )
        finally:
            backend.child.stop()


if __name__ == "__main__":
    main()
