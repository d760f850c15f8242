"""What was spent: total, breakdown, trend and the period before, of a period to date, exact to the last digit.

Given a period, a dimension and filters, reads the ledger; of a month and a year mostly the rollups, where they are
whole and fresh, and the ledger for the rest. Both ways give the same digits. Sums and divisions are those of Decimal.

Never: a cost that is unknown counted as nothing, or a write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any, Final, Literal

from spanledger_server.statistics import periods, shares, slots
from spanledger_server.statistics.periods import Part, Period
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import DAY_NS, HOUR_NS

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
    chosen = route or ("rollup" if period.name in ROLLED else "ledger")
    if not IN_ROLLUPS.issuperset(asked):
        chosen = "ledger"
    cells, source = _cells(reader, period, dimension, conditions, chosen)
    known = reader.row(SQL["known_range"]) or {}
    before = periods.before(period)
    earlier = None
    if before is not None:
        earlier = _cells(reader, before, TOTAL if dimension == "user" else dimension, conditions, chosen)[0]
    with localcontext(shares.EXACT):
        answer = _summary(cells) | {
            "previous": _previous(before, earlier, _total(cells), known),
            "breakdown": _compared(_breakdown(cells, slots.of(reader, dimension)), dimension, earlier),
            "trend": _trend(cells, period, _known_parts(period, known)),
        }
    head = {"period": period.name, "group_by": dimension, "from_ns": period.from_ns, "to_ns": period.to_ns}
    return head | {"timezone": period.zone.key, "currency": "USD"} | answer | {"source": source}


def _cells(
    reader: Reader, period: Period, dimension: str, conditions: Mapping[str, Any], route: Route
) -> tuple[list[dict[str, Any]], Route]:
    """The cells of a period by part and category, and where they were read."""
    window = {"from_ns": period.from_ns, "to_ns": period.to_ns}
    if dimension == "user":
        return _cells_by_user(reader, period, window, conditions, route), "ledger"
    sources = _sources(reader, period) if route == "rollup" else _all_from_ledger(period)
    bound = {"most": MOST_CATEGORIES, "p": period.bound(), **window, **conditions}
    cells = reader.rows(SQL["cost_cells"], dimension=dimension, **sources, **bound)
    return cells, "rollup" if sources["level"] else "ledger"


def _cells_by_user(
    reader: Reader, period: Period, window: Mapping[str, int], conditions: Mapping[str, Any], route: Route
) -> list[dict[str, Any]]:
    """The costliest users' cells, and what all others cost as one: they are too many to be summed by part."""
    ranked = reader.tuples(SQL["costliest_users"], most=MOST_CATEGORIES, **window, **conditions)
    ranks = {user: rank for rank, (user, _) in enumerate(ranked, 1)}
    categories = ranked[0][1] if ranked else 0
    users = {"users": [user for user in ranks if user is not None], "unset": None in ranks}
    cells = reader.rows(SQL["cost_cells_of_users"], p=period.bound(), **users, **window, **conditions)
    cells = [cell | {"rank": ranks[cell["category"]], "categories": categories} for cell in cells]
    if categories <= MOST_CATEGORIES:
        return cells
    named = _by_part(cells)
    rest = [_rest(cell, named.get(cell["part"], ())) for cell in _cells(reader, period, TOTAL, conditions, route)[0]]
    return cells + [cell | {"categories": categories} for cell in rest if cell["calls"]]


