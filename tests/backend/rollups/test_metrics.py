"""Metric points become minutes, hours and days: values of gauges, increments of everything that accumulates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.rollups import histogram
from spanledger_server.rollups.histogram import ZERO_CODE, code
from tests.backend.rollups.test_refresh import LATER, LEVELS, House, counter, gauge
from tests.backend.rows import HOUR, MINUTE, NOON, SECOND, insert
from tests.support.thorough import examples


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.close()


def at(number: int, seconds: float, value: float | None, **values: Any) -> dict[str, Any]:
    return {"series_id": number, "at_ns": NOON + int(seconds * SECOND), "value": value, **values}


def minutes(house: House, *columns: str) -> list[tuple[Any, ...]]:
    found = house.tuples(f"SELECT bucket, {', '.join(columns)} FROM metric_1m ORDER BY bucket")
    return [(bucket - NOON // MINUTE, *rest) for bucket, *rest in found]


def test_a_gauge_keeps_count_sum_least_most_last_and_distribution(house: House) -> None:
    insert(house.database, "metric_series", [gauge()])
    values = [3.0, -1.0, 0.0, 8.0]
    house.put("metric_points", "metric", [at(1, 10 * n, value) for n, value in enumerate(values)])
    house.rollups.refresh(LATER)
    expected = histogram.of(values)
    for level in LEVELS:
        (row,) = house.rows(f"SELECT * FROM metric_{level}")
        assert (row["points"], row["count"], row["sum"], row["min"], row["max"], row["last"]) == (4, 4, 10, -1, 8, 8)
        assert (tuple(row["value_index"]), tuple(row["value_count"])) == (expected.index, expected.count)


def test_the_last_value_of_an_hour_is_that_of_its_last_minute(house: House) -> None:
    insert(house.database, "metric_series", [gauge()])
    house.put("metric_points", "metric", [at(1, 60 * n, float(10 - n)) for n in range(5)])
    house.rollups.refresh(LATER)
    assert house.tuples("SELECT last FROM metric_1h") == [(6.0,)]


def test_values_that_are_not_numbers_are_left_out(house: House) -> None:
    insert(house.database, "metric_series", [gauge()])
    house.put(
        "metric_points", "metric", [at(1, 0, 1.0), at(1, 1, float("nan")), at(1, 2, float("inf")), at(1, 3, None)]
    )
    house.rollups.refresh(LATER)
    assert minutes(house, "points", "sum") == [(0, 1, 1.0)]


def test_an_up_and_down_counter_is_kept_as_a_level(house: House) -> None:
    insert(house.database, "metric_series", [counter(monotonic=False)])
    house.put("metric_points", "metric", [at(2, 0, 5.0), at(2, 10, 3.0)])
    house.rollups.refresh(LATER)
    assert minutes(house, "sum", "min", "max", "last") == [(0, 8.0, 3.0, 5.0, 3.0)]


def test_a_delta_sum_adds_up_as_it_is(house: House) -> None:
    insert(house.database, "metric_series", [counter(temporality="delta")])
    house.put("metric_points", "metric", [at(2, 0, 5.0), at(2, 10, 3.0), at(2, 70, 2.0)])
    house.rollups.refresh(LATER)
    assert minutes(house, "sum") == [(0, 8.0), (1, 2.0)]


START = {"start_ns": NOON - 30 * SECOND}


def test_a_cumulative_sum_becomes_increments_across_minutes_and_resets(house: House) -> None:
    insert(house.database, "metric_series", [counter()])
    restarted = {"start_ns": NOON + 125 * SECOND}
    house.put(
        "metric_points",
        "metric",
        [
            at(2, 0, 5.0, **START),  # began 30 s ago: all of it is new
            at(2, 50, 9.0, **START),
            at(2, 70, 10.0, **START),
            at(2, 80, None, **START),  # no recorded value
            at(2, 90, 4.0, **START),  # fell: it was reset
            at(2, 130, 6.0, **restarted),  # rose, but began anew
        ],
    )
    house.rollups.refresh(LATER)
    assert minutes(house, "sum", "last") == [(0, 9.0, 4.0), (1, 5.0, 4.0), (2, 6.0, 6.0)]


@pytest.mark.parametrize("start", [{}, {"start_ns": 0}, {"start_ns": NOON - HOUR}])
def test_the_first_point_of_a_series_that_began_long_ago_is_only_where_counting_starts(
    house: House, start: dict[str, int]
) -> None:
    insert(house.database, "metric_series", [counter()])
    house.put("metric_points", "metric", [at(2, 0, 500.0, **start)])
    house.put("metric_points", "metric", [at(2, 60, 503.0, **start)])
    house.rollups.refresh(LATER)
    assert minutes(house, "points", "sum") == [(0, 1, None), (1, 1, 3.0)]


def test_a_point_hours_before_is_found(house: House) -> None:
    insert(house.database, "metric_series", [counter()])
    house.put("metric_points", "metric", [at(2, 0, 5.0, **START), at(2, 5 * 3600, 7.0, **START)])
    house.rollups.refresh(LATER)
    assert minutes(house, "sum") == [(0, 5.0), (300, 2.0)]


def test_a_late_point_corrects_the_minute_after_it_too(house: House) -> None:
    insert(house.database, "metric_series", [counter()])
    house.put("metric_points", "metric", [at(2, 0, 5.0, **START), at(2, 300, 12.0, **START)])
    house.rollups.refresh(LATER)
    assert minutes(house, "sum") == [(0, 5.0), (5, 7.0)]
    house.put("metric_points", "metric", [at(2, 120, 6.0, **START)])
    house.rollups.refresh(LATER)
    assert minutes(house, "sum") == [(0, 5.0), (2, 1.0), (5, 6.0)]
    assert house.tuples("SELECT sum FROM metric_1h") == [(12.0,)]


increments = st.lists(
    st.tuples(st.integers(1, 600), st.integers(0, 1000), st.booleans()), min_size=1, max_size=12
)  # seconds since the point before, how much was counted, whether it was reset before


@given(steps=increments, data=st.data())
@settings(max_examples=examples(12), deadline=None)
def test_increments_add_up_to_what_was_counted_however_the_points_arrived(
    steps: list[tuple[int, int, bool]], data: Any
) -> None:
    house = House()
    insert(house.database, "metric_series", [counter()])
    seconds, value, start, points, counted = 0, 0, NOON - SECOND, [], 0
    for after, more, reset in steps:
        start, value = (NOON + seconds * SECOND + 1, 0) if reset else (start, value)
        seconds, value, counted = seconds + after, value + more, counted + more
        points.append(at(2, seconds, float(value), start_ns=start))
    if NOON + steps[0][0] * SECOND - points[0]["start_ns"] > 5 * MINUTE:  # the first is only where counting starts
        counted -= steps[0][1]
    arrivals = data.draw(st.permutations(points))
    while arrivals:
        size = data.draw(st.integers(1, len(arrivals)))
        house.put("metric_points", "metric", list(arrivals[:size]))
        house.rollups.refresh(NOON + HOUR)
        arrivals = arrivals[size:]
    house.rollups.refresh(LATER)
    for level in LEVELS:
        ((total,),) = house.tuples(f"SELECT coalesce(sum(sum), 0) FROM metric_{level}")
        assert total == counted, level
    house.close()


def test_a_cumulative_explicit_histogram_becomes_its_new_observations(house: House) -> None:
    insert(house.database, "metric_series", [counter(kind="histogram", monotonic=None)])
    bounds = [0.5, 1.0]
    house.put(
        "metric_points",
        "metric",
        [
            at(2, 0, 4.0, count=3, bounds=bounds, bucket_count=[1, 2, 0], **START),
            at(2, 60, 9.0, count=6, bounds=bounds, bucket_count=[1, 3, 2], **START),
            at(2, 120, 1.0, count=2, bounds=bounds, bucket_count=[2, 0, 0], **START),  # reset
        ],
    )
    house.rollups.refresh(LATER)
    assert minutes(house, "sum", "count", "value_index", "value_count") == [
        (0, 4.0, 3, [code(0.5), code(1.0)], [1, 2]),
        (1, 5.0, 3, [code(1.0)], [3]),  # the overflow bucket stands at the last bound
        (2, 1.0, 2, [code(0.5)], [2]),
    ]
    for level in ("1h", "1d"):
        (row,) = house.rows(f"SELECT * FROM metric_{level}")
        assert (row["sum"], row["count"], row["value_count"]) == (10.0, 8, [3, 5])


def test_exponential_histograms_of_any_scale_are_brought_to_ours(house: House) -> None:
    insert(house.database, "metric_series", [counter(kind="exponential_histogram", temporality="delta")])
    finer = {"scale": 7, "bucket_index": [-5, 0, 3, 4], "bucket_count": [1, 1, 1, 1], "zero_count": 2}
    same = {"scale": 5, "bucket_index": [-2, 0], "bucket_count": [1, 1], "zero_count": 0}
    coarser = {"scale": 3, "bucket_index": [-1, 2], "bucket_count": [5, 7]}
    house.put(
        "metric_points",
        "metric",
        [
            at(2, 0, 1.0, count=6, min=0.0, max=3.0, **finer),
            at(2, 1, 1.0, count=2, min=0.5, max=2.0, **same),
            at(2, 60, 1.0, count=12, **coarser),
        ],
    )
    house.rollups.refresh(LATER)
    found = minutes(house, "count", "min", "max", "value_index", "value_count")
    assert found[0] == (0, 8, 0.0, 3.0, [ZERO_CODE, -2, 0, 1], [2, 2, 3, 1])
    assert found[1] == (1, 12, None, None, [-2, 10], [5, 7])  # the middle of (base^-4, base^0] and of (base^8, base^12]


def test_a_summary_keeps_its_increments_and_no_distribution(house: House) -> None:
    insert(house.database, "metric_series", [{"series_id": 2, "name": "s", "kind": "summary"}])
    house.put("metric_points", "metric", [at(2, 0, 4.0, count=3, **START), at(2, 60, 9.0, count=5, **START)])
    house.rollups.refresh(LATER)
    assert minutes(house, "sum", "count", "value_index") == [(0, 4.0, 3, None), (1, 5.0, 2, None)]
