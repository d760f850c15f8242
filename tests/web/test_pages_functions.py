"""The pages' pure functions, tested by Node's own runner; the tables are in the `.test.mjs` files beside this one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.skipif(
    shutil.which("node") is None, reason="Node is not installed; it runs the tests of the pages' functions"
)
def test_the_pages_functions_hold_their_tables() -> None:
    ran = subprocess.run(["node", "--test", str(HERE)], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
