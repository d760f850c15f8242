from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spanledger_server.ingest.accept import Ingest
from spanledger_server.ingest.retention import Keep, Retention
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.store.database import Database
from tests.backend.ingest.requests import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    candidate,
    events,
    ingesting,
    log,
    point,
    request,
    series,
    span,
    spans,
    tuples,
    value,
)

AFTER = NOON + HOUR


class House:
    def __init__(self, ingest: Ingest, database: Database) -> None:
        self.ingest = ingest
        self.database = database
        self.rollups = Rollups(database, ingest._dirty)

    def retention(self, stopping: Callable[[], bool] = lambda: False, **keep: Any) -> Retention:
        return Retention(self.database, self.rollups, self.ingest.stored, self.ingest.limits, Keep(**keep), stopping)

    def count(self, table: str) -> int:
        return int(value(self.database, f"SELECT count(*) FROM {table}"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ingesting(tmp_path / "spanledger.duckdb") as (ingest, database):
        yield House(ingest, database)


def fill(house: House, days: range) -> None:
    """Something of each kind on each of the last days."""
    for day in days:
        at_ns = NOON - day * DAY
        house.ingest.accept(request("traces", [span(day + 1, at_ns, resource_id=100 + day)]), 1)
        house.ingest.accept(request("logs", [log(day + 1, at_ns)]), 1)
        house.ingest.accept(request("metrics", [point(day + 1, 1.0, at_ns)], of=[series(day + 1)]), 1)
        house.ingest.accept(events(candidate("event", day + 1, 1, at_ns)), 1)
        with house.database.transaction() as tx:
            tx.execute("INSERT OR IGNORE INTO resources VALUES ($id, '{}')", id=100 + day)


def test_each_level_is_kept_for_its_own_time(house: House) -> None:
    fill(house, range(12))
    house.rollups.refresh(AFTER + DAY)
    house.retention(raw_ns=2 * DAY, minutes_ns=4 * DAY, hours_ns=6 * DAY, days_ns=9 * DAY).sweep(AFTER)
    for table, kept in (("spans", 2), ("logs", 2), ("metric_points", 2), ("trace_index", 6)):  # a span, a line
        assert house.count(table) == kept, table
    for family, hours in (("cost", 10), ("span", 7), ("metric", 7)):
        assert [house.count(f"{family}_{level}") for level in ("1m", "1h", "1d")] == [4, hours, 10], family
    assert house.count("ledger") == house.count("user_1d") == 10
    assert house.count("metric_series") == 10  # those that a rollup still names
    assert house.count("resources") == 2  # of the spans that are kept


def test_a_server_that_stops_does_not_wait_for_a_long_sweep_and_the_next_goes_on(house: House) -> None:
    fill(house, range(6))
    asked = iter([False, False, True])
    keep = {"raw_ns": DAY, "minutes_ns": 20 * DAY, "hours_ns": 20 * DAY, "days_ns": 20 * DAY}
    house.retention(lambda: next(asked, True), **keep).sweep(AFTER)
    assert (house.count("spans"), house.count("logs")) == (4, 6)
    house.retention(**keep).sweep(AFTER)
    assert (house.count("spans"), house.count("logs")) == (1, 1)


def test_nothing_changes_in_what_the_rollups_told_before(house: House) -> None:
    fill(house, range(12))
    house.rollups.refresh(AFTER + DAY)
    sql = "SELECT * FROM span_1d ORDER BY ALL"
    before = tuples(house.database, sql)
    house.retention(raw_ns=DAY).sweep(AFTER + DAY)
    house.rollups.refresh(AFTER + DAY)
    assert tuples(house.database, sql) == before


def test_rows_that_no_rollup_has_counted_yet_are_counted_before_they_go(house: House) -> None:
    fill(house, range(12))
    assert house.count("span_1m") == 0
    house.retention(raw_ns=DAY).sweep(AFTER + DAY)
    assert house.count("span_1m") == 12
    assert house.count("spans") == 0


def test_what_a_waiting_rollup_is_made_of_stays(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(house, range(3))
    monkeypatch.setattr(house.rollups, "refresh", lambda now_ns: None)
    deleted = house.retention(raw_ns=DAY).sweep(AFTER + 5 * DAY)
    assert house.count("spans") == house.count("metric_points") == 3
    assert deleted["logs"] == 3  # no rollup is made of logs


def test_a_late_call_reaches_its_day_though_everything_finer_is_gone(house: House) -> None:
    fill(house, range(12))
    house.rollups.refresh(AFTER + DAY)
    keep = house.retention(raw_ns=DAY, minutes_ns=2 * DAY, hours_ns=3 * DAY)
    keep.sweep(AFTER)
    house.ingest.accept(events(candidate("event", 77, 1, NOON - 10 * DAY)), 1)
    house.rollups.refresh(AFTER)
    day = (NOON - 10 * DAY) // DAY
    assert tuples(house.database, f"SELECT sum(calls) FROM cost_1d WHERE bucket = {day}") == [(2,)]
    assert value(house.database, "SELECT sum(calls) FROM cost_1d") == house.count("ledger")


def test_a_resource_that_was_cleaned_away_is_stored_again_when_it_comes_back(house: House) -> None:
    house.ingest.accept(spans(span(1, NOON - 3 * DAY)), 1)
    house.retention(raw_ns=DAY).sweep(AFTER)
    assert house.count("resources") == 0
    house.ingest.accept(spans(span(2)), 1)
    assert house.count("resources") == 1


def test_too_large_a_file_loses_its_oldest_raw_rows_and_never_a_ledger_line(house: House) -> None:
    for hour in range(30, -1, -1):
        at_ns = NOON - hour * HOUR
        rows = [span(hour * 2000 + n, at_ns, attributes=f'{{"x":"{hash((hour, n)):x}"}}') for n in range(1, 1500)]
        house.ingest.accept(request("traces", rows, candidates=[candidate("event", hour + 1, 1, at_ns)]), 1)
    house.database.checkpoint()
    retention = house.retention()
    used = retention.used_bytes()
    limited = house.retention(max_disk_bytes=used // 2)
    limited.sweep(AFTER)
    assert house.count("ledger") == 31
    assert 0 < house.count("spans") < 31 * 1499
    assert value(house.database, "SELECT min(end_ns) FROM spans") > NOON - 30 * HOUR
    assert value(house.database, "SELECT sum(spans) FROM span_1m") == 31 * 1499
    kept_from = value(house.database, "SELECT from_ns FROM kept_from WHERE subject = 'spans'")
    assert value(house.database, "SELECT min(end_ns) FROM spans") >= kept_from


def test_what_somebody_still_reads_is_no_reason_to_evict_more(house: House) -> None:
    """A backup holds what was deleted until it ends; the file shrinks only then."""
    for hour in range(30, -1, -1):
        at_ns = NOON - hour * HOUR
        rows = [span(hour * 2000 + n, at_ns, attributes=f'{{"x":"{hash((hour, n)):x}"}}') for n in range(1, 1500)]
        house.ingest.accept(request("traces", rows), 1)
    house.retention().sweep(AFTER)
    house.database.checkpoint()
    used = house.retention().used_bytes()
    limited = house.retention(max_disk_bytes=used // 2)
    with house.database.reader() as backup:
        assert backup.value("SELECT count(*) FROM spans") == 31 * 1499
        for _ in range(5):
            limited.sweep(AFTER)
        left = house.count("spans")
        assert backup.value("SELECT count(*) FROM spans") == 31 * 1499
    assert left > 10 * 1499
    limited.sweep(AFTER)
    assert house.count("spans") < left


def test_the_last_hour_stays_however_small_the_limit(house: House) -> None:
    house.ingest.accept(spans(span(1, AFTER - 2 * HOUR), span(2, AFTER - MINUTE)), 1)
    house.retention(max_disk_bytes=1).sweep(AFTER)
    assert tuples(house.database, "SELECT span_id FROM spans") == [(2,)]


def test_a_database_in_memory_is_measured_by_its_buffers() -> None:
    with ingesting() as (ingest, database):
        house = House(ingest, database)
        assert house.retention().used_bytes() > 0
        assert house.retention().sweep(NOON).total() == 0
