"""Objectives, where they stand and their reports, as the API spells them.

Percentages are of events, unknown is null. `time_until_exhausted` and `burn_rate_per_hour` are in hours, as the names
of the budget's members are of old; `seconds_until_exhausted` is the same in seconds.

Never: arithmetic that belongs to the objective.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spanledger_server.api.answers import when
from spanledger_server.slos import counting
from spanledger_server.slos.burn import Counts
from spanledger_server.slos.groups import Grouped
from spanledger_server.slos.objective import Objective
from spanledger_server.slos.register import Kept
from spanledger_server.slos.report import Contributor, Incident, Report
from spanledger_server.slos.status import Condition, PartStanding, Reading, Status
from spanledger_server.timegrid import Range

SECOND_NS = 10**9
HOUR_S = 3600
MINUTE_S = 60
MOST_EXCLUDED = 100
DIGITS = 10  # of percentages: what a double has beyond is noise


def definition(kept: Kept) -> dict[str, Any]:
    """An objective without where it stands."""
    return {
        "id": kept.slo_id,
        "name": kept.objective.name,
        "display_name": kept.objective.display_name or kept.objective.name,
        "description": kept.objective.description,
        "service": kept.objective.service,
        "generation": kept.generation,
        "target": _percent(float(kept.objective.target)),
        "window": kept.given["window"],
        "method": kept.objective.method,
        "definition": kept.given,
        "source": "openslo" if kept.document else "spanledger",
        "measured": measured(kept.objective),
        "created_at": when(kept.created_ns),
        "updated_at": when(kept.updated_ns),
        "updated_by": kept.updated_by,
    }


def checked(objective: Objective) -> dict[str, Any]:
    """What a definition that is not kept means."""
    return {
        "name": objective.name,
        "service": objective.service,
        "target": _percent(float(objective.target)),
        "method": objective.method,
        "measured": measured(objective),
    }


def generations(before: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What an objective was."""
    return [
        {
            "generation": row["generation"],
            "from": when(row["from_ns"]),
            "to": when(row["to_ns"]),
            "changed_by": row["changed_by"],
            "definition": row["definition"],
        }
        for row in before
    ]


def slo(kept: Kept, found: Status) -> dict[str, Any]:
    """An objective and where it stands."""
    return definition(kept) | standing(kept.objective, found)


def measured(objective: Objective) -> dict[str, Any]:
    """How it is measured, exactly, for people who want to know."""
    indicator = objective.indicator
    threshold = indicator.threshold
    told: dict[str, Any] = {
        "kind": indicator.kind,
        "metric": indicator.metric,
        "good_metric": indicator.good_metric,
        "where": _conditions(indicator.where.each),
        "good": None if indicator.good is None else _conditions(indicator.good.each),
        "from": "rollups" if indicator.kind != "ledger" and indicator.rolled else "rows",
    }
    if indicator.parts:
        told["from"] = "parts"
        told["parts"] = [{"slo": part.name, "weight": part.weight} for part in indicator.parts]
    if threshold is not None:
        exact = indicator.kind == "ledger"
        told["threshold"] = {
            "field": threshold.field,
            "side": "below" if threshold.below else "above",
            "value": threshold.value,
            "effective_value": threshold.value if exact else counting.effective(threshold, indicator.kind),
        }
    return told


def _conditions(each: Sequence[Any]) -> dict[str, Any]:
    found = {}
    for condition in each:
        members = {
            "one_of": None if condition.wanted is None else list(condition.wanted),
            "none_of": None if condition.unwanted is None else list(condition.unwanted),
            "at_least": condition.least,
            "at_most": condition.most,
        }
        found[condition.name] = {key: value for key, value in members.items() if value is not None}
    return found


def standing(objective: Objective, found: Status) -> dict[str, Any]:
    """State, budget, burn rates and pairs, under the names of the seeds of this API and more."""
    period, budget = found.period, found.budget
    hours = period.window.length_ns / SECOND_NS / HOUR_S
    total = period.counts.total
    allowed = 1 - float(objective.target)
    consumed = None if budget is None or not total else budget.consumed / total
    left_s = None if budget is None else budget.seconds_left
    return {
        "state": found.state,
        "reason": found.reason,
        "slo_target": _percent(float(objective.target)),
        "achieved_performance": _percent(period.counts.good_ratio),
        "total_error_budget": _percent(allowed),
        "consumed_budget": _percent(consumed),
        "remaining_budget": None if consumed is None else _percent(allowed - consumed),
        "remaining_ratio": None if budget is None else budget.remaining_ratio,
        "burn_rate": period.burn_rate,
        "burn_rate_per_hour": None if consumed is None or hours <= 0 else _percent(consumed / hours),
        "time_until_exhausted": None if left_s is None else left_s / HOUR_S,
        "seconds_until_exhausted": left_s,
        **_counts(period.counts),
        "bad": period.counts.bad,
        "weighed": found.weighed,
        "coverage": period.coverage,
        "from": when(period.window.from_ns),
        "to": when(period.window.to_ns),
        "burn_rates": [_reading(reading) for reading in found.readings],
        "conditions": [_condition(condition) for condition in found.conditions],
        "silent_s": found.silent_ns / SECOND_NS,
        "excluded_minutes": _minutes(period.excluded_ns),
        "parts": [_part(part) for part in found.parts],
    }


