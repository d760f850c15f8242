"""Bring the rollups up to date: recompute whole buckets that were marked.

Given the time, consumes the marks, minutes first, then those of closed hours, then of closed days; each run of
buckets is deleted and inserted in one transaction, so a reader sees the old or the new one. Ingest goes on beside it:
only taking the marks needs the writer's turn. A bucket whose raw rows
have been deleted is frozen: it keeps what it has, and late rows no longer reach it.

Never: increments a bucket, or writes one from rows that are no longer all there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from spanledger_server.rollups.dirty import DirtyBuckets, Level
from spanledger_server.rollups.levels import (
    COARSER,
    COST,
    FINER,
    LEVELS,
    METRIC,
    RECIPES,
    TOGETHER,
    WIDTH_NS,
    Recipe,
    runs,
)
from spanledger_server.rollups.users import refresh_users
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Transaction
from spanledger_server.timegrid import MINUTE_NS

log = logging.getLogger(__name__)

SQL = sqlfile.load(__package__)

LOOKBACK_NS: Final = WIDTH_NS["1h"]  # how far back the point before is looked for first
FIRST_POINT_NS: Final = (
    5 * WIDTH_NS["1m"]
)  # a series' first point counts from its start if that is no longer ago than this
USERS_AFTER_NS: Final = 10 * WIDTH_NS["1m"]  # days by user cost a second, and what comes late does not come once
LOGGED: Final = 10_000  # recomputed buckets that are remembered; who looks less often counts anew


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What one refresh did.

    Attributes:
        buckets: Buckets that were recomputed, over all families and levels.
        frozen: Marked buckets that were left as they are, because what they are made of has been deleted.
    """

    buckets: int = 0
    frozen: int = 0

    def __add__(self, other: Refreshed) -> Refreshed:
        return Refreshed(self.buckets + other.buckets, self.frozen + other.frozen)


