"""What OpenTelemetry's providers call: who and what for onto each span; spans, log records and readings into lanes.

Given spans, log records and readings on the caller's thread, does as little as possible there and leaves the rest to
the delivery worker.

Never: encodes or sends anything itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk._logs import LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk.metrics import Counter, Histogram, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.metrics.view import Aggregation, ExponentialBucketHistogramAggregation
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from spanledger.context import current
from spanledger.delivery.encode import Breathe, Reading
from spanledger.guard import guard
from spanledger.light import LightSpan

METRICS_AT_ONCE: Final = 6  # without letting other threads run
_start_guard = guard("processors.span_start")
_end_guard = guard("processors.span_end")
_log_guard = guard("processors.log")


class ContextSpanProcessor(SpanProcessor):
    """Writes user, tier, session, feature and tenant onto every span; what the span was given at its creation stays."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Called by OpenTelemetry."""
        with _start_guard:
            values = current(parent_context)
            if values:
                given = span.attributes or {}
                span.set_attributes({key: value for key, value in values.items() if key not in given})


class LaneSpanProcessor(SpanProcessor):
    """Hands spans that have ended over, until it is told to stop.

    Args:
        put: Takes them.
        dropped_too: Whether it takes those as well that the sampler drops.
    """

    def __init__(self, put: Callable[[Any], None], *, dropped_too: bool = False) -> None:
        self._put: Callable[[Any], None] | None = put
        self._dropped_too = dropped_too

    def on_end(self, span: ReadableSpan) -> None:
        """Called by OpenTelemetry."""
        with _end_guard:
            if span.context is not None and (span.context.trace_flags.sampled or self._dropped_too):
                self.put(span)

    def put(self, span: ReadableSpan | LightSpan) -> None:
        """Take a span that has ended."""
        put = self._put
        if put is not None:
            put(span)

    def stop(self) -> None:
        """Put nothing more; a provider cannot be rid of a processor."""
        self._put = None


class LaneLogProcessor(LogRecordProcessor):
    """Puts log records into a lane, until it is told to stop."""

    def __init__(self, put: Callable[[ReadableLogRecord], None]) -> None:
        self._put: Callable[[ReadableLogRecord], None] | None = put

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Called by OpenTelemetry."""
        with _log_guard:
            put = self._put
            if put is not None:
                put(
                    ReadableLogRecord(
                        log_record=log_record.log_record,
                        resource=log_record.resource or Resource.get_empty(),
                        instrumentation_scope=log_record.instrumentation_scope,
                        limits=log_record.limits,
                    )
                )

    def stop(self) -> None:
        """Put nothing more."""
        self._put = None

    def shutdown(self) -> None:
        """Nothing: the worker is stopped by `configure.shutdown`."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing: `configure.flush` empties all lanes."""
        del timeout_millis
        return True


class LaneMetricExporter(MetricExporter):
    """Puts each reading of a MeterProvider into a lane.

    Args:
        put: Takes it.
        environ: Chooses temporality and histograms.
        breathe: Lets other threads have their turn.
    """

    def __init__(
        self, put: Callable[[Reading], None], environ: Mapping[str, str], breathe: Breathe = lambda: None
    ) -> None:
        super().__init__(_temporality(environ), _aggregation(environ))
        self._put, self._breathe = put, breathe

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        """Called by OpenTelemetry's reader."""
        del timeout_millis, kwargs
        payload, points = list[bytes](), 0
        for part in _parts(metrics_data):
            self._breathe()
            payload.append(encode_metrics(part).SerializeToString())  # requests one after the other are one request
            (of_it,) = part.resource_metrics[0].scope_metrics
            points += sum(len(metric.data.data_points) for metric in of_it.metrics)
        if points:
            self._put(Reading(b"".join(payload), points))
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing: `configure.flush` empties all lanes."""
        del timeout_millis
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Nothing: the worker is stopped by `configure.shutdown`."""
        del timeout_millis, kwargs


def _parts(whole: MetricsData) -> Iterator[MetricsData]:
    """The same in parts of a few metrics each."""
    for resource in whole.resource_metrics:
        for scope in resource.scope_metrics:
            for at in range(0, len(scope.metrics), METRICS_AT_ONCE):
                few = replace(scope, metrics=scope.metrics[at : at + METRICS_AT_ONCE])
                yield MetricsData([replace(resource, scope_metrics=[few])])


def _temporality(environ: Mapping[str, str]) -> dict[type, AggregationTemporality]:
    """Cumulative; with DELTA or LOWMEMORY what can only grow is told as the difference."""
    preference = environ.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "").strip().upper()
    kinds: dict[str, tuple[type, ...]] = {
        "DELTA": (Counter, Histogram, ObservableCounter),
        "LOWMEMORY": (Counter, Histogram),
    }
    return dict.fromkeys(kinds.get(preference, ()), AggregationTemporality.DELTA)


def _aggregation(environ: Mapping[str, str]) -> dict[type, Aggregation]:
    chosen = environ.get("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "").strip().lower()
    if chosen == "base2_exponential_bucket_histogram":
        return {Histogram: ExponentialBucketHistogramAggregation()}
    return {}
