"""For tests, ours and users': what was recorded, in memory, with fixed ids and a clock that is stepped.

`with capture() as captured:` takes the place of the way out: spans, ledger entries, events and GenAI metrics end in
lists, nothing reaches a network, and everything is as it was afterwards.

Never: used outside of tests, or two captures at once.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator

from spanledger import chunk_times, gauges, lifecycle, lone, recording
from spanledger.audio import work
from spanledger.configure import replaced
from spanledger.events import Event, diverted
from spanledger.meter import INSTRUMENTS, Meter
from spanledger.processors import ContextSpanProcessor, LaneSpanProcessor
from spanledger.providers.instrumented import CallSpanProcessor, WitnessSampler, own_tracer
from spanledger.sampling.sampler import RatioSampler

if TYPE_CHECKING:
    from spanledger.call import Entry


class FixedIds(IdGenerator):
    """Ids that count up from 1, the same in every run."""

    def __init__(self) -> None:
        self._traces, self._spans = itertools.count(1), itertools.count(1)

    def generate_trace_id(self) -> int:
        """The next one, in the upper half so that a ratio sampler keeps or drops it by its own rules."""
        return next(self._traces) << 64 | 0x00FF_FFFF_FFFF_FFFF

    def generate_span_id(self) -> int:
        """The next one."""
        return next(self._spans)

    def is_trace_id_random(self) -> bool:
        """They are not."""
        return False


class SteppedClock:
    """A clock that stands still until it is stepped; it speaks like the module `time`.

    Args:
        now_ns: Where it begins, in nanoseconds since 1970 UTC.
    """

    def __init__(self, now_ns: int = 1_767_225_600_000_000_000) -> None:
        self._now_ns = now_ns

    def time_ns(self) -> int:
        """What it shows."""
        return self._now_ns

    perf_counter_ns = time_ns

    def step(self, seconds: float) -> None:
        """Move it on."""
        self._now_ns += round(seconds * 1e9)


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One series of one metric.

    Attributes:
        name: The metric.
        attributes: The series.
        count: Values that were recorded.
        total: Their sum, in the metric's unit.
    """

    name: str
    attributes: Mapping[str, str]
    count: int
    total: float


class Captured:
    """What was recorded.

    Attributes:
        spans: Ended spans, the first to end first.
        entries: Ledger entries, in order.
        events: What `track_cache` and the like told, in order.
        figures: What `ProductionMonitor.collect_metrics` told, in order.
        tracer_provider: For instrumentations that take one; `spanledger` itself uses it already.
    """

    def __init__(self, tracer_provider: TracerProvider) -> None:
        self.spans: list[ReadableSpan] = []
        self.entries: list[Entry] = []
        self.events: list[Event] = []
        self.figures: list[gauges.Point] = []
        self.tracer_provider = tracer_provider
        self._meter = Meter()

    @property
    def metrics(self) -> list[MetricPoint]:
        """The GenAI metrics of all entries so far."""
        return [
            MetricPoint(INSTRUMENTS[which][0], dict(series.labels), series.count, series.total)
            for which, series in self._meter.series()
        ]

    def span(self, name: str) -> ReadableSpan:
        """The only span of that name.

        Raises:
            LookupError: When there is none, or more than one.
        """
        found = [span for span in self.spans if span.name == name]
        if len(found) != 1:
            names = [span.name for span in self.spans]
            raise LookupError(f"{len(found)} spans are called {name!r}; there are {names}")
        return found[0]

    def clear(self) -> None:
        """Forget everything."""
        self.spans.clear()
        self.entries.clear()
        self.events.clear()
        self.figures.clear()
        self._meter.clear()

    def take(self, entry: Entry) -> None:
        """Called by the ledger."""
        self.entries.append(entry)
        self._meter.observe(entry)


@contextmanager
def capture(*, sample_ratio: float = 1.0, clock: SteppedClock | None = None) -> Iterator[Captured]:
    """Record into lists instead of sending, while the block runs.

    OpenTelemetry's global provider is left alone: give `captured.tracer_provider` to other instrumentations whose spans
    are wanted too.

    Args:
        sample_ratio: Share of traces whose spans are kept; entries always are.
        clock: The time that calls begin and end by; None: the real one.
    """
    provider = TracerProvider(
        sampler=WitnessSampler(RatioSampler(sample_ratio)),
        resource=Resource({"service.name": "test"}),
        id_generator=FixedIds(),
        shutdown_on_exit=False,
    )
    captured = Captured(provider)
    ours = LaneSpanProcessor(captured.spans.append)
    for processor in (ContextSpanProcessor(), CallSpanProcessor(), ours):
        provider.add_span_processor(processor)
    tracer = own_tracer(provider)
    with (
        replaced(tracer, captured.take),
        diverted(captured.events.append),
        gauges.diverted(captured.figures.append),
        _by(clock),
    ):
        try:
            yield captured
        finally:
            ours.stop()
            lone.forget()


@contextmanager
def _by(clock: SteppedClock | None) -> Iterator[None]:
    """The calls' time by this clock."""
    modules: list[Any] = [chunk_times, lifecycle, recording, work] if clock is not None else []
    for module in modules:
        module.time = clock
    try:
        yield
    finally:
        for module in modules:
            module.time = time