class Rollups:
    """Recomputes what is marked in one database."""

    def __init__(self, database: Database, dirty: DirtyBuckets, within_s: float | None = None) -> None:
        """Take its parts.

        Args:
            database: The database.
            dirty: The marks.
            within_s: How long one refresh works at one level of one family, about; what is left stays marked, and the
                newest buckets go first. None: until all is done.
        """
        self.recomputed = 0  # buckets, since the start
        self._database = database
        self._dirty = dirty
        self._within_s = within_s
        self._users_after_ns = 0
        self._users_turn = threading.Lock()
        self._turn = threading.Lock()  # the log's numbers are in the order of its commits

    def refresh(self, now_ns: int) -> Refreshed:
        """Recompute what is marked: every minute, and those hours and days (UTC) that are over.

        Args:
            now_ns: The time.

        Raises:
            Busy: The database could not write; what is left stays marked.
        """
        total = Refreshed()
        for level in LEVELS:
            before = now_ns // WIDTH_NS[level] if level != "1m" else 2**62
            with self._database.reader() as reader:
                waiting = self._dirty.all_waiting(reader, level, before)
            for recipe in RECIPES:
                total += self._refresh_level(recipe, level, waiting.get(recipe.family, []))
        self.recomputed += total.buckets
        with self._users_turn:
            if now_ns >= self._users_after_ns:
                refresh_users(self._database, self._dirty, now_ns, self._turn)
                self._users_after_ns = 0 if self._within_s is None else now_ns + USERS_AFTER_NS
        if total.frozen:
            log.warning("late rows did not reach rollups whose raw rows are deleted", extra={"buckets": total.frozen})
        return total

    def _refresh_level(self, recipe: Recipe, level: Level, waiting: Sequence[int]) -> Refreshed:
        total = Refreshed()
        until_s = None if self._within_s is None else time.perf_counter() + self._within_s
        for run in reversed(runs(waiting, TOGETHER[level])):
            with self._database.transaction() as tx:
                self._dirty.take(tx, recipe.family, level, run)
            with self._turn, self._database.beside() as tx:
                total += self._recompute(tx, recipe, level, run)
            if until_s is not None and time.perf_counter() > until_s:
                break
        return total

    def _recompute(self, tx: Transaction, recipe: Recipe, level: Level, run: Sequence[int]) -> Refreshed:
        kept: dict[str, int] = dict(tx.tuples(SQL["kept_from"]))
        buckets = [*run, *(_next_points(tx, run) if recipe is METRIC and level == "1m" else ())]
        ways = {bucket: _source(recipe, level, bucket, kept) for bucket in buckets}
        finer = [bucket for bucket in buckets if ways[bucket] == "finer"]
        raw = [bucket for bucket in buckets if ways[bucket] == "raw"]
        if finer:
            _from_finer(tx, recipe, level, finer)
        if raw:
            _from_raw(tx, recipe, level, raw)
        coarser = COARSER[level]
        if coarser is not None:
            factor = WIDTH_NS[coarser] // WIDTH_NS[level]
            self._dirty.mark(tx, recipe.family, {bucket // factor for bucket in (*finer, *raw)}, coarser)
        if recipe is COST:
            factor = WIDTH_NS["1d"] // WIDTH_NS[level]
            self._dirty.mark(tx, "user", {bucket // factor for bucket in raw}, "1d")
        self._dirty.consume(tx, recipe.family, level, run)
        _log(tx, recipe, level, [*finer, *raw])
        return Refreshed(len(finer) + len(raw), len(buckets) - len(finer) - len(raw))


def _source(recipe: Recipe, level: Level, bucket: int, kept: Mapping[str, int]) -> Literal["finer", "raw"] | None:
    """What the bucket can be recomputed from; None when neither is all there any more."""
    start_ns = bucket * WIDTH_NS[level]
    finer = FINER[level]
    if finer in recipe.slices and kept.get(f"{recipe.family}_{finer}", 0) <= start_ns:
        return "finer"
    raw_ns = kept.get(recipe.raw, 0)
    return "raw" if not raw_ns or raw_ns <= start_ns - recipe.before_ns else None


def _next_points(tx: Transaction, run: Sequence[int]) -> list[int]:
    """The minutes outside this run whose increments begin at a point within it."""
    width_ns = WIDTH_NS["1m"]
    found = tx.tuples(
        SQL["minutes_after"],
        from_ns=run[0] * width_ns,
        to_ns=(run[-1] + 1) * width_ns,
        width_ns=width_ns,
        lookback_ns=LOOKBACK_NS,
    )
    return sorted(bucket for (bucket,) in found)


def _from_raw(tx: Transaction, recipe: Recipe, level: Level, buckets: Sequence[int]) -> None:
    width_ns = WIDTH_NS[level]
    more = {"lookback_ns": LOOKBACK_NS, "first_point_ns": FIRST_POINT_NS} if recipe is METRIC else recipe.bound
    for run in runs(buckets, most=TOGETHER[level]):
        tx.execute(
            SQL[recipe.from_raw],
            from_ns=run[0] * width_ns,
            to_ns=(run[-1] + 1) * width_ns,
            width_ns=width_ns,
            **more,
        )
        _replace(tx, recipe, level, run)


def _from_finer(tx: Transaction, recipe: Recipe, level: Level, buckets: Sequence[int]) -> None:
    finer = FINER[level]
    assert finer is not None  # noqa: S101 - `_source` never says "finer" of the finest level
    factor = WIDTH_NS[level] // WIDTH_NS[finer]
    for run in runs(buckets, most=TOGETHER[level]):
        bounds = {"from": run[0] * factor, "to": (run[-1] + 1) * factor}
        tx.execute(SQL[recipe.slices[finer]], **bounds)
        tx.execute(SQL[recipe.from_finer], factor=factor)
        _replace(tx, recipe, level, run)


def _log(tx: Transaction, recipe: Recipe, level: Level, buckets: Sequence[int]) -> None:
    """Tell those who remember what they counted that these buckets are others now."""
    if recipe.noted is not None and level == "1m":
        for run in runs(buckets, TOGETHER["1m"]):
            within = {"from_ns": run[0] * MINUTE_NS, "to_ns": (run[-1] + 1) * MINUTE_NS}
            tx.execute(SQL[recipe.noted], buckets=run, **within)
    elif buckets:
        tx.execute(SQL["log_recomputed"], family=recipe.family, level=level, buckets=list(buckets))
    if level == "1h":
        tx.execute(SQL["forget_recomputed"], most=LOGGED)


def _replace(tx: Transaction, recipe: Recipe, level: Level, run: Sequence[int]) -> None:
    tx.execute(SQL[recipe.clear[level]], **{"from": run[0], "to": run[-1] + 1})
    tx.execute(SQL[recipe.fill[level]])
