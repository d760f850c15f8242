"""The last quarter of an hour, second by second: what the live pages draw.

Given rows that the store worked out again for a stretch of seconds, keeps them with a version, so that what changed
since any version can be told. It is a copy of what the store says and can be thrown away at any time.

Never: an increment. A second is replaced whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

LENGTH_S = 900


@dataclass(frozen=True, slots=True)
class Report:
    """What one service reported in one second. All zero: it lives, and nothing more."""

    service: str
    calls: int
    errors: int
    cost: Decimal | None
    spans: int


@dataclass(frozen=True, slots=True)
class Second:
    """A second of the ledger and what was reported in it."""

    point: Mapping[str, Any] | None
    reports: tuple[Report, ...]
    version: int


@dataclass(slots=True)
class Window:
    """Seconds since 1970 -> what happened in them."""

    seconds: dict[int, Second] = field(default_factory=dict)
    version: int = 0

    def replace(
        self, first: int, end: int, points: Mapping[int, Mapping[str, Any]], reports: Mapping[int, tuple[Report, ...]]
    ) -> None:
        """Put these in place of the seconds from `first` to before `end`; what is no different keeps its version."""
        self.version += 1
        known = (t for t in self.seconds if first <= t < end)
        for t in {*known, *points, *reports}:
            before = self.seconds.get(t)
            point, told = points.get(t), reports.get(t, ())
            if before is None or before.point != point or before.reports != told:
                self.seconds[t] = Second(point or _emptied(t, before), told, self.version)

    def forget_before(self, first: int) -> None:
        """Let go of what is older than `first`."""
        for t in [t for t in self.seconds if t < first]:
            del self.seconds[t]

    def points(self, *, after_version: int = -1, from_s: int = 0) -> list[Mapping[str, Any]]:
        """The points that changed after a version, from a second on, in order of time."""
        return [
            second.point
            for t, second in sorted(self.seconds.items())
            if t >= from_s and second.version > after_version and second.point is not None
        ]

    def between(self, first: int, end: int) -> Iterator[tuple[int, Second]]:
        """The seconds from `first` to before `end`, in no order."""
        return ((t, second) for t, second in self.seconds.items() if first <= t < end)


def _emptied(t: int, before: Second | None) -> Mapping[str, Any] | None:
    """The point of a second whose calls moved elsewhere: pages that have it must be told that it is empty now."""
    if before is None or before.point is None:
        return None
    return point({"t": t})


def point(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the store as pages get it; money as text, durations in milliseconds."""
    durations = row.get("durations_ns") or (None, None, None)
    return {
        "t": row["t"],
        "calls": row.get("calls", 0),
        "errors": row.get("errors", 0),
        "cost": amount(row.get("cost")),
        "unpriced": row.get("unpriced", 0),
        "input_tokens": row.get("input_tokens"),
        "output_tokens": row.get("output_tokens"),
        "p50": milliseconds(durations[0]),
        "p95": milliseconds(durations[1]),
        "p99": milliseconds(durations[2]),
        "ttfc_p95": milliseconds(row.get("first_chunk_ns")),
        "spans": row.get("spans", 0),
    }


def amount(value: Decimal | None) -> str | None:
    """Money as text without idle zeros and without an exponent."""
    if value is None:
        return None
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def milliseconds(nanoseconds: float | None) -> float | None:
    """Nanoseconds as milliseconds, to the microsecond."""
    return None if nanoseconds is None else round(nanoseconds / 1e6, 3)


def by_second(rows: Iterable[Mapping[str, Any]]) -> dict[int, tuple[Report, ...]]:
    """The store's rows of reports, gathered by second."""
    gathered: dict[int, list[Report]] = {}
    for row in rows:
        report = Report(row["service"], int(row["calls"]), int(row["errors"]), row["cost"], int(row["spans"]))
        gathered.setdefault(row["t"], []).append(report)
    return {t: tuple(reports) for t, reports in gathered.items()}
