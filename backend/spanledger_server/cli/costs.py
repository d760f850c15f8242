"""`spanledger costs`: what was spent, on what, and how much of it is known.

Never: a total without how many calls it covers.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli import options
from spanledger_server.cli.asking import Asked, watched
from spanledger_server.cli.client import decimal
from spanledger_server.cli.dialogues import compared
from spanledger_server.cli.terminal import Column, Sheet, say

BAR_COLUMNS = 20
GROUPS = ("model", "feature", "user_tier", "provider", "user", "service")


@click.command()
@options.groups(GROUPS)
@watched
def costs(asked: Asked, period: str, group_by: str, tz: str | None, filters: tuple[str, ...]) -> None:
    """What was spent, and on what."""
    asking = {"period": period, "group_by": group_by, "tz": tz, "f": filters}
    answer = asked.client.get("/admin/statistics/costs", asking)
    asked.show(answer, lambda console: _show(console, answer.data))


def _show(console: Console, data: dict[str, Any]) -> None:
    unpriced = f" + {data['unpriced_calls']} unpriced" if data["unpriced_calls"] else ""
    say(console, f"{shown.money(decimal(data['total_cost']))}{unpriced}{compared(data['previous'])}", "bold")
    zone = "" if data["timezone"] == "UTC" else f", days of {data['timezone']}"
    say(console, f"{data['period']}: {shown.moment(data['from'])} to {shown.moment(data['to'])} UTC{zone}")
    if not data["breakdown"]:
        say(console, "nothing was called in this time")
        return
    say(console, f"{shown.count(data['calls'])} calls, {shown.percent(decimal(data['coverage']))} of them priced")
    say(console, "")
    sheet = Sheet(
        Column(data["group_by"], text=True),
        Column("cost", right=True),
        Column("share", right=True, leaves=1),
        Column("", leaves=5),
        Column("calls", right=True),
        Column("unpriced", right=True, leaves=2),
        Column("input", right=True, leaves=3),
        Column("output", right=True, leaves=4),
    )
    total = decimal(data["total_cost"])
    for row in data["breakdown"]:
        cost = decimal(row["cost"])
        share = cost / total if cost is not None and total else None  # the answer's is rounded: a sliver is not nothing
        unknown = row["unpriced_calls"]
        sheet.add(
            shown.text(row["category"]),
            shown.money(cost),
            shown.percent(share),
            Text(shown.bar(share, BAR_COLUMNS), style="blue"),
            shown.count(row["count"]),
            Text(shown.count(unknown), style="yellow" if unknown else "dim"),
            shown.count(row["input_tokens"]),
            shown.count(row["output_tokens"]),
        )
    sheet.show(console)
