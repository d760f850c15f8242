"""`spanledger alerts`: what fires, what did, and what became of one.

Never: an alert without who judged it.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import CHECK_FAILED, Asked, asks
from spanledger_server.cli.terminal import Column, Sheet, say

STYLES = {"critical": "bold red", "error": "red", "warning": "yellow"}


@click.command()
@click.argument("alert_id", required=False)
@click.option("--state", type=click.Choice(["firing", "resolved", "any"]), default="firing", show_default=True)
@click.option("--severity", type=click.Choice(["info", "warning", "error", "critical"]))
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--cursor", help="next_cursor of an answer before.")
@click.option("--fail-on", type=click.Choice(["firing"]), help="Exit with 3 when any alert that is shown fires.")
@asks
def alerts(asked: Asked, alert_id: str | None, fail_on: str | None, **question: Any) -> None:
    """What fires, and what did.

    Those that began last come first; with an id, one alert and what became of it.
    """
    if alert_id is not None:
        answer = asked.client.get(f"/api/v1/alerts/{alert_id}")
        found = [answer.data]
        asked.show(answer, lambda console: _one(console, answer.data))
    else:
        answer = asked.client.get("/api/v1/alerts", question)
        found = answer.data["items"]
        asked.show(answer, lambda console: _all(console, answer.data))
    if fail_on is not None and any(alert["state"] == "firing" for alert in found):
        raise SystemExit(CHECK_FAILED)


def _all(console: Console, data: dict[str, Any]) -> None:
    if not data["items"]:
        say(console, "no such alerts")
        return
    sheet = Sheet(
        Column("since (UTC)", leaves=2),
        Column("severity"),
        Column("state", leaves=1),
        Column("alert", text=True),
        Column("message", text=True),
        Column("from", leaves=4),
        Column("id", leaves=3),
    )
    for alert in data["items"]:
        sheet.add(
            shown.clock(alert["started_at"]),
            Text(shown.text(alert["severity"]), style=STYLES.get(alert["severity"], "")),
            alert["state"],
            shown.text(alert["rule_name"]),
            shown.text(alert["message"]),
            alert["source"],
            alert["id"],
        )
    sheet.show(console)
    if data["next_cursor"] is not None:
        say(console, f"more: --cursor {data['next_cursor']}", "dim")


def _one(console: Console, alert: dict[str, Any]) -> None:
    say(console, f"{shown.text(alert['rule_name'])}: {alert['message']}", STYLES.get(alert["severity"], "bold"))
    told = {"severity": alert["severity"], "state": alert["state"], "from": alert["source"]}
    told |= {"since": shown.moment(alert["started_at"]), "until": shown.moment(alert["resolved_at"])}
    for name, value in (told | alert["labels"] | alert["annotations"]).items():
        say(console, f"  {name}: {shown.text(value)}")
    for change in alert["history"]:
        who = "" if change["by"] is None else f" by {change['by']}"
        say(console, f"{shown.moment(change['at'])}  {change['state']}, {change['why']}{who}")
