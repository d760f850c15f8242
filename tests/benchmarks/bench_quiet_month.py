"""The default rules replayed over a quiet month of the demo's traffic: how often each would have fired.

The visits are those of the packaged trace, lap after lap at their own pace; fewer at night, as people come. A call
takes what the demo's provider takes, with some calls three times as long, and one in 211 fails, by chance and not in
turn, which is harder. What the defaults say of it is a false alarm, but for money: that much is really spent, so the
budget is made large enough. `BENCH_LAPS`: quarters of an hour.

`PYTHONPATH=.:examples python -m tests.benchmarks.bench_quiet_month`
"""

from __future__ import annotations

import os
import time
from itertools import islice
from typing import Any, Final

import pyarrow as pa

from spanledger_examples import traffic
from spanledger_server.alerts import judged, state
from spanledger_server.budgets import record
from spanledger_server.errors import Invalid
from spanledger_server.rules import backtest, ready, register
from spanledger_server.rules.rule import Rule
from spanledger_server.store.database import Database
from spanledger_server.timegrid import Range

LAPS: Final = int(os.environ.get("BENCH_LAPS", "2880"))
VISITS: Final = 7102
LAP_S: Final = 900
FAILS_ONE_IN: Final = 211
NS: Final = 10**9
END_S: Final = 1_796_083_200  # the first of December 2026
PRICES: Final = {"gpt-5-mini": 0.25, "gpt-5.4": 2.5, "claude-haiku-4-5": 1.0, "claude-sonnet-4-5": 3.0}  # USD a million
# Of a thousand visits so many come, by the hour of the day.
COMES: Final = [
    90,
    60,
    50,
    50,
    60,
    90,
    150,
    300,
    500,
    700,
    850,
    900,
    900,
    850,
    850,
    900,
    950,
    1000,
    950,
    800,
    600,
    400,
    250,
    150,
]
CALLS: Final = """
CREATE TEMP TABLE made AS
SELECT at_s // 60 AS bucket, model, kind, fails, cost, input_tokens, output_tokens, (took * 1e9)::BIGINT AS took_ns
FROM (
    SELECT ($end_s - $laps * 900 + lap * 900 + v.at_s)::BIGINT AS at_s, v.*, hash(lap, number) AS chance,
        hash(lap, number, 1) % $one_in = 0 AS fails,
        (0.04 + 0.0008 * output_tokens) * CASE WHEN hash(lap, number, 2) % 50 = 0 THEN 3 ELSE 1 END AS took
    FROM visits AS v, range($laps) AS l(lap)
)
WHERE chance % 1000 < list_extract($comes::INTEGER[], (at_s // 3600 % 24 + 1)::INTEGER);
INSERT INTO cost_1m BY NAME
SELECT bucket, 'bookshop' AS service, 'usage' AS kind, 'chat' AS operation, 'openai' AS provider, model,
    sum(calls)::BIGINT AS calls, sum(errors)::BIGINT AS errors, sum(calls)::BIGINT AS priced_calls, 0 AS unpriced_calls,
    0 AS estimated_calls, 0 AS free_calls, sum(cost)::DECIMAL(38, 12) AS cost_usd, sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens, 0 AS cached_input_tokens, sum(took_ns) AS duration_sum_ns,
    min(least) AS duration_min_ns, max(most) AS duration_max_ns, list(code ORDER BY code) AS duration_index,
    list(calls ORDER BY code)::BIGINT[] AS duration_count
FROM (
    SELECT bucket, model, value_code(took_ns::DOUBLE) AS code, count(*) AS calls, count(*) FILTER (fails) AS errors,
        sum(cost) AS cost, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(took_ns) AS took_ns,
        min(took_ns) AS least, max(took_ns) AS most
    FROM made GROUP BY ALL
)
GROUP BY bucket, model ORDER BY bucket;
INSERT INTO cost_1h BY NAME
SELECT bucket // 60 AS bucket, service, kind, operation, provider, model, sum(calls)::BIGINT AS calls,
    sum(errors)::BIGINT AS errors, sum(calls)::BIGINT AS priced_calls, 0 AS unpriced_calls, 0 AS estimated_calls,
    0 AS free_calls, sum(cost_usd)::DECIMAL(38, 12) AS cost_usd
FROM cost_1m GROUP BY ALL ORDER BY bucket;
INSERT INTO span_1m BY NAME
SELECT bucket, 'bookshop' AS service, 'POST /' || kind AS name, 2 AS kind, CASE WHEN fails THEN 2 ELSE 0 END AS status_code,
    '/' || kind AS route, sum(spans)::BIGINT AS spans, sum(spans)::DOUBLE AS adjusted_spans, 0 AS uncounted_spans,
    sum(took_ns) AS duration_sum_ns, list(code ORDER BY code) AS duration_index,
    list(spans ORDER BY code)::BIGINT[] AS duration_count, list(spans::DOUBLE ORDER BY code) AS duration_weight,
    true AS entry, CASE WHEN fails THEN 5 ELSE 2 END AS http_class
FROM (
    SELECT bucket, kind, fails, value_code(took_ns::DOUBLE) AS code, count(*) AS spans, sum(took_ns) AS took_ns
    FROM made GROUP BY ALL
)
GROUP BY bucket, kind, fails ORDER BY bucket;
"""


