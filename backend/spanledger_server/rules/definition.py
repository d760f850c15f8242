"""What somebody says of a rule, checked: all mistakes at once, each with what is allowed.

Given a body (of a request, of a file of defaults, of the command line) and what is known here, gives the values that
a `Rule` is made of, and warnings. A metric that nobody has sent is refused, with names that are near it; one that may
come only later is taken where the body says so.

Never: a rule that can only fail, or half of what was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Final

from spanledger_server.errors import Invalid, Mistakes
from spanledger_server.rules import expression, metrics, names
from spanledger_server.rules.condition import Condition
from spanledger_server.rules.fields import Fields
from spanledger_server.rules.metrics import DIMENSIONS, METRICS, STATS
from spanledger_server.rules.rule import (
    AGAINST,
    BURNS,
    CHANGES,
    DIRECTIONS,
    KINDS,
    MEASURED,
    MOST_GROUPS,
    OF_KIND,
    OPERATORS,
    SEVERITIES,
    SPECIAL,
    UNMEASURED,
    USUAL_GROUPS,
    Kind,
    Operator,
)
from spanledger_server.timegrid import MINUTE_NS

DAY_S: Final = 86_400
MISSPELLED: Final = 0.87  # so like a name that there is that it is meant
LONGEST_WINDOW_S: Final = 31 * DAY_S
USUAL_ABSENCE_NS: Final = 10 * MINUTE_NS
USUAL_DEVIATIONS: Final = Decimal(4)
_OPERATORS: Final = {"=": "==", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "==", "ne": "!="}
_GROUPED: Final[tuple[Kind, ...]] = (*MEASURED, "absence", "composite")


@dataclass(frozen=True, slots=True)
class Known:
    """What there is, for names that a rule may say.

    Attributes:
        sent: Metrics that were sent -> their unit.
        expressions: Other rules in use -> what they are made of, where they are composites.
        budgets: Ids and names.
        slos: Ids and names.
        lenient: Whether a metric may come only later though the body does not say so.
    """

    sent: Mapping[str, str | None] = field(default_factory=dict)
    expressions: Mapping[str, str | None] = field(default_factory=dict)
    budgets: frozenset[str] = frozenset()
    slos: frozenset[str] = frozenset()
    lenient: bool = False

    @property
    def metrics(self) -> list[str]:
        """Every metric by its name."""
        return [*METRICS, *(name for name in self.sent if name not in METRICS)]

    def near(self, name: str, likeness: float = 0.7) -> list[str]:
        """Metrics that are called almost so."""
        return get_close_matches(name, self.metrics, 3, likeness)

    def unit(self, name: str) -> str | None:
        """Of a metric."""
        return METRICS[name].unit if name in METRICS else self.sent.get(name)


@dataclass(frozen=True, slots=True)
class Said:
    """A body, checked.

    Attributes:
        values: What a `Rule` is made of, by its names.
        warnings: What its author should know.
    """

    values: dict[str, Any]
    warnings: tuple[str, ...]


def parse(given: Mapping[str, Any], known: Known) -> Said:
    """What a body says.

    Args:
        given: Our names, or those of `names`.
        known: What there is.

    Raises:
        Mistakes: All that is wrong with it.
    """
    body, condition, wrong = names.ours(given)
    fields = Fields(body, wrong)
    kind = _kind(fields)
    warnings: list[str] = []
    values = {
        "name": fields.text("name", most=200, required=True),
        "kind": kind,
        "severity": fields.choice("severity", SEVERITIES, "warning"),
        **_measured(fields, kind, known, condition, warnings),
        **_of_others(fields, kind, known),
        **_grouping(fields, kind),
        **_course(fields),
        **_people(fields),
    }
    for name in SPECIAL:
        if name not in OF_KIND[kind] and fields.given(name):
            fields.refuse(name, f"left out of a rule of the kind {kind}")
    fields.unknown((*SPECIAL, "id", "version", "created_at", "updated_at", "updated_by", "warnings", "unit", "pack"))
    if fields.wrong:
        raise Mistakes(fields.wrong)
    return Said(values, tuple(warnings))


def amount(value: Any) -> Decimal | None:
    """A threshold; None where it is no finite number."""
    return Fields({"threshold": value}, []).amount("threshold")


def _kind(fields: Fields) -> Kind:
    usual: Kind = "threshold"
    for name, kind in (
        ("expression", "composite"),
        ("divided_by", "ratio"),
        ("slo", "burn_rate"),
        ("budget", "budget"),
    ):
        if fields.given(name):
            usual = next(each for each in KINDS if each == kind)
            break
    return fields.choice("kind", KINDS, usual) or usual


def _measured(
    fields: Fields, kind: Kind, known: Known, condition: Condition | None, warnings: list[str]
) -> dict[str, Any]:
    expected = fields.flag("metric_expected", usual=False)
    values: dict[str, Any] = {"metric_expected": expected}
    if kind in (*MEASURED, "absence"):
        values["metric"] = _metric(fields, "metric", known, warnings, required=kind != "absence")
        values["stat"] = _stat(fields, values["metric"])
        usual_ns = USUAL_ABSENCE_NS if kind == "absence" else _window_ns(values["metric"], values["stat"])
        values["window_ns"] = fields.seconds("window_seconds", 60, LONGEST_WINDOW_S, usual_ns, minutes=True)
        _of_now(fields, kind, values["metric"])
    if kind == "ratio":
        values["divided_by"] = _metric(fields, "divided_by", known, warnings, required=True)
    if kind == "change":
        values["change_in"] = fields.choice("change_in", CHANGES, "percent")
        values["against"] = fields.choice("against", AGAINST, "before")
    if kind == "anomaly":
        values["direction"] = fields.choice("direction", DIRECTIONS, "both")
        values["threshold"] = fields.amount("threshold") or USUAL_DEVIATIONS
        if values["threshold"] <= 0:
            fields.refuse("threshold", "a number of deviations above 0, such as 4")
    if "operator" in OF_KIND[kind]:
        values |= _threshold(fields, kind, known, condition)
    return values


def _of_now(fields: Fields, kind: Kind, metric: str | None) -> None:
    """Refuse kinds that need a past which nobody keeps."""
    source = None if metric is None else metrics.measure(metric).source
    if source == "server" and kind != "threshold":
        fields.refuse("kind", f"threshold: {metric} is known only as it is now")
    elif source == "health" and kind == "absence":
        fields.refuse("kind", "threshold, such as health_unknown > 0: a check that is gone is not silent")


def _window_ns(name: str | None, stat: str | None) -> int:
    return metrics.USUAL_WINDOW_NS if name is None else metrics.measure(name, stat).window_ns


def _metric(fields: Fields, place: str, known: Known, warnings: list[str], *, required: bool) -> str | None:
    name = fields.text(place, required=required)
    if name is None or name in METRICS or name in known.sent:
        return name
    near = known.near(name)
    meant = f"did you mean {' or '.join(near)}?" if near else f"one of {', '.join(METRICS)}, or one that was sent"
    if fields.raw("metric_expected") is True or (known.lenient and not known.near(name, MISSPELLED)):
        warnings.append(f"nothing named {name} has come yet" + (f": {meant}" if near else "; the rule waits for it"))
        return name
    fields.refuse(place, f"a metric that is known: {meant} Say metric_expected: true where it comes only later")
    return None


def _stat(fields: Fields, metric: str | None) -> str | None:
    stat = fields.text("stat", most=10)
    if stat is None:
        return None
    digits = stat[1:].replace(".", "", 1)
    percentile = stat.startswith("p") and digits.isascii() and digits.isdigit() and 0 < float(stat[1:]) < 100
    if metric is not None and metric in METRICS:
        fields.refuse("stat", f"left out: {metric} is one figure; it is of metrics that were sent")
    elif stat not in STATS and not percentile:
        fields.refuse("stat", f"one of {', '.join(STATS)}, or a percentile such as p95")
    return stat


def _threshold(fields: Fields, kind: Kind, known: Known, condition: Condition | None) -> dict[str, Any]:
    usual: Operator | None = {"budget": ">=", "forecast": ">", "change": ">"}.get(kind)  # type: ignore[assignment]
    written = fields.raw("operator")
    if isinstance(written, str) and written.strip().lower() in _OPERATORS:
        sign: Operator | None = next(each for each in OPERATORS if each == _OPERATORS[written.strip().lower()])
    else:
        sign = fields.choice("operator", OPERATORS, usual)
    threshold = fields.amount("threshold")
    if threshold is None and kind == "forecast":
        threshold = Decimal("0.5")
    if threshold is None and not fields.given("threshold"):
        fields.refuse("threshold", "a number with which the value is compared")
    if condition is not None and condition.unit is not None and threshold is not None:
        threshold = _in_unit(fields, threshold, condition.unit, known.unit(condition.metric))
    clear = fields.amount("clear_threshold")
    if clear is not None and threshold is not None and sign is not None:
        beyond = {">": clear > threshold, ">=": clear > threshold, "<": clear < threshold, "<=": clear < threshold}
        if beyond.get(sign, True):
            fields.refuse("clear_threshold", f"on the other side of the threshold {threshold} than where it fires")
    return {"operator": sign, "threshold": threshold, "clear_threshold": clear}


_SCALES: Final = {
    ("%", "1"): Decimal("0.01"),
    ("%", "%"): Decimal(1),
    ("s", "ms"): Decimal(1000),
    ("s", "s"): Decimal(1),
    ("ms", "ms"): Decimal(1),
    ("ms", "s"): Decimal("0.001"),
    ("usd", "usd"): Decimal(1),
    ("usd", "usd/h"): Decimal(1),
}


def _in_unit(fields: Fields, number: Decimal, written: str, unit: str | None) -> Decimal:
    """The number of a condition in the metric's own unit."""
    scale = _SCALES.get((written, unit or ""))
    if scale is None:
        own = f"is in {unit}" if unit else "has no unit that is known"
        fields.wrong.append(
            Invalid("condition", f"{number}{written}", f"a number without {written!r}: the metric {own}")
        )
        return number
    return number * scale


