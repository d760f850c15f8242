"""`spanledger escalations`: who is told next when nobody takes care of an alert.

Never: an escalation without its delays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import WRONG_USAGE, Asked, asks, fail, watched
from spanledger_server.cli.client import part
from spanledger_server.cli.grouping import Listing
from spanledger_server.cli.rules import of_file
from spanledger_server.cli.terminal import Column, Sheet, say

PATH: Final = "/api/v1/escalations"
SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@click.group(cls=Listing)
def escalations() -> None:
    """Who is told next when nobody takes care. Without a command: list."""


@escalations.command(name="list")
@watched
def listed(asked: Asked) -> None:
    """Every escalation and its steps."""
    answer = asked.client.get(PATH)
    asked.show(answer, lambda console: _show_list(console, answer.data["items"]))


@escalations.command()
@click.argument("escalation")
@asks
def show(asked: Asked, escalation: str) -> None:
    """One escalation and its steps."""
    answer = asked.client.get(f"{PATH}/{part(escalation)}")
    asked.show(answer, lambda console: _show(console, answer.data))


@escalations.command()
@click.argument("name", required=False)
@click.option("--step", "steps", multiple=True, metavar="DELAY:CHANNEL", help="0s:chat, 10m:sms,mail; repeated.")
@click.option("--repeats", type=int, metavar="NUMBER", help="How often the steps begin again; else never.")
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="One, as YAML or JSON.")
@asks
def add(asked: Asked, name: str | None, steps: tuple[str, ...], repeats: int | None, file: Path | None) -> None:
    """Make an escalation: NAME with --step, or of a file.

    A route leads to it.
    """
    body: dict[str, Any] = of_file(file)[0] if file is not None else {}
    body |= {"steps": [_step(text) for text in steps]} if steps else {}
    body |= {"name": name} if name is not None else {}
    body |= {"repeats": repeats} if repeats is not None else {}
    if not body:
        fail("an escalation needs a NAME and a --step, or --file", WRONG_USAGE)
    answer = asked.client.post(PATH, body)
    asked.show(answer, lambda console: say(console, f"{shown.text(answer.data['name'])}: id {answer.data['id']}"))


@escalations.command()
@click.argument("escalation")
@asks
def delete(asked: Asked, escalation: str) -> None:
    """Forget an escalation that no route leads to."""
    found = asked.client.get(f"{PATH}/{part(escalation)}").data
    answer = asked.client.delete(f"{PATH}/{part(found['id'])}")
    asked.show(answer, lambda console: say(console, f"{shown.text(found['name'])} is deleted"))


def _step(text: str) -> dict[str, Any]:
    delay, colon, channels = text.partition(":")
    number, unit = delay[:-1], delay[-1:]
    if not colon or not channels or unit not in SECONDS or not number.isdecimal():
        fail(f"--step {text!r} is not DELAY:CHANNEL, such as 10m:sms", WRONG_USAGE)
    return {"delay_seconds": int(number) * SECONDS[unit], "channels": channels.split(",")}


def _steps(item: dict[str, Any]) -> list[str]:
    return [
        f"after {shown.long_duration(int(each['delay_seconds']))}: {', '.join(each['channels'])}"
        for each in item["steps"]
    ]


def _show_list(console: Console, items: list[dict[str, Any]]) -> None:
    if not items:
        say(console, "no escalations: `spanledger escalations add` makes one")
        return
    sheet = Sheet(
        Column("escalation", text=True), Column("steps", text=True), Column("repeats"), Column("id", leaves=1)
    )
    for item in items:
        sheet.add(shown.text(item["name"]), shown.text("; ".join(_steps(item))), str(item["repeats"]), item["id"])
    sheet.show(console)


def _show(console: Console, item: dict[str, Any]) -> None:
    say(console, shown.text(item["name"]), "bold")
    for line in _steps(item):
        say(console, f"  {shown.text(line)}")
    say(console, f"  repeats: {item['repeats']}")
    say(console, f"  id: {item['id']}", "dim")
