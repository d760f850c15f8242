"""The price book: who is asked for a rate, in which order, and what was answered lately.

Given a `Usage` and who served it when, gives a `Priced`. Rates are resolved once for each (provider, model, tier,
batch) and stretch of time without a price change, and kept; a lookup costs about 0.2 ms, a price from kept rates
about a microsecond. Prices that were set for a stretch of time go before everything else within it.

Never: an exception because of what somebody sent, or memory that grows with the number of model names seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from spanledger.usage import Usage

from . import files, published
from .dated import DatedPrices
from .rates import Priced, Rates, Values, unpriced

PACKAGED: Final = Path(__file__).parent.parent / "prices"
MOST_KEPT: Final = 4096
MOST_STRETCHES: Final = 16
LONGEST_NAME: Final = 256

Key = tuple[str | None, str | None, str | None, bool]


class Stretch(NamedTuple):
    """Kept rates (or why there are none) and the half-open stretch of time they hold for."""

    from_ns: int
    until_ns: int
    rates: Rates | None
    refusal: Priced | None


class PriceBook:
    """All rates that are known; safe to use from several threads."""

    def __init__(
        self,
        overrides: Sequence[files.PriceFile],
        packaged: Sequence[files.PriceFile],
        dated: DatedPrices | None = None,
    ) -> None:
        """Take the owner's files (a later one wins), ours, and what was set for a stretch of time."""
        self._dated = dated or DatedPrices()
        self._overrides = tuple(reversed(overrides))
        self._packaged = tuple(packaged)
        sources = [published.source_version(), *(file.version for file in (*packaged, *overrides))]
        self.version = " + ".join(filter(None, dict.fromkeys([*sources, self._dated.version])))
        self._current: dict[Key, Stretch] = {}
        self._kept: dict[Key, list[Stretch]] = {}

    @classmethod
    def default(cls, overrides: Sequence[Path] = ()) -> PriceBook:
        """The book of genai-prices, the packaged files and the owner's.

        Args:
            overrides: The owner's price files (YAML): before everything else, a later one before an earlier one.

        Raises:
            MalformedPricesError: With every mistake in every file.
        """
        own = files.load_all({path: f"override:{path.name}" for path in map(Path, overrides)})
        return cls(own, _packaged())

    def with_dated(self, dated: DatedPrices) -> PriceBook:
        """The same book with these prices set for a stretch of time, in place of those it has."""
        return PriceBook(tuple(reversed(self._overrides)), self._packaged, dated)

    def known(self) -> set[tuple[str, str, bool]]:
        """Every provider and model that has, or had, a price; True where the model's name only begins like that."""
        entries = [entry for file in (*self._overrides, *self._packaged) for entry in file.entries]
        entries += [each.entry for each in self._dated.entries]
        found = {(entry.provider, entry.model, entry.prefix) for entry in entries}
        return found | {(provider, model, False) for provider, model in published.models()}

    def stretch(
        self, provider: str | None, model: str, at_ns: int, service_tier: str | None = None, batch: bool = False
    ) -> Stretch:
        """The rates of a model at a time, and between which moments they hold; not remembered."""
        return self._resolve((provider, model, service_tier, batch), at_ns)

    def price(
        self,
        usage: Usage,
        *,
        provider: str | None,
        model: str | None,
        at_ns: int,
        service_tier: str | None = None,
        batch: bool = False,
    ) -> Priced:
        """What a call cost.

        Args:
            usage: What it used.
            provider: Who served it: OpenTelemetry's name, genai-prices' id or a common alias; None when nobody said.
            model: The model that answered.
            at_ns: When, in nanoseconds since 1970 UTC.
            service_tier: The tier that served it, when it was said.
            batch: Whether it went through the provider's batch interface.
        """
        return self.price_values(usage, provider, model, at_ns, service_tier, batch)

    def price_values(
        self,
        values: Values,
        provider: str | None,
        model: str | None,
        at_ns: int,
        service_tier: str | None,
        batch: bool,
    ) -> Priced:
        """As `price`, from the fields of a `Usage` in the order of `USAGE_FIELDS`: for thousands of calls at once."""
        stretch = self._current.get((provider, model, service_tier, batch))
        if stretch is None or not stretch.from_ns <= at_ns < stretch.until_ns:
            stretch = self.kept_stretch((provider, model, service_tier, batch), at_ns)
        if stretch.rates is not None:
            return stretch.rates.price(values)
        return stretch.refusal or unpriced("model_unknown")

    def kept_stretch(self, key: Key, at_ns: int) -> Stretch:
        """The rates for a provider, model, service tier and batch or not, at a time, which are kept for the next."""
        if not -published.FOREVER_NS <= at_ns < published.FOREVER_NS:
            return Stretch(at_ns, at_ns, None, unpriced("time_out_of_range"))
        kept = self._kept.get(key, [])
        found = next((stretch for stretch in kept if stretch.from_ns <= at_ns < stretch.until_ns), None)
        if found is None:
            found = self._resolve(key, at_ns)
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
                self._current.clear()
            self._kept[key] = [found, *kept[: MOST_STRETCHES - 1]]
        self._current[key] = found
        return found

    def _resolve(self, key: Key, at_ns: int) -> Stretch:
        provider, model, service_tier, batch = key
        if not model or not model.strip():
            return _refused("model_missing")
        if len(model) > LONGEST_NAME or len(provider or "") > LONGEST_NAME or len(service_tier or "") > LONGEST_NAME:
            return _refused("model_unknown")
        provider = provider if provider and provider.strip() else None
        ruling = self._dated.resolve(provider, model, at_ns, service_tier, batch)
        if ruling is not None and ruling.rates is not None:
            return _stretch(ruling)
        found = _stretch(self._undated(provider, model, at_ns, service_tier, batch))
        if ruling is None:
            return found
        return found._replace(from_ns=max(found.from_ns, ruling.from_ns), until_ns=min(found.until_ns, ruling.until_ns))

    def _undated(
        self, provider: str | None, model: str, at_ns: int, service_tier: str | None, batch: bool
    ) -> published.Resolved:
        for file in self._overrides:
            if (ruling := file.resolve(provider, model, at_ns, service_tier, batch)) is not None:
                return ruling
        answer = published.resolve(provider, model.strip(), at_ns, service_tier, batch)
        if answer.rates in ("model_unknown", "provider_unknown"):
            for file in self._packaged:
                if (ours := file.resolve(provider, model, at_ns, service_tier, batch)) is not None:
                    return ours
        return answer


@cache
def _packaged() -> tuple[files.PriceFile, ...]:
    """The files that come with us."""
    return tuple(files.load_all(dict.fromkeys(sorted(PACKAGED.glob("*.yml")), "spanledger")))


def _stretch(answer: published.Resolved) -> Stretch:
    if isinstance(answer.rates, Rates):
        return Stretch(answer.from_ns, answer.until_ns, answer.rates, None)
    return Stretch(answer.from_ns, answer.until_ns, None, unpriced(answer.rates or "model_unknown"))


def _refused(reason: str) -> Stretch:
    return Stretch(-published.FOREVER_NS, published.FOREVER_NS, None, unpriced(reason))
