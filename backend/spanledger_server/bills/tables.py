"""Bills that are tables: the header found, the columns placed, the rows made into entries.

Given a `Table` and what the user says of it, adds its rows to a `Bill`. The first thousand rows tell how numbers and
dates are written; all others must be written the same.

Never: a row read by guess: what cannot be read is told with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from itertools import chain, islice
from typing import Final, Literal
from zoneinfo import ZoneInfo

from spanledger_server.bills import formats, written
from spanledger_server.bills.bill import Bill, Entry
from spanledger_server.bills.formats import Format
from spanledger_server.bills.opening import Table
from spanledger_server.errors import Invalid

SAMPLED: Final = 1_000
MOST_COMPARED: Final = 1_000_000  # rows among which one that stands twice is found
CODES: Final = re.compile(  # of currencies
    "aed|ars|aud|brl|cad|chf|clp|cny|cop|czk|dkk|egp|eur|gbp|hkd|huf|idr|ils|inr|jpy|kes|krw|mxn|myr|ngn|nok|nzd|pen"
    "|php|pln|ron|sar|sek|sgd|thb|try|twd|uah|usd|vnd|zar"
)
NO_DATE: Final = frozenset(("", "total", "totals", "grand total", "subtotal", "sum", "summe", "gesamt"))
_MONEY_COLUMN = re.compile(r"^(?P<name>.+?)\s*\((?P<currency>[^)]*)\)$")
CURRENCIES: Final = {
    "$": "USD",
    "us$": "USD",
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "₹": "INR",
    "₩": "KRW",
    "zł": "PLN",
    "kč": "CZK",
    "r$": "BRL",
    "a$": "AUD",
    "ca$": "CAD",
    "mx$": "MXN",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user says of a bill.

    Attributes:
        format: Its format; None to find out.
        zone: The zone in which its days begin; None as its provider says.
        providers: Whose lines it is about; empty as its format says.
        columns: What -> column, where it is not plain.
        decimal: What parts decimals; None to find out.
        dates: Which comes first, day or month; None to find out.
        duplicates: Whether rows that stand twice are counted once or twice; None as its format says.
        rates: Currency -> US dollars for one unit.
    """

    format: str | None = None
    zone: ZoneInfo | None = None
    providers: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    decimal: written.Mark | None = None
    dates: written.Order | None = None
    duplicates: Literal["once", "keep"] | None = None
    rates: Mapping[str, Decimal] = field(default_factory=dict)

    def bill(self, chosen: Format) -> Bill:
        """An empty bill of this format."""
        zone = self.zone or ZoneInfo(chosen.zone)
        return Bill(chosen.name, self.providers or chosen.providers, zone, self.rates, chosen.daily)


@dataclass(frozen=True, slots=True)
class _Reading:
    """How rows are read."""

    chosen: Format
    header: tuple[str, ...]
    places: Mapping[str, tuple[int, ...]]
    currency: str | None
    decimal: written.Mark
    first: written.Order
    zone: ZoneInfo


def read(table: Table, asked: Asked) -> Bill:
    """The table as a bill.

    Raises:
        Invalid: Its columns are not known, a cell cannot be read, or it has no rows.
    """
    header, rows = _header(table, asked)
    chosen = _chosen(header, asked)
    columns = _named(header, asked)
    places = formats.placed(chosen, columns, asked.columns)
    bill = asked.bill(chosen)
    for note in table.notes:
        bill.note(note)
    sample = list(islice(rows, SAMPLED))
    texts = {what: [_cell(cells, places.get(what, ())) for _, cells in sample] for what in ("amount", "date")}
    reading = _Reading(
        chosen,
        columns,
        places,
        _currency_of_column(_cell(header, places.get("amount", ()))),
        asked.decimal or written.mark(texts["amount"]),
        asked.dates or written.order(texts["date"]),
        bill.zone,
    )
    once = asked.duplicates == "once" if asked.duplicates else chosen.once
    for number, cells in _distinct(chain(sample, rows), bill, once=once):
        _take(bill, cells, reading, f"line {number}")
    if not bill.rows and not bill.left_out:
        raise Invalid("file", "a header without rows", "a bill with at least one row")
    return bill


