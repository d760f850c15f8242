"""Pricing lines of the ledger anew, over HTTP: dry runs, runs that correct, how far they are, what they changed.

Never: a correction without its run, or the history of a line out of reach.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from spanledger_server.api import answers, parameters
from spanledger_server.api import price_examples as examples
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.auth import audit
from spanledger_server.errors import Invalid
from spanledger_server.prices import runs
from spanledger_server.prices.reprice import Repricer
from spanledger_server.prices.runs import Run
from spanledger_server.timegrid import Range

PATIENCE_S: Final = 5.0  # how long an answer waits for the run's end
MOST_MODELS: Final = 200  # in one answer
RunId = Annotated[str, Path(description="a run's id")]


class Asked(BaseModel):
    """The body that asks for a run."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    from_: str = Field(alias="from", description="RFC 3339 or now-30d: the first moment of the lines")
    to: str = Field("now", description="RFC 3339 or now: the moment after the last")
    filters: list[str] = Field(default_factory=list, max_length=50, description="as `f` of /api/v1/ledger")
    apply: bool = Field(False, description="correct the lines; else only tell what would differ")
    prices: str | None = Field(None, description="a dry run's `prices`: 409 where the price book is another one by now")


def router(repricer: Repricer) -> APIRouter:
    """All routes of runs and corrections."""
    routes = APIRouter(tags=["prices"])
    _runs(routes, repricer)
    _corrections(routes)
    return routes


def _runs(routes: APIRouter, repricer: Repricer) -> None:
    @routes.post("/api/v1/reprice", responses=examples.of(examples.RUN))
    def begin(body: Asked, now_ns: NowNs, request: Request) -> Response:
        """Price lines anew, without `apply` only to see what would differ. 202: it goes on; ask for the run."""
        bounds = _bounds(body, now_ns)
        by = str(request.state.caller.name or "nobody")
        run = repricer.begin(bounds, body.filters, applies=body.apply, by=by, now_ns=now_ns, prices=body.prices)
        found = repricer.wait(run.run_id, PATIENCE_S)
        return answers.answer(shown(found), 202 if found.state == "running" else 200)

    @routes.get("/api/v1/reprice", responses=examples.page(examples.RUN))
    def listed(
        store: Store,
        limit: Annotated[str | None, Query(description="1 to 1000, default 100")] = None,
        cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    ) -> Response:
        """Runs, the newest first."""
        most, place = parameters.limit(limit), parameters.cursor(cursor, ("reprice",))
        behind = None if place is None else (int(place.position[0]), str(place.position[1]))
        with store.reader() as reader:
            found = runs.page(reader, behind, most + 1)
        following = None
        if len(found) > most:
            last = found[most - 1]
            position = parameters.Cursor(Range(0, 1), (last.started_ns, last.run_id))
            following = parameters.cursor_text(position, ("reprice",))
        items = [shown(run) for run in found[:most]]
        return answers.answer({"items": items, "next_cursor": following})

    @routes.get("/api/v1/reprice/{run_id}", responses=examples.of(examples.RUN))
    def one(run_id: RunId) -> Response:
        """A run: how far it is, and what changed so far."""
        return answers.answer(shown(repricer.get(run_id)))

    @routes.delete("/api/v1/reprice/{run_id}", responses=examples.of(examples.RUN))
    def cancel(run_id: RunId, store: Store, now_ns: NowNs, request: Request) -> Response:
        """End a run early; lines that it corrected stay corrected."""
        repricer.get(run_id)
        found = repricer.cancel(run_id)
        with store.transaction() as tx:
            by = str(request.state.caller.name or "nobody")
            audit.record(tx, now_ns, by, "reprice.cancel", run_id, {"done": found.done, "lines": found.lines})
        return answers.answer(shown(found))


def _bounds(body: Asked, now_ns: int) -> tuple[int, int]:
    """The window of the lines, once everything that a body may say was looked at."""
    from_ns, to_ns = (parameters.instant(name, text, now_ns) for name, text in (("from", body.from_), ("to", body.to)))
    if from_ns >= to_ns:
        raise Invalid("from", body.from_, "a time before `to`")
    for text in body.filters:
        if not text.isprintable():
            raise Invalid("filters", text.encode("utf-8", "replace").decode(), "printable characters")
    return from_ns, to_ns


