from __future__ import annotations

import threading
import uuid
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from spanledger_server.errors import Busy
from spanledger_server.store.database import Database, RowsRefused, StatementFailed, StoreOptions

LOSS = "INSERT INTO loss VALUES ($at, 'shop', 'traces', 'why', 1)"
COUNT = "SELECT count(*) FROM loss"


@pytest.fixture
def database() -> Database:
    return Database.open(None)


def test_what_a_transaction_wrote_is_read_after_it_and_not_before(database: Database) -> None:
    with database.transaction() as tx:
        assert tx.execute(LOSS, at=1) == 1
        with database.reader() as reader:
            assert reader.value(COUNT) == 0
    with database.reader() as reader:
        assert reader.value(COUNT) == 1


def test_stopping_what_has_just_ended_says_so(database: Database) -> None:
    with database.reader() as reader:
        assert reader.value("SELECT 1") == 1
    with pytest.raises(Busy):
        reader.interrupt()


def test_a_transaction_left_by_an_error_changes_nothing(database: Database) -> None:
    def write_and_fail() -> None:
        with database.transaction() as tx:
            tx.execute(LOSS, at=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with database.reader() as reader:
        assert reader.value(COUNT) == 0


def test_a_reader_sees_one_snapshot_however_many_statements_it_runs(database: Database) -> None:
    with database.reader() as reader:
        assert reader.value(COUNT) == 0
        with database.transaction() as tx:
            tx.execute(LOSS, at=1)
        assert reader.value(COUNT) == 0


def test_a_reader_cannot_write(database: Database) -> None:
    with database.reader() as reader, pytest.raises(Busy):
        reader.value(LOSS, at=1)


def test_writers_take_turns(database: Database) -> None:
    inside = threading.Event()
    done: list[str] = []

    def second() -> None:
        inside.wait(5)
        with database.transaction() as tx:
            tx.execute(LOSS, at=2)
            done.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with database.transaction() as tx:
        inside.set()
        tx.execute(LOSS, at=1)
        done.append("first")
    thread.join(5)
    assert done == ["first", "second"]
    with database.reader() as reader:
        assert reader.value(COUNT) == 2


def test_a_transaction_inside_a_transaction_is_a_mistake_and_says_so(database: Database) -> None:
    with database.transaction(), pytest.raises(RuntimeError, match="inside"), database.transaction():
        pass


def test_actions_after_the_commit_run_only_when_it_was_committed(database: Database) -> None:
    told: list[str] = []

    def fail() -> None:
        with database.transaction() as tx:
            tx.after_commit(lambda: told.append("failed"))
            tx.execute("SELECT nonsense")

    with database.transaction() as tx:
        tx.after_commit(lambda: told.append("committed"))
        assert told == []
    with pytest.raises(StatementFailed):
        fail()
    assert told == ["committed"]


def test_rows_come_back_as_dictionaries_tuples_a_row_a_value_and_arrow(database: Database) -> None:
    sql = "SELECT $a::UUID AS id, 18446744073709551615::UBIGINT AS most UNION ALL SELECT NULL, 1 ORDER BY most DESC"
    name = uuid.uuid4()
    with database.reader() as reader:
        assert reader.rows(sql, a=name) == [{"id": name, "most": 2**64 - 1}, {"id": None, "most": 1}]
        assert reader.tuples(sql, a=name) == [(name, 2**64 - 1), (None, 1)]
        assert reader.row(sql, a=name) == {"id": name, "most": 2**64 - 1}
        assert reader.value(sql, a=name) == name
        assert reader.row(f"SELECT * FROM ({sql}) WHERE false", a=name) is None
        assert reader.value(f"SELECT * FROM ({sql}) WHERE false", a=name) is None
        assert reader.arrow(sql, a=name).column("most").to_pylist() == [2**64 - 1, 1]


def test_a_missing_and_a_surplus_parameter_are_both_refused(database: Database) -> None:
    with database.reader() as reader:
        with pytest.raises(StatementFailed):
            reader.value("SELECT $a", b=1)
        with pytest.raises(StatementFailed):
            reader.arrow("SELECT $a + nonsense", a=1)


def test_a_row_that_breaks_a_rule_of_the_tables_is_told_apart(database: Database) -> None:
    with pytest.raises(RowsRefused), database.transaction() as tx:
        tx.execute("INSERT INTO loss VALUES (NULL, 'shop', 'traces', 'why', 1)")


class OnlyStream:
    """Something that knows how to be read as Arrow and nothing else."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize("wrap", [lambda table: table, OnlyStream])
def test_arrow_columns_are_readable_by_name_within_their_scan_only(database: Database, wrap: type[OnlyStream]) -> None:
    columns = pa.table({"at_ns": [1, 2]})
    with database.transaction() as tx:
        with tx.scan("incoming", wrap(columns)):
            assert tx.execute("INSERT INTO loss SELECT at_ns, 'shop', 'logs', 'why', 2 FROM incoming") == 2
        with pytest.raises(StatementFailed):
            tx.value("SELECT count(*) FROM incoming")


def test_sql_reaches_no_file_and_changes_no_setting(database: Database, tmp_path: Path) -> None:
    for sql in (
        "SELECT * FROM read_text('/etc/hostname')",
        f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
        "SET memory_limit = '4GB'",
        "INSTALL httpfs",
        f"ATTACH '{tmp_path}/other.duckdb'",
    ):
        with pytest.raises((StatementFailed, Busy)), database.transaction() as tx:
            tx.execute(sql)
    assert list(tmp_path.iterdir()) == []


def test_a_large_sort_spills_within_its_memory(tmp_path: Path) -> None:
    options = StoreOptions(memory_limit_bytes=64 * 1024 * 1024, threads=1)
    database = Database.open(tmp_path / "a.duckdb", options=options)
    with database.reader() as reader:
        ordered = "SELECT n, n::VARCHAR AS t FROM range(2000000) AS r(n) ORDER BY t LIMIT 1500000"
        assert reader.value(f"SELECT max(n) FROM ({ordered})") > 0
    database.close()


def test_checkpointing_when_idle_empties_the_log_and_leaves_a_writer_alone(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "a.duckdb")
    with database.transaction() as tx:
        tx.execute("INSERT INTO loss SELECT range, 'shop', 'traces', range::VARCHAR, 1 FROM range(50000)")
        assert not database.checkpoint_when_idle(wal_bytes=0)
    assert database.wal_bytes() > 100_000
    assert not database.checkpoint_when_idle(wal_bytes=2**40)
    assert database.checkpoint_when_idle(wal_bytes=100_000)
    assert database.wal_bytes() == 0
    assert database.size_bytes() > 100_000
    assert (database.free_bytes() or 0) > 0
    database.close()


def test_a_closed_database_is_busy_and_closing_twice_is_nothing(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "a.duckdb")
    with database.transaction() as tx:
        tx.execute(LOSS, at=1)
    database.close()
    database.close()
    assert database.wal_bytes() == 0
    with pytest.raises(Busy, match="closed"), database.reader():
        pass
    with pytest.raises(Busy, match="closed"), database.transaction():
        pass


def test_memory_has_a_size_and_neither_a_log_nor_a_volume(database: Database) -> None:
    assert database.size_bytes() > 0
    assert database.wal_bytes() == 0
    assert database.free_bytes() is None
    assert database.backup_directory is None
    database.checkpoint()


def test_a_row_that_fails_while_it_is_fetched_is_the_statements_failure(database: Database) -> None:
    with database.reader() as reader, pytest.raises((StatementFailed, RowsRefused)):
        reader.tuples("SELECT CASE WHEN range < 5000 THEN 1 ELSE error('late') END FROM range(100000)")
    with database.reader() as reader:
        assert reader.value("SELECT 1") == 1


def test_an_instance_in_memory_that_failed_for_good_stays_busy(database: Database) -> None:
    database._translated(duckdb.FatalException("its disk is gone"))
    with pytest.raises(Busy, match="its disk is gone"), database.reader():
        pass


def test_a_file_that_failed_is_opened_again_when_that_is_possible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database.open(tmp_path / "a.duckdb")
    with database.transaction() as tx:
        tx.execute(LOSS, at=1)
    database._translated(duckdb.FatalException("its disk is gone"))

    def gone() -> None:
        raise duckdb.IOException("still gone")

    with monkeypatch.context() as patched:
        patched.setattr(database, "_connected", gone)
        with pytest.raises(Busy, match="still gone"), database.reader():
            pass
    with database.reader() as reader:
        assert reader.value("SELECT count(*) FROM loss") == 1
    database.close()


def test_while_an_older_snapshot_is_read_the_idle_checkpoint_waits_and_nobody_fails(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "spanledger.duckdb")
    with database.transaction() as tx:
        tx.execute("INSERT INTO loss SELECT i, 's', 'x', 'y', 1 FROM range(5000) AS r(i)")
    database.checkpoint()
    with database.reader() as reader:
        assert reader.value("SELECT count(*) FROM loss") == 5000
        with database.transaction() as tx:
            tx.execute("UPDATE loss SET records = 2")
        assert database.checkpoint_when_idle(0) is False
        with pytest.raises(Busy, match="older snapshots"):
            database.checkpoint()
    assert database.checkpoint_when_idle(0) is True
    database.close()
