"""`spanledger logs`: what programs wrote, newest first.

Never: a record's text cut in a file or a pipe.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli import options
from spanledger_server.cli.asking import Asked, began, watched
from spanledger_server.cli.terminal import Column, Sheet, say, say_further

WARNING, ERROR = 13, 17  # the least numbers of OTLP that are one
LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")


@click.command()
@options.rows(50, "service:shop, any attribute; ! before a value negates.")
@click.option("--search", "-q", help="Words in what was written.")
@click.option("--severity", metavar="LEVEL", help="At least trace, debug, info, warn, error, fatal, or 1 to 24.")
@click.option("--trace", "trace_id", metavar="ID", help="Those of one trace, of all time.")
@watched
def logs(
    asked: Asked, from_: str | None, since: str | None, filters: tuple[str, ...], search: str | None, **rest: Any
) -> None:
    """Log records, newest first."""
    answer = asked.client.get("/api/v1/logs", {"from": began(from_, since), "f": filters, "q": search, **rest})
    asked.show(answer, lambda console: _show(console, answer.data))


def _show(console: Console, data: dict[str, Any]) -> None:
    if not data["items"]:
        say(console, "no records match")
        return
    sheet = Sheet(
        Column("at (UTC)"),
        Column("severity", leaves=1),
        Column("service", text=True, leaves=2),
        Column("trace", leaves=3),
        Column("what", text=True, whole=True),
    )
    for item in data["items"]:
        sheet.add(
            shown.clock(item["at"]),
            Text(_severity(item), style=_style(item["severity"])),
            shown.text(item["service"]),
            item["trace_id"] or "",
            _what(item),
        )
    sheet.show(console)
    say_further(console, data)


def _severity(item: dict[str, Any]) -> str:
    """As its sender calls it, else by OTLP's numbers, of which each level has four."""
    number = item["severity"]
    if item["severity_text"]:
        return shown.text(item["severity_text"])
    return shown.UNKNOWN if not number else LEVELS[min(len(LEVELS), (number + 3) // 4) - 1]


def _style(number: int | None) -> str:
    return "red" if (number or 0) >= ERROR else "yellow" if (number or 0) >= WARNING else ""


def _what(item: dict[str, Any]) -> str:
    """The text, its lines as one: a stack trace would take the screen."""
    body = item["body"]
    if body is None:
        return shown.text(item["event_name"])
    return " ".join(str(body).split())
