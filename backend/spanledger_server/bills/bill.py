"""What a bill says, whoever wrote it: cells of a day, a model and a project, added up from its rows.

Given entries, one for each row, keeps sums; so a bill of any length takes as much memory as it has cells.

Never: a credit taken for a charge, or an amount in another currency.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from spanledger_server.errors import Invalid, TooLarge

MOST_CELLS: Final = 200_000
MOST_NOTES: Final = 20
TOKENS: Final = ("input_tokens", "output_tokens")
USAGE: Final = (*TOKENS, "requests")


class Entry(NamedTuple):
    """One row of a bill.

    Attributes:
        at: The day, or the moment with its zone.
        model: As the bill calls it; None when it does not say.
        project: Project, workspace or account; None when it does not say.
        amount: What was charged, in `currency`; None in an export of usage.
        currency: ISO code, upper case.
        input_tokens: As far as the row says.
        output_tokens: As far as the row says.
        requests: As far as the row says.
    """

    at: date | datetime
    model: str | None
    project: str | None
    amount: Decimal | None
    currency: str = "USD"
    input_tokens: int | None = None
    output_tokens: int | None = None
    requests: int | None = None


class CellKey(NamedTuple):
    """Where an amount belongs."""

    day: date
    model: str | None
    project: str | None


@dataclass(slots=True)
class Cell:
    """Sums over some rows; None where no row says anything."""

    amount: Decimal | None = None
    rows: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    requests: int | None = None

    def add(self, amount: Decimal | None, usage: Mapping[str, int | None]) -> None:
        """Add one row."""
        self.rows += 1
        if amount is not None:
            self.amount = amount + (self.amount or Decimal(0))
        for name in USAGE:
            more = usage[name]
            if more is not None:
                setattr(self, name, more + (getattr(self, name) or 0))

    @property
    def told(self) -> tuple[str, ...]:
        """Which tokens it says: bills of embeddings have no output."""
        return tuple(name for name in TOKENS if getattr(self, name) is not None)

    @property
    def tokens(self) -> int | None:
        """Input and output together, as far as it says them."""
        return sum(getattr(self, name) for name in self.told) if self.told else None


@dataclass(slots=True)
class Bill:
    """A bill as far as it was read.

    Attributes:
        format: Which of the known ones it is.
        providers: Whose lines of the ledger it is about; empty for all.
        zone: The zone in which its days begin.
        rates: Currency -> US dollars for one unit of it.
        daily: Whether its moments are days: midnight in UTC names a day, wherever days begin.
        cells: Charges, by day, model and project.
        credits: What was taken off, by its reason.
        left_out: Rows that are about something else: what -> rows, and their amounts.
        notes: What a reader should know.
        rows: Rows that count.
        places: The most decimal places of an amount.
    """

    format: str
    providers: tuple[str, ...]
    zone: ZoneInfo
    rates: Mapping[str, Decimal]
    daily: bool = False
    cells: dict[CellKey, Cell] = field(default_factory=dict)
    credits: dict[str, Decimal] = field(default_factory=dict)
    left_out: dict[str, tuple[int, Decimal]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    rows: int = 0
    places: int = 0
    converted: Counter[str] = field(default_factory=Counter)

    def note(self, text: str) -> None:
        """Something to be told once."""
        if text not in self.notes and len(self.notes) < MOST_NOTES:
            self.notes.append(text)

    def add(self, entry: Entry, where: str) -> None:
        """Take one row.

        Args:
            entry: The row.
            where: Where it stands, for messages.

        Raises:
            Invalid: It is in a currency for which no rate was given.
            TooLarge: The bill has too many different days, models and projects.
        """
        amount = self._dollars(entry, where)
        self.rows += 1
        if amount is not None and amount < 0:
            name = entry.model or "credit"
            self.credits[name] = self.credits.get(name, Decimal(0)) + amount
            return
        key = CellKey(self._day(entry.at), entry.model, entry.project)
        cell = self.cells.get(key)
        if cell is None:
            if len(self.cells) >= MOST_CELLS:
                raise TooLarge(f"the bill has more than {MOST_CELLS} different days, models and projects: cut it up")
            cell = self.cells[key] = Cell()
        usage = {name: getattr(entry, name) for name in USAGE}
        cell.add(amount, usage)
        if entry.amount is not None:
            self.places = max(self.places, -int(entry.amount.as_tuple().exponent))

    def _day(self, at: date | datetime) -> date:
        if not isinstance(at, datetime):
            return at
        named = at.astimezone(UTC)
        if self.daily and not (named.hour or named.minute):
            return named.date()
        return at.astimezone(self.zone).date()

    def leave_out(self, what: str, amount: Decimal | None) -> None:
        """Count a row that is about something else."""
        rows, sum_so_far = self.left_out.get(what, (0, Decimal(0)))
        self.left_out[what] = (rows + 1, sum_so_far + (amount or Decimal(0)))

    def _dollars(self, entry: Entry, where: str) -> Decimal | None:
        if entry.amount is None or not entry.amount:
            return entry.amount
        currency = entry.currency or "USD"
        if currency == "USD":
            return entry.amount
        rate = self.rates.get(currency)
        if rate is None:
            raise Invalid(
                "currency_rate",
                f"{where}: {currency}",
                f"US dollars, or tell what one {currency[:3]} is worth in them: currency_rate={currency[:3]}=1.08",
            )
        self.converted[currency] += 1
        return entry.amount * rate

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day."""
        days = [key.day for key in self.cells]
        return min(days), max(days)

    @property
    def priced(self) -> bool:
        """Whether it says amounts, not only usage."""
        return any(cell.amount is not None for cell in self.cells.values())