def main() -> None:
    database = Database.open(None)
    began = time.perf_counter()
    _fill(database)
    ready.install(database, END_S * NS)
    window = Range((END_S - LAPS * LAP_S) * NS, END_S * NS)
    with database.reader() as reader:
        calls, errors = reader.tuples("SELECT sum(calls), sum(errors) FROM cost_1m")[0]
        known = {rule.name: rule for rule in register.listed(reader)}
    print(f"{calls:,} calls, {errors:,} failed; made in {time.perf_counter() - began:.0f} s", flush=True)
    critical = 0
    for rule in known.values():
        told = _told(database, rule, known, window)
        critical += told if rule.severity == "critical" and rule.enabled else 0
    print(f"alerts of enabled critical rules: {critical}")
    database.close()


def _fill(database: Database) -> None:
    trace = list(islice(traffic.visits(1.0), VISITS))
    table = pa.table(
        {
            "number": [each.number for each in trace],
            "at_s": [each.at_s for each in trace],
            "model": [each.model for each in trace],
            "kind": [each.kind for each in trace],
            "input_tokens": [each.input_tokens for each in trace],
            "output_tokens": [each.output_tokens for each in trace],
            "cost": [
                (each.input_tokens + 5 * each.output_tokens) * PRICES.get(each.model, 0.02) / 1e6 for each in trace
            ],
        }
    )
    bound = {"end_s": END_S, "laps": LAPS, "one_in": FAILS_ONE_IN, "comes": COMES}
    with database.transaction() as tx:
        with tx.scan("visits", table):
            for number, statement in enumerate(CALLS.strip().removesuffix(";").split(";")):
                tx.execute(statement, **(bound if number == 0 else {}))
        tx.execute("UPDATE budgets SET limit_usd = 1000000")
        assert record.listed(tx)


def _told(database: Database, rule: Rule, known: dict[str, Rule], window: Range) -> int:
    began = time.perf_counter()
    try:
        with database.reader() as reader:
            (found,) = backtest.replay(reader, rule, known, window, _steps)
    except Invalid as error:
        print(f"  {rule.name:34} {rule.severity:8} {error}", flush=True)
        return 0
    took, off = time.perf_counter() - began, "" if rule.enabled else " (disabled)"
    print(f"  {rule.name:34} {rule.severity:8} {found.sentence}{off}; {took:.1f} s", flush=True)
    return len(found.episodes)


def _steps(rule: Rule, step_ns: int) -> backtest.Step:
    policy = judged.policy_of(rule, step_ns)

    def step(standing: Any, verdict: Any, at_ns: int) -> Any:
        moved, changes = state.step(standing, verdict, policy, at_ns)
        return moved, [each.kind for each in changes]

    return step


if __name__ == "__main__":
    main()
