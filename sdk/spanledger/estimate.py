"""What calls will have cost, worked out here: for viewers that price nothing, and for who keeps what is expensive.

Given ledger entries, gives amounts by the packaged price book, which is loaded with the first one; None where no price
is known. The backend prices every line itself.

Never: on a caller's thread, as loading the book takes half a second.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import TYPE_CHECKING, Final

from spanledger.alike import MAX_KEPT, Alike, alike_of
from spanledger.usage import noughts

if TYPE_CHECKING:
    from spanledger.call import Entry
    from spanledger.pricing import PriceBook
    from spanledger.pricing.book import Stretch
    from spanledger.usage import Noughts

_EXACT: Final = Context(prec=64)  # whatever the program has set for its threads


class Estimate:
    """Prices entries."""

    def __init__(self) -> None:
        self._book: PriceBook | None = None
        self._lately: dict[Alike, Stretch] = {}

    def __call__(self, entry: Entry) -> Decimal | None:
        """What a call costs, in US dollars."""
        pico = self.pico(entry, None if entry.usage is None else noughts(entry.usage))
        return None if pico is None else _EXACT.scaleb(Decimal(pico), -12)

    def pico(self, entry: Entry, told: Noughts | None) -> int | None:
        """The same in 10^-12 US dollars.

        Args:
            entry: The call.
            told: The `noughts` of its usage.
        """
        usage = entry.usage
        if usage is None or entry.kind != "usage":
            return None
        alike, at_ns = entry.alike or alike_of(entry), entry.end_ns
        stretch = self._lately.get(alike)
        if stretch is None or not stretch.from_ns <= at_ns < stretch.until_ns:
            stretch = self._asked(alike, at_ns)
        return None if stretch.rates is None else stretch.rates.pico(usage, told)

    def _asked(self, alike: Alike, at_ns: int) -> Stretch:
        book = self._book
        if book is None:
            from spanledger.pricing import PriceBook

            book = self._book = PriceBook.default()
        if len(self._lately) >= MAX_KEPT:
            self._lately.clear()
        found = self._lately[alike] = book.kept_stretch(alike.price_key, at_ns)
        return found


class NoEstimate(Estimate):
    """Where nobody wants to know."""

    def pico(self, entry: Entry, told: Noughts | None) -> int | None:
        """None."""
        del entry, told
        return None
