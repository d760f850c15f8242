"""The tick of the alerts of our rules: judge, step, and write what changed in one transaction.

Where each alert stands is in the store and nowhere else, so that a restart neither forgets nor tells twice. What
somebody did to an alert while rules were judged is seen before anything is written.

Never: a row that is written though nothing changed, or a rule whose failure keeps others from being judged.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol
from uuid import UUID

from spanledger_server.alerts import judged, kept, record
from spanledger_server.alerts.kept import Kept
from spanledger_server.alerts.record import Moved
from spanledger_server.errors import SpanledgerError
from spanledger_server.loops import Task, TellsTime, TickLoop
from spanledger_server.rules import measured, story
from spanledger_server.rules.own import Own, Pulse, Tasks, Waits
from spanledger_server.rules.rule import Rule
from spanledger_server.rules.verdict import Story, Verdict
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Reader, Transaction

SQL = sqlfile.load(__package__)
log = logging.getLogger(__name__)

MOST_STORIES: Final = 50  # that are asked of the store in one tick; in a storm the others say what they know
STORIES_S: Final = 1.0
LONGEST_MEMORY_NS: Final = 24 * 3600 * 10**9
LATE_NS: Final = 60 * 10**9
OVERDUE_S: Final = 20.0  # by how much the tick may be late before the rules on the server itself are judged without it
MOST_NAMES: Final = 3


Answers = Sequence[tuple[Rule, Sequence[Verdict]]]


class Judges(Protocol):
    """Who says what holds; `rules.evaluate.Evaluator` is one."""

    def rules(self, reader: Reader) -> Iterable[Rule]:
        """Every rule that there is; asked only about those that were not judged."""
        ...

    def verdicts(self, reader: Reader, now_ns: int) -> Answers:
        """What each rule says of its groups."""
        ...

    def story(self, reader: Reader, rule: Rule, verdict: Verdict, now_ns: int) -> Story:
        """What an alert says that begins to fire."""
        ...


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to be written of an episode, how to plan again should it not be what it was, and of whose rule it is."""

    moved: Moved
    again: Callable[[Kept], Moved | None]
    own: bool = False  # of a rule on the server's own work


@dataclass(slots=True)
class Counters:
    """What the last evaluation came to; read by `/metrics`."""

    last_ns: int | None = None
    seconds: float = 0.0
    rules: int = 0
    groups: int = 0
    failing: tuple[str, ...] = ()
    overruns: int = 0
    events: int = 0


