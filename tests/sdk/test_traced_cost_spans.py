"""What a traced call's span gets at its end goes by the limits that OpenTelemetry was given, whatever the span is."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, Tracer

from spanledger import spans
from spanledger.traced_cost import traced_cost
from tests.sdk.calls import Calls, calls_fixture  # noqa: F401

ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"finish_reason": "stop"}, {"finish_reason": "length"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3},
}
SHOWN = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": ("stop", "length"),
    "gen_ai.usage.input_tokens": 7,
    "gen_ai.usage.output_tokens": 3,
}


@traced_cost(provider="openai", model="gpt-4o")
def call() -> Any:
    return ANSWER


def limited(calls: Calls, **limits: int) -> None:
    provider = TracerProvider(span_limits=SpanLimits(**limits), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(calls.exporter))
    calls.use(provider.get_tracer("spanledger"))


def test_without_limits_everything_is_there(calls: Calls) -> None:
    call()
    assert dict(calls.span.attributes or {}) == SHOWN


def test_it_is_the_same_by_opentelemetrys_own_way(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "BoundedAttributes", dict)  # as if a later version kept them otherwise
    call()
    assert dict(calls.span.attributes or {}) == SHOWN


def test_values_are_cut_where_their_length_is_limited(calls: Calls) -> None:
    limited(calls, max_span_attribute_length=6)
    call()
    found = calls.span.attributes or {}
    assert found["gen_ai.response.model"] == "gpt-4o"
    assert found["gen_ai.response.finish_reasons"] == ("stop", "length")


def test_no_more_attributes_than_allowed_are_kept(calls: Calls) -> None:
    limited(calls, max_span_attributes=5)
    call()
    assert len(calls.span.attributes or {}) == 5
    assert calls.span.dropped_attributes == 3
    assert calls.tokens() == [(7, 3)]


class Foreign(NonRecordingSpan):
    """A span of some other make, which takes attributes its own way."""

    def __init__(self) -> None:
        super().__init__(SpanContext(1, 2, is_remote=False))
        self.taken: dict[str, Any] = {}

    def is_recording(self) -> bool:
        return True

    def set_attributes(self, attributes: Any) -> None:
        self.taken |= attributes


class ForeignTracer:
    def __init__(self, span: Foreign) -> None:
        self._span = span

    def start_span(self, *args: Any) -> Foreign:
        return self._span


def test_a_span_of_another_make_is_given_them_as_the_api_says(calls: Calls) -> None:
    span = Foreign()
    tracer: Tracer = ForeignTracer(span)  # type: ignore[assignment]
    calls.use(tracer)
    call()
    assert span.taken["gen_ai.usage.input_tokens"] == 7
    assert calls.entry.span_id == 2
