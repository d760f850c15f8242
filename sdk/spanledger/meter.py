"""The GenAI metrics of finished calls: how long they took, what they used, when a stream's chunks came.

Given ledger entries (in the delivery worker, never on the caller's time), adds them up in histograms and gives the
data points of one reading. The sums are kept here and not in OpenTelemetry's instruments because those cost 100 µs for
one call; `InstrumentMeter` uses them where a program's own views and readers are to see the figures.

Never: an attribute that may have more than a handful of values, or more than `MAX_SERIES` series.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

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
    from spanledger.chunk_times import ChunkTimes

MAX_SERIES = 2_000  # as OpenTelemetry's SDK has it; what is beyond goes into one series that says so
OVERFLOW: tuple[tuple[str, str], ...] = (("otel.metric.overflow", "true"),)

OVERFLOWN = ("otel.metric.overflow",)
Labels = tuple[tuple[str, str], ...]
Values = tuple[str | None, ...]
LABELS = (
    semconv.GEN_AI_OPERATION_NAME,
    semconv.GEN_AI_PROVIDER_NAME,
    semconv.GEN_AI_REQUEST_MODEL,
    semconv.GEN_AI_RESPONSE_MODEL,
    semconv.ERROR_TYPE,
    *semconv.LOW_CARDINALITY_CONTEXT_KEYS,
)
_SAID = attrgetter("operation", "provider", "request_model", "response_model", "error_type")
_NOBODY = (None,) * len(semconv.LOW_CARDINALITY_CONTEXT_KEYS)
_AT_ONCE = 64  # values of a series
INSTRUMENTS: tuple[tuple[str, str, str, Sequence[float]], ...] = (
    (semconv.METRIC_OPERATION_DURATION, "s", "Duration of a GenAI call", semconv.DURATION_BUCKETS_S),
    (semconv.METRIC_TOKEN_USAGE, "{token}", "Tokens used by a GenAI call", semconv.TOKEN_BUCKETS),
    (semconv.METRIC_TIME_TO_FIRST_CHUNK, "s", "Time to the first chunk of a stream", semconv.DURATION_BUCKETS_S),
    (semconv.METRIC_TIME_PER_OUTPUT_CHUNK, "s", "Time between the chunks of a stream", semconv.DURATION_BUCKETS_S),
)
BOUNDS = tuple(tuple(float(bound) for bound in bounds) for _, _, _, bounds in INSTRUMENTS)
SERIES: tuple[tuple[int, Labels], ...] = (  # what one call may record: which instrument, and a label of its own
    (0, ()),
    (1, ((semconv.GEN_AI_TOKEN_TYPE, "input"),)),
    (1, ((semconv.GEN_AI_TOKEN_TYPE, "output"),)),
    (2, ()),
    (3, ()),
)


class Series:
    """One series of a histogram. Values wait in a list and are sorted into the buckets by the dozen.

    Attributes:
        labels: What tells it from the others.
        bounds: Upper ends of its buckets.
    """

    __slots__ = ("bounds", "buckets", "count", "exemplar", "highest", "labels", "lowest", "total", "waiting")

    def __init__(self, labels: Labels, bounds: tuple[float, ...]) -> None:
        self.labels, self.bounds = labels, bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.count, self.total = 0, 0.0
        self.lowest, self.highest = math.inf, -math.inf
        self.exemplar: tuple[float, Entry] | None = None
        self.waiting: list[float] = []

    def add(self, value: float, entry: Entry) -> None:
        """Add one value; a sampled call becomes the exemplar."""
        waiting = self.waiting
        waiting.append(value + 0.0)  # what is no number, or too large for one, fails here and not in `sorted_in`
        if len(waiting) >= _AT_ONCE:
            self.sorted_in()
        if entry.sampled:
            self.exemplar = (value, entry)

    def sorted_in(self) -> Series:
        """Itself, with every value in its bucket."""
        values, self.waiting = self.waiting, []
        if values:
            self.count += len(values)
            self.total = sum(values, self.total)
            values.sort()
            self.lowest, self.highest = min(self.lowest, values[0]), max(self.highest, values[-1])
            below = 0
            for place, bound in enumerate(self.bounds):
                upto = bisect_right(values, bound, below)
                self.buckets[place] += upto - below
                below = upto
            self.buckets[-1] += len(values) - below
        return self

    def add_gaps(self, times: ChunkTimes) -> None:
        """Add the times between a stream's chunks, which are in the same buckets already."""
        if times.buckets is None:
            return
        self.buckets = [mine + its for mine, its in zip(self.buckets, times.buckets, strict=True)]
        self.count += times.gaps
        self.total += times.total_s
        self.lowest = min(self.lowest, times.lowest_ns / 1e9)
        self.highest = max(self.highest, times.highest_ns / 1e9)

    def point(self, began_ns: int, now_ns: int) -> HistogramDataPoint:
        """As OTLP has it."""
        self.sorted_in()
        point = HistogramDataPoint(
            attributes=key_values(self.labels),
            start_time_unix_nano=began_ns,
            time_unix_nano=now_ns,
            count=self.count,
            sum=self.total,
            bucket_counts=self.buckets,
            explicit_bounds=self.bounds,
            min=self.lowest,
            max=self.highest,
        )
        if self.exemplar is not None:
            value, entry = self.exemplar
            trace_id, span_id = entry.trace_id.to_bytes(16, "big"), entry.span_id.to_bytes(8, "big")
            at_ns = entry.end_ns
            point.exemplars.append(Exemplar(as_double=value, time_unix_nano=at_ns, trace_id=trace_id, span_id=span_id))
        return point


