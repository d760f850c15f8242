"""Budgets over HTTP: made, changed and put away by administrators, read by everybody, asked by those who spend.

Never: a change without its audit row, a budget of somebody else's services for a limited token, or a promise without
a limit to its time.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from spanledger_server.api import answers, budget_bodies, parameters, projections
from spanledger_server.api.budget_bodies import BudgetBody, ChangedBudget, Leases, Reserve, Settle
from spanledger_server.api.deps import DefaultZone, NowNs, PastSpending, Store
from spanledger_server.api.parameters import Cursor
from spanledger_server.api.scoped import CallersScope
from spanledger_server.auth.scope import Scope
from spanledger_server.budgets import budget as budgets
from spanledger_server.budgets import record, reserve, status
from spanledger_server.budgets.budget import Budget
from spanledger_server.budgets.reserve import Lease, Renewal
from spanledger_server.budgets.status import Standing
from spanledger_server.errors import NotFound
from spanledger_server.timegrid import Range

NS: Final = 10**9
Id = Annotated[str, Path(description="the budget's id; `default` is the one that every store begins with")]


def _example(name: str, status_code: int = 200) -> dict[int | str, dict[str, Any]]:
    return {status_code: {"content": {"application/json": {"example": budget_bodies.EXAMPLES[name]}}}}


@cache
def router() -> APIRouter:
    """Reading, for everybody; changing, for administrators."""
    routes = APIRouter(tags=["budgets"])
    _reading(routes)
    _about_one(routes)
    _changing(routes)
    return routes


@cache
def spenders() -> APIRouter:
    """What programs ask before they spend; for senders."""
    routes = APIRouter(tags=["budgets"])
    _reserving(routes)
    _settling(routes)
    _leasing(routes)
    return routes


def _reading(routes: APIRouter) -> None:
    @routes.get("/api/v1/budgets", responses=_example("list"))
    def listed(
        store: Store,
        now_ns: NowNs,
        default_zone: DefaultZone,
        histories: PastSpending,
        scope: CallersScope,
        archived: Annotated[bool, Query(description="also those that were put away")] = False,
        standing: Annotated[bool, Query(description="each with its `status`, as /api/v1/budgets/{id}/status")] = False,
        limit: Annotated[str | None, Query(description="1 to 1000, default 100")] = None,
        cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    ) -> Response:
        """All budgets by name, those that were put away last."""
        most, question = parameters.limit(limit), ("budgets", archived)
        place = parameters.cursor(cursor, question)
        with store.reader() as reader:
            known = [budget for budget in record.listed(reader, archived=archived) if _within(budget, scope)]
            behind = [each for each in known if place is None or _position(each) > place.position]
            found = behind[:most]
            items = [budget_bodies.shown(budget) for budget in found]
            if standing:
                changed = histories.changes(reader, now_ns)
                for item, budget in zip(items, found, strict=True):
                    item["status"] = _status(status.standing(reader, budget, now_ns, default_zone, changed))
        last = Cursor(Range(0, 1), _position(found[-1])) if len(behind) > most else None
        next_cursor = None if last is None else parameters.cursor_text(last, question)
        return answers.answer({"items": items, "next_cursor": next_cursor})

    @routes.get("/api/v1/budgets/{budget_id}", responses=_example("budget"))
    def one(budget_id: Id, store: Store, scope: CallersScope) -> Response:
        """A budget as it holds now, and which others count some of the same calls."""
        with store.reader() as reader:
            found = _seen(record.read(reader, budget_id), scope)
            return answers.answer(
                _with_overlaps(found, [each for each in record.listed(reader) if _within(each, scope)])
            )


def _about_one(routes: APIRouter) -> None:
    @routes.get("/api/v1/budgets/{budget_id}/history", responses=_example("history"))
    def history(budget_id: Id, store: Store, scope: CallersScope) -> Response:
        """Every version of a budget, newest first."""
        with store.reader() as reader:
            versions = record.versions(reader, budget_id)
        _seen(versions[0], scope)
        return answers.answer({"items": [budget_bodies.shown(version) for version in versions], "next_cursor": None})

    @routes.get("/api/v1/budgets/{budget_id}/status", responses=_example("status"))
    def standing_of(
        budget_id: Id,
        store: Store,
        now_ns: NowNs,
        default_zone: DefaultZone,
        histories: PastSpending,
        scope: CallersScope,
    ) -> Response:
        """What was spent of a budget, exactly; how much of it is priced; and where it goes, as a distribution."""
        with store.reader() as reader:
            budget = _seen(record.read(reader, budget_id), scope)
            found = status.standing(reader, budget, now_ns, default_zone, histories.changes(reader, now_ns))
        return answers.answer(_status(found))


def _changing(routes: APIRouter) -> None:
    @routes.post("/api/v1/budgets", status_code=201, responses=_example("budget", 201))
    def create(body: BudgetBody, store: Store, now_ns: NowNs, request: Request) -> Response:
        """A new budget. Budgets may overlap: a call counts for each that covers it."""
        with store.transaction() as tx:
            made = record.create(tx, body.values(), now_ns, _actor(request))
            return answers.answer(_with_overlaps(made, record.listed(tx)), 201)

    @routes.put("/api/v1/budgets/{budget_id}", responses=_example("budget"))
    def change(budget_id: Id, body: ChangedBudget, store: Store, now_ns: NowNs, request: Request) -> Response:
        """A new version in place of the one that holds; what is left out is as in a new budget."""
        with store.transaction() as tx:
            made = record.change(tx, budget_id, body.values(), now_ns, _actor(request), seen=body.version)
            return answers.answer(_with_overlaps(made, record.listed(tx)))

    @routes.delete("/api/v1/budgets/{budget_id}", status_code=204)
    def archive(budget_id: Id, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Put a budget away; its history stays."""
        with store.transaction() as tx:
            record.archive(tx, budget_id, now_ns, _actor(request))
        return Response(status_code=204)


