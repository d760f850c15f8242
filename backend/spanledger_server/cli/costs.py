"""`spanledger costs`: what was spent, on what, and how much of it is known.

Never: a total without how many calls it covers.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import Asked, asks, plain_table
from spanledger_server.cli.client import decimal

PERIODS = ("today", "week", "month", "year")
GROUPS = ("model", "feature", "user_tier", "provider", "user", "service")


@click.command()
@click.option("--period", type=click.Choice(PERIODS), default="month", show_default=True)
@click.option("--group-by", type=click.Choice(GROUPS), default="model", show_default=True)
@click.option("--tz", help="IANA time zone in which days begin; else the server's.")
@click.option(
    "--filter",
    "-f",
    "filters",
    multiple=True,
    metavar="KEY:VALUE",
    help="Only these; may be repeated, ! before a value negates.",
)
@asks
def costs(asked: Asked, period: str, group_by: str, tz: str | None, filters: tuple[str, ...]) -> None:
    """What was spent, by model, feature, tier, provider, user or service."""
    asking = {"period": period, "group_by": group_by, "tz": tz, "f": filters}
    answer = asked.client.get("/admin/statistics/costs", asking)
    asked.show(answer, lambda console: _show(console, answer.data))


def _show(console: Console, data: dict[str, Any]) -> None:
    unpriced = f" + {data['unpriced_calls']} unpriced" if data["unpriced_calls"] else ""
    console.print(
        f"{shown.money(decimal(data['total_cost']))}{unpriced}  {data['period']}, {data['from']} to {data['to']}"
    )
    console.print(f"  {shown.count(data['calls'])} calls, {shown.percent(decimal(data['coverage']))} of them priced")
    if not data["breakdown"]:
        console.print("  nothing was called in this time")
        return
    console.print()
    numbers = ("cost", "share", "calls", "unpriced", "input", "output")
    table = plain_table(data["group_by"], *numbers, right=numbers)
    for row in data["breakdown"]:
        percentage = decimal(row["percentage"])
        table.add_row(
            shown.text(row["category"]),
            shown.money(decimal(row["cost"])),
            shown.percent(None if percentage is None else percentage / 100),
            shown.count(row["count"]),
            shown.count(row["unpriced_calls"]),
            shown.count(row["input_tokens"]),
            shown.count(row["output_tokens"]),
        )
    console.print(table)
