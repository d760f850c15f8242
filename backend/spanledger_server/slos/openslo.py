"""OpenSLO documents into definitions, and back.

Given documents of `openslo/v1` (or `openslo.com/v2alpha`), gives the JSON that `definition.py` reads: one objective
for each entry of a document's `objectives`. What an OpenSLO document cannot say (pairs of windows, throughput)
stands in annotations `spanledger.dev/…`. Objectives with a `compositeWeight` become one each, and a composite of them
under the document's name. An objective that was imported is exported as the document that it came from.

Never: a definition of a source that is not ours, or of half a document.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from spanledger_server.errors import Invalid, Mistakes
from spanledger_server.slos import definition
from spanledger_server.slos.documents import Document
from spanledger_server.slos.known import Known

VERSIONS: Final = ("openslo/v1", "openslo.com/v2alpha")
KINDS: Final = ("SLO", "SLI", "Service", "DataSource", "AlertPolicy", "AlertCondition", "AlertNotificationTarget")
ALERTING: Final = "spanledger.dev/alerting"
EVENTS: Final = "spanledger.dev/slice-events"
GROUPS: Final = "spanledger.dev/groups"
SOURCE: Final = "spanledger"
METHODS: Final = {
    "Occurrences": "occurrences",
    "Timeslices": "timeslices",
    "RatioTimeslices": "ratio_timeslices",
}
SIDES: Final = {"lt": "below", "lte": "below", "gt": "above", "gte": "above"}
MOST_WEIGHT: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """A definition and where it came from.

    Attributes:
        definition: What `definition.py` reads.
        source: The document.
        number: Which of its objectives.
    """

    definition: dict[str, Any]
    source: Document
    number: int

    @property
    def document(self) -> str:
        """The document's text."""
        return self.source.text

    def placed(self, mistake: Invalid) -> Invalid:
        """What is wrong with the definition, where it stands in the document."""
        return self.source.placed(Invalid(_there(mistake.parameter, self.number), mistake.value, mistake.allowed))


@dataclass(frozen=True, slots=True)
class Refused:
    """What is wrong with a document, and the names that its objectives would have had."""

    mistakes: list[Invalid]
    names: frozenset[str]


def definitions(documents: Iterable[Document], known: Known | None = None) -> list[Found]:
    """The definitions of all SLOs among the documents.

    Raises:
        Mistakes: With everything that is wrong in any of them, each with its line.
    """
    found, refused = read(list(documents), known)
    if mistakes := [mistake for one in refused for mistake in one.mistakes]:
        raise Mistakes(mistakes)
    return found


def read(documents: Sequence[Document], known: Known | None = None) -> tuple[list[Found], list[Refused]]:
    """The definitions of all SLOs among the documents, and what is wrong with the others.

    Args:
        documents: Of `openslo/v1` and `openslo.com/v2alpha`.
        known: What definitions are checked against; None for those that were accepted before.
    """
    indicators = {_name(one.value): one.value for one in documents if _kind(one.value) == "SLI"}
    found: list[Found] = []
    refused: list[Refused] = []
    for document in documents:
        try:
            found += _definitions(document, indicators, known)
        except Invalid as error:
            each = error.each if isinstance(error, Mistakes) else (error,)
            refused.append(Refused([document.placed(mistake) for mistake in each], _names(document.value)))
    if not found and not refused:
        kinds = [_kind(one.value) for one in documents]
        refused.append(Refused([Invalid("kind", kinds, "at least one document of kind SLO")], frozenset()))
    return found, refused


def _names(value: Any) -> frozenset[str]:
    """The names that the objectives of a document have."""
    name = _name(value)
    spec = value.get("spec") if isinstance(value, Mapping) else None
    objectives = spec.get("objectives") if isinstance(spec, Mapping) else None
    number = len(objectives) if isinstance(objectives, list) else 1
    return frozenset((str(name), *(f"{name}-{each + 1}" for each in range(number))))


def _kind(value: Any) -> Any:
    return value.get("kind") if isinstance(value, Mapping) else None


def _name(value: Any) -> Any:
    metadata = value.get("metadata") if isinstance(value, Mapping) else None
    return metadata.get("name") if isinstance(metadata, Mapping) else None


