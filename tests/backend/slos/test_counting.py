"""Counts of windows against a plain count over all events, whatever of the rollups is fresh, stale or deleted."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from spanledger_server.rollups import histogram
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.slos import counting, definition
from spanledger_server.slos.burn import Counts
from spanledger_server.slos.objective import Indicator
from spanledger_server.store.database import Database
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range
from tests.backend.rows import NOON, insert, line, span
from tests.support.thorough import examples


def indicator(**asked: Any) -> Indicator:
    return definition.parse(
        {"name": "x", "service": "shop", "indicator": asked, "target": 0.99, "window": "30d"}
    ).indicator


@dataclass
class History:
    """Random spans and the rollups made of some of them."""

    database: Database
    chance: random.Random
    spans: list[dict[str, Any]] = field(default_factory=list)
    dirty: DirtyBuckets = field(default_factory=DirtyBuckets)

    @classmethod
    def make(cls, database: Database, seed: int, *, weighted: bool = False) -> History:
        history = cls(database, random.Random(seed))
        for part in range(3):
            history.add(part * 100, 100, weighted)
            if part < 2:
                history.refresh(NOON - history.chance.choice([0, HOUR_NS, 5 * HOUR_NS]))
        return history

    def add(self, first: int, number: int, weighted: bool) -> None:
        chance = self.chance
        new = []
        minutes = [chance.randrange(50 * 60) for _ in range(12)]
        for n in range(first, first + number):
            start_ns = NOON - chance.choice(minutes) * MINUTE_NS - chance.randrange(MINUTE_NS)
            new.append(
                span(
                    n + 1,
                    n + 1,
                    start_ns,
                    chance.randrange(1, 2 * 10**9),
                    service=chance.choice(["shop", "shop", "other"]),
                    route=chance.choice(["/books", "/chat", None]),
                    status_code=chance.choice([0, 0, 1, 2]),
                    adjusted_count=chance.choice([1, 4, None]) if weighted else 1,
                    user_tier=chance.choice(["gold", None]),
                    attributes=f'{{"shop.till": "{chance.randrange(3)}"}}',
                )
            )
        self.spans += new
        insert(self.database, "spans", new)
        with self.database.transaction() as tx:
            self.dirty.mark(tx, "span", {one["end_ns"] // MINUTE_NS for one in new})

    def refresh(self, now_ns: int) -> None:
        Rollups(self.database, self.dirty).refresh(now_ns)

    def expected(self, asked: Range, counts: Callable[[Any], bool], good: Callable[[Any], bool]) -> Counts:
        found = Counts()
        for one in self.spans:
            if one["end_ns"] not in asked or one["service"] != "shop" or not counts(one):
                continue
            weight = one["adjusted_count"]
            if weight is None:
                found += Counts(uncounted=1, plain_good=good(one))
            else:
                found += Counts(weight if good(one) else 0, weight, 1, plain_good=good(one))
        return found


def ranges(chance: random.Random) -> list[Range]:
    to_ns = NOON // MINUTE_NS * MINUTE_NS - chance.randrange(120) * MINUTE_NS
    lengths = [5, 30, 60, 120, 360, 1440, chance.randrange(1, 3000)]
    return [Range(to_ns - minutes * MINUTE_NS, to_ns) for minutes in lengths]


def below(one: Any) -> bool:
    return histogram.code(one["end_ns"] - one["start_ns"]) <= histogram.code(500e6)


CASES: list[tuple[dict[str, Any], Callable[[Any], bool], Callable[[Any], bool]]] = [
    ({"kind": "span", "good": {"status": "ok"}}, lambda one: True, lambda one: one["status_code"] != 2),
    (
        {"kind": "span", "filter": {"http.route": ["/chat", None]}, "below": {"field": "duration_ms", "value": 500}},
        lambda one: one["route"] != "/books",
        below,
    ),
    (
        {"kind": "span", "filter": {"route": "!/chat"}, "good": {"status": "!error"}, "below": {"value": 500}},
        lambda one: one["route"] != "/chat",
        lambda one: one["status_code"] != 2 and below(one),
    ),
    (
        {"kind": "span", "filter": {"shop.till": {"gte": 1}}, "good": {"user_tier": "gold"}},
        lambda one: "0" not in one["attributes"],
        lambda one: one["user_tier"] == "gold",
    ),
]


@pytest.mark.parametrize("weighted", [False, True], ids=["all kept", "sampled"])
@pytest.mark.parametrize("case", CASES, ids=["status", "threshold", "both", "attributes"])
def test_windows_are_what_a_count_over_all_spans_gives(database: Database, case: Any, weighted: bool):
    asked, counts, good = case
    for seed in range(examples(2)):
        history = History.make(database, seed, weighted=weighted)
        wanted = ranges(history.chance)
        with database.reader() as reader:
            found = counting.windows(reader, indicator(**asked), wanted)
        for window, each in zip(wanted, found, strict=True):
            assert each == history.expected(window, counts, good), (seed, window)
        with database.transaction() as tx:
            for table in ("spans", "dirty_buckets", "span_1m", "span_1h", "span_1d", "rollup_log"):
                tx.execute(f"DELETE FROM {table}")


def test_slices_and_groups_add_up_to_the_window(database: Database):
    history = History.make(database, 7)
    asked, counts, good = CASES[0]
    window = Range((NOON - 20 * HOUR_NS) // HOUR_NS * HOUR_NS, NOON // MINUTE_NS * MINUTE_NS)
    expected = history.expected(window, counts, good)
    with database.reader() as reader:
        for slice_ns in (MINUTE_NS, 5 * MINUTE_NS, HOUR_NS):
            slices = counting.slices(reader, indicator(**asked), [window], slice_ns)
            assert sum(slices.values(), Counts()) == expected
            assert list(slices) == sorted(slices)
        routes = counting.groups(reader, indicator(**asked), [window], ["route"])["route"]
    assert sum(routes.values(), Counts()) == expected
    assert set(routes) == {"/books", "/chat", None}


def test_where_minutes_are_deleted_whole_hours_are_read(database: Database):
    history = History.make(database, 3)
    history.refresh(NOON + DAY_NS)
    since = NOON - 5 * HOUR_NS
    with database.transaction() as tx:
        tx.execute("DELETE FROM spans")
        tx.execute("DELETE FROM span_1m WHERE bucket < $before", before=since // MINUTE_NS)
        tx.execute("INSERT INTO kept_from VALUES ('span_1m', $ns), ('spans', $ns)", ns=since)
    window = Range(NOON - 20 * HOUR_NS + 7 * MINUTE_NS, NOON)
    asked, counts, good = CASES[0]
    with database.reader() as reader:
        (found,) = counting.windows(reader, indicator(**asked), [window])
    assert found == history.expected(Range(NOON - 20 * HOUR_NS, NOON), counts, good)


def test_ledger_lines_are_counted_by_their_exact_values(database: Database):
    values = [50, 200, 201, None]
    insert(
        database,
        "ledger",
        [
            line(n, NOON - n * 10**9, time_to_first_chunk_ns=None if value is None else value * 10**6)
            for n, value in enumerate(values * 3, 1)
        ],
    )
    asked = indicator(kind="ledger", below={"field": "time_to_first_chunk_ms", "value": 200})
    window = Range(NOON - HOUR_NS, NOON)
    with database.reader() as reader:
        assert counting.windows(reader, asked, [window]) == [Counts(6, 9, 9, 0)]
        assert counting.groups(reader, asked, [window], ["model"])["model"] == {"gpt-5.2": Counts(6, 9, 9, 0)}


def metric(database: Database, name: str, kind: str, values: list[float], series: int = 1, **labels: str) -> None:
    attributes = "{" + ",".join(f'"{key}": "{value}"' for key, value in labels.items()) + "}"
    insert(
        database,
        "metric_series",
        [
            {
                "series_id": series,
                "name": name,
                "kind": kind,
                "temporality": "delta" if kind == "sum" else None,
                "monotonic": kind == "sum",
                "service": "shop",
                "attributes": attributes,
            }
        ],
    )
    points = [{"series_id": series, "at_ns": NOON - 600 * 10**9 + n * 10**9, "value": v} for n, v in enumerate(values)]
    insert(database, "metric_points", points)
    dirty = DirtyBuckets()
    with database.transaction() as tx:
        dirty.mark(tx, "metric", {point["at_ns"] // MINUTE_NS for point in points})
    Rollups(database, dirty).refresh(NOON)


def test_gauges_are_compared_and_counters_are_divided(database: Database):
    metric(database, "audio.pesq", "gauge", [3.0, 3.4, 3.6, 4.0, 4.2], 1)
    metric(database, "orders", "sum", [5, 5], 2, outcome="paid")
    metric(database, "orders", "sum", [1, 1], 3, outcome="failed")
    metric(database, "paid_orders", "sum", [4, 5], 4)
    window = Range(NOON - HOUR_NS, NOON)
    quality = indicator(kind="metric", metric="audio.pesq", above={"value": 3.5})
    outcome = indicator(kind="metric", metric="orders", good={"outcome": "paid"})
    two = indicator(kind="metric", metric="orders", good_metric="paid_orders")
    with database.reader() as reader:
        found = [counting.windows(reader, each, [window])[0] for each in (quality, outcome, two)]
    assert [(each.good, each.total) for each in found] == [(3, 5), (10, 12), (9, 12)]
    assert quality.threshold is not None
    assert counting.effective(quality.threshold, "metric") == pytest.approx(3.5, rel=0.022)


def test_a_service_is_heard_in_the_minutes_in_which_it_says_anything(database: Database):
    metric(database, "process.cpu", "gauge", [1.0], 1)
    window = Range(NOON - HOUR_NS, NOON)
    with database.reader() as reader:
        assert counting.heard(reader, "shop", window) == ([(NOON - 600 * 10**9) // MINUTE_NS], True)
        assert counting.heard(reader, "nobody", window) == ([], False)
