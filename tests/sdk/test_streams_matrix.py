"""Every way that a stream can go, for every kind of stream, on every event loop.

Whatever happens, the call ends once, what was known of its usage is kept and marked, nothing of ours is attached where
the consumer works, and nobody complains of a context that was left in another one than it was entered in.
"""

from __future__ import annotations

import contextlib
import contextvars
import gc
import itertools
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from opentelemetry.trace import get_current_span

from spanledger.call import current_call
from spanledger.clients import AnthropicInstrumentor, OpenAIInstrumentor
from spanledger.traced_cost import traced_cost
from tests.sdk.calls import Calls, calls_fixture  # noqa: F401
from tests.sdk.streaming import CHAT, MESSAGE, RESPONSE, SOURCES, Source, ask, chat, client, helped, sync_chat

LOOPS: dict[str, dict[str, Any]] = {
    "asyncio-debug": {"backend": "asyncio", "backend_options": {"debug": True}},
    "uvloop": {"backend": "asyncio", "backend_options": {"use_uvloop": True}},
    "trio": {"backend": "trio"},
}
ERRORS = {"LookupError", "APIConnectionError", "ReadError"}
COMPLETE, LEFT, UNREAD, FAILED = "complete", "left", "unread", "failed"


@dataclass(frozen=True)
class Row:
    """One way that a stream goes, and how many lines of which kind are left of it."""

    act: Callable[[Source], Any]
    leaves: str
    lines: int = 1

    @property
    def name(self) -> str:
        return self.act.__name__.strip("_").replace("_", "-")


ROWS: list[Row] = []
SYNC_ROWS: list[Row] = []


def row(leaves: str, lines: int = 1, rows: list[Row] = ROWS) -> Callable[[Any], Any]:
    def add(act: Callable[[Source], Any]) -> Any:
        rows.append(Row(act, leaves, lines))
        return act

    return add


