"""What calls will have cost, worked out here: for viewers that price nothing, and for who keeps what is expensive.

Given ledger entries, gives amounts by the packaged price book, which is loaded with the first one; None where no price
is known. The backend prices every line itself.

Never: on a caller's thread, as loading the book takes half a second.
"""

from __future__ import annotations

import time
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from spanledger.alike import MAX_KEPT, Alike, alike_of

if TYPE_CHECKING:
    from spanledger.call import Entry
    from spanledger.pricing import PriceBook
    from spanledger.pricing.rates import Rates

FEW_TOKENS: Final = 10**9
_EXACT: Final = Context(prec=64)  # whatever the program has set for its threads


class Lately(NamedTuple):
    """What calls of one kind cost in a half-open stretch of time.

    Attributes:
        from_ns: Its beginning in Unix nanoseconds.
        until_ns: Its end.
        rates: Their rates; None where there are none.
        by_token: The same, where they are that simple, for up to `FEW_TOKENS`; see `Rates.by_token`.
    """

    from_ns: int
    until_ns: int
    rates: Rates | None
    by_token: tuple[int, int, int] | None


class Estimate:
    """Prices entries."""

    def __init__(self) -> None:
        self._book: PriceBook | None = None
        self._lately: dict[Alike, Lately] = {}

    def load(self) -> None:
        """Load the price book now, and what it is read with."""
        self._loaded().kept_stretch(("openai", "gpt-4o", None, False), time.time_ns())

    def _loaded(self) -> PriceBook:
        book = self._book
        if book is None:
            from spanledger.pricing import PriceBook

            book = self._book = PriceBook.default()
        return book

    def __call__(self, entry: Entry) -> Decimal | None:
        """What a call costs, in US dollars."""
        pico = self.pico(entry)
        return None if pico is None else _EXACT.scaleb(Decimal(pico), -12)

    def pico(self, entry: Entry) -> int | None:
        """The same in 10^-12 US dollars."""
        usage = entry.usage
        if usage is None or entry.kind != "usage":
            return None
        alike, at_ns = entry.alike or alike_of(entry), entry.end_ns
        from_ns, until_ns, rates, by_token = self._lately.get(alike) or self._asked(alike, at_ns)
        if not from_ns <= at_ns < until_ns:
            _, _, rates, by_token = self._asked(alike, at_ns)
        if by_token is not None:  # the commonest call, without further frames
            given, made = usage[0], usage[1]
            if type(given) is int and type(made) is int and 0 < given <= FEW_TOKENS and 0 < made <= FEW_TOKENS:
                each_in, each_out, once = by_token
                return given * each_in + made * each_out + once
        return None if rates is None else rates.pico(usage, alike.told)

    def _asked(self, alike: Alike, at_ns: int) -> Lately:
        book = self._loaded()
        if len(self._lately) >= MAX_KEPT:
            self._lately.clear()
        from_ns, until_ns, rates, _ = book.kept_stretch(alike.price_key, at_ns)
        simple = None if rates is None else rates.by_token(alike.told, FEW_TOKENS)
        found = self._lately[alike] = Lately(from_ns, until_ns, rates, simple)
        return found


class NoEstimate(Estimate):
    """Where nobody wants to know."""

    def load(self) -> None:
        """Nothing."""

    def pico(self, entry: Entry) -> int | None:
        """None."""
        del entry
        return None
