"""SQL over HTTP: run, described, and kept under names.

A token that is limited to services or tenants gets 403 from the gate: no view tells its rows apart.

Never: a statement that was not checked, or a change without its row in the audit trail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from spanledger_server.api import answers, results
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.auth import audit
from spanledger_server.auth.roles import Access
from spanledger_server.errors import Invalid
from spanledger_server.query import saved, schema
from spanledger_server.query.refusals import OutOfTime, Refused
from spanledger_server.query.run import Queries
from spanledger_server.query.sandbox import MOST_CHARACTERS
from spanledger_server.query.saved import Saved
from spanledger_server.query.statement import Limits, Result
from spanledger_server.settings import Settings
from spanledger_server.store.database import Database

DEFAULT_ROWS: Final = 1000
MOST_ROWS: Final = 100_000
MOST_DESCRIPTION: Final = 1000
MOST_PARAMS: Final = 100
TRUNCATED: Final = "Spanledger-Truncated"
SQL: Final = "SELECT model, sum(cost_usd) AS cost FROM ledger WHERE at >= $since GROUP BY model ORDER BY cost DESC"
SINCE: Final = {"since": "2026-11-01T00:00:00Z"}
ROWS: Final = {
    "columns": [{"name": "model", "type": "VARCHAR"}, {"name": "cost", "type": "DECIMAL(38,12)"}],
    "rows": [["gpt-5", 12.5], ["claude-sonnet-4-5", 3.25]],
    "truncated": False,
    "elapsed_ms": 3.1,
}
KEPT: Final = {
    "name": "cost-by-model",
    "sql": SQL,
    "params": SINCE,
    "description": "What each model cost.",
    "created_at": "2026-11-21T12:00:00Z",
    "updated_at": "2026-11-21T12:00:00Z",
    "updated_by": "admin",
}
SCHEMA: Final = {
    "views": [
        {
            "name": "ledger",
            "comment": "Each billable call and each explicit cost.",
            "columns": [{"name": "cost_usd", "type": "DECIMAL(24,12)", "comment": "USD; null when unpriced"}],
        }
    ],
    "functions": {"aggregates": ["avg", "count", "sum"]},
}
Route = TypeVar("Route", bound=Callable[..., Any])

Name = Annotated[str, Path(description="as it was kept")]
Format = Annotated[str | None, Query(description="json (default), csv or arrow; else what Accept asks for")]
Safe = Annotated[
    str | None, Query(description="true: in CSV, text that a spreadsheet takes for a formula gets an apostrophe")
]


class Run(BaseModel):
    """The body that runs a kept query."""

    model_config = ConfigDict(extra="forbid")
    params: dict[str, Any] = Field(
        default_factory=dict, max_length=MOST_PARAMS, description="a value for each $name of the statement"
    )
    limit: int = Field(DEFAULT_ROWS, ge=1, le=MOST_ROWS, description="how many rows are wanted")


class RunSql(Run):
    """The body that runs a statement."""

    sql: str = Field(max_length=MOST_CHARACTERS, description="one SELECT over the public views")


class Content(BaseModel):
    """What a kept query is."""

    model_config = ConfigDict(extra="forbid")
    sql: str = Field(max_length=MOST_CHARACTERS, description="one SELECT over the public views")
    params: dict[str, Any] = Field(
        default_factory=dict, max_length=MOST_PARAMS, description="values that hold where none is given"
    )
    description: str | None = Field(None, max_length=MOST_DESCRIPTION, description="what it is for")


class NewQuery(Content):
    """The body that keeps a query."""

    name: str = Field(description="lower-case letters, digits, _ and -")


def routers(
    database: Database, settings: Settings, stopping: Callable[[], bool]
) -> list[tuple[APIRouter, Access, Access | None]]:
    """All routes of queries; running is reading. Once `stopping`, what runs is interrupted."""
    limits = Limits(seconds=settings.query_timeout.total_seconds(), memory_bytes=settings.query_memory)
    queries = Queries(database, limits, stopping=stopping)
    running, keeping = APIRouter(tags=["queries"]), APIRouter(tags=["queries"])
    _running(running, queries)
    _listing(keeping)
    _changing(keeping, queries)
    return [(running, Access.READ, None), (keeping, Access.READ, Access.ADMINISTER)]


def _running(routes: APIRouter, queries: Queries) -> None:
    @routes.post("/api/v1/query", responses=_example(ROWS, "Rows"))
    @_telling
    def run(body: RunSql, request: Request, format: Format = None, safe: Safe = None) -> Response:  # noqa: A002
        """Run one SELECT over the public views, within limits of time, memory and rows."""
        wanted = _wanted(request, format, safe)
        return _sent(queries.run(_caller(request), body.sql, body.params, body.limit), *wanted)

    @routes.post("/api/v1/queries/{name}/run", responses=_example(ROWS, "Rows"))
    @_telling
    def run_kept(
        name: Name,
        body: Run,
        request: Request,
        store: Store,
        format: Format = None,  # noqa: A002
        safe: Safe = None,
    ) -> Response:
        """Run a kept query, with its own values for the parameters that are not given."""
        wanted = _wanted(request, format, safe)
        with store.reader() as reader:
            kept = saved.found(reader, saved.named(name))
        return _sent(queries.run(_caller(request), kept.sql, {**kept.params, **body.params}, body.limit), *wanted)

    @routes.get("/api/v1/query/schema", responses=_example(SCHEMA, "Views and functions"))
    def described(store: Store) -> Response:
        """The views with their columns, and the functions that queries may use."""
        with store.reader() as reader:
            return answers.answer(schema.described(reader))


def _listing(routes: APIRouter) -> None:
    @routes.get("/api/v1/queries", responses=_example({"items": [KEPT], "next_cursor": None}, "All"))
    def listed(store: Store) -> Response:
        """The queries that are kept, by name."""
        with store.reader() as reader:
            return answers.answer({"items": [_shown(each) for each in saved.listed(reader)], "next_cursor": None})

    @routes.get("/api/v1/queries/{name}", responses=_example(KEPT, "It"))
    def one(name: Name, store: Store) -> Response:
        """A query that is kept."""
        with store.reader() as reader:
            return answers.answer(_shown(saved.found(reader, saved.named(name))))


def _changing(routes: APIRouter, queries: Queries) -> None:
    @routes.post("/api/v1/queries", status_code=201, responses=_example(KEPT, "It", "201"))
    @_telling
    def keep(body: NewQuery, request: Request, store: Store, now_ns: NowNs) -> Response:
        """Keep a query under a name; it is checked as if it were run."""
        new = _made(saved.named(body.name), body, request, now_ns)
        queries.check(_caller(request), new.sql, new.params)
        with store.transaction() as tx:
            saved.add(tx, new)
            audit.record(tx, now_ns, new.updated_by, "query.saved", new.name, {"after": _content(new)})
        return answers.answer(_shown(new), 201)

    @routes.put("/api/v1/queries/{name}", responses=_example(KEPT, "It"))
    @_telling
    def change(name: Name, body: Content, request: Request, store: Store, now_ns: NowNs) -> Response:
        """Keep another statement under a name that there is."""
        new = _made(saved.named(name), body, request, now_ns)
        with store.reader() as reader:
            saved.found(reader, name)
        queries.check(_caller(request), new.sql, new.params)
        with store.transaction() as tx:
            old = saved.found(tx, name)
            new = replace(new, created_ns=old.created_ns)
            saved.change(tx, new)
            detail = {"before": _content(old), "after": _content(new)}
            audit.record(tx, now_ns, new.updated_by, "query.changed", name, detail)
        return answers.answer(_shown(new))

    @routes.delete("/api/v1/queries/{name}", status_code=204)
    def remove(name: Name, request: Request, store: Store, now_ns: NowNs) -> Response:
        """Forget a query."""
        with store.transaction() as tx:
            old = saved.found(tx, saved.named(name))
            saved.remove(tx, name)
            audit.record(tx, now_ns, _actor(request), "query.removed", name, {"before": _content(old)})
        return Response(status_code=204)


def _telling(route: Route) -> Route:
    """Let what a statement does wrong be told with the place in it."""

    @wraps(route)
    def telling(*args: Any, **more: Any) -> Response:
        try:
            answer: Response = route(*args, **more)
        except Refused as error:
            return answers.problem(400, str(error), excerpt=error.excerpt)
        except OutOfTime as error:
            return answers.problem(408, str(error))
        return answer

    return telling  # type: ignore[return-value]  # the same parameters, which FastAPI reads


def _wanted(request: Request, format_: str | None, safe: str | None) -> tuple[str, bool]:
    """In which form, and whether spreadsheets may open it.

    Raises:
        Invalid: One of the two is something else than it may be.
    """
    if safe not in (None, "true", "false"):
        raise Invalid("safe", safe, "true or false")
    if format_ is None:
        accepted = request.headers.get("accept", "")
        format_ = next((name for name, type_ in results.TYPES.items() if type_.partition(";")[0] in accepted), "json")
    if format_ not in results.TYPES:
        raise Invalid("format", format_, "json, csv or arrow")
    return format_, safe == "true"


def _sent(result: Result, format_: str, safe: bool) -> Response:
    rows = {
        "json": lambda: results.as_json(result),
        "csv": lambda: results.as_csv(result, safe=safe),
        "arrow": lambda: results.as_arrow(result),
    }[format_]()
    headers = {"Cache-Control": "no-store", TRUNCATED: str(result.truncated).lower()}
    return StreamingResponse(rows, headers=headers, media_type=results.TYPES[format_])


def _made(name: str, body: Content, request: Request, now_ns: int) -> Saved:
    return Saved(name, body.sql, body.params, body.description, now_ns, now_ns, _actor(request))


def _shown(kept: Saved) -> dict[str, Any]:
    return {
        "name": kept.name,
        **_content(kept),
        "created_at": answers.when(kept.created_ns),
        "updated_at": answers.when(kept.updated_ns),
        "updated_by": kept.updated_by,
    }


def _content(kept: Saved) -> dict[str, Any]:
    return {"sql": kept.sql, "params": dict(kept.params), "description": kept.description}


def _actor(request: Request) -> str:
    return request.state.caller.name or "nobody"


def _caller(request: Request) -> str:
    token = request.state.caller.token
    return "nobody" if token is None else str(token.token_id)


def _example(value: Any, meaning: str, status: str = "200") -> dict[int | str, dict[str, Any]]:
    return {status: {"description": meaning, "content": {"application/json": {"example": value}}}}
