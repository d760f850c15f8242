"""Finding traces: matches in a window, their histogram, what can narrow them, and one page of summaries.

Given a snapshot, a window and conditions, judges each trace by the spans and ledger lines that it left in the window;
the summaries tell all of it. Traces that sampling dropped are found by their ledger lines: they are real calls.

Never: a wrong count passed off as exact. Where a window holds too much, a part of it is searched, and the answer says
so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from spanledger_server import estimates
from spanledger_server.estimates import Estimate
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.traces import looks
from spanledger_server.traces.filters import Conditions

SQL = sqlfile.load(__package__)

SORTS: Final = ("-start", "start", "-duration", "duration", "-cost", "cost")
MOST_BARS: Final = 60
MOST_FACETS: Final = 20
MOST_BITS: Final = 120  # services and models that are told apart by a bit each
MOST_ROWS: Final = 2_000_000  # spans and lines judged in one search
MAY_BE_RARE: Final = ("session_id", "user_id", "name", "status", "model")
ALSO_TELLING: Final = ("route", "feature", "operation", "tenant", "user_tier", "provider", "service")
ONCE_IN: Final = 16  # spans and lines: what is no rarer is in most traces, and looking for these apart saves nothing
MINUTE_NS: Final = 60 * 10**9
DAY_NS: Final = 86400 * 10**9
WITHIN_NS: Final = 7 * DAY_NS  # of what is known of a trace the rest is looked for; a batch is billed a day later
NEAR_NS: Final = 1800 * 10**9  # before its spans, and around them where the index has taken in all that came in time
ANY_TIME: Final = (-(2**63), 2**63 - 1)
SHORTEST_SLICE_NS: Final = 10**6
_ROUND_MS: Final = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000),
    *(minutes * 60_000 for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)),
    *(days * 86_400_000 for days in (1, 2, 7, 14, 30, 60, 90, 180, 365)),
)


@dataclass(frozen=True, slots=True)
class After:
    """Where a page ended."""

    place: Decimal | None
    trace_id: UUID


@dataclass(frozen=True, slots=True)
class Found:
    """What a search gave.

    Attributes:
        traces: Summaries in the order asked for.
        after: Where the page ended; None when it was the last.
        bars: (start of the bar, traces, failed ones); None where the window was not searched.
        facets: Key -> its commonest values with the number of matching traces.
        matched: Matching traces that are here.
        estimated: How many there were before sampling, as far as spans tell it.
        uncounted: Matching traces of which nobody says how they were sampled; not part of the estimate.
        exact: Whether the whole window was searched.
    """

    traces: list[dict[str, Any]]
    after: After | None
    bars: list[tuple[int, int | None, int | None]]
    facets: dict[str, list[dict[str, Any]]]
    matched: int
    estimated: Estimate
    uncounted: int
    exact: bool


def search(
    reader: Reader, from_ns: int, to_ns: int, conditions: Conditions, sort: str, after: After | None, most: int
) -> Found:
    """The traces of [`from_ns`, `to_ns`) that meet `conditions`.

    Args:
        reader: One snapshot.
        from_ns: Beginning of the window.
        to_ns: Its end, not part of it.
        conditions: What was asked for.
        sort: One of `SORTS`.
        after: Where the page before ended.
        most: How many summaries; 0: what tells of all of them alone.
    """
    searched = affordable(reader, from_ns, to_ns, oldest=sort == "start")
    step_ns = step(from_ns, to_ns)
    bound = judging(reader, searched, conditions, sort) | {
        "step_ns": step_ns,
        "after_place": None if after is None else after.place,
        "after_trace": None if after is None else after.trace_id,
        "most": most + 1 if most else 0,
        "most_facets": MOST_FACETS,
    }
    few = len(bound["services"]) + len(bound["models"]) <= MOST_BITS
    bound |= {"service_bits": _bits(bound["services"]), "model_bits": _bits(bound["models"], len(bound["services"]))}
    sql, parameters = sqlfile.lean(SQL["search"], bound | {"facets": few, "many_facets": not few})
    told: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in reader.rows(sql, **parameters):
        told[row["told"]].append(row)
    page = sorted(told["page"], key=lambda row: (row["place"] is None, row["place"], row["trace_id"]))
    last = page[most - 1] if len(page) > most else None
    matched, weighed = sum(row["traces"] for row in told["bar"]), told["weighed"][0]
    return Found(
        traces=summaries(reader, [row["trace_id"] for row in page[:most]], searched),
        after=None if last is None else After(_exact(last["place"]), last["trace_id"]),
        bars=_bars(told["bar"], (from_ns, to_ns), searched, step_ns),
        facets={
            "service": _facet(told["services"], told["held"], bound["services"], bound["service_bits"]),
            "model": _facet(told["models"], told["held"], bound["models"], bound["model_bits"]),
            "status": _commonest((row["status"], row["traces"]) for row in told["bar"]),
        },
        matched=matched,
        estimated=_estimated(weighed, matched),
        uncounted=weighed["traces"],
        exact=searched == (from_ns, to_ns),
    )


def _bits(named: Sequence[str], before: int = 0) -> list[int]:
    """A bit for each, behind so many others."""
    return [1 << (before + place) for place in range(len(named))]


def _exact(place: Decimal | int | None) -> Decimal | None:
    return None if place is None else Decimal(place)


def _facet(
    rows: Iterable[Mapping[str, Any]], held: Iterable[Mapping[str, Any]], named: Sequence[str], bits: Sequence[int]
) -> list[dict[str, Any]]:
    """The commonest values, of rows that name one each, or of those that hold the bits of several."""
    told = [(row["value"], row["traces"]) for row in rows]
    told += [
        (value, row["traces"]) for row in held for value, bit in zip(named, bits, strict=True) if row["held"] & bit
    ]
    return _commonest(told)


def _commonest(counted: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    number: Counter[str] = Counter()
    for value, traces in counted:
        number[value] += traces
    ordered = sorted(number.items(), key=lambda item: (-item[1], item[0]))
    return [{"value": value, "count": count} for value, count in ordered[:MOST_FACETS]]


def judging(reader: Reader, searched: tuple[int, int], conditions: Conditions, sort: str) -> dict[str, Any]:
    """What the statements bind that judge traces by what they left in a window, and what they can do without."""
    within = {"from_ns": searched[0], "to_ns": searched[1]}
    key, drawn = telling(conditions, MAY_BE_RARE), not _at_once(conditions)
    chosen = {} if key is None else {f"by_{key}": conditions.include[key]}
    limits = {"most_values": MOST_BITS, "once_in": ONCE_IN, "drawn": drawn}
    sql, parameters = sqlfile.lean(SQL["left_within"], within | chosen | limits)
    left = reader.row(sql, **parameters) or {}
    seen = {"services": left["services"] or [], "models": left["models"] or []}
    ways = _ways(left) if drawn and left["sampled"] else {"at_once": True}
    word, rare = rare_word(reader, searched, conditions.words)
    few = {f"few_{key}": left.get("rarely"), "few_say": rare and not left.get("rarely")}
    return within | seen | ways | few | asking(conditions, sort, word)


def _ways(left: Mapping[str, Any]) -> dict[str, Any]:
    """How traces are judged that may have left less: of two weights mostly the heavier, or of many."""
    usual = left["usual_weight"]
    return {"two_weights": usual} if usual == left["two_weights"] else {"redrawn": True, "usual_weight": usual}


def asking(conditions: Conditions, sort: str, word: str | None) -> dict[str, Any]:
    """What all statements bind that judge traces; `word` is one of the conditions' that is looked for apart."""
    by = sort.removeprefix("-")
    order = f"by_{by}_down" if sort.startswith("-") else f"by_{by}"
    sized = conditions.least.keys() | conditions.most.keys() | {by}
    columns = {order: True, "duration_ns": "duration" in sized, "cost_usd": "cost" in sized}
    words = [other for other in conditions.words if other != word]
    return columns | {"word": word, "words": words or None, **conditions.bound()}


