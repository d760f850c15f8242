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
from spanledger_server.cli.client import decimal
from spanledger_server.cli.terminal import Column, Sheet, say

BAR_COLUMNS = ((120, 40), (90, 24), (0, 12))  # from this width of the terminal on, a bar has so many
MOST_DEPTH = 20  # levels that are drawn one below the other; deeper ones say theirs
STYLES = {"model": "blue", "tool": "yellow", "database": "cyan", "http": "magenta", "audio": "green", "cache": "cyan"}


def show(console: Console, trace: dict[str, Any]) -> None:
    """Print the trace."""
    unpriced = f" + {trace['unpriced_calls']} unpriced" if trace["unpriced_calls"] else ""
    cost = shown.money(decimal(trace["cost_usd"])) if trace["calls"] else "no calls"
    errors = f", {_counted(trace['error_count'], 'error')}" if trace["error_count"] else ""
    say(console, f"{trace['trace_id']}  {shown.moment(trace['start'])} UTC")
    spans = _counted(trace["span_count"], "span")
    say(console, f"{shown.duration(trace['duration_ms'])}, {spans}{errors}, {cost}{unpriced}")
    if trace["sampling"]:
        say(console, f"kept because: {_kept(trace['sampling'])}", "dim")
    if trace["missing_parents"]:
        say(console, f"{_counted(trace['missing_parents'], 'parent')} did not come", "yellow")
    if trace["truncated"]:
        say(console, f"only the first {len(trace['spans'])} spans are shown", "yellow")
    say(console, "")
    if trace["spans"]:
        _spans(console, trace["spans"])
    for line in trace["ledger"]:
        cost = shown.money(decimal(line["cost_usd"]))
        say(console, f"billed without a span here: {shown.text(line['model'])} {cost}")


def _kept(sampling: dict[str, Any]) -> str:
    strategy = f"{sampling['strategy']} sampling" if sampling["strategy"] else ""
    probability = sampling["probability"]
    chance = f"probability {shown.percent(probability)}" if probability is not None and probability < 1 else ""
    more = ", ".join(part for part in (strategy, chance) if part)
    return f"{sampling['reason']} ({more})" if more else str(sampling["reason"])


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _spans(console: Console, spans: list[dict[str, Any]]) -> None:
    columns = next(columns for width, columns in BAR_COLUMNS if console.width >= width)
    total_ns = max(span["start_offset_ns"] + span["duration_ns"] for span in spans)
    sheet = Sheet(
        Column("span", text=True),
        Column("service", text=True, leaves=1),
        Column("duration", right=True),
        Column("cost", right=True),
        Column("", leaves=2),
    )
    for depth, span in in_order(spans):
        sheet.add(
            _name(span, depth),
            shown.text(span["service"]),
            shown.duration(span["duration_ns"] / 10**6),
            _cost(span),
            _bar(span, total_ns, columns),
        )
    sheet.show(console)


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
    deep = f"{depth}: " if depth > MOST_DEPTH else ""
    return Text(f"{'  ' * min(depth, MOST_DEPTH)}{deep}{mark}{span['name']}{orphan}", style="red" if failed else "")


def _cost(span: dict[str, Any]) -> str:
    line = span["ledger"]
    if line is None:
        return ""
    return "unpriced" if line["state"] == "unpriced" else shown.money(decimal(line["cost_usd"]))


def _bar(span: dict[str, Any], total_ns: int, columns: int) -> Text:
    if total_ns <= 0:
        return Text("▏")
    start = min(columns - 1, int(span["start_offset_ns"] / total_ns * columns))
    width = min(columns - start, max(1, round(span["duration_ns"] / total_ns * columns)))
    style = "red" if span["status"] == "error" else STYLES.get(span["category"], "dim")
    return Text(" " * start + "█" * width, style=style)
