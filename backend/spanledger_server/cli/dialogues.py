"""`spanledger dialogues`: how many, whose, how long, and how content their users were.

Never: an average without how many dialogues it comes from.
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
from spanledger_server.cli.terminal import Column, Sheet, say

GROUPS = ("book", "user", "model", "type")
BAR_COLUMNS = 20


@click.command()
@options.groups(GROUPS)
@watched
def dialogues(asked: Asked, period: str, group_by: str, tz: str | None, filters: tuple[str, ...]) -> None:
    """Dialogues: how many, whose, how long, how content."""
    asking = {"period": period, "group_by": group_by, "tz": tz, "f": filters}
    answer = asked.client.get("/admin/statistics/dialogues", asking)
    asked.show(answer, lambda console: _show(console, answer.data))


def _show(console: Console, data: dict[str, Any]) -> None:
    users = f" of {shown.count(data['unique_users'])} users" if data["unique_users"] else ""
    say(console, f"{shown.count(data['total_dialogues'])} dialogues{users}{compared(data['previous'])}", "bold")
    zone = "" if data["timezone"] == "UTC" else f", days of {data['timezone']}"
    say(console, f"{data['period']}: {shown.moment(data['from'])} to {shown.moment(data['to'])} UTC{zone}")
    if not data["breakdown"]:
        say(console, "no dialogue ended in this time")
        return
    content = data["satisfaction"]
    say(
        console,
        f"rating {_figure(content['average_rating'])} from {shown.count(content['rating_count'])} "
        f"({shown.percent(decimal(content['coverage']))} of them), {shown.count(content['feedback_count'])} with words",
    )
    say(console, "")
    _sheet(data).show(console)


def _sheet(data: dict[str, Any]) -> Sheet:
    sheet = Sheet(
        Column(data["group_by"], text=True),
        Column("dialogues", right=True),
        Column("share", right=True, leaves=1),
        Column("", leaves=6),
        Column("users", right=True, leaves=2),
        Column("messages", right=True, leaves=3),
        Column("duration", right=True, leaves=4),
        Column("rating", right=True, leaves=5),
    )
    for row in data["breakdown"]:
        percentage = decimal(row["percentage"])
        share = None if percentage is None else percentage / 100
        seconds = row["average_duration"]
        sheet.add(
            shown.text(row["category"]),
            shown.count(row["count"]),
            shown.percent(share),
            Text(shown.bar(share, BAR_COLUMNS), style="blue"),
            shown.count(row["unique_users"]),
            _figure(row["average_messages"]),
            shown.duration(None if seconds is None else float(seconds) * 1000),
            _figure(row["average_rating"]),
        )
    return sheet


def compared(previous: dict[str, Any] | None) -> str:
    """How it was in the same stretch of the period before."""
    if previous is None or previous["change_percent"] is None:
        return ""
    by = decimal(previous["change_percent"])
    sign = "+" if by is not None and by >= 0 else ""
    part = "" if previous["complete"] else ", of which not all is known"
    return f" ({sign}{shown.count(by)}{shown.THIN}% against the period before{part})"


def _figure(value: Any) -> str:
    return shown.UNKNOWN if value is None else f"{float(value):.1f}"
