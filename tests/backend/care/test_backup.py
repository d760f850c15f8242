"""Backups, restoring and migrating, on real files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from spanledger_server.care import backup as backups_module
from spanledger_server.care.backup import Backups, Job, NotTheSameError, read_whole
from spanledger_server.care.export import views
from spanledger_server.care.restore import bring_up_to_date, restore, version_of
from spanledger_server.care.storage import StorageWatch
from spanledger_server.care.sums import Sum, different
from spanledger_server.clock import SystemClock
from spanledger_server.errors import Busy, Forbidden, Invalid, NotFound, StoreRefused
from spanledger_server.store import migrate
from spanledger_server.store.database import Database, Reader
from tests.support.server import environment
from tests.support.waiting import until

ADD = "INSERT INTO loss SELECT i, 'shop', 'spans', 'test', 1 FROM range($count) AS r(i)"


def quiet(_done: int, _whole: int) -> None:
    """Progress that nobody looks at."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "data" / "spanledger.duckdb"


@pytest.fixture
def database(place: Path) -> Iterator[Database]:
    opened = Database.open(place)
    with opened.transaction() as tx:
        tx.execute(ADD, count=1000)
    yield opened
    opened.close()


def ended(backups: Backups) -> Job:
    def over() -> Job | None:
        job = backups.job()
        return job if job is not None and job.over else None

    job = until(over, 60)
    assert job is not None
    return job


def made(database: Database, name: str = "one.duckdb") -> Path:
    backups = Backups(database, SystemClock())
    backups.start(name, "me")
    job = ended(backups)
    assert job.state == "done", job.reason
    return backups.file(name)


def rows(file: Path) -> int:
    return read_whole(file)["loss"].rows


def test_a_backup_holds_everything_and_is_of_its_owner_alone(database: Database):
    file = made(database)
    assert rows(file) == 1000
    assert file.stat().st_mode & 0o077 == 0
    assert [path.name for path in file.parent.iterdir()] == ["one.duckdb"]
    opened = Database.open(file)
    with opened.reader("public") as reader:
        assert reader.value("SELECT count(*) FROM loss") == 1000  # the views are there
    opened.close()
    with database.reader() as reader:
        actions = [action for (action,) in reader.tuples("SELECT action FROM audit ORDER BY at_ns")]
    until(lambda: actions == ["backup.started", "backup.done"] or actions)
    assert actions[0] == "backup.started"


def test_a_backup_is_of_one_moment_whatever_is_written_meanwhile(database: Database):
    """A writer adds pairs; no backup may hold half of one."""
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with database.transaction() as tx:
                tx.execute("INSERT INTO loss VALUES (1, 'pair', 'spans', 'test', 1)")
                tx.execute("INSERT INTO sampling_budget VALUES (1, 1)")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        files = [made(database, f"b{number}.duckdb") for number in range(3)]
    finally:
        stop.set()
        writer.join()
    for file in files:
        found = read_whole(file)
        assert found["loss"].rows - 1000 == found["sampling_budget"].rows
    with database.reader() as reader:
        assert reader.value("SELECT count(*) FROM duckdb_databases() WHERE database_name = 'backup'") == 0


@pytest.mark.parametrize(
    "name", ["../x.duckdb", "/tmp/x.duckdb", "a/b.duckdb", "x", ".duckdb", "x.duckdb\n", "x\x00.duckdb", "é.duckdb"]
)
def test_a_name_that_is_a_way_elsewhere_is_refused(database: Database, name: str):
    backups = Backups(database, SystemClock())
    with pytest.raises(Invalid):
        backups.start(name, "me")
    with pytest.raises(Invalid):
        backups.file(name)
    assert backups.job() is None


def test_no_file_is_replaced_and_a_link_is_not_followed(database: Database, tmp_path: Path):
    file = made(database)
    backups = Backups(database, SystemClock())
    with pytest.raises(Invalid):
        backups.start(file.name, "me")
    secret = tmp_path / "secret"
    secret.write_text("x")
    (file.parent / "link.duckdb").symlink_to(secret)
    with pytest.raises(NotFound):
        backups.file("link.duckdb")


def test_what_a_killed_server_left_half_done_is_cleaned_away(database: Database):
    directory = database.backup_directory
    assert directory is not None
    directory.mkdir()
    for name in ("old.duckdb.part", "old.duckdb.part.wal"):
        (directory / name).write_bytes(b"half")
    made(database)
    assert [path.name for path in directory.iterdir()] == ["one.duckdb"]