class Meter:
    """Adds up calls by itself."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Start at zero (in a forked child, what was counted before is the parent's)."""
        self.began_ns = time.time_ns()
        self._known: dict[Values, tuple[Series, ...]] = {}

    def observe(self, entry: Entry) -> None:
        """Add one call; an explicit cost is no call."""
        if entry.kind != "usage":
            return
        values = label_values(entry)
        known = self._known.get(values)
        if known is None:
            known = self._new(values)
        duration, given, gotten, first_chunk, between_chunks = known
        took_ns = entry.end_ns - entry.start_ns
        if took_ns:  # what was told of afterwards took no time that anybody knows
            duration.add(took_ns / 1e9, entry)
        usage = entry.usage
        if usage is not None:
            tokens_in, tokens_out = usage.input_tokens, usage.output_tokens
            if tokens_in is not None:
                given.add(tokens_in, entry)
            if tokens_out is not None:
                gotten.add(tokens_out, entry)
        if entry.time_to_first_chunk_s is not None:
            first_chunk.add(entry.time_to_first_chunk_s, entry)
        if entry.chunk_times is not None:
            between_chunks.add_gaps(entry.chunk_times)

    def _new(self, values: Values) -> tuple[Series, ...]:
        labels = labels_of(values)
        if len(self._known) >= MAX_SERIES:
            if OVERFLOWN in self._known:
                return self._known[OVERFLOWN]
            values, labels = OVERFLOWN, OVERFLOW
        made = tuple(Series((*labels, *more), BOUNDS[which]) for which, more in SERIES)
        self._known[values] = made
        return made

    def series(self) -> Iterator[tuple[int, Series]]:
        """All series that have values, with the number of their instrument."""
        for known in list(self._known.values()):
            for (which, _), series in zip(SERIES, known, strict=True):
                if series.sorted_in().count:
                    yield which, series

    def read(self, now_ns: int) -> list[Metric]:
        """All data points, cumulative since the beginning."""
        found: list[Metric] = []
        points: dict[int, list[HistogramDataPoint]] = {}
        for which, series in self.series():
            points.setdefault(which, []).append(series.point(self.began_ns, now_ns))
        for which, of_it in sorted(points.items()):
            name, unit, description, _ = INSTRUMENTS[which]
            metric = Metric(name=name, unit=unit, description=description)
            metric.histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
            metric.histogram.data_points.extend(of_it)
            found.append(metric)
        return found


class InstrumentMeter:
    """Hands calls on to OpenTelemetry's instruments, each in its call's span so that exemplars are right."""

    def __init__(self, meter: OpenTelemetryMeter) -> None:
        self._instruments = tuple(
            meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=list(bounds))
            for name, unit, description, bounds in INSTRUMENTS
        )

    def observe(self, entry: Entry) -> None:
        """Add one call; an explicit cost is no call."""
        if entry.kind != "usage":
            return
        flags = TraceFlags(TraceFlags.SAMPLED if entry.sampled else TraceFlags.DEFAULT)
        span = NonRecordingSpan(SpanContext(entry.trace_id, entry.span_id, is_remote=False, trace_flags=flags))
        where = set_span_in_context(span)
        labels = labels_of(label_values(entry))
        usage, times = entry.usage, entry.chunk_times
        values = (
            (entry.end_ns - entry.start_ns) / 1e9 or None,
            usage.input_tokens if usage else None,
            usage.output_tokens if usage else None,
            entry.time_to_first_chunk_s,
            times.total_s / times.gaps if times is not None and times.gaps else None,  # one value a stream: its mean
        )
        for value, (which, more) in zip(values, SERIES, strict=True):
            if value is not None:
                self._instruments[which].record(value, dict((*labels, *more)), where)


def label_values(entry: Entry) -> Values:
    """What tells this call's series from others, in the order of `LABELS`."""
    said: Values = _SAID(entry)
    context = entry.context
    return said + (tuple(map(context.get, semconv.LOW_CARDINALITY_CONTEXT_KEYS)) if context else _NOBODY)


def labels_of(values: Values) -> Labels:
    """Names and values, without those that nobody said."""
    return tuple((name, str(value)) for name, value in zip(LABELS, values, strict=True) if value is not None)


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
