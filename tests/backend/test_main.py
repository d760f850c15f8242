"""The server as a process: how it starts, tells what is wrong, and ends."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.server import Server, environment
from tests.support.telemetry import ledger_event, ledger_request, span, span_request
from tests.support.waiting import until


def test_starting_on_an_empty_store_takes_less_than_three_seconds_of_work(server: Server):
    used = psutil.Process(server.pid).cpu_times()  # of the processor, whatever else the machine does meanwhile
    assert used.user + used.system < 3


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_zero_and_keeps_what_it_acknowledged(tmp_path: Path, how: int):
    server = Server(tmp_path).start()
    assert server.send("logs", ledger_request(ledger_event(cost="1.5"))).status_code == 200
    assert server.stop(how) == 0
    assert "Traceback" not in server.log()
    server.start()
    try:
        assert [str(line["cost_usd"]) for line in server.get("/api/v1/ledger", from_="now-1h")["items"]] == ["1.5"]
    finally:
        server.stop()


def test_requests_in_flight_while_it_ends_are_answered_and_kept(tmp_path: Path):
    server = Server(tmp_path).start()
    sent = []
    with server.client() as client:
        headers = {"Content-Type": "application/x-protobuf"}
        for _ in range(40):
            try:
                answer = client.post("/v1/logs", content=ledger_request(ledger_event(cost="1")), headers=headers)
            except httpx.HTTPError:
                break
            if answer.status_code != 200:
                break
            sent.append(answer)
            if len(sent) == 20:
                server._process.send_signal(signal.SIGTERM)
    assert server.stop() == 0
    server.start()
    try:
        assert len(server.get("/api/v1/ledger", from_="now-1h", limit=1000)["items"]) == len(sent)
    finally:
        server.stop()


def test_a_taken_port_is_told_with_the_port_and_its_setting(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        for flag in ("--port", "--otlp-http-port", "--otlp-grpc-port"):
            server = Server(tmp_path, flag, str(port))
            server.launch()
            assert until(lambda server=server: server.exited(), 20) == 1
            said = server.log()
            assert f"port {port}" in said
            assert flag in said
            assert "Traceback" not in said


def test_all_wrong_settings_are_told_at_once(tmp_path: Path):
    server = Server(tmp_path, "--tick", "soon", "--retention-raw", "-3", SPANLEDGER_TIMEZONE="Mars/Olympus")
    server.launch()
    assert until(server.exited, 20) == 1
    for part in ("--tick: 'soon'", "--retention-raw: '-3'", "SPANLEDGER_TIMEZONE: 'Mars/Olympus'"):
        assert part in server.log()


def test_a_second_server_on_the_same_file_is_refused_and_the_first_goes_on(server: Server, tmp_path: Path):
    second_directory = tmp_path / "second"
    second_directory.mkdir()
    second = Server(second_directory, "--data-dir", str(server.data))
    second.launch()
    assert until(second.exited, 20) == 1
    assert "another process has it open" in second.log()
    assert server.get("/api/v1/session")["role"] == "admin"


def test_the_first_admin_token_is_printed_once_and_opens_the_door(tmp_path: Path):
    server = Server(tmp_path, token="").start()
    printed = [word for word in server.log().split() if word.startswith("sl_")]
    link = next(word for word in server.log().split() if "#token=" in word)
    assert link == f"{server.url}/#token={printed[0]}"
    with server.client(printed[0]) as client:
        assert client.get("/api/v1/session").json()["role"] == "admin"
    server.stop()
    before = server.log()
    server.start()
    try:
        assert "sl_" not in server.log().removeprefix(before)
        with server.client(printed[0]) as client:
            assert client.get("/api/v1/session").status_code == 200
    finally:
        server.stop()


def test_a_given_admin_token_is_never_printed_and_a_new_one_replaces_it(tmp_path: Path):
    server = Server(tmp_path).start()
    old = server.token
    server.stop()
    server.token = "sl_another-token-for-this-server"
    server.start()
    try:
        assert old not in server.log()
        assert server.token not in server.log()
        assert server.client(old).get("/api/v1/session").status_code == 401
        assert server.client().get("/api/v1/session").status_code == 200
    finally:
        server.stop()


def test_the_files_it_leaves_are_for_its_owner_only(tmp_path: Path):
    server = Server(tmp_path, token="").start()
    try:
        assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
        for name in ("admin-token", "session.key"):
            assert stat.S_IMODE((server.data / name).stat().st_mode) == 0o600
    finally:
        server.stop()


def test_in_memory_nothing_is_written(tmp_path: Path):
    server = Server(tmp_path, "--data-dir", ":memory:").start()
    try:
        assert server.send("traces", span_request(span())).status_code == 200
        assert not server.data.exists()
        assert not Path(":memory:").exists()
    finally:
        server.stop()


def test_on_the_otlp_port_only_telemetry_and_health_are_served(server: Server):
    otlp = f"http://127.0.0.1:{server.otlp_port}"
    headers = {"Content-Type": "application/x-protobuf"}
    assert httpx.post(f"{otlp}/v1/traces", content=span_request(span()), headers=headers).status_code == 200
    assert httpx.get(f"{otlp}/healthz").status_code == 200
    assert httpx.get(f"{otlp}/readyz").status_code == 200
    for path in ("/", "/metrics", "/api/v1/session", "/openapi.json"):
        assert httpx.get(f"{otlp}{path}", headers={"Authorization": f"Bearer {server.token}"}).status_code == 404


def test_ports_of_receivers_can_be_switched_off(tmp_path: Path):
    server = Server(tmp_path, "--otlp-http-port", "0", "--otlp-grpc-port", "0").start()
    try:
        where = json.loads((tmp_path / "ready.json").read_text())
        assert where["otlp_http_port"] is None
        assert where["otlp_grpc_port"] is None
        assert server.send("traces", span_request(span())).status_code == 200
    finally:
        server.stop()


def test_the_help_names_every_setting():
    said = subprocess.run(
        [sys.executable, "-m", "spanledger_server", "serve", "--help"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    from spanledger_server.settings import table

    for row in table():
        assert row.flag in said


def test_its_own_counters_are_told(server: Server):
    server.send("traces", span_request(span(), span()))
    with server.client() as client:
        told = client.get("/metrics")
    assert told.headers["content-type"].startswith("text/plain")
    values = dict(line.rsplit(" ", 1) for line in told.text.splitlines() if not line.startswith("#"))
    assert values["spanledger_requests_total"] == "1"
    assert values["spanledger_rows_total"] == "2"
    assert float(values["process_resident_memory_bytes"]) > 0
