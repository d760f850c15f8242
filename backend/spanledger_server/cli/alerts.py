"""`spanledger alerts`: what fires, what did, what became of one; taken care of, ended, and written beside.

Never: an alert without who judged it.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import CHECK_FAILED, Asked, asks, watched
from spanledger_server.cli.client import part
from spanledger_server.cli.grouping import Listing
from spanledger_server.cli.terminal import Column, Sheet, say, say_further
from spanledger_server.notify.text_values import against

PATH: Final = "/api/v1/alerts"
STYLES: Final = {"critical": "bold red", "error": "red", "warning": "yellow"}
STATES: Final = ("active", "pending", "firing", "acknowledged", "resolved", "any")
ID: Final = "ALERT_ID"


@click.group(cls=Listing, worded="show")
def alerts() -> None:
    """What fires, and what did. Without a command: list."""


@alerts.command(name="list")
@click.option("--state", type=click.Choice(STATES), default="firing", show_default=True)
@click.option("--severity", type=click.Choice(["info", "warning", "error", "critical"]))
@click.option("--source", type=click.Choice(["rule", "prometheus"]), help="Who judged.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--cursor", help="next_cursor of an answer before.")
@click.option("--check", is_flag=True, help="Exit with 3 when something critical fires that is shown.")
@click.option("--fail-on", type=click.Choice(["firing"]), help="Exit with 3 when any alert that is shown fires.")
@watched
def listed(asked: Asked, check: bool, fail_on: str | None, **question: Any) -> None:
    """Alerts, those that began last first."""
    answer = asked.client.get(PATH, question)
    found = answer.data["items"]
    asked.show(answer, lambda console: _all(console, answer.data))
    fires = [alert for alert in found if alert["state"] in ("firing", "recovering")]
    if (fail_on is not None and fires) or (check and any(alert["severity"] == "critical" for alert in fires)):
        raise SystemExit(CHECK_FAILED)


@alerts.command()
@click.argument("alert_id", metavar=ID)
@click.option("--fail-on", type=click.Choice(["firing"]), help="Exit with 3 when it fires.")
@asks
def show(asked: Asked, alert_id: str, fail_on: str | None) -> None:
    """One alert, what it says, what became of it, and whom it was told."""
    answer = asked.client.get(f"{PATH}/{part(alert_id)}")
    asked.show(answer, lambda console: _one(console, answer.data))
    if fail_on is not None and answer.data["state"] in ("firing", "recovering"):
        raise SystemExit(CHECK_FAILED)


@alerts.command()
@click.argument("alert_ids", metavar="ALERT_ID...", nargs=-1, required=True)
@click.option("--for", "for_", metavar="LENGTH", help="30m, 2h: how long; else until the alert ends.")
@click.option("--until", metavar="TIME", help="RFC 3339: in place of --for.")
@click.option("--note", help="What is written beside it.")
@asks
def ack(asked: Asked, alert_ids: tuple[str, ...], for_: str | None, until: str | None, note: str | None) -> None:
    """Take care of alerts: nobody else is called meanwhile."""
    _many(asked, "acknowledge", alert_ids, {"for": for_, "until": until, "note": note})


@alerts.command()
@click.argument("alert_ids", metavar="ALERT_ID...", nargs=-1, required=True)
@click.option("--note", help="What is written beside it.")
@asks
def unack(asked: Asked, alert_ids: tuple[str, ...], note: str | None) -> None:
    """Take care of them no more."""
    _many(asked, "unacknowledge", alert_ids, {"note": note})


@alerts.command()
@click.argument("alert_ids", metavar="ALERT_ID...", nargs=-1, required=True)
@click.option("--note", help="What is written beside it.")
@asks
def resolve(asked: Asked, alert_ids: tuple[str, ...], note: str | None) -> None:
    """End alerts; each fires again only after its condition was over."""
    _many(asked, "resolve", alert_ids, {"note": note})


@alerts.command()
@click.argument("alert_id", metavar=ID)
@click.argument("text")
@asks
def note(asked: Asked, alert_id: str, text: str) -> None:
    """Write something beside an alert."""
    answer = asked.client.post(f"{PATH}/{part(alert_id)}/notes", {"note": text})
    asked.show(answer, lambda console: say(console, f"written by {shown.text(answer.data['by'])}"))


@alerts.command()
@click.argument("alert_id", metavar=ID)
@click.option("--useful/--useless", "useful", required=True, help="Whether somebody had to know it.")
@click.option("--note", help="Why.")
@asks
def judge(asked: Asked, alert_id: str, useful: bool, note: str | None) -> None:
    """Say whether an alert was useful."""
    answer = asked.client.post(f"{PATH}/{part(alert_id)}/feedback", {"useful": useful, "note": note})
    told = f"{answer.data['useful']} found it useful, {answer.data['not_useful']} did not"
    asked.show(answer, lambda console: say(console, told))


@alerts.command()
@click.option("--from", "from_", metavar="TIME", help="RFC 3339 or now-7d; else now-30d.")
@watched
def precision(asked: Asked, from_: str | None) -> None:
    """How often each rule fired, and how useful it was.

    And what was held back.
    """
    answer = asked.client.get(f"{PATH}/precision", {"from": from_})
    asked.show(answer, lambda console: _precision(console, answer.data["items"]))


def _precision(console: Console, items: list[dict[str, Any]]) -> None:
    if not items:
        say(console, "nothing fired")
        return
    sheet = Sheet(
        Column("alert", text=True),
        Column("fired", right=True),
        Column("judged", right=True, leaves=1),
        Column("useful", right=True),
        Column("held back", text=True, leaves=2),
    )
    for item in items:
        share = item["precision"]
        useful = shown.UNKNOWN if share is None else f"{round(float(share) * 100)} %"
        held = ", ".join(f"{reason} {number}" for reason, number in item["held_back"].items())
        sheet.add(shown.text(item["name"] or ""), str(item["fired"]), str(item["judged"]), useful, held)
    sheet.show(console)


def _many(asked: Asked, what: str, alert_ids: tuple[str, ...], said: dict[str, Any]) -> None:
    body = {"ids": list(alert_ids)} | {name: value for name, value in said.items() if value is not None}
    answer = asked.client.post(f"{PATH}/{what}", body)
    changed, left = answer.data["changed"], answer.data["unchanged"]

    def table(console: Console) -> None:
        for alert_id in changed:
            say(console, f"{what}d {alert_id}")
        for alert_id in left:
            say(console, f"left as it is: {alert_id}", "dim")

    asked.show(answer, table)


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
            state(alert),
            shown.text(alert["rule_name"]),
            shown.text(alert["message"]),
            alert["source"],
            alert["id"],
        )
    sheet.show(console)
    say_further(console, data)


def state(alert: dict[str, Any]) -> str:
    """Its state, and what stands beside it."""
    beside = [
        "flapping" if alert["flapping"] else "",
        "acknowledged" if alert["acknowledged"] and alert["state"] != "resolved" else "",
        "silent" if alert["held_back"] else "",
    ]
    return ", ".join([alert["state"], *filter(None, beside)])


def tell(console: Console, story: str) -> None:
    """What an alert has to say, in its own lines."""
    for line in story.splitlines():
        say(console, line)


def _one(console: Console, alert: dict[str, Any]) -> None:
    named = alert["message"].startswith(alert["rule_name"] or "")
    title = alert["message"] if named else f"{alert['rule_name']}: {alert['message']}"
    say(console, shown.text(title), STYLES.get(alert["severity"], "bold"))
    tell(console, alert["story"]["text"])
    told = {"severity": alert["severity"], "state": state(alert), "from": alert["source"]}
    told |= {"since": shown.moment(alert["started_at"]), "until": shown.moment(alert["resolved_at"])}
    if alert["held_back"] is not None:
        told["told nobody"] = alert["held_back"]["why"]
    if alert["current_value"] is not None:
        value, threshold = against(alert["current_value"], alert["threshold_value"], alert["unit"])
        told["value"] = f"{value} {alert['operator'] or ''} {threshold}"
    if alert["runbook_url"] is not None:
        told["what to do"] = alert["runbook_url"]
    for name, value in (told | alert["labels"] | alert["annotations"]).items():
        say(console, f"  {name}: {shown.text(value)}")
    for _, said in sorted([*map(_changed, alert["history"]), *map(_sent, alert["deliveries"])], key=itemgetter(0)):
        say(console, said)


def _changed(change: dict[str, Any]) -> tuple[str, str]:
    """When something became of it, and what."""
    who = "" if change["by"] is None else f" by {shown.text(change['by'])}"
    said = "" if change["note"] is None else f": {shown.text(change['note'])}"
    what = change["state"] if change["kind"] in ("fired", "resolved") else change["kind"]
    why = f", {shown.text(change['why'])}" if change["why"] else ""
    return change["at"], f"{shown.moment(change['at'])}  {what}{why}{who}{said}"


def _sent(message: dict[str, Any]) -> tuple[str, str]:
    """When somebody was told, and of what."""
    to = shown.text(message["channel"]["name"])
    return message["made_at"], f"{shown.moment(message['made_at'])}  {message['state']} to {to}: {message['status']}"
