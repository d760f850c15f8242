"""`spanledger ledger` and `spanledger loss`: the lines of the ledger, and what never became one.

Never: an amount rounded; the ledger is read to the last digit.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import Asked, asks, plain_table
from spanledger_server.cli.client import decimal


@click.command()
@click.option("--from", "from_", metavar="TIME", help="RFC 3339, or now-15m.")
@click.option("--to", metavar="TIME", help="RFC 3339, or now.")
@click.option(
    "--filter",
    "-f",
    "filters",
    multiple=True,
    metavar="KEY:VALUE",
    help="Only these; may be repeated, ! before a value negates.",
)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--cursor", help="next_cursor of an answer before.")
@asks
def ledger(
    asked: Asked, from_: str | None, to: str | None, filters: tuple[str, ...], limit: int, cursor: str | None
) -> None:
    """Billable calls, one a line, with their exact cost."""
    asking = {"from": from_, "to": to, "f": filters, "limit": limit, "cursor": cursor}
    answer = asked.client.get("/api/v1/ledger", asking)
    asked.show(answer, lambda console: _show_ledger(console, answer.data))


def _show_ledger(console: Console, data: dict[str, Any]) -> None:
    numbers = ("input", "output", "cost")
    table = plain_table("at", "service", "model", "state", *numbers, "trace", right=numbers)
    for line in data["items"]:
        reason = f" ({line['state_reason']})" if line["state_reason"] else ""
        table.add_row(
            line["at"],
            shown.text(line["service"]),
            shown.text(line["model"]),
            line["state"] + reason,
            shown.text(line["input_tokens"]),
            shown.text(line["output_tokens"]),
            shown.exact_money(decimal(line["cost_usd"])),
            line["trace_id"],
        )
    console.print(table)
    if data["next_cursor"]:
        console.print(f"more: --cursor {data['next_cursor']}", style="dim")


@click.command()
@asks
def loss(asked: Asked) -> None:
    """What was sent, stored, refused and dropped, by service and signal."""
    answer = asked.client.get("/api/v1/loss")
    asked.show(answer, lambda console: _show_loss(console, answer.data))


def _show_loss(console: Console, data: dict[str, Any]) -> None:
    if not data["services"]:
        console.print("nothing has reported yet")
        return
    numbers = ("sent", "stored", "refused", "dropped")
    table = plain_table("service", "signal", *numbers, "reasons", right=numbers)
    for row in data["services"]:
        reasons = ", ".join(f"{reason} {count}" for reason, count in (row["reasons"] or {}).items())
        table.add_row(shown.text(row["service"]), row["signal"], *(shown.text(row[name]) for name in numbers), reasons)
    console.print(table)
