"""A store that each test finds empty, opened once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from spanledger_server.store.database import Database
from tests.support.stores import new_store

TABLES = (
    *("spans", "span_1m", "span_1h", "span_1d", "ledger", "dirty_buckets", "kept_from", "rollup_log"),
    *("metric_series", "metric_points", "metric_1m", "metric_1h", "metric_1d"),
    *("slos", "slo_generations", "slo_adjustments", "slo_standing", "audit"),
)


@pytest.fixture(scope="package")
def opened() -> Iterator[Database]:
    database = new_store()
    yield database
    database.close()


@pytest.fixture
def database(opened: Database) -> Database:
    with opened.transaction() as tx:
        for table in TABLES:
            tx.execute(f"DELETE FROM {table}")
    return opened
