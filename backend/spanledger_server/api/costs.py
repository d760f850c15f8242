"""What was spent, over HTTP.

Never: a figure that is not in the ledger.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from spanledger_server import timegrid
from spanledger_server.api import answers, parameters, projections
from spanledger_server.api.deps import DefaultZone, NowNs, PastSpending, Store
from spanledger_server.api.scoped import CallersScope, within
from spanledger_server.api.statistics_examples import of as example
from spanledger_server.statistics import costs as statistics
from spanledger_server.statistics import periods, slots
from spanledger_server.traces import filters

router = APIRouter(tags=["statistics"])


@router.get("/admin/statistics/costs", responses=example("costs"))
def costs(
    store: Store,
    now_ns: NowNs,
    default_zone: DefaultZone,
    histories: PastSpending,
    scope: CallersScope,
    period: Annotated[str | None, Query(description="today, week, month (default) or year: to date")] = None,
    group_by: Annotated[
        str | None, Query(description="model (default), feature, user_tier, provider, user or service")
    ] = None,
    tz: Annotated[str | None, Query(description="IANA zone in which days begin; default: the server's")] = None,
    f: Annotated[
        list[str] | None, Query(description="key:value, repeated; a leading ! negates, an empty value is unset")
    ] = None,
) -> Response:
    """Total, breakdown and trend of what was spent in a period to date, exact; unknown costs are null and counted."""
    span = periods.to_date(_period(period), now_ns, timegrid.zone(default_zone if tz is None else tz))
    dimension = parameters.choice("group_by", group_by, slots.DIMENSIONS, "model")
    conditions = within(filters.parse(f or [], filters.LEDGER), scope)
    with store.reader() as reader:
        found = statistics.costs(reader, span, dimension, conditions.bound(), conditions.asked())
        found["projection"] = projections.of_costs(reader, histories, span, conditions, found)
    return answers.answer(_dated(found))


def _period(text: str | None) -> timegrid.Period:
    chosen = parameters.choice("period", text, timegrid.PERIODS, "month")
    return next(period for period in timegrid.PERIODS if period == chosen)


def _dated(found: dict[str, Any]) -> dict[str, Any]:
    """`found` with its bounds as times."""
    head = {"period": found.pop("period"), "group_by": found.pop("group_by")}
    previous = found["previous"]
    found["previous"] = None if previous is None else answers.bounded(previous)
    return head | answers.bounded(found)
