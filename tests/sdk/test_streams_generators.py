"""Generators that are traced: whatever happens to one, it ends its call once and leaves no context behind."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import inspect
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from opentelemetry.trace import get_current_span

from spanledger.call import current_call
from spanledger.traced_cost import traced_cost
from tests.sdk.calls import Calls, calls_fixture  # noqa: F401

USAGE = {"usage": {"input_tokens": 7, "output_tokens": 3}}
ABANDONED, COMPLETE = "unknown", "reported"


@traced_cost(model="m")
async def chat(fail: BaseException | None = None, wait: asyncio.Event | None = None) -> AsyncGenerator[Any, Any]:
    for word in ("one", "two"):
        assert current_call() is not None
        yield word
    if wait is not None:
        await wait.wait()
    if fail is not None:
        raise fail
    yield USAGE


@traced_cost(model="m")
def sync_chat(fail: BaseException | None = None) -> Generator[Any, Any, str]:
    for word in ("one", "two"):
        assert current_call() is not None
        yield word
    if fail is not None:
        raise fail
    yield USAGE
    return "the end"


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


def test_async_full(calls: Calls) -> None:
    async def main() -> None:
        async for _ in chat():
            outside()

    run(main())
    assert calls.entry.usage_state == COMPLETE
    assert calls.entry.chunks == 3
    assert calls.entry.stream
    assert calls.tokens() == [(7, 3)]


def test_two_interleaved(calls: Calls) -> None:
    async def main() -> None:
        first, second = chat(), chat()
        for _ in range(3):
            await anext(first)
            outside()
            await anext(second)
            outside()
        for one in (first, second):
            with pytest.raises(StopAsyncIteration):
                await anext(one)

    run(main())
    assert calls.tokens() == [(7, 3), (7, 3)]
    assert len({entry.span_id for entry in calls.entries}) == 2


def test_two_consumers_at_once(calls: Calls) -> None:
    async def consume() -> None:
        async for _ in chat():
            await asyncio.sleep(0)
            outside()

    async def main() -> None:
        await asyncio.gather(consume(), consume())

    run(main())
    assert calls.tokens() == [(7, 3), (7, 3)]


def test_a_child_span_inside_is_a_child(calls: Calls) -> None:
    @traced_cost(model="m")
    async def with_child() -> AsyncIterator[str]:
        with calls.provider.get_tracer("other").start_as_current_span("child"):
            yield "inside"

    async def main() -> None:
        async for _ in with_child():
            pass

    run(main())
    child = next(span for span in calls.spans if span.name == "child")
    assert child.parent is not None
    assert child.parent.span_id == calls.entry.span_id


def test_break_and_garbage(calls: Calls) -> None:
    async def main() -> None:
        async for _ in chat():
            break
        outside()
        gc.collect()
        await asyncio.sleep(0)

    run(main())
    assert calls.entry.usage_state == ABANDONED
    assert calls.entry.error_type is None
    assert calls.span.status.is_unset


def test_the_consumer_raises(calls: Calls) -> None:
    async def main() -> None:
        with contextlib.suppress(ValueError):
            async for _ in chat():
                raise ValueError("the consumer's own")

    run(main())
    assert calls.entry.error_type is None


def test_cancelled_while_at_a_yield(calls: Calls) -> None:
    async def consume(reached: asyncio.Event) -> None:
        async for _ in chat():
            reached.set()
            await asyncio.Event().wait()

    async def main() -> None:
        reached = asyncio.Event()
        task = asyncio.create_task(consume(reached))
        await reached.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    run(main())
    assert calls.entry.error_type is None
    assert calls.span.status.is_unset


def test_break_and_aclose(calls: Calls) -> None:
    async def main() -> None:
        stream = chat()
        await anext(stream)
        await stream.aclose()
        await stream.aclose()
        outside()

    run(main())
    assert calls.entry.usage_state == ABANDONED


def test_aclose_from_another_task(calls: Calls) -> None:
    async def main() -> None:
        stream = chat()
        await anext(stream)
        await asyncio.create_task(stream.aclose())

    run(main())
    assert calls.entry.usage_state == ABANDONED


@pytest.mark.parametrize("way", ["cancel", "timeout"])
def test_cancelled_inside_a_step(calls: Calls, way: str) -> None:
    async def consume() -> None:
        async for _ in chat(wait=asyncio.Event()):
            pass

    async def main() -> None:
        if way == "timeout":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(consume(), 0.01)
            return
        task = asyncio.create_task(consume())
        for _ in range(10):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert calls.entry.error_type is None
    assert calls.entry.usage_state == ABANDONED
    assert calls.span.status.is_unset


def test_an_error_inside(calls: Calls) -> None:
    async def main() -> None:
        with pytest.raises(LookupError) as caught:
            async for _ in chat(fail=LookupError("inside")):
                pass
        assert caught.value.args == ("inside",)

    run(main())
    assert calls.entry.error_type == "LookupError"
    assert not calls.span.status.is_ok
    assert not calls.span.status.is_unset


def test_athrow_that_is_not_handled(calls: Calls) -> None:
    async def main() -> None:
        stream = chat()
        await anext(stream)
        with pytest.raises(LookupError):
            await stream.athrow(LookupError("thrown"))

    run(main())
    assert calls.entry.error_type == "LookupError"


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_the_program_ends_inside(calls: Calls, kind: type[BaseException]) -> None:
    with pytest.raises(kind):
        for _ in sync_chat(fail=kind()):
            pass
    assert calls.entry.error_type == kind.__name__


def test_each_step_in_a_task_of_its_own(calls: Calls) -> None:
    async def main() -> None:
        stream = chat()
        with contextlib.suppress(StopAsyncIteration):
            while True:
                await asyncio.create_task(anext(stream))  # type: ignore[arg-type]
                outside()

    run(main())
    assert calls.tokens() == [(7, 3)]


def test_each_step_in_a_context_of_its_own(calls: Calls) -> None:
    stream = sync_chat()
    for _ in range(3):
        contextvars.Context().run(next, stream)
    contextvars.Context().run(next, stream, None)
    assert calls.tokens() == [(7, 3)]


def test_each_step_in_a_thread_of_its_own(calls: Calls) -> None:
    stream, got = sync_chat(), []
    for _ in range(4):
        thread = threading.Thread(target=lambda: got.append(next(stream, None)))
        thread.start()
        thread.join()
    assert got == ["one", "two", USAGE, None]
    assert calls.tokens() == [(7, 3)]


def test_asend_and_athrow_reach_the_generator(calls: Calls) -> None:
    heard: list[Any] = []

    @traced_cost(model="m")
    async def listening() -> AsyncGenerator[str, Any]:
        heard.append((yield "first"))
        try:
            yield "second"
        except LookupError:
            heard.append("error")
            yield "handled"

    async def main() -> None:
        stream = listening()
        await anext(stream)
        assert await stream.asend("sent") == "second"
        assert await stream.athrow(LookupError()) == "handled"
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    run(main())
    assert heard == ["sent", "error"]
    assert calls.entry.error_type is None


@pytest.mark.parametrize("make", [chat, sync_chat])
def test_never_started_is_no_call(calls: Calls, make: Any) -> None:
    make()
    gc.collect()
    assert calls.entries == []
    assert calls.spans == []


def test_the_loop_is_closed_with_an_open_stream(calls: Calls) -> None:
    async def main() -> Any:
        stream = chat()
        await anext(stream)
        return stream

    stream = run(main())
    del stream
    gc.collect()
    assert calls.entry.error_type is None


def test_a_streaming_response_whose_client_leaves(calls: Calls) -> None:
    app = FastAPI()

    @app.get("/")
    async def answer() -> StreamingResponse:
        return StreamingResponse(str(word) async for word in chat(wait=asyncio.Event()))

    async def main() -> None:
        sent = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not sent.is_set():
                sent.set()
                return {"type": "http.request", "body": b"", "more_body": False}
            for _ in range(20):
                await asyncio.sleep(0)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            await asyncio.sleep(0)

        scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "headers": []}
        with contextlib.suppress(BaseException):
            await app({**scope, "http_version": "1.1", "scheme": "http", "server": ("t", 80)}, receive, send)
        gc.collect()
        await asyncio.sleep(0)

    run(main())
    assert calls.entry.error_type is None
    assert calls.span.status.is_unset
