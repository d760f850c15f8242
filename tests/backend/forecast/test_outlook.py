"""What a pace means for a limit: against drawing lots, and against what must hold whatever the figures."""

from __future__ import annotations

import itertools
import math
import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.forecast import projection
from spanledger_server.forecast.outlook import Ahead, Outlook, course, outlook
from spanledger_server.forecast.spend import Spend
from spanledger_server.timegrid import Range
from tests.support.thorough import examples

HOUR = 3600 * 10**9


def ahead(expected: list[float], spread: float | None = 0.3, leaving: list[float] | None = None) -> Ahead:
    edges = tuple(hour * HOUR for hour in range(len(expected) + 1))
    left = tuple(leaving) if leaving else (0.0,) * len(expected)
    return Ahead(edges, tuple(expected), left, spread, 24 * sum(expected) / max(1, len(expected)))


def drawn(spent: float, what: Ahead, limit: float, lots: int = 20_000) -> tuple[list[float], list[float]]:
    """Totals and times by drawing lots: the same model, computed in the plainest way."""
    chance = random.Random(1)
    totals, times = [], []
    for _ in range(lots):
        factor = math.exp(chance.gauss(0, what.spread or 0.0))
        most, coming, when = spent, 0.0, math.inf
        for number, amount in enumerate(what.expected):
            coming += factor * amount
            there = spent - what.leaving[number] + coming
            if there >= limit and when == math.inf:
                when = float(number)
            most = max(most, there)
        totals.append(most)
        times.append(when)
    return sorted(totals), sorted(times)


@pytest.mark.parametrize("leaving", [None, [number * 0.5 for number in range(1, 49)]])
def test_quantiles_chances_and_times_are_those_of_drawing_lots(leaving: list[float] | None):
    what = ahead([1 + math.sin(hour / 4) for hour in range(48)], 0.4, leaving)
    spent, limit = Decimal(60), Decimal(100)
    if leaving:
        limit = Decimal(85)
    found = outlook(spent, what, limit)
    totals, times = drawn(60.0, what, float(limit))
    assert found.quantiles is not None
    assert found.exhausted_ns is not None
    for name, q in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9)):
        assert float(found.quantiles[name]) == pytest.approx(totals[int(q * len(totals))], rel=0.01)
        expected, told = times[int(q * len(times))], found.exhausted_ns[name]
        assert (told is None) == (expected == math.inf), name
        if told is not None:
            assert abs(told / HOUR - expected) <= 1.1
    assert found.over == pytest.approx(sum(total >= float(limit) for total in totals) / len(totals), abs=0.01)


money = st.decimals(0, 10**9, places=6)


@given(money, st.lists(st.floats(0, 1e6), max_size=50), st.floats(0.01, 1.2), st.decimals("0.000001", 10**9, places=6))
@settings(max_examples=examples(80), deadline=None)
def test_figures_are_in_order_whatever_they_are(spent: Decimal, coming: list[float], spread: float, limit: Decimal):
    found = outlook(spent, ahead(coming, spread), limit)
    assert found.quantiles is not None
    assert spent <= found.quantiles["p10"] <= found.quantiles["p50"] <= found.quantiles["p90"]
    assert found.total == found.quantiles["p50"]
    assert found.over is not None
    assert 0 <= found.over <= 1
    if found.exhausted_ns is None:
        assert spent >= limit, "when it was reached is not known here"
        return
    times = [found.exhausted_ns[name] for name in ("p10", "p50", "p90")]
    known = [at_ns for at_ns in times if at_ns is not None]
    assert times[: len(known)] == sorted(known), "the surer, the later; and never known after unknown"


@given(money, money, st.lists(st.floats(0, 1e6), max_size=30))
@settings(max_examples=examples(60), deadline=None)
def test_the_more_was_spent_the_likelier_and_the_sooner(less: Decimal, more: Decimal, coming: list[float]):
    less, more = sorted((less, more))
    limit = Decimal(10**6)
    one, two = outlook(less, ahead(coming), limit), outlook(more, ahead(coming), limit)
    assert one.over is not None
    assert two.over is not None
    assert one.over <= two.over + 1e-12
    assert one.total is not None
    assert two.total is not None
    assert one.total <= two.total
    assert (one.days_left is None or two.days_left is None) or one.days_left >= two.days_left


def test_what_is_exceeded_is_exceeded_when_it_was():
    found = outlook(Decimal(5), ahead([1.0]), Decimal(5), 123)
    assert (found.over, found.days_left) == (1.0, 0.0)
    assert found.exhausted_ns == {"p10": 123, "p50": 123, "p90": 123}


def test_what_is_not_known_is_not_told():
    nothing = Outlook(None, None, None, None, None)
    assert outlook(None, ahead([1.0]), Decimal(5)) == nothing
    found = outlook(Decimal(1), ahead([0.0], None), Decimal(5))
    assert (found.total, found.quantiles, found.over, found.exhausted_ns, found.days_left) == (
        1,
        None,
        None,
        None,
        None,
    )
    assert outlook(Decimal(1), ahead([1.0]), None).over is None


def test_stretches_without_both_edges_are_refused():
    with pytest.raises(ValueError, match="two edges"):
        Ahead((0,), (1.0,), (0.0,), 0.1, 1.0)


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=200),
    st.decimals(0, 1000, places=2),
    st.floats(0, 1.2),
    st.integers(1, 30),
)
@settings(max_examples=examples(100))
def test_a_course_begins_with_what_is_there_never_falls_and_ends_where_the_period_does(
    expected: list[float], spent: Decimal, spread: float, most: int
):
    what = ahead(expected, spread)
    way, end = course(spent, what, most), outlook(spent, what, None).quantiles
    assert way is not None
    assert end is not None
    assert way.at_ns[0] == what.edges_ns[0]
    assert way.at_ns[-1] == what.edges_ns[-1]
    assert list(way.at_ns) == sorted(set(way.at_ns))
    assert len(way.at_ns) <= most + 1
    for name, amounts in way.quantiles.items():
        assert amounts[0] == spent
        assert len(amounts) == len(way.at_ns)
        assert float(amounts[-1]) == pytest.approx(float(end[name]), abs=2e-6)
        assert all(after >= before - Decimal("2e-6") for before, after in itertools.pairwise(amounts))


def test_there_is_no_course_where_nothing_is_known_or_nothing_is_to_come():
    assert course(None, ahead([1.0]), 24) is None
    assert course(Decimal(1), ahead([1.0], spread=None), 24) is None
    assert course(Decimal(1), ahead([]), 24) is None


def test_the_course_of_a_rolling_window_loses_what_leaves_it():
    way = course(Decimal(10), ahead([0.0, 0.0], 0.0, leaving=[4.0, 10.0]), 24)
    assert way is not None
    assert way.quantiles["p50"] == (10, 6, 0)


def test_what_nobody_knows_is_not_told_as_nothing():
    window = Range(0, 720 * HOUR)
    unknown = projection.project(Spend(None, 3, 3, (), ()), window, 100 * HOUR, Decimal(5))
    assert unknown.notes == (
        "Nothing is known of what was spent: there is no pace to go by.",
        "3 calls have no known price: the true figures are higher.",
    )
    nothing = projection.project(Spend(Decimal(0), 0, 0, (), ()), window, 100 * HOUR, Decimal(5))
    assert nothing.notes == ("Nothing was spent within eight weeks: there is no pace to go by.",)
