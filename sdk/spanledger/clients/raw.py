"""Answers that a program wants raw: bytes and lines of an HTTP response, which it may parse itself, or never.

Given a call and an HTTP response whose body is still to be read, sees the bytes that the program reads, and ends the
call with them: events of a stream one by one, anything else as a whole.

Never: a byte read that the program does not read, or a body kept that is longer than `_LONGEST`.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from spanledger.call import Call
from spanledger.guard import guard
from spanledger.lifecycle import finish, returned
from spanledger.streams import Progress

_LONGEST = 16 * 1024 * 1024
_GUARD = guard("clients.raw")


def is_raw(answer: Any) -> bool:
    """Whether it is one of the clients' objects around an HTTP response (`LegacyAPIResponse`, `APIResponse`, …)."""
    return type(answer).__name__.endswith("APIResponse")


def watch_raw(call: Call, answer: Any) -> None:
    """End the call with what is read of this answer, now or later."""
    response = answer.http_response
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.is_closed:  # it was read as a whole
        returned(call, _parsed(kind, response.content))
        return
    seen = _Events(call) if kind == "text/event-stream" else _Body(call, kind)
    response.iter_bytes = _iterating(response.iter_bytes, seen)
    response.aiter_bytes = _iterating_async(response.aiter_bytes, seen)
    response.close = _closing(response.close, seen)
    response.aclose = _closing_async(response.aclose, seen)
    weakref.finalize(response, seen.left)


def _parsed(kind: str, body: bytes) -> Any:
    return json.loads(body) if kind == "application/json" else None


class _Events:
    """A stream of events, as they go by."""

    def __init__(self, call: Call) -> None:
        self.reading = False
        self._progress = Progress(call)
        self._tail = b""

    def take(self, part: bytes) -> None:
        """Some bytes."""
        *lines, self._tail = (self._tail + part).split(b"\n")
        for line in lines:
            if line.startswith(b"data:") and line[5:].strip() not in (b"", b"[DONE]"):
                self._progress.chunk(json.loads(line[5:]))

    def end(self, error: BaseException | None = None) -> None:
        """There are no more."""
        self._progress.end(error)

    def left(self) -> None:
        """Nobody reads on."""
        self._progress.abandon()


class _Body:
    """A body that only says something as a whole."""

    def __init__(self, call: Call, kind: str) -> None:
        self.reading = False
        self._call, self._kind = call, kind
        self._parts: list[bytes] = []
        self._length = 0

    def take(self, part: bytes) -> None:
        """Some bytes."""
        self._length += len(part)
        if self._kind == "application/json" and self._length <= _LONGEST:
            self._parts.append(part)

    def end(self, error: BaseException | None = None) -> None:
        """There are no more."""
        if error is not None:
            finish(self._call, None, error=error)
        elif self._length <= _LONGEST:
            returned(self._call, _parsed(self._kind, b"".join(self._parts)))
        self.left()

    def left(self) -> None:
        """Nobody reads on."""
        finish(self._call, None)


_Seen = _Events | _Body


def _iterating(iterate: Callable[..., Iterator[bytes]], seen: _Seen) -> Callable[..., Iterator[bytes]]:
    def iter_bytes(*args: Any, **kwargs: Any) -> Iterator[bytes]:
        seen.reading = True
        try:
            for part in iterate(*args, **kwargs):
                _GUARD.run(seen.take, part)
                yield part
        except GeneratorExit:
            seen.left()
            raise
        except BaseException as error:
            _GUARD.run(seen.end, error)
            raise
        _GUARD.run(seen.end)

    return iter_bytes


def _iterating_async(iterate: Callable[..., AsyncIterator[bytes]], seen: _Seen) -> Callable[..., AsyncIterator[bytes]]:
    async def aiter_bytes(*args: Any, **kwargs: Any) -> AsyncIterator[bytes]:
        seen.reading = True
        try:
            async for part in iterate(*args, **kwargs):
                _GUARD.run(seen.take, part)
                yield part
        except GeneratorExit:
            seen.left()
            raise
        except BaseException as error:
            _GUARD.run(seen.end, error)
            raise
        _GUARD.run(seen.end)

    return aiter_bytes


def _closing(close: Callable[[], None], seen: _Seen) -> Callable[[], None]:
    def closed() -> None:
        try:
            close()
        finally:
            if not seen.reading:  # a response closes itself at its end, before its last bytes are given out
                seen.left()

    return closed


def _closing_async(close: Callable[[], Any], seen: _Seen) -> Callable[[], Any]:
    async def closed() -> None:
        try:
            await close()
        finally:
            if not seen.reading:
                seen.left()

    return closed
