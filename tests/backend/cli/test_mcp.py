"""`spanledger mcp` as an assistant's program uses it: the official client, over stdio, against a real server."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import anyio
import pytest
import simplejson
from click.testing import CliRunner
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult, TextContent

from spanledger_server.cli import client, mcp_short, mcp_tools
from spanledger_server.cli.main import main
from tests.contract.test_server_slos import SLO
from tests.support.inside import Inside
from tests.support.server import environment
from tests.support.telemetry import ledger_event, ledger_request, span, span_request

Question = Callable[[Client], Awaitable[Any]]


def asked(server: Inside, question: Question, token: str | None = None) -> Any:
    """What `question` finds out through tools that ask `server`."""
    asking = client.Client(server.url, server.token_for("viewer") if token is None else token)
    return anyio.run(_answered, Client(mcp_tools.server(asking)), question)


def asked_over_stdio(server: Inside, question: Question) -> Any:
    """The same, through a `spanledger mcp` of its own."""
    variables = environment(SPANLEDGER_URL=server.url, SPANLEDGER_TOKEN=server.token_for("viewer"))
    program = StdioServerParameters(
        command=sys.executable, args=["-m", "spanledger_server", "mcp"], env=variables, cwd=server.directory
    )
    return anyio.run(_answered, Client(program), question)


async def _answered(assistant: Client, question: Question) -> Any:
    with anyio.fail_after(90):
        async with assistant:
            return await question(assistant)


def text(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def exact(result: CallToolResult) -> Any:
    assert not result.is_error, text(result)
    return simplejson.loads(text(result), use_decimal=True)


def test_every_tool_only_reads_and_says_what_it_does(shared_server: Inside):
    tools = asked(shared_server, lambda assistant: assistant.list_tools()).tools
    assert {tool.name for tool in tools} == {
        "alerts",
        "budgets",
        "costs",
        "describe_views",
        "ledger",
        "loss",
        "projections",
        "run_saved_query",
        "saved_queries",
        "slos",
        "sql",
        "status",
        "trace",
        "traces",
    }
    for tool in tools:
        assert len(tool.description or "") > 15
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        assert tool.output_schema is not None
        for name, each in tool.input_schema["properties"].items():
            assert each.get("description") or each.get("enum"), f"{tool.name} {name}"


def test_why_a_day_was_expensive_can_be_found_out(server: Inside):
    dear = span("answer")
    assert server.send("traces", span_request(dear)).status_code == 200
    usage = {"gen_ai.usage.output_tokens": 1, "gen_ai.usage.input_tokens": 1_000_000, "user.id": "u7"}
    events = [ledger_event(cost="0.001") for _ in range(5)]
    events.append(ledger_event(cost=None, model="gpt-5-pro", trace_id=dear.trace_id, span_id=dear.span_id, **usage))
    assert server.send("logs", ledger_request(*events)).status_code == 200

    async def walk(assistant: Client) -> None:
        costs = await assistant.call_tool("costs", {"period": "today", "group_by": "model"})
        first = exact(costs)["breakdown"][0]
        assert first["category"] == "gpt-5-pro"
        assert costs.structured_content["breakdown"][0]["category"] == "gpt-5-pro"
        rows = exact(
            await assistant.call_tool(
                "sql",
                {
                    "sql": "SELECT user_id, sum(cost_usd) AS cost, max(input_tokens) AS longest FROM ledger "
                    "WHERE model = $model GROUP BY ALL",
                    "params": {"model": "gpt-5-pro"},
                },
            )
        )["rows"]
        assert rows == [["u7", first["cost"], 1_000_000]]
        (line,) = exact(await assistant.call_tool("ledger", {"filters": ["cost>1"]}))["items"]
        assert line["user_id"] == "u7"
        whole = exact(await assistant.call_tool("trace", {"trace_id": line["trace_id"]}))
        assert [each["name"] for each in whole["spans"]] == ["answer"]
        assert exact(await assistant.call_tool("traces", {"query": "answer"}))["items"]
        for name in ("status", "loss", "alerts", "budgets", "projections", "saved_queries"):
            exact(await assistant.call_tool(name, {}))

    asked_over_stdio(server, walk)


def test_answers_are_as_long_as_an_assistant_can_read(server: Inside):
    events = [ledger_event(cost=f"0.{number:03}", **{"user.id": f"user-{number:03}"}) for number in range(1, 61)]
    assert server.send("logs", ledger_request(*events)).status_code == 200

    async def walk(assistant: Client) -> None:
        found = exact(await assistant.call_tool("costs", {"period": "today", "group_by": "user"}))
        assert [each["category"] for each in found["breakdown"]] == [f"user-{60 - place:03}" for place in range(30)]
        assert found["left_off"] == {"breakdown": 30}
        assert found["total_cost"] == sum(Decimal(f"0.{number:03}") for number in range(1, 61))
        asked = {"period": "today", "group_by": "user", "most": 100}
        whole = exact(await assistant.call_tool("costs", asked))
        assert (len(whole["breakdown"]), whole.get("left_off")) == (60, None)

    asked_over_stdio(server, walk)


def test_what_matters_most_is_not_left_off():
    quiet = [{"service": f"s{number}", "state": "ok", "calls": number, "refused": 0} for number in range(50)]
    ill = {"service": "ill", "state": "down", "calls": 0, "refused": 3}
    for cut in (mcp_short.loss, mcp_short.status):
        data: dict[str, Any] = {"services": [*quiet, ill]}
        told = mcp_short.short(client.Answer(simplejson.dumps(data), data), cut, 5)
        assert (told.data["services"][0]["service"], told.data["left_off"]) == ("ill", {"services": 46})
    days = [{"date": f"{day}", "cost": 1, "by": {"a": 1}} for day in range(40)]
    data = {"breakdown": [], "trend": days}
    told = mcp_short.short(client.Answer(simplejson.dumps(data), data), mcp_short.costs, 5)
    assert told.data["trend"][0] == {"date": "0", "cost": 1}
    assert told.data["left_off"] == {"trend.by": 40}


def test_the_views_can_be_read_and_the_prompt_asked_for(shared_server: Inside):
    async def read(assistant: Client) -> None:
        (views,) = (await assistant.read_resource("spanledger://views")).contents
        assert "cost_usd" in views.text
        (one,) = (await assistant.read_resource("spanledger://views/ledger")).contents
        assert simplejson.loads(one.text)["name"] == "ledger"
        listed = exact(await assistant.call_tool("describe_views", {}))
        assert {"ledger", "spans"} <= {view["name"] for view in listed["views"]}
        assert exact(await assistant.call_tool("describe_views", {"view": "ledger"}))["columns"]
        prompt = await assistant.get_prompt("why_expensive", {"day": "2026-11-17"})
        assert "2026-11-17" in prompt.messages[0].content.text

    asked(shared_server, read)


def test_objectives_are_asked_for_all_at_once_and_one_by_its_name(server: Inside):
    with server.client() as admin:
        made = admin.post("/api/v1/slos", json=SLO)
        assert made.status_code == 201, made.text
    found = asked(server, lambda assistant: assistant.call_tool("slos", {})).structured_content
    assert [each["name"] for each in found["slos"]] == [SLO["metadata"]["name"]]
    one = found["slos"][0]
    for called in (one["name"], one["id"]):
        alone = asked(server, lambda assistant, called=called: assistant.call_tool("slos", {"name": called}))
        assert alone.structured_content["state"] == one["state"]
    assert asked(server, lambda assistant: assistant.call_tool("slos", {"name": "no/such"})).is_error


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("sql", {"sql": "delete from ledger"}, "only one SELECT"),
        ("sql", {"sql": "select nope from ledger"}, "nope"),
        ("sql", {"sql": "select 1", "limit": 100_000}, "1000"),
        ("trace", {"trace_id": "12"}, "trace_id"),
        ("trace", {"trace_id": "../tokens"}, "403"),
        ("ledger", {"filters": ["colour:red"]}, "colour"),
        ("run_saved_query", {"name": "nobody"}, "nobody"),
        ("describe_views", {"view": "tokens"}, "tokens"),
    ],
)
def test_what_the_server_refuses_is_the_tools_error(
    shared_server: Inside, tool: str, arguments: dict[str, Any], said: str
):
    result = asked(shared_server, lambda assistant: assistant.call_tool(tool, arguments))
    assert result.is_error
    assert said in text(result)


def test_a_token_that_may_not_read_is_told_so(shared_server: Inside):
    sender = shared_server.token_for("ingest")
    result = asked(shared_server, lambda assistant: assistant.call_tool("costs", {}), token=sender)
    assert result.is_error
    assert "role" in text(result)


def test_without_the_sdk_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = CliRunner().invoke(main, ["mcp"], env={"SPANLEDGER_URL": "http://127.0.0.1:1"}, prog_name="spanledger")
    assert done.exit_code == 1
    assert "pip install 'spanledger[server,mcp]'" in done.stderr
