"""Exporters that `OTEL_*_EXPORTER` names beside `otlp`: `console`, and those that other packages bring along.

Given a name, gives what is to be added to a provider, and a sentence if there is no such thing.

Never: an exception.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from spanledger.guard import guard

_guard = guard("exporters")


def span_processors(name: str) -> tuple[list[SpanProcessor], list[str]]:
    """For spans."""
    exporter, mistakes = _installed("traces", name)
    return ([BatchSpanProcessor(exporter)] if exporter is not None else []), mistakes


def metric_readers(name: str) -> tuple[list[MetricReader], list[str]]:
    """For metrics: an exporter with a reader that pushes, or a reader that is asked."""
    found, mistakes = _installed("metrics", name)
    if found is None:
        return [], mistakes
    return [found if isinstance(found, MetricReader) else PeriodicExportingMetricReader(found)], mistakes


def log_processors(name: str) -> tuple[list[LogRecordProcessor], list[str]]:
    """For logs."""
    exporter, mistakes = _installed("logs", name)
    return ([BatchLogRecordProcessor(exporter)] if exporter is not None else []), mistakes


def _installed(signal: str, name: str) -> tuple[Any, list[str]]:
    for found in entry_points(group=f"opentelemetry_{signal}_exporter", name=name):
        with _guard:
            return found.load()(), []
    return None, [f"OTEL_{signal.upper()}_EXPORTER: there is no exporter {name!r} that works here; it is left out"]