def _rest(whole: Mapping[str, Any], named: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What is left of a part when the cells that have a name are taken out."""
    taken = _total(named)
    left: dict[str, Any] = {name: whole[name] - taken.counts[name] for name in COUNTS}
    for name in TOKENS:
        left[name] = None if whole[name] is None else whole[name] - (taken.tokens[name] or 0)
    known = left["calls"] - left["unpriced_calls"]
    with localcontext(shares.EXACT):
        cost = (whole["cost_usd"] or Decimal(0)) - (taken.cost_usd or 0)
    return left | {"part": whole["part"], "rank": None, "category": None, "cost_usd": cost if known else None}


def _all_from_ledger(period: Period) -> dict[str, Any]:
    end = period.to_ns
    return {
        "level": "",
        "unit_ns": DAY_NS,
        "head_ns": end,
        "tail_ns": end,
        "dirty": [],
        "dirty_from_ns": 0,
        "dirty_to_ns": 0,
    }


def _sources(reader: Reader, period: Period) -> dict[str, Any]:
    """Which stretch comes from which rollup, and which of its buckets are not fresh."""
    if period.aligned(DAY_NS):
        level, unit_ns = "1d", DAY_NS
    elif period.aligned(HOUR_NS):
        level, unit_ns = "1h", HOUR_NS
    else:  # a zone of half hours: no bucket lies within one of its days for sure
        return _all_from_ledger(period)
    first = reader.value(SQL["rolled_from"], level=level, unit_ns=unit_ns)
    if first is None:
        return _all_from_ledger(period)
    head_ns = max(-(-period.from_ns // unit_ns), first) * unit_ns
    tail_ns = period.to_ns // unit_ns * unit_ns
    if head_ns >= tail_ns:
        return _all_from_ledger(period)
    dirty = _dirty(reader, unit_ns, head_ns, tail_ns)
    bounds = {"dirty_from_ns": dirty[0] * unit_ns, "dirty_to_ns": (dirty[-1] + 1) * unit_ns} if dirty else {}
    found = {"level": level, "unit_ns": unit_ns, "head_ns": head_ns, "tail_ns": tail_ns, "dirty": dirty}
    return {"dirty_from_ns": 0, "dirty_to_ns": 0} | found | bounds


def _dirty(reader: Reader, unit_ns: int, head_ns: int, tail_ns: int) -> list[int]:
    """Buckets within [head, tail) of which a part waits to be recomputed; a dirty day makes all its hours dirty."""
    buckets: set[int] = set()
    for bucket, level in reader.tuples(SQL["dirty_costs"], unit_ns=unit_ns):
        width = DAY_NS // unit_ns if level == "1d" else 1
        buckets.update(range(bucket, bucket + width))
    return sorted(bucket for bucket in buckets if head_ns <= bucket * unit_ns < tail_ns)


def _total(cells: Iterable[Mapping[str, Any]]) -> Sums:
    total = Sums()
    with localcontext(shares.EXACT):
        for cell in cells:
            total.add(cell)
    return total


def _by_part(cells: Iterable[Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    found: dict[int, list[Mapping[str, Any]]] = {}
    for cell in cells:
        found.setdefault(cell["part"], []).append(cell)
    return found


def _summary(cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    total = _total(cells)
    return {"total_cost": total.spent, **total.counts, "coverage": total.coverage, **total.tokens}


def _previous(
    before: Period | None, cells: Sequence[Mapping[str, Any]] | None, now: Sums, known: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The same stretch of the period before; None when nothing is known of it, `complete` when all of it is."""
    first_ns = _first_known_ns(known)
    if before is None or cells is None or first_ns is None or first_ns >= before.to_ns:
        return None
    total = _total(cells)
    return {
        "from_ns": before.from_ns,
        "to_ns": before.to_ns,
        "total_cost": total.spent,
        "calls": total.counts["calls"],
        "unpriced_calls": total.counts["unpriced_calls"],
        "coverage": total.coverage,
        "complete": first_ns <= before.from_ns,
        **shares.change(now.spent, total.spent),
    }


def _compared(
    items: list[dict[str, Any]], dimension: str, earlier: Sequence[Mapping[str, Any]] | None
) -> list[dict[str, Any]]:
    """The breakdown with what each category cost before; None where that is not known."""
    costs: dict[str | None, Sums] = {}
    for cell in earlier or ():
        if cell["rank"] is not None:
            costs.setdefault(cell["category"], Sums()).add(cell)
    for item in items:
        told = item["folded"] is None and dimension != "user" and item["category"] in costs
        item["previous_cost"] = costs[item["category"]].cost_usd if told else None
        item["change_percent"] = shares.change(item["cost"], item["previous_cost"])["change_percent"]
    return items


def _breakdown(cells: Sequence[Mapping[str, Any]], slot_of: Mapping[str, int]) -> list[dict[str, Any]]:
    by_rank: dict[int | None, Sums] = {}
    names: dict[int | None, str | None] = {None: OTHER}
    total = Sums()
    for cell in cells:
        by_rank.setdefault(cell["rank"], Sums()).add(cell)
        total.add(cell)
        if cell["rank"] is not None:
            names[cell["rank"]] = cell["category"]
    ranks = sorted(rank for rank in by_rank if rank is not None) + ([None] if None in by_rank else [])
    folded = max((cell["categories"] or 0 for cell in cells), default=0) - MOST_CATEGORIES
    items = []
    for rank in ranks:
        sums, name = by_rank[rank], names[rank]
        counts = {"count" if key == "calls" else key: value for key, value in sums.counts.items()}
        item = {"category": name, "cost": sums.cost_usd}
        item["percentage"] = shares.percentage(sums.cost_usd, total.cost_usd)
        slot = slot_of.get(name) if rank is not None and name is not None else None
        items.append(item | counts | sums.tokens | {"slot": slot, "folded": folded if rank is None else None})
    return items


def _first_known_ns(known: Mapping[str, Any]) -> int | None:
    firsts = [at_ns for at_ns in (known.get("first_ns"), known.get("first_rolled_ns")) if at_ns is not None]
    return min(firsts, default=None)


def _known_parts(period: Period, known: Mapping[str, Any]) -> set[int]:
    """The parts that lie in the stretch of which something is known: no line there means that nothing was spent."""
    first_ns = _first_known_ns(known)
    if first_ns is None:
        return set()
    last_ns = known["last_ns"] if known["last_ns"] is not None else known["first_rolled_ns"]
    return {part.number for part in period.parts if part.to_ns > first_ns and part.from_ns <= last_ns}


def _trend(cells: Sequence[Mapping[str, Any]], period: Period, known: set[int]) -> list[dict[str, Any]]:
    by_part = _by_part(cells)
    return [_bar(part, by_part.get(part.number, []), period.to_ns, part.number in known) for part in period.parts]


def _bar(part: Part, cells: Sequence[Mapping[str, Any]], now_ns: int, known: bool) -> dict[str, Any]:
    sums, by = Sums(), dict[str, Decimal]()
    for cell in cells:
        sums.add(cell)
        if cell["cost_usd"] is not None:
            shown = cell["rank"] is not None and cell["rank"] <= MOST_IN_TREND
            name = OTHER if not shown else cell["category"] if cell["category"] is not None else UNKNOWN
            by[name] = by.get(name, Decimal(0)) + cell["cost_usd"]
    complete = part.to_ns <= now_ns
    if not cells and not known:
        return {"date": part.name, "cost": None, "calls": None, "unpriced_calls": None, "complete": complete, "by": {}}
    counts = {"calls": sums.counts["calls"], "unpriced_calls": sums.counts["unpriced_calls"]}
    return {"date": part.name, "cost": sums.spent, **counts, "complete": complete, "by": by}
