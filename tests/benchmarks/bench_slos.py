"""Objectives over 30 and 90 days: a status while spans come in, one after a restart, 1,000 in one tick, a report."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.slos import definition, report, status
from spanledger_server.slos.objective import Objective
from spanledger_server.store.database import Database, Reader
from tests.backend.rows import insert, span

SECOND = 10**9
NOW_NS = 1_795_262_430 * SECOND
SECONDS = {"span_1m": 60, "span_1h": 3600, "span_1d": 86_400}
DAYS = 90
MINUTES_KEPT_DAYS = 30  # the default of `--retention-minutes`
STEPS = 60  # of ten seconds, so that the minute turns ten times
FILL = """
INSERT INTO {table} BY NAME
SELECT $now_ns // $width_ns - b AS bucket, 'chat' AS service, 'op' || k AS name, 2 AS kind,
    CASE WHEN k = 0 AND b % 50 = 0 THEN 2 ELSE 0 END AS status_code, '/r' || (k % 5) AS route, true AS entry,
    80 * $times AS spans, 80 * $times AS adjusted_spans, 0 AS uncounted_spans,
    pow(2, (900 + k) / 32)::BIGINT AS duration_min_ns, pow(2, (939 + k) / 32)::BIGINT AS duration_max_ns,
    range(900 + k, 940 + k)::INTEGER[] AS duration_index,
    list_resize([]::BIGINT[], 40, 2 * $times::BIGINT) AS duration_count,
    list_resize([]::DOUBLE[], 40, 2 * $times::DOUBLE) AS duration_weight
FROM range(1, $buckets + 1) AS t(b), range(20) AS u(k)
"""


def main() -> None:
    database = _filled()
    good, fast = _objective(good={"status": "ok"}), _objective(below={"value": 1000})
    slices = definition.parse(_given(good={"status": "ok"}) | {"method": "timeslices", "slice": {"target": 0.95}})
    many = [_objective(filter={"name": f"op{n % 20}"}, below={"value": 300 + n}) for n in range(1000)]
    print(f"20 routes, 27 calls a second, {DAYS} days; p50, p95 and worst in ms of processor time, worst as it was")
    for name, each in {"availability": good, "latency": fast, "slices": slices}.items():
        _timed(database, f"status, {name}, spans come", lambda reader, now, o=each: status.of(reader, o, now), STEPS)
    _timed(database, "1,000 statuses at once", lambda reader, now: status.of_all(reader, many, now), 3)
    for name, each in {"availability": good, "latency": fast}.items():
        over = status.plan_of(each, NOW_NS, None).windows[0]
        quarter = type(over)(over.to_ns - DAYS * 86_400 * SECOND, over.to_ns)
        database.memory.clear()
        _timed(
            database, f"report, {name}, first", lambda reader, now, o=each, w=quarter: report.of(reader, o, now, w), 1
        )
        _timed(database, f"report, {name}", lambda reader, now, o=each, w=quarter: report.of(reader, o, now, w), 10)
    for name, each in {"availability": good, "latency": fast}.items():
        database.memory.clear()
        _timed(database, f"status, {name}, first", lambda reader, now, o=each: status.of(reader, o, now), 1)
    database.close()


def _filled() -> Database:
    database = Database.open(None)
    with database.transaction() as tx:
        for table, seconds in SECONDS.items():
            days = MINUTES_KEPT_DAYS if table == "span_1m" else DAYS
            tx.execute(
                FILL.format(table=table),
                now_ns=NOW_NS,
                width_ns=seconds * SECOND,
                buckets=days * 86_400 // seconds,
                times=seconds // 60,
            )
        tx.execute(
            "INSERT INTO kept_from VALUES ('span_1m', $ns), ('spans', $now)",
            ns=NOW_NS - 30 * 86_400 * SECOND,
            now=NOW_NS - 3600 * SECOND,
        )
    return database


def _objective(**indicator: Any) -> Objective:
    return definition.parse(_given(**indicator))


def _given(**indicator: Any) -> dict[str, Any]:
    return {
        "name": "x",
        "service": "chat",
        "indicator": {"kind": "span", **indicator},
        "target": 0.99,
        "window": "30d",
    }


def _timed(database: Database, what: str, work: Callable[[Reader, int], object], steps: int) -> None:
    dirty = DirtyBuckets()
    rollups = Rollups(database, dirty)
    taken, worst = [], 0.0
    for step in range(steps):
        now_ns = NOW_NS + step * 10 * SECOND
        spans = [span(n + 1, n + 1, now_ns - n * SECOND, 400_000_000, service="chat", kind=2) for n in range(10)]
        with database.transaction() as tx:
            dirty.mark(tx, "span", {one["end_ns"] // (60 * SECOND) for one in spans})
        insert(database, "spans", spans)
        rollups.refresh(now_ns)
        with database.reader() as reader:
            began, spent = time.perf_counter(), time.process_time()
            work(reader, now_ns)
            taken.append((time.process_time() - spent) * 1e3)
            worst = max(worst, (time.perf_counter() - began) * 1e3)
    taken.sort()
    print(
        f"  {what:32} {taken[len(taken) // 2]:8.1f} {taken[len(taken) * 95 // 100]:8.1f} {taken[-1]:8.1f} {worst:8.1f}"
    )


if __name__ == "__main__":
    main()
