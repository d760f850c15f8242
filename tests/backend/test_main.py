"""The server as a whole: how it starts, tells what is wrong, and ends."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import httpx
import psutil
import pytest
from click.testing import CliRunner
from websockets.sync.client import connect

from spanledger_server.cli.main import main
from spanledger_server.errors import SpanledgerError
from spanledger_server.settings import table
from tests.support.inside import Inside
from tests.support.server import Server, environment
from tests.support.telemetry import ledger_event, ledger_request, span, span_request
from tests.support.waiting import until

ENDS_WITHIN_S = 8.0  # five of them are the grace for requests that are being answered


def lines_kept(server: Server) -> int:
    """How many ledger lines are found by a server that opens the same directory afterwards."""
    again = Inside(server.directory).start()
    try:
        return len(again.get("/api/v1/ledger", from_="now-1h", limit=1000)["items"])
    finally:
        again.stop()


def test_it_starts_quickly_and_ends_with_zero_within_seconds_keeping_what_it_acknowledged(tmp_path: Path):
    server = Server(tmp_path).start()
    used = psutil.Process(server.pid).cpu_times()  # of the processor, whatever else the machine does meanwhile
    assert used.user + used.system < 6  # half of it on a quiet machine
    address = server.url.replace("http", "ws", 1) + "/api/v1/live"
    with (
        connect(address, additional_headers={"Authorization": f"Bearer {server.token}"}) as page,
        grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel,
    ):
        page.send("{}")
        page.recv(10)
        grpc.channel_ready_future(channel).result(10)
        assert server.send("logs", ledger_request(ledger_event(cost="1.5"))).status_code == 200
        began = time.monotonic()
        assert server.stop(signal.SIGTERM) == 0
        assert time.monotonic() - began < ENDS_WITHIN_S
    assert "Traceback" not in server.log()
    assert "ERROR" not in server.log()
    assert server.token not in server.log()
    assert lines_kept(server) == 1


def test_requests_in_flight_while_it_is_interrupted_are_answered_and_kept(tmp_path: Path):
    server = Server(tmp_path).start()
    acknowledged = 0
    with server.client() as client:
        headers = {"Content-Type": "application/x-protobuf"}
        for count in range(40):
            if count == 20:
                os.kill(server.pid, signal.SIGINT)
            try:
                answer = client.post("/v1/logs", content=ledger_request(ledger_event(cost="1")), headers=headers)
            except httpx.HTTPError:
                break
            if answer.status_code != 200:
                break
            acknowledged += 1
    assert server.stop(signal.SIGINT) == 0
    assert "Traceback" not in server.log()
    assert acknowledged >= 20
    assert lines_kept(server) == acknowledged


@pytest.mark.parametrize("flag", ["--port", "--otlp-http-port", "--otlp-grpc-port"])
def test_a_taken_port_is_told_with_the_port_and_its_setting(tmp_path: Path, flag: str):
    before = threads()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SpanledgerError) as told:
            Inside(tmp_path, flag, str(port), fresh=True).start()
    assert f"port {port}" in str(told.value)
    assert flag in str(told.value)
    assert not (tmp_path / "data").exists()
    assert threads() <= before


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--host", "203.0.113.7"), "cannot listen on 203.0.113.7"),
        (("--host", "no-such-name.invalid"), "--host no-such-name.invalid"),
        (("--data-dir", "FILE"), "is a file: name a directory"),
        (("--data-dir", "FILE/below"), "cannot be made"),
        (("--data-dir", "DAMAGED"), "not opened and not touched"),
        (("--price-files", "FILE"), "--price-files: "),
    ],
)
def test_what_keeps_it_from_starting_is_told_in_one_line_and_nothing_keeps_running(
    tmp_path: Path, flags: tuple[str, str], words: str
):
    before = threads()
    (tmp_path / "FILE").write_text("- [", encoding="utf-8")
    (tmp_path / "DAMAGED").mkdir()
    (tmp_path / "DAMAGED" / "spanledger.duckdb").write_bytes(os.urandom(9000))
    value = str(tmp_path / flags[1]) if flags[1].isupper() or "/" in flags[1] else flags[1]
    with pytest.raises(SpanledgerError) as told:
        Inside(tmp_path, flags[0], value, fresh=True).start()
    assert words in str(told.value)
    assert len(str(told.value).splitlines()) == 1
    assert threads() <= before


def threads() -> set[threading.Thread]:
    """Those of ours that run."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("spanledger")}


@contextmanager
def somebody_else() -> Iterator[Path]:
    """A directory that the user who runs the test owns but may not enter, as somebody without privileges."""
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made) / "data"
        directory.mkdir()
        privileged = os.geteuid() == 0
        Path(made).chmod(0o755)
        directory.chmod(0)
        if privileged:
            os.seteuid(65534)
        try:
            yield directory
        finally:
            if privileged:
                os.seteuid(0)
            directory.chmod(0o700)