def groups(objective: Objective, found: Grouped | None) -> dict[str, Any] | None:
    """An objective by its groups, worst first; null when it is judged by none."""
    if found is None:
        return None
    return {
        "by": found.by,
        "most": None if objective.groups is None else objective.groups.most,
        "each": [{"value": one.value, **standing(objective, one.status)} for one in found.each],
        "others": {"groups": found.other_groups, **_counts(found.others), "bad": found.others.bad},
    }


def _part(part: PartStanding) -> dict[str, Any]:
    counts = part.reading.counts
    return {
        "slo": part.name,
        "share": part.weight,
        "achieved_performance": _percent(counts.good_ratio),
        **_counts(counts),
        "coverage": part.reading.coverage,
        "silent_s": part.silent_ns / SECOND_NS,
        "excluded_minutes": _minutes(part.reading.excluded_ns),
    }


def report(kept: Kept, found: Report) -> dict[str, Any]:
    """An objective over a window."""
    previous = found.previous
    return {
        "id": kept.slo_id,
        "name": kept.objective.name,
        "display_name": kept.objective.display_name or kept.objective.name,
        "service": kept.objective.service,
        "generation": kept.generation,
        "definition": kept.given,
        "measured": measured(kept.objective),
        "window": _window(found.status.period.window),
        **standing(kept.objective, found.status),
        "bad_minutes": _minutes(found.bad_ns),
        "downtime_minutes": _minutes(found.down_ns),
        "minutes_without_events": _minutes(found.quiet_ns),
        "excluded": [{**_window(each), "minutes": _minutes(each.length_ns)} for each in found.excluded[:MOST_EXCLUDED]],
        "excluded_times": len(found.excluded),
        "groups": groups(kept.objective, found.groups),
        "incidents": [incident(each) for each in found.incidents],
        "contributors": [_contributor(each) for each in found.contributors],
        "previous": {
            "window": _window(found.previous_window),
            **_counts(previous),
            "achieved_performance": _percent(previous.good_ratio),
        },
    }


def sla(month: str, zone: str, period: Range, each: Sequence[tuple[Kept, Report]]) -> dict[str, Any]:
    """All objectives over a month."""
    states = [found.status.state for _, found in each]
    judged = len(states) - states.count("unknown")
    return {
        "month": month,
        "timezone": zone,
        "from": when(period.from_ns),
        "to": when(period.to_ns),
        "compliance": _percent(states.count("ok") / judged) if judged else None,
        "kept": states.count("ok"),
        "missed": states.count("breach"),
        "unknown": states.count("unknown"),
        "incidents": sum(len(found.incidents) for _, found in each),
        "downtime_minutes": _minutes(sum(found.down_ns for _, found in each)),
        "excluded_minutes": _minutes(sum(found.status.period.excluded_ns for _, found in each)),
        "slos": [report(kept, found) for kept, found in each],
    }


def incident(each: Incident) -> dict[str, Any]:
    """One stretch of trouble."""
    return {
        "from": when(each.window.from_ns),
        "to": when(each.window.to_ns),
        **_counts(each.counts),
        "bad": each.counts.bad,
        "budget_percent": _percent(each.budget_share),
        "downtime_minutes": _minutes(each.down_ns),
    }


def _contributor(each: Contributor) -> dict[str, Any]:
    return {
        "dimension": each.column,
        "value": each.value,
        **_counts(each.counts),
        "bad": each.counts.bad,
        "share_of_bad": each.share,
    }


def _window(window: Range) -> dict[str, Any]:
    return {"from": when(window.from_ns), "to": when(window.to_ns), "length_s": window.length_ns / SECOND_NS}


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        "good": counts.good,
        "total": counts.total,
        "estimated": counts.seen < counts.total * (1 - 1e-9),
        "uncounted": counts.uncounted,
    }


def _reading(reading: Reading) -> dict[str, Any]:
    return {
        "window_s": reading.window.length_ns / SECOND_NS,
        "burn_rate": reading.burn_rate,
        **_counts(reading.counts),
        "coverage": reading.coverage,
        "excluded_minutes": _minutes(reading.excluded_ns),
    }


def _condition(condition: Condition) -> dict[str, Any]:
    policy, verdict = condition.policy, condition.verdict
    return {
        "severity": policy.severity,
        "long_s": policy.long_ns / SECOND_NS,
        "short_s": policy.short_ns / SECOND_NS,
        "budget_percent": _percent(float(policy.budget_share)),
        "threshold": condition.threshold,
        "long_burn_rate": verdict.long_rate,
        "short_burn_rate": verdict.short_rate,
        "firing": verdict.holds,
        "reason": verdict.reason,
        "unreachable": condition.unreachable,
    }


def _minutes(length_ns: int) -> float:
    return length_ns / SECOND_NS / MINUTE_S


def _percent(share: float | None) -> float | None:
    return None if share is None else round(share * 100, DIGITS)
