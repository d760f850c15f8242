"""What was read of days long gone, remembered by this process until something of those days changes.

Given a snapshot, a question and the stretch of time that its answer comes from, gives the answer that was read before
where the rollups' notes say that nothing of the stretch was recomputed since, that nothing of it waits for that, and
that all of it is kept; else reads it. Nothing is on disk: a restart reads anew.

Never: an answer that outlives a change of the rows it was made of.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Sized
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from spanledger_server.rollups import noted
from spanledger_server.rollups.dirty import Family, Level
from spanledger_server.rollups.levels import LEVELS
from spanledger_server.statistics.periods import Period
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import MINUTE_NS, Range

MINUTES: Final[tuple[Level, ...]] = ("1m",)  # whose marks matter to what is read as `stretches` says
OPEN_PARTS: Final = 2  # of a period, the last ones: lines still come for them
MOST_GROWN: Final = 30  # times: what is added minute by minute is more than what is read at once
OPEN_MINUTES: Final = 1  # the last whole ones: senders are a little late
FEWEST_PARTS: Final = 7  # that are worth it
NARROWEST_NS: Final = 15 * MINUTE_NS  # parts that are: of narrower ones, others are long gone each time
MOST_ROWS: Final = 20_000  # of one answer: a year of days by fifty models, a day's sums of 300,000 users
MOST_HELD: Final = 120_000  # of all, of a kilobyte or two; fewer, and what pages ask in turn drives each other out

Rows = TypeVar("Rows", bound=Sized)


@dataclass(slots=True)
class _Answer:
    """What was read.

    Attributes:
        change: The last note of the snapshot that it holds for.
        rows: What was read; None: it was too much.
        window: The stretch of time that it was read from, of one that does not grow.
        until_ns: Up to when, of a window that grows.
        grown: How often something was added to it.
    """

    change: int
    rows: Any
    window: Range | None = None
    until_ns: int = 0
    grown: int = 0

    def __len__(self) -> int:
        """How much is held."""
        return 1 + len(self.rows or ())


@dataclass(slots=True)
class _Answers:
    """Those of one database, the least lately asked first."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    each: OrderedDict[Hashable, _Answer] = field(default_factory=OrderedDict)
    held: int = 0  # rows

    def keep(self, question: Hashable, answer: _Answer) -> None:
        """This one in place of what was there; of too many the least lately asked go."""
        before = self.each.pop(question, None)
        self.each[question] = answer
        self.held += len(answer) - (0 if before is None else len(before))
        while self.held > MOST_HELD:
            _, oldest = self.each.popitem(last=False)
            self.held -= len(oldest)


def rows(
    reader: Reader,
    question: Hashable,
    family: Family,
    window: Range,
    read: Callable[[], Rows | None],
    *,
    unless: Collection[Level] = LEVELS,
) -> Rows | None:
    """What `read` gives, or gave; None where that is too much, which is remembered as well.

    Args:
        reader: One snapshot.
        question: Everything that the answer depends on, but for the window and the rows of the rollups; of one question
            the last window is remembered.
        family: The rollups that it is read from, and whose marks say what of the rows behind them is new.
        window: The stretch of time that it is read from.
        read: Reads it on this snapshot; nobody may change what it gives.
        unless: The levels whose marks, where they wait, say that it is not sure: minutes alone where it is read as
            `stretches` says, none where it is read from nothing but what has been recomputed.
    """
    if reader.memory is None:
        return read()
    answers: _Answers = reader.memory.setdefault("statistics.answers", _Answers())
    with answers.lock:
        known = answers.each.get(question)
    notes = noted.of(reader)
    sure = notes.all_kept(family, window.from_ns) and not notes.waits(family, unless, window)
    if known is not None and known.window == window and sure and notes.holds(known.change, family, window):
        found: Rows | None = known.rows
    else:
        found = read()
        if found is not None and len(found) > MOST_ROWS:
            found = None
    if notes.last is not None and sure:
        with answers.lock:
            answers.keep(question, _Answer(notes.last, found, window))
    return found


