"""Requests from sampled spans: the rollups tell what the spans tell, and it is right on average."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from spanledger_server import estimates
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.statistics import weighed
from spanledger_server.statistics.weighed import Requests
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, insert, span
from tests.support.sampled import of_traces
from tests.support.stores import new_store


class House:
    """A database whose span rollups are kept up to date, as ingest and the tick do."""

    def __init__(self) -> None:
        self.database = new_store()
        self.dirty = DirtyBuckets()
        self.rollups = Rollups(self.database, self.dirty)

    def put(self, rows: list[dict[str, Any]], now_ns: int = NOON + DAY) -> None:
        insert(self.database, "spans", rows)
        with self.database.transaction() as tx:
            self.dirty.mark(tx, "span", {row["end_ns"] // MINUTE for row in rows})
        self.rollups.refresh(now_ns)

    def requests(self, from_ns: int, to_ns: int, service: str | None = None) -> dict[tuple[str, str], Requests]:
        with self.database.reader() as reader:
            return weighed.requests(reader, from_ns, to_ns, service)


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.database.close()


def requests_of(number: int, rng: random.Random, weight: float | None) -> list[dict[str, Any]]:
    """The spans of a trace: one to three requests to the shop, somewhere in three hours, each with a child."""
    spans = []
    for request in range(rng.randint(1, 3)):
        at, failed = NOON + rng.randrange(3 * HOUR), 2 if rng.random() < 0.2 else 0
        took = rng.randrange(1, 10**10)
        name = f"GET /{rng.randrange(3)}"
        root = span(number, 10 * request + 1, at, took, name=name, adjusted_count=weight, status_code=failed)
        child = span(number, 10 * request + 2, at, took, name="query", kind=1, adjusted_count=weight)
        spans += [root, child | {"parent_span_id": 10 * request + 1}]
    return spans


@pytest.mark.parametrize("together", [True, False], ids=["at once", "late and in any order"])
def test_requests_of_any_window_are_those_of_the_spans_whatever_came_late(house: House, together: bool) -> None:
    rng = random.Random(4)
    rows = [row for number in range(90) for row in requests_of(number, rng, rng.choice([1.0, 4.0, 20.0, None]))]
    if together:
        house.put(rows)
    else:
        rng.shuffle(rows)
        for start in range(0, len(rows), 100):
            house.put(rows[start : start + 100])
    for from_ns, to_ns in ((NOON, NOON + HOUR), (NOON + 7 * MINUTE, NOON + 90 * MINUTE), (NOON - DAY, NOON + DAY)):
        within = [row for row in rows if from_ns <= row["end_ns"] < to_ns and row["name"] != "query"]
        whole = weighed.together(house.requests(from_ns, to_ns).values())
        counted = [row for row in within if row["adjusted_count"] is not None]
        assert (whole.spans, whole.uncounted) == (len(within), len(within) - len(counted))
        assert whole.weight == pytest.approx(sum(row["adjusted_count"] for row in counted))
        failed = sum(row["adjusted_count"] for row in counted if row["status_code"] == 2)
        assert whole.failed_weight == pytest.approx(failed)
        assert sum(whole.durations.values()) == pytest.approx(whole.weight)


@pytest.mark.parametrize("hours_too", [False, True], ids=["minutes", "minutes and hours"])
def test_requests_from_before_what_is_kept_of_finer_rollups_come_from_coarser_ones(
    house: House, hours_too: bool
) -> None:
    midnight = NOON // DAY * DAY
    rows = [span(day, 1, midnight + day * DAY + HOUR, 1, adjusted_count=2.0) for day in range(6)]
    house.put(rows, now_ns=NOON + 10 * DAY)
    kept_ns = midnight + 3 * DAY
    with house.database.transaction() as tx:
        tx.execute("DELETE FROM span_1m WHERE bucket < $before", before=kept_ns // MINUTE)
        tx.execute("INSERT INTO kept_from VALUES ('span_1m', $kept)", kept=kept_ns)
        if hours_too:
            tx.execute("DELETE FROM span_1h WHERE bucket < $before", before=kept_ns // HOUR)
            tx.execute("INSERT INTO kept_from VALUES ('span_1h', $kept)", kept=kept_ns)
    for first, last in ((0, 6), (1, 3), (2, 5), (3, 6)):
        (found,) = house.requests(midnight + first * DAY, midnight + last * DAY).values()
        assert found.weight == 2 * (last - first)
    (found,) = house.requests(midnight + DAY + HOUR, midnight + DAY + 2 * HOUR).values()
    assert found.weight == 2


def test_the_variance_of_a_rollup_is_that_of_whole_traces_though_they_lie_in_several_minutes(house: House) -> None:
    rng = random.Random(9)
    traces = [requests_of(number, rng, 10.0) for number in range(600)]
    house.put([row for spans in traces for row in spans])
    whole = weighed.together(house.requests(NOON - DAY, NOON + DAY).values())
    exact = of_traces([(10.0, 1.0)] * (len(spans) // 2) for spans in traces)
    assert whole.total is not None
    assert whole.total.value == pytest.approx(exact.total)
    assert estimates.spread_variance(whole.spread) == pytest.approx(exact.variance, rel=0.4)
    apart = sum(90 for spans in traces for _ in range(len(spans) // 2))
    assert exact.variance > 2 * apart


def test_counts_shares_and_percentiles_hold_the_truth_in_most_samples(house: House) -> None:
    rng = random.Random(2)
    truth = [(rng.random() < 0.1, int(rng.lognormvariate(18, 1))) for _ in range(3000)]
    true_p95 = statistics.quantiles([took for _, took in truth], n=20)[-1]
    true_share = sum(failed for failed, _ in truth) / 3000
    runs, kept = 40, []
    for run in range(runs):
        for number, (failed, took) in enumerate(truth, run * 3000):
            if rng.random() < 0.1:
                end_ns = NOON + run * HOUR
                status = 2 if failed else 0
                kept.append(span(number, 1, end_ns - took, took, adjusted_count=10.0, status_code=status))
    house.put(kept)
    held = {"total": 0, "failed": 0, "p95": 0}
    for run in range(runs):
        found = weighed.together(house.requests(NOON + run * HOUR, NOON + (run + 1) * HOUR).values())
        total, failed, p95 = found.total, found.failed, found.duration_ns(0.95)
        assert total is not None
        assert failed is not None
        assert p95 is not None
        held["total"] += total.low <= 3000 <= total.high
        held["failed"] += failed.low <= true_share <= failed.high
        held["p95"] += p95.low <= true_p95 * 1.011 and p95.high >= true_p95 / 1.011
    assert all(times >= 0.85 * runs for times in held.values()), held


def test_spans_that_do_not_say_how_they_were_sampled_are_left_out_and_counted(house: House) -> None:
    house.put([span(1, 1, NOON, adjusted_count=5.0), span(2, 1, NOON), span(3, 1, NOON)])
    found = house.requests(NOON, NOON + HOUR)["shop", "GET /"]
    assert (found.spans, found.uncounted, found.weight, found.dropped) == (3, 2, 5, 4)
    assert found.uncounted_share == pytest.approx(2 / 3)


def test_of_spans_that_all_do_not_say_nothing_is_estimated(house: House) -> None:
    house.put([span(1, 1, NOON)])
    found = house.requests(NOON, NOON + HOUR)["shop", "GET /"]
    assert (found.spans, found.total, found.failed, found.duration_ns(0.5)) == (1, None, None, None)


def test_only_the_spans_with_which_a_request_enters_a_service_are_requests(house: House) -> None:
    house.put(
        [
            span(1, 1, NOON, kind=1, name="root", adjusted_count=1.0),
            span(1, 2, NOON, name="from elsewhere", parent_span_id=1, flags=0x300, service="bank", adjusted_count=1.0),
            span(1, 3, NOON, name="unknown origin", parent_span_id=1, service="bank", adjusted_count=1.0),
            span(1, 4, NOON, name="mounted", parent_span_id=1, flags=0x100, adjusted_count=1.0),
            span(1, 5, NOON, kind=3, name="call", parent_span_id=1, adjusted_count=1.0),
        ]
    )
    names = {operation for _, operation in house.requests(NOON, NOON + HOUR)}
    assert names == {"root", "from elsewhere", "unknown origin"}
    assert {service for service, _ in house.requests(NOON, NOON + HOUR, "bank")} == {"bank"}


def test_failures_that_are_kept_for_certain_are_counted_exactly(house: House) -> None:
    kept = [span(number, 1, NOON, adjusted_count=20.0) for number in range(50)]
    failed = [span(100 + number, 1, NOON, adjusted_count=1.0, status_code=2) for number in range(30)]
    house.put(kept + failed)
    found = house.requests(NOON, NOON + HOUR)["shop", "GET /"]
    assert found.failed is not None
    assert found.failed.value == pytest.approx(30 / 1030)
    assert found.failed.low < 30 / 1030 < found.failed.high
    assert found.failed.high < 0.05


def test_weights_are_added_like_numbers_one_after_the_other() -> None:
    chance, weights, plain = random.Random(5), weighed.Weights(), dict[int, float]()
    assert dict(weights) == {}
    for turn in range(40):
        keys = sorted(chance.sample(range(-5, 60), chance.randrange(20)))
        numbers = [chance.uniform(0, 1e6) for _ in keys]
        weights.add(np.array(keys, np.int64), np.array(numbers))
        for key, number in zip(keys, numbers, strict=True):
            plain[key] = plain.get(key, 0.0) + number
        if turn % 7 == 0:  # asking in between changes nothing
            assert weights == plain
    assert weights.each() == (sorted(plain), [plain[key] for key in sorted(plain)])
    both = weighed.Weights()
    both.extend(weights)
    assert both == plain
    assert len(both) == len(plain)
