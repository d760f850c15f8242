"""The streams of the real clients: what they were stays what they are, and each leaves one span and one line."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from spanledger.traced_cost import traced_cost
from tests.sdk.calls import Calls, calls_fixture  # noqa: F401
from tests.sdk.responses import Recorded, name, units
from tests.sdk.streaming import ASKED, CHAT, MESSAGE, RESPONSE, STREAMS, ask, async_client, client


@pytest.mark.parametrize("one", STREAMS, ids=name)
def test_a_stream_read_to_its_end_is_billed_as_its_index_says(calls: Calls, one: Recorded) -> None:
    stream = traced_cost(lambda: ask(client(one), one))()
    assert isinstance(stream, (openai.Stream, anthropic.Stream))
    count = sum(1 for _ in stream)
    assert units(calls.entry.usage) == one.expected
    assert calls.entry.usage_state == ("unknown" if one.expected["input_tokens"] is None else "reported")
    assert calls.entry.stream
    assert calls.entry.chunks == count > 0
    assert calls.entry.time_to_first_chunk_s is not None
    assert calls.entry.response_model == one.about["model"]
    assert calls.span.end_time == calls.entry.end_ns


@pytest.mark.parametrize("one", [CHAT, RESPONSE, MESSAGE], ids=name)
def test_an_async_stream_read_to_its_end_is_billed(calls: Calls, one: Recorded) -> None:
    @traced_cost
    async def call() -> Any:
        return await ask(async_client(one), one)

    async def run() -> None:
        stream = await call()
        assert isinstance(stream, (openai.AsyncStream, anthropic.AsyncStream))
        async for _ in stream:
            pass

    asyncio.run(run())
    assert units(calls.entry.usage) == one.expected


@pytest.mark.parametrize("one", [CHAT, RESPONSE, MESSAGE], ids=name)
@pytest.mark.parametrize("way", ["close", "with", "drop", "next"])
def test_an_abandoned_stream_ends_its_call_once(calls: Calls, one: Recorded, way: str) -> None:
    stream = traced_cost(lambda: ask(client(one), one))()
    if way == "with":
        with stream as inner:
            assert inner is stream
            next(iter(stream))
    elif way == "next":
        next(stream)
        next(stream)
        stream.close()
    else:
        for _ in stream:
            break
        if way == "close":
            stream.close()
            stream.close()
    del stream
    gc.collect()
    if one is MESSAGE:
        assert calls.entry.usage_state == "estimated"
        assert calls.entry.usage is not None
        assert calls.entry.usage.input_tokens == one.expected["input_tokens"]
    else:
        assert calls.entry.usage_state == "unknown"
    assert calls.entry.error_type is None
    assert calls.span.status.is_unset


@pytest.mark.parametrize("one", [CHAT, RESPONSE, MESSAGE], ids=name)
@pytest.mark.parametrize("way", ["close", "with", "drop"])
def test_an_abandoned_async_stream_ends_its_call_once(calls: Calls, one: Recorded, way: str) -> None:
    @traced_cost
    async def call() -> Any:
        return await ask(async_client(one), one)

    async def run() -> None:
        stream = await call()
        if way == "with":
            async with stream:
                await anext(stream)
        else:
            await anext(stream)
            if way == "close":
                await stream.close()
        del stream
        gc.collect()

    asyncio.run(run())
    assert calls.entry.usage_state == ("estimated" if one is MESSAGE else "unknown")
    assert calls.span.status.is_unset


def test_a_stream_that_breaks_off_is_an_error_with_what_is_known(calls: Calls) -> None:
    stream = traced_cost(lambda: ask(client(MESSAGE, fails_after=3), MESSAGE))()
    with pytest.raises((anthropic.APIError, httpx2.ReadError)):
        list(stream)
    assert calls.entry.error_type in ("APIConnectionError", "ReadError")
    assert calls.entry.usage_state == "estimated"
    assert not calls.span.status.is_ok


def test_stopping_after_the_usage_chunk_counts_as_reported(calls: Calls) -> None:
    stream = traced_cost(lambda: ask(client(CHAT), CHAT))()
    for chunk in stream:
        if chunk.usage is not None:
            break
    stream.close()
    assert units(calls.entry.usage) == CHAT.expected
    assert calls.entry.usage_state == "reported"


def test_two_traced_functions_around_one_stream_make_one_line(calls: Calls) -> None:
    @traced_cost
    def inner() -> Any:
        return ask(client(CHAT), CHAT)

    @traced_cost
    def outer() -> Any:
        return inner()

    for _ in outer():
        pass
    assert units(calls.entry.usage) == CHAT.expected
    assert len(calls.spans) == 2


def test_two_streams_of_one_type_stay_of_one_type(calls: Calls) -> None:
    call = traced_cost(lambda: ask(client(CHAT), CHAT))
    first, second = call(), call()
    assert type(first) is type(second)
    assert repr(type(first)) == repr(openai.Stream)
    assert first.response.status_code == 200
    first.close()
    second.close()
    assert len(calls.entries) == 2


@pytest.mark.parametrize("leave_early", [False, True])
def test_the_helper_of_chat_completions_is_watched(calls: Calls, leave_early: bool) -> None:
    @traced_cost
    def call() -> Any:
        return client(CHAT).chat.completions.stream(**ASKED)

    with call() as stream:
        for event in stream:
            if leave_early:
                break
            assert event.type
    if leave_early:
        assert calls.entry.usage_state == "unknown"
    else:
        assert units(calls.entry.usage) == CHAT.expected


@pytest.mark.parametrize("leave_early", [False, True])
def test_the_helper_of_messages_is_watched(calls: Calls, leave_early: bool) -> None:
    @traced_cost
    def call() -> Any:
        return client(MESSAGE).messages.stream(**ASKED, max_tokens=10)

    with call() as stream:
        if leave_early:
            next(iter(stream))
        else:
            assert stream.get_final_message().usage.output_tokens == MESSAGE.expected["output_tokens"]
    assert calls.entry.usage_state == ("estimated" if leave_early else "reported")
    assert calls.entry.usage is not None
    assert calls.entry.usage.input_tokens == MESSAGE.expected["input_tokens"]


def test_the_async_helpers_are_watched(calls: Calls) -> None:
    @traced_cost
    def call(one: Recorded) -> Any:
        if one is MESSAGE:
            return async_client(one).messages.stream(**ASKED, max_tokens=10)
        return async_client(one).responses.stream(model="asked-model", input="hi")

    async def run(one: Recorded) -> None:
        async with call(one) as stream:
            async for _ in stream:
                pass

    for one in (MESSAGE, RESPONSE):
        calls.entries.clear()
        asyncio.run(run(one))
        assert units(calls.entry.usage) == one.expected


def test_a_helper_made_inside_and_returned_is_watched(calls: Calls) -> None:
    @traced_cost
    def call() -> Any:
        return client(RESPONSE).responses.stream(model="asked-model", input="hi").__enter__()

    stream = call()
    stream.until_done()
    assert units(calls.entry.usage) == RESPONSE.expected


def test_a_stream_given_on_by_a_generator_is_read_from_its_chunks(calls: Calls) -> None:
    @traced_cost(provider="openai")
    def call() -> Iterator[Any]:
        yield from ask(client(CHAT), CHAT)

    assert list(call())
    assert units(calls.entry.usage) == CHAT.expected


def test_a_refused_request_is_an_error_without_usage(calls: Calls) -> None:
    def refuse(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(429, json={"error": {"message": "slow down", "type": "rate_limit"}})

    made = openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=httpx2.MockTransport(refuse)), max_retries=0)
    with pytest.raises(openai.RateLimitError):
        traced_cost(lambda: ask(made, CHAT))()
    assert calls.entry.error_type == "RateLimitError"
    assert calls.entry.usage is None
    assert calls.span.attributes is not None
    assert calls.span.attributes["error.type"] == "RateLimitError"
    assert calls.span.status.description == "RateLimitError"


@pytest.mark.parametrize("one", [CHAT, MESSAGE], ids=name)
def test_an_async_stream_that_breaks_off_is_an_error(calls: Calls, one: Recorded) -> None:
    @traced_cost
    async def call() -> Any:
        return await ask(async_client(one, fails_after=3), one)

    async def run() -> None:
        with pytest.raises((openai.APIError, anthropic.APIError, httpx2.ReadError)):
            async for _ in await call():
                pass

    asyncio.run(run())
    assert calls.entry.error_type in ("APIConnectionError", "ReadError")
    assert calls.entry.chunks > 0


def refuse(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused")


def test_a_helper_whose_request_is_refused_is_an_error(calls: Calls) -> None:
    http = httpx2.Client(transport=httpx2.MockTransport(refuse))
    made: Any = openai.OpenAI(api_key="k", http_client=http, max_retries=0)
    with pytest.raises(openai.APIConnectionError), traced_cost(lambda: made.chat.completions.stream(**ASKED))():
        pass
    assert calls.entry.error_type == "APIConnectionError"


def test_an_async_helper_whose_request_is_refused_is_an_error(calls: Calls) -> None:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(refuse))
    made: Any = openai.AsyncOpenAI(api_key="k", http_client=http, max_retries=0)

    async def run() -> None:
        async with traced_cost(lambda: made.chat.completions.stream(**ASKED))():
            pass

    with pytest.raises(openai.APIConnectionError):
        asyncio.run(run())
    assert calls.entry.error_type == "APIConnectionError"
