"""What was spent, added up by category and told apart by part of a period: of time long gone once.

Given cells by part and category, gives `Spent`; several of them side by side make a breakdown and the bars of a trend.
One that is remembered is added up, and its bars are made, once and not for each answer.

Never: reads the database, or an unknown cost counted as nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any, Final, NamedTuple

from spanledger_server.lasting import Lasting
from spanledger_server.statistics import shares
from spanledger_server.statistics.periods import Part, Period

COUNTS: Final = ("calls", "priced_calls", "unpriced_calls", "estimated_calls", "free_calls")
TOKENS: Final = ("input_tokens", "output_tokens", "cached_input_tokens")
OTHER: Final = "other"
UNKNOWN: Final = "unknown"  # how a trend's `by` calls the category that nobody named
FOLDED: Final = ()  # the key of all categories that are not named one by one; names are text or None
BARS_A_ROW: Final = 2  # how many rows of a kilobyte or two a bar is


@dataclass(slots=True)
class Sums:
    """Added-up cells; None is "nobody said"."""

    cost_usd: Decimal | None = None
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    tokens: dict[str, int | None] = field(default_factory=lambda: dict.fromkeys(TOKENS))

    def add(self, cell: Mapping[str, Any]) -> None:
        """Add one cell."""
        self._add(cell["cost_usd"], cell, cell)

    def plus(self, other: Sums) -> None:
        """Add what another has."""
        self._add(other.cost_usd, other.counts, other.tokens)

    def _add(self, cost: Decimal | None, counts: Mapping[str, Any], tokens: Mapping[str, Any]) -> None:
        if cost is not None:
            self.cost_usd = cost + (self.cost_usd or 0)
        for name in COUNTS:
            self.counts[name] += counts[name]
        for name in TOKENS:
            if tokens[name] is not None:
                self.tokens[name] = tokens[name] + (self.tokens[name] or 0)

    @property
    def coverage(self) -> Decimal | None:
        """The share of the calls whose cost is known."""
        return shares.ratio(self.counts["calls"] - self.counts["unpriced_calls"], self.counts["calls"])

    @property
    def spent(self) -> Decimal | None:
        """The known cost: 0 without calls, None when there are calls and none has a price."""
        return Decimal(0) if not self.counts["calls"] else self.cost_usd


class Bit(NamedTuple):
    """What a bar needs of a cell."""

    category: Hashable
    cost_usd: Decimal | None
    calls: int
    unpriced_calls: int


@dataclass(slots=True, eq=False)
class Parts:
    """Bits by part, and bars that were made of them.

    Attributes:
        bits: By number of the part.
        made: What else the bars depend on, and the bars of whole parts.
    """

    bits: Mapping[int, Sequence[Bit]]
    made: tuple[Hashable, dict[Part, Lasting]] = field(default_factory=lambda: (None, {}))

    def __len__(self) -> int:
        """How much it is, in rows of a kilobyte or two."""
        return sum(map(len, self.bits.values())) + BARS_A_ROW * len(self.bits)

    def once(self, rest: Hashable, part: Part, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The bar of a part that is over, made once while `rest` is the same."""
        known, bars = self.made
        if known != rest:
            bars = {}
            self.made = (rest, bars)
        found = bars.get(part)
        if found is None:
            found = bars[part] = Lasting(make())
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Spent:
    """Cells of some time.

    Attributes:
        categories: The sums of each; under `FOLDED` of those that were not read one by one.
        parts: The same by part.
        number: How many categories there are, those that were not read one by one, too.
    """

    categories: Mapping[Hashable, Sums]
    parts: Parts
    number: int

    def __len__(self) -> int:
        """How much it is, in rows of a kilobyte or two."""
        return len(self.parts)


def of(cells: Iterable[Mapping[str, Any]]) -> Spent:
    """Cells by part and category, some perhaps in several pieces; of rank None those that are all others in one."""
    categories: defaultdict[Hashable, Sums] = defaultdict(Sums)
    bits: defaultdict[int, list[Bit]] = defaultdict(list)
    number = 0
    with localcontext(shares.EXACT):
        for cell in cells:
            category = FOLDED if "rank" in cell and cell["rank"] is None else cell["category"]
            categories[category].add(cell)
            bits[cell["part"]].append(Bit(category, cell["cost_usd"], cell["calls"], cell["unpriced_calls"]))
            number = max(number, cell.get("categories") or 0)
    return Spent(dict(categories), Parts(dict(bits)), number or len(categories))


def of_parts(rows: Iterable[Mapping[str, Any]]) -> Parts:
    """Users' rows of `part`, `user_id`, `cost_usd` and `known_calls`."""
    bits: defaultdict[int, list[Bit]] = defaultdict(list)
    for row in rows:
        bits[row["part"]].append(Bit(row["user_id"], row["cost_usd"], row["known_calls"], 0))
    return Parts(dict(bits))