def _definitions(document: Document, indicators: Mapping[Any, Any], known: Known | None) -> list[Found]:
    given = _mapping(document.value, "", "an OpenSLO document")
    if given.get("apiVersion") not in VERSIONS:
        raise Invalid("apiVersion", given.get("apiVersion"), f"one of {', '.join(VERSIONS)}")
    if given.get("kind") not in KINDS:
        raise Invalid("kind", given.get("kind"), f"one of {', '.join(KINDS)}")
    if given["kind"] != "SLO":
        return []
    spec = _mapping(given.get("spec"), "spec", "an object")
    objectives = spec.get("objectives")
    if not isinstance(objectives, list) or not objectives:
        raise Invalid("spec.objectives", objectives, "a list of one or more objectives")
    mistakes: list[Invalid] = []
    found = []
    for number, objective in enumerate(objectives):
        try:
            one = _one(given, spec, objective, number, len(objectives), indicators)
            definition.parse(one, known)
            found.append(Found(one, document, number))
        except Mistakes as error:
            mistakes += [Invalid(_there(each.parameter, number), each.value, each.allowed) for each in error.each]
        except Invalid as mistake:
            mistakes.append(mistake)
    if mistakes:
        raise Mistakes(mistakes)
    weights = [one.get("compositeWeight") if isinstance(one, Mapping) else None for one in objectives]
    return found if weights == [None] * len(weights) else [*found, _composite(given, found, weights)]


def _composite(given: Mapping[str, Any], parts: Sequence[Found], weights: Sequence[Any]) -> Found:
    """The composite that a document's weighted objectives make; what it should reach follows from theirs."""
    for number, weight in enumerate(weights):
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 < weight <= MOST_WEIGHT:
            place = f"spec.objectives[{number}].compositeWeight"
            raise Invalid(place, weight, "a number above 0 of each objective, or of none")
    if len(parts) < 2:
        raise Invalid("spec.objectives", len(parts), "two or more objectives where they have a compositeWeight")
    first = parts[0].definition
    whole = sum(Fraction(str(weight)) for weight in weights)
    targets = zip((Fraction(str(part.definition["target"])) for part in parts), weights, strict=True)
    target = sum(each * Fraction(str(weight)) for each, weight in targets) / whole
    made: dict[str, Any] = {
        name: first[name] for name in ("service", "window", "labels", "description") if name in first
    }
    made["name"] = _name(given)
    made["target"] = round(float(target), 9)
    named = zip((part.definition["name"] for part in parts), weights, strict=True)
    made["indicator"] = {"kind": "composite", "parts": [{"slo": name, "weight": weight} for name, weight in named]}
    definition.parse(made)
    return Found(made, parts[0].source, 0)


def _there(member: str, number: int) -> str:
    """Where in an OpenSLO document a member of a definition stands."""
    head = member.split(".")[0].split("[")[0]
    return {
        "name": "metadata.name",
        "display_name": "metadata.displayName",
        "service": "spec.service",
        "description": "spec.description",
        "window": "spec.timeWindow[0]",
        "method": "spec.budgetingMethod",
        "target": f"spec.objectives[{number}].target",
        "slice": f"spec.objectives[{number}].timeSliceWindow",
        "indicator": f"spec.indicator ({member})",
    }.get(head, f"metadata.annotations.{member}")


def _one(
    given: Mapping[str, Any],
    spec: Mapping[str, Any],
    objective: Any,
    number: int,
    of: int,
    indicators: Mapping[Any, Any],
) -> dict[str, Any]:
    place = f"spec.objectives[{number}]"
    asked = _mapping(objective, place, "an object")
    metadata = _mapping(given.get("metadata"), "metadata", "an object with a name")
    method = spec.get("budgetingMethod", "Occurrences")
    if method not in METHODS:
        raise Invalid("spec.budgetingMethod", method, f"one of {', '.join(METHODS)}")
    annotations = dict(metadata.get("annotations") or {})
    name = metadata.get("name")
    found: dict[str, Any] = {
        "name": f"{name}-{number + 1}" if of > 1 and isinstance(name, str) else name,
        "display_name": asked.get("displayName") if of > 1 else metadata.get("displayName"),
        "description": spec.get("description"),
        "service": spec.get("service"),
        "indicator": _indicator(spec, asked, place, indicators),
        "target": _target(asked, place),
        "window": _window(spec.get("timeWindow")),
        "method": METHODS[method],
        "labels": metadata.get("labels"),
        "annotations": annotations,
    }
    if method != "Occurrences":
        found["slice"] = {"window": asked.get("timeSliceWindow", "1m")}
        if EVENTS in annotations:
            found["slice"]["events"] = _json(EVENTS, annotations.pop(EVENTS))
        elif method == "Timeslices":
            found["slice"]["target"] = asked.get("timeSliceTarget")
    for member, annotation in (("alerting", ALERTING), ("groups", GROUPS)):
        if annotation in annotations:
            found[member] = _json(annotation, annotations.pop(annotation))
    return {key: value for key, value in found.items() if value not in (None, {})}


