"""Dialogues that are counted once and added to give what counting all of them gives."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spanledger_server.statistics import dialogues, periods
from spanledger_server.store.database import Database
from spanledger_server.traces import filters
from tests.backend.rows import DAY, HOUR, NOON, insert
from tests.support.stores import new_store

YEAR_BEGINS = periods.to_date("year", NOON, ZoneInfo("UTC")).from_ns


@pytest.fixture
def database() -> Iterator[Database]:
    made = new_store()
    yield made
    made.close()


class Told:
    """Dialogues, in the store and here."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database, self.rng, self.rows = database, random.Random(seed), list[dict[str, Any]]()
        self.period: Any = "year"

    def add(self, number: int, from_ns: int, to_ns: int) -> None:
        rng, new = self.rng, []
        for _ in range(number):
            one = {
                "record_id": len(self.rows) + len(new),
                "at_ns": rng.randrange(from_ns, to_ns),
                "book_id": rng.choice([None, *(f"book-{int(rng.random() ** 2 * 260)}" for _ in range(9))]),
                "user_id": rng.choice([None, "", *(f"u{rng.randrange(50)}" for _ in range(9))]),
                "service": rng.choice(["shop", None]),
                "message_count": rng.choice([None, 0, 7, 40]),
                "duration_s": rng.choice([None, 0.5, 120.0]),
                "rating": rng.choice([None, 1.0, 5.0]),
                "feedback": rng.choice([None, "good"]),
            }
            new.append(one)
        self.rows += new
        insert(self.database, "dialogues", new)

    def ask(self, now_ns: int, by: str, zone: str, *f: str) -> dict[str, Any]:
        period = periods.to_date(self.period, now_ns, ZoneInfo(zone))
        with self.database.reader() as reader:
            return dialogues.dialogues(reader, period, by, filters.parse(f, dialogues.DIALOGUES).bound())

    def plain(self, now_ns: int, by: str, zone: str, only: str | None) -> dict[str, Any]:
        period = periods.to_date(self.period, now_ns, ZoneInfo(zone))
        rows = [row for row in self.rows if period.from_ns <= row["at_ns"] < period.to_ns]
        rows = [row for row in rows if only is None or row["service"] == only]
        groups, users, parts = defaultdict[Any, int](int), defaultdict[Any, set[str]](set), defaultdict[str, int](int)
        for row in rows:
            groups[row[f"{by}_id"]] += 1
            if row["user_id"] is not None:
                users[row[f"{by}_id"]].add(row["user_id"])
            parts[next(part.name for part in period.parts if part.from_ns <= row["at_ns"] < part.to_ns)] += 1
        order = sorted(groups, key=lambda name: (-groups[name], name is None, name or ""))
        shown = [(name, groups[name], len(users[name])) for name in order[:200]]
        if order[200:]:
            rest = set[str]().union(*(users[name] for name in order[200:]))
            shown.append(("other", sum(groups[name] for name in order[200:]), len(rest)))
        everybody = {row["user_id"] for row in rows} - {None}
        return {"all": (len(rows), len(everybody)), "each": shown, "parts": dict(parts)}


def shown(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "all": (answer["total_dialogues"], answer["unique_users"]),
        "each": [(row["category"], row["count"], row["unique_users"]) for row in answer["breakdown"]],
        "parts": {bar["date"]: bar["count"] for bar in answer["trend"] if bar["count"]},
    }


@pytest.mark.parametrize("seed", range(3))
def test_what_was_counted_before_and_what_came_since_are_what_all_of_them_are(database: Database, seed: int) -> None:
    told, now_ns = Told(database, seed), NOON
    for step in range(4):
        told.add(400, YEAR_BEGINS, now_ns)  # late ones, too
        told.add(50, now_ns - DAY, now_ns)
        for by in ("book", "user"):
            for zone in ("UTC", "Asia/Kathmandu"):
                for only, told.period in ((None, "year"), ("shop", "year"), (None, "today"), (None, "week")):
                    for _ in range(2):
                        answer = told.ask(now_ns, by, zone, *([] if only is None else [f"service:{only}"]))
                        assert shown(answer) == told.plain(now_ns, by, zone, only), (step, by, zone, only)
        told.period = "year"
        warm = told.ask(now_ns, "book", "UTC")
        database.memory.clear()
        assert warm == told.ask(now_ns, "book", "UTC"), "averages as well"
        now_ns += DAY * step + HOUR // 2


def test_days_that_are_being_deleted_are_not_remembered(database: Database) -> None:
    told = Told(database, 7)
    told.add(300, YEAR_BEGINS, NOON)
    before = told.ask(NOON, "book", "UTC")
    with database.transaction() as tx:
        tx.execute("INSERT INTO kept_from VALUES ('dialogues', $at)", at=YEAR_BEGINS + 3 * DAY)
        gone = tx.execute("DELETE FROM dialogues WHERE at_ns < $at", at=YEAR_BEGINS + 3 * DAY)
    told.add(gone, YEAR_BEGINS + 5 * DAY, NOON - 5 * DAY)  # as many as before
    assert told.ask(NOON, "book", "UTC")["trend"][:3] != before["trend"][:3]
    assert gone == sum(bar["count"] for bar in before["trend"][:3])
