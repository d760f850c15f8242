"""What traced calls leave behind in a test: entries as the ledger gets them, spans as an exporter gets them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import get_current
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler

import spanledger.lifecycle
from spanledger import guard, ledger
from spanledger.call import Entry
from spanledger.light import LightSpan, light_tracer
from spanledger.providers.instrumented import CallSpanProcessor, own_tracer
from spanledger.sampling.sampler import RatioSampler


class Calls:
    """A ledger that is a list, and a tracer provider that keeps its spans."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, light: bool) -> None:
        self._monkeypatch, self._light = monkeypatch, light
        self.entries: list[Entry] = []
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.sample(RatioSampler(1))
        ledger.connect(self.entries.append)

    def sample(self, sampler: Sampler) -> None:
        """Make spans with this sampler from now on."""
        self.provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        processors = (CallSpanProcessor(), SimpleSpanProcessor(self.exporter))
        for processor in processors:
            self.provider.add_span_processor(processor)
        light = light_tracer(self.provider, processors, self._export) if self._light else None
        self.use(light or own_tracer(self.provider))

    def use(self, tracer: trace.Tracer) -> None:
        """Make traced calls' spans with this tracer."""
        self._monkeypatch.setattr(spanledger.lifecycle, "tracer", lambda: tracer)

    def _export(self, span: LightSpan) -> None:
        self.exporter.export((span.readable(),))

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    @property
    def entry(self) -> Entry:
        """The only entry, once garbage is collected."""
        if not self.entries:
            gc.collect()
        assert len(self.entries) == 1, self.entries
        return self.entries[0]

    @property
    def span(self) -> ReadableSpan:
        """The only span of a traced call."""
        if not self.spans:
            gc.collect()
        spans = [span for span in self.spans if span.instrumentation_scope.name == "spanledger"]
        assert len(spans) == 1, spans
        return spans[0]

    def tokens(self) -> list[tuple[Any, Any]]:
        """Input and output tokens of each entry."""
        return [(e.usage.input_tokens, e.usage.output_tokens) if e.usage else (None, None) for e in self.entries]


@pytest.fixture(name="calls", params=["light", "sdk"])
def calls_fixture(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    """Traced calls caught, with our own spans and with the SDK's; nothing of ours may fail, no context be left."""
    guard.forget()
    before = get_current()
    caught = Calls(monkeypatch, light=request.param == "light")
    yield caught
    ledger.connect(None)
    assert guard.failures() == {}
    assert get_current() == before
