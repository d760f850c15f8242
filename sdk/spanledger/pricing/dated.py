"""Prices that hold for a stretch of time, set one by one; outside of it, whatever else is known holds.

Given entries with the instants between which they hold, gives the rates of a model at a time; or that these entries
say nothing of that time, and how long that stays so.

Never: an opinion about a time outside of an entry's stretch.
"""

from __future__ import annotations

from dataclasses import dataclass

from .files import LIST_PRICE, Entry, served
from .published import FOREVER_NS, Resolved, provider_id
from .rates import Rates


@dataclass(frozen=True, slots=True)
class DatedEntry:
    """An entry, and what is said of its rates.

    Attributes:
        entry: As in a price file; its `from_ns` is the first moment.
        until_ns: The moment from which on it no longer holds.
        source: What `Priced.source` says.
        version: What `Priced.version` says.
    """

    entry: Entry
    until_ns: int
    source: str
    version: str

    def holds(self, at_ns: int) -> bool:
        """Whether it holds at this moment."""
        return self.entry.from_ns <= at_ns < self.until_ns


@dataclass(frozen=True, slots=True)
class DatedPrices:
    """Entries, in the order in which they were set: of two that begin together, the later one holds.

    Attributes:
        entries: The entries.
        version: What the price book's version says of them; empty when there are none.
    """

    entries: tuple[DatedEntry, ...] = ()
    version: str = ""

    def resolve(
        self, provider: str | None, model: str, at_ns: int, service_tier: str | None, batch: bool
    ) -> Resolved | None:
        """The rates of a model at a time; without any where no entry holds then, None where none ever does."""
        wanted = provider_id(provider) if provider else None
        name = model.strip().lower()
        about = [each for each in self.entries if each.entry.names(wanted, name)]
        if not about or len({each.entry.provider for each in about}) > 1:
            return None
        edges = [edge for each in about for edge in (each.entry.from_ns, each.until_ns)]
        begin = max((edge for edge in edges if edge <= at_ns), default=-FOREVER_NS)
        end = min((edge for edge in edges if edge > at_ns), default=FOREVER_NS)
        holding = [each for each in about if each.holds(at_ns)]
        closest = max(((not each.entry.prefix, len(each.entry.model)) for each in holding), default=None)
        holding = [each for each in holding if (not each.entry.prefix, len(each.entry.model)) == closest]
        group, note = served([each.entry for each in holding], service_tier, batch)
        if not group:
            return Resolved(None, begin, end)
        first_ns = max(entry.from_ns for entry in group)
        chosen = next(each for each in reversed(holding) if each.entry in group and each.entry.from_ns == first_ns)
        if chosen.entry.estimated and note is None:
            note = LIST_PRICE
        rates = Rates(chosen.entry.rates, chosen.source, chosen.version, note=note, audio=chosen.entry.audio)
        return Resolved(rates, begin, end)
