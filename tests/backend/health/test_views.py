"""What SQL sees of checks."""

from __future__ import annotations

from datetime import datetime

from spanledger_server.store.database import Database
from tests.backend.rows import HOUR, MINUTE, NOON, insert

NOTHING = {"healthy": 0, "degraded": 0, "down": 0, "unknown": 0, "timed": 0, "latency_sum_ns": 0}

FIGURES = "seconds, healthy, degraded, down, latency_ms, latency_max_ms"


def test_results_are_told_by_the_minute_and_by_the_hour_before() -> None:
    database, hour, minute = Database.open(None), NOON // HOUR, NOON // MINUTE
    answered = NOTHING | {"healthy": 2, "timed": 2, "latency_sum_ns": 6_000_000, "latency_max_ns": 5_000_000}
    rows = [{"check_id": "c", "bucket": hour - 2, **NOTHING, "down": 7}, {"check_id": "c", "bucket": hour, **answered}]
    insert(database, "health_hours", rows)
    minutes = [{"check_id": "c", "bucket": minute + 3, **each} for each in (answered, NOTHING | {"degraded": 1})]
    insert(database, "health_minutes", minutes)
    with database.reader() as reader:
        found = reader.tuples(f"SELECT time, {FIGURES} FROM public.health_results ORDER BY 1")
    assert found == [
        (datetime(2026, 11, 21, 10), 3600, 0, 0, 7, None, None),  # noqa: DTZ001 - DuckDB's TIMESTAMP has no zone
        (datetime(2026, 11, 21, 12, 3), 60, 2, 1, 0, 3.0, 5.0),  # noqa: DTZ001
    ]
    database.close()


def test_checks_stand_there_without_their_secrets_and_unknown_before_anybody_looked() -> None:
    database = Database.open(None)
    with database.reader() as reader:
        found = reader.tuples(
            "SELECT kind, state, enabled, latency_ms FROM public.health_checks WHERE kind = 'spanledger'"
        )
    assert found == [("spanledger", "unknown", True, None)]
    database.close()
