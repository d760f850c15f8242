from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from spanledger_server.errors import StoreRefused
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.store import migrate
from spanledger_server.store.database import Database, StatementFailed


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "spanledger.duckdb"
    database = Database.open(path)
    with database.transaction() as tx:
        tx.execute("INSERT INTO loss SELECT range, 'shop', 'traces', 'why', 1 FROM range(100000)")
    database.close()
    return path


def refused(path: Path) -> str:
    """Open it, expect a refusal, and hold that not a byte changed."""
    before = {each: each.read_bytes() for each in path.parent.iterdir() if each.is_file()}
    with pytest.raises(StoreRefused) as error:
        Database.open(path)
    assert {each: each.read_bytes() for each in path.parent.iterdir() if each.is_file()} == before
    assert str(path) in str(error.value)
    return str(error.value)


def change(path: Path, sql: str) -> None:
    database = Database.open(path)
    with database.transaction() as tx:
        tx.execute(sql)
    database.close()


def test_what_was_written_is_there_after_closing_and_opening(file: Path) -> None:
    database = Database.open(file)
    with database.reader() as reader:
        assert reader.value("SELECT count(*) FROM loss") == 100_000
    database.close()


def test_a_newer_file_is_refused_with_both_versions_and_the_way_out(file: Path) -> None:
    change(file, "INSERT INTO schema_version VALUES (9999, 'from_the_future', 'x')")
    message = refused(file)
    assert "9999" in message
    assert str(migrate.newest()) in message
    assert "install a newer spanledger" in message


def test_a_newer_file_with_a_log_beside_it_is_refused_and_the_log_is_not_replayed(file: Path, tmp_path: Path) -> None:
    database = Database.open(file)
    with database.transaction() as tx:
        tx.execute("INSERT INTO schema_version VALUES (9999, 'from_the_future', 'x')")
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for each in (file, Path(f"{file}.wal")):
        shutil.copy(each, crashed / each.name)
    database.close()
    assert "9999" in refused(crashed / file.name)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("not a database", lambda content: b"hello world\n" * 1000),
        ("empty", lambda content: b""),
        ("cut off in the header", lambda content: content[:100]),
        ("cut off in the middle", lambda content: content[: len(content) // 2]),
        ("the header overwritten", lambda content: content[:4096] + b"\xff" * 60 + content[4156:]),
        ("the catalogue overwritten", lambda content: content[:12300] + b"\xff" * 60 + content[12360:]),
    ],
)
def test_a_damaged_file_is_refused(file: Path, name: str, damage: object) -> None:
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    message = refused(file)
    assert "put a backup in its place" in message, name


def test_a_database_of_something_else_is_refused(file: Path) -> None:
    change(file, "DROP TABLE schema_version")
    assert "something else" in refused(file)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "directory.duckdb"
    path.mkdir()
    with pytest.raises(StoreRefused):
        Database.open(path)


def test_a_file_that_another_process_has_open_is_refused_with_what_to_do(file: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from spanledger_server.store.database import Database\n"
        "database = Database.open(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(StoreRefused, match="another process has it open"):
            Database.open(file)
        other.communicate("")


def test_a_file_read_only_is_not_changed(file: Path) -> None:
    before = file.read_bytes()
    database = Database.open(file, read_only=True)
    with database.reader() as reader:
        assert reader.value("SELECT count(*) FROM loss") == 100_000
    database.close()
    assert file.read_bytes() == before


def test_a_file_is_made_with_its_directories(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "a" / "b" / "spanledger.duckdb")
    database.close()
    assert (tmp_path / "a" / "b" / "spanledger.duckdb").exists()


def test_the_versions_are_recorded_once_each(file: Path) -> None:
    database = Database.open(file)
    with database.reader() as reader:
        found = reader.tuples("SELECT version, name, length(digest) FROM schema_version ORDER BY version")
    database.close()
    assert found == [(each.version, each.name, 64) for each in migrate.migrations()]


def test_a_migration_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    broken = migrate.Migration(migrate.newest() + 1, "broken", "CREATE TABLE half (a INTEGER); SELECT nonsense;")
    known = [*migrate.migrations(), broken]
    monkeypatch.setattr(migrate, "migrations", lambda: known)
    with pytest.raises(StatementFailed):
        Database.open(file)
    monkeypatch.undo()
    database = Database.open(file)
    with database.reader() as reader:
        assert reader.value("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'half'") == 0
        assert reader.value("SELECT max(version) FROM schema_version") == migrate.newest()
    database.close()


def test_an_older_file_is_brought_up_to_date(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    further = migrate.Migration(migrate.newest() + 1, "further", "CREATE TABLE further (a INTEGER);")
    known = [*migrate.migrations(), further]
    monkeypatch.setattr(migrate, "migrations", lambda: known)
    for _ in range(2):
        database = Database.open(file)
        with database.reader() as reader:
            assert reader.value("SELECT count(*) FROM further") == 0
            assert reader.value("SELECT count(*) FROM loss") == 100_000
        database.close()


def test_spans_of_an_older_file_are_rolled_up_anew_so_that_they_can_be_weighed(tmp_path: Path) -> None:
    path = tmp_path / "older.duckdb"
    first = migrate.migrations()[0]
    with duckdb.connect(str(path)) as connection:
        for script in (migrate.SQL["make_schema_version"], first.script):
            connection.execute(script)
        recorded = {"version": first.version, "name": first.name, "digest": first.digest}
        connection.execute(migrate.SQL["record_version"], recorded)
        connection.execute(
            """INSERT INTO spans BY NAME SELECT uuid() AS trace_id, 1 AS span_id, 60000000000 AS start_ns,
                60000000001 AS end_ns, 'GET /' AS name, 2 AS kind, 0 AS status_code, 4.0 AS adjusted_count"""
        )
        connection.execute(
            "INSERT INTO span_1m BY NAME SELECT 1 AS bucket, 'GET /' AS name, 1 AS spans, 0 AS uncounted_spans"
        )
    database = Database.open(path)
    Rollups(database, DirtyBuckets()).refresh(3600 * 10**9)
    with database.reader() as reader:
        (row,) = reader.rows("SELECT spans, entry, duration_weight, len(spread_slot) AS slots FROM span_1m")
    database.close()
    assert row == {"spans": 1, "entry": True, "duration_weight": [4.0], "slots": 1}


def test_migrations_are_numbered_without_gaps() -> None:
    assert [each.version for each in migrate.migrations()] == list(range(1, migrate.newest() + 1))