def _json(name: str, text: Any) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError as error:
        raise Invalid(f"metadata.annotations.{name}", text, "JSON") from error


def _target(asked: Mapping[str, Any], place: str) -> Any:
    if "target" in asked:
        return asked["target"]
    percent = asked.get("targetPercent")
    if isinstance(percent, bool) or not isinstance(percent, (int, float)) or not 0 < percent < 100:
        raise Invalid(f"{place}.target", percent, "target (a share, 0.999) or targetPercent (99.9)")
    return str(definition.ratio_of_percent(percent))


def _window(windows: Any) -> dict[str, Any]:
    if not isinstance(windows, list) or len(windows) != 1:
        raise Invalid("spec.timeWindow", windows, "a list of exactly one window")
    asked = _mapping(windows[0], "spec.timeWindow[0]", "an object with duration and isRolling")
    calendar = asked.get("calendar")
    if asked.get("isRolling", calendar is None):
        return {"duration": asked.get("duration")}
    zone = _mapping(calendar or {}, "spec.timeWindow[0].calendar", "an object").get("timeZone", "UTC")
    return {"duration": asked.get("duration"), "calendar": True, "timezone": zone}


def _indicator(
    spec: Mapping[str, Any], objective: Mapping[str, Any], place: str, indicators: Mapping[Any, Any]
) -> dict[str, Any]:
    inline, where = spec.get("indicator", spec.get("sli")), "spec.indicator"
    reference = spec.get("indicatorRef", spec.get("sliRef"))
    if inline is None and reference is None:
        inline, where = objective.get("indicator"), f"{place}.indicator"
        reference = objective.get("indicatorRef")
    if inline is None:
        if reference not in indicators:
            raise Invalid("spec.indicatorRef", reference, "the name of a document of kind SLI beside this one")
        inline = indicators[reference]
    body = _mapping(_mapping(inline, where, "an object").get("spec"), f"{where}.spec", "an object")
    if "thresholdMetric" in body:
        return _threshold(body["thresholdMetric"], objective, f"{where}.spec.thresholdMetric", place)
    if "ratioMetric" in body:
        return _ratio(body["ratioMetric"], f"{where}.spec.ratioMetric")
    raise Invalid(f"{where}.spec", list(body), "thresholdMetric or ratioMetric")


def _threshold(given: Any, objective: Mapping[str, Any], place: str, there: str) -> dict[str, Any]:
    found = _source(given, place)
    if found.keys() & {"good", "below", "above", "good_metric", "parts"}:
        return found
    side, value = SIDES.get(objective.get("op", "")), objective.get("value")
    if side is None:
        raise Invalid(f"{there}.op", objective.get("op"), f"one of {', '.join(SIDES)}: what a good event's value is")
    field = found.pop("field", None)
    return found | {side: {"value": value} | ({} if field is None else {"field": field})}


def _ratio(given: Any, place: str) -> dict[str, Any]:
    asked = _mapping(given, place, "an object with total, and good or bad")
    if "raw" in asked:
        raise Invalid(
            f"{place}.raw", asked["raw"], "good (or bad) and total: a ratio that was made already has no counts"
        )
    total = _source(asked.get("total"), f"{place}.total")
    part = next((name for name in ("good", "bad") if name in asked), None)
    if part is None:
        if total.keys() & {"good", "below", "above", "good_metric"}:
            return total
        raise Invalid(f"{place}.good", None, "a source of good events, or one of bad ones")
    found = _source(asked[part], f"{place}.{part}")
    if found["kind"] != total["kind"]:
        raise Invalid(f"{place}.{part}", found["kind"], f"the kind of total, {total['kind']}")
    return total | _good(found, total, part == "bad", f"{place}.{part}")


