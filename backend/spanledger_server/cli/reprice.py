"""`spanledger reprice`: what calls would cost by the prices of now, and, with --apply, what they do.

Never: a correction that was not asked for.
"""

from __future__ import annotations

import threading
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import FAILED, Asked, asks, fail
from spanledger_server.cli.client import decimal, part
from spanledger_server.cli.progress import progress
from spanledger_server.cli.terminal import Column, Sheet, say

PATH: Final = "/api/v1/reprice"
POLL_S: Final = 0.5


@click.command()
@click.option("--from", "from_", metavar="TIME", help="RFC 3339, or now-30d: the first moment of the lines.")
@click.option("--to", metavar="TIME", default="now", show_default=True, help="The moment after the last.")
@click.option(
    "--filter", "-f", "filters", multiple=True, metavar="KEY:VALUE", help="Only these lines; may be repeated."
)
@click.option("--apply", "applies", is_flag=True, help="Correct the lines; else only tell what would differ.")
@click.option("--list", "only_list", is_flag=True, help="Begin none; list the runs that there were.")
@click.option("--run", "run_id", metavar="ID", help="Follow this run; with --apply, correct what this dry run told.")
@click.option("--cancel", metavar="ID", help="End this run early; what it corrected stays.")
@asks
def reprice(
    asked: Asked,
    from_: str | None,
    to: str,
    filters: tuple[str, ...],
    applies: bool,
    only_list: bool,
    run_id: str | None,
    cancel: str | None,
) -> None:
    """Price lines of the ledger anew.

    Without --apply, only see what would change. With --apply and --run, correct what a dry run told, unless prices have
    changed since.
    """
    if only_list:
        answer = asked.client.get(PATH)
        asked.show(answer, lambda console: _list(console, answer.data))
        return
    if cancel is not None:
        answer = asked.client.delete(f"{PATH}/{part(cancel)}")
    elif run_id is not None:
        answer = asked.client.get(f"{PATH}/{part(run_id)}")
        if applies:
            answer = asked.client.post(PATH, _told(answer.data))
    elif from_ is None:
        raise click.UsageError("--from says from when on: RFC 3339, or now-30d")
    else:
        body = {"from": from_, "to": to, "filters": list(filters), "apply": applies}
        answer = asked.client.post(PATH, body)
    with progress("pricing") as tell:
        while answer.data.get("state") == "running":
            tell(answer.data["done"], answer.data["lines"])
            threading.Event().wait(POLL_S)
            answer = asked.client.get(f"{PATH}/{part(answer.data['run'])}")
    asked.show(answer, lambda console: _show(console, answer.data))
    if answer.data["state"] in ("failed", "interrupted"):
        if asked.as_json:
            raise SystemExit(FAILED)
        fail(f"run {answer.data['run']} {answer.data['state']}: {answer.data['reason']}")


def _told(dry: dict[str, Any]) -> dict[str, Any]:
    """What corrects the lines that a dry run told of, by the same prices."""
    if dry["apply"] or dry["state"] != "done":
        raise click.UsageError(f"--run {dry['run']}: --apply needs a dry run that is done")
    return {name: dry[name] for name in ("from", "to", "filters", "prices")} | {"apply": True}


def _show(console: Console, run: dict[str, Any]) -> None:
    old, new = decimal(run["old_total"]), decimal(run["new_total"])
    say(console, f"{shown.money(old)} → {shown.money(new)}", "bold")
    done = "corrected" if run["apply"] else "would change"
    say(console, f"{shown.count(run['changed'])} of {shown.count(run['done'])} lines {done}{_states(run)}")
    say(console, f"{shown.moment(run['from'])} to {shown.moment(run['to'])} UTC, run {run['run']}: {run['state']}")
    changed = [row for row in run["models"] if row["changed"]]
    if changed:
        say(console, "")
        _models(console, changed)
    if not run["apply"] and run["changed"]:
        say(console, f"nothing has changed yet: --apply --run {run['run']} corrects the lines", "dim")


def _states(run: dict[str, Any]) -> str:
    more = ((run["newly_priced"], "now with a price"), (run["newly_unpriced"], "now without"))
    told = [f"{shown.count(count)} {what}" for count, what in more if count]
    return f" ({', '.join(told)})" if told else ""


def _models(console: Console, rows: list[dict[str, Any]]) -> None:
    sheet = Sheet(
        Column("provider", text=True, leaves=3),
        Column("model", text=True),
        Column("lines", right=True, leaves=2),
        Column("changed", right=True),
        Column("old", right=True),
        Column("new", right=True),
        Column("difference", right=True, leaves=1),
        Column("unpriced", right=True, leaves=4),
    )
    for row in rows:
        sheet.add(
            shown.text(row["provider"]),
            shown.text(row["model"]),
            shown.count(row["lines"]),
            shown.count(row["changed"]),
            shown.money(decimal(row["old_total"])),
            shown.money(decimal(row["new_total"])),
            shown.money(decimal(row["difference"])),
            Text(shown.count(row["unpriced"]), style="yellow" if row["unpriced"] else "dim"),
        )
    sheet.show(console)


def _list(console: Console, data: dict[str, Any]) -> None:
    if not data["items"]:
        say(console, "no lines were priced anew yet")
        return
    sheet = Sheet(
        Column("run"),
        Column("began", leaves=3),
        Column("what", leaves=1),
        Column("state"),
        Column("lines", right=True, leaves=4),
        Column("changed", right=True),
        Column("old", right=True, leaves=2),
        Column("new", right=True, leaves=2),
    )
    for run in data["items"]:
        sheet.add(
            run["run"],
            shown.moment(run["started_at"]),
            "corrects" if run["apply"] else "dry run",
            run["state"],
            shown.count(run["done"]),
            shown.count(run["changed"]),
            shown.money(decimal(run["old_total"])),
            shown.money(decimal(run["new_total"])),
        )
    sheet.show(console)