def together(pieces: Sequence[Spent]) -> dict[Hashable, Sums]:
    """The sums of each category."""
    found: defaultdict[Hashable, Sums] = defaultdict(Sums)
    with localcontext(shares.EXACT):
        for piece in pieces:
            for category, sums in piece.categories.items():
                found[category].plus(sums)
    return found


def total(each: Iterable[Sums]) -> Sums:
    """All of these as one."""
    found = Sums()
    with localcontext(shares.EXACT):
        for sums in each:
            found.plus(sums)
    return found


def ordered(categories: Mapping[Hashable, Sums]) -> list[str | None]:
    """The categories that have a name, or none: the costliest first; among equals the most called, then by name."""
    found = [name for name in categories if name is None or isinstance(name, str)]
    with localcontext(shares.EXACT):
        return sorted(found, key=lambda name: _place(name, categories[name]))


def _place(name: str | None, sums: Sums) -> tuple[Any, ...]:
    return sums.cost_usd is None, -(sums.cost_usd or 0), -sums.counts["calls"], name is None, name or ""


def folded(categories: Mapping[Hashable, Sums], order: Sequence[str | None], most: int) -> dict[Hashable, Sums]:
    """The first of these in their order, and all others as one."""
    if len(order) <= most:
        return dict(categories)
    found: dict[Hashable, Sums] = {name: categories[name] for name in order[:most]}
    left = [categories[name] for name in (*order[most:], *(() if FOLDED not in categories else (FOLDED,)))]
    return {**found, FOLDED: total(left)}


def trend(pieces: Sequence[Parts], period: Period, shown: frozenset[Hashable], known: set[int]) -> list[dict[str, Any]]:
    """A bar for each part of a period.

    Args:
        pieces: What was spent, first what may be remembered; a part may be in several.
        period: Its parts.
        shown: The categories that bars tell apart.
        known: Parts of which something is known: no call there means that nothing was spent.
    """

    def bar(part: Part) -> dict[str, Any]:
        found = [piece for piece in pieces if part.number in piece.bits]
        if not found:
            return _nothing(part, period, known)

        def make() -> dict[str, Any]:
            return _bar(part, period, [bit for piece in found for bit in piece.bits[part.number]], shown)

        kept = found == [pieces[0]] and part.to_ns <= period.to_ns
        return found[0].once(shown, part, make) if kept else make()

    with localcontext(shares.EXACT):
        return [bar(part) for part in period.parts]


def trend_of(
    named: Sequence[Parts], whole: Sequence[Parts], period: Period, shown: frozenset[Hashable], known: set[int]
) -> list[dict[str, Any]]:
    """The same of a few categories that were read by themselves; what is left of the whole is one more."""

    def bar(part: Part) -> dict[str, Any]:
        some = [piece for piece in named if part.number in piece.bits]
        found = [piece for piece in whole if part.number in piece.bits]
        if not found and not some:
            return _nothing(part, period, known)

        def make() -> dict[str, Any]:
            bits = [bit for piece in some for bit in piece.bits[part.number]]
            left = [_left([bit for piece in found for bit in piece.bits[part.number]], bits)] if found else []
            return _bar(part, period, [*bits, *left], shown)

        kept = some == list(named[:1]) and found == list(whole[:1]) and some and part.to_ns <= period.to_ns
        return some[0].once((shown, found[0]), part, make) if kept else make()

    with localcontext(shares.EXACT):
        return [bar(part) for part in period.parts]


def _left(whole: Iterable[Bit], taken: Iterable[Bit]) -> Bit:
    """What is left of a part when the calls that are told apart are taken out."""
    calls, unpriced, cost = 0, 0, Decimal(0)
    for bit in whole:
        calls, unpriced, cost = calls + bit.calls, unpriced + bit.unpriced_calls, cost + (bit.cost_usd or 0)
    for bit in taken:
        calls, cost = calls - bit.calls, cost - (bit.cost_usd or 0)
    return Bit(FOLDED, cost if calls > unpriced else None, calls, unpriced)


def _nothing(part: Part, period: Period, known: set[int]) -> dict[str, Any]:
    if part.number in known:
        return _bar(part, period, (), frozenset())
    counts = {"calls": None, "unpriced_calls": None}
    return {"date": part.name, "cost": None, **counts, "complete": part.to_ns <= period.to_ns, "by": {}}


def _bar(part: Part, period: Period, bits: Iterable[Bit], shown: frozenset[Hashable]) -> dict[str, Any]:
    calls, unpriced, cost, by = 0, 0, Decimal(0), dict[str, Decimal]()
    for bit in bits:
        calls, unpriced = calls + bit.calls, unpriced + bit.unpriced_calls
        if bit.cost_usd is not None:
            cost += bit.cost_usd
            name = OTHER if bit.category not in shown else UNKNOWN if bit.category is None else str(bit.category)
            by[name] = by[name] + bit.cost_usd if name in by else bit.cost_usd
    counts = {"calls": calls, "unpriced_calls": unpriced}
    told = {"cost": cost if by or not calls else None, **counts}
    return {"date": part.name, **told, "complete": part.to_ns <= period.to_ns, "by": by}
