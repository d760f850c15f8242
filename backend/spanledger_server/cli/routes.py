"""`spanledger routes`: which alerts go where, in the order in which they are asked.

Never: a route that is put in place of another one unasked.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import WRONG_USAGE, Asked, asks, fail, watched
from spanledger_server.cli.client import Answer, part
from spanledger_server.cli.grouping import Listing
from spanledger_server.cli.rules import SEVERITIES, of_file
from spanledger_server.cli.terminal import Column, Sheet, say

PATH: Final = "/api/v1/routes"
ESCALATIONS: Final = "/api/v1/escalations"
OF_A_SERVER: Final = ("id", "version", "created_at", "updated_at", "updated_by")


@click.group(cls=Listing)
def routes() -> None:
    """Which alerts go where. Without a command: list."""


@routes.command(name="list")
@watched
def listed(asked: Asked) -> None:
    """Every route, in the order in which they are asked."""
    answer = asked.client.get(PATH)
    names = {each["id"]: each["name"] for each in asked.client.get(ESCALATIONS).data["items"]}
    asked.show(answer, lambda console: _show_list(console, answer.data["items"], names))


@routes.command()
@click.argument("route")
@asks
def show(asked: Asked, route: str) -> None:
    """All that was said of a route."""
    answer = asked.client.get(f"{PATH}/{part(route)}")
    asked.show(answer, lambda console: _show(console, answer.data))


def defined(command: Any) -> Any:
    """The options that say what a route is."""
    for option in (
        click.option(
            "--file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="A route as YAML or JSON (docs/notifications.md).",
        ),
        click.option(
            "--continue/--stop", "continues", default=None, help="Whether routes behind it are asked as well."
        ),
        click.option("--position", type=int, metavar="NUMBER", help="Where it is asked."),
        click.option("--escalation", metavar="NAME", help="Who is told next when nobody takes care; empty: nobody."),
        click.option("--by", "group_by", multiple=True, metavar="LABEL", help="What makes an incident; repeated."),
        click.option(
            "--severity", "severities", multiple=True, type=click.Choice(SEVERITIES), help="Only it; repeated."
        ),
        click.option(
            "--only", multiple=True, metavar="LABEL=PATTERN", help="chat-*, !chat-test: which alerts; repeated."
        ),
        click.option("--channel", "channels", multiple=True, metavar="NAME", help="Whom it tells; repeated."),
    ):
        command = option(command)
    return command


@routes.command()
@click.argument("name", required=False)
@defined
@asks
def add(asked: Asked, name: str | None, **options: Any) -> None:
    """Make a route: NAME with --channel, or of a file."""
    body = _said(asked, options) | ({"name": name} if name is not None else {})
    if not body:
        fail("a route needs a NAME and a --channel, or --file", WRONG_USAGE)
    answer = asked.client.post(PATH, body)
    asked.show(answer, lambda console: say(console, f"{shown.text(answer.data['name'])}: id {answer.data['id']}"))


@routes.command()
@click.argument("route")
@click.option("--name", help="What it is called.")
@defined
@asks
def change(asked: Asked, route: str, name: str | None, **options: Any) -> None:
    """Change a route, `default` too; what is not said stays as it is."""
    said = _said(asked, options) | ({"name": name} if name else {})
    answer = _put(asked, route, said)
    asked.show(answer, lambda console: _show(console, answer.data))


@routes.command()
@click.argument("route")
@asks
def enable(asked: Asked, route: str) -> None:
    """Ask a route."""
    _switch(asked, route, enabled=True)


@routes.command()
@click.argument("route")
@asks
def disable(asked: Asked, route: str) -> None:
    """Leave a route out; it stays as it is."""
    _switch(asked, route, enabled=False)


@routes.command()
@click.argument("route")
@asks
def delete(asked: Asked, route: str) -> None:
    """Forget a route."""
    found = asked.client.get(f"{PATH}/{part(route)}").data
    answer = asked.client.delete(f"{PATH}/{part(found['id'])}")
    asked.show(answer, lambda console: say(console, f"{shown.text(found['name'])} is deleted"))


def _said(asked: Asked, options: dict[str, Any]) -> dict[str, Any]:
    """What a file and options say of a route."""
    file: Path | None = options["file"]
    body: dict[str, Any] = of_file(file)[0] if file is not None else {}
    body |= {key: list(options[key]) for key in ("channels", "severities", "group_by") if options[key]}
    body |= {key: options[key] for key in ("position", "escalation") if options[key] is not None}
    body |= {"continue": options["continues"]} if options["continues"] is not None else {}
    for text in options["only"]:
        label, equals, value = text.partition("=")
        if not label or not equals:
            fail(f"--only {text!r} is not LABEL=PATTERN", WRONG_USAGE)
        body.setdefault("matchers", {}).setdefault(label, []).append(value)
    if "escalation" in body:
        name = body["escalation"]
        body["escalation"] = asked.client.get(f"{ESCALATIONS}/{part(str(name))}").data["id"] if name else None
    return body


def _switch(asked: Asked, route: str, *, enabled: bool) -> None:
    answer = _put(asked, route, {"enabled": enabled})
    word = "enabled" if enabled else "disabled"
    asked.show(answer, lambda console: say(console, f"{shown.text(answer.data['name'])} is {word}"))


def _put(asked: Asked, route: str, said: dict[str, Any]) -> Answer:
    """A route as it was, but for what is said; refused where somebody else has changed it since."""
    found = json.loads(asked.client.get(f"{PATH}/{part(route)}").text)
    body = {name: value for name, value in found.items() if name not in OF_A_SERVER or name == "version"} | said
    return asked.client.put(f"{PATH}/{part(found['id'])}", body)


def _matchers(item: dict[str, Any]) -> str:
    """Which alerts a route takes, in a line."""
    labels = [f"{label}={','.join(values)}" for label, values in item["matchers"].items()]
    every = [*labels, *([",".join(item["severities"])] if item["severities"] else [])]
    return shown.text(" ".join(every)) or "all"


def _show_list(console: Console, items: list[dict[str, Any]], names: dict[str, str]) -> None:
    sheet = Sheet(
        Column(""),
        Column("route", text=True),
        Column("alerts", text=True),
        Column("channels", text=True),
        Column("escalation", text=True, leaves=1),
        Column("by", text=True, leaves=2),
    )
    for item in items:
        sheet.add(
            Text("on" if item["enabled"] else "off", style="green" if item["enabled"] else "dim"),
            shown.text(item["name"]),
            _matchers(item),
            shown.text(", ".join(item["channels"])),
            shown.text(names.get(item["escalation"], "")),
            shown.text(", ".join(item["group_by"])),
        )
    sheet.show(console)


def _show(console: Console, item: dict[str, Any]) -> None:
    say(console, f"{shown.text(item['name'])}: {_matchers(item)}", "bold")
    for name, value in item.items():
        if value not in (None, "", [], {}) and name not in ("name", "matchers", "severities"):
            say(console, f"  {name}: {shown.text(', '.join(value) if isinstance(value, list) else str(value))}")
