"""A bill beside the ledger: cell by cell what each says, and why they differ.

Given both as cells of a day, a model and a project, gives a `Comparison`: rows with the difference and its
explanation, sums, and how much of the bill was seen. All arithmetic is exact; ratios are rounded once.

Never: a difference explained by something that was not looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Any, Final, Literal, NamedTuple

from spanledger_server.bills import names
from spanledger_server.bills.bill import TOKENS, Bill, Cell, CellKey

Why = Literal["none", "rounding", "missing_calls", "not_billed", "unpriced", "price", "tokens", "time_zone", "unknown"]

EXACT: Final = Context(prec=60)
NEAR: Final = Decimal("0.001")  # tokens that differ by less are the same
STEADY: Final = Decimal("0.01")  # a ratio that varies by less is a price
SHIFTED: Final = Decimal("0.2")  # of the difference that may be left once days begin elsewhere
WORTH_A_LOOK: Final = Decimal("0.002")  # of the bill: less is not worth looking for a shift of days
MOST_SHIFTED: Final = 300_000  # slices of the ledger that are added up by other days
FLOAT_NOISE: Final = Decimal("0.0000001")  # dollars a row: amounts that went through a double
RATIO: Final = Decimal("1e-6")


class Slice(NamedTuple):
    """What the ledger says of a quarter of an hour, a model and a project."""

    from_s: int
    model: str | None
    project: str | None
    calls: int
    unpriced: int
    cost: Decimal | None
    input_tokens: int | None
    output_tokens: int | None


@dataclass(slots=True)
class Ours:
    """The ledger's side of a cell."""

    calls: int = 0
    unpriced: int = 0
    cost: Decimal | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None

    def add(self, found: Slice) -> None:
        """Add a slice."""
        self.calls += found.calls
        self.unpriced += found.unpriced
        if found.cost is not None:
            self.cost = found.cost + (self.cost or Decimal(0))
        for name in ("input_tokens", "output_tokens"):
            more = getattr(found, name)
            if more is not None:
                setattr(self, name, more + (getattr(self, name) or 0))

    def tokens(self, told: Sequence[str]) -> int | None:
        """Tokens of the kinds that the bill says, of all where it says none; as far as they are known."""
        known = [count for count in (getattr(self, name) for name in told or TOKENS) if count is not None]
        return sum(known) if known else None


@dataclass(slots=True)
class Row:
    """One cell of both sides, and why they differ."""

    day: date
    model: str | None
    project: str | None
    bill: Cell
    ours: Ours
    why: Why = "none"
    text: str = ""

    @property
    def theirs(self) -> Decimal:
        """What the bill says: an amount, or tokens where it says none."""
        return self.bill.amount or Decimal(0)

    @property
    def tokens(self) -> int | None:
        """The ledger's tokens of the kinds that the bill says."""
        return self.ours.tokens(self.bill.told)

    @property
    def difference(self) -> Decimal:
        """The bill less the ledger, in dollars."""
        return self.theirs - (self.ours.cost or Decimal(0))


@dataclass(slots=True)
class Comparison:
    """A bill held against the ledger.

    Attributes:
        rows: One for each day, model and project, by day.
        by: What was compared: amounts, or tokens where the bill has none.
        shift_hours: By how much days begin elsewhere, when that explains the difference.
        shifted: How much of the bill the ledger has then.
        explained: Why -> the differences that it explains, added up.
    """

    rows: list[Row]
    by: Literal["cost", "tokens"]
    shift_hours: Decimal | None = None
    shifted: Decimal | None = None
    explained: dict[Why, Decimal] = field(default_factory=dict)

    def values(self, row: Row) -> tuple[Decimal, Decimal]:
        """The bill's figure and the ledger's."""
        if self.by == "cost":
            return row.theirs, row.ours.cost or Decimal(0)
        return Decimal(row.bill.tokens or 0), Decimal(row.tokens or 0)

    @property
    def totals(self) -> tuple[Decimal, Decimal]:
        """The bill's sum and the ledger's."""
        with localcontext(EXACT):
            pairs = [self.values(row) for row in self.rows]
            return sum((pair[0] for pair in pairs), Decimal(0)), sum((pair[1] for pair in pairs), Decimal(0))

    @property
    def seen(self) -> Decimal | None:
        """How much of the bill the ledger has too, cell by cell; None for a bill of nothing.

        Where a cell is rounded, all of it was seen; what is missing elsewhere is never rounded away.
        """
        with localcontext(EXACT):
            theirs = self.totals[0]
            if theirs <= 0:
                return None
            both = sum((self._both(row) for row in self.rows), Decimal(0))
            if self.shifted is not None:
                both = self.shifted
            return (both / theirs).quantize(RATIO, ROUND_DOWN)

    def _both(self, row: Row) -> Decimal:
        theirs, ours = self.values(row)
        return theirs if row.why == "rounding" and self.by == "cost" else min(theirs, ours)

    @property
    def off(self) -> Decimal | None:
        """All differences that are neither rounding nor a time zone's, as a share of the bill."""
        with localcontext(EXACT):
            theirs = self.totals[0]
            if theirs <= 0:
                return None
            gross = sum(
                (abs(pair[0] - pair[1]) for row, pair in self._pairs() if row.why not in ("rounding", "time_zone")),
                Decimal(0),
            )
            return (gross / theirs).quantize(RATIO, ROUND_HALF_EVEN)

    def _pairs(self) -> Iterable[tuple[Row, tuple[Decimal, Decimal]]]:
        return ((row, self.values(row)) for row in self.rows)


