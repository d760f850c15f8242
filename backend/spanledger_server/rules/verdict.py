"""What a rule says of one group at one moment.

Never: a value where nothing was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

Outcome = Literal["true", "false", "no_data", "error"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One group of one rule, judged.

    Attributes:
        labels: Of the group, and the rule's own; they make the alert what it is, together with the rule.
        outcome: Whether the condition holds; ``no_data`` when nothing tells, ``error`` when it cannot be judged.
        clear: Whether the value is beyond the threshold at which a firing alert ends; differs from ``not true``
            only with hysteresis.
        value: What was measured, in the metric's unit.
        threshold: Against what.
        events: From how many events the value comes; None where it is not counted.
        reason: Why there is no value, for people.
    """

    labels: Mapping[str, str]
    outcome: Outcome
    clear: bool = False
    value: float | Decimal | None = None
    threshold: float | Decimal | None = None
    events: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """What an alert says beyond its value: made when it begins to fire, and kept with it.

    Attributes:
        title: One line: what, where.
        text: A few sentences: value against threshold, since when, over which window, how it was before.
        facts: Names and values worth a table (window, events, before, budget spent, …).
        contributors: Who has most of it: dimension, name, share as text.
        traces: Ids of traces that show it.
        runbook_url: What to do; None when the rule does not say.
        path: The page that shows it at that time, beginning with a slash.
    """

    title: str
    text: str
    facts: tuple[tuple[str, str], ...] = ()
    contributors: tuple[tuple[str, str, str], ...] = ()
    traces: tuple[str, ...] = ()
    runbook_url: str | None = None
    path: str = "/alerts"
    annotations: Mapping[str, str] = field(default_factory=dict)
