"""What a snapshot's notes, marks and reach say, whatever other snapshots said before."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from spanledger_server.rollups import noted
from spanledger_server.rollups.levels import LEVELS
from spanledger_server.statistics import reach
from spanledger_server.store.database import Database
from spanledger_server.timegrid import Range
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, SECOND, insert, line, span
from tests.backend.statistics.rolled import roll
from tests.support.stores import new_store


@pytest.fixture
def database() -> Iterator[Database]:
    made = new_store()
    yield made
    made.close()


def test_notes_are_those_of_the_snapshot_whoever_read_before_and_whatever_was_forgotten(database: Database):
    def note(*buckets: int) -> None:
        with database.transaction() as tx:
            for bucket in buckets:
                tx.execute(
                    "INSERT INTO rollup_log (family, level, bucket) VALUES ('cost', '1h', $bucket)", bucket=bucket
                )

    def hours(reader: Any) -> list[int]:
        return [one.from_ns // HOUR for one in noted.of(reader).notes]

    with database.reader() as reader:
        assert (hours(reader), noted.of(reader).last) == ([], None)
    note(1, 2)
    with database.reader() as older:
        assert hours(older) == [1, 2]
        note(3)
        with database.reader() as reader:
            assert hours(reader) == [1, 2, 3]
            first, _, last = (one.change for one in noted.of(reader).notes)
            found = noted.of(reader)
        day = Range(0, DAY)
        assert [found.holds(since, "cost", day) for since in (first - 1, first, last, last + 1)] == [
            False,
            False,
            True,
            False,
        ]
        assert found.holds(first, "cost", Range(0, 2 * HOUR))
        assert found.holds(first, "span", day)
    note(4)
    with database.reader() as older:
        older.value("SELECT count(*) FROM rollup_log")  # it begins here
        note(5)
        with database.reader() as reader:
            assert hours(reader) == [1, 2, 3, 4, 5]
        assert hours(older) == [1, 2, 3, 4]
    with database.transaction() as tx:
        assert hours(tx) == [1, 2, 3, 4, 5]
        tx.execute("DELETE FROM rollup_log WHERE bucket < 5")
    note(6)
    with database.reader() as reader:
        assert hours(reader) == [1, 2, 3, 4, 5, 6]
    database.memory.clear()  # as after a start
    with database.reader() as reader:
        assert hours(reader) == [5, 6]
    with database.transaction() as tx:
        tx.execute("DELETE FROM rollup_log")
    with database.reader() as reader:
        assert (hours(reader), noted.of(reader).last) == ([], None)


def test_what_waits_is_found_within_any_window(database: Database):
    chance = random.Random(9)
    waits = [(chance.choice(LEVELS), chance.randrange(3)) for _ in range(40)]
    with database.transaction() as tx:
        for level, bucket in waits:
            tx.execute(
                "INSERT INTO dirty_buckets (family, level, bucket, taken) VALUES ('cost', $level, $bucket, false)",
                level=level,
                bucket=bucket,
            )
    with database.reader() as reader:
        found = noted.of(reader)
    for _ in range(200):
        first, length = chance.randrange(2000), chance.randrange(1, 1500)
        expected = {(level, bucket * noted.MINUTES[level]) for level, bucket in waits}
        within = {(level, minute) for level, minute in expected if first <= minute < first + length}
        assert set(found.waiting("cost", first, first + length)) == within, (first, length)
        touched = any(
            minute < first + length and minute + noted.MINUTES[level] > first
            for level, minute in expected
            if level == "1h"
        )
        assert found.waits("cost", ("1h",), Range(first * MINUTE, (first + length) * MINUTE)) == touched, (
            first,
            length,
        )
    assert not found.waits("span", LEVELS, Range(0, DAY))


def test_the_first_and_the_last_time_are_those_of_the_snapshot_though_others_were_known_before(database: Database):
    def known(reader: Any) -> tuple[int | None, int | None]:
        found = reach.of(reader)
        return found.first_ns, found.last_ns

    def change(sql: str) -> tuple[int | None, int | None]:
        with database.transaction() as tx:
            tx.execute(sql)
        with database.reader() as reader:
            plain = reader.value(
                "SELECT least(min(at_ns), (SELECT min(bucket) * 86400000000000 FROM cost_1d)) FROM ledger"
            )
            late = reader.value("SELECT greatest((SELECT max(at_ns) FROM ledger), (SELECT max(start_ns) FROM spans))")
            assert known(reader) == known(reader) == (plain, late)
            whole = reach.of(reader)
        with database.transaction() as tx:
            assert whole == reach.of(tx)  # which remembers nothing
        return plain, late

    with database.reader() as reader:
        assert known(reader) == (None, None)
    insert(database, "ledger", [line(number, NOON - number * HOUR) for number in range(1, 5)])
    assert change("SELECT 1") == (NOON - 4 * HOUR, NOON - HOUR)
    with database.reader() as older:
        older.value("SELECT count(*) FROM ledger")  # it begins here
        insert(database, "spans", [span(1, 1, NOON, SECOND)])
        assert change("SELECT 1") == (NOON - 4 * HOUR, NOON)
        assert known(older) == (NOON - 4 * HOUR, NOON - HOUR)  # which does not hold the last one
    assert change(f"DELETE FROM ledger WHERE at_ns < {NOON - 2 * HOUR}") == (NOON - 2 * HOUR, NOON)
    insert(database, "ledger", [line(9, NOON - 9 * HOUR)])
    assert change("DELETE FROM spans") == (NOON - 9 * HOUR, NOON - HOUR)
    roll(database, NOON + DAY)
    counts = dict.fromkeys(("priced_calls", "unpriced_calls", "estimated_calls", "free_calls"), 0)
    insert(
        database, "user_1d", [{"bucket": day, "user_number": 1, "quarter": 0, "calls": 1, **counts} for day in (3, 5)]
    )
    change("SELECT 1")
    with database.reader() as reader:
        first = reach.of(reader).rolled_from("1m")
        assert (first, reach.of(reader).first_day) == ((NOON - 9 * HOUR) // MINUTE, 3)
    change(f"DELETE FROM cost_1m WHERE bucket = {first}")
    change("DELETE FROM user_1d WHERE bucket = 5")
    change("INSERT INTO kept_from VALUES ('cost_1m', 60000000000000001)")
    change("DELETE FROM cost_1m; DELETE FROM user_1d")
    change("DELETE FROM cost_1d; DELETE FROM ledger")
    assert change("SELECT 1") == (None, None)
