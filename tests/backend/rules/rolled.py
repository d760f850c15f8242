"""Rows of the rollups, as the tick makes them of a few events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from spanledger_server.rollups.dirty import DirtyBuckets, Family
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.store.database import Database
from tests.backend.rows import MINUTE, insert, line


def refreshed(database: Database, family: Family, times_ns: Iterable[int], now_ns: int) -> None:
    """Bring the rollups of these times up to date."""
    dirty = DirtyBuckets()
    with database.transaction() as tx:
        dirty.mark(tx, family, {at_ns // MINUTE for at_ns in times_ns}, "1m")
    Rollups(database, dirty).refresh(now_ns)


def calls(database: Database, lines: list[dict[str, Any]], now_ns: int) -> None:
    """Lines of the ledger, rolled up."""
    insert(database, "ledger", lines)
    refreshed(database, "cost", (each["at_ns"] for each in lines), now_ns)


def even(database: Database, first: int, number: int, from_ns: int, to_ns: int, now_ns: int, **values: Any) -> None:
    """So many calls, evenly spread over a time."""
    step = (to_ns - from_ns) / number
    calls(database, [line(first + n, round(from_ns + (n + 0.5) * step), **values) for n in range(number)], now_ns)


def gauge(database: Database, name: str, series: dict[int, dict[str, Any]], now_ns: int) -> None:
    """A gauge: number of the series -> its service, attributes and points by time."""
    insert(
        database,
        "metric_series",
        [
            {"series_id": number, "name": name, "kind": "gauge", "service": each.get("service", "shop")}
            | {"attributes": each.get("attributes")}
            for number, each in series.items()
        ],
    )
    points = [
        {"series_id": number, "at_ns": at_ns, "value": value}
        for number, each in series.items()
        for at_ns, value in each["points"].items()
    ]
    insert(database, "metric_points", points)
    refreshed(database, "metric", (each["at_ns"] for each in points), now_ns)
