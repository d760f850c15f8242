"""How budgets stand: the same digits as the statistics, in every zone, late lines or not; and thresholds."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_server.budgets import record, status
from spanledger_server.store.database import Database
from tests.backend.budgets.made import budget, values
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, insert, line
from tests.backend.statistics.rolled import roll
from tests.backend.statistics.test_costs import ask, ledgers
from tests.support.stores import new_store
from tests.support.thorough import examples

PERIODS = {"today": "daily", "week": "weekly", "month": "monthly"}


@pytest.fixture
def database() -> Iterator[Database]:
    opened = new_store()
    yield opened
    opened.close()


@given(
    ledgers(),
    st.sampled_from(list(PERIODS)),
    st.dictionaries(
        st.sampled_from(["model", "feature", "user_tier", "user_id"]), st.sampled_from(["a", "b"]), max_size=2
    ),
)
@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
def test_what_was_spent_equals_the_statistics_for_the_same_stretch_and_filters(
    database: Database, drawn: Any, period: str, scope: dict[str, str]
):
    zone, now_ns, lines, rolled = drawn
    lines = [one for one in lines if one["at_ns"] < now_ns]
    with database.transaction() as tx:
        for table in ("ledger", "cost_1m", "cost_1h", "cost_1d", "dirty_buckets"):
            tx.execute(f"DELETE FROM {table}")
    insert(database, "ledger", lines[:rolled])
    roll(database, now_ns)
    insert(database, "ledger", lines[rolled:])  # these came after the rollups were made
    coarser = zip(lines[rolled:], [("1m", MINUTE), ("1h", HOUR), ("1d", DAY)] * 40, strict=False)
    marks = [(one["at_ns"], level, width) for one, (level, width) in coarser]
    marks += [(one["at_ns"], "1m", MINUTE) for one in lines[rolled:]]  # a minute waits at least
    insert(
        database,
        "dirty_buckets",
        [{"family": "cost", "level": level, "bucket": at_ns // width} for at_ns, level, width in marks],
    )
    one = budget(period=PERIODS[period], timezone=zone, **scope)
    asked = tuple(f"{name}:{value}" for name, value in scope.items())
    expected = ask(database, period, now_ns, zone, f=asked)
    with database.reader() as reader:
        found = status.standing(reader, one, now_ns, "UTC")
        alone = status.spent(reader, one, one.window(now_ns, "UTC"), now_ns)
    assert found.found.cost == alone.cost == expected["total_cost"]
    assert (found.found.calls, found.found.unpriced_calls) == (expected["calls"], expected["unpriced_calls"])
    assert found.found.coverage == expected["coverage"]
    if expected["unpriced_calls"]:
        assert found.state in ("degraded", "over_budget")


@pytest.mark.parametrize(
    ("spent", "reached"), [("4.999", []), ("5", [50]), ("9.4", [50, 80]), ("10", [50, 80, 95, 100])]
)
def test_thresholds_are_reached_when_that_much_is_spent(database: Database, spent: str, reached: list[int]):
    insert(database, "ledger", [line(1, NOON - MINUTE, cost_usd=spent)])
    with database.reader() as reader:
        found = status.standing(reader, budget(alert_at_50_percent=True), NOON, "UTC")
    assert [int(each.percent) for each in found.thresholds if each.reached] == reached
    assert [each.watched for each in found.thresholds] == [True, True, True, True]


def test_the_forecasts_threshold_waits_for_a_day_of_history(database: Database):
    watched = budget(limit=100, forecast_percent=Decimal(90))
    insert(database, "ledger", [line(number, NOON - number * HOUR, cost_usd="1") for number in range(1, 13)])
    with database.reader() as reader:
        early = status.standing(reader, watched, NOON, "UTC")
    insert(database, "ledger", [line(number, NOON - number * HOUR, cost_usd="1") for number in range(13, 40)])
    with database.reader() as reader:
        later = status.standing(reader, watched, NOON, "UTC")
    assert (early.thresholds[-1].kind, early.thresholds[-1].reached, early.state) == ("forecast", None, "under_budget")
    assert (later.thresholds[-1].reached, later.state) == (True, "over_budget")
    assert later.projection is not None
    assert later.projection.outlook.exhausted_ns is not None
    assert later.projection.outlook.exhausted_ns["p50"] == pytest.approx(NOON + 61 * HOUR, abs=2 * HOUR)


def test_a_rolling_window_forgets_and_its_projection_knows_it(database: Database):
    insert(database, "ledger", [line(number, NOON - number * HOUR, cost_usd="1") for number in range(1, 24 * 21)])
    rolling = budget(limit=170, period="weekly", time_window="rolling")
    with database.reader() as reader:
        found = status.standing(reader, rolling, NOON, "UTC")
    assert found.found.cost == 168
    assert found.projection is not None
    assert found.projection.outlook.total == pytest.approx(Decimal(169), abs=1), "what comes in is what goes out"
    assert found.state == "on_track"


def test_one_that_is_disabled_is_not_watched(database: Database):
    with database.reader() as reader:
        found = status.standing(reader, budget(enabled=False), NOON, "UTC")
    assert (found.state, found.projection, found.thresholds, found.remaining) == ("no_budget", None, (), 10)


def test_the_smallest_and_the_largest_budget_stand_too(database: Database):
    insert(
        database,
        "ledger",
        [line(number, NOON - number, cost_usd="999999999999.999999999999") for number in range(1, 30)],
    )
    with database.transaction() as tx:
        small = record.create(tx, values("small", "0.000000000001"), NOON, "me")
        large = record.create(tx, values("large", "999999999999.999999999999"), NOON, "me")
    with database.reader() as reader:
        for one in (small, large):
            found = status.standing(reader, one, NOON, "UTC")
            assert found.found.cost == Decimal("28999999999999.999999999971")
            assert found.remaining == one.limit_usd - Decimal("28999999999999.999999999971")
            assert found.state == "over_budget"


def test_what_was_spent_so_far_rises_from_nothing_to_the_figure_of_now(database: Database):
    insert(database, "ledger", [line(number, NOON - number * HOUR, cost_usd="0.5") for number in range(1, 60)])
    with database.reader() as reader:
        found = status.standing(reader, budget(limit=40, period="weekly"), NOON, "UTC")
    times, amounts = zip(*found.so_far, strict=True)
    assert (times[0], amounts[0]) == (found.window.from_ns, 0)
    assert (times[-1], amounts[-1]) == (NOON, found.found.cost)
    assert list(times) == sorted(set(times))
    assert list(amounts) == sorted(amounts)
    assert len(times) <= 26
    assert found.projection is not None
    assert found.projection.course is not None
    assert found.projection.course.at_ns[-1] == found.window.to_ns


def test_a_rolling_budget_has_no_way_up_to_now(database: Database):
    insert(database, "ledger", [line(1, NOON - HOUR, cost_usd="0.5")])
    with database.reader() as reader:
        assert status.standing(reader, budget(time_window="rolling"), NOON, "UTC").so_far == ()
