"""What a rule is: what is looked at, when it is too much, for how long, who is told, and what it says.

A rule is a value. `definition.py` makes it of what somebody wrote, `register.py` keeps it, `evaluate.py` asks the
store for it, and `told` is what is kept of it: every name as the API has it.

Never: made of a body that `definition.py` has not checked.
"""

from __future__ import annotations

import hashlib
import json
import operator as comparing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from math import isclose
from typing import Any, Final, Literal, get_args
from uuid import UUID

from spanledger_server.rules.metrics import METRICS

Severity = Literal["info", "warning", "error", "critical"]
Kind = Literal["threshold", "ratio", "absence", "change", "composite", "budget", "forecast", "burn_rate", "anomaly"]
Operator = Literal[">", ">=", "<", "<=", "==", "!="]
Unmeasured = Literal["keep", "fire", "resolve"]
Against = Literal["before", "day", "week"]
ChangeIn = Literal["percent", "absolute"]
Direction = Literal["up", "down", "both"]
Burn = Literal["page", "ticket", "any"]

SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
OPERATORS: Final[tuple[Operator, ...]] = get_args(Operator)
UNMEASURED: Final[tuple[Unmeasured, ...]] = get_args(Unmeasured)
AGAINST: Final[tuple[Against, ...]] = get_args(Against)
CHANGES: Final[tuple[ChangeIn, ...]] = get_args(ChangeIn)
DIRECTIONS: Final[tuple[Direction, ...]] = get_args(Direction)
BURNS: Final[tuple[Burn, ...]] = get_args(Burn)
MEASURED: Final[tuple[Kind, ...]] = ("threshold", "ratio", "change", "anomaly")  # those that read a metric's value
OF_KIND: Final[dict[Kind, tuple[str, ...]]] = {
    "threshold": ("metric", "stat", "operator", "threshold", "clear_threshold", "window_seconds"),
    "ratio": ("metric", "stat", "divided_by", "operator", "threshold", "clear_threshold", "window_seconds"),
    "absence": ("metric", "window_seconds"),
    "change": ("metric", "stat", "operator", "threshold", "clear_threshold", "window_seconds", "change_in", "against"),
    "composite": ("expression",),
    "budget": ("budget", "operator", "threshold", "clear_threshold"),
    "forecast": ("budget", "operator", "threshold", "clear_threshold"),
    "burn_rate": ("slo", "burn"),
    "anomaly": ("metric", "stat", "threshold", "window_seconds", "direction"),
}
SPECIAL: Final = tuple(dict.fromkeys(name for each in OF_KIND.values() for name in each))  # not of every kind
USUAL_GROUPS: Final = 50
MOST_GROUPS: Final = 1000
SECOND_NS: Final = 10**9


def _equal(value: float | Decimal, other: float | Decimal) -> bool:
    """Equality as people mean it: exact for money, to nine digits for what was measured."""
    if isinstance(value, Decimal):
        return value == other
    return isclose(value, other, rel_tol=1e-9, abs_tol=1e-12)


_COMPARISONS: Final[dict[Operator, Callable[[Any, Any], bool]]] = {
    ">": comparing.gt,
    ">=": comparing.ge,
    "<": comparing.lt,
    "<=": comparing.le,
    "==": _equal,
    "!=": lambda value, other: not _equal(value, other),
}


def holds(sign: Operator, value: float | Decimal, threshold: float | Decimal) -> bool:
    """Whether `value` compares so with `threshold`: both as decimals where the value is one, else both as floats."""
    other = threshold if isinstance(value, Decimal) else float(threshold)
    return _COMPARISONS[sign](value, other)


