"""What people see in a terminal: lines, and tables that fit its width.

Given columns, with what may become of them when room is short, and rows: text is cut with an ellipsis first, then the
least important columns are left out, and named. A number, a time or an id is shown whole or not at all. What goes into
a file or a pipe has all the room it wants.

Never: a control character of somebody's data, a name taken for markup, or colours where nobody sees them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from spanledger_server.cli.format import visible

GAP = "  "
LEAST_TEXT = 8  # columns that a text is not cut below
MOST_TEXT = 120  # a longer one is cut even where nobody sees the width
WIDTH_UNSEEN = 2**16


def console(*, stderr: bool = False) -> Console:
    """Where answers go, or what is wrong; without colours after --no-color, and where NO_COLOR is set."""
    seen = (sys.stderr if stderr else sys.stdout).isatty()
    context = click.get_current_context(silent=True)
    return Console(
        stderr=stderr,
        width=None if seen else WIDTH_UNSEEN,
        soft_wrap=not seen,
        markup=False,
        highlight=False,
        emoji=False,
        no_color=True if context is not None and context.color is False else None,
    )


def say(where: Console, text: str, style: str = "") -> None:
    """Print a line of prose."""
    where.print(Text(visible(text), style=style))


def say_further(where: Console, data: Mapping[str, Any]) -> None:
    """How to get the next page of a list, if there is one: in one line, however long, so that it can be copied."""
    if data["next_cursor"] is not None:
        where.print(f"more: --cursor {data['next_cursor']}", style="dim", soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its heading.
        right: Whether it holds numbers.
        text: Whether it may be cut.
        leaves: Whether it may be left out: 0 is always shown, 1 is the first to get a place, 2 the next.
        whole: Whether a text is not cut in a file or a pipe, however long it is.
    """

    name: str
    right: bool = False
    text: bool = False
    leaves: int = 0
    whole: bool = False


class Sheet:
    """A table: made, filled, shown."""

    def __init__(self, *columns: Column) -> None:
        self._columns = columns
        self._rows: list[list[Text]] = []

    def add(self, *cells: str | Text) -> None:
        """One row; `Text` where a cell has a style."""
        self._rows.append(
            [
                Text(visible(cell.plain), style=cell.style) if isinstance(cell, Text) else Text(visible(cell))
                for cell in cells
            ]
        )

    def show(self, where: Console) -> None:
        """Print it."""
        natural = [
            max(cell_len(column.name), *(row[index].cell_len for row in self._rows), 0)
            for index, column in enumerate(self._columns)
        ]
        widths = fitted(self._columns, natural, where.width)
        heading = [Text(column.name, style="dim") for column in self._columns]
        for row in (heading, *self._rows):
            where.print(self._line(row, widths), soft_wrap=True)
        gone = [column.name for index, column in enumerate(self._columns) if index not in widths and column.name]
        if gone:
            say(where, f"no room for {', '.join(gone)}: a wider terminal or --json has all", "dim")

    def _line(self, row: Sequence[Text], widths: dict[int, int]) -> Text:
        cells = []
        for index, width in widths.items():
            cell = row[index].copy()
            cell.truncate(width, overflow="ellipsis")
            cell.align("right" if self._columns[index].right else "left", width)
            cells.append(cell)
        line = Text(GAP).join(cells)
        line.rstrip()
        return line


def fitted(columns: Sequence[Column], natural: Sequence[int], room: int) -> dict[int, int]:
    """Which columns are shown, by their place, and how wide.

    Args:
        columns: All of them.
        natural: How wide each would like to be.
        room: Width of the terminal.
    """
    unseen = room >= WIDTH_UNSEEN
    most = [
        min(wide, MOST_TEXT) if column.text and not (column.whole and unseen) else wide
        for column, wide in zip(columns, natural, strict=True)
    ]
    least = [min(wide, LEAST_TEXT) if column.text else wide for column, wide in zip(columns, most, strict=True)]
    chosen: list[int] = []
    for index in sorted(range(len(columns)), key=lambda index: columns[index].leaves):
        if not columns[index].leaves or _total(least[each] for each in (*chosen, index)) <= room:
            chosen.append(index)
    widths = {index: most[index] for index in sorted(chosen)}
    while _total(widths.values()) > room:
        widest = max(widths, key=lambda index: widths[index] if widths[index] > least[index] else 0)
        if widths[widest] == least[widest]:
            break
        widths[widest] -= 1
    return widths


def _total(widths: Iterable[int]) -> int:
    """Of columns with gaps between them."""
    return sum(width + len(GAP) for width in widths) - len(GAP)
