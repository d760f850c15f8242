"""Sampling over HTTP: what is kept and what it stands for, whether that agrees with the ledger, and what to keep.

`/sampling` answers senders as Jaeger's remote sampling does; `/api/v1/sampling` answers people.

Never: a figure for spans that do not say how they were sampled, or a rate that senders did not ask for.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from spanledger_server.api import answers, parameters
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.api.scoped import CallersScope
from spanledger_server.auth import audit
from spanledger_server.errors import Forbidden, Malformed
from spanledger_server.estimates import Estimate
from spanledger_server.sampling import budget
from spanledger_server.sampling.loop import ClosedLoop, State
from spanledger_server.statistics import weighed
from spanledger_server.statistics.self_check import Check, Compared, SelfCheck
from spanledger_server.statistics.weighed import MINUTE_NS, Requests
from spanledger_server.store.database import Transaction
from spanledger_server.timegrid import Range

MOST_OPERATIONS: Final = 20  # of each service, unless one service is asked for
MOST_OF_ONE: Final = 1000
SECOND_NS: Final = 10**9
QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class NewBudget(BaseModel):
    """The body that sets a budget."""

    model_config = ConfigDict(extra="forbid")
    budget_spans_per_second: float | None = Field(
        gt=0, le=1e9, allow_inf_nan=False, description="for all services together; null keeps everything"
    )


def strategies(loop: ClosedLoop) -> APIRouter:
    """The route that senders poll."""
    routes = APIRouter(tags=["telemetry"])

    @routes.get("/sampling")
    def strategy(
        scope: CallersScope, service: Annotated[list[str] | None, Query(description="exactly once")] = None
    ) -> Response:
        """What a service should keep, in the form of Jaeger's remote sampling; ask again in a minute."""
        if service is None or len(service) != 1 or not service[0]:
            raise Malformed("'service' parameter must be provided once")
        if scope.services is not None and service[0] not in scope.services:
            raise Forbidden(f"this token sends only for {scope.told()}")
        found = loop.strategy(service[0])
        each = [
            {"operation": operation, "probabilisticSampling": {"samplingRate": probability}}
            for operation, probability in sorted(found.operations.items())
        ]
        return answers.answer(
            {
                "strategyType": "PROBABILISTIC",
                "probabilisticSampling": {"samplingRate": found.default},
                "operationSampling": {
                    "defaultSamplingProbability": found.default,
                    "defaultLowerBoundTracesPerSecond": 0,
                    "defaultUpperBoundTracesPerSecond": 0,
                    "perOperationStrategies": each,
                },
            }
        )

    return routes


