"""Prices that changed: by what factor what was spent before would be dearer or cheaper now.

Given the store, gives each model whose rate became another within the history, when, and the factor: the tokens of
before at the rate of now, over what they cost. A pace is then one of usage at the prices of now.

Never: a long prompt's other rate, a batch or another tier taken for a new price.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from spanledger.pricing import parts
from spanledger.usage import USAGE_FIELDS, Usage
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import Range

SQL = sqlfile.load(__package__)

LEAST_CALLS: Final = 10  # at the new rate, until it is believed


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A price that became another.

    Attributes:
        provider: Of the model; None when nobody said.
        model: Its name; None when nobody said.
        at_ns: From when on the price of now was used.
        factor: What was spent before, times this, is what it would cost now.
    """

    provider: str | None
    model: str | None
    at_ns: int
    factor: float


def changes(reader: Reader, history: Range) -> list[PriceChange]:
    """The prices that changed within `history`."""
    rows = reader.rows(SQL["rates_used"], from_ns=history.from_ns, to_ns=history.to_ns)
    kinds = groupby(rows, lambda row: (row["provider"], row["model"], row["service_tier"], row["batch"]))
    found = (_change(list(rates)) for _, rates in kinds)
    by_model: dict[tuple[str | None, str | None], PriceChange] = {}
    for change in found:
        if change is not None:
            by_model.setdefault((change.provider, change.model), change)
    return list(by_model.values())


def bound(changed: Iterable[PriceChange]) -> dict[str, Any]:
    """The named parameters of the statement `hours`."""
    listed = list(changed)
    return {
        "changing": bool(listed),
        "providers": [change.provider for change in listed],
        "models": [change.model for change in listed],
        "changed_ns": [change.at_ns for change in listed],
        "factors": [change.factor for change in listed],
    }


def _change(rates: list[dict[str, Any]]) -> PriceChange | None:
    """Of one model, tier and kind of billing, oldest use first: what became of its price, if anything did."""
    newest, older = rates[-1], rates[:-1]
    if newest["calls"] < LEAST_CALLS or any(rate["last_ns"] >= newest["first_ns"] for rate in older):
        return None
    was = sum((rate["cost_usd"] for rate in older), Decimal(0))
    if was <= 0:
        return None
    would_be = sum((part.cost for rate in older for part in parts(_usage(rate), newest["rate"])), Decimal(0))
    return PriceChange(newest["provider"], newest["model"], newest["first_ns"], float(would_be / was))


def _usage(row: Mapping[str, Any]) -> Usage:
    """The sums of a statement's row; its columns have the names of `Usage`."""
    given: dict[str, Any] = {name: row[name] for name in USAGE_FIELDS if row.get(name) is not None}
    return Usage(**given)
