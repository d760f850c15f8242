"""Calls that a provider refuses: the line says so, with the status of the answer, and there is no usage to bill."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anthropic
import fastapi
import httpx
import openai
import pytest

from spanledger import guard, semconv
from spanledger.failure import asked_of, http_status
from spanledger.traced_cost import traced_cost
from tests.sdk.calls import Calls, calls_fixture  # noqa: F401

CHAT: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
MESSAGE: dict[str, Any] = {"model": "claude", "max_tokens": 9, "messages": CHAT["messages"]}
ASKED = {("openai", "gpt-4o"), ("openai", "text-embedding-3-small"), ("anthropic", "claude")}
STATUSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    404: "NotFoundError",
    429: "RateLimitError",
    500: "InternalServerError",
    529: "OverloadedError",
}


class Refusing(BaseHTTPRequestHandler):
    """A provider that answers every request with the status that its path begins with."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({"type": "error", "error": {"type": "refused", "message": "no: secret-in-message"}}).encode()
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def openai_chat(url: str, **more: Any) -> Any:
    with openai.OpenAI(api_key="k", base_url=url, max_retries=0) as client:
        return client.chat.completions.create(**CHAT, **more)


def openai_embeddings(url: str, **more: Any) -> Any:
    with openai.OpenAI(api_key="k", base_url=url, max_retries=0) as client:
        return client.embeddings.create(model="text-embedding-3-small", input="hi", **more)


def anthropic_message(url: str, **more: Any) -> Any:
    with anthropic.Anthropic(api_key="k", base_url=url, max_retries=0) as client:
        return client.messages.create(**MESSAGE, **more)


async def openai_chat_async(url: str, **more: Any) -> Any:
    async with openai.AsyncOpenAI(api_key="k", base_url=url, max_retries=0) as client:
        return await client.chat.completions.create(**CHAT, **more)


async def anthropic_message_async(url: str, **more: Any) -> Any:
    async with anthropic.AsyncAnthropic(api_key="k", base_url=url, max_retries=0) as client:
        return await client.messages.create(**MESSAGE, **more)


def helper(url: str, **more: Any) -> Any:
    """The manager that `.stream()` gives makes its request when it is entered."""
    client = anthropic.Anthropic(api_key="k", base_url=url, max_retries=0)
    return client.messages.stream(**MESSAGE, **more)


def refused(calls: Calls, status: int, name: str) -> None:
    """The only line, and its span, say what happened and nothing more."""
    entry, shown = calls.entry, calls.span.attributes or {}
    assert (entry.error_type, entry.http_status, entry.usage) == (name, status, None)
    assert (shown[semconv.ERROR_TYPE], shown[semconv.HTTP_RESPONSE_STATUS_CODE]) == (name, status)
    assert (entry.provider, entry.request_model) in ASKED
    asked = shown[semconv.GEN_AI_PROVIDER_NAME], shown[semconv.GEN_AI_REQUEST_MODEL]
    assert asked == (entry.provider, entry.request_model)
    assert "secret" not in str(dict(shown)) + str(calls.span.status.description)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("ask", [openai_chat, openai_embeddings, anthropic_message])
def test_a_refused_call_has_the_status_of_the_answer(calls: Calls, address: str, ask: Any, status: int) -> None:
    with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)) as caught:
        traced_cost(ask)(f"{address}/{status}")
    assert caught.value.status_code == status
    name = type(caught.value).__name__
    assert name == STATUSES[status] or status == 529
    refused(calls, status, name)


@pytest.mark.parametrize("ask", [openai_chat_async, anthropic_message_async])
@pytest.mark.parametrize("stream", [False, True])
def test_so_has_a_refused_async_call(calls: Calls, address: str, ask: Any, stream: bool) -> None:
    with pytest.raises((openai.RateLimitError, anthropic.RateLimitError)):
        asyncio.run(traced_cost(ask)(f"{address}/429", stream=stream))
    refused(calls, 429, "RateLimitError")


@pytest.mark.parametrize("ask", [openai_chat, anthropic_message])
def test_so_has_a_refused_stream(calls: Calls, address: str, ask: Any) -> None:
    with pytest.raises((openai.BadRequestError, anthropic.BadRequestError)):
        traced_cost(ask)(f"{address}/400", stream=True)
    refused(calls, 400, "BadRequestError")


@pytest.mark.parametrize("ask", [openai_chat, anthropic_message])
def test_so_has_a_refused_stream_inside_a_generator(calls: Calls, address: str, ask: Any) -> None:
    @traced_cost
    def chunks() -> Iterator[Any]:
        yield from ask(f"{address}/429", stream=True)

    with pytest.raises((openai.RateLimitError, anthropic.RateLimitError)):
        list(chunks())
    refused(calls, 429, "RateLimitError")


def test_so_has_a_refused_stream_inside_an_async_generator(calls: Calls, address: str) -> None:
    @traced_cost
    async def chunks() -> Any:
        async for chunk in await openai_chat_async(f"{address}/429", stream=True):
            yield chunk

    async def read() -> list[Any]:
        return [chunk async for chunk in chunks()]

    with pytest.raises(openai.RateLimitError):
        asyncio.run(read())
    refused(calls, 429, "RateLimitError")


