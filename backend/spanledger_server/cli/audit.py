"""`spanledger audit`: what administrators changed.

Never: a secret; none is kept.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import click
from rich.console import Console

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import Asked, watched
from spanledger_server.cli.terminal import Column, Sheet, say, say_further


@click.command()
@click.option("--actor", help="Only what was changed with the token of this name.")
@click.option("--action", help="Only this, such as token.revoked, or all of token.")
@click.option("--subject", metavar="ID", help="Only what was changed of this.")
@click.option("--from", "from_", metavar="TIME", help="RFC 3339, or now-7d.")
@click.option("--to", metavar="TIME", help="RFC 3339, or now.")
@click.option("--limit", metavar="COUNT", help="1 to 1000, else 100.")
@click.option("--cursor", help="next_cursor of the page before.")
@watched
def audit(asked: Asked, from_: str | None, **asking: str | None) -> None:
    """What administrators changed, newest first."""
    answer = asked.client.get("/api/v1/audit", {"from": from_, **asking})
    asked.show(answer, lambda console: _show(console, answer.data))


def _show(console: Console, data: dict[str, Any]) -> None:
    if not data["items"]:
        say(console, "nothing was changed")
        return
    sheet = Sheet(
        Column("at (UTC)"),
        Column("by", text=True),
        Column("what"),
        Column("of", text=True, leaves=1),
        Column("how", text=True, leaves=2),
    )
    for row in data["items"]:
        sheet.add(
            shown.moment(row["at"]),
            shown.text(row["actor"]),
            row["action"],
            shown.text(row["subject"] or ""),
            shown.text(_change(row["detail"])),
        )
    sheet.show(console)
    say_further(console, data)


def _change(detail: str | None) -> str:
    """What differs between before and after; without those, the whole."""
    said = json.loads(detail) if detail else {}
    if not isinstance(said, dict) or not {"before", "after"} <= said.keys():
        return _short(said) if said else ""
    before, after = said["before"], said["after"]
    if not isinstance(before, dict) or not isinstance(after, dict):
        return f"{_short(before)} → {_short(after)}"
    changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    return ", ".join(f"{key} {_short(before.get(key), key)} → {_short(after.get(key), key)}" for key in changed)


def _short(value: Any, key: str = "") -> str:
    if value is None:
        return shown.UNKNOWN
    if isinstance(value, dict):
        return " ".join(f"{name}={_short(each, name)}" for name, each in sorted(value.items()) if each is not None)
    if key.endswith("_ns") and isinstance(value, int):
        return dt.datetime.fromtimestamp(value // 10**9, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value if isinstance(value, str) else json.dumps(value)
