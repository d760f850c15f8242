"""Reservations and leases: never beyond the limit, counted once, settled once, alive after a restart."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_server.budgets import record, reserve, status
from spanledger_server.budgets.reserve import SETTLED_COUNTS_NS, USED_COUNTS_NS, Renewal
from spanledger_server.errors import NotFound
from spanledger_server.store.database import Database
from tests.backend.budgets.made import values
from tests.backend.rows import DAY, HOUR, NOON, SECOND, insert, line
from tests.support.stores import new_store
from tests.support.thorough import examples

MINUTE = 60 * SECOND


class Desk:
    """One budget of 10 USD a month for the service `shop`, and a clock that a test moves."""

    def __init__(self, database: Database, **more: Any) -> None:
        self.database, self.now_ns = database, NOON
        self.lines = 0
        with database.transaction() as tx:
            self.id = record.create(tx, values("b", **{"service": "shop", **more}), NOON, "me").budget_id

    def reserve(self, amount: str, ttl_ns: int = MINUTE) -> reserve.Granted:
        with self.database.transaction() as tx:
            return reserve.reserve(tx, record.read(tx, self.id), Decimal(amount), ttl_ns, self.now_ns, "UTC")

    def settle(self, reservation_id: str | None, amount: str, call: tuple[str, int] | None = None) -> reserve.Settled:
        assert reservation_id is not None
        with self.database.transaction() as tx:
            return reserve.settle(tx, self.id, reservation_id, Decimal(amount), self.now_ns, call)

    def lease(self, holder: str, used: str, want: str | None) -> reserve.Lease:
        asked = [Renewal(self.id, Decimal(used), None if want is None else Decimal(want))]
        (found,) = reserve.renew(self.database, holder, asked, 15 * SECOND, self.now_ns, "UTC")
        return found

    def bill(self, cost: str | None, **more: Any) -> None:
        self.lines += 1
        insert(self.database, "ledger", [line(self.lines, self.now_ns, cost_usd=cost, **more)])

    @property
    def held(self) -> Decimal:
        with self.database.reader() as reader:
            return status.promised(reader, record.read(reader, self.id), self.now_ns)


@pytest.fixture
def database() -> Iterator[Database]:
    opened = new_store()
    yield opened
    opened.close()


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def test_what_is_granted_counts_until_it_expires(desk: Desk):
    assert desk.reserve("6").granted
    refused = desk.reserve("6")
    assert (refused.granted, refused.remaining, refused.reservation_id) == (False, 4, None)
    assert "4 USD left" in refused.reason
    assert desk.reserve("4").granted
    assert not desk.reserve("0").granted, "nothing is left, and a call that costs nothing is not known before"
    desk.now_ns += MINUTE
    assert desk.held == 0
    assert desk.reserve("10").granted


def test_money_counts_once_when_the_line_comes_before_or_after_it_is_settled(desk: Desk):
    first, second = desk.reserve("1"), desk.reserve("1")
    desk.settle(first.reservation_id, "0.7")
    assert desk.held == Decimal("1.7"), "the line is on its way"
    desk.bill("0.7")
    assert desk.held == 1
    desk.bill("0.6")
    desk.settle(second.reservation_id, "0.6")
    assert desk.held == 0
    third = desk.reserve("1")
    desk.settle(third.reservation_id, "0.5", (f"{3:032x}", 3))
    desk.bill("0.50001", service="other", model="of another scope")
    assert desk.held == Decimal("0.5"), "a line of another scope is not the call's, whatever its key"
    assert desk.reserve("8.2").granted
    assert not desk.reserve("0.1").granted


def test_a_call_that_was_told_is_known_by_its_key_whatever_it_cost(desk: Desk):
    found = desk.reserve("1")
    desk.settle(found.reservation_id, "0.9", (f"{1:032x}", 1))
    assert desk.held == Decimal("0.9")
    desk.bill("0.25")
    assert desk.held == 0


def test_a_line_that_never_comes_is_waited_for_ten_minutes(desk: Desk):
    desk.settle(desk.reserve("1").reservation_id, "1")
    desk.now_ns += SETTLED_COUNTS_NS - 1
    assert desk.held == 1
    desk.now_ns += 1
    assert desk.held == 0


def test_it_is_settled_once_also_when_it_had_expired(desk: Desk):
    found = desk.reserve("2", SECOND)
    desk.now_ns += 2 * SECOND
    first = desk.settle(found.reservation_id, "3")
    again = desk.settle(found.reservation_id, "1")
    assert (first.amount, first.first, again.amount, again.first) == (3, True, 3, False)
    assert desk.held == 3
    with pytest.raises(NotFound):
        desk.settle("nobody", "1")
    desk.now_ns += DAY
    assert reserve.forget(desk.database, desk.now_ns) == 1
    assert reserve.forget(desk.database, desk.now_ns) == 0
    with pytest.raises(NotFound):
        desk.settle(found.reservation_id, "1")


def test_a_budget_that_is_not_enabled_refuses_nothing_and_one_that_is_archived_is_not_there(database: Database):
    desk = Desk(database, enabled=False)
    found = desk.reserve("1000")
    assert (found.granted, found.reservation_id) == (True, None)
    with database.transaction() as tx:
        record.archive(tx, desk.id, NOON, "me")
    with pytest.raises(NotFound):
        desk.reserve("1")


def test_reservations_outlive_the_server(tmp_path: Path):
    database = Database.open(tmp_path / "spanledger.duckdb")
    desk = Desk(database)
    found = desk.reserve("9", HOUR)
    database.close()
    desk.database = Database.open(tmp_path / "spanledger.duckdb")
    assert not desk.reserve("2").granted
    assert desk.settle(found.reservation_id, "1").first
    assert desk.reserve("2").granted
    desk.database.close()


def test_64_callers_at_once_get_no_more_than_there_is(desk: Desk):
    granted, barrier = [], threading.Barrier(64)

    def call() -> None:
        barrier.wait()
        granted.append(desk.reserve("1").granted)

    callers = [threading.Thread(target=call) for _ in range(64)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    assert sum(granted) == 10


def test_a_lease_is_a_slice_and_renewing_it_tells_what_was_used(desk: Desk):
    first = desk.lease("one", "0", "0.1")
    assert first.granted == Decimal("0.625"), "a sixteenth, for it is more than was asked for"
    assert desk.lease("two", "0", "4").granted == 4
    assert desk.lease("one", "0.5", "1").granted == 1
    assert desk.held == Decimal("5.5"), "both slices, and what was used"
    desk.bill("0.5")
    desk.now_ns += USED_COUNTS_NS
    assert desk.held == 5
    assert desk.lease("one", "0", None).granted == 0
    assert desk.held == 4
    desk.now_ns += 15 * SECOND
    assert desk.held == 0


def test_what_is_lent_and_reserved_is_never_more_than_there_is(desk: Desk):
    slices = [desk.lease(str(number), "0", "3").granted for number in range(6)]
    assert sum(slices) == 10
    assert slices[-1] == 0
    assert not desk.reserve("0.01").granted


steps = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.integers(1, 6)),
        st.tuples(st.just("settle"), st.integers(0, 6)),
        st.tuples(st.just("bill"), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.sampled_from([1, 59, 60, 599, 601])),
    ),
    max_size=14,
)


@given(steps)
@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_grants_agree_with_a_plain_model(database: Database, taken: list[tuple[str, int]]):
    with database.transaction() as tx:
        for table in ("budgets", "budget_reservations", "ledger"):
            tx.execute(f"DELETE FROM {table}")
    desk = Desk(database, period="daily")
    billed: list[tuple[int, int]] = []  # when, USD
    known: list[dict[str, Any]] = []
    for what, value in taken:
        if what == "wait":
            desk.now_ns += value * SECOND
        elif what == "bill":
            desk.bill(str(value))
            billed.append((desk.now_ns, value))
        elif what == "settle":
            waiting = [one for one in known if not one["settled"]]
            if waiting:
                desk.settle(waiting[0]["id"], str(value))
                waiting[0] |= {"settled": True, "amount": value, "until": desk.now_ns + SETTLED_COUNTS_NS}
        else:
            counting = [one for one in known if one["until"] > desk.now_ns]
            held = sum(one["amount"] for one in counting if not one["settled"])
            for amount in {one["amount"] for one in counting if one["settled"]}:
                mine = [one for one in counting if one["settled"] and one["amount"] == amount]
                since = min(one["made"] for one in mine) - SECOND
                came = sum(1 for at_ns, cost in billed if cost == amount and at_ns >= since)
                held += amount * max(0, len(mine) - came)
            free = 10 - held - sum(cost for _, cost in billed)
            found = desk.reserve(str(value))
            assert found.granted == (value <= free and free > 0), (taken, free)
            if found.granted:
                known.append(
                    {"id": found.reservation_id, "amount": value, "made": desk.now_ns, "settled": False}
                    | {"until": desk.now_ns + MINUTE}
                )


@pytest.mark.parametrize(("left_before", "carried"), [("4", "2.5"), ("1", "1"), ("0", "0"), ("-3", "0"), (None, "0")])
def test_what_was_left_of_the_period_before_is_carried_over_up_to_the_most(
    database: Database, left_before: str | None, carried: str
):
    desk = Desk(database, period="daily", rollover_usd=Decimal("2.5"))
    desk.bill(
        None if left_before is None else str(10 - Decimal(left_before)),
        state="unpriced" if left_before is None else "priced",
    )
    desk.now_ns += DAY
    with database.reader() as reader:
        found = status.standing(reader, record.read(reader, desk.id), desk.now_ns, "UTC")
        assert (found.carried, found.limit) == (Decimal(carried), 10 + Decimal(carried))
        before = status.standing(reader, record.read(reader, desk.id), desk.now_ns - DAY, "UTC")
        assert before.carried == 0, "there was no budget in the period before"
