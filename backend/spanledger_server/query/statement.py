"""One statement on a thread of its own: checked, bound, run until there are enough rows, and stopped on demand.

Never: raises on the caller's thread by itself; what went wrong stands in `error` once `ended` is set.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from spanledger_server.errors import Invalid, SpanledgerError
from spanledger_server.query import sandbox
from spanledger_server.query.ceiling import ceiling
from spanledger_server.query.refusals import Refused, as_told
from spanledger_server.store.database import Reader, StatementFailed
from spanledger_server.store.failures import Interrupted, NoMemory
from spanledger_server.store.reader import Stream

BATCH_ROWS: Final = 1024
MIB: Final = 1024 * 1024
LARGEST_INTEGER: Final = 2**127 - 1
MOST_DIGITS: Final = 38  # of a DECIMAL
NOT_CARRIED: Final = (
    "BIT",
    "UHUGEINT",
    "BIGNUM",
    "VARIANT",
    "GEOMETRY",
    "TIME WITH TIME ZONE",
    "TIMETZ",
    "AGGREGATE_STATE",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a statement may have.

    Attributes:
        seconds: From its turn on.
        memory_bytes: That the process grows by; what is kept of the store in memory does not count.
        result_bytes: Of the rows; what is beyond is left out, and said to be.
    """

    seconds: float = 10.0
    memory_bytes: int = 512 * MIB
    result_bytes: int = 64 * MIB


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement gave.

    Attributes:
        columns: Name and DuckDB's type of each.
        schema: The same, as Arrow has it.
        batches: The rows.
        truncated: Whether there are more.
        elapsed_ms: How long it ran.
    """

    columns: tuple[tuple[str, str], ...]
    schema: pa.Schema
    batches: tuple[pa.RecordBatch, ...]
    truncated: bool
    elapsed_ms: float


class Statement:
    """Runs once, from `start` until `ended`."""

    def __init__(
        self, sql: str, parameters: Mapping[str, Any], most_rows: int | None, limits: Limits, known: sandbox.Names
    ) -> None:
        """Nothing runs yet.

        Args:
            sql: One SELECT.
            parameters: A value for each parameter that it names.
            most_rows: How many rows are wanted; None: it is checked and planned, and not run.
            limits: What it may have.
            known: The relations there are.
        """
        self.ended = threading.Event()
        self.error: SpanledgerError | None = None
        self.result: Result | None = None
        self._sql, self._parameters, self._most_rows, self._limits, self._known = (
            sql,
            parameters,
            most_rows,
            limits,
            known,
        )
        self._reader: Reader | None = None

    def start(self, snapshot: AbstractContextManager[Reader], room_bytes: int, then: Callable[[], None]) -> None:
        """Begin on another thread.

        Args:
            snapshot: What it reads.
            room_bytes: How much memory the process may get meanwhile.
            then: Called when it has ended, whatever came of it.
        """
        threading.Thread(
            target=self._work, args=(snapshot, room_bytes, then), name="spanledger-query", daemon=True
        ).start()

    def stop(self) -> None:
        """Interrupt it, as often as it takes."""
        reader = self._reader
        if reader is not None:
            with suppress(SpanledgerError):  # it has just ended
                reader.interrupt()

    def _work(self, snapshot: AbstractContextManager[Reader], room_bytes: int, then: Callable[[], None]) -> None:
        started = time.perf_counter()
        try:
            with ceiling(room_bytes), snapshot as reader:
                self._reader = reader
                self.result = self._answered(reader, started)
        except (SpanledgerError, MemoryError, UnicodeError, pa.ArrowException) as error:
            self.error = self._told(error)
        finally:
            self._reader = None
            then()
            self.ended.set()

    def _answered(self, reader: Reader, started: float) -> Result | None:
        checked = sandbox.check(reader, self._sql, self._known)
        if self._most_rows is None:
            self._plan(reader, checked)
            return None
        values = bound(checked.parameters, self._parameters)
        stream = reader.stream(checked.sql, BATCH_ROWS, values)
        _check_types(stream.columns)
        batches, truncated = taken(stream, self._most_rows, self._limits.result_bytes)
        elapsed_ms = round((time.perf_counter() - started) * 1000, 1)
        return Result(stream.columns, stream.schema, tuple(batches), truncated, elapsed_ms)

    def _plan(self, reader: Reader, checked: sandbox.Checked) -> None:
        """Have it planned, where the defaults are a value for each parameter."""
        values = bound(checked.parameters, dict.fromkeys(checked.parameters) | dict(self._parameters))
        if self._parameters.keys() == checked.parameters:
            reader.stream("EXPLAIN " + checked.sql, BATCH_ROWS, values)

    def _told(self, error: Exception) -> SpanledgerError:
        if isinstance(error, Interrupted):
            return error
        if isinstance(error, (NoMemory, MemoryError, pa.ArrowMemoryError)):
            return too_large(self._limits)
        if isinstance(error, (StatementFailed, pa.ArrowException)):
            return as_told(str(error))
        if isinstance(error, UnicodeError):
            return Refused("DuckDB refuses this, in a message that cuts a character in two")
        return error if isinstance(error, SpanledgerError) else SpanledgerError(str(error))


def too_large(limits: Limits) -> Refused:
    """What is said of a statement that needs too much memory."""
    return Refused(f"the query needs more memory than it may have ({limits.memory_bytes // MIB} MiB): ask for less")


def bound(wanted: frozenset[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """The value of each parameter as DuckDB takes it: a number with a point as a decimal with the digits it has.

    Raises:
        Invalid: A parameter has no value, a value has no parameter, or DuckDB has no such number.
    """
    for name in sorted(wanted - given.keys()):
        raise Invalid(f"params.{name}", None, f"a value, since the statement names ${name}")
    for name in sorted(given.keys() - wanted):
        raise Invalid(f"params.{name}", given[name], f"only what the statement names: it has no ${name}")
    return {name: _value(f"params.{name}", given[name]) for name in wanted}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise Invalid(name, value, "a whole number of at most 128 bits")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Invalid(name, value, "a finite number: what is larger can be given as text")
        digits = Decimal(repr(value))
        exponent = digits.as_tuple().exponent
        fits = isinstance(exponent, int) and -MOST_DIGITS < exponent <= 0 and digits.adjusted() - exponent < MOST_DIGITS
        return digits if fits else value
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise Invalid(name, value, "text without lone surrogates")
    if isinstance(value, list):
        return [_value(name, each) for each in value]
    if isinstance(value, dict):
        return {str(key): _value(name, each) for key, each in value.items()}
    return value


def _check_types(columns: tuple[tuple[str, str], ...]) -> None:
    for name, type_ in columns:
        found = next((each for each in NOT_CARRIED if each in type_.replace('"', "")), None)
        if found is not None:
            raise Refused(f"column {name!r} is of type {type_}, which no answer can carry exactly: cast it to VARCHAR")


def taken(stream: Stream, most_rows: int, most_bytes: int) -> tuple[list[pa.RecordBatch], bool]:
    """Rows until there are enough, and whether there are more.

    Args:
        stream: Where they come from.
        most_rows: How many are wanted.
        most_bytes: How large they may be together, in Arrow's form.
    """
    batches: list[pa.RecordBatch] = []
    for batch in stream.batches:
        kept = batch.slice(0, min(batch.num_rows, most_rows))
        while kept.nbytes > most_bytes:
            kept = kept.slice(0, kept.num_rows // 2)
        if kept.num_rows:
            batches.append(kept)
        if kept.num_rows < batch.num_rows:
            return batches, True
        most_rows -= kept.num_rows
        most_bytes -= kept.nbytes
    return batches, False
