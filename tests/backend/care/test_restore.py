"""Restoring and migrating, on real files, also where they are ended half-way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from spanledger_server.care.backup import read_whole
from spanledger_server.care.restore import bring_up_to_date, restore, version_of
from spanledger_server.errors import StoreRefused
from spanledger_server.store import migrate
from spanledger_server.store.database import Database
from tests.backend.care.backups import ADD, made, rows
from tests.support.server import environment


def quiet(_done: int, _whole: int) -> None:
    """Progress that nobody looks at."""


def test_a_backup_takes_the_databases_place_and_what_was_there_is_kept(database: Database, place: Path):
    file = made(database)
    with database.transaction() as tx:
        tx.execute(ADD, count=500)
    database.close()
    told: list[int] = []
    done = restore(file, place, "now", lambda so_far, _: told.append(so_far))
    assert rows(place) == 1000
    assert done.aside is not None
    assert rows(done.aside) == 1500
    assert told == sorted(told)
    assert told[-1] == 2 * file.stat().st_size  # copied, and read
    assert done.from_version == done.to_version == migrate.newest()
    assert {path.name for path in place.parent.iterdir()} == {place.name, done.aside.name, "backups"}


def test_a_database_that_a_server_has_open_is_not_replaced(database: Database, place: Path):
    file = made(database)
    database.close()
    script = f"import duckdb; c = duckdb.connect({str(place)!r}); print(1, flush=True); input()"
    command, pipe = [sys.executable, "-c", script], subprocess.PIPE
    holding = subprocess.Popen(command, env=environment(), stdin=pipe, stdout=pipe)
    with holding:
        assert holding.stdout is not None
        assert holding.stdout.readline() == b"1\n"
        with pytest.raises(StoreRefused, match="stop its server first"):
            restore(file, place, "now", quiet)
        holding.communicate(b"\n")
    assert rows(place) == 1000
    restore(file, place, "now", quiet)


def killed_with_a_log(killed: Path) -> None:
    """A database whose server was killed: 7 rows, all of them in its log."""
    killed.parent.mkdir()
    script = (
        "import os, sys; from pathlib import Path; from spanledger_server.store.database import Database\n"
        f"d = Database.open(Path({str(killed)!r}))\n"
        f"with d.transaction() as tx: tx.execute({ADD!r}, count=7)\n"
        "os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script], env=environment(), check=False)
    assert Path(f"{killed}.wal").exists()


def test_the_log_of_a_killed_server_goes_aside_with_its_database(place: Path, database: Database, tmp_path: Path):
    file = made(database)
    database.close()
    killed = tmp_path / "killed" / "spanledger.duckdb"
    killed_with_a_log(killed)
    done = restore(file, killed, "now", quiet)
    assert rows(killed) == 1000
    assert done.aside is not None
    assert rows(done.aside) == 7
    assert not Path(f"{killed}.wal").exists()


@pytest.mark.parametrize("fails", ["fsync", "rename"])
def test_a_disk_that_fails_at_the_last_step_leaves_the_database_with_its_log(
    place: Path, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
):
    file = made(database)
    database.close()
    killed = tmp_path / "killed" / "spanledger.duckdb"
    killed_with_a_log(killed)

    def failing(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing) if fails == "fsync" else patched.setattr(Path, "replace", failing)
        with pytest.raises(OSError, match="Input/output"):
            restore(file, killed, "now", quiet)
    assert rows(killed) == 7
    assert restore(file, killed, "later", quiet).rows > 1000
    assert rows(killed) == 1000
    assert rows(killed.with_name("spanledger.duckdb.before-restore-later")) == 7


def test_a_log_that_a_killed_restore_left_behind_is_refused_and_the_next_restore_mends_it(
    place: Path, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = made(database)
    database.close()
    killed = tmp_path / "killed" / "spanledger.duckdb"
    killed_with_a_log(killed)
    unlink = Path.unlink

    def ended_there(path: Path, missing_ok: bool = False) -> None:
        if path.name == "spanledger.duckdb.wal":
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", ended_there)
        with pytest.raises(KeyboardInterrupt):
            restore(file, killed, "now", quiet)
    with pytest.raises(StoreRefused, match="restore"):
        Database.open(killed)
    restore(file, killed, "later", quiet)
    assert rows(killed) == 1000
    assert rows(killed.with_name("spanledger.duckdb.before-restore-now")) == 7


def test_a_volume_without_room_is_told_before_anything_is_copied(
    place: Path, database: Database, monkeypatch: pytest.MonkeyPatch
):
    file = made(database)
    database.close()
    full = type(shutil.disk_usage(place.parent))(10**9, 10**9 - 5, 5)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    told: list[int] = []
    with pytest.raises(StoreRefused, match="no room"):
        restore(file, place, "now", lambda so_far, _: told.append(so_far))
    assert not told
    assert rows(place) == 1000


def test_a_restore_that_is_told_to_end_takes_its_half_copy_away(place: Path, tmp_path: Path):
    database = Database.open(tmp_path / "big" / "spanledger.duckdb")
    with database.transaction() as tx:
        tx.execute("INSERT INTO loss SELECT i, md5(i::VARCHAR), md5(i::VARCHAR), 'y', 1 FROM range(400000) AS r(i)")
    file = made(database)
    database.close()
    script = (
        "import os, signal, sys; from spanledger_server.care import restore\n"
        "copy = restore._copy\n"
        "def ended(source, target, tell):\n"
        "    copy(source, target, lambda so_far, _: os.kill(os.getpid(), signal.SIGTERM))\n"
        "restore._copy = ended\n"
        "from spanledger_server.cli.main import main; main()"
    )
    command = [sys.executable, "-c", script, "restore", str(file), "--data-dir", str(place.parent)]
    told = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert told.returncode == 143, told.stderr
    assert list(place.parent.iterdir()) == []


def test_a_damaged_backup_changes_nothing(database: Database, place: Path, tmp_path: Path):
    with database.transaction() as tx:
        tx.execute("INSERT INTO loss SELECT i, md5(i::VARCHAR), 'x', 'y', 1 FROM range(200000) AS r(i)")
    file = made(database)
    database.close()
    before = place.read_bytes()
    content = bytearray(file.read_bytes())
    for position in range(3 * 4096 + 64, len(content), 262_144):  # a byte of every block
        content[position] ^= 0xFF
    hurt = tmp_path / "hurt.duckdb"
    hurt.write_bytes(content)
    cut = tmp_path / "cut.duckdb"
    cut.write_bytes(file.read_bytes()[: len(content) // 2])
    other = tmp_path / "other.duckdb"
    other.write_bytes(os.urandom(9000))
    for bad in (hurt, cut, other, tmp_path / "none.duckdb"):
        with pytest.raises(StoreRefused):
            restore(bad, place, "now", quiet)
    assert place.read_bytes() == before
    assert [path.name for path in place.parent.iterdir() if path.is_file()] == [place.name]


def test_a_backup_of_a_newer_version_is_refused(database: Database, place: Path):
    file = made(database)
    database.close()
    with duckdb.connect(str(file)) as connection:
        connection.execute("INSERT INTO schema_version VALUES (9999, 'future', '')")
    with pytest.raises(StoreRefused, match="9999"):
        restore(file, place, "now", quiet)
    assert rows(place) == 1000


def older(place: Path, version: int) -> None:
    """A file as a program of that version left it, with a token in it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(place)) as connection:
        connection.execute("CREATE TABLE schema_version (version INTEGER PRIMARY KEY, name VARCHAR, digest VARCHAR)")
        for step in migrate.migrations()[:version]:
            connection.execute(step.script)
            connection.execute("INSERT INTO schema_version VALUES (?, ?, ?)", [step.version, step.name, step.digest])
        connection.execute("INSERT INTO tokens VALUES ('id', 'old', 'admin', 'hash', 1, NULL, NULL, NULL)")


def test_a_backup_of_an_older_version_is_brought_to_this_one(tmp_path: Path, place: Path):
    older(tmp_path / "old.duckdb", 2)
    done = restore(tmp_path / "old.duckdb", place, "now", quiet)
    assert (done.aside, done.from_version, done.to_version) == (None, 2, migrate.newest())
    assert version_of(place) == migrate.newest()
    assert version_of(tmp_path / "old.duckdb") == 2
    assert read_whole(place)["tokens"].rows == 1


def test_a_database_is_copied_before_it_is_migrated(place: Path):
    older(place, 1)
    copy = place.parent / "backups" / "before.duckdb"
    bring_up_to_date(place, copy, quiet)
    assert (version_of(place), version_of(copy)) == (migrate.newest(), 1)
