"""The health of services in one hand: looks at what the checks name, keeps what was found, writes it down.

Where each check stands is held in memory and written with the tick, at once when a state changes.

Never: a result of a definition that was changed meanwhile, or a look that waits for the store's writer.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from spanledger_server.errors import NotFound, SpanledgerError
from spanledger_server.health import check, machine, register, results
from spanledger_server.health.answer import Answer, LookFailedError
from spanledger_server.health.deadline import Deadline
from spanledger_server.health.kinds.all import KINDS
from spanledger_server.health.machine import Standing
from spanledger_server.health.question import House, Question
from spanledger_server.health.register import Kept
from spanledger_server.health.results import Answers, Collected, Keep
from spanledger_server.health.rounds import SPREAD_S, Counters, Rounds
from spanledger_server.loops import Task
from spanledger_server.settings import Settings
from spanledger_server.store.database import Database

log = logging.getLogger(__name__)

MINUTE_NS: Final = 60 * 10**9
SWEEP_NS: Final = 10 * MINUTE_NS
GRACE_S: Final = 2.0  # beyond its time, for a look that was asked for


@dataclass(frozen=True, slots=True)
class Looked:
    """A check and where it stands now."""

    kept: Kept
    standing: Standing


class Health:
    """`start`, then the task again and again, then `stop`, before the database is closed."""

    def __init__(self, database: Database, now: Callable[[], int], keep: Keep) -> None:
        """Nothing is looked at yet.

        Args:
            database: The store.
            now: The time, ns since 1970.
            keep: How long what is kept.
        """
        self._database, self._now, self._keep = database, now, keep
        self._house: House | None = None
        self._known: dict[str, Looked] = {}
        self._found = Collected()
        self._lock = threading.Lock()  # of what is known and found; held for moments
        self._writing = threading.Lock()
        self._rounds = Rounds(self._look)
        self._swept_ns = 0

    @classmethod
    def kept(cls, settings: Settings, database: Database, now: Callable[[], int]) -> Health:
        """With minutes and hours kept as long as the settings say."""
        step = timedelta(microseconds=1)
        keep = Keep(settings.retention_minutes // step * 1000, settings.retention_days // step * 1000)
        return cls(database, now, keep)

    @property
    def counters(self) -> Counters:
        """What the looks came to."""
        return self._rounds.counters

    def start(
        self, unready: Callable[[], list[str]], troubles: Callable[[], list[str]], *, spread_s: float = SPREAD_S
    ) -> Task:
        """Begin; gives what the tick has to do.

        Args:
            unready: Why nothing should be sent to this server.
            troubles: The same, and what of its own work fails.
            spread_s: Over how long first looks are spread, seconds.
        """
        self._house = House(self._database, self._now(), unready, troubles)
        self._rounds = Rounds(self._look, spread_s=spread_s)
        self.reload()
        self._rounds.start()
        return Task("health", self.tick)

    def stop(self) -> None:
        """Look no more, and write what was found."""
        self._rounds.stop()
        try:
            self.settle()
        except SpanledgerError as error:
            log.warning("the latest results of health checks were not written", extra={"reason": str(error)})

    def tick(self, now_ns: int) -> None:
        """Write what was found; now and then, forget what is old."""
        self.settle()
        if not 0 <= now_ns - self._swept_ns < SWEEP_NS:
            self._swept_ns = now_ns
            with self._database.transaction() as tx:
                results.sweep(tx, self._keep, now_ns)

    def settle(self) -> None:
        """Write what was found; kept for the next time where it cannot be written now.

        Raises:
            Busy: It cannot be written now.
        """
        with self._writing:
            with self._lock:
                found, self._found = self._found, Collected()
            if not found:
                return
            try:
                with self._database.transaction() as tx:
                    results.write(tx, found, self._now())
            except BaseException:
                with self._lock:
                    self._found = found.before(self._found)
                raise

    def reload(self) -> None:
        """The definitions have changed: go on with those that hold."""
        with self._lock:  # also while they are read: of two who read, the later one has the newer ones
            with self._database.reader() as reader:
                kept = {each.check_id: each for each in register.listed(reader)}
            for check_id, each in kept.items():
                known = self._known.get(check_id)
                if known is None or known.kept.version != each.version:
                    self._known[check_id] = Looked(each, each.standing)
                    self._found.standing.pop(check_id, None)
            for check_id in self._known.keys() - kept.keys():
                del self._known[check_id]
            enabled = {key: each.kept.check.interval_s for key, each in self._known.items() if each.kept.check.enabled}
        self._rounds.plan(enabled)

    def standing(self) -> list[Looked]:
        """Every check and where it stands now, by name."""
        now_ns = self._now()
        with self._lock:
            known = list(self._known.values())
        found = [replace(each, standing=_now(each, now_ns)) for each in known]
        return sorted(found, key=lambda each: (each.kept.check.name.lower(), each.kept.check_id))

    def one(self, key: str) -> Looked:
        """The check with this id or name, and where it stands now.

        Raises:
            NotFound: There is none.
        """
        found = [each for each in self.standing() if key in (each.kept.check_id, each.kept.check.name)]
        if not found:
            raise NotFound(f"there is no check {key!r}; GET /api/v1/health/checks lists all")
        return next((each for each in found if each.kept.check_id == key), found[0])

    def look_now(self, key: str) -> Looked:
        """Look at a check at once, and where it stands then; a paused one is looked at and stays paused.

        Raises:
            NotFound: There is none.
        """
        looked = self.one(key)
        check_id, wanted = looked.kept.check_id, looked.kept.check
        if not wanted.enabled:
            answer = self._asked(looked)
            return replace(looked, standing=replace(looked.standing, answer=answer, seen_ns=self._now()))
        self._rounds.now(check_id, wanted.timeout_s + GRACE_S)
        self.settle()
        return self.one(check_id)

    def _look(self, check_id: str) -> None:
        with self._lock:
            looked = self._known.get(check_id)
        if looked is None:
            return
        answer, now_ns = self._asked(looked), self._now()
        with self._lock:
            known = self._known.get(check_id)
            if known is None or known.kept.version != looked.kept.version:
                return
            wanted = known.kept.check
            standing, changes = machine.heard(known.standing, answer, now_ns, wanted.patience)
            self._known[check_id] = replace(known, standing=standing)
            self._found.standing[check_id] = standing
            first = standing.changes - len(changes) + 1
            self._found.changes += [
                results.noted(check_id, wanted, first + number, each) for number, each in enumerate(changes)
            ]
            self._found.minutes.setdefault((check_id, now_ns // MINUTE_NS), Answers()).add(answer)
        if changes:
            try:
                self.settle()
            except SpanledgerError as error:
                log.warning("a change of health was not written yet", extra={"reason": str(error)})

    def _asked(self, looked: Looked) -> Answer:
        wanted, kind = looked.kept.check, KINDS[looked.kept.check.kind]
        if self._house is None:
            return Answer("unknown", "This server is starting")
        text, place, options = check.whole(wanted, looked.kept.secrets)
        before = looked.standing.answer
        question = Question(
            target=text,
            place=place,
            options=options,
            deadline=Deadline(wanted.timeout_s),
            now_ns=self._now(),
            slow_ms=wanted.slow_ms,
            house=self._house,
            before={} if before is None else before.told,
        )
        try:
            return kind.ask(question)
        except LookFailedError as error:
            return Answer(error.state, str(error), question.deadline.taken_ns())
        except SpanledgerError as error:
            return Answer("unknown", f"the store does not answer: {error}")


def _now(looked: Looked, now_ns: int) -> Standing:
    return looked.standing.at(now_ns, looked.kept.check.patience.silent_ns)
