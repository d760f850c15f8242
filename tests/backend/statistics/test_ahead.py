"""What projections stand on is the same whether what is over is remembered or all is read, whatever comes between."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spanledger_server import timegrid
from spanledger_server.forecast import drivers, spend
from spanledger_server.forecast.drivers import Compared, Ranked
from spanledger_server.forecast.prices import PriceChange
from spanledger_server.forecast.spend import Spend
from spanledger_server.statistics import ahead
from spanledger_server.traces import filters
from tests.backend.rows import DAY, HOUR, MINUTE, NOON
from tests.backend.statistics.test_remembered import House
from tests.support.thorough import examples

CHANGED = [PriceChange("openai", "a", NOON - 90 * MINUTE, 2.5)]
ASKED: tuple[tuple[timegrid.Period, str, str, tuple[str, ...], list[PriceChange]], ...] = (
    ("month", "UTC", "model", (), []),
    ("month", "Asia/Kathmandu", "user", (), CHANGED),
    ("week", "Australia/Lord_Howe", "feature", ("model:a",), CHANGED),
    ("today", "Europe/Berlin", "model", ("user_id:u1", "user_id:"), []),
    ("today", "Asia/Kathmandu", "model", (), CHANGED),
)


@pytest.fixture
def house() -> Iterator[House]:
    found = House()
    yield found
    found.database.close()


def both(
    house: House, now_ns: int, period: timegrid.Period, zone: str, dimension: str, f: Any, changed: Any
) -> list[Any]:
    """What is found by what is remembered, and by reading all."""
    window, before = (each(period, now_ns, ZoneInfo(zone)) for each in (timegrid.period, timegrid.previous))
    conditions, names = filters.parse(f, filters.LEDGER), ["a", "search", "u1", None]

    def only(name: str | None) -> Any:
        return replace(conditions, include={**conditions.include, drivers.KEYS[dimension]: [name or ""]})

    with house.database.reader() as reader:
        kept = [
            ahead.spent(reader, conditions, window, now_ns, changed),
            *ahead.spent_by(reader, conditions, dimension, names, window, now_ns),
            ahead.compared(reader, conditions, dimension, window, before, now_ns),
        ]
    with house.database.transaction() as reader:  # remembers nothing
        anew = [
            spend.spend(reader, conditions, window, now_ns, changed),
            *(spend.spend(reader, only(name), window, now_ns) for name in names),
            drivers.compared(reader, conditions, dimension, window, before, now_ns),
        ]
    return [[_rounded(each) for each in some] for some in (kept, anew)]


def _rounded(found: Any) -> Any:
    """Hours at the prices of now are sums of doubles, in any order."""
    return replace(found, history=[round(each, 5) for each in found.history]) if isinstance(found, Spend) else found


@pytest.mark.parametrize("seed", range(examples(4)))
def test_what_is_remembered_is_what_is_read(house: House, seed: int):
    chance = random.Random(seed)
    house.add(chance, 60, *(chance.randrange(70) * DAY + chance.randrange(DAY) for _ in range(30)))
    house.add(chance, 20, *(chance.randrange(3 * HOUR) for _ in range(10)))
    for ago_ns in (0, -MINUTE, -29 * MINUTE, -61 * MINUTE, -13 * HOUR):
        now_ns = NOON - ago_ns
        for refresh in (False, True):
            if refresh:
                house.rollups.refresh(now_ns)
            for asked in ASKED:
                kept, anew = both(house, now_ns, *asked)
                assert kept == anew, asked
        house.add(chance, 3, ago_ns, ago_ns + 40 * MINUTE, ago_ns + 20 * DAY, chance.randrange(60 * DAY))
        house.correct(chance)


def test_hours_that_are_over_are_read_once(house: House):
    house.add(random.Random(1), 60, *range(0, 50 * DAY, 7 * HOUR))
    house.rollups.refresh(NOON)
    both(house, NOON, *ASKED[0])
    with house.database.transaction() as tx:  # behind the back of everybody: nothing is marked
        tx.execute("UPDATE ledger SET cost_usd = 1 WHERE at_ns < $before", before=NOON - 2 * HOUR)
        tx.execute("UPDATE cost_1h SET cost_usd = 1 WHERE bucket < $before", before=NOON // HOUR - 2)
    kept, anew = both(house, NOON + MINUTE, *ASKED[0])
    assert all(old != new for old, new in zip(kept[:2], anew[:2], strict=True))
    kept, anew = both(house, NOON + HOUR, *ASKED[0])
    assert kept == anew, "in another hour another stretch is over"


def test_an_hour_that_waits_is_read_anew_where_nothing_is_left_of_its_minutes(house: House):
    house.add(random.Random(2), 60, *range(0, 50 * DAY, 7 * HOUR))
    house.rollups.refresh(NOON)
    both(house, NOON, *ASKED[0])
    with house.database.transaction() as tx:  # as repricing marks it
        (at_ns,) = tx.tuples("SELECT at_ns FROM ledger WHERE at_ns < $before LIMIT 1", before=NOON - 5 * HOUR)[0]
        tx.execute("UPDATE ledger SET cost_usd = 12345, state = 'priced' WHERE at_ns = $at_ns", at_ns=at_ns)
        house.dirty.mark(tx, "cost", {at_ns // HOUR}, "1h")
    kept, anew = both(house, NOON + MINUTE, *ASKED[0])
    assert kept == anew


def row(category: str | None, spent: Any, before: Any = None, calls: int = 1) -> Compared:
    known = [None if each is None else Decimal(each).scaleb(-12) for each in (spent, before)]
    return Compared(category, *known, calls, 0 if before is None else 1, 0)


def ranked(rows: list[Compared]) -> Ranked:
    columns = {name: [getattr(each, name) for each in rows] for name in ("category", *drivers.SUMS)}
    amounts = drivers.pa.decimal128(38, 12)
    types = {"category": drivers.pa.string(), "spent": amounts, "before": amounts}
    return Ranked(drivers.pa.table({name: drivers.pa.array(each, types.get(name)) for name, each in columns.items()}))


@pytest.mark.parametrize("seed", range(examples(10)))
def test_two_pieces_added_rank_as_the_whole_would(seed: int):
    chance = random.Random(seed)
    amounts = [None, 0, 1, 2, 10**26, 10**26 + 1, *(chance.randrange(10**15) for _ in range(5))]

    def piece() -> dict[str | None, Compared]:
        names = [None, *(f"u{number}" for number in range(600))]
        return {name: row(name, chance.choice(amounts), chance.choice(amounts)) for name in chance.sample(names, 400)}

    one, other = piece(), piece()
    whole = []
    for name in {*one, *other}:
        pieces = [each[name] for each in (one, other) if name in each]
        told = [[getattr(each, key) for each in pieces if getattr(each, key) is not None] for key in drivers.SUMS]
        spent, before, *counts = (sum(values) if values else None for values in told)
        whole.append(Compared(name, spent, before, *counts))
    whole.sort(
        key=lambda each: (-abs((each.spent or 0) - (each.before or 0)), each.category is None, each.category or "")
    )
    assert ranked(list(one.values())).with_more(ranked(list(other.values()))) == whole[: drivers.MOST]