def compare(bill: Bill, slices: list[Slice], *, projects: bool) -> Comparison:
    """Hold the bill against what the ledger says of its days and a day around them.

    Args:
        bill: The bill.
        slices: The ledger by quarters of an hour.
        projects: Whether both sides tell projects.
    """
    named = any(key.model is not None for key in bill.cells)
    group = names.groups({key.model for key in bill.cells if key.model}, {each.model for each in slices if each.model})

    def place(day: date, model: str | None, project: str | None) -> CellKey:
        return CellKey(day, group.get(model, model) if named and model else None, project if projects else None)

    theirs: dict[CellKey, Cell] = {}
    for key, cell in bill.cells.items():
        _merge(theirs.setdefault(place(*key), Cell()), cell)
    first, last = bill.days
    ours = _by_day(bill, slices, place, 0)
    keys = theirs.keys() | {key for key in ours if first <= key.day <= last}
    rows = [Row(*key, theirs.get(key, Cell()), ours.get(key, Ours())) for key in keys]
    rows.sort(key=lambda row: (row.day, -row.theirs, row.model or "", row.project or ""))
    found = Comparison(rows, "cost" if bill.priced else "tokens")
    with localcontext(EXACT):
        _explain(found, bill)
        _look_for_a_shift(found, bill, slices, place, theirs)
        for row in rows:
            theirs_, ours_ = found.values(row)
            found.explained[row.why] = found.explained.get(row.why, Decimal(0)) + theirs_ - ours_
    return found


def _merge(into: Cell, cell: Cell) -> None:
    usage = {"input_tokens": cell.input_tokens, "output_tokens": cell.output_tokens, "requests": cell.requests}
    into.add(cell.amount, usage)
    into.rows += cell.rows - 1


def _by_day(bill: Bill, slices: Iterable[Slice], place: Any, shift_s: int) -> dict[CellKey, Ours]:
    """The ledger by day, as if days began so many seconds later."""
    found: dict[CellKey, Ours] = {}
    days: dict[int, date] = {}
    for each in slices:
        at_s = each.from_s - shift_s
        day = days.get(at_s)
        if day is None:
            day = days[at_s] = day_of(bill, at_s)
        found.setdefault(place(day, each.model, each.project), Ours()).add(each)
    return found


def day_of(bill: Bill, at_s: int) -> date:
    """The day of the bill's zone in which a moment lies."""
    return datetime.fromtimestamp(at_s, UTC).astimezone(bill.zone).date()


def _rounding(bill: Bill, row: Row) -> Decimal:
    """By how much a cell may differ because each of its rows was rounded."""
    step = Decimal(1).scaleb(-bill.places) / 2 if bill.places else Decimal("0.5")
    return row.bill.rows * max(step, FLOAT_NOISE)


def _explain(found: Comparison, bill: Bill) -> None:
    ratios = _steady_ratios(found)
    for row in found.rows:
        theirs, ours = found.values(row)
        if theirs == ours and not row.ours.unpriced:
            continue
        row.why, row.text = _why(found, bill, row, ratios)


def _why(found: Comparison, bill: Bill, row: Row, ratios: Mapping[str | None, Decimal]) -> tuple[Why, str]:
    theirs, ours = found.values(row)
    if not row.ours.calls:
        return "missing_calls", "the ledger has no call of this model on this day"
    if not row.bill.rows:
        return "not_billed", f"{_calls(row.ours.calls)} in the ledger, nothing in the bill"
    if found.by == "cost" and abs(theirs - ours) <= _rounding(bill, row):
        return "rounding", "within what rounding each row can make"
    if row.ours.unpriced:
        return "unpriced", f"{row.ours.unpriced:,} of {_calls(row.ours.calls)} in the ledger have no price yet"
    told, ours_told = row.bill.tokens, row.tokens
    comparable = found.by == "tokens" or row.bill.told == TOKENS  # a price is of input and output together
    if comparable and told is not None and ours_told is not None:
        return _by_tokens(found, row, told, ours_told)
    ratio = ratios.get(row.model)
    if ratio is not None:
        return "price", f"the bill is {_times(ratio)} the ledger on every day: the rate is another one"
    return "unknown", "calls, tokens or price: the bill says no tokens to tell which"


