"""`spanledger inhibitions`: which alerts hold back which.

Never: an alert that is hidden; those that are held back stand in every list.
"""

from __future__ import annotations

from typing import Any, Final

import click
from rich.console import Console

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import Asked, asks, watched
from spanledger_server.cli.client import part
from spanledger_server.cli.grouping import Listing
from spanledger_server.cli.terminal import Column, Sheet, say

PATH: Final = "/api/v1/inhibitions"


@click.group(cls=Listing)
def inhibitions() -> None:
    """Which alerts hold back which. Without a command: list."""


@inhibitions.command(name="list")
@watched
def listed(asked: Asked) -> None:
    """Every inhibition, by name."""
    answer = asked.client.get(PATH)
    asked.show(answer, lambda console: _show_list(console, answer.data["items"]))


@inhibitions.command()
@click.argument("name")
@click.option("--source", multiple=True, required=True, metavar="MATCHER", help="While this fires; repeated.")
@click.option("--target", multiple=True, required=True, metavar="MATCHER", help="Nobody is told of this; repeated.")
@click.option("--equal", multiple=True, metavar="LABEL", help="Where both have the same value of it; repeated.")
@asks
def add(asked: Asked, name: str, **said: tuple[str, ...]) -> None:
    """While one alert fires, tell nobody of others.

    alertname=HostDown holds back severity=~warning|info.
    """
    answer = asked.client.post(PATH, {"name": name} | {key: list(values) for key, values in said.items()})
    asked.show(answer, lambda console: say(console, f"{shown.text(answer.data['name'])}: id {answer.data['id']}"))


@inhibitions.command()
@click.argument("inhibition_id")
@click.option("--name", help="What it is called.")
@click.option("--source", multiple=True, metavar="MATCHER", help="While this fires; repeated.")
@click.option("--target", multiple=True, metavar="MATCHER", help="Nobody is told of this; repeated.")
@click.option("--equal", multiple=True, metavar="LABEL", help="Where both have the same value of it; repeated.")
@asks
def change(asked: Asked, inhibition_id: str, name: str | None, **said: tuple[str, ...]) -> None:
    """Change one, by its id; what is not said stays as it is."""
    before = asked.client.get(f"{PATH}/{part(inhibition_id)}").data
    body = {key: before[key] for key in ("name", "source", "target", "equal", "updated_at")}
    body |= {key: list(values) for key, values in said.items() if values} | ({"name": name} if name else {})
    answer = asked.client.put(f"{PATH}/{part(inhibition_id)}", body)
    asked.show(answer, lambda console: _show_list(console, [answer.data]))


@inhibitions.command()
@click.argument("inhibition_id")
@asks
def delete(asked: Asked, inhibition_id: str) -> None:
    """Hold nothing back any more; by its id."""
    answer = asked.client.delete(f"{PATH}/{part(inhibition_id)}")
    asked.show(answer, lambda console: say(console, f"{inhibition_id} is deleted"))


def _show_list(console: Console, items: list[dict[str, Any]]) -> None:
    if not items:
        say(console, "no inhibitions")
        return
    sheet = Sheet(
        Column("inhibition", text=True),
        Column("while this fires", text=True),
        Column("nobody is told of", text=True),
        Column("of the same", text=True, leaves=1),
        Column("id", leaves=2),
    )
    for item in items:
        texts = [" ".join(item[name]) for name in ("source", "target", "equal")]
        sheet.add(shown.text(item["name"]), *map(shown.text, texts), item["id"])
    sheet.show(console)
