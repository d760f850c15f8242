"""The demo, whole: real processes, real clients, and totals that agree to the last decimal at every sampling rate."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile

import pytest

PORTS = (
    "SPANLEDGER_PORT",
    "SPANLEDGER_OTLP_HTTP_PORT",
    "SPANLEDGER_OTLP_GRPC_PORT",
    "SPANLEDGER_DEMO_BOOKSHOP_PORT",
    "SPANLEDGER_DEMO_PROVIDER_PORT",
)


def run_demo(**settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **dict.fromkeys(PORTS, "0"), "COLUMNS": "140", **settings}
    environment.setdefault("XDG_CONFIG_HOME", tempfile.mkdtemp())  # where the command line would find this demo
    command = [sys.executable, "-m", "spanledger_server", "demo"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250)


@pytest.mark.parametrize("ratio", ["0.1", "0"])
def test_every_number_agrees_at_a_sampling_ratio_of(ratio: str) -> None:
    demo = run_demo(DEMO_CALLS="260", DEMO_SPEED="60", DEMO_SAMPLE_RATIO=ratio)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "Every number agrees, to the last decimal." in demo.stdout
    (unknown,) = (line for line in demo.stdout.splitlines() if "shelf-ranker-preview" in line)
    assert unknown.count("—") == 2  # a model that no price list knows is never 0
    (heard,) = (line for line in demo.stdout.splitlines() if "whisper-1" in line)
    assert "—" not in heard  # real speech through the audio pipeline, billed by the second


@pytest.mark.parametrize("asks", ["0", "1"])
def test_the_demo_ends_by_itself_after_the_seconds_it_was_given_and_tells_what_sampling_did(asks: str) -> None:
    demo = run_demo(DEMO_SECONDS="4", DEMO_SPEED="10", DEMO_BUDGET="2", DEMO_REMOTE=asks)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    rows = [[cell.strip() for cell in line.strip("│ ").split("│")] for line in demo.stdout.splitlines() if "│" in line]
    (_, spans, stored) = next(row for row in rows if row[0] == "spans kept within the budget")
    (_, there_were, kept, stand_for) = next(row for row in rows if row[0] == "requests")
    assert int(spans) == int(stored) > 0
    assert 0 < int(kept) <= int(there_were)
    assert asks == "1" or int(kept) < int(there_were)
    assert "±" in stand_for
    assert any(row[0] == "failed traces, all of them kept" for row in rows)


def test_a_taken_port_is_a_clear_error_that_names_the_port_and_the_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        demo = run_demo(SPANLEDGER_DEMO_BOOKSHOP_PORT=port)
    assert demo.returncode == 1
    assert f"port {port} is taken" in demo.stdout
    assert "SPANLEDGER_DEMO_BOOKSHOP_PORT" in demo.stdout


def test_a_malformed_option_is_a_clear_error() -> None:
    demo = run_demo(DEMO_SECONDS="soon")
    assert demo.returncode == 1
    assert "DEMO_SECONDS='soon' is not a number" in demo.stdout
