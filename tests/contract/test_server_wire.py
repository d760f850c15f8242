"""What `main` connects, seen at work: receivers, ticks, readiness, counters, and an end that loses nothing."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub

from spanledger_server import main
from tests.support.inside import Inside, Shifted
from tests.support.telemetry import NS, ledger_event, ledger_request, span, span_request
from tests.support.waiting import until

DAY_NS = 86_400 * NS


@pytest.fixture
def clock() -> Shifted:
    return Shifted()


@pytest.fixture
def quick(tmp_path: Path, clock: Shifted, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inside]:
    """A server that ticks ten times a second and checkpoints whatever there is."""
    monkeypatch.setattr(main, "CHECKPOINT_WAL_BYTES", 1)
    running = Inside(tmp_path, "--tick", "100ms", clock=clock)
    try:
        yield running.start()
    finally:
        running.stop()


def rows(server: Inside, statement: str) -> Any:
    vitals = server.running._vitals
    assert vitals is not None
    with vitals.database.reader() as reader:
        return reader.value(statement)


def counters(server: Inside) -> dict[str, float]:
    with server.client() as client:
        told = client.get("/metrics").text
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in told.splitlines() if line[0] != "#")}


def test_the_grpc_port_takes_telemetry_that_the_api_shows(server: Inside):
    request = ExportLogsServiceRequest.FromString(ledger_request(ledger_event(cost="0.125")))
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        answer = LogsServiceStub(channel).Export(request, timeout=10)
    assert not answer.partial_success.rejected_log_records
    (line,) = server.get("/api/v1/ledger", from_="now-1h")["items"]
    assert str(line["cost_usd"]) == "0.125"


def test_the_tick_rolls_up_gives_slots_and_checkpoints(quick: Inside, clock: Shifted):
    an_hour_ago = time.time_ns() - 3600 * NS
    quick.send("logs", ledger_request(ledger_event(cost="0.5", at_ns=an_hour_ago)))
    quick.send("traces", span_request(span(at_ns=an_hour_ago)))
    for table in ("cost_1m", "span_1m", "cost_1h"):
        until(lambda table=table: rows(quick, f"SELECT count(*) FROM {table}") == 1, called=table)
    quick.send("logs", ledger_request(ledger_event(cost="0.5")))
    until(lambda: quick.get("/admin/statistics/costs")["breakdown"][0]["slot"] == 1, called="a slot")
    clock.by_ns += DAY_NS
    until(lambda: rows(quick, "SELECT count(*) FROM cost_1d") >= 1, called="the day's rollup, once it is over")
    vitals = quick.running._vitals
    assert vitals is not None
    until(lambda: vitals.database.wal_bytes() == 0, called="a checkpoint")


def test_the_tick_deletes_what_is_past_its_time_and_keeps_the_ledger(quick: Inside, clock: Shifted):
    quick.send("traces", span_request(span(), span()))
    quick.send("logs", ledger_request(ledger_event(cost="0.5")))
    until(lambda: rows(quick, "SELECT count(*) FROM cost_1m") == 1)
    clock.by_ns += 9 * DAY_NS
    until(lambda: rows(quick, "SELECT count(*) FROM spans") == 0, called="spans of nine days ago are gone")
    assert rows(quick, "SELECT count(*) FROM ledger") == 1
    assert rows(quick, "SELECT count(*) FROM cost_1m") == 1
    clock.by_ns += 400 * DAY_NS
    until(lambda: rows(quick, "SELECT count(*) FROM ledger") == 0, called="the ledger of last year is gone")


def test_every_task_has_its_turn_and_none_fails(quick: Inside, clock: Shifted):
    vitals = quick.running._vitals
    assert vitals is not None
    assert vitals.loop is not None
    tasks = vitals.loop.tasks
    assert {task.name for task in tasks} == {
        *("rollups", "retention", "trace_index", "slots", "live", "tokens", "reservations", "warm", "checkpoint"),
        *("sampling", "check", "alerts", "slos", "storage", "health", "notify", "alerting"),
    }
    until(lambda: all(task.last_ns is not None for task in tasks))
    quick.get("/api/v1/session")
    clock.by_ns += 120 * NS
    until(lambda: rows(quick, "SELECT max(last_used_ns) FROM tokens") is not None, called="the use of a token is kept")
    assert sum(task.failures for task in tasks) == 0


def test_the_counters_move_with_what_comes_in(quick: Inside):
    before = counters(quick)
    quick.send("traces", span_request(span(), span()))
    quick.send("logs", ledger_request(ledger_event(cost="1"), ledger_event(cost="1", at_ns=NS)))
    with quick.client("sl_wrong") as stranger:
        assert stranger.get("/api/v1/ledger").status_code == 401
    after = counters(quick)
    moved = {name: after[name] - before.get(name, 0) for name in after}
    assert moved["spanledger_requests_total"] == 2
    assert moved["spanledger_refused_records_total"] == 1
    assert moved['spanledger_gate_refused_total{status="401"}'] == 1
    assert 1 <= moved["spanledger_commits_total"] <= 2
    signals = ("traces", "logs", "metrics", "ledger")
    assert [moved[f'spanledger_rows_total{{signal="{signal}"}}'] for signal in signals] == [2, 0, 0, 1]
    assert moved['spanledger_ledger_lines_total{state="priced"}'] == 1
    assert moved['spanledger_ack_duration_seconds_count{signal="logs"}'] == 1
    assert moved["spanledger_bytes_total"] > 200
    assert moved["spanledger_commit_seconds_total"] > 0
    assert (after["spanledger_queue_requests"], after["spanledger_queue_bytes"]) == (0, 0)
    assert after["spanledger_store_bytes"] > 0
    assert all(moved[name] >= 0 for name in after if name.partition("{")[0].endswith("_total"))


def test_it_is_ready_from_its_first_answer_to_its_stop(tmp_path: Path):
    server = Inside(tmp_path)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.otlp_port), timeout=1)
    server.start()
    ready = f"http://127.0.0.1:{server.otlp_port}/readyz"
    assert httpx.get(ready, verify=False).status_code == 200
    vitals = server.running._vitals
    assert vitals is not None
    server.stop()
    assert "the server is stopping" in vitals.unready()
    with pytest.raises(httpx.ConnectError):
        httpx.get(ready, verify=False)


def test_a_request_that_is_half_sent_when_it_stops_is_answered_and_kept(tmp_path: Path):
    server = Inside(tmp_path).start()
    body = ledger_request(ledger_event(cost="1"))
    head = "POST /v1/logs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\n"
    vitals = server.running._vitals
    assert vitals is not None
    with socket.create_connection(("127.0.0.1", server.otlp_port), timeout=10) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:10])
        until(lambda: vitals.admission.inside_bytes > 0, called="it is being received")
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        until(lambda: vitals.stopping)
        connection.sendall(body[10:])
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        stopping.join(20)
    server.start()
    try:
        assert len(server.get("/api/v1/ledger", from_="now-1h")["items"]) == 1
    finally:
        server.stop()


def test_what_was_acknowledged_from_both_receivers_while_it_stops_is_kept(tmp_path: Path):
    server = Inside(tmp_path).start()
    enough = threading.Event()

    def over_http() -> int:
        acknowledged = 0
        headers = {"Content-Type": "application/x-protobuf"}
        with httpx.Client(base_url=server.url, headers=headers, verify=False, timeout=20) as client:
            while True:
                try:
                    answer = client.post("/v1/logs", content=ledger_request(ledger_event(cost="1")))
                except httpx.HTTPError:
                    return acknowledged
                if answer.status_code != 200:
                    return acknowledged
                acknowledged += 1
                if acknowledged == 15:
                    enough.set()

    def over_grpc() -> int:
        acknowledged = 0
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            send = LogsServiceStub(channel).Export
            while True:
                request = ExportLogsServiceRequest.FromString(ledger_request(ledger_event(cost="1")))
                try:
                    send(request, timeout=20)
                except grpc.RpcError:
                    return acknowledged
                acknowledged += 1

    with ThreadPoolExecutor() as threads:
        senders = [threads.submit(over_http), threads.submit(over_grpc)]
        assert enough.wait(20)
        server.stop()
        acknowledged = sum(sender.result(30) for sender in senders)
    server.start()
    try:
        kept = len(server.get("/api/v1/ledger", from_="now-1h", limit=1000)["items"])
    finally:
        server.stop()
    assert 15 < acknowledged <= kept <= acknowledged + 2


def test_the_prices_are_loaded_before_the_first_call_is_priced(server: Inside):
    until(lambda: not any(thread.name == "spanledger-warm" for thread in threading.enumerate()))
    assert "genai_prices.data" in sys.modules
    event = ledger_event(cost=None, **{"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 10})
    assert server.send("logs", ledger_request(event)).status_code == 200
    (line,) = server.get("/api/v1/ledger", from_="now-1h")["items"]
    assert (line["state"], str(line["cost_usd"])) == ("priced", "0.00135")