@pytest.fixture(autouse=True)
def no_complaints(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """OpenTelemetry logs "Failed to detach context" where a context was left in another one than it was entered in."""
    with caplog.at_level(logging.WARNING):
        yield
    said = [(record.name, record.getMessage()) for record in caplog.records]
    assert [one for one in said if one[0].startswith(("opentelemetry", "spanledger")) or "ontext" in one[1]] == []


@pytest.fixture(scope="module", autouse=True)
def what_the_clients_make_once_is_no_garbage() -> None:
    """They build their types when they are first used; each collection looked through all of them."""
    for one in (CHAT, RESPONSE, MESSAGE):
        list(ask(client(one), one))
        with helped(client(one), one) as stream:
            list(stream)
    gc.collect()
    gc.freeze()


def outside() -> None:
    """Nothing of ours is attached where the consumer works."""
    assert current_call() is None
    assert not get_current_span().get_span_context().is_valid


async def read(stream: Any, at_most: int = 1_000_000) -> None:
    """Read some chunks, looking around after each."""
    for _ in range(at_most):
        try:
            await anext(stream)
        except StopAsyncIteration:
            return
        outside()


async def close(stream: Any) -> None:
    await (stream.aclose() if hasattr(stream, "aclose") else stream.close())


# --- asynchronous streams


@row(COMPLETE)
async def _exhausted(source: Source) -> None:
    async with AsyncExitStack() as stack:
        async for _ in await source.opened(stack):
            outside()


@row(COMPLETE, lines=2)
async def _two_interleaved(source: Source) -> None:
    async with AsyncExitStack() as stack:
        streams = [await source.opened(stack), await source.opened(stack)]
        while streams:
            for stream in list(streams):
                if await anext(stream, None) is None:
                    streams.remove(stream)
                outside()


@row(COMPLETE, lines=2)
async def _two_at_once(source: Source) -> None:
    async def consume() -> None:
        async with AsyncExitStack() as stack:
            await read(await source.opened(stack))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(consume)
        tasks.start_soon(consume)


@row(COMPLETE)
async def _one_read_by_two_consumers(source: Source) -> None:
    async with AsyncExitStack() as stack:
        stream, lock = await source.opened(stack), anyio.Lock()

        async def consume() -> None:
            ended = False
            while not ended:
                async with lock:
                    ended = await anext(stream, None) is None
                outside()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(consume)
            tasks.start_soon(consume)


@row(LEFT)
async def _broken_off_and_collected(source: Source) -> None:
    async with AsyncExitStack() as stack:
        stream = await source.opened(stack)
        async for _ in stream:
            break
        outside()
        del stream
        gc.collect()
        await anyio.lowlevel.checkpoint()


@row(LEFT)
async def _the_consumer_raises(source: Source) -> None:
    with contextlib.suppress(ValueError):
        async with AsyncExitStack() as stack:
            async for _ in await source.opened(stack):
                raise ValueError("the consumer's own")
    outside()


@row(LEFT)
async def _cancelled_at_the_yield(source: Source) -> None:
    with anyio.CancelScope() as scope:
        async with AsyncExitStack() as stack:
            async for _ in await source.opened(stack):
                scope.cancel()
                await anyio.sleep_forever()
    outside()


@row(LEFT)
async def _broken_off_and_closed(source: Source) -> None:
    async with AsyncExitStack() as stack:
        stream = await source.opened(stack)
        await read(stream, 1)
        await close(stream)
        await close(stream)
        outside()


@row(LEFT)
async def _closed_by_another_task(source: Source) -> None:
    async with AsyncExitStack() as stack:
        stream = await source.opened(stack)
        await read(stream, 1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(close, stream)
        outside()


@row(LEFT)
async def _async_with_left_early(source: Source) -> None:
    async with AsyncExitStack() as stack:
        stream = await source.opened(stack)
        async with contextlib.aclosing(stream) if source.recorded is None else stream as inner:
            await read(inner, 1)
        outside()


@row(LEFT)
async def _cancelled_inside_a_step(source: Source) -> None:
    with anyio.CancelScope() as scope:
        async with AsyncExitStack() as stack, anyio.create_task_group() as tasks:
            stream = await source.opened(stack, hangs=True)
            await read(stream, 1)
            tasks.start_soon(read, stream)
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
    outside()


@row(LEFT)
async def _timed_out_inside_a_step(source: Source) -> None:
    async with AsyncExitStack() as stack:
        stream = await source.opened(stack, hangs=True)
        await read(stream, 1)
        with pytest.raises(TimeoutError), anyio.fail_after(0.01):
            await read(stream)
    outside()


@row(FAILED)
async def _an_error_inside(source: Source) -> None:
    with pytest.raises(Exception, match=r"inside|cut off|Connection"):
        async with AsyncExitStack() as stack:
            await read(await source.opened(stack, fails=True))
    outside()


@row(COMPLETE)
async def _each_step_in_a_task_of_its_own(source: Source) -> None:
    async with AsyncExitStack() as stack:
        stream, ended = await source.opened(stack), []

        async def step() -> None:
            if await anext(stream, None) is None:
                ended.append(True)

        while not ended:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(step)
            outside()


@row(COMPLETE)
async def _iterated_by_another_task(source: Source) -> None:
    async with AsyncExitStack() as stack, anyio.create_task_group() as tasks:
        tasks.start_soon(read, await source.opened(stack))


@row(COMPLETE)
async def _iterated_by_another_thread(source: Source) -> None:
    async with AsyncExitStack() as stack:
        stream = await source.opened(stack)
        await anyio.to_thread.run_sync(lambda: anyio.run(read, stream))


@row(UNREAD)
async def _never_started(source: Source) -> None:
    async with AsyncExitStack() as stack:
        stream = await source.opened(stack)
        del stream
        gc.collect()


@row(LEFT)
async def _the_loop_ends_while_it_is_open(source: Source) -> Any:
    kept = AsyncExitStack()
    stream = await source.opened(kept)
    await read(stream, 1)
    return stream


class Sent(Exception):
    """The connection is gone."""


async def serve(source: Source, receive: Any, send: Any) -> None:
    app = FastAPI()

    @app.get("/")
    async def answer() -> StreamingResponse:
        async def words() -> AsyncIterator[str]:
            async with AsyncExitStack() as stack:
                async for chunk in await source.opened(stack, hangs=True):
                    yield str(type(chunk))

        return StreamingResponse(words())

    scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "headers": []}
    with contextlib.suppress(Exception):
        await app({**scope, "http_version": "1.1", "scheme": "http", "server": ("t", 80)}, receive, send)
    gc.collect()
    await anyio.lowlevel.checkpoint()


@row(LEFT)
async def _a_streaming_response_whose_client_leaves(source: Source) -> None:
    read_some, asked = anyio.Event(), []

    async def receive() -> dict[str, Any]:
        if not asked:
            asked.append(True)
            return {"type": "http.request", "body": b"", "more_body": False}
        await read_some.wait()
        await anyio.wait_all_tasks_blocked()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message.get("body"):
            read_some.set()

    await serve(source, receive, send)


@row(LEFT)
async def _a_streaming_response_whose_send_raises(source: Source) -> None:
    async def receive() -> dict[str, Any]:
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Any) -> None:
        if message.get("body"):
            raise Sent

    await serve(source, receive, send)


