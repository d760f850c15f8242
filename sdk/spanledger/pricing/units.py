"""The units that rates are stated in, and how usage is dealt out among them.

Given the units that a model has rates for, gives the share of the usage that each is charged for: every count goes to
the closest unit that has a rate, and the rest of its total to the general one. Names and dimensions are those of
genai-prices, so that its tables can be used as they are, with a few more that are handy to write by hand.

Never: a count charged twice, or one that is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

Dimensions = frozenset[tuple[str, str]]
Form = dict[int, int]  # index of a field of Usage -> how often it counts; CONSTANT stands for one

CONSTANT: Final = -1
MILLION: Final = 1_000_000


def _dimensions(text: str) -> Dimensions:
    names = ("family", "direction", "modality", "token_type", "cache_ttl")
    return frozenset((name, value) for name, value in zip(names, text.split(), strict=False) if value != "-")


# What can be counted: genai-prices' name -> field of Usage, dimensions. Seconds of audio are there by both names.
COUNTED: Final[dict[str, tuple[str, Dimensions]]] = {
    "input_tokens": ("input_tokens", _dimensions("tokens input")),
    "output_tokens": ("output_tokens", _dimensions("tokens output")),
    "cache_read_tokens": ("cache_read_tokens", _dimensions("tokens input - cache_read")),
    "cache_write_tokens": ("cache_write_tokens", _dimensions("tokens input - cache_write")),
    "cache_write_5m_tokens": ("cache_write_5m_tokens", _dimensions("tokens input - cache_write 5m")),
    "cache_write_1h_tokens": ("cache_write_1h_tokens", _dimensions("tokens input - cache_write 1h")),
    "output_reasoning_tokens": ("reasoning_tokens", _dimensions("tokens output - reasoning")),
    "input_audio_tokens": ("audio_input_tokens", _dimensions("tokens input audio")),
    "output_audio_tokens": ("audio_output_tokens", _dimensions("tokens output audio")),
    "cache_audio_read_tokens": ("audio_cache_read_tokens", _dimensions("tokens input audio cache_read")),
    "audio_seconds": ("audio_seconds", _dimensions("durations - audio")),
    "input_audio_seconds": ("audio_seconds", _dimensions("durations input audio")),
    "input_characters": ("characters", _dimensions("characters input")),
    "web_searches": ("web_searches", frozenset({("family", "tool_calls"), ("tool_type", "web_search")})),
    "requests": ("requests", _dimensions("requests")),
}


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that a rate is stated in.

    Attributes:
        name: The name in rates, such as ``input_mtok``.
        counted: The name of what is counted, such as ``input_tokens``.
        per: How many of what is counted make one unit.
        field: The field of `Usage` that counts it; None for what `Usage` cannot count.
        dimensions: What is counted, as a set of properties: a unit with more of them is a part of one with fewer.
    """

    name: str
    counted: str
    per: int
    field: str | None
    dimensions: Dimensions

    def holds(self, other: Unit) -> bool:
        """Whether `other` counts a part of what this one counts."""
        return self is not other and self.dimensions <= other.dimensions


def _unit(name: str, counted: str, per: int) -> Unit:
    field, dimensions = COUNTED[counted]
    return Unit(name, counted, per, field, dimensions)


UNITS: Final[dict[str, Unit]] = {
    unit.name: unit
    for unit in (
        _unit("input_mtok", "input_tokens", MILLION),
        _unit("output_mtok", "output_tokens", MILLION),
        _unit("cache_read_mtok", "cache_read_tokens", MILLION),
        _unit("cache_write_mtok", "cache_write_tokens", MILLION),
        _unit("cache_write_5m_mtok", "cache_write_5m_tokens", MILLION),
        _unit("cache_write_1h_mtok", "cache_write_1h_tokens", MILLION),
        _unit("output_reasoning_mtok", "output_reasoning_tokens", MILLION),
        _unit("input_audio_mtok", "input_audio_tokens", MILLION),
        _unit("output_audio_mtok", "output_audio_tokens", MILLION),
        _unit("cache_audio_read_mtok", "cache_audio_read_tokens", MILLION),
        _unit("audio_hours", "audio_seconds", 3600),
        _unit("input_audio_hours", "input_audio_seconds", 3600),
        _unit("input_mchars", "input_characters", MILLION),
        _unit("web_searches_kcount", "web_searches", 1000),
        _unit("requests_kcount", "requests", 1000),
        # not in genai-prices: for files written by hand
        _unit("audio_minutes", "audio_seconds", 60),
        _unit("audio_seconds", "audio_seconds", 1),
        _unit("kchars", "input_characters", 1000),
        _unit("characters", "input_characters", 1),
        _unit("web_searches", "web_searches", 1),
        _unit("requests", "requests", 1),
    )
}


def missing(units: Iterable[Unit], reported: Mapping[str, bool]) -> str | None:
    """The first count that the rates need, that was not given, and that other counts show not to be zero.

    Args:
        units: The units that have a rate.
        reported: What was counted, by genai-prices' names -> whether it is more than zero.

    Returns:
        The name of what is missing; None when all that is needed is known.
    """
    positive = [COUNTED[name][1] for name, more in reported.items() if more]
    for unit in units:
        if unit.counted in reported or unit.counted == "requests":
            continue
        if any(unit.dimensions < part for part in positive) or _is_join(unit.dimensions, positive):
            return unit.counted
    return None


def _is_join(dimensions: Dimensions, positive: list[Dimensions]) -> bool:
    """Whether two overlapping counts meet in exactly these dimensions: their overlap cannot be told from them."""
    return any(
        left | right == dimensions and not left <= right and not right <= left
        for left, right in combinations(positive, 2)
    )


def shares(units: Iterable[Unit], own: Mapping[str, Form]) -> dict[str, Form]:
    """Each unit's share of the usage, as a linear form: its own count less the shares of its parts.

    Args:
        units: The units that have a rate.
        own: What each unit itself counts, by the unit's name; a unit that is not there counts nothing.
    """
    found: dict[str, Form] = {}
    ordered = sorted(units, key=lambda unit: -len(unit.dimensions))
    for unit in ordered:
        form = dict(own.get(unit.name, {}))
        for part in ordered:
            if unit.holds(part):
                for index, times in found[part.name].items():
                    form[index] = form.get(index, 0) - times
        found[unit.name] = {index: times for index, times in form.items() if times}
    return found


def gaps(units: Iterable[Unit]) -> list[str]:
    """What a hand-written list of rates lacks or has twice, in words; empty when no usage is left in doubt."""
    units = list(units)
    known = {unit.dimensions: unit.name for unit in reversed(UNITS.values())}
    priced = {unit.dimensions for unit in units}
    found = [
        f"{first.name} and {second.name} count the same: keep one"
        for first, second in combinations(units, 2)
        if first.dimensions == second.dimensions
    ]
    for unit in units:
        found += [
            f"{unit.name} is a part of {name}: give a rate for {name} too"
            for dimensions, name in known.items()
            if dimensions < unit.dimensions and dimensions not in priced
        ]
    for first, second in combinations(units, 2):
        join = first.dimensions | second.dimensions
        if join in known and join not in priced and _compatible(first.dimensions, second.dimensions):
            found.append(f"{first.name} and {second.name} overlap: give a rate for {known[join]} too")
    return found


def _compatible(left: Dimensions, right: Dimensions) -> bool:
    values = dict(left)
    return all(values.get(name, value) == value for name, value in right)
