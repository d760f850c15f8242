"""Streams of chunks: what is known of one so far, and generators run step by step.

Given a call and a generator, passes every item, value and exception through untouched, and ends the call when the
generator ends, is closed, fails, or is thrown away. Its steps run inside the call's context; nothing of ours is
attached while it waits at a yield.

Never: an item held back, or a context left behind.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any

from opentelemetry.context import Context

from spanledger.attached import attach, detach
from spanledger.call import Call
from spanledger.chunk_times import ChunkTimes
from spanledger.guard import guard
from spanledger.lifecycle import finish, reading_of, scope
from spanledger.providers.chunks import Chunks
from spanledger.usage import Reading, over

_CHUNK = guard("traced_cost.chunk")
_END = guard("traced_cost.end_of_stream")


class Progress:
    """What is known of one stream so far; ends its call. Without a call it does nothing.

    Args:
        call: The call, or `None` when nobody watches.
        inside: The context that the stream's steps run in, where they do.
    """

    __slots__ = ("call", "chunks", "inside", "last", "times")

    def __init__(self, call: Call | None, inside: Context | None = None) -> None:
        if call is not None:
            call.entry.stream = True
        self.call = call
        self.chunks = Chunks()
        self.inside = inside
        self.last: Any = None
        self.times = ChunkTimes()

    @classmethod
    def of_steps(cls, call: Call | None) -> Progress:
        """For a generator, whose steps run inside the call."""
        return cls(call, None if call is None else scope(call))

    def enter(self) -> Any:
        """Put the call's context on for one step; gives what `leave` wants back."""
        return None if self.inside is None else attach(self.inside)

    def leave(self, token: Any) -> None:
        """Take it off again."""
        if token is not None:
            detach(token)

    def chunk(self, chunk: Any) -> None:
        """Take note of a chunk."""
        call = self.call
        if call is None:
            return
        self.times.arrived()
        _CHUNK.run(self.chunks.add, chunk)
        if call.options.usage is not None:
            self.last = chunk

    def end(self, error: BaseException | None = None, *, complete: bool = True, value: Any = None) -> None:
        """End the call.

        Args:
            error: What ended the stream early.
            complete: Whether it came to its end by itself.
            value: What a generator returned: it may be the answer that its chunks were made from.
        """
        call = self.call
        if call is not None and call.open:
            self._tell_times(call)
            finish(call, self._reading(call, complete=complete and error is None, value=value), error=error)

    def abandon(self) -> None:
        """End the call because nobody reads on."""
        self.end(complete=False)

    def _tell_times(self, call: Call) -> None:
        entry, times = call.entry, self.times
        if times.count:
            entry.chunks, entry.chunk_times = times.count, times
            entry.time_to_first_chunk_s = (times.first_ns - call.started) / 1e9

    def _reading(self, call: Call, *, complete: bool, value: Any) -> Reading | None:
        with _END:
            read = self.chunks.result(complete=complete)
            if value is not None and (read is None or read.usage is None):
                return reading_of(call, value)
            if call.options.usage is None or self.last is None:
                return read
            told = reading_of(call, self.last)
            return read if told is None or told.usage is None else over(told, read)
        return None


class _Held:
    """Lives as long as the frame of a generator."""

    __slots__ = ("__weakref__",)


def _held(progress: Progress) -> _Held:
    """What a generator keeps so that its call ends with it, even if nobody closes it: at the program's end, say."""
    made = _Held()
    if progress.call is not None:
        weakref.finalize(made, progress.abandon)
    return made


def steps(progress: Progress, inner: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Run a generator step by step, as `yield from` would, and end the call with it."""
    held = _held(progress)  # noqa: F841
    step: Callable[[Any], Any] = inner.send
    argument: Any = None
    while True:
        token = progress.enter()
        try:
            item = step(argument)
        except StopIteration as end:
            progress.end(value=end.value)
            return end.value
        except BaseException as error:
            progress.end(error)
            raise
        finally:
            progress.leave(token)
        progress.chunk(item)
        try:
            argument = yield item
            step = inner.send
        except GeneratorExit:
            _close(progress, inner)
            raise
        except BaseException as error:  # noqa: BLE001 - handed to the generator it was thrown at
            step, argument = inner.throw, error


def _close(progress: Progress, inner: Generator[Any, Any, Any]) -> None:
    token = progress.enter()
    try:
        inner.close()
    except BaseException as error:
        progress.end(error)
        raise
    finally:
        progress.leave(token)
        progress.abandon()


def relaying(
    start: Callable[..., tuple[Progress, AsyncGenerator[Any, Any]]],
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """An async generator function that runs another's steps, as `yield from` would if it could, and ends the call."""

    async def relay(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        progress, inner = start(*args, **kwargs)
        held = _held(progress)  # noqa: F841
        step: Callable[[Any], Awaitable[Any]] = inner.asend
        argument: Any = None
        while True:
            token = progress.enter()
            try:
                item = await step(argument)
            except StopAsyncIteration:
                progress.end()
                return
            except BaseException as error:
                progress.end(error)
                raise
            finally:
                progress.leave(token)
            progress.chunk(item)
            try:
                argument = yield item
                step = inner.asend
            except GeneratorExit:
                await _aclose(progress, inner)
                raise
            except BaseException as error:  # noqa: BLE001 - handed to the generator it was thrown at
                step, argument = inner.athrow, error

    return relay


async def _aclose(progress: Progress, inner: AsyncGenerator[Any, Any]) -> None:
    token = progress.enter()
    try:
        await inner.aclose()
    except BaseException as error:
        progress.end(error)
        raise
    finally:
        progress.leave(token)
        progress.abandon()
