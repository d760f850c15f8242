"""Backups, restoring and migrating, on real files."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import duckdb
import pytest

from spanledger_server.care import backup as backups_module
from spanledger_server.care.backup import Backups, NotTheSameError, read_whole
from spanledger_server.care.export import views
from spanledger_server.care.storage import StorageWatch
from spanledger_server.care.sums import Sum, Told, different
from spanledger_server.clock import SystemClock
from spanledger_server.errors import Busy, Forbidden, Invalid, NotFound
from spanledger_server.store.database import Database, Reader
from tests.backend.care.backups import ADD, ended, made, rows
from tests.support.waiting import until


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

    def slow(reader: Reader, told: Told) -> dict[str, Sum]:
        there.set()
        assert go.wait(30)
        return real(reader, told)

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

    def slow(file: Path, told: Told) -> dict[str, Sum]:
        assert go.wait(30)
        return real(file, told)

    monkeypatch.setattr(backups_module, "read_whole", slow)
    backups = Backups(database, SystemClock())
    backups.start("one.duckdb", "me")
    with pytest.raises(Busy, match=r"one\.duckdb is under way"):
        backups.start("two.duckdb", "me")
    go.set()
    assert ended(backups).state == "done"


def test_a_backup_that_differs_is_removed_and_told(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(backups_module, "read_whole", lambda *_: {"loss": Sum(999, "0")})
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
    expected = Backups(database, SystemClock()).start("measured.duckdb", "me").expected_bytes
    for free in (10, expected, int(expected * 1.2)):  # beside the file stands its log, until it is written
        usage = shutil.disk_usage("/")._replace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        with pytest.raises(Busy, match="no room for a backup"):
            Backups(database, SystemClock()).start("one.duckdb", "me")


def test_how_far_a_backup_is_never_goes_back(database: Database, monkeypatch: pytest.MonkeyPatch):
    backups = Backups(database, SystemClock())
    sizes, told, held = iter([0.6, 0.2, 0.9]), [], backups_module.sums

    def watched(reader: Reader, tell: Told = lambda _done, _whole: None) -> dict[str, Sum]:
        for share in sizes:  # a file becomes smaller when its log is folded into it
            monkeypatch.setattr(backups_module, "_size", lambda _, share=share: int(share * 10**9))
            job = backups.job()
            assert job is not None
            told.append(job.done * job.expected_bytes / 10**9)
        return held(reader, tell)

    monkeypatch.setattr(backups_module, "sums", watched)
    monkeypatch.setattr(Backups, "_expected", lambda *_: 10**9)
    backups.start("one.duckdb", "me")
    until(lambda: (job := backups.job()) is not None and job.over)
    assert told == sorted(told)
    assert told[0] == told[1] == 0.3


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
