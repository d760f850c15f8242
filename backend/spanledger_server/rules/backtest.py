"""What a rule would have done: replayed over stored history with the state machine that alerts go through.

Given a snapshot, a rule and a range of time, judges the rule at even steps by the same figures as live, and walks each
group's verdicts through the steps that the caller gives (the alerts' own). The metric is read once, in stretches of
minutes; a long range or window takes longer stretches, and the answer says how long they are.

Never: a guess for rules whose figures are not kept (budgets, forecasts, objectives, baselines): they are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from statistics import median
from typing import Any, Final
from uuid import UUID

from spanledger_server.errors import Invalid
from spanledger_server.rules import expression, measured, metrics, reads
from spanledger_server.rules.metrics import Measure
from spanledger_server.rules.reads import Crowd, Key
from spanledger_server.rules.rule import Rule
from spanledger_server.rules.verdict import Verdict
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, MINUTE_NS, Range

SQL = sqlfile.load(__package__)

STRETCHES_MIN: Final = (1, 5, 15, 60, 240)
MOST_WORK: Final = 250_000  # rows that are added up
LONGEST_NS: Final = 90 * DAY_NS
REPLAYED: Final = ("threshold", "ratio", "change", "composite")
Step = Callable[[Any, Verdict | None, int], tuple[Any, Sequence[str]]]  # standing, verdict, time -> standing, changes
Steps = Callable[[Rule, int], Step]  # rule, distance of the steps -> step
_Raw = tuple[Any, float | None, str | None]  # value, events, why there is none
Series = Mapping[Key, Sequence[Verdict]]  # group -> a verdict for each step


@dataclass(slots=True)
class Episode:
    """One time that it would have fired.

    Attributes:
        labels: Of the group.
        from_ns: When it would have fired.
        to_ns: When it would have ended; None: it would fire still.
        worst: The value that was furthest from the threshold.
    """

    labels: Mapping[str, str]
    from_ns: int
    to_ns: int | None = None
    worst: Any = None


@dataclass(frozen=True, slots=True)
class Replay:
    """What a rule would have done.

    Attributes:
        rule: Which.
        window: The time that was replayed.
        step_ns: How often it was judged.
        episodes: When it would have fired, oldest first.
        breach_ns: How long its condition held, over all groups.
        unknown_share: Of all verdicts, those that could not tell; None without any.
        groups: How many there were.
    """

    rule: Rule
    window: Range
    step_ns: int
    episodes: tuple[Episode, ...]
    breach_ns: int
    unknown_share: float | None
    groups: int

    def lasted_ns(self, episode: Episode) -> int:
        """How long an episode lasted, up to the end of what was replayed."""
        return (episode.to_ns or self.window.to_ns) - episode.from_ns

    @property
    def median_ns(self) -> int | None:
        """How long the middle one lasted."""
        return round(median(map(self.lasted_ns, self.episodes))) if self.episodes else None

    @property
    def sentence(self) -> str:
        """In words."""
        of = measured.spoken(self.window.length_ns)
        if not self.episodes:
            return f"would not have fired in {of}"
        times = "once" if len(self.episodes) == 1 else f"{len(self.episodes)} times"
        return f"would have fired {times} in {of}, median {measured.spoken(self.median_ns or 0)}"


def replay(
    reader: Reader,
    rule: Rule,
    known: Mapping[str, Rule],
    window: Range,
    steps: Steps,
    thresholds: Sequence[Decimal] = (),
) -> list[Replay]:
    """What a rule would have done, and then the same with each of some other thresholds.

    Args:
        reader: One snapshot.
        rule: Which; stored or not.
        known: The rules in use by name, for composites.
        window: When; what is not kept in minutes any more is left out.
        steps: Gives the steps that alerts go through.
        thresholds: To compare with.

    Raises:
        Invalid: Its figures are not kept, it has too many groups, or it would take too long.
    """
    kept_ns = -(-_kept_from_ns(reader, rule, known) // MINUTE_NS) * MINUTE_NS
    from_ns, to_ns = max(window.from_ns // MINUTE_NS * MINUTE_NS, kept_ns), window.to_ns // MINUTE_NS * MINUTE_NS
    whole = Range(from_ns, to_ns)
    if whole.length_ns < MINUTE_NS or whole.length_ns > LONGEST_NS:
        raise Invalid(
            "from", window.from_ns, f"between a minute and {LONGEST_NS // DAY_NS} days that are kept in minutes"
        )
    minutes = _stretch(rule, known, whole)
    values = _Values(reader, known, whole, minutes)
    found = [_replayed(rule, values.series(rule), values, steps)]
    for threshold in thresholds:
        other = replace(rule, threshold=threshold, clear_threshold=None)
        found.append(_replayed(other, values.series(other), values, steps))
    return found


def _kept_from_ns(reader: Reader, rule: Rule, known: Mapping[str, Rule]) -> int:
    kept: dict[str, int] = dict(reader.tuples(SQL["kept_minutes"]))
    names = {each.metric for each in _leaves(rule, known)} | {each.divided_by for each in _leaves(rule, known)}
    families = {reads.FAMILIES[metrics.measure(name).source] for name in names if name}
    return max((kept.get(f"{family}_1m", 0) for family in families), default=0)


def _leaves(rule: Rule, known: Mapping[str, Rule]) -> list[Rule]:
    """The rules on metrics that a rule comes down to.

    Raises:
        Invalid: One of them cannot be replayed.
    """
    if rule.kind == "composite":
        parts = [known[name] for name in expression.parts(rule.expression) if name in known]
        return [leaf for part in parts for leaf in _leaves(part, known)]
    if rule.kind in REPLAYED or (rule.kind == "absence" and rule.metric):
        return [rule]
    raise Invalid("kind", rule.kind, f"{', '.join(REPLAYED)} or the absence of a metric: others' figures are not kept")


def _stretch(rule: Rule, known: Mapping[str, Rule], window: Range) -> int:
    """How many minutes are added up at once."""
    leaves = _leaves(rule, known)
    work = 0
    for minutes in STRETCHES_MIN:
        if any(leaf.window_ns % (minutes * MINUTE_NS) for leaf in leaves):
            break
        steps = window.length_ns // (minutes * MINUTE_NS)
        work = sum(steps * leaf.window_ns // (minutes * MINUTE_NS) for leaf in leaves)
        if work <= MOST_WORK:
            return minutes
    raise Invalid("from", window.from_ns, f"a shorter time: {work} windows would be added up, {MOST_WORK} are allowed")


@dataclass(slots=True)
class _Values:
    """Reads the metrics of rules once, and judges at every step."""

    reader: Reader
    known: Mapping[str, Rule]
    window: Range
    minutes: int
    _raw: dict[UUID, dict[Key, list[_Raw]]] = field(default_factory=dict)
    _read: dict[Any, Mapping[Key, Mapping[int, list[Mapping[str, Any]]]]] = field(default_factory=dict)

    @property
    def step_ns(self) -> int:
        """Distance of the steps."""
        return self.minutes * MINUTE_NS

    @property
    def ends(self) -> range:
        """Numbers of the stretches at whose beginning a step is taken: what lies before them is judged."""
        return range(self.window.from_ns // self.step_ns + 1, self.window.to_ns // self.step_ns + 1)

    def series(self, rule: Rule) -> Series:
        """What a rule says at each step, by group."""
        if rule.kind == "composite":
            return self._composite(rule)
        if rule.rule_id not in self._raw:
            self._raw[rule.rule_id] = self._measured(rule)
        return {
            key: [self._verdict(rule, measured.labels(rule, key), *each) for each in values]
            for key, values in self._raw[rule.rule_id].items()
        }

    def _verdict(
        self, rule: Rule, named: dict[str, str], value: Any, events: float | None, reason: str | None
    ) -> Verdict:
        if rule.kind != "absence":
            return measured.judged(rule, named, value, events, reason)
        limit = rule.window_ns / 10**9
        return Verdict(named, "false" if events else "true", bool(events), 0.0 if events else limit, limit)

    def _measured(self, rule: Rule) -> dict[Key, list[_Raw]]:
        """Group -> the value at each step, its events, and why there is none."""
        above = measured.measure(rule)
        found = self._values(rule, above)
        below = metrics.measure(rule.divided_by) if rule.divided_by else None
        others = {} if below is None else self._values(rule, below)
        ago = {"before": rule.window_ns, "day": DAY_NS, "week": 7 * DAY_NS}[rule.against] // self.step_ns
        raw: dict[Key, list[_Raw]] = {}
        for key in sorted(found) if rule.group_by else [()]:
            raw[key] = []
            for end in self.ends:
                (value, events), reason = self._value(rule, above, found.get(key, {}), end), None
                if value is not None and rule.kind == "change":
                    before, _ = self._value(rule, above, found.get(key, {}), end - ago)
                    value, reason = measured.changed(value, before, rule.change_in == "percent")
                elif value is not None and below is not None:
                    divisor = self._value(rule, below, others.get(key, {}), end)
                    value, events, reason = measured.ratio(value, divisor, below.name)
                raw[key].append((value, events, reason))
        return raw

    def _value(self, rule: Rule, of: Measure, stretches: Mapping[int, Any], end: int) -> measured.Measured:
        width = rule.window_ns // self.step_ns
        rows = [row for number in range(end - width, end) for row in stretches.get(number, ())]
        group = reads.found(of.source, rows) if rows else None
        return measured.value_of(of, group, Range(0, rule.window_ns))

    def _values(self, rule: Rule, of: Measure) -> Mapping[Key, Mapping[int, list[Mapping[str, Any]]]]:
        """Group -> number of the stretch -> rows."""
        ahead_ns = rule.window_ns + {"before": rule.window_ns, "day": DAY_NS, "week": 7 * DAY_NS}[rule.against]
        earlier = Range(max(0, self.window.from_ns - ahead_ns), self.window.to_ns)
        question = measured.question(rule, of, earlier)
        if question not in self._read:
            self._read[question] = self._by_key(rule, question)
        return self._read[question]

    def _by_key(self, rule: Rule, question: reads.Question) -> Mapping[Key, Mapping[int, list[Mapping[str, Any]]]]:
        found = reads.parts(self.reader, question, self.minutes)
        keys: dict[Key, dict[int, list[Mapping[str, Any]]]] = {}
        if not isinstance(found, Crowd):
            for number, groups in found.items():
                for key, rows in groups.items():
                    keys.setdefault(key, {})[number] = rows
        number = found.groups if isinstance(found, Crowd) else len(keys)
        if number > rule.most_groups:
            raise Invalid("group_by", list(rule.group_by), f"at most {rule.most_groups} groups; there are {number}")
        work = number * len(self.ends) * (rule.window_ns // self.step_ns)
        if work > 4 * MOST_WORK:
            raise Invalid("from", question.window.from_ns, f"a shorter time: there are {number} groups")
        return keys

    def _composite(self, rule: Rule) -> Series:
        tree = expression.parse(rule.expression or "")
        parts = {name: self.series(self.known[name]) for name in expression.names(tree) if name in self.known}
        named = measured.labels(rule, ())
        whole = []
        for place in range(len(self.ends)):
            at_once = {name: [verdicts[place] for verdicts in each.values()] for name, each in parts.items()}
            whole.append(_said(tree, named, at_once))
        return {(): whole}


def _said(tree: expression.Tree, named: Mapping[str, str], parts: Mapping[str, Sequence[Verdict]]) -> Verdict:
    says = expression.said(tree, lambda name: measured.any_holds(parts.get(name, ())))
    if says is None:
        return Verdict(named, "no_data", reason="not all of its rules can tell")
    return Verdict(named, "true" if says else "false", not says, float(says), 1.0)


def _replayed(rule: Rule, series: Series, values: _Values, steps: Steps) -> Replay:
    episodes = [
        episode
        for verdicts in series.values()
        for episode in _episodes(rule, verdicts, values, steps(rule, values.step_ns))
    ]
    every = [verdict.outcome for verdicts in series.values() for verdict in verdicts]
    unknown = sum(outcome not in ("true", "false") for outcome in every)
    return Replay(
        rule=rule,
        window=values.window,
        step_ns=values.step_ns,
        episodes=tuple(sorted(episodes, key=lambda each: (each.from_ns, sorted(each.labels.items())))),
        breach_ns=every.count("true") * values.step_ns,
        unknown_share=unknown / len(every) if every else None,
        groups=len(series),
    )


def _episodes(rule: Rule, verdicts: Sequence[Verdict], values: _Values, step: Step) -> Iterator[Episode]:
    standing: Any = None
    current: Episode | None = None
    for end, verdict in zip(values.ends, verdicts, strict=True):
        at_ns = end * values.step_ns
        standing, changes = step(standing, verdict, at_ns)
        if "fired" in changes:
            current = Episode(verdict.labels, at_ns)
        if current is not None and verdict.outcome == "true":
            current.worst = _worse(rule, current.worst, verdict.value)
        if "resolved" in changes and current is not None:
            current.to_ns = at_ns
            yield current
            current = None
    if current is not None:
        yield current


def _worse(rule: Rule, one: Any, other: Any) -> Any:
    """The value that is further beyond the threshold."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other) if rule.operator in ("<", "<=") else max(one, other)
