"""What was spent: total, breakdown, trend and the period before, of a period to date, exact to the last digit.

Given a period, a dimension and filters, reads the ledger; of a month and a year mostly the rollups, where they are
whole and fresh, and the ledger for the rest. Both ways give the same digits. Sums and divisions are those of Decimal.

Never: a cost that is unknown counted as nothing, or a write.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any, Final, Literal

from spanledger_server.statistics import cost_cells, periods, reach, remembered, shares, slots, spenders
from spanledger_server.statistics.periods import Part, Period
from spanledger_server.statistics.reach import Reach
from spanledger_server.statistics.remembered import Parted
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)

Route = Literal["ledger", "rollup"]
MOST_CATEGORIES: Final = 200  # of a breakdown; the rest is one line
MOST_IN_TREND: Final = 20  # by cost; the rest of a day is one figure
OTHER: Final = "other"
UNKNOWN: Final = "unknown"  # how a trend's `by` calls the category that nobody named
TOTAL: Final = ""  # no dimension: all of a part is one category
ROLLED: Final = frozenset(("month", "year"))  # periods long enough for rollups to be fewer rows than the ledger
IN_ROLLUPS: Final = frozenset(("service", "kind", "model", "provider", "operation", "feature", "tenant", "user_tier"))
COUNTS: Final = ("calls", "priced_calls", "unpriced_calls", "estimated_calls", "free_calls")
TOKENS: Final = ("input_tokens", "output_tokens", "cached_input_tokens")


@dataclass(slots=True)
class Sums:
    """Added-up cells; None is "nobody said"."""

    cost_usd: Decimal | None = None
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    tokens: dict[str, int | None] = field(default_factory=lambda: dict.fromkeys(TOKENS))

    def add(self, cell: Mapping[str, Any]) -> None:
        """Add one cell."""
        if cell["cost_usd"] is not None:
            self.cost_usd = cell["cost_usd"] + (self.cost_usd or 0)
        for name in COUNTS:
            self.counts[name] += cell[name]
        for name in TOKENS:
            if cell[name] is not None:
                self.tokens[name] = cell[name] + (self.tokens[name] or 0)

    @property
    def coverage(self) -> Decimal | None:
        """The share of the calls whose cost is known."""
        return shares.ratio(self.counts["calls"] - self.counts["unpriced_calls"], self.counts["calls"])

    @property
    def spent(self) -> Decimal | None:
        """The known cost: 0 without calls, None when there are calls and none has a price."""
        return Decimal(0) if not self.counts["calls"] else self.cost_usd


def costs(
    reader: Reader,
    period: Period,
    dimension: str,
    conditions: Mapping[str, Any],
    asked: Iterable[str],
    route: Route | None = None,
) -> dict[str, Any]:
    """The statistics of `period` by `dimension`, as `GET /admin/statistics/costs` answers them.

    Args:
        reader: One snapshot.
        period: Which stretch of time, and its parts.
        dimension: One of `slots.DIMENSIONS`.
        conditions: The bound filters of the ledger (`traces.filters.LEDGER`).
        asked: The keys that are filtered.
        route: Where to read; None chooses.
    """
    question = _Question(reader, conditions, frozenset(asked), route)
    within = TOTAL if dimension == "user" else dimension
    cells, source = question.cells(period, within)
    known = reach.of(reader)
    before = _before(period, known)
    earlier = None if before is None else question.cells(before, within)[0]
    named: Sequence[Mapping[str, Any]] = cells
    over_time: Sequence[Mapping[str, Any]] = cells
    with localcontext(shares.EXACT):
        total = _total(cells)
        if dimension == "user":
            named, over_time, source = question.users(period, cells, total)
        answer = _summary(total) | {
            "previous": _previous(before, earlier, total, known),
            "breakdown": _compared(_breakdown(named, slots.of(reader, dimension)), dimension, earlier),
            "trend": _trend(over_time, period, _known_parts(period, known)),
        }
    head = {"period": period.name, "group_by": dimension, "from_ns": period.from_ns, "to_ns": period.to_ns}
    return head | {"timezone": period.zone.key, "currency": "USD"} | answer | {"source": source}


@dataclass(frozen=True, slots=True)
class _Question:
    """Which lines are asked about, and where they may be read."""

    reader: Reader
    conditions: Mapping[str, Any]
    asked: frozenset[str]
    route: Route | None

    def cells(self, period: Period, dimension: str) -> tuple[list[dict[str, Any]], Route]:
        """The cells of a period by part and category, and where they were read."""
        bound = {"dimension": dimension, "most": MOST_CATEGORIES, "p": period.bound(), **self.conditions}
        rolled = self.route == "rollup" or (self.route is None and period.name in ROLLED)
        if self.route != "ledger" and "user_id" in self.asked and spenders.KNOWN.issuperset(self.asked):
            cells, in_days = cost_cells.of_users(self.reader, period, bound)
            ranked = None if cells is None else _ranked(cells)
            if ranked is not None:
                return ranked, _source(in_days)
            u = spenders.sources(self.reader, period)
            who = spenders.who(self.reader, self.conditions)
            sql, parameters = sqlfile.lean(SQL["cost_cells_of_users"], {"u": u, **who, **bound, "ranked": True})
            return self.reader.rows(sql, **parameters), _source(u["end_day"])
        known = self.route != "ledger" and IN_ROLLUPS.issuperset(self.asked)
        whole = known and rolled
        sources = cost_cells.whole_buckets(self.reader, period) if whole else cost_cells.all_from_ledger(period)
        if known:
            parted = remembered.parted(period) if sources["level"] else None
            found = self._late(period, bound) if parted is None else self._parted(parted, bound)
            if found is not None:
                return found, "rollup"
        found = cost_cells.read(self.reader, period, sources, bound | {"ranked": True})
        return found, _source(sources["level"])

    def _late(self, period: Period, bound: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        found = cost_cells.late(self.reader, period, bound)
        return None if found is None else _ranked(found)

    def _parted(self, period: Parted, bound: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """The cells of a period, those that are long gone read once; None where they are too many for that."""
        gone = period.gone
        plain = {**bound, **cost_cells.PLAIN}
        question = ("costs", repr(sorted(plain.items())), gone.from_ns, gone.to_ns)

        def read(each: Period) -> list[dict[str, Any]]:
            return cost_cells.read(self.reader, each, cost_cells.whole_buckets(self.reader, each), plain)

        before = remembered.rows(self.reader, question, "cost", gone.window, lambda: read(gone))
        if before is None:
            return None
        for each in period.others:
            late = cost_cells.late(self.reader, each, bound)
            before = [*before, *(read(each) if late is None else late)]
        return _ranked(before)

    def users(
        self, period: Period, whole: Sequence[Mapping[str, Any]], total: Sums
    ) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]], Route]:
        """The costliest users as cells of the breakdown, and of the trend; all others are one of each part."""
        found = spenders.spenders(
            self.reader,
            period,
            self.conditions,
            self.asked,
            most=MOST_CATEGORIES,
            in_trend=MOST_IN_TREND,
            from_ledger=self.route == "ledger",
        )
        named: list[Mapping[str, Any]] = [
            row | {"rank": rank, "category": row["user_id"], "categories": row["users"]}
            for rank, row in enumerate(found.ranked, 1)
        ]
        if named and named[0]["categories"] > len(named):
            named.append(_rest(total, named) | {"categories": named[0]["categories"]})
        ranks = {row["category"]: row["rank"] for row in named}
        over_time: list[Mapping[str, Any]] = [
            row
            | {
                "rank": ranks[row["user_id"]],
                "category": row["user_id"],
                "calls": row["known_calls"],
                "unpriced_calls": 0,
            }
            for row in found.parts
        ]
        shown = _by_part(over_time)
        over_time += [_rest_of_part(cell, shown.get(cell["part"], ())) for cell in whole]
        return named, over_time, "rollup" if found.rolled else "ledger"


def _ranked(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
    """Cells with the ranks of their categories; None for more than `MOST_CATEGORIES`."""
    by_category: dict[str | None, tuple[Decimal | None, int]] = {}
    with localcontext(shares.EXACT):
        for cell in cells:
            cost, calls = by_category.get(cell["category"], (None, 0))
            if cell["cost_usd"] is not None:
                cost = cell["cost_usd"] + (cost or 0)
            by_category[cell["category"]] = cost, calls + cell["calls"]
            if len(by_category) > MOST_CATEGORIES:
                return None
        order = sorted(by_category, key=lambda name: _place(name, *by_category[name]))
    ranks = {name: rank for rank, name in enumerate(order, 1)}
    return [{**cell, "rank": ranks[cell["category"]], "categories": len(ranks)} for cell in cells]


def _place(name: str | None, cost: Decimal | None, calls: int) -> tuple[Any, ...]:
    """The costliest first; among equals the most called, then by name."""
    return cost is None, -(cost or 0), -calls, name is None, name or ""


def _source(rolled: object) -> Route:
    return "rollup" if rolled else "ledger"


def _rest(total: Sums, named: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What is left of the total when the cells that have a name are taken out."""
    taken = _total(named)
    left: dict[str, Any] = {name: total.counts[name] - taken.counts[name] for name in COUNTS}
    for name in TOKENS:
        whole = total.tokens[name]
        left[name] = None if whole is None else whole - (taken.tokens[name] or 0)
    cost = (total.cost_usd or Decimal(0)) - (taken.cost_usd or 0)
    known = left["calls"] - left["unpriced_calls"]
    return left | {"rank": None, "category": None, "cost_usd": cost if known else None}