def _good(found: dict[str, Any], total: dict[str, Any], negated: bool, place: str) -> dict[str, Any]:
    """What makes one of all events a good one: what its source asks beyond the source of all."""
    more = {
        key: value
        for key, value in (found.get("filter") or {}).items()
        if (total.get("filter") or {}).get(key) != value
    }
    more |= found.get("good") or {}
    if negated:
        if len(more) != 1 or found.keys() & {"below", "above"}:
            raise Invalid(place, more, "exactly one attribute by which bad events differ from all; else use good")
        ((name, value),) = more.items()
        more = {name: {"not": value}}
    result: dict[str, Any] = {"good": more} if more else {}
    result |= {side: found[side] for side in ("below", "above") if side in found}
    if found.get("metric") != total.get("metric"):
        if negated:
            raise Invalid(place, found.get("metric"), "the metric of total, with one more attribute; else use good")
        result["good_metric"] = found["metric"]
    if not result:
        raise Invalid(place, found, "something by which good events differ from all")
    return result


def _source(given: Any, place: str) -> dict[str, Any]:
    asked = _mapping(given, place, "an object with metricSource")
    source = asked.get("metricSource")
    if source is None and "dataSourceSpec" in asked:
        source = _mapping(asked["dataSourceSpec"], f"{place}.dataSourceSpec", "an object")
        source = {"type": source.get("type"), "spec": asked.get("spec", source.get("spec"))}
    source = _mapping(source, f"{place}.metricSource", "an object with type and spec")
    if source.get("type") != SOURCE:
        raise Invalid(
            f"{place}.metricSource.type",
            source.get("type"),
            f'"{SOURCE}": queries of other systems cannot be evaluated here; name spans, ledger or metric and a filter',
        )
    return dict(_mapping(source.get("spec"), f"{place}.metricSource.spec", "an object with kind and filter"))


def _mapping(value: Any, place: str, allowed: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Invalid(place or "document", value, allowed)
    return value


def document(given: Mapping[str, Any]) -> dict[str, Any]:
    """A definition as a document of `openslo/v1`.

    Args:
        given: The JSON that `definition.parse` reads.
    """
    window = given["window"] if isinstance(given["window"], Mapping) else {"duration": given["window"]}
    calendar = window.get("calendar", False)
    annotations = dict(given.get("annotations") or {})
    for member, annotation in (("alerting", ALERTING), ("groups", GROUPS)):
        if given.get(member) is not None:
            annotations[annotation] = json.dumps(given[member])
    objective: dict[str, Any] = {"target": float(given["target"])}
    method = given.get("method", "occurrences")
    if method != "occurrences":
        slices = given.get("slice") or {}
        objective["timeSliceWindow"] = slices.get("window", "1m")
        if "events" in slices:
            annotations[EVENTS] = json.dumps(slices["events"])
        elif method == "timeslices":
            objective["timeSliceTarget"] = slices.get("target")
    metadata = {
        "name": given["name"],
        "displayName": given.get("display_name"),
        "labels": given.get("labels"),
        "annotations": annotations,
    }
    source = {"metricSource": {"type": SOURCE, "spec": dict(given["indicator"])}}
    when = {"duration": window["duration"], "isRolling": not calendar}
    if calendar:
        when["calendar"] = {"startTime": "1970-01-01 00:00:00", "timeZone": window.get("timezone", "UTC")}
    return {
        "apiVersion": VERSIONS[0],
        "kind": "SLO",
        "metadata": {key: value for key, value in metadata.items() if value},
        "spec": {
            **({"description": given["description"]} if given.get("description") else {}),
            "service": given["service"],
            "indicator": {"metadata": {"name": given["name"]}, "spec": {"thresholdMetric": source}},
            "timeWindow": [when],
            "budgetingMethod": next(name for name, ours in METHODS.items() if ours == method),
            "objectives": [objective],
        },
    }