@dataclass(frozen=True, slots=True)
class Filter:
    """What a label must be: one of those wanted, none of those unwanted; empty text is "not set"."""

    wanted: tuple[str, ...] | None = None
    unwanted: tuple[str, ...] | None = None

    def told(self) -> list[str]:
        """As a body has it."""
        return [*(self.wanted or ()), *(f"!{text}" for text in self.unwanted or ())]

    def fits(self, value: str) -> bool:
        """Whether a value, empty where it is not set, is let through."""
        return (self.wanted is None or value in self.wanted) and value not in (self.unwanted or ())


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it holds.

    Attributes:
        rule_id: The same through all its versions.
        version: 1, and one more with each change.
        name: Unique among the rules in use.
        kind: How it judges.
        severity: Of its alerts.
        metric: What is measured: one of ours by name, a statistic of spans, or a metric that was sent over OTLP. None
            for kinds that measure none, and for an absence of all telemetry.
        stat: What of a sent metric: ``avg``, ``rate``, ``p95`` and so on; None for the usual one of its kind.
        divided_by: Of a ratio: the metric below the line.
        operator: How the value is compared.
        threshold: With what, in the metric's unit.
        clear_threshold: At which a firing alert ends; None: as soon as the condition does not hold.
        window_ns: Over which the metric is read, up to now.
        for_ns: How long the condition must hold before it fires.
        keep_firing_for_ns: How long it fires on after the condition is over.
        change_in: Of a change: in percent, or absolute.
        against: Of a change: the window before, or the same one yesterday or a week ago.
        direction: Of an anomaly: which side counts.
        expression: Of a composite: rules by name, with and, or, not.
        budget: Of budget and forecast: the budget's id or name; None: each.
        slo: Of burn_rate: the objective's id or name; None: each.
        burn: Of burn_rate: which pairs of windows.
        filters: Label -> what it must be.
        group_by: Labels whose values are judged apart.
        most_groups: More of them are an error that says how many there are.
        min_events: Fewer events than this say nothing.
        no_data: What it stands for that nothing was measured.
        error: What it stands for that it cannot be judged.
        labels: Added to those of the group.
        annotations: ``summary``, ``description``, ``runbook_url`` and others, for people.
        notification_channels: Ids or names; empty: by the routes.
        cooldown_minutes: How long a channel hears nothing more of the same alert.
        max_alerts_per_hour: How many messages of the rule a channel gets within an hour; None (0 in a body): no limit.
        enabled: Whether it makes alerts. A disabled one may still be part of a composite.
        pack: Of which default it was made; None: of none.
        metric_expected: Whether its metric may come only later.
        created_ns: Since when it exists.
        changed_ns: Since when it is what it is.
        changed_by: Who made it so.
        deleted_ns: Since when nobody wants it any more.
    """

    rule_id: UUID
    version: int
    name: str
    kind: Kind
    severity: Severity
    metric: str | None = None
    stat: str | None = None
    divided_by: str | None = None
    operator: Operator | None = None
    threshold: Decimal | None = None
    clear_threshold: Decimal | None = None
    window_ns: int = 300 * SECOND_NS
    for_ns: int = 0
    keep_firing_for_ns: int = 0
    change_in: ChangeIn = "percent"
    against: Against = "before"
    direction: Direction = "both"
    expression: str | None = None
    budget: str | None = None
    slo: str | None = None
    burn: Burn = "any"
    filters: Mapping[str, Filter] = field(default_factory=dict)
    group_by: tuple[str, ...] = ()
    most_groups: int = USUAL_GROUPS
    min_events: int = 0
    no_data: Unmeasured = "keep"
    error: Unmeasured = "keep"
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    notification_channels: tuple[str, ...] = ()
    cooldown_minutes: int = 15
    max_alerts_per_hour: int | None = 4
    enabled: bool = True
    pack: str | None = None
    metric_expected: bool = False
    created_ns: int = 0
    changed_ns: int = 0
    changed_by: str = "spanledger"
    deleted_ns: int | None = None

    @property
    def unit(self) -> str | None:
        """Of value and threshold, where it is known."""
        if self.kind == "change" and self.change_in == "percent":
            return "%"
        own = {"budget": "%", "forecast": "1", "burn_rate": "x", "absence": "s", "composite": None}
        named = None if self.metric is None else METRICS.get(self.metric)
        if self.kind == "ratio":
            below = METRICS.get(self.divided_by or "")
            return "1" if named is not None and below is not None and named.unit == below.unit else None
        return own.get(self.kind, None if named is None else named.unit)

    @property
    def digest(self) -> str:
        """Of what is judged: a rule whose digest is another one judges something else."""
        judged = {name: value for name, value in self.told().items() if name in _JUDGED}
        return hashlib.blake2b(json.dumps(judged, sort_keys=True).encode(), digest_size=8).hexdigest()

    def clear(self, value: float | Decimal) -> bool:
        """Whether a firing alert of this value ends."""
        if self.operator is None or self.threshold is None:
            return True
        edge = self.threshold if self.clear_threshold is None else self.clear_threshold
        return not holds(self.operator, value, edge)

    def told(self) -> dict[str, Any]:
        """All that a client says of a rule of this kind, by the API's names, as it is kept."""
        said = self._said()
        return {name: value for name, value in said.items() if name not in SPECIAL or name in OF_KIND[self.kind]}

    def _said(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "severity": self.severity,
            "metric": self.metric,
            "stat": self.stat,
            "divided_by": self.divided_by,
            "operator": self.operator,
            "threshold": _number(self.threshold),
            "clear_threshold": _number(self.clear_threshold),
            "window_seconds": self.window_ns // SECOND_NS,
            "duration_seconds": self.for_ns // SECOND_NS,
            "keep_firing_seconds": self.keep_firing_for_ns // SECOND_NS,
            "change_in": self.change_in,
            "against": self.against,
            "direction": self.direction,
            "expression": self.expression,
            "budget": self.budget,
            "slo": self.slo,
            "burn": self.burn,
            "filters": {name: each.told() for name, each in sorted(self.filters.items())},
            "group_by": list(self.group_by),
            "group_limit": self.most_groups,
            "min_events": self.min_events,
            "no_data": self.no_data,
            "on_error": self.error,
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "notification_channels": list(self.notification_channels),
            "cooldown_minutes": self.cooldown_minutes,
            "max_alerts_per_hour": self.max_alerts_per_hour or 0,
            "enabled": self.enabled,
            "metric_expected": self.metric_expected,
        }


