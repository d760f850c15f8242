"""Where spending goes, over HTTP: the end of a period, how sure that is, and what changed.

Never: a projection that does not say what it stands on.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from spanledger_server import timegrid
from spanledger_server.api import answers, budget_bodies, parameters
from spanledger_server.api.deps import DefaultZone, NowNs, PastSpending, Store
from spanledger_server.api.scoped import CallersScope, within
from spanledger_server.budgets import budget as budgets
from spanledger_server.budgets import record
from spanledger_server.budgets.budget import Budget
from spanledger_server.forecast import drivers, projection, spend
from spanledger_server.forecast.histories import Histories
from spanledger_server.forecast.outlook import Course
from spanledger_server.forecast.projection import Projection
from spanledger_server.forecast.spend import Spend
from spanledger_server.statistics import ahead
from spanledger_server.statistics.periods import Period
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import Range
from spanledger_server.traces import filters
from spanledger_server.traces.filters import Conditions

router = APIRouter(tags=["statistics"])

PERIODS: Final = {"today": "daily", "week": "weekly", "month": "monthly"}  # and the budgets' names for them
MOST_PROJECTED: Final = 5  # categories that get a projection of their own
EXAMPLE: Final[dict[str, Any]] = {
    "from": "2026-11-01T00:00:00Z",
    "to": "2026-12-01T00:00:00Z",
    "period": "month",
    "group_by": "model",
    "timezone": "UTC",
    "currency": "USD",
    "spent": 300.87,
    "calls": 1003,
    "unpriced_calls": 0,
    "coverage": 1,
    "budget": {"id": "default", "name": "default", "limit_amount": 500},
    "status": "on_track",
    "projection": budget_bodies.EXAMPLES["status"]["projection"],
    "categories": [
        {"category": "gpt-5", "spent": 300.87, "estimated_total": 423.1, "p10": 413.3, "p50": 423.1, "p90": 433.7}
    ],
    "drivers": [
        {"category": "gpt-5", "spent": 300.87, "before": 143.1, "change": 157.77, "calls": 1003, "calls_before": 432}
    ],
    "compared_with": {"from": "2026-10-01T00:00:00Z", "to": "2026-10-21T21:00:00Z"},
}


@router.get("/api/v1/projections", responses={200: {"content": {"application/json": {"example": EXAMPLE}}}})
def projections(
    store: Store,
    now_ns: NowNs,
    default_zone: DefaultZone,
    histories: PastSpending,
    scope: CallersScope,
    period: Annotated[str | None, Query(description="today, week or month (default)")] = None,
    group_by: Annotated[
        str | None, Query(description="model (default), feature, user_tier, provider, user or service")
    ] = None,
    tz: Annotated[str | None, Query(description="IANA zone in which days begin; default: the server's")] = None,
    f: Annotated[
        list[str] | None, Query(description="key:value, repeated; a leading ! negates, an empty value is unset")
    ] = None,
) -> Response:
    """The end of a period as P10, P50 and P90, and what drives the change against the period before."""
    name = parameters.choice("period", period, tuple(PERIODS), "month")
    chosen = next(each for each in timegrid.PERIODS if each == name)
    dimension = parameters.choice("group_by", group_by, drivers.DIMENSIONS, "model")
    zone = timegrid.zone(default_zone if tz is None else tz)
    window, before = timegrid.period(chosen, now_ns, zone), timegrid.previous(chosen, now_ns, zone)
    conditions = within(filters.parse(f or [], filters.LEDGER), scope)
    with store.reader() as reader:
        changed = histories.changes(reader, now_ns)
        found = ahead.spent(reader, conditions, window, now_ns, changed)
        fitting = budget_for(reader, name, conditions)
        since_ns = None if fitting is None else spend.reached_ns(reader, conditions, window, found, fitting.limit_usd)
        goes = projection.project(found, window, now_ns, _limit(fitting), exhausted_ns=since_ns, changed=changed)
        compared = ahead.compared(reader, conditions, dimension, window, before, now_ns)
        largest = sorted((row for row in compared if row.calls), key=lambda row: -(row.spent or 0))[:MOST_PROJECTED]
        names = [row.category for row in largest]
        each = ahead.spent_by(reader, conditions, dimension, names, window, now_ns)
    categories = [_category(*one, window, now_ns) for one in zip(names, each, strict=True)]
    head = {"period": name, "group_by": dimension, "from_ns": window.from_ns, "to_ns": window.to_ns}
    stretch = {"from_ns": before.from_ns, "to_ns": drivers.end(window, before, now_ns)}
    return answers.answer(
        answers.bounded(head)
        | {"timezone": zone.key, "currency": "USD"}
        | _standing(found, goes, fitting)
        | {"projection": _with_newcomers(shown(goes), compared), "categories": categories}
        | {
            "drivers": [_driver(row) for row in compared[: drivers.MOST_SHOWN]],
            "compared_with": answers.bounded(stretch),
        }
    )


def _with_newcomers(told: dict[str, Any], compared: list[drivers.Compared]) -> dict[str, Any]:
    """`told`, with a note for each category that has no history: it is projected with the rest."""
    new = [row.category for row in compared[: drivers.MOST_SHOWN] if row.spent and not row.calls_before]
    if len(new) == sum(1 for row in compared if row.calls):
        return told  # all are: the history is too short, which is told already
    said = [
        f"{name or 'What has no name'} is new since the period before: its pace is not known apart." for name in new
    ]
    return told | {"notes": [*told["notes"], *said]}


def _standing(found: Spend, goes: Projection, fitting: Budget | None) -> dict[str, Any]:
    return {
        "spent": found.cost,
        "calls": found.calls,
        "unpriced_calls": found.unpriced_calls,
        "coverage": found.coverage,
        "budget": _named(fitting),
        "status": state_of(goes, found.cost, _limit(fitting), found.unpriced_calls),
    }


def _limit(fitting: Budget | None) -> Decimal | None:
    return None if fitting is None else fitting.limit_usd


def _named(fitting: Budget | None) -> dict[str, Any] | None:
    if fitting is None:
        return None
    return {"id": fitting.budget_id, "name": fitting.name, "limit_amount": fitting.limit_usd}


def of_costs(
    reader: Reader, histories: Histories, span: Period, conditions: Conditions, found: dict[str, Any]
) -> dict[str, Any]:
    """The `projection` of `GET /admin/statistics/costs`.

    Args:
        reader: The snapshot of the answer.
        histories: What was read lately.
        span: The period to date that is answered about.
        conditions: The answer's filters.
        found: The answer, with `total_cost`, `calls` and `unpriced_calls`.
    """
    now_ns, period = span.to_ns, next(each for each in timegrid.PERIODS if each == span.name)
    window = timegrid.period(period, now_ns, span.zone)
    history = histories.history(reader, conditions, now_ns)
    known = Spend(found["total_cost"], found["calls"], found["unpriced_calls"], (), history)
    fitting = budget_for(reader, period, conditions)
    limit = _limit(fitting)
    goes = projection.project(known, window, now_ns, limit, changed=histories.changes(reader, now_ns))
    told = shown(goes)
    return {
        "estimated_monthly": told["estimated_total"] if period == "month" else None,
        "budget_status": state_of(goes, found["total_cost"], limit, found["unpriced_calls"]),
        "days_until_budget_limit": told["days_until_limit"],
        "interval": None if told["p10"] is None else {name: told[name] for name in ("p10", "p50", "p90")},
        "budget": _named(fitting),
        **{name: value for name, value in told.items() if name not in ("p10", "p50", "p90", "days_until_limit")},
    }


def budget_for(reader: Reader, period: str, conditions: Conditions) -> Budget | None:
    """The tightest calendar budget of that period for exactly what is asked about."""
    asked = {name: values[0] for name, values in conditions.include.items() if len(values) == 1}
    if period not in PERIODS or conditions.asked() != asked.keys() or conditions.exclude:
        return None
    fitting = (
        budget
        for budget in record.listed(reader)
        if budget.watched and not budget.rolling and budget.period == PERIODS.get(period) and budget.scope == asked
    )
    return min(fitting, key=lambda budget: budget.limit_usd, default=None)


def state_of(goes: Projection, spent: Decimal | None, limit: Decimal | None, unpriced: int) -> str:
    """How spending stands against a limit, in one word."""
    if limit is None:
        return "no_budget"
    return budgets.state(spent, goes.outlook.total if goes.certain else None, limit, unpriced)


def shown(goes: Projection) -> dict[str, Any]:
    """A projection as answers have it."""
    end, tried = goes.outlook, goes.pace.backtest
    quantiles = end.quantiles or {}
    times = end.exhausted_ns
    return {
        "estimated_total": end.total,
        **{name: quantiles.get(name) for name in ("p10", "p50", "p90")},
        "probability_over_budget": None if end.over is None else round(end.over, 4),
        "exhausted_at": None if times is None else {name: answers.when(at_ns) for name, at_ns in times.items()},
        "days_until_limit": None if end.days_left is None else round(end.days_left, 2),
        "method": goes.pace.method,
        "history_hours": goes.pace.history_hours,
        "certain": goes.certain,
        "backtest": None
        if tried is None
        else {
            "origins": tried.origins,
            "hours": tried.hours,
            "error": None if tried.error is None else round(tried.error, 4),
            "coverage": round(tried.coverage, 4),
        },
        "course": _course(goes.course),
        "notes": list(goes.notes),
    }


def _course(found: Course | None) -> dict[str, Any] | None:
    """The way to the end, a list for each figure: a page draws it as it is."""
    return None if found is None else {"at": [answers.when(at_ns) for at_ns in found.at_ns], **found.quantiles}


def _category(name: str | None, found: Spend, window: Range, now_ns: int) -> dict[str, Any]:
    end = projection.project(found, window, now_ns, None).outlook
    quantiles = {name: (end.quantiles or {}).get(name) for name in ("p10", "p50", "p90")}
    return {"category": name, "spent": found.cost, "estimated_total": end.total, **quantiles}


def _driver(row: drivers.Compared) -> dict[str, Any]:
    return {
        "category": row.category,
        "spent": row.spent,
        "before": row.before,
        "change": row.change,
        "calls": row.calls,
        "calls_before": row.calls_before,
    }
