"""Delete what has been kept long enough, oldest first, in small transactions.

Given the time, brings the rollups up to date, then deletes raw rows, minutes, hours and days that are past their
time; when the file holds more than it may, the oldest raw rows go early. What was deleted is noted in `kept_from`,
in the same transaction, so that a rollup is never recomputed from rows that are no longer all there.

Never: deletes what a waiting rollup is made of, or a ledger line to save space.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from spanledger_server.ingest.limits import SeriesLimits
from spanledger_server.ingest.stored import Stored
from spanledger_server.rollups.dirty import Family, Level
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database
from spanledger_server.store.failures import StillRead
from spanledger_server.timegrid import DAY_NS, HOUR_NS

log = logging.getLogger(__name__)

SQL = sqlfile.load(__package__)

MOST_EVICTIONS: Final = 8  # a sweep
EVICT_TO: Final = 0.9  # of what the file may hold


@dataclass(frozen=True, slots=True)
class Keep:
    """How long everything is kept, nanoseconds.

    Attributes:
        raw_ns: Spans, logs, metric points.
        minutes_ns: Minute rollups.
        hours_ns: Hour rollups but those of costs.
        days_ns: Day rollups, hours of costs, the ledger, dialogues, what was refused.
        max_disk_bytes: Above this the oldest raw rows go early; None for no bound.
    """

    raw_ns: int = 7 * DAY_NS
    minutes_ns: int = 30 * DAY_NS
    hours_ns: int = 90 * DAY_NS
    days_ns: int = 365 * DAY_NS
    max_disk_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class _Subject:
    """A table that expires. `feeds` is the rollup that is made of it.

    `grid_ns` is what its cut is rounded down to, and how much one transaction deletes: the writer waits meanwhile.
    """

    name: str
    delete: str
    grid_ns: int
    feeds: tuple[Family, Level] | None = None
    slack_ns: int = 0


RAW: Final = (
    _Subject("spans", "delete_spans", HOUR_NS, ("span", "1m")),
    _Subject("audio_spans", "delete_audio_spans", HOUR_NS, ("audio", "1h")),
    _Subject("logs", "delete_logs", HOUR_NS, ("told", "1m")),
    _Subject("metric_points", "delete_metric_points", HOUR_NS, ("metric", "1m")),
    _Subject("trace_index", "delete_trace_index", HOUR_NS, slack_ns=DAY_NS),  # a trace may begin long before it ends
)
MINUTES: Final = (
    _Subject("cost_1m", "delete_cost_1m", HOUR_NS, ("cost", "1h")),
    _Subject("span_1m", "delete_span_1m", HOUR_NS, ("span", "1h")),
    _Subject("metric_1m", "delete_metric_1m", HOUR_NS, ("metric", "1h")),
    _Subject("told_1m", "delete_told_1m", HOUR_NS, ("told", "1h")),
)
HOURS: Final = (
    _Subject("span_1h", "delete_span_1h", DAY_NS, ("span", "1d")),
    _Subject("metric_1h", "delete_metric_1h", DAY_NS, ("metric", "1d")),
    _Subject("told_1h", "delete_told_1h", DAY_NS, ("told", "1d")),
    _Subject("audio_1h", "delete_audio_1h", DAY_NS, ("audio", "1d")),
)
DAYS: Final = (
    _Subject("cost_1h", "delete_cost_1h", DAY_NS, ("cost", "1d")),  # days of zones are made of them
    _Subject("cost_1d", "delete_cost_1d", DAY_NS),
    _Subject("span_1d", "delete_span_1d", DAY_NS),
    _Subject("metric_1d", "delete_metric_1d", DAY_NS),
    _Subject("told_1d", "delete_told_1d", DAY_NS),
    _Subject("audio_1d", "delete_audio_1d", DAY_NS),
    _Subject("user_1d", "delete_user_1d", DAY_NS),
    _Subject("ledger", "delete_ledger", DAY_NS, ("cost", "1m")),
    _Subject("dialogues", "delete_dialogues", DAY_NS),
    _Subject("ledger_links", "delete_ledger_links", DAY_NS),
    _Subject("ledger_corrections", "delete_ledger_corrections", DAY_NS),
    _Subject("loss", "delete_loss", DAY_NS),
)
LEVEL_OF: Final = {  # table -> how long it is kept
    subject.name: level
    for level, subjects in (("raw", RAW), ("minutes", MINUTES), ("hours", HOURS), ("days", DAYS))
    for subject in subjects
}
_WIDTH_NS: Final[dict[Level, int]] = {"1m": 60 * 10**9, "1h": HOUR_NS, "1d": DAY_NS}


class Retention:
    """Deletes from one database."""

    def __init__(
        self,
        database: Database,
        rollups: Rollups,
        stored: Stored,
        limits: SeriesLimits,
        keep: Keep,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Nothing is deleted yet.

        Args:
            database: The store.
            rollups: What is made of what is deleted.
            stored: What this process knows to be stored.
            limits: What is told when series go.
            keep: How long each level is kept.
            stopping: Whether the server stops: what is left then goes after the next start.
        """
        self._database = database
        self._stopping = stopping
        self._rollups = rollups
        self._stored = stored
        self._limits = limits
        self._keep = keep
        self._held: int | None = None  # the moment of the last eviction, if somebody read on

    def sweep(self, now_ns: int) -> Counter[str]:
        """Delete what is past its time, or in the way; rows deleted by table.

        Args:
            now_ns: The time.

        Raises:
            Busy: The database could not write; what is left goes next time.
        """
        self._rollups.refresh(now_ns)
        deleted: Counter[str] = Counter()
        keep = self._keep
        oldest = self._oldest()
        for subjects, kept_ns in (
            (RAW, keep.raw_ns),
            (MINUTES, keep.minutes_ns),
            (HOURS, keep.hours_ns),
            (DAYS, keep.days_ns),
        ):
            for subject in subjects:
                deleted[subject.name] += self._delete(subject, now_ns - kept_ns, oldest.get(subject.name))
        deleted += self._evict(now_ns)
        if deleted.total():
            self._delete_orphans(deleted)
            log.info("retention deleted rows", extra={"rows": dict(deleted)})
        return +deleted

    def _delete(self, subject: _Subject, cut_ns: int, oldest_ns: int | None) -> int:
        """Delete a table's rows from before the cut, a slice of time a transaction, from its oldest row on."""
        before_ns = (cut_ns - subject.slack_ns) // subject.grid_ns * subject.grid_ns
        deleted = 0
        while oldest_ns is not None and oldest_ns < before_ns and not self._stopping():
            until_ns = min(before_ns, (oldest_ns // subject.grid_ns + 1) * subject.grid_ns)
            with self._database.transaction() as tx:
                if subject.feeds is not None:
                    family, level = subject.feeds
                    before = before_ns // _WIDTH_NS[level]
                    if tx.value(SQL["waiting_marks"], family=family, level=level, before=before):
                        log.warning("not deleted, a rollup of it waits", extra={"table": subject.name})
                        return deleted
                tx.execute(SQL["keep_from"], subject=subject.name, from_ns=before_ns)
                deleted += tx.execute(SQL[subject.delete], before_ns=until_ns)
            oldest_ns = self._oldest(subject.name).get(subject.name)
        return deleted

    def _oldest(self, subject: str | None = None) -> dict[str, int | None]:
        with self._database.reader() as reader:
            return dict(reader.tuples(SQL["oldest"], subject=subject))

    def _evict(self, now_ns: int) -> Counter[str]:
        """Raw rows, oldest first, until the file holds less than it may; the last hour stays."""
        deleted: Counter[str] = Counter()
        most = self._keep.max_disk_bytes
        if most is None:
            return deleted
        used = self.used_bytes()
        if used <= most or (self._held is not None and self._database.read_from_before(self._held)):
            return deleted  # what was evicted last is still read, by a backup perhaps: no reason yet to evict more
        self._held = None
        for _ in range(MOST_EVICTIONS):
            if self._stopping():
                break
            oldest = self._oldest()
            times = [time_ns for subject, time_ns in oldest.items() if subject in _RAW_NAMES and time_ns is not None]
            last_ns = now_ns - HOUR_NS
            if not times or min(times) >= last_ns // HOUR_NS * HOUR_NS:
                log.error("the file holds more than it may, and only the last hour of raw rows is left")
                break
            share = 1 - EVICT_TO * most / used
            cut_ns = min(last_ns, min(times) + max(HOUR_NS, int((now_ns - min(times)) * share)))
            used_before = used
            for subject in RAW:
                deleted[subject.name] += self._delete(subject, cut_ns, oldest.get(subject.name))
            used = self._shrunk()
            moment = self._database.moment()
            if used >= used_before and self._database.read_from_before(moment):
                self._held = moment
                break
            if used <= EVICT_TO * most:
                break
        return deleted

    def _shrunk(self) -> int:
        """Bytes that hold rows once what was deleted is given up, as far as nobody reads it."""
        with suppress(StillRead):
            self._database.checkpoint()
        return self.used_bytes()

    def used_bytes(self) -> int:
        """Bytes that hold rows: of the file and its log; deleted rows count until the next checkpoint."""
        if self._database.path is None:
            return self._database.size_bytes()
        with self._database.reader() as reader:
            return int(reader.value(SQL["used_bytes"])) + self._database.wal_bytes()

    def _delete_orphans(self, deleted: Counter[str]) -> None:
        with self._database.transaction() as tx:
            deleted["metric_series"] += tx.execute(SQL["delete_orphaned_series"])
            deleted["resources"] += tx.execute(SQL["delete_orphaned_resources"])
            tx.after_commit(self._stored.forget)
        with self._database.reader() as reader:
            self._limits.load(reader)


_RAW_NAMES: Final = frozenset({"spans", "audio_spans", "logs", "metric_points"})
