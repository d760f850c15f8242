"""What an assistant may ask through MCP: tools that each ask the server once, the views as resources, and a prompt.

Given a client, gives an MCP server. Answers are the server's own: as text with every digit, and structured. What the
server refuses is a tool's error, in the server's words.

Long lists are cut to what can be read, and say so (`mcp_short`).

Never: a tool that changes something, or that may see more than its token.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import orjson
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from mcp_types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field

from spanledger.version import __version__
from spanledger_server.cli import mcp_short
from spanledger_server.cli.client import Answer, Client
from spanledger_server.errors import SpanledgerError

ABOUT: Final = (
    "Costs, traces and other telemetry of services that call LLMs, exact to the cent. Money is in US dollars. The "
    "ledger has every billable call, whether its trace was sampled or not: take money and counts of calls from costs, "
    "ledger and sql over the view `ledger`; traces and spans are samples. A cost of null is unknown, never zero, and "
    "`coverage` says how much is known: say so when it is below 1. Times are UTC. Begin with costs to find what "
    "changed, break it down by another group, then look at single calls in ledger and at trace. For everything else "
    "there is sql; describe_views names the views, columns and functions."
)
GUIDE: Final = """Find out why {day} was expensive, from the spanledger tools.

1. costs(period="week" or "month"): compare the day's entry in `trend` with its neighbours. Is it unusual at all?
2. sql: cost, calls and tokens by model, feature, service and user of that day and of the day before, e.g.
   SELECT model, feature, service, sum(cost_usd) AS cost, count(*) AS calls, sum(input_tokens) AS input,
          sum(output_tokens) AS output, count(*) FILTER (state = 'unpriced') AS unpriced
   FROM ledger WHERE at >= $from AND at < $to GROUP BY ALL ORDER BY cost DESC NULLS LAST
   with params {{"from": "2026-11-17T00:00:00Z", "to": "2026-11-18T00:00:00Z"}}
3. What grew: calls (more traffic, retries), tokens a call (longer prompts), or the price (another model)?
4. By hour, then the dearest calls: ledger(filters=["model:…", "cost>0.1"]), and trace(trace_id) of one or two.
5. Answer in a few sentences: how much more, what it was spent on, by whom, since when, and the calls that show it.
   Say what is unknown: unpriced calls, lost data (loss).
