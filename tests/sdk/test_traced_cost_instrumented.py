"""Traced calls through a client that OpenTelemetry's own OpenAI package has instrumented: one line, sampled or not."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

from spanledger import guard
from spanledger.testing import Captured, capture
from spanledger.traced_cost import traced_cost
from tests.sdk.responses import Recorded, recorded

MESSAGES: Any = [{"role": "user", "content": "hi"}]
CHAT: dict[str, Any] = {"model": "gpt-4o", "messages": MESSAGES}
STREAM: dict[str, Any] = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}


def one(api: str, *, streaming: bool = False) -> Recorded:
    found = recorded(streaming=streaming, provider="openai", api=api)
    return next(each for each in found if each.expected["input_tokens"])


BODIES = {"/chat/completions": one("chat"), "/embeddings": one("embeddings"), "/responses": one("responses")}
STREAMS = {"/chat/completions": one("chat", streaming=True), "/responses": one("responses", streaming=True)}


def tokens(body: Recorded) -> tuple[Any, Any]:
    return body.expected["input_tokens"], body.expected["output_tokens"]


def provider(request: httpx2.Request) -> httpx2.Response:
    path = request.url.path.removeprefix("/v1")
    if json.loads(request.content).get("stream"):
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=STREAMS[path].body)
    return httpx2.Response(200, headers={"content-type": "application/json"}, content=BODIES[path].body)


HTTP = httpx2.MockTransport(provider)
CLIENT: Any = openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=HTTP), max_retries=0)
ASYNC: Any = openai.AsyncOpenAI(api_key="k", http_client=httpx2.AsyncClient(transport=HTTP), max_retries=0)


@pytest.fixture(params=[1.0, 0.0], ids=["sampled", "unsampled"])
def captured(request: Any) -> Iterator[Captured]:
    guard.forget()
    instrumentor = OpenAIInstrumentor()
    with capture(sample_ratio=request.param) as found:
        instrumentor.instrument(tracer_provider=found.tracer_provider)
        try:
            yield found
        finally:
            instrumentor.uninstrument()
    assert guard.failures() == {}


def billed(captured: Captured) -> list[tuple[Any, Any]]:
    gc.collect()
    return [(e.usage.input_tokens, e.usage.output_tokens) if e.usage else (None, None) for e in captured.entries]


def drain(stream: Any) -> None:
    for _ in stream:
        pass


async def drain_async(stream: Any) -> None:
    async for _ in stream:
        pass


def words() -> Iterator[str]:
    for _ in CLIENT.chat.completions.create(**STREAM):
        yield "word"


async def words_async() -> Any:
    async for _ in await ASYNC.chat.completions.create(**STREAM):
        yield "word"


def helper() -> Any:
    return CLIENT.responses.stream(model="gpt-4o", input="hi")


def through_the_helper(make: Callable[[], Any]) -> None:
    with make() as stream:
        drain(stream)


async def a_text() -> str:
    return str((await ASYNC.chat.completions.create(**CHAT)).id)


async def a_stream() -> Any:
    return await ASYNC.chat.completions.create(**STREAM)


@pytest.mark.parametrize(
    ("function", "use", "body"),
    [
        (lambda: CLIENT.chat.completions.create(**CHAT), lambda call: call(), BODIES["/chat/completions"]),
        (lambda: CLIENT.chat.completions.create(**CHAT).id, lambda call: call(), BODIES["/chat/completions"]),
        (lambda: CLIENT.responses.create(model="gpt-4o", input="x").id, lambda call: call(), BODIES["/responses"]),
        (
            lambda: len(CLIENT.embeddings.create(model="text-embedding-3-small", input="x").data),
            lambda call: call(),
            BODIES["/embeddings"],
        ),
        (lambda: CLIENT.chat.completions.create(**STREAM), lambda c: drain(c()), STREAMS["/chat/completions"]),
        (words, lambda call: drain(call()), STREAMS["/chat/completions"]),
        (helper, through_the_helper, STREAMS["/responses"]),
        (a_text, lambda call: asyncio.run(call()), BODIES["/chat/completions"]),
        (words_async, lambda call: asyncio.run(drain_async(call())), STREAMS["/chat/completions"]),
    ],
    ids=["whole", "text", "responses", "embeddings", "stream", "generator", "helper", "async_text", "async_generator"],
)
def test_a_call_through_an_instrumented_client_has_one_line(
    captured: Captured, function: Any, use: Callable[[Any], Any], body: Recorded
) -> None:
    use(traced_cost(function))
    assert billed(captured) == [tokens(body)]
    sampled = captured.entries[0].sampled
    assert len(captured.spans) == (2 if sampled else 0)
    assert captured.entries[0].span_id in [s.context.span_id for s in captured.spans if s.context] or not sampled


def test_an_async_stream_that_is_returned_has_one_line(captured: Captured) -> None:
    async def read() -> None:
        await drain_async(await traced_cost(a_stream)())

    asyncio.run(read())
    assert billed(captured) == [tokens(STREAMS["/chat/completions"])]
    assert captured.entries[0].stream


@pytest.mark.parametrize("way", ["break", "close", "with"])
def test_a_stream_that_is_left_early_has_one_line(captured: Captured, way: str) -> None:
    stream = traced_cost(lambda: CLIENT.chat.completions.create(**STREAM))()
    if way == "with":
        with stream:
            next(iter(stream))
    else:
        next(iter(stream))
        if way == "close":
            stream.close()
    del stream
    assert billed(captured) == [(None, None)]
    assert captured.entries[0].usage_state == "unknown"


class KeepsTheStream:
    """How instrumentations wrapped streams before they used proxies."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __iter__(self) -> Any:
        return iter(self.stream)


class OldStreamWrapper(KeepsTheStream):
    pass


def test_a_stream_inside_a_plain_wrapper_is_watched(captured: Captured) -> None:
    stream = traced_cost(lambda: OldStreamWrapper(CLIENT.chat.completions.create(**STREAM)))()
    assert captured.entries == []
    drain(stream)
    assert billed(captured) == [tokens(STREAMS["/chat/completions"])]


@pytest.mark.parametrize("stream", [None, "text"])
def test_a_wrapper_without_a_stream_is_an_answer_like_any_other(captured: Captured, stream: Any) -> None:
    traced_cost(lambda: OldStreamWrapper(stream))()
    assert billed(captured) == [(None, None)]
