"""The decorator on every kind of callable: the function stays what it is, and each call leaves a span and a line."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import subprocess
import sys
import traceback
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NonRecordingSpan, NoOpTracer, SpanContext, SpanKind, TraceFlags, set_span_in_context

from spanledger import guard, lifecycle
from spanledger.context import context as who
from spanledger.traced_cost import traced_cost
from spanledger.usage import Usage
from tests.sdk.calls import Calls, calls_fixture  # noqa: F401

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-mini-2024-07-18",
    "service_tier": "flex",
    "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "the answer"}}],
    "usage": {
        "prompt_tokens": 120,
        "completion_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
}


class Chatting:
    @traced_cost(model="m")
    def method(self, text: str) -> Any:
        return ANSWER

    @classmethod
    @traced_cost(model="m")
    def inner_class(cls, text: str) -> Any:
        assert cls is Chatting
        return ANSWER

    @traced_cost(model="m")
    @classmethod
    def outer_class(cls, text: str) -> Any:
        assert cls is Chatting
        return ANSWER

    @staticmethod
    @traced_cost(model="m")
    def inner_static(text: str) -> Any:
        return ANSWER

    @traced_cost(model="m")
    @staticmethod
    def outer_static(text: str) -> Any:
        return ANSWER

    @traced_cost(model="m")
    def __call__(self, text: str) -> Any:
        return ANSWER


class Callable:
    def __call__(self, text: str) -> Any:
        return ANSWER


class AsyncCallable:
    async def __call__(self, text: str) -> Any:
        return ANSWER


def plain(text: str) -> Any:
    """Say something."""
    return ANSWER


@pytest.mark.parametrize(
    "function",
    [
        traced_cost(plain),
        traced_cost(model="m")(plain),
        traced_cost()(plain),
        traced_cost(functools.partial(plain)),
        traced_cost(Callable()),
        traced_cost(lambda text: ANSWER),
        Chatting().method,
        Chatting.inner_class,
        Chatting.outer_class,
        Chatting().outer_class,
        Chatting.inner_static,
        Chatting.outer_static,
        Chatting(),
    ],
)
def test_any_callable_can_be_traced(calls: Calls, function: Any) -> None:
    assert function("hi") is ANSWER
    assert calls.tokens() == [(120, 18)]


def test_coroutine_functions_stay_what_they_are(calls: Calls) -> None:
    @traced_cost
    async def chat(text: str) -> Any:
        await asyncio.sleep(0)
        return ANSWER

    for function in (chat, traced_cost(functools.partial(chat.__wrapped__)), traced_cost(AsyncCallable())):  # type: ignore[attr-defined]
        assert inspect.iscoroutinefunction(function)
        assert asyncio.run(function("hi")) is ANSWER
    assert calls.tokens() == [(120, 18)] * 3


def test_a_plain_function_that_returns_a_coroutine_is_billed_when_it_is_awaited(calls: Calls) -> None:
    async def later() -> Any:
        return ANSWER

    @traced_cost
    def chat() -> Any:
        return later()

    async def main() -> Any:
        return await chat()

    assert asyncio.run(main()) is ANSWER
    assert calls.tokens() == [(120, 18)]


def test_names_signature_and_documentation_are_kept() -> None:
    traced = traced_cost(plain)
    assert traced.__name__ == "plain"
    assert traced.__doc__ == "Say something."
    assert inspect.signature(traced) == inspect.signature(plain)
    assert traced.__wrapped__ is plain  # type: ignore[attr-defined]
    assert traced_cost(functools.partial(plain, "x")).__name__ == "plain"


def test_what_cannot_be_called_cannot_be_decorated() -> None:
    with pytest.raises(TypeError, match="cannot be called"):
        traced_cost("chat")  # type: ignore[call-overload]


def test_the_span_and_the_entry_say_the_same(calls: Calls) -> None:
    traced_cost(model="gpt-4o-mini", feature="search", attributes={"team": "a"})(lambda: ANSWER)()
    entry, span = calls.entry, calls.span
    assert span.name == "chat gpt-4o-mini"
    assert span.kind is SpanKind.CLIENT
    assert (span.context.trace_id, span.context.span_id) == (entry.trace_id, entry.span_id)
    assert (span.start_time, span.end_time) == (entry.start_ns, entry.end_ns)
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 18,
        "gen_ai.usage.cache_read.input_tokens": 100,
        "spanledger.service_tier": "flex",
        "spanledger.feature": "search",
        "team": "a",
    }
    assert entry.sampled
    assert (entry.provider, entry.request_model, entry.response_id) == ("openai", "gpt-4o-mini", "chatcmpl-1")
    assert entry.usage == Usage(input_tokens=120, output_tokens=18, cache_read_tokens=100, reasoning_tokens=0)
    assert (entry.service_tier, entry.usage_state, entry.kind) == ("flex", "reported", "usage")
    assert entry.context == {"spanledger.feature": "search"}
    assert entry.attributes == {"team": "a"}


def test_an_unsampled_call_has_its_line_too(calls: Calls) -> None:
    calls.sample(ALWAYS_OFF)
    traced_cost(lambda: ANSWER)()
    assert calls.tokens() == [(120, 18)]
    assert not calls.entry.sampled
    assert calls.spans == []
    assert calls.entry.span_id


def test_who_and_what_for_is_read_when_the_call_begins(calls: Calls) -> None:
    @traced_cost(feature="inner")
    def chat() -> Any:
        with who(user_id="later"):
            return ANSWER

    with who(user_id="u1", feature="outer"):
        chat()
    assert calls.entry.context == {"user.id": "u1", "spanledger.feature": "inner"}


def test_the_model_asked_for_is_taken_from_the_arguments(calls: Calls) -> None:
    @traced_cost
    def chat(*, model: str) -> Any:
        return ANSWER

    chat(model="gpt-4o")
    assert calls.entry.request_model == "gpt-4o"
    assert calls.span.name == "chat gpt-4o"


def test_the_name_gets_the_model_that_answered_where_none_was_asked_for(calls: Calls) -> None:
    traced_cost(lambda: ANSWER)()
    assert calls.span.name == "chat gpt-4o-mini-2024-07-18"


def test_an_embedding_is_one_though_nobody_said_so(calls: Calls) -> None:
    answer = {
        "object": "list",
        "model": "text-embedding-3-small",
        "data": [],
        "usage": {"prompt_tokens": 8, "total_tokens": 8},
    }
    traced_cost(lambda: answer)()
    assert calls.entry.operation == "embeddings"
    assert calls.span.name == "embeddings text-embedding-3-small"
    assert calls.tokens() == [(8, None)]


def test_a_given_name_and_operation_stay(calls: Calls) -> None:
    traced_cost(name="summary", operation="generate_content", provider="groq")(lambda: ANSWER)()
    assert calls.span.name == "summary"
    assert (calls.entry.operation, calls.entry.provider) == ("generate_content", "groq")


class Stop(BaseException):
    pass


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt, Stop])
def test_exceptions_pass_through_untouched(calls: Calls, kind: type[BaseException]) -> None:
    raised = kind("secret prompt")

    @traced_cost
    def fails() -> None:
        raise raised

    @traced_cost
    async def fails_later() -> None:
        raise raised

    with pytest.raises(kind) as caught:
        fails()
    assert caught.value is raised
    assert traceback.extract_tb(raised.__traceback__)[-1].name == "fails"
    with pytest.raises(kind):
        asyncio.run(fails_later())
    assert [entry.error_type for entry in calls.entries] == [kind.__qualname__] * 2
    assert all(span.status.description == kind.__qualname__ for span in calls.spans)
    assert all(entry.usage_state == "unknown" for entry in calls.entries)


def test_a_cancelled_call_is_no_error(calls: Calls) -> None:
    @traced_cost
    async def slow() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(slow())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert calls.entry.error_type is None
    assert calls.span.status.is_unset


def test_nothing_known_is_unknown(calls: Calls) -> None:
    traced_cost(lambda: "just text")()
    assert calls.entry.usage is None
    assert calls.entry.usage_state == "unknown"


@pytest.mark.parametrize("tracer", [NoOpTracer(), trace.ProxyTracerProvider().get_tracer("spanledger")])
def test_without_a_provider_the_ids_are_our_own(calls: Calls, tracer: trace.Tracer) -> None:
    calls.use(tracer)
    remote = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(1))

    @traced_cost
    def outer() -> Any:
        assert trace.get_current_span().get_span_context() == (remote if inside else trace.INVALID_SPAN_CONTEXT)
        traced_cost(lambda: ANSWER)()
        return "text"

    inside = False
    outer()
    inside = True
    token = attach(set_span_in_context(NonRecordingSpan(remote)))
    traced_cost(lambda: ANSWER)()
    outer()
    detach(token)
    assert all(entry.trace_id and entry.span_id for entry in calls.entries)
    assert len({(entry.trace_id, entry.span_id) for entry in calls.entries}) == 3
    assert calls.entries[1].trace_id == 0xABC
    assert calls.entries[1].parent_span_id == 0xDEF
    assert calls.entries[2].trace_id == 0xABC


def test_a_broken_tracer_costs_the_span_but_not_the_line(calls: Calls) -> None:
    class Broken(NoOpTracer):
        def start_span(self, *args: Any, **kwargs: Any) -> Any:
            raise RuntimeError("somebody's sampler")

    calls.use(Broken())
    assert traced_cost(lambda: ANSWER)() is ANSWER
    assert calls.tokens() == [(120, 18)]
    assert guard.failures() == {"traced_cost.begin: RuntimeError": 1}
    guard.forget()


def test_switched_off_everything_passes_through(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "tracer", NoOpTracer)  # as `configure` gives it
    monkeypatch.setattr(lifecycle, "enabled", lambda: False)

    @traced_cost
    def words() -> Any:
        assert (yield 1) == "sent"
        return "end"

    @traced_cost
    async def async_words() -> Any:
        yield 1
        yield 2

    async def main() -> list[int]:
        return [word async for word in async_words()]

    assert traced_cost(lambda: ANSWER)() is ANSWER
    stream = words()
    next(stream)
    with pytest.raises(StopIteration) as end:
        stream.send("sent")
    assert end.value.value == "end"
    assert asyncio.run(main()) == [1, 2]
    assert calls.entries == []
    assert calls.spans == []


def test_objects_without_any_package_are_read_by_their_attributes(calls: Calls) -> None:
    usage = SimpleNamespace(input_tokens=3, output_tokens=4)
    traced_cost(lambda: SimpleNamespace(usage=usage, model="m", id="r"))()
    assert calls.tokens() == [(3, 4)]
    assert calls.entry.response_model == "m"


def test_no_provider_package_is_imported() -> None:
    code = "import sys, spanledger.traced_cost, spanledger.recording; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"openai", "anthropic", "pydantic"}.isdisjoint(done.stdout.split())


def test_a_call_is_freed_without_the_garbage_collector(calls: Calls) -> None:
    gc.collect()
    gc.disable()
    try:
        before = sum(type(thing).__name__ == "Call" for thing in gc.get_objects())
        for _ in range(50):
            traced_cost(lambda: ANSWER)()
        after = sum(type(thing).__name__ == "Call" for thing in gc.get_objects())
    finally:
        gc.enable()
    assert after == before
