"""How many series a metric may have; points beyond that go to one visible overflow series.

Given the points and series of a request, gives them back with everything beyond the limit folded into the metric's
overflow series (attribute ``otel.metric.overflow``), and how many points that were. Which series are admitted is
remembered and read from the database at the start.

Never: drops a point, or admits a series because a request was tried again.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from spanledger_server.ingest import overflow
from spanledger_server.otlp.columns import POINT_SCHEMA, SERIES_SCHEMA
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)

OVERFLOW_ATTRIBUTES: Final = '{"otel.metric.overflow":true}'
NO_SERVICE: Final = "unknown_service"


@dataclass(frozen=True, slots=True)
class Cardinality:
    """The limits.

    Attributes:
        per_metric: Series of one metric of one service.
        per_service: Series of one service.
    """

    per_metric: int = 2_000
    per_service: int = 20_000


class SeriesLimits:
    """Which series are admitted; shared by all receiving threads."""

    def __init__(self, limits: Cardinality | None = None) -> None:
        self._limits = limits or Cardinality()
        self._lock = threading.Lock()
        self._admitted: set[int] = set()
        self._of_metric: Counter[tuple[str, str]] = Counter()
        self._of_service: Counter[str] = Counter()

    def load(self, reader: Reader) -> None:
        """Start again from the series that the database has."""
        with self._lock:
            self._admitted.clear()
            self._of_metric.clear()
            self._of_service.clear()
            for series_id, name, service in reader.tuples(SQL["admitted_series"], overflow=OVERFLOW_ATTRIBUTES):
                self._count(series_id, name, service or NO_SERVICE)

    def _count(self, series_id: int, name: str, service: str) -> None:
        self._admitted.add(series_id)
        self._of_metric[service, name] += 1
        self._of_service[service] += 1

    def _admits(self, series_id: int, name: str, service: str) -> bool:
        if series_id in self._admitted:
            return True
        full = (
            self._of_metric[service, name] >= self._limits.per_metric
            or self._of_service[service] >= self._limits.per_service
        )
        if not full:
            self._count(series_id, name, service)
        return not full

    def fold(self, points: pa.Table, series: pa.Table) -> tuple[pa.Table, pa.Table, dict[str, int]]:
        """Fold what is beyond the limits into overflow series.

        Args:
            points: Columns of POINT_SCHEMA.
            series: Columns of SERIES_SCHEMA: the series of these points.

        Returns:
            The points, the series, and how many points of each service were folded.
        """
        ids: list[Any] = series.column("series_id").to_pylist()
        with self._lock:
            if self._admitted.issuperset(ids):
                return points, series, {}
            names: list[Any] = series.column("name").to_pylist()
            services: list[Any] = series.column("service").to_pylist()
            beyond = [
                row
                for row, series_id in enumerate(ids)
                if not self._admits(series_id, names[row], services[row] or NO_SERVICE)
            ]
        if not beyond:
            return points, series, {}
        return _folded(points, series, beyond)


def _folded(points: pa.Table, series: pa.Table, beyond: list[int]) -> tuple[pa.Table, pa.Table, dict[str, int]]:
    kept = sorted(set(range(series.num_rows)) - set(beyond))
    target: dict[int, dict[str, Any]] = {}
    for row in series.take(beyond).to_pylist():
        target[row["series_id"]] = _overflow_of(row)
    into = {found["series_id"]: found for found in target.values()}
    ids = points.column("series_id").to_pylist()
    moved = [position for position, series_id in enumerate(ids) if series_id in target]
    stay = [position for position, series_id in enumerate(ids) if series_id not in target]
    rows = points.take(moved).to_pylist()
    folded: Counter[str] = Counter()
    for row in rows:
        found = target[row["series_id"]]
        row["series_id"] = found["series_id"]
        folded[found["service"] or NO_SERVICE] += 1
    merged = overflow.merged(rows, {series_id: found["kind"] for series_id, found in into.items()})
    return (
        pa.concat_tables([points.take(pa.array(stay, pa.int64())), pa.Table.from_pylist(merged, POINT_SCHEMA)]),
        pa.concat_tables(
            [series.take(pa.array(kept, pa.int64())), pa.Table.from_pylist(list(into.values()), SERIES_SCHEMA)]
        ),
        dict(folded),
    )


def _overflow_of(row: dict[str, Any]) -> dict[str, Any]:
    """The overflow series that takes the points of this one."""
    same = {key: row[key] for key in ("name", "kind", "unit", "temporality", "monotonic", "service")}
    digest = hashlib.blake2b(repr(sorted(same.items())).encode() + b"overflow", digest_size=8).digest()
    return {
        **same,
        "series_id": int.from_bytes(digest, "big"),
        "scope": None,
        "attributes": OVERFLOW_ATTRIBUTES,
        "resource_id": None,
    }