def _corrections(routes: APIRouter) -> None:
    @routes.get("/api/v1/reprice/{run_id}/corrections", responses=examples.page(examples.CORRECTION))
    def of_run(
        run_id: RunId,
        store: Store,
        limit: Annotated[str | None, Query(description="1 to 1000, default 100")] = None,
        cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    ) -> Response:
        """The correction lines of a run: what each call cost before, and after."""
        return _page(store, limit, cursor, run_id, None)

    @routes.get("/api/v1/ledger/corrections", responses=examples.page(examples.CORRECTION))
    def of_call(
        store: Store,
        trace_id: Annotated[str, Query(description="32 hexadecimal digits")],
        span_id: Annotated[str | None, Query(description="16 hexadecimal digits: only this call's")] = None,
        limit: Annotated[str | None, Query(description="1 to 1000, default 100")] = None,
        cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    ) -> Response:
        """What the lines of a trace said before, the newest correction first."""
        span = None if span_id is None else int(_hex("span_id", span_id, 16), 16)
        return _page(store, limit, cursor, None, (_hex("trace_id", trace_id, 32), span))


def _page(
    store: Store, limit: str | None, cursor: str | None, run_id: str | None, call: tuple[str, int | None] | None
) -> Response:
    most = parameters.limit(limit)
    question = ("corrections", run_id or "", *(map(str, call) if call else ()))
    place = parameters.cursor(cursor, question)
    behind = None if place is None else (int(place.position[0]), int(place.position[1]))
    with store.reader() as reader:
        if run_id is not None:
            runs.one(reader, run_id)
        rows = runs.corrections(reader, behind, most + 1, run_id=run_id, call=call)
    following = None
    if len(rows) > most:
        last = rows[most - 1]
        position = parameters.Cursor(Range(0, 1), (last["corrected_ns"], last["place"]))
        following = parameters.cursor_text(position, question)
    items = [_correction(row) for row in rows[:most]]
    return answers.answer({"items": items, "next_cursor": following})


def _hex(parameter: str, text: str, digits: int) -> str:
    lowered = text.lower()
    if len(lowered) != digits or not all(each in "0123456789abcdef" for each in lowered):
        raise Invalid(parameter, text, f"{digits} hexadecimal digits")
    return lowered


def shown(run: Run) -> dict[str, Any]:
    """A run as answers show it; the models that changed most first."""
    whole = run.totals.together()
    models = run.totals.listed()
    return {
        "run": run.run_id,
        "state": run.state,
        "reason": run.reason,
        "apply": run.applies,
        "from": answers.when(run.from_ns),
        "to": answers.when(run.to_ns),
        "filters": run.filters,
        "prices": run.prices,
        "started_at": answers.when(run.started_ns),
        "started_by": run.started_by,
        "ended_at": answers.when(run.ended_ns),
        "lines": max(run.lines, run.done),
        "done": run.done,
        "done_until": answers.when(run.position_ns),
        **_sums(whole),
        "models": [
            {"provider": row["provider"], "model": row["model"], "lines": row["lines"], **_sums(row)}
            for row in models[:MOST_MODELS]
        ],
        "more_models": max(0, len(models) - MOST_MODELS),
    }


def _sums(row: dict[str, Any]) -> dict[str, Any]:
    before, after = row["was_cost_usd"], row["cost_usd"]
    counts = {name: row[name] for name in ("changed", "newly_priced", "newly_unpriced", "unpriced")}
    difference = None if before is None and after is None else (after or Decimal(0)) - (before or Decimal(0))
    return counts | {"old_total": before, "new_total": after, "difference": difference}


def _correction(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "run": row["run_id"],
        "corrected_at": answers.when(row["corrected_ns"]),
        "trace_id": row["trace_id"].hex,
        "span_id": answers.span_hex(row["span_id"]),
        "at": answers.when(row["at_ns"]),
        "line_source": row["source"],
        "service": row["service"],
        "provider": row["provider"],
        "model": row["model"],
        "before": _side(
            row, "was_state", "was_reason", "was_cost_usd", "was_price_source", "was_price_version", "was_rate"
        ),
        "after": _side(row, "state", "state_reason", "cost_usd", "price_source", "price_version", "rate"),
    }


def _side(
    row: dict[str, Any], state: str, reason: str, cost: str, source: str, version: str, rate: str
) -> dict[str, Any]:
    return {
        "state": row[state],
        "state_reason": row[reason],
        "cost_usd": row[cost],
        "price_source": row[source],
        "price_version": row[version],
        "rate": None if row[rate] is None else json.loads(row[rate]),
    }