class Alerting:
    """The alerts of the rules of one store."""

    def __init__(
        self,
        database: Database,
        judges: Judges,
        every_ns: int,
        watcher: Judges | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is read before the first tick.

        Args:
            database: The store.
            judges: Who says what holds.
            every_ns: How often `tick` is called.
            watcher: Who says it of the rules on the server's own work, on another thread, where the tick is late.
            now_s: A clock that nobody sets, seconds.
        """
        self.counters = Counters()
        self.own = Own.among(database.memory)
        self.own.pulse, self.own.now_s = Pulse(every_ns / 1e9), now_s
        self._database = database
        self._judges = judges
        self._watcher = watcher
        self._every_ns = every_ns
        self._watching: TickLoop | None = None
        self._read: dict[UUID, Kept] = {}  # what `_known` read last
        self._written = 0  # passes that wrote; changed within the writer's turn
        self._calm_since: int | None = None  # `_written` when no alert of a rule was open any more

    def start(self, clock: TellsTime, tasks: Tasks, waits: Waits) -> Task:
        """Begin to watch the tick; gives what the tick has to do.

        Args:
            clock: The time.
            tasks: What the server's own work is, and what of it fails.
            waits: How long messages wait for their channels.
        """
        self.own.tasks, self.own.waits = tasks, waits
        self._watching = TickLoop(clock, [Task("watch", self.watch)], self._every_ns / 1e9)
        self._watching.start()
        return Task("alerting", self.tick)

    def stop(self) -> None:
        """Watch no more."""
        if self._watching is not None:
            self._watching.stop()

    def tick(self, now_ns: int) -> None:
        """Judge every rule and write what changed."""
        started = time.perf_counter()
        if self.own.pulse is not None:
            self.own.pulse.beat(now_ns, self.own.now_s())
        answers = self._pass(self._judges, now_ns)
        self._count(answers, time.perf_counter() - started, now_ns)

    def watch(self, now_ns: int) -> None:
        """Judge the rules on the server's own work where the tick does not come to it; on a thread of its own."""
        late_s = 0.0 if self.own.pulse is None else self.own.pulse.waits_s(self.own.now_s())
        if self._watcher is not None and late_s > OVERDUE_S:
            self._pass(self._watcher, now_ns)

    def _pass(self, judges: Judges, now_ns: int) -> Answers:
        written = self._written
        with self._database.reader() as reader:
            answers = judges.verdicts(reader, now_ns)
            if self._calm_since == written and all(judged.calm(rule, verdicts) for rule, verdicts in answers):
                return answers
            known = self._known(reader, answers, now_ns)
            if judges is self._watcher:
                judged_ids = {rule.rule_id for rule, _ in answers}
                known = {key: each for key, each in known.items() if each.rule_id in judged_ids}
            planned = self._planned(judges, reader, answers, known, now_ns)
        if judges is self._judges:
            going = any(each.standing.open or each.standing.waits for each in known.values())
            self._calm_since = None if planned or going else written
        if planned:
            with self._database.transaction() as tx:
                if self._written != written:  # the other one has judged the same meanwhile: it comes to it again
                    planned = [one for one in planned if not one.own]
                self.counters.events += record.write(tx, _still_right(tx, planned), now_ns)
                self._written += 1
        return answers

    def _known(self, reader: Reader, answers: Answers, now_ns: int) -> dict[str, Kept]:
        """Episodes by identity: those that are open, and the newest of others that may matter to the next one.

        Of one that nobody has touched since the tick before, only that is read.
        """
        windows = (judged.policy_of(rule, self._every_ns).flap_window_ns for rule, _ in answers)
        since_ns = now_ns - min(LONGEST_MEMORY_NS, max(windows, default=0))
        marks = reader.tuples(SQL["standing_marks"], since_ns=since_ns)
        kept_since, read = self._read, {}
        for alert_id, *mark in marks:
            before = kept_since.get(alert_id)
            if before is not None and [before.changes, before.updated_ns] == mark:
                read[alert_id] = before
        others = [str(alert_id) for alert_id, *_ in marks if alert_id not in read]
        rows = reader.rows(SQL["alerts_by_id"], alert_ids=others) if others else []
        read |= {row["alert_id"]: kept.of_row(row) for row in rows}
        self._read = read
        return {each.dedup_key: each for each in read.values()}

    def _planned(
        self, judges: Judges, reader: Reader, answers: Answers, known: Mapping[str, Kept], now_ns: int
    ) -> list[Planned]:
        by_rule: dict[UUID | None, list[Kept]] = {}
        for each in known.values():
            by_rule.setdefault(each.rule_id, []).append(each)
        tells = _Tells(partial(judges.story, reader), now_ns)
        found: list[Planned] = []
        for rule, verdicts in answers:
            mine = by_rule.pop(rule.rule_id, [])
            if not mine and judged.calm(rule, verdicts):
                continue
            digest = rule.digest
            changed = {each.dedup_key: each for each in mine if each.condition != digest and each.standing.open}
            found += [_ended(each, "rule changed", now_ns) for each in changed.values()]
            staying = {each.dedup_key: each for each in mine if each.condition == digest}
            for one in judged.judged(rule, digest, verdicts, staying, self._every_ns):
                moved = None if one.key in changed else judged.moved(one, staying.get(one.key), now_ns, tells)
                if moved is not None:
                    own = measured.source(rule) == "server"
                    found.append(Planned(moved, partial(_again, one, now_ns), own))
        left = [each for episodes in by_rule.values() for each in episodes if each.standing.open]
        return [*found, *self._left_behind(reader, left, now_ns)]

    def _left_behind(self, reader: Reader, left: Sequence[Kept], now_ns: int) -> list[Planned]:
        """Alerts whose rules were not judged: they end if that is for good."""
        if not left:
            return []
        rules = {rule.rule_id: rule for rule in self._judges.rules(reader)}
        reasons = [(each, judged.gone(each, rules)) for each in left]
        return [_ended(each, why, now_ns) for each, why in reasons if why is not None]

    def _count(self, answers: Answers, seconds: float, now_ns: int) -> None:
        counted = self.counters
        counted.last_ns, counted.seconds, counted.rules = now_ns, seconds, len(answers)
        counted.groups = sum(len(verdicts) for _, verdicts in answers)
        failing = (rule.name for rule, verdicts in answers if any(each.outcome == "error" for each in verdicts))
        counted.failing = tuple(failing)
        if seconds * 1e9 > self._every_ns:
            counted.overruns += 1
            log.warning("judging the rules took longer than a tick", extra={"seconds": seconds})

    def conditions(self, now_ns: int) -> list[dict[str, str]]:
        """What somebody should look at."""
        counted, told = self.counters, []
        if counted.failing:
            names = ", ".join(counted.failing[:MOST_NAMES]) + (" …" if len(counted.failing) > MOST_NAMES else "")
            told.append(f"{len(counted.failing)} of {counted.rules} rules cannot be evaluated: {names}")
        if counted.last_ns is not None and now_ns - counted.last_ns > LATE_NS + self._every_ns:
            told.append(f"no rule was evaluated for {(now_ns - counted.last_ns) // 10**9} s")
        return [{"level": "warning", "service": "spanledger", "text": text} for text in told]


class _Tells:
    """What alerts say that begin to fire: with what the store knows, for as many as there is time for."""

    def __init__(self, asks: Callable[[Rule, Verdict, int], Story], now_ns: int) -> None:
        self._asks = asks
        self._now_ns = now_ns
        self._left = MOST_STORIES
        self._until = time.monotonic() + STORIES_S

    def __call__(self, rule: Rule, verdict: Verdict) -> Story:
        if self._left > 0 and time.monotonic() < self._until:
            self._left -= 1
            try:
                return self._asks(rule, verdict, self._now_ns)
            except SpanledgerError:
                log.warning("an alert could not be explained", extra={"rule": rule.name}, exc_info=True)
        return plain(rule, verdict)


def plain(rule: Rule, verdict: Verdict) -> Story:
    """What an alert says without asking the store."""
    return Story(
        title=story.title(rule, verdict),
        text=rule.annotations.get("description", ""),
        facts=tuple(verdict.labels.items()),
        runbook_url=rule.annotations.get("runbook_url"),
        annotations=rule.annotations,
    )


def _ended(each: Kept, why: str, now_ns: int) -> Planned:
    return Planned(judged.ended(each, why, now_ns), lambda fresh: judged.ended(fresh, why, now_ns))


def _again(each: judged.Judged, now_ns: int, fresh: Kept) -> Moved | None:
    return judged.moved(each, fresh, now_ns, plain)


def _still_right(tx: Transaction, planned: Sequence[Planned]) -> list[Moved]:
    """What is to be written, planned anew where somebody did something to the alert meanwhile."""
    known = {one.moved.before.alert_id: one.moved.before for one in planned if one.moved.before is not None}
    rows = tx.tuples(SQL["alert_marks"], alert_ids=list(map(str, known))) if known else []
    same = {key for key, *mark in rows if mark == [known[key].changes, known[key].updated_ns]}
    others = [str(key) for key in known.keys() - same]
    again = tx.rows(SQL["alerts_by_id"], alert_ids=others) if others else []
    fresh = {row["alert_id"]: kept.of_row(row) for row in again}
    found: list[Moved] = []
    for one in planned:
        before = one.moved.before
        if before is None or before.alert_id in same:
            found.append(one.moved)
        elif (now := fresh.get(before.alert_id)) is not None and now.standing.open:
            moved = one.again(now)
            found += [] if moved is None else [moved]
    return found
