"""The command line as a user runs it, against a real server: in this process, in one of its own where that matters."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import click
import duckdb
import pytest
from click.testing import CliRunner

from spanledger_server.cli.main import main
from tests.support.inside import Inside
from tests.support.ports import kept_port
from tests.support.server import Server, environment
from tests.support.telemetry import NS, ledger_event, ledger_request, span, span_request
from tests.support.waiting import until

TRACE = bytes(range(16))
HOSTILE = "[/red]\x1b[2Jevil\nname"
QUESTIONS = (
    ("status",),
    ("costs",),
    ("ledger",),
    ("logs",),
    ("traces",),
    ("trace", "00" * 16),
    ("loss",),
    ("alerts",),
    ("sampling",),
    ("token", "list"),
    ("dialogues",),
    ("requests",),
    ("system",),
    ("health",),
    ("chart", "latency"),
    ("top", "--once"),
)


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


def variables(server: Server | None, more: dict[str, str]) -> dict[str, str]:
    known = {} if server is None else {"SPANLEDGER_URL": server.url, "SPANLEDGER_TOKEN": server.token}
    return {"SPANLEDGER_DATA_DIR": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent", **known, **more}


def run(server: Server | None, *arguments: str, **more: str) -> Done:
    done = CliRunner().invoke(main, arguments, env=variables(server, more), prog_name="spanledger")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


def process(server: Server | None, *arguments: str, **more: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "spanledger_server", *arguments],
        env=environment(**variables(server, more)),
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def said(server: Server | None, *arguments: str, **more: str) -> str:
    done = run(server, *arguments, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(done: Done, code: int, *words: str) -> None:
    """It ended with this code and one line that has these words."""
    assert (done.returncode, done.stdout) == (code, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("spanledger: ")
    for word in words:
        assert word in done.stderr


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A server that knows one trace with a priced and an unpriced call."""
    running = Inside(tmp_path_factory.mktemp("shop")).start()
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


def test_status_says_the_sentence_and_todays_money(shop: Inside):
    told = said(shop, "status")
    assert "All systems operational" in told
    assert "$0.000008240 today, 2 calls" in told
    assert "1 unpriced" in told
    assert "shop" in told


def test_costs_are_by_group_and_say_how_complete_they_are(shop: Inside):
    told = said(shop, "costs", "--period", "today", "--group-by", "model")
    assert "$0.000008240 + 1 unpriced" in told
    assert "no-such-model" in told
    row = next(line for line in told.splitlines() if line.startswith("no-such-model"))
    assert "—" in row
    assert "$0 " not in row


def test_the_ledger_shows_every_digit_and_json_is_the_servers_own(shop: Inside):
    assert "$0.00000824" in said(shop, "ledger", "--from", "now-1h")
    told = said(shop, "ledger", "--from", "now-1h", "--json")
    assert '"cost_usd":0.00000824,' in told
    assert len(json.loads(told)["items"]) == 2


def test_traces_are_found_and_one_is_drawn_with_its_costs(shop: Inside):
    told = said(shop, "traces", "--from", "now-1h", "--filter", "status:error")
    assert TRACE.hex() in told
    assert said(shop, "traces", "--since", "1h", "--filter", "status:error") == told
    lines = [
        json.loads(said(shop, "ledger", *by, "--json"))["items"] for by in (("--since", "1h"), ("--from", "now-1h"))
    ]
    assert lines[0] == lines[1] != []
    both = run(shop, "traces", "--since", "1h", "--from", "now-1h")
    assert (both.returncode, both.stdout) == (2, "")
    assert "one of them" in both.stderr
    refused(run(shop, "ledger", "--since", "soon"), 2, "from", "now-15m")
    told = said(shop, "trace", TRACE.hex())
    lines = told.splitlines()
    root = next(index for index, line in enumerate(lines) if "✗ POST /buy" in line)
    assert lines[root + 1].startswith("  chat gpt-5")
    assert "$0.000008240" in lines[root + 1]
    assert "█" in lines[root]


