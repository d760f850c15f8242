"""What was acknowledged is there after a kill, once; what was not is there whole or not at all."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.store.database import Database
from tests.backend.ingest.requests import DAY, NOON, tuples, value

KILLS = 4  # the whole server is killed more often, in the end-to-end tests


def killed(path: Path, seed: int, after_lines: int) -> set[tuple[str, int]]:
    """Run the writer until it has printed so many lines, kill it, and give what it acknowledged."""
    acknowledged: set[tuple[str, int]] = set()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.backend.ingest.writer", str(path), str(seed)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for count, line in enumerate(process.stdout):
            kind, _, number = line.rstrip("\n").partition(" ")
            if line.endswith("\n") and number:
                acknowledged.add((kind, int(number)))
            if count == after_lines:
                process.kill()
    return acknowledged


@pytest.mark.slow
def test_nothing_acknowledged_is_missing_or_doubled_after_kills(tmp_path: Path) -> None:
    path = tmp_path / "spanledger.duckdb"
    rng = random.Random(11)
    acknowledged: set[tuple[str, int]] = set()
    for seed in range(KILLS):
        acknowledged |= killed(path, seed, after_lines=rng.randrange(1, 2000))
        database = Database.open(path)
        stored = Counter(("span", number) for (number,) in tuples(database, "SELECT span_id FROM spans"))
        stored.update(("line", number) for (number,) in tuples(database, "SELECT span_id FROM ledger"))
        assert not acknowledged - stored.keys(), "acknowledged and lost"
        assert set(stored.values()) == {1}, "stored twice"
        database.close()
    database = Database.open(path)
    lines_without_span = "SELECT count(*) FROM ledger WHERE span_id NOT IN (SELECT span_id FROM spans)"
    assert value(database, lines_without_span) == 0  # each came in one request with its span
    unmarked = """SELECT count(*) FROM spans WHERE end_ns // 60000000000 NOT IN
        (SELECT bucket FROM dirty_buckets WHERE family = 'span')"""
    assert value(database, unmarked) == 0
    Rollups(database, DirtyBuckets()).refresh(NOON + 2 * DAY)
    assert value(database, "SELECT sum(spans) FROM span_1d") == value(database, "SELECT count(*) FROM spans")
    for table in ("cost_1d", "user_1d", "user_1y"):
        assert value(database, f"SELECT sum(calls) FROM {table}") == value(database, "SELECT count(*) FROM ledger")
    database.close()
    assert len(acknowledged) > KILLS
