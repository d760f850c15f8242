"""The names under which bodies say what a rule is: ours, and those that others are used to.

Given a body, gives the same with our names: labels of the filters and texts for people in their places, a condition
taken apart, and the four kinds of cost_threshold, error_rate, response_time and api_failure as the metrics that they
are.

Never: two names for one thing of which one wins silently.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from spanledger_server.errors import Invalid
from spanledger_server.rules import condition
from spanledger_server.rules.condition import Condition
from spanledger_server.rules.rule import KINDS, SECOND_NS

ALIASES: Final = {
    "rule_name": "name",
    "type": "kind",
    "metric_name": "metric",
    "threshold_value": "threshold",
    "comparison_operator": "operator",
    "clear_threshold_value": "clear_threshold",
    "for": "duration_seconds",
    "window": "window_seconds",
    "time_window": "window_seconds",
    "keep_firing_for": "keep_firing_seconds",
    "channels": "notification_channels",
    "is_active": "enabled",
    "error": "on_error",
    "max_groups": "group_limit",
}
FILTERS: Final = ("provider", "model", "service", "feature", "tenant", "user_tier", "operation", "route")
TEXTS: Final = ("summary", "description", "runbook_url")
NAMED_KINDS: Final = ("cost_threshold", "error_rate", "response_time", "api_failure")
_PLACEHOLDERS: Final = {"metric": "requests", "operator": ">", "threshold": 0}  # not missed where a condition is wrong
PERIODS_S: Final = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 2_592_000}
EXPECTED: Final = (
    'a condition such as "processing_time > 500 for 5m", or an object with period, service, provider, model'
)


def ours(given: Mapping[str, Any]) -> tuple[dict[str, Any], Condition | None, list[Invalid]]:
    """A body with our names, its condition where it has one, and what was wrong with it."""
    wrong: list[Invalid] = []
    body: dict[str, Any] = {}
    for key, value in given.items():
        name = ALIASES.get(key, key)
        if name in body and body[name] != value:
            wrong.append(Invalid(key, value, f"the same as {name}, which is given too"))
        body[name] = value
    said = body.pop("condition", None)
    parsed = _condition(said, body, wrong)
    _named_kind(body)
    _into(body, "filters", FILTERS, wrong)
    _into(body, "annotations", TEXTS, wrong)
    return body, parsed, wrong


def _condition(said: Any, body: dict[str, Any], wrong: list[Invalid]) -> Condition | None:
    if said is None:
        return None
    if isinstance(said, Mapping):
        _described(said, body, wrong)
        return None
    if not isinstance(said, str):
        wrong.append(Invalid("condition", said, EXPECTED))
        return None
    try:
        found = condition.parse(said)
    except Invalid as error:
        wrong.append(error)
        body |= _PLACEHOLDERS | {name: value for name, value in body.items() if value is not None}
        return None
    twice = [name for name in ("metric", "operator", "threshold") if body.get(name) is not None]
    wrong += [Invalid(name, body[name], "left out where there is a condition, which says it") for name in twice]
    body |= {"metric": found.metric, "operator": found.operator, "threshold": found.number}
    for name, length_ns in (("duration_seconds", found.for_ns), ("window_seconds", found.window_ns)):
        if length_ns is not None and body.get(name) is not None:
            wrong.append(Invalid(name, body[name], "left out where the condition says it"))
        elif length_ns is not None:
            body[name] = length_ns // SECOND_NS
    return found


def _described(said: Mapping[str, Any], body: dict[str, Any], wrong: list[Invalid]) -> None:
    """A condition that is an object: over which period, and of what."""
    for key, value in said.items():
        if key == "period" and isinstance(value, str) and value in PERIODS_S:
            body.setdefault("window_seconds", PERIODS_S[value])
        elif key == "period":
            wrong.append(Invalid("condition.period", value, f"one of {', '.join(PERIODS_S)}"))
        elif key in FILTERS:
            if value != "all":
                body.setdefault(key, value)
        elif key == "percentile" and value in ("p95", "avg"):
            if value == "p95":
                body.setdefault("metric", "p95_response_time")
        elif key == "status_codes" and _server_errors(value):
            body.setdefault("metric", "server_error_rate")
        else:
            allowed = "period, percentile (p95 or avg), status_codes (of 500 and above), or one of " + ", ".join(
                FILTERS
            )
            wrong.append(Invalid(f"condition.{key}", value, allowed))


def _server_errors(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, int) and 500 <= one <= 599 for one in value)


def _named_kind(body: dict[str, Any]) -> None:
    """A kind that is the name of a metric is a threshold on it, and means "more than"."""
    kind = body.get("kind")
    if kind in NAMED_KINDS and kind not in KINDS:
        body["kind"] = "threshold"
        body.setdefault("metric", kind)
        body.setdefault("operator", ">")


def _into(body: dict[str, Any], place: str, names: tuple[str, ...], wrong: list[Invalid]) -> None:
    """Put members that stand by themselves where they belong."""
    own = {name: body.pop(name) for name in names if name in body}
    own = {name: value for name, value in own.items() if value is not None}
    if not own:
        return
    there = body.get(place)
    if there is not None and not isinstance(there, Mapping):
        return  # told where it is read
    known = dict(there or {})
    wrong += [
        Invalid(name, value, f"the same as {place}.{name}, which is given too")
        for name, value in own.items()
        if known.get(name, value) != value
    ]
    body[place] = known | own
