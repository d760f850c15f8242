"""What reading costs: statistics and pages over a million ledger lines, searches over half a million spans.

Then every statistic over a year of ten million lines (`BENCH_LINES`, `BENCH_DAYS`), and the same over HTTP, from a
real server's file, while another process sends spans as fast as half the server's target.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx

from spanledger_server.ledger import read
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.levels import COST, SPAN
from spanledger_server.rollups.users import refresh_users
from spanledger_server.statistics import (
    calls,
    costs,
    dialogues,
    history,
    loss,
    periods,
    providers,
    requests,
    series,
    system,
    told,
    trends,
)
from spanledger_server.store.database import Database, Reader
from spanledger_server.traces import filters, search, trace
from tests.backend.rows import DAY, HOUR
from tests.backend.statistics.rolled import roll_at_once
from tests.benchmarks.bench_ingest import Backend
from tests.benchmarks.timed import Timed
from tests.support.waiting import until

LINES, SPANS = 1_000_000, 500_000
DAYS = int(os.environ.get("BENCH_DAYS", "364"))  # in which the ten million lines came; 1: a hundred calls a second
NOW = 1_796_083_199 * 10**9  # the last second of November 2026, UTC
BEGIN = NOW - 30 * DAY + 10**9
# A feature lies in one service and asks three models: what a line tells of itself is not independent.
LEDGER = """
INSERT INTO ledger BY NAME
SELECT md5((i // 3)::VARCHAR)::UUID AS trace_id, hash(i) AS span_id, $begin + i * $gap AS at_ns,
    (exp(18 + 3 * (hash(i + 6) % 1000000 / 1e6)))::BIGINT AS duration_ns,
    'event' AS source, 'service-' || hash(i + 4) % 8 % 5 AS service, 'usage' AS kind, 'chat' AS operation,
    'provider-' || (hash(i + 4) % 8 + hash(i) % 3) % 4 AS provider,
    'model-' || (hash(i + 4) % 8 * 2 + hash(i) % 3) AS model,
    CASE WHEN i % 50 = 0 THEN 'unpriced' ELSE 'priced' END AS state,
    CASE WHEN i % 50 > 0 THEN (hash(i * 3) % 1000000 * 0.000001)::DECIMAL(24, 12) END AS cost_usd,
    hash(i + 1) % 10000 AS input_tokens, hash(i + 2) % 1000 AS output_tokens, hash(i + 3) % 100 AS cached_input_tokens,
    'user-' || (power(hash(i + 5) % 1000000 / 1e6, 4) * 200000)::INTEGER AS user_id,
    'feature-' || hash(i + 4) % 8 AS feature, 'tier-' || i % 3 AS user_tier
FROM range($lines) AS r(i)
"""
SPANS_SQL = """
INSERT INTO spans BY NAME
SELECT md5((i // 4)::VARCHAR)::UUID AS trace_id, hash(i) AS span_id,
    CASE WHEN i % 4 > 0 THEN hash(i // 4 * 4) END AS parent_span_id, $begin + i * $gap AS start_ns,
    start_ns + hash(i) % 3000000000 AS end_ns, 'service-' || i % 4 AS service, 'operation-' || i % 40 AS name,
    2 AS kind, CASE WHEN hash(i) % 100 = 0 THEN 2 ELSE 0 END AS status_code,
    '{"a": "some text of span ' || i || '"}' AS attributes
FROM range($spans) AS r(i)
"""
INDEX = """
INSERT INTO trace_index (hash, first_minute, last_minute)
SELECT ('0x' || replace(trace_id::VARCHAR, '-', '')[17:])::UBIGINT, min(start_ns) // 60000000000,
    max(end_ns) // 60000000000
FROM spans GROUP BY trace_id
"""

DIALOGUES = """
INSERT INTO dialogues BY NAME
SELECT hash(i) AS record_id, $begin + i * $gap AS at_ns, 'service-1' AS service, 'session-' || i AS session_id,
    'book-' || hash(i) % 200 AS book_id, 'user-' || hash(i + 1) % 20000 AS user_id, 'model-' || hash(i + 2) % 5 AS model,
    'type-' || i % 3 AS type, hash(i) % 40 AS message_count, hash(i + 3) % 2000 AS duration_s,
    CASE WHEN i % 10 = 0 THEN hash(i) % 5 + 1 END AS rating
FROM range($dialogues) AS r(i)
"""

USERS_WAIT = "INSERT INTO dirty_buckets (family, level, bucket, taken) SELECT DISTINCT 'user', '1d', at_ns // 86400000000000, false FROM ledger"

INGESTED_A_SECOND, INGESTING_S, ASKED, TARGET_MS = 5_000, 240, 40, 150
SPANS_A_CALL = int(os.environ.get("BENCH_SPANS_A_CALL", "4"))  # as of the reference load; 1: all are billable calls
COSTS, STATISTICS, MONITORING = "/admin/statistics/costs", "/api/v1/statistics", "/api/admin/monitoring"
ROUTES = (
    f"{COSTS}?period=today",
    f"{COSTS}?period=month",
    f"{COSTS}?period=month&group_by=user",
    f"{COSTS}?period=year",
    f"{COSTS}?period=year&group_by=user",
    f"{COSTS}?period=year&f=user_id:user-7",
    f"{COSTS}?period=year&tz=America/New_York",
    f"{COSTS}?period=year&tz=Asia/Kathmandu",
    "/admin/statistics/dialogues?period=year",
    f"{STATISTICS}/performance?period=year",
    f"{STATISTICS}/cache?period=year",
    f"{STATISTICS}/rate-limits?period=year",
    f"{STATISTICS}/series?level=1day&from=now-364d",
    f"{STATISTICS}/series?level=1day&from=now-364d&group_by=model",
    f"{STATISTICS}/series?level=1month&from=now-364d",
    f"{STATISTICS}/series?level=1hour&from=now-30d",
    f"{STATISTICS}/summary?from=now-364d",
    "/api/v1/providers/health",
    "/api/admin/stats/requests?period=month",
    "/api/admin/stats/system?period=day",
    f"{MONITORING}/health/services",
    f"{MONITORING}/metrics/history?metric=p95_latency&period=month",
    f"{MONITORING}/performance/trends?period=week",
    "/api/v1/ledger?from=now-1h&f=model:model-3",
    "/api/v1/traces?from=now-1h",
    "/api/v1/traces?from=now-1h&f=status:error",
    "/api/v1/traces?from=now-1h&totals=false",
    "/api/v1/traces?from=now-1h&totals=false&f=status:error",
    "/api/v1/traces?from=now-1h&totals=false&f=service:service-1",
    "/api/v1/traces?from=now-1h&totals=false&f=duration>2s",
    "/api/v1/traces?from=now-1h&limit=0",
    "/api/v1/logs?from=now-1h&f=service:service-1",
)


def filled() -> Database:
    database = Database.open(None)
    with database.transaction() as tx:
        tx.execute(LEDGER, begin=BEGIN, gap=(NOW - BEGIN) // LINES, lines=LINES)
        tx.execute(SPANS_SQL, begin=NOW - HOUR, gap=HOUR // SPANS, spans=SPANS)
        tx.execute(INDEX)
    return database


def milliseconds(work: Callable[[], object]) -> tuple[float, float, float]:
    """The best and the middle of some runs, and what the best of them took of the processors."""
    times, busy = [], []
    for _ in range(9):
        began, used = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - began) * 1000)
        busy.append((time.process_time() - used) * 1000)
    return min(times), statistics.median(times), min(busy)


def show(name: str, work: Callable[[], object]) -> None:
    best, middle, busy = milliseconds(work)
    print(f"{name:<44} best {best:7.1f} ms   median {middle:7.1f} ms   processors {busy:7.1f} ms", flush=True)


def spent(reader: Reader, period: str, zone: str, by: str, *f: str) -> object:
    conditions = filters.parse(f, filters.LEDGER)
    chosen = periods.to_date(period, NOW, ZoneInfo(zone))  # type: ignore[arg-type]
    return costs.costs(reader, chosen, by, conditions.bound(), conditions.asked())


def main() -> None:
    began = time.perf_counter()
    database = filled()
    print(f"{LINES:,} ledger lines and {SPANS:,} spans in memory, made in {time.perf_counter() - began:.1f} s")
    with database.reader() as reader:
        for by in ("model", "feature", "user"):
            show(f"costs, month by {by}", lambda by=by: spent(reader, "month", "UTC", by))
        show("costs, month by model, America/New_York", lambda: spent(reader, "month", "America/New_York", "model"))
        show("costs, month by model, one feature", lambda: spent(reader, "month", "UTC", "model", "feature:feature-1"))
        show("costs, today by model", lambda: spent(reader, "today", "UTC", "model"))
        everything = filters.parse((), filters.LEDGER)
        show("ledger, first 100 lines of 30 days", lambda: read.page(reader, BEGIN, NOW, everything.bound(), None, 100))
        one_user = filters.parse(["user_id:user-7"], filters.LEDGER)
        show("ledger, lines of one user", lambda: read.page(reader, BEGIN, NOW, one_user.bound(), None, 100))
        for text in ("", "status:error", "service:service-1 duration>2s", "text 4711"):
            asked = filters.search((), text, filters.TRACES)
            name = f"traces, last hour, {text or 'all'}"
            show(name, lambda asked=asked: search.search(reader, NOW - HOUR, NOW, asked, "-start", None, 50))
        wanted = reader.value("SELECT trace_id FROM spans WHERE trace_id IN (SELECT trace_id FROM spans LIMIT 1)")
        show("one trace", lambda: trace.find(reader, wanted))
        show("loss, one day", lambda: loss.report(reader, NOW - DAY, NOW, NOW))
    database.close()
    lines = int(os.environ.get("BENCH_LINES", "10000000"))
    with (
        tempfile.TemporaryDirectory() as directory,
        closing(year_of(Path(directory), lines, NOW)) as database,
        database.reader() as reader,
    ):
        statistics_of_a_year(reader)
    with tempfile.TemporaryDirectory() as made:
        directory = Path(os.environ.get("BENCH_STORE", made))
        if not (directory / "spanledger.duckdb").exists():
            year_of(directory, lines, time.time_ns()).close()
        while_ingesting(directory)


def year_of(directory: Path, lines: int, end_ns: int) -> Database:
    """A file with a year (`BENCH_DAYS`) until `end_ns`, and everything that is made of it."""
    began = time.perf_counter()
    database = Database.open(directory / "spanledger.duckdb")
    begin, year = end_ns - DAYS * DAY, DAYS * DAY
    for start in range(0, lines, 1_000_000):  # what one transaction can hold
        some = min(1_000_000, lines - start)
        with database.transaction() as tx:
            tx.execute(LEDGER, begin=begin + start * (year // lines), gap=year // lines, lines=some)
    with database.transaction() as tx:
        tx.execute(DIALOGUES, begin=begin, gap=year // (lines // 20), dialogues=lines // 20)
        tx.execute(SPANS_SQL, begin=end_ns - HOUR, gap=HOUR // SPANS, spans=SPANS)
        tx.execute(INDEX)
    roll_at_once(database, COST, end_ns)
    roll_at_once(database, SPAN, end_ns)
    with database.transaction() as tx:
        tx.execute(USERS_WAIT)
        for family in (COST.family, SPAN.family):  # which are not over
            DirtyBuckets().mark(tx, family, {end_ns // HOUR}, "1h")
            DirtyBuckets().mark(tx, family, {end_ns // DAY}, "1d")
    refresh_users(database, DirtyBuckets(), end_ns)
    database.checkpoint()
    print(f"{DAYS} days of {lines:,} lines, {lines // 20:,} dialogues, made in {time.perf_counter() - began:.0f} s")
    return database


def statistics_of_a_year(reader: Reader) -> None:
    everything, talks = filters.parse((), filters.LEDGER), filters.parse((), dialogues.DIALOGUES).bound()
    for period in ("month", "year"):
        for by in ("model", "feature", "user"):
            show(f"costs, {period} by {by}", lambda period=period, by=by: spent(reader, period, "UTC", by))
        show(
            f"costs, {period} by model, Asia/Kathmandu",
            lambda period=period: spent(reader, period, "Asia/Kathmandu", "model"),
        )
        show(
            f"costs, {period}, one user", lambda period=period: spent(reader, period, "UTC", "model", "user_id:user-7")
        )
        span = periods.to_date(period, NOW, ZoneInfo("Europe/Berlin"))  # type: ignore[arg-type]
        for by in ("book", "user"):
            show(
                f"dialogues, {period} by {by}",
                lambda span=span, by=by: dialogues.dialogues(reader, span, by, talks),
            )
        whole = periods.whole(span.window)
        show(f"performance, {period}: calls", lambda whole=whole: calls.added(calls.cells(reader, whole)))
        show(f"performance, {period}: requests", lambda whole=whole: requests.report(reader, whole))
        show(f"cache, {period}", lambda span=span: told.caches(reader, span, told.NOTHING))
    for level, days in (("1min", 1), ("1hour", 30), ("1day", 364), ("1month", 364)):
        asked = series.question(level, periods.Range(NOW - days * DAY, NOW), ZoneInfo("UTC"))  # type: ignore[arg-type]
        show(f"series, {days} days by {level}", lambda asked=asked: series.series(reader, asked, everything))
        show(
            f"series, {days} days by {level}, by model",
            lambda asked=asked: series.series(reader, asked, everything, "model"),
        )
    show("summary, a year", lambda: series.summary(reader, periods.Range(NOW - 364 * DAY, NOW), everything))
    show("providers' health", lambda: providers.providers(reader, NOW))
    show("requests, last month", lambda: requests.report(reader, periods.rolling("month", NOW, ZoneInfo("UTC"))))
    show("system, last hour", lambda: system.system(reader, history.fine("hour", NOW)))
    show("history of p95_latency, a month", lambda: history.history(reader, "p95_latency", "month", NOW, None))
    show("trends, a week", lambda: trends.trends(reader, "week", NOW, ZoneInfo("UTC")))


def while_ingesting(directory: Path) -> None:
    """Every statistic over HTTP, alone and then while spans come in."""
    backend = Backend(directory)
    try:
        with httpx.Client(base_url=backend.url, headers=backend.headers, timeout=60) as client:
            ask("first", backend, client, 1)
            ask("alone", backend, client, ASKED // 2)
            before = backend.stored()
            arguments = [
                "http",
                f"http://127.0.0.1:{backend.otlp}",
                512,
                8,
                INGESTING_S,
                INGESTED_A_SECOND,
                SPANS_A_CALL,
            ]
            sender = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.sender", *map(str, arguments)])
            try:
                until(lambda: backend.stored() > before, 240, called="spans come in")
                ask(f"at {INGESTED_A_SECOND:,} spans/s", backend, client, ASKED)
            finally:
                sender.terminate()
                sender.wait()
    finally:
        backend.child.stop(60)


def ask(when: str, backend: Backend, client: httpx.Client, times: int) -> None:
    """Each route once a round, so that none of them has the ticks, or what was just remembered, for itself."""
    asked = {route: Timed(backend) for route in ROUTES}
    for _ in range(times):
        for route, timed in asked.items():
            timed.ask(lambda route=route: client.get(route).raise_for_status())
    for route, timed in asked.items():
        print(f"{when}: {route:<80} {timed.told(TARGET_MS)}", flush=True)


if __name__ == "__main__":
    main()
