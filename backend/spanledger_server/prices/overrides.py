"""Prices that an administrator set: each is a row, set once and ended once, that holds for a stretch of time.

Given what was stated, in the keys of a price file, gives checked overrides, and the dated prices that the price book
is made with.

Never: a price that is read other than it was stated.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from spanledger.pricing import DatedEntry, DatedPrices
from spanledger.pricing.files import made, mistakes_in
from spanledger.pricing.published import FOREVER_NS
from spanledger_server.errors import Invalid, Mistakes

SET_HERE: Final = "server"  # in a price's source, where a file's name stands otherwise
MOST_DIGITS: Final = 15  # that a JSON number keeps for sure


class PricesRefused(Mistakes):
    """Prices that cannot be used, with every mistake: (where, what stands there, what is wrong with it)."""

    def __init__(self, mistakes: Sequence[tuple[str, object, str]]) -> None:
        super().__init__([Invalid(*mistake) for mistake in mistakes])


@dataclass(frozen=True, slots=True)
class Override:
    """A price that was set.

    Attributes:
        override_id: Stays the same when the price is changed.
        revision: Counts every price that was ever set.
        file: The price file it came with; None when it was set alone.
        from_ns: Its first moment; None: from the beginning.
        until_ns: The moment from which on it no longer holds; None: never.
        stated: As in a price file, but for `valid_from`.
        set_ns: When it was set.
        set_by: By whom.
        ended_ns: When it was changed or deleted; None while it counts.
        ended_by: By whom.
    """

    override_id: str
    revision: int
    file: str | None
    from_ns: int | None
    until_ns: int | None
    stated: Mapping[str, Any]
    set_ns: int
    set_by: str
    ended_ns: int | None = None
    ended_by: str | None = None

    @property
    def source(self) -> str:
        """What lines say of where their price is from."""
        return f"override:{self.file or SET_HERE}"

    @property
    def version(self) -> str:
        """What lines say of which price it was."""
        return f"{self.source} r{self.revision}"

    @property
    def place(self) -> tuple[Any, ...]:
        """What no two prices of one origin may have in common."""
        entry = made(dict(self.stated))
        way = (entry.batch, entry.service_tier)
        return (self.file, entry.provider, entry.model, entry.prefix, *way, self.from_ns)

    def same_as(self, other: Override) -> bool:
        """Whether both state the same."""
        return (self.from_ns, self.until_ns, self.stated) == (other.from_ns, other.until_ns, other.stated)

    def dated(self) -> DatedEntry:
        """The price as the price book takes it."""
        entry = made(dict(self.stated))
        begin = -FOREVER_NS if self.from_ns is None else self.from_ns
        end = FOREVER_NS if self.until_ns is None else self.until_ns
        return DatedEntry(replace(entry, from_ns=begin), end, self.source, self.version)


def dated_prices(overrides: Iterable[Override]) -> DatedPrices:
    """The overrides that count, for a price book."""
    counting = sorted((each for each in overrides if each.ended_ns is None), key=lambda each: each.revision)
    if not counting:
        return DatedPrices()
    return DatedPrices(tuple(each.dated() for each in counting), f"override r{counting[-1].revision}/{len(counting)}")


def checked(stated: Mapping[str, Any], from_ns: int | None, until_ns: int | None) -> dict[str, Any]:
    """What was stated, with rates as exact text.

    Args:
        stated: The keys of a price file; rates may be numbers.
        from_ns: The first moment, None for the beginning.
        until_ns: The moment from which on it no longer holds, None for never.

    Raises:
        PricesRefused: With every mistake.
    """
    found = {key: value for key, value in stated.items() if value is not None}
    mistakes: list[tuple[str, object, str]] = []
    if isinstance(found.get("rates"), Mapping):
        found["rates"] = {unit: _exact(value, f"rates.{unit}", mistakes) for unit, value in found["rates"].items()}
    for key in ("audio_seconds_minimum", "audio_seconds_step"):
        if key in found:
            found[key] = _exact(found[key], key, mistakes)
    if not mistakes:
        mistakes = [_placed(told, found) for told in mistakes_in(found)]
    if from_ns is not None and until_ns is not None and from_ns >= until_ns:
        mistakes.append(("valid_to", stated.get("valid_to", ""), "a time after valid_from"))
    if mistakes:
        raise PricesRefused(mistakes)
    return found


def _placed(told: str, stated: Mapping[str, Any]) -> tuple[str, object, str]:
    """A mistake as ``.rates.hours: not a unit`` tells it, with what stands there."""
    path, _, what = told.partition(": ")
    names = path.removeprefix(".").split(".") if path else []
    value: Any = stated
    for name in names:
        value = value.get(name, "") if isinstance(value, Mapping) else value
    return ".".join(names) or "model", "" if value is stated or isinstance(value, Mapping) else value, what


def _exact(value: Any, called: str, mistakes: list[tuple[str, object, str]]) -> Any:
    """A number as text; what is something else stays, for the check to find."""
    if not isinstance(value, float):
        return value
    exact = Decimal(repr(value))
    if len(exact.as_tuple().digits) > MOST_DIGITS:
        mistakes.append((called, value, 'at most 15 digits as a number; give more in quotes, such as "0.25"'))
    return f"{exact:f}"


def row(override: Override) -> dict[str, Any]:
    """The override as a row of its table."""
    return {
        "revision": override.revision,
        "override_id": override.override_id,
        "file": override.file,
        "from_ns": override.from_ns,
        "until_ns": override.until_ns,
        "stated": json.dumps(override.stated, sort_keys=True),
        "set_ns": override.set_ns,
        "set_by": override.set_by,
    }


def read(rows: Iterable[Mapping[str, Any]]) -> Iterator[Override]:
    """The overrides that are such rows."""
    for each in rows:
        yield Override(**{**each, "stated": json.loads(each["stated"])})
