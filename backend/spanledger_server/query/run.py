"""Users' SQL, run: when its turn has come, and within limits of time, memory, rows and bytes.

Given a statement and values for its parameters, gives the rows as Arrow batches. The statement runs on a thread of its
own and is watched by the caller's: out of time or memory, it is interrupted; if it cannot be interrupted at once, the
caller has the answer anyway, and the turn is over when it ends.

Never: more than one statement at a time, or an answer that holds a snapshot or the turn while it is sent.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import psutil

from spanledger_server.errors import Busy, SpanledgerError
from spanledger_server.query import sandbox
from spanledger_server.query.refusals import OutOfTime
from spanledger_server.query.statement import Limits, Result, Statement, too_large
from spanledger_server.query.turns import Turns
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database
from spanledger_server.store.failures import Interrupted

SQL = sqlfile.load(__package__)
log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.02
GRACE_S: Final = 1.0  # for a statement that was interrupted


class Queries:
    """The one place where users' SQL runs."""

    def __init__(
        self,
        database: Database,
        limits: Limits | None = None,
        turns: Turns | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Nothing runs yet.

        Args:
            database: What is asked.
            limits: What a statement may have.
            turns: Who is next.
            stopping: Whether the server stops: statements are then interrupted.
        """
        self._database = database
        self._stopping = stopping
        self._limits = limits or Limits()
        self._turns = turns or Turns()
        self._known: sandbox.Names | None = None

    def run(self, caller: str, sql: str, parameters: Mapping[str, Any], most_rows: int) -> Result:
        """The first `most_rows` rows of what `sql` gives.

        Args:
            caller: Whose turn it is to be.
            sql: One SELECT.
            parameters: A value for each parameter that it names.
            most_rows: How many rows are wanted.

        Raises:
            Refused: It is not allowed, wrong, or needs too much memory.
            Invalid: A parameter has no value, or there is a value without a parameter.
            OutOfTime: It ran too long.
            TooOften: This caller's queries wait already.
            Busy: Others' do; or the store is away.
        """
        result = self._ended(caller, Statement(sql, parameters, most_rows, self._limits, self._names())).result
        if result is None:
            raise SpanledgerError("a query ended without rows and without an error")
        return result

    def check(self, caller: str, sql: str, defaults: Mapping[str, Any]) -> None:
        """Raise what `run` would raise before it runs.

        Where `defaults` has a value for each parameter it is also planned, so that a column that is not there is told.
        """
        self._ended(caller, Statement(sql, defaults, None, self._limits, self._names()))

    def _names(self) -> sandbox.Names:
        """The relations there are, which stay the same until the next start."""
        if self._known is None:
            with self._database.reader() as reader:
                self._known = sandbox.names(reader)
        return self._known

    def _ended(self, caller: str, statement: Statement) -> Statement:
        self._turns.take(caller)
        started, resident, kept = time.monotonic(), _resident_bytes(), self._kept_bytes()
        room = self._database.memory_limit_bytes + 2 * self._limits.memory_bytes
        statement.start(self._database.reader(sandbox.PUBLIC), room, self._turns.release)
        reason: SpanledgerError | None = None
        since = 0.0
        while not statement.ended.wait(LOOK_EVERY_S):
            now = time.monotonic()
            if reason is None:
                since, reason = now, self._too_much(now - started, _resident_bytes() - resident, kept)
            if reason is not None:
                statement.stop()
                if now - since > GRACE_S:
                    log.warning("a query cannot be interrupted; no other begins before it ends")
                    raise reason
        if statement.error is not None:
            raise reason if reason is not None and isinstance(statement.error, Interrupted) else statement.error
        return statement

    def _too_much(self, seconds: float, grown_bytes: int, kept_bytes: int) -> SpanledgerError | None:
        limits = self._limits
        if self._stopping():
            return Busy("the server is stopping")
        if seconds > limits.seconds:
            return OutOfTime(f"the query was stopped after {limits.seconds:g} s: ask for less, or for less time")
        if grown_bytes > limits.memory_bytes and grown_bytes - self._kept_bytes() + kept_bytes > limits.memory_bytes:
            return too_large(limits)
        return None

    def _kept_bytes(self) -> int:
        """What of the store is held in memory, and given up when somebody needs room."""
        with self._database.reader() as reader:
            return int(reader.value(SQL["kept_bytes"]))


def _resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)
