"""The command line as a user runs it: child processes against a real server."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.support.server import Server, environment, free_port
from tests.support.telemetry import NS, ledger_event, ledger_request, span, span_request

TRACE = bytes(range(16))


def run(server: Server | None, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    known = {} if server is None else {"SPANLEDGER_URL": server.url, "SPANLEDGER_TOKEN": server.token}
    return subprocess.run(
        [sys.executable, "-m", "spanledger_server", *arguments],
        env=environment(**{**known, **variables}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def said(server: Server | None, *arguments: str, **variables: str) -> str:
    done = run(server, *arguments, **variables)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that knows one trace with a priced and an unpriced call."""
    running = Server(tmp_path_factory.mktemp("shop")).start()
    try:
        root = span("POST /buy", duration_ms=400, failed=True)
        root.trace_id = TRACE
        call = span("chat gpt-5", duration_ms=100, at_ns=root.end_time_unix_nano - 10**8)
        call.trace_id, call.parent_span_id = TRACE, root.span_id
        running.send("traces", span_request(root, call))
        priced = ledger_event(cost="0.000008240", trace_id=TRACE, span_id=call.span_id, at_ns=call.end_time_unix_nano)
        unpriced = ledger_event(cost=None, model="no-such-model", at_ns=time.time_ns() - NS)
        running.send("logs", ledger_request(priced, unpriced))
        yield running
    finally:
        running.stop()


def test_status_says_the_sentence_and_todays_money(shop: Server):
    told = said(shop, "status")
    assert "All systems operational" in told
    assert "$0.000008240 today, 2 calls" in told
    assert "1 unpriced" in told
    assert "shop" in told


def test_costs_are_by_group_and_say_how_complete_they_are(shop: Server):
    told = said(shop, "costs", "--period", "today", "--group-by", "model")
    assert "$0.000008240 + 1 unpriced" in told
    assert "no-such-model" in told
    row = next(line for line in told.splitlines() if line.startswith("no-such-model"))
    assert "—" in row
    assert "$0 " not in row


def test_the_ledger_shows_every_digit_and_json_is_the_servers_own(shop: Server):
    assert "$0.00000824" in said(shop, "ledger", "--from", "now-1h")
    told = said(shop, "ledger", "--from", "now-1h", "--json")
    assert '"cost_usd":0.00000824,' in told
    assert len(json.loads(told)["items"]) == 2


def test_traces_are_found_and_one_is_drawn_with_its_costs(shop: Server):
    told = said(shop, "traces", "--from", "now-1h", "--filter", "status:error")
    assert TRACE.hex() in told
    told = said(shop, "trace", TRACE.hex())
    lines = told.splitlines()
    root = next(index for index, line in enumerate(lines) if "✗ POST /buy" in line)
    assert lines[root + 1].startswith("  chat gpt-5")
    assert "$0.000008240" in lines[root + 1]
    assert "█" in lines[root]


def test_loss_tells_what_was_stored(shop: Server):
    assert "shop" in said(shop, "loss")


def test_a_token_is_made_listed_and_revoked(shop: Server):
    secret = said(shop, "token", "create", "reader", "--role", "viewer").strip()
    assert said(shop, "status", "--token", secret)
    listed = json.loads(said(shop, "token", "list", "--json"))["items"]
    made = next(each for each in listed if each["name"] == "reader")
    assert "reader" in said(shop, "token", "list")
    said(shop, "token", "revoke", made["id"])
    refused = run(shop, "status", "--token", secret)
    assert refused.returncode == 1
    assert "SPANLEDGER_TOKEN" in refused.stderr


def test_a_role_that_does_not_reach_is_told_in_one_line(shop: Server):
    viewer = shop.token_for("viewer")
    refused = run(shop, "token", "list", "--token", viewer)
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert "viewer" in refused.stderr


@pytest.mark.parametrize(
    "command", [("status",), ("costs",), ("ledger",), ("traces",), ("trace", "x"), ("loss",), ("token", "list")]
)
def test_when_the_server_is_away_one_line_says_what_to_do(command: tuple[str, ...]):
    done = run(None, *command, "--url", f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "spanledger serve" in done.stderr


@pytest.mark.parametrize(
    "command", [("costs", "--period", "decade"), ("nothing",), ("trace",), ("token", "create", "x")]
)
def test_wrong_usage_ends_with_two(command: tuple[str, ...]):
    assert run(None, *command).returncode == 2


def test_a_bad_question_is_answered_with_what_is_allowed(shop: Server):
    done = run(shop, "traces", "--from", "yesterday-ish")
    assert done.returncode == 1
    assert "now-15m" in done.stderr


def test_on_the_same_machine_neither_address_nor_token_is_needed(tmp_path: Path):
    server = Server(tmp_path, token="").start()
    try:
        assert "Nothing has reported yet" in said(None, "status", SPANLEDGER_DATA_DIR=str(server.data))
    finally:
        server.stop()


def test_the_token_that_was_left_goes_to_no_other_address(tmp_path: Path, shop: Server):
    server = Server(tmp_path, token="").start()
    try:
        done = run(None, "status", "--url", shop.url, SPANLEDGER_DATA_DIR=str(server.data))
        assert done.returncode == 1
        assert "asks for a token" in done.stderr
    finally:
        server.stop()


def test_a_level_can_fail_a_pipeline(server: Server):
    server.send("logs", ledger_request(*[ledger_event(error="timeout") for _ in range(6)]))
    assert run(server, "status", "--fail-on", "critical").returncode == 3
    assert run(server, "status").returncode == 0


def test_check_asks_a_server_whether_it_is_ready(shop: Server):
    assert "is ready" in said(None, "check", "--url", shop.url)
    away = run(None, "check", "--url", f"http://127.0.0.1:{free_port()}", "--json")
    assert away.returncode == 3
    assert json.loads(away.stdout)["ready"] is False


def test_check_finds_a_sound_file_sound_and_leaves_it_as_it_was(tmp_path: Path):
    server = Server(tmp_path, "--tick", "100ms").start()
    server.send(
        "logs", ledger_request(*[ledger_event(cost="0.1", at_ns=time.time_ns() - n * 40 * NS) for n in range(9)])
    )
    server.send("traces", span_request(span(), span()))
    busy = run(None, "check", "--data-dir", str(server.data))
    assert busy.returncode == 1
    assert "another process has it open" in busy.stderr
    server.stop()
    file = server.data / "spanledger.duckdb"
    before = file.read_bytes()
    told = json.loads(said(None, "check", str(file), "--json"))
    assert told["sound"] is True
    assert file.read_bytes() == before


def test_check_finds_what_is_wrong(tmp_path: Path):
    server = Server(tmp_path, "--tick", "100ms").start()
    server.send("logs", ledger_request(ledger_event(cost="0.1"), ledger_event(cost="0.2")))
    server.stop()
    server.start()  # the first tick brings the rollups up to date
    server.stop()
    file = server.data / "spanledger.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("INSERT INTO ledger SELECT * FROM ledger LIMIT 1")
        connection.execute("UPDATE cost_1m SET cost_usd = cost_usd + 1")
        connection.execute("DELETE FROM dirty_buckets")
    done = run(None, "check", str(file))
    assert done.returncode == 3
    assert "✗ 1 calls with more than one line in the ledger" in done.stdout
    assert "✗ 1 minutes whose rollup differs from the ledger" in done.stdout


def test_check_of_a_file_that_is_not_there_says_so(tmp_path: Path):
    done = run(None, "check", str(tmp_path / "none.duckdb"))
    assert done.returncode == 1
    assert "there is no file" in done.stderr
