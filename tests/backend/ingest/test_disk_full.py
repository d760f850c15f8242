"""A full disk: senders are told to come back, reads go on, nothing is damaged, and it passes by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from spanledger_server.errors import Busy
from spanledger_server.ingest.accept import Ingest
from spanledger_server.store.database import Database
from tests.backend.ingest.requests import NOON, ingesting, request, span, value


def large(number: int) -> list[dict[str, object]]:
    """A hundred spans of about 2 kB that do not compress."""
    return [span(number * 1000 + n, NOON, attributes=f'{{"x":"{os.urandom(1000).hex()}"}}') for n in range(1, 101)]


def filled(ingest: Ingest) -> tuple[int, Busy]:
    """Send until there is no room; how many requests were stored, and what the next one's sender was told."""
    stored = 0
    while True:
        try:
            ingest.accept(request("traces", large(stored)), 1)
        except Busy as busy:
            return stored, busy
        stored += 1


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A volume of 12 MiB of its own."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small volume cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=False)


def test_a_full_volume_makes_senders_wait_and_passes_when_there_is_room_again(volume: Path) -> None:
    path = volume / "spanledger.duckdb"
    with ingesting(path, free_floor_bytes=0) as (ingest, database):
        stored, full = filled(ingest)
        assert 1 <= full.retry_after_s <= 3
        assert stored > 3
        for _ in range(3):  # neither a further request nor a checkpoint breaks anything
            with pytest.raises(Busy):
                ingest.accept(request("traces", large(stored)), 1)
            with pytest.raises(Busy):
                database.checkpoint()
        assert value(database, "SELECT count(*) FROM spans") == stored * 100
        subprocess.run(["mount", "-o", "remount,size=80m", str(volume)], check=True)
        assert ingest.accept(request("traces", large(stored)), 1).refused == 0
        database.checkpoint()
        assert value(database, "SELECT count(*) FROM spans") == (stored + 1) * 100
    reopened = Database.open(path)
    assert value(reopened, "SELECT count(*) FROM spans") == (stored + 1) * 100
    reopened.close()


def test_a_checkpoint_that_fails_is_survived_by_opening_again(volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = volume / "spanledger.duckdb"
    with ingesting(path, free_floor_bytes=0) as (ingest, database):
        stored, _ = filled(ingest)
        monkeypatch.setattr(Database, "free_bytes", lambda self: None)  # so that it is tried
        with pytest.raises(Busy):
            database.checkpoint()
        monkeypatch.undo()
        subprocess.run(["mount", "-o", "remount,size=80m", str(volume)], check=True)
        assert value(database, "SELECT count(*) FROM spans") == stored * 100
        assert ingest.accept(request("traces", large(stored)), 1).refused == 0
        assert value(database, "SELECT count(*) FROM spans") == (stored + 1) * 100


def test_below_the_floor_of_free_space_nothing_is_tried(tmp_path: Path) -> None:
    with ingesting(tmp_path / "spanledger.duckdb", free_floor_bytes=2**60) as (ingest, database):
        with pytest.raises(Busy, match="bytes are free"):
            ingest.accept(request("traces", [span(1)]), 1)
        assert ingest.counters.groups == 0
        assert value(database, "SELECT count(*) FROM spans") == 0


SCRIPT = """
import os, resource, sys
from pathlib import Path
from spanledger_server.errors import Busy
from tests.backend.ingest.requests import ingesting, request, tuples, value
from tests.backend.ingest.test_disk_full import large

path = Path(sys.argv[1])
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
with ingesting(path, free_floor_bytes=0) as (ingest, database):
    ingest.accept(request("traces", large(0)), 1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(f"{path}.wal") + 300_000, hard))
    stored, busy = 1, 0
    for number in range(1, 8):
        try:
            ingest.accept(request("traces", large(number)), 1)
            stored += 1
        except Busy:
            busy += 1
    assert busy and stored > 1, (busy, stored)
    assert value(database, "SELECT count(*) FROM spans") == stored * 100
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    for number in range(8):
        ingest.accept(request("traces", large(number)), 1)
    assert value(database, "SELECT count(DISTINCT span_id) FROM spans") == 800
    print(value(database, "SELECT count(*) FROM spans"), flush=True)
    os._exit(0)  # as a kill: the log is what there is
"""


def test_writes_that_fail_for_real_lose_and_damage_nothing(tmp_path: Path) -> None:
    path = tmp_path / "spanledger.duckdb"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    database = Database.open(path)
    assert value(database, "SELECT count(*) FROM spans") == int(done.stdout) == 800
    database.close()
