"""`spanledger deployments`: markers of what went out, beside alerts and on charts.

Never: two markers of one deployment that was said twice.
"""

from __future__ import annotations

from typing import Any, Final

import click
from rich.console import Console

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import Asked, asks, watched
from spanledger_server.cli.grouping import Listing
from spanledger_server.cli.terminal import Column, Sheet, say

PATH: Final = "/api/v1/deployments"


@click.group(cls=Listing)
def deployments() -> None:
    """Which version of which service went out. Without a command: list."""


@deployments.command(name="list")
@click.option("--service", help="Only of this one.")
@click.option("--from", "from_", metavar="TIME", help="RFC 3339 or now-30d; else now-7d.")
@click.option("--to", metavar="TIME", help="RFC 3339 or now.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@watched
def listed(asked: Asked, from_: str | None, **question: Any) -> None:
    """Markers, the newest first."""
    answer = asked.client.get(PATH, question | {"from": from_})
    asked.show(answer, lambda console: _show_list(console, answer.data["items"]))


@deployments.command()
@click.argument("service")
@click.argument("version")
@click.option("--at", metavar="TIME", help="RFC 3339 or now-5m; else now.")
@click.option("--environment", metavar="NAME", help="Where: production, staging.")
@click.option("--note", help="What is new.")
@click.option("--link", "address", metavar="URL", help="Where more is to be read.")
@asks
def mark(asked: Asked, service: str, version: str, address: str | None, **said: str | None) -> None:
    """SERVICE went out as VERSION; saying it twice changes nothing."""
    given = {"service": service, "version": version, "url": address, **said}
    answer = asked.client.post(PATH, {name: value for name, value in given.items() if value is not None})
    told = f"{answer.data['service']} {answer.data['version']} at {shown.moment(answer.data['at'])}"
    asked.show(answer, lambda console: say(console, shown.text(told)))


def _show_list(console: Console, items: list[dict[str, Any]]) -> None:
    if not items:
        say(console, "no deployments")
        return
    sheet = Sheet(
        Column("at (UTC)"),
        Column("service", text=True),
        Column("version", text=True),
        Column("environment", text=True, leaves=1),
        Column("note", text=True, leaves=2),
        Column("by", text=True, leaves=3),
    )
    for item in items:
        texts = [shown.text(item[name] or "") for name in ("service", "version", "environment", "note", "by")]
        sheet.add(shown.moment(item["at"]), *texts)
    sheet.show(console)
