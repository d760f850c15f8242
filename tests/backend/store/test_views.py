from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.store.database import Database, StoreOptions
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, SECOND, insert, line, span, trace

AT = datetime(2026, 11, 21, 12, 0)  # noqa: DTZ001 - DuckDB's TIMESTAMP has no zone

COLUMNS = {
    "ledger": """trace_id span_id at service kind operation provider model state cost_usd price_source price_version
        input_tokens output_tokens cached_input_tokens cache_write_tokens reasoning_tokens audio_input_tokens
        audio_output_tokens audio_seconds characters user_id session_id feature tenant user_tier duration_ms
        error_type""",
    "cost_tracking": """service operation cost tokens_input tokens_output user_id user_tier session_id metadata
        created_at""",
    "metrics_raw": """timestamp metric_type provider model user_id latency success error_message input_tokens
        output_tokens total_tokens cost cache_event cache_saved_cost cache_saved_tokens rate_limit_event rate_limit_type
        rate_limit_remaining""",
    "dialogues": """session_id book_id user_id model type message_count duration_s rating feedback user_tier created_at
        service""",
    "request_logs": "path method status_code process_time user_id client_ip timestamp",
    "performance_metrics": "endpoint method status_code response_time user_id",
    "system_metrics": "metric_name metric_value metric_timestamp service_name metric_unit metric_tags",
    "metrics_aggregation": "metric_type metric_key time_bucket dimensions value count",
    "cost_budgets": """id name description period limit_amount provider model user_id alert_at_50_percent
        alert_at_80_percent alert_at_95_percent alert_at_exceeded enabled created_at updated_at""",
    "alert_rules": """id name rule_name description type condition metric metric_name operator comparison_operator
        threshold threshold_value time_window duration_seconds provider model severity enabled is_active labels
        annotations notification_channels cooldown_minutes max_alerts_per_hour created_at updated_at""",
    "cost_projections": "period provider model current_cost projected_cost",
    "alerts": """id rule_id rule_name state severity started_at resolved_at acknowledged_at current_value
        threshold_value provider model notified created_at updated_at""",
    "alert_history": """id alert_rule_id metric_value alert_severity triggered_at acknowledged_at resolved_at
        acknowledged_by notifications_sent notification_attempts resolution_notes auto_resolved""",
    "system_alerts": """id severity type message details status threshold_value actual_value created_at acknowledged_at
        acknowledged_by resolved_at resolved_by""",
    "alerts_active_summary": "severity",
    "health_checks": "id name kind target service enabled state reason since checked_at latency_ms",
    "health_changes": "check_id name service time state reason",
    "health_results": "check_id time seconds healthy degraded down unknown latency_ms",
    "alert_changes": "alert_id number time kind from_state to_state why actor note",
    "deployments": "id time service version environment note url actor",
}
AT_FIRST = {"cost_budgets": 1, "health_checks": 4, "health_changes": 4}  # rows of a new store
OTHERS = (
    *(
        "traces",
        "spans",
        "logs",
        "metrics",
        "loss",
        "ledger_corrections",
        "metrics_1min",
        "metrics_1hour",
        "metrics_1day",
    ),
    *("metrics_recent_summary", "cost_today_summary"),
)


@pytest.fixture
def database() -> Iterator[Database]:
    opened = Database.open(None, options=StoreOptions(documented=True))
    yield opened
    opened.close()


def rows(database: Database, sql: str) -> list[dict[str, Any]]:
    with database.reader() as reader:
        return reader.rows(sql)


@pytest.mark.parametrize("view", [*COLUMNS, *OTHERS])
def test_a_public_view_has_its_columns_and_every_one_is_documented(database: Database, view: str) -> None:
    found = rows(
        database,
        f"SELECT column_name, comment FROM duckdb_columns() WHERE schema_name = 'public' AND table_name = '{view}'",
    )
    names = [row["column_name"] for row in found]
    assert set(COLUMNS.get(view, "").split()) <= set(names)
    assert names
    assert all(row["comment"] for row in found)
    (described,) = rows(
        database, f"SELECT comment FROM duckdb_views() WHERE schema_name = 'public' AND view_name = '{view}'"
    )
    assert described["comment"]
    assert len(rows(database, f"SELECT * FROM public.{view}")) == AT_FIRST.get(view, 0)


