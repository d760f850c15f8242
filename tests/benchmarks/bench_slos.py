"""Objectives over 30 days of rollups: one status, 1,000 in one tick, one report."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from spanledger_server.slos import definition, report, status
from spanledger_server.slos.objective import Objective
from spanledger_server.store.database import Database, Reader

NOW_NS = 1_795_262_430 * 10**9
SECONDS = {"span_1m": 60, "span_1h": 3600, "span_1d": 86_400}
DAYS = 30
ROUNDS = 20
FILL = """
INSERT INTO {table} BY NAME
SELECT $now_ns // $width_ns - b AS bucket, 'chat' AS service, 'op' || k AS name, 2 AS kind,
    CASE WHEN k = 0 THEN 2 ELSE 0 END AS status_code, '/r' || (k % 5) AS route, true AS entry,
    100 AS spans, 100 AS adjusted_spans, 0 AS uncounted_spans, range(700, 740)::INTEGER[] AS duration_index,
    list_resize([]::BIGINT[], 40, 2::BIGINT) AS duration_count, list_resize([]::DOUBLE[], 40, 2.5::DOUBLE) AS duration_weight
FROM range(1, $buckets + 1) AS t(b), range(20) AS u(k)
"""


def main() -> None:
    database = Database.open(None)
    with database.transaction() as tx:
        for table, seconds in SECONDS.items():
            tx.execute(
                FILL.format(table=table), now_ns=NOW_NS, width_ns=seconds * 10**9, buckets=DAYS * 86_400 // seconds
            )
    good, fast = _objective(good={"status": "ok"}), _objective(below={"value": 500})
    many = [_objective(filter={"name": f"op{n % 20}"}, below={"value": 300 + n}) for n in range(1000)]
    print(f"20 routes, a call a second, {DAYS} days; p50 and worst of {ROUNDS}, in ms")
    _timed(database, "one status, availability", lambda reader: status.of(reader, good, NOW_NS))
    _timed(database, "one status, latency", lambda reader: status.of(reader, fast, NOW_NS))
    _timed(database, "1,000 statuses at once", lambda reader: status.of_all(reader, many, NOW_NS), rounds=3)
    _timed(database, "one report, availability", lambda reader: report.of(reader, good, NOW_NS), rounds=5)
    _timed(database, "one report, latency", lambda reader: report.of(reader, fast, NOW_NS), rounds=5)
    database.close()


def _objective(**indicator: Any) -> Objective:
    given = {
        "name": "x",
        "service": "chat",
        "indicator": {"kind": "span", **indicator},
        "target": 0.99,
        "window": "30d",
    }
    return definition.parse(given)


def _timed(database: Database, what: str, work: Callable[[Reader], object], rounds: int = ROUNDS) -> None:
    taken = []
    for _ in range(rounds):
        with database.reader() as reader:
            began = time.perf_counter()
            work(reader)
            taken.append((time.perf_counter() - began) * 1e3)
    taken.sort()
    print(f"  {what:28} {taken[len(taken) // 2]:8.1f} {taken[-1]:8.1f}")


if __name__ == "__main__":
    main()
