"""`spanledger ledger`: the lines of the ledger.

Never: an amount rounded; the ledger is read to the last digit.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli import options
from spanledger_server.cli.asking import Asked, began, watched
from spanledger_server.cli.client import decimal
from spanledger_server.cli.terminal import Column, Sheet, say, say_further

STATE_STYLES = {"unpriced": "yellow", "estimated": "yellow"}


@click.command()
@options.rows(50)
@watched
def ledger(asked: Asked, from_: str | None, since: str | None, filters: tuple[str, ...], **rest: Any) -> None:
    """Billable calls, one a line, with their exact cost."""
    answer = asked.client.get("/api/v1/ledger", {"from": began(from_, since), "f": filters, **rest})
    asked.show(answer, lambda console: _show_ledger(console, answer.data))


def _show_ledger(console: Console, data: dict[str, Any]) -> None:
    if not data["items"]:
        say(console, "no calls in this time")
        return
    sheet = Sheet(
        Column("at (UTC)", leaves=2),
        Column("service", text=True, leaves=3),
        Column("model", text=True),
        Column("state", leaves=4),
        Column("input", right=True, leaves=5),
        Column("output", right=True, leaves=6),
        Column("cost", right=True),
        Column("trace", leaves=1),
        Column("why", text=True, leaves=7),
    )
    for line in data["items"]:
        sheet.add(
            shown.clock(line["at"]),
            shown.text(line["service"]),
            shown.text(line["model"]),
            Text(line["state"], style=STATE_STYLES.get(line["state"], "")),
            shown.text(line["input_tokens"]),
            shown.text(line["output_tokens"]),
            shown.exact_money(decimal(line["cost_usd"])),
            line["trace_id"],
            line["state_reason"] or "",
        )
    sheet.show(console)
    say_further(console, data)
