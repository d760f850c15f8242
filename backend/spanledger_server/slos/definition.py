"""Reading a definition: its JSON into an `Objective`, or every mistake at once with the member it stands in.

OpenSLO documents become this JSON in `openslo.py`.

Never: half a definition, or a percentage where a ratio is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Final, TypeVar

from spanledger_server import timegrid
from spanledger_server.errors import Invalid, Mistakes
from spanledger_server.slos import burn, conditions
from spanledger_server.slos.burn import Policy
from spanledger_server.slos.conditions import KINDS, Conditions, Kind
from spanledger_server.slos.known import Known
from spanledger_server.slos.objective import (
    CALENDARS,
    FIELDS,
    GROUPED,
    LONGEST_NS,
    METHODS,
    Groups,
    Indicator,
    Method,
    Objective,
    Part,
    Threshold,
    Window,
    duration_ns,
)
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS

NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
MOST_TEXT: Final = 1050
MOST_PARTS: Final = 50
MOST_GROUPS: Final = 100
USUAL_GROUPS: Final = 20
Found = TypeVar("Found")


class _Reading:
    """Takes members out of a definition and gathers what is wrong with them."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        self.mistakes: list[Invalid] = []

    def take(self, place: str, read: Callable[[], Found], instead: Found) -> Found:
        """What `read` gives; `instead` when it is refused, which is noted."""
        try:
            return read()
        except Mistakes as mistakes:
            self.mistakes += mistakes.each
        except Invalid as mistake:
            member = mistake.parameter.split(".")[0].split("[")[0]
            told = member in (*MEMBERS, *TEXTS)
            named = mistake if told else Invalid(place, mistake.value, mistake.allowed)
            self.mistakes.append(named)
        return instead


MEMBERS: Final = ("name", "service", "indicator", "target", "window", "method", "slice", "alerting", "groups")
TEXTS: Final = ("display_name", "description", "labels", "annotations")


def parse(given: Any, known: Known | None = None) -> Objective:
    """The objective of a definition.

    Args:
        given: ``{name, service, indicator, target, window, …}``; docs/slos.md lists the members.
        known: What there is here; None for one that was accepted before.

    Raises:
        Mistakes: With everything that is wrong.
    """
    if not isinstance(given, Mapping):
        raise Mistakes([Invalid("body", given, "an object with name, service, indicator, target and window")])
    reading = _Reading(given)
    for name in sorted(set(map(str, given)) - {*MEMBERS, *TEXTS}):
        reading.mistakes.append(Invalid(name, given.get(name), f"one of {', '.join((*MEMBERS, *TEXTS))}"))
    service = reading.take("service", lambda: _text(given.get("service"), "service", most=200), "")
    nothing = Indicator("span", Conditions("span"), None, None)
    window = reading.take("window", lambda: _window(given.get("window")), Window("30d"))
    slices = reading.take("slice", lambda: _slice(given), _Slices())
    policies = reading.take("alerting", lambda: _policies(given.get("alerting"), window), None)
    indicator = reading.take("indicator", lambda: _indicator(given.get("indicator"), service), nothing)
    if indicator.kind == "composite" and slices.method != "occurrences":
        reading.mistakes.append(Invalid("method", slices.method, "occurrences: parts of a composite have their own"))
    found = Objective(
        name=reading.take("name", lambda: _name(given.get("name")), ""),
        service=service,
        indicator=indicator,
        target=reading.take("target", lambda: ratio(given.get("target"), "target"), Fraction(1, 2)),
        window=window,
        method=slices.method,
        slice_ns=slices.length_ns,
        slice_target=slices.target,
        slice_events=slices.events,
        policies=policies,
        groups=reading.take("groups", lambda: _groups(given.get("groups"), indicator), None),
        display_name=reading.take("display_name", lambda: _maybe_text(given.get("display_name"), "display_name"), None),
        description=reading.take("description", lambda: _maybe_text(given.get("description"), "description"), None),
        labels=reading.take("labels", lambda: _mapping(given.get("labels"), "labels"), {}),
        annotations=reading.take("annotations", lambda: _mapping(given.get("annotations"), "annotations"), {}),
    )
    if known is not None:
        asked = given.get("indicator")
        expected = isinstance(asked, Mapping) and asked.get("metric_expected") is True
        reading.mistakes += known.mistakes(found, expected=expected)
    if reading.mistakes:
        raise Mistakes(reading.mistakes)
    return found


def ratio(value: Any, place: str) -> Fraction:
    """A share strictly between 0 and 1, exactly as it was written.

    Raises:
        Invalid: It is none.
    """
    allowed = "a share above 0 and below 1, such as 0.999 (99.9 %); with a target of 1 there is no budget"
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise Invalid(place, value, allowed)
    try:
        found = Decimal(str(value))
    except InvalidOperation as error:
        raise Invalid(place, value, allowed) from error
    if not found.is_finite() or not 0 < found < 1 or len(found.as_tuple().digits) > 12:
        raise Invalid(place, value, allowed)
    return Fraction(found)


