"""Slices that are remembered by day and hour are judged as if each were looked at by itself."""

from __future__ import annotations

import random
from typing import Any

import pytest

from spanledger_server.slos import counting, definition, report, slices
from spanledger_server.slos.burn import Counts
from spanledger_server.slos.objective import Objective
from spanledger_server.store.database import Database
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range
from tests.backend.rows import MINUTE, NOON, SECOND, insert, line
from tests.backend.slos.test_counting import History
from tests.backend.slos.test_tallies import cut_out, forget_all, remembered
from tests.support.thorough import examples

METHODS: list[tuple[str, dict[str, Any]]] = [
    ("timeslices", {"window": "1m", "target": 0.75}),
    ("timeslices", {"window": "15m", "events": 3}),
    ("ratio_timeslices", {"window": "144m"}),
    ("timeslices", {"window": "1h", "target": 0.75}),
]


def objective(method: str, asked: dict[str, Any]) -> Objective:
    return definition.parse(
        {
            "name": "x",
            "service": "shop",
            "indicator": {"kind": "span", "good": {"status": "ok"}},
            "target": 0.9,
            "window": "30d",
            "method": method,
            "slice": asked,
        }
    )


def plainly(history: History, asked: Objective, windows: list[Range], out: list[Range]) -> tuple[list[Counts], bool]:
    """Each slice of each window, looked at by itself."""
    edge_ns, length_ns = max(one.to_ns for one in windows), asked.slice_ns
    whole = Range(min(one.from_ns for one in windows), edge_ns)
    events: dict[int, Counts] = {}
    for one in history.spans:
        at_ns = one["end_ns"]
        if at_ns in whole and one["service"] == "shop" and not any(at_ns in each for each in out):
            events.setdefault(at_ns // length_ns, Counts())
            minute = Range(at_ns, at_ns + 1)
            same = sum(other["end_ns"] == at_ns and other["service"] == "shop" for other in history.spans)
            found = history.expected(minute, lambda _: True, lambda each: each["status_code"] != 2)
            events[at_ns // length_ns] += Counts(
                *(getattr(found, name) / same for name in ("good", "total", "seen", "uncounted", "plain_good"))
            )
    every = sum(events.values(), Counts())
    loose = every.seen == 0 and every.uncounted > 0
    told = {number: each.as_sent if loose else each for number, each in events.items()}
    return [_window(asked, told, window, edge_ns, out) for window in windows], not loose


def _window(asked: Objective, events: dict[int, Counts], window: Range, edge_ns: int, out: list[Range]) -> Counts:
    numbers = range(-(-window.from_ns // asked.slice_ns), -(-window.to_ns // asked.slice_ns))
    if asked.slice_events is None:
        return sum((slices.judged(asked, events[number]) for number in numbers if number in events), Counts())
    found = Counts()
    for number in numbers:
        slice_ = Range(number * asked.slice_ns, (number + 1) * asked.slice_ns)
        cut = any(each.from_ns < slice_.to_ns and slice_.from_ns < each.to_ns for each in out)
        if not cut and slice_.to_ns < edge_ns and number >= min(events, default=2**62):
            found += slices.judged(asked, events.get(number, Counts()))
    return found


def test_slices_that_are_remembered_are_those_that_there_are(database: Database):
    wanted = [objective(*each) for each in METHODS]
    for seed in range(examples(1)):
        database.memory.clear()
        history = History.make(database, seed, weighted=seed % 2 == 1)
        chance, now_ns, held = history.chance, NOON, 0
        for step in range(4):
            edge_ns = (now_ns // MINUTE_NS + 1) * MINUTE_NS
            windows = [Range(edge_ns - minutes * MINUTE_NS, edge_ns) for minutes in (2900, 5, 60, 360, 1440)]
            windows.append(Range(edge_ns - 3000 * MINUTE_NS, edge_ns - 2900 * MINUTE_NS))
            out = cut_out(chance)
            with database.reader() as reader:
                held = max(held, remembered(database))
                for each in wanted:
                    found = slices.windows(reader, each, windows, out)
                    compare(found, plainly(history, each, windows, out), (seed, step, each.method, each.slice_ns))
            _go_on(history, chance, step)
            now_ns += chance.choice([0, MINUTE_NS, 61 * MINUTE_NS])
        assert held, "nothing was remembered"
        forget_all(database)


def compare(found: tuple[list[Counts], bool], expected: tuple[list[Counts], bool], told: tuple[Any, ...]) -> None:
    assert found[1] is expected[1], told
    for each, there in zip(found[0], expected[0], strict=True):
        assert (each.good, each.total) == (pytest.approx(there.good), there.total), told


def _go_on(history: History, chance: random.Random, step: int) -> None:
    if chance.random() < 0.7:
        history.add((step + 4) * 100, 20, weighted=False)
    if chance.random() < 0.7:
        history.refresh(NOON + chance.choice([0, HOUR_NS, DAY_NS]))


def test_a_month_of_minutes_is_not_judged_again_for_one_that_is_new(database: Database):
    history = History.make(database, 5)
    history.refresh(NOON + DAY_NS)
    wanted, edge_ns = objective(*METHODS[0]), NOON // MINUTE_NS * MINUTE_NS
    window = Range(edge_ns - 2 * DAY_NS, edge_ns)
    with database.reader() as reader:
        first = slices.windows(reader, wanted, [window], [])
    with database.transaction() as tx:
        tx.execute("DELETE FROM span_1m")
    with database.reader() as reader:  # nothing tells that they went, as the rollups would
        assert slices.windows(reader, wanted, [window], []) == first


def calls(**more: Any) -> Objective:
    given = {"name": "x", "service": "shop", "indicator": {"kind": "ledger", "good": {"status": "ok"}}}
    return definition.parse(given | {"target": 0.9, "window": "1d", "method": "timeslices", **more})


def test_a_report_counts_slices_and_what_they_spend_not_the_events_in_them(database: Database):
    rows = [
        line(n, NOON - n * 10 * SECOND, error_type="x" if 180 < n <= 210 else None) for n in range(1, 601)
    ]  # six a minute for a hundred minutes; in five of them none was good
    insert(database, "ledger", rows)
    with database.reader() as reader:
        found = report.of(reader, calls(slice={"window": "1m", "target": 0.5}), NOON - 1)
    (one,) = found.incidents
    assert (found.bad_ns, found.down_ns, one.down_ns) == (5 * MINUTE, 5 * MINUTE, 5 * MINUTE)
    assert one.counts.bad == 30
    assert found.status.budget is not None
    assert one.budget_share == pytest.approx(5 / found.status.budget.total)
    assert found.quiet_ns == DAY_NS - 100 * MINUTE
    assert {each.share for each in found.contributors} == {1.0}  # of the events, whatever a slice costs


def test_where_a_number_of_events_is_asked_for_silence_is_downtime_and_an_incident(database: Database):
    silent = range(60, 100)
    rows = [line(n, NOON - (n // 6) * MINUTE + SECOND) for n in range(6, 1200) if n // 6 not in silent]
    insert(database, "ledger", rows)
    with database.reader() as reader:
        found = report.of(reader, calls(slice={"window": "1m", "events": 3}), NOON - 1)
    (one,) = found.incidents
    assert (one.window.length_ns, one.down_ns, found.down_ns) == (40 * MINUTE, 40 * MINUTE, 40 * MINUTE)
    assert one.counts.total == 0
    assert one.budget_share > 1


def test_a_cut_that_lies_in_the_worst_hour_is_neither_bad_nor_down(database: Database):
    rows = [line(n, NOON - n * MINUTE + SECOND, error_type="x" if n < 60 else None) for n in range(1, 300)]
    insert(database, "ledger", rows)
    asked = calls(slice={"window": "5m", "target": 0.5})
    out = [Range(NOON - 52 * MINUTE, NOON - 2 * MINUTE)]
    with database.reader() as reader:
        found, told = slices.lost(reader, asked, Range(NOON - DAY_NS, NOON), out, 10)
    assert sorted((NOON - number * asked.slice_ns) // MINUTE for number in found) == [5, 55, 60]
    assert all(each.share == 1 for each in found.values())
    assert told == 300 // 5 - 9


LINES: list[dict[str, Any]] = [
    {"good": {"status": "ok"}},
    {"filter": {"tenant": "gold"}, "good": {"status": "ok"}},
    {"filter": {"tenant": ["!gold", "!silver"]}, "good": {"status": "ok"}},
    {"filter": {"tenant": None, "service": None}, "good": {"model": "m1"}},
    {"below": {"field": "duration_ms", "value": 500}},
    {"filter": {"tenant": ["gold", None]}, "good": {"status": "ok"}, "below": {"field": "cost_usd", "value": 0.02}},
    {"above": {"field": "tokens_per_second", "value": 100}},
    {"below": {"field": "time_to_first_chunk_ms", "value": 100}},
]


def test_objectives_on_the_ledger_count_the_same_together_as_one_by_one(database: Database):
    chance = random.Random(1)
    rows = [
        line(
            n,
            NOON - chance.randrange(3 * DAY_NS),
            service=chance.choice(["shop", "shop", None]),
            tenant=chance.choice(["gold", "silver", None]),
            model=chance.choice(["m1", "m2"]),
            error_type=chance.choice(["x", None, None]),
            duration_ns=chance.choice([None, 10**8, 9 * 10**8]),
            time_to_first_chunk_ns=chance.choice([None, 10**7, 10**9]),
            output_tokens=chance.choice([None, 10, 500]),
        )
        for n in range(1, 400)
    ]
    insert(database, "ledger", rows)
    asked = [calls(indicator={"kind": "ledger", **each}, method="occurrences").indicator for each in LINES]
    windows = [Range(NOON - days * DAY_NS, NOON) for days in (3, 1)] + [Range(NOON - HOUR_NS, NOON)]
    out = [Range(NOON - 30 * HOUR_NS, NOON - 20 * HOUR_NS)]
    with database.reader() as reader:
        together = counting.windows_of(reader, asked, windows, out)
        apart = [counting.windows(reader, each, windows, out) for each in asked]
    assert together == apart
    assert all(each[0].total > each[0].good > 0 for each in together)