def test_loss_tells_what_was_stored_and_that_nobody_tells_what_was_sent(shop: Inside):
    assert "shop: what was sent is not told by the SDK" in said(shop, "loss").splitlines()


def test_loss_tells_where_things_were_dropped_and_how_much_is_missing(server: Inside):
    now_ns = time.time_ns()
    points = []
    for outcome, reason, count in (("recorded", "", 9), ("sent", "", 6), ("dropped", "queue_full", 3)):
        labels = {"spanledger.signal": "spans", "spanledger.outcome": outcome} | (
            {"spanledger.reason": reason} if reason else {}
        )
        attributes = [{"key": key, "value": {"stringValue": value}} for key, value in labels.items()]
        times = {"startTimeUnixNano": str(now_ns - NS), "timeUnixNano": str(now_ns)}
        points.append({"asInt": str(count), "attributes": attributes} | times)
    counted = {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": points}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    metrics = [{"name": "spanledger.sdk.items", "sum": counted}]
    body = {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]}
    assert server.send("traces", span_request(*(span(at_ns=now_ns - NS) for _ in range(4)))).status_code == 200
    with server.client() as client:
        assert client.post("/v1/metrics", json=body).status_code == 200
    row, why = (line for line in said(server, "loss").splitlines() if line.startswith("shop") and "spans" in line)
    assert row.split() == ["shop", "spans", "9", "4", "0", "3", "0", "0", "2", "0"]
    assert why == "shop spans: sdk queue_full 3, nobody on the way tells of these"


def test_loss_tells_what_collectors_between_did(server: Inside):
    now_ns = time.time_ns()
    points = {"asInt": "7", "startTimeUnixNano": str(now_ns - NS), "timeUnixNano": str(now_ns)}
    points["attributes"] = [{"key": "exporter", "value": {"stringValue": "otlp_grpc/[red]backend"}}]
    counted = {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [points]}
    names = ("otelcol_exporter_sent_spans", "otelcol_exporter_send_failed_spans")
    scope = {"metrics": [{"name": name, "sum": counted} for name in names]}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "spanledger-gateway"}}]}
    body = {"resourceMetrics": [{"resource": resource, "scopeMetrics": [scope]}]}
    with server.client() as client:
        assert client.post("/v1/metrics", json=body).status_code == 200
    (row,) = (line for line in said(server, "loss").splitlines() if "otlp_grpc" in line)
    told = ["gateway", "—", "spans", "0", "0", "otlp_grpc/[red]backend", "7", "7", "0", "0"]
    assert row.split() == told


def test_sampling_tells_what_is_kept_and_sets_the_budget(server: Inside):
    kept = span("GET /books", at_ns=time.time_ns() - 90 * NS)
    kept.trace_state = "ot=th:c"
    silent = span("GET /books", at_ns=time.time_ns() - 90 * NS)
    assert server.send("traces", span_request(kept, silent)).status_code == 200
    assert "no budget: everything is kept" in run(server, "sampling").stdout
    done = run(server, "sampling", "--budget", "25")
    assert done.stdout.startswith("budget 25.0/s spans (administrator)")
    assert json.loads(run(server, "sampling", "--json").stdout)["budget"]["spans_per_second"] == 25
    assert "no budget" in run(server, "sampling", "--budget", "all").stdout
    assert "no budget" in run(server, "sampling", "--budget", "setting").stdout
    assert run(server, "sampling", "--budget", "-3").returncode == 2
    assert run(server, "sampling", "--budget", "few").returncode == 2
    assert run(server, "sampling", "--fail-on", "outside").returncode == 0
    assert "stand for" not in run(server, "traces").stdout
    found = run(server, "traces", "--totals").stdout
    assert "2 traces kept, stand for about 4" in found
    assert "1 uncounted" in found
    drawn = run(server, "trace", kept.trace_id.hex()).stdout
    assert "kept because: it was drawn by chance when it began (probability 25.0" in drawn


