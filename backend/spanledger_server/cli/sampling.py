"""`spanledger sampling`: what is kept and what it stands for, whether that agrees with the ledger, and the budget.

Never: a figure without its interval, or one for spans that do not say how they were sampled.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import CHECK_FAILED, WRONG_USAGE, Asked, asks, fail
from spanledger_server.cli.client import decimal
from spanledger_server.cli.terminal import Column, Sheet, say

STATES = {"ok": ("✓", "green"), "outside": ("!", "yellow"), "unknown": ("?", "dim")}
EVERYTHING, SETTING = "all", "setting"


@click.command()
@click.option("--service", help="Only this service, with all its operations.")
@click.option("--from", "from_", metavar="TIME", help="RFC 3339, or now-15m; else the last hour.")
@click.option("--to", metavar="TIME", help="RFC 3339, or now.")
@click.option(
    "--budget",
    metavar="VALUE",
    help=f"Set how many spans a second are kept: a number, {EVERYTHING}, or {SETTING} for the server's own setting.",
)
@click.option(
    "--fail-on", type=click.Choice(["outside"]), help="Exit with 3 when a service's spans disagree with its ledger."
)
@asks
def sampling(
    asked: Asked, service: str | None, from_: str | None, to: str | None, budget: str | None, fail_on: str | None
) -> None:
    """What is kept, and what it stands for."""
    if budget is not None:
        _set(asked, budget)
        return
    answer = asked.client.get("/api/v1/sampling", {"service": service, "from": from_, "to": to})
    asked.show(answer, lambda console: _show(console, answer.data))
    if fail_on is not None and answer.data["conditions"]:
        raise SystemExit(CHECK_FAILED)


def _set(asked: Asked, budget: str) -> None:
    if budget == SETTING:
        answer = asked.client.delete("/api/v1/sampling")
    else:
        answer = asked.client.put("/api/v1/sampling", {"budget_spans_per_second": _spans_per_s(budget)})
    asked.show(answer, lambda console: say(console, _budget(answer.data["budget"])))


def _spans_per_s(text: str) -> float | None:
    if text == EVERYTHING:
        return None
    try:
        return float(text)
    except ValueError:
        fail(f"--budget {text!r} is not a number of spans a second, {EVERYTHING} or {SETTING}", WRONG_USAGE)


def _show(console: Console, data: dict[str, Any]) -> None:
    say(console, _budget(data["budget"]))
    for service in data["services"]:
        say(console, "")
        _service(console, service)
    if not data["services"]:
        say(console, "no requests in this time")


def _budget(budget: dict[str, Any]) -> str:
    limit, stored = budget["spans_per_second"], shown.rate(budget["stored_spans_per_second"])
    text = f"no budget: everything is kept, {stored} spans are stored"
    if limit is not None:
        text = f"budget {shown.rate(limit)} spans ({budget['source']}), {stored} are stored"
    if budget["pressure"] < 1:
        text += f"; the server is busy: senders are asked for {shown.percent(budget['pressure'])} of it"
    return text


def _service(console: Console, service: dict[str, Any]) -> None:
    say(console, f"{shown.text(service['service'])}: {_requests(service)}", "bold")
    check = service["check"]
    if check is not None:
        mark, style = STATES[check["state"]]
        say(console, f"  {mark} {check['reason']}", style)
    if not service["operations"]:
        return
    sheet = Sheet(
        Column("operation", text=True),
        Column("requests", right=True),
        Column("±", right=True, leaves=2),
        Column("failed", right=True, leaves=3),
        Column("p95", right=True, leaves=4),
        Column("kept", right=True, leaves=5),
        Column("dropped", right=True, leaves=1),
        Column("to keep", right=True, leaves=6),
    )
    for each in service["operations"]:
        requests, failed, slow = each["requests"], each["error_ratio"], each["duration_ms"]["p95"]
        sheet.add(
            shown.text(each["operation"]),
            shown.count(_value(requests)),
            shown.count(_margin(requests)),
            shown.percent(_value(failed)),
            shown.duration(_value(slow)),
            shown.count(each["kept"]),
            shown.rate(each["dropped_per_second"]),
            shown.percent(each["probability"]),
        )
    sheet.show(console)
    if service["folded"]:
        say(console, f"and {service['folded']} more: --service {shown.text(service['service'])}", "dim")


def _requests(figures: dict[str, Any]) -> str:
    kept = f"{shown.count(figures['kept'])} requests kept"
    estimate = figures["requests"]
    stand = (
        "" if estimate is None else f", stand for {shown.count(estimate['value'])} ± {shown.count(_margin(estimate))}"
    )
    uncounted = f", {shown.percent(figures['uncounted_share'])} uncounted" if figures["uncounted"] else ""
    return kept + stand + uncounted


def _value(estimate: dict[str, Any] | None) -> Any:
    return None if estimate is None else decimal(estimate["value"])


def _margin(estimate: dict[str, Any] | None) -> Any:
    if estimate is None:
        return None
    return max(estimate["high"] - estimate["value"], estimate["value"] - estimate["low"])
