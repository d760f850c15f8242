"""`spanledger requests` and `spanledger system`: what servers were asked, and how their machines did.

Never: a number of requests that spans only estimate, without its interval.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli import plot
from spanledger_server.cli.asking import Asked, watched
from spanledger_server.cli.terminal import Column, Sheet, say

PERIODS = ("hour", "day", "week", "month")
SPARK_COLUMNS = 40
FIGURES = (
    ("cpu_usage", "CPU", "%"),
    ("memory_usage", "memory", "%"),
    ("queue_length", "queue", ""),
    ("active_requests", "active requests", ""),
    ("db_connections_used", "connections in use", ""),
    ("celery_active", "Celery tasks", ""),
)


@click.command()
@click.option("--period", type=click.Choice(PERIODS), default="day", show_default=True)
@click.option("--service", help="Only this service.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many endpoints.")
@watched
def requests(asked: Asked, period: str, service: str | None, limit: int) -> None:
    """HTTP requests by endpoint.

    How many, how fast, how many failed.
    """
    answer = asked.client.get("/api/admin/stats/requests", {"period": period, "service": service, "limit": limit})
    asked.show(answer, lambda console: _show_requests(console, answer.data))


def _show_requests(console: Console, data: dict[str, Any]) -> None:
    if not data["request_count"]:
        say(console, f"no requests in the last {data['period']}")
        return
    say(console, f"{shown.count(data['request_count'])} requests in the last {data['period']}{_interval(data)}", "bold")
    say(
        console,
        f"{shown.percent(data['error_rate'])} failed ({shown.count(data['error_count'])}, of which "
        f"{shown.count(data['server_errors'])} by the server), mean {_seconds(data['avg_process_time'])}, "
        f"p50 {_seconds(data['p50'])}, p95 {_seconds(data['p95'])}, p99 {_seconds(data['p99'])}, "
        f"{shown.count(data['slow_requests'])} over {_seconds(data['slow_above'])}",
    )
    say(console, "")
    sheet = Sheet(
        Column("endpoint", text=True),
        Column("requests", right=True),
        Column("failed", right=True, leaves=1),
        Column("mean", right=True, leaves=2),
        Column("p95", right=True, leaves=3),
        Column("service", text=True, leaves=4),
    )
    for row in data["top_endpoints"]:
        sheet.add(
            shown.text(row["path"]),
            shown.count(row["count"]),
            Text(shown.percent(row["error_rate"]), style="red" if row["error_count"] else "dim"),
            _seconds(row["avg_process_time"]),
            _seconds(row["p95"]),
            shown.text(row["service"]),
        )
    sheet.show(console)
    if data["endpoints"] > len(data["top_endpoints"]):
        say(console, f"and {data['endpoints'] - len(data['top_endpoints'])} more: --limit", "dim")


def _interval(data: dict[str, Any]) -> str:
    found, sources = data["interval"]["requests"], data["sources"]
    if data["at_least"]:
        return f" at least: {shown.count(sources['uncounted_spans'])} spans do not say what they stand for"
    if found["low"] == found["high"]:
        return ""
    return f" ({shown.count(found['low'])} to {shown.count(found['high'])}, from {shown.count(sources['spans'])} spans)"


def _seconds(value: Any) -> str:
    return shown.duration(None if value is None else float(value) * 1000)


@click.command()
@click.option("--period", type=click.Choice(PERIODS), default="hour", show_default=True)
@watched
def system(asked: Asked, period: str) -> None:
    """Machines and processes.

    CPU, memory, queues, requests under way, connections, Celery.
    """
    answer = asked.client.get("/api/admin/stats/system", {"period": period})
    asked.show(answer, lambda console: _show_system(console, answer.data))


def _show_system(console: Console, data: dict[str, Any]) -> None:
    if data["current_at"] is None:
        say(console, f"no system reported in the last {data['period']}")
        return
    say(console, f"the last {data['period']}, newest of {shown.moment(data['current_at'])} UTC", "bold")
    sheet = Sheet(
        Column("", text=True),
        Column("now", right=True),
        Column("mean", right=True, leaves=1),
        Column("most", right=True, leaves=2),
        Column("", leaves=3),
    )
    for name, called, unit in FIGURES:
        values = [None if row[name] is None else float(row[name]) for row in data["metrics"]]
        known = [value for value in values if value is not None]
        if not known:
            sheet.add(called, shown.UNKNOWN, shown.UNKNOWN, shown.UNKNOWN, "")
            continue
        figures = (known[-1], sum(known) / len(known), max(known))
        sheet.add(called, *(_figure(value, unit) for value in figures), Text(plot.spark(values, SPARK_COLUMNS), "cyan"))
    sheet.show(console)


def _figure(value: float, unit: str) -> str:
    return shown.percent(value / 100) if unit == "%" else shown.count(round(value, 2))