def test_sampling_shows_each_operation_with_its_interval(tmp_path: Path):
    with_rollups = Inside(tmp_path, "--tick", "100ms").start()
    try:
        spans = [span("GET /books", at_ns=time.time_ns() - 90 * NS) for _ in range(12)]
        for each in spans[:10]:
            each.trace_state = "ot=th:8"
        assert with_rollups.send("traces", span_request(*spans)).status_code == 200
        until(lambda: "GET /books" in run(with_rollups, "sampling").stdout, called="the minute is rolled up")
        shown = run(with_rollups, "sampling", "--service", "shop").stdout
    finally:
        with_rollups.stop()
    assert "shop: 12 requests kept, stand for 20 ± " in shown
    assert "16.7\u202f% uncounted" in shown
    assert "GET /books" in shown


def test_a_token_is_made_listed_and_revoked(shop: Inside):
    secret = said(shop, "token", "create", "reader", "--role", "viewer").strip()
    assert said(shop, "status", "--token", secret)
    listed = json.loads(said(shop, "token", "list", "--json"))["items"]
    made = next(each for each in listed if each["name"] == "reader")
    assert "reader" in said(shop, "token", "list")
    said(shop, "token", "revoke", made["id"])
    refused(run(shop, "status", "--token", secret), 1, "SPANLEDGER_TOKEN", "revoked")
    assert next(line for line in said(shop, "token", "list").splitlines() if "reader" in line).split()[3] == "revoked"


def test_a_role_that_does_not_reach_is_told_in_one_line(shop: Inside):
    viewer = shop.token_for("viewer")
    refused(run(shop, "token", "list", "--token", viewer), 1, "viewer")


@pytest.mark.parametrize("command", QUESTIONS)
def test_when_the_server_is_away_one_line_says_what_to_do(command: tuple[str, ...]):
    refused(run(None, *command, "--url", f"http://127.0.0.1:{kept_port()}"), 1, "spanledger serve", "--url")


@pytest.mark.parametrize("command", QUESTIONS)
def test_without_a_token_and_with_a_wrong_one_one_line_says_so(shop: Inside, command: tuple[str, ...]):
    refused(run(None, *command, "--url", shop.url), 1, "asks for a token", "SPANLEDGER_TOKEN")
    refused(run(None, *command, "--url", shop.url, "--token", "sl_wrong"), 1, "does not know this token")


@pytest.mark.parametrize("command", QUESTIONS)
def test_an_empty_store_is_no_error_and_json_is_json(shared_server: Inside, command: tuple[str, ...]):
    if command[0] == "trace":
        refused(run(shared_server, *command), 1, "no span and no ledger line")
        return
    assert said(shared_server, *command)
    assert json.loads(said(shared_server, *command, "--json")) is not None


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://", "127.0.0.1:8321", "http://[::1"])
def test_an_address_that_is_none_is_wrong_usage(url: str):
    refused(run(None, "status", "--url", url), 2, "--url", "http://127.0.0.1:8321")
    refused(run(None, "check", "--url", url), 2, "--url")


def test_a_token_that_no_header_can_carry_is_wrong_usage(shop: Inside):
    for token in ("ü", "a\nb"):
        refused(run(shop, "status", "--token", token), 2, "--token")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("traces", "--from", "yesterday-ish"), ("from", "now-15m")),
        (("traces", "-f", "duration>x"), ("f=", "500ms")),
        (("costs", "--tz", "Mars/Olympus"), ("tz", "Europe/Berlin")),
        (("ledger", "--cursor", "x"), ("cursor",)),
        (("trace", "x"), ("trace_id", "32 hexadecimal digits")),
        (("trace", ""), ("ID",)),
        (("token", "create", "", "--role", "viewer"), ("name",)),
        (("token", "create", "x", "--role", "viewer", "--expires-at", "soon"), ("expires_at", "2026-")),
        (("token", "create", "x", "--role", "viewer", "--expires-at", "now-1d"), ("expires_at", "future")),
    ],
)
def test_a_value_that_the_server_does_not_allow_is_wrong_usage(
    shop: Inside, command: tuple[str, ...], words: tuple[str, ...]
):
    refused(run(shop, *command), 2, *words)


