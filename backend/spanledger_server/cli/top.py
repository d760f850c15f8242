"""`spanledger top`: everything that matters now, in a terminal, drawn anew every two seconds.

Never: a figure of its own; the server says them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import click
import simplejson
from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from spanledger_server.cli import alerts, health, plot, status
from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import Asked, asks
from spanledger_server.cli.client import Client, decimal
from spanledger_server.cli.terminal import Column, Sheet, console, say
from spanledger_server.cli.watching import watch

EVERY_S = 2.0
WIDE = 100  # columns from which on figures stand in boxes
BOX = 22
SPARK_S, SPARK_COLUMNS = 300, 18
RECENT, DEAREST, MOST_ALERTS = 200, 8, 8


@click.command()
@click.option("--every", type=click.FloatRange(0.2, 3600), default=EVERY_S, show_default=True, help="Seconds.")
@click.option("--once", is_flag=True, help="Show it once.")
@asks
def top(asked: Asked, every: float, once: bool) -> None:
    """A live dashboard in the terminal.

    Status, cost, calls, errors, latency, open alerts, providers, services, the dearest calls.
    """

    def frame() -> None:
        found = gathered(asked.client)
        if asked.as_json:
            click.echo(simplejson.dumps(found, use_decimal=True))
        else:
            show(console(), found)

    if once or asked.as_json:
        frame()
    else:
        watch(frame, every, as_json=False)


def gathered(client: Client) -> dict[str, Any]:
    """All that is shown, from four questions."""
    now = client.get("/api/v1/status").data
    live = client.get("/api/admin/monitoring/metrics/realtime", {"topics": ["live", "alerts"]}).data
    lines = client.get("/api/v1/ledger", {"from": "now-15m", "limit": RECENT}).data["items"]
    priced = [line for line in lines if line["cost_usd"] is not None]
    return {
        "status": {key: now[key] for key in ("sentence", "level", "tiles", "services", "conditions")},
        "alerts": live["topics"]["alerts"],
        "points": live["points"],
        "providers": client.get("/api/v1/providers/health").data["providers"],
        "recent_calls": len(lines),
        "dearest_calls": sorted(priced, key=lambda line: -Decimal(str(line["cost_usd"])))[:DEAREST],
    }


def show(where: Console, found: dict[str, Any]) -> None:
    """One frame."""
    now = found["status"]
    say(where, f"{status.MARKS[now['level']]} {now['sentence']}", f"bold {status.STYLES[now['level']]}")
    for condition in now["conditions"]:
        say(where, f"  ! {condition['service']}: {condition['text']}", "yellow")
    boxes = _figures(now["tiles"], found["points"])
    if where.is_terminal and where.width >= WIDE:
        panels = [
            Panel(Text(f"{value}\n{under}"), title=name, width=BOX, border_style="dim") for name, value, under in boxes
        ]
        where.print(Columns(panels, padding=(0, 0)))
    else:
        sheet = Sheet(Column(""), Column("", right=True), Column("", leaves=1))
        for box in boxes:
            sheet.add(*box)
        sheet.show(where)
    for title, table in (
        (_alerts_title(found["alerts"]), _alerts(found["alerts"]["items"])),
        ("providers", _providers(found["providers"])),
        ("services", _services(now["services"])),
        (f"dearest of the latest {shown.count(found['recent_calls'])} calls", _calls(found["dearest_calls"])),
    ):
        if table is not None:
            say(where, "")
            say(where, title, "bold")
            table.show(where)


def _figures(tiles: dict[str, Any], points: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Name, value and what stands below it."""
    priced = shown.percent(tiles["spend_today_coverage"])
    return [
        ("cost today", shown.money(decimal(tiles["spend_today"])), f"{priced} priced"),
        ("calls", shown.rate(tiles["calls_per_s"]), _spark(points, "calls")),
        ("errors", shown.percent(tiles["error_ratio"]), _spark(points, "errors")),
        ("p95", shown.duration(tiles["p95_ms"]), _spark(points, "p95")),
        ("first token", shown.duration(tiles["ttfc_p95_ms"]), _spark(points, "ttfc_p95")),
        ("tokens", shown.rate(tiles["tokens_per_s"]), _spark(points, "output_tokens")),
    ]


def _spark(points: list[dict[str, Any]], name: str) -> str:
    """The last five minutes."""
    if not points:
        return ""
    end = int(points[-1]["t"]) + 1
    counted = name in ("calls", "errors")
    by_second = {int(point["t"]): point[name] for point in points}
    values = [by_second.get(t, 0 if counted else None) for t in range(end - SPARK_S, end)]
    return plot.spark([None if value is None else float(value) for value in values], SPARK_COLUMNS)


def _providers(found: list[dict[str, Any]]) -> Sheet | None:
    if not found:
        return None
    sheet = Sheet(
        Column("provider", text=True),
        Column("health"),
        Column("calls", right=True),
        Column("failed", right=True, leaves=1),
        Column("p95", right=True, leaves=2),
        Column("usually", right=True, leaves=4),
        Column("cost", right=True, leaves=3),
        Column("why", text=True, leaves=5),
    )
    for one in found:
        sheet.add(
            shown.text(one["provider"]),
            Text(f"{health.MARKS[one['status']]} {one['status']}", style=health.STYLES[one["status"]]),
            shown.count(one["requests"]),
            Text(shown.count(one["errors"]), style="red" if one["errors"] else "dim"),
            shown.duration(one["p95_latency"]),
            shown.duration(one["usual"]["p95_latency"]),
            shown.money(decimal(one["cost"])),
            one["reason"],
        )
    return sheet


def _alerts_title(found: dict[str, Any]) -> str:
    counts = [(found["needs"], "open"), (found["acknowledged"], "acknowledged"), (found["held_back"], "held back")]
    told = [*counts, (found["pending"], "pending"), (found["unevaluated"], "not evaluated")]
    return "alerts: " + ", ".join(f"{count} {word}" for count, word in told if count)


def _alerts(found: list[dict[str, Any]]) -> Sheet | None:
    if not found:
        return None
    sheet = Sheet(
        Column("since (UTC)", leaves=2),
        Column("severity"),
        Column("state", leaves=1),
        Column("alert", text=True),
    )
    for one in found[:MOST_ALERTS]:
        severity = shown.text(one["severity"])
        styled = Text(severity, style=alerts.STYLES.get(severity, ""))
        sheet.add(shown.clock(one["started_at"]), styled, alerts.state(one), shown.text(one["message"]))
    return sheet


def _services(found: list[dict[str, Any]]) -> Sheet | None:
    return status.services(found) if found else None


def _calls(found: list[dict[str, Any]]) -> Sheet | None:
    if not found:
        return None
    sheet = Sheet(
        Column("at (UTC)", leaves=3),
        Column("model", text=True),
        Column("cost", right=True),
        Column("input", right=True, leaves=1),
        Column("output", right=True, leaves=1),
        Column("took", right=True, leaves=2),
        Column("service", text=True, leaves=4),
        Column("feature", text=True, leaves=6),
        Column("trace", leaves=5),
    )
    for line in found:
        sheet.add(
            shown.clock(line["at"]),
            shown.text(line["model"] or line["operation"]),
            shown.money(decimal(line["cost_usd"])),
            shown.count(line["input_tokens"]),
            shown.count(line["output_tokens"]),
            shown.duration(line["duration_ms"]),
            shown.text(line["service"]),
            shown.text(line["feature"]),
            line["trace_id"],
        )
    return sheet
