"""A window that slides over the past in even steps: its value at each step, every row of the rollups read once.

Given a snapshot, a question, and the steps, reads some thousand stretches of minutes at a time and adds up, for each
group, those that lie in the window before each step. Each window is added up afresh, exactly as a live reading would,
so that nothing is left of what has gone out of it.

Never: all of a long time in memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import localcontext
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_server.rules import reads
from spanledger_server.rules.distributions import BESIDE, CODES
from spanledger_server.rules.measured import Measured
from spanledger_server.rules.reads import Crowd, Key, Question, Row
from spanledger_server.rules.rule import MOST_GROUPS
from spanledger_server.statistics import shares
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import MINUTE_NS, Range

TOGETHER: Final = 7200  # stretches that are read at once, at least
ALIKE: Final = ("outcome", "failed", "http_class", "kind", "increments")  # rows that differ in these stay apart
LEAST: Final = frozenset(("duration_min_ns", "min"))
MOST: Final = frozenset(("duration_max_ns", "max"))
NEWEST: Final = "last"
NEVER: Final = ("slots", "sums")  # what rules do not read
WHOLE: Final = {"system": "gauge", "health": "check"}  # sources whose rows are not added up column by column
OTHERS: Final = frozenset((*ALIKE, *NEVER, *BESIDE, CODES, *WHOLE.values(), "bucket", "key", "groups"))
Numbers = NDArray[np.int64]
Told = Callable[[Any], Measured]  # what was found of a group (None: nothing) -> its value and events


def values(
    reader: Reader, question: Question, minutes: int, width: int, ends: range, told: Told
) -> dict[Key, list[Measured]] | Crowd:
    """Group -> its value at each step.

    Args:
        reader: One snapshot.
        question: What is read; its window is not.
        minutes: Length of a stretch.
        width: Length of the window, in stretches.
        ends: Numbers, since 1970, of the stretches before which a window ends.
        told: What is told of what was found.
    """
    found: dict[Key, list[Measured]] = {}
    nothing = told(None)
    for some in _some(ends, max(TOGETHER, 4 * width)):
        window = Range(max(0, some.start - width) * minutes * MINUTE_NS, (some.stop - 1) * minutes * MINUTE_NS)
        for key, rows in reads.apart(reader, replace(question, window=window), minutes).items():
            series = found.setdefault(key, [nothing] * len(ends))
            for end, group in _slid(question, rows, some, width):
                series[end - ends.start] = told(group)
        if len(found) > MOST_GROUPS:
            return Crowd(len(found))
    return found


def _some(ends: range, most: int) -> Iterator[range]:
    for start in range(ends.start, ends.stop, most):
        yield range(start, min(start + most, ends.stop))


def _slid(question: Question, rows: Sequence[Row], ends: range, width: int) -> Iterator[tuple[int, Any]]:
    """What was found at each step before which there is anything, of one group."""
    alike: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: int(row["bucket"])):
        alike[tuple(row.get(name, ...) for name in ALIKE)].append(row)
    windows = [_Windows.of(each, ends, width) for each in alike.values()]
    for number, end in enumerate(ends):
        if question.source in WHOLE:
            there = [row for each in windows for row in each.rows[each.first[number] : each.beyond[number]]]
        else:
            there = [each.row(number) for each in windows if each.first[number] < each.beyond[number]]
        if there:
            yield end, reads.found(question.source, there)


@dataclass(frozen=True, slots=True)
class _Windows:
    """Rows that are alike, by time, and the windows over them.

    Attributes:
        rows: Oldest first.
        first: For each window the place of its first row.
        beyond: And of the one behind its last.
        fixed: What they have in common.
        columns: Name -> what all rows of a window come to.
        lists: Name -> codes, or numbers, of all rows, one row's behind the other's.
        offsets: For each row, and behind the last, where its numbers begin.
    """

    rows: Sequence[Row]
    first: Numbers
    beyond: Numbers
    fixed: Mapping[str, Any]
    columns: Mapping[str, Sequence[Any]]
    lists: Mapping[str, NDArray[Any]]
    offsets: Numbers

    @classmethod
    def of(cls, rows: Sequence[Row], ends: range, width: int) -> _Windows:
        steps, at = np.arange(ends.start, ends.stop), np.array([row["bucket"] for row in rows])
        first, beyond = np.searchsorted(at, steps - width), np.searchsorted(at, steps)
        names = [name for name in rows[0] if name not in OTHERS]
        columns = {name: _together(name, [row[name] for row in rows], first, beyond) for name in names}
        fixed = {name: rows[0][name] for name in (*ALIKE, *NEVER) if name in rows[0]}
        offsets = np.concatenate(([0], np.cumsum([len(row.get(CODES, ())) for row in rows], dtype=np.int64)))
        lists = {name: np.concatenate([row[name] for row in rows]) for name in (CODES, *BESIDE) if name in rows[0]}
        return cls(rows, first, beyond, fixed, columns, lists, offsets)

    def row(self, number: int) -> Row:
        """All rows of a window as one."""
        here = slice(self.offsets[self.first[number]], self.offsets[self.beyond[number]])
        columns = {name: column[number] for name, column in self.columns.items()}
        return {**self.fixed, **columns, **{name: numbers[here] for name, numbers in self.lists.items()}}


def _together(name: str, column: Sequence[Any], first: Numbers, beyond: Numbers) -> list[Any]:
    """What the numbers of each window come to; None where it has none."""
    known = [each for each in column if each is not None]
    if not known:
        return [None] * len(first)
    places = np.concatenate(([0], np.cumsum([each is not None for each in column])))
    first, beyond = places[first], places[beyond]
    if name == NEWEST:
        found = [known[number - 1] for number in beyond]
    else:
        add: np.ufunc = np.minimum if name in LEAST else np.maximum if name in MOST else np.add
        with localcontext(shares.EXACT):  # objects: sums of any size, and money to its last digit
            ends = np.column_stack((first, beyond)).ravel()
            found = add.reduceat(np.array([*known, known[-1]], dtype=object), ends)[::2].tolist()
    return [one if there else None for one, there in zip(found, first < beyond, strict=True)]
