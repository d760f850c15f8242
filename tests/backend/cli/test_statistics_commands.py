"""Statistics in a terminal: dialogues, requests, system, health, charts and the dashboard, wide, narrow and piped."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from spanledger_server.cli import chart, plot
from tests.backend.cli.test_commands import run, said, variables
from tests.support.inside import Inside
from tests.support.server import environment
from tests.support.telemetry import NS, attributes, ledger_event, ledger_request, span, span_request
from tests.support.waiting import until


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A server that knows calls, requests and a dialogue."""
    running = Inside(tmp_path_factory.mktemp("shop")).start()
    try:
        now_ns = time.time_ns()
        calls = [
            ledger_event(at_ns=now_ns - n * NS, duration_ms=100 + n, error="timeout" if n == 1 else None)
            for n in range(1, 41)
        ]
        running.send("logs", ledger_request(*calls))
        requests = [span("GET /books", at_ns=now_ns - n * NS, duration_ms=2500 if n == 1 else 50) for n in range(1, 11)]
        for each in requests:
            each.trace_state = "ot=th:8"
        running.send("traces", span_request(*requests))
        talk = {
            "session.id": "s",
            "user.id": "u",
            "spanledger.dialogue.book_id": "moby-dick",
            "spanledger.dialogue.message_count": 14,
            "spanledger.dialogue.duration_s": 312.5,
            "spanledger.dialogue.rating": 4.5,
        }
        ended = LogRecord(time_unix_nano=now_ns - NS, event_name="spanledger.dialogue", attributes=attributes(talk))
        running.send("logs", ledger_request(ended))
        yield running
    finally:
        running.stop()


