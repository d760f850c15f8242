"""Traced calls below traced calls, and below them spans that others make: one line for each response all the same."""

from __future__ import annotations

import threading
from typing import Any

import anthropic
import httpx2
import pytest
from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import set_span_in_context

from spanledger.providers.instrumented import WitnessSampler
from spanledger.recording import record_usage
from spanledger.traced_cost import traced_cost
from tests.sdk.calls import Calls, calls_fixture  # noqa: F401
from tests.sdk.responses import recorded

MESSAGE = next(one for one in recorded(streaming=False, provider="anthropic") if one.expected["input_tokens"])
STREAM = next(one for one in recorded(streaming=True, provider="anthropic"))
TOKENS = (MESSAGE.expected["input_tokens"], MESSAGE.expected["output_tokens"])
ASKED: dict[str, Any] = {"model": "claude", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}


class Provider:
    """Answers with the recorded message, under a new id each time if told so."""

    def __init__(self) -> None:
        self.fresh_ids = False
        self.count = 0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.count += 1
        if b'"stream":true' in request.content.replace(b" ", b""):
            return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=STREAM.body)
        body = MESSAGE.json
        return httpx2.Response(200, json={**body, "id": f"msg_{self.count}" if self.fresh_ids else body["id"]})


provider = Provider()
HTTP = httpx2.Client(transport=httpx2.MockTransport(provider))


@pytest.fixture
def client(calls: Calls) -> Any:
    """A client that makes its own OpenTelemetry spans, as it does by default."""
    provider.fresh_ids, provider.count = False, 0
    telemetry: Any = {"tracer_provider": calls.provider}
    return anthropic.Anthropic(api_key="k", http_client=HTTP, max_retries=0, open_telemetry=telemetry)


def others(calls: Calls) -> list[Any]:
    return [span for span in calls.spans if span.instrumentation_scope.name != "spanledger"]


def chat_span(calls: Calls, response_id: str | None = "r1", tokens: int = 5, **more: Any) -> None:
    """What some instrumentation package would make of a call."""
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": tokens,
        "gen_ai.request.model": "m",
        **more,
    }
    if response_id:
        attributes["gen_ai.response.id"] = response_id
    given = {key: value for key, value in attributes.items() if value is not None}
    calls.provider.get_tracer("somebody").start_span("chat m", attributes=given).end()


def test_the_clients_own_span_makes_no_second_line(calls: Calls, client: Any) -> None:
    traced_cost(lambda: client.messages.create(**ASKED))()
    assert calls.tokens() == [TOKENS]
    (own,) = others(calls)
    assert own.instrumentation_scope.name == "com.anthropic.sdk.python"
    assert own.attributes["spanledger.call.span_id"] == f"{calls.entry.span_id:016x}"
    assert "spanledger.call.span_id" not in (calls.span.attributes or {})


def test_a_call_that_returns_text_is_billed_through_the_clients_own_span(calls: Calls, client: Any) -> None:
    traced_cost(lambda: client.messages.create(**ASKED).content[0].type)()
    assert calls.tokens() == [TOKENS]
    assert calls.entry.response_id == MESSAGE.json["id"]
    assert calls.entry.response_model == MESSAGE.about["model"]
    assert calls.entry.provider == "anthropic"
    assert calls.entry.span_id == calls.span.context.span_id
    assert (calls.span.attributes or {})["gen_ai.usage.input_tokens"] == TOKENS[0]


def test_several_calls_inside_a_function_that_returns_text_have_a_line_each(calls: Calls, client: Any) -> None:
    provider.fresh_ids = True

    @traced_cost
    def agent() -> str:
        for _ in range(3):
            client.messages.create(**ASKED)
        return "done"

    agent()
    assert calls.tokens() == [TOKENS] * 3
    assert [entry.span_id for entry in calls.entries] == [span.context.span_id for span in others(calls)]
    assert {entry.parent_span_id for entry in calls.entries} == {calls.span.context.span_id}
    assert {entry.response_id for entry in calls.entries} == {"msg_1", "msg_2", "msg_3"}
    assert {entry.request_model for entry in calls.entries} == {"claude"}
    assert "gen_ai.usage.input_tokens" not in (calls.span.attributes or {})


