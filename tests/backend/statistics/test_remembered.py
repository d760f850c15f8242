"""Answers of days long gone are remembered, and are what the ledger says whatever comes between two readings."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spanledger_server.rollups.dirty import DirtyBuckets, Level
from spanledger_server.rollups.levels import LEVELS
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.statistics import (
    calls,
    costs,
    history,
    periods,
    providers,
    remembered,
    requests,
    series,
    trends,
)
from spanledger_server.store.database import Database
from spanledger_server.timegrid import Range
from spanledger_server.traces import filters
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, SECOND, insert, line, span
from tests.support.stores import new_store
from tests.support.thorough import examples

EDGE = 30 * DAY + 17 * HOUR + 50 * MINUTE  # before a midnight of Kathmandu
ASKED = (
    ("year", "Asia/Kathmandu", "model", ()),
    ("year", "UTC", "user", ()),
    ("month", "America/New_York", "feature", ("model:a",)),
    ("month", "UTC", "user", ()),
    ("today", "Europe/Berlin", "model", ()),
    ("today", "Asia/Kathmandu", "user", ("feature:search",)),
    ("year", "UTC", "model", ("user_id:u1", "user_id:")),
    ("week", "Asia/Kathmandu", "feature", ("!user_id:u1",)),
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

    def serve(self, chance: random.Random, number: int, ago_ns: int) -> None:
        """Requests around a moment."""
        rows = []
        for _ in range(number):
            self.number += 1
            start_ns = NOON - ago_ns - chance.randrange(MINUTE)
            rows.append(span(self.number, self.number, start_ns, chance.randrange(1, 3 * SECOND)) | {"kind": 2})
        insert(self.database, "spans", rows)
        with self.database.transaction() as tx:
            self.dirty.mark(tx, "span", {one["end_ns"] // MINUTE for one in rows})

    def correct(self, chance: random.Random) -> None:
        """Another price for a line, as repricing does, and a line that gives way to another, as ingest lets it."""
        with self.database.transaction() as tx:
            lines = tx.tuples("SELECT rowid, at_ns FROM ledger ORDER BY span_id")
            (repriced, at_ns), (beaten, gone_ns) = chance.sample(lines[-20:], 2)
            tx.execute("UPDATE ledger SET cost_usd = 7.5, state = 'priced' WHERE rowid = $row", row=repriced)
            tx.execute("DELETE FROM ledger WHERE rowid = $row", row=beaten)
            self.dirty.mark(tx, "cost", {at_ns // MINUTE, gone_ns // MINUTE})

    def others(self, now_ns: int, *, whole: bool = False) -> list[Any]:
        """What else remembers days long gone."""
        everything, berlin = filters.parse((), filters.LEDGER), ZoneInfo("Europe/Berlin")
        with self.database.transaction() if whole else self.database.reader() as reader:  # the first remembers nothing
            return [
                [one.shown() for one in providers.providers(reader, now_ns)],
                history.history(reader, "p95_latency", "month", now_ns, everything),
                history.history(reader, "request_count", "month", now_ns, None),
                trends.trends(reader, "week", now_ns, berlin),
                trends.trends(reader, "day", now_ns, ZoneInfo("Asia/Kathmandu")),
                trends.trends(reader, "month", now_ns, berlin),
                requests.report(reader, periods.whole(Range(now_ns - 200 * DAY, now_ns))),
            ]

    def ask(self, now_ns: int, asked: tuple[Any, ...], route: Any = None) -> dict[str, Any]:
        period, zone, by, f = asked
        conditions = filters.parse(f, filters.LEDGER)
        span = periods.to_date(period, now_ns, ZoneInfo(zone))
        with self.database.reader() as reader:
            found = costs.costs(reader, span, by, conditions.bound(), conditions.asked(), route)
        return {name: value for name, value in found.items() if name != "source"}

    def series(self, now_ns: int, level: Any, *, whole: bool = False, by: str = "model") -> list[dict[str, Any]]:
        asked = series.question(level, Range(now_ns - 250 * DAY, now_ns), ZoneInfo("Asia/Kathmandu"))
        everything = filters.parse((), filters.LEDGER)
        with self.database.transaction() if whole else self.database.reader() as reader:  # the first remembers nothing
            return series.series(reader, asked, everything, by)


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
        assert house.others(now_ns) == house.others(now_ns, whole=True), (seed, step)
        house.serve(chance, 3, (0, EDGE, 9 * DAY, HOUR)[step])
        house.add(chance, 3, (0, EDGE, 9 * DAY, HOUR)[(step + seed) % 4])
        if (step + seed) % 2:
            house.correct(chance)
        if (step + seed) % 3:
            house.rollups.refresh(now_ns)
        now_ns += chance.choice([MINUTE, 7 * HOUR, DAY])


def test_lines_of_today_are_added_to_what_was_read_and_read_anew_when_one_comes_late(house: House):
    asked = ("today", "UTC", "user", ())
    chance, now_ns = random.Random(7), NOON
    house.add(chance, 30, HOUR, 3 * HOUR, 5 * MINUTE)
    house.rollups.refresh(now_ns)
    with house.database.transaction() as tx:  # nobody tells of this one: only what is read anew knows it
        tx.execute("INSERT INTO ledger BY NAME SELECT * REPLACE (999999 AS span_id) FROM ledger LIMIT 1")
    first = house.ask(now_ns, asked)
    assert first["calls"] == 30
    assert sum(each["count"] for each in first["breakdown"]) == 31

    def counted() -> int:
        return sum(each["count"] for each in house.ask(now_ns, asked)["breakdown"])

    with house.database.transaction() as tx:
        tx.execute("DELETE FROM ledger WHERE span_id = 999999")
    now_ns += 3 * MINUTE
    insert(house.database, "ledger", [line(500, now_ns - SECOND)])
    with house.database.transaction() as tx:
        house.dirty.mark(tx, "cost", {now_ns // MINUTE - 1, now_ns // MINUTE})
    assert counted() == 32  # what was read before, and what came
    house.add(chance, 1, 3 * HOUR)
    assert counted() == 32  # what waits says that it is not sure any more: all is read
    house.rollups.refresh(now_ns)
    assert counted() == 32
    house.database.memory.clear()  # as after a start
    assert counted() == 32


def test_what_was_read_of_a_day_outlives_its_midnight(house: House):
    asked = ("month", "UTC", "user", ())
    chance, midnight = random.Random(11), (NOON // DAY + 1) * DAY
    house.add(chance, 30, 3 * HOUR, 2 * DAY)
    house.rollups.refresh(NOON)

    def counted(now_ns: int) -> int:
        return sum(each["count"] for each in house.ask(now_ns, asked)["breakdown"])

    assert counted(midnight - MINUTE) == 30
    with house.database.transaction() as tx:  # nobody tells of this one: only what is read anew knows it
        tx.execute(
            "INSERT INTO ledger BY NAME SELECT * REPLACE (999999 AS span_id) FROM ledger WHERE at_ns > $at LIMIT 1",
            at=NOON - DAY,
        )
        house.dirty.mark(tx, "user", {NOON // DAY}, "1d")  # as what came late in the evening leaves it
    assert counted(midnight + MINUTE) == 30
    house.rollups.refresh(midnight + 11 * MINUTE)
    assert counted(midnight + 12 * MINUTE) == 31
    with house.database.transaction() as tx:
        tx.execute("DELETE FROM ledger WHERE span_id = 999999")
        house.dirty.mark(tx, "cost", {(NOON - 3 * HOUR) // MINUTE - 1, (NOON - 3 * HOUR) // MINUTE})
        house.dirty.mark(tx, "user", {NOON // DAY}, "1d")
    assert counted(midnight + 13 * MINUTE) == 30


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_of_days_whose_minutes_are_deleted_in_part_the_rest_is_read_from_the_ledger(house: House, zone: str):
    house.add(random.Random(8), 60, MINUTE, 3 * HOUR, 9 * HOUR, DAY + HOUR, 3 * DAY)
    house.rollups.refresh(NOON)
    with house.database.transaction() as tx:
        tx.execute("INSERT INTO kept_from VALUES ('cost_1m', $ns)", ns=NOON - 5 * HOUR)
        tx.execute("DELETE FROM cost_1m WHERE bucket < $minute", minute=(NOON - 5 * HOUR) // MINUTE)
    for period in ("today", "week", "month", "year"):
        for now_ns in (NOON, NOON - 5 * HOUR + 1, NOON - 30 * 10**9):
            asked = (period, zone, "model", ())
            assert house.ask(now_ns, asked) == house.ask(now_ns, asked, "ledger"), (period, now_ns)


def test_categories_beyond_those_shown_are_remembered_as_one(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("spanledger_server.statistics.series.MOST_CATEGORIES", 2)
    house.add(random.Random(5), 60, 0, 9 * DAY, 200 * DAY)
    house.rollups.refresh(NOON)
    for step in range(3):
        found = house.series(NOON, "1day")
        assert found == house.series(NOON, "1day", whole=True), step
        assert [each["category"] for each in found][2:] == ["other"]
        house.add(random.Random(step), 40, 9 * DAY)  # others may lead now
        if step:
            house.rollups.refresh(NOON)


def test_a_year_is_not_read_again_for_categories_that_came_today(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("spanledger_server.statistics.series.MOST_CATEGORIES", 4)
    house.add(random.Random(9), 60, 9 * DAY, 200 * DAY)
    house.rollups.refresh(NOON)
    first = house.series(NOON, "1day")
    with house.database.transaction() as tx:
        for table in ("cost_1m", "cost_1h", "cost_1d"):
            tx.execute(f"DELETE FROM {table}")  # nothing tells that they went: what is read again is nothing
    for step in range(1, 4):  # of the new ones another leads each time; there are three of before
        some = [line(1000 * step + each, NOON - SECOND, model=f"new-{step}") for each in range(step)]
        insert(house.database, "ledger", some)
        with house.database.transaction() as tx:
            house.dirty.mark(tx, "cost", {NOON // MINUTE - 1})
        found = house.series(NOON, "1day")
        names = [each["category"] for each in found]
        assert names[-1:] == (["other"] if step > 1 else ["new-1"])
        assert f"new-{step}" in names
        for each in first:
            (same,) = [one for one in found if one["category"] == each["category"]]
            assert same["buckets"][:-2] == each["buckets"][:-2]


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

    def asked(reader: Any, unless: tuple[Level, ...] = LEVELS) -> list[int] | None:
        window = Range(0, DAY)
        return remembered.rows(reader, "how many", "cost", window, lambda: [next(read)], unless=unless)

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
        tx.execute("INSERT INTO dirty_buckets (family, level, bucket, taken) VALUES ('cost', '1d', 0, false)")
    with house.database.reader() as reader:
        assert (asked(reader), asked(reader), asked(reader, unless=("1m",))) == ([4], [5], [3])
    with house.database.transaction() as tx:
        tx.execute("INSERT INTO dirty_buckets (family, level, bucket, taken) VALUES ('cost', '1m', 0, false)")
    with house.database.reader() as reader:
        assert (asked(reader, unless=("1m",)), asked(reader, unless=())) == ([6], [3])


def test_of_one_question_the_last_window_is_remembered(house: House):
    house.add(random.Random(1), 20, 3 * DAY, 2 * DAY)
    house.rollups.refresh(NOON)
    read: list[Range] = []

    def ask(from_ns: int) -> int:
        window = Range(NOON - from_ns, NOON - DAY)

        def rows() -> list[int]:
            read.append(window)
            return [len(read)]

        with house.database.reader() as reader:
            (found,) = remembered.rows(reader, "question", "cost", window, rows) or ()
        return found

    assert [ask(each * DAY) for each in (3, 3, 4, 4, 3, 3)] == [1, 1, 2, 2, 3, 3]
    assert len(answers(house.database).each) == 1


def test_of_what_is_kept_no_longer_nothing_is_remembered(house: House):
    house.serve(random.Random(6), 9, 20 * DAY)
    house.rollups.refresh(NOON)
    whole = periods.whole(Range(NOON - 40 * DAY, NOON))

    def asked() -> float:
        with house.database.reader() as reader:
            return requests.report(reader, whole).whole.count.value

    assert asked() == asked() > 0
    with house.database.transaction() as tx:
        for table in ("spans", "span_1m", "span_1h", "span_1d"):
            tx.execute(f"DELETE FROM {table}")
            tx.execute("INSERT INTO kept_from VALUES ($table, $ns)", table=table, ns=NOON - 9 * DAY)
    assert asked() == 0


@pytest.mark.parametrize("kept_ns", [0, NOON - 5 * HOUR, NOON - DAY, NOON - 3 * DAY])
def test_the_last_days_come_from_hours_as_far_as_these_are_kept(house: House, kept_ns: int):
    house.add(random.Random(2), 80, HOUR, 7 * HOUR, DAY + HOUR, 2 * DAY + HOUR, 20 * DAY)
    house.rollups.refresh(NOON)
    with house.database.transaction() as tx:
        for level, width in (("1m", MINUTE), ("1h", HOUR)):
            tx.execute("INSERT INTO kept_from VALUES ($subject, $ns)", subject=f"cost_{level}", ns=kept_ns // DAY * DAY)
            tx.execute(f"DELETE FROM cost_{level} WHERE bucket < $first", first=kept_ns // DAY * DAY // width)
    house.add(random.Random(3), 5, DAY + HOUR, MINUTE)
    everything, window = filters.parse((), filters.LEDGER), Range(NOON - 40 * DAY, NOON)
    with house.database.transaction() as tx:
        expected = calls.added(calls.cells(tx, periods.whole(window), everything)).shown()
    for _ in range(2):
        with house.database.reader() as reader:
            assert calls.whole(reader, window, everything).shown() == expected


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
