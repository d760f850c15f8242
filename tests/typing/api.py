"""What type checkers see of `traced_cost` and `record_usage`: checked by mypy --strict, never run.

Lines that must be refused carry the error they get; mypy warns about any such comment that is not needed.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any, TypeVar, assert_type, overload

from spanledger.recording import record_usage
from spanledger.traced_cost import traced_cost
from spanledger.usage import Usage

T = TypeVar("T")


@traced_cost
def bare(text: str, *, times: int = 1) -> int:
    return len(text) * times


@traced_cost(name="n", provider="openai", model="m", operation="chat", feature="f", attributes={"a": 1})
def with_arguments(text: str) -> int:
    return len(text)


@traced_cost
async def coroutine(text: str) -> bytes:
    return text.encode()


@traced_cost(capture_content=True)
async def coroutine_with_arguments(text: str) -> bytes:
    return text.encode()


@traced_cost
def generator(text: str) -> Generator[str, int, float]:
    sent = yield text
    return float(sent)


@traced_cost
async def async_generator(text: str) -> AsyncIterator[str]:
    yield text


@traced_cost(usage=lambda answer: Usage(input_tokens=len(answer)))
def generic(value: T) -> list[T]:
    return [value]


@overload
def overloaded(value: int) -> int: ...
@overload
def overloaded(value: str) -> str: ...
@traced_cost
def overloaded(value: Any) -> Any:
    return value


class Chat:
    @traced_cost
    def method(self, text: str) -> int:
        return len(text)

    @traced_cost(model="m")
    async def later(self, text: str) -> int:
        return len(text)

    @classmethod
    @traced_cost
    def of_class(cls, text: str) -> int:
        return len(text)

    @staticmethod
    @traced_cost(model="m")
    def static(text: str) -> int:
        return len(text)


def uses() -> None:
    assert_type(bare("a", times=2), int)
    assert_type(with_arguments("a"), int)
    assert_type(generator("a"), Generator[str, int, float])
    assert_type(async_generator("a"), AsyncIterator[str])
    assert_type(generic(1), list[int])
    assert_type(overloaded(1), int)
    assert_type(overloaded("a"), str)
    assert_type(Chat().method("a"), int)
    assert_type(Chat.of_class("a"), int)
    assert_type(Chat.static("a"), int)
    assert_type(traced_cost(functools.partial(bare, "a"))(), int)
    assert_type(traced_cost()(with_arguments)("a"), int)
    passed: Callable[[str], int] = traced_cost(len)
    words: Iterator[str] = generator("a")
    awaited: Awaitable[int] = Chat().later("a")
    record_usage(provider="p", model="m", input_tokens=1, output_tokens=2, audio_seconds=1.5, response_id="r")
    print(passed, words, awaited)


async def async_uses() -> None:
    assert_type(await coroutine("a"), bytes)
    assert_type(await coroutine_with_arguments("a"), bytes)
    assert_type(await Chat().later("a"), int)
    async for word in async_generator("a"):
        assert_type(word, str)


def misuses() -> None:
    bare(1)  # type: ignore[arg-type]
    bare("a", missing=1)  # type: ignore[call-arg]
    with_arguments()  # type: ignore[call-arg]
    traced_cost("openai")  # type: ignore[call-overload]
    traced_cost(providr="openai")  # type: ignore[call-overload]
    traced_cost(model=1)  # type: ignore[call-overload]
    record_usage("openai")  # type: ignore[call-arg]
    record_usage(tokens=3)  # type: ignore[call-arg]
    Chat().method(b"a")  # type: ignore[arg-type]
