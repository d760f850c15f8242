"""`spanledger loss`: what became of all that was sent, and what was lost where and why.

Never: a dash where something is known, or a zero where nothing is.
"""

from __future__ import annotations

from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import Asked, watched
from spanledger_server.cli.terminal import Column, Sheet, say

OURS: Final = "spanledger-"
LOST: Final = ("refused", "dropped")
NOTHING: Final = {"sent": None, "dropped": None, "queued": None}


@click.command()
@watched
def loss(asked: Asked) -> None:
    """What was sent, stored, refused and dropped."""
    answer = asked.client.get("/api/v1/loss")
    asked.show(answer, lambda console: _show(console, answer.data))


def _show(console: Console, data: dict[str, Any]) -> None:
    if not data["services"]:
        say(console, "nothing has reported yet")
        return
    sheet = Sheet(
        Column("service", text=True),
        Column("signal"),
        *(Column(name, right=True) for name in ("sent", "stored", *LOST)),
        Column("sampled", right=True, leaves=1),
        Column("waiting", right=True, leaves=2),
        Column("missing", right=True),
        Column("±", right=True, leaves=3),
    )
    for row in data["services"]:
        counts = (
            Text(shown.text(row[name]), style=_style(name, row[name])) for name in ("sent", "stored", *LOST, "sampled")
        )
        missing = Text(shown.text(row["unexplained"]), style="" if _is_sound(row) else "red")
        levels = (shown.text(row["on_the_way"]), missing, shown.text(row["tolerance"]))
        sheet.add(shown.text(row["service"]), row["signal"], *counts, *levels)
    sheet.show(console)
    _show_reasons(console, data["services"])
    if data["collectors"]:
        say(console, "")
        _show_collectors(console, data["collectors"])


def _show_reasons(console: Console, services: list[dict[str, Any]]) -> None:
    """A line for each row that has more to tell than its figures."""
    told = [(f"{shown.text(row['service'])} {row['signal']}", _why(row)) for row in services]
    silent = dict.fromkeys(shown.text(row["service"]) for row in services if row["sent"] is None)
    lines = [f"{whose}: {why}" for whose, why in told if why]
    lines += [f"{', '.join(silent)}: what was sent is not told by the SDK"] if silent else []
    for line in lines:
        say(console, line, "dim")


def _why(row: dict[str, Any]) -> str:
    """Where items were dropped or wait, what was refused here, and what is known of those that are missing."""
    told = [
        f"{where} {reason} {count}" for where, found in row["drops"].items() for reason, count in sorted(found.items())
    ]
    elsewhere = {reason for found in row["drops"].values() for reason in found}
    told += [f"refused {reason} {count}" for reason, count in row["reasons"].items() if reason not in elsewhere]
    told += [f"waiting in {where} {count}" for where, count in row["waiting"].items()]
    return ", ".join([*told, *([row["reason"]] if row["reason"] and row["sent"] is not None else [])])


def _is_sound(row: dict[str, Any]) -> bool:
    return row["unexplained"] is None or abs(row["unexplained"]) <= row["tolerance"]


def _show_collectors(console: Console, collectors: list[dict[str, Any]]) -> None:
    sheet = Sheet(
        Column("collector", text=True),
        Column("host", text=True, leaves=2),
        Column("signal"),
        *(Column(name, right=True) for name in ("accepted", "refused")),
        Column("exporter", text=True),
        *(Column(name, right=True) for name in ("sent", "dropped")),
        Column("queued", right=True, leaves=1),
        Column("sampled", right=True),
    )
    for row in collectors:
        taken = [Text(shown.text(row[name]), style=_style(name, row[name])) for name in ("accepted", "refused")]
        for exporter, found in row["exporters"].items() or [("", NOTHING)]:
            given = (
                Text(shown.text(found[name]), style=_style(name, found[name])) for name in ("sent", "dropped", "queued")
            )
            name = shown.text(row["service"]).removeprefix(OURS)  # there is little room
            names = (name, shown.text(row["host"]), row["signal"])
            sheet.add(*names, *taken, shown.text(exporter), *given, shown.text(row["sampled"]))
    sheet.show(console)


def _style(name: str, count: int | None) -> str:
    return "red" if count and name in LOST else ""
