"""What is remembered of counts is what counting anew gives, whatever came, late or not, between two readings."""

from __future__ import annotations

import random
from typing import Any

import pytest

from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.slos import counting
from spanledger_server.slos.burn import Counts
from spanledger_server.slos.objective import Indicator
from spanledger_server.slos.tallies import Tallies
from spanledger_server.store.database import Database
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range
from tests.backend.rows import NOON, insert, line
from tests.backend.slos.test_counting import CASES, History, indicator
from tests.support.thorough import examples

GOOD = {"kind": "span", "good": {"status": "ok"}}
SPANS = frozenset({"span"})


def remembered(database: Database) -> int:
    found: Tallies | None = database.memory.get("slos.tallies")
    return 0 if found is None else sum(len(each.found) for each in found._questions.values())


def cut_out(chance: random.Random) -> list[Range]:
    first = (NOON - chance.randrange(40) * HOUR_NS) // MINUTE_NS - chance.randrange(60)
    return [Range(first * MINUTE_NS, (first + chance.randrange(1, 90)) * MINUTE_NS)] if chance.random() < 0.3 else []


@pytest.mark.parametrize("case", CASES, ids=["status", "threshold", "both", "attributes"])
def test_what_is_remembered_agrees_with_all_events_when_some_come_between_two_readings(database: Database, case: Any):
    asked, counts, good = case
    for seed in range(examples(1)):
        database.memory.clear()
        history = History.make(database, seed, weighted=seed % 2 == 1)
        chance, now_ns, held = history.chance, NOON, 0
        for step in range(5):
            to_ns = now_ns // MINUTE_NS * MINUTE_NS
            wanted = [Range(to_ns - minutes * MINUTE_NS, to_ns) for minutes in (5, 60, 360, 1440, 2900)]
            out = cut_out(chance)
            with database.reader() as reader:
                held = max(held, remembered(database))
                found = counting.windows(reader, indicator(**asked), wanted, out)
                hours = counting.slices(reader, indicator(**asked), [wanted[-1]], HOUR_NS)
            for window, each in zip(wanted, found, strict=True):
                left = history.expected(window, counts, good)
                for gap in out:
                    inside = Range(
                        max(gap.from_ns, window.from_ns), max(gap.from_ns, window.from_ns, min(gap.to_ns, window.to_ns))
                    )
                    left = minus(left, history.expected(inside, counts, good))
                assert each == left, (seed, step, window)
            assert sum(hours.values(), Counts()) == history.expected(wanted[-1], counts, good)
            if chance.random() < 0.7:
                history.add((step + 4) * 100, 20, weighted=seed % 2 == 1)
            if chance.random() < 0.7:
                history.refresh(NOON + chance.choice([0, HOUR_NS, DAY_NS]))
            now_ns += chance.choice([0, MINUTE_NS, 61 * MINUTE_NS])
        assert held, "nothing was remembered"
        forget_all(database)


def minus(one: Counts, other: Counts) -> Counts:
    return Counts(
        one.good - other.good,
        one.total - other.total,
        one.seen - other.seen,
        one.uncounted - other.uncounted,
        one.plain_good - other.plain_good,
    )


def forget_all(database: Database) -> None:
    with database.transaction() as tx:
        for table in ("spans", "dirty_buckets", "span_1m", "span_1h", "span_1d", "rollup_log"):
            tx.execute(f"DELETE FROM {table}")


