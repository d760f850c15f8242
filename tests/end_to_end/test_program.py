"""From a decorated function to an exact line: every protocol, a backend that is away, and the same call seen twice."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.backend import Backend
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
OPENAI_COST = Decimal("0.00045")  # 1,000 × 0.25 + 100 × 2 USD a million
ANTHROPIC_COST = Decimal("0.0015")  # 1,000 × 1 + 100 × 5 USD a million


class Program:
    def __init__(self, backend: Backend, calls: int, protocol: str = "http/protobuf", **settings: str) -> None:
        endpoint = backend.otlp_url if protocol.startswith("http") else f"http://127.0.0.1:{backend.grpc_port}"
        environment = {
            **os.environ,
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "SPANLEDGER_SPOOL_DIR": str(backend.directory / "spool"),
            **settings,
        }
        command = [sys.executable, "-m", "tests.end_to_end.program", str(calls)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "called\n"

    def finish(self) -> dict[str, Any]:
        out, _ = self._process.communicate("\n", timeout=90)
        stats: dict[str, Any] = json.loads(out)
        return stats

    def terminate(self) -> None:
        self._process.terminate()
        self._process.wait(60)


class Absence:
    """Stands where the backend should be: takes connections, hangs up at once, and counts them."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._tries = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._hang_up, daemon=True)

    def __enter__(self) -> Absence:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def wait_for_tries(self, count: int) -> None:
        for _ in range(count):
            assert self._tries.acquire(timeout=60)

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._listener.accept()[0].close()
                self._tries.release()


def expect_lines(backend: Backend, count: int, within_s: float = 20) -> list[dict[str, Any]]:
    def lines() -> list[dict[str, Any]]:
        found = list(backend.ledger())
        return found if len(found) >= count else []

    found = until(lines, within_s, called=f"{count} lines")
    assert len(found) == count
    return found


@pytest.mark.parametrize(("protocol", "ratio"), [("http/protobuf", "0"), ("grpc", "1")])
def test_each_call_is_one_line_with_its_exact_cost(backend: Backend, protocol: str, ratio: str) -> None:
    backend.start()
    stats = Program(backend, 30, protocol, SPANLEDGER_SAMPLE_RATIO=ratio).finish()
    lines = expect_lines(backend, 30)
    assert stats["ledger"]["sent"] == 30
    spent = Counter((line["model"], line["cost_usd"]) for line in lines)
    assert spent == {("gpt-5-mini", OPENAI_COST): 10, ("claude-haiku-4-5", ANTHROPIC_COST): 20}
    assert {line["user_id"] for line in lines} == {"ada"}
    assert {line["tenant"] for line in lines} == {"acme"}
    assert (backend.stored("spans") == 0) == (ratio == "0")


def test_a_call_is_visible_within_a_second(backend: Backend) -> None:
    backend.start()
    lags: list[float] = []
    while len(lags) < 3 and not any(lag < 1 for lag in lags):  # a busy machine may take the processor away once
        program = Program(backend, 3)
        began = time.monotonic()
        expect_lines(backend, 3 * (len(lags) + 1))
        lags.append(time.monotonic() - began)
        program.finish()
    assert min(lags) < 1, lags


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_backend_that_is_away_loses_nothing_and_counts_nothing_twice(backend: Backend, protocol: str) -> None:
    with Absence(backend.otlp_port if protocol.startswith("http") else backend.grpc_port) as absence:
        program = Program(backend, 30, protocol)
        absence.wait_for_tries(3)
    backend.start()
    stats = program.finish()
    expect_lines(backend, 30)
    assert stats["ledger"]["sent"] == 30
    assert stats["spans"]["sent"] == backend.stored("spans")
    assert not any(stats["ledger"]["dropped"].values())


def test_what_the_sdk_had_to_drop_is_counted_and_the_server_shows_it(backend: Backend) -> None:
    with Absence(backend.otlp_port) as absence:
        program = Program(backend, 60, SPANLEDGER_QUEUE_SIZE="10", SPANLEDGER_SPOOL_DIR="")
        absence.wait_for_tries(3)
    backend.start()
    stats = program.finish()

    def shown() -> dict[str, Any]:
        rows = backend.get("/api/v1/loss")["services"]
        return {row["signal"]: row for row in rows if row["service"] == "program"}

    until(lambda: "spans" in shown() and shown()["spans"]["delivered"] == stats["spans"]["sent"], called="told")
    for signal in ("spans", "ledger"):
        row, books = shown()[signal], stats[signal]
        dropped = sum(books["dropped"].values())
        assert dropped > 0
        assert (row["dropped"], row["delivered"], row["stored"]) == (dropped, books["sent"], books["sent"])
        assert row["sent"] == row["stored"] + row["dropped"]
        assert (row["on_the_way"], row["unexplained"]) == (0, 0)
        assert row["reasons"] == books["dropped"]


def test_what_could_not_be_sent_before_the_end_is_sent_by_the_next_run(backend: Backend) -> None:
    first = Program(backend, 9, SPANLEDGER_SHUTDOWN_TIMEOUT_S="1")
    first.terminate()
    backend.start()
    Program(backend, 3).finish()
    expect_lines(backend, 12)