def test_the_last_of_several_returned_and_the_others_seen(calls: Calls, client: Any) -> None:
    provider.fresh_ids = True

    @traced_cost
    def twice() -> Any:
        client.messages.create(**ASKED)
        return client.messages.create(**ASKED)

    twice()
    assert sorted(entry.response_id or "" for entry in calls.entries) == ["msg_1", "msg_2"]
    assert calls.entries[0].response_id == "msg_2"


def test_a_stream_read_inside_is_billed_through_the_clients_own_span(calls: Calls, client: Any) -> None:
    @traced_cost
    def words() -> Any:
        with client.messages.stream(**ASKED) as stream:
            yield from stream.text_stream

    list(words())
    assert calls.tokens() == [(STREAM.expected["input_tokens"], STREAM.expected["output_tokens"])]


def test_an_unsampled_call_that_can_be_read_needs_no_span(calls: Calls, client: Any) -> None:
    calls.sample(ALWAYS_OFF)
    traced_cost(lambda: client.messages.create(**ASKED))()
    assert calls.tokens() == [TOKENS]


def test_an_unsampled_call_that_returns_text_is_billed_through_a_span_that_is_not_kept(calls: Calls) -> None:
    calls.sample(WitnessSampler(ParentBased(ALWAYS_OFF)))
    telemetry: Any = {"tracer_provider": calls.provider}
    client = anthropic.Anthropic(api_key="k", http_client=HTTP, max_retries=0, open_telemetry=telemetry)

    @traced_cost
    def chat() -> str:
        return client.messages.create(**ASKED).id

    chat()
    assert calls.tokens() == [TOKENS]
    assert not calls.entry.sampled
    chat_span(calls)
    assert calls.tokens() == [TOKENS, (5, None)]
    assert calls.spans == []
    assert "WitnessSampler{ParentBased" in calls.provider.sampler.get_description()


def test_the_inner_traced_call_makes_the_line(calls: Calls) -> None:
    answer = {
        "object": "chat.completion",
        "model": "gpt-4o",
        "id": "r1",
        "usage": {"prompt_tokens": 5, "completion_tokens": 6},
    }

    @traced_cost
    def inner() -> Any:
        return answer

    @traced_cost
    def outer(returns: Any) -> Any:
        inner()
        return returns

    for returns in (answer, "text", {"input_tokens": 5, "output_tokens": 6}, None):
        calls.entries.clear()
        calls.exporter.clear()
        outer(returns)
        inside, around = calls.spans
        assert calls.tokens() == [(5, 6)]
        assert calls.entry.span_id == inside.context.span_id
        assert (around.attributes or {})["spanledger.call.span_id"] == f"{inside.context.span_id:016x}"
        assert "spanledger.call.span_id" not in (inside.attributes or {})


def test_an_outer_call_of_its_own_has_a_line_of_its_own(calls: Calls) -> None:
    @traced_cost
    def inner() -> Any:
        return {"id": "r1", "usage": {"input_tokens": 1, "output_tokens": 1}}

    @traced_cost
    def outer() -> Any:
        inner()
        return {"id": "r2", "usage": {"input_tokens": 2, "output_tokens": 2}}

    outer()
    assert calls.tokens() == [(1, 1), (2, 2)]


def test_a_failed_try_and_a_second_one_have_a_line_each(calls: Calls) -> None:
    @traced_cost
    def inner(fail: bool) -> Any:
        if fail:
            raise TimeoutError
        return {"id": "r1", "usage": {"input_tokens": 1, "output_tokens": 1}}

    @traced_cost
    def outer() -> Any:
        try:
            return inner(fail=True)
        except TimeoutError:
            return inner(fail=False)

    outer()
    assert calls.tokens() == [(None, None), (1, 1)]
    assert [entry.error_type for entry in calls.entries] == ["TimeoutError", None]


def test_two_instrumentations_on_one_call_make_one_line(calls: Calls) -> None:
    @traced_cost
    def chat() -> str:
        chat_span(calls, **{"gen_ai.system": "OpenAI"})
        chat_span(calls)
        return "text"

    chat()
    assert calls.tokens() == [(5, None)]
    assert calls.entry.provider == "openai"