def test_lines_of_the_ledger_that_come_late_are_counted_though_their_day_was(database: Database):
    asked, dirty = indicator(kind="ledger", good={"status": "ok"}), DirtyBuckets()
    window = Range(NOON - 3 * DAY_NS, NOON + MINUTE_NS)
    for number in range(1, 6):
        late = line(number, NOON - number % 3 * DAY_NS, error_type="x" if number == 4 else None)
        with database.transaction() as tx:
            dirty.mark(tx, "cost", [late["at_ns"] // MINUTE_NS])
        insert(database, "ledger", [late])
        for now_ns in (None, NOON + DAY_NS):
            if now_ns is not None:
                Rollups(database, dirty).refresh(now_ns)
            with database.reader() as reader:
                (found,) = counting.windows(reader, asked, [window])
            assert (found.good, found.total) == (number - (number >= 4), number)


def test_a_month_that_is_remembered_is_not_read_again(database: Database):
    history = History.make(database, 11)
    history.refresh(NOON + DAY_NS)
    window = Range(NOON // MINUTE_NS * MINUTE_NS - 2 * DAY_NS, NOON // MINUTE_NS * MINUTE_NS)
    with database.reader() as reader:
        first = counting.windows(reader, indicator(**GOOD), [window])
    with database.transaction() as tx:
        tx.execute("DELETE FROM span_1d")
        tx.execute("DELETE FROM span_1h")
    with database.reader() as reader:  # nothing tells that they went, as retention and the rollups would
        assert counting.windows(reader, indicator(**GOOD), [window]) == first
    with database.transaction() as tx:  # as retention tells
        tx.execute("INSERT INTO kept_from VALUES ('span_1h', $ns), ('span_1d', $ns)", ns=NOON + DAY_NS)
    with database.reader() as reader:
        assert counting.windows(reader, indicator(**GOOD), [window]) != first


def test_what_changes_rows_remembers_nothing(database: Database):
    History.make(database, 12)
    database.memory.clear()
    window = Range(NOON - DAY_NS, NOON)
    with database.transaction() as tx:
        before = counting.windows(tx, indicator(**GOOD), [window])
        tx.execute("DELETE FROM spans")
        tx.execute("DELETE FROM span_1m")
        tx.execute("DELETE FROM span_1h")
        after = counting.windows(tx, indicator(**GOOD), [window])
    assert before != after == [Counts()]
    assert remembered(database) == 0


def test_an_older_snapshot_is_given_nothing_newer_and_leaves_nothing_older():
    asked: Indicator = indicator(**GOOD)
    tallies, figures, changed = Tallies(), (1.0, 2.0), {4: ("span", "1m", 7)}
    older = tallies.bring_up_to(3, {3: ("span", "1h", 1)})
    tallies.keep(older, asked, SPANS, {("1m", 7): figures, ("1h", 1): figures})
    newer = tallies.bring_up_to(4, {3: ("span", "1h", 1), **changed})
    assert tallies.find(older, asked, [("1h", 1)]) == {}
    assert tallies.find(newer, asked, [("1h", 1), ("1m", 7)]) == {("1h", 1): figures}
    tallies.keep(older, asked, SPANS, {("1m", 7): (9.0, 9.0)})
    assert tallies.find(newer, asked, [("1m", 7)]) == {}
    assert tallies.bring_up_to(3, {3: ("span", "1h", 1)}) is None
    assert tallies.find(newer, asked, [("1h", 1)]) == {("1h", 1): figures}


def test_when_the_notes_do_not_reach_back_all_is_forgotten():
    asked, figures = indicator(**GOOD), (1.0, 2.0)
    tallies = Tallies()
    assert tallies.bring_up_to(None, {}) is None
    version = tallies.bring_up_to(3, {3: ("span", "1h", 1)})
    tallies.keep(version, asked, SPANS, {("1d", 5): figures})
    version = tallies.bring_up_to(90, {90: ("span", "1m", 1)})
    assert tallies.find(version, asked, [("1d", 5)]) == {}


def test_more_than_may_be_held_pushes_out_what_was_asked_least_lately(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("spanledger_server.slos.tallies.MOST_FIGURES", 4)
    tallies = Tallies()
    version = tallies.bring_up_to(1, {1: ("span", "1m", 1)})
    for number, question in enumerate(("a", "b", "a", "c")):
        tallies.keep(version, question, SPANS, {("1m", number): (1.0,), ("1m", number + 1): (1.0,)})
    assert [tallies.find(version, question, [("1m", 0), ("1m", 3)]) for question in "abc"] == [
        {},
        {},
        {("1m", 3): (1.0,)},
    ]
