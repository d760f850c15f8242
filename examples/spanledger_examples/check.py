"""The demo's last word: what was served, priced on its own path, against what the backend stored.

Given the provider's bill and the backend's ledger, gives rows to show and the differences; pure.

Never: uses spanledger's own arithmetic. Each billed request is priced by genai-prices' calculator, one by one, and
added up as `Decimal`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from genai_prices import Usage, calc_price


@dataclass(slots=True)
class Bill:
    """What one model's calls come to: `unpriced` counts the calls whose model has no price."""

    calls: int = 0
    unpriced: int = 0
    cost: Decimal = Decimal(0)
    tokens: int = 0

    def shown_cost(self) -> str:
        """The cost as a person reads it: a dash when no call has a price."""
        return "—" if self.calls and self.unpriced == self.calls else f"{self.cost.normalize():f}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rows of (what, sent, stored), models with their two bills, and sentences: what differs, and what to know."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)
    models: dict[str, tuple[Bill, Bill]] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def compare(self, what: str, sent: object, stored: object) -> None:
        """Add a row, and a difference where the two are not equal."""
        self.rows.append((what, text(sent), text(stored)))
        self._differ(what, sent, stored)

    def compare_models(self, sent: Mapping[str, Bill], stored: Mapping[str, Bill]) -> None:
        """Add every model of either side, figure by figure."""
        for model in sorted(sent.keys() | stored.keys()):
            bill, line = sent.get(model, Bill()), stored.get(model, Bill())
            self.models[model] = bill, line
            self._differ(f"{model}, calls", bill.calls, line.calls)
            self._differ(f"{model}, tokens", bill.tokens, line.tokens)
            self._differ(f"{model}, calls without a price", bill.unpriced, line.unpriced)
            self._differ(f"{model}, USD", bill.cost, line.cost)

    def _differ(self, what: str, sent: object, stored: object) -> None:
        if sent != stored:
            self.differences.append(f"{what}: sent {text(sent)}, stored {text(stored)}")


def bills(served: Iterable[Mapping[str, Any]], at: datetime) -> dict[str, Bill]:
    """The provider's bill by model."""
    by_model: dict[str, Bill] = defaultdict(Bill)
    for call in served:
        bill = by_model[call["model"]]
        bill.calls += 1
        bill.tokens += call["input_tokens"] + call["output_tokens"]
        price = _price(call, at)
        if price is None:
            bill.unpriced += 1
        else:
            bill.cost += price
    return dict(by_model)


def stored(lines: Iterable[Mapping[str, Any]]) -> dict[str, Bill]:
    """The backend's ledger lines by model, as `bills` has them, without the refused calls: they are on no bill."""
    by_model: dict[str, Bill] = defaultdict(Bill)
    for line in lines:
        if line["error_type"] is not None:
            continue
        bill = by_model[line["model"]]
        bill.calls += 1
        bill.tokens += (line["input_tokens"] or 0) + (line["output_tokens"] or 0)
        if line["cost_usd"] is None:
            bill.unpriced += 1
        else:
            bill.cost += line["cost_usd"]
    return dict(by_model)


def _price(call: Mapping[str, Any], at: datetime) -> Decimal | None:
    usage: Any = Usage(
        input_tokens=call["input_tokens"],
        output_tokens=call["output_tokens"],
        cache_read_tokens=call["cache_read_tokens"],
    )
    if call["characters"]:
        usage = {"input_characters": call["characters"]}
    elif call["audio_seconds"]:
        usage = {"audio_seconds": call["audio_seconds"]}
    try:
        return calc_price(usage, call["model"], provider_id=call["provider"], genai_request_timestamp=at).total_price
    except LookupError:
        return None


def text(value: object) -> str:
    """A figure as a person reads it; all digits of a Decimal."""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
