"""What `traced_cost` costs its caller, as a ratio to a plain OpenTelemetry span with 8 attributes in the same run.

Prints, for sync and async functions, for a dict and for a real OpenAI response object, sampled and unsampled:
microseconds of the caller's processor time on top of the bare call (best of the rounds) and the ratio: time that other
programs take is not in it. Entries go nowhere, so that the ledger's own way out is not measured.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

import spanledger.lifecycle as calls
from spanledger.ledger import connect
from spanledger.traced_cost import traced_cost

ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini-2024-07-18",
    "service_tier": "default",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
    "usage": {
        "prompt_tokens": 120,
        "completion_tokens": 18,
        "total_tokens": 138,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    },
}
ROUNDS, CALLS = 15, 1_500
TARGETS = {"sampled": 1.1, "unsampled": 0.4}


class Sink(SpanProcessor):
    """Takes spans and forgets them."""


def provider(sampled: bool) -> TracerProvider:
    made = TracerProvider(sampler=ALWAYS_ON if sampled else ALWAYS_OFF)
    made.add_span_processor(Sink())
    return made


def plain_span(tracer: trace.Tracer, answer: Any) -> Callable[[], Any]:
    def call() -> Any:
        with tracer.start_as_current_span("chat gpt-4o-mini", kind=trace.SpanKind.CLIENT) as span:
            span.set_attribute("gen_ai.operation.name", "chat")
            span.set_attribute("gen_ai.provider.name", "openai")
            span.set_attribute("gen_ai.request.model", "gpt-4o-mini")
            span.set_attribute("gen_ai.response.model", "gpt-4o-mini-2024-07-18")
            span.set_attribute("gen_ai.response.id", "chatcmpl-1")
            span.set_attribute("gen_ai.usage.input_tokens", 120)
            span.set_attribute("gen_ai.usage.output_tokens", 18)
            span.set_attribute("gen_ai.response.finish_reasons", ("stop",))
            return answer

    return call


def sync_us(function: Callable[[], Any]) -> float:
    started = time.thread_time()
    for _ in range(CALLS):
        function()
    return (time.thread_time() - started) / CALLS * 1e6


def async_us(function: Callable[[], Any]) -> float:
    async def run() -> float:
        started = time.thread_time()
        for _ in range(CALLS):
            await function()
        return (time.thread_time() - started) / CALLS * 1e6

    return asyncio.run(run())


def functions(answer: Any, sampled: bool) -> dict[str, Callable[[], Any]]:
    def bare() -> Any:
        return answer

    async def bare_async() -> Any:
        return answer

    decorate = traced_cost(provider="openai", model="gpt-4o-mini")
    plain = plain_span(provider(True).get_tracer("plain"), answer)

    async def plain_async() -> Any:
        return plain()

    return {
        "bare": bare,
        "bare async": bare_async,
        "plain": plain,
        "plain async": plain_async,
        "ours": decorate(bare),
        "ours async": decorate(bare_async),
    }


def measure(answer: Any, sampled: bool) -> dict[str, float]:
    tracer = provider(sampled).get_tracer("spanledger")
    calls.tracer = lambda: tracer  # type: ignore[assignment]
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, function in functions(answer, sampled).items():
            taken = (async_us if name.endswith("async") else sync_us)(function)
            best[name] = min(taken, best.get(name, taken))
    return best


def main() -> int:
    from openai.types.chat import ChatCompletion

    entries: list[Any] = []
    connect(lambda entry: entries.clear() or entries.append(entry))  # type: ignore[func-returns-value]
    failed = 0
    print(f"{'':34}{'plain us':>10}{'ours us':>10}{'ratio':>8}{'target':>8}")
    for form, answer in (("dict", ANSWER), ("pydantic", ChatCompletion.model_validate(ANSWER))):
        for state in ("sampled", "unsampled"):
            best = measure(answer, state == "sampled")
            for kind in ("", " async"):
                plain = best[f"plain{kind}"] - best[f"bare{kind}"]
                ours = best[f"ours{kind}"] - best[f"bare{kind}"]
                failed += ours / plain > TARGETS[state]
                label = f"{form}, {state},{kind or ' sync'}"
                print(f"{label:34}{plain:10.2f}{ours:10.2f}{ours / plain:8.2f}{TARGETS[state]:8.1f}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