def _reserving(routes: APIRouter) -> None:
    @routes.post("/api/v1/budgets/{budget_id}/reserve", responses=_example("reserve"))
    def ask(
        budget_id: Id, body: Reserve, store: Store, now_ns: NowNs, default_zone: DefaultZone, scope: CallersScope
    ) -> Response:
        """Ask to spend. What is granted counts until it is settled or `ttl_s` is over; what is not, has a reason."""
        with store.transaction() as tx:
            budget = _asked(record.read(tx, budget_id), scope)
            found = reserve.reserve(tx, budget, body.amount, int(body.ttl_s * NS), now_ns, default_zone)
        all_told = _within(budget, scope)
        return answers.answer(
            {
                "granted": found.granted,
                "reservation_id": found.reservation_id,
                "remaining": found.remaining if all_told else None,
                "expires_at": answers.when(found.expires_ns),
                "reason": found.reason
                if all_told or found.granted
                else f"the budget {budget.name!r} has not enough left",
            }
        )


def _settling(routes: APIRouter) -> None:
    @routes.post("/api/v1/budgets/{budget_id}/settle", responses=_example("settle"))
    def settle(budget_id: Id, body: Settle, store: Store, now_ns: NowNs, scope: CallersScope) -> Response:
        """Say what a reserved call came to, once. It counts until the ledger has its line, so that it counts once."""
        with store.transaction() as tx:
            _asked(record.read(tx, budget_id), scope)
            found = reserve.settle(tx, budget_id, body.reservation_id, body.amount, now_ns, body.call())
        return answers.answer(
            {"settled": True, "reservation_id": found.reservation_id, "amount": found.amount, "first": found.first}
        )


def _leasing(routes: APIRouter) -> None:
    @routes.post("/api/v1/budgets/leases", responses=_example("leases"))
    def lease(body: Leases, store: Store, now_ns: NowNs, default_zone: DefaultZone, scope: CallersScope) -> Response:
        """What a process may spend by itself until it asks again, and which budgets there are; the SDK asks this."""
        with store.reader() as reader:
            known = [budget for budget in record.listed(reader) if budget.watched and _fits(budget, scope)]
        ids = {budget.budget_id for budget in known}
        asked = [Renewal(each.budget_id, each.used, each.want) for each in body.leases if each.budget_id in ids]
        leases = reserve.renew(store, body.holder, asked, int(body.ttl_s * NS), now_ns, default_zone) if asked else []
        return answers.answer(
            {
                "budgets": [{"id": budget.budget_id, "name": budget.name, "scope": budget.scope} for budget in known],
                "leases": [
                    {"budget_id": each.budget.budget_id, "granted": each.granted, "remaining": _told(each, scope)}
                    for each in leases
                ],
                "expires_at": answers.when(now_ns + int(body.ttl_s * NS)),
            }
        )


