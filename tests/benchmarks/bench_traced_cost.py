"""What `traced_cost` costs its caller, as a ratio to a plain OpenTelemetry span with 8 attributes in the same run.

Prints, for sync and async functions, for a dict and for a real OpenAI response object, sampled and unsampled, with our
light spans and with the SDK's (as where somebody else's span processor looks on): microseconds of the caller's
processor time on top of the bare call (best of the rounds) and the ratio (median of those of the rounds, as a machine
that is shared is now slower and now faster for both): time that other programs take is not in it.
There entries go nowhere; the last line has the processor time of all threads with the entries encoded and counted.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

import spanledger.lifecycle as calls
from spanledger import endpoints, pipeline
from spanledger.delivery.outcome import Sent
from spanledger.ledger import connect
from spanledger.light import light_tracer
from spanledger.sampling.sampler import RatioSampler
from spanledger.settings import Settings
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
ROUNDS, CALLS = 21, 1_500
BOTH = ("plain", "ours")
TARGETS = {
    ("light", "sampled"): 0.30,
    ("light", "unsampled"): 0.25,
    ("compatible", "sampled"): 1.0,
    ("compatible", "unsampled"): 0.30,
}
WHOLE = 0.5  # of the processor time of all threads, with the ledger's bytes and the metrics in it


class Nowhere:
    """Takes requests and forgets them."""

    forks_wait = False

    def prepare(self) -> None:
        pass

    def send(self, payload: bytes, timeout_s: float) -> Sent:
        return Sent()

    def close(self) -> None:
        pass


SINK = SpanProcessor()  # takes spans and forgets them


def provider(sampled: bool) -> TracerProvider:
    made = TracerProvider(sampler=RatioSampler(1.0 if sampled else 0.0), shutdown_on_exit=False)
    made.add_span_processor(SINK)
    return made


def our_tracer(path: str, sampled: bool) -> trace.Tracer:
    """What our spans are made with: `light`, or `compatible` where somebody else's processor looks on."""
    made = provider(sampled)
    spans: deque[Any] = deque(maxlen=1_000)
    tracer = light_tracer(made, (SINK,) if path == "light" else (), spans.append)
    assert tracer is not None
    return tracer


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


def functions(answer: Any) -> dict[str, Callable[[], Any]]:
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


Rounds = dict[str, list[float]]


def measure(answer: Any, path: str, sampled: bool) -> Rounds:
    tracer = our_tracer(path, sampled)
    calls.tracer = lambda: tracer  # type: ignore[assignment]
    found: Rounds = {}
    for _ in range(ROUNDS):
        for name, function in functions(answer).items():
            taken = (async_us if name.endswith("async") else sync_us)(function)
            found.setdefault(name, []).append(taken)
    return found


def on_top(found: Rounds, kind: str) -> tuple[list[float], list[float]]:
    """What a plain span and what ours takes on top of the bare call, round by round."""
    bare = found[f"bare{kind}"]
    plain, ours = ([there - alone for there, alone in zip(found[f"{what}{kind}"], bare, strict=True)] for what in BOTH)
    return plain, ours


def whole_process() -> tuple[list[float], list[float]]:
    """Processor time of all threads for a plain span, and for one of our calls that is not sampled, round by round."""
    functions_ = functions(ANSWER)
    tracer = our_tracer("light", False)
    calls.tracer = lambda: tracer  # type: ignore[assignment]
    pipeline.transport_to = lambda target: Nowhere()  # type: ignore[assignment,return-value]
    settings = Settings(spool_max_bytes=0)
    made = pipeline.Pipeline(settings, endpoints.targets(settings)[0], {})
    made.worker.start()
    connect(made.ledger.put)
    found: Rounds = {name: [] for name in BOTH}
    for _ in range(2 * ROUNDS):
        for name, rounds in found.items():
            started = time.process_time()
            for _ in range(CALLS):
                functions_[name]()
            assert made.worker.flush(10)
            rounds.append((time.process_time() - started) / CALLS * 1e6)
    made.stop(5)
    return found["plain"], found["ours"]


def told(label: str, plain: list[float], ours: list[float], target: float) -> bool:
    """Print a line; whether the target is missed."""
    ratio = statistics.median(our / their for our, their in zip(ours, plain, strict=True))
    print(f"{label:40}{min(plain):10.2f}{min(ours):10.2f}{ratio:8.2f}{target:8.2f}")
    return ratio > target


def main() -> int:
    from openai.types.chat import ChatCompletion

    entries: deque[Any] = deque(maxlen=1_000)
    connect(entries.append)
    failed = 0
    print(f"{'':40}{'plain us':>10}{'ours us':>10}{'ratio':>8}{'target':>8}")
    for form, answer in (("dict", ANSWER), ("pydantic", ChatCompletion.model_validate(ANSWER))):
        for (path, state), target in TARGETS.items():
            found = measure(answer, path, state == "sampled")
            for kind in ("", " async"):
                failed += told(f"{form}, {path}, {state},{kind or ' sync'}", *on_top(found, kind), target)
    failed += told("all threads, delivered, unsampled", *whole_process(), WHOLE)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
