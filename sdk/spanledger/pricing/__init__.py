"""What a call cost: `Usage` times a dated rate, exact to the last digit; shared by the SDK and the backend.

Given a `Usage`, a provider, a model and a time, a `PriceBook` gives a `Priced`: a state, and a cost where one is
known. Rates come from what was set for a stretch of time first, then from the owner's files, then from genai-prices,
then from the packaged `prices/*.yml`. Importing this module loads none of them.

Never: a zero for a price that nobody knows.
"""

from __future__ import annotations

from .book import PriceBook
from .dated import DatedEntry, DatedPrices
from .files import MalformedPricesError
from .parts import Part, parts
from .rates import Priced, PriceState

__all__ = ["DatedEntry", "DatedPrices", "MalformedPricesError", "Part", "PriceBook", "PriceState", "Priced", "parts"]
