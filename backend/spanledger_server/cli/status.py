"""`spanledger status`: the sentence, today's figures, and each service.

Never: a state of its own; the server says it.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import CHECK_FAILED, Asked, asks, plain_table
from spanledger_server.cli.client import decimal

STYLES = {"ok": "green", "warning": "yellow", "critical": "red", "unknown": "dim"}
MARKS = {"ok": "✓", "warning": "!", "critical": "✗", "unknown": "?"}


@click.command()
@click.option(
    "--fail-on", type=click.Choice(["warning", "critical"]), help="Exit with 3 when the level is this bad or worse."
)
@asks
def status(asked: Asked, fail_on: str | None) -> None:
    """How everything does, in one sentence, and today's figures."""
    answer = asked.client.get("/api/v1/status")
    asked.show(answer, lambda console: _show(console, answer.data))
    bad = {"warning": ("warning", "critical"), "critical": ("critical",)}.get(fail_on or "", ())
    if answer.data["level"] in bad:
        raise SystemExit(CHECK_FAILED)


def _show(console: Console, data: dict[str, Any]) -> None:
    level = data["level"]
    console.print(Text(f"{MARKS[level]} {data['sentence']}", style=STYLES[level]))
    tiles = data["tiles"]
    today = f"{shown.money(decimal(tiles['spend_today']))} today, {shown.count(tiles['calls_today'])} calls"
    priced = f"{shown.percent(tiles['spend_today_coverage'])} priced, {shown.count(tiles['unpriced_today'])} unpriced"
    console.print(f"  {today}, {priced}")
    console.print(
        f"  last minute: {shown.rate(tiles['calls_per_s'])} calls, {shown.percent(tiles['error_ratio'])} errors, "
        f"p95 {shown.duration(tiles['p95_ms'])}, first token p95 {shown.duration(tiles['ttfc_p95_ms'])}, "
        f"{shown.rate(tiles['tokens_per_s'])} tokens"
    )
    if data["services"]:
        console.print()
        console.print(_services(data["services"]))


def _services(services: list[dict[str, Any]]) -> Any:
    table = plain_table(
        "service",
        "state",
        "calls",
        "errors",
        "p95",
        "cost",
        "last seen",
        "why",
        right=("calls", "errors", "p95", "cost"),
    )
    for service in services:
        table.add_row(
            service["service"],
            Text(f"{MARKS[service['state']]} {service['state']}", style=STYLES[service["state"]]),
            shown.count(service["calls"]),
            shown.count(service["errors"]),
            shown.duration(service["p95_ms"]),
            shown.money(decimal(service["cost"])),
            shown.text(service["last_seen"]),
            service["reason"] or "",
        )
    return table
