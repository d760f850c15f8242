"""Who has most of what is the matter, and traces that show it: for the text of an alert that begins to fire.

Given a rule, the group that fires and the window, gives for each label that is not fixed already the values that have
most of it (failures of an error rate, money of a cost, time of a latency), users among them, and the ids of a few
traces. It is read once, when an alert begins.

Never: a share of nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from spanledger_server.rules import measured, reads
from spanledger_server.rules.metrics import DIMENSIONS, Measure, Source
from spanledger_server.rules.reads import Question
from spanledger_server.rules.rule import Filter, Rule
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import HOUR_NS, Range

SQL = sqlfile.load(__package__)

By = Literal["failed", "slow", "cost", "number"]
LABELS: Final[dict[Source, tuple[str, ...]]] = {
    "calls": ("model", "feature", "tenant", "service"),
    "requests": ("route", "service"),
    "spans": ("name", "route", "model", "service"),
    "cache": ("provider", "service"),
    "rate_limit": ("limit_type", "tenant", "service"),
}
Contributor = tuple[str, str, str]  # label, value, share
MOST_VALUES: Final = 3
MOST_TRACES: Final = 3
LONGEST_NS: Final = 6 * HOUR_NS  # of a window whose lines are looked at one by one
LEAST_SHARE: Final = 0.05  # of one worth naming
NOBODY: Final = "(not set)"
UNKNOWN: Final = "(not known)"  # what a call that failed did not come to say


def by(of: Measure) -> By:
    """What of a metric somebody has most of."""
    words = of.name.split("_")
    if {"error", "success", "failure", "errors"} & {*words}:
        return "failed"
    if "cost" in words:
        return "cost"
    return "slow" if of.unit == "ms" else "number"


def filters_of(rule: Rule, labels: Mapping[str, str], source: Source) -> dict[str, Filter]:
    """What the rule and its group say of the source's labels."""
    known = DIMENSIONS[source]
    group = {name: Filter((labels.get(name, ""),)) for name in rule.group_by}
    return {name: each for name, each in {**rule.filters, **group}.items() if known is None or name in known}


def contributors(reader: Reader, rule: Rule, labels: Mapping[str, str], window: Range) -> tuple[Contributor, ...]:
    """Label, value and share of those who have most."""
    of = measured.measure(rule)
    conditions = filters_of(rule, labels, of.source)
    free = [name for name in LABELS.get(of.source, ()) if name not in conditions or not conditions[name].wanted]
    filters, spread = tuple(sorted(conditions.items())), of.source != "calls"  # whose times are added up beside
    asked = {name: Question(of.source, window, (name,), filters, spread=spread) for name in free}
    answers = reads.read(reader, asked.values())
    found: list[Contributor] = []
    for name, question in asked.items():
        answer = answers[question]
        if isinstance(answer, (reads.Crowd, reads.Failed)):
            continue
        amounts = {key[0]: _amount(of, group) for key, group in answer.items()}
        found += _shares(name, amounts, sum(amounts.values()))
    if of.source == "calls" and window.length_ns <= LONGEST_NS:
        found += _users(reader, of, conditions, window)
    return tuple(found)


def _amount(of: Measure, group: Any) -> float:
    """How much of it a group has."""
    what = by(of)
    if of.source == "calls":
        known = {"failed": group.errors, "slow": group.duration_sum_ns, "cost": group.spent or 0}
        return float(known.get(what, group.calls))
    if of.source == "spans":
        return float({"failed": group.failed, "slow": group.duration_ns}.get(what, group.number))
    if of.source == "requests":
        return float({"failed": group.failed.value, "slow": group.duration_ns}.get(what, group.count.value))
    if of.source == "cache":
        return float(group.miss)
    return float(group.denied) if of.source == "rate_limit" else 0.0


def unnamed(label: str) -> str:
    """What is said of a label without a value."""
    return UNKNOWN if label in ("model", "provider") else NOBODY


def _shares(name: str, amounts: Mapping[str, float], whole: float) -> list[Contributor]:
    ranked = sorted(amounts.items(), key=lambda item: (-item[1], item[0]))[:MOST_VALUES]
    if whole <= 0 or (len(amounts) == 1 and not ranked[0][0]):
        return []
    worth = [(value, amount / whole) for value, amount in ranked if amount / whole >= LEAST_SHARE]
    return [(name, value or unnamed(name), f"{share * 100:.0f} %") for value, share in worth]


def _users(reader: Reader, of: Measure, conditions: Mapping[str, Filter], window: Range) -> list[Contributor]:
    rows = reader.tuples(
        SQL["users_of_calls"],
        **bounds(window),
        **bound(conditions, "calls"),
        by=by(of),
        most=MOST_VALUES,
    )
    known = {user: amount or 0.0 for user, amount, _ in rows}
    return _shares("user", known, rows[0][2] or 0.0) if rows else []


def traces(reader: Reader, rule: Rule, labels: Mapping[str, str], window: Range) -> tuple[str, ...]:
    """The ids of traces that show it, as hexadecimal text."""
    of = measured.measure(rule)
    if window.length_ns > LONGEST_NS or of.source not in ("calls", "spans", "requests"):
        return ()
    asked = {**bounds(window), "by": by(of), "most": MOST_TRACES}
    if of.source == "calls":
        rows = reader.tuples(SQL["example_calls"], **asked, **bound(filters_of(rule, labels, "calls"), "calls"))
    else:
        conditions = bound(filters_of(rule, labels, of.source), "spans")
        rows = reader.tuples(SQL["example_spans"], **asked, **conditions, served_only=of.source == "requests")
    return tuple(str(trace_id).replace("-", "") for (trace_id,) in rows)


def bounds(window: Range) -> dict[str, int]:
    """A window as statements have it."""
    return {"from_ns": window.from_ns, "to_ns": window.to_ns}


def bound(conditions: Mapping[str, Filter], source: Source) -> dict[str, Any]:
    """Filters as statements have them."""
    found: dict[str, Any] = {}
    for label in DIMENSIONS[source] or ():
        each = conditions.get(label, Filter())
        found[label] = None if each.wanted is None else list(each.wanted)
        found[f"not_{label}"] = None if each.unwanted is None else list(each.unwanted)
    return found
