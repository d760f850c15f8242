"""The metrics of an OTLP/JSON request, handed over point by point.

Given a body and the rows that collect, reads what `decode_metrics` reads from protobuf.

Never: an exception but `Malformed` and `TooLarge`.
"""

from __future__ import annotations

from collections.abc import Callable

from spanledger_server.otlp import json
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
from spanledger_server.otlp.resources import json_scope, resource_of


def read_json(body: bytes, rows: PointRows, limits: DecodeLimits) -> None:
    """Hand the request's points to `rows`.

    Raises:
        Malformed: `body` is not OTLP/JSON.
        TooLarge: It has more groups or objects than the limits allow.
    """
    values = json.JsonValues(limits)
    document = json.document(body, limits)
    groups = json.scope_groups(document, "resourceMetrics", "scopeMetrics", "metrics", limits.records)
    for resource, scope, metrics in groups:
        rows.enter(resource_of(values.attributes(resource)), json_scope(scope, limits))
        for metric in metrics[: limits.records]:
            _add_metric(metric, rows, values, limits)


def _add_metric(metric: json.Object, rows: PointRows, values: json.JsonValues, limits: DecodeLimits) -> None:
    name, unit = json.text(metric, "name"), json.text(metric, "unit")
    kind = next((key for key in reversed(metric) if key in _KINDS and metric[key] is not None), None)
    if kind is None:
        rows.refuse_kind(name)
        return
    data = json.one(metric, kind)
    points = json.objects(data, "dataPoints")
    temporality, monotonic = json.int32(data, "aggregationTemporality"), json.truth(data, "isMonotonic")
    column, read = _KINDS[kind]
    for point in points[: rows.metric(name, unit, column, temporality, monotonic, len(points))]:
        attributes = values.attributes(point)
        at_ns, start_ns = json.uint64(point, "timeUnixNano"), json.uint64(point, "startTimeUnixNano")
        rows.add(at_ns, start_ns, attributes, _numbers(point, read, limits.buckets))


def _numbers(point: json.Object, read: Callable[[json.Object, int], Numbers], most: int) -> Numbers | str:
    if json.uint32(point, "flags") & NO_RECORDED_VALUE:
        return UNKNOWN
    try:
        return read(point, most)
    except Refused as refused:
        return str(refused)


def _maybe(point: json.Object, key: str) -> float | None:
    return None if point.get(key) is None else known(json.double(point, key))


def _number(point: json.Object, _: int) -> Numbers:
    kind = next((key for key in reversed(point) if key in ("asDouble", "asInt") and point[key] is not None), None)
    if kind is None:
        return Numbers()
    return Numbers(value=known(json.double(point, kind) if kind == "asDouble" else float(json.int64(point, kind))))


def _distribution(point: json.Object) -> Numbers:
    return Numbers(
        value=_maybe(point, "sum"),
        count=counted(json.uint64(point, "count")),
        min=_maybe(point, "min"),
        max=_maybe(point, "max"),
    )


def _histogram(point: json.Object, most: int) -> Numbers:
    numbers = _distribution(point)
    explicit_buckets(numbers, json.doubles(point, "explicitBounds"), json.uint64s(point, "bucketCounts"), most)
    return numbers


def _exponential(point: json.Object, most: int) -> Numbers:
    numbers = _distribution(point)
    numbers.scale = json.int32(point, "scale")
    numbers.zero_count = counted(json.uint64(point, "zeroCount"))
    positive, negative = json.one(point, "positive"), json.one(point, "negative")
    counts, below = json.uint64s(positive, "bucketCounts"), json.uint64s(negative, "bucketCounts")
    exponential_buckets(numbers, json.int32(positive, "offset"), counts, below, most)
    return numbers


def _summary(point: json.Object, most: int) -> Numbers:
    quantiles = json.objects(point, "quantileValues")
    if len(quantiles) > most:
        raise Refused("too_many_buckets")
    return Numbers(
        value=known(json.double(point, "sum")),
        count=counted(json.uint64(point, "count")),
        bounds=[known(json.double(quantile, "quantile")) for quantile in quantiles],
        quantile_values=[known(json.double(quantile, "value")) for quantile in quantiles],
    )


_KINDS: dict[str, tuple[str, Callable[[json.Object, int], Numbers]]] = {
    "gauge": ("gauge", _number),
    "sum": ("sum", _number),
    "histogram": ("histogram", _histogram),
    "exponentialHistogram": ("exponential_histogram", _exponential),
    "summary": ("summary", _summary),
}
