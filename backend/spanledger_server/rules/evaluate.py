"""Judge all rules at one time: what they ask is gathered, read together, and judged by each rule by itself.

Given a snapshot and the time, gives each rule in use with a verdict for each of its groups. The same snapshot and
time give the same verdicts, but for what is read less often than at every tick (budgets, objectives, baselines). A
rule that cannot be judged gives a verdict that says so, with the rule's labels.

Never: one rule's mistake that keeps another from being judged, or a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from spanledger_server.errors import SpanledgerError
from spanledger_server.rules import absence, anomaly, expression, measured, reads, register, story
from spanledger_server.rules.absence import Hearing
from spanledger_server.rules.anomaly import Baselines
from spanledger_server.rules.held import Held
from spanledger_server.rules.reads import Answer, Key, Question
from spanledger_server.rules.rule import MEASURED, Rule
from spanledger_server.rules.standing import Standings
from spanledger_server.rules.unchanged import Unchanged
from spanledger_server.rules.verdict import Outcome, Story, Verdict
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Reader
from spanledger_server.timegrid import MINUTE_NS, Range

SQL = sqlfile.load(__package__)

MOST_REMEMBERED: Final = 50  # questions for earlier groups that one tick reads
Judged = dict[UUID, list[Verdict]]


class Evaluator:
    """Judges the rules of one store; used by one thread at a time."""

    def __init__(self, database: Database, zone: str = "UTC", *, only_own: bool = False) -> None:
        """Judge nothing yet.

        Args:
            database: The store.
            zone: IANA zone of budgets that name none.
            only_own: Whether only the rules on the server's own work are judged.
        """
        self._database = database
        self._zone = zone
        self._only_own = only_own
        self._standings = Standings(zone)
        self._baselines = Baselines()
        self._hearing = Hearing()
        self._unchanged = Unchanged()
        self._before: Held[Answer] = Held(MINUTE_NS, MOST_REMEMBERED)
        self._known: tuple[int, tuple[Rule, ...]] = (-1, ())

    def rules(self, reader: Reader) -> tuple[Rule, ...]:
        """The rules in use, by name; read again when any has changed."""
        versions = int(reader.value(SQL["newest_change"]))
        if versions != self._known[0]:
            self._known = (versions, tuple(register.listed(reader)))
        return self._known[1]

    def verdicts(self, reader: Reader, now_ns: int) -> list[tuple[Rule, list[Verdict]]]:
        """Every enabled rule, by name, and what it says of each of its groups."""
        rules = self.rules(reader)
        enabled = [rule for rule in rules if rule.enabled]
        if self._only_own:
            enabled = [rule for rule in enabled if measured.source(rule) == "server"]
        found = self.judged(reader, [*enabled, *_ingredients(enabled, rules)], now_ns)
        return [(rule, found[rule.rule_id]) for rule in enabled]

    def one(self, reader: Reader, rule: Rule, now_ns: int) -> list[Verdict]:
        """What one rule says, stored or not, enabled or not."""
        return self.judged(reader, [rule, *_ingredients([rule], self.rules(reader))], now_ns)[rule.rule_id]

    def judged(self, reader: Reader, rules: Sequence[Rule], now_ns: int) -> Judged:
        """The verdicts of these rules; those that composites among them are made of must be there too."""
        for each in (self._standings, self._baselines, self._hearing, self._before):
            each.turn(now_ns)
        self._unchanged.turn(reader)
        asked = {rule.rule_id: _questions(rule, now_ns) for rule in rules}
        answers = reads.read(reader, (question for each in asked.values() for question in each), self._unchanged)
        found: Judged = {}
        for rule in rules:
            if rule.kind != "composite":
                found[rule.rule_id] = self._judged(reader, rule, asked[rule.rule_id], answers, now_ns)
        by_name = {rule.name: rule for rule in rules}
        for rule in rules:
            if rule.kind == "composite":
                found[rule.rule_id] = _composite(rule, by_name, found)
        return found

    def story(self, reader: Reader, rule: Rule, verdict: Verdict, now_ns: int) -> Story:
        """What an alert of this verdict says."""
        return story.of(reader, rule, verdict, now_ns, self._zone)

    def _remembered(self, reader: Reader, rule: Rule, now_ns: int) -> Answer | None:
        """The groups that were there before a rule's window; read once a minute, for all rules that ask the same."""
        asked = measured.before(rule, now_ns)
        if asked is None:
            return None
        key = replace(asked, window=Range(0, rule.window_ns))
        return self._before.get(key, now_ns, lambda: reads.read(reader, [asked], self._unchanged)[asked])

    def _judged(
        self,
        reader: Reader,
        rule: Rule,
        asked: Sequence[Question],
        answers: Mapping[Question, Answer],
        now_ns: int,
    ) -> list[Verdict]:
        try:
            if rule.kind == "anomaly":
                learnt = self._baselines.samples(reader, rule, now_ns)
                return anomaly.verdicts(rule, asked[0], answers[asked[0]], learnt)
            if rule.kind in MEASURED:
                return measured.verdicts(rule, asked, answers, self._remembered(reader, rule, now_ns))
            if rule.kind == "absence" and asked:
                return self._hearing.of_metric(reader, rule, asked[0], answers[asked[0]], now_ns)
            if rule.kind == "absence":
                return self._hearing.verdicts(reader, rule, now_ns)
            return self._standings.verdicts(reader, rule, now_ns)
        except SpanledgerError as error:
            return [measured.unjudged(rule, f"it cannot be judged: {error}")]


