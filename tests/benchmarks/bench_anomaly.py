"""How much of what is unusual an anomaly rule finds, and how much of what it tells of is: four weeks with known incidents.

Calls come as people do, by the hour of the day and fewer at weekends, at random around that (Poisson); of them some
fail. Into the last two weeks incidents are put at random times: surges, falls, outages, failures. The rule is the usual
one (four deviations, both ways), replayed as it would have been judged live. `BENCH_SEED`.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from spanledger_server.rules import backtest, definition, register
from spanledger_server.rules.backtest import Episode
from spanledger_server.rules.definition import Known
from spanledger_server.store.database import Database
from spanledger_server.timegrid import DAY_NS, MINUTE_NS, Range
from tests.benchmarks.bench_quiet_month import COMES, END_S, _steps

SEED: Final = int(os.environ.get("BENCH_SEED", "1"))
DAYS, LEARNT, INCIDENTS = 28, 14, 32
DAY_MIN: Final = 1440
MOST_A_MINUTE: Final = 40
FAILS: Final = 1 / 211
LATE_MIN: Final = 10  # an alert that fires or ends so long after an incident is still of it
KINDS: Final = {"surge x2": (2.0, FAILS), "fall to 1/3": (1 / 3, FAILS), "outage": (0.0, FAILS), "failures": (1.0, 0.1)}
CALLS: Final = """
INSERT INTO cost_{} BY NAME
SELECT bucket // {} AS bucket, 'bookshop' AS service, 'usage' AS kind, 'chat' AS operation, 'openai' AS provider, 'gpt-5-mini' AS model,
    sum(calls)::BIGINT AS calls, sum(errors)::BIGINT AS errors, sum(calls)::BIGINT AS priced_calls, 0 AS unpriced_calls, 0 AS estimated_calls,
    0 AS free_calls, (sum(calls) * 0.001)::DECIMAL(38, 12) AS cost_usd, sum(calls) * 500 AS input_tokens, sum(calls) * 100 AS output_tokens,
    0 AS cached_input_tokens
FROM made WHERE calls > 0 GROUP BY ALL ORDER BY bucket
"""


@dataclass(frozen=True, slots=True)
class Incident:
    """What was put in, in minutes since 1970."""

    kind: str
    first: int
    beyond: int

    def has(self, episode: Episode) -> bool:
        """Whether an alert is of it."""
        began, ended = episode.from_ns // MINUTE_NS, (episode.to_ns or 2**62) // MINUTE_NS
        return began <= self.beyond + LATE_MIN and ended >= self.first


def main() -> None:
    database = Database.open(None)
    incidents = _fill(database, np.random.default_rng(SEED))
    for metric, told in (("requests", ("surge x2", "fall to 1/3", "outage")), ("error_rate", ("failures",))):
        began = time.process_time()
        _judge(database, metric, [each for each in incidents if each.kind in told], incidents)
        print(f"    replayed in {time.process_time() - began:.1f} s of CPU", flush=True)
    database.close()


def _fill(database: Database, chance: np.random.Generator) -> list[Incident]:
    first = END_S // 60 - DAYS * DAY_MIN
    minutes = np.arange(first, first + DAYS * DAY_MIN)
    comes = np.array(COMES)[minutes // 60 % 24] / 1000 * MOST_A_MINUTE
    comes *= np.where((minutes // DAY_MIN + 3) % 7 >= 5, 0.6, 1.0)  # the first of 1970 was a Thursday
    fails = np.full(len(minutes), FAILS)
    incidents = []
    apart = (DAYS - LEARNT) * DAY_MIN // INCIDENTS
    for number in range(INCIDENTS):
        kind = list(KINDS)[number % len(KINDS)]
        begins = LEARNT * DAY_MIN + number * apart + int(chance.integers(30, apart - 90))
        beyond = begins + int(chance.integers(15, 45))
        factor, share = KINDS[kind]
        comes[begins:beyond] *= factor
        fails[begins:beyond] = share
        incidents.append(Incident(kind, first + begins, first + beyond))
    calls = chance.poisson(comes)
    table = pa.table({"bucket": minutes, "calls": calls, "errors": chance.binomial(calls, fails)})
    with database.transaction() as tx, tx.scan("made", table):
        tx.execute(CALLS.format("1m", 1))
        tx.execute(CALLS.format("1h", 60))
    return incidents


def _judge(database: Database, metric: str, wanted: list[Incident], every: list[Incident]) -> None:
    body: dict[str, Any] = {"name": metric, "kind": "anomaly", "metric": metric, "window": "5m", "min_events": 20}
    body |= {"min_events": 0} if metric == "requests" else {}
    rule = register.unkept(definition.parse(body, Known()).values)
    window = Range((END_S * 10**9) - (DAYS - LEARNT) * DAY_NS, END_S * 10**9)
    with database.reader() as reader:
        (found,) = backtest.replay(reader, rule, {}, window, _steps)
    right = [each for each in found.episodes if any(one.has(each) for one in every)]
    heard = [one for one in wanted if any(one.has(each) for each in found.episodes)]
    print(
        f"  unusual {metric}: {len(heard)} of {len(wanted)} incidents found, {len(right)} of {len(found.episodes)} alerts right"
    )
    for kind in dict.fromkeys(each.kind for each in wanted):
        of = [each for each in wanted if each.kind == kind]
        print(f"    {kind}: {sum(each in heard for each in of)} of {len(of)}")


if __name__ == "__main__":
    main()
