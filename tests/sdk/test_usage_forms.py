"""Forms that no recording has: frameworks' objects, realtime events, batches, retries, additions to OpenAI's words."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import openai.types.realtime
import pydantic
import pytest
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage, RunUsage

from spanledger.providers import plain
from spanledger.providers.chunks import Chunks
from spanledger.usage import Reading, Usage


class LangChainMessage(pydantic.BaseModel):
    """The fields of `langchain_core.messages.AIMessage` that say anything of a call."""

    content: str = "hello"
    type: str = "ai"
    id: str | None = "lc_run--1"
    response_metadata: dict[str, Any] = {}
    usage_metadata: dict[str, Any] | None = None


class LiteLLMResponse(pydantic.BaseModel):
    """The fields of `litellm.ModelResponse`, which keeps who was called aside."""

    model_config = pydantic.ConfigDict(extra="allow")

    id: str = "chatcmpl-1"
    model: str = "claude-sonnet-4-5"
    object: str = "chat.completion"
    _hidden_params: dict[str, Any] = pydantic.PrivateAttr(default_factory=lambda: {"custom_llm_provider": "vertex_ai"})


def read(answer: Any) -> Reading:
    found = plain.read(answer)
    assert found is not None
    return found


def stream(*chunks: Any, complete: bool = True) -> Reading:
    state = Chunks()
    for chunk in chunks:
        state.add(chunk)
    found = state.result(complete=complete)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        # xAI counts reasoning beside the output; everybody else inside
        (
            {
                "prompt_tokens": 37,
                "completion_tokens": 530,
                "total_tokens": 800,
                "completion_tokens_details": {"reasoning_tokens": 233},
            },
            Usage(37, 763, reasoning_tokens=233),
        ),
        (
            {
                "prompt_tokens": 37,
                "completion_tokens": 530,
                "total_tokens": 567,
                "completion_tokens_details": {"reasoning_tokens": 233},
            },
            Usage(37, 530, reasoning_tokens=233),
        ),
        # OpenRouter and LiteLLM: cache writes inside the prompt
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 1,
                "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
            },
            Usage(100, 1, 60, 30),
        ),
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 1,
                "cache_creation_input_tokens": 30,
                "cache_read_input_tokens": 60,
                "prompt_tokens_details": {
                    "cached_tokens": 60,
                    "cache_creation_token_details": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
                },
            },
            Usage(100, 1, 60, 30, 10, 20),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 1, "cached_tokens": 8}, Usage(9, 1, 8)),  # Moonshot
        ({"prompt_tokens": 9, "completion_tokens": 1, "num_search_queries": 3}, Usage(9, 1, web_searches=3)),
        (
            {"prompt_tokens": 4, "completion_tokens": 2, "prompt_audio_seconds": 203},
            Usage(4, 2, audio_seconds=Decimal(203)),
        ),
        # Bedrock: input without what a cache read or wrote
        (
            {
                "inputTokens": 10,
                "outputTokens": 2,
                "cacheReadInputTokens": 100,
                "cacheWriteInputTokens": 30,
                "cacheDetails": [{"ttl": "1h", "inputTokens": 20}, {"ttl": "5m", "inputTokens": 10}],
            },
            Usage(140, 2, 100, 30, 10, 20),
        ),
        # Google: what tools gave is beside the prompt, sound inside it
        (
            {
                "promptTokenCount": 50,
                "toolUsePromptTokenCount": 7,
                "candidatesTokenCount": 5,
                "thoughtsTokenCount": 4,
                "cachedContentTokenCount": 40,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 20},
                    {"modality": "AUDIO", "tokenCount": 30},
                ],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 25}],
                "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}],
            },
            Usage(57, 9, 40, None, None, None, 4, 30, 5, 25),
        ),
        ({"billed_units": {"input_tokens": 1.0, "output_tokens": 2.0}, "tokens": {"input_tokens": 70}}, Usage(1, 2)),
        ({"total_tokens": 12}, None),  # of what, nobody knows
        # a realtime response, whose cached part has sound too
        (
            {
                "total_tokens": 253,
                "input_tokens": 132,
                "output_tokens": 121,
                "input_token_details": {
                    "text_tokens": 119,
                    "audio_tokens": 13,
                    "cached_tokens": 64,
                    "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 4},
                },
                "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
            },
            Usage(132, 121, 64, None, None, None, None, 13, 91, 4),
        ),
        (
            {
                "input_tokens": 50,
                "output_tokens": 4160,
                "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
            },
            Usage(50, 4160),
        ),
        (
            {
                "input_tokens": 350,
                "output_tokens": 240,
                "input_token_details": {"audio": 10, "cache_creation": 200, "cache_read": 100},
                "output_token_details": {"audio": 10, "reasoning": 200},
            },
            Usage(350, 240, 100, 200, None, None, 200, 10, 10),
        ),
        (RequestUsage(input_tokens=9, output_tokens=3, cache_read_tokens=2), Usage(9, 3, 2)),
        (
            RequestUsage(input_tokens=9, output_tokens=3, cache_write_tokens=5, cache_write_1h_tokens=4),
            Usage(9, 3, None, 5, 1, 4),
        ),
        (RunUsage(input_tokens=9, output_tokens=3, requests=2), Usage(9, 3)),
        (RequestUsage(), None),
    ],
)
def test_every_provider_s_words_are_understood(raw: Any, expected: Usage | None) -> None:
    for answer in (raw, {"usage": raw}):
        found = plain.read(answer)
        assert (found.usage if found else None) == expected


def test_the_headers_of_bedrock_count_cached_parts_too() -> None:
    counts = {"input": "5", "output": "10", "cache-read-input": "100", "cache-write-input": "20"}
    headers = {f"x-amzn-bedrock-{name}-token-count": count for name, count in counts.items()}
    found = read({"ResponseMetadata": {"RequestId": "r1", "HTTPHeaders": headers}, "body": object()})
    assert found[:4] == (Usage(125, 10, 100, 20), "aws.bedrock", None, "r1")
    assert plain.read({"ResponseMetadata": {"RequestId": "r1", "HTTPHeaders": {"date": "today"}}}) is None


@pytest.mark.parametrize(
    ("response_id", "provider"),
    [("msg_01", "anthropic"), ("msg_bdrk_01", "aws.bedrock"), ("msg_vrtx_01", "gcp.vertex_ai")],
)
def test_a_message_says_by_its_id_whose_servers_made_it(response_id: str, provider: str) -> None:
    body = {"type": "message", "id": response_id, "model": "claude", "usage": {"input_tokens": 1, "output_tokens": 2}}
    assert read(body).provider == provider


@pytest.mark.parametrize(
    ("addition", "usage", "provider"),
    [
        ({"x_groq": {"id": "req_1"}}, {}, "groq"),
        ({}, {"prompt_cache_miss_tokens": 1, "prompt_cache_hit_tokens": 0}, "deepseek"),
        ({}, {"num_sources_used": 0}, "x_ai"),
        ({}, {"search_context_size": "low"}, "perplexity"),
        ({"provider": "Google", "id": "gen-1"}, {}, "openrouter"),
        ({"provider": "Google"}, {}, None),
        ({}, {}, None),
    ],
)
def test_additions_to_openai_s_form_tell_who_answered(addition: Any, usage: Any, provider: str | None) -> None:
    body = {"object": "chat.completion", "model": "some-model", **addition}
    body["usage"] = {"prompt_tokens": 1, "completion_tokens": 2, **usage}
    assert read(body).provider == provider


def test_litellm_s_objects_say_whom_it_called() -> None:
    found = read(LiteLLMResponse(usage={"prompt_tokens": 5, "completion_tokens": 2}))  # type: ignore[call-arg]
    assert found[:4] == (Usage(5, 2), "gcp.vertex_ai", "claude-sonnet-4-5", "chatcmpl-1")
    chunk = LiteLLMResponse(
        object="chat.completion.chunk", choices=[], usage={"prompt_tokens": 5, "completion_tokens": 2}
    )  # type: ignore[call-arg]
    assert stream(chunk)[:2] == (Usage(5, 2), "gcp.vertex_ai")


def test_a_langchain_message_is_read_with_the_provider_s_own_id() -> None:
    message = LangChainMessage(
        usage_metadata={"input_tokens": 8, "output_tokens": 3, "input_token_details": {"cache_read": 4}},
        response_metadata={
            "model_name": "gpt-4o",
            "model_provider": "openai",
            "id": "chatcmpl-9",
            "finish_reason": "stop",
        },
    )
    assert read(message) == Reading(Usage(8, 3, 4), "openai", "gpt-4o", "chatcmpl-9", None, (), "chat")
    assert read(message.model_dump()) == read(message)
    assert plain.finish_reasons(message) == ("stop",)
    assert read({"raw": message, "parsed": {}}) == read(message)  # structured output with its raw message


def test_a_langchain_message_without_usage_metadata_may_keep_the_provider_s_words() -> None:
    kept = {"token_usage": {"prompt_tokens": 8, "completion_tokens": 3}, "model_name": "gpt-4o"}
    assert read(LangChainMessage(response_metadata=kept)).usage == Usage(8, 3)
    result = SimpleNamespace(generations=[[]], llm_output=kept)
    assert read(result).usage == Usage(8, 3)
    assert read(LangChainMessage(response_metadata={"model_name": "gpt-4o"})).usage is None


def test_the_increments_of_langchain_s_chunks_are_added() -> None:
    said = [{"input_tokens": 11, "output_tokens": 1}, None, {"input_tokens": 0, "output_tokens": 20}]
    chunks = [LangChainMessage(type="AIMessageChunk", usage_metadata=one) for one in said]
    chunks[-1].response_metadata = {"finish_reason": "stop", "model_name": "claude"}
    assert stream(*chunks).usage == Usage(11, 21)
    assert stream(*chunks, complete=False).state == "reported"
    assert stream(*chunks[:2], complete=False).state == "estimated"
    last = {"type": "AIMessageChunk", "content": "", "chunk_position": "last"}
    assert stream(*chunks[:2], last, complete=False).state == "reported"


def two_turns(*, ids: bool) -> Any:
    """The result of an agent that asked its model twice, without a network."""

    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        turn = sum(isinstance(message, ModelResponse) for message in messages) + 1
        part: Any = ToolCallPart("look") if turn == 1 else TextPart("done")
        return ModelResponse(
            [part],
            usage=RequestUsage(input_tokens=10 * turn, output_tokens=turn),
            provider_name="google-gla",
            provider_response_id=f"r{turn}" if ids else None,
        )

    agent = Agent(FunctionModel(model, model_name="gemini-2.5-pro"))

    @agent.tool_plain
    def look() -> str:
        return "seen"

    return asyncio.run(agent.run("hi"))


def test_each_response_of_a_pydantic_ai_run_is_a_reading() -> None:
    found = read(two_turns(ids=True))
    assert (found.usage, found.response_id, found.provider) == (Usage(20, 2), "r2", "gcp.gemini")
    assert [(one.usage, one.response_id) for one in found.further] == [(Usage(10, 1), "r1")]


def test_a_pydantic_ai_run_without_ids_is_one_sum() -> None:
    found = read(two_turns(ids=False))
    assert (found.usage, found.further) == (Usage(30, 3), ())
    of_old = SimpleNamespace(usage=lambda: RunUsage(input_tokens=7, output_tokens=2), new_messages=list)
    assert read(of_old).usage == Usage(7, 2)


def test_a_pydantic_ai_response_is_read() -> None:
    response = two_turns(ids=True).response
    assert (read(response).usage, read(response).response_id) == (Usage(20, 2), "r2")


def batch_line(number: int) -> dict[str, Any]:
    body = {"id": f"chatcmpl-{number}", "object": "chat.completion", "model": "gpt-4o"}
    body["usage"] = {"prompt_tokens": number, "completion_tokens": 1}  # type: ignore[assignment]
    return {
        "id": "batch_req_1",
        "custom_id": f"c{number}",
        "response": {"status_code": 200, "body": body},
        "error": None,
    }


def test_the_lines_of_a_batch_are_responses_of_their_own() -> None:
    failed = {"custom_id": "c9", "response": {"status_code": 400, "body": {"error": {"message": "no"}}}, "error": None}
    lines = [batch_line(1), failed, batch_line(2)]
    for found in (read(lines), stream(*lines)):
        assert [one.response_id for one in (found, *found.further)] == ["chatcmpl-2", "chatcmpl-1"]
        assert {one.service_tier for one in (found, *found.further)} == {"batch"}
    assert plain.read([failed]) is None
    message = {"type": "message", "id": "msg_1", "model": "claude", "usage": {"input_tokens": 3, "output_tokens": 1}}
    anthropic = {"custom_id": "c1", "result": {"type": "succeeded", "message": message}}
    assert (read(anthropic).usage, read(anthropic).service_tier) == (Usage(3, 1), "batch")
    assert plain.read({"custom_id": "c2", "result": {"type": "errored", "error": {"type": "error"}}}) is None
    polled = {"object": "batch", "id": "batch_1", "model": "gpt-4o", "usage": {"input_tokens": 9, "output_tokens": 9}}
    assert plain.read(polled) is None


@pytest.mark.parametrize("rows", [[{"id": "a", "input_tokens": 1}], [{"usage": 3}], [1, 2], ["a"], [[]], [{}], ()])
def test_a_list_of_rows_is_no_answer(rows: Any) -> None:
    assert plain.read(rows) is None


def test_several_embeddings_without_ids_are_one_sum() -> None:
    one = {"object": "list", "model": "text-embedding-3-small", "data": [], "usage": {"prompt_tokens": 5}}
    assert read([one, one])[:3] == (Usage(10), "openai", "text-embedding-3-small")
    assert plain.read([one, {**one, "model": "text-embedding-3-large"}]) is None


def test_an_agent_s_event_around_a_provider_s_is_opened() -> None:
    response = {"object": "response", "id": "r", "model": "gpt-4o", "usage": {"input_tokens": 3, "output_tokens": 2}}
    event = {"type": "raw_response_event", "data": {"type": "response.completed", "response": response}}
    assert stream(event).usage == Usage(3, 2)


def realtime(number: int) -> dict[str, Any]:
    usage = {"input_tokens": 10 * number, "output_tokens": number, "total_tokens": 11 * number}
    return {
        "type": "response.done",
        "response": {"object": "realtime.response", "id": f"resp_{number}", "usage": usage},
    }


def test_a_realtime_session_is_a_line_for_each_response_and_each_transcription() -> None:
    session = {"type": "session.created", "session": {"audio": {"input": {"transcription": {"model": "whisper-1"}}}}}
    heard = {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": "item_1",
        "usage": {"type": "duration", "seconds": 2.5},
    }
    begun = {"type": "response.created", "response": {"object": "realtime.response", "id": "resp_2", "usage": None}}
    found = stream(session, realtime(1), heard, begun, realtime(2))
    assert (found.usage, found.response_id, found.operation) == (Usage(20, 2), "resp_2", "realtime")
    assert [(one.usage, one.model, one.operation) for one in found.further] == [
        (Usage(10, 1), None, "realtime"),
        (Usage(audio_seconds=Decimal("2.5")), "whisper-1", "speech_to_text"),
    ] or [one.response_id for one in found.further] == ["item_1", "resp_1"]
    assert read(realtime(3)).usage == Usage(30, 3)
    event = openai.types.realtime.RealtimeResponse.construct(**realtime(4)["response"])
    assert read(event).provider == "openai"


def chat_stream(response_id: str, tokens: int) -> list[dict[str, Any]]:
    chunk = {"id": response_id, "object": "chat.completion.chunk", "model": "gpt-4o", "usage": None}
    return [
        {**chunk, "choices": [{"delta": {"content": "a"}, "finish_reason": None}]},
        {**chunk, "choices": [{"delta": {}, "finish_reason": "stop"}]},
        {**chunk, "choices": [], "usage": {"prompt_tokens": tokens, "completion_tokens": 1}},
    ]


def anthropic_stream(response_id: str, tokens: int) -> list[dict[str, Any]]:
    message = {
        "type": "message",
        "id": response_id,
        "model": "claude",
        "usage": {"input_tokens": tokens, "output_tokens": 1},
    }
    return [
        {"type": "message_start", "message": message},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]


def test_a_second_response_in_a_stream_stands_beside_the_first() -> None:
    found = stream(*chat_stream("c1", 5), *chat_stream("c2", 6))
    assert (found.usage, [one.usage for one in found.further]) == (Usage(6, 1), [Usage(5, 1)])
    found = stream(*anthropic_stream("m1", 5)[:1], *anthropic_stream("m2", 6), *chat_stream("c1", 7))
    assert (found.usage, found.state) == (Usage(7, 1), "reported")
    assert [(one.usage, one.state) for one in found.further] == [
        (Usage(5, 1), "estimated"),
        (Usage(6, 9), "reported"),
    ]


def test_ids_that_change_with_every_chunk_are_one_response() -> None:
    chunks = chat_stream("c", 5)
    for number, chunk in enumerate(chunks):
        chunk["id"] = f"c{number}"
    found = stream(*chunks)
    assert (found.usage, found.further) == (Usage(5, 1), ())


def test_running_totals_replace_one_another_and_the_last_is_certain() -> None:
    chunk = {"id": "c", "object": "chat.completion.chunk", "model": "m"}
    running = [
        {**chunk, "choices": [{"finish_reason": None}], "usage": {"prompt_tokens": 5, "completion_tokens": count}}
        for count in (1, 2, 3)
    ]
    assert stream(*running, complete=False)[::7] == (Usage(5, 3), "estimated")
    last = {**chunk, "choices": [{"finish_reason": "stop"}], "usage": {"prompt_tokens": 5, "completion_tokens": 4}}
    assert stream(*running, last, complete=False)[::7] == (Usage(5, 4), "reported")


def test_the_steps_of_a_run_are_parts_of_it() -> None:
    step = {"id": "step_1", "object": "thread.run.step", "usage": {"prompt_tokens": 5, "completion_tokens": 1}}
    run = {
        "id": "run_1",
        "object": "thread.run",
        "model": "gpt-4o",
        "usage": {"prompt_tokens": 9, "completion_tokens": 2},
    }
    found = stream({"event": "thread.run.step.completed", "data": step}, {"event": "thread.run.completed", "data": run})
    assert (found.usage, found.further) == (Usage(9, 2), ())


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}},
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        {"message": "The provided model identifier is invalid."},
        {"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {"HTTPStatusCode": 429, "HTTPHeaders": {}}},
        {"error": "model not found"},
        {"usageMetadata": {}},
        {"chunk": {"bytes": b"not json"}},
        {"response": {"response": {"response": {"response": {}}}}},
        MagicMock(),
    ],
)
def test_what_says_nothing_is_read_as_nothing(answer: Any) -> None:
    found = plain.read(answer)
    assert found is None or (found.usage is None and not found.further)
    chunks = Chunks()
    chunks.add(answer)
    result = chunks.result(complete=True)
    assert result is None or result.usage is None
