"""The GenAI metrics of finished calls: how long they took, what they used, when the first chunk came.

Given ledger entries (in the delivery worker, never on the caller's time), adds them up in histograms and gives the
data points of one reading. The sums are kept here and not in OpenTelemetry's instruments because those cost 100 µs for
one call; `InstrumentMeter` uses them where a program's own views and readers are to see the figures.

Never: an attribute that may have more than a handful of values, or more than `MAX_SERIES` series.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    Exemplar,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from spanledger import semconv

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter as OpenTelemetryMeter

    from spanledger.call import Entry

MAX_SERIES = 2_000  # as OpenTelemetry's SDK has it; what is beyond goes into one series that says so
OVERFLOW = (("otel.metric.overflow", "true"),)

Labels = tuple[tuple[str, str], ...]
INSTRUMENTS: tuple[tuple[str, str, str, Sequence[float]], ...] = (
    (semconv.METRIC_OPERATION_DURATION, "s", "Duration of a GenAI call", semconv.DURATION_BUCKETS_S),
    (semconv.METRIC_TOKEN_USAGE, "{token}", "Tokens used by a GenAI call", semconv.TOKEN_BUCKETS),
    (semconv.METRIC_TIME_TO_FIRST_CHUNK, "s", "Time to the first chunk of a stream", semconv.DURATION_BUCKETS_S),
)


class EntryMeter(Protocol):
    """Takes finished calls."""

    def observe(self, entry: Entry) -> None:
        """Add one call."""
        ...


class Histogram:
    """One histogram with explicit buckets, for all its series."""

    def __init__(self, name: str, unit: str, description: str, bounds: Sequence[float]) -> None:
        self.name, self.unit, self.description = name, unit, description
        self.bounds = tuple(float(bound) for bound in bounds)
        self.series: dict[Labels, _Series] = {}

    def record(self, labels: Labels, value: float, entry: Entry) -> None:
        """Add one value; a sampled call becomes the series' exemplar."""
        series = self.series.get(labels)
        if series is None:
            if len(self.series) >= MAX_SERIES:
                labels = OVERFLOW
            series = self.series.setdefault(labels, _Series(len(self.bounds) + 1))
        series.add(value, bisect_left(self.bounds, value))
        if entry.sampled:
            series.exemplar = (value, entry.end_ns, entry.trace_id, entry.span_id)


class _Series:
    __slots__ = ("buckets", "count", "exemplar", "highest", "lowest", "total")

    def __init__(self, buckets: int) -> None:
        self.buckets = [0] * buckets
        self.count, self.total = 0, 0.0
        self.lowest, self.highest = float("inf"), float("-inf")
        self.exemplar: tuple[float, int, int, int] | None = None

    def add(self, value: float, bucket: int) -> None:
        self.buckets[bucket] += 1
        self.count += 1
        self.total += value
        self.lowest, self.highest = min(self.lowest, value), max(self.highest, value)


class Meter:
    """Adds up calls by itself."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Start at zero (in a forked child, what was counted before is the parent's)."""
        self.began_ns = time.time_ns()
        self.histograms = tuple(Histogram(*instrument) for instrument in INSTRUMENTS)

    def observe(self, entry: Entry) -> None:
        """Add one call."""
        duration, tokens, first_chunk = self.histograms
        for value, which, labels in measurements(entry):
            (duration, tokens, first_chunk)[which].record(labels, value, entry)

    def read(self, now_ns: int) -> list[Metric]:
        """All data points, cumulative since the beginning."""
        return [self._metric(histogram, now_ns) for histogram in self.histograms if histogram.series]

    def _metric(self, histogram: Histogram, now_ns: int) -> Metric:
        metric = Metric(name=histogram.name, unit=histogram.unit, description=histogram.description)
        metric.histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
        for labels, series in histogram.series.items():
            point = HistogramDataPoint(
                attributes=key_values(labels),
                start_time_unix_nano=self.began_ns,
                time_unix_nano=now_ns,
                count=series.count,
                sum=series.total,
                bucket_counts=series.buckets,
                explicit_bounds=histogram.bounds,
                min=series.lowest,
                max=series.highest,
            )
            if series.exemplar is not None:
                value, at_ns, trace_id, span_id = series.exemplar
                point.exemplars.append(
                    Exemplar(
                        as_double=value,
                        time_unix_nano=at_ns,
                        trace_id=trace_id.to_bytes(16, "big"),
                        span_id=span_id.to_bytes(8, "big"),
                    )
                )
            metric.histogram.data_points.append(point)
        return metric


class InstrumentMeter:
    """Hands calls on to OpenTelemetry's instruments, each in its call's span so that exemplars are right."""

    def __init__(self, meter: OpenTelemetryMeter) -> None:
        self._instruments = tuple(
            meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=list(bounds))
            for name, unit, description, bounds in INSTRUMENTS
        )

    def observe(self, entry: Entry) -> None:
        """Add one call."""
        flags = TraceFlags(TraceFlags.SAMPLED if entry.sampled else TraceFlags.DEFAULT)
        span = NonRecordingSpan(SpanContext(entry.trace_id, entry.span_id, is_remote=False, trace_flags=flags))
        where = set_span_in_context(span)
        for value, which, labels in measurements(entry):
            self._instruments[which].record(value, dict(labels), where)


def measurements(entry: Entry) -> list[tuple[float, int, Labels]]:
    """What one call measures: value, which of `INSTRUMENTS`, labels. An explicit cost is no call: nothing."""
    if entry.kind != "usage":
        return []
    labels = _labels(entry)
    found = [((entry.end_ns - entry.start_ns) / 1e9, 0, labels)]
    usage = entry.usage
    if usage is not None:
        for kind, tokens in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if tokens is not None:
                found.append((float(tokens), 1, (*labels, (semconv.GEN_AI_TOKEN_TYPE, kind))))
    if entry.time_to_first_chunk_s is not None:
        found.append((entry.time_to_first_chunk_s, 2, labels))
    return found


def _labels(entry: Entry) -> Labels:
    context = entry.context
    said = (
        (semconv.GEN_AI_OPERATION_NAME, entry.operation),
        (semconv.GEN_AI_PROVIDER_NAME, entry.provider),
        (semconv.GEN_AI_REQUEST_MODEL, entry.request_model),
        (semconv.GEN_AI_RESPONSE_MODEL, entry.response_model),
        (semconv.ERROR_TYPE, entry.error_type),
        *((key, context.get(key)) for key in semconv.LOW_CARDINALITY_CONTEXT_KEYS),
    )
    return tuple((key, str(value)) for key, value in said if value is not None)


def key_values(labels: Labels) -> list[KeyValue]:
    """Labels as OTLP has them."""
    return [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in labels]


def items_metric(outcomes: Mapping[tuple[str, str, str], int], began_ns: int, now_ns: int) -> Metric:
    """The SDK's metric of itself: what became of everything recorded, by signal, outcome and reason."""
    metric = Metric(name=semconv.METRIC_SDK_ITEMS, unit="{item}", description="What became of everything recorded")
    metric.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
    metric.sum.is_monotonic = True
    for (signal, outcome, reason), count in outcomes.items():
        labels = ((semconv.SDK_SIGNAL, signal), (semconv.SDK_OUTCOME, outcome), (semconv.SDK_REASON, reason))
        metric.sum.data_points.append(
            NumberDataPoint(
                attributes=key_values(tuple(pair for pair in labels if pair[1])),
                start_time_unix_nano=began_ns,
                time_unix_nano=now_ns,
                as_int=count,
            )
        )
    return metric