def test_an_id_is_one_part_of_a_path_whatever_it_holds(shop: Inside):
    refused(run(shop, "token", "revoke", "../session"), 1, "404")
    refused(run(shop, "trace", "../../session"), 1, "404")


class _Elsewhere(BaseHTTPRequestHandler):
    """A server of another kind."""

    def do_GET(self) -> None:
        body = b'{"a": 1}' if "status" in self.path else b"<html>"
        self.send_response(200)
        self.send_header("Content-Type", "application/json" if body[:1] == b"{" else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_a_server_of_another_kind_is_told_in_one_line():
    with HTTPServer(("127.0.0.1", 0), _Elsewhere) as elsewhere:
        thread = Thread(target=elsewhere.serve_forever, args=(0.01,))
        thread.start()
        try:
            url = f"http://127.0.0.1:{elsewhere.server_port}"
            refused(run(None, "status", "--url", url), 1, "is it a spanledger server?")
            refused(run(None, "costs", "--url", url), 1, "is it a spanledger server?")
            assert run(None, "check", "--url", url).returncode == 3
        finally:
            elsewhere.shutdown()
            thread.join()


def test_names_of_any_kind_are_shown_and_steer_nothing(server: Inside):
    odd = span(HOSTILE)
    server.send("traces", span_request(odd, service=HOSTILE))
    server.send("logs", ledger_request(ledger_event(model=HOSTILE, trace_id=odd.trace_id), service=HOSTILE))
    for command in (("status",), ("costs",), ("ledger",), ("traces",), ("loss",), ("trace", odd.trace_id.hex())):
        told = said(server, *command)
        assert "[/red]\ufffd[2Jevil\ufffdname" in told, command
        assert "\x1b" not in told


@pytest.mark.parametrize(
    "command", [("costs", "--period", "decade"), ("nothing",), ("trace",), ("token", "create", "x")]
)
def test_wrong_usage_ends_with_two(command: tuple[str, ...]):
    assert run(None, *command).returncode == 2


def test_every_command_explains_itself_in_whole_sentences():
    told = run(None, "--help").stdout
    for name in main.commands:
        assert f"  {name} " in told
        explained = run(None, name, "--help")
        assert explained.returncode == 0
        assert "Usage: spanledger" in explained.stdout
    assert "..." not in told.split("Commands:")[1]


def test_no_line_of_help_is_cut_short_at_80_columns():
    def cut(group: click.Group, path: str) -> Iterator[str]:
        room = 80 - len("    ") - 2 - max(map(len, group.commands))
        for name, command in group.commands.items():
            if command.get_short_help_str(room).endswith("..."):
                yield f"{path} {name}"
            if isinstance(command, click.Group):
                yield from cut(command, f"{path} {name}")

    assert list(cut(main, "spanledger")) == []


def test_a_group_lists_without_a_command_and_a_mistyped_one_is_a_mistake(shared_server: Inside):
    for name, group in main.commands.items():
        if isinstance(group, click.Group):
            named = said(shared_server, name, "search" if name == "prices" else "list", "--json")
            assert json.loads(said(shared_server, name, "--json")).keys() == json.loads(named).keys(), name
    done = run(shared_server, "budgets", "add", "x", "--limit", "-5")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such command 'add'" in done.stderr


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (("--url", "http://127.0.0.1:9", "status"), "It goes behind the command: spanledger status --url"),
        (("--json", "status"), "It goes behind the command: spanledger status --json"),
        (("status", "--profile", "prod"), "It goes before the command: spanledger --profile …"),
        (("budgets", "list", "--no-color"), "It goes before the command: spanledger --no-color …"),
        (("costs", "--tokn", "x"), "'--token'"),
    ],
)
def test_an_option_on_the_wrong_side_of_its_command_is_told_where_it_belongs(typed: tuple[str, ...], told: str):
    done = run(None, *typed)
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such option" in done.stderr
    assert told in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_an_answer_that_cannot_be_written_is_told_in_a_line(shared_server: Inside, more: tuple[str, ...]):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "spanledger_server", "budgets", *more],
            env=environment(**variables(shared_server, {})),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "Error: the answer cannot be written: No space left on device\n"


