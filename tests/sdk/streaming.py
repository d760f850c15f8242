"""Streams to test with: the real clients, answered from memory by recorded bodies, and decorated generators."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import anthropic
import anyio
import anyio.lowlevel
import httpx2
import openai

from spanledger.call import current_call
from spanledger.traced_cost import traced_cost
from tests.sdk.responses import Recorded, recorded

CLIENTS = {"openai", "anthropic", "azure-openai", "deepseek", "openrouter", "together"}  # what the two packages speak
STREAMS = [
    one for one in recorded(streaming=True) if one.provider in CLIENTS and one.api in {"chat", "responses", "messages"}
]
CHAT = next(one for one in STREAMS if one.api == "chat" and one.expected["input_tokens"] and one.provider == "openai")
RESPONSE = next(one for one in STREAMS if one.api == "responses")
MESSAGE = next(one for one in STREAMS if one.api == "messages" and "tool_call" not in one.about["tags"])
ASKED: dict[str, Any] = {"model": "asked-model", "messages": [{"role": "user", "content": "hi"}]}
USAGE = {"usage": {"input_tokens": 7, "output_tokens": 3}}


class Body(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A recorded stream, event by event; may break off with an error, or go on for ever."""

    def __init__(self, body: bytes, fails_after: int | None = None, hangs_after: int | None = None) -> None:
        self._events = [event + b"\n\n" for event in body.split(b"\n\n") if event.strip()]
        self._fails_after, self._hangs_after = fails_after, hangs_after

    def __iter__(self) -> Iterator[bytes]:
        for place, event in enumerate(self._events):
            if place == self._fails_after:
                raise httpx2.ReadError("cut off")
            yield event

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for place, event in enumerate(self):
            if place == self._hangs_after:
                await anyio.sleep_forever()
            await anyio.lowlevel.checkpoint()
            yield event


class Provider:
    """Answers every request with one recorded stream."""

    def __init__(self) -> None:
        self.answer(CHAT)

    def answer(self, one: Recorded, fails_after: int | None = None, hangs_after: int | None = None) -> None:
        """What is answered from now on."""
        self.one, self.fails_after, self.hangs_after = one, fails_after, hangs_after

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        stream = Body(self.one.body.replace(b"\r\n", b"\n"), self.fails_after, self.hangs_after)
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=stream)


provider = Provider()
HTTP = httpx2.Client(transport=httpx2.MockTransport(provider))
OPENAI: Any = openai.OpenAI(api_key="k", http_client=HTTP, max_retries=0)
ANTHROPIC: Any = anthropic.Anthropic(api_key="k", http_client=HTTP, max_retries=0)
ASYNC_HTTP = httpx2.AsyncClient(transport=httpx2.MockTransport(provider))
ASYNC_OPENAI: Any = openai.AsyncOpenAI(api_key="k", http_client=ASYNC_HTTP, max_retries=0)
ASYNC_ANTHROPIC: Any = anthropic.AsyncAnthropic(api_key="k", http_client=ASYNC_HTTP, max_retries=0)


def client(one: Recorded, fails_after: int | None = None) -> Any:
    """The client that is answered with this stream."""
    provider.answer(one, fails_after)
    return ANTHROPIC if one.api == "messages" else OPENAI


def async_client(one: Recorded, fails_after: int | None = None, hangs_after: int | None = None) -> Any:
    """The same, asynchronous."""
    provider.answer(one, fails_after, hangs_after)
    return ASYNC_ANTHROPIC if one.api == "messages" else ASYNC_OPENAI


def ask(made: Any, one: Recorded) -> Any:
    """Ask for the stream."""
    if one.api == "messages":
        return made.messages.create(**ASKED, max_tokens=10, stream=True)
    if one.api == "responses":
        return made.responses.create(model="asked-model", input="hi", stream=True)
    return made.chat.completions.create(**ASKED, stream=True)


def helped(made: Any, one: Recorded) -> Any:
    """Ask for the stream by the client's helper."""
    if one.api == "messages":
        return made.messages.stream(**ASKED, max_tokens=10)
    if one.api == "responses":
        return made.responses.stream(model="asked-model", input="hi")
    return made.chat.completions.stream(**ASKED)


@traced_cost(model="m")
async def chat(fails: BaseException | None = None, hangs: bool = False) -> AsyncGenerator[Any, Any]:
    """A decorated generator."""
    for word in ("one", "two"):
        assert current_call() is not None
        yield word
    if hangs:
        await anyio.sleep_forever()
    if fails is not None:
        raise fails
    yield USAGE


@traced_cost(model="m")
def sync_chat(fails: BaseException | None = None) -> Generator[Any, Any, str]:
    """The same, synchronous."""
    for word in ("one", "two"):
        assert current_call() is not None
        yield word
    if fails is not None:
        raise fails
    yield USAGE
    return "the end"


@dataclass
class Source:
    """Where a stream comes from, and what is left of it in the ledger.

    Attributes:
        name: As it stands in a test's id.
        recorded: What a client is answered; None: the decorated generators.
        by_helper: Whether it is asked for by the client's helper, and so has to be entered.
        decorated: Whether a decorated function asks for it; otherwise the client has to be instrumented.
    """

    name: str
    recorded: Recorded | None = None
    by_helper: bool = False
    decorated: bool = True
    tokens: tuple[Any, Any] = field(default=(7, 3))

    def __post_init__(self) -> None:
        if self.recorded is not None:
            self.tokens = (self.recorded.expected["input_tokens"], self.recorded.expected["output_tokens"])

    @property
    def left_early(self) -> str:
        """The state of a usage of which only the beginning was read."""
        return "estimated" if self.recorded is MESSAGE else "unknown"

    def make(self, **how: Any) -> Any:
        """The object that a decorated function gives: a coroutine, manager or generator."""
        one, how = self.recorded, {key: value for key, value in how.items() if value}
        if one is None:
            return chat(LookupError("inside") if "fails" in how else None, "hangs" in how)
        after = {f"{name}_after": 3 for name in how}
        if self.by_helper:
            return self._decorated(lambda: helped(async_client(one, **after), one))()

        async def call() -> Any:
            return await ask(async_client(one, **after), one)

        return self._decorated(call)()

    def _decorated(self, function: Any) -> Any:
        return traced_cost(function) if self.decorated else function

    async def opened(self, stack: AsyncExitStack, **how: Any) -> Any:
        """The stream; a helper's manager is left with the stack."""
        made = self.make(**how)
        if self.recorded is None:
            return made
        return await (stack.enter_async_context(made) if self.by_helper else made)

    def sync_make(self, **how: Any) -> Any:
        """The object that a decorated function gives: a stream, manager or generator."""
        one = self.recorded
        if one is None:
            return sync_chat(LookupError("inside") if how else None)
        call: Callable[[Any, Recorded], Any] = helped if self.by_helper else ask
        return self._decorated(lambda: call(client(one, 3 if how else None), one))()


SOURCES = [
    Source("generator"),
    Source("openai-chat", CHAT),
    Source("openai-responses", RESPONSE),
    Source("anthropic", MESSAGE),
    Source("openai-chat-helper", CHAT, by_helper=True),
    Source("openai-responses-helper", RESPONSE, by_helper=True),
    Source("anthropic-helper", MESSAGE, by_helper=True),
    Source("openai-chat-undecorated", CHAT, decorated=False),
    Source("anthropic-helper-undecorated", MESSAGE, by_helper=True, decorated=False),
]
