"""Rules on the value of a metric: thresholds, ratios and changes. What they ask, and what they say of the answers.

Means, shares and percentiles are read over the window and the minute under way; counts and sums over exactly the
window, that minute being its last, so that nothing is counted beyond it. A change compares whole minutes alone: a
minute under way would look like a fall.

Never: a division by nothing, or a group that is out of sight taken for one that is well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from spanledger_server.rules import metrics
from spanledger_server.rules.metrics import Measure, Source
from spanledger_server.rules.reads import Answer, Crowd, Failed, Key, Question
from spanledger_server.rules.rule import MEASURED, MOST_GROUPS, Rule, holds
from spanledger_server.rules.verdict import Verdict
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range

REMEMBERED_NS: Final = HOUR_NS  # a group that was there so long before the window is still one of the rule's
Measured = tuple[Any, float | None]  # a value and its events


def measure(rule: Rule) -> Measure:
    """The metric of a rule that has one."""
    return metrics.measure(rule.metric or "", rule.stat)


def source(rule: Rule) -> Source | None:
    """Where the metric of a rule that measures one is read."""
    return measure(rule).source if rule.kind in MEASURED else None


def lists_all(rule: Rule) -> bool:
    """Whether a group that is not in the answer is gone for good, and not late."""
    return source(rule) in metrics.LISTED


def window(of: Measure, length_ns: int, now_ns: int) -> Range:
    """What is read at `now_ns` for a window of that length."""
    if of.sums:
        return Range(-(-now_ns // MINUTE_NS) * MINUTE_NS - length_ns, now_ns)
    return Range(now_ns // MINUTE_NS * MINUTE_NS - length_ns, now_ns)


def whole_minutes(length_ns: int, now_ns: int, ago_ns: int = 0) -> Range:
    """The last window of minutes that are over, or the same some time ago."""
    to_ns = now_ns // MINUTE_NS * MINUTE_NS - ago_ns
    return Range(to_ns - length_ns, to_ns)


def question(rule: Rule, of: Measure, asked: Range) -> Question:
    """What a rule asks of a metric for one window."""
    name = of.name if of.source == "metric" else None
    return Question(of.source, asked, rule.group_by, tuple(sorted(rule.filters.items())), name, spread=of.spread)


def questions(rule: Rule, now_ns: int) -> tuple[Question, ...]:
    """All that a rule asks at `now_ns`, in the order in which `verdicts` takes the answers."""
    above = measure(rule)
    if rule.kind == "change":
        ago_ns = {"before": rule.window_ns, "day": DAY_NS, "week": 7 * DAY_NS}[rule.against]
        lately = whole_minutes(rule.window_ns, now_ns)
        return (
            question(rule, above, lately),
            question(rule, above, whole_minutes(rule.window_ns, now_ns, ago_ns)),
        )
    asked = window(above, rule.window_ns, now_ns)
    found = [question(rule, above, asked)]
    if rule.kind == "ratio":
        below = metrics.measure(rule.divided_by or "")
        found.append(question(rule, below, window(below, rule.window_ns, now_ns)))
    return tuple(found)


def before(rule: Rule, now_ns: int) -> Question | None:
    """What a rule with groups asks to know those that were there before its window; None for others."""
    if not rule.group_by or rule.kind not in ("threshold", "ratio") or lists_all(rule):
        return None
    of = measure(rule)
    from_ns = window(of, rule.window_ns, now_ns).from_ns
    return replace(question(rule, of, Range(max(0, from_ns - REMEMBERED_NS), from_ns)), bare=True)


def verdicts(
    rule: Rule, asked: Sequence[Question], answers: Mapping[Question, Answer], remembered: Answer | None = None
) -> list[Verdict]:
    """What a rule says of what was found, and of groups that were there before."""
    found = [answers[each] for each in asked]
    for each in found:
        if isinstance(each, Failed):
            return [unjudged(rule, f"it cannot be read: {each.reason}")]
        if isinstance(each, Crowd):
            return [crowded(rule, each.groups)]
    groups: list[Mapping[Key, Any]] = [each for each in found if not isinstance(each, (Crowd, Failed))]
    keys = dict.fromkeys(key for each in groups for key in each)
    if len(keys) > rule.most_groups:
        return [crowded(rule, len(keys))]
    if not rule.group_by:
        keys[()] = None
    elif remembered is not None and not isinstance(remembered, (Crowd, Failed)):
        missing = [key for key in sorted(remembered) if key not in keys]
        keys |= dict.fromkeys(missing[: rule.most_groups - len(keys)])
    return [_verdict(rule, key, asked, groups) for key in sorted(keys)]


def crowded(rule: Rule, groups: int) -> Verdict:
    """That a rule has more groups than it may."""
    limit = rule.most_groups
    raised = ", or raise group_limit" if groups <= MOST_GROUPS else ""
    return unjudged(rule, f"{groups} groups, and {limit} is its limit: filter, or group by less{raised}")


def unjudged(rule: Rule, reason: str) -> Verdict:
    """That a rule cannot be judged: with its own labels alone where it has groups, else with those of its one group."""
    return Verdict(dict(rule.labels) if rule.group_by else labels(rule, ()), "error", reason=reason)


def labels(rule: Rule, key: Key) -> dict[str, str]:
    """The rule's own labels, those that its filters fix, and those of the group; what is not set is left out."""
    fixed = {
        name: each.wanted[0]
        for name, each in rule.filters.items()
        if each.wanted is not None and len(each.wanted) == 1 and not each.unwanted
    }
    found = {**rule.labels, **fixed, **dict(zip(rule.group_by, key, strict=False))}
    return {name: value for name, value in found.items() if value}