def telling(conditions: Conditions, keys: Sequence[str]) -> str | None:
    """One of the `keys` of which a span or line of each trace that is asked for has a value that was named, if any."""
    named = (key for key in keys if "" not in conditions.include.get(key, [""]))
    return next((key for key in named if key != "status" or conditions.include[key] == ["error"]), None)


def rare_word(reader: Reader, searched: tuple[int, int], words: Sequence[str]) -> tuple[str | None, bool]:
    """The word to look for in each column apart, which one with a space need not stand in; whether few spans say it.

    The last spans of the window tell that, of the longest word first.
    """
    longest = sorted((word for word in words if " " not in word), key=len, reverse=True)
    from_ns, to_ns = searched
    some = {"from_ns": to_ns - (to_ns - from_ns) // ONCE_IN, "to_ns": to_ns, "once_in": ONCE_IN}
    rare = next((word for word in longest if reader.value(SQL["says_rarely"], **some, word=word)), None)
    return (longest[0] if rare is None and longest else rare), rare is not None


def _at_once(conditions: Conditions) -> bool:
    """Whether more of a trace meets them whenever less of it does, and when it does is told by one span or line.

    A cost is told by lines alone, which nothing samples: they are among whatever is left of a trace.
    """
    asked = [values for key, values in conditions.include.items() if key != "status"]
    lasting = all("" not in values for values in asked) and conditions.include.get("status", ["error"]) == ["error"]
    return lasting and not conditions.exclude and not {"duration"} & (conditions.least.keys() | conditions.most.keys())


def _estimated(weighed: Mapping[str, Any], matched: int) -> Estimate:
    """From what each trace adds: a trace that adds y, by one draw, has the variance y (y - 1)."""
    added = weighed["total"] or 0.0
    known = matched - weighed["traces"]  # that do not say how they were sampled
    return estimates.total(max(added, 0.0), known, (weighed["squares"] or 0.0) - added)


def step(from_ns: int, to_ns: int) -> int:
    """The width of a bar: the first round one of which `MOST_BARS` cover the window."""
    for milliseconds in _ROUND_MS:
        width = milliseconds * 10**6
        if (to_ns - 1) // width - from_ns // width < MOST_BARS:
            return width
    return -(-(to_ns - from_ns) // (MOST_BARS - 1) // DAY_NS) * DAY_NS


def _bars(
    counted: Iterable[Mapping[str, Any]], window: tuple[int, int], searched: tuple[int, int], step_ns: int
) -> list[tuple[int, int | None, int | None]]:
    by_bar: dict[int, tuple[int, int]] = {}
    for row in counted:
        traces, errors = by_bar.get(row["bar"], (0, 0))
        failed = row["traces"] if row["status"] == "error" else 0
        by_bar[row["bar"]] = traces + row["traces"], errors + failed
    bars: list[tuple[int, int | None, int | None]] = []
    for number in range(window[0] // step_ns, (window[1] - 1) // step_ns + 1):
        looked = number * step_ns < searched[1] and (number + 1) * step_ns > searched[0]
        bars.append((number * step_ns, *by_bar.get(number, (0, 0))) if looked else (number * step_ns, None, None))
    return bars


def affordable(reader: Reader, from_ns: int, to_ns: int, *, oldest: bool, most: int | None = None) -> tuple[int, int]:
    """The part of the window that holds at most `most` rows, else `MOST_ROWS`: its newest part, or its `oldest`."""
    most = most or MOST_ROWS
    if reader.value(SQL["rows_within"], from_ns=from_ns, to_ns=to_ns) <= most:
        return from_ns, to_ns
    while True:
        slice_ns = max(-(-(to_ns - from_ns) // MOST_BARS), SHORTEST_SLICE_NS)
        counted = reader.tuples(SQL["rows_by_slice"], from_ns=from_ns, to_ns=to_ns, slice_ns=slice_ns)
        if sum(number for _, number in counted) <= most:
            return from_ns, to_ns
        edge, total = _within(sorted(counted, reverse=not oldest), most)
        if oldest:
            to_ns = min(from_ns + (edge + 1) * slice_ns, to_ns)
        else:
            from_ns += edge * slice_ns
        if total <= most or slice_ns == SHORTEST_SLICE_NS:
            return from_ns, to_ns


def _within(counted: Sequence[tuple[int, int]], most: int) -> tuple[int, int]:
    """The last slice up to which the rows are affordable, at least the first one, and how many rows that are."""
    edge, total = counted[0]
    for slice_, number in counted[1:]:
        if total + number > most:
            break
        edge, total = slice_, total + number
    return edge, total


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look for traces.

    Attributes:
        spans: Between which times their spans start; None where there are none.
        known: Between which times these and their ledger lines lie; None where none are known.
        before_ns: From before then the index may not know their lines.
        near_ns: From before then it may not know those that came long before their spans, or without any.
    """

    spans: tuple[int, int] | None
    known: tuple[int, int] | None
    before_ns: int
    near_ns: int

    def lines(self, seen: tuple[int, int] | None, *, sure: bool) -> tuple[int, int]:
        """Where to look for their lines.

        Args:
            seen: When they left something, where that is known from elsewhere.
            sure: Whether it is known when they were; else whatever the index may not know is looked through.
        """
        known = [each for each in (self.known, seen) if each is not None]
        if not known:
            return ANY_TIME[0], self.near_ns
        first, last = min(first for first, _ in known), max(last for _, last in known)
        if self.near_ns == ANY_TIME[0] or (sure and first - NEAR_NS >= self.near_ns):
            return first, last
        if not sure:
            return ANY_TIME[0], max(last, self.near_ns)
        ends = (last, min(last + WITHIN_NS, self.before_ns), min(last + NEAR_NS, self.near_ns))
        return max(ANY_TIME[0], first - NEAR_NS), max(ends)


def place(reader: Reader, traces: Sequence[UUID], seen: tuple[int, int] | None = None) -> Place:
    """Where to look for `traces`; what they left long before or after they were `seen` is not looked for."""
    hashes = [trace.int & (2**64 - 1) for trace in traces]
    minutes = (
        {} if seen is None else {"from_minute": _minute(seen[0] - WITHIN_NS), "to_minute": _minute(seen[1] + WITHIN_NS)}
    )
    sql, bound = sqlfile.lean(SQL["minutes_of_traces"], _one_or_more("hash", "hashes", hashes) | minutes)
    *found, missing_ns, given_up_ns = reader.tuples(sql, **bound)[0]
    before_ns = ANY_TIME[0] if missing_ns is None else missing_ns + 1
    near_ns = before_ns if given_up_ns is None else max(before_ns, given_up_ns + 1)
    return Place(_whole(*found[:2]), _whole(*found[2:]), before_ns, near_ns)


def _minute(at_ns: int) -> int:
    return max(-(2**31), min(at_ns // MINUTE_NS, 2**31 - 1))


def _whole(first_minute: int | None, last_minute: int | None) -> tuple[int, int] | None:
    """The time from the beginning of one minute to the end of another."""
    if first_minute is None or last_minute is None:
        return None
    return first_minute * MINUTE_NS, (last_minute + 1) * MINUTE_NS


def bounds(reader: Reader, traces: Sequence[UUID]) -> tuple[int, int] | None:
    """Between which times all spans of `traces` start; None when there are none."""
    return place(reader, traces).spans


def _one_or_more(one: str, more: str, values: Sequence[Any]) -> dict[str, Any]:
    """What to bind to look for values: a single one is compared with blocks' bounds at once."""
    return {one: values[0]} if len(values) == 1 else {more: list(values)}


def life(reader: Reader, traces: Sequence[UUID]) -> tuple[int, int] | None:
    """Between which times `traces` left anything, spans or ledger lines; None when nothing."""
    where = place(reader, traces)
    from_ns, to_ns = where.lines(None, sure=False)
    first, last = reader.tuples(SQL["times_of_lines"], from_ns=from_ns, to_ns=to_ns, traces=list(traces))[0]
    found = [times for times in (where.spans, None if first is None else (first, last + 1)) if times is not None]
    return (min(first for first, _ in found), max(last for _, last in found)) if found else None


def summaries(reader: Reader, traces: Sequence[UUID], seen: tuple[int, int] | None = None) -> list[dict[str, Any]]:
    """What `traces` look like from outside, in the given order; those of which nothing is known are left out.

    What a trace left farther than `WITHIN_NS` from when it was seen is not told.

    Args:
        reader: One snapshot.
        traces: Which.
        seen: When each of them left something, where that is known.
    """
    return summaries_at(reader, traces, place(reader, traces, seen), seen) if traces else []


def summaries_at(
    reader: Reader, traces: Sequence[UUID], where: Place, seen: tuple[int, int] | None = None
) -> list[dict[str, Any]]:
    """The same of traces of which it is known where to look for them."""
    listed = list(traces)
    wanted = _one_or_more("trace", "traces", listed)
    spans: dict[UUID, dict[str, Any]] = {}
    if where.spans is not None:
        within = {"from_ns": where.spans[0], "to_ns": where.spans[1]}
        spans = looks.by_spans(reader, {**within, **wanted})
    from_ns, to_ns = where.lines(seen, sure=seen is not None or len(spans) == len(listed))
    lines = looks.by_lines(reader, {"from_ns": from_ns, "to_ns": to_ns, **wanted})
    known = [trace for trace in listed if trace in spans or trace in lines]
    return [looks.summary(trace, spans.get(trace), lines.get(trace)) for trace in known]
