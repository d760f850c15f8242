"""Answers of days long gone are remembered, and are what the ledger says whatever comes between two readings."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.statistics import costs, periods, remembered, series
from spanledger_server.store.database import Database
from spanledger_server.timegrid import Range
from spanledger_server.traces import filters
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, insert, line
from tests.support.stores import new_store
from tests.support.thorough import examples

EDGE = 30 * DAY + 17 * HOUR + 50 * MINUTE  # before a midnight of Kathmandu
ASKED = (
    ("year", "Asia/Kathmandu", "model", ()),
    ("year", "UTC", "user", ()),
    ("month", "America/New_York", "feature", ("model:a",)),
)


class House:
    """A store whose rollups are its server's own."""

    def __init__(self) -> None:
        self.database = new_store()
        self.dirty = DirtyBuckets()
        self.rollups = Rollups(self.database, self.dirty)
        self.number = 0

    def add(self, chance: random.Random, number: int, *ago_ns: int) -> None:
        """Lines around some moments."""
        rows = []
        for _ in range(number):
            self.number += 1
            cost = chance.choice([None, f"{chance.randrange(10**6)}.{chance.randrange(10**12):012}"])
            rows.append(
                line(
                    self.number,
                    NOON - chance.choice(ago_ns) - chance.randrange(MINUTE),
                    model=chance.choice(["a", "b", None]),
                    feature=chance.choice(["search", None]),
                    user_id=chance.choice(["u1", "u2", None]),
                    cost_usd=cost,
                    state="unpriced" if cost is None else "priced",
                    input_tokens=chance.choice([None, chance.randrange(2**40)]),
                )
            )
        insert(self.database, "ledger", rows)
        with self.database.transaction() as tx:
            self.dirty.mark(tx, "cost", {one["at_ns"] // MINUTE for one in rows})

    def ask(self, now_ns: int, asked: tuple[Any, ...], route: Any = None) -> dict[str, Any]:
        period, zone, by, f = asked
        conditions = filters.parse(f, filters.LEDGER)
        span = periods.to_date(period, now_ns, ZoneInfo(zone))
        with self.database.reader() as reader:
            found = costs.costs(reader, span, by, conditions.bound(), conditions.asked(), route)
        return {name: value for name, value in found.items() if name != "source"}

    def series(self, now_ns: int, level: Any, *, whole: bool = False) -> list[dict[str, Any]]:
        asked = series.question(level, Range(now_ns - 250 * DAY, now_ns), ZoneInfo("Asia/Kathmandu"))
        everything = filters.parse((), filters.LEDGER)
        with self.database.transaction() if whole else self.database.reader() as reader:  # the first remembers nothing
            return series.series(reader, asked, everything, "model")


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.database.close()


def answers(database: Database) -> remembered._Answers:
    found: remembered._Answers = database.memory["statistics.answers"]
    return found


@pytest.mark.parametrize("seed", range(examples(1)))
def test_what_is_remembered_is_what_the_ledger_says_when_lines_come_between_two_readings(house: House, seed: int):
    chance, now_ns = random.Random(seed), NOON
    house.add(chance, 60, 0, DAY + HOUR, 9 * DAY, EDGE, 200 * DAY)
    house.rollups.refresh(now_ns)
    for step in range(4):
        for asked in ASKED:
            assert house.ask(now_ns, asked) == house.ask(now_ns, asked, "ledger"), (seed, step, asked)
        for level in ("1day", "1month"):
            assert house.series(now_ns, level) == house.series(now_ns, level, whole=True), (seed, step, level)
        assert answers(house.database).each
        house.add(chance, 3, (0, EDGE, 9 * DAY, HOUR)[(step + seed) % 4])
        if (step + seed) % 3:
            house.rollups.refresh(now_ns)
        now_ns += chance.choice([MINUTE, 7 * HOUR, DAY])


def test_a_year_is_read_again_only_when_something_of_it_has_changed(house: House):
    house.add(random.Random(3), 20, HOUR, 20 * DAY, 200 * DAY)
    house.rollups.refresh(NOON)
    asked = ("year", "UTC", "model", ())
    first = house.ask(NOON, asked)
    with house.database.transaction() as tx:
        tx.execute("DELETE FROM cost_1d WHERE bucket = $day", day=(NOON - 20 * DAY) // DAY)
    assert house.ask(NOON + 1, asked)["calls"] == first["calls"]  # nothing tells that they went, as retention would
    with house.database.transaction() as tx:
        tx.execute("INSERT INTO kept_from VALUES ('cost_1d', $ns)", ns=NOON - 150 * DAY)
    assert house.ask(NOON + 1, asked)["calls"] < first["calls"]


def test_an_answer_holds_for_snapshots_that_know_all_that_came_since(house: House):
    read = iter(range(10))

    def asked(reader: Any, waiting: bool = False) -> list[int] | None:
        window = Range(0, DAY)
        return remembered.rows(reader, "how many", "cost", window, lambda: [next(read)], waiting=waiting)

    def noted(family: str, bucket: int, table: str = "rollup_log") -> None:
        with house.database.transaction() as tx:
            tx.execute(f"INSERT INTO {table} (family, level, bucket) VALUES ('{family}', '1h', {bucket})")

    noted("span", 1)
    with house.database.reader() as older:
        assert asked(older) == [0]
        noted("cost", 24)  # beyond the window
        noted("span", 3)  # of another family
        with house.database.reader() as reader:
            assert asked(reader) == asked(reader) == [0]
        noted("cost", 23)
        with house.database.reader() as reader:
            assert asked(reader) == asked(reader) == [1]
        assert asked(older) == [2]  # it does not know what has changed, and neither does what it has read
        with house.database.reader() as reader:
            assert asked(reader) == asked(reader) == [3]
    with house.database.transaction() as tx:
        tx.execute("INSERT INTO dirty_buckets VALUES ('cost', '1d', 0, false)")
    with house.database.reader() as reader:
        assert (asked(reader), asked(reader), asked(reader, waiting=True)) == ([4], [5], [3])


def test_of_what_is_too_much_only_that_is_remembered_and_the_oldest_go(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("spanledger_server.statistics.remembered.MOST_ROWS", 3)
    monkeypatch.setattr("spanledger_server.statistics.remembered.MOST_HELD", 6)
    with house.database.transaction() as tx:
        tx.execute("INSERT INTO rollup_log (family, level, bucket) VALUES ('span', '1h', 1)")
    with house.database.reader() as reader:
        found = [
            remembered.rows(reader, name, "cost", Range(0, DAY), lambda number=number: [0] * number)
            for name, number in (("a", 2), ("b", 2), ("a", 0), ("c", 4), ("c", 1), ("d", 1))
        ]
    assert found == [[0, 0], [0, 0], [0, 0], None, None, [0]]
    assert list(answers(house.database).each) == ["a", "c", "d"]
    assert answers(house.database).held == 6


def test_more_categories_than_are_named_are_read_as_before(house: House, monkeypatch: pytest.MonkeyPatch):
    house.add(random.Random(4), 20, HOUR, 200 * DAY)
    house.rollups.refresh(NOON)
    asked = ("year", "UTC", "model", ())
    plain = house.ask(NOON, asked, "ledger")
    monkeypatch.setattr("spanledger_server.statistics.remembered.MOST_ROWS", 5)
    assert house.ask(NOON, asked) == plain
    monkeypatch.undo()
    monkeypatch.setattr("spanledger_server.statistics.costs.MOST_CATEGORIES", 2)
    assert house.ask(NOON, asked) == house.ask(NOON, asked, "ledger")
