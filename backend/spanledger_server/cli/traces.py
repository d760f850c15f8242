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
from spanledger_server.cli.terminal import Column, Sheet, say, say_further

SORTS = ("start", "-start", "duration", "-duration", "cost", "-cost")
STATUS_STYLES = {"error": "red", "ok": "green", "unset": ""}


@click.command()
@options.rows(20, "service:shop, status:error, duration>500ms, cost>0.01, …")
@click.option("--search", "-q", help="Text in names and attributes.")
@click.option("--sort", type=click.Choice(SORTS), default="-start", show_default=True)
@click.option("--totals", is_flag=True, help="Also count all that match, which takes longer; --json always does.")
@watched
def traces(
    asked: Asked,
    from_: str | None,
    since: str | None,
    filters: tuple[str, ...],
    search: str | None,
    totals: bool,
    **rest: Any,
) -> None:
    """Find traces."""
    counted = {"totals": "true" if totals or asked.as_json else "false"}
    question = {"from": began(from_, since), "f": filters, "q": search, **counted, **rest}
    answer = asked.client.get("/api/v1/traces", question)
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
    if data["stand_for"] is not None:
        say(console, _counted(data["matched"], data["stand_for"]), "dim")
    say_further(console, data)


def _counted(matched: int, stand_for: dict[str, Any]) -> str:
    if stand_for["value"] == matched:
        return f"{shown.count(matched)} traces match"
    margin = max(stand_for["high"] - stand_for["value"], stand_for["value"] - stand_for["low"])
    uncounted = f"; {shown.count(stand_for['uncounted'])} uncounted" if stand_for["uncounted"] else ""
    about = f"{shown.count(stand_for['value'])} ± {shown.count(margin)}"
    return f"{shown.count(matched)} traces kept, stand for about {about} requests{uncounted}"


@click.command()
@click.argument("trace_id", metavar="ID")
@watched
def trace(asked: Asked, trace_id: str) -> None:
    """One trace as a waterfall, with its costs."""
    answer = asked.client.get(f"/api/v1/traces/{part(trace_id)}")
    asked.show(answer, lambda console: waterfall.show(console, answer.data))