def router(loop: ClosedLoop, self_check: SelfCheck) -> APIRouter:
    """What people ask."""
    routes = APIRouter(tags=["sampling"])

    @routes.get("/api/v1/sampling")
    def sampling(
        store: Store,
        now_ns: NowNs,
        service: Annotated[str | None, Query(description="only this service, with all its operations")] = None,
        from_: Annotated[str | None, Query(alias="from", description="RFC 3339 or now-15m; default now-1h")] = None,
        to: Annotated[str | None, Query(description="RFC 3339 or now (default)")] = None,
    ) -> Response:
        """What is kept, what it stands for, what was dropped, and whether it agrees with the ledger."""
        asked = parameters.window(from_, to, now_ns)
        window = Range(asked.from_ns // MINUTE_NS * MINUTE_NS, -(-asked.to_ns // MINUTE_NS) * MINUTE_NS)
        with store.reader() as reader:
            found = weighed.requests(reader, window.from_ns, window.to_ns, service)
        seconds = max(1.0, (min(window.to_ns, max(now_ns, asked.to_ns)) - window.from_ns) / SECOND_NS)
        checks = {check.service: check for check in self_check.checks if service in (None, check.service)}
        body = {
            "from": answers.when(window.from_ns),
            "to": answers.when(window.to_ns),
            "budget": _budget(loop.state),
            "services": _services(
                found, checks, loop.state, seconds, MOST_OPERATIONS if service is None else MOST_OF_ONE
            ),
            "checked": {"from": answers.when(self_check.from_ns), "to": answers.when(self_check.to_ns)},
            "conditions": self_check.conditions(),
        }
        return answers.answer(body)

    return routes


def budget_router(loop: ClosedLoop) -> APIRouter:
    """The budget, for who may set it."""
    routes = APIRouter(tags=["sampling"])

    @routes.put("/api/v1/sampling")
    def set_budget(body: NewBudget, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Set the budget, in place of the setting's; senders follow within a minute or two."""
        spans_per_s = body.budget_spans_per_second
        with store.transaction() as tx:
            budget.put(tx, spans_per_s, now_ns)
            _note(tx, request, now_ns, "sampling.budget.set", {"spans_per_second": spans_per_s})
        loop.rebudget(now_ns)
        return answers.answer({"budget": _budget(loop.state)})

    @routes.delete("/api/v1/sampling")
    def reset_budget(store: Store, now_ns: NowNs, request: Request) -> Response:
        """Let the setting's budget hold again."""
        with store.transaction() as tx:
            budget.reset(tx)
            _note(tx, request, now_ns, "sampling.budget.reset", {})
        loop.rebudget(now_ns)
        return answers.answer({"budget": _budget(loop.state)})

    return routes


def _note(tx: Transaction, request: Request, now_ns: int, action: str, detail: dict[str, Any]) -> None:
    audit.record(tx, now_ns, request.state.caller.name or "nobody", action, None, detail)


def _budget(state: State) -> dict[str, Any]:
    seen = state.seen
    return {
        "spans_per_second": state.budget.spans_per_second,
        "source": state.budget.source,
        "stored_spans_per_second": None if seen is None else seen.spans_per_s,
        "uncounted_share": None if seen is None else seen.uncounted_share,
        "pressure": state.pressure,
        "correction": state.correction,
        "default_probability": state.default,
    }


def _services(
    found: dict[tuple[str, str], Requests], checks: dict[str, Check], state: State, seconds: float, most: int
) -> list[dict[str, Any]]:
    operations: dict[str, dict[str, Requests]] = {}
    for (service, operation), requests in found.items():
        operations.setdefault(service, {})[operation] = requests
    stored = state.seen.spans_per_s if state.seen else 0.0
    listed = []
    for service in sorted(operations.keys() | checks.keys()):
        mine = operations.get(service, {})
        ranked = sorted(mine.items(), key=lambda item: (-item[1].weight - item[1].uncounted, item[0]))
        each = [
            {"operation": operation, **_figures(requests, seconds), **_told(state, service, operation, stored)}
            for operation, requests in ranked[:most]
        ]
        figures = _figures(weighed.together(mine.values()), seconds)
        check = _check(checks[service]) if service in checks else None
        folded = len(ranked) - len(each)
        listed.append({"service": service, **figures, "check": check, "operations": each, "folded": folded})
    return listed


def _told(state: State, service: str, operation: str, stored_per_s: float) -> dict[str, Any]:
    """What senders are told of an operation, and its share of what is stored."""
    arrivals = state.seen.operations.get((service, operation)) if state.seen else None
    if arrivals is None or state.seen is None:
        return {"probability": None, "traces_per_second": None, "share": None}
    spans_per_s = state.seen.kept_per_s[service, operation] * arrivals.spans_per_trace
    return {
        "probability": state.probabilities.get((service, operation), state.default),
        "traces_per_second": arrivals.traces_per_s,
        "share": spans_per_s / stored_per_s if stored_per_s else None,
    }


def _figures(requests: Requests, seconds: float) -> dict[str, Any]:
    counted = requests.counted > 0
    return {
        "kept": requests.spans,
        "uncounted": requests.uncounted,
        "uncounted_share": requests.uncounted_share,
        "requests": _estimate(requests.total),
        "error_ratio": _estimate(requests.failed),
        "duration_ms": {name: _milliseconds(requests.duration_ns(q)) for name, q in QUANTILES.items()},
        "dropped": requests.dropped if counted else None,
        "dropped_per_second": requests.dropped / seconds if counted else None,
    }


def _estimate(found: Estimate | None) -> dict[str, float] | None:
    return None if found is None else answers.estimate(found)


def _milliseconds(found: Estimate | None) -> dict[str, float] | None:
    if found is None:
        return None
    return answers.estimate(Estimate(found.value / 1e6, found.low / 1e6, found.high / 1e6))


def _check(check: Check) -> dict[str, Any]:
    return {
        "state": check.state,
        "reason": check.reason,
        "calls": _compared(check.calls),
        "cost_usd": _compared(check.cost),
    }


def _compared(found: Compared | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "ledger": found.known,
        "estimated": answers.estimate(found.estimated),
        "ratio": _estimate(found.ratio),
    }
