"""What was stored since the server started: rows by signal, refusals by reason, ledger lines by state, cost by model.

Given what each transaction wrote, after its commit, adds it up for whoever asks. A line that gives way to a better
one is taken off again; since a counter must not fall, what is taken off is made up for by what comes next.

Never: a replayed row counted twice, or more pairs of provider and model than `MOST_PAIRS`: the others are one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Generic, TypeVar

import pyarrow as pa

SIGNALS: Final = ("traces", "logs", "metrics", "ledger")
STATES: Final = ("priced", "estimated", "free", "unpriced")
MOST_PAIRS: Final = 100
MOST_CHARACTERS: Final = 100
OTHERS: Final = ("other", "other")
UNKNOWN: Final = "unknown"

Pair = tuple[str, str]
Key = TypeVar("Key")
Amount = TypeVar("Amount", int, Decimal)


@dataclass(frozen=True, slots=True)
class Lines:
    """Ledger lines of one provider, model and state, added up; `cost_usd` None where none has a cost."""

    provider: str | None
    model: str | None
    state: str
    count: int
    cost_usd: Decimal | None


@dataclass(slots=True)
class Written:
    """What one transaction wrote.

    Attributes:
        seconds: Since 1970, in which spans ended or ledger lines lie.
        rows: New rows by signal.
        refused: Records by signal and reason.
        lines: Ledger lines that stand from now on.
        given_way: Those that stood before and do not any more.
    """

    seconds: set[int] = field(default_factory=set)
    rows: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    lines: list[Lines] = field(default_factory=list)
    given_way: list[Lines] = field(default_factory=list)


class _Rising(Generic[Key, Amount]):
    """Sums that never fall: what is taken off is kept back from what is added later."""

    def __init__(self) -> None:
        self.sums: dict[Key, Amount] = {}
        self._owed: dict[Key, Amount] = {}

    def add(self, key: Key, amount: Amount) -> None:
        amount += self._owed.pop(key, 0)
        if amount < 0:
            self._owed[key] = amount
        elif amount or key not in self.sums:
            self.sums[key] = self.sums.get(key, 0) + amount


class Totals:
    """Written by the writer alone; read by anybody, who may find it between two additions."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter(dict.fromkeys(SIGNALS, 0))
        self.refused: Counter[tuple[str, str]] = Counter()
        self._lines: _Rising[str, int] = _Rising()
        self._cost: _Rising[Pair, Decimal] = _Rising()
        for state in STATES:
            self._lines.add(state, 0)

    @property
    def lines(self) -> Mapping[str, int]:
        """Ledger lines by state."""
        return dict(self._lines.sums)

    @property
    def cost_usd(self) -> Mapping[Pair, Decimal]:
        """What was spent, by provider and model."""
        return dict(self._cost.sums)

    def add(self, written: Written) -> None:
        """Count what a transaction wrote; called once it is committed."""
        self.rows.update(written.rows)
        self.refused.update(written.refused)
        for sign, each in ((-1, written.given_way), (1, written.lines)):
            for lines in each:
                self._lines.add(lines.state, sign * lines.count)
                if lines.cost_usd is not None:
                    self._cost.add(self._pair(lines), sign * lines.cost_usd)

    def _pair(self, lines: Lines) -> Pair:
        pair = ((lines.provider or UNKNOWN)[:MOST_CHARACTERS], (lines.model or UNKNOWN)[:MOST_CHARACTERS])
        return pair if pair in self._cost.sums or len(self._cost.sums) < MOST_PAIRS else OTHERS


def summed(lines: pa.Table) -> Iterable[Lines]:
    """Ledger lines added up by provider, model and state."""
    by = ["provider", "model", "state"]
    table = lines.group_by(by, use_threads=False).aggregate([("cost_usd", "sum"), ([], "count_all")])
    for row in table.to_pylist():
        yield Lines(row["provider"], row["model"], row["state"], row["count_all"], row["cost_usd_sum"])
