"""Requests of LLM calls, made fast enough that the sender is not what is measured."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

_TEMPLATES = 256
_MODELS = (("openai", "gpt-5-mini"), ("openai", "gpt-5.4"), ("anthropic", "claude-haiku-4-5"))


def trace_requests(
    spans: int, seed: int = 0, now_ns: Callable[[], int] = time.time_ns, spans_a_call: int = 1
) -> Iterator[bytes]:
    """OTLP requests of `spans` spans each, 12 attributes a span of an LLM, ids fresh; without end.

    Args:
        spans: How many a request has.
        seed: Of everything but ids and times.
        now_ns: Asked once a request: when it is sent. Its spans have ended within two seconds before.
        spans_a_call: Each so many are a trace of one request to a service, whose last span is a billable call; 1: all
            spans are calls, each a trace of its own.
    """
    resource = _field(1, _resource().SerializeToString())
    random_ = random.Random(seed)
    while True:
        sent_ns = now_ns()
        kinds = [place % spans_a_call for place in range(min(spans, _TEMPLATES // spans_a_call * spans_a_call))]
        tails = [
            (
                billed_call(random_, sent_ns) if kind == spans_a_call - 1 else _work(random_, sent_ns, kind)
            ).SerializeToString()
            for kind in kinds
        ]
        yield _field(1, resource + _field(2, b"".join(_spans(tails, spans, spans_a_call))))


def _spans(tails: Sequence[bytes], spans: int, spans_a_call: int) -> Iterator[bytes]:
    ids = os.urandom(24 * spans)
    for place in range(spans):
        first = place - place % spans_a_call
        root = ids[24 * first + 16 : 24 * first + 24]
        parent = b"\x22\x08" + root if place > first else b""
        span = b"\x0a\x10" + ids[24 * first : 24 * first + 16] + b"\x12\x08" + ids[24 * place + 16 : 24 * place + 24]
        yield _field(2, span + parent + tails[place % len(tails)])


def _work(random_: random.Random, sent_ns: int, kind: int) -> Span:
    """The request to the service, or something that it does beside the call."""
    end_ns = sent_ns - random_.randrange(2_000_000_000)
    route = f"/api/{random_.randrange(8)}"
    attributes: dict[str, str | int] = {"user.id": f"user-{random_.randrange(5000)}"}
    if kind == 0:
        attributes |= {"http.request.method": "POST", "http.route": route, "http.response.status_code": 200}
    return Span(
        name=f"POST {route}" if kind == 0 else ("retrieve", "rerank")[kind % 2],
        kind=Span.SPAN_KIND_SERVER if kind == 0 else Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=end_ns - random_.randrange(10_000_000, 3_000_000_000),
        end_time_unix_nano=end_ns,
        attributes=[_attribute(key, value) for key, value in attributes.items()],
    )


def billed_call(random_: random.Random, sent_ns: int) -> Span:
    """A call to a model that ended within two seconds before; without ids."""
    provider, model = random_.choice(_MODELS)
    end_ns = sent_ns - random_.randrange(2_000_000_000)
    attributes: dict[str, str | int | float] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "gen_ai.response.id": f"chatcmpl-{random_.getrandbits(96):024x}",
        "gen_ai.usage.input_tokens": random_.randrange(100, 8000),
        "gen_ai.usage.output_tokens": random_.randrange(1, 900),
        "gen_ai.request.temperature": 0.7,
        "user.id": f"user-{random_.randrange(5000)}",
        "session.id": f"session-{random_.randrange(50000)}",
        "spanledger.feature": random_.choice(("search", "support", "review")),
        "server.address": "api.example.com",
    }
    return Span(
        name=f"chat {model}",
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=end_ns - random_.randrange(100_000_000, 3_000_000_000),
        end_time_unix_nano=end_ns,
        attributes=[_attribute(key, value) for key, value in attributes.items()],
    )


def _resource() -> Resource:
    return Resource(attributes=[_attribute("service.name", "bench"), _attribute("service.version", "1.2.3")])


def _attribute(key: str, value: str | float) -> KeyValue:
    if isinstance(value, str):
        return KeyValue(key=key, value=AnyValue(string_value=value))
    if isinstance(value, int):
        return KeyValue(key=key, value=AnyValue(int_value=value))
    return KeyValue(key=key, value=AnyValue(double_value=value))


def _field(number: int, content: bytes) -> bytes:
    size = len(content)
    varint = bytearray()
    while size > 0x7F:
        varint.append(size & 0x7F | 0x80)
        size >>= 7
    varint.append(size)
    return bytes([number << 3 | 2]) + bytes(varint) + content
