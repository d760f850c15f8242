"""Calls of the ledger, added up: how many, how fast, how many failed, what they cost, over any window and its parts.

Given a snapshot, a period, filters and perhaps a dimension, reads the cost rollups where they are fresh and know what
is asked about, and the ledger's lines elsewhere. `Calls` are exact but for percentiles, which are at most 1.1 % off.

Never: a call without a price counted as one that cost nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from itertools import accumulate
from typing import Any, Final

from spanledger_server.rollups import histogram
from spanledger_server.statistics import shares, stretches
from spanledger_server.statistics.costs import COUNTS, IN_ROLLUPS, TOKENS
from spanledger_server.statistics.periods import Period
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import Range
from spanledger_server.traces import filters
from spanledger_server.traces.filters import Conditions

SQL = sqlfile.load(__package__)

DIMENSIONS: Final = ("model", "provider", "service", "operation", "feature", "tenant", "user_tier", "user")
NS_A_MS: Final = 10**6


@dataclass(slots=True)
class Calls:
    """Added-up calls; None is "nobody said"."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    errors: int = 0
    cost_usd: Decimal | None = None
    tokens: dict[str, int | None] = field(default_factory=lambda: dict.fromkeys(TOKENS))
    duration_sum_ns: int = 0
    duration_min_ns: int | None = None
    duration_max_ns: int | None = None
    durations: list[histogram.Distribution] = field(default_factory=list)  # to be merged

    def add(self, cell: Mapping[str, Any]) -> None:
        """Add a row of `call_cells`."""
        for name in COUNTS:
            self.counts[name] += int(cell[name] or 0)
        self.errors += int(cell["errors"] or 0)
        if cell["cost_usd"] is not None:
            with localcontext(shares.EXACT):
                self.cost_usd = cell["cost_usd"] + (self.cost_usd or 0)
        for name in TOKENS:
            if cell[name] is not None:
                self.tokens[name] = int(cell[name]) + (self.tokens[name] or 0)
        self.duration_sum_ns += int(cell["duration_sum_ns"] or 0)
        self.duration_min_ns = _furthest(min, self.duration_min_ns, cell["duration_min_ns"])
        self.duration_max_ns = _furthest(max, self.duration_max_ns, cell["duration_max_ns"])
        if cell["codes"]:
            self.durations.append(histogram.Distribution(cell["codes"], cell["counts"]))

    @property
    def calls(self) -> int:
        """How many."""
        return self.counts["calls"]

    @property
    def spent(self) -> Decimal | None:
        """The known cost: 0 without calls, None when there are calls and none has a price."""
        return self.cost_usd if self.calls else Decimal(0)

    @property
    def coverage(self) -> Decimal | None:
        """The share of them whose cost is known."""
        return shares.ratio(self.calls - self.counts["unpriced_calls"], self.calls)

    @property
    def timed(self) -> int:
        """Of how many it is known how long they took."""
        return sum(each.total for each in self.durations)

    @property
    def mean_ms(self) -> float | None:
        """How long they took on average."""
        timed = self.timed
        return self.duration_sum_ns / timed / NS_A_MS if timed else None

    def quantile_ms(self, q: float) -> float | None:
        """The duration that a share `q` of them does not exceed."""
        return self.quantiles_ms((q,))[0]

    def quantiles_ms(self, shares_of: Sequence[float]) -> list[float | None]:
        """The same for several shares, for the price of one."""
        if not self.durations:
            return [None] * len(shares_of)
        if len(self.durations) > 1:
            self.durations = [histogram.merge((each.index, each.count) for each in self.durations)]
        codes, below = self.durations[0].index, list(accumulate(self.durations[0].count))
        ranks = (max(1, math.ceil(q * below[-1])) for q in shares_of)
        found = [histogram.middle(codes[bisect_left(below, rank)]) for rank in ranks]
        least, most = self.duration_min_ns or 0, self.duration_max_ns or math.inf
        return [min(max(value, least), most) / NS_A_MS for value in found]

    def shown(self) -> dict[str, Any]:
        """As answers have it."""
        p50, p95, p99 = self.quantiles_ms((0.5, 0.95, 0.99))
        return {
            "total_requests": self.calls,
            "success_count": self.calls - self.errors,
            "failure_count": self.errors,
            "success_rate": shares.ratio(self.calls - self.errors, self.calls),
            "error_rate": shares.ratio(self.errors, self.calls),
            "avg_latency": self.mean_ms,
            "min_latency": None if self.duration_min_ns is None else self.duration_min_ns / NS_A_MS,
            "max_latency": None if self.duration_max_ns is None else self.duration_max_ns / NS_A_MS,
            "p50_latency": p50,
            "p95_latency": p95,
            "p99_latency": p99,
            "total_cost": self.spent,
            "coverage": self.coverage,
            **{name: number for name, number in self.counts.items() if name != "calls"},
            **self.tokens,
            "total_tokens": _total(self.tokens["input_tokens"], self.tokens["output_tokens"]),
        }


def _furthest(which: Any, one: int | None, other: int | None) -> int | None:
    known = [value for value in (one, other) if value is not None]
    return which(known) if known else None


def _total(*parts: int | None) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def cells(
    reader: Reader, period: Period, conditions: Conditions | None = None, dimension: str = ""
) -> list[dict[str, Any]]:
    """The rows of `call_cells`.

    Args:
        reader: One snapshot.
        period: Its parts are told apart; where rollups are read, its whole minutes.
        conditions: Filters of the ledger (`traces.filters.LEDGER`); None for all of it.
        dimension: One of `DIMENSIONS`, or empty.
    """
    asked = conditions or filters.parse((), filters.LEDGER)
    rolled = dimension != "user" and IN_ROLLUPS.issuperset(asked.asked())
    s = stretches.of(reader, "cost", period.window if rolled else Range(0, 0), period.coarsest)
    rows = (s["rows_from_ns"], s["rows_to_ns"]) if rolled else (period.from_ns, period.to_ns)
    return reader.rows(
        SQL["call_cells"],
        s=s,
        p=period.bound(),
        dimension=dimension,
        whole=not rolled,
        rows_from_ns=rows[0],
        rows_to_ns=rows[1],
        **asked.bound(),
    )


def added(found: Iterable[Mapping[str, Any]]) -> Calls:
    """All of these cells as one."""
    together = Calls()
    for cell in found:
        together.add(cell)
    return together


def by(found: Iterable[Mapping[str, Any]], key: str) -> dict[Any, Calls]:
    """These cells by ``part`` or by ``category``."""
    gathered: dict[Any, Calls] = {}
    for cell in found:
        gathered.setdefault(cell[key], Calls()).add(cell)
    return gathered
