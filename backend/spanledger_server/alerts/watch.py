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
MOST_NAMES: Final = 3


class Judges(Protocol):
    """Who says what holds; `rules.evaluate.Evaluator` is one."""

    def rules(self, reader: Reader) -> Iterable[Rule]:
        """Every rule that there is; asked only about those that were not judged."""
        ...

    def verdicts(self, reader: Reader, now_ns: int) -> Sequence[tuple[Rule, Sequence[Verdict]]]:
        """What each rule says of its groups."""
        ...

    def story(self, reader: Reader, rule: Rule, verdict: Verdict, now_ns: int) -> Story:
        """What an alert says that begins to fire."""
        ...


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to be written of an episode, and how to plan again should it not be what it was."""

    moved: Moved
    again: Callable[[Kept], Moved | None]


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

    def __init__(self, database: Database, judges: Judges, every_ns: int) -> None:
        """Nothing is read before the first tick.

        Args:
            database: The store.
            judges: Who says what holds.
            every_ns: How often `tick` is called.
        """
        self.counters = Counters()
        self._database = database
        self._judges = judges
        self._every_ns = every_ns

    def tick(self, now_ns: int) -> None:
        """Judge every rule and write what changed."""
        started = time.perf_counter()
        with self._database.reader() as reader:
            answers = self._judges.verdicts(reader, now_ns)
            known = _known(reader, answers, self._every_ns, now_ns)
            planned = self._planned(reader, answers, known, now_ns)
        if planned:
            with self._database.transaction() as tx:
                self.counters.events += record.write(tx, _still_right(tx, planned), now_ns)
        self._count(answers, time.perf_counter() - started, now_ns)

    def _planned(
        self, reader: Reader, answers: Sequence[tuple[Rule, Sequence[Verdict]]], known: Mapping[str, Kept], now_ns: int
    ) -> list[Planned]:
        by_rule: dict[UUID | None, list[Kept]] = {}
        for each in known.values():
            by_rule.setdefault(each.rule_id, []).append(each)
        tells = _Tells(partial(self._judges.story, reader), now_ns)
        found: list[Planned] = []
        for rule, verdicts in answers:
            digest = rule.digest
            mine = by_rule.pop(rule.rule_id, [])
            changed = {each.dedup_key: each for each in mine if each.condition != digest and each.standing.open}
            found += [_ended(each, "rule changed", now_ns) for each in changed.values()]
            staying = {each.dedup_key: each for each in mine if each.condition == digest}
            for one in judged.judged(rule, digest, verdicts, staying, self._every_ns):
                moved = None if one.key in changed else judged.moved(one, staying.get(one.key), now_ns, tells)
                if moved is not None:
                    found.append(Planned(moved, partial(_again, one, now_ns)))
        left = [each for episodes in by_rule.values() for each in episodes if each.standing.open]
        return [*found, *self._left_behind(reader, left, now_ns)]

    def _left_behind(self, reader: Reader, left: Sequence[Kept], now_ns: int) -> list[Planned]:
        """Alerts whose rules were not judged: they end if that is for good."""
        if not left:
            return []
        rules = {rule.rule_id: rule for rule in self._judges.rules(reader)}
        reasons = [(each, judged.gone(each, rules)) for each in left]
        return [_ended(each, why, now_ns) for each, why in reasons if why is not None]

    def _count(self, answers: Sequence[tuple[Rule, Sequence[Verdict]]], seconds: float, now_ns: int) -> None:
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
    of = ", ".join(f"{name} {value}" for name, value in verdict.labels.items())
    compared = "" if rule.operator is None or verdict.threshold is None else f" {rule.operator} {verdict.threshold}"
    measured = verdict.reason or "" if verdict.value is None else f"measured {verdict.value}{compared}"
    return Story(
        title=f"{rule.name}: {of}" if of else rule.name,
        text=rule.annotations.get("summary") or measured,
        facts=tuple(verdict.labels.items()),
        runbook_url=rule.annotations.get("runbook_url"),
        annotations=rule.annotations,
    )


def _known(
    reader: Reader, answers: Sequence[tuple[Rule, Sequence[Verdict]]], every_ns: int, now_ns: int
) -> dict[str, Kept]:
    """Episodes by identity: those that are open, and the newest of others that may matter to the next one."""
    windows = (judged.policy_of(rule, every_ns).flap_window_ns for rule, _ in answers)
    since_ns = now_ns - min(LONGEST_MEMORY_NS, max(windows, default=0))
    return {row["dedup_key"]: kept.of_row(row) for row in reader.rows(SQL["standing_alerts"], since_ns=since_ns)}


def _ended(each: Kept, why: str, now_ns: int) -> Planned:
    return Planned(judged.ended(each, why, now_ns), lambda fresh: judged.ended(fresh, why, now_ns))


def _again(each: judged.Judged, now_ns: int, fresh: Kept) -> Moved | None:
    return judged.moved(each, fresh, now_ns, plain)


def _still_right(tx: Transaction, planned: Sequence[Planned]) -> list[Moved]:
    """What is to be written, planned anew where somebody did something to the alert meanwhile."""
    keys = [str(one.moved.before.alert_id) for one in planned if one.moved.before is not None]
    rows = tx.rows(SQL["alerts_by_id"], alert_ids=keys) if keys else []
    fresh = {row["alert_id"]: kept.of_row(row) for row in rows}
    found: list[Moved] = []
    for one in planned:
        before = one.moved.before
        if before is None or fresh.get(before.alert_id) == before:
            found.append(one.moved)
        elif (now := fresh.get(before.alert_id)) is not None and now.standing.open:
            again = one.again(now)
            found += [] if again is None else [again]
    return found
