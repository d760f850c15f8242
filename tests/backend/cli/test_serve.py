"""What `spanledger serve` says before it serves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.server import environment


def test_a_variable_that_nobody_reads_is_told_and_one_of_the_sdk_is_not(tmp_path: Path) -> None:
    variables = {"SPANLEDGER_RETENTION_RAWS": "1d", "SPANLEDGER_SAMPLE_RATIO": "0.1", "SPANLEDGER_URL": "http://h"}
    command = [sys.executable, "-m", "spanledger_server", "serve", "--port", "nowhere", "--data-dir", str(tmp_path)]
    done = subprocess.run(
        command, env=environment(**variables), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning:")]
    assert warnings == [
        "warning: SPANLEDGER_RETENTION_RAWS is not a setting: did you mean SPANLEDGER_RETENTION_RAW?",
    ]
