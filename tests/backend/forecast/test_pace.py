"""How a series of hours goes on: right where it must be, cautious where it cannot be, and never nonsense."""

from __future__ import annotations

import csv
import math
import os
import statistics
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.forecast.pace import DAY, NONE, ORIGINS, WEEK, WIDEST, Z80, pace
from tests.support.thorough import examples

amounts = st.lists(st.floats(0, 1e9, allow_subnormal=False), max_size=500)
DATA = Path(os.environ.get("SPANLEDGER_TEST_DATA", "/nonexistent"))


def weekly(hour: int) -> float:
    """Busy by day, quiet at the weekend."""
    return (2 + math.sin(2 * math.pi * hour / DAY)) * (0.25 if hour // DAY % 7 >= 5 else 1.0)


@given(amounts, st.integers(1, 800))
@settings(max_examples=examples(60), deadline=None)
def test_whatever_was_spent_as_many_hours_as_asked_for_are_expected_and_none_below_zero(past: list[float], hours: int):
    found = pace(past, hours)
    assert len(found.expected) == hours
    assert all(amount >= 0 and math.isfinite(amount) for amount in found.expected)
    assert found.spread is None if found.method == NONE else 0 < found.spread <= WIDEST
    if found.backtest is not None:
        assert 1 <= found.backtest.origins <= ORIGINS
        assert 0 <= found.backtest.coverage <= 1


@given(amounts, st.floats(0.001, 1000))
@settings(max_examples=examples(40), deadline=None)
def test_the_currencys_unit_does_not_matter(past: list[float], unit: float):
    past = [round(amount, 3) for amount in past]
    plain, scaled = pace(past, 48), pace([amount * unit for amount in past], 48)
    if plain.method == scaled.method:  # two ways that are equally good may change places
        assert sum(scaled.expected) == pytest.approx(unit * sum(plain.expected), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("past", [[], [0.0], [0.0] * 1000])
def test_where_nothing_was_spent_nothing_is_expected_and_nothing_is_claimed(past: list[float]):
    found = pace(past, 24)
    assert (found.method, found.spread, found.backtest, sum(found.expected)) == (NONE, None, None, 0)


@pytest.mark.parametrize("length", [1, 2, 24, 25, 100, 336, 1344])
def test_a_constant_stays_what_it_is_and_is_the_surer_the_longer_it_was(length: int):
    found = pace([2.5] * length, 100)
    assert found.expected == pytest.approx([2.5] * 100)
    assert found.spread is not None
    assert found.spread < pace([2.5] * max(1, length // 2), 100).spread or length < 24


def test_hours_and_weekdays_are_found():
    past = [weekly(hour) for hour in range(4 * WEEK)]
    found = pace(past, WEEK)
    assert found.expected == pytest.approx([weekly(4 * WEEK + hour) for hour in range(WEEK)])
    assert found.backtest is not None
    assert found.backtest.error == pytest.approx(0, abs=1e-9)


def test_a_level_that_has_changed_is_followed():
    past = [weekly(hour) * (3 if hour >= 3 * WEEK else 1) for hour in range(4 * WEEK)]
    found = pace(past, WEEK)
    assert sum(found.expected) == pytest.approx(3 * sum(weekly(hour) for hour in range(WEEK)), rel=0.05)


def test_an_hour_of_history_is_believed_less_than_a_day_and_that_less_than_a_month():
    spreads = [pace([1.0 + hour % 2 for hour in range(length)], 480).spread for length in (1, 24, 720)]
    assert spreads == sorted(spreads, reverse=True)
    assert spreads[0] > 3 * spreads[2]


def test_the_interval_holds_what_it_says_on_noise_that_it_did_not_see():
    import random

    chance, held, tried = random.Random(7), 0, 300
    for _ in range(tried):
        series = [weekly(hour) * chance.lognormvariate(0, 0.8) for hour in range(3 * WEEK + 48)]
        found = pace(series[:-48], 48)
        reach = math.exp(Z80 * found.spread)
        held += sum(found.expected) / reach <= sum(series[-48:]) <= sum(found.expected) * reach
    assert 0.7 <= held / tried <= 0.95


@pytest.mark.skipif(not (DATA / "m4").is_dir(), reason="SPANLEDGER_TEST_DATA names no directory that holds m4")
def test_real_hours_are_forecast_better_than_by_repeating_the_last_day():
    train, test = (
        {row[0]: [float(value) for value in row[1:] if value] for row in list(csv.reader(file))[1:]}
        for file in ((DATA / "m4" / f"Hourly-{name}.csv").open() for name in ("train", "test"))
    )
    ours, repeated = [], []
    for name in sorted(train)[:30]:
        past, actual = train[name], test[name]
        scale = statistics.fmean(abs(now - then) for now, then in zip(past[24:], past, strict=False))
        for errors, expected in ((ours, pace(past, 48).expected), (repeated, past[-24:] * 2)):
            errors.append(statistics.fmean(abs(a - e) for a, e in zip(actual, expected, strict=True)) / scale)
    assert statistics.fmean(ours) < statistics.fmean(repeated)