@pytest.mark.parametrize("calls", ["light"], indirect=True)
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@pytest.mark.parametrize("way", ROWS, ids=lambda way: way.name)
def test_async(calls: Calls, way: Row, source: Source, loop: str) -> None:
    with instrumented(source):
        held = anyio.run(way.act, source, **LOOPS[loop])
        del held
        gc.collect()
    check(calls, source, way)


@contextlib.contextmanager
def instrumented(source: Source) -> Iterator[None]:
    """The clients watched by themselves where no decorated function is around."""
    instrumentors = () if source.decorated else (OpenAIInstrumentor(), AnthropicInstrumentor())
    for instrumentor in instrumentors:
        instrumentor.instrument(skip_dep_check=True)
    try:
        yield
    finally:
        for instrumentor in instrumentors:
            instrumentor.uninstrument()


def check(calls: Calls, source: Source, way: Row) -> None:
    """The lines and the spans are those that the row says."""
    if way.leaves == UNREAD and source.recorded is None:
        assert (calls.entries, calls.spans) == ([], [])  # a generator that was not started has called nothing
        return
    assert len(calls.entries) == way.lines, calls.entries
    for entry in calls.entries:
        if way.leaves == COMPLETE:
            assert entry.usage is not None
            assert (entry.usage.input_tokens, entry.usage.output_tokens) == source.tokens
        state = {COMPLETE: "reported", UNREAD: "unknown"}.get(way.leaves, source.left_early)
        assert (entry.usage_state, entry.stream) == (state, True)
        assert (entry.error_type in ERRORS) is (way.leaves == FAILED), entry.error_type
        assert (entry.chunks > 0) is (way.leaves != UNREAD)
    spans = [span for span in calls.spans if span.instrumentation_scope.name == "spanledger"]  # type: ignore[union-attr]
    assert sorted(span.context.span_id for span in spans) == sorted(entry.span_id for entry in calls.entries)  # type: ignore[union-attr]
    assert all(span.status.is_unset is (way.leaves != FAILED) for span in spans)


# --- synchronous streams


def sync_row(leaves: str, lines: int = 1) -> Callable[[Any], Any]:
    return row(leaves, lines, SYNC_ROWS)


@contextlib.contextmanager
def entered(made: Any, source: Source) -> Iterator[Any]:
    """The stream of a helper's manager; others are what they are."""
    if not source.by_helper:
        yield made
        return
    with made as stream:
        yield stream


@sync_row(COMPLETE)
def _sync_exhausted(source: Source) -> None:
    with entered(source.sync_make(), source) as stream:
        for _ in stream:
            outside()


@sync_row(COMPLETE, lines=2)
def _sync_two_interleaved(source: Source) -> None:
    with entered(source.sync_make(), source) as first, entered(source.sync_make(), source) as second:
        for _ in itertools.zip_longest(first, second):
            outside()


@sync_row(LEFT)
def _sync_broken_off_and_collected(source: Source) -> None:
    with entered(source.sync_make(), source) as stream:
        for _ in stream:
            break
        outside()


@sync_row(LEFT)
def _sync_the_consumer_raises(source: Source) -> None:
    with contextlib.suppress(ValueError), entered(source.sync_make(), source) as stream:
        for _ in stream:
            raise ValueError("the consumer's own")


@sync_row(LEFT)
def _sync_broken_off_and_closed(source: Source) -> None:
    with entered(source.sync_make(), source) as stream:
        next(stream)
        stream.close()
        stream.close()


@sync_row(LEFT)
def _sync_with_left_early(source: Source) -> None:
    with entered(source.sync_make(), source) as stream:
        made = contextlib.closing(stream) if source.recorded is None else stream
        with made as inner:
            next(inner)


@sync_row(FAILED)
def _sync_an_error_inside(source: Source) -> None:
    with entered(source.sync_make(fails=True), source) as stream:
        next(stream)
        with pytest.raises(Exception, match=r"inside|cut off|Connection"):
            list(stream)


def in_threads(stream: Any, steps: int) -> None:
    """Read so many steps in each of a row of threads, until the end."""
    more: list[Any] = [True]

    def work() -> None:
        more[:] = [one for one in [next(stream, None) for _ in range(steps)] if one is not None]

    while more:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()


