"""Price files: rates written by hand, ours and the owner's; the format stands at the top of `prices/speech.yml`.

Given a path, gives a `PriceFile` that can be asked for the rates of a model at a time, or every mistake in the file
at once.

Never: a half-read file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from reprlib import repr as _brief
from typing import Any, Final

from . import seconds
from .published import FOREVER_NS, ORDINARY_TIERS, Resolved, provider_id
from .rates import Rates, UnitRate
from .units import UNITS, gaps

KEYS: Final = frozenset(
    {
        "provider",
        "model",
        "model_prefix",
        "valid_from",
        "batch",
        "service_tier",
        "estimated",
        "source",
        "rates",
        *seconds.KEYS,
    }
)
HIGHEST_RATE: Final = Decimal(10) ** 12
LONGEST_S: Final = 86_400
MOST_CHANNELS: Final = 64
NS_PER_DAY: Final = 86_400_000_000_000


class MalformedPricesError(ValueError):
    """Price files that cannot be used: `mistakes` has all of them, each with its file and key."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("price files cannot be used:\n" + "\n".join(f"  {mistake}" for mistake in mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a price file."""

    provider: str
    model: str
    prefix: bool
    from_ns: int
    batch: bool
    service_tier: str
    estimated: bool
    rates: tuple[UnitRate, ...]
    audio: seconds.AudioBilling = seconds.AS_USED

    def names(self, provider: str | None, model: str) -> bool:
        """Whether the entry is about this model."""
        if provider is not None and provider != self.provider:
            return False
        return model.startswith(self.model) if self.prefix else model == self.model


@dataclass(frozen=True, slots=True)
class PriceFile:
    """The entries of one file.

    Attributes:
        source: What `Priced.source` says of its rates.
        as_of: The date that the file states.
        entries: In the file's order.
    """

    source: str
    as_of: str
    entries: tuple[Entry, ...]

    @property
    def version(self) -> str:
        """What `Priced.version` says of its rates."""
        return f"{self.source} {self.as_of}"

    def resolve(
        self, provider: str | None, model: str, at_ns: int, service_tier: str | None, batch: bool
    ) -> Resolved | None:
        """The rates of a model at a time; None when the file is not about that model."""
        wanted = provider_id(provider) if provider else None
        about = [entry for entry in self.entries if entry.names(wanted, model.strip().lower())]
        if not about or len({entry.provider for entry in about}) > 1:
            return None
        closest = max((not entry.prefix, len(entry.model)) for entry in about)
        about = [entry for entry in about if (not entry.prefix, len(entry.model)) == closest]
        group, note = served(about, service_tier, batch)
        return self._at(group, note, at_ns)

    def _at(self, group: list[Entry], note: str | None, at_ns: int) -> Resolved:
        begun = [entry for entry in group if entry.from_ns <= at_ns]
        until = min((entry.from_ns for entry in group if entry.from_ns > at_ns), default=FOREVER_NS)
        if not begun:
            return Resolved("no_rate: none was valid yet", -FOREVER_NS, until)
        entry = max(begun, key=lambda candidate: candidate.from_ns)
        if entry.estimated and note is None:
            note = LIST_PRICE
        rates = Rates(entry.rates, self.source, self.version, note=note, audio=entry.audio)
        return Resolved(rates, entry.from_ns, until)


def served(about: Iterable[Entry], service_tier: str | None, batch: bool) -> tuple[list[Entry], str | None]:
    """The entries for this way of being served, else the ordinary ones, with a note that they stand in."""
    tier = (service_tier or "").lower()
    batch = batch or tier == "batch"
    tier = "" if tier == "batch" or tier in ORDINARY_TIERS else tier
    ways: dict[tuple[str, bool], list[Entry]] = defaultdict(list)
    for entry in about:
        ways[entry.service_tier, entry.batch].append(entry)
    if (tier, batch) in ways:
        return ways[tier, batch], None
    what = "batch" if batch else f"service tier {tier}"
    return ways.get(("", False), []), f"no_rate: {what}, the ordinary rate was used"


LIST_PRICE: Final = "list_price: the provider's price depends on plan or mode"


