"""Views as Parquet, a window at a time, while they are read.

Given a view and a window, gives the bytes of one Parquet file, compressed with zstd, in pieces.

Never: a window in memory as a whole.
"""

from __future__ import annotations

import io
from collections.abc import Generator
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from spanledger_server.errors import Invalid
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database

SQL = sqlfile.load(__package__)

ROWS: Final = 65_536  # at a time
BY_COLUMN: Final = {
    "at_ns": "export_by_at",
    "start_ns": "export_by_start",
    "created_ns": "export_by_created",
    "timestamp_ns": "export_by_timestamp",
    "metric_ns": "export_by_metric",
    "timestamp": "export_by_bucket",
}


def views(database: Database) -> dict[str, str]:
    """What can be exported -> the statement that does it."""
    with database.reader() as reader:
        found = dict(reader.tuples(SQL["exportable"]))
    by_view = {
        view: next((BY_COLUMN[each] for each in BY_COLUMN if each in columns), None) for view, columns in found.items()
    }
    return {view: statement for view, statement in by_view.items() if statement is not None}


def statement_of(database: Database, view: str) -> str:
    """The statement that exports `view`.

    Raises:
        Invalid: There is no such view, or its rows do not lie in time.
    """
    known = views(database)
    if view not in known:
        raise Invalid("view", view, f"one of {', '.join(sorted(known))}")
    return SQL[known[view]]


def parquet(database: Database, view: str, statement: str, from_ns: int, to_ns: int) -> Generator[bytes]:
    """The rows of `view` from `from_ns` to before `to_ns`, as the bytes of a Parquet file."""
    with database.reader("public") as reader:
        stream = reader.stream(statement, ROWS, {"view": view, "from_ns": from_ns, "to_ns": to_ns})
        sink = _Sink()
        with pq.ParquetWriter(pa.PythonFile(sink, "w"), stream.schema, compression="zstd") as writer:
            for batch in stream.batches:
                writer.write_table(pa.Table.from_batches([batch]))
                yield sink.taken()
        yield sink.taken()


class _Sink(io.RawIOBase):
    """A file whose bytes are taken away as they come."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(memoryview(data))  # type: ignore[arg-type]  # Arrow gives a buffer
        self._pieces.append(piece)
        return len(piece)

    def taken(self) -> bytes:
        """What came since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
