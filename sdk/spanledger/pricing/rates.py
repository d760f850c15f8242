"""The rates of one model for one stretch of time, and the arithmetic: integers, rounded once to 10^-12 USD.

Given a `Usage`, gives a `Priced`. What usage of one shape (which counts are there, which are zero) is charged for is
worked out once and kept; after that a price is a few multiplications.

Never: a float, a rounding in between, or an exception because of odd usage.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from math import gcd, lcm
from typing import Any, Final, Literal, NamedTuple

from spanledger.usage import USAGE_FIELDS, Noughts, noughts

from .seconds import AS_USED, AudioBilling, plain
from .units import CONSTANT, COUNTED, Form, Unit, missing, shares

PriceState = Literal["priced", "unpriced", "estimated", "free"]

PICO: Final = 10**12
MOST_COUNTED: Final = 2**53
MOST_COST: Final = 10**24  # in 10^-12 USD: what DECIMAL(24,12) holds
MOST_SHAPES: Final = 256
AUDIO_SECONDS: Final = USAGE_FIELDS.index("audio_seconds")
REQUESTS: Final = USAGE_FIELDS.index("requests")
WEB_SEARCHES: Final = USAGE_FIELDS.index("web_searches")

Values = tuple[Any, ...]  # the fields of a Usage in order, which a Usage is itself
Shape = tuple[int | None, ...]  # each None, 0 or 1

_exact: Final = Context(prec=64)
_ONE_PICO: Final = Decimal("1e-12")
_ZERO: Final = Decimal(0)


class Priced(NamedTuple):
    """What a call cost, how sure that is, and why.

    Attributes:
        state: ``priced``; ``estimated`` (the rate is not quite the call's); ``free`` (all rates zero); ``unpriced``.
        cost_usd: US dollars, at most 12 decimal places; None when unpriced.
        source: Where the rate is from: ``genai-prices``, ``spanledger``, ``override:FILE`` or ``override:server``.
        version: The version of that source.
        rate: JSON text, unit -> US dollars for one unit, of the rates used; see `parts`.
        reason: Why it is unpriced or estimated: a stable word, then what it is about.
    """

    state: PriceState
    cost_usd: Decimal | None
    source: str | None
    version: str | None
    rate: str | None
    reason: str | None


def unpriced(reason: str) -> Priced:
    """No price, and why."""
    return Priced("unpriced", None, None, None, None, reason)


class UnitRate(NamedTuple):
    """A unit's rate in US dollars, and the rates that take its place once the whole input is over a threshold."""

    unit: Unit
    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()  # (input tokens that must be exceeded, rate), ascending

    def beyond(self, input_tokens: int) -> Decimal:
        """The rate at this size of input: that of the last threshold exceeded."""
        return next((rate for start, rate in reversed(self.tiers) if input_tokens > start), self.base)


@dataclass(frozen=True, slots=True)
class Band:
    """Rates folded for one shape and one size of input: cost in 10^-12 USD = sum of count x times / divisor."""

    times: tuple[tuple[int, int], ...]
    constant: int
    divisor: int
    rate: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How usage of one shape is charged; or the reason why it cannot be."""

    given: tuple[int, ...]
    reason: str | None
    state: PriceState = "priced"
    note: str | None = None
    checks: tuple[tuple[str, tuple[tuple[int, int], ...]], ...] = ()
    bands: tuple[Band, ...] = ()


class OfTokens(NamedTuple):
    """A band for usage of nothing but tokens in and out: cost in 10^-12 USD = whole number of a sum over `divisor`."""

    given: int
    made: int
    constant: int
    divisor: int
    rate: str


class Rates:
    """The rates of one model, and everything worked out from them so far."""

    __slots__ = (
        "_audio",
        "_free",
        "_note",
        "_of_tokens",
        "_plans",
        "_rates",
        "_source",
        "_starts",
        "_version",
        "_zeros",
    )

    def __init__(
        self,
        rates: Sequence[UnitRate],
        source: str,
        version: str,
        *,
        note: str | None = None,
        audio: AudioBilling = AS_USED,
    ) -> None:
        """Take rates as they are; `note` says why they are not quite the call's, `audio` which seconds are billed."""
        self._rates = tuple(rates)
        self._source, self._version, self._note = source, version, note
        self._audio = None if audio == AS_USED else audio
        self._starts = sorted({start for rate in rates for start, _ in rate.tiers})
        self._free = not any(rate.base or any(price for _, price in rate.tiers) for rate in rates)
        self._zeros = json.dumps({rate.unit.name: "0" for rate in rates if rate.unit.field})
        self._plans: dict[Shape, Plan] = {}
        self._of_tokens: dict[Noughts, tuple[OfTokens, ...]] = {}

    @property
    def units(self) -> tuple[UnitRate, ...]:
        """The rates themselves."""
        return self._rates

    @property
    def origin(self) -> tuple[str, str, str | None]:
        """Source, version, and why they are not quite a call's."""
        return self._source, self._version, self._note

    @property
    def audio(self) -> AudioBilling:
        """Which seconds of audio are billed."""
        return self._audio or AS_USED

    def price(self, values: Values) -> Priced:
        """What usage costs at these rates; `values` are the fields of a `Usage` in order."""
        found = self._common(values, noughts(values))
        if found is None:
            return self._price_any(values)
        amount, rate = found
        said = ("priced", _exact.multiply(amount, _ONE_PICO), self._source, self._version, rate, None)
        return tuple.__new__(Priced, said)  # `Priced(...)`, three times as fast: every line of a ledger comes by here

    def pico(self, values: Values, told: Noughts | None) -> int | None:
        """The cost that `price` gives, in 10^-12 US dollars and without the reasons; None where it gives none.

        Args:
            values: The fields of a `Usage` in order.
            told: Their `noughts`.
        """
        found = self._common(values, told)
        if found is not None:
            return found[0]
        cost = self._price_any(values).cost_usd
        return None if cost is None else int(_exact.scaleb(cost, 12))

    def by_token(self, told: Noughts | None, most: int) -> tuple[int, int, int] | None:
        """Whole 10^-12 US dollars for a token in, for a token out and for a call; None where it is not as simple.

        Args:
            told: The `noughts` of the usage.
            most: Up to how many tokens each way, from 1, they are to hold.
        """
        bands = () if told is None or self._starts else self._learn(told)
        if not bands or bands[0].divisor != 1:
            return None
        each_in, each_out, once, *_ = bands[0]
        return (each_in, each_out, once) if most * (each_in + each_out) + once < MOST_COST else None

    def _common(self, values: Values, told: Noughts | None) -> tuple[int, str] | None:
        """Cost in 10^-12 US dollars, and rates, of the common call: tokens in and out, and nought of all else."""
        if told is None:
            return None
        given, made, bands = values[0], values[1], self._of_tokens.get(told)
        if bands is None:
            bands = self._learn(told)
        if not bands or type(given) is not int or type(made) is not int:
            return None
        if not (0 < given <= MOST_COUNTED and 0 < made <= MOST_COUNTED):
            return None
        first, second, constant, divisor, rate = bands[bisect_left(self._starts, given)] if self._starts else bands[0]
        amount = given * first + made * second + constant
        if divisor != 1:
            amount = rounded(amount, divisor)
        return (amount, rate) if amount < MOST_COST else None

    def _learn(self, told: Noughts) -> tuple[OfTokens, ...]:
        """How tokens in and out are charged beside counts of nought and of nobody; empty: not so."""
        bands: tuple[OfTokens, ...] = ()
        plan = self._plan((1, 1, *told.told))
        takes_away = any(times < 0 and index < 2 for _, form in plan.checks for index, times in form)
        if not self._free and plan.reason is None and plan.note is None and not takes_away:
            bands = tuple(map(_of_tokens, plan.bands))
        if len(self._of_tokens) >= MOST_SHAPES:
            self._of_tokens.clear()
        self._of_tokens[told] = bands
        return bands

    def _price_any(self, values: Values) -> Priced:
        plan = self._plan(tuple([None if value is None else 1 if value else 0 for value in values]))
        for index in plan.given:
            value = values[index]
            if type(value) is not int or not 0 <= value <= MOST_COUNTED:
                odd = odd_count(index, value)
                if odd is not None:
                    return unpriced(odd)
        if plan.reason is not None:
            return unpriced(plan.reason)
        seconds, told = values[AUDIO_SECONDS], ""
        if self._audio is not None and seconds:
            told = self._audio.told(seconds)
            values = (*values[:AUDIO_SECONDS], self._audio.billed(seconds), *values[AUDIO_SECONDS + 1 :])
        for counted, form in plan.checks:
            if sum([values[index] * times for index, times in form]) < 0:
                return unpriced(f"usage_inconsistent: the parts of {counted} exceed it")
        if self._free:
            return Priced("free", _ZERO, self._source, self._version, self._zeros, self._note)
        band = plan.bands[bisect_left(self._starts, values[0] or 0)] if self._starts else plan.bands[0]
        amount = _amount(values, band)
        if amount >= MOST_COST:
            return unpriced("cost_out_of_range")
        rate = f"{band.rate[:-1]}, {told}}}" if told else band.rate
        cost = _exact.multiply(amount, _ONE_PICO)
        return Priced(plan.state, cost, self._source, self._version, rate, plan.note)

    def _plan(self, shape: Shape) -> Plan:
        plan = self._plans.get(shape)
        if plan is None:
            if len(self._plans) >= MOST_SHAPES:
                self._plans.clear()
            plan = self._plans[shape] = self._work_out(shape)
        return plan

    def _work_out(self, shape: Shape) -> Plan:
        given = tuple(index for index, more in enumerate(shape) if more is not None)
        if not given:
            return Plan(given, "usage_unknown")
        units = [rate.unit for rate in self._rates]
        reported = {name: more > 0 for name, (index, _) in _COUNTED_AT.items() if (more := shape[index]) is not None}
        needed = missing([*units, _WHOLE_INPUT] if self._starts else units, reported)
        if needed is not None:
            return Plan(given, f"units_overlap: {needed} was not reported")
        own = {unit.name: form for unit in units if (form := _own(unit, shape))}
        share = shares(units, own)
        forms = ((unit.counted, tuple(share[unit.name].items())) for unit in units)
        checks = tuple(check for check in forms if any(times < 0 for _, times in check[1]))
        if self._free:
            return Plan(given, None, checks=checks)
        if not own and any(shape):
            unit_names = [USAGE_FIELDS[index] for index in given if shape[index]]
            return Plan(given, f"no_rate: {', '.join(unit_names)}")
        note = self._note
        if note is None and shape[WEB_SEARCHES] and not any(unit.field == "web_searches" for unit in units):
            note = "no_rate: web_searches"
        sizes = [0, *(start + 1 for start in self._starts)]
        bands = tuple(_band(self._rates, share, own, size) for size in sizes)
        return Plan(given, None, "priced" if note is None else "estimated", note, checks, bands)


_COUNTED_AT: Final = {name: (USAGE_FIELDS.index(field), dimensions) for name, (field, dimensions) in COUNTED.items()}
_WHOLE_INPUT: Final = Unit("input_mtok", "input_tokens", 1, "input_tokens", COUNTED["input_tokens"][1])


def _own(unit: Unit, shape: Shape) -> Form:
    """What the unit itself counts in usage of this shape; a request that nobody counted is one."""
    if unit.field is None:
        return {}
    index = USAGE_FIELDS.index(unit.field)
    if index == REQUESTS and shape[index] is None:
        return {CONSTANT: 1}
    return {index: 1} if shape[index] else {}


def _band(rates: Sequence[UnitRate], share: Mapping[str, Form], own: Mapping[str, Form], size: int) -> Band:
    folded: dict[int, Fraction] = {}
    for rate in rates:
        for index, times in share[rate.unit.name].items():
            folded[index] = folded.get(index, Fraction(0)) + times * Fraction(rate.beyond(size)) * PICO / rate.unit.per
    divisor = lcm(*(fraction.denominator for fraction in folded.values())) if folded else 1
    whole = {index: int(fraction * divisor) for index, fraction in folded.items()}
    common = gcd(divisor, *whole.values())
    used = {rate.unit.name: plain(rate.beyond(size)) for rate in rates if rate.unit.name in own}
    constant = whole.pop(CONSTANT, 0) // common
    # input and output keep their places even at a rate of zero: the common call reads them by position
    folded_times = tuple((index, whole[index] // common) for index in sorted(whole))
    return Band(folded_times, constant, divisor // common, json.dumps(used))


def _of_tokens(band: Band) -> OfTokens:
    times = dict(band.times)
    return OfTokens(times.get(0, 0), times.get(1, 0), band.constant, band.divisor, band.rate)


def _amount(values: Values, band: Band) -> int:
    amount: int | Fraction = band.constant
    for index, times in band.times:
        amount += (Fraction(values[index]) if index == AUDIO_SECONDS else values[index]) * times
    if isinstance(amount, int):
        return rounded(amount, band.divisor)
    counted, scale = amount.as_integer_ratio()
    return rounded(counted, band.divisor * scale)


def rounded(amount: int, divisor: int) -> int:
    """`amount / divisor` as a whole number, half to even."""
    whole, rest = divmod(amount, divisor)
    twice = 2 * rest
    return whole + (twice > divisor or (twice == divisor and whole & 1))


def odd_count(index: int, value: Any) -> str | None:
    """Why this count cannot be charged: not a number, below zero, or absurdly large; None when it can."""
    if index == AUDIO_SECONDS:
        fits = isinstance(value, Decimal) and value.is_finite() and value.adjusted() < 16
        fits = fits and (not value or int(value.as_tuple().exponent) >= -18)
    else:
        fits = type(value) is int
    if not fits:
        return f"usage_malformed: {USAGE_FIELDS[index]}"
    if value < 0:
        return f"usage_negative: {USAGE_FIELDS[index]}"
    return f"usage_out_of_range: {USAGE_FIELDS[index]}" if value > MOST_COUNTED else None