def _header(table: Table, asked: Asked) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header, and the rows behind it; what an export tells of itself before it is left out."""
    if not table.candidates:
        raise Invalid("file", "empty", "a bill with at least one row")
    lowered = [[_plain(cell) for cell in cells] for _, cells in table.candidates]
    wanted = {name.strip().lower() for name in asked.columns.values()}
    known = next((n for n, cells in enumerate(lowered) if formats.recognised(_named(cells, asked))), None)
    if known is None:
        known = next((n for n, cells in enumerate(lowered) if wanted and wanted.issubset(cells)), None)
    if known is None:
        known = next((n for n, cells in enumerate(lowered) if formats.plain(_named(cells, asked))), None)
    start = known or 0
    return lowered[start], chain(table.candidates[start + 1 :], table.rows)


def _plain(cell: str) -> str:
    return cell.strip().strip("\ufeff").strip().lower()


def _chosen(header: Sequence[str], asked: Asked) -> Format:
    if asked.format:
        known = {each.name: each for each in (*formats.FORMATS, formats.PLAIN)}
        return known[asked.format]
    found = formats.recognised(_named(header, asked))
    return formats.PLAIN if found is None or asked.columns.get("amount") else found


def _named(header: Sequence[str], asked: Asked) -> tuple[str, ...]:
    """Columns without the currency behind the names of amounts, but for a column that was named with it."""
    named = {name.strip().lower() for name in asked.columns.values()}
    bare = (
        name if name in named or _currency_of_column(name) is None else name.rpartition("(")[0].rstrip()
        for name in header
    )
    return tuple(short if short in formats.AMOUNTS else name for short, name in zip(bare, header, strict=True))


def _currency_of_column(name: str) -> str | None:
    """The currency that stands behind a column's name; None where none does."""
    match = _MONEY_COLUMN.match(name)
    told = match["currency"].strip() if match else ""
    meant = CODES.fullmatch(told) or "$" in told or not told.isascii()  # `Cost (net)` is no currency
    return CURRENCIES.get(told) or (told.upper() if meant else None)


def _distinct(rows: Iterator[tuple[int, list[str]]], bill: Bill, *, once: bool) -> Iterator[tuple[int, list[str]]]:
    """The rows, those that stand there twice only once, or told."""
    seen: set[bytes] = set()
    twice = 0
    for number, cells in rows:
        if len(seen) < MOST_COMPARED:
            digest = blake2b("\x1f".join(cells).encode("utf-8", "replace"), digest_size=12).digest()
            if digest in seen:
                twice += 1
                if once:
                    continue
            seen.add(digest)
        yield number, cells
    if twice:
        rows_are = "1 row is" if twice == 1 else f"{twice} rows are"
        how = "counted once" if once else "counted each time: duplicates=once drops them"
        bill.note(f"{rows_are} the same as another one, {how}")


def _cell(cells: Sequence[str], places: Sequence[int]) -> str:
    return cells[places[0]] if places and places[0] < len(cells) else ""


def _take(bill: Bill, cells: Sequence[str], reading: _Reading, where: str) -> None:
    chosen, places = reading.chosen, reading.places
    row = dict(zip(reading.header, cells, strict=False))
    amount_text = _cell(cells, places.get("amount", ()))
    why = chosen.left_out(row)
    if why is None and places.get("amount") and not amount_text.strip():
        why = "empty amounts"
    if why is not None:
        bill.leave_out(why, _lenient(amount_text, reading.decimal))
        return
    date_text = _cell(cells, places["date"])
    if date_text.strip().lower() in NO_DATE:
        bill.leave_out("totals", written.number(amount_text, reading.decimal, where))
        return
    usage = {
        what: _sum(cells, places.get(what, ()), reading, where)
        for what in ("input_tokens", "output_tokens", "requests")
    }
    bill.add(
        Entry(
            at=written.moment(date_text, reading.first, reading.zone, where),
            model=chosen.model(row, _cell(cells, places.get("model", ())).strip() or None),
            project=_cell(cells, places.get("project", ())).strip() or None,
            amount=written.number(amount_text, reading.decimal, where) if places.get("amount") else None,
            currency=_currency(_cell(cells, places.get("currency", ())), amount_text) or reading.currency or "USD",
            **usage,
        ),
        where,
    )


def _currency(cell: str, amount: str) -> str | None:
    """The currency that a row says, in its own column or beside the amount."""
    told = cell.strip() or "".join(re.findall(r"[A-Za-z]{3}|[$€£¥]", amount)[:1])
    return CURRENCIES.get(told.lower(), told.upper()) or None


def _lenient(text: str, decimal: written.Mark) -> Decimal | None:
    """An amount that is only counted among what was left out."""
    try:
        return written.number(text, decimal, "")
    except Invalid:
        return None


def _sum(cells: Sequence[str], places: Sequence[int], reading: _Reading, where: str) -> int | None:
    found: int | None = None
    for place in places:
        value = written.number(cells[place] if place < len(cells) else "", reading.decimal, where)
        if value is not None:
            found = (found or 0) + (written.count(value, where) or 0)
    return found