def _questions(rule: Rule, now_ns: int) -> tuple[Question, ...]:
    if rule.kind == "anomaly":
        return (anomaly.question(rule, now_ns),)
    if rule.kind in MEASURED:
        return measured.questions(rule, now_ns)
    if rule.kind == "absence" and rule.metric is not None:
        return (absence.question(rule, now_ns),)
    return ()


def _ingredients(rules: Iterable[Rule], known: Sequence[Rule]) -> list[Rule]:
    """The rules that these are made of and that are not among them, over any number of steps."""
    by_name = {rule.name: rule for rule in known}
    had = {rule.name for rule in rules}
    waiting = [name for rule in rules for name in expression.parts(rule.expression)]
    found = []
    while waiting:
        name = waiting.pop()
        if name in had or name not in by_name:
            continue
        had.add(name)
        found.append(by_name[name])
        waiting += expression.parts(by_name[name].expression)
    return found


def _composite(rule: Rule, by_name: Mapping[str, Rule], found: Judged) -> list[Verdict]:
    """What a composite says: as a whole, or of each combination of the labels by which it groups."""
    tree = expression.parse(rule.expression or "")
    missing = [name for name in expression.names(tree) if name not in by_name]
    if missing:
        return [measured.unjudged(rule, f"there is no rule called {missing[0]!r} any more")]
    parts: dict[str, list[Verdict]] = {}
    for name in expression.names(tree):
        part = by_name[name]
        if part.rule_id not in found:
            found[part.rule_id] = _composite(part, by_name, found)
        parts[name] = found[part.rule_id]
    keys: dict[Key, None] = {} if rule.group_by else {(): None}
    for each in parts.values():
        for verdict in each:
            key = tuple(verdict.labels.get(label, "") for label in rule.group_by)
            keys |= {key: None} if any(key) or not rule.group_by else {}
    if len(keys) > rule.most_groups:
        return [measured.crowded(rule, len(keys))]
    return [_together(rule, tree, key, parts) for key in sorted(keys)]


def _together(rule: Rule, tree: expression.Tree, key: Key, parts: Mapping[str, list[Verdict]]) -> Verdict:
    wanted = dict(zip(rule.group_by, key, strict=True))
    chosen = {
        name: [
            each for each in verdicts if all(each.labels.get(label, value) == value for label, value in wanted.items())
        ]
        for name, verdicts in parts.items()
    }
    says = {name: measured.any_holds(verdicts) for name, verdicts in chosen.items()}
    whole = expression.said(tree, lambda name: says[name])
    unknown = [f"{name}: {_reason(chosen[name])}" for name, word in says.items() if word is None]
    named = measured.labels(rule, key)
    if whole is None:
        broken = any(each.outcome == "error" for name in chosen for each in chosen[name])
        outcome: Outcome = "error" if broken else "no_data"
        return Verdict(named, outcome, reason="; ".join(unknown))
    return Verdict(named, "true" if whole else "false", not whole, float(whole), 1.0)


def _reason(verdicts: Sequence[Verdict]) -> str:
    return next((each.reason for each in verdicts if each.reason), "nothing is known")
