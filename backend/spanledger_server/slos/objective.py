"""What an objective is: the indicator, the window, the target, and when to tell somebody.

Never: made of a definition that `definition.py` has not checked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final, Literal, get_args

from spanledger_server import timegrid
from spanledger_server.errors import Invalid
from spanledger_server.slos import adjustments, burn
from spanledger_server.slos.adjustments import Adjustments
from spanledger_server.slos.burn import Policy
from spanledger_server.slos.conditions import Conditions, Kind
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS

Method = Literal["occurrences", "timeslices", "ratio_timeslices"]
METHODS: Final[tuple[Method, ...]] = get_args(Method)
CALENDARS: Final[dict[str, timegrid.Period]] = {"1d": "today", "1w": "week", "1M": "month", "1Y": "year"}
UNITS_NS: Final = {"m": MINUTE_NS, "h": HOUR_NS, "d": DAY_NS, "w": 7 * DAY_NS, "M": 30 * DAY_NS, "Q": 90 * DAY_NS}
LONGEST_NS: Final = 366 * DAY_NS
DURATION: Final = re.compile(r"(?P<count>[1-9]\d{0,4})(?P<unit>[mhdwMQY])", re.ASCII)
# What may be compared with a threshold; those in the rollups first.
FIELDS: Final[dict[Kind, tuple[str, ...]]] = {
    "span": ("duration_ms",),
    "ledger": (
        "duration_ms",
        "time_to_first_chunk_ms",
        "tokens_per_second",
        "cost_usd",
        "input_tokens",
        "output_tokens",
    ),
    "metric": ("value",),
    "composite": (),
}
# By what an objective may be judged in groups. Of spans those behind `name` are read from the rows themselves.
GROUPED: Final[dict[Kind, tuple[str, ...]]] = {
    "span": ("route", "model", "name", "service", "tenant", "feature", "user_tier", "provider"),
    "ledger": ("model", "tenant", "feature", "service", "provider", "operation", "user_tier"),
    "metric": ("service",),
    "composite": (),
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """A good event lies on this side of it.

    Attributes:
        field: What is compared, one of `FIELDS`.
        value: With what.
        below: Whether good is below it (at most it), else above it (at least it).
    """

    field: str
    value: float
    below: bool


@dataclass(frozen=True, slots=True)
class Part:
    """Another objective in a composite.

    Attributes:
        name: Its name.
        weight: How much of the composite it is, beside the weights of the others.
        objective: The objective itself; None while it was not looked up.
    """

    name: str
    weight: float
    objective: Objective | None = None


@dataclass(frozen=True, slots=True)
class Groups:
    """That an objective is also judged for each value of a column.

    Attributes:
        by: The column, one of `GROUPED`.
        most: How many groups are judged: those with most bad events.
    """

    by: str
    most: int


@dataclass(frozen=True, slots=True)
class Indicator:
    """Which events count, and which of them are good: those that meet `good` and lie on the right side of `threshold`.

    Attributes:
        kind: Spans, ledger lines, points of a metric, or a composite of other objectives.
        where: Which events count.
        good: Which of them are good; None: all that lie on the right side of the threshold.
        threshold: None: none.
        metric: The metric's name; with `good_metric`, of all events.
        good_metric: The metric that counts the good ones; None: the same.
        parts: Of a composite, what it is made of.
    """

    kind: Kind
    where: Conditions
    good: Conditions | None
    threshold: Threshold | None
    metric: str | None = None
    good_metric: str | None = None
    parts: tuple[Part, ...] = ()

    @property
    def rolled(self) -> bool:
        """Whether the rollups can tell, so that the window may be longer than raw rows are kept."""
        fields = ("duration_ms", "value")
        return (
            self.where.rolled
            and (self.good is None or self.good.rolled)
            and (self.threshold is None or self.threshold.field in fields)
        )


@dataclass(frozen=True, slots=True)
class Window:
    """The period of a budget.

    Attributes:
        duration: As it was given, ``30d`` or ``1M``.
        calendar: Whether it is a calendar day, week, month or year.
        timezone: Where the calendar hangs.
    """

    duration: str
    calendar: bool = False
    timezone: str = "UTC"

    def range(self, to_ns: int) -> timegrid.Range:
        """The window that ends at `to_ns`, or around it on a calendar."""
        if not self.calendar:
            return timegrid.Range(to_ns - duration_ns(self.duration), to_ns)
        return timegrid.period(CALENDARS[self.duration], to_ns, timegrid.zone(self.timezone))

    def length_ns(self, to_ns: int) -> int:
        """How long the window around `to_ns` is as a whole."""
        return self.range(to_ns).length_ns


@dataclass(frozen=True, slots=True)
class Objective:
    """A definition, checked.

    Attributes:
        name: A DNS label, unique.
        service: Whose it is.
        indicator: What is measured.
        target: Share of good events (or slices), between 0 and 1.
        window: The period of the budget.
        method: How it is counted.
        slice_ns: Length of a slice, where slices are counted.
        slice_target: The share of good events that makes a slice good.
        slice_events: How many good events make a slice good, in place of a share; then a slice without any is bad.
        policies: When to tell somebody; None for the usual pairs.
        groups: By what it is judged beside as a whole; None: by nothing.
        display_name: For people.
        description: For people.
        labels: For searching.
        annotations: What the definition's other form says beside.
        adjusted: What of its time and events does not count; no part of the definition.
    """

    name: str
    service: str
    indicator: Indicator
    target: Fraction
    window: Window
    method: Method = "occurrences"
    slice_ns: int = MINUTE_NS
    slice_target: Fraction = Fraction(0)
    slice_events: float | None = None
    policies: tuple[Policy, ...] | None = None
    groups: Groups | None = None
    display_name: str | None = None
    description: str | None = None
    labels: dict[str, Any] = field(default_factory=dict)
    annotations: dict[str, Any] = field(default_factory=dict)
    adjusted: Adjustments = adjustments.NONE

    def pairs(self, now_ns: int) -> tuple[Policy, ...]:
        """The pairs of windows that are looked at."""
        return burn.usual_policies(self.window.length_ns(now_ns)) if self.policies is None else self.policies


def duration_ns(text: Any) -> int:
    """The length of ``90m``, ``6h``, ``30d``, ``4w``, ``1M`` (30 days), ``1Q`` (90 days) or ``1Y`` (365 days).

    Raises:
        Invalid: It is none of these.
    """
    match = DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise Invalid("duration", text, "a length such as 5m, 6h, 30d, 4w, 1M, 1Q or 1Y")
    unit = 365 * DAY_NS if match["unit"] == "Y" else UNITS_NS[match["unit"]]
    return int(match["count"]) * unit