def _rest_of_part(whole: Mapping[str, Any], shown: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The same of one part, as far as a trend tells it."""
    calls, cost = whole["calls"], whole["cost_usd"] or Decimal(0)
    for cell in shown:
        calls, cost = calls - cell["calls"], cost - (cell["cost_usd"] or 0)
    known = calls - whole["unpriced_calls"]
    left = {"part": whole["part"], "rank": None, "calls": calls, "unpriced_calls": whole["unpriced_calls"]}
    return left | {"cost_usd": cost if known else None}


def _total(cells: Iterable[Mapping[str, Any]]) -> Sums:
    total = Sums()
    with localcontext(shares.EXACT):
        for cell in cells:
            total.add(cell)
    return total


def _by_part(cells: Iterable[Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    found: defaultdict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for cell in cells:
        found[cell["part"]].append(cell)
    return found


def _summary(total: Sums) -> dict[str, Any]:
    return {"total_cost": total.spent, **total.counts, "coverage": total.coverage, **total.tokens}


def _before(period: Period, known: Reach) -> Period | None:
    """The same stretch of the period before; None where there was none, or nothing is known of it."""
    before = periods.before(period)
    nothing = before is None or known.first_ns is None or known.first_ns >= before.to_ns
    return None if nothing else before


def _previous(
    before: Period | None, cells: Sequence[Mapping[str, Any]] | None, now: Sums, known: Reach
) -> dict[str, Any] | None:
    """What was spent then; None when nothing is known of it, `complete` when all of it is."""
    if before is None or cells is None or known.first_ns is None:
        return None
    total = _total(cells)
    return {
        "from_ns": before.from_ns,
        "to_ns": before.to_ns,
        "total_cost": total.spent,
        "calls": total.counts["calls"],
        "unpriced_calls": total.counts["unpriced_calls"],
        "coverage": total.coverage,
        "complete": known.first_ns <= before.from_ns,
        **shares.change(now.spent, total.spent),
    }


def _compared(
    items: list[dict[str, Any]], dimension: str, earlier: Sequence[Mapping[str, Any]] | None
) -> list[dict[str, Any]]:
    """The breakdown with what each category cost before; None where that is not known."""
    costs: defaultdict[str | None, Sums] = defaultdict(Sums)
    for cell in earlier or ():
        if cell["rank"] is not None:
            costs[cell["category"]].add(cell)
    for item in items:
        told = item["folded"] is None and dimension != "user" and item["category"] in costs
        item["previous_cost"] = costs[item["category"]].cost_usd if told else None
        item["change_percent"] = shares.change(item["cost"], item["previous_cost"])["change_percent"]
    return items


def _breakdown(cells: Sequence[Mapping[str, Any]], slot_of: Mapping[str, int]) -> list[dict[str, Any]]:
    by_rank: defaultdict[int | None, Sums] = defaultdict(Sums)
    names: dict[int | None, str | None] = {None: OTHER}
    for cell in cells:
        by_rank[cell["rank"]].add(cell)
        if cell["rank"] is not None:
            names[cell["rank"]] = cell["category"]
    whole = [sums.cost_usd for sums in by_rank.values() if sums.cost_usd is not None]
    total_cost = sum(whole, Decimal(0)) if whole else None
    ranks = sorted(rank for rank in by_rank if rank is not None) + ([None] if None in by_rank else [])
    folded = max((cell["categories"] or 0 for cell in cells), default=0) - MOST_CATEGORIES
    items = []
    for rank in ranks:
        sums, name = by_rank[rank], names[rank]
        counts = {"count" if key == "calls" else key: value for key, value in sums.counts.items()}
        item = {"category": name, "cost": sums.cost_usd}
        item["percentage"] = shares.percentage(sums.cost_usd, total_cost)
        slot = slot_of.get(name) if rank is not None and name is not None else None
        items.append(item | counts | sums.tokens | {"slot": slot, "folded": folded if rank is None else None})
    return items


def _known_parts(period: Period, known: Reach) -> set[int]:
    """The parts that lie in the stretch of which something is known: no line there means that nothing was spent."""
    first_ns = known.first_ns
    if first_ns is None:
        return set()
    last_ns = first_ns if known.last_ns is None else known.last_ns
    return {part.number for part in period.parts if part.to_ns > first_ns and part.from_ns <= last_ns}


def _trend(cells: Sequence[Mapping[str, Any]], period: Period, known: set[int]) -> list[dict[str, Any]]:
    by_part = _by_part(cells)
    return [_bar(part, by_part.get(part.number, []), period.to_ns, part.number in known) for part in period.parts]


def _bar(part: Part, cells: Sequence[Mapping[str, Any]], now_ns: int, known: bool) -> dict[str, Any]:
    calls, unpriced, cost, by = 0, 0, Decimal(0), dict[str, Decimal]()
    for cell in cells:
        calls, unpriced = calls + cell["calls"], unpriced + cell["unpriced_calls"]
        if cell["cost_usd"] is not None:
            cost += cell["cost_usd"]
            shown = cell["rank"] is not None and cell["rank"] <= MOST_IN_TREND
            name = OTHER if not shown else cell["category"] if cell["category"] is not None else UNKNOWN
            by[name] = by.get(name, Decimal(0)) + cell["cost_usd"]
    complete = part.to_ns <= now_ns
    if not cells and not known:
        return {"date": part.name, "cost": None, "calls": None, "unpriced_calls": None, "complete": complete, "by": {}}
    counts = {"calls": calls, "unpriced_calls": unpriced}
    return {"date": part.name, "cost": cost if by or not calls else None, **counts, "complete": complete, "by": by}