def test_logs_are_found_by_what_they_say_and_how_grave_they_are(server: Inside):
    now_ns = time.time_ns()
    long = "asked for " + "a very long book " * 20 + "to read"
    records = [
        {"timeUnixNano": str(now_ns - 3), "severityNumber": 9, "body": {"stringValue": long}},
        {
            "timeUnixNano": str(now_ns - 2),
            "severityNumber": 17,
            "severityText": "ERROR",
            "body": {"stringValue": f"no such book\n  {HOSTILE}\u2067"},
            "traceId": TRACE.hex(),
        },
    ]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    body = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]}
    with server.client() as client:
        assert client.post("/v1/logs", json=body).status_code == 200
    rows = said(server, "logs").splitlines()[1:]
    assert [row.split()[2:4] for row in rows] == [["ERROR", "shop"], ["info", "shop"]]
    assert "no such book [/red]\ufffd[2Jevil name\ufffd" in rows[0]
    assert TRACE.hex() in rows[0]
    for narrowed in (("--severity", "error"), ("-q", "no such"), ("--trace", TRACE.hex())):
        assert said(server, "logs", *narrowed).splitlines()[1:] == rows[:1]
    assert rows[1].endswith(f"  {long}")
    assert len(json.loads(said(server, "logs", "--since", "1h", "--json"))["items"]) == 2
    assert "more: --cursor " in said(server, "logs", "--limit", "1")
    assert "no records match" in said(server, "logs", "-f", "service:other")
    refused(run(server, "logs", "--severity", "loud"), 2, "severity", "fatal")


def test_a_narrow_terminal_gets_whole_numbers_and_is_told_what_had_no_room(shop: Inside):
    leading, following = pty.openpty()
    env = environment(**variables(shop, {"COLUMNS": "60", "TERM": "xterm-256color", "NO_COLOR": "1"}))
    command = [sys.executable, "-m", "spanledger_server", "traces", "--from", "now-1h"]
    with subprocess.Popen(command, env=env, stdout=following, stderr=following, stdin=following) as child:
        os.close(following)
        told = b""
        try:
            while piece := os.read(leading, 65536):
                told += piece
        except OSError:
            pass  # how a terminal says that nobody writes any more
        os.close(leading)
        assert child.wait(30) == 0
    lines = told.decode().splitlines()
    assert any(TRACE.hex() in line for line in lines)
    assert "no room for" in lines[-1] or "no room for" in lines[-2]
    assert not any(f"\x1b[{colour}m" in told.decode() for colour in range(30, 48))