def test_so_has_a_helper_whose_request_is_refused_when_it_is_entered(calls: Calls, address: str) -> None:
    with pytest.raises(anthropic.RateLimitError), traced_cost(helper)(f"{address}/429"):
        pass
    refused(calls, 429, "RateLimitError")


def test_a_refused_try_and_a_good_one_have_a_line_each(calls: Calls, address: str) -> None:
    ask = traced_cost(openai_chat)

    @traced_cost
    def persistent() -> Any:
        with pytest.raises(openai.RateLimitError):
            ask(f"{address}/429")
        return {"id": "r1", "model": "gpt-4o", "usage": {"prompt_tokens": 3, "completion_tokens": 4}}

    persistent()
    assert [(entry.http_status, entry.usage is None) for entry in calls.entries] == [(429, True), (None, False)]


class OwnStatus(Exception):
    status_code = 503


class Response:
    status_code = 418


class Carrying(Exception):
    response = Response()


class Hostile(Exception):
    @property
    def status_code(self) -> int:
        raise RuntimeError("no")


def with_status(value: Any) -> Exception:
    error = ValueError()
    error.status_code = value  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OwnStatus(), 503),
        (Carrying(), 418),
        (with_status("429"), None),
        (with_status(True), None),
        (with_status(99_999), None),
        (ValueError(), None),
        (fastapi.HTTPException(404), None),
    ],
)
def test_only_the_status_of_a_providers_answer_counts(error: Exception, expected: int | None) -> None:
    assert http_status(error) == expected


def test_an_exception_whose_properties_raise_costs_nothing_but_its_status(calls: Calls) -> None:
    @traced_cost
    def call() -> None:
        raise Hostile

    with pytest.raises(Hostile):
        call()
    assert (calls.entry.error_type, calls.entry.http_status) == ("Hostile", None)
    assert guard.failures() == {"traced_cost.http_status: RuntimeError": 1}
    guard.forget()


def test_a_connection_that_is_refused_has_no_status(calls: Calls) -> None:
    call: Callable[..., Any] = traced_cost(openai_chat)
    with pytest.raises(openai.APIConnectionError):
        call("http://127.0.0.1:1")
    assert (calls.entry.error_type, calls.entry.http_status) == ("APIConnectionError", None)
    assert semconv.HTTP_RESPONSE_STATUS_CODE not in (calls.span.attributes or {})
    assert (calls.entry.provider, calls.entry.request_model) == ("openai", "gpt-4o")


def carrying(url: str, content: bytes) -> Exception:
    """What `httpx` raises for an answer that is no success."""
    request = httpx.Request("POST", url, content=content)
    return httpx.HTTPStatusError("no", request=request, response=httpx.Response(400, request=request))


class LiteLLMs(Exception):
    """As LiteLLM's exceptions, which carry the request of a stand-in."""

    def __init__(self) -> None:
        super().__init__("no")
        self.llm_provider, self.model = "mistral", "mistral-small"
        self.request = httpx.Request("POST", "https://api.openai.com/v1", content=b'{"model": "gpt-4o"}')


CONVERSATION = b'{"messages": [{"content": "{\\"model\\": \\"mine\\"}"}], "model": "m-1"}'


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (carrying("https://eu.api.openai.com/v1/chat/completions", CONVERSATION), ("openai", "m-1")),
        (carrying("https://me.openai.azure.com/openai/deployments/d", b"{}"), ("azure.ai.openai", None)),
        (carrying("https://api.mistral.ai/v1", b'{"model": 7}'), ("mistral_ai", None)),
        (carrying("https://api.mistral.ai/v1", b"{model"), ("mistral_ai", None)),
        (carrying("https://api.mistral.ai/v1", b'["model"]'), ("mistral_ai", None)),
        (
            carrying("https://api.mistral.ai/v1", b'{"model": "m", "x": "' + b"x" * (1 << 20) + b'"}'),
            ("mistral_ai", None),
        ),
        (carrying("https://inside.example/v1/orders", b'{"model": "T"}'), (None, None)),
        (httpx.ConnectError("its request was never set"), (None, None)),
        (LiteLLMs(), ("mistral_ai", "mistral-small")),
        (Hostile(), (None, None)),
        (KeyError("model"), (None, None)),
    ],
)
def test_who_was_asked_is_read_from_the_request_that_an_exception_carries(
    error: Exception, expected: tuple[str | None, str | None]
) -> None:
    assert asked_of(error) == expected
    assert guard.failures() == {}


@pytest.mark.parametrize("ask", [openai_chat, anthropic_message])
def test_what_the_decorator_says_stands_before_what_an_exception_says(calls: Calls, address: str, ask: Any) -> None:
    with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)):
        traced_cost(provider="groq", model="other")(ask)(f"{address}/400")
    assert (calls.entry.provider, calls.entry.request_model) == ("groq", "other")
    assert dict(calls.span.attributes or {})[semconv.GEN_AI_PROVIDER_NAME] == "groq"
