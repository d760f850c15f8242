"""Lines and bars of dots: a chart in a terminal, eight dots a character.

Given values over time, gives rows of text with an axis at the left. What is not known is a gap.

Never: a line through a gap, or a scale that begins above the values it shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

EMPTY = 0x2800
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # row, column -> bit of the pattern
STEPS = (1, 2, 2.5, 5, 10)
SPARKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: its values, evenly spaced, how it is coloured, and whether it is filled down to nothing."""

    values: Sequence[float | None]
    style: str
    filled: bool = False


def chart(lines: Sequence[Line], width: int, height: int, label: Callable[[float], str]) -> list[Text]:
    """The rows of a chart, the top one first; none when nothing is known.

    Args:
        lines: What to draw; later ones over earlier ones.
        width: Characters of the chart and its axis.
        height: Rows.
        label: How a value is written at the axis.
    """
    known = [value for line in lines for value in line.values if value is not None]
    if not known:
        return []
    low, high = scale(min(known), max(known))
    every = _rows_between(height)
    labels = ["" if row % every else label(high - (high - low) * row / (height - 1)) for row in range(height)]
    margin = max(len(text) for text in labels)
    columns = max(8, width - margin - 2)
    canvas = _Canvas(columns, height)
    for line in lines:
        _draw(canvas, line, low, high)
    return [
        Text.assemble((f"{text:>{margin}} ", "dim"), ("┤" if text else "│", "dim"), canvas.row(row))
        for row, text in enumerate(labels)
    ]


def _rows_between(height: int) -> int:
    """How many rows lie from one label to the next, so that the first and the last row have one."""
    parts = next(parts for parts in (4, 3, 2, 5, 1) if (height - 1) % parts == 0)
    return (height - 1) // parts


def scale(least: float, most: float) -> tuple[float, float]:
    """From nothing, or below where values are, to a round number above the largest."""
    low = 0.0 if least >= 0 else -_rounded(-least)
    high = _rounded(most) if most > 0 else 0.0
    return (low, high) if high > low else (low, low + 1.0)


def _rounded(value: float) -> float:
    """The next round number from `value` up."""
    size = 10.0 ** math.floor(math.log10(value))
    return size * next(step for step in STEPS if step * size >= value * (1 - 1e-9))


class _Canvas:
    """Dots, and the style of each character."""

    def __init__(self, columns: int, rows: int) -> None:
        self.width, self.height = columns * 2, rows * 4
        self._patterns = [[EMPTY] * columns for _ in range(rows)]
        self._styles = [[""] * columns for _ in range(rows)]

    def dot(self, x: int, y: int, style: str) -> None:
        """Set the dot in column `x` from the left and row `y` from the bottom."""
        row, inside = divmod(self.height - 1 - y, 4)
        self._patterns[row][x // 2] |= DOTS[inside][x % 2]
        self._styles[row][x // 2] = style

    def row(self, number: int) -> Text:
        """One row of characters."""
        text = Text()
        for pattern, style in zip(self._patterns[number], self._styles[number], strict=True):
            text.append(" " if pattern == EMPTY else chr(pattern), style)
        return text


def _draw(canvas: _Canvas, line: Line, low: float, high: float) -> None:
    before: int | None = None
    for x, value in enumerate(spread(line.values, canvas.width)):
        if value is None:
            before = None
            continue
        y = round((value - low) / (high - low) * (canvas.height - 1))
        start = 0 if line.filled else y if before is None else before
        for each in range(min(start, y), max(start, y) + 1):
            canvas.dot(x, each, line.style)
        before = y


def spread(values: Sequence[float | None], columns: int) -> list[float | None]:
    """The values over so many columns: the mean of those that share one, each repeated where there is more room."""
    found: list[float | None] = []
    for column in range(columns):
        first = column * len(values) // columns
        last = max(first + 1, (column + 1) * len(values) // columns)
        known = [value for value in values[first:last] if value is not None]
        found.append(sum(known) / len(known) if known else None)
    return found


def spark(values: Sequence[float | None], columns: int) -> str:
    """The values as one row of bars; a space where nothing is known."""
    found = spread(values, columns) if values else []
    most = max((value for value in found if value is not None), default=0.0)
    bars = [" " if value is None else SPARKS[min(7, int(value / most * 7.999)) if most > 0 else 0] for value in found]
    return "".join(bars)
