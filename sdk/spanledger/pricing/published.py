"""The prices that genai-prices publishes, resolved to rates for one model and one stretch of time.

Given a provider (by any of its names), a model, a time and what changes the rate, gives `Rates` and until when they
hold. genai-prices is imported when the first model is looked up.

Never: a network request, or a model priced at another provider's rate unless genai-prices itself says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .rates import Rates, UnitRate
from .seconds import AS_USED, AudioBilling
from .units import UNITS, Unit

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider
    from genai_prices.units import UnitDef, UnitRegistry

FOREVER_NS: Final = 2**63
ORDINARY_TIERS: Final = frozenset({"", "auto", "default", "on_demand", "standard", "standard_only"})
GROQ_MINIMUM_S: Final = Decimal(10)  # as genai-prices has it: shorter audio is billed as ten seconds
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# OpenTelemetry's names, and others in use -> genai-prices' ids; what is not here is left to its own matching
PROVIDER_IDS: Final = {
    "aws.bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "azure_openai": "azure",
    "fireworks_ai": "fireworks",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "vertexai": "google",
    "x_ai": "x-ai",
    "z_ai": "zai",
}


class Resolved(NamedTuple):
    """Rates, and the half-open stretch of time they hold for; or why there are none, None where others may know."""

    rates: Rates | str | None
    from_ns: int
    until_ns: int


def provider_id(provider: str) -> str:
    """A provider's name as in price tables: lower case, OpenTelemetry's names turned into genai-prices' ids."""
    name = provider.strip().lower()
    return PROVIDER_IDS.get(name, name)


def source_version() -> str:
    """The name and version of the price table."""
    return f"genai-prices {version('genai-prices')}"


def models() -> Iterator[tuple[str, str]]:
    """Every provider and model of the price table, by genai-prices' ids."""
    from genai_prices.data import providers

    return ((provider.id, model.id) for provider in providers for model in provider.models)


def resolve(provider: str | None, model: str, at_ns: int, service_tier: str | None, batch: bool) -> Resolved:
    """The rates of a model at a time.

    Args:
        provider: By any name; None to find it by the model's name where that is unambiguous.
        model: The model's name as the provider gave it.
        at_ns: When the call was made.
        service_tier: The tier that served it, None when it was not said.
        batch: Whether it went through the provider's batch interface.
    """
    found = _find(provider, model)
    if isinstance(found, str):
        return Resolved(found, -FOREVER_NS, FOREVER_NS)
    seller, info = found
    at = EPOCH + timedelta(microseconds=at_ns // 1000)
    context = _context(service_tier, batch)
    own = any(
        info is candidate for candidate in seller.models
    )  # variants do not carry over to another provider's models
    price = info.get_prices(at, context if own else None)
    note = _note(info, at, context, service_tier, batch) if context and own else _no_rate(service_tier, batch)
    return Resolved(_rates(seller, info, price, note), *_stretch(info, at_ns))


def _find(provider: str | None, model: str) -> tuple[Provider, ModelInfo] | str:
    from genai_prices.data import providers
    from genai_prices.data_snapshot import DataSnapshot

    snapshot = DataSnapshot(providers=providers, from_auto_update=False)  # a fresh one: its own caches are unbounded
    wanted = provider_id(provider) if provider else None
    try:
        return snapshot.find_provider_model(model, None, wanted, None)
    except LookupError:
        known = wanted is None or wanted == "litellm" or _knows(snapshot, wanted)
        return "model_unknown" if known else "provider_unknown"


def _knows(snapshot: Any, wanted: str) -> bool:
    try:
        snapshot.find_provider(None, wanted, None)
    except LookupError:
        return False
    return True


def _context(service_tier: str | None, batch: bool) -> dict[str, str]:
    tier = (service_tier or "").lower()
    if batch or tier == "batch":
        return {"processing": "batch", "service_tier": tier or "batch"}
    return {"service_tier": tier} if tier else {}


def _note(info: ModelInfo, at: datetime, context: dict[str, str], service_tier: str | None, batch: bool) -> str | None:
    """Why the rate is not quite the call's: nothing is published for its tier, so the ordinary rate stands in."""
    for variant in info.price_variants or ():
        active = variant.constraint is None or variant.constraint.active(at)
        if active and all(context.get(key) == value for key, value in variant.when.items()):
            if "processing" in context and variant.when.get("service_tier") not in (None, "batch"):
                continue
            return None
    return _no_rate(service_tier, batch)


def _no_rate(service_tier: str | None, batch: bool) -> str | None:
    tier = (service_tier or "").lower()
    if batch or tier == "batch":
        return "no_rate: batch, the ordinary rate was used"
    return None if tier in ORDINARY_TIERS else f"no_rate: service tier {tier}, the ordinary rate was used"


def _rates(seller: Provider, info: ModelInfo, price: ModelPrice, note: str | None) -> Rates | str:
    from genai_prices.validation import validate_priced_units

    registry, units = _registry()
    found: list[UnitRate] = []
    for name, value in price.__dict__.items():
        if value is None or name not in units:
            continue
        tiers = () if isinstance(value, Decimal) else tuple((tier.start, tier.price) for tier in value.tiers)
        base = value if isinstance(value, Decimal) else value.base
        found.append(UnitRate(_unit(units[name]), base, tiers))
    try:
        validate_priced_units([units[rate.unit.name] for rate in found], registry)
    except ValueError as error:
        return f"rates_inconsistent: {error}"
    short = seller.id == "groq" and info.id in ("whisper-large-v3", "whisper-large-v3-turbo")
    audio = AudioBilling(minimum_s=GROQ_MINIMUM_S) if short else AS_USED
    return Rates(found, "genai-prices", source_version(), note=note, audio=audio)


@cache
def _registry() -> tuple[UnitRegistry, dict[str, UnitDef]]:
    from genai_prices.data_units import unit_data
    from genai_prices.units import UnitRegistry

    registry = UnitRegistry(unit_data)
    return registry, {unit.price_key: unit for unit in registry.units.values()}


def _unit(published: UnitDef) -> Unit:
    ours = UNITS.get(published.price_key)
    field = ours.field if ours else None
    dimensions = frozenset(published.dimensions.items())
    return Unit(published.price_key, published.usage_key, published.per, field, dimensions)


def _stretch(info: ModelInfo, at_ns: int) -> tuple[int, int]:
    """From when until when no price of this model begins or ends."""
    begin, end = -FOREVER_NS, FOREVER_NS
    for edge in _edges(info, at_ns):
        if edge <= at_ns:
            begin = max(begin, edge)
        else:
            end = min(end, edge)
    return begin, end


def _edges(info: ModelInfo, at_ns: int) -> Iterator[int]:
    from genai_prices.types import ModelPrice, StartDateConstraint, TimeOfDateConstraint

    conditions = [] if isinstance(info.prices, ModelPrice) else [price.constraint for price in info.prices]
    conditions += [variant.constraint for variant in info.price_variants or ()]
    today = (EPOCH + timedelta(microseconds=at_ns // 1000)).date()
    for condition in conditions:
        if isinstance(condition, StartDateConstraint):
            yield _midnight_ns(condition.start_date)
        elif isinstance(condition, TimeOfDateConstraint):
            for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
                yield from (_moment_ns(day, clock) for clock in (condition.start_time, condition.end_time))


def _midnight_ns(day: date) -> int:
    return (day - EPOCH.date()).days * 86_400_000_000_000


def _moment_ns(day: date, clock: time) -> int:
    moment = datetime.combine(day, clock if clock.tzinfo else clock.replace(tzinfo=UTC))
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000
