"""`make stack`: the demo through the real Collectors, and totals that agree to the last decimal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import ROOT, environment

PORTS = (
    "SPANLEDGER_PORT",
    "SPANLEDGER_OTLP_HTTP_PORT",
    "SPANLEDGER_OTLP_GRPC_PORT",
    "SPANLEDGER_DEMO_BOOKSHOP_PORT",
    "SPANLEDGER_DEMO_PROVIDER_PORT",
)
QUICK = {"DEMO_CALLS": "80", "DEMO_SPEED": "60", "GATEWAY_DECISION_WAIT": "1s", "GATEWAY_WAIT_AFTER_ROOT": "500ms"}


def run_stack(**settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "spanledger_examples.stack"]
    variables = environment(**dict.fromkeys(PORTS, "0"), COLUMNS="140", **settings)
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=150)


@pytest.mark.slow
@pytest.mark.usefixtures("binary")
def test_every_number_agrees_through_agent_and_gateway() -> None:
    stack = run_stack(**QUICK)
    assert stack.returncode == 0, stack.stdout + stack.stderr
    assert "Every number agrees, to the last decimal." in stack.stdout


def test_without_a_collector_it_says_so_and_is_a_failure_only_where_it_is_gated(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "no collector")
    stack = run_stack(SPANLEDGER_COLLECTOR=nowhere, CI="")
    assert (stack.returncode, stack.stdout) == (0, f"skipped: no Collector at {nowhere}; {HOW}\n")
    assert run_stack(SPANLEDGER_COLLECTOR=nowhere, CI="true").returncode == 1


HOW = "`make collector` builds it with Go, in four minutes"
