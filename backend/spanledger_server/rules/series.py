"""What rules said at even steps of the past, by group: each source read once, whatever number of rules asks for it.

Given a snapshot, the rules in use, a range of time and the length of a step, gives the verdicts of a rule.

Never: anything that came after the time that is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import UUID

from spanledger_server.errors import Invalid
from spanledger_server.rules import absence, anomaly, expression, instants, measured, metrics, sliding
from spanledger_server.rules.instants import Raw
from spanledger_server.rules.metrics import Measure
from spanledger_server.rules.reads import Crowd, Key
from spanledger_server.rules.rule import Against, Kind, Rule
from spanledger_server.rules.verdict import Verdict
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, MINUTE_NS, Range

AGO_NS: Final[dict[Against, Callable[[Rule], int]]] = {
    "before": lambda rule: rule.window_ns,
    "day": lambda _: DAY_NS,
    "week": lambda _: 7 * DAY_NS,
}
BY_THE_HOUR: Final[tuple[Kind, ...]] = ("budget", "forecast")
Series = Mapping[Key, Sequence[Verdict]]  # group -> a verdict for each step


@dataclass(slots=True)
class Values:
    """Reads the metrics of rules once, and judges at every step."""

    reader: Reader
    known: Mapping[str, Rule]
    window: Range
    minutes: int
    zone: str
    _raw: dict[UUID, dict[Key, list[Raw]]] = field(default_factory=dict)
    _read: dict[Any, Mapping[Key, Sequence[measured.Measured]]] = field(default_factory=dict)
    _hours: dict[UUID, list[tuple[dict[str, str], list[Raw]]]] = field(default_factory=dict)

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
        if rule.kind == "anomaly":
            return self._unusual(rule)
        if rule.kind == "burn_rate":
            found = instants.of_objectives(self.reader, rule, self.ends_ns, self.step_ns)
            return {(str(number),): verdicts for number, verdicts in enumerate(found)}
        if rule.kind in BY_THE_HOUR:
            return self._by_the_hour(rule)
        if rule.kind == "absence" and rule.metric is None:
            return absence.replayed(self.reader, rule, self.ends_ns, self.minutes)
        raw = self._raw_of(rule)
        named = {key: measured.labels(rule, key) for key in raw}
        return {key: [self._verdict(rule, named[key], *each) for each in values] for key, values in raw.items()}

    def groups(self, rule: Rule) -> int:
        """How many groups are judged at each step; 1 where that is not known before."""
        if rule.kind in ("composite", "anomaly", "burn_rate", *BY_THE_HOUR):
            return 1
        if rule.kind == "absence" and rule.metric is None:
            return len(absence.ends_heard(self.reader, rule, self.ends_ns, self.minutes))
        return len(self._raw_of(rule))

    def _raw_of(self, rule: Rule) -> dict[Key, list[Raw]]:
        if rule.rule_id not in self._raw:
            self._raw[rule.rule_id] = self._measured(rule)
        return self._raw[rule.rule_id]

    @property
    def ends_ns(self) -> list[int]:
        """When it is judged."""
        return [end * self.step_ns for end in self.ends]

    def _by_the_hour(self, rule: Rule) -> Series:
        if rule.rule_id not in self._hours:
            self._hours[rule.rule_id] = instants.of_budgets(self.reader, rule, self.ends_ns, self.zone)
        return {
            (str(number),): [measured.judged(rule, named, *each) for each in raw]
            for number, (named, raw) in enumerate(self._hours[rule.rule_id])
        }

    def _unusual(self, rule: Rule) -> Series:
        above, width = measured.measure(rule), rule.window_ns // self.step_ns
        ago = anomaly.REACH_NS // self.step_ns + 2 * width
        found = self._values(rule, above, ago)
        steps = anomaly.Steps(self.step_ns, self.ends.start - ago, ago)
        nothing = [measured.value_of(above, None, Range(0, rule.window_ns))] * (ago + len(self.ends))
        return {
            key: anomaly.replayed(rule, measured.labels(rule, key), found.get(key, nothing), steps, width)
            for key in (sorted(found) if rule.group_by else [()])
        }

    def _verdict(
        self, rule: Rule, named: dict[str, str], value: Any, events: float | None, reason: str | None
    ) -> Verdict:
        if rule.kind != "absence":
            return measured.judged(rule, named, value, events, reason)
        limit = rule.window_ns / 10**9
        return Verdict(named, "false" if events else "true", bool(events), 0.0 if events else limit, limit)

    def _measured(self, rule: Rule) -> dict[Key, list[Raw]]:
        """Group -> the value at each step, its events, and why there is none."""
        above = measured.measure(rule)
        ago = 0 if rule.kind != "change" else AGO_NS[rule.against](rule) // self.step_ns
        found = self._values(rule, above, ago)
        below = metrics.measure(rule.divided_by) if rule.divided_by else None
        others = {} if below is None else self._values(rule, below, 0)
        nothing = [measured.value_of(above, None, Range(0, rule.window_ns))] * (ago + len(self.ends))
        raw: dict[Key, list[Raw]] = {}
        for key in sorted(found) if rule.group_by else [()]:
            lately = found.get(key, nothing)
            if rule.kind == "change":
                pairs = zip(lately[ago:], lately, strict=False)
                raw[key] = [_changed(one, other, rule.change_in == "percent") for one, other in pairs]
            elif below is not None:
                unknown = [measured.value_of(below, None, Range(0, rule.window_ns))] * len(self.ends)
                pairs = zip(lately, others.get(key, unknown), strict=True)
                raw[key] = [_divided(one, other, below.name) for one, other in pairs]
            else:
                raw[key] = [(value, events, None) for value, events in lately]
        return raw

    def _values(self, rule: Rule, of: Measure, ago: int) -> Mapping[Key, Sequence[measured.Measured]]:
        """Group -> the metric at each step, and at so many before them."""
        question, width = measured.question(rule, of, self.window), rule.window_ns // self.step_ns
        asked = (of.name, of.source, question, width, ago)
        if asked not in self._read:
            ends = range(self.ends.start - ago, self.ends.stop)
            told = partial(measured.value_of, of, asked=Range(0, rule.window_ns))
            found = sliding.values(self.reader, question, self.minutes, width, ends, told)
            number = found.groups if isinstance(found, Crowd) else len(found)
            if isinstance(found, Crowd) or number > rule.most_groups:
                raise Invalid("group_by", list(rule.group_by), f"at most {rule.most_groups} groups; there are {number}")
            self._read[asked] = found
        return self._read[asked]

    def _composite(self, rule: Rule) -> Series:
        tree = expression.parse(rule.expression or "")
        parts = {name: self.series(self.known[name]) for name in expression.names(tree) if name in self.known}
        named = measured.labels(rule, ())
        whole = []
        for place in range(len(self.ends)):
            at_once = {name: [verdicts[place] for verdicts in each.values()] for name, each in parts.items()}
            whole.append(_said(tree, named, at_once))
        return {(): whole}


def _changed(lately: measured.Measured, before: measured.Measured, percent: bool) -> Raw:
    value, events = lately
    if value is None:
        return None, events, None
    changed, reason = measured.changed(value, before[0], percent)
    return changed, events, reason


def _divided(above: measured.Measured, below: measured.Measured, name: str) -> Raw:
    value, events = above
    return (None, events, None) if value is None else measured.ratio(value, below, name)


def _said(tree: expression.Tree, named: Mapping[str, str], parts: Mapping[str, Sequence[Verdict]]) -> Verdict:
    says = expression.said(tree, lambda name: measured.any_holds(parts.get(name, ())))
    if says is None:
        return Verdict(named, "no_data", reason="not all of its rules can tell")
    return Verdict(named, "true" if says else "false", not says, float(says), 1.0)
