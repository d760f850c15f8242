"""What was spent: total, breakdown, trend and the period before, of a period to date, exact to the last digit.

Given a period, a dimension and filters, reads the ledger; of a month and a year mostly the rollups, where they are
whole and fresh, and the ledger for the rest. Both ways give the same digits. Sums and divisions are those of Decimal.

Never: a cost that is unknown counted as nothing, or a write.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any, Final, Literal

from spanledger_server.statistics import cost_cells, periods, reach, remembered, shares, slots, spenders, spent
from spanledger_server.statistics.periods import Period
from spanledger_server.statistics.reach import Reach
from spanledger_server.statistics.remembered import Parted
from spanledger_server.statistics.spenders import Spenders
from spanledger_server.statistics.spent import COUNTS, FOLDED, OTHER, Spent, Sums
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)

Route = Literal["ledger", "rollup"]
MOST_CATEGORIES: Final = 200  # of a breakdown; the rest is one line
MOST_IN_TREND: Final = 20  # by cost; the rest of a day is one figure
TOTAL: Final = ""  # no dimension: all of a part is one category
ROLLED: Final = frozenset(("month", "year"))  # periods long enough for rollups to be fewer rows than the ledger
IN_ROLLUPS: Final = frozenset(("service", "kind", "model", "provider", "operation", "feature", "tenant", "user_tier"))


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
    pieces, source = question.spent(period, within)
    known = reach.of(reader)
    before = _before(period, known)
    earlier = None if before is None else _named(spent.together(question.spent(before, within)[0]))
    sums = spent.together(pieces)
    total, parts = spent.total(sums.values()), [piece.parts for piece in pieces]
    there, slot_of = _known_parts(period, known), slots.of(reader, dimension)
    if dimension == "user":
        found = question.users(period)
        source = _source(found.rolled)
        shown, sums, number = _by_user(found, total)
        trend = spent.trend_of(found.parts, parts, period, frozenset(shown[:MOST_IN_TREND]), there)
    else:
        shown = spent.ordered(sums)[:MOST_CATEGORIES]
        number = max([len(sums), *(piece.number for piece in pieces)])
        trend = spent.trend(parts, period, frozenset(shown[:MOST_IN_TREND]), there)
    lines = _breakdown(_named(sums), shown, number, slot_of)
    answer = _summary(total) | {
        "previous": None if earlier is None or before is None else _previous(before, earlier, total, known),
        "breakdown": _compared(lines, None if dimension == "user" else earlier),
        "trend": trend,
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

    def spent(self, period: Period, dimension: str) -> tuple[list[Spent], Route]:
        """What was spent in a period by part and category, in pieces, and where it was read."""
        bound = {"dimension": dimension, "most": MOST_CATEGORIES, "p": period.bound(), **self.conditions}
        rolled = self.route == "rollup" or (self.route is None and period.name in ROLLED)
        if self.route != "ledger" and "user_id" in self.asked and spenders.KNOWN.issuperset(self.asked):
            pieces, in_days = cost_cells.of_users(self.reader, period, bound)
            if pieces is not None:
                return pieces, _source(in_days)
            u = spenders.sources(self.reader, period)
            who = spenders.who(self.reader, self.conditions)
            sql, parameters = sqlfile.lean(SQL["cost_cells_of_users"], {"u": u, **who, **bound, "ranked": True})
            return [spent.of(self.reader.rows(sql, **parameters))], _source(u["end_day"])
        known = self.route != "ledger" and IN_ROLLUPS.issuperset(self.asked)
        whole = known and rolled
        sources = cost_cells.whole_buckets(self.reader, period) if whole else cost_cells.all_from_ledger(period)
        if known:
            parted = remembered.parted(period) if sources["level"] else None
            found = self._late(period, bound) if parted is None else self._parted(parted, bound)
            if found is not None:
                return found, "rollup"
        cells = cost_cells.read(self.reader, period, sources, bound | {"ranked": True})
        return [spent.of(cells)], _source(sources["level"])

    def _late(self, period: Period, bound: Mapping[str, Any]) -> list[Spent] | None:
        found = cost_cells.late(self.reader, period, bound)
        return None if found is None else [spent.of(found)]

    def _parted(self, period: Parted, bound: Mapping[str, Any]) -> list[Spent] | None:
        """What was spent in a period, what is long gone read once; None where it is too much for that."""
        gone = period.gone
        plain = {**bound, **cost_cells.PLAIN}
        question = ("costs", repr(sorted(plain.items())), gone.from_ns, gone.to_ns)

        def read(each: Period) -> list[dict[str, Any]]:
            return cost_cells.read(self.reader, each, cost_cells.whole_buckets(self.reader, each), plain)

        before = remembered.rows(self.reader, question, "cost", gone.window, lambda: spent.of(read(gone)))
        if before is None:
            return None
        found = []
        for each in period.others:
            late = cost_cells.late(self.reader, each, bound)
            found += read(each) if late is None else late
        return [before, spent.of(found)]

    def users(self, period: Period) -> Spenders:
        """Who spent most."""
        return spenders.spenders(
            self.reader,
            period,
            self.conditions,
            self.asked,
            most=MOST_CATEGORIES,
            in_trend=MOST_IN_TREND,
            from_ledger=self.route == "ledger",
        )


def _named(sums: Mapping[Hashable, Sums]) -> dict[Hashable, Sums]:
    """The categories that a breakdown names, and all others as one."""
    return spent.folded(sums, spent.ordered(sums), MOST_CATEGORIES)


def _by_user(found: Spenders, total: Sums) -> tuple[list[str | None], dict[Hashable, Sums], int]:
    """The costliest users, their sums and those of all others as one, and how many users there are."""
    sums: dict[Hashable, Sums] = {}
    for row in found.ranked:
        sums[row["user_id"]] = Sums()
        sums[row["user_id"]].add(row)
    shown = [row["user_id"] for row in found.ranked]
    number = found.ranked[0]["users"] if found.ranked else 0
    if number > len(shown):
        sums[FOLDED] = _rest(total, spent.total(sums.values()))
    return shown, sums, number


def _source(rolled: object) -> Route:
    return "rollup" if rolled else "ledger"


def _rest(total: Sums, taken: Sums) -> Sums:
    """What is left of the total when those who have a name are taken out."""
    counts = {name: total.counts[name] - taken.counts[name] for name in COUNTS}
    tokens = {
        name: None if whole is None else whole - (taken.tokens[name] or 0) for name, whole in total.tokens.items()
    }
    with localcontext(shares.EXACT):
        cost = (total.cost_usd or Decimal(0)) - (taken.cost_usd or 0)
    return Sums(cost if counts["calls"] > counts["unpriced_calls"] else None, counts, tokens)


def _summary(total: Sums) -> dict[str, Any]:
    return {"total_cost": total.spent, **total.counts, "coverage": total.coverage, **total.tokens}


def _before(period: Period, known: Reach) -> Period | None:
    """The same stretch of the period before; None where there was none, or nothing is known of it."""
    before = periods.before(period)
    nothing = before is None or known.first_ns is None or known.first_ns >= before.to_ns
    return None if nothing else before


def _previous(before: Period, earlier: Mapping[Hashable, Sums], now: Sums, known: Reach) -> dict[str, Any] | None:
    """What was spent then; None when nothing is known of it, `complete` when all of it is."""
    if known.first_ns is None:
        return None
    total = spent.total(earlier.values())
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


def _compared(items: list[dict[str, Any]], earlier: Mapping[Hashable, Sums] | None) -> list[dict[str, Any]]:
    """The breakdown with what each category cost before; None where that is not known."""
    for item in items:
        told = earlier is not None and item["folded"] is None and item["category"] in earlier
        item["previous_cost"] = earlier[item["category"]].cost_usd if earlier is not None and told else None
        item["change_percent"] = shares.change(item["cost"], item["previous_cost"])["change_percent"]
    return items


def _breakdown(
    sums: Mapping[Hashable, Sums], shown: Sequence[str | None], number: int, slot_of: Mapping[str, int]
) -> list[dict[str, Any]]:
    """A line for each category that is shown, and one for all others.

    Args:
        sums: Those of the categories.
        shown: Those that are shown, in their order.
        number: How many categories there are.
        slot_of: The slots of the categories that have one.
    """
    total_cost = spent.total(sums.values()).cost_usd
    items = []
    for name in (*shown, *((FOLDED,) if FOLDED in sums else ())):
        mine, named = sums[name], name is not FOLDED
        counts = {"count" if key == "calls" else key: value for key, value in mine.counts.items()}
        item = {"category": name if named else OTHER, "cost": mine.cost_usd}
        item["percentage"] = shares.percentage(mine.cost_usd, total_cost)
        slot = slot_of.get(name) if isinstance(name, str) else None
        beyond = None if named else number - MOST_CATEGORIES
        items.append(item | counts | mine.tokens | {"slot": slot, "folded": beyond})
    return items


def _known_parts(period: Period, known: Reach) -> set[int]:
    """The parts that lie in the stretch of which something is known: no line there means that nothing was spent."""
    first_ns = known.first_ns
    if first_ns is None:
        return set()
    last_ns = first_ns if known.last_ns is None else known.last_ns
    return {part.number for part in period.parts if part.to_ns > first_ns and part.from_ns <= last_ns}
