"""Bodies made to hurt: each in a process of its own, whose memory is measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.backend.otlp.hostile import BODIES, MIB

ROOT = Path(__file__).parents[3]
# upb keeps 16 bytes for each sub-message of two bytes and doubles its lists as they grow; parsed further they take more
MOST_TIMES_ITS_SIZE = 24
SLACK_BYTES = 32 * MIB


pytestmark = pytest.mark.xdist_group("hostile")


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, Any]]:
    """What became of each hostile body."""
    path = os.pathsep.join(map(str, (ROOT / "sdk", ROOT / "backend", ROOT)))
    done = subprocess.run(
        [sys.executable, "-m", "tests.backend.otlp.hostile"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return {told["name"]: told for told in map(json.loads, done.stdout.splitlines())}


EXPECTED = {
    "gzip-bomb": "TooLarge",
    "empty-resource-groups": "TooLarge",
    "empty-scope-groups": "TooLarge",
    "empty-spans": f"rows 0 refused {2 * MIB}",
    "empty-attributes": "rows 1 refused 0",
    "empty-events": "rows 1 refused 0",
    "empty-links": "rows 1 refused 0",
    "one-attribute-of-empty-values": "rows 1 refused 0",
    "one-event-of-empty-attributes": "rows 1 refused 0",
    "resource-of-empty-attributes": "rows 0 refused 0",
    "one-text": "rows 1 refused 0",
    "nested-10000": "Malformed",
    "json-nested-10000": "Malformed",
    "json-nested-values-10000": "Malformed",
    "json-empty-lists": "rows 0 refused 0",
    "json-small-integers": "rows 0 refused 0",
    "json-10000-attributes": "rows 0 refused 1",
    "10000-attributes": "rows 1 refused 0",
    "json-huge-integer": "Malformed",
}


@pytest.mark.parametrize("name", sorted(BODIES))
def test_a_hostile_body_is_read_or_refused_in_bounded_memory(outcomes: dict[str, dict[str, Any]], name: str) -> None:
    found = outcomes[name]
    assert found["outcome"] == EXPECTED[name]
    most = 128 * MIB if name == "gzip-bomb" else MOST_TIMES_ITS_SIZE * found["size"] + SLACK_BYTES
    assert found["grown"] < most