@sync_row(COMPLETE)
def _sync_each_step_in_a_thread_of_its_own(source: Source) -> None:
    with entered(source.sync_make(), source) as stream:
        in_threads(stream, 1)


@sync_row(COMPLETE)
def _sync_iterated_by_another_thread(source: Source) -> None:
    with entered(source.sync_make(), source) as stream:
        in_threads(stream, 1_000)


@sync_row(COMPLETE)
def _sync_each_step_in_a_context_of_its_own(source: Source) -> None:
    with entered(source.sync_make(), source) as stream:
        while contextvars.Context().run(next, stream, None) is not None:
            outside()


@sync_row(COMPLETE)
def _sync_teed(source: Source) -> None:
    with entered(source.sync_make(), source) as stream:
        first, second = itertools.tee(stream)
        assert len(list(first)) == len(list(second)) > 0


@sync_row(LEFT)
def _sync_teed_and_dropped(source: Source) -> None:
    with entered(source.sync_make(), source) as stream:
        first, second = itertools.tee(stream)
        next(first)
        next(second)


@sync_row(COMPLETE)
def _sync_yielded_from(source: Source) -> None:
    def delegate(stream: Any) -> Iterator[Any]:
        end = yield from stream
        assert end == (None if source.recorded is not None else "the end")

    with entered(source.sync_make(), source) as stream:
        for _ in delegate(stream):
            outside()


@sync_row(COMPLETE)
def _sync_a_streaming_response_in_a_threadpool(source: Source) -> None:
    sent: list[Any] = []

    async def respond() -> None:
        async def receive() -> dict[str, Any]:
            await anyio.sleep_forever()
            raise AssertionError

        async def send(message: Any) -> None:
            sent.append(message)

        with entered(source.sync_make(), source) as stream:
            words = (str(type(chunk)) for chunk in stream)
            await StreamingResponse(words)({"type": "http", "asgi": {"spec_version": "2.0"}}, receive, send)

    anyio.run(respond)
    assert len(sent) > 3


@sync_row(UNREAD)
def _sync_never_started(source: Source) -> None:
    with entered(source.sync_make(), source):
        pass


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@pytest.mark.parametrize("way", SYNC_ROWS, ids=lambda way: way.name)
def test_sync(calls: Calls, way: Row, source: Source) -> None:
    with instrumented(source):
        way.act(source)
        gc.collect()
    check(calls, source, way)


# --- what only generators can do


@traced_cost(model="m")
async def listening(heard: list[Any]) -> AsyncGenerator[str, Any]:
    heard.append((yield "first"))
    try:
        yield "second"
    except LookupError:
        heard.append("error")
        yield "handled"


@traced_cost(model="m")
async def with_child(calls: Calls) -> AsyncIterator[str]:
    with calls.provider.get_tracer("other").start_as_current_span("child"):
        yield "inside"


@pytest.mark.parametrize("loop", LOOPS)
def test_asend_and_a_handled_athrow_reach_the_generator(calls: Calls, loop: str) -> None:
    heard: list[Any] = []

    async def main() -> None:
        stream = listening(heard)
        await anext(stream)
        outside()
        assert await stream.asend("sent") == "second"
        assert await stream.athrow(LookupError()) == "handled"
        assert await anext(stream, "the end") == "the end"

    anyio.run(main, **LOOPS[loop])
    assert heard == ["sent", "error"]
    assert calls.entry.error_type is None


@pytest.mark.parametrize("loop", LOOPS)
def test_an_athrow_that_is_not_handled_is_an_error(calls: Calls, loop: str) -> None:
    async def main() -> None:
        stream = chat()
        await anext(stream)
        with pytest.raises(LookupError):
            await stream.athrow(LookupError("thrown"))
        outside()

    anyio.run(main, **LOOPS[loop])
    assert calls.entry.error_type == "LookupError"


@pytest.mark.parametrize("loop", LOOPS)
def test_a_span_made_inside_is_a_child(calls: Calls, loop: str) -> None:
    async def main() -> None:
        async for _ in with_child(calls):
            outside()

    anyio.run(main, **LOOPS[loop])
    child = next(span for span in calls.spans if span.name == "child")
    assert child.parent is not None
    assert child.parent.span_id == calls.entry.span_id


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_the_program_ends_inside(calls: Calls, kind: type[BaseException]) -> None:
    with pytest.raises(kind):
        list(sync_chat(fails=kind()))
    assert calls.entry.error_type == kind.__name__
