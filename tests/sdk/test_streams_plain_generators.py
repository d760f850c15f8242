"""Plain generators that are traced, and generators that other functions make."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import logging
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import pytest
from opentelemetry.context import get_current
from opentelemetry.trace import get_current_span

from spanledger import semconv
from spanledger.call import current_call
from spanledger.traced_cost import traced_cost
from tests.sdk.calls import Calls, calls_fixture  # noqa: F401
from tests.sdk.making import program
from tests.sdk.receiver import attributes, http_receiver
from tests.sdk.streaming import USAGE, chat, sync_chat

ABANDONED = "unknown"


@pytest.fixture(autouse=True)
def no_complaints(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """OpenTelemetry logs "Failed to detach context" where a context was left in another one than it was entered in."""
    with caplog.at_level(logging.WARNING):
        yield
    assert [record.getMessage() for record in caplog.records if "detach" in record.getMessage()] == []


def outside() -> None:
    """Nothing of ours is attached where the consumer works."""
    assert current_call() is None
    assert not get_current_span().get_span_context().is_valid


def run(main: Any) -> Any:
    result = asyncio.run(main)
    gc.collect()
    return result


def test_a_traced_generator_is_one() -> None:
    assert inspect.isasyncgenfunction(chat)
    assert inspect.isgeneratorfunction(sync_chat)


def test_sync_full_with_its_return_value(calls: Calls) -> None:
    def delegate() -> Iterator[Any]:
        assert (yield from sync_chat()) == "the end"

    for _ in delegate():
        outside()
    assert calls.tokens() == [(7, 3)]


def test_sync_break_and_garbage(calls: Calls) -> None:
    for _ in sync_chat():
        break
    gc.collect()
    assert calls.entry.usage_state == ABANDONED


def test_sync_error(calls: Calls) -> None:
    with pytest.raises(LookupError):
        list(sync_chat(fails=LookupError()))
    assert calls.entry.error_type == "LookupError"


def test_sync_send_throw_and_close(calls: Calls) -> None:
    heard: list[Any] = []

    @traced_cost(model="m")
    def listening() -> Generator[str, Any, None]:
        try:
            heard.append((yield "first"))
            try:
                yield "second"
            except LookupError:
                yield "handled"
        finally:
            heard.append(current_call() is not None)

    stream = listening()
    next(stream)
    assert stream.send("sent") == "second"
    assert stream.throw(LookupError()) == "handled"
    stream.close()
    assert heard == ["sent", True]
    assert calls.entry.error_type is None


def test_a_generator_that_ignores_its_close_complains_as_ever(calls: Calls) -> None:
    @traced_cost(model="m")
    def stubborn() -> Iterator[int]:
        while True:
            with contextlib.suppress(GeneratorExit):
                yield 1

    stream = stubborn()
    next(stream)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        stream.close()
    assert len(calls.entries) == 1


def test_a_generator_made_by_a_plain_function_is_watched(calls: Calls) -> None:
    @traced_cost(model="m")
    def make() -> Iterator[Any]:
        return (item for item in ("a", USAGE))

    assert list(make()) == ["a", USAGE]
    assert calls.tokens() == [(7, 3)]


def test_one_made_by_a_plain_function_and_never_read_ends_its_call(calls: Calls) -> None:
    @traced_cost(model="m")
    def make() -> Iterator[Any]:
        return (item for item in ("a", USAGE))

    make()
    gc.collect()
    assert calls.entry.usage_state == ABANDONED


def test_an_async_generator_made_by_a_coroutine_is_watched(calls: Calls) -> None:
    @traced_cost(model="m")
    async def make() -> AsyncIterator[Any]:
        async def words() -> AsyncIterator[Any]:
            yield "a"
            yield USAGE

        return words()

    async def main() -> list[Any]:
        return [item async for item in await make()]

    assert run(main()) == ["a", USAGE]
    assert calls.tokens() == [(7, 3)]


def test_the_answer_that_a_generator_returns_is_read(calls: Calls) -> None:
    @traced_cost(model="m")
    def words() -> Generator[str, None, Any]:
        yield "word"
        return {"input_tokens": 5, "output_tokens": 1}

    list(words())
    assert calls.tokens() == [(5, 1)]


def test_the_users_reader_gets_the_last_chunk(calls: Calls) -> None:
    @traced_cost(model="m", usage=lambda chunk: {"output_tokens": len(chunk)})
    def words() -> Iterator[str]:
        yield "ab"
        yield "abcd"

    list(words())
    assert calls.tokens() == [(None, 4)]


def test_the_context_of_the_caller_is_the_same_before_and_after(calls: Calls) -> None:
    before = get_current()
    stream = sync_chat()
    next(stream)
    assert get_current() is before
    list(stream)
    assert get_current() is before


OPEN_AT_THE_END = """
import asyncio, spanledger
spanledger.configure(service_name="shop")

@spanledger.traced_cost(model="plain")
def words():
    yield "a"
    yield "b"

@spanledger.traced_cost(model="asynchronous")
async def async_words():
    yield "a"
    yield "b"

kept, async_kept, loop = words(), async_words(), asyncio.new_event_loop()
next(kept)
loop.run_until_complete(async_kept.__anext__())
"""


def test_generators_that_are_open_when_the_program_ends_are_billed() -> None:
    with http_receiver() as (received, address):
        done = program(OPEN_AT_THE_END, env={"SPANLEDGER_ENDPOINT": address})
    assert done.returncode == 0, done.stderr
    lines = [attributes(line) for line in received.records(semconv.LEDGER_EVENT)]
    assert {line["gen_ai.request.model"] for line in lines} == {"plain", "asynchronous"}
    assert len(lines) == len(received.spans()) == 2
