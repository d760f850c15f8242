"""What calls of one kind have in common, worked out once: names, models, state, unused units, feature, tier.

Given a ledger entry, gives the `Alike` it shares with all entries that say the same. It stands for them as a key: the
meter keeps their series by it, the estimate their rates, the redaction what it found in their names, and the encoder
their bytes. Looking a key up costs a tenth of looking into the entry again.

Never: more than `MAX_KEPT` of them; a program has few, and starting over costs little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spanledger import semconv
from spanledger.usage import Noughts, noughts

if TYPE_CHECKING:
    from spanledger.call import Entry

MAX_KEPT: Final = 2_048
FIELDS: Final = (
    "kind",
    "operation",
    "provider",
    "request_model",
    "response_model",
    "usage_state",
    "service_tier",
    "error_type",
    "batch",
    "stream",
)
_NOBODY: Final = (None,) * len(semconv.LOW_CARDINALITY_CONTEXT_KEYS)
_kept: dict[tuple[tuple[Any, ...] | None, tuple[Any, ...]], Alike] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """One kind of entries.

    Attributes:
        values: What they say: `FIELDS`, then `semconv.LOW_CARDINALITY_CONTEXT_KEYS`; None where nobody said.
        price_key: What their rates depend on, but for the time.
        told: The `noughts` of their usage.
    """

    values: tuple[Any, ...]
    price_key: tuple[Any, Any, Any, Any]
    told: Noughts | None


def alike_of(entry: Entry) -> Alike:
    """The kind of an entry, which remembers it: ask for `entry.alike` first."""
    values: tuple[Any, ...] = (  # `FIELDS`, written out: `attrgetter` takes twice as long
        entry.kind,
        entry.operation,
        entry.provider,
        entry.request_model,
        entry.response_model,
        entry.usage_state,
        entry.service_tier,
        entry.error_type,
        entry.batch,
        entry.stream,
    )
    context, usage = entry.context, entry.usage
    if context:
        values += tuple(map(context.get, semconv.LOW_CARDINALITY_CONTEXT_KEYS))
    rest = None if usage is None else usage[2:]
    if rest is not None and any(rest):
        rest = None  # counted: hardly two calls have it in common
    try:
        found = _kept.get((rest, values))
    except TypeError:  # something that is no text was given as a name, and cannot be a key
        found = entry.alike = _made(entry, values)
        return found
    if found is None:
        if len(_kept) >= MAX_KEPT:
            _kept.clear()
        found = _kept[rest, values] = _made(entry, values)
    entry.alike = found
    return found


def _made(entry: Entry, values: tuple[Any, ...]) -> Alike:
    model, usage = entry.response_model or entry.request_model, entry.usage
    padded = values if len(values) > len(FIELDS) else values + _NOBODY
    told = None if usage is None else noughts(usage)
    return Alike(padded, (entry.provider, model, entry.service_tier, entry.batch), told)