def _by_tokens(found: Comparison, row: Row, told: int, ours: int) -> tuple[Why, str]:
    if told and abs(told - ours) <= NEAR * told:
        if found.by == "tokens":
            return "rounding", "the same but for less than one in a thousand"
        charged, priced = (amount * 1_000_000 / told for amount in found.values(row))
        return "price", f"the same tokens: {charged:.4f} USD a million in the bill, {priced:.4f} in the ledger"
    calls = row.bill.requests
    if calls is not None and calls > row.ours.calls:
        return "missing_calls", f"{_calls(calls)} in the bill, {row.ours.calls:,} in the ledger"
    return "tokens", f"{told:,} tokens in the bill, {ours:,} in the ledger"


def _calls(number: int) -> str:
    return "1 call" if number == 1 else f"{number:,} calls"


def _times(ratio: Decimal) -> str:
    return f"{ratio:.3f} times"


def _steady_ratios(found: Comparison) -> dict[str | None, Decimal]:
    """Models whose bill is the same multiple of the ledger on each of at least three days."""
    by_model: dict[str | None, list[Decimal]] = defaultdict(list)
    for row in found.rows:
        theirs, ours = found.values(row)
        if theirs > 0 and ours > 0:
            by_model[row.model].append(theirs / ours)
    return {
        model: sum(ratios, Decimal(0)) / len(ratios)
        for model, ratios in by_model.items()
        if len(ratios) >= 3 and max(ratios) - min(ratios) <= STEADY * max(ratios)
    }


def _look_for_a_shift(
    found: Comparison, bill: Bill, slices: list[Slice], place: Any, theirs: Mapping[CellKey, Cell]
) -> None:
    """Whether both sides agree once days begin at another hour; then that is what differs."""
    inner = _inner(bill)
    off, _ = _mismatch(found, theirs, _by_day(bill, slices, place, 0), inner)
    if len(inner) < 2 or off <= WORTH_A_LOOK * found.totals[0] or len(slices) > MOST_SHIFTED:
        return
    step = 1800 if len(slices) * 10 <= MOST_SHIFTED else 3600
    shifts = sorted((hours * step for hours in range(-50_400 // step, 50_400 // step + 1)), key=abs)
    tried = [(_mismatch(found, theirs, _by_day(bill, slices, place, shift), inner), shift) for shift in shifts]
    (left, both), best = min(tried, key=lambda each: (each[0][0], each[1] % 3600 != 0))
    if not best or left > SHIFTED * off:
        return
    found.shift_hours, found.shifted = Decimal(best) / 3600, both
    ours = _by_day(bill, slices, place, best)
    for row in found.rows:
        now = Row(row.day, row.model, row.project, row.bill, ours.get(CellKey(row.day, row.model, row.project), Ours()))
        then, before = (abs(said - known) for said, known in (found.values(now), found.values(row)))
        if row.why not in ("none", "rounding") and then <= max(_rounding(bill, row), SHIFTED * before):
            row.why, row.text = "time_zone", "agrees once days begin at another hour"


def _inner(bill: Bill) -> set[date]:
    first, last = bill.days
    return {first + timedelta(days=number) for number in range((last - first).days + 1)}


def _value(found: Comparison, cell: Cell | None) -> Decimal:
    if cell is None:
        return Decimal(0)
    return (cell.amount or Decimal(0)) if found.by == "cost" else Decimal(cell.tokens or 0)


def _mismatch(
    found: Comparison, theirs: Mapping[CellKey, Cell], ours: Mapping[CellKey, Ours], days: set[date]
) -> tuple[Decimal, Decimal]:
    """How much differs, cell by cell, and how much both have."""
    off = both = Decimal(0)
    for key in theirs.keys() | {key for key in ours if key.day in days}:
        mine, cell, value = ours.get(key), theirs.get(key), Decimal(0)
        if mine is not None:
            tokens = mine.tokens(cell.told if cell else ())
            value = (mine.cost or Decimal(0)) if found.by == "cost" else Decimal(tokens or 0)
        said = _value(found, cell)
        off += abs(said - value)
        both += min(said, value)
    return off, both
