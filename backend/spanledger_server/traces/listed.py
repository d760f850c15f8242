"""One page of traces by when they began, without judging all of a window.

Given what `search.search` is given, gives the same traces. Looks at a part of the window on the side on which the order
begins, then at longer ones, until the page is full. What began in the newest part left all of itself there; of what
began in the oldest part the rest is read, too.

Never: a trace judged by less than it left in the window, or put before others that have not been looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.traces import search
from spanledger_server.traces.filters import Conditions
from spanledger_server.traces.search import After

SQL = sqlfile.load(__package__)

TELLING: Final = (*search.MAY_BE_RARE, "route", "feature", "operation", "tenant", "user_tier", "provider", "service")
ROWS_A_TRACE: Final = 20  # more than most have, so that the first part mostly suffices
TELLING_ROWS: Final = 4  # of a trace, that meet one condition
FEWEST_ROWS: Final = 40_000  # in a part; to plan another one takes longer than to judge them
ENOUGH_ROWS: Final = 5_000  # in a part that was counted anyway; to count another one takes longer than most gain by it
GROWTH: Final = 8  # all parts together are then hardly more than the longest
SPARE: Final = 10  # ids beyond a page, as some traces prove to have begun before the part
MOST_SPARE: Final = 50  # beyond which a longer part is tried
FIRST_NS: Final = 60 * 10**9  # or a 60th of the window: where rows are counted first


@dataclass(frozen=True, slots=True)
class Listed:
    """A page.

    Attributes:
        traces: Summaries in the order asked for.
        after: Where the page ended; None when it was the last.
        exact: Whether these are the ones that the whole window has.
    """

    traces: list[dict[str, Any]]
    after: After | None
    exact: bool


@dataclass(frozen=True, slots=True)
class _Part:
    """Which traces may stand on the page.

    Attributes:
        read: When the spans and lines came that are read of them.
        only: `begun_ns`: those that began then or later; `upto_ns`: before then; nothing: all that are read.
        exact: Whether a page that is not full holds all that the window has.
    """

    read: tuple[int, int]
    only: dict[str, int] = field(default_factory=dict)
    exact: bool = True


@dataclass(frozen=True, slots=True)
class _Question:
    reader: Reader
    window: tuple[int, int]
    after: After | None
    most: int
    bound: dict[str, Any]
    wanted: int
    telling: bool
    everything: bool

    @property
    def enough(self) -> int:
        """How many rows suffice in a part that was counted."""
        return min(self.wanted, max(ROWS_A_TRACE * (self.most + 1), ENOUGH_ROWS))

    def edges(self, from_ns: int, before_ns: int, side: str) -> Iterator[int]:
        """Times up to which, from a side of a time on, ever more rows lie that can tell of traces asked for."""
        most = self.wanted
        while most <= search.MOST_ROWS:
            bound = self.bound | {"from_ns": from_ns, "before_ns": before_ns, "most": most, side: True}
            sql, parameters = sqlfile.lean(SQL["telling_edge"], bound)
            edge_ns = self.reader.value(sql, **parameters)
            if edge_ns is None:
                return
            yield int(edge_ns)
            most *= GROWTH

    def within(self, from_ns: int, to_ns: int) -> int:
        """How many spans and lines a time has."""
        return int(self.reader.value(SQL["rows_within"], from_ns=from_ns, to_ns=to_ns))

    def told(self, from_ns: int, before_ns: int, to_ns: int) -> tuple[int, int]:
        """How many spans and lines a time has, and how many of those before another can tell of traces asked for."""
        if before_ns == to_ns and not self.telling and self.bound["trace_id"] is None:
            number = self.within(from_ns, to_ns)
            return number, number
        times = {"from_ns": from_ns, "before_ns": before_ns, "to_ns": to_ns}
        sql, bound = sqlfile.lean(SQL["told_within"], self.bound | times)
        ((number, telling),) = self.reader.tuples(sql, **bound)
        return number, telling

    def candidates(self, part: _Part, most: int) -> list[dict[str, Any]]:
        """The first `most` traces of a part, as `trace_id` and `place`."""
        bound = self.bound | {"from_ns": part.read[0], "to_ns": part.read[1], "most": most, **part.only}
        if self.after is not None:
            bound |= {"after_place": self.after.place, "after_trace": self.after.trace_id}
        statement = "listed_all" if self.everything and "begun_ns" in part.only else "listed"
        sql, parameters = sqlfile.lean(SQL[statement], bound)
        return self.reader.rows(sql, **parameters)


def listed(
    reader: Reader, from_ns: int, to_ns: int, conditions: Conditions, sort: str, after: After | None, most: int
) -> Listed:
    """The page of traces that `search.search` gives; exact also where that cannot look at the whole window."""
    key = search.telling(conditions, TELLING)
    word = max((word for word in conditions.words if " " not in word), key=len, default=None)
    few = {f"few_{key}": key is not None, "few_say": key is None and word is not None}
    bound = search.asking(conditions, sort, word) | few
    telling = key is not None
    wanted = TELLING_ROWS * (most + 1) if telling else max(ROWS_A_TRACE * (most + 1), FEWEST_ROWS)
    everything = not (conditions.asked() or conditions.words)
    question = _Question(reader, (from_ns, to_ns), after, most, bound, wanted, telling, everything)
    if sort == "-start":
        parts = _newest(question)
    elif sort == "start":
        parts = _oldest(question)
    else:
        part = _affordable(question, oldest=False)
        question = replace(question, bound=bound | _rare(question, part, few, conditions))
        parts = iter((part,))
    return next(found for part in parts if (found := _page(question, part)) is not None)


def _rare(question: _Question, part: _Part, few: dict[str, bool], conditions: Conditions) -> dict[str, Any]:
    """The same of `few` where a whole part is judged: what many of its rows meet is not looked for first."""
    number, telling = question.told(*part.read, part.read[1])
    word, rarely = search.rare_word(question.reader, part.read, conditions.words)
    others = [other for other in conditions.words if other != word]
    once = telling * search.ONCE_IN <= number
    return {name: chosen and once for name, chosen in few.items()} | {
        "few_say": few["few_say"] and rarely,
        "word": word,
        "words": others or None,
    }


def _newest(question: _Question) -> Iterator[_Part]:
    """What began in the newest part, and in ever longer ones; all that is searched last."""
    from_ns, to_ns = question.window
    place = None if question.after is None else question.after.place
    end_ns = to_ns if place is None else min(to_ns, 1 - int(place))
    longest_ns = max(1, end_ns - from_ns)
    parts = _Widths(lambda ns: question.told(end_ns - ns, end_ns, to_ns), longest_ns, question.wanted, question.enough)
    counted = (end_ns - width_ns for width_ns in parts.growing())
    for begun_ns in question.edges(from_ns, end_ns, "newest") if question.telling else counted:
        if question.telling and question.within(begun_ns, to_ns) > search.MOST_ROWS:
            break
        yield _Part((begun_ns, to_ns), {"begun_ns": begun_ns})
    yield _affordable(question, oldest=False)


def _oldest(question: _Question) -> Iterator[_Part]:
    """What began in the oldest part, and in ever longer ones; all that is searched last."""
    whole = _affordable(question, oldest=True)
    from_ns, to_ns = whole.read
    if question.after is not None and question.after.place is not None:
        from_ns = max(from_ns, int(question.after.place))
    parts = _Widths(
        lambda ns: question.told(from_ns, from_ns + ns, from_ns + ns), to_ns - from_ns, question.wanted, question.enough
    )
    counted = (from_ns + width_ns for width_ns in parts.growing())
    edges = (edge_ns + 1 for edge_ns in question.edges(from_ns, to_ns, "oldest"))
    for upto_ns in edges if question.telling else counted:
        yield _Part(whole.read, {"upto_ns": upto_ns}, whole.exact)
    yield whole


def _affordable(question: _Question, *, oldest: bool) -> _Part:
    searched = search.affordable(question.reader, *question.window, oldest=oldest)
    return _Part(searched, exact=searched == question.window)


@dataclass(frozen=True, slots=True)
class _Widths:
    """How long the parts are.

    Attributes:
        told: How many rows are read for a part of so many nanoseconds, and how many of its own tell of a trace.
        longest_ns: How long they may become.
        wanted: About how many rows the shortest has that tell of one.
        enough: How many suffice in one that was counted.
    """

    told: Callable[[int], tuple[int, int]]
    longest_ns: int
    wanted: int
    enough: int

    def growing(self) -> Iterator[int]:
        """Ever longer ones, each with many times the rows of the one before, while it is affordable to read so many."""
        shorter_ns, before, wanted = 0, 0, self.wanted
        width_ns = max(1, min(self.longest_ns // search.MOST_BARS, FIRST_NS))
        while shorter_ns < width_ns:
            read, number = self.told(width_ns)
            if read > search.MOST_ROWS:
                return
            while number >= wanted:
                part_ns = shorter_ns + (width_ns - shorter_ns) * (wanted - before) // (number - before)
                yield part_ns
                wanted = GROWTH * max(wanted, self.told(part_ns)[1])
            if wanted == self.wanted and number >= self.enough and width_ns < self.longest_ns:
                yield width_ns
                wanted = GROWTH * number
            shorter_ns, before = width_ns, number
            width_ns = min(width_ns * GROWTH, self.longest_ns)


def _page(question: _Question, part: _Part) -> Listed | None:
    """The page; None where a longer part may have other traces for it."""
    most, spare, last = question.most, SPARE, not part.only
    while True:
        found = question.candidates(part, most + 1 + spare)
        if len(found) <= most and not last:
            return None
        told = _begun_within(question, part, [row["trace_id"] for row in found])
        if len(told) > most or last:
            break
        if len(found) <= most + spare or spare > MOST_SPARE:
            return None
        spare *= GROWTH
    if len(told) <= most:
        return Listed(told, None, part.exact)
    ended = told[most - 1]["trace_id"]
    place = next(row["place"] for row in found if row["trace_id"] == ended)
    return Listed(told[:most], After(None if place is None else Decimal(place), ended), part.exact)


def _begun_within(question: _Question, part: _Part, traces: Sequence[UUID]) -> list[dict[str, Any]]:
    """What traces look like, but for those that left something before the part."""
    told = search.summaries(question.reader, traces, part.read)
    begun_ns = part.only.get("begun_ns")
    doubtful = [] if begun_ns is None else [summary for summary in told if summary["start_ns"] < begun_ns]
    if not doubtful:
        return told
    from_ns = max(question.window[0], min(summary["start_ns"] for summary in doubtful))
    bound = {"from_ns": from_ns, "to_ns": begun_ns, "traces": [summary["trace_id"] for summary in doubtful]}
    earlier = {trace for (trace,) in question.reader.tuples(SQL["left_any"], **bound)}
    return [summary for summary in told if summary["trace_id"] not in earlier]
