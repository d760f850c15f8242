"""Model calls that only another instrumentation saw: a line each, once, whether their spans are kept or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import httpx2
import openai
import pytest
from opentelemetry.trace import StatusCode
from pydantic_ai import Agent
from pydantic_ai.models.instrumented import InstrumentationSettings, InstrumentedModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

import spanledger
from spanledger import guard, lone, semconv
from spanledger.clients import OpenAIInstrumentor
from spanledger.testing import Captured, capture
from spanledger.traced_cost import traced_cost

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.provider.name": "openai"}
USED = {"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 2}


@pytest.fixture(params=[1.0, 0.0], ids=["sampled", "unsampled"])
def captured(request: Any) -> Iterator[Captured]:
    guard.forget()
    with capture(sample_ratio=request.param) as found:
        yield found
    assert guard.failures() == {}
    assert not lone.watched


def tracer(captured: Captured, name: str = "somebody") -> Any:
    return captured.tracer_provider.get_tracer(name)


def tokens(captured: Captured) -> list[Any]:
    return [(e.usage.input_tokens, e.usage.output_tokens) if e.usage else None for e in captured.entries]


def test_its_line_has_the_ids_of_the_span_and_says_what_the_span_says(captured: Captured) -> None:
    with spanledger.context(user_id="u7", feature="search"):
        span = tracer(captured).start_span("chat gpt-4o", attributes=CHAT)
    span.set_attributes({**USED, "gen_ai.response.id": "r1", "gen_ai.response.model": "gpt-4o-2024"})
    span.end()
    (entry,) = captured.entries
    assert (entry.trace_id, entry.span_id) == (span.context.trace_id, span.context.span_id)
    assert (entry.operation, entry.provider, entry.request_model) == ("chat", "openai", "gpt-4o")
    assert (entry.response_model, entry.response_id, entry.usage_state) == ("gpt-4o-2024", "r1", "reported")
    assert entry.context == {"user.id": "u7", "spanledger.feature": "search"}
    assert (entry.start_ns, entry.end_ns) == (span.start_time, span.end_time)
    assert entry.sampled is (len(captured.spans) == 1)
    assert tokens(captured) == [(5, 2)]


def test_a_call_that_fails_is_a_line_without_usage(captured: Captured) -> None:
    span = tracer(captured).start_span("chat", attributes={**CHAT, "error.type": "LookupError"})
    span.set_status(StatusCode.ERROR)
    span.end()
    (entry,) = captured.entries
    assert (entry.usage, entry.usage_state, entry.error_type) == (None, "unknown", "LookupError")


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.operation.name": "invoke_agent"},
        {"gen_ai.operation.name": "execute_tool"},
        {"openinference.span.kind": "CHAIN"},
        {"traceloop.span.kind": "workflow", **CHAT},
        {"http.request.method": "POST"},
        {},
    ],
)
def test_what_holds_calls_is_none(captured: Captured, attributes: dict[str, Any]) -> None:
    tracer(captured).start_span("x", attributes={**attributes, **USED}).end()
    assert captured.entries == []


@pytest.mark.parametrize(
    "attributes",
    [
        {"openinference.span.kind": "LLM", "llm.token_count.prompt": 5, "llm.token_count.completion": 2},
        {"llm.request.type": "chat", "gen_ai.usage.prompt_tokens": 5, "gen_ai.usage.completion_tokens": 2},
        {"gen_ai.operation.name": "generate_content", **USED},
    ],
)
def test_other_dialects_are_understood(captured: Captured, attributes: dict[str, Any]) -> None:
    tracer(captured).start_span("x", attributes=attributes).end()
    assert tokens(captured) == [(5, 2)]


@pytest.mark.parametrize("response_id", [None, "r1"])
def test_two_instrumentations_around_one_another_make_one_line(captured: Captured, response_id: str | None) -> None:
    said = {**USED, **({"gen_ai.response.id": response_id} if response_id else {})}
    with tracer(captured, "framework").start_as_current_span("chat", attributes=CHAT) as outer:
        with tracer(captured, "client").start_as_current_span("chat", attributes=CHAT) as inner:
            inner.set_attributes(said)
        outer.set_attributes(said)
    assert tokens(captured) == [(5, 2)]
    assert captured.entries[0].span_id == inner.context.span_id
    assert outer.attributes[semconv.CALL_SPAN_ID] == f"{inner.context.span_id:016x}"
    assert semconv.CALL_SPAN_ID not in inner.attributes


@pytest.mark.parametrize("response_id", [None, "r1"])
def test_a_traced_call_inside_makes_the_line(captured: Captured, response_id: str | None) -> None:
    with tracer(captured, "framework").start_as_current_span("chat", attributes={**CHAT, **USED}) as outer:
        if response_id:
            outer.set_attribute("gen_ai.response.id", response_id)
        traced_cost(lambda: {"id": response_id, "model": "m", "usage": {"input_tokens": 5, "output_tokens": 2}})()
    assert tokens(captured) == [(5, 2)]


class Model:
    """A provider that a framework asks through its client."""

    body: ClassVar[dict[str, Any]] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "gpt-4o",
        "created": 1,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 8, "completion_tokens": 3, "total_tokens": 11},
    }

    @classmethod
    def agent(cls, captured: Captured) -> Agent[None, str]:
        http = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda request: httpx2.Response(200, json=cls.body)))
        client = openai.AsyncOpenAI(api_key="k", http_client=http)
        model = OpenAIChatModel("gpt-4o", provider=OpenAIProvider(openai_client=client))
        spans = InstrumentationSettings(tracer_provider=captured.tracer_provider)
        return Agent(InstrumentedModel(model, spans))


@pytest.mark.parametrize("around", ["alone", "traced"])
@pytest.mark.parametrize("clients", [True, False], ids=["client watched", "client not watched"])
def test_an_agent_of_pydantic_ai_has_one_line_for_its_one_call(captured: Captured, clients: bool, around: str) -> None:
    run = Model.agent(captured).run_sync
    if clients:
        OpenAIInstrumentor().instrument(skip_dep_check=True)
    try:
        assert (run if around == "alone" else traced_cost(run))("hi").output == "hello"
    finally:
        OpenAIInstrumentor().uninstrument()
    assert tokens(captured) == [(8, 3)]
    billing = [span for span in captured.spans if (span.attributes or {}).get("gen_ai.usage.input_tokens")]
    unmarked = [span for span in billing if semconv.CALL_SPAN_ID not in (span.attributes or {})]
    assert [span.context.span_id for span in unmarked if span.context] == [
        entry.span_id for entry in captured.entries if entry.sampled
    ]


def test_an_answer_without_usage_leaves_it_to_the_span_around(captured: Captured) -> None:
    with tracer(captured).start_as_current_span("chat", attributes={**CHAT, **USED}):
        traced_cost(lambda: "text")()
    assert tokens(captured) == [None, (5, 2)]


def test_two_calls_inside_an_agents_span_are_two_lines(captured: Captured) -> None:
    with tracer(captured).start_as_current_span("agent", attributes={"gen_ai.operation.name": "invoke_agent", **USED}):
        for number in range(2):
            attributes = {**CHAT, **USED, "gen_ai.response.id": f"r{number}"}
            tracer(captured).start_span("chat", attributes=attributes).end()
    assert tokens(captured) == [(5, 2), (5, 2)]


def test_one_that_says_only_at_its_end_that_it_is_a_call_counts_when_it_is_kept(captured: Captured) -> None:
    span = tracer(captured).start_span("x")
    span.set_attributes({**CHAT, **USED})
    span.end()
    assert tokens(captured) == ([(5, 2)] if captured.spans else [])


def test_our_own_spans_are_not_recorded_for_nothing(captured: Captured) -> None:
    recording = []

    @traced_cost(model="m")
    def call() -> dict[str, int]:
        from opentelemetry.trace import get_current_span

        recording.append(get_current_span().is_recording())
        return {"input_tokens": 1, "output_tokens": 1}

    call()
    assert recording == [bool(captured.spans)]


def test_spans_that_never_end_are_forgotten_after_many(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lone, "_MOST_OPEN", 2)
    spans = [tracer(captured).start_span("chat", attributes={**CHAT, **USED}) for _ in range(4)]
    assert len(lone.watched) == 2
    for span in spans:
        span.end()
    assert tokens(captured) == [(5, 2)] * 4
    assert semconv.CALL_SPAN_ID not in spans[0].attributes