def _position(budget: Budget) -> tuple[bool, str, str]:
    """Its place in the list."""
    return (budget.archived_ns is not None, budget.name, budget.budget_id)


def _actor(request: Request) -> str:
    return str(request.state.caller.name or "nobody")


def _fits(budget: Budget, scope: Scope) -> bool:
    """Whether calls within a token's scope can count for the budget."""
    pairs = ((budget.service, scope.services), (budget.tenant, scope.tenants))
    return all(mine is None or allowed is None or mine in allowed for mine, allowed in pairs)


def _within(budget: Budget, scope: Scope) -> bool:
    """Whether only calls within a token's scope count for the budget, so that its figures are no others'."""
    pairs = ((budget.service, scope.services), (budget.tenant, scope.tenants))
    return all(allowed is None or mine in allowed for mine, allowed in pairs)


def _told(lease: Lease, scope: Scope) -> Decimal:
    """What is free beside a lease; to whom it does not concern, no more than what the lease itself tells."""
    return lease.remaining if _within(lease.budget, scope) else min(lease.remaining, lease.granted)


def _seen(budget: Budget, scope: Scope) -> Budget:
    if not _within(budget, scope):
        raise NotFound(f"there is no budget {budget.budget_id!r} within reach of this token")
    return budget


def _asked(budget: Budget, scope: Scope) -> Budget:
    if not _fits(budget, scope):
        raise NotFound(f"there is no budget {budget.budget_id!r} within reach of this token")
    return budget


def _with_overlaps(budget: Budget, others: list[Budget]) -> dict[str, Any]:
    overlapping = [
        {"id": other.budget_id, "name": other.name}
        for other in others
        if other.budget_id != budget.budget_id and other.overlaps(budget)
    ]
    return {**budget_bodies.shown(budget), "overlaps": overlapping}


def _status(found: Standing) -> dict[str, Any]:
    budget, limit = found.budget, found.limit
    return {
        "id": budget.budget_id,
        "name": budget.name,
        "period": budget.period,
        "from": answers.when(found.window.from_ns),
        "to": answers.when(found.window.to_ns),
        "currency": "USD",
        "spent": found.found.cost,
        "limit_amount": limit,
        "carried_over": found.carried,
        "reserved": found.held,
        "remaining": found.remaining,
        "percentage": budgets.percentage(found.found.cost, limit),
        "status": found.state,
        "sentence": _sentence(found),
        "calls": found.found.calls,
        "unpriced_calls": found.found.unpriced_calls,
        "coverage": found.found.coverage,
        "thresholds": [
            {"percent": each.percent, "kind": each.kind, "enabled": each.watched, "reached": each.reached}
            for each in found.thresholds
        ],
        "so_far": {
            "at": [answers.when(at_ns) for at_ns, _ in found.so_far],
            "spent": [amount for _, amount in found.so_far],
        },
        "projection": None if found.projection is None else projections.shown(found.projection),
    }


def _sentence(found: Standing) -> str:
    """How it stands, in words."""
    used, goes = budgets.percentage(found.found.cost, found.limit), found.projection
    if found.state == "no_budget" or goes is None:
        return "Not watched."
    if used is not None and used >= 100:
        return "Used up." if used == 100 else f"Exceeded by {_whole(used - 100)} %."
    ahead = budgets.percentage(goes.outlook.total, found.limit) if goes.certain and goes.pace.spread else None
    if ahead is not None and ahead > 100:
        said = f"On pace to exceed by {_whole(ahead - 100)} %."
    elif used is None:
        said = "Nothing is known of what was spent."
    else:
        said = f"{_whole(used).capitalize()} % used" + ("." if ahead is None else f", on pace for {_whole(ahead)} %.")
    unpriced = found.found.unpriced_calls
    return f"{said} {unpriced} call{' has' if unpriced == 1 else 's have'} no known price." if unpriced else said


def _whole(percent: Decimal) -> str:
    return "less than 1" if 0 < percent < 1 else f"{percent:,.0f}"
