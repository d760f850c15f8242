"""Answers that hold several responses, counts of one's own, and streams of further packages, down to the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import google.genai
import groq
import httpx
import httpx2
import mistralai.client
import ollama
import pytest

from spanledger import record_usage
from spanledger.call import Entry
from spanledger.traced_cost import traced_cost
from spanledger.usage import Usage
from tests.sdk.calls import Calls, calls_fixture  # noqa: F401
from tests.sdk.responses import Recorded, name, recorded, units
from tests.sdk.test_usage_forms import batch_line, chat_stream, realtime, two_turns

MESSAGES: Any = [{"role": "user", "content": "hi"}]


def line(entry: Entry) -> tuple[str | None, Usage | None, str | None]:
    return entry.response_id, entry.usage, entry.request_model


def test_a_retry_that_was_billed_twice_is_two_lines(calls: Calls) -> None:
    @traced_cost(model="gpt-4o")
    def ask() -> Iterator[Any]:
        yield from chat_stream("c1", 5)
        yield from chat_stream("c2", 6)

    assert len(list(ask())) == 6
    first, second = sorted(calls.entries, key=lambda entry: str(entry.response_id))
    assert line(first) == ("c1", Usage(5, 1), "gpt-4o")
    assert line(second) == ("c2", Usage(6, 1), "gpt-4o")
    assert first.parent_span_id == second.span_id
    assert calls.span.context is not None
    assert second.span_id == calls.span.context.span_id


def test_the_results_of_a_batch_are_a_line_each_at_the_price_of_a_batch(calls: Calls) -> None:
    traced_cost(lambda: [batch_line(number) for number in (1, 2, 3)])()
    assert {(entry.response_id, entry.batch) for entry in calls.entries} == {(f"chatcmpl-{n}", True) for n in (1, 2, 3)}
    assert len({entry.span_id for entry in calls.entries}) == 3


def test_the_turns_of_an_agent_are_a_line_each(calls: Calls) -> None:
    traced_cost(lambda: two_turns(ids=True))()
    assert {(entry.response_id, entry.usage) for entry in calls.entries} == {
        ("r1", Usage(10, 1)),
        ("r2", Usage(20, 2)),
    }


def test_what_a_traced_call_below_has_billed_is_not_billed_again(calls: Calls) -> None:
    inner = traced_cost(lambda number: batch_line(number)["response"]["body"])
    traced_cost(lambda: [inner(1), inner(2)])()
    assert sorted(str(entry.response_id) for entry in calls.entries) == ["chatcmpl-1", "chatcmpl-2"]


def test_what_was_heard_in_a_realtime_session_is_not_priced_as_what_was_said(calls: Calls) -> None:
    heard = {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": "item_1",
        "usage": {"type": "duration", "seconds": 2},
    }

    @traced_cost(model="gpt-realtime", provider="openai")
    def talk() -> Iterator[Any]:
        yield from (heard, realtime(1))

    list(talk())
    entries = {entry.operation: entry for entry in calls.entries}
    assert line(entries["realtime"]) == ("resp_1", Usage(10, 1), "gpt-realtime")
    assert line(entries["speech_to_text"]) == ("item_1", Usage(audio_seconds=Decimal(2)), None)


@pytest.mark.parametrize("reported", [True, False])
def test_a_count_of_one_s_own_is_an_estimate_and_gives_way_to_a_report(calls: Calls, reported: bool) -> None:
    answer = {"object": "chat.completion", "id": "c", "model": "gpt-4o", "choices": []}
    if reported:
        answer["usage"] = {"prompt_tokens": 7, "completion_tokens": 3}
    traced_cost(usage=lambda _: {"input_tokens": 9, "output_tokens": 9, "estimated": True})(lambda: answer)()
    expected = (Usage(7, 3), "reported") if reported else (Usage(9, 9), "estimated")
    assert (calls.entry.usage, calls.entry.usage_state) == expected


def test_record_usage_takes_an_estimate_too(calls: Calls) -> None:
    @traced_cost
    def ask() -> str:
        record_usage(model="gpt-4o", input_tokens=9, output_tokens=9, estimated=True)
        return "text"

    ask()
    assert (calls.entry.usage, calls.entry.usage_state) == (Usage(9, 9), "estimated")


def groq_stream(one: Recorded) -> Any:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=one.body))
    client = groq.Groq(api_key="k", max_retries=0, http_client=httpx.Client(transport=transport))
    return client.chat.completions.create(model="asked", messages=MESSAGES, stream=True)


def ollama_stream(one: Recorded) -> Any:
    client = ollama.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=one.body)))
    if one.api == "chat":
        return client.chat(model="asked", messages=MESSAGES, stream=True)
    return client.generate(model="asked", prompt="hi", stream=True)


def mistral_answer(one: Recorded) -> Callable[[Any], httpx2.Response]:
    return lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=one.body)


def mistral_stream(one: Recorded) -> Any:
    http = httpx2.Client(transport=httpx2.MockTransport(mistral_answer(one)))
    return mistralai.client.Mistral(api_key="k", client=http).chat.stream(model="asked", messages=MESSAGES)


def gemini_stream(one: Recorded) -> Any:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=one.body))
    options = google.genai.types.HttpOptions(httpx_client=httpx.Client(transport=transport))
    client = google.genai.Client(api_key="k", http_options=options)
    return client.models.generate_content_stream(model="asked", contents="hi")


ASK: dict[str, Callable[[Recorded], Any]] = {
    "gemini": gemini_stream,
    "groq": groq_stream,
    "mistral": mistral_stream,
    "ollama": ollama_stream,
}
STREAMS = [
    one
    for one in recorded(streaming=True)
    if one.provider in ASK and one.api in {"chat", "completions", "generate_content"}
]


@pytest.mark.parametrize("one", STREAMS, ids=name)
def test_a_stream_of_a_further_package_is_billed_as_its_index_says(calls: Calls, one: Recorded) -> None:
    count = sum(1 for _ in traced_cost(lambda: ASK[one.provider](one))())
    assert units(calls.entry.usage) == one.expected
    assert calls.entry.chunks == count > 0
    assert calls.entry.response_model == one.about["model"]


def test_a_stream_of_mistral_s_is_watched_in_every_way_of_reading_it(calls: Calls) -> None:
    one = next(each for each in STREAMS if each.provider == "mistral")
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(mistral_answer(one)))

    @traced_cost
    async def ask() -> Any:
        return await mistralai.client.Mistral(api_key="k", async_client=http).chat.stream_async(
            model="asked", messages=MESSAGES
        )

    async def run() -> None:
        async with await ask() as stream:
            async for _ in stream:
                pass

    asyncio.run(run())
    assert units(calls.entry.usage) == one.expected
    with traced_cost(lambda: mistral_stream(one))() as stream:
        next(stream)
    assert [entry.usage_state for entry in calls.entries] == ["reported", "unknown"]


class EventStream:
    """What boto3 gives for events: it makes an iterator each time it is asked for one."""

    def __init__(self, events: list[Any]) -> None:
        self._event_generator = iter(events)
        self._raw_stream = object()
        self.closed = False

    def __iter__(self) -> Iterator[Any]:
        yield from self._event_generator

    def close(self) -> None:
        self.closed = True


EventStream.__module__ = "botocore.eventstream"
BEDROCK = recorded(streaming=True, provider="bedrock")


def boto3_answer(one: Recorded) -> dict[str, Any]:
    about = {
        "RequestId": "r",
        "HTTPStatusCode": 200,
        "HTTPHeaders": {"content-type": "application/vnd.amazon.eventstream"},
    }
    return {"ResponseMetadata": about, "stream" if one.api == "converse" else "body": EventStream(one.chunks)}


def held(answer: dict[str, Any]) -> Any:
    return answer.get("stream") or answer["body"]


@pytest.mark.parametrize("one", BEDROCK, ids=name)
def test_the_event_stream_that_boto3_holds_in_its_answer_is_watched(calls: Calls, one: Recorded) -> None:
    answer = traced_cost(lambda: boto3_answer(one))()
    assert isinstance(held(answer), EventStream)
    assert not calls.entries
    assert list(held(answer)) == one.chunks
    assert units(calls.entry.usage) == one.expected
    assert (calls.entry.usage_state, calls.entry.chunks) == ("reported", len(one.chunks))


@pytest.mark.parametrize("way", ["close", "drop", "never read", "by itself"])
def test_an_event_stream_ends_its_call_once_however_it_ends(calls: Calls, way: str) -> None:
    answer: Any = traced_cost(
        lambda: held(boto3_answer(BEDROCK[0])) if way == "by itself" else boto3_answer(BEDROCK[0])
    )()
    stream = answer if way == "by itself" else held(answer)
    if way != "never read":
        next(iter(stream))
    if way == "close":
        stream.close()
        assert stream.closed
    del answer, stream
    assert calls.entry.usage_state == "unknown"
    assert calls.entry.stream


def test_an_event_stream_of_a_call_within_a_call_is_one_line(calls: Calls) -> None:
    inner = traced_cost(lambda: boto3_answer(BEDROCK[0]))
    assert list(held(traced_cost(lambda: inner())())) == BEDROCK[0].chunks
    assert [units(entry.usage) for entry in calls.entries] == [BEDROCK[0].expected]


def test_a_whole_answer_of_boto3_is_no_stream(calls: Calls) -> None:
    one = next(
        each for each in recorded(streaming=False, provider="bedrock") if each.about["usage_source"] == "headers"
    )
    traced_cost(lambda: one.answer)()
    assert units(calls.entry.usage) == one.expected
    assert not calls.entry.stream
