"""Readiness and the server's own counters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from spanledger_server.api.vitals import FAILING_FOR_NS
from spanledger_server.loops import Task, TickLoop
from tests.backend.built import Built, built


@pytest.fixture
def application() -> Iterator[Built]:
    with built() as application:
        yield application


def ready(application: Built) -> tuple[int, list[str]]:
    answer = TestClient(application.gate, base_url="http://127.0.0.1").get("/readyz")
    return answer.status_code, answer.json().get("reasons", [])


def running(application: Built) -> None:
    application.vitals.loop = TickLoop(application.vitals.clock, [Task("rollups", lambda _: None)])


def test_before_everything_runs_it_is_not_ready(application: Built):
    assert ready(application) == (503, ["the server is starting"])
    running(application)
    assert ready(application) == (200, [])


def test_while_it_stops_it_is_not_ready(application: Built):
    running(application)
    application.vitals.stopping = True
    assert ready(application) == (503, ["the server is stopping"])


def test_after_a_failed_commit_it_is_not_ready_until_one_works(application: Built):
    running(application)
    vitals = application.vitals
    vitals.ingest.counters.failed_ns = vitals.clock.now_ns()
    status, reasons = ready(application)
    assert status == 503
    assert "the last commit failed" in reasons[0]
    assert vitals.failing() is not None
    vitals.ingest.counters.failed_ns = None
    assert ready(application) == (200, [])


def test_a_failed_commit_is_forgotten_when_nobody_tries_again(application: Built):
    running(application)
    vitals = application.vitals
    vitals.ingest.counters.failed_ns = vitals.clock.now_ns() - FAILING_FOR_NS // 2
    assert vitals.failing() is not None
    vitals.ingest.counters.failed_ns -= FAILING_FOR_NS
    assert vitals.failing() is None


def test_a_closed_store_is_not_ready(application: Built):
    running(application)
    application.vitals.database.close()
    assert ready(application)[0] == 503


def test_every_counter_is_told_even_before_anything_came(application: Built):
    running(application)
    answer = TestClient(application.gate, base_url="http://127.0.0.1").get("/metrics")
    assert answer.status_code == 200
    for name in (
        "requests_total",
        "refused_records_total",
        "commit_seconds_total",
        "queue_bytes",
        "store_bytes",
    ):
        assert f"\nspanledger_{name} " in answer.text
    for line in (
        'spanledger_rows_total{signal="ledger"} 0',
        'spanledger_ledger_lines_total{state="unpriced"} 0',
        'spanledger_ack_duration_seconds_count{signal="traces"} 0',
        'spanledger_task_failures_total{task="rollups"} 0',
    ):
        assert f"\n{line}\n" in answer.text
