"""`spanledger chart METRIC`: a metric over time, drawn with dots.

Never: a line through a gap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli import plot
from spanledger_server.cli.asking import Asked, watched
from spanledger_server.cli.client import decimal
from spanledger_server.cli.terminal import say

PERIODS = ("hour", "day", "week", "month")
WIDEST, UNSEEN_WIDTH = 160, 100
FILLED = ("usd", "usd/h")  # and everything that is counted: its unit stands in braces
PERCENTILES = (("p99", "red"), ("p95", "yellow"), ("p50", "green"))


@click.command()
@click.argument("metric")
@click.option("--period", type=click.Choice(PERIODS), default="day", show_default=True)
@click.option("--height", type=click.IntRange(4, 60), default=13, show_default=True, help="Rows of the chart.")
@click.option(
    "--filter", "-f", "filters", multiple=True, metavar="KEY:VALUE", help="For metrics of model calls; may be repeated."
)
@watched
def chart(asked: Asked, metric: str, period: str, height: int, filters: tuple[str, ...]) -> None:
    """A metric over time.

    latency, cost, error_rate, response_time, cpu_usage …, or any that was sent, by its name.
    """
    asking = {"metric": metric, "period": period, "f": filters}
    answer = asked.client.get("/api/admin/monitoring/metrics/history", asking)
    asked.show(answer, lambda console: show(console, answer.data, height))


def show(console: Console, data: dict[str, Any], height: int) -> None:
    """The chart, its figures above it and its times below."""
    written = written_as(data["unit"])
    figures = ", ".join(f"{name} {written(data[key])}" for name, key in _FIGURES)
    say(console, f"{data['metric']}: {figures}", "bold")
    points = data["points"]
    rows = plot.chart(_lines(data, points), min(WIDEST, _width(console)), height, written)
    if not rows:
        say(console, f"nothing is known of the last {data['period']}")
        return
    for row in rows:
        console.print(row, soft_wrap=True)
    say(console, _times(points, rows[0].cell_len, _margin(rows[0])), "dim")
    if "p95" in points[0]:
        legend = [("━ mean  ", "bold cyan"), *((f"━ {name}  ", style) for name, style in reversed(PERCENTILES))]
        console.print(Text.assemble(*legend), soft_wrap=True)


_FIGURES = (("now", "current"), ("mean", "average"), ("least", "min"), ("most", "max"))


def _lines(data: dict[str, Any], points: list[dict[str, Any]]) -> list[plot.Line]:
    def of(key: str) -> list[float | None]:
        return [None if point[key] is None else float(point[key]) for point in points]

    unit = data["unit"] or ""
    filled = unit in FILLED or unit.startswith("{")
    lines = [plot.Line(of(name), style) for name, style in PERCENTILES] if "p95" in points[0] else []
    return [*lines, plot.Line(of("value"), "cyan", filled=filled)]


def _width(console: Console) -> int:
    return console.width if console.is_terminal else UNSEEN_WIDTH


def _margin(row: Text) -> int:
    return max(row.plain.find("┤"), row.plain.find("│"))


def _times(points: list[dict[str, Any]], width: int, margin: int) -> str:
    """First, middle and last time, below where they are; in UTC."""
    begin, middle, end = (shown.clock(points[at]["timestamp"])[:-3] for at in (0, len(points) // 2, -1))
    room = width - margin - 1
    line = f"{begin}{middle:^{max(len(middle), room - len(begin) - len(end) - 4)}}{end} UTC"
    return " " * (margin + 1) + line


def written_as(unit: str | None) -> Callable[[Any], str]:
    """How values of a unit are written."""
    return {
        "ms": lambda value: shown.duration(value),
        "s": lambda value: shown.duration(None if value is None else float(value) * 1000),
        "usd": lambda value: shown.money(decimal(value)),
        "usd/h": lambda value: shown.UNKNOWN if value is None else f"{shown.money(decimal(value))}/h",
        "1": lambda value: shown.percent(value),
        "%": lambda value: shown.percent(None if value is None else float(value) / 100),
        "By": lambda value: shown.size(value),
    }.get(unit or "", shown.count)
