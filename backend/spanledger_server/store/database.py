"""The one DuckDB file: one process, one writer at a time, any number of readers.

Given a path (or None for a database in memory) opens, checks and migrates it, and lends access by intent:
`transaction()` holds the one writer's lock and commits on leaving; `beside()` commits too, but waits for nobody and
holds up nobody; `reader()` is a snapshot of its own. DuckDB's errors leave this module as `Busy` (come again: no
space, no memory), `StatementFailed` (the statement is wrong) or `StoreRefused` (the file was not opened).

Never: lends a connection, or changes a file that it refuses.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import duckdb

from spanledger_server.errors import Busy, SpanledgerError, StoreRefused
from spanledger_server.store import failures, migrate
from spanledger_server.store.failures import Interrupted, NoMemory, RowsRefused, StatementFailed, StillRead
from spanledger_server.store.options import StoreOptions
from spanledger_server.store.reader import Reader, Transaction

__all__ = ["Database", "Reader", "RowsRefused", "StatementFailed", "StoreOptions", "Transaction"]

log = logging.getLogger(__name__)

HEADER_BYTES: Final = 3 * 4096  # of a DuckDB file, before its first block
OFFLINE: Final[dict[str, Any]] = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
PATIENCE_S: Final = 5.0  # how long closing waits for readers


class Database:
    """The store; made by `Database.open`."""

    def __init__(self, path: Path | None, options: StoreOptions, *, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self._options = options
        self._write_lock = threading.Lock()
        self._writer_thread: int | None = None
        self._waiting = 0
        self._state = threading.Condition()
        self._lent: set[int] = set()  # a number each, given in order
        self._moment = 0
        self._failed: str | None = None
        self._closed = False
        self.listeners: dict[str, list[Callable[[], None]]] = {}  # by topic; called after a commit that tells of it
        self.memory: dict[str, Any] = {}  # what features remember of its rows, beside it
        self.parsed: dict[str, Any] = {}  # statements by their text
        self._connection = self._connected()

    @classmethod
    def open(cls, path: Path | None, *, read_only: bool = False, options: StoreOptions | None = None) -> Database:
        """Open the file, bring its tables to this version and make the public views anew.

        Args:
            path: The file, made when it does not exist; None for a database in memory.
            read_only: Only look: no migration, no views, and no lock against other readers.
            options: How much of the machine to use.

        Raises:
            StoreRefused: The file is newer than this program, damaged, not ours, or in use. It was not touched.
        """
        chosen = options or StoreOptions()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                _examine(path)
        try:
            database = cls(path, chosen, read_only=read_only)
        except duckdb.Error as error:
            raise StoreRefused(failures.way_out(path, str(error))) from error
        if not read_only:
            documented = path is not None if chosen.documented is None else chosen.documented
            migrate.bring_up_to_date(database.transaction, documented=documented)
        return database

    def _connected(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(
            ":memory:" if self.path is None else str(self.path),
            read_only=self.read_only,
            config={
                "threads": self._options.threads,
                "memory_limit": f"{self._options.memory_limit_bytes}B",
                "checkpoint_threshold": f"{self._options.checkpoint_wal_bytes}B",
                "max_temp_directory_size": f"{self._options.spill_bytes}B",
                "python_enable_replacements": False,
                "disable_database_invalidation": True,  # an SQL function's mistake is no reason; `_translated` judges
                **OFFLINE,
            },
        )
        self._confine(connection)
        return connection

    def _confine(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let no statement of the instance reach beyond its file and the backups, or change this."""
        connection.execute("SET TimeZone = 'UTC'")
        if self.path is not None:
            connection.execute("SET allowed_directories = [$directory]", {"directory": str(self.backup_directory)})
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")

    @property
    def backup_directory(self) -> Path | None:
        """The only directory besides its own file that SQL may reach; None in memory."""
        return None if self.path is None else self._options.backup_directory or self.path.parent / "backups"

    @contextmanager
    def reader(self, schema: str | None = None) -> Iterator[Reader]:
        """A snapshot: all statements inside see the same rows. Waits for nobody.

        Args:
            schema: Where names are looked for first; None: among the tables.

        Raises:
            Busy: The database is closed, or is being opened again after a failure of its disk.
        """
        with self._lent_cursor() as cursor:
            try:
                if schema is not None:
                    cursor.execute(f'USE "{schema}"')
                cursor.execute("BEGIN TRANSACTION READ ONLY")
                yield Reader(self, cursor)
            except duckdb.Error as error:
                raise self._translated(error, writing=False) from error
            finally:
                self._rolled_back(cursor)

    @contextmanager
    def beside(self) -> Iterator[Transaction]:
        """A transaction beside the writer's turn, for long work on tables that nobody else writes meanwhile.

        Sees what was committed before it began; commits on leaving, changes nothing when it is left by an error.

        Raises:
            Busy: It could not be committed now, or somebody else changed the same rows.
            StatementFailed: A statement is wrong.
        """
        with self._lent_cursor() as cursor:
            yield from self._one_transaction(cursor)

    @contextmanager
    def _lent_cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._state:
            self._revive()
            cursor = self._connection.cursor()
            self._moment += 1
            mine = self._moment
            self._lent.add(mine)
        try:
            yield cursor
        finally:
            cursor.close()
            with self._state:
                self._lent.discard(mine)
                self._state.notify_all()

    def moment(self) -> int:
        """Now, for `read_from_before`."""
        return self._moment + 1

    def read_from_before(self, moment: int) -> bool:
        """Whether anybody still reads, or writes, what was there before that `moment`."""
        with self._state:
            return any(number < moment for number in self._lent)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """The writer's turn: commits on leaving, changes nothing when it is left by an error.

        Raises:
            Busy: It could not be committed now: no space, no memory, closed.
            StatementFailed: A statement is wrong.
        """
        with self._writers_turn(), self._lent_cursor() as cursor:
            yield from self._one_transaction(cursor)

    def _one_transaction(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[Transaction]:
        try:
            cursor.execute("BEGIN TRANSACTION")
            transaction = Transaction(self, cursor)
            yield transaction
            if self._failed is not None:
                raise Busy(f"the database stopped meanwhile: {self._failed}", retry_after_s=3)
            cursor.execute("COMMIT")
            for action in transaction.after_commit_actions:
                action()
        except duckdb.Error as error:
            self._rolled_back(cursor)
            raise self._translated(error) from error
        except BaseException:
            self._rolled_back(cursor)
            raise

    @staticmethod
    def _rolled_back(cursor: duckdb.DuckDBPyConnection) -> None:
        with suppress(duckdb.Error):  # after a failure there is no transaction left to end
            cursor.execute("ROLLBACK")

    @contextmanager
    def _writers_turn(self) -> Iterator[None]:
        if self._writer_thread == threading.get_ident():
            raise RuntimeError("a transaction inside a transaction would wait for itself")
        with self._state:
            self._waiting += 1
        with self._write_lock:
            with self._state:
                self._waiting -= 1
            self._writer_thread = threading.get_ident()
            try:
                yield
            finally:
                self._writer_thread = None

    @contextmanager
    def translating(self, *, writing: bool) -> Iterator[None]:
        """Let DuckDB's errors leave as ours."""
        try:
            yield
        except duckdb.Error as error:
            raise self._translated(error, writing=writing) from error

    def _translated(self, error: duckdb.Error, *, writing: bool = True) -> SpanledgerError:
        """DuckDB's error as one of ours; a fatal one also marks the database to be opened again.

        So does a broken assertion where something was being written; in a SELECT it is that statement's failure.
        """
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        broken = isinstance(error, duckdb.InternalException)
        if isinstance(error, duckdb.FatalException) or (broken and writing):
            with self._state:
                self._failed = message
            log.error("the database stopped and will be opened again", extra={"reason": message})
            return Busy(f"the database stopped and is being opened again: {message}", retry_after_s=3)
        if isinstance(error, duckdb.OutOfMemoryException):
            return NoMemory(f"the database had no memory left: {message}", retry_after_s=3)
        if isinstance(error, (duckdb.IOException, duckdb.TransactionException)):
            return Busy(f"the database could not write: {message}", retry_after_s=3)
        if isinstance(error, duckdb.InterruptException):
            return Interrupted(message)
        if isinstance(error, duckdb.ConnectionException):
            return Busy(f"the database is closed: {message}")
        if isinstance(error, (duckdb.ConstraintException, duckdb.ConversionException, duckdb.OutOfRangeException)):
            return RowsRefused(message)
        return StatementFailed(str(error))

    def _revive(self) -> None:
        """Open again after a fatal failure, once nobody holds the old instance; the caller holds `_state`."""
        if self._closed:
            raise Busy("the database is closed")
        if self._failed is None:
            return
        if self.path is None or self._lent:
            raise Busy(f"the database is being opened again: {self._failed}", retry_after_s=3)
        with suppress(duckdb.Error):  # it is lost already
            self._connection.close()
        try:
            self._connection = self._connected()
        except duckdb.Error as error:
            raise Busy(f"the database could not be opened again: {error}", retry_after_s=3) from error
        log.warning("the database was opened again", extra={"after": self._failed})
        self._failed = None

    def checkpoint(self) -> None:
        """Move what the write-ahead log holds into the file; commits wait meanwhile (about 10 ms a megabyte of log).

        Raises:
            Busy: There is no room for it, somebody still reads what was before (`StillRead`), or it failed; nothing is
                lost.
        """
        with self._writers_turn():
            self._checkpoint()

    def checkpoint_when_idle(self, wal_bytes: int) -> bool:
        """Checkpoint if the log is larger than `wal_bytes` and nobody writes, waits for it, or reads what was before.

        Returns:
            Whether it did.
        """
        if self.wal_bytes() <= wal_bytes or self._waiting or not self._write_lock.acquire(blocking=False):
            return False
        try:
            self._checkpoint()
        except StillRead:
            return False
        finally:
            self._write_lock.release()
        return True

    def _checkpoint(self) -> None:
        free = self.free_bytes()
        if free is not None and free < self.wal_bytes():
            raise Busy(f"no checkpoint: {free} bytes free on the volume, the log has {self.wal_bytes()}")
        with self._lent_cursor() as cursor:
            try:
                cursor.execute("CHECKPOINT")
            except duckdb.TransactionException as error:
                raise StillRead(f"no checkpoint while older snapshots are read: {error}") from error
            except duckdb.Error as error:
                raise self._translated(error) from error

    @property
    def memory_limit_bytes(self) -> int:
        """Memory for buffers and operators."""
        return self._options.memory_limit_bytes

    def wal_bytes(self) -> int:
        """Size of the write-ahead log; 0 in memory."""
        return 0 if self.path is None else _size(Path(f"{self.path}.wal"))

    def free_bytes(self) -> int | None:
        """Free space of the file's volume; None in memory."""
        return None if self.path is None else shutil.disk_usage(self.path.parent).free

    def size_bytes(self) -> int:
        """Bytes of the file and its log; in memory, of the buffers in use.

        Raises:
            Busy: It is closed.
        """
        with self.reader() as reader:
            if self.path is not None:
                return _size(self.path) + self.wal_bytes()
            return int(reader.value("SELECT coalesce(sum(memory_usage_bytes), 0) FROM duckdb_memory()"))

    def close(self) -> None:
        """Checkpoint and let go of the file; safe to call twice."""
        with self._writers_turn():
            with self._state:
                if self._closed:
                    return
                self._state.wait_for(lambda: not self._lent, timeout=PATIENCE_S)
            if not self.read_only and self._failed is None:
                with suppress(Busy):  # what the log holds is read at the next start
                    self._checkpoint()
            with self._state:
                self._closed = True
                self.parsed.clear()  # what DuckDB made is told of by its module where it outlives it
                self._connection.close()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _examine(path: Path) -> None:
    """Look at an existing file without changing a byte of it.

    Raises:
        StoreRefused: It must not be opened for writing.
    """
    try:
        connection = duckdb.connect(str(path), read_only=True, config=OFFLINE)
    except duckdb.Error as error:
        raise StoreRefused(failures.way_out(path, str(error).splitlines()[0])) from error
    try:
        sizes = connection.execute("SELECT block_size, used_blocks FROM pragma_database_size()").fetchone() or (0, 0)
        if not Path(f"{path}.wal").exists() and path.stat().st_size < HEADER_BYTES + sizes[0] * sizes[1]:
            raise StoreRefused(
                failures.way_out(path, f"it is cut off: {path.stat().st_size} bytes of {sizes[1]} blocks")
            )
        tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        version = None
        if ("schema_version",) in tables:
            (version,) = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone() or (0,)
    except duckdb.Error as error:
        raise StoreRefused(failures.way_out(path, str(error).splitlines()[0])) from error
    finally:
        connection.close()
    migrate.refuse_foreign(path, len(tables), version)
