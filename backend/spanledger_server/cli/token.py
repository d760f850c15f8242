"""`spanledger token`: make, list and revoke tokens.

Never: a secret shown twice.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console

from spanledger_server.cli.asking import Asked, asks, plain_table

ROLES = ("ingest", "viewer", "admin")


@click.group()
def token() -> None:
    """Tokens: `ingest` sends telemetry, `viewer` reads, `admin` does everything."""


@token.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--expires-at", metavar="TIME", help="RFC 3339; without it the token works until it is revoked.")
@asks
def create(asked: Asked, name: str, role: str, expires_at: str | None) -> None:
    """Make a token called NAME; its secret is shown only now."""
    answer = asked.client.post("/api/v1/tokens", {"name": name, "role": role, "expires_at": expires_at})
    asked.show(answer, lambda console: console.print(answer.data["token"], soft_wrap=True))


@token.command("list")
@asks
def listed(asked: Asked) -> None:
    """All tokens, also the revoked ones."""
    answer = asked.client.get("/api/v1/tokens")
    asked.show(answer, lambda console: _show(console, answer.data["items"]))


def _show(console: Console, tokens: list[dict[str, Any]]) -> None:
    table = plain_table("id", "name", "role", "created", "expires", "last used", "state")
    for each in tokens:
        table.add_row(
            each["id"],
            each["name"],
            each["role"],
            each["created_at"],
            each["expires_at"] or "never",
            each["last_used_at"] or "never",
            "revoked" if each["revoked_at"] else "",
        )
    console.print(table)


@token.command()
@click.argument("token_id", metavar="ID")
@asks
def revoke(asked: Asked, token_id: str) -> None:
    """Make the token with this ID useless at once."""
    asked.client.delete(f"/api/v1/tokens/{token_id}")
    click.echo("{}" if asked.as_json else f"revoked {token_id}")
