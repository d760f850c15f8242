"""Objectives over time: their budgets as they were spent, and what a definition would have come to.

Never: a line drawn through a gap, or a simulation that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from spanledger_server.api import answers, parameters, slo_answers
from spanledger_server.api.answers import when
from spanledger_server.api.deps import DefaultZone, NowNs, Store
from spanledger_server.api.slos import BODY, Month, Sent, SloId, Window, Zone, period_of
from spanledger_server.errors import Invalid
from spanledger_server.slos import given, register, series, simulate
from spanledger_server.slos.objective import Objective
from spanledger_server.slos.series import Point, Series
from spanledger_server.slos.simulate import Alert, Pair, Simulated
from spanledger_server.timegrid import MINUTE_NS, SECOND_NS, Range

MOST_AT_ONCE: Final = 20
DIGITS: Final = 9


@cache
def router() -> APIRouter:
    """What people ask."""
    routes = APIRouter(tags=["SLOs"])

    @routes.get("/api/v1/slos/{slo_id}/series")
    def over_time(
        slo_id: SloId,
        store: Store,
        now_ns: NowNs,
        default_zone: DefaultZone,
        window: Window = None,
        month: Month = None,
        tz: Zone = None,
    ) -> Response:
        """The budget as it was spent: in up to 200 parts of the window, what is left and how fast it went."""
        period = period_of(window, month, default_zone if tz is None else tz, now_ns)
        with store.reader() as reader:
            kept = register.one(reader, slo_id)
            found = series.of(reader, kept.objective, now_ns, period)
        return answers.answer({"id": kept.slo_id, "name": kept.objective.name, **_series(found)})

    @routes.post(
        "/api/v1/slos/simulate", openapi_extra=BODY | {"requestBody": {**BODY["requestBody"], "required": False}}
    )
    def simulated(
        body: Sent,
        store: Store,
        now_ns: NowNs,
        slo: Annotated[str | None, Query(description="an objective that is kept, in place of a body")] = None,
        from_: Annotated[str, Query(alias="from", description="RFC 3339 or now-7d")] = "now-7d",
        to: Annotated[str, Query(description="RFC 3339 or now (default)")] = "now",
    ) -> Response:
        """What definitions would have spent, told, told late and told in vain over stored history; nothing is kept."""
        asked = _asked(from_, to, now_ns)
        if (slo is None) == (not body.strip()):
            raise Invalid("slo", slo, "the name of an objective or a body with definitions, one of both")
        with store.reader() as reader:
            if slo is not None:
                each = [register.one(reader, slo).objective]
            else:
                each = register.with_parts(reader, _few([one.definition for one in given.read(body)]))
            found = [(one, simulate.of(reader, one, asked)) for one in each]
        return answers.answer({"slos": [_simulated(*one) for one in found]})

    return routes


def _few(each: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    if len(each) > MOST_AT_ONCE:
        raise Invalid("body", f"{len(each)} objectives", f"at most {MOST_AT_ONCE} at once")
    return each


def _asked(from_: str, to: str, now_ns: int) -> Range:
    from_ns = parameters.instant("from", from_, now_ns) // MINUTE_NS * MINUTE_NS
    to_ns = -(-min(parameters.instant("to", to, now_ns), now_ns) // MINUTE_NS) * MINUTE_NS
    if not 0 < to_ns - from_ns <= simulate.LONGEST_NS:
        raise Invalid("from", from_, "before to, in the past, at most 366 days before it")
    return Range(from_ns, to_ns)


def _series(found: Series) -> dict[str, Any]:
    return {
        "from": when(found.window.from_ns),
        "to": when(found.window.to_ns),
        "width_s": found.width_ns / SECOND_NS,
        "points": [_point(each) for each in found.points],
    }


def _point(each: Point) -> dict[str, Any]:
    return {
        "from": when(each.window.from_ns),
        "to": when(each.window.to_ns),
        "good": each.counts.good,
        "total": each.counts.total,
        "burn_rate": each.burn_rate,
        "remaining_ratio": None if each.remaining_ratio is None else round(each.remaining_ratio, DIGITS),
        "known": each.known,
        "excluded_minutes": each.excluded_ns / MINUTE_NS,
    }


def _simulated(objective: Objective, found: Simulated) -> dict[str, Any]:
    counts, budget = found.counts, found.budget
    told = [alert for pair in found.pairs for alert in pair.alerts]
    paged = [alert for pair in found.pairs if pair.policy.severity == "page" for alert in pair.alerts]
    return {
        "name": objective.name,
        "from": when(found.window.from_ns),
        "to": when(found.window.to_ns),
        "step_s": found.step_ns / SECOND_NS,
        "good": counts.good,
        "total": counts.total,
        "bad": counts.bad,
        "achieved_performance": None if counts.good_ratio is None else counts.good_ratio * 100,
        "remaining_ratio": None if budget is None else budget.remaining_ratio,
        "alerts": len(told),
        "pages": len(paged),
        "false_alerts": sum(alert.false for alert in told),
        "false_means": "less than half of the pair's share was spent from its long window's beginning to its end",
        "incidents": [slo_answers.incident(each) for each in found.incidents],
        "missed_incidents": found.missed,
        "pairs": [_pair(each) for each in found.pairs],
    }


def _pair(each: Pair) -> dict[str, Any]:
    return {
        "severity": each.policy.severity,
        "long_s": each.policy.long_ns / SECOND_NS,
        "short_s": each.policy.short_ns / SECOND_NS,
        "budget_percent": float(each.policy.budget_share * 100),
        "threshold": each.threshold,
        "unreachable": each.unreachable,
        "alerts": [_alert(one) for one in each.alerts],
    }


def _alert(each: Alert) -> dict[str, Any]:
    return {
        "from": when(each.window.from_ns),
        "to": when(each.window.to_ns),
        "budget_percent": each.spent * 100,
        "late_s": None if each.late_ns is None else each.late_ns / SECOND_NS,
        "false": each.false,
    }