"""
READ_ONLY: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
Answered = Annotated[CallToolResult, dict[str, Any]]

From = Annotated[str | None, Field(description="begin: RFC 3339 such as 2026-11-17T00:00:00Z, or now-24h")]
To = Annotated[str | None, Field(description="end, not part of it: RFC 3339 or now (default)")]
Filters = Annotated[
    list[str] | None,
    Field(
        description=(
            "key:value, such as service:shop, model:gpt-5, user_id:42, feature:chat, status:error, state:unpriced, "
            "cost>0.01, duration>500ms; a leading ! negates; all must hold"
        )
    ),
]
Limit = Annotated[int, Field(ge=1, le=1000, description="most items")]
Cursor = Annotated[str | None, Field(description="next_cursor of the answer before, for the next page")]
Most = Annotated[int, Field(ge=1, le=1000, description="most entries of a list; left_off counts those beyond")]
Zone = Annotated[str | None, Field(description="IANA time zone in which days begin; else the server's")]


def server(client: Client) -> MCPServer:
    """An MCP server that asks through `client`."""
    made = MCPServer("spanledger", title="spanledger", version=__version__, instructions=ABOUT, log_level="WARNING")
    _money(made, client)
    _evidence(made, client)
    _sql(made, client)
    _reading(made, client)
    return made


def _money(made: MCPServer, client: Client) -> None:
    @made.tool(annotations=READ_ONLY)
    def costs(
        period: Literal["today", "week", "month", "year"] = "month",
        group_by: Literal["model", "feature", "user_tier", "provider", "user", "service"] = "model",
        filters: Filters = None,
        tz: Zone = None,
        most: Most = 30,
    ) -> Answered:
        """What was spent in a period to date: total, breakdown, trend by time, the period before, and coverage."""
        asked = {"period": period, "group_by": group_by, "f": filters, "tz": tz}
        return _told(lambda: mcp_short.short(client.get("/admin/statistics/costs", asked), mcp_short.costs, most))

    @made.tool(annotations=READ_ONLY)
    def budgets() -> Answered:
        """All budgets with what is spent, what remains, the state of each, and the projection to its end."""
        return _told(lambda: client.get("/api/v1/budgets", {"standing": "true"}))

    @made.tool(annotations=READ_ONLY)
    def projections(
        period: Literal["today", "week", "month"] = "month",
        group_by: Literal["model", "feature", "user_tier", "provider", "user", "service"] = "model",
        filters: Filters = None,
    ) -> Answered:
        """What the period will have cost at its end: P10, P50, P90, the method and what drives it."""
        asked = {"period": period, "group_by": group_by, "f": filters}
        return _told(lambda: client.get("/api/v1/projections", asked))

    @made.tool(annotations=READ_ONLY)
    def ledger(
        from_time: From = None, to_time: To = None, filters: Filters = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Answered:
        """Single billable calls, newest first: cost, price, tokens, model, user, feature, trace. Default: last hour."""
        asked = {"from": from_time, "to": to_time, "f": filters, "limit": limit, "cursor": cursor}
        return _told(lambda: client.get("/api/v1/ledger", asked))


def _evidence(made: MCPServer, client: Client) -> None:
    @made.tool(annotations=READ_ONLY)
    def traces(
        from_time: From = None,
        to_time: To = None,
        query: Annotated[str | None, Field(description="words that must occur, key:value, or a trace id")] = None,
        filters: Filters = None,
        sort: Annotated[str | None, Field(description="start, duration or cost; - before it descends")] = None,
        totals: Annotated[
            bool, Field(description="also count all that match: by time, status, service and model; takes longer")
        ] = False,
        limit: Annotated[int, Field(ge=0, le=1000, description="most items; 0 with totals: these alone")] = 20,
        cursor: Cursor = None,
    ) -> Answered:
        """Search traces that were kept (a sample): duration, errors, cost, services. Default: last hour, newest."""
        asked = {"from": from_time, "to": to_time, "q": query, "f": filters, "sort": sort, "limit": limit}
        how = {"cursor": cursor, "totals": str(totals).lower()}
        return _told(lambda: client.get("/api/v1/traces", {**asked, **how}))

    @made.tool(annotations=READ_ONLY)
    def trace(trace_id: Annotated[str, Field(description="32 hexadecimal digits")]) -> Answered:
        """One trace whole: its spans with attributes and events, and the ledger lines of its calls."""
        return _told(lambda: client.get(f"/api/v1/traces/{quote(trace_id, safe='')}"))

    @made.tool(annotations=READ_ONLY)
    def loss(most: Most = 30) -> Answered:
        """What senders sent and what is stored, by service and signal, with reasons for what is not."""
        return _told(lambda: mcp_short.short(client.get("/api/v1/loss"), mcp_short.loss, most))

    @made.tool(annotations=READ_ONLY)
    def status(most: Most = 30) -> Answered:
        """Whether the server is well, and which conditions are not as they should be."""
        return _told(lambda: mcp_short.short(client.get("/api/v1/status"), mcp_short.status, most))

    @made.tool(annotations=READ_ONLY)
    def slos(
        name: Annotated[str | None, Field(description="one objective's name or id; else all of them")] = None,
    ) -> Answered:
        """Objectives: state, what is achieved against the target, error budget left, how fast it burns."""
        path = "/api/v1/slos" if name is None else f"/api/v1/slos/{quote(name, safe='')}"
        return _told(lambda: client.get(path))

    @made.tool(annotations=READ_ONLY)
    def alerts(
        state: Annotated[Literal["firing", "resolved", "any"], Field(description="which ones")] = "firing",
        limit: Limit = 50,
    ) -> Answered:
        """Alerts, newest first."""
        return _told(lambda: client.get("/api/v1/alerts", {"state": state, "limit": limit}))


def _sql(made: MCPServer, client: Client) -> None:
    @made.tool(annotations=READ_ONLY)
    def sql(
        sql: Annotated[str, Field(description="one SELECT of DuckDB's SQL over the public views")],
        params: Annotated[
            dict[str, Any] | None, Field(description='values of $name, as {"name": value}; times as RFC 3339 text')
        ] = None,
        limit: Limit = 200,
    ) -> Answered:
        """Ask in SQL, read-only, for 10 seconds at most. Filter on at or at_ns; describe_views tells what there is."""
        body = {"sql": sql, "params": params or {}, "limit": limit}
        return _told(lambda: client.post("/api/v1/query", body))

    @made.tool(annotations=READ_ONLY)
    def describe_views(
        view: Annotated[str | None, Field(description="a view, for its columns; else all views and functions")] = None,
    ) -> Answered:
        """The views that sql may ask, and their columns with types and meaning."""
        return _told(lambda: _view(client, view))

    @made.tool(annotations=READ_ONLY)
    def saved_queries() -> Answered:
        """Queries that people keep under a name, with what they are for and their parameters."""
        return _told(lambda: client.get("/api/v1/queries"))

    @made.tool(annotations=READ_ONLY)
    def run_saved_query(
        name: Annotated[str, Field(description="as saved_queries lists it")],
        params: Annotated[dict[str, Any] | None, Field(description="values in place of its own")] = None,
        limit: Limit = 200,
    ) -> Answered:
        """Run a query that is kept under a name."""
        body = {"params": params or {}, "limit": limit}
        return _told(lambda: client.post(f"/api/v1/queries/{quote(name, safe='')}/run", body))


def _reading(made: MCPServer, client: Client) -> None:
    @made.resource("spanledger://views", mime_type="application/json", title="Views")
    def views() -> str:
        """The views that sql may ask, with all columns, and the functions."""
        return _read(lambda: client.get("/api/v1/query/schema")).text

    @made.resource("spanledger://views/{name}", mime_type="application/json", title="One view")
    def one_view(name: str) -> str:
        """One view and its columns."""
        return _read(lambda: _view(client, name)).text

    @made.prompt(title="Why was it expensive?")
    def why_expensive(day: Annotated[str, Field(description="a day, such as 2026-11-17, or yesterday")]) -> str:
        """Find out what a day's money was spent on, and why more than on others."""
        return GUIDE.format(day=day)


def _view(client: Client, name: str | None) -> Answer:
    """The schema, or one view of it; the list of views goes without columns."""
    found = orjson.loads(client.get("/api/v1/query/schema").text)
    views = {view["name"]: view for view in found["views"]}
    if name is None:
        listed = [{"name": view["name"], "comment": view["comment"]} for view in views.values()]
        data = {"views": listed, "functions": found["functions"]}
    elif name in views:
        data = views[name]
    else:
        raise SpanledgerError(f"there is no view {name!r}; there are {', '.join(views)}")
    return Answer(orjson.dumps(data).decode(), data)


def _told(ask: Callable[[], Answer]) -> CallToolResult:
    try:
        answer = ask()
    except SpanledgerError as error:
        raise ToolError(str(error)) from error
    structured = orjson.loads(answer.text)
    return CallToolResult(content=[TextContent(type="text", text=answer.text)], structured_content=structured)


def _read(ask: Callable[[], Answer]) -> Answer:
    try:
        return ask()
    except SpanledgerError as error:
        raise ResourceError(str(error)) from error