def test_a_directory_of_somebody_else_is_told_in_one_line(tmp_path: Path):
    server = Inside(tmp_path)
    with somebody_else() as directory:
        server.data = directory
        with pytest.raises(SpanledgerError, match="may not be read and written by this user"):
            server.start()
        done = CliRunner().invoke(main, ["check", "--data-dir", str(directory)])
    assert done.exit_code == 1
    assert done.stderr.startswith(f"spanledger: {directory}")


def test_as_a_process_it_tells_all_wrong_settings_at_once_and_ends_with_two(tmp_path: Path):
    server = Server(tmp_path, "--tick", "soon", "--retention-raw", "-3", SPANLEDGER_TIMEZONE="Mars/Olympus")
    server.launch()
    assert until(server.exited, 60) == 2
    said = server.log().splitlines()
    assert len(said) == 3
    for part in ("--tick: 'soon'", "--retention-raw: '-3'", "SPANLEDGER_TIMEZONE: 'Mars/Olympus'"):
        assert any(line.startswith("spanledger: ") and part in line for line in said)


def test_a_second_server_on_the_same_file_is_refused_and_the_first_goes_on(server: Inside, tmp_path: Path):
    second_directory = tmp_path / "second"
    second_directory.mkdir()
    second = Server(second_directory, "--data-dir", str(server.data))
    second.launch()
    assert until(second.exited, 60) == 1
    assert f"another process has it open (process {os.getpid()})" in second.log()
    assert len(second.log().splitlines()) == 1
    assert server.get("/api/v1/session")["role"] == "admin"


def test_a_ready_file_that_cannot_be_written_ends_it_with_one_line(tmp_path: Path):
    server = Server(tmp_path, "--ready-file", str(tmp_path / "none" / "ready.json"))
    server.launch()
    assert until(server.exited, 60) == 1
    assert "Traceback" not in server.log()
    assert "--ready-file" in server.log().splitlines()[-1]


def test_the_first_admin_token_is_printed_once_and_opens_the_door(tmp_path: Path):
    server = Server(tmp_path, token="").start()
    printed = [word for word in server.log().split() if word.startswith("sl_")]
    link = next(word for word in server.log().split() if "#token=" in word)
    assert link == f"{server.url}/#token={printed[0]}"
    with server.client(printed[0]) as client:
        assert client.get("/api/v1/session").json()["role"] == "admin"
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
    for name in ("admin-token", "session.key"):
        assert stat.S_IMODE((server.data / name).stat().st_mode) == 0o600
    server.stop()
    before = server.log()
    server.start()
    try:
        assert "sl_" not in server.log().removeprefix(before)
        assert str(server.data / "admin-token") in server.log()
        with server.client(printed[0]) as client:
            assert client.get("/api/v1/session").status_code == 200
    finally:
        server.stop()


def test_a_given_admin_token_is_never_shown_and_a_new_one_replaces_it(tmp_path: Path):
    server = Inside(tmp_path).start()
    assert server.running.new_admin is None
    assert server.running.left_token is None
    old = server.token
    server.stop()
    server.token = "sl_another-token-for-this-server"
    server.start()
    try:
        with server.client(old) as client:
            assert client.get("/api/v1/session").status_code == 401
        assert server.get("/api/v1/session")["role"] == "admin"
    finally:
        server.stop()
    assert not any(old.encode() in file.read_bytes() for file in server.data.iterdir())


def test_in_memory_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    server = Inside(tmp_path, "--data-dir", ":memory:").start()
    try:
        assert server.send("traces", span_request(span())).status_code == 200
        assert list(tmp_path.iterdir()) == []
    finally:
        server.stop()


def test_on_the_otlp_port_only_telemetry_and_health_are_served(server: Inside):
    headers = {"Content-Type": "application/x-protobuf", "Authorization": f"Bearer {server.token}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{server.otlp_port}", headers=headers, verify=False) as otlp:
        assert otlp.post("/v1/traces", content=span_request(span())).status_code == 200
        assert otlp.get("/healthz").status_code == 200
        assert otlp.get("/readyz").status_code == 200
        for path in ("/", "/metrics", "/api/v1/session", "/openapi.json"):
            assert otlp.get(path).status_code == 404


def test_ports_of_receivers_can_be_switched_off(tmp_path: Path):
    server = Inside(tmp_path, "--otlp-http-port", "0", "--otlp-grpc-port", "0").start()
    try:
        where = server.running.addresses
        assert (where.otlp_http_port, where.otlp_grpc_port) == (None, None)
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
    for row in table():
        assert row.flag in said