def test_while_one_is_made_the_database_is_measured_by_itself(database: Database, monkeypatch: pytest.MonkeyPatch):
    """The file that is written is attached meanwhile: it is neither counted nor listed."""
    go, there, real = threading.Event(), threading.Event(), backups_module.sums

    def slow(reader: Reader) -> dict[str, Sum]:
        there.set()
        assert go.wait(30)
        return real(reader)

    def measured() -> tuple[object, ...]:
        storage = StorageWatch(database, None).look(1)
        tables = [(table.name, table.rows) for table in storage.tables if table.name != "audit"]
        return tables, sorted(views(database))

    before = measured()
    monkeypatch.setattr(backups_module, "sums", slow)
    backups = Backups(database, SystemClock())
    backups.start("one.duckdb", "me")
    assert there.wait(30)
    try:
        with database.reader() as reader:
            assert reader.value("SELECT count(*) FROM duckdb_databases() WHERE database_name = 'backup'") == 1
        meanwhile = measured()
    finally:
        go.set()
    assert ended(backups).state == "done"
    assert meanwhile == before


def test_one_backup_at_a_time(database: Database, monkeypatch: pytest.MonkeyPatch):
    go, real = threading.Event(), backups_module.read_whole

    def slow(file: Path) -> dict[str, Sum]:
        assert go.wait(30)
        return real(file)

    monkeypatch.setattr(backups_module, "read_whole", slow)
    backups = Backups(database, SystemClock())
    backups.start("one.duckdb", "me")
    with pytest.raises(Busy, match=r"one\.duckdb is under way"):
        backups.start("two.duckdb", "me")
    go.set()
    assert ended(backups).state == "done"


def test_a_backup_that_differs_is_removed_and_told(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(backups_module, "read_whole", lambda _: {"loss": Sum(999, "0")})
    backups = Backups(database, SystemClock())
    backups.start("one.duckdb", "me")
    job = ended(backups)
    assert job.state == "failed"
    assert "differs" in (job.reason or "")
    assert list(backups.directory.iterdir()) == []
    assert NotTheSameError.__doc__


def test_a_single_changed_value_is_a_difference(database: Database):
    file = made(database)
    before = read_whole(file)
    with duckdb.connect(str(file)) as connection:
        connection.execute("UPDATE loss SET records = 2 WHERE at_ns = 500")
    assert different(before, read_whole(file)) == ["loss"]


def test_a_server_that_stops_gives_a_backup_up(place: Path):
    database = Database.open(place)
    with database.transaction() as tx:
        tx.execute(ADD, count=3_000_000)
    backups = Backups(database, SystemClock())
    backups.start("one.duckdb", "me")
    backups.stop()
    job = backups.job()
    assert job is not None
    assert job.state in ("failed", "done")
    if job.state == "failed":
        assert list(backups.directory.iterdir()) == []
    database.close()


def test_what_is_in_memory_has_no_backup():
    database = Database.open(None)
    with pytest.raises(Forbidden, match="--data-dir"):
        Backups(database, SystemClock()).start(None, "me")
    database.close()


def test_a_full_disk_is_told_before_it_is_full(database: Database, monkeypatch: pytest.MonkeyPatch):
    usage = shutil.disk_usage("/")._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(Busy, match="no room for a backup"):
        Backups(database, SystemClock()).start("one.duckdb", "me")


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
    assert told[-1] == file.stat().st_size
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


def test_the_log_of_a_killed_server_goes_aside_with_its_database(place: Path, database: Database, tmp_path: Path):
    file = made(database)
    database.close()
    killed = tmp_path / "killed" / "spanledger.duckdb"
    killed.parent.mkdir()
    script = (
        "import os, sys; from pathlib import Path; from spanledger_server.store.database import Database\n"
        f"d = Database.open(Path({str(killed)!r}))\n"
        f"with d.transaction() as tx: tx.execute({ADD!r}, count=7)\n"
        "os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script], env=environment(), check=False)
    assert Path(f"{killed}.wal").exists()
    done = restore(file, killed, "now", quiet)
    assert rows(killed) == 1000
    assert done.aside is not None
    assert rows(done.aside) == 7
    assert not Path(f"{killed}.wal").exists()


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


def test_a_backup_gives_back_the_room_of_deleted_rows(place: Path):
    """The file keeps what it once needed; a copy needs only what is there."""
    database = Database.open(place)
    with database.transaction() as tx:
        tx.execute("INSERT INTO loss SELECT i, md5(i::VARCHAR), md5(i::VARCHAR), 'y', 1 FROM range(300000) AS r(i)")
    database.checkpoint()
    with database.transaction() as tx:
        tx.execute("DELETE FROM loss")
    database.checkpoint()
    assert made(database).stat().st_size < place.stat().st_size / 2
    database.close()