def load(path: Path, source: str) -> PriceFile:
    """A price file, checked.

    Args:
        path: The YAML file.
        source: What `Priced.source` is to say of its rates.

    Raises:
        MalformedPricesError: With every mistake in the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedPricesError([f"{path}: cannot be read: {error}"]) from error
    as_of, stated = stated_in(text, str(path))
    return PriceFile(source, as_of, tuple(made(raw) for raw in stated))


def stated_in(text: str, path: str) -> tuple[str, list[dict[str, Any]]]:
    """The date and the checked entries of a price file's text, as they are written there.

    Raises:
        MalformedPricesError: With every mistake in the text.
    """
    import yaml

    try:
        content, tree = yaml.safe_load(text), yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise MalformedPricesError([f"{path}: cannot be read: {error}"]) from error
    mistakes: list[str] = []
    if not isinstance(content, dict) or not isinstance(content.get("prices"), list):
        raise MalformedPricesError([f"{path}: must be a mapping with as_of and a list prices"])
    as_of = content.get("as_of")
    if not _is_date(as_of):
        mistakes.append(f"{path}: as_of: must be a date such as 2026-11-01, not {_brief(as_of)}")
    mistakes += [f"{path}: {key}: not a key here" for key in content if key not in ("as_of", "prices")]
    entries: dict[int, Entry] = {}
    for number, raw in enumerate(content["prices"]):
        wrong = list(mistakes_in(raw))
        mistakes += [f"{path}:{_line(tree, number, mistake)}: prices[{number}]{mistake}" for mistake in wrong]
        if not wrong:
            entries[number] = made(raw)
    mistakes += [f"{path}:{_line(tree, number, '')}: prices[{number}]: {twin}" for number, twin in _twins(entries)]
    if mistakes:
        raise MalformedPricesError(mistakes)
    return str(as_of), content["prices"]


def load_all(paths: Mapping[Path, str]) -> list[PriceFile]:
    """Several price files (path -> source), in that order.

    Raises:
        MalformedPricesError: With every mistake in every file.
    """
    found: list[PriceFile] = []
    mistakes: list[str] = []
    for path, source in paths.items():
        try:
            found.append(load(path, source))
        except MalformedPricesError as error:
            mistakes += error.mistakes
    if mistakes:
        raise MalformedPricesError(mistakes)
    return found


def _is_date(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def mistakes_in(raw: Any) -> Iterator[str]:
    """What is wrong with one entry as it is written: ``.key: what it must be``."""
    if not isinstance(raw, dict):
        yield ": must be a mapping"
        return
    yield from (f".{key}: not a key here" for key in raw if key not in KEYS)
    if not (isinstance(raw.get("provider"), str) and raw["provider"].strip()):
        yield ".provider: must be a name"
    if ("model" in raw) == ("model_prefix" in raw):
        yield ": give exactly one of model and model_prefix"
    for key in ("model", "model_prefix", "service_tier", "source"):
        if key in raw and not (isinstance(raw[key], str) and (raw[key].strip() or key == "model_prefix")):
            yield f".{key}: must be text"
    if "valid_from" in raw and not _is_date(raw["valid_from"]):
        yield f".valid_from: must be a date such as 2026-11-01, not {_brief(raw['valid_from'])}"
    for key in ("batch", "estimated"):
        if key in raw and not isinstance(raw[key], bool):
            yield f".{key}: must be true or false"
    yield from _rate_mistakes(raw.get("rates"))
    yield from _audio_mistakes(raw)


def _audio_mistakes(raw: dict[str, Any]) -> Iterator[str]:
    there = [key for key in seconds.KEYS if key in raw]
    rates = raw.get("rates")
    timed = isinstance(rates, dict) and any(name in UNITS and UNITS[name].field == "audio_seconds" for name in rates)
    if there and not timed:
        yield f".{there[0]}: only beside a rate for audio_seconds, audio_minutes or audio_hours"
    for key in (seconds.MINIMUM, seconds.STEP):
        length = _rate(raw[key]) if key in raw else Decimal(1)
        if length is None or not 0 < length <= LONGEST_S:
            yield f'.{key}: must be seconds above 0, such as 15 or "0.5", at most {LONGEST_S}, not {_brief(raw[key])}'
    channels = raw.get(seconds.CHANNELS, 1)
    if type(channels) is not int or not 1 <= channels <= MOST_CHANNELS:
        yield f".{seconds.CHANNELS}: must be a whole number from 1 to {MOST_CHANNELS}, not {_brief(channels)}"


def _line(tree: Any, number: int, mistake: str) -> int:
    """Where in the file a mistake stands: the line of the deepest key that it names."""
    listed = [value for key, value in tree.value if key.value == "prices"][-1:]
    node = listed[0].value[number] if listed and number < len(listed[0].value) else tree
    line: int = node.start_mark.line
    for name in mistake.partition(":")[0].split(".")[1:]:
        found = [pair for pair in node.value if isinstance(pair, tuple) and pair[0].value == name]
        if found:
            line, node = found[-1][0].start_mark.line, found[-1][1]
    return line + 1


def _rate_mistakes(rates: Any) -> Iterator[str]:
    if not isinstance(rates, dict) or not rates:
        yield ".rates: must be a mapping, unit -> US dollars for one unit"
        return
    known = True
    for name, rate in rates.items():
        if name not in UNITS:
            known = False
            yield f".rates.{name}: not a unit; units are {', '.join(UNITS)}"
        if _rate(rate) is None:
            yield f'.rates.{name}: must be a decimal in quotes, such as "0.25", zero or more, not {_brief(rate)}'
    if known:
        yield from (f".rates: {gap}" for gap in gaps([UNITS[name] for name in rates]))


def _rate(value: Any) -> Decimal | None:
    """The rate, None when it is not one: floats are refused, for they have lost digits already."""
    if not isinstance(value, str) and type(value) is not int:
        return None
    try:
        rate = Decimal(value)
    except InvalidOperation:
        return None
    usable = rate.is_finite() and 0 <= rate <= HIGHEST_RATE and int(rate.as_tuple().exponent) >= -18
    return rate if usable else None


def made(raw: dict[str, Any]) -> Entry:
    """An entry without mistakes, ready for use."""
    prefix = "model_prefix" in raw
    day: date = raw.get("valid_from", date.min)
    return Entry(
        provider=provider_id(raw["provider"]),
        model=raw["model_prefix" if prefix else "model"].strip().lower(),
        prefix=prefix,
        from_ns=-FOREVER_NS if day == date.min else (day - _EPOCH) // timedelta(days=1) * NS_PER_DAY,
        batch=raw.get("batch", False),
        service_tier=raw.get("service_tier", "").lower(),
        estimated=raw.get("estimated", False),
        rates=tuple(UnitRate(UNITS[name], _rate(rate) or Decimal(0)) for name, rate in raw["rates"].items()),
        audio=seconds.taken_out(dict(raw)),
    )


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC).date()


def _twins(entries: Mapping[int, Entry]) -> Iterator[tuple[int, str]]:
    seen: set[tuple[object, ...]] = set()
    for number, entry in entries.items():
        key = (entry.provider, entry.model, entry.prefix, entry.from_ns, entry.batch, entry.service_tier)
        if key in seen:
            told = f"{entry.provider} {entry.model}: two entries for the same model, date and way of being served"
            yield number, told
        seen.add(key)