_JUDGED: Final = (
    "kind", "metric", "stat", "divided_by", "operator", "threshold", "clear_threshold", "window_seconds",
    "change_in", "against", "direction", "expression", "budget", "slo", "burn", "filters", "group_by", "labels",
)  # fmt: skip


_LENGTHS: Final = {
    "window_seconds": "window_ns",
    "duration_seconds": "for_ns",
    "keep_firing_seconds": "keep_firing_for_ns",
}


def said(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a `Rule`, of what `told` said of it."""
    kept = dict(rule)
    lengths = (
        ("window_ns", "window_seconds"),
        ("for_ns", "duration_seconds"),
        ("keep_firing_for_ns", "keep_firing_seconds"),
    )
    values = {name: kept.pop(spelled) * SECOND_NS for name, spelled in lengths if spelled in kept}
    for name in ("threshold", "clear_threshold"):
        number = kept.pop(name, None)
        values[name] = None if number is None else Decimal(number)
    values["filters"] = {name: _filter(texts) for name, texts in kept.pop("filters").items()}
    values["most_groups"], values["error"] = kept.pop("group_limit"), kept.pop("on_error")
    values["max_alerts_per_hour"] = kept.pop("max_alerts_per_hour") or None
    lists = {name: tuple(kept.pop(name)) for name in ("group_by", "notification_channels")}
    return kept | values | lists


def _filter(texts: list[str]) -> Filter:
    wanted = tuple(text for text in texts if not text.startswith("!"))
    unwanted = tuple(text[1:] for text in texts if text.startswith("!"))
    return Filter(wanted or None, unwanted or None)


def _number(amount: Decimal | None) -> str | None:
    """A threshold as text: what is kept loses no digit."""
    return None if amount is None else f"{amount:f}"
