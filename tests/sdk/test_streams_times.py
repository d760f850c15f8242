"""When the chunks of a stream came: on its span, and in OpenTelemetry's two metrics of streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from spanledger import semconv
from spanledger.meter import InstrumentMeter, Meter
from spanledger.recording import record_usage
from spanledger.testing import Captured, SteppedClock, capture
from spanledger.traced_cost import traced_cost

PAUSES_S = (0.5, 0.25, 1.0, 0.25)  # before the first chunk, and between the others


@pytest.fixture(name="stream")
def stream_fixture() -> Iterator[Captured]:
    clock = SteppedClock()

    @traced_cost(model="m", provider="openai")
    def words() -> Iterator[str]:
        for pause_s in PAUSES_S:
            clock.step(pause_s)
            yield "word"

    with capture(clock=clock) as captured:
        for _ in words():
            pass
        yield captured


def test_the_span_tells_the_first_chunk_and_the_mean_and_the_longest_time_between_two(stream: Captured) -> None:
    found = dict(stream.spans[0].attributes or {})
    assert found[semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK] == 0.5
    assert found[semconv.STREAM_CHUNKS] == 4
    assert found[semconv.STREAM_CHUNK_GAP_MEAN_S] == 0.5
    assert found[semconv.STREAM_CHUNK_GAP_MAX_S] == 1.0


def test_the_metric_has_a_value_for_each_chunk_after_the_first(stream: Captured) -> None:
    of = {point.name: point for point in stream.metrics}
    assert (of[semconv.METRIC_TIME_TO_FIRST_CHUNK].count, of[semconv.METRIC_TIME_TO_FIRST_CHUNK].total) == (1, 0.5)
    assert (of[semconv.METRIC_TIME_PER_OUTPUT_CHUNK].count, of[semconv.METRIC_TIME_PER_OUTPUT_CHUNK].total) == (3, 1.5)


def test_its_buckets_are_those_that_opentelemetry_would_have_filled(stream: Captured) -> None:
    meter = Meter()
    meter.observe(stream.entries[0])
    meter.observe(stream.entries[0])
    (metric,) = [one for one in meter.read(1) if one.name == semconv.METRIC_TIME_PER_OUTPUT_CHUNK]
    (point,) = metric.histogram.data_points
    reader = InMemoryMetricReader()
    theirs = MeterProvider([reader], shutdown_on_exit=False).get_meter("t")
    histogram = theirs.create_histogram("h", explicit_bucket_boundaries_advisory=list(semconv.DURATION_BUCKETS_S))
    for pause_s in PAUSES_S[1:] * 2:
        histogram.record(pause_s)
    data: Any = reader.get_metrics_data()
    other = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0]
    assert list(point.bucket_counts) == list(other.bucket_counts)
    assert (point.count, point.sum, point.min, point.max) == (other.count, other.sum, other.min, other.max)


def test_through_opentelemetrys_instruments_a_stream_is_one_value(stream: Captured) -> None:
    reader = InMemoryMetricReader()
    InstrumentMeter(MeterProvider([reader], shutdown_on_exit=False).get_meter("t")).observe(stream.entries[0])
    data: Any = reader.get_metrics_data()
    points = {one.name: one.data.data_points[0] for one in data.resource_metrics[0].scope_metrics[0].metrics}
    assert points[semconv.METRIC_TIME_PER_OUTPUT_CHUNK].sum == 0.5
    assert points[semconv.METRIC_OPERATION_DURATION].sum == sum(PAUSES_S)


def test_a_stream_of_one_chunk_has_no_time_between_chunks() -> None:
    with capture() as captured:
        list(traced_cost(lambda: (word for word in ["only"]))())
    assert semconv.METRIC_TIME_PER_OUTPUT_CHUNK not in {point.name for point in captured.metrics}
    assert semconv.STREAM_CHUNK_GAP_MEAN_S not in (captured.spans[0].attributes or {})


def test_what_is_told_outside_a_call_has_no_duration() -> None:
    with capture() as captured:
        record_usage(provider="openai", model="gpt-4o", input_tokens=3, output_tokens=1)
    assert {point.name for point in captured.metrics} == {semconv.METRIC_TOKEN_USAGE}
