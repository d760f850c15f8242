"""Requests as spans tell of them, each kept span weighed by how many it stands for.

Given a snapshot and a window, reads the span rollups, and the spans themselves of minutes that are not rolled up yet,
and gives, for each service and operation, how many requests there were, how many failed, how long they took, and how
many were dropped: estimates with the interval that holds the truth 95 times of 100, and beside them how many spans do
not say how they were sampled. Those are left out of every estimate.

Never: a span counted whose weight nobody told, or an interval narrower than sampling by traces allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from spanledger_server import estimates
from spanledger_server.estimates import Estimate
from spanledger_server.rollups import histogram, stretches
from spanledger_server.statistics import gone, periods
from spanledger_server.statistics.periods import Period
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import Range

SQL = sqlfile.load(__package__)

Integers: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

MINUTE_NS: Final = 60 * 10**9
QUANTILES: Final = (0.5, 0.95, 0.99)
CODES_A_PIECE: Final = 32  # of two kilobytes
LISTS: Final[dict[str, type[np.generic]]] = {
    **dict.fromkeys(("codes", "slots"), np.int64),
    **dict.fromkeys(("weights", "loose", "kept", "sums"), np.float64),
}


class Weights(Mapping[int, float]):
    """Sums by key, ascending. What is added is put together when somebody asks, in the order in which it came."""

    __slots__ = ("_pieces", "_sums")

    def __init__(self) -> None:
        """Nothing."""
        self._pieces: list[tuple[Integers, Floats]] = []
        self._sums: dict[int, float] | None = {}

    def add(self, keys: Integers, numbers: Floats) -> None:
        """Add numbers to keys, each of which is there once, ascending."""
        if len(keys):
            self._pieces.append((keys, numbers))
            self._sums = None

    def extend(self, other: Weights) -> None:
        """Add what another holds."""
        for keys, numbers in list(other._pieces):
            self.add(keys, numbers)

    def __getitem__(self, key: int) -> float:
        """The sum of a key."""
        return self._found()[key]

    def __iter__(self) -> Iterator[int]:
        """The keys."""
        return iter(self._found())

    def __len__(self) -> int:
        """How many keys there are."""
        return len(self._found())

    def each(self) -> tuple[list[int], list[float]]:
        """The keys and their sums."""
        found = self._found()
        return list(found), list(found.values())

    def _found(self) -> dict[int, float]:
        found = self._sums
        if found is None:
            if len(self._pieces) > 1:
                keys, places = np.unique(np.concatenate([keys for keys, _ in self._pieces]), return_inverse=True)
                added = np.bincount(places, np.concatenate([each for _, each in self._pieces]))
                self._pieces = [(keys, np.asarray(added, np.float64))]
            keys, sums = self._pieces[0]
            found = self._sums = dict(zip(keys.tolist(), sums.tolist(), strict=True))
        return found


@dataclass(slots=True)
class Requests:
    """Requests of one operation, or of all of a service.

    Attributes:
        spans: How many were kept.
        uncounted: Of those, how many do not say how they were sampled.
        weight: Sum of the adjusted counts of the others.
        failed_weight: The same of those that failed.
        durations: Bucket code -> weight.
        spread: The sketch of the variance of `weight`.
        failed_spread: The same of `failed_weight`.
    """

    spans: int = 0
    uncounted: int = 0
    weight: float = 0.0
    failed_weight: float = 0.0
    durations: Weights = field(default_factory=Weights)
    spread: Weights = field(default_factory=Weights)
    failed_spread: Weights = field(default_factory=Weights)

    def add(self, cell: Mapping[str, Any], *, failed: bool) -> None:
        """Add a row of `cells`, of requests that failed or did not."""
        self.spans += cell["spans"]
        self.uncounted += cell["uncounted"]
        self.weight += cell["weight"]
        self.durations.add(cell["codes"], cell["weights"])
        self.spread.add(cell["slots"], cell["sums"])
        if failed:
            self.failed_weight += cell["weight"]
            self.failed_spread.add(cell["slots"], cell["sums"])

    @property
    def counted(self) -> int:
        """Kept spans that say how many they stand for."""
        return self.spans - self.uncounted

    @property
    def uncounted_share(self) -> float:
        """Of the kept spans."""
        return self.uncounted / self.spans if self.spans else 0.0

    @property
    def total(self) -> Estimate | None:
        """How many requests there were; None when no span says what it stands for."""
        if not self.counted:
            return None
        return estimates.total(self.weight, self.counted, estimates.spread_variance(self.spread))

    @property
    def failed(self) -> Estimate | None:
        """The share of them that failed."""
        share = self.failed_weight / self.weight if self.weight else 0.0
        slots = self.spread.keys() | self.failed_spread.keys()
        residual = {slot: self.failed_spread.get(slot, 0.0) - share * self.spread.get(slot, 0.0) for slot in slots}
        of_share, of_whole = estimates.spread_variance(residual), estimates.spread_variance(self.spread)
        return estimates.share(self.failed_weight, self.weight, of_share, of_whole)

    def duration_ns(self, q: float) -> Estimate | None:
        """The duration that a share `q` of them does not exceed."""
        codes, weights = self.durations.each()
        value = histogram.weighted_quantile(codes, weights, q)
        if value is None:
            return None
        ranks = estimates.quantile_ranks(q, self.weight, estimates.spread_variance(self.spread))
        low, high = (histogram.weighted_quantile(codes, weights, rank) for rank in ranks)
        return Estimate(value, value if low is None else low, value if high is None else high)

    @property
    def dropped(self) -> float:
        """How many were not kept, beside those that were."""
        return max(0.0, self.weight - self.counted)


def requests(reader: Reader, from_ns: int, to_ns: int, service: str | None = None) -> dict[tuple[str, str], Requests]:
    """Requests by service and operation (the name of the span with which they entered the service).

    Args:
        reader: One snapshot.
        from_ns: Beginning of the window, a whole minute.
        to_ns: Its end, a whole minute, not part of it.
        service: Only this one.
    """
    period = periods.whole(Range(from_ns, to_ns))
    found: dict[tuple[str, str], Requests] = {}
    for cell in cells(reader, period, service):
        found.setdefault((cell["service"], cell["name"]), Requests()).add(cell, failed=bool(cell["failed"]))
    return found


def cells(reader: Reader, period: Period, service: str | None) -> list[dict[str, Any]]:
    """The rows of `weighed_cells`, by part of the period, service, operation, route and outcome, some perhaps twice.

    Their lists are arrays; `numbers` are requests by code of duration, each span as many as it stands for, and
    `duration_ns` is how long all of them took together.
    """

    def read(each: Period) -> list[dict[str, Any]]:
        found = stretches.of(reader, "span", each.window, each.coarsest)
        bound = {"service": service, "s": found, "p": each.bound(), **stretches.needed(found)}
        sql, parameters = sqlfile.lean(SQL["weighed_cells"], bound)
        return [in_arrays(cell) for cell in reader.rows(sql, **parameters)]

    if period.parts:
        return gone.by_part(reader, ("weighed", service), "span", period, read, _weight, additive=True)
    return gone.whole(reader, ("weighed", service), "span", period, read, _weight)


def in_arrays(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the statement as `cells` gives it."""
    cell = {**row, **{name: np.array(row[name] or (), kind) for name, kind in LISTS.items()}}
    middles = np.array([histogram.middle(code) for code in row["codes"] or ()], np.float64)
    numbers, kept = cell["weights"] + cell["loose"], _sum(middles * cell["kept"])
    duration_ns = cell["duration_sum_ns"] * (_sum(middles * numbers) / kept if kept else 1.0)
    return {**cell, "numbers": numbers, "duration_ns": duration_ns}


def _sum(numbers: Floats) -> float:
    """One after the other, as they stand."""
    return float(numbers.cumsum()[-1]) if len(numbers) else 0.0


def _weight(cell: Mapping[str, Any]) -> int:
    return 1 + (len(cell["codes"]) + len(cell["slots"])) // CODES_A_PIECE


def together(parts: Iterable[Requests]) -> Requests:
    """The requests of several operations as one."""
    whole = Requests()
    for part in parts:
        whole.spans += part.spans
        whole.uncounted += part.uncounted
        whole.weight += part.weight
        whole.failed_weight += part.failed_weight
        whole.durations.extend(part.durations)
        whole.spread.extend(part.spread)
        whole.failed_spread.extend(part.failed_spread)
    return whole
