"""`spanledger status`: the sentence, today's figures, and each service.

Never: a state of its own; the server says it.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import CHECK_FAILED, Asked, watched
from spanledger_server.cli.client import decimal
from spanledger_server.cli.terminal import Column, Sheet, say

STYLES = {"ok": "green", "warning": "yellow", "critical": "red", "unknown": "dim"}
MARKS = {"ok": "✓", "warning": "!", "critical": "✗", "unknown": "?"}


@click.command()
@click.option(
    "--fail-on", type=click.Choice(["warning", "critical"]), help="Exit with 3 when the level is this bad or worse."
)
@watched
def status(asked: Asked, fail_on: str | None) -> None:
    """How everything does, in one sentence."""
    answer = asked.client.get("/api/v1/status")
    asked.show(answer, lambda console: _show(console, answer.data))
    bad = {"warning": ("warning", "critical"), "critical": ("critical",)}.get(fail_on or "", ())
    if answer.data["level"] in bad:
        raise SystemExit(CHECK_FAILED)


def _show(console: Console, data: dict[str, Any]) -> None:
    level = data["level"]
    say(console, f"{MARKS[level]} {data['sentence']}", STYLES[level])
    say(console, "  " + _today(data["tiles"]))
    say(console, "  " + _last_minute(data["tiles"]))
    for condition in data["conditions"]:
        level = condition["level"]
        say(console, f"  {MARKS[level]} {condition['service']}: {condition['text']}", STYLES[level])
    if data["services"]:
        say(console, "")
        services(data["services"]).show(console)


def _today(tiles: dict[str, Any]) -> str:
    if not tiles["calls_today"]:
        return "no calls today"
    unpriced = f", {shown.count(tiles['unpriced_today'])} unpriced" if tiles["unpriced_today"] else ""
    return (
        f"{shown.money(decimal(tiles['spend_today']))} today, {shown.count(tiles['calls_today'])} calls, "
        f"{shown.percent(tiles['spend_today_coverage'])} priced{unpriced}"
    )


def _last_minute(tiles: dict[str, Any]) -> str:
    if tiles["calls_per_s"] is None:
        return "no calls in the last minute"
    return (
        f"last minute: {shown.rate(tiles['calls_per_s'])} calls, {shown.percent(tiles['error_ratio'])} errors, "
        f"p95 {shown.duration(tiles['p95_ms'])}, first token p95 {shown.duration(tiles['ttfc_p95_ms'])}, "
        f"{shown.rate(tiles['tokens_per_s'])} tokens"
    )


def services(found: list[dict[str, Any]]) -> Sheet:
    """The services as a table."""
    sheet = Sheet(
        Column("service", text=True),
        Column("state"),
        Column("calls", right=True),
        Column("errors", right=True, leaves=3),
        Column("p95", right=True, leaves=2),
        Column("cost", right=True, leaves=1),
        Column("last seen (UTC)", leaves=5),
        Column("why", text=True, leaves=4),
    )
    for service in found:
        sheet.add(
            shown.text(service["service"]),
            Text(f"{MARKS[service['state']]} {service['state']}", style=STYLES[service["state"]]),
            shown.count(service["calls"]),
            Text(shown.count(service["errors"]), style="red" if service["errors"] else ""),
            shown.duration(service["p95_ms"]),
            shown.money(decimal(service["cost"])),
            shown.clock(service["last_seen"]),
            service["reason"] or "",
        )
    return sheet
