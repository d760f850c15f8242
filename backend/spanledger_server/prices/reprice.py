"""Price lines of the ledger anew, in chunks, on a thread of its own, while everything else goes on.

Given a window and filters, a run prices its lines by the book of now and tells what differs; one that applies also
corrects them. A chunk is one transaction: what was corrected and how far the run is are committed together, so that
a run that was killed goes on where it was. While a run corrects, prices cannot change, so lines that arrive meanwhile
have its prices already.

Never: two runs at once, or a chunk that is half done.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from spanledger.pricing import PriceBook
from spanledger_server.auth import audit
from spanledger_server.errors import Busy, Conflict, SpanledgerError
from spanledger_server.prices import chunk, runs
from spanledger_server.prices.runs import Run, State
from spanledger_server.prices.stored import StoredPrices
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.store.database import Database
from spanledger_server.traces import filters

log = logging.getLogger(__name__)

SECOND_NS: Final = 10**9
LIVE_S: Final = 3_600  # before a chunk's last line: more than any page shows by the second
CHUNK_LINES: Final = 20_000
MOST_TRIES: Final = 30  # of a chunk that could not be written
STOP_PATIENCE_S: Final = 30.0


@dataclass(slots=True)
class _Work:
    """The run that is under way."""

    run: Run
    conditions: Mapping[str, Any]
    cancelled: bool = False


class Repricer:
    """Runs on one database; `start` before the first, `stop` after the last."""

    def __init__(
        self,
        database: Database,
        prices: StoredPrices,
        dirty: DirtyBuckets,
        now_ns: Callable[[], int],
        caught_up: Callable[[], None],
        touched: Callable[[Iterable[int]], None] = lambda _: None,
        *,
        chunk_lines: int = CHUNK_LINES,
    ) -> None:
        """Take its parts.

        Args:
            database: The database.
            prices: The price book.
            dirty: Where minutes are marked for the rollups.
            now_ns: The time.
            caught_up: Returns once all lines that were priced before are committed.
            touched: Told after a commit which seconds of late were corrected. Must not block or raise.
            chunk_lines: How many lines a chunk has, about.
        """
        self._database = database
        self.prices = prices
        self._dirty = dirty
        self._now_ns = now_ns
        self._caught_up = caught_up
        self._touched = touched
        self._chunk_lines = chunk_lines
        self._changed = threading.Condition()
        self._work: _Work | None = None
        self._unwritten: dict[str, Run] = {}  # ended, and the database could not be told: it goes on at the next start
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Go on with a run that was killed, if there is one, and wait for others."""
        self._stopping = False
        for run in self._unended():
            self._resume(run)
        self._thread = threading.Thread(target=self._run, name="spanledger-reprice", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the chunk that is under way; the run goes on at the next start. Safe to call twice."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(STOP_PATIENCE_S)
            self._thread = None

    def begin(
        self,
        bounds: tuple[int, int],
        texts: Sequence[str],
        *,
        applies: bool,
        by: str,
        now_ns: int,
        prices: str | None = None,
    ) -> Run:
        """Begin a run.

        Args:
            bounds: The first moment of the lines, and the moment after the last.
            texts: Filters of the ledger.
            applies: Whether to correct lines, or only to tell what would differ.
            by: Who asks.
            now_ns: The time.
            prices: The price book that a dry run told of, and that must still be the one; None for any.

        Raises:
            Invalid: A filter is not one.
            Conflict: A run is under way, or prices are others.
        """
        conditions = filters.parse(texts, filters.LEDGER).bound()
        with self._changed:
            self._free()
            with self._database.reader() as reader:
                lines = chunk.count(reader, bounds, conditions)
            run = self._noted(bounds, list(texts), applies=applies, lines=lines, by=by, now_ns=now_ns, prices=prices)
            self._work = _Work(run, conditions)
            self._changed.notify_all()
        return replace(run)

    def cancel(self, run_id: str) -> Run:
        """End a run after the chunk that is under way; what it corrected stays, and is told.

        Raises:
            NotFound: There is no such run.
            Conflict: It has ended.
        """
        with self._changed:
            if self._work is None or self._work.run.run_id != run_id:
                raise Conflict(f"run {run_id} has ended: it is {self.get(run_id).state}")
            self._work.cancelled = True
            self._changed.wait_for(lambda: self._work is None or self._work.run.run_id != run_id, STOP_PATIENCE_S)
        return self.get(run_id)

    def wait(self, run_id: str, seconds: float) -> Run:
        """The run, once it has ended or after so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._work is None or self._work.run.run_id != run_id, seconds)
        return self.get(run_id)

    def get(self, run_id: str) -> Run:
        """A run, as far as it is.

        Raises:
            NotFound: There is none.
        """
        with self._changed:
            if self._work is not None and self._work.run.run_id == run_id:
                return replace(self._work.run)
            if run_id in self._unwritten:
                return self._unwritten[run_id]
        with self._database.reader() as reader:
            return runs.one(reader, run_id)

    def _free(self) -> None:
        if self._work is not None:
            raise Conflict(f"run {self._work.run.run_id} is under way: wait for it, or cancel it")
        if self._stopping:
            raise Busy("the server is stopping")

    def _unended(self) -> list[Run]:
        with self._database.reader() as reader:
            return runs.running(reader)

    def _noted(
        self,
        bounds: tuple[int, int],
        texts: list[str],
        *,
        applies: bool,
        lines: int,
        by: str,
        now_ns: int,
        prices: str | None = None,
    ) -> Run:
        with self._database.transaction() as tx:  # the writer's turn: prices change in no other
            book = self.prices.book.version
            if prices not in (None, book):
                raise Conflict(f"prices are others than the dry run's by now ({book}): run it again first")
            run = runs.begin(tx, bounds, texts, applies=applies, prices=book, lines=lines, by=by, now_ns=now_ns)
            if applies:
                audit.record(tx, now_ns, by, "reprice.begin", run.run_id, {"filters": texts, "lines": lines})
        return run

    def _resume(self, run: Run) -> None:
        """Go on with a run of an earlier process; by other prices it begins anew, as another run."""
        conditions = filters.parse(run.filters, filters.LEDGER).bound()
        if run.applies and run.prices == self.prices.book.version:
            self._work = _Work(run, conditions)
            return
        run.state, run.reason, run.ended_ns = "interrupted", "the server was stopped", self._now_ns()
        if run.applies:
            run.reason = "the server was stopped, and started again with other prices: another run began anew"
        with self._database.transaction() as tx:
            runs.end(tx, run)
        if run.applies:
            bounds = (run.from_ns, run.to_ns)
            self._work = _Work(
                self._noted(
                    bounds, run.filters, applies=True, lines=run.lines, by=run.started_by, now_ns=self._now_ns()
                ),
                conditions,
            )

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._work is not None or self._stopping)
                work = self._work
            if work is None or self._stopping:
                return
            try:
                self._caught_up()
                ended = self._all_chunks(work)
            except SpanledgerError as error:
                ended = self._ended(work, "failed", str(error))
            except Exception as error:  # the boundary: one run's failure is no reason for others not to begin
                log.exception("a run that prices lines anew failed", extra={"run": work.run.run_id})
                ended = self._ended(work, "failed", f"{type(error).__name__}; the server's log says more")
            if not ended:
                return
            with self._changed:
                self._work = None
                self._changed.notify_all()

    def _all_chunks(self, work: _Work) -> bool:
        """Every chunk of the run; false when the server is stopping, and the run goes on at its next start."""
        book = self.prices.book
        tries = 0
        while work.run.position_ns < work.run.to_ns:
            if self._stopping:
                return False
            if work.cancelled:
                return self._ended(work, "cancelled", None)
            try:
                self._one_chunk(work, book)
                tries = 0
            except Busy as error:
                tries += 1
                if tries == MOST_TRIES:
                    raise
                with self._changed:
                    self._changed.wait_for(lambda: self._stopping or work.cancelled, error.retry_after_s)
        return self._ended(work, "done", None)

    def _one_chunk(self, work: _Work, book: PriceBook) -> None:
        with self._database.reader() as reader:
            lines = chunk.following(reader, work.run, work.conditions, self._chunk_lines)
        repriced = chunk.priced(lines.table, book)
        totals = runs.Totals()
        totals.add({"provider": key[0], "model": key[1], **mine} for key, mine in work.run.totals.by_model.items())
        run = replace(work.run, position_ns=lines.until_ns, done=work.run.done + repriced.num_rows, totals=totals)
        opened = self._database.transaction if run.applies else self._database.beside
        with opened() as tx:
            if repriced.num_rows:
                rows, bounds = chunk.compare(tx, repriced)
                totals.add(rows)
                if run.applies and any(row["changed"] for row in rows):
                    chunk.correct(tx, run, bounds, self._dirty, run.started_ns)
                    last_s = bounds["last_ns"] // SECOND_NS
                    seconds = range(max(bounds["first_ns"] // SECOND_NS, last_s - LIVE_S), last_s + 1)
                    tx.after_commit(lambda: self._touched(seconds))
            if run.applies:
                runs.advance(tx, run)
        with self._changed:
            work.run = run

    def _ended(self, work: _Work, state: State, reason: str | None) -> bool:
        run = replace(work.run, state=state, reason=reason, ended_ns=self._now_ns())
        try:
            with self._database.transaction() as tx:
                runs.advance(tx, run)
                runs.end(tx, run)
                if run.applies:
                    told = {"state": state, "reason": reason, **run.totals.together()}
                    audit.record(tx, run.ended_ns or 0, run.started_by, "reprice.end", run.run_id, told)
        except SpanledgerError as error:
            log.error("the end of a run could not be written", extra={"run": run.run_id, "reason": str(error)})
            self._unwritten[run.run_id] = run
        with self._changed:
            work.run = run
        return True
