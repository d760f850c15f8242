"""Sampling, whole: a program asks the real backend what to keep, and keeps that; money is the same whatever is kept."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import simplejson

from spanledger_server.api.vitals import Vitals
from tests.support.inside import Inside, Shifted
from tests.support.ports import kept_port
from tests.support.server import ROOT, environment
from tests.support.waiting import until

SECOND = 10**9
COST = Decimal("0.00045")  # 1,000 × 0.25 + 100 × 2 USD a million
CERTAIN = ",keep_errors=0"  # nothing is kept but what was chosen when it began


class Program:
    """`tests.end_to_end.sampled`, which does what it is told."""

    def __init__(self, name: str, **variables: str) -> None:
        given = environment(SPANLEDGER_SPOOL_DIR="", **variables)
        command = [sys.executable, "-m", "tests.end_to_end.sampled", name]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._said() == []

    def do(self, what: str, count: int) -> dict[str, Any]:
        """Have it done; gives the stats."""
        self.begin(what, count)
        return self.done()

    def begin(self, what: str, count: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([what, count]) + "\n")
        self._process.stdin.flush()

    def done(self) -> dict[str, Any]:
        stats: dict[str, Any] = self._said()[1]
        assert stats["failures"] == {}
        return stats

    def end(self) -> None:
        self._process.communicate(timeout=60)
        assert self._process.returncode == 0

    def _said(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the program ended"
        return json.loads(line)


@contextmanager
def running(*programs: Program) -> Iterator[None]:
    with ExitStack() as stack:
        for program in programs:
            stack.callback(program.end)
        yield


def get(server: Inside, path: str, **query: str) -> Any:
    headers = {"authorization": f"Bearer {server.token}"}
    answer = httpx.get(server.url + path, params=query, headers=headers, trust_env=False)
    assert answer.status_code == 200, answer.text
    return simplejson.loads(answer.text, use_decimal=True)


def told(server: Inside) -> dict[str, float]:
    """What the service is asked to keep, by operation."""
    each = get(server, "/sampling", service="shop")["operationSampling"]["perOperationStrategies"]
    return {one["operation"]: float(one["probabilisticSampling"]["samplingRate"]) for one in each}


def vitals(server: Inside) -> Vitals:
    found = server.running._vitals
    assert found is not None
    return found


def roots(server: Inside, service: str, *, failed: bool = False) -> dict[str, int]:
    """How many traces are stored, by the name of their root; or only those in which a span failed."""
    with vitals(server).database.reader() as reader:
        rows = reader.tuples(
            """SELECT name, count(*) FROM spans WHERE parent_span_id IS NULL AND service = $service AND (NOT $failed OR
            trace_id IN (SELECT trace_id FROM spans WHERE status_code = 2)) GROUP BY ALL""",
            service=service,
            failed=failed,
        )
    return dict(rows)


@pytest.mark.parametrize("more", ["", CERTAIN], ids=["with the tail", "without"])
def test_a_program_keeps_of_each_operation_what_the_backend_says(tmp_path: Path, more: str) -> None:
    clock = Shifted()
    server = Inside(tmp_path, "--sampling-budget", "1", clock=clock).start()
    try:
        program = Program(
            "shop",
            SPANLEDGER_ENDPOINT=f"http://127.0.0.1:{server.otlp_port}",
            SPANLEDGER_TOKEN=server.token,
            OTEL_TRACES_SAMPLER="spanledger",
            OTEL_TRACES_SAMPLER_ARG=f"remote={server.url}/sampling,rate=100000,every=0.1{more}",
        )
        with running(program):
            program.do("answers", 1)
            program.do("visits", 200)
            program.do("jobs", 200)
            before = roots(server, "shop")
            assert before["GET /books/{number}"] == 200
            clock.by_ns = 30 * SECOND
            shares = until(lambda: told(server), 60, called="the backend has weighed what came")
            loop = vitals(server).loop
            assert loop is not None
            loop.stop()  # what is said now holds
            shares = told(server)
            assert shares["GET /health"] == 1.0
            assert max(shares["GET /books/{number}"], shares["chat gpt-5-mini"]) < 0.3
            program.do("answers", 2)
            program.do("visits", 800)
            program.do("jobs", 800)
            after = roots(server, "shop")
    finally:
        server.stop()
    came = {"GET /books/{number}": 800, "GET /people/{name}": 200, "GET /health": 20, "chat gpt-5-mini": 784}
    failing = {} if more else {"GET /books/{number}": 16}
    for operation, count in came.items():
        certain = failing.get(operation, 0)
        expected = certain + (count - certain) * shares[operation]
        spread = ((count - certain) * shares[operation] * (1 - shares[operation])) ** 0.5
        kept = after[operation] - before[operation]
        assert abs(kept - expected) <= 4.5 * spread + 1e-9, (operation, kept, expected, spread)


def test_a_program_keeps_its_own_share_until_the_backend_answers(tmp_path: Path) -> None:
    server = Inside(tmp_path)
    server._port = str(kept_port())
    program = Program(
        "shop",
        SPANLEDGER_ENDPOINT=f"http://127.0.0.1:{server.otlp_port}",
        SPANLEDGER_TOKEN=server.token,
        SPANLEDGER_SAMPLER=f"remote=http://127.0.0.1:{server._port}/sampling,every=0.1,ratio=0,keep_errors=0",
        SPANLEDGER_SHUTDOWN_TIMEOUT_S="20",
    )
    with running(program):
        program.begin("jobs", 50)
        try:
            server.start()
            assert program.done()["spans"]["recorded"] == 0
            program.do("answers", 1)
            assert program.do("jobs", 50)["spans"]["recorded"] == 49
            assert roots(server, "shop") == {"chat gpt-5-mini": 49}
            assert get(server, "/admin/statistics/costs", period="year")["total_cost"] == 98 * COST
        finally:
            server.stop()


def test_money_is_the_same_at_every_ratio_and_every_failed_trace_is_kept(tmp_path: Path) -> None:
    ratios = {"all": "1", "tenth": "0.1", "hundredth": "0.01", "none": "0"}
    server = Inside(tmp_path).start()
    try:
        variables = {"SPANLEDGER_ENDPOINT": f"http://127.0.0.1:{server.otlp_port}", "SPANLEDGER_TOKEN": server.token}
        programs = [Program(name, SPANLEDGER_SAMPLE_RATIO=ratio, **variables) for name, ratio in ratios.items()]
        with running(*programs):
            for program in programs:
                program.begin("visits", 400)
            for program in programs:
                program.done()
        costs = get(server, "/admin/statistics/costs", period="year", group_by="service")
        found = {item["category"]: (item["cost"], item["count"]) for item in costs["breakdown"]}
        kept = {name: roots(server, name) for name in ratios}
        failed = {name: roots(server, name, failed=True).get("GET /books/{number}", 0) for name in ratios}
    finally:
        server.stop()
    assert found == dict.fromkeys(ratios, (492 * COST, 500))
    assert failed == {"all": 8, "tenth": 8, "hundredth": 8, "none": 0}
    assert kept["all"]["GET /books/{number}"] == 400
    assert 20 < kept["tenth"]["GET /books/{number}"] < 76
    assert 8 <= kept["hundredth"]["GET /books/{number}"] < 24
    assert kept["none"] == {}
