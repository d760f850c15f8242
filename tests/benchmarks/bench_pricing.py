"""How long a price and a ledger line take, against genai-prices' own calculation in the same run.

Run with ``python tests/benchmarks/bench_pricing.py``. Processor time, best of several rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from genai_prices import Usage as PublishedUsage
from genai_prices import calc_price

from spanledger.pricing import PriceBook
from spanledger.usage import Usage
from spanledger_server.ledger import entries
from spanledger_server.otlp.columns import Candidate

AT_NS = 1_795_176_000 * 10**9
ROUNDS = 9


def best_us(work: Callable[[], Any], times: int) -> float:
    """Microseconds of processor time for one `work`, best of several rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time_ns()
        for _ in range(times):
            work()
        rounds.append((time.process_time_ns() - began) / times / 1000)
    return min(rounds)


def event(number: int, **more: Any) -> Candidate:
    """A ledger event as the SDK writes it."""
    attributes = {
        "spanledger.entry.kind": "usage",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": f"chatcmpl-{number}",
        "gen_ai.usage.input_tokens": 1000 + number,
        "gen_ai.usage.output_tokens": 350,
        "spanledger.usage.state": "reported",
        "spanledger.duration_ns": 1_234_567_890,
        "user.id": f"user-{number % 100}",
        "session.id": f"session-{number % 1000}",
        "spanledger.feature": "search",
        "spanledger.tenant": "acme",
        "spanledger.user_tier": "pro",
        **more,
    }
    return Candidate(
        "event", number.to_bytes(16, "big"), number + 1, None, None, AT_NS, "shop", None, False, attributes
    )


def span(number: int) -> Candidate:
    """The span of an instrumented chat call: fifteen attributes."""
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.max_tokens": 500,
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": f"chatcmpl-{number}",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 1000 + number,
        "gen_ai.usage.output_tokens": 350,
        "gen_ai.conversation.id": "c-1",
        "server.address": "api.openai.com",
        "server.port": 443,
        "user.id": "u-1",
        "spanledger.feature": "search",
    }
    return Candidate("span", bytes(15) + b"1", number + 1, 7, AT_NS - 10**9, AT_NS, "shop", "s", False, attributes)


def main() -> None:
    """Print the figures."""
    book = PriceBook.default()
    chat = Usage(input_tokens=1200, output_tokens=350)
    cached = Usage(input_tokens=18_000, output_tokens=4_000, cache_read_tokens=17_920, reasoning_tokens=3_200)
    speech = Usage(audio_seconds=Decimal("12.5"))
    at = datetime.fromtimestamp(AT_NS // 10**9, UTC)
    published = PublishedUsage(input_tokens=1200, output_tokens=350)
    reference = best_us(
        lambda: calc_price(published, "gpt-4o", provider_id="openai", genai_request_timestamp=at), times=300
    )
    print(f"{'genai-prices calc_price, plain chat':46} {reference:9.2f} µs")
    for title, usage, model in (
        ("price, plain chat", chat, "gpt-4o"),
        ("price, plain chat, tiered", chat, "gpt-5.4"),
        ("price, cached and reasoning", cached, "gpt-5"),
        ("price, speech by the second", speech, "whisper-1"),
        ("price, unknown model", chat, "gpt-99"),
    ):
        took = best_us(lambda u=usage, m=model: book.price(u, provider="openai", model=m, at_ns=AT_NS), times=20_000)
        print(f"{title:46} {took:9.2f} µs   {reference / took:6.0f} x faster")
    events = [event(number) for number in range(2000)]
    stored = [event(number, **{"book.id": "b-1", "gen_ai.request.stream": True}) for number in range(2000)]
    spans = [span(number) for number in range(2000)]
    for title, candidates in (("line, event", events), ("line, event with attributes", stored), ("line, span", spans)):
        took = best_us(lambda c=candidates: entries.lines(c, book), times=3) / len(candidates)
        print(f"{title:46} {took:9.2f} µs   {1e6 / took:9,.0f} a second")


if __name__ == "__main__":
    main()
