"""Between which values a metric is expected: what is learnt from, and what is not known."""

from __future__ import annotations

import pytest

from spanledger_server.errors import NotFound
from spanledger_server.rollups.levels import COST
from spanledger_server.rules import expected, register
from spanledger_server.rules.evaluate import Evaluator
from spanledger_server.rules.expected import Expected
from spanledger_server.statistics import history
from spanledger_server.statistics.periods import ROLLING, Rolling
from spanledger_server.store.database import Database
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, insert, line
from tests.backend.rules import rolled
from tests.backend.rules.conftest import Add
from tests.backend.statistics.rolled import roll_at_once


def ranges(database: Database, name: str, period: Rolling, now_ns: int = NOON) -> list[Expected]:
    with database.reader() as reader:
        return expected.expected(reader, name, history.fine(period, now_ns), None, 4)


def calls(database: Database, *days: int, number: int = 240) -> None:
    """So many calls, evenly, in the four hours around this time of days before."""
    for day in days:
        middle = NOON - day * DAY
        rolled.even(database, 10_000 * day + 1, number, middle - 2 * HOUR, middle + 2 * HOUR, NOON)


def test_nothing_is_expected_before_two_days_and_a_metric_nobody_knows_is_refused(database: Database) -> None:
    calls(database, 1)
    for period in ROLLING:
        assert {each.high for each in ranges(database, "requests", period)} == {None}
    with pytest.raises(NotFound):
        ranges(database, "nobody.sends.it", "hour")


def test_what_is_expected_is_what_came_at_that_time_of_earlier_days(database: Database) -> None:
    calls(database, 1, 2, 3)
    found = ranges(database, "requests", "day")
    known = [each for each in found if each.middle is not None]
    assert {(each.middle, each.season) for each in known} == {(15, "day")}
    assert all(0 <= (each.low or 0) < 15 < 25 < (each.high or 0) for each in known)
    ago = {(NOON - each.part.from_ns - 1) // HOUR for each in known}
    assert {0, 1, 22, 23} <= ago <= {*range(3), *range(21, 24)}


def test_weeks_are_learnt_from_before_days(database: Database) -> None:
    calls(database, 1, 2, 3)
    calls(database, 7, 14, number=480)
    assert {(each.middle, each.season) for each in ranges(database, "requests", "hour")} == {(2, "week")}


def test_long_periods_are_learnt_from_parts_as_long_as_theirs_and_a_piece_of_a_sum_is_left_out(
    database: Database,
) -> None:
    apart = DAY // 96
    insert(database, "ledger", [line(n, NOON - n * apart + apart // 2) for n in range(1, 21 * 96 + 1)])
    roll_at_once(database, COST, NOON)
    week, month = ranges(database, "requests", "week", NOON - HOUR), ranges(database, "requests", "month")
    assert {(each.middle, each.season) for each in week[1:-1]} == {(8, "week")}
    assert {each.middle for each in month[-20:-1]} == {24}
    assert [each.middle for each in (week[0], week[-1])] == [None, None]
    assert ranges(database, "latency", "week", NOON - HOUR)[-1].middle is not None


@pytest.mark.parametrize("name", ["latency", "error_rate", "cost"])
def test_a_range_holds_what_was_there_and_never_leaves_what_can_be(database: Database, name: str) -> None:
    calls(database, 7, 14, 21)
    each = ranges(database, name, "hour")[-5]
    assert each.middle is not None
    assert 0 <= (each.low or 0) <= each.middle <= (each.high or 0)
    assert name != "error_rate" or (each.high or 0) <= 1


def test_the_range_is_where_the_rule_about_the_metric_draws_its_line(database: Database, add: Add) -> None:
    calls(database, 0, 1, 2, 3, number=2880)
    rule = add(kind="anomaly", metric="requests", window="1m", threshold=2)
    add(kind="anomaly", metric="requests", filters={"model": "x"})
    with database.reader() as reader:
        about = expected.rule_about(register.listed(reader), "requests")
        found = expected.expected(reader, "requests", history.fine("hour", NOON), None, expected.deviations(about))
        (verdict,) = Evaluator(database).one(reader, rule, NOON - 30 * MINUTE)
    assert about is not None
    assert about.rule_id == rule.rule_id
    part = next(each for each in found if each.part.to_ns == NOON - 30 * MINUTE)
    assert float(verdict.threshold or 0) == pytest.approx(part.high)


def test_durations_are_told_by_their_percentile(database: Database) -> None:
    assert {name: expected.figure(name) for name in ("latency", "requests", "of.somebody")} == {
        "latency": "p95",
        "requests": "value",
        "of.somebody": "value",
    }