def _of_others(fields: Fields, kind: Kind, known: Known) -> dict[str, Any]:
    """What a rule says of budgets, objectives and other rules."""
    values: dict[str, Any] = {}
    if kind in ("budget", "forecast"):
        values["budget"] = _one_of(fields, "budget", known.budgets, "budget")
    if kind == "burn_rate":
        values["slo"] = _one_of(fields, "slo", known.slos, "objective")
        values["burn"] = fields.choice("burn", BURNS, "any")
    if kind == "composite":
        values["expression"] = _expression(fields, known)
    return values


def _one_of(fields: Fields, name: str, there: frozenset[str], what: str) -> str | None:
    chosen = fields.text(name)
    if chosen is not None and chosen not in there:
        near = get_close_matches(chosen, there, 3)
        fields.refuse(
            name, f"the id or name of {what} that there is" + (f", such as {', '.join(near)}" if near else "")
        )
    return chosen


def _expression(fields: Fields, known: Known) -> str | None:
    text = fields.text("expression", most=expression.MOST_CHARACTERS, required=True)
    if text is None:
        return None
    try:
        parts = expression.names(expression.parse(text))
    except Invalid as error:
        fields.wrong.append(error)
        return text
    own = fields.raw("name")
    for part in parts:
        if part not in known.expressions and part != own:
            near = get_close_matches(part, known.expressions, 3)
            meant = f": did you mean {' or '.join(near)}?" if near else ""
            fields.refuse("expression", f"names of rules; there is none called {part!r}{meant}")
    made_of = {name: expression.parts(each) for name, each in known.expressions.items()} | {str(own): parts}
    way = expression.cycle(str(own), made_of)
    if way is not None:
        fields.refuse("expression", f"not a rule that is made of itself: {' → '.join(way)}")
    return text


