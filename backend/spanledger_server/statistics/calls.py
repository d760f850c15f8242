"""Calls of the ledger, added up: how many, how fast, how many failed, what they cost, over any window and its parts.

Given a snapshot, a period, filters and perhaps a dimension, reads the cost rollups where they are fresh and know what
is asked about, and the ledger's lines elsewhere. `Calls` are exact but for percentiles, which are at most 1.1 % off.

Never: a call without a price counted as one that cost nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any, Final, TypeVar

import pyarrow as pa

from spanledger_server.rollups import histogram, stretches
from spanledger_server.statistics import durations, periods, remembered, shares
from spanledger_server.statistics import gone as gone_days
from spanledger_server.statistics.costs import IN_ROLLUPS
from spanledger_server.statistics.durations import Durations
from spanledger_server.statistics.periods import Period
from spanledger_server.statistics.spent import COUNTS, TOKENS
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import Range
from spanledger_server.traces import filters
from spanledger_server.traces.filters import Conditions

SQL = sqlfile.load(__package__)

DIMENSIONS: Final = ("model", "provider", "service", "operation", "feature", "tenant", "user_tier", "user")
NS_A_MS: Final = 10**6

_Key = TypeVar("_Key")


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
    durations: Durations = field(default_factory=Durations)

    @classmethod
    def of(cls, cell: Mapping[str, Any]) -> Calls:
        """A row of `call_cells`; its durations are not in it."""
        return cls(
            {name: cell[name] or 0 for name in COUNTS},
            cell["errors"] or 0,
            cell["cost_usd"],
            {name: cell[name] for name in TOKENS},
            int(cell["duration_sum_ns"] or 0),
            cell["duration_min_ns"],
            cell["duration_max_ns"],
        )

    def add(self, cell: Mapping[str, Any]) -> None:
        """Add another row of `call_cells`."""
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
    def mean_ms(self) -> float | None:
        """How long they took on average."""
        timed = self.durations.timed
        return self.duration_sum_ns / timed / NS_A_MS if timed else None

    def quantile_ms(self, q: float) -> float | None:
        """The duration that a share `q` of them, one of `durations.QUANTILES`, does not exceed."""
        if not self.durations.timed:
            return None
        least, most = self.duration_min_ns or 0, self.duration_max_ns or math.inf
        return min(max(histogram.middle(self.durations.codes[q]), least), most) / NS_A_MS

    def shown(self) -> dict[str, Any]:
        """As answers have it."""
        p50, p95, p99 = map(self.quantile_ms, durations.QUANTILES)
        calls, errors = self.calls, self.errors
        return {
            "total_requests": calls,
            "success_count": calls - errors,
            "failure_count": errors,
            "success_rate": shares.ratio(calls - errors, calls),
            "error_rate": shares.ratio(errors, calls),
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


@dataclass(frozen=True, slots=True)
class Cells:
    """Calls of a window by part of it and category.

    Attributes:
        rows: Those of `call_cells`, one for each part and category.
        durations: Those of `call_durations`; None where nobody wants them.
    """

    rows: Sequence[Mapping[str, Any]]
    durations: pa.Table | None

    def __len__(self) -> int:
        """How many there are."""
        return len(self.rows)


def rolled(conditions: Conditions, dimension: str) -> bool:
    """Whether the rollups know what is asked about."""
    return dimension != "user" and IN_ROLLUPS.issuperset(conditions.asked())


def cells(
    reader: Reader, period: Period, conditions: Conditions | None = None, dimension: str = "", *, timed: bool = True
) -> Cells:
    """The calls of a period.

    Args:
        reader: One snapshot.
        period: Its parts are told apart; where rollups are read, its whole minutes.
        conditions: Filters of the ledger (`traces.filters.LEDGER`); None for all of it.
        dimension: One of `DIMENSIONS`, or empty.
        timed: Whether to read how long they took, too.
    """
    asked = conditions or filters.parse((), filters.LEDGER)
    window = period.window if rolled(asked, dimension) else Range(0, 0)
    s = stretches.of(reader, "cost", window, period.coarsest)
    return _cells(reader, period, asked, dimension, s, timed=timed)


def whole(reader: Reader, window: Range, conditions: Conditions) -> Calls:
    """All calls of a window as one; of days that are long gone what was read before."""
    period = periods.whole(window)
    s = stretches.of(reader, "cost", window)
    parted = stretches.parted(s, remembered.OPEN_PARTS, gone_days.FEWEST_DAYS) if rolled(conditions, "") else None
    if parted is None:
        return added(cells(reader, period, conditions))
    gone, rest = parted

    def read() -> Cells:
        found = cells(reader, periods.whole(gone), conditions)
        return Cells(found.rows, None if found.durations is None else durations.together(found.durations))

    question = ("calls", repr(sorted(conditions.bound().items())), gone)
    before = remembered.rows(reader, question, "cost", gone, read) or read()
    after = _cells(reader, period, conditions, "", rest, timed=True)
    tables = [table for table in (after.durations, before.durations) if table is not None]
    together = pa.concat_tables([table.cast(tables[0].schema) for table in tables])
    return added(Cells([*before.rows, *after.rows], together))


def _cells(
    reader: Reader, period: Period, asked: Conditions, dimension: str, s: Mapping[str, Any], *, timed: bool
) -> Cells:
    from_rollups = rolled(asked, dimension)
    rows = (s["rows_from_ns"], s["rows_to_ns"]) if from_rollups else (period.from_ns, period.to_ns)
    bound = {
        "s": s,
        "p": period.bound(),
        "dimension": dimension,
        "whole": not from_rollups,
        "rows_from_ns": rows[0],
        "rows_to_ns": rows[1],
        **asked.bound(),
        **stretches.needed(s),
    }
    bound["rows"] = bound["rows"] or not from_rollups
    sums, of_sums = sqlfile.lean(SQL["call_cells"], bound)
    spread, of_spread = sqlfile.lean(SQL["call_durations"], bound)
    return Cells(reader.rows(sums, **of_sums), reader.arrow(spread, **of_spread) if timed else None)


def added(found: Cells) -> Calls:
    """All of these as one."""
    return grouped(found, lambda _: None).get(None) or Calls()


def by(found: Cells, name: str) -> dict[Any, Calls]:
    """These by ``part`` or by ``category``."""
    return grouped(found, lambda cell: cell[name])


def grouped(found: Cells, key: Callable[[Mapping[str, Any]], _Key]) -> dict[_Key, Calls]:
    """These by whatever `key` says of a cell."""
    groups: dict[_Key, Calls] = {}
    numbers: dict[_Key, int] = {}
    group_of: dict[tuple[int, str | None], int] = {}
    for cell in found.rows:
        mine = key(cell)
        if mine in groups:
            groups[mine].add(cell)
        else:
            groups[mine] = Calls.of(cell)
        group_of[cell["part"], cell["category"]] = numbers.setdefault(mine, len(numbers))
    if found.durations is not None:
        timed = durations.merged(found.durations, group_of, len(groups))
        for calls, each in zip(groups.values(), timed, strict=True):
            calls.durations = each
    return groups