def _verdict(rule: Rule, key: Key, asked: Sequence[Question], groups: Sequence[Mapping[Key, Any]]) -> Verdict:
    above = measure(rule)
    value, events = value_of(above, groups[0].get(key), asked[0].window)
    reason = None if value is not None else above.silence or f"nothing in {spoken(asked[0].window.length_ns)}"
    if value is not None and rule.kind == "ratio":
        below = metrics.measure(rule.divided_by or "")
        value, events, reason = ratio(value, value_of(below, groups[1].get(key), asked[1].window), below.name)
    elif value is not None and rule.kind == "change":
        before, _ = value_of(above, groups[1].get(key), asked[1].window)
        value, reason = changed(value, before, rule.change_in == "percent")
    return judged(rule, labels(rule, key), value, events, reason)


def value_of(of: Measure, found: Any, asked: Range) -> Measured:
    """The metric's value of what was found of a group, and from how many events it comes."""
    group = metrics.nothing(of.source) if found is None else found
    events = of.events(group)
    if events == 0 and not of.sums:
        return None, 0.0
    return of.value(group, asked.length_ns / HOUR_NS), None if events is None else float(events)


def ratio(above: Any, divisor: Measured, name: str) -> tuple[Any, float | None, str | None]:
    """One value divided by another one, with the events of the latter; None, and why, where that cannot be."""
    below, events = divisor
    if not below:
        return None, events, f"divided by zero: {name} is {'not known' if below is None else 0}"
    if isinstance(above, Decimal) and isinstance(below, Decimal):
        return above / below, events, None
    return float(above) / float(below), events, None


def changed(value: Any, before: Any, percent: bool) -> tuple[Any, str | None]:
    """How much a value changed against another one; None, and why, where that is not known."""
    if before is None:
        return None, "nothing to compare with: there was nothing then"
    difference = value - before
    if not percent:
        return difference, None
    if not before:
        return None, "divided by zero: it was 0 before"
    return float(difference) / abs(float(before)) * 100, None


def judged(rule: Rule, of: Mapping[str, str], value: Any, events: float | None, reason: str | None = None) -> Verdict:
    """The verdict of a value against the rule's threshold."""
    threshold = rule.threshold
    if value is None or rule.operator is None or threshold is None:
        return Verdict(of, "no_data", threshold=threshold, events=events, reason=reason or "no value")
    if events is not None and events < rule.min_events:
        few = f"only {events:g} of the {rule.min_events} events that it asks for"
        return Verdict(of, "no_data", value=value, threshold=threshold, events=events, reason=few)
    over = holds(rule.operator, value, threshold)
    return Verdict(of, "true" if over else "false", not over and rule.clear(value), value, threshold, events)


def any_holds(verdicts: Iterable[Verdict]) -> bool | None:
    """Whether a rule holds for any of these groups; None where none does and not all are known."""
    outcomes = {each.outcome for each in verdicts}
    if "true" in outcomes:
        return True
    return None if not outcomes or outcomes & {"no_data", "error"} else False


def spoken(length_ns: int) -> str:
    """A length for people: ``5 minutes``, ``1 hour``; rounded to the unit that says it best."""
    for unit_ns, name in ((DAY_NS, "day"), (HOUR_NS, "hour"), (MINUTE_NS, "minute"), (10**9, "second")):
        if length_ns >= unit_ns * (2 if name in ("day", "hour") and length_ns % unit_ns else 1):
            number = round(length_ns / unit_ns)
            return f"{number} {name}{'' if number == 1 else 's'}"
    return "0 seconds"


def found_in(answer: Answer, key: Key) -> Any:
    """What an answer holds of a group; None where there is nothing, or no answer."""
    return None if isinstance(answer, (Crowd, Failed)) else answer.get(key)
