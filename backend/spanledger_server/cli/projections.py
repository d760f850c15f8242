"""`spanledger projections`: where spending goes, how sure that is, and what changed.

Never: a projection without what it stands on.
"""

from __future__ import annotations

from typing import Any, Final

import click
from rich.console import Console

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import CHECK_FAILED, Asked, watched
from spanledger_server.cli.client import decimal
from spanledger_server.cli.terminal import Column, Sheet, say

PERIODS: Final = ("today", "week", "month")
GROUPS: Final = ("model", "feature", "user_tier", "provider", "user", "service")


@click.command()
@click.option("--period", type=click.Choice(PERIODS), default="month", show_default=True)
@click.option("--group-by", type=click.Choice(GROUPS), default="model", show_default=True)
@click.option("--tz", help="IANA time zone in which days begin; else the server's.")
@click.option("--filter", "-f", "filters", multiple=True, metavar="KEY:VALUE", help="Only these; may be repeated.")
@click.option(
    "--check", is_flag=True, help="Exit with 3 when the budget for this is exceeded, or will be on this pace."
)
@watched
def projections(
    asked: Asked, period: str, group_by: str, tz: str | None, filters: tuple[str, ...], check: bool
) -> None:
    """Where spending goes, and what changed."""
    asking = {"period": period, "group_by": group_by, "tz": tz, "f": filters}
    answer = asked.client.get("/api/v1/projections", asking)
    asked.show(answer, lambda console: _show(console, answer.data))
    if check and answer.data["status"] == "over_budget":
        raise SystemExit(CHECK_FAILED)


def _show(console: Console, data: dict[str, Any]) -> None:
    goes = data["projection"]
    say(console, f"{_money(goes['estimated_total'])} by {shown.moment(data['to'])} UTC", "bold")
    if goes["p10"] is not None:
        say(console, f"{_money(goes['p10'])} to {_money(goes['p90'])} with 80 %; {_money(data['spent'])} so far")
    _show_budget(console, data)
    _show_ground(console, goes)
    _show_categories(console, data)
    _show_drivers(console, data)


def _show_budget(console: Console, data: dict[str, Any]) -> None:
    budget, goes = data["budget"], data["projection"]
    if budget is None:
        say(console, "no budget is for exactly this")
        return
    chance = shown.percent(decimal(goes["probability_over_budget"]))
    limit = f"budget {shown.text(budget['name'])} of {_money(budget['limit_amount'])}"
    line = f"{data['status']}: {limit}, chance to pass {chance}"
    times = goes["exhausted_at"] or {}
    if any(times.values()):
        each = (f"{name.upper()} {shown.clock(times[name])}" for name in ("p10", "p50", "p90") if times[name])
        line += f"; used up {', '.join(each)}"
    say(console, line, "red" if data["status"] == "over_budget" else "")


def _show_ground(console: Console, goes: dict[str, Any]) -> None:
    ground = f"by {goes['method'].replace('_', ' ')}, from {goes['history_hours']} h"
    tried = goes["backtest"]
    if tried is not None and tried["error"] is not None:
        error = shown.percent(decimal(tried["error"]))
        ground += f"; tried {tried['origins']} times on {tried['hours']} h it was off by {error}"
    say(console, ground, "dim")
    for note in goes["notes"]:
        say(console, note, "yellow")


def _show_categories(console: Console, data: dict[str, Any]) -> None:
    if not data["categories"]:
        return
    say(console, "")
    sheet = Sheet(
        Column(data["group_by"], text=True),
        Column("spent", right=True),
        Column("expected", right=True),
        Column("P10", right=True, leaves=1),
        Column("P90", right=True, leaves=2),
    )
    for row in data["categories"]:
        figures = (_money(row[name]) for name in ("spent", "estimated_total", "p10", "p90"))
        sheet.add(shown.text(row["category"]), *figures)
    sheet.show(console)


def _show_drivers(console: Console, data: dict[str, Any]) -> None:
    if not data["drivers"]:
        return
    since, until = (shown.clock(data["compared_with"][name]) for name in ("from", "to"))
    say(console, "")
    say(console, f"against {since} to {until}", "dim")
    sheet = Sheet(
        Column(data["group_by"], text=True),
        Column("change", right=True),
        Column("now", right=True, leaves=1),
        Column("before", right=True, leaves=2),
        Column("calls", right=True, leaves=3),
        Column("calls before", right=True, leaves=4),
    )
    for row in data["drivers"]:
        change = decimal(row["change"])
        sign = "+" if change is not None and change > 0 else ""
        counts = (shown.count(row[name]) for name in ("calls", "calls_before"))
        sheet.add(
            shown.text(row["category"]),
            sign + shown.money(change),
            _money(row["spent"]),
            _money(row["before"]),
            *counts,
        )
    sheet.show(console)


def _money(amount: Any) -> str:
    return shown.money(decimal(amount))
