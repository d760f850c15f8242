"""Providers, systems and metrics by name: each judged or averaged as plain arithmetic does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spanledger_server.errors import NotFound
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.statistics import history, named, periods, providers, system, trends
from spanledger_server.store.database import Database
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, SECOND, insert, line, span
from tests.backend.statistics.test_told import hit
from tests.support.stores import new_store


@pytest.fixture
def database() -> Iterator[Database]:
    opened = new_store()
    yield opened
    opened.close()


def mark(database: Database, family: str, times: list[int]) -> None:
    insert(
        database,
        "dirty_buckets",
        [{"family": family, "level": "1m", "bucket": minute} for minute in sorted({at // MINUTE for at in times})],
    )


def lines(database: Database, rows: list[dict[str, Any]]) -> None:
    insert(database, "ledger", rows)
    mark(database, "cost", [row["at_ns"] for row in rows])


def called(count: int, failed: int, back: int, **more: Any) -> list[dict[str, Any]]:
    """Calls that ended `back` ago."""
    first = hash((count, failed, back, str(more))) % 10**12
    return [
        line(first + number, NOON - back - number, error_type="timeout" if number < failed else None, **more)
        for number in range(count)
    ]


def verdict(database: Database) -> tuple[str, str]:
    with database.reader() as reader:
        (found,) = providers.providers(reader, NOON)
    return found.status, "; ".join(found.reasons)


@pytest.mark.parametrize(
    ("count", "failed", "status", "words"),
    [
        (100, 0, "healthy", "100 of 100 calls went well"),
        (100, 5, "healthy", "95 of 100"),
        (100, 6, "degraded", "6 of 100 calls failed in 15 min"),
        (100, 50, "degraded", "50 of 100"),
        (100, 51, "down", "51 of 100 calls failed"),
        (3, 0, "healthy", "3 of 3"),
        (3, 3, "down", "3 of 3 calls failed"),
        (3, 1, "unknown", "too few to judge"),
        (1, 1, "unknown", "too few to judge"),
    ],
)
def test_a_provider_is_judged_by_the_share_of_calls_that_failed(
    database: Database, count: int, failed: int, status: str, words: str
) -> None:
    lines(database, called(count, failed, MINUTE))
    found = verdict(database)
    assert found[0] == status
    assert words in found[1]


def test_a_provider_that_nobody_calls_any_more_is_unknown_not_healthy(database: Database) -> None:
    lines(database, called(50, 0, 3 * HOUR))
    assert verdict(database) == ("unknown", "not called for 2 h or more")


def test_a_provider_is_compared_with_its_own_usual(database: Database) -> None:
    lines(database, called(50, 0, DAY, duration_ns=SECOND))
    lines(database, called(20, 0, MINUTE, duration_ns=3 * SECOND))
    status, why = verdict(database)
    assert (status, why) == ("degraded", "p95 is 3000 ms, usually 1000 ms")
    lines(database, called(20, 0, 2 * MINUTE, duration_ns=3 * SECOND, cost_usd="0.1"))
    assert "a call costs 5.5 times its usual" in verdict(database)[1]


def test_a_little_slower_is_not_degraded_and_too_few_calls_know_no_usual(database: Database) -> None:
    lines(database, called(50, 0, DAY, duration_ns=10**7))
    lines(database, called(20, 0, MINUTE, duration_ns=5 * 10**7))  # five times as slow, and 40 ms
    assert verdict(database)[0] == "healthy"


def test_providers_come_worst_first_and_those_without_a_name_not_at_all(database: Database) -> None:
    lines(database, called(10, 10, MINUTE, provider="z") + called(10, 0, MINUTE, provider="a"))
    lines(database, called(10, 0, 9 * HOUR, provider="m") + called(10, 0, MINUTE, provider=None))
    with database.reader() as reader:
        found = providers.providers(reader, NOON)
        assert [(one.name, one.status) for one in found] == [("z", "down"), ("m", "unknown"), ("a", "healthy")]
        assert providers.providers(reader, NOON + 30 * DAY) == []


GAUGES = (
    ("system.cpu.utilization", {"state": "idle", "cpu": 0}, 0.25),
    ("system.cpu.utilization", {"state": "idle", "cpu": 1}, 0.75),
    ("system.cpu.utilization", {"state": "user", "cpu": 0}, 0.75),
    ("system.memory.utilization", {"state": "used"}, 0.5),
    ("system.memory.utilization", {"state": "free"}, 0.5),
    ("celery.queue.length", {"messaging.destination.name": "a", "celery.worker.name": "1"}, 3),
    ("celery.queue.length", {"messaging.destination.name": "a", "celery.worker.name": "2"}, 3),
    ("celery.queue.length", {"messaging.destination.name": "b", "celery.worker.name": "2"}, 4),
    ("http.server.active_requests", {"http.request.method": "GET"}, 2),
    ("http.server.active_requests", {"http.request.method": "POST"}, 1),
    ("db.client.connection.count", {"db.client.connection.state": "used"}, 5),
    ("db.client.connections.usage", {"state": "idle"}, 6),
    ("db.client.connection.max", {}, 20),
    ("celery.worker.tasks", {"celery.task.state": "active"}, 2),
    ("celery.worker.tasks", {"celery.task.state": "reserved"}, 7),
    ("celery.worker.pool.size", {}, 8),
)
EXPECTED = {
    "cpu_usage": 50.0,
    "memory_usage": 50.0,
    "queue_length": 7.0,
    "active_requests": 3.0,
    "db_connections_used": 5.0,
    "db_connections_idle": 6.0,
    "db_connections_max": 20.0,
    "celery_active": 2.0,
    "celery_reserved": 7.0,
    "celery_pool_size": 8.0,
}


def gauges(database: Database, told: Any, at_ns: int) -> None:
    series = [
        {"series_id": number, "name": name, "kind": "gauge", "service": "shop", "attributes": json.dumps(labels)}
        for number, (name, labels, _) in enumerate(told)
    ]
    insert(database, "metric_series", series)
    insert(
        database,
        "metric_points",
        [{"series_id": number, "at_ns": at_ns, "value": value} for number, (*_, value) in enumerate(told)],
    )
    mark(database, "metric", [at_ns])


@pytest.mark.parametrize("rolled", [False, True])
@pytest.mark.parametrize("period", ["hour", "week"])
def test_the_system_is_read_by_opentelemetrys_names_rolled_up_or_not(
    database: Database, rolled: bool, period: Any
) -> None:
    gauges(database, GAUGES, NOON - 3 * MINUTE)
    if rolled:
        Rollups(database, DirtyBuckets()).refresh(NOON + DAY)
    with database.reader() as reader:
        found = system.system(reader, history.fine(period, NOON))
    (known,) = [row for row in found["metrics"] if row["cpu_usage"] is not None]
    assert {name: known[name] for name in EXPECTED} == EXPECTED
    assert (found["avg_cpu_usage"], found["current_cpu_usage"], found["db_pool"]["max"]) == (50, 50, 20)
    assert 0 < found["coverage"]["cpu_usage"] < 0.1


def test_figures_told_by_plain_names_stand_in_where_no_machine_reports(database: Database) -> None:
    told = (("cpu_usage", {}, 45.2), ("memory_usage", {}, 1024), ("queue_size", {}, 15), ("active_requests", {}, 1))
    gauges(database, told, NOON - MINUTE)
    with database.reader() as reader:
        found = system.system(reader, history.fine("hour", NOON))
    assert (found["current_cpu_usage"], found["current_queue_length"], found["current_active_requests"]) == (
        45.2,
        15,
        1,
    )
    assert found["current_memory_usage"] is None  # 1024 is no percentage


def test_a_system_that_nobody_reported_is_unknown_not_idle(database: Database) -> None:
    with database.reader() as reader:
        found = system.system(reader, history.fine("day", NOON))
    assert (found["avg_cpu_usage"], found["current_queue_length"], found["current_at"]) == (None, None, None)
    assert len(found["metrics"]) in (96, 97)


def value(database: Database, name: str, period: Any = "hour") -> list[Any]:
    with database.reader() as reader:
        found = history.history(reader, name, period, NOON, None)
    return [point["value"] for point in found["points"] if point["value"] is not None]


def test_every_promised_name_means_what_it_says(database: Database) -> None:
    at = NOON - 30 * MINUTE
    durations = [100, 200, 300, 400]
    lines(
        database,
        [
            line(n, at, duration_ns=took * 10**6, error_type="x" if n == 3 else None, cost_usd="0.25")
            for n, took in enumerate(durations)
        ],
    )
    insert(
        database,
        "logs",
        [hit(n, at, "hit" if n < 3 else "miss", None, "0.5", 1) for n in range(4)]
        + [
            {
                "record_id": 10 + n,
                "at_ns": at,
                "service": "shop",
                "event_name": "spanledger.rate_limit",
                "attributes": json.dumps({"spanledger.rate_limit.event": "denied" if n == 0 else "allowed"}),
            }
            for n in range(10)
        ],
    )
    insert(
        database,
        "spans",
        [span(n, 1, at - n * SECOND, n * SECOND, route="/", http_status=200, adjusted_count=1.0) for n in (1, 3)],
    )
    for family in ("told", "span"):
        mark(database, family, [at])
    assert value(database, "latency") == value(database, "avg_latency") == [250]
    assert value(database, "p95_latency")[0] == pytest.approx(400, rel=0.011)
    assert value(database, "p99_latency")[0] == pytest.approx(400, rel=0.011)
    assert value(database, "error_rate") == [0.25]
    assert value(database, "success_rate") == [0.75]
    assert value(database, "cache_hit_rate") == [0.75]
    assert value(database, "rate_limit_denial_rate") == [0.1]
    assert value(database, "hourly_cost")[30] == 60  # a dollar in a minute
    assert sum(value(database, "cost_threshold")) == 1
    assert value(database, "response_time") == [2000]
    assert sum(value(database, "api_failure")) == 1
    assert sum(value(database, "slow_requests")) == 1
    for name in named.METRICS:
        value(database, name, "month")
    with database.reader() as reader:
        found = history.history(reader, "latency", "hour", NOON, None)
    (point,) = [each for each in found["points"] if each["value"] is not None]
    assert (point["count"], found["unit"], found["kind"]) == (4, "ms", "statistics")


@pytest.mark.parametrize(
    ("kind", "points", "expected"),
    [
        ({"kind": "gauge"}, [{"value": 1}, {"value": 4}], 2.5),
        ({"kind": "sum", "temporality": "delta", "monotonic": True}, [{"value": 3600}, {"value": 3600}], 1 / 3),
        (
            {"kind": "histogram", "temporality": "delta"},
            [{"value": 9, "count": 9, "bounds": [1, 2], "bucket_count": [9, 0, 0]}],
            1,
        ),
    ],
)
def test_a_metric_that_was_sent_has_a_history_by_its_own_name_as_long_as_rollups_are_kept(
    database: Database, kind: dict[str, Any], points: list[dict[str, Any]], expected: float
) -> None:
    at = NOON // (6 * HOUR) * 6 * HOUR - DAY
    insert(database, "metric_series", [{"series_id": 1, "name": "payment_success_ratio", "unit": "1"} | kind])
    insert(
        database,
        "metric_points",
        [{"series_id": 1, "at_ns": at + n * HOUR, **point} for n, point in enumerate(points)],
    )
    mark(database, "metric", [at + n * HOUR for n in range(len(points))])
    Rollups(database, DirtyBuckets()).refresh(NOON)
    with database.transaction() as tx:
        tx.execute("DELETE FROM metric_points")
    with database.reader() as reader:
        found = history.history(reader, "payment_success_ratio", "month", NOON, None)
        day = history.history(reader, "payment_success_ratio", "hour", NOON, None)
    (point,) = [each for each in found["points"] if each["value"] is not None]
    assert point["value"] == pytest.approx(expected, rel=0.011)
    assert {each["value"] for each in day["points"]} == {None}


def test_a_metric_that_nobody_knows_is_not_found(database: Database) -> None:
    with database.reader() as reader, pytest.raises(NotFound, match="cache_hit_rate"):
        history.history(reader, "no_such", "day", NOON, None)


def test_trends_tell_what_changed_for_better_or_worse_and_at_which_hour(database: Database) -> None:
    week = [line(n, NOON - 1 - n * 5 * HOUR, duration_ns=2 * SECOND) for n in range(33)]
    before = [line(100 + n, NOON - 8 * DAY - n * 4 * HOUR, duration_ns=SECOND, cost_usd="0.005") for n in range(33)]
    lines(database, week + before)
    with database.reader() as reader:
        found = trends.trends(reader, "week", NOON, ZoneInfo("Asia/Kathmandu"))
    metrics = {one["metric"]: one for one in found["metrics"]}
    latency = metrics["latency"]
    assert (latency["average"], latency["previous_average"]) == (2000, 1000)
    assert (latency["change_percent"], latency["direction"]) == (100, "worse")
    assert metrics["cost"]["direction"] == "up"
    assert metrics["cpu_usage"]["average"] is None
    assert metrics["cache_hit_rate"]["direction"] is None
    assert [each["hour"] for each in found["by_hour"]] == list(range(24))
    by_hour: dict[int, int] = dict.fromkeys(range(24), 0)
    for one in week:
        by_hour[((one["at_ns"] // SECOND + 5 * 3600 + 2700) // 3600) % 24] += 1
    assert {each["hour"]: each["requests"] for each in found["by_hour"]} == by_hour


@pytest.mark.parametrize(
    ("period", "step_ns", "length_ns"),
    [("hour", MINUTE, HOUR), ("day", 15 * MINUTE, DAY), ("week", 2 * HOUR, 7 * DAY), ("month", 6 * HOUR, 30 * DAY)],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/New_York"])
def test_trends_compare_whole_parts_and_count_each_hour_of_the_day_equally_often(
    database: Database, period: Any, step_ns: int, length_ns: int, zone: str
) -> None:
    now_ns = NOON + HOUR + 7 * MINUTE + 1
    lines(database, [line(n, now_ns - 1 - n * length_ns // 160) for n in range(400)])
    with database.reader() as reader:
        found = trends.trends(reader, period, now_ns, ZoneInfo(zone))
    requests = next(one for one in found["metrics"] if one["metric"] == "requests")
    begun = range(found["from_ns"], now_ns, step_ns)
    assert found["from_ns"] % step_ns == 0
    assert 0 <= now_ns - length_ns - found["from_ns"] < step_ns + MINUTE
    assert [one["timestamp"] for one in requests["points"]] == [periods.rfc3339(at_ns) for at_ns in begun]
    ends = [now_ns - 1 - n * length_ns // 160 for n in range(400)]
    now = [sum(at_ns <= end < at_ns + step_ns for end in ends) for at_ns in begun]
    assert [one["value"] for one in requests["points"]] == now
    was = range(found["from_ns"] - length_ns, found["from_ns"], step_ns)
    before = [sum(at_ns <= end < at_ns + step_ns for end in ends) for at_ns in was]
    assert requests["previous_average"] == pytest.approx(sum(before) / len(before))
    of_day = sum(one["requests"] for one in found["by_hour"])
    assert 0 <= sum(end >= now_ns - length_ns for end in ends) - of_day <= 160 * min(HOUR, length_ns) // length_ns


def test_percentiles_stand_beside_durations_alone(database: Database) -> None:
    lines(database, called(10, 0, MINUTE))
    with database.reader() as reader:
        reading = named.Reading(reader, periods.rolling("hour", NOON, ZoneInfo("UTC")))
        assert reading.points("latency")[-1].percentiles is not None
        assert reading.points("cost")[-1].percentiles is None
