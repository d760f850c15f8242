"""`spanledger traces` and `spanledger trace ID`: find a request, and see where its time and money went.

Never: a cost for a call that has no price.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli import options, waterfall
from spanledger_server.cli.asking import Asked, began, watched
from spanledger_server.cli.client import decimal, part
from spanledger_server.cli.terminal import Column, Sheet, say

SORTS = ("start", "-start", "duration", "-duration", "cost", "-cost")
STATUS_STYLES = {"error": "red", "ok": "green", "unset": ""}


@click.command()
@options.rows(20, "service:shop, status:error, duration>500ms, cost>0.01, …")
@click.option("--search", "-q", help="Text in names and attributes.")
@click.option("--sort", type=click.Choice(SORTS), default="-start", show_default=True)
@watched
def traces(
    asked: Asked, from_: str | None, since: str | None, filters: tuple[str, ...], search: str | None, **rest: Any
) -> None:
    """Find traces."""
    answer = asked.client.get("/api/v1/traces", {"from": began(from_, since), "f": filters, "q": search, **rest})
    asked.show(answer, lambda console: _show(console, answer.data))


def _show(console: Console, data: dict[str, Any]) -> None:
    if not data["items"]:
        say(console, "no traces match")
        return
    sheet = Sheet(
        Column("start (UTC)", leaves=3),
        Column("trace"),
        Column("name", text=True),
        Column("service", text=True, leaves=4),
        Column("status", leaves=5),
        Column("duration", right=True, leaves=1),
        Column("spans", right=True, leaves=6),
        Column("cost", right=True, leaves=2),
    )
    for item in data["items"]:
        unpriced = f" + {item['unpriced_calls']} unpriced" if item["unpriced_calls"] else ""
        sheet.add(
            shown.clock(item["start"]),
            item["trace_id"],
            shown.text(item["name"]),
            shown.text(item["service"]),
            Text(item["status"], style=STATUS_STYLES.get(item["status"], "")),
            shown.duration(item["duration_ms"]),
            shown.count(item["span_count"]),
            (shown.money(decimal(item["cost_usd"])) if item["calls"] else "") + unpriced,
        )
    sheet.show(console)
    stand_for = data["stand_for"]
    if stand_for["value"] != data["matched"]:
        margin = max(stand_for["high"] - stand_for["value"], stand_for["value"] - stand_for["low"])
        uncounted = f"; {shown.count(stand_for['uncounted'])} uncounted" if stand_for["uncounted"] else ""
        about = f"{shown.count(stand_for['value'])} ± {shown.count(margin)}"
        say(console, f"{shown.count(data['matched'])} traces kept, stand for about {about} requests{uncounted}", "dim")
    if data["next_cursor"]:
        console.print(f"more: --cursor {data['next_cursor']}", style="dim", soft_wrap=True)


@click.command()
@click.argument("trace_id", metavar="ID")
@watched
def trace(asked: Asked, trace_id: str) -> None:
    """One trace as a waterfall, with its costs."""
    answer = asked.client.get(f"/api/v1/traces/{part(trace_id)}")
    asked.show(answer, lambda console: waterfall.show(console, answer.data))