def terminal(server: Inside, columns: int, *arguments: str, until_said: str = "", rows: int = 50) -> str:
    """What a command shows in a terminal of this width; interrupted once it has said that, where it does not end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    command = [sys.executable, "-m", "spanledger_server", *arguments]
    given = environment(**variables(server, {"TERM": "xterm-256color"}))
    for name in ("COLUMNS", "LINES"):  # they win over the terminal's own size
        given.pop(name, None)
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=given)
    os.close(theirs)
    shown, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                shown += os.read(ours, 65_536)
            except OSError:
                break
        if until_said and until_said in shown.decode(errors="ignore"):
            child.send_signal(signal.SIGINT)
            until_said = ""
    assert child.wait(30) == 0, shown.decode()
    os.close(ours)
    return shown.decode()


def test_dialogues_say_how_many_whose_and_how_content(shop: Inside) -> None:
    told = said(shop, "dialogues", "--period", "today")
    assert "1 dialogues of 1 users" in told
    assert "rating 4.5 from 1 (100\u202f% of them)" in told
    (row,) = (line for line in told.splitlines() if line.startswith("moby-dick"))
    assert row.split()[-1] == "4.5"
    assert "no dialogue ended" in said(shop, "dialogues", "-f", "book:other")


def test_requests_say_how_many_there_were_between_which_bounds(shop: Inside) -> None:
    told = said(shop, "requests", "--period", "hour")
    assert "20 requests in the last hour (" in told
    assert "from 10 spans)" in told
    assert "2 over 2.00\u202fs" in told
    assert any(line.startswith("GET /books") for line in told.splitlines())
    assert "no requests" in said(shop, "requests", "--service", "none")


def test_a_system_that_nobody_reports_is_said_to_be_unknown(shop: Inside) -> None:
    assert "no system reported" in said(shop, "system")


def test_health_says_why_and_fails_when_asked_to(shop: Inside) -> None:
    told = said(shop, "health")
    assert "openai" in told
    assert "39 of 40 calls went well" in told
    assert run(shop, "health", "--fail-on", "degraded").returncode == 0
    failing = [ledger_event(error="timeout", **{"gen_ai.provider.name": "anthropic"}) for _ in range(9)]
    shop.send("logs", ledger_request(*failing))
    assert run(shop, "health", "--fail-on", "down").returncode == 3
    assert "9 of 9 calls failed in 15 min" in said(shop, "health")


@pytest.mark.parametrize("metric", ["latency", "cost", "error_rate", "requests", "response_time"])
def test_a_chart_is_drawn_with_its_scale_and_its_times(shop: Inside, metric: str) -> None:
    told = said(shop, "chart", metric, "--period", "hour", "--height", "9")
    lines = told.splitlines()
    assert lines[0].startswith(f"{metric}: now ")
    drawn = [line for line in lines if "┤" in line or "│" in line]
    assert len(drawn) == 9
    assert sum("┤" in line for line in drawn) == 5
    assert any(0x2800 < ord(letter) < 0x2900 for line in drawn for letter in line)
    assert lines[10].endswith("UTC")


def test_a_chart_of_what_nobody_told_and_of_what_nobody_knows(shop: Inside) -> None:
    assert "nothing is known of the last day" in said(shop, "chart", "cpu_usage")
    done = run(shop, "chart", "no_such_metric")
    assert done.returncode == 1
    assert "no metric named" in done.stderr


def test_costs_say_how_it_was_before(shop: Inside) -> None:
    shop.send("logs", ledger_request(ledger_event(cost="1", at_ns=time.time_ns() - 24 * 3600 * NS - 60 * NS)))
    assert "% against the period before" in said(shop, "costs", "--period", "today")


def test_top_shows_everything_once_and_as_json(shop: Inside) -> None:
    told = said(shop, "top", "--once")
    assert "cost today" in told
    assert "dearest of the latest" in told
    found = json.loads(said(shop, "top", "--json"))
    assert set(found) == {"status", "alerts", "points", "providers", "recent_calls", "dearest_calls"}
    assert found["dearest_calls"][0]["cost_usd"] == 0.25


@pytest.mark.parametrize("columns", [80, 200])
def test_top_fits_its_terminal_and_is_drawn_anew_until_it_is_interrupted(shop: Inside, columns: int) -> None:
    shown = terminal(shop, columns, "top", "--every", "0.2", until_said="dearest of the latest")
    assert "\x1b[?1049h" in shown
    assert "╭" in shown or columns == 80
    assert "\x1b[?1049l" in shown


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(shop: Inside, columns: int) -> None:
    for command in (("top", "--once"), ("requests",), ("dialogues",), ("chart", "latency")):
        shown = terminal(shop, columns, "--no-color", *command)
        for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).splitlines():
            if line.startswith((" ", "╭", "│", "╰")) or "┤" in line:
                assert len(line.rstrip()) <= columns, line


def test_without_colour_there_is_none(shop: Inside) -> None:
    assert "\x1b[3" not in terminal(shop, 100, "--no-color", "top", "--once")
    assert "\x1b" not in said(shop, "top", "--once")


def test_a_statistic_can_be_watched(shop: Inside) -> None:
    assert "Ctrl-C ends" in terminal(shop, 100, "requests", "--watch", "0.2", until_said="GET /books")


def test_system_draws_what_machines_report(tmp_path: Path) -> None:
    server = Inside(tmp_path).start()
    try:
        now_ns = time.time_ns()
        point = {"asDouble": 0.25, "timeUnixNano": str(now_ns - 5 * NS)}
        point["attributes"] = [{"key": "state", "value": {"stringValue": "idle"}}]  # type: ignore[assignment]
        metric = {"name": "system.cpu.utilization", "unit": "1", "gauge": {"dataPoints": [point]}}
        body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
        with server.client() as client:
            assert client.post("/v1/metrics", json=body).status_code == 200
        until(lambda: "75.0\u202f%" in said(server, "system"), called="the system is told")
        assert "█" in said(server, "system")
    finally:
        server.stop()


def test_a_scale_begins_at_nothing_and_ends_at_a_round_number() -> None:
    assert plot.scale(3, 812) == (0, 1000)
    assert plot.scale(0, 0) == (0, 1)
    assert plot.scale(-3, 2) == (-5, 2)
    assert plot.scale(0.0004, 0.0011) == (0, 0.002)


def test_values_that_share_a_column_are_averaged_and_gaps_stay_gaps() -> None:
    assert plot.spread([1, 3, None, None], 2) == [2, None]
    assert plot.spread([1, None], 4) == [1, 1, None, None]
    assert plot.spark([0, 1, None, 8], 4) == "▁▁ █"
    assert plot.spark([], 3) == ""
    assert plot.chart([plot.Line([None, None], "")], 40, 5, str) == []


def test_every_unit_is_written_in_its_own_way() -> None:
    written = {
        unit: chart.written_as(unit)("1.5") for unit in ("ms", "s", "usd", "usd/h", "1", "%", "By", "{call}", None)
    }
    assert written["usd/h"] == "$1.50/h"
    assert written["%"] == "1.50\u202f%"
    assert written["1"] == "150.0\u202f%"
    assert written["s"] == "1.50\u202fs"
    assert {chart.written_as(unit)(None) for unit in written} == {"—"}
