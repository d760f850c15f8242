"""Undecorated calls through the `openai` and `anthropic` clients: a span and a line each, by every way of asking."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pydantic
import pytest
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor as Upstream

import spanledger
from spanledger import guard
from spanledger.clients import AnthropicInstrumentor, OpenAIInstrumentor
from spanledger.testing import Captured, capture
from spanledger.traced_cost import traced_cost
from tests.sdk.responses import recorded

ASKED: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
CLAUDE: Any = {**ASKED, "model": "claude", "max_tokens": 9}


def one(provider: str, api: str, *, streaming: bool = False) -> Any:
    found = recorded(streaming=streaming, provider=provider, api=api)
    return next(each for each in found if each.expected["input_tokens"])


COMPLETION = {
    "id": "cmpl-1",
    "object": "text_completion",
    "model": "gpt-3.5-turbo-instruct",
    "choices": [{"text": "42", "index": 0, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6},
}
PARSED = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o",
    "created": 1,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": '{"x": 1}'}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 8, "completion_tokens": 3, "total_tokens": 11},
}
TRANSCRIPTION = {"text": "hi", "usage": {"type": "duration", "seconds": 3}}
WHOLE = {
    "/v1/chat/completions": one("openai", "chat").body,
    "/v1/responses": one("openai", "responses").body,
    "/v1/embeddings": one("openai", "embeddings").body,
    "/v1/completions": json.dumps(COMPLETION).encode(),
    "/v1/audio/transcriptions": json.dumps(TRANSCRIPTION).encode(),
    "/v1/messages": one("anthropic", "messages").body,
    "/v1/messages/count_tokens": b'{"input_tokens": 5}',
}
STREAMS = {
    "/v1/chat/completions": one("openai", "chat", streaming=True).body,
    "/v1/responses": one("openai", "responses", streaming=True).body,
    "/v1/messages": one("anthropic", "messages", streaming=True).body,
}


def tokens_of(provider: str, api: str, *, streaming: bool = False) -> tuple[Any, Any]:
    expected = one(provider, api, streaming=streaming).expected
    return expected["input_tokens"], expected["output_tokens"]


CHAT, CHAT_STREAM = tokens_of("openai", "chat"), tokens_of("openai", "chat", streaming=True)
RESPONSE, RESPONSE_STREAM = tokens_of("openai", "responses"), tokens_of("openai", "responses", streaming=True)
MESSAGE, MESSAGE_STREAM = tokens_of("anthropic", "messages"), tokens_of("anthropic", "messages", streaming=True)


class Chunked(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body that comes in pieces of odd lengths."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._body), 61):
            yield self._body[start : start + 61]

    async def __aiter__(self) -> Any:
        for part in self:
            yield part


class Provider:
    def __init__(self) -> None:
        self.refusals = 0
        self.answer: dict[str, Any] | None = None

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.replace("/openai/deployments/gpt-4o", "/v1")
        if self.refusals:
            self.refusals -= 1
            return httpx2.Response(500, headers={"retry-after-ms": "1"}, json={"error": {"message": "again"}})
        if self.answer is not None:
            return httpx2.Response(200, json=self.answer)
        if path == "/v1/audio/speech":
            return httpx2.Response(200, headers={"content-type": "audio/mpeg"}, stream=Chunked(b"\0" * 500))
        if b'"stream":true' in request.content.replace(b" ", b""):
            return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Chunked(STREAMS[path]))
        return httpx2.Response(200, headers={"content-type": "application/json"}, stream=Chunked(WHOLE[path]))


provider = Provider()
HTTP = httpx2.MockTransport(provider)
GPT: Any = openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=HTTP))
ASYNC_GPT: Any = openai.AsyncOpenAI(api_key="k", http_client=httpx2.AsyncClient(transport=HTTP))
AZURE: Any = openai.AzureOpenAI(
    api_key="k",
    api_version="2024-06-01",
    azure_endpoint="https://shop.openai.azure.com",
    http_client=httpx2.Client(transport=HTTP),
)


@pytest.fixture(params=[1.0, 0.0], ids=["sampled", "unsampled"])
def captured(request: Any) -> Iterator[Captured]:
    guard.forget()
    provider.refusals, provider.answer = 0, None
    instrumentors = (OpenAIInstrumentor(), AnthropicInstrumentor())
    with capture(sample_ratio=request.param) as found:
        for instrumentor in instrumentors:
            instrumentor.instrument(skip_dep_check=True)
        try:
            yield found
        finally:
            for instrumentor in instrumentors:
                instrumentor.uninstrument()
    assert guard.failures() == {}


@pytest.fixture
def claude(captured: Captured) -> Any:
    """A client that makes spans of its own, as it does by default."""
    telemetry: Any = {"tracer_provider": captured.tracer_provider}
    return anthropic.Anthropic(api_key="k", http_client=httpx2.Client(transport=HTTP), open_telemetry=telemetry)


def billed(captured: Captured) -> list[Any]:
    gc.collect()
    return [(e.usage.input_tokens, e.usage.output_tokens) if e.usage else None for e in captured.entries]


def drain(stream: Any) -> Any:
    for _ in stream:
        pass
    return stream


def entered(manager: Any, read: Any = drain) -> None:
    with manager as stream:
        read(stream)


class Shape(pydantic.BaseModel):
    x: int


WAYS: dict[str, tuple[Any, Any]] = {
    "chat": (lambda: GPT.chat.completions.create(**ASKED), CHAT),
    "chat-stream": (lambda: drain(GPT.chat.completions.create(**ASKED, stream=True)), CHAT_STREAM),
    "chat-helper": (lambda: entered(GPT.chat.completions.stream(**ASKED)), CHAT_STREAM),
    "chat-raw": (lambda: GPT.chat.completions.with_raw_response.create(**ASKED).parse(), CHAT),
    "chat-raw-unparsed": (lambda: GPT.chat.completions.with_raw_response.create(**ASKED), CHAT),
    "chat-raw-stream": (
        lambda: drain(GPT.chat.completions.with_raw_response.create(**ASKED, stream=True).parse()),
        CHAT_STREAM,
    ),
    "chat-streaming-response": (
        lambda: entered(GPT.chat.completions.with_streaming_response.create(**ASKED), lambda raw: raw.parse()),
        CHAT,
    ),
    "chat-streaming-response-lines": (
        lambda: entered(
            GPT.chat.completions.with_streaming_response.create(**ASKED, stream=True),
            lambda raw: list(raw.iter_lines()),
        ),
        CHAT_STREAM,
    ),
    "responses": (lambda: GPT.responses.create(model="gpt-4o", input="hi"), RESPONSE),
    "responses-stream": (
        lambda: drain(GPT.responses.create(model="gpt-4o", input="hi", stream=True)),
        RESPONSE_STREAM,
    ),
    "responses-helper": (lambda: entered(GPT.responses.stream(model="gpt-4o", input="hi")), RESPONSE_STREAM),
    "responses-parse": (lambda: GPT.responses.parse(model="gpt-4o", input="hi"), RESPONSE),
    "completions": (lambda: GPT.completions.create(model="gpt-3.5-turbo-instruct", prompt="hi"), (4, 2)),
    "posted": (lambda: GPT.post("/chat/completions", body=ASKED, cast_to=dict[str, Any]), CHAT),
    "azure": (lambda: AZURE.chat.completions.create(**ASKED), CHAT),
    "async-chat": (lambda: asyncio.run(later(ASYNC_GPT.chat.completions.create, **ASKED)), CHAT),
    "async-stream": (
        lambda: asyncio.run(later(ASYNC_GPT.chat.completions.create, **ASKED, stream=True)),
        CHAT_STREAM,
    ),
    "async-helper": (lambda: asyncio.run(helped(ASYNC_GPT.responses.stream(model="m", input="x"))), RESPONSE_STREAM),
    "async-raw": (lambda: asyncio.run(later(ASYNC_GPT.chat.completions.with_raw_response.create, **ASKED)), CHAT),
    "async-streaming-response": (
        lambda: asyncio.run(lines(ASYNC_GPT.chat.completions.with_streaming_response.create(**ASKED, stream=True))),
        CHAT_STREAM,
    ),
}


async def later(create: Any, **asked: Any) -> None:
    answer = await create(**asked)
    if hasattr(answer, "__aiter__"):
        async for _ in answer:
            pass


async def helped(manager: Any) -> None:
    async with manager as stream:
        async for _ in stream:
            pass


async def lines(manager: Any) -> None:
    async with manager as raw:
        async for _ in raw.iter_lines():
            pass


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("around", ["alone", "traced"])
def test_each_way_of_asking_is_one_line(captured: Captured, way: str, around: str) -> None:
    call, expected = WAYS[way]
    if around == "traced":  # a function that gives nothing away
        traced_cost(feature="search")(lambda: [call(), "text"][1])()
    else:
        call()
    assert billed(captured) == [expected]
    (entry,) = captured.entries
    assert entry.provider == ("azure.ai.openai" if way == "azure" else "openai")
    assert entry.usage_state == "reported"
    if around == "traced":
        assert entry.context == {"spanledger.feature": "search"}
    elif "stream" in way and way != "chat-streaming-response":
        assert entry.stream
    kept = [span for span in captured.spans if span.context and span.context.span_id == entry.span_id]
    assert len(captured.spans) == len(kept) == int(entry.sampled)


RETURNED: dict[str, tuple[Any, Any, Any]] = {
    "chat": (lambda: GPT.chat.completions.create(**ASKED), None, CHAT),
    "stream": (lambda: GPT.chat.completions.create(**ASKED, stream=True), drain, CHAT_STREAM),
    "stream-dropped": (lambda: GPT.chat.completions.create(**ASKED, stream=True), next, None),
    "helper": (lambda: GPT.chat.completions.stream(**ASKED), entered, CHAT_STREAM),
    "generator": (lambda: (yield from GPT.chat.completions.create(**ASKED, stream=True)), drain, CHAT_STREAM),
    "raw": (lambda: GPT.chat.completions.with_raw_response.create(**ASKED), None, CHAT),
    "embeddings": (
        lambda: GPT.embeddings.create(model="text-embedding-3-small", input="x"),
        None,
        (tokens_of("openai", "embeddings")[0], None),
    ),
}


@pytest.mark.parametrize("way", RETURNED)
def test_what_a_traced_function_gives_back_is_one_line_too(captured: Captured, way: str) -> None:
    function, use, expected = RETURNED[way]
    answer = traced_cost(feature="search")(function)()
    if use is not None:
        use(answer)
    del answer
    assert billed(captured) == [expected]
    assert captured.entries[0].context == {"spanledger.feature": "search"}
    assert captured.entries[0].stream is (way not in ("chat", "raw", "embeddings"))


def test_several_calls_in_one_traced_function_are_a_line_each(captured: Captured) -> None:
    @traced_cost(feature="search")
    def call() -> str:
        GPT.responses.create(model="gpt-4o", input="hi")
        GPT.chat.completions.create(**ASKED)
        return "text"

    call()
    assert sorted(billed(captured)) == sorted([RESPONSE, CHAT])
    assert {entry.context["spanledger.feature"] for entry in captured.entries} == {"search"}
    assert {entry.request_model for entry in captured.entries} == {"gpt-4o"}


def test_claude_on_vertex_is_vertex(captured: Captured) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=WHOLE["/v1/messages"], headers={"content-type": "application/json"})

    vertex = anthropic.AnthropicVertex(
        region="us-east5",
        project_id="p",
        access_token="t",
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
        open_telemetry=False,
    )
    vertex.messages.create(**CLAUDE)
    assert billed(captured) == [MESSAGE]
    assert (captured.entries[0].provider, captured.entries[0].request_model) == ("gcp.vertex_ai", "claude")


@pytest.mark.parametrize("around", ["alone", "traced"])
def test_anthropics_own_span_below_is_marked_and_not_billed(captured: Captured, claude: Any, around: str) -> None:
    ways: dict[Any, Any] = {
        (lambda: claude.messages.create(**CLAUDE)): MESSAGE,
        (lambda: drain(claude.messages.create(**CLAUDE, stream=True))): MESSAGE_STREAM,
        (lambda: entered(claude.messages.stream(**CLAUDE))): MESSAGE_STREAM,
        (lambda: claude.messages.with_raw_response.create(**CLAUDE).parse()): MESSAGE,
        (lambda: claude.beta.messages.create(**CLAUDE)): MESSAGE,
    }
    for call, expected in ways.items():
        captured.clear()
        call() if around == "alone" else traced_cost(lambda call=call: [call(), "text"][1])()
        assert billed(captured) == [expected]
        assert captured.entries[0].provider == "anthropic"
        spans = [span for span in captured.spans if "spanledger.call.span_id" not in (span.attributes or {})]
        assert [span.context.span_id for span in spans if span.context] == [
            entry.span_id for entry in captured.entries if entry.sampled
        ]


def test_counting_tokens_is_no_call(captured: Captured, claude: Any) -> None:
    claude.messages.count_tokens(model="claude", messages=CLAUDE["messages"])
    assert captured.entries == []


def test_embeddings_and_transcriptions_are_read(captured: Captured) -> None:
    GPT.embeddings.create(model="text-embedding-3-small", input="x")
    GPT.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"RIFF"))
    embedding, transcription = captured.entries
    assert (embedding.operation, embedding.usage.input_tokens) == ("embeddings", tokens_of("openai", "embeddings")[0])
    assert (transcription.operation, transcription.request_model) == ("speech_to_text", "whisper-1")
    assert transcription.usage is not None
    assert transcription.usage.audio_seconds == 3


@pytest.mark.parametrize("way", ["whole", "streamed"])
def test_speech_is_counted_by_what_was_asked_to_be_said(captured: Captured, way: str, tmp_path: Any) -> None:
    asked = {"model": "tts-1", "voice": "alloy", "input": "Hallo Welt"}
    if way == "whole":
        GPT.audio.speech.create(**asked)
    else:
        with GPT.audio.speech.with_streaming_response.create(**asked) as answer:
            answer.stream_to_file(tmp_path / "a.mp3")
    (entry,) = captured.entries
    assert (entry.operation, entry.usage_state) == ("text_to_speech", "estimated")
    assert entry.usage is not None
    assert entry.usage.characters == 10


def test_a_stream_that_is_left_is_one_line_and_keeps_its_type(captured: Captured) -> None:
    stream = GPT.chat.completions.create(**ASKED, stream=True)
    assert isinstance(stream, openai.Stream)
    next(stream)
    stream.close()
    with GPT.chat.completions.with_streaming_response.create(**ASKED, stream=True) as raw:
        next(raw.iter_bytes())
    with GPT.chat.completions.with_streaming_response.create(**ASKED):
        pass
    raw = GPT.chat.completions.with_raw_response.create(**ASKED, stream=True)
    del raw, stream
    assert billed(captured) == [None] * 4


def test_retries_inside_the_client_are_one_call(captured: Captured) -> None:
    provider.refusals = 2
    GPT.chat.completions.create(**ASKED)
    assert billed(captured) == [CHAT]


def test_a_refused_call_is_a_line_with_its_status(captured: Captured) -> None:
    provider.refusals = 10
    with pytest.raises(openai.InternalServerError):
        GPT.with_options(max_retries=0).chat.completions.create(**ASKED)
    (entry,) = captured.entries
    assert (entry.error_type, entry.http_status, entry.provider) == ("InternalServerError", 500, "openai")


def test_an_answer_that_the_client_cannot_use_was_paid_for(captured: Captured) -> None:
    choice = {**PARSED["choices"][0], "finish_reason": "length"}  # type: ignore[index]
    provider.answer = {**PARSED, "choices": [choice]}
    with pytest.raises(openai.LengthFinishReasonError):
        GPT.chat.completions.parse(**ASKED, response_format=Shape)
    assert billed(captured) == [(8, 3)]
    assert captured.entries[0].error_type == "LengthFinishReasonError"


def test_parsed_completions_are_read(captured: Captured) -> None:
    provider.answer = PARSED
    assert GPT.chat.completions.parse(**ASKED, response_format=Shape).choices[0].message.parsed == Shape(x=1)
    assert billed(captured) == [(8, 3)]


@pytest.mark.parametrize("way", ["chat", "chat-stream", "responses", "chat-helper", "chat-raw"])
@pytest.mark.parametrize("around", ["alone", "traced"])
def test_with_opentelemetrys_instrumentation_on_too_it_is_one_line(captured: Captured, way: str, around: str) -> None:
    upstream = Upstream()
    upstream.instrument(tracer_provider=captured.tracer_provider)
    call, expected = WAYS[way]
    try:
        call() if around == "alone" else traced_cost(lambda: [call(), "text"][1])()
        assert billed(captured) == [expected]
    finally:
        upstream.uninstrument()


def test_who_it_is_for_is_on_the_line(captured: Captured) -> None:
    with spanledger.context(user_id="u7"):
        GPT.chat.completions.create(**ASKED)
    assert captured.entries[0].context == {"user.id": "u7"}


def test_uninstrumented_a_call_is_a_call(captured: Captured) -> None:
    before = openai.OpenAI.request
    OpenAIInstrumentor().uninstrument()
    assert openai.OpenAI.request is not before
    GPT.chat.completions.create(**ASKED)
    assert captured.entries == []
    OpenAIInstrumentor().instrument(skip_dep_check=True)
    GPT.chat.completions.create(**ASKED)
    assert len(captured.entries) == 1
