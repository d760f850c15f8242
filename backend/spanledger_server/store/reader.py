"""What is lent of the database: a snapshot to read, and a transaction to write.

Given statements and named parameters, gives rows as tuples, dictionaries or Arrow; errors leave as
`store.database` translates them.

Never: a connection, or DuckDB's own errors.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

import pyarrow as pa

from spanledger_server.errors import SpanledgerError
from spanledger_server.store.failures import Interrupted, NoMemory, StatementFailed

if TYPE_CHECKING:
    from spanledger_server.store.database import Database

# A relation would not copy the rows, but is planned twice: once for its columns, and once to run.
warnings.filterwarnings("ignore", "Arrow output on a DB-API result", UserWarning)

T = TypeVar("T")
MOST_PARSED: Final = 1000  # statements, of about 12 kB each


class Reader:
    """Runs SELECTs on one snapshot."""

    __slots__ = ("_cursor", "_database", "_found")
    _writes: ClassVar[bool] = False

    def __init__(self, database: Database, cursor: Any) -> None:
        self._database = database
        self._cursor = cursor
        self._found: dict[Hashable, Any] = {}

    @property
    def memory(self) -> dict[str, Any] | None:
        """What this process remembers of the database, by who does, for all threads; None where rows are changed."""
        return None if self._writes else self._database.memory

    def once(self, key: Hashable, read: Callable[[], T]) -> T:
        """What `read` gives, read once on this snapshot; again each time where rows are changed."""
        if self._writes:
            return read()
        if key not in self._found:
            self._found[key] = read()
        found: T = self._found[key]
        return found

    def tuples(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """All rows as tuples, in the statement's column order."""
        with self._database.translating(writing=self._writes):
            parsed = self._parsed(sql)
            result = self._cursor.execute(parsed, parameters) if parameters else self._cursor.execute(parsed)
            found: list[tuple[Any, ...]] = result.fetchall()
        return found

    def _parsed(self, sql: str) -> Any:
        """What to run for a text: parsed once for all readers, which is a third of what a small statement takes."""
        known = self._database.parsed
        found = known.get(sql)
        if found is None:
            each = self._cursor.extract_statements(sql)
            if len(known) >= MOST_PARSED:
                known.clear()
            found = known[sql] = each[0] if len(each) == 1 else sql
        return found

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """All rows as dictionaries."""
        found = self.tuples(sql, **parameters)
        names = [column[0] for column in self._cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found]

    def row(self, sql: str, **parameters: Any) -> dict[str, Any] | None:
        """The first row, None when there is none."""
        found = self.rows(sql, **parameters)
        return found[0] if found else None

    def value(self, sql: str, **parameters: Any) -> Any:
        """The first column of the first row, None when there is none."""
        found = self.tuples(sql, **parameters)
        return found[0][0] if found else None

    def arrow(self, sql: str, **parameters: Any) -> pa.Table:
        """All rows as an Arrow table; UUIDs become text."""
        with self._database.translating(writing=self._writes):
            self._cursor.execute(self._parsed(sql), parameters or None)
            table: pa.Table = self._cursor.to_arrow_table()
        return table

    def stream(self, sql: str, rows: int, parameters: dict[str, Any]) -> Stream:
        """The rows as they are found, about `rows` at a time; what is not taken is not computed."""
        with self._database.translating(writing=self._writes):
            relation = self._cursor.sql(sql, params=parameters or None)
            types = [str(each).replace('"NULL"', "NULL") for each in relation.types]
            reader = relation.to_arrow_reader(rows)
        return Stream(tuple(zip(relation.columns, types, strict=True)), reader.schema, self._batches(reader))

    def _batches(self, reader: Any) -> Iterator[pa.RecordBatch]:
        try:
            with self._database.translating(writing=self._writes):
                yield from reader
        except (OSError, pa.ArrowException) as error:  # what DuckDB raises inside of Arrow
            text = str(error)
            kind = next((kind for word, kind in _INSIDE_ARROW.items() if text.startswith(word)), StatementFailed)
            raise kind(text) from error

    def interrupt(self) -> None:
        """Stop the statement that runs here, from another thread; it raises `Interrupted`.

        Raises:
            Busy: It has ended meanwhile.
        """
        with self._database.translating(writing=False):
            self._cursor.interrupt()


_INSIDE_ARROW: dict[str, type[SpanledgerError]] = {"INTERRUPT": Interrupted, "Out of Memory": NoMemory}


@dataclass(frozen=True, slots=True)
class Stream:
    """Rows on their way.

    Attributes:
        columns: Name and type of each, the type as DuckDB writes it.
        schema: The same, as Arrow has it.
        batches: The rows, once.
    """

    columns: tuple[tuple[str, str], ...]
    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


class Transaction(Reader):
    """Runs statements that become visible, and durable, together."""

    __slots__ = ("after_commit_actions",)
    _writes: ClassVar[bool] = True

    def __init__(self, database: Database, cursor: Any) -> None:
        super().__init__(database, cursor)
        self.after_commit_actions: list[Callable[[], None]] = []

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` once this is committed, before the next writer's turn; never when it is not committed."""
        self.after_commit_actions.append(action)

    def tell(self, topic: str) -> None:
        """Call those who listen to `topic` (`Database.listeners`) once this is committed; they must not wait."""
        for listener in self._database.listeners.get(topic, ()):
            self.after_commit(listener)

    def execute(self, sql: str, **parameters: Any) -> int:
        """Run a statement (without parameters also several); rows changed by the last one."""
        counted = self.tuples(sql, **parameters)
        return int(counted[0][0]) if counted and isinstance(counted[0][0], int) else 0

    @contextmanager
    def scan(self, name: str, columns: Any) -> Iterator[None]:
        """Make `columns` readable as the table `name`.

        Args:
            name: What statements call it.
            columns: An Arrow table, or anything with ``__arrow_c_stream__``.
        """
        table = columns if isinstance(columns, pa.Table) else pa.table(columns)
        self._cursor.register(name, table)
        try:
            yield
        finally:
            with (
                suppress(SpanledgerError),
                self._database.translating(writing=self._writes),
            ):  # one that failed took the name with it
                self._cursor.unregister(name)