def ratio_of_percent(percent: float) -> Decimal:
    """A percentage as a share, with the digits it was written with."""
    return Decimal(str(percent)) / 100


def _text(value: Any, place: str, most: int = MOST_TEXT) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > most or "\x00" in value:
        raise Invalid(place, value, f"text of 1 to {most} characters")
    return value


def _maybe_text(value: Any, place: str) -> str | None:
    return None if value is None or value == "" else _text(value, place)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise Invalid("name", value, "1 to 63 lower-case letters, digits and hyphens, a letter or digit at both ends")
    return value


def _mapping(value: Any, place: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or len(value) > 100:
        raise Invalid(place, value, "an object of at most 100 members")
    return dict(value)


def _window(given: Any) -> Window:
    if isinstance(given, str):
        given = {"duration": given}
    given = _members(given, "window", {"duration", "calendar", "timezone"})
    text, calendar = given.get("duration"), given.get("calendar", False)
    if not isinstance(calendar, bool):
        raise Invalid("window.calendar", calendar, "true or false")
    length_ns = duration_ns(text)
    if calendar:
        if text not in CALENDARS:
            raise Invalid("window.duration", text, f"on a calendar one of {', '.join(CALENDARS)}")
        timezone = given.get("timezone", "UTC")
        try:
            timegrid.zone(timezone)
        except Invalid as error:
            raise Invalid("window.timezone", timezone, error.allowed) from error
        return Window(text, True, timezone)
    if not HOUR_NS <= length_ns <= LONGEST_NS:
        raise Invalid("window.duration", text, "from 1h to 366d")
    return Window(text)


@dataclass(frozen=True, slots=True)
class _Slices:
    """How events are counted."""

    method: Method = "occurrences"
    length_ns: int = MINUTE_NS
    target: Fraction = Fraction(0)
    events: float | None = None


def _slice(given: Mapping[str, Any]) -> _Slices:
    method = given.get("method", "occurrences")
    if method not in METHODS:
        raise Invalid("method", method, f"one of {', '.join(METHODS)}")
    if method == "occurrences":
        if given.get("slice") is not None:
            raise Invalid("slice", given["slice"], "nothing: occurrences have no slices")
        return _Slices()
    asked = _members(given.get("slice"), "slice", {"window", "target", "events"})
    length_ns = duration_ns(asked.get("window", "1m"))
    if length_ns > DAY_NS or DAY_NS % length_ns:
        raise Invalid("slice.window", asked.get("window"), "a length of which a day holds a whole number")
    if method == "ratio_timeslices":
        return _Slices(method, length_ns)
    if "events" in asked:
        events = asked["events"]
        if isinstance(events, bool) or not isinstance(events, (int, float)) or not 0 < events < 1e12:
            raise Invalid("slice.events", events, "a number above 0")
        if "target" in asked:
            raise Invalid("slice.target", asked["target"], "a target or a number of events, not both")
        return _Slices("timeslices", length_ns, events=float(events))
    whole = asked.get("target") == 1
    return _Slices("timeslices", length_ns, Fraction(1) if whole else ratio(asked.get("target"), "slice.target"))


def _policies(given: Any, window: Window) -> tuple[Policy, ...] | None:
    if given is None:
        return None
    if not isinstance(given, list) or len(given) > 10:
        raise Invalid("alerting", given, "a list of at most 10 pairs of windows")
    shortest_ns = 28 * DAY_NS if window.duration == "1M" else duration_ns(window.duration)
    found = []
    for number, each in enumerate(given):
        place = f"alerting[{number}]"
        asked = _members(each, place, {"severity", "budget_percent", "long", "short"})
        if asked.get("severity") not in ("page", "ticket"):
            raise Invalid(f"{place}.severity", asked.get("severity"), "page or ticket")
        share = asked.get("budget_percent")
        if isinstance(share, bool) or not isinstance(share, (int, float, Decimal)) or not 0 < share <= 100:
            raise Invalid(f"{place}.budget_percent", share, "above 0, at most 100")
        policy = Policy(
            asked["severity"],
            Fraction(str(share)) / 100,
            duration_ns(asked.get("long")),
            duration_ns(asked.get("short")),
        )
        burn.check_policy(policy, shortest_ns, place)
        found.append(policy)
    return tuple(found)


def _members(given: Any, place: str, allowed: set[str]) -> Mapping[str, Any]:
    if not isinstance(given, Mapping) or not set(given) <= allowed:
        raise Invalid(place, given, f"an object with {', '.join(sorted(allowed))}")
    return given


def _groups(given: Any, indicator: Indicator) -> Groups | None:
    if given is None:
        return None
    asked = _members(given, "groups", {"by", "most"})
    by, most = asked.get("by"), asked.get("most", USUAL_GROUPS)
    allowed = GROUPED[indicator.kind]
    if by not in allowed:
        kinds = f"one of {', '.join(allowed)}" if allowed else "nothing: parts of a composite have groups of their own"
        raise Invalid("groups.by", by, kinds)
    if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= MOST_GROUPS:
        raise Invalid("groups.most", most, f"a whole number from 1 to {MOST_GROUPS}")
    return Groups(by, most)


def _composite(given: Any) -> Indicator:
    asked = _members(given, "indicator", {"kind", "parts"})
    parts = asked.get("parts")
    if not isinstance(parts, list) or not 1 <= len(parts) <= MOST_PARTS:
        raise Invalid("indicator.parts", parts, f"a list of 1 to {MOST_PARTS} objects with slo and weight")
    found: dict[str, Part] = {}
    for number, each in enumerate(parts):
        place = f"indicator.parts[{number}]"
        one = _members(each, place, {"slo", "weight"})
        name, weight = one.get("slo"), one.get("weight", 1)
        if not isinstance(name, str) or not NAME.fullmatch(name) or name in found:
            raise Invalid(f"{place}.slo", name, "the name of another objective, each once")
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 < weight <= 1e6:
            raise Invalid(f"{place}.weight", weight, "a number above 0, at most 1000000")
        found[name] = Part(name, float(weight))
    return Indicator("composite", Conditions("composite"), None, None, parts=tuple(found.values()))


def _indicator(given: Any, service: str) -> Indicator:
    if isinstance(given, Mapping) and given.get("kind") == "composite":
        return _composite(given)
    metrics = {"metric", "good_metric", "metric_expected"}
    asked = _members(given, "indicator", {"kind", "filter", "good", "below", "above", *metrics})
    kind = asked.get("kind")
    if kind not in KINDS:
        raise Invalid("indicator.kind", kind, f"one of {', '.join(KINDS)}")
    reading = _Reading(asked)
    where = reading.take(
        "indicator.filter",
        lambda: conditions.parse(kind, _usual(kind, asked.get("filter"), service), "indicator.filter"),
        Conditions(kind),
    )
    good = reading.take("indicator.good", lambda: _good(kind, asked.get("good")), None)
    threshold = reading.take("indicator.below", lambda: _threshold(kind, asked), None)
    reading.take("indicator.metric", lambda: _named(kind, asked), None)
    metric, good_metric = asked.get("metric"), asked.get("good_metric")
    if good_metric is not None and threshold is not None:
        reading.mistakes.append(Invalid("indicator.good_metric", good_metric, "nothing beside a threshold"))
    if (good is None or not good.each) and threshold is None and good_metric is None and not reading.mistakes:
        allowed = "conditions of a good event, or a threshold: below or above"
        reading.mistakes.append(Invalid("indicator.good", asked.get("good"), allowed))
    if reading.mistakes:
        raise Mistakes(reading.mistakes)
    return Indicator(kind, where, good, threshold, metric, good_metric)


def _good(kind: Kind, given: Any) -> Conditions | None:
    return None if given is None else conditions.parse(kind, given, "indicator.good")


def _named(kind: Kind, asked: Mapping[str, Any]) -> None:
    """Refuse names of metrics that are none, or that stand where none belong."""
    metric, good_metric, expected = asked.get("metric"), asked.get("good_metric"), asked.get("metric_expected")
    if (metric is not None) != (kind == "metric") or (good_metric is not None and kind != "metric"):
        raise Invalid("indicator.metric", metric, "the name of a metric, where the kind is metric and only there")
    if expected is not None and (kind != "metric" or not isinstance(expected, bool)):
        raise Invalid("indicator.metric_expected", expected, "true or false, where the kind is metric and only there")
    if kind == "metric":
        _text(metric, "indicator.metric")
        _maybe_text(good_metric, "indicator.good_metric")


def _usual(kind: Kind, asked: Any, service: str) -> Any:
    """The filter, with what goes without saying: the objective's service, and of spans those that enter it."""
    if asked is not None and not isinstance(asked, Mapping):
        return asked
    found = dict(asked or {})
    if service and not found.keys() & {"service", "service.name"}:
        found["service"] = service
    if kind == "span" and not found.keys() & {"entry", "name", "span.name", "kind", "span.kind", "operation", "model"}:
        found["entry"] = True
    return found


def _threshold(kind: Kind, asked: Mapping[str, Any]) -> Threshold | None:
    sides = [side for side in ("below", "above") if asked.get(side) is not None]
    if not sides:
        return None
    if len(sides) == 2:
        raise Invalid("indicator.above", asked["above"], "one threshold: below or above")
    place = f"indicator.{sides[0]}"
    given = _members(asked[sides[0]], place, {"field", "value"})
    name, value = given.get("field", FIELDS[kind][0]), given.get("value")
    mistakes = []
    if name not in FIELDS[kind]:
        mistakes.append(Invalid(f"{place}.field", name, f"one of {', '.join(FIELDS[kind])}"))
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15
    if not is_number:
        mistakes.append(Invalid(f"{place}.value", value, "a number"))
    if mistakes:
        raise Mistakes(mistakes)
    return Threshold(name, float(value or 0), sides[0] == "below")