def test_a_span_around_a_seen_span_is_no_leaf(calls: Calls) -> None:
    tracer = calls.provider.get_tracer("somebody")

    @traced_cost
    def chat() -> str:
        with tracer.start_as_current_span("ChatModel", attributes={"gen_ai.operation.name": "chat"}) as around:
            with tracer.start_as_current_span("http"):
                chat_span(calls, None)
            around.set_attribute("gen_ai.usage.input_tokens", 7)
        return "text"

    chat()
    assert calls.tokens() == [(5, None)]


def test_agents_and_spans_without_usage_are_no_witnesses(calls: Calls) -> None:
    @traced_cost
    def chat() -> str:
        chat_span(calls, **{"gen_ai.operation.name": "invoke_agent"})
        calls.provider.get_tracer("somebody").start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()
        return "text"

    chat()
    assert calls.tokens() == [(None, None)]


def test_other_dialects_are_understood(calls: Calls) -> None:
    @traced_cost
    def chat() -> str:
        chat_span(
            calls,
            None,
            **{
                "gen_ai.operation.name": None,
                "openinference.span.kind": "LLM",
                "gen_ai.usage.input_tokens": "4",
                "llm.token_count.completion": 2,
                "llm.token_count.prompt_details.cache_read": 30,
            },
        )
        return "text"

    chat()
    assert calls.tokens() == [(34, 2)]


def test_a_span_in_a_thread_that_has_the_context_is_below(calls: Calls) -> None:
    @traced_cost
    def chat() -> str:
        inside = get_current()

        def work() -> None:
            token = attach(inside)
            chat_span(calls)
            detach(token)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return "text"

    chat()
    assert calls.tokens() == [(5, None)]


def test_a_span_with_an_explicit_parent_in_the_trace_is_below_and_one_of_another_trace_is_not(calls: Calls) -> None:
    tracer = calls.provider.get_tracer("somebody")
    usage = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5}

    @traced_cost
    def chat(parent: Context) -> str:
        tracer.start_span("chat", context=parent, attributes=usage).end()
        return "text"

    root = tracer.start_span("root")
    token = attach(set_span_in_context(root))
    chat(set_span_in_context(root, Context()))
    chat(Context())
    detach(token)
    root.end()
    assert calls.tokens() == [(5, None), (5, None), (None, None)]
    assert len({entry.trace_id for entry in calls.entries}) == 2


def test_what_is_seen_after_the_call_has_ended_has_a_line_of_its_own(calls: Calls) -> None:
    tracer = calls.provider.get_tracer("somebody")
    late: list[Any] = []

    @traced_cost
    def chat(answer: Any) -> Any:
        late.append(tracer.start_span("chat", attributes={"gen_ai.operation.name": "chat", "gen_ai.response.id": "r1"}))
        return answer

    for answer in ("text", {"id": "r1", "usage": {"input_tokens": 5}}, {"id": "r2", "usage": {"input_tokens": 6}}):
        chat(answer)
        late[-1].set_attribute("gen_ai.usage.input_tokens", 5)
        late[-1].end()
    assert calls.tokens() == [(None, None), (5, None), (5, None), (6, None), (5, None)]
    assert calls.entries[1].span_id == late[0].get_span_context().span_id


def test_a_call_started_after_its_outer_one_ended_stands_alone(calls: Calls) -> None:
    kept: list[Context] = []

    @traced_cost
    def outer() -> str:
        kept.append(get_current())
        return "text"

    outer()
    token = attach(kept[0])
    record_usage(model="m", input_tokens=1)
    traced_cost(lambda: {"input_tokens": 2})()
    detach(token)
    assert calls.tokens() == [(None, None), (1, None), (2, None)]


def test_spans_that_never_end_are_forgotten_after_many(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    from spanledger.providers import instrumented

    monkeypatch.setattr(instrumented, "_MOST_OPEN", 3)
    tracer = calls.provider.get_tracer("somebody")

    @traced_cost
    def chat() -> str:
        for _ in range(10):
            tracer.start_span("never ended")
        return "text"

    chat()
    processor = instrumented.CallSpanProcessor()
    assert processor.force_flush()
    processor.shutdown()
    assert calls.tokens() == [(None, None)]
