"""Everything between OpenTelemetry's providers and the network, put together from settings.

Given settings, makes the lanes and their worker; `install` connects OpenTelemetry's providers to them: the ones that
are there, or new ones. Without `install` only the ledger has a way out.

Never: takes the place of a provider that somebody else has set.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any
from uuid import uuid4

from opentelemetry import _logs, metrics, trace
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, MetricsData, ResourceMetrics, ScopeMetrics
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from spanledger import exporters, gauges
from spanledger.delivery.encode import (
    EntryEncoder,
    Reading,
    ReadingEncoder,
    log_encoder,
    resource_message,
    span_encoder,
)
from spanledger.delivery.grpc import GrpcTransport
from spanledger.delivery.http import HttpTransport
from spanledger.delivery.journal import Journal, JournalBooks
from spanledger.delivery.lane import Lane
from spanledger.delivery.light_spans import SpanEncoder
from spanledger.delivery.outcome import Transport
from spanledger.delivery.spool import Spool
from spanledger.delivery.worker import Worker, breathe
from spanledger.endpoints import Signal, Target
from spanledger.estimate import Estimate, NoEstimate
from spanledger.guard import say_once
from spanledger.light import LightSpan, LightTracer, light_tracer
from spanledger.meter import InstrumentMeter, Meter, items_metric
from spanledger.processors import ContextSpanProcessor, LaneLogProcessor, LaneMetricExporter, LaneSpanProcessor
from spanledger.providers.instrumented import CallSpanProcessor, WitnessSampler, own_tracer
from spanledger.redacting import CleanEntries, CleanLogs, CleanSpans, clean_resource
from spanledger.redaction import is_content_of_others, is_content_of_ours, is_content_of_programs, rules_of
from spanledger.request_meter import CLIENT_METER, METER
from spanledger.sampling.choose import chosen_sampler
from spanledger.sampling.selection import Chosen, Selection
from spanledger.settings import Settings
from spanledger.state_directory import spool_directory
from spanledger.version import __version__

LINGER_S = 1.0  # of spans and log records: nobody bills by them
READINGS_KEPT = 360  # an hour of readings while the backend is away, at the default interval
UNSET = frozenset({"ProxyTracerProvider", "_ProxyMeterProvider", "ProxyMeterProvider", "ProxyLoggerProvider"})


class Pipeline:
    """Lanes, worker, and what of OpenTelemetry's is connected to them.

    Args:
        settings: What was asked for.
        targets: Where each signal goes.
        environ: For what only OpenTelemetry's variables say.
        attributes: Further attributes of the resource.
    """

    def __init__(
        self,
        settings: Settings,
        targets: Mapping[Signal, Target],
        environ: Mapping[str, str],
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        self.settings, self._environ, self._attributes = settings, environ, dict(attributes or {})
        self._pid = 0
        self._own_resource = Resource.get_empty()
        self._cleaned = (self._own_resource, self._own_resource)
        self._tracer_provider: trace.TracerProvider | None = None
        self._light: LightTracer | None = None
        self._selection: Selection | None = None
        self._logger_provider: LoggerProvider | None = None
        self._readers: list[tuple[MeterProvider, PeriodicExportingMetricReader]] = []
        self._stops: list[Callable[[], None]] = []
        self._began_ns = time.time_ns()
        self._rules = rules_of(settings, content=True)
        self._own_meter = Meter(self._rules.text)
        self._lanes(targets)
        self.worker = Worker(
            (self.ledger, self.logs, self.spans, self.metrics),
            self._read_metrics,
            interval_s=settings.interval_s,
            collect_interval_s=settings.metrics_interval_s,
            timeout_s={lane.signal: targets[signal].timeout_s for lane, signal in self._signals().items()},
            max_pause_s=settings.max_backoff_s,
            stop_timeout_s=settings.shutdown_timeout_s,
            turn=self._turn,
            after_fork=self._after_fork,
        )

    def _lanes(self, targets: Mapping[Signal, Target]) -> None:
        ways = {signal: transport_to(target) for signal, target in targets.items()}
        directory = spool_directory(self.settings, self._environ)
        spool = Spool(directory, targets["logs"].address, self.settings.spool_max_bytes) if directory else None
        self._estimate = Estimate() if self.settings.estimate_cost else NoEstimate()
        entries = EntryEncoder(self.resource, self._estimate.pico)
        logs = log_encoder(CleanLogs(rules_of(self.settings, content=self.settings.logs_content), self._rules))
        spans, own = (
            rules_of(self.settings, content=self.settings.spans_content, is_content=which)
            for which in (is_content_of_others, is_content_of_ours)
        )
        lines = rules_of(self.settings, content=self.settings.ledger_content, is_content=is_content_of_programs)
        size: dict[str, Any] = {"limit": self.settings.queue_size, "batch_size": self.settings.batch_size}
        journal = self._journal(spool, entries) if spool else None
        self.ledger = Lane(
            "ledger",
            CleanEntries(entries, lines),
            ways["logs"],
            observe=self._own_meter.observe,
            spool=spool,
            journal=journal,
            encoder_under=lambda resource: CleanEntries(entries.under(resource), lines),
            **size,
        )
        size["linger_s"] = min(LINGER_S, 5 * self.settings.interval_s)
        self.logs = Lane("logs", logs, ways["logs"], newest_first=True, **size)
        self._span_encoder = SpanEncoder(span_encoder(CleanSpans(spans, own)), own.finds)
        self.spans = Lane("spans", self._span_encoder, ways["traces"], **size)
        self.metrics = Lane(
            "metrics",
            ReadingEncoder(),
            ways["metrics"],
            limit=READINGS_KEPT,
            batch_size=8,
            weigh=lambda item: item.points,
            newest_first=True,
        )

    def _journal(self, spool: Spool, entries: EntryEncoder) -> Journal | None:
        wanted = self.settings
        if not wanted.journal or not wanted.spool_max_bytes:  # who finds a journal moves it to the spool
            return None
        return Journal(spool.directory, wanted.journal_max_bytes, entries.resource_field, wanted.journal_sync_s)

    def _signals(self) -> dict[Lane, Signal]:
        return {self.ledger: "logs", self.logs: "logs", self.spans: "traces", self.metrics: "metrics"}

    def resource(self) -> Resource:
        """The resource of everything that is sent: the provider's, or one of our own where nothing is installed."""
        found = self._found_resource()
        if self._cleaned[0] is not found:
            self._cleaned = (found, clean_resource(found, self._rules))
        return self._cleaned[1]

    def _found_resource(self) -> Resource:
        if isinstance(self._tracer_provider, TracerProvider) and self.settings.service_name is None:
            return self._tracer_provider.resource
        if self._pid != os.getpid():  # made anew in a child, which is another instance of the service
            self._pid = os.getpid()
            self._own_resource = self._made_resource()
        return self._own_resource

    def _made_resource(self) -> Resource:
        own = {"telemetry.distro.name": "spanledger", "telemetry.distro.version": __version__}
        own |= self._attributes | dict(self.settings.resource_attributes or {})
        if self.settings.service_name:
            own[SERVICE_NAME] = self.settings.service_name
        try:
            return Resource.create(dict(own))
        except RuntimeError:  # it uses threads, and at the end of a program no more can be started
            instance = Resource({SERVICE_INSTANCE_ID: str(uuid4())})
            return instance.merge(OTELResourceDetector().detect()).merge(Resource(dict(own)))

    # --- OpenTelemetry's providers

    def install(self) -> list[str]:
        """Connect the providers; gives a sentence for each mistake in what was asked for."""
        mistakes = self._install_traces()
        mistakes += self._install_metrics()
        mistakes += self._install_logs()
        return mistakes

    def _install_traces(self) -> list[str]:
        service = str(self.resource().attributes.get(SERVICE_NAME, ""))
        chosen, mistakes = chosen_sampler(self.settings, self._environ, service)
        there: Any = trace.get_tracer_provider()
        if is_unset(there):
            sampler = WitnessSampler(chosen.sampler)
            there = TracerProvider(sampler=sampler, resource=self.resource(), shutdown_on_exit=False)
            trace.set_tracer_provider(there)
        self._tracer_provider = there
        if not isinstance(there, TracerProvider):
            said = "the TracerProvider that is set (%s) takes no span processors: spans are left to it"
            say_once("foreign provider", logging.WARNING, said, type(there).__name__)
            return mistakes
        processors: list[SpanProcessor] = [ContextSpanProcessor(), CallSpanProcessor()]
        ours: LaneSpanProcessor | None = None
        for name in self.settings.traces_exporter:
            if name == "otlp":
                self._selection = self._selecting(there, chosen)
                ours = LaneSpanProcessor(self._selection.put, dropped_too=self._selection.decides)
                self._stops.append(ours.stop)
                processors.append(ours)
            else:
                others, wrong = exporters.span_processors(name)
                self._stops += [other.shutdown for other in others]
                processors += others
                mistakes += wrong
        for processor in processors:
            there.add_span_processor(processor)
        if ours is not None:
            self._light = light_tracer(there, processors, ours.put)
        return mistakes

    def _selecting(self, provider: TracerProvider, chosen: Chosen) -> Selection:
        """What chooses among the spans of this provider, which may have been made with a sampler of its own."""
        sampler: Any = provider.sampler
        sampler = sampler.inner if isinstance(sampler, WitnessSampler) else sampler
        lane = self.spans
        room = self.settings.queue_size
        chosen = replace(chosen, sampler=sampler)
        return Selection(chosen, self._put_span, self._estimate, room=room, turn_away=lane.turn_away)

    def _put_span(self, span: Any) -> None:
        if type(span) is LightSpan and span.at_once:
            span = self._span_encoder.written(span) or span
        self.spans.put(span)

    def _turn(self, now_s: float, lag_s: float, ending: bool, breathe: Callable[[], None]) -> None:
        if self._selection is not None:
            self._selection.turn(now_s, lag_s, breathe, ending=ending)

    def _install_metrics(self) -> list[str]:
        mistakes: list[str] = []
        readers: list[Any] = []
        for name in self.settings.metrics_exporter:
            if name == "otlp":
                exporter = LaneMetricExporter(self.metrics.put, self._environ, breathe)
                readers.append(PeriodicExportingMetricReader(exporter, math.inf))  # read by our worker, not by a thread
            else:
                others, wrong = exporters.metric_readers(name)
                readers += others
                mistakes += wrong
        there: Any = metrics.get_meter_provider()
        if is_unset(there):
            there = MeterProvider(resource=self.resource(), shutdown_on_exit=False)
            metrics.set_meter_provider(there)
        if isinstance(there, MeterProvider):
            for reader in readers:
                there.add_metric_reader(reader)
            self._readers = [(there, reader) for reader in readers]
        METER.is_read = self.settings.metrics == "own" and self.settings.metrics_exporter == ("otlp",)
        CLIENT_METER.is_read = METER.is_read
        if self.settings.metrics == "instruments":
            meter = metrics.get_meter("spanledger", __version__)
            self.ledger.observe = InstrumentMeter(meter, self._rules.text).observe
        return mistakes

    def _install_logs(self) -> list[str]:
        mistakes: list[str] = []
        there: Any = _logs.get_logger_provider()
        if is_unset(there):
            there = LoggerProvider(resource=self.resource(), shutdown_on_exit=False)
            _logs.set_logger_provider(there)
        if not isinstance(there, LoggerProvider):
            return mistakes
        self._logger_provider = there
        for name in self.settings.logs_exporter:
            if name == "otlp":
                ours = LaneLogProcessor(self.logs.put)
                self._stops.append(ours.stop)
                there.add_log_record_processor(ours)
            else:
                others, wrong = exporters.log_processors(name)
                mistakes += wrong
                for other in others:
                    self._stops.append(other.shutdown)
                    there.add_log_record_processor(other)
        return mistakes

    # --- for configure

    def tracer(self) -> trace.Tracer:
        """The tracer for the SDK's own spans."""
        if self._light is not None:
            return self._light
        provider = self._tracer_provider or trace.get_tracer_provider()
        return own_tracer(provider)

    def stats(self) -> dict[str, dict[str, Any]]:
        """What became of everything recorded, by signal."""
        found = {lane.signal: asdict(lane.books()) for lane in (self.spans, self.ledger, self.metrics, self.logs)}
        journal = self.ledger.journal
        return found | {"journal": asdict(JournalBooks(reason="setting") if journal is None else journal.books())}

    def prepare(self) -> None:
        """Load prices, and what requests are sent with."""
        self._estimate.load()
        for lane in self.worker.lanes:
            lane.transport.prepare()

    def stop(self, timeout_s: float) -> None:
        """Deliver what will go, and let go of OpenTelemetry's providers."""
        stops, self._stops = self._stops, []
        for stop in stops:
            stop()
        self.worker.stop(timeout_s)
        readers, self._readers = self._readers, []
        for provider, reader in readers:
            provider.remove_metric_reader(reader)

    # --- for the worker

    def _read_metrics(self) -> None:
        """One reading: what the program's own instruments say, the GenAI metrics, and what became of everything."""
        for _, reader in self._readers:
            if isinstance(reader, PeriodicExportingMetricReader):
                reader.collect()
        if "otlp" not in self.settings.metrics_exporter:
            return
        told, too_many = gauges.taken(self.resource)
        self.metrics.turn_away(too_many)
        if told is not None:
            self.metrics.put(told)
        now_ns = time.time_ns()
        found = self._own_meter.read(now_ns) + METER.read(now_ns) + CLIENT_METER.read(now_ns)
        outcomes = {key: count for lane in self.worker.lanes for key, count in outcomes_of(lane).items()}
        if outcomes:
            found.append(items_metric(outcomes, self._began_ns, now_ns))
        if found:
            self.metrics.put(self._reading(found))

    def _reading(self, found: list[Metric]) -> Reading:
        scope = ScopeMetrics(metrics=found)
        scope.scope.name, scope.scope.version = "spanledger", __version__
        whole = MetricsData(
            resource_metrics=[ResourceMetrics(resource=resource_message(self.resource()), scope_metrics=[scope])]
        )
        points = sum(len(metric.histogram.data_points) + len(metric.sum.data_points) for metric in found)
        return Reading(whole.SerializeToString(), points)

    def _after_fork(self) -> None:
        self._began_ns = time.time_ns()
        self._own_meter.clear()
        METER.clear()
        CLIENT_METER.clear()
        gauges.clear()
        if self._selection is not None:
            self._selection.clear()


def transport_to(target: Target) -> Transport:
    """The way to a target."""
    return GrpcTransport(target) if target.protocol == "grpc" else HttpTransport(target)


def is_unset(provider: object) -> bool:
    """Whether OpenTelemetry's API still has its stand-in, which hands over to whatever is set later."""
    return type(provider).__name__ in UNSET


def outcomes_of(lane: Lane) -> dict[tuple[str, str, str], int]:
    """A lane's books as the SDK's own metric has them: (signal, outcome, reason) to count."""
    books = lane.books()
    if not books.recorded and not books.recovered:
        return {}
    found = {
        (lane.signal, "recorded", ""): books.recorded,
        (lane.signal, "sent", ""): books.sent,
        (lane.signal, "refused", ""): books.refused,
    }
    if books.recovered:
        found[lane.signal, "recovered", ""] = books.recovered
    if lane.journal is not None and (missed := lane.journal.books().missed):
        found[lane.signal, "missed", "journal"] = missed
    return found | {(lane.signal, "dropped", reason): count for reason, count in books.dropped.items()}