def test_a_pipe_that_knows_no_unicode_gets_everything_else(shop: Inside):
    done = process(shop, "status", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "All systems operational" in done.stdout


def test_on_the_same_machine_neither_address_nor_token_is_needed(tmp_path: Path):
    server = Inside(tmp_path, token="").start()
    try:
        assert "Nothing has reported yet" in said(None, "status", SPANLEDGER_DATA_DIR=str(server.data))
    finally:
        server.stop()


def test_the_token_that_was_left_goes_to_no_other_address(tmp_path: Path, shop: Inside):
    server = Inside(tmp_path, token="").start()
    try:
        refused(run(None, "status", "--url", shop.url, SPANLEDGER_DATA_DIR=str(server.data)), 1, "asks for a token")
    finally:
        server.stop()


def test_a_level_can_fail_a_pipeline(server: Inside):
    server.send("logs", ledger_request(*[ledger_event(error="timeout") for _ in range(6)]))
    assert run(server, "status", "--fail-on", "critical").returncode == 3
    assert run(server, "status").returncode == 0


def test_check_asks_a_server_whether_it_is_ready(shop: Inside):
    assert "is ready" in said(None, "check", "--url", shop.url)
    away = run(None, "check", "--url", f"http://127.0.0.1:{kept_port()}", "--json")
    assert away.returncode == 3
    assert json.loads(away.stdout)["ready"] is False


def test_check_finds_a_sound_file_sound_and_leaves_it_as_it_was(tmp_path: Path):
    server = Inside(tmp_path, "--tick", "100ms").start()
    server.send(
        "logs", ledger_request(*[ledger_event(cost="0.1", at_ns=time.time_ns() - n * 40 * NS) for n in range(9)])
    )
    server.send("traces", span_request(span(), span()))
    busy = process(None, "check", "--data-dir", str(server.data))
    refused(busy, 1, f"another process has it open (process {os.getpid()})")
    server.stop()
    file = server.data / "spanledger.duckdb"
    before = file.read_bytes()
    told = json.loads(said(None, "check", str(file), "--json"))
    assert told["sound"] is True
    assert file.read_bytes() == before


def test_check_finds_what_is_wrong(tmp_path: Path):
    server = Inside(tmp_path, "--tick", "100ms").start()
    server.send("logs", ledger_request(ledger_event(cost="0.1"), ledger_event(cost="0.2")))
    server.send("traces", span_request(span(), span()))
    server.stop()
    server.start()  # the first tick brings the rollups up to date
    server.stop()
    file = server.data / "spanledger.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("INSERT INTO ledger SELECT * FROM ledger LIMIT 1")
        connection.execute("UPDATE cost_1m SET cost_usd = cost_usd + 1")
        connection.execute("UPDATE span_1m SET spans = spans + 1")
        connection.execute(
            "DELETE FROM trace_index WHERE rowid = (SELECT min(rowid) FROM trace_index WHERE NOT of_lines)"
        )
        connection.execute("DELETE FROM dirty_buckets")
    done = run(None, "check", str(file))
    assert done.returncode == 3
    assert "✗ 1 calls with more than one line in the ledger" in done.stdout
    assert "✗ 1 minutes whose rollup differs from the ledger" in done.stdout
    assert "✗ 1 minutes whose rollup differs from their spans" in done.stdout
    assert "✗ 1 traces that are not found by their id" in done.stdout
    assert "check --repair" in done.stdout
    mended = run(None, "check", "--repair", str(file))
    assert mended.returncode == 3, "a call with two lines is no matter of recomputing"
    assert "✓ no minutes whose rollup differs from the ledger, 1 mended" in mended.stdout
    assert "✓ no minutes whose rollup differs from their spans, 1 mended" in mended.stdout
    assert "✓ no traces that are not found by their id, 1 mended" in mended.stdout
    assert "✗ 1 calls with more than one line in the ledger" in mended.stdout
    with duckdb.connect(str(file)) as connection:
        connection.execute("DELETE FROM ledger WHERE rowid = (SELECT max(rowid) FROM ledger)")
        connection.execute(
            "INSERT INTO user_1d (bucket, user_number, quarter, calls, priced_calls, unpriced_calls, "
            "estimated_calls, free_calls) VALUES (20000, 7, 0, 1, 1, 0, 0, 0)"
        )
    told = json.loads(said(None, "check", "--repair", "--json", str(file)))
    assert (told["sound"], told["repaired"]) == (
        True,
        {"minutes_unlike_ledger": 1, "user_days_unlike_ledger": 1, "users_without_number": 1},
    )
    assert json.loads(said(None, "check", "--json", str(file)))["sound"] is True
    with duckdb.connect(str(file)) as connection:
        assert connection.execute("SELECT count(*) FROM audit WHERE action = 'store.repair'").fetchone() == (2,)


def test_check_of_a_file_that_is_not_there_says_so(tmp_path: Path):
    refused(run(None, "check", str(tmp_path / "none.duckdb")), 1, "there is no file")
    refused(run(None, "check", str(tmp_path)), 1, "there is no file")


def test_check_of_something_else_names_it_and_leaves_it(tmp_path: Path):
    other = tmp_path / "spanledger.duckdb"
    other.write_bytes(os.urandom(5000))
    before = other.read_bytes()
    refused(run(None, "check", "--data-dir", str(tmp_path)), 1, str(other), "not a database")
    assert other.read_bytes() == before
