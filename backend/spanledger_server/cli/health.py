"""`spanledger health`: services and providers, and why each is as it is.

Never: a state of its own; the server says it.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import CHECK_FAILED, Asked, watched
from spanledger_server.cli.terminal import Column, Sheet, say

STYLES = {"healthy": "green", "degraded": "yellow", "down": "red", "unknown": "dim"}
MARKS = {"healthy": "✓", "degraded": "!", "down": "✗", "unknown": "?"}


@click.command()
@click.option(
    "--fail-on", type=click.Choice(["degraded", "down"]), help="Exit with 3 when a service or provider is this bad."
)
@watched
def health(asked: Asked, fail_on: str | None) -> None:
    """How services and providers do, and why.

    healthy, degraded, down or unknown.
    """
    answer = asked.client.get("/api/admin/monitoring/health/services")
    asked.show(answer, lambda console: _show(console, answer.data))
    bad = {"degraded": ("degraded", "down"), "down": ("down",)}.get(fail_on or "", ())
    if any(one["status"] in bad for one in (*answer.data["services"], *answer.data["providers"])):
        raise SystemExit(CHECK_FAILED)


def _show(console: Console, data: dict[str, Any]) -> None:
    say(console, f"{MARKS[data['status']]} {data['sentence']}", STYLES[data["status"]])
    rows = [("service", one) for one in data["services"]] + [("provider", one) for one in data["providers"]]
    if not rows:
        return
    say(console, "")
    sheet = Sheet(Column("name", text=True), Column("", leaves=2), Column("health"), Column("why", text=True, leaves=1))
    for kind, one in rows:
        mark = Text(f"{MARKS[one['status']]} {one['status']}", style=STYLES[one["status"]])
        sheet.add(shown.text(one["name"]), kind, mark, one["reason"] or "")
    sheet.show(console)
