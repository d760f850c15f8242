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
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from spanledger.alike import FIELDS, MAX_KEPT, Alike, alike_of

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter as OpenTelemetryMeter

    from spanledger.call import Entry
    from spanledger.chunk_times import ChunkTimes

MAX_SERIES = 2_000  # as OpenTelemetry's SDK has it; what is beyond goes into one series that says so
OVERFLOW: tuple[tuple[str, str], ...] = (("otel.metric.overflow", "true"),)

Labels = tuple[tuple[str, str], ...]
LABELS = (  # of the fields that calls are told apart by
    ("operation", semconv.GEN_AI_OPERATION_NAME),
    ("provider", semconv.GEN_AI_PROVIDER_NAME),
    ("request_model", semconv.GEN_AI_REQUEST_MODEL),
    ("response_model", semconv.GEN_AI_RESPONSE_MODEL),
    ("error_type", semconv.ERROR_TYPE),
)
PLACES = (  # of labels in `Alike.values`
    *[(FIELDS.index(field), name) for field, name in LABELS],
    *enumerate(semconv.LOW_CARDINALITY_CONTEXT_KEYS, len(FIELDS)),
)
_AT_ONCE = 128  # values of a series
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
        self.add_all(values)
        return self

    def add_all(self, values: list[float]) -> None:
        """Add what is told by no example, each to its bucket; the list is sorted."""
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


class Calls:
    """The series of calls that have all labels in common. What each adds waits in one row for all of them.

    Attributes:
        series: As `SERIES` has them.
    """

    __slots__ = ("_waiting", "series")

    def __init__(self, labels: Labels) -> None:
        self.series = tuple(Series((*labels, *more), BOUNDS[which]) for which, more in SERIES)
        self._waiting: list[tuple[float | None, float | None, float | None]] = []

    def add(self, entry: Entry) -> None:
        """Add one call."""
        usage, took_ns = entry.usage, entry.end_ns - entry.start_ns
        took_s = took_ns / 1e9 if took_ns else None  # what was told of afterwards took no time that anybody knows
        given: float | None = None
        made: float | None = None
        if usage is not None:
            given, made = usage[0], usage[1]
            given = None if given is None else given + 0.0  # what is no number fails here, and alone
            made = None if made is None else made + 0.0
        waiting = self._waiting
        waiting.append((took_s, given, made))
        if len(waiting) >= _AT_ONCE:
            self.sort_in()
        if entry.sampled:
            for series, value in zip(self.series, (took_s, given, made), strict=False):
                if value is not None:
                    series.exemplar = (value, entry)
        if entry.time_to_first_chunk_s is not None:
            self.series[3].add(entry.time_to_first_chunk_s, entry)
        if entry.chunk_times is not None:
            self.series[4].add_gaps(entry.chunk_times)

    def sort_in(self) -> None:
        """Have every value in its bucket."""
        rows, self._waiting = self._waiting, []
        for series, column in zip(self.series, zip(*rows, strict=True), strict=False):
            series.add_all([value for value in column if value is not None])


class Meter:
    """Adds up calls by itself.

    Args:
        clean: Takes out of a label what must not leave.
    """

    def __init__(self, clean: Callable[[str], str] = str) -> None:
        self._clean = clean
        self.clear()

    def clear(self) -> None:
        """Start at zero (in a forked child, what was counted before is the parent's)."""
        self.began_ns = time.time_ns()
        self._known: dict[Labels, Calls] = {}
        self._lately: dict[Alike, Calls] = {}

    def observe(self, entry: Entry) -> None:
        """Add one call; an explicit cost is no call."""
        if entry.kind == "usage":
            alike = entry.alike or alike_of(entry)
            (self._lately.get(alike) or self._calls_of(alike)).add(entry)

    def _calls_of(self, alike: Alike) -> Calls:
        labels = labels_of(alike, self._clean)
        if labels not in self._known and len(self._known) >= MAX_SERIES:
            labels = OVERFLOW
        found = self._known.get(labels)
        if found is None:
            found = self._known[labels] = Calls(labels)
        if len(self._lately) >= MAX_KEPT:
            self._lately.clear()
        self._lately[alike] = found
        return found

    def series(self) -> Iterator[tuple[int, Series]]:
        """All series that have values, with the number of their instrument."""
        for calls in list(self._known.values()):
            calls.sort_in()
            for (which, _), series in zip(SERIES, calls.series, strict=True):
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
    """Hands calls on to OpenTelemetry's instruments, each in its call's span so that exemplars are right.

    Args:
        meter: Makes the instruments.
        clean: Takes out of a label what must not leave.
    """

    def __init__(self, meter: OpenTelemetryMeter, clean: Callable[[str], str] = str) -> None:
        self._clean = clean
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
        labels = labels_of(entry.alike or alike_of(entry), self._clean)
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


def labels_of(alike: Alike, clean: Callable[[str], str]) -> Labels:
    """Names and values, without those that nobody said."""
    values = alike.values
    return tuple((name, clean(str(values[at]))) for at, name in PLACES if values[at] is not None)


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
