"""`spanledger budgets`: what may be spent, what is, and where it goes; made, changed and put away.

Never: a good word for a budget with calls that nobody can price.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import CHECK_FAILED, WRONG_USAGE, Asked, asks, fail, watched
from spanledger_server.cli.client import Client, decimal, part
from spanledger_server.cli.grouping import Listing
from spanledger_server.cli.terminal import Column, Sheet, say

PATH: Final = "/api/v1/budgets"
PERIODS: Final = ("daily", "weekly", "monthly")
DIMENSIONS: Final = ("provider", "model", "service", "feature", "user_tier", "user_id", "session_id", "tenant")
FLAGS: Final = {
    "50": "alert_at_50_percent",
    "80": "alert_at_80_percent",
    "95": "alert_at_95_percent",
    "100": "alert_at_exceeded",
}
STYLES: Final = {"under_budget": "green", "on_track": "green", "over_budget": "red", "degraded": "yellow"}
OF_A_SERVER: Final = ("id", "version", "created_at", "updated_at", "updated_by", "archived_at", "overlaps", "status")
BAR_COLUMNS: Final = 16
MOST: Final = 1000  # budgets that can be in use


@click.group(cls=Listing)
def budgets() -> None:
    """What may be spent, what is, and where it goes. Without a command: list."""


def described(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what a budget is."""
    options = [
        click.option("--period", type=click.Choice(PERIODS), help="How long."),
        click.option("--limit", metavar="USD", help="What may be spent in a period."),
        click.option("--window", type=click.Choice(("calendar", "rolling")), help="Rolling: the last 1, 7, 30 days."),
        click.option("--timezone", metavar="ZONE", help="IANA time zone in which days begin; else the server's."),
        click.option(
            "--only", multiple=True, metavar="KEY=VALUE", help=f"What it is about: {', '.join(DIMENSIONS)}; repeated."
        ),
        click.option("--alert", "alerts", multiple=True, type=click.Choice(tuple(FLAGS)), help="Percent; repeated."),
        click.option("--forecast", metavar="PERCENT", help="A threshold for the projection."),
        click.option("--rollover", metavar="USD", help="What is carried over at most from the period before."),
        click.option("--description", help="For people."),
        click.option("--enabled/--disabled", default=None, help="Whether it is watched."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@budgets.command(name="list")
@click.option("--archived", is_flag=True, help="Also those that were put away.")
@click.option("--budget", "names", multiple=True, metavar="NAME", help="Only these, by name or id; repeated.")
@click.option("--check", is_flag=True, help="Exit with 3 when one is over its limit, or certain to be on this pace.")
@watched
def listed(asked: Asked, archived: bool, names: tuple[str, ...], check: bool) -> None:
    """Every budget: spent, of how much, and where it goes."""
    answer = asked.client.get(PATH, {"standing": "true", "archived": "true" if archived else None, "limit": MOST})
    items = [item for item in answer.data["items"] if not names or {item["name"], item["id"]} & set(names)]
    unknown = [name for name in names if not any(name in (item["name"], item["id"]) for item in items)]
    if unknown:
        fail(f"there is no budget {unknown[0]!r}", WRONG_USAGE)
    asked.show(answer, lambda console: _show(console, items))
    if check and any(item["status"]["status"] == "over_budget" for item in items):
        raise SystemExit(CHECK_FAILED)


@budgets.command()
@click.argument("name")
@described
@asks
def create(asked: Asked, name: str, **options: Any) -> None:
    """Make a budget."""
    if options["period"] is None or options["limit"] is None:
        fail("a budget needs --period and --limit", WRONG_USAGE)
    answer = asked.client.post(PATH, {"name": name, **_body(options)})
    asked.show(answer, lambda console: say(console, f"{_title(answer.data)}, id {answer.data['id']}"))


@budgets.command()
@click.argument("budget")
@click.option("--name", help="A new name.")
@described
@asks
def update(asked: Asked, budget: str, name: str | None, **options: Any) -> None:
    """Change a budget; what is not named stays as it is."""
    before = _found(asked.client, budget)
    kept = {key: _told(value) for key, value in before.items() if key not in OF_A_SERVER}
    body = {**kept, **_body(options), "version": before["version"]} | ({} if name is None else {"name": name})
    answer = asked.client.put(f"{PATH}/{part(before['id'])}", body)
    asked.show(answer, lambda console: say(console, f"{_title(answer.data)}, version {answer.data['version']}"))


@budgets.command()
@click.argument("budget")
@asks
def archive(asked: Asked, budget: str) -> None:
    """Put a budget away; its history stays."""
    found = _found(asked.client, budget)
    answer = asked.client.delete(f"{PATH}/{part(found['id'])}")
    asked.show(answer, lambda console: say(console, f"{found['name']} is archived"))


@budgets.command()
@click.argument("budget")
@asks
def history(asked: Asked, budget: str) -> None:
    """Every version of a budget, newest first."""
    found = _found(asked.client, budget)
    answer = asked.client.get(f"{PATH}/{part(found['id'])}/history")
    asked.show(answer, lambda console: _show_history(console, answer.data["items"]))


def _found(client: Client, name: str) -> dict[str, Any]:
    """The budget of that name or id."""
    items: list[dict[str, Any]] = client.get(PATH, {"limit": MOST}).data["items"]
    found = next((item for item in items if name in (item["id"], item["name"])), None)
    if found is None:
        fail(f"there is no budget {name!r}: `spanledger budgets` lists them", WRONG_USAGE)
    return found


def _told(value: Any) -> Any:
    """A value of an answer as a body has it: numbers keep their digits as text."""
    return str(value) if isinstance(value, Decimal | int) and not isinstance(value, bool) else value


def _body(options: dict[str, Any]) -> dict[str, Any]:
    """What was said of a budget, in the API's names."""
    names = {"limit": "limit_amount", "forecast": "forecast_percent", "rollover": "rollover_limit"}
    plain = {name: value for name, value in options.items() if name not in ("only", "alerts")}
    body = {names.get(name, name): value for name, value in plain.items() if value is not None}
    if options["alerts"]:
        body |= {flag: percent in options["alerts"] for percent, flag in FLAGS.items()}
    for text in options["only"]:
        key, equals, value = text.partition("=")
        if key not in DIMENSIONS or not equals:
            fail(f"--only {text!r} is not KEY=VALUE with one of {', '.join(DIMENSIONS)}", WRONG_USAGE)
        body[key] = value or None
    return body


def _show(console: Console, items: list[dict[str, Any]]) -> None:
    if not items:
        say(console, "no budgets")
        return
    sheet = Sheet(
        Column("budget", text=True),
        Column("scope", text=True, leaves=2),
        Column("period", leaves=4),
        Column("spent", right=True),
        Column("of", right=True),
        Column("", leaves=5),
        Column("used", right=True, leaves=1),
        Column("forecast", right=True, leaves=3),
        Column("status"),
    )
    for item in items:
        sheet.add(*_row(item))
    sheet.show(console)
    for item in items:
        state = item["status"]
        if state["status"] in ("over_budget", "degraded"):
            say(console, f"{item['name']}: {state['sentence']}", STYLES[state["status"]])


def _row(item: dict[str, Any]) -> list[str | Text]:
    state = item["status"]
    used = decimal(state["percentage"])
    share = None if used is None else used / 100
    goes = state["projection"]
    expected = decimal(goes["estimated_total"]) if goes and goes["certain"] else None
    style = STYLES.get(state["status"], "dim")
    return [
        shown.text(item["name"]),
        _scope(item),
        f"{item['period']}{' rolling' if item['window'] == 'rolling' else ''}",
        shown.money(decimal(state["spent"])),
        shown.money(decimal(state["limit_amount"])),
        Text(shown.bar(share, BAR_COLUMNS), style=style),
        shown.percent(share),
        shown.money(expected),
        Text(state["status"] if item["archived_at"] is None else "archived", style=style),
    ]


def _show_history(console: Console, items: list[dict[str, Any]]) -> None:
    sheet = Sheet(
        Column("version", right=True),
        Column("since"),
        Column("limit", right=True),
        Column("period"),
        Column("for", text=True, leaves=1),
        Column("by", text=True, leaves=2),
        Column(""),
    )
    for item in items:
        put_away = "archived" if item["archived_at"] else "" if item["enabled"] else "disabled"
        limit = shown.money(decimal(item["limit_amount"]))
        by = shown.text(item["updated_by"])
        sheet.add(
            str(item["version"]), shown.moment(item["updated_at"]), limit, item["period"], _scope(item), by, put_away
        )
    sheet.show(console)


def _scope(item: dict[str, Any]) -> str:
    return ", ".join(f"{name}={item[name]}" for name in DIMENSIONS if item[name] is not None) or "everything"


def _title(item: dict[str, Any]) -> str:
    return f"{item['name']}: {shown.exact_money(decimal(item['limit_amount']))} {item['period']} for {_scope(item)}"