def test_ids_leave_as_lower_case_hexadecimal_of_full_length(database: Database) -> None:
    insert(database, "ledger", [line(0xABC)])
    insert(database, "spans", [span(0xABC, 0x1F, parent_span_id=2**64 - 1)])
    insert(database, "logs", [{"at_ns": NOON, "record_id": 1, "trace_id": trace(0xABC), "span_id": 255}])
    for view in ("ledger", "spans", "traces", "logs"):
        (found,) = rows(database, f"SELECT * FROM public.{view}")
        assert found["trace_id"] == "0" * 29 + "abc", view
    (found,) = rows(database, "SELECT span_id, parent_span_id, kind, status, duration_ms, start_time FROM public.spans")
    assert found == {
        "span_id": "000000000000001f",
        "parent_span_id": "f" * 16,
        "kind": "server",
        "status": "unset",
        "duration_ms": 1000.0,
        "start_time": AT,
    }


def test_money_keeps_its_digits_and_the_unknown_stays_unknown(database: Database) -> None:
    insert(database, "ledger", [line(1, cost_usd="0.000000000001"), line(2, cost_usd=None, state="unpriced")])
    found = rows(database, "SELECT cost FROM public.cost_tracking ORDER BY cost NULLS LAST")
    assert [row["cost"] for row in found] == [Decimal("0.000000000001"), None]
    assert [row["service"] for row in rows(database, "SELECT service FROM public.cost_tracking")] == [
        "openai",
        "openai",
    ]


def test_a_trace_adds_up_its_spans_and_its_lines(database: Database) -> None:
    spans = [
        span(1, 1, NOON, 3 * SECOND, name="root", service="web"),
        span(1, 2, NOON + SECOND, parent_span_id=1, status_code=2),
    ]
    insert(database, "spans", spans)
    insert(database, "ledger", [line(1, span_id=2), line(1, span_id=3)])
    (found,) = rows(database, "SELECT * FROM public.traces")
    assert (found["name"], found["service"], found["services"]) == ("root", "web", ["shop", "web"])
    assert (found["span_count"], found["error_count"], found["calls"]) == (2, 1, 2)
    assert (found["duration_ms"], found["cost_usd"]) == (3000.0, Decimal("0.02"))


