"""A trace in the terminal: the tree of its spans, bars on one time axis, and what each call cost.

Given the server's answer for one trace, prints it. A span whose parent did not come stands at the top and says so.

Never: a sum of costs that the server did not give.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli.asking import plain_table
from spanledger_server.cli.client import decimal

BAR_COLUMNS = 40
STYLES = {"model": "blue", "tool": "yellow", "database": "cyan", "http": "magenta", "audio": "green", "cache": "cyan"}


def show(console: Console, trace: dict[str, Any]) -> None:
    """Print the trace."""
    unpriced = f" + {trace['unpriced_calls']} unpriced" if trace["unpriced_calls"] else ""
    cost = shown.money(decimal(trace["cost_usd"])) if trace["calls"] else "no calls"
    errors = f", {trace['error_count']} errors" if trace["error_count"] else ""
    console.print(f"{trace['trace_id']}  {trace['start']}")
    console.print(f"{shown.duration(trace['duration_ms'])}, {trace['span_count']} spans{errors}, {cost}{unpriced}")
    if trace["missing_parents"]:
        console.print(f"{trace['missing_parents']} parents were not received", style="yellow")
    console.print()
    table = plain_table("span", "service", "duration", "cost", "", right=("duration", "cost"))
    total_ns = max((span["start_offset_ns"] + span["duration_ns"] for span in trace["spans"]), default=0)
    for depth, span in in_order(trace["spans"]):
        table.add_row(
            _name(span, depth),
            shown.text(span["service"]),
            shown.duration(span["duration_ns"] / 10**6),
            _cost(span),
            _bar(span, total_ns),
        )
    console.print(table)
    for line in trace["ledger"]:
        console.print(
            f"also billed, without a span here: {shown.text(line['model'])} {shown.money(decimal(line['cost_usd']))}"
        )


def in_order(spans: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Spans with their depth: parents before children, siblings by start. Safe for trees as deep as they come."""
    children: dict[str | None, list[dict[str, Any]]] = {}
    known = {span["span_id"] for span in spans}
    for span in sorted(spans, key=lambda span: span["start_offset_ns"]):
        parent = span["parent_span_id"]
        children.setdefault(parent if parent in known and parent != span["span_id"] else None, []).append(span)
    drawn: set[str] = set()
    open_spans = [(0, span) for span in reversed(children.get(None, []))]
    while open_spans:
        depth, span = open_spans.pop()
        if span["span_id"] in drawn:
            continue
        drawn.add(span["span_id"])
        yield depth, span
        open_spans += [(depth + 1, child) for child in reversed(children.get(span["span_id"], []))]
    yield from ((0, span) for span in spans if span["span_id"] not in drawn)


def _name(span: dict[str, Any], depth: int) -> Text:
    failed = span["status"] == "error"
    mark = "✗ " if failed else ""
    orphan = " (parent missing)" if span["parent_missing"] else ""
    return Text(f"{'  ' * depth}{mark}{span['name']}{orphan}", style="red" if failed else "")


def _cost(span: dict[str, Any]) -> str:
    line = span["ledger"]
    if line is None:
        return ""
    return "unpriced" if line["state"] == "unpriced" else shown.money(decimal(line["cost_usd"]))


def _bar(span: dict[str, Any], total_ns: int) -> Text:
    if total_ns <= 0:
        return Text("▏")
    start = min(BAR_COLUMNS - 1, int(span["start_offset_ns"] / total_ns * BAR_COLUMNS))
    width = max(1, round(span["duration_ns"] / total_ns * BAR_COLUMNS))
    style = "red" if span["status"] == "error" else STYLES.get(span["category"], "dim")
    return Text(" " * start + "█" * min(width, BAR_COLUMNS - start), style=style)
