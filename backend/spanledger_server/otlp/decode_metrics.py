"""One metrics request's bytes as columns: `decode`.

Given OTLP protobuf or JSON, the time and the limits, gives points, their series, resources and refusals; pure.
Exemplars, descriptions and metadata are not kept.

Never: an exception but `Malformed` and `TooLarge`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from google.protobuf.message import DecodeError
from opentelemetry.proto.metrics.v1 import metrics_pb2

from spanledger_server.errors import Malformed
from spanledger_server.otlp.attributes import ProtobufValues
from spanledger_server.otlp.columns import Decoded
from spanledger_server.otlp.json_points import read_json
from spanledger_server.otlp.limits import DecodeLimits
from spanledger_server.otlp.points import (
    NO_RECORDED_VALUE,
    UNKNOWN,
    Numbers,
    PointRows,
    Refused,
    counted,
    explicit_buckets,
    exponential_buckets,
    known,
)
from spanledger_server.otlp.resources import protobuf_resource, protobuf_scope
from spanledger_server.otlp.wire import ShallowMetric, scope_groups

Encoding = Literal["protobuf", "json"]


def decode(body: bytes, *, encoding: Encoding, now_ns: int, limits: DecodeLimits) -> Decoded:
    """Decode an ExportMetricsServiceRequest.

    Args:
        body: The request, not compressed.
        encoding: ``protobuf`` or ``json``.
        now_ns: The time, ns since 1970: what is too far in the future or too late is judged by it.
        limits: The bounds.

    Raises:
        Malformed: `body` is not what `encoding` says.
        TooLarge: It has more groups, or more JSON objects, than the limits allow.
    """
    rows = PointRows(now_ns, limits)
    if encoding == "protobuf":
        _read_protobuf(body, rows, limits)
    else:
        read_json(body, rows, limits)
    return rows.decoded()


def _read_protobuf(body: bytes, rows: PointRows, limits: DecodeLimits) -> None:
    values = ProtobufValues(limits)
    try:
        for resource, scope, metrics in scope_groups(body, limits.records):
            rows.enter(protobuf_resource(resource, limits), protobuf_scope(scope, limits) if scope else None)
            for raw in metrics[: limits.records]:
                _add_metric(ShallowMetric.FromString(raw), rows, values, limits)
    except DecodeError as error:
        raise Malformed(f"the body is not OTLP protobuf: {error}") from error


def _add_metric(metric: Any, rows: PointRows, values: ProtobufValues, limits: DecodeLimits) -> None:
    kind = metric.WhichOneof("data")
    if kind is None:
        rows.refuse_kind(metric.name)
        return
    data = getattr(metric, kind)
    temporality = getattr(data, "aggregation_temporality", 0)
    monotonic = getattr(data, "is_monotonic", False)
    points = data.data_points
    message, read = _POINTS[kind]
    for raw in points[: rows.metric(metric.name, metric.unit, kind, temporality, monotonic, len(points))]:
        if len(raw) > limits.wide_bytes:
            rows.refuse_large()
            continue
        point = message.FromString(raw)
        attributes = values.attributes(point.attributes, len(raw), 0)
        rows.add(point.time_unix_nano, point.start_time_unix_nano, attributes, _numbers(point, read, limits.buckets))


def _numbers(point: Any, read: Callable[[Any, int], Numbers], most: int) -> Numbers | str:
    if point.flags & NO_RECORDED_VALUE:
        return UNKNOWN
    try:
        return read(point, most)
    except Refused as refused:
        return str(refused)


def _number(point: Any, _: int) -> Numbers:
    kind = point.WhichOneof("value")
    return Numbers(value=known(float(getattr(point, kind))) if kind else None)


def _distribution(point: Any) -> Numbers:
    return Numbers(
        value=known(point.sum) if point.HasField("sum") else None,
        count=counted(point.count),
        min=known(point.min) if point.HasField("min") else None,
        max=known(point.max) if point.HasField("max") else None,
    )


def _histogram(point: Any, most: int) -> Numbers:
    numbers = _distribution(point)
    explicit_buckets(numbers, list(point.explicit_bounds), list(point.bucket_counts), most)
    return numbers


def _exponential(point: Any, most: int) -> Numbers:
    numbers = _distribution(point)
    numbers.scale = point.scale
    numbers.zero_count = counted(point.zero_count)
    positive, negative = point.positive, point.negative
    exponential_buckets(numbers, positive.offset, list(positive.bucket_counts), list(negative.bucket_counts), most)
    return numbers


def _summary(point: Any, most: int) -> Numbers:
    quantiles = point.quantile_values
    if len(quantiles) > most:
        raise Refused("too_many_buckets")
    return Numbers(
        value=known(point.sum),
        count=counted(point.count),
        bounds=[known(quantile.quantile) for quantile in quantiles],
        quantile_values=[known(quantile.value) for quantile in quantiles],
    )


_POINTS: dict[str, tuple[Any, Callable[[Any, int], Numbers]]] = {
    "gauge": (metrics_pb2.NumberDataPoint, _number),
    "sum": (metrics_pb2.NumberDataPoint, _number),
    "histogram": (metrics_pb2.HistogramDataPoint, _histogram),
    "exponential_histogram": (metrics_pb2.ExponentialHistogramDataPoint, _exponential),
    "summary": (metrics_pb2.SummaryDataPoint, _summary),
}
