"""Rules over thirty days of ten million ledger lines (`BENCH_LINES`): one rule, a thousand in one tick, one replay."""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from spanledger_server.alerts import judged, state
from spanledger_server.rollups.levels import COST, LEVELS
from spanledger_server.rules import backtest, definition, register
from spanledger_server.rules.definition import Known
from spanledger_server.rules.evaluate import Evaluator
from spanledger_server.rules.rule import Rule
from spanledger_server.store.database import Database, Reader
from spanledger_server.timegrid import Range
from tests.backend.rows import DAY, SECOND
from tests.backend.statistics.rolled import roll_at_once
from tests.benchmarks.bench_statistics import BEGIN, LEDGER, NOW

LINES = int(os.environ.get("BENCH_LINES", "10000000"))
RULES, GROUPS, ROUNDS, WARM = 1000, 20, 50, 3
METRICS = ("error_rate", "p95_latency", "cost", "requests", "hourly_cost", "input_tokens", "latency", "success_rate")
WINDOWS = ("5m", "10m", "30m", "1h")
# Twenty services in the last two hours, whatever the lines have: the groups of the many rules.
SERVICES = """
INSERT INTO cost_1m BY NAME
SELECT $minute - m AS bucket, 'group-' || s AS service, 'usage' AS kind, 'chat' AS operation, 'provider-' || s % 3 AS provider,
    'model-' || s % 5 AS model, 40 AS calls, s AS errors, 40 AS priced_calls, 0 AS unpriced_calls, 0 AS estimated_calls,
    0 AS free_calls, 0.4::DECIMAL(38, 12) AS cost_usd, 4000 AS input_tokens, 400 AS output_tokens, 0 AS cached_input_tokens,
    40000000000 AS duration_sum_ns, 500000000 AS duration_min_ns, 2000000000 AS duration_max_ns,
    range(900, 910)::INTEGER[] AS duration_index, list_resize([]::BIGINT[], 10, 4::BIGINT) AS duration_count
FROM range(120) AS t(m), range($groups) AS u(s)
"""
CAME = "INSERT INTO rollup_log (family, level, bucket) VALUES ('cost', '1m', $minute)"


def main() -> None:
    with tempfile.TemporaryDirectory() as directory, _filled(Path(directory) / "spanledger.duckdb") as database:
        print(f"{LINES:,} lines of the ledger over 30 days")
        evaluator = Evaluator(database)
        for name, body in {
            "one rule, a threshold": {"condition": "p95_latency > 2000 for 5m"},
            "one rule, by model": {"metric": "error_rate", "operator": ">", "threshold": 0.05, "group_by": ["model"]},
            "one rule, spent within a day": {"condition": "cost > 500"},
            "one rule, against last week": {"kind": "change", "metric": "requests", "threshold": 50, "against": "week"},
        }.items():
            _timed(database, name, partial(evaluator.judged, rules=[_rule(body)], now_ns=NOW))
        shared = [_rule(_body(n) | {"group_by": ["service"]}) for n in range(RULES)]
        lifted = [_rule(_body(n) | {"group_by": ["model"], "service": f"group-{n % GROUPS}"}) for n in range(RULES)]
        several = f"{RULES:,} rules"
        _timed(database, f"{several} x {GROUPS} groups", lambda r: evaluator.judged(r, shared, NOW), 5)
        _timed(database, f"{several}, each of a service", lambda r: evaluator.judged(r, lifted, NOW), 5)
        window = Range(NOW - 30 * DAY, NOW)
        replayed = _rule({"condition": "p95_latency > 2000 for 5m"})
        _timed(database, "a replay of 30 days", lambda r: backtest.replay(r, replayed, {}, window, _steps), 1)


def _filled(file: Path) -> Any:
    database = Database.open(file)
    with database.transaction() as tx:
        tx.execute(LEDGER, begin=BEGIN, gap=30 * DAY // LINES, lines=LINES)
    roll_at_once(database, COST, NOW)
    with database.transaction() as tx:  # as the server leaves them, which rolls up what has come since the last tick
        for level in LEVELS:
            tx.execute(f"CREATE TEMP TABLE ordered AS FROM cost_{level} ORDER BY bucket")
            tx.execute(f"DELETE FROM cost_{level}")
            tx.execute(f"INSERT INTO cost_{level} FROM ordered")
            tx.execute("DROP TABLE ordered")
    database.checkpoint()
    with database.transaction() as tx:
        tx.execute(SERVICES, minute=NOW // (60 * SECOND), groups=GROUPS)
    return _Closing(database)


class _Closing:
    def __init__(self, database: Database) -> None:
        self.database = database

    def __enter__(self) -> Database:
        return self.database

    def __exit__(self, *_: object) -> None:
        self.database.close()


def _body(number: int) -> dict[str, Any]:
    return {
        "metric": METRICS[number % len(METRICS)],
        "operator": ">",
        "threshold": number,
        "window": WINDOWS[number // len(METRICS) % len(WINDOWS)],
    }


def _rule(body: dict[str, Any]) -> Rule:
    return register.unkept(definition.parse({"name": f"rule {uuid.uuid4()}", **body}, Known()).values)


def _steps(rule: Rule, step_ns: int) -> backtest.Step:
    policy = judged.policy_of(rule, step_ns)

    def step(standing: Any, verdict: Any, at_ns: int) -> Any:
        moved, changes = state.step(standing, verdict, policy, at_ns)
        return moved, [each.kind for each in changes]

    return step


def _timed(database: Database, what: str, work: Callable[[Reader], object], rounds: int = ROUNDS) -> None:
    taken, worked = [], []
    for number in range(WARM + rounds):
        with database.transaction() as tx:  # as at a tick into which something came
            tx.execute(CAME, minute=NOW // (60 * SECOND))
        with database.reader() as reader:
            began, at_work = time.perf_counter(), time.process_time()
            work(reader)
            worked.append((time.process_time() - at_work) * 1e3)
            taken.append((time.perf_counter() - began) * 1e3)
        if number < WARM:
            taken.clear()
            worked.clear()
    print(f"  {what:34} {_spread(taken)} of {rounds}; CPU {_spread(worked)}", flush=True)


def _spread(times: list[float]) -> str:
    """Milliseconds: the best, the middle one, and the one that 95 of 100 do not exceed."""
    ordered = sorted(times)
    middle, high = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"{ordered[0]:8.1f} ms best, {middle:8.1f} p50, {high:8.1f} p95"


if __name__ == "__main__":
    main()
