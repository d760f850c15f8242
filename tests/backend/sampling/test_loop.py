"""The closed loop against simulated senders: what it serves comes back as spans, through the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from spanledger_server.sampling import budget
from spanledger_server.sampling.loop import ClosedLoop
from spanledger_server.store.database import Database
from tests.backend.rows import MINUTE, NOON, SECOND
from tests.support.stores import new_store

TICK_S = 15
POLL_S = 60


@pytest.fixture
def database() -> Iterator[Database]:
    opened = new_store()
    yield opened
    opened.close()


class Fleet:
    """Services whose traces begin by chance at given rates, and which ask once a minute what to keep."""

    def __init__(self, database: Database, rates: Any, *, spans: int = 1, services: int = 10, limit: float) -> None:
        self.rates = rates
        self.now_ns = NOON
        self.refused = 0
        self.uncounted_per_s = 0
        self.stored: list[int] = []  # spans by tick
        self.counts: list[Any] = []  # arrivals and kept traces of each operation by tick
        self.loop = ClosedLoop(database, limit, lambda: self.refused)
        self._database = database
        self._spans = spans
        self._services = services
        self._rng = np.random.default_rng(5)
        self._kept = np.ones(len(rates))
        self._number = 0

    def run(self, minutes: float) -> None:
        for _ in range(int(minutes * 60 / TICK_S)):
            self._begin_traces()
            self.now_ns += TICK_S * SECOND
            self.loop.tick(self.now_ns)
            self._poll()

    def minutes(self, last: int) -> list[tuple[float, Any, Any]]:
        """Of each of the last minutes: spans a second, arrivals and kept traces by operation."""
        each = 60 // TICK_S
        found = []
        for start in range(len(self.stored) - last * each, len(self.stored), each):
            arrived, kept = (sum(part[way] for part in self.counts[start : start + each]) for way in (0, 1))
            found.append((sum(self.stored[start : start + each]) / 60, arrived, kept))
        return found

    def _begin_traces(self) -> None:
        arrived = self._rng.poisson(self.rates * TICK_S)
        kept = self._rng.binomial(arrived, self._kept)
        self.counts.append((arrived, kept))
        self.stored.append(int(kept.sum()) * self._spans)
        operation = np.repeat(np.arange(len(self.rates)), kept)
        number = self._number + np.arange(len(operation))
        self._number += len(operation)
        ends = self.now_ns + self._rng.integers(0, TICK_S * SECOND, len(operation))
        self._add_uncounted()
        columns = {"number": number, "operation": operation, "end_ns": ends, "weight": 1 / self._kept[operation]}
        with self._database.transaction() as tx, tx.scan("begun", pa.table(columns)):
            tx.execute(
                """INSERT INTO spans BY NAME
                SELECT md5(number::VARCHAR)::UUID AS trace_id, span_id + 1 AS span_id,
                    CASE WHEN span_id > 0 THEN 1 END AS parent_span_id, end_ns - 1000 AS start_ns, end_ns,
                    'svc' || (operation % $services) AS service, 'op' || operation AS name, 2 AS kind,
                    0 AS status_code, weight AS adjusted_count
                FROM begun, range($spans) AS t(span_id)""",
                services=self._services,
                spans=self._spans,
            )

    def _add_uncounted(self) -> None:
        """Spans of a service that goes through a sampler of its own."""
        with self._database.transaction() as tx:
            tx.execute(
                """INSERT INTO spans BY NAME
                SELECT uuid() AS trace_id, 1 AS span_id, $now_ns + n AS start_ns, $now_ns + n AS end_ns,
                    'other' AS service, 'op' AS name, 2 AS kind, 0 AS status_code FROM range($number) AS t(n)""",
                now_ns=self.now_ns,
                number=self.uncounted_per_s * TICK_S,
            )

    def _poll(self) -> None:
        tick = (self.now_ns - NOON) // (TICK_S * SECOND)
        for service in range(self._services):
            if tick % (POLL_S // TICK_S) == service % (POLL_S // TICK_S):
                told = self.loop.strategy(f"svc{service}")
                for number in range(service, len(self.rates), self._services):
                    self._kept[number] = told.operations.get(f"op{number}", told.default)


def zipf(operations: int, per_s: float) -> Any:
    shares = 1 / np.arange(1, operations + 1)
    return shares / shares.sum() * per_s


def test_500_operations_share_a_budget_and_each_of_them_is_seen_every_minute(database: Database) -> None:
    fleet = Fleet(database, zipf(500, 2000), limit=100)
    fleet.run(12)
    for spans_per_s, arrived, kept in fleet.minutes(8):
        assert spans_per_s == pytest.approx(100, rel=0.10)
        assert not ((arrived > 0) & (kept == 0)).any()


def test_the_budget_is_one_of_spans_however_many_a_trace_has(database: Database) -> None:
    fleet = Fleet(database, zipf(50, 800), spans=5, limit=100)
    fleet.run(10)
    for spans_per_s, _, _ in fleet.minutes(5):
        assert spans_per_s == pytest.approx(100, rel=0.10)


def test_rare_operations_are_kept_whole_and_what_they_leave_goes_to_the_busy_ones(database: Database) -> None:
    fleet = Fleet(database, np.array([0.1] * 9 + [1000.0]), limit=50, services=1)
    fleet.run(8)
    told = fleet.loop.strategy("svc0")
    assert all(told.operations[f"op{number}"] == 1 for number in range(9))
    assert fleet.minutes(1)[0][0] == pytest.approx(50, rel=0.10)


def test_a_step_of_traffic_is_followed_within_minutes(database: Database) -> None:
    fleet = Fleet(database, np.full(20, 2.0), limit=100)
    fleet.run(5)
    assert fleet.loop.state.default == 1
    fleet.rates = fleet.rates * 50
    fleet.run(5)
    assert fleet.minutes(2)[0][0] == pytest.approx(100, rel=0.15)
    fleet.rates = fleet.rates / 20
    fleet.run(5)
    assert fleet.minutes(2)[0][0] == pytest.approx(100, rel=0.15)


def test_what_came_in_the_first_seconds_is_not_taken_for_a_whole_minute(database: Database) -> None:
    fleet = Fleet(database, np.full(10, 40.0), limit=100)
    fleet.run(TICK_S / 60)
    seen = fleet.loop.state.seen
    assert seen is not None
    assert sum(each.traces_per_s for each in seen.operations.values()) == pytest.approx(400, rel=0.10)
    assert seen.spans_per_s == pytest.approx(400, rel=0.10)
    fleet.run(1)  # until each sender has asked once
    assert fleet.stored[-1] == pytest.approx(100 * TICK_S, rel=0.4)


def test_a_busy_server_has_its_senders_keep_less_within_a_minute_and_lets_them_come_back(database: Database) -> None:
    fleet = Fleet(database, np.full(10, 5.0), limit=1000, services=1)
    fleet.run(2)
    assert set(fleet.loop.strategy("svc0").operations.values()) == {1.0}
    for _ in range(60 // TICK_S):
        fleet.refused += 1
        fleet.run(TICK_S / 60)
    told = fleet.loop.strategy("svc0")
    assert {told.default, *told.operations.values()} == {1 / 16}
    fleet.run(4)
    assert set(fleet.loop.strategy("svc0").operations.values()) == {1.0}


def test_spans_that_nobody_can_weigh_use_the_budget_too_but_not_all_of_it(database: Database) -> None:
    fleet = Fleet(database, zipf(20, 500), limit=100)
    fleet.uncounted_per_s = 40
    fleet.run(8)
    assert fleet.minutes(2)[0][0] == pytest.approx(60, rel=0.10)
    fleet.uncounted_per_s = 1000
    fleet.run(6)
    assert all(spans_per_s == pytest.approx(10, rel=0.2) for spans_per_s, _, _ in fleet.minutes(4))


def test_without_a_budget_everything_is_kept_but_a_busy_server_is_heard(database: Database) -> None:
    refused = 0
    loop = ClosedLoop(database, None, lambda: refused)
    loop.tick(NOON)
    assert (loop.strategy("shop").default, loop.strategy("shop").operations) == (1.0, {})
    refused = 1
    loop.tick(NOON + MINUTE)
    assert loop.strategy("shop").default == 0.5


def test_a_burst_of_new_names_gets_a_tenth_of_the_budget(database: Database) -> None:
    fleet = Fleet(database, np.full(10, 5.0), limit=100, services=1)
    fleet.run(5)
    assert fleet.loop.strategy("svc0").default == 1
    fleet.rates = np.concatenate([fleet.rates, np.full(2000, 1.0)])
    fleet._kept = np.concatenate([fleet._kept, np.full(2000, fleet.loop.state.default)])
    fleet.run(0.5)
    assert fleet.loop.strategy("svc0").default < 0.05


def test_an_administrators_budget_comes_before_the_settings_and_outlives_a_restart(database: Database) -> None:
    with database.transaction() as tx:
        budget.put(tx, 25.0, NOON)
    loop = ClosedLoop(database, 100.0, lambda: 0)
    loop.tick(NOON)
    assert loop.state.budget == budget.Budget(25.0, "administrator")
    with database.transaction() as tx:
        budget.put(tx, None, NOON)
    loop.tick(NOON)
    assert loop.state.budget == budget.Budget(None, "administrator")
    with database.transaction() as tx:
        budget.reset(tx)
    loop.tick(NOON)
    assert loop.state.budget == budget.Budget(100.0, "setting")


def test_an_answer_is_never_longer_than_a_sender_reads_and_keeps_what_matters_most(database: Database) -> None:
    rates = np.concatenate([np.full(3000, 0.02), np.full(3, 50.0)])
    fleet = Fleet(database, rates, limit=60, services=1)
    fleet.run(1)
    long = {
        ("svc0", f"{operation}{'x' * 400}"): each for (_, operation), each in fleet.loop.state.probabilities.items()
    }
    fleet.loop.state = replace(fleet.loop.state, probabilities=long)
    told = fleet.loop.strategy("svc0")
    assert sum(len(operation) + 80 for operation in told.operations) <= 500_000
    busy = [probability for operation, probability in told.operations.items() if operation[:6] in ("op3000", "op3002")]
    assert len(busy) == 2
    assert max(busy) < 0.1