def _grouping(fields: Fields, kind: Kind) -> dict[str, Any]:
    filters, group_by = fields.filters("filters"), fields.texts("group_by", 8)
    most = fields.whole("group_limit", 1, MOST_GROUPS, USUAL_GROUPS)
    if kind not in _GROUPED:
        for name in ("filters", "group_by"):
            if fields.given(name) and fields.raw(name):
                fields.refuse(name, f"left out of a rule of the kind {kind}")
    elif kind == "composite" and filters:
        fields.refuse("filters", "left out of a composite: its rules have their own")
    if kind in (*MEASURED, "absence"):
        for place, labels in (("filters", tuple(filters)), ("group_by", group_by)):
            for name in ("metric", "divided_by"):
                _labels_known(fields, place, labels, fields.raw(name) if kind == "ratio" or name == "metric" else "")
    return {"filters": filters, "group_by": group_by, "most_groups": most}


def _labels_known(fields: Fields, place: str, labels: tuple[str, ...], metric: Any) -> None:
    if metric == "":
        return
    source = "system" if metric is None else metrics.measure(str(metric)).source  # telemetry knows only services
    allowed = DIMENSIONS[source]
    for label in labels:
        if allowed is not None and label not in allowed:
            what = "telemetry" if metric is None else str(metric)
            fields.wrong.append(Invalid(f"{place}.{label}", label, f"a label of {what}: {', '.join(allowed)}"))


def _course(fields: Fields) -> dict[str, Any]:
    """How its alerts go on."""
    return {
        "for_ns": fields.seconds("duration_seconds", 0, 7 * DAY_S, 0),
        "keep_firing_for_ns": fields.seconds("keep_firing_seconds", 0, 7 * DAY_S, 0),
        "min_events": fields.whole("min_events", 0, 10**9, 0),
        "no_data": fields.choice("no_data", UNMEASURED, "keep"),
        "error": fields.choice("on_error", UNMEASURED, "keep"),
        "cooldown_minutes": fields.whole("cooldown_minutes", 0, 7 * 1440, 15),
        "max_alerts_per_hour": fields.whole("max_alerts_per_hour", 0, 1000, 4) or None,
        "enabled": fields.flag("enabled", usual=True),
    }


def _people(fields: Fields) -> dict[str, Any]:
    annotations = fields.labels("annotations", most=30, longest=4000)
    fields.address("annotations.runbook_url", annotations.get("runbook_url"))
    return {
        "labels": fields.labels("labels", most=30, longest=200),
        "annotations": annotations,
        "notification_channels": fields.texts("notification_channels", 20),
    }
