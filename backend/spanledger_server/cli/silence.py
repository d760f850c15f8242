"""`spanledger silence`: tell nobody of alerts that match, always until a time and with a reason.

Never: a silence without an end.
"""

from __future__ import annotations

from typing import Any, Final

import click
from rich.console import Console

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import WRONG_USAGE, Asked, asks, fail, watched
from spanledger_server.cli.client import part
from spanledger_server.cli.grouping import Listing
from spanledger_server.cli.terminal import Column, Sheet, say, say_further

PATH: Final = "/api/v1/silences"
STATES: Final = ("active", "pending", "expired", "any")


@click.group(cls=Listing)
def silence() -> None:
    """Tell nobody of alerts that match, until a time. Without a command: list."""


@silence.command()
@click.argument("matchers", nargs=-1, required=True, metavar="MATCHER...")
@click.option("--for", "duration", metavar="LENGTH", help="30m, 2h, 1d: how long.")
@click.option("--until", metavar="TIME", help="RFC 3339: in place of --for.")
@click.option("--from", "from_", metavar="TIME", help="RFC 3339, or now+1h; else now.")
@click.option("--comment", required=True, help="Why.")
@asks
def add(
    asked: Asked,
    matchers: tuple[str, ...],
    duration: str | None,
    until: str | None,
    from_: str | None,
    comment: str,
) -> None:
    """Make a silence of matchers.

    Such as team=shop, severity!=critical, instance=~10.*.
    """
    if (duration is None) == (until is None):
        fail("a silence needs --for or --until", WRONG_USAGE)
    given = {"starts_at": from_, "ends_at": until, "duration": duration}
    body = {"matchers": list(matchers), "comment": comment} | {key: value for key, value in given.items() if value}
    answer = asked.client.post(PATH, body)
    asked.show(answer, lambda console: say(console, f"silence {answer.data['id']}, {_until(answer.data)}"))


@silence.command(name="list")
@click.option("--state", type=click.Choice(STATES), default="active", show_default=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--cursor", help="next_cursor of an answer before.")
@watched
def listed(asked: Asked, **question: Any) -> None:
    """Silences, those that end last first."""
    answer = asked.client.get(PATH, question)
    asked.show(answer, lambda console: _all(console, answer.data))


@silence.command()
@click.argument("silence_id")
@click.option("--match", "matchers", multiple=True, metavar="MATCHER", help="In place of its matchers; repeated.")
@click.option("--for", "duration", metavar="LENGTH", help="30m, 2h, 1d: how long from now on.")
@click.option("--until", metavar="TIME", help="RFC 3339: in place of --for.")
@click.option("--comment", help="Why.")
@asks
def change(asked: Asked, silence_id: str, **said: Any) -> None:
    """Change a silence that is not over; what is not said stays as it is."""
    if said["duration"] and said["until"]:
        fail("either --for or --until", WRONG_USAGE)
    before = asked.client.get(f"{PATH}/{part(silence_id)}").data
    body = {key: before[key] for key in ("matchers", "comment", "starts_at", "ends_at", "updated_at")}
    body |= {"matchers": list(said["matchers"])} if said["matchers"] else {}
    body |= {"comment": said["comment"]} if said["comment"] else {}
    if said["duration"] or said["until"]:
        body["ends_at"] = said["until"] or f"now+{said['duration']}"
    answer = asked.client.put(f"{PATH}/{part(silence_id)}", body)
    asked.show(answer, lambda console: say(console, f"silence {answer.data['id']}, {_until(answer.data)}"))


@silence.command()
@click.argument("silence_id")
@asks
def expire(asked: Asked, silence_id: str) -> None:
    """End a silence now."""
    answer = asked.client.delete(f"{PATH}/{part(silence_id)}")
    asked.show(answer, lambda console: say(console, f"silence {answer.data['id']} ended"))


def _until(one: dict[str, Any]) -> str:
    return f"until {shown.moment(one['ends_at'])}"


def _all(console: Console, data: dict[str, Any]) -> None:
    if not data["items"]:
        say(console, "no such silences")
        return
    sheet = Sheet(
        Column("until (UTC)"),
        Column("state", leaves=1),
        Column("alerts that match", text=True),
        Column("comment", text=True),
        Column("by", leaves=2),
        Column("id", leaves=3),
    )
    for one in data["items"]:
        sheet.add(
            shown.moment(one["ends_at"]),
            one["state"],
            shown.text(" ".join(one["matchers"])),
            shown.text(one["comment"]),
            shown.text(one["created_by"]),
            one["id"],
        )
    sheet.show(console)
    say_further(console, data)
