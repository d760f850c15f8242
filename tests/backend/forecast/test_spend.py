"""What was spent, hour by hour: the same digits from the ledger and from rollups as by hand."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal, localcontext
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_server.forecast import drivers, prices, spend
from spanledger_server.forecast.histories import Histories
from spanledger_server.store.database import Database
from spanledger_server.timegrid import Range
from spanledger_server.traces import filters
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, SECOND, insert, line
from tests.backend.statistics.rolled import roll
from tests.support.stores import new_store
from tests.support.thorough import examples

WINDOW = Range(NOON - 3 * DAY - 30 * MINUTE, NOON + DAY)  # a zone of half hours
EVERYTHING = filters.parse((), filters.LEDGER)


@pytest.fixture
def database() -> Iterator[Database]:
    opened = new_store()
    yield opened
    opened.close()


def read(database: Database, conditions: Any = EVERYTHING, window: Range = WINDOW, **more: Any) -> spend.Spend:
    with database.reader() as reader:
        return spend.spend(reader, conditions, window, NOON + 20 * MINUTE, **more)


def exact(amounts: list[Decimal]) -> Decimal:
    with localcontext(Context(prec=80)):
        return sum(amounts, Decimal(0))


cells = st.lists(
    st.tuples(
        st.one_of(
            st.integers(-70 * DAY, HOUR), st.sampled_from([WINDOW.from_ns - NOON, WINDOW.from_ns - NOON - 1, -HOUR])
        ),
        st.one_of(st.none(), st.decimals(0, 999_999_999_999, places=12)),
        st.sampled_from(["a", "b", None]),
        st.sampled_from(["u1", None]),
    ),
    max_size=25,
)


ASKED = [(), ("model:a",), ("user_id:u1",), ("model:",), ("model:b", "user_id:")]


def stored(database: Database, made: list[Any], *, rolled: bool) -> list[dict[str, Any]]:
    """The lines of `cells`, in place of those before; their rollups are made, or not."""
    with database.transaction() as tx:
        for table in ("ledger", "cost_1m", "cost_1h", "cost_1d", "dirty_buckets"):
            tx.execute(f"DELETE FROM {table}")
    lines = [
        line(
            number, NOON + at, cost_usd=cost, state="unpriced" if cost is None else "priced", model=model, user_id=user
        )
        for number, (at, cost, model, user) in enumerate(made, 1)
    ]
    insert(database, "ledger", lines)
    if rolled:
        roll(database, NOON // HOUR * HOUR)
        mark(database, [one["at_ns"] for one in lines if one["at_ns"] >= NOON // HOUR * HOUR])
    return lines


def mark(database: Database, times_ns: list[int], level: str = "1m", width: int = MINUTE) -> None:
    marks = [
        {"family": "cost", "level": level, "bucket": bucket, "taken": False}
        for bucket in sorted({at_ns // width for at_ns in times_ns})
    ]
    insert(database, "dirty_buckets", marks)


def fitting(lines: list[dict[str, Any]], asked: tuple[str, ...]) -> list[dict[str, Any]]:
    wanted = dict(text.split(":") for text in asked)
    return [one for one in lines if all((one[key] or "") == value for key, value in wanted.items())]


@given(cells, st.sampled_from(ASKED), st.booleans())
@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_window_is_exact_and_the_history_whole_hours_from_either_source(
    database: Database, made: list[Any], asked: tuple[str, ...], rolled: bool
):
    lines = stored(database, made, rolled=rolled)
    found = read(database, filters.parse(asked, filters.LEDGER))
    mine = fitting(lines, asked)
    inside = [one for one in mine if WINDOW.from_ns <= one["at_ns"] < WINDOW.to_ns]
    known = [Decimal(one["cost_usd"]) for one in inside if one["cost_usd"] is not None]
    assert found.cost == (exact(known) if known or not inside else None)
    assert (found.calls, found.unpriced_calls) == (len(inside), len(inside) - len(known))
    alone = read(database, filters.parse(asked, filters.LEDGER), history_hours=0)
    assert (alone.cost, alone.calls, alone.unpriced_calls) == (found.cost, found.calls, found.unpriced_calls)
    by_hour: dict[int, float] = {}
    for one in mine:
        by_hour[one["at_ns"] // HOUR] = by_hour.get(one["at_ns"] // HOUR, 0) + float(one["cost_usd"] or 0)
    first, now = NOON // HOUR - spend.HISTORY_HOURS, NOON // HOUR
    spent = [hour for hour, amount in by_hour.items() if first <= hour < now and amount > 0]
    if spent:
        assert found.history == pytest.approx([by_hour.get(hour, 0.0) for hour in range(min(spent), now)])
    else:
        assert found.history == (pytest.approx((by_hour[now],)) if by_hour.get(now) else ())


@given(cells, st.sampled_from(ASKED), st.booleans(), st.sampled_from(["model", "user"]), st.integers(1, 60))
@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_drives_a_change_is_the_same_from_either_source_and_by_hand(
    database: Database, made: list[Any], asked: tuple[str, ...], rolled: bool, dimension: str, days: int
):
    lines = fitting(stored(database, made, rolled=rolled), asked)
    begins = WINDOW.from_ns
    now, before = Range(begins, NOON + 10 * DAY), Range(begins - days * DAY, begins)
    stretches = {"now": (begins, NOON), "then": (before.from_ns, min(begins, before.from_ns + NOON - begins))}
    told: dict[tuple[Any, str], list[Decimal | None]] = {}
    for one in lines:
        for name, (from_ns, to_ns) in stretches.items():
            if from_ns <= one["at_ns"] < to_ns:
                told.setdefault((one[drivers.KEYS[dimension]], name), []).append(one["cost_usd"])
    with database.reader() as reader:
        conditions = filters.parse(asked, filters.LEDGER)
        found = drivers.compared(reader, conditions, dimension, now, before, NOON)
    assert {row.category for row in found} == {category for category, _ in told}
    for row in found:
        mine, earlier = told.get((row.category, "now"), []), told.get((row.category, "then"), [])
        assert (row.calls, row.calls_before, row.unpriced_calls) == (len(mine), len(earlier), mine.count(None))
        for cost, amounts in ((row.spent, mine), (row.before, earlier)):
            known = [amount for amount in amounts if amount is not None]
            assert cost == (exact(known) if known else None)
    moved = [abs((row.spent or 0) - (row.before or 0)) for row in found]
    assert moved == sorted(moved, reverse=True)


def test_hours_that_wait_to_be_recomputed_are_read_from_the_ledger(database: Database):
    insert(database, "ledger", [line(1, NOON - 5 * HOUR), line(2, NOON - 30 * HOUR)])
    roll(database, NOON)
    insert(database, "ledger", [line(3, NOON - 5 * HOUR), line(4, NOON - 30 * HOUR)])
    mark(database, [NOON - 5 * HOUR])
    mark(database, [NOON - 30 * HOUR], "1d", DAY)
    mark(database, [NOON - 30 * HOUR])
    assert read(database).cost == Decimal("0.04")


def test_when_a_limit_was_reached_is_known_to_the_line(database: Database):
    insert(
        database, "ledger", [line(number, NOON - 4 * HOUR + number * MINUTE, cost_usd="1") for number in range(1, 100)]
    )
    found = read(database)
    with database.reader() as reader:
        for limit, number in (("1", 1), ("0.5", 1), ("57", 57), ("56.1", 57), ("99", 99)):
            at_ns = spend.reached_ns(reader, EVERYTHING, WINDOW, found, Decimal(limit))
            assert at_ns == NOON - 4 * HOUR + number * MINUTE, limit
        assert spend.reached_ns(reader, EVERYTHING, WINDOW, found, Decimal("99.1")) is None


def used(number: int, at_ns: int, price: str, **more: Any) -> dict[str, Any]:
    rate = f'{{"input_mtok":"{price}"}}'
    cost = Decimal(price) * 1000 / 10**6
    return line(number, at_ns, input_tokens=1000, output_tokens=None, cached_input_tokens=None, rate=rate) | {
        "cost_usd": f"{cost:f}",
        **more,
    }


def test_a_price_that_changed_puts_the_usage_of_before_at_the_price_of_now(database: Database):
    old = [used(number, NOON - 3 * DAY + number * HOUR, "2") for number in range(40)]
    new = [used(100 + number, NOON - DAY + number * MINUTE, "5") for number in range(20)]
    insert(database, "ledger", [*old, *new])
    with database.reader() as reader:
        (change,) = prices.changes(reader, Range(NOON - 10 * DAY, NOON))
    assert (change.provider, change.model, change.at_ns) == ("openai", "gpt-5.2", NOON - DAY)
    assert change.factor == pytest.approx(2.5)
    with_it, without = read(database, changed=[change]), read(database)
    assert with_it.cost == without.cost, "what was spent stays what it was"
    assert max(without.history[:40]) == pytest.approx(0.002)
    assert max(with_it.history[:40]) == pytest.approx(0.005)


@pytest.mark.parametrize(("old", "new"), [("2", "20"), ("20", "2"), ("3", "4.5")])
def test_the_hour_in_which_a_price_changed_is_usage_at_the_price_of_now_too(database: Database, old: str, new: str):
    turn_ns = NOON - DAY + 15 * MINUTE
    times = [NOON - 2 * DAY + number * 5 * MINUTE for number in range(2 * 24 * 12)]  # the same usage all the time
    insert(database, "ledger", [used(n, at, old if at < turn_ns else new) for n, at in enumerate(times, 1)])
    with database.reader() as reader:
        changed = prices.changes(reader, Range(NOON - 10 * DAY, NOON))
    assert read(database, changed=changed).history == pytest.approx([12 * float(new) / 1000] * 48)


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param([used(200, NOON - HOUR, "4")], id="a single call at another rate, such as a long prompt"),
        pytest.param(
            [used(200 + n, NOON - 2 * DAY + n * MINUTE, "4") for n in range(20)], id="rates used side by side"
        ),
        pytest.param(
            [used(200 + n, NOON - HOUR + n * SECOND, "1", batch="true") for n in range(20)], id="batches that began"
        ),
    ],
)
def test_what_is_no_new_price_is_not_taken_for_one(database: Database, odd: list[dict[str, Any]]):
    insert(database, "ledger", [*(used(number, NOON - 3 * DAY + number * HOUR, "2") for number in range(70)), *odd])
    with database.reader() as reader:
        assert prices.changes(reader, Range(NOON - 10 * DAY, NOON)) == []


def test_drivers_compare_the_same_stretch_of_both_periods(database: Database):
    window, before = Range(NOON - 10 * DAY, NOON + 20 * DAY), Range(NOON - 40 * DAY, NOON - 10 * DAY)
    insert(
        database,
        "ledger",
        [
            line(1, NOON - DAY, model="up", cost_usd="5"),
            line(2, NOON - 31 * DAY, model="up", cost_usd="2"),
            line(3, NOON - 29 * DAY, model="up", cost_usd="100"),  # later in its period than now is in this one
            line(4, NOON - 35 * DAY, model="gone", cost_usd="4"),
            line(5, NOON - DAY, model="dark", cost_usd=None, state="unpriced"),
        ],
    )
    with database.reader() as reader:
        rows = {row.category: row for row in drivers.compared(reader, EVERYTHING, "model", window, before, NOON)}
    assert (rows["up"].spent, rows["up"].before, rows["up"].change) == (5, 2, 3)
    assert (rows["gone"].spent, rows["gone"].change, rows["gone"].calls) == (None, -4, 0)
    assert (rows["dark"].change, rows["dark"].unpriced_calls) == (None, 1)


def test_histories_are_read_once_a_minute_and_anew_in_another_hour(database: Database):
    insert(database, "ledger", [line(1, NOON - HOUR)])
    histories = Histories()

    def cents(now_ns: int) -> float:
        with database.reader() as reader:
            return sum(histories.history(reader, EVERYTHING, now_ns)) * 100

    assert cents(NOON) == pytest.approx(1)
    insert(database, "ledger", [line(2, NOON - 2 * HOUR)])
    assert cents(NOON + 59 * SECOND) == pytest.approx(1)
    assert cents(NOON - SECOND) == pytest.approx(1), "the clock was set back: the hour of the first line goes on"
    assert cents(NOON + 59 * SECOND) == pytest.approx(2)
    insert(database, "ledger", [line(3, NOON - HOUR)])
    assert cents(NOON + 120 * SECOND) == pytest.approx(3)
