"""The index of traces, sorted: every trace is found as before, and what goes on meanwhile is not touched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from spanledger_server.ingest.trace_index import SETTLED_MINUTES, SQL, TraceIndex
from spanledger_server.store.database import Database
from tests.support.stores import new_store

MINUTE = 60 * 10**9
NOW = 1_000_000 * MINUTE
FIRST = 1_000_000 - SETTLED_MINUTES - 100  # minutes
HASHES = 40


@pytest.fixture
def database() -> Iterator[Database]:
    found = new_store()
    with found.transaction() as tx:  # each trace thrice; the last 21 rows are not settled
        tx.execute(
            "INSERT INTO trace_index SELECT hash(i * 7 % 40), $first + i, $first + i + 1, false FROM range(120) r(i)",
            first=FIRST,
        )
    yield found
    found.close()


def index(database: Database) -> list[tuple[int, int, int]]:
    with database.reader() as reader:
        return reader.tuples("SELECT hash, first_minute, last_minute FROM trace_index ORDER BY rowid")


def bounds(database: Database) -> dict[int, tuple[int, int]]:
    with database.reader() as reader:
        found = reader.tuples("SELECT hash, min(first_minute), max(last_minute) FROM trace_index GROUP BY hash")
    return {number: (first, last) for number, first, last in found}


def sort(database: Database, now_ns: int = NOW, run_rows: int = 30) -> int:
    return sum(iter(lambda: TraceIndex(database, run_rows).sort(now_ns), False))


def test_runs_are_sorted_and_every_trace_is_found_as_before(database: Database) -> None:
    before = bounds(database)
    assert sort(database) == 3
    assert bounds(database) == before
    rows = index(database)
    settled = [row for row in rows if row[2] <= FIRST + 90]
    runs = [rows[-90:][place : place + 30] for place in (0, 30, 60)]
    assert all([number for number, *_ in run] == sorted(number for number, *_ in run) for run in runs)
    assert sorted(settled) == sorted(row for run in runs for row in run)


def test_what_is_sorted_is_left_and_what_settles_later_follows(database: Database) -> None:
    sort(database)
    rows = index(database)
    assert sort(database) == 0
    assert index(database) == rows
    assert sort(database, NOW + 30 * MINUTE) == 1
    assert sort(database, NOW + 90 * MINUTE) == 0


def test_a_few_rows_are_left_as_they_came(database: Database) -> None:
    rows = index(database)
    assert sort(database, run_rows=1000) == 0
    assert index(database) == rows


def test_the_rows_of_one_trace_become_one(database: Database) -> None:
    before = bounds(database)
    assert sort(database, run_rows=90) == 1
    assert len(index(database)) == HASHES + 30  # those beyond the run are left
    assert bounds(database) == before


def test_rows_that_come_meanwhile_stay_and_a_retention_meanwhile_wins(database: Database) -> None:
    before = bounds(database)
    sorter = TraceIndex(database, run_rows=30)
    with database.beside() as tx:
        tx.execute("INSERT INTO trace_index VALUES (4711, $minute, $minute, false)", minute=FIRST + 5)
        assert sorter.sort(NOW), "who writes is not waited for"
    assert bounds(database) == before | {4711: (FIRST + 5, FIRST + 5)}
    with database.beside() as tx:
        tx.execute(SQL["clear_trace_index"], from_minute=0, to_minute=FIRST + 40)
        assert not sorter.sort(NOW), "somebody deletes them just now: another time"
    assert all(last >= FIRST + 40 for *_, last in index(database))
    assert sorter.sort(NOW)
