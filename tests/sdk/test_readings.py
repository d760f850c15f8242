"""A reading of a program's own metrics: encoded a few at a time, and what arrives is the whole of it."""

import math
import threading

import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from spanledger.delivery.worker import breathe
from spanledger.processors import METRICS_AT_ONCE, LaneMetricExporter


def metrics_of(request):
    """Every metric of a request with its scope and resource, however they are grouped."""
    return {
        (resource.resource.SerializeToString(), scope.scope.name, metric.name): [
            (tuple(point.attributes[0].value.string_value for _ in "1"), getattr(point, "count", 0) or point.as_int)
            for point in (metric.sum.data_points or metric.histogram.data_points)
        ]
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


@pytest.mark.parametrize("many", [0, 1, METRICS_AT_ONCE, METRICS_AT_ONCE + 1, 40])
def test_a_reading_in_pieces_is_the_reading(many):
    readings, breaths = [], []
    exporter = LaneMetricExporter(readings.append, {}, lambda: breaths.append(len(readings)))
    reader, whole = PeriodicExportingMetricReader(exporter, math.inf), InMemoryMetricReader()
    provider = MeterProvider([reader, whole], resource=Resource({"service.name": "s"}), shutdown_on_exit=False)
    for number in range(many):
        for scope in ("one", "two"):
            counter = provider.get_meter(scope).create_counter(f"metric.{number}")
            for label in ("a", "b"):
                counter.add(number + 1, {"label": label})
    reader.collect()
    expected = whole.get_metrics_data()
    if not many:
        assert readings == []
        return
    (reading,) = readings
    assert metrics_of(ExportMetricsServiceRequest.FromString(reading.payload)) == metrics_of(encode_metrics(expected))
    assert reading.points == many * 2 * 2
    assert breaths == [0] * 2 * math.ceil(many / METRICS_AT_ONCE)  # before each piece, and before it is put


def test_a_thread_that_is_no_workers_does_not_wait():
    done = threading.Event()
    threading.Thread(target=lambda: (breathe(), done.set())).start()
    assert done.wait(5)