def test_minutes_hours_and_days_are_the_rollups_with_percentiles(database: Database) -> None:
    lines = [line(n, NOON + n, duration_ns=n * 10**7, error_type="timeout" if n == 1 else None) for n in range(1, 101)]
    insert(database, "ledger", lines)
    dirty = DirtyBuckets()
    with database.transaction() as tx:
        dirty.mark(tx, "cost", {NOON // MINUTE})
    Rollups(database, dirty).refresh(NOON + DAY)
    whole = {
        row["error_type"]: row["n"] for row in rows(database, "SELECT error_type, count(*) AS n FROM ledger GROUP BY 1")
    }
    assert whole == {None: 99, "timeout": 1}
    for view, begin in (("metrics_1min", AT), ("metrics_1hour", AT), ("metrics_1day", AT.replace(hour=0))):
        (found,) = rows(database, f"SELECT * FROM public.{view}")
        assert found["timestamp"] == begin
        assert (found["total_requests"], found["success_count"], found["failure_count"]) == (100, 99, 1)
        assert (found["min_latency"], found["avg_latency"], found["max_latency"]) == (10.0, 505.0, 1000.0)
        for name, exact in (("p50_latency", 500), ("p95_latency", 950), ("p99_latency", 990)):
            assert found[name] == pytest.approx(exact, rel=0.011)
        assert found["total_cost"] == Decimal("1.00")
    found = rows(database, "SELECT metric_type, value, count FROM public.metrics_aggregation ORDER BY metric_type")
    assert [(row["metric_type"], row["value"], row["count"]) for row in found] == [
        ("cost", Decimal("1.00"), 100),
        ("errors", Decimal(1), 100),
        ("requests", Decimal(100), 100),
    ]


def test_server_spans_are_the_request_log(database: Database) -> None:
    attributes = (
        '{"url.path":"/books/7","http.request.method":"GET","client.address":"10.0.0.9","user_agent.original":"curl"}'
    )
    insert(database, "spans", [span(1, 1, route="/books/{id}", http_status=200, attributes=attributes, user_id="u")])
    insert(database, "spans", [span(2, 2, kind=3, http_status=200)])  # a client span is none
    (found,) = rows(
        database, "SELECT path, method, status_code, process_time, user_id, client_ip FROM public.request_logs"
    )
    assert list(found.values()) == ["/books/7", "GET", 200, 1.0, "u", "10.0.0.9"]
    (found,) = rows(database, "SELECT endpoint, method, response_time, user_agent FROM public.performance_metrics")
    assert list(found.values()) == ["/books/{id}", "GET", 1000.0, "curl"]


def test_points_of_the_host_and_of_processes_are_the_system_metrics(database: Database) -> None:
    names = ["system.cpu.utilization", "process.memory.usage", "gen_ai.client.token.usage", "systematic"]
    insert(database, "metric_series", [{"series_id": n, "name": name, "kind": "gauge"} for n, name in enumerate(names)])
    insert(database, "metric_points", [{"series_id": n, "at_ns": NOON, "value": n + 0.5} for n in range(4)])
    found = rows(database, "SELECT metric_name, metric_value FROM public.system_metrics ORDER BY metric_value")
    assert [tuple(row.values()) for row in found] == [(names[0], 0.5), (names[1], 1.5)]
    assert len(rows(database, "SELECT * FROM public.metrics")) == 4


def test_the_summaries_hold_what_is_recent(database: Database) -> None:
    now_ns = time.time_ns()
    insert(database, "ledger", [line(1, now_ns), line(2, now_ns - 2 * DAY), line(3, now_ns, error_type="timeout")])
    (found,) = rows(database, "SELECT total_requests, success_rate, total_cost FROM public.metrics_recent_summary")
    assert list(found.values()) == [2, 0.5, Decimal("0.02")]
    (found,) = rows(database, "SELECT request_count FROM public.cost_today_summary")
    assert found["request_count"] == 2


def test_an_hour_is_not_a_public_hour_before_it_is_over(database: Database) -> None:
    insert(database, "ledger", [line(1)])
    dirty = DirtyBuckets()
    with database.transaction() as tx:
        dirty.mark(tx, "cost", {NOON // MINUTE})
    Rollups(database, dirty).refresh(NOON + HOUR - 1)
    assert len(rows(database, "SELECT * FROM public.metrics_1min")) == 1
    assert rows(database, "SELECT * FROM public.metrics_1hour") == []


def test_minutes_tell_of_caches_and_rate_limits_in_rows_of_their_own(database: Database) -> None:
    said = [("cache", "hit", "spanledger.cache.event"), ("cache", "miss", "spanledger.cache.event")]
    said.append(("rate_limit", "denied", "spanledger.rate_limit.event"))
    insert(
        database,
        "logs",
        [
            {
                "record_id": number,
                "at_ns": NOON,
                "event_name": f"spanledger.{event}",
                "attributes": f'{{"{key}":"{outcome}","spanledger.cache.saved_cost_usd":"0.5"}}',
            }
            for number, (event, outcome, key) in enumerate(said)
        ],
    )
    dirty = DirtyBuckets()
    with database.transaction() as tx:
        dirty.mark(tx, "told", {NOON // MINUTE})
    Rollups(database, dirty).refresh(NOON + DAY)
    for view in ("metrics_1min", "metrics_1hour", "metrics_1day"):
        found = {row["kind"]: row for row in rows(database, f"SELECT * FROM public.{view}")}
        assert (found["cache"]["cache_hit_rate"], found["cache"]["cache_saved_cost"]) == (0.5, Decimal("0.5"))
        assert (found["rate_limit"]["rate_limit_denied"], found["rate_limit"]["total_requests"]) == (1, None)


def test_system_metrics_have_a_column_for_what_people_look_for(database: Database) -> None:
    told = [
        ("system.cpu.utilization", '{"state":"idle"}', 0.25, "cpu_usage", 75.0),
        ("system.memory.utilization", '{"state":"used"}', 0.5, "memory_usage", 50.0),
        ("celery.queue.length", "{}", 3.0, "queue_length", 3.0),
        ("http.server.active_requests", "{}", 2.0, "active_requests", 2.0),
    ]
    for number, (name, labels, value, column, expected) in enumerate(told):
        insert(database, "metric_series", [{"series_id": number, "name": name, "kind": "gauge", "attributes": labels}])
        insert(database, "metric_points", [{"series_id": number, "at_ns": NOON, "value": value}])
        (found,) = rows(
            database, f"SELECT timestamp, {column} AS v FROM public.system_metrics WHERE {column} IS NOT NULL"
        )
        assert (found["timestamp"], found["v"]) == (AT, expected)