def settled(
    reader: Reader,
    question: Hashable,
    window: Range,
    read: Callable[[Range], Rows],
    add: Callable[[Rows, Rows], Rows],
    family: Family = "cost",
) -> tuple[Rows | None, Range]:
    """What `read` gives of what is settled of a window that grows, None where that is nothing, and what is left of it.

    Most of it was read before; what is left has to be read each time.

    Args:
        reader: One snapshot.
        question: Everything that the answer depends on, but for the rows and the end of the window.
        window: The stretch of time.
        read: Reads a stretch of it on this snapshot; nobody may change what it gives.
        add: Two neighbours as one.
        family: The rollups of these rows, whose marks and notes say what of them is new.
    """
    settled_ns = settled_until(reader, family, window)
    if reader.memory is None or settled_ns <= window.from_ns:
        return None, window
    answers: _Answers = reader.memory.setdefault("statistics.answers", _Answers())
    with answers.lock:
        known = answers.each.get(question)
    if known is not None and known.until_ns > settled_ns:
        return None, window  # something within it waits: it will be read anew
    notes = noted.of(reader)
    kept, times = notes.all_kept(family, window.from_ns), 0
    still = known is not None and notes.holds(known.change, family, Range(window.from_ns, known.until_ns))
    if known is None or not kept or not still or known.grown >= MOST_GROWN:
        found = read(Range(window.from_ns, settled_ns))
    elif known.until_ns == settled_ns:
        found, times = known.rows, known.grown
    else:
        found, times = add(known.rows, read(Range(known.until_ns, settled_ns))), known.grown + 1
    if notes.last is not None and kept and len(found) <= MOST_ROWS:
        with answers.lock:
            answers.keep(question, _Answer(notes.last, found, None, settled_ns, times))
    return found, Range(settled_ns, window.to_ns)


def settled_until(reader: Reader, family: Family, window: Range) -> int:
    """The minute up to which nothing waits to be recomputed; not the last ones, for which lines still come."""
    first, last = window.from_ns // MINUTE_NS, window.to_ns // MINUTE_NS - OPEN_MINUTES
    waiting = (minute for level, minute in noted.of(reader).waiting(family, first, last) if level == "1m")
    return next(waiting, last) * MINUTE_NS


@dataclass(frozen=True, slots=True)
class Parted:
    """A period whose parts are told apart by when something may still change.

    Attributes:
        gone: Whole parts that are long gone.
        others: What is before, where the period begins within a part, and what is after.
    """

    gone: Period
    others: tuple[Period, ...]


def parted(period: Period, name: Callable[[int], Hashable] = lambda number: number) -> Parted | None:
    """What of a period is long gone, and the rest; None where that is too short to be worth it.

    Args:
        period: Which.
        name: Number of a part -> what it is shown as: parts that are shown as one are not torn.
    """
    parts = period.parts
    if len(parts) < FEWEST_PARTS or period.width_ns < NARROWEST_NS:
        return None
    begun = {name(parts[0].number)} if parts[0].from_ns < period.from_ns else set()
    new = set() if period.closed else {name(part.number) for part in parts[-OPEN_PARTS:]}
    first = next((place for place, part in enumerate(parts) if name(part.number) not in begun), 0)
    beyond = next((place for place, part in enumerate(parts) if name(part.number) in new), len(parts))
    if beyond - first < FEWEST_PARTS:
        return None
    from_ns, to_ns = parts[first].from_ns, parts[beyond - 1].to_ns
    gone = replace(period, from_ns=from_ns, to_ns=to_ns, parts=parts[first:beyond])
    before = replace(period, to_ns=from_ns, parts=parts[:first])
    after = replace(period, from_ns=to_ns, parts=parts[beyond:])
    return Parted(gone, tuple(each for each in (before, after) if each.parts))
