"""`spanledger maintenance`: times that are known before, once or again and again, in which some alerts are not told.

Never: a window without an end, or without a reason.
"""

from __future__ import annotations

from typing import Any, Final

import click
from rich.console import Console

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import WRONG_USAGE, Asked, asks, fail, watched
from spanledger_server.cli.client import part
from spanledger_server.cli.grouping import Listing
from spanledger_server.cli.terminal import Column, Sheet, say

PATH: Final = "/api/v1/maintenance"
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PLANNED: Final = (
    *("name", "matchers", "comment", "timezone", "starts_at", "ends_at"),
    *("at", "minutes", "weekdays", "month_days", "updated_at"),
)


@click.group(cls=Listing)
def maintenance() -> None:
    """Times in which nobody is told of some alerts. Without a command: list."""


@maintenance.command(name="list")
@watched
def listed(asked: Asked) -> None:
    """Every window, whether it lasts now, and when it begins next."""
    answer = asked.client.get(PATH)
    asked.show(answer, lambda console: _show_list(console, answer.data["items"]))


def planned(command: Any) -> Any:
    """The options that say when a window lasts."""
    for option in (
        click.option("--month-day", "month_days", multiple=True, type=int, help="1 to 31, -1 is the last; repeated."),
        click.option("--weekday", "weekdays", multiple=True, type=click.Choice(DAYS), help="Only on it; repeated."),
        click.option("--timezone", metavar="ZONE", help="Europe/Berlin: whose clocks --at means; else the server's."),
        click.option("--at", metavar="HH:MM", help="Each day at this time, for as long as --for says."),
        click.option("--from", "starts_at", metavar="TIME", help="RFC 3339, or now+1h; else now."),
        click.option("--until", "ends_at", metavar="TIME", help="RFC 3339; with --at: until when that holds."),
        click.option("--for", "duration", metavar="LENGTH", help="45m, 2h, 1d: how long; with --at each time."),
    ):
        command = option(command)
    return command


@maintenance.command()
@click.argument("name")
@click.argument("matchers", nargs=-1, required=True, metavar="MATCHER...")
@planned
@click.option("--comment", required=True, help="Why.")
@asks
def add(asked: Asked, name: str, matchers: tuple[str, ...], comment: str, **when: Any) -> None:
    """Make a window of matchers, once or again and again.

    For example: backups service=db --at 02:30 --for 45m --weekday sun
    """
    if when["at"] is None and (when["duration"] is None) == (when["ends_at"] is None):
        fail("a window needs --for or --until; one that comes again --at and --for", WRONG_USAGE)
    body = {"name": name, "matchers": list(matchers), "comment": comment} | _said(when)
    answer = asked.client.post(PATH, body)
    asked.show(
        answer, lambda console: say(console, f"{shown.text(name)}: id {answer.data['id']}, {_when(answer.data)}")
    )


@maintenance.command()
@click.argument("window")
@click.option("--name", help="What it is called.")
@click.option("--match", "matchers", multiple=True, metavar="MATCHER", help="In place of its matchers; repeated.")
@planned
@click.option("--comment", help="Why.")
@asks
def change(asked: Asked, window: str, **said: Any) -> None:
    """Change a window, by name or id; what is not said stays as it is."""
    before = _found(asked, window)
    body = {key: before[key] for key in PLANNED} | _said(said)
    body |= {key: said[key] for key in ("name", "comment") if said[key]}
    if said["matchers"]:
        body["matchers"] = list(said["matchers"])
    if said["duration"] and body["at"]:
        body["minutes"] = None
    elif said["duration"]:
        begun = before["now"] and not said["starts_at"]
        body |= {"duration": None, "ends_at": f"now+{said['duration']}"} if begun else {"ends_at": None}
    answer = asked.client.put(f"{PATH}/{part(before['id'])}", body)
    asked.show(answer, lambda console: say(console, f"{shown.text(answer.data['name'])}: {_when(answer.data)}"))


@maintenance.command()
@click.argument("window")
@asks
def end(asked: Asked, window: str) -> None:
    """End a window now, or before it comes; by name or id."""
    before = _found(asked, window)
    if before["now"] and before["at"] is None:
        body = {key: before[key] for key in PLANNED} | {"ends_at": "now"}
        answer = asked.client.put(f"{PATH}/{part(before['id'])}", body)
        told = "is over"
    else:
        answer = asked.client.delete(f"{PATH}/{part(before['id'])}")
        told = "is over, and does not come again" if before["now"] else "does not come"
    asked.show(answer, lambda console: say(console, f"{shown.text(before['name'])} {told}"))


def _found(asked: Asked, window: str) -> dict[str, Any]:
    items: list[dict[str, Any]] = asked.client.get(PATH).data["items"]
    found = next((each for each in items if window in (each["id"], each["name"])), None)
    if found is None:
        fail(f"there is no maintenance window {window!r}; `spanledger maintenance` lists all")
    return found


def _said(when: dict[str, Any]) -> dict[str, Any]:
    given = {key: when[key] for key in ("starts_at", "ends_at", "duration", "at", "timezone") if when[key]}
    return given | {key: list(when[key]) for key in ("weekdays", "month_days") if when[key]}


def _when(item: dict[str, Any]) -> str:
    """When it lasts, in words: now, next, or how it comes again."""
    if item["now"]:
        return f"until {shown.moment(item['now']['to'])[:16]}"
    return f"from {shown.moment(item['next']['from'])[:16]}" if item["next"] else "over"


def _again(item: dict[str, Any]) -> str:
    if not item["at"]:
        return "once"
    days = [*item["weekdays"], *(str(day) for day in item["month_days"])]
    return f"{item['at']} {item['timezone']} for {item['minutes']} min{' on ' + ', '.join(days) if days else ''}"


def _show_list(console: Console, items: list[dict[str, Any]]) -> None:
    if not items:
        say(console, "no maintenance")
        return
    sheet = Sheet(
        Column("window", text=True),
        Column("lasts (UTC)"),
        Column("comes", text=True),
        Column("alerts that match", text=True),
        Column("comment", text=True, leaves=1),
        Column("by", leaves=2),
    )
    for item in items:
        sheet.add(
            shown.text(item["name"]),
            _when(item),
            shown.text(_again(item)),
            shown.text(" ".join(item["matchers"])),
            shown.text(item["comment"]),
            shown.text(item["created_by"]),
        )
    sheet.show(console)
