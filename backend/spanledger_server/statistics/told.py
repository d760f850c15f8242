"""What programs told of their caches, rate limits and requests, by their tracking calls.

Given a snapshot, a period and filters, reads the rollups of those events, and the records of minutes that are not
rolled up yet. `caches` and `rate_limits` are the statistics of two of them; `requests.py` reads the third.

Never: a saving that nobody told taken for nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Final

from spanledger_server.rollups import stretches
from spanledger_server.statistics import gone, periods, shares
from spanledger_server.statistics.periods import Period
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.traces.filters import Conditions, Subject

SQL = sqlfile.load(__package__)

_EVERYWHERE: Final = ("service", "feature", "tenant", "user_tier")
CACHES: Final = Subject((*_EVERYWHERE, "provider"))
RATE_LIMITS: Final = Subject((*_EVERYWHERE, "limit_type"))
CODES_A_PIECE: Final = 32  # of two kilobytes
NOTHING: Final[dict[str, Any]] = Conditions(Subject((*_EVERYWHERE, "provider", "limit_type"))).bound()


def cells(reader: Reader, period: Period, events: Sequence[str], conditions: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of `told_cells`, by part of the period, event, service, subject and outcome, some perhaps twice."""
    question = ("told", tuple(events), repr(sorted(conditions.items())))
    read = partial(_cells, reader, events, conditions)
    return gone.by_part(reader, question, "told", period, read, _weight, light=True)


def _cells(
    reader: Reader, events: Sequence[str], conditions: Mapping[str, Any], period: Period
) -> list[dict[str, Any]]:
    s = stretches.of(reader, "told", period.window, period.coarsest)
    bound = {"s": s, "p": period.bound(), "rows_from_ns": s["rows_from_ns"], "rows_to_ns": s["rows_to_ns"]}
    asked = {**NOTHING, **conditions, **stretches.needed(s)}
    sql, parameters = sqlfile.lean(SQL["told_cells"], {**bound, "events": list(events), **asked})
    return reader.rows(sql, **parameters)


def _weight(cell: Mapping[str, Any]) -> int:
    return 1 + len(cell["codes"] or ()) // CODES_A_PIECE


@dataclass(slots=True)
class Cache:
    """How often a cache was asked, and what its hits saved; None where no hit told."""

    hit: int = 0
    miss: int = 0
    store: int = 0
    saved_cost: Decimal | None = None
    saved_cost_told: int = 0
    saved_tokens: int | None = None
    saved_tokens_told: int = 0

    def add(self, cell: Mapping[str, Any]) -> None:
        """Add a row of `told_cells`."""
        if cell["outcome"] not in ("hit", "miss", "store"):
            return
        setattr(self, cell["outcome"], getattr(self, cell["outcome"]) + cell["events"])
        if cell["outcome"] != "hit":
            return
        if cell["saved_cost"] is not None:
            self.saved_cost = cell["saved_cost"] + (self.saved_cost or 0)
        if cell["saved_tokens"] is not None:
            self.saved_tokens = cell["saved_tokens"] + (self.saved_tokens or 0)
        self.saved_cost_told += cell["saved_cost_told"]
        self.saved_tokens_told += cell["saved_tokens_told"]

    def shown(self) -> dict[str, Any]:
        """As answers have it."""
        return {
            "hits": self.hit,
            "misses": self.miss,
            "stores": self.store,
            "hit_rate": shares.ratio(self.hit, self.hit + self.miss),
            "saved_cost": self.saved_cost if self.hit else Decimal(0),
            "saved_tokens": self.saved_tokens if self.hit else 0,
            "coverage": {
                "saved_cost": shares.ratio(self.saved_cost_told, self.hit),
                "saved_tokens": shares.ratio(self.saved_tokens_told, self.hit),
            },
        }


@dataclass(slots=True)
class RateLimit:
    """What a rate limiter decided."""

    allowed: int = 0
    denied: int = 0

    def add(self, cell: Mapping[str, Any]) -> None:
        """Add a row of `told_cells`."""
        if cell["outcome"] in ("allowed", "denied"):
            setattr(self, cell["outcome"], getattr(self, cell["outcome"]) + cell["events"])

    def shown(self) -> dict[str, Any]:
        """As answers have it."""
        decisions = self.allowed + self.denied
        return {
            "decisions": decisions,
            "allowed": self.allowed,
            "denied": self.denied,
            "denial_rate": shares.ratio(self.denied, decisions),
        }


def caches(reader: Reader, period: Period, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Hits, misses and savings of a period, by provider and over time, beside the same stretch before."""
    return _report(reader, period, "cache", conditions, Cache)


def rate_limits(reader: Reader, period: Period, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """What rate limiters decided in a period, by type of limit and over time, beside the same stretch before."""
    return _report(reader, period, "rate_limit", conditions, RateLimit)


def _report(
    reader: Reader, period: Period, event: str, conditions: Mapping[str, Any], kind: Callable[[], Any]
) -> dict[str, Any]:
    whole = kind()
    subjects: defaultdict[str | None, Any] = defaultdict(kind)
    parts: defaultdict[int, Any] = defaultdict(kind)
    for cell in cells(reader, period, (event,), conditions):
        for each in (whole, subjects[cell["subject"]], parts[cell["part"]]):
            each.add(cell)
    before, earlier = periods.before(period), kind()
    if before is not None:
        for cell in cells(reader, before, (event,), conditions):
            earlier.add(cell)
    ranked = sorted(subjects.items(), key=lambda item: (-sum(_numbers(item[1])), item[0] or ""))
    return {
        **whole.shown(),
        "breakdown": [{"category": subject, **each.shown()} for subject, each in ranked],
        "trend": [{"date": part.name, **parts[part.number].shown()} for part in period.parts],
        "previous": None if before is None or not any(_numbers(earlier)) else _dated(before, earlier.shown()),
    }


def _dated(period: Period, shown: dict[str, Any]) -> dict[str, Any]:
    return {"from_ns": period.from_ns, "to_ns": period.to_ns, **shown}


def _numbers(each: Any) -> list[int]:
    """How often each outcome was told."""
    return [getattr(each, name) for name in ("hit", "miss", "store", "allowed", "denied") if hasattr(each, name)]
