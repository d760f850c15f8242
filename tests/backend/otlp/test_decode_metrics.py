"""Metric points of every kind, and the series they belong to."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

from spanledger_server.otlp.columns import POINT_SCHEMA, SERIES_SCHEMA, Decoded
from spanledger_server.otlp.limits import HOUR_NS, DecodeLimits
from tests.backend.otlp.payloads import NOW, SECOND, both, decode, metrics, pairs, reasons, request

DELTA, CUMULATIVE = 1, 2


def number(**fields: Any) -> otlp.NumberDataPoint:
    known = {"time_unix_nano": NOW, "start_time_unix_nano": NOW - SECOND}
    return otlp.NumberDataPoint(**(known | fields))


def gauge(*points: otlp.NumberDataPoint, name: str = "queue") -> otlp.Metric:
    return otlp.Metric(name=name, unit="1", gauge=otlp.Gauge(data_points=points))


def histogram(temporality: int = CUMULATIVE, **fields: Any) -> otlp.Metric:
    point = otlp.HistogramDataPoint(time_unix_nano=NOW, **fields)
    return otlp.Metric(
        name="h",
        histogram=otlp.Histogram(aggregation_temporality=temporality, data_points=[point]),  # type: ignore[arg-type]
    )


def exponential(**fields: Any) -> otlp.Metric:
    point = otlp.ExponentialHistogramDataPoint(time_unix_nano=NOW, **fields)
    data = otlp.ExponentialHistogram(aggregation_temporality=DELTA, data_points=[point])  # type: ignore[arg-type]
    return otlp.Metric(name="e", exponential_histogram=data)


def read(*metrics: otlp.Metric, **more: Any) -> Decoded:
    return both("metrics", request("metrics", list(metrics)), **more)


def point(*metrics: otlp.Metric, **more: Any) -> dict[str, Any]:
    (found,) = read(*metrics, **more).table.to_pylist()
    return dict(found)


def series(found: Decoded) -> list[dict[str, Any]]:
    assert found.series is not None
    return list(found.series.to_pylist())


def test_a_gauge_becomes_a_point_and_a_series() -> None:
    message = gauge(number(as_double=1.5, attributes=pairs({"b": 1, "a": "x"})))
    found = read(message)
    (row,), (one,) = found.table.to_pylist(), series(found)
    assert found.table.schema.equals(POINT_SCHEMA)
    assert found.series is not None
    assert found.series.schema.equals(SERIES_SCHEMA)
    assert (row["at_ns"], row["start_ns"], row["value"], row["count"]) == (NOW, NOW - SECOND, 1.5, None)
    assert row["series_id"] == one["series_id"]
    assert (one["name"], one["kind"], one["unit"]) == ("queue", "gauge", "1")
    assert (one["temporality"], one["monotonic"]) == (None, None)
    assert (one["service"], one["scope"], one["attributes"]) == ("bookshop", "test", '{"a":"x","b":1}')
    assert (found.min_ns, found.max_ns) == (NOW, NOW)


def test_a_series_does_not_depend_on_the_order_of_its_attributes_and_stands_there_once() -> None:
    points = [
        number(as_int=1, attributes=pairs({"a": 1, "b": 2})),
        number(as_int=2, attributes=pairs({"b": 2, "a": 1})),
    ]
    found = read(gauge(*points), gauge(number(as_int=3, attributes=pairs({"a": 1}))))
    assert len(series(found)) == 2
    assert found.rows == 3


def test_a_sum_has_its_temporality_and_says_whether_it_only_rises() -> None:
    data = otlp.Sum(data_points=[number(as_int=-3)], aggregation_temporality=DELTA, is_monotonic=True)  # type: ignore[arg-type]
    found = read(otlp.Metric(name="s", sum=data))
    assert found.table.to_pylist()[0]["value"] == -3.0
    assert (series(found)[0]["temporality"], series(found)[0]["monotonic"]) == ("delta", True)
    assert series(found)[0]["attributes"] is None


def test_a_histogram_keeps_its_buckets() -> None:
    row = point(histogram(count=6, sum=9.5, min=0.5, max=4, explicit_bounds=[1, 2], bucket_counts=[1, 2, 3]))
    assert (row["value"], row["count"], row["min"], row["max"]) == (9.5, 6, 0.5, 4)
    assert (row["bounds"], row["bucket_count"], row["bucket_index"]) == ([1.0, 2.0], [1, 2, 3], None)


def test_a_histogram_without_buckets_or_sum_says_so() -> None:
    row = point(histogram(count=0))
    assert (row["value"], row["count"], row["min"], row["max"], row["bounds"], row["bucket_count"]) == (
        None, 0, None, None, None, None,
    )  # fmt: skip


def test_an_exponential_histogram_is_sparse_and_its_negative_side_counts_as_zero() -> None:
    buckets = otlp.ExponentialHistogramDataPoint.Buckets
    row = point(
        exponential(
            count=9,
            scale=3,
            zero_count=1,
            sum=4,
            positive=buckets(offset=-2, bucket_counts=[1, 0, 3]),
            negative=buckets(offset=7, bucket_counts=[2, 2]),
        )
    )
    assert (row["scale"], row["zero_count"], row["count"], row["value"]) == (3, 5, 9, 4)
    assert (row["bucket_index"], row["bucket_count"], row["bounds"]) == ([-2, 0], [1, 3], None)


def test_a_summary_keeps_its_quantiles() -> None:
    quantile = otlp.SummaryDataPoint.ValueAtQuantile
    values = [quantile(quantile=0.5, value=2), quantile(quantile=0.9, value=float("nan"))]
    data = otlp.Summary(data_points=[otlp.SummaryDataPoint(time_unix_nano=NOW, count=3, sum=6, quantile_values=values)])
    row = point(otlp.Metric(name="q", summary=data))
    assert (row["bounds"], row["quantile_values"], row["count"], row["value"]) == ([0.5, 0.9], [2.0, None], 3, 6.0)


@pytest.mark.parametrize("fields", [{"flags": 1, "as_double": 5.0}, {}, {"as_double": float("nan")}])
def test_a_value_that_was_not_recorded_is_null(fields: dict[str, Any]) -> None:
    assert point(gauge(number(**fields)))["value"] is None


def test_zero_is_a_value() -> None:
    assert point(gauge(number(as_double=0.0)))["value"] == 0.0
    assert point(gauge(number(as_int=0)))["value"] == 0.0


def test_a_start_that_is_absent_or_cannot_be_stored_is_null() -> None:
    for start in (0, 2**63):
        assert point(gauge(number(as_int=1, start_time_unix_nano=start)))["start_ns"] is None


BUCKETS = otlp.ExponentialHistogramDataPoint.Buckets


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (gauge(number(time_unix_nano=0)), "time_invalid"),
        (gauge(number(time_unix_nano=NOW + HOUR_NS + 1)), "too_far_in_future"),
        (gauge(number(time_unix_nano=2**63)), "too_far_in_future"),
        (gauge(number(time_unix_nano=NOW - 24 * HOUR_NS - 1)), "too_late"),
        (gauge(number(as_double=float("inf"))), "value_not_finite"),
        (gauge(number(), name=""), "name_missing"),
        (otlp.Metric(name="nothing"), "kind_unknown"),
        (histogram(temporality=0), "temporality_invalid"),
        (histogram(temporality=7), "temporality_invalid"),
        (histogram(count=2**63), "count_invalid"),
        (histogram(bucket_counts=[2**63, 1], explicit_bounds=[1]), "count_invalid"),
        (histogram(bucket_counts=[1, 1], explicit_bounds=[1, 2]), "buckets_invalid"),
        (histogram(bucket_counts=[1, 1, 1], explicit_bounds=[2, 1]), "buckets_invalid"),
        (histogram(bucket_counts=[1, 1], explicit_bounds=[float("nan")]), "buckets_invalid"),
        (histogram(bucket_counts=[1, 1], explicit_bounds=[float("inf")]), "buckets_invalid"),
        (histogram(bucket_counts=[1] * 4_097, explicit_bounds=range(4_096)), "too_many_buckets"),
        (histogram(sum=float("-inf")), "value_not_finite"),
        (exponential(positive=BUCKETS(offset=2**31 - 1, bucket_counts=[1])), "buckets_invalid"),
        (exponential(zero_count=2**63 - 1, negative=BUCKETS(bucket_counts=[1])), "count_invalid"),
        (exponential(negative=BUCKETS(bucket_counts=[0] * 4_097)), "too_many_buckets"),
    ],
)
def test_a_point_that_cannot_be_right_is_refused_with_a_reason_and_the_rest_is_taken(
    metric: otlp.Metric, reason: str
) -> None:
    found = read(metric, gauge(number(as_int=1), name="good"))
    assert found.refusals.by_reason == {("bookshop", reason): 1}
    assert [one["name"] for one in series(found)] == ["good"]


def test_points_beyond_the_limit_are_refused() -> None:
    found = read(gauge(*[number(as_int=1)] * 5), gauge(number(as_int=1)), limits=DecodeLimits(records=3))
    assert (found.rows, reasons(found)) == (3, {"too_many_records": 3})


def test_no_points_give_no_rows() -> None:
    found = read(gauge())
    assert (found.rows, series(found), found.min_ns, found.max_ns) == (0, [], None, None)


def test_a_metric_without_data_and_a_point_larger_than_a_point_can_be_are_refused() -> None:
    large = gauge(number(as_int=1, attributes=pairs({"a": "x" * 2_000})), name="large")
    sent = metrics(otlp.Metric(name="nothing"), large, gauge(number(as_int=1)))
    found = decode("metrics", sent, limits=DecodeLimits(wide_bytes=1_000))
    assert (found.rows, reasons(found)) == (1, {"kind_unknown": 1, "point_too_large": 1})


def test_a_summary_of_too_many_quantiles_is_refused() -> None:
    quantiles = [otlp.SummaryDataPoint.ValueAtQuantile(quantile=0.5, value=1)] * 3
    point = otlp.SummaryDataPoint(time_unix_nano=NOW, count=1, sum=1, quantile_values=quantiles)
    summary = otlp.Metric(name="q", summary=otlp.Summary(data_points=[point]))
    assert reasons(both("metrics", request("metrics", [summary]), limits=DecodeLimits(buckets=2))) == {
        "too_many_buckets": 1
    }
