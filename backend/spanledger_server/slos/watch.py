"""Where all objectives stand, read again and again, for whoever asks without wanting to wait.

Objectives that are counted by one statement are read at once; the others, those first that were read longest ago, for
at most `LONGEST_S` a tick. After a restart that takes some ticks: until then SQL has what was written before, with its
time, and metrics leave out what was not read yet.

Never: a status that is kept after its objective was changed or deleted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from spanledger_server.slos import register, status
from spanledger_server.slos.register import Kept
from spanledger_server.slos.status import Status
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Reader

SQL = sqlfile.load(__package__)

LONGEST_S: Final = 2.0
WORK_S: Final = 0.002  # then whoever waits for the interpreter has as long: what comes in is not held up meanwhile


@dataclass(frozen=True, slots=True)
class Standing:
    """An objective as it stood.

    Attributes:
        kept: The objective.
        status: Where it stood.
        at_ns: When that was.
    """

    kept: Kept
    status: Status
    at_ns: int


class Watch:
    """Holds where each objective stands; `tick` brings it up to date."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.standing: tuple[Standing, ...] = ()

    def tick(self, now_ns: int) -> None:
        """Read what can be read within the time of a tick."""
        before = {(each.kept.slo_id, each.kept.generation): each for each in self.standing}
        with self._database.reader() as reader:
            kept = register.listed(reader)
            known = {one.slo_id: before.get((one.slo_id, one.generation)) for one in kept}
            order = sorted(kept, key=lambda one: _age(known[one.slo_id]))
            for one, found in _read(reader, order, now_ns):
                known[one.slo_id] = Standing(one, found, now_ns)
        written = bool(self.standing)
        self.standing = tuple(stands for one in kept if (stands := known[one.slo_id]) is not None)
        if self.standing or written:
            self._write([slo_id for slo_id, stands in known.items() if stands is None])

    def _write(self, waiting: Sequence[str]) -> None:
        """For those who ask in SQL."""
        each = [(one.kept.slo_id, one.at_ns, one.status) for one in self.standing]
        periods = [found.period for _, _, found in each]
        with self._database.transaction() as tx:
            tx.execute(SQL["clear_standing"], waiting=waiting)
            tx.execute(
                SQL["write_standing"],
                slo_id=[slo_id for slo_id, _, _ in each],
                at_ns=[at_ns for _, at_ns, _ in each],
                state=[found.state for _, _, found in each],
                reason=[found.reason for _, _, found in each],
                remaining_ratio=[found.budget.remaining_ratio if found.budget else None for _, _, found in each],
                good=[period.counts.good for period in periods],
                total=[period.counts.total for period in periods],
                burn_rate=[period.burn_rate for period in periods],
                coverage=[period.coverage for period in periods],
                from_ns=[period.window.from_ns for period in periods],
                to_ns=[period.window.to_ns for period in periods],
            )


def _read(reader: Reader, kept: Sequence[Kept], now_ns: int) -> Iterator[tuple[Kept, Status]]:
    quick = [one for one in kept if status.at_once(one.objective)]
    each = status.each_of_all(reader, [one.objective for one in quick], now_ns)
    yield from zip(quick, _resting(each), strict=True)
    until = time.monotonic() + LONGEST_S
    for one in kept:
        if not status.at_once(one.objective) and time.monotonic() < until:
            yield one, status.of(reader, one.objective, now_ns)


def _resting(each: Iterator[Status]) -> Iterator[Status]:
    """These, with a rest after each bit of work."""
    began = time.monotonic()
    for one in each:
        yield one
        if time.monotonic() - began > WORK_S:
            time.sleep(WORK_S)
            began = time.monotonic()


def _age(found: Standing | None) -> int:
    return 0 if found is None else found.at_ns
