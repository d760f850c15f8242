"""`spanledger channels`: the ways to somebody: set up, tried, switched on and off, deleted.

Never: a secret on the screen; where one is needed, it is read from a file, from standard input, or asked for unseen.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import CHECK_FAILED, WRONG_USAGE, Asked, asks, fail, watched
from spanledger_server.cli.client import Answer, Client, part
from spanledger_server.cli.grouping import Listing
from spanledger_server.cli.terminal import Column, Sheet, say

PATH: Final = "/api/v1/channels"
TYPES: Final = ("webhook", "slack", "pagerduty", "email", "sms", "alertmanager", "apprise")
NUMBERS: Final = ("port", "fires_for_s")
OF_A_SERVER: Final = (
    *("id", "created_at", "updated_at", "updated_by"),
    *("last_delivered_at", "last_delivered", "last_failed_at", "last_failed", "failed_in_a_row"),
)
PLACES: Final = {
    "webhook": "url",
    "slack": "channel",
    "pagerduty": "region",
    "email": "to",
    "sms": "to",
    "alertmanager": "url",
    "apprise": "url",
}


@click.group(cls=Listing)
def channels() -> None:
    """Ways to tell somebody of an alert. Without a command: list."""


@channels.command(name="list")
@watched
def listed(asked: Asked) -> None:
    """Every channel, and what became of its latest messages."""
    answer = asked.client.get(PATH)
    asked.show(answer, lambda console: _show(console, answer.data["items"]))


@channels.command()
@click.argument("kind", metavar="TYPE", type=click.Choice(TYPES))
@asks
def fields(asked: Asked, kind: str) -> None:
    """What a channel of a type is told when it is set up."""
    answer = asked.client.get(f"{PATH}/types")
    found = next(item for item in answer.data["items"] if item["type"] == kind)
    asked.show(answer, lambda console: _show_type(console, found))


@channels.command()
@click.argument("name")
@click.option("--type", "kind", type=click.Choice(TYPES), required=True, help="What it is.")
@click.option(
    "--set",
    "given",
    multiple=True,
    metavar="KEY=VALUE",
    help="What it is told (`channels fields TYPE`); @FILE or @- for a file or standard input; repeated.",
)
@click.option("--ask", multiple=True, metavar="KEY", help="Ask for this secret without showing it; repeated.")
@click.option("--allow-private", is_flag=True, help="It may be in a private network, or on the server's machine.")
@click.option("--disabled", is_flag=True, help="Do not use it yet.")
@asks
def add(
    asked: Asked,
    name: str,
    kind: str,
    given: tuple[str, ...],
    ask: tuple[str, ...],
    allow_private: bool,
    disabled: bool,
) -> None:
    """Set up a channel."""
    told = _given(given) | {key: click.prompt(key, hide_input=True, err=True) for key in ask}
    body = {"name": name, "type": kind, **told, "allow_private": allow_private, "enabled": not disabled}
    answer = asked.client.post(PATH, body)
    asked.show(answer, lambda console: _added(console, answer.data))


@channels.command()
@click.argument("channel")
@click.option("--name", help="What it is called.")
@click.option("--set", "given", multiple=True, metavar="KEY=VALUE", help="As with `add`; an empty value removes it.")
@click.option("--ask", multiple=True, metavar="KEY", help="Ask for this secret without showing it; repeated.")
@asks
def change(asked: Asked, channel: str, name: str | None, given: tuple[str, ...], ask: tuple[str, ...]) -> None:
    """Change a channel; what is not said stays as it is, its secrets too."""
    told = {key: value if value != "" else None for key, value in _given(given).items()}
    told |= {key: click.prompt(key, hide_input=True, err=True) for key in ask}
    after = _put(asked, channel, told | ({"name": name} if name else {}))
    asked.show(after, lambda console: say(console, f"{after.data['name']} is changed"))


@channels.command()
@click.argument("channel")
@asks
def test(asked: Asked, channel: str) -> None:
    """Send a test message now; exit with 3 when it does not arrive."""
    answer = asked.client.post(f"{PATH}/{part(channel)}/test", {})
    style = "green" if answer.data["delivered"] else "red"
    asked.show(answer, lambda console: say(console, answer.data["sentence"], style))
    if not answer.data["delivered"]:
        raise SystemExit(CHECK_FAILED)


@channels.command()
@click.argument("channel")
@asks
def enable(asked: Asked, channel: str) -> None:
    """Use a channel."""
    _switch(asked, channel, enabled=True)


@channels.command()
@click.argument("channel")
@asks
def disable(asked: Asked, channel: str) -> None:
    """Leave a channel alone; it stays set up."""
    _switch(asked, channel, enabled=False)


@channels.command()
@click.argument("channel")
@click.option("--force", is_flag=True, help="Also one that is named somewhere.")
@asks
def delete(asked: Asked, channel: str, force: bool) -> None:
    """Forget a channel and its secrets."""
    found = _found(asked.client, channel)
    answer = asked.client.delete(f"{PATH}/{part(found['id'])}", {"force": "true" if force else None})
    asked.show(answer, lambda console: say(console, f"{found['name']} is deleted"))


def _switch(asked: Asked, channel: str, *, enabled: bool) -> None:
    answer = _put(asked, channel, {"enabled": enabled})
    asked.show(answer, lambda console: say(console, f"{answer.data['name']} is {'enabled' if enabled else 'disabled'}"))


def _put(asked: Asked, channel: str, different: dict[str, Any]) -> Answer:
    """The secrets go back as they were shown, which the server takes for: as they are."""
    found = _found(asked.client, channel)
    body = {name: value for name, value in found.items() if name not in OF_A_SERVER} | different
    return asked.client.put(f"{PATH}/{part(found['id'])}", body)


def _found(client: Client, channel: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{PATH}/{part(channel)}").data
    return found


def _given(pairs: tuple[str, ...]) -> dict[str, Any]:
    """What was said with --set; what was said several times is a list."""
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not key or not equals:
            fail(f"--set {key!r} is not KEY=VALUE", WRONG_USAGE)
        value = _value(key, _read(key, text))
        before = found.get(key)
        found[key] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return found


def _read(key: str, text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        content = sys.stdin.read() if text == "@-" else Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"--set {key}={text}: it cannot be read: {error}", WRONG_USAGE)
    return content.strip()


def _value(key: str, text: str) -> Any:
    if key in NUMBERS and text.isdecimal():
        return int(text)
    if key == "headers":
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            fail('--set headers is not JSON such as {"Authorization": "Bearer …"}', WRONG_USAGE)
    return text


def _added(console: Console, item: dict[str, Any]) -> None:
    say(console, f"{item['name']}: {item['type']}, id {item['id']}")
    say(console, f"try it: spanledger channels test {item['id']}", "dim")


def _show_type(console: Console, item: dict[str, Any]) -> None:
    say(console, f"{item['type']}: {item['meaning']}")
    sheet = Sheet(
        Column("key"), Column("", leaves=2), Column("default", text=True, leaves=1), Column("meaning", text=True)
    )
    for field in item["fields"]:
        kind = ", ".join(name for name in ("required", "secret") if field[name])
        default = "" if field["default"] is None else str(field["default"]).lower()
        sheet.add(field["name"], kind, default, field["meaning"])
    sheet.show(console)


def _show(console: Console, items: list[dict[str, Any]]) -> None:
    if not items:
        say(console, "no channels: `spanledger channels add` sets one up")
        return
    sheet = Sheet(
        Column("channel", text=True),
        Column("type"),
        Column("to", text=True, leaves=3),
        Column("delivered", leaves=1),
        Column("failed", leaves=4),
        Column("state"),
        Column("why", text=True, leaves=2),
    )
    for item in items:
        sheet.add(*_row(item))
    sheet.show(console)


def _row(item: dict[str, Any]) -> list[str | Text]:
    state, style = ("on", "green") if item["enabled"] else ("off", "dim")
    failing = item["failed_in_a_row"] > 0
    if failing and item["enabled"]:
        state, style = "failing", "red"
    place = item.get(PLACES.get(item["type"], "url")) or item.get("url") or ""
    return [
        shown.text(item["name"]),
        item["type"],
        shown.text(", ".join(place) if isinstance(place, list) else place),
        shown.moment(item["last_delivered_at"]),
        shown.moment(item["last_failed_at"]),
        Text(state, style=style),
        shown.text(item["last_failed"] or "") if failing else "",
    ]
