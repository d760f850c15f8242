"""`spanledger token`: make, list, rotate and revoke tokens, and links that sign a browser in.

Never: a secret shown twice.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import Asked, asks, watched
from spanledger_server.cli.client import part
from spanledger_server.cli.grouping import Listing
from spanledger_server.cli.terminal import Column, Sheet

ROLES = ("ingest", "viewer", "admin")


@click.group(cls=Listing)
def token() -> None:
    """Make, list, rotate and revoke tokens. Without a command: list.

    `ingest` sends telemetry, `viewer` reads, `admin` does everything.
    """


@token.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option(
    "--expires-at", metavar="TIME", help="RFC 3339, or now+90d; without it the token works until it is revoked."
)
@click.option("--service", "services", multiple=True, help="It sends for, or sees, only this one; may be repeated.")
@click.option("--tenant", "tenants", multiple=True, help="The same, by tenant.")
@asks
def create(
    asked: Asked,
    name: str,
    role: str,
    expires_at: str | None,
    services: tuple[str, ...],
    tenants: tuple[str, ...],
) -> None:
    """Make a token; its secret is shown only now."""
    limits = {"services": list(services) or None, "tenants": list(tenants) or None}
    answer = asked.client.post("/api/v1/tokens", {"name": name, "role": role, "expires_at": expires_at, **limits})
    asked.show(answer, lambda console: console.print(answer.data["token"], soft_wrap=True))


@token.command("list")
@watched
def listed(asked: Asked) -> None:
    """All tokens, also the revoked ones."""
    answer = asked.client.get("/api/v1/tokens")
    asked.show(answer, lambda console: _show(console, answer.data["items"]))


def _show(console: Console, tokens: list[dict[str, Any]]) -> None:
    sheet = Sheet(
        Column("id"),
        Column("name", text=True),
        Column("role"),
        Column("state"),
        Column("limited to", text=True, leaves=4),
        Column("created (UTC)", leaves=3),
        Column("expires (UTC)", leaves=2),
        Column("last used (UTC)", leaves=1),
    )
    for each in tokens:
        sheet.add(
            each["id"],
            shown.text(each["name"]),
            each["role"],
            Text(each["state"], style="" if each["state"] == "works" else "dim"),
            shown.text(", ".join([*(each["services"] or ()), *(each["tenants"] or ())])) if _limited(each) else "",
            shown.moment(each["created_at"]),
            shown.moment(each["expires_at"]) if each["expires_at"] else "never",
            shown.moment(each["last_used_at"]) if each["last_used_at"] else "never",
        )
    sheet.show(console)


@token.command()
@click.argument("token_id", metavar="ID")
@asks
def revoke(asked: Asked, token_id: str) -> None:
    """Make a token useless at once."""
    asked.client.delete(f"/api/v1/tokens/{part(token_id)}")
    click.echo("{}" if asked.as_json else f"revoked {token_id}")


@token.command()
@click.argument("token_id", metavar="ID")
@click.option("--grace", default="24h", show_default=True, metavar="TIME", help="How long the old one still works.")
@asks
def rotate(asked: Asked, token_id: str, grace: str) -> None:
    """Make a token in the place of another; its secret is shown only now."""
    answer = asked.client.post(f"/api/v1/tokens/{part(token_id)}/rotate", {"grace": grace})
    asked.show(answer, lambda console: console.print(answer.data["token"], soft_wrap=True))


@token.command()
@asks
def link(asked: Asked) -> None:
    """A link that signs a browser in: once, within five minutes."""
    answer = asked.client.post("/api/v1/session/link", {})
    asked.show(answer, lambda console: console.print(asked.client.url + answer.data["path"], soft_wrap=True))


def _limited(each: dict[str, Any]) -> bool:
    return each["services"] is not None or each["tenants"] is not None
