"""Metrics over HTTP: increments with restarts, gaps that stay gaps, percentiles that are right to a bucket."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.metrics import distribution
from tests.backend.rows import MINUTE, NOON, SECOND, insert

START = NOON - 10 * MINUTE


def add(reads, number, points, **series):
    insert(
        reads.database,
        "metric_series",
        [{"series_id": number, "name": "m", "kind": "gauge", "unit": "1", "service": "shop"} | series],
    )
    insert(reads.database, "metric_points", [{"series_id": number} | point for point in points])


def values(reads, **query):
    answer = reads.get(
        "/api/v1/metrics/query", name="m", from_="2026-11-21T11:50:00Z", to="2026-11-21T12:00:00Z", step="1m", **query
    )
    return {tuple(sorted(one["labels"].items())): [value for _, value in one["points"]] for one in answer["series"]}


def only(reads, **query):
    (found,) = values(reads, **query).values()
    return [None if value is None else float(value) for value in found]


def test_names_are_listed_and_an_unknown_one_is_not_found(reads):
    assert reads.get("/api/v1/metrics") == {"items": [], "next_cursor": None}
    reads.refused("/api/v1/metrics/query", 404, name="m")
    add(reads, 1, [])
    assert reads.get("/api/v1/metrics")["items"] == [
        {"name": "m", "kind": "gauge", "unit": "1", "series": 1, "services": ["shop"]}
    ]
    answer = reads.get("/api/v1/metrics/query", name="m", from_="now-2m", to="now", step="1m")
    assert (answer["name"], answer["unit"], answer["kind"], answer["stat"]) == ("m", "1", "gauge", "avg")
    assert answer["series"] == [
        {
            "labels": {"service": "shop"},
            "points": [[NOON // SECOND - 120, None], [NOON // SECOND - 60, None], [NOON // SECOND, None]],
        }
    ]


def test_a_gauge_is_summed_up_and_its_gaps_stay_empty(reads):
    add(
        reads,
        1,
        [
            {"at_ns": START, "value": 1},
            {"at_ns": START + 30 * SECOND, "value": 4},
            {"at_ns": START + 5 * MINUTE, "value": -2},
        ],
    )
    assert only(reads) == [2.5, *[None] * 4, -2, *[None] * 4]
    assert only(reads, stat="min")[0] == 1
    assert only(reads, stat="max")[0] == 4
    assert only(reads, stat="last")[0] == 4
    assert only(reads, stat="count")[0] == 2


def test_a_cumulative_counter_counts_by_its_increments_and_from_nothing_after_a_restart(reads):
    began = START - 60 * MINUTE
    points = [
        (-1, 100, began),
        (0, 130, began),
        (1, 190, began),
        (2, 20, START + MINUTE + 1),
        (3, 80, START + MINUTE + 1),
        (6, 81, START + MINUTE + 1),
    ]
    add(
        reads,
        1,
        [{"at_ns": START + minute * MINUTE, "value": value, "start_ns": start} for minute, value, start in points],
        kind="sum",
        temporality="cumulative",
        monotonic=True,
    )
    assert only(reads, stat="increase")[:8] == [30, 60, 20, 60, None, None, 1, None]
    assert only(reads)[:3] == [0.5, 1, 20 / 60]
    assert only(reads, stat="last")[1] == 190


def test_a_counter_that_began_within_the_window_counts_from_its_beginning_another_one_from_its_first_point(reads):
    add(
        reads,
        1,
        [{"at_ns": START + MINUTE, "value": 7, "start_ns": START}],
        kind="sum",
        temporality="cumulative",
        monotonic=True,
        attributes='{"who": "new"}',
    )
    add(
        reads,
        2,
        [{"at_ns": START + MINUTE, "value": 7_000, "start_ns": START - 100 * MINUTE}],
        kind="sum",
        temporality="cumulative",
        monotonic=True,
        attributes='{"who": "old"}',
    )
    found = values(reads, stat="increase", group_by="who")
    assert found[("who", "new"),][1] == 7
    assert found[("who", "old"),][1] is None


def test_delta_counters_add_up_and_groups_add_their_series(reads):
    for number, (model, value) in enumerate([("a", 1), ("a", 2), ("b", 4)]):
        add(
            reads,
            number,
            [{"at_ns": START + second * SECOND, "value": value} for second in range(3)],
            kind="sum",
            temporality="delta",
            monotonic=True,
            attributes=f'{{"model": "{model}", "n": {number}}}',
        )
    assert values(reads, stat="increase", group_by="model")[("model", "a"),][0] == 9
    assert values(reads, stat="increase", group_by="model")[("model", "b"),][0] == 12
    assert only(reads, stat="increase", group_by="nothing")[0] == 21
    assert len(values(reads)) == 3


def test_explicit_histograms_give_percentiles_and_means_of_what_came_in_between(reads):
    began = START - 60 * MINUTE
    shape = {"bounds": [1, 2, 4], "start_ns": began}
    add(
        reads,
        1,
        [
            {"at_ns": START - MINUTE, "count": 10, "value": 100, "bucket_count": [10, 0, 0, 0], **shape},
            {"at_ns": START, "count": 20, "value": 130, "bucket_count": [10, 10, 0, 0], **shape},
            {"at_ns": START + 2 * MINUTE, "count": 20, "value": 130, "bucket_count": [10, 10, 0, 0], **shape},
        ],
        kind="histogram",
        temporality="cumulative",
        unit="s",
    )
    assert only(reads, stat="p50")[:3] == [1.5, None, None]
    assert only(reads, stat="avg")[:3] == [3, None, None]
    assert only(reads, stat="count")[:3] == [10, None, 0]
    assert only(reads, stat="rate")[0] == pytest.approx(10 / 60)


def test_exponential_histograms_of_different_scales_lie_over_each_other(reads):
    add(
        reads,
        1,
        [
            {
                "at_ns": START,
                "count": 4,
                "value": 12,
                "scale": 0,
                "zero_count": 1,
                "bucket_index": [0, 1],
                "bucket_count": [1, 2],
            },
            {
                "at_ns": START + 1,
                "count": 4,
                "value": 12,
                "scale": 3,
                "zero_count": 0,
                "bucket_index": [80],
                "bucket_count": [4],
            },
        ],
        kind="exponential_histogram",
        temporality="delta",
    )
    assert only(reads, stat="count")[0] == 8
    assert only(reads, stat="p99")[0] == pytest.approx(2**10.125, rel=0.1)
    assert only(reads, stat="p25")[0] <= 2


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"stat": "median"}, "stat"),
        ({"stat": "p95"}, "stat"),
        ({"step": "0s"}, "step"),
        ({"step": "1ms"}, "step"),
        ({"step": "fast"}, "step"),
        ({"group_by": ",".join("abcdefghijklm")}, "group_by"),
        ({"from_": "now", "to": "now-1h"}, "from"),
        ({"name": ""}, "name"),
    ],
)
def test_a_bad_parameter_of_metrics_is_named(reads, query, parameter):
    add(reads, 1, [])
    assert reads.refused("/api/v1/metrics/query", **({"name": "m"} | query))["parameter"] == parameter


def test_the_usual_step_keeps_the_number_of_points_small(reads):
    add(reads, 1, [])
    for window in ("now-1s", "now-1h", "now-7d", "now-52w", "1970-01-01T00:00:00Z"):
        answer = reads.get("/api/v1/metrics/query", name="m", from_=window)
        assert 1 <= len(answer["series"][0]["points"]) <= 242


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=200),
    st.sampled_from([0, 3, 8, 20]),
    st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0]),
)
def test_a_percentile_is_right_to_the_width_of_a_bucket(observed, scale, share):
    seen, count = sorted(observed), len(observed)
    width = 2.0**-scale
    buckets = [math.ceil(math.log2(value) / width) - 1 for value in seen]
    row = {"scale": scale, "zero_count": 0, "buckets": buckets, "observations": [1] * count}
    found = distribution.quantile(distribution.stretches(row), share)
    true = seen[max(0, math.ceil(share * count) - 1)]
    assert true / 2**width * 0.999999 <= found <= true * 2**width * 1.000001


def test_there_is_no_percentile_of_nothing():
    assert distribution.quantile([], 0.5) is None
