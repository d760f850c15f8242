"""A user's program whose spans are sampled: a web service and jobs that call models, at the test's command.

``python -m tests.end_to_end.sampled NAME`` reads one JSON list a line, such as ``["visits", 100]``, does it, and
answers with a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httpx
from fastapi import FastAPI
from opentelemetry import trace

import spanledger
from tests.support.waiting import until

COST = {"input_tokens": 1000, "output_tokens": 100, "model": "gpt-5-mini"}
telemetry = spanledger.configure(service_name=sys.argv[1], interval_s=0.02)
app = FastAPI()
spanledger.instrument_fastapi(app)


@spanledger.traced_cost(provider="openai", usage=lambda answer: answer)
async def ask(number: int) -> dict[str, Any]:
    """Which model answers is only known from the answer: the span's name too."""
    if number % 50 == 7:
        raise TimeoutError
    return COST


@app.get("/books/{number}")
async def book(number: int) -> Any:
    return await ask(number)


@app.get("/people/{name}")
async def person(name: str) -> Any:
    return await ask(len(name))


@app.get("/health")
async def health() -> Any:
    return {}


async def visits(count: int) -> None:
    """Books often, people by names without a digit, the health check seldom."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        for number in range(count):
            await client.get(f"/books/{number}")
            if number % 4 == 0:
                await client.get(f"/people/{'abcdefgh'[number % 8]}")
            if number % 40 == 0:
                await client.get("/health")


async def jobs(count: int) -> None:
    """Calls that nothing is around."""
    for number in range(count):
        if number % 50 != 7:
            await ask(number)


def answers(count: int) -> int:
    """Wait until the backend has said so many times more what to keep."""
    provider: Any = trace.get_tracer_provider()
    remote = provider.sampler.inner.strategy
    before = remote.answers
    return until(lambda: remote.answers >= before + count and remote.answers, 60, called="an answer")


def main() -> None:
    print(json.dumps(telemetry.mistakes), flush=True)
    for line in sys.stdin:
        what, count = json.loads(line)
        said: Any = None
        if what == "answers":
            said = answers(count)
        else:
            asyncio.run({"visits": visits, "jobs": jobs}[what](count))
        spanledger.flush(30)
        print(json.dumps([said, spanledger.stats()]), flush=True)


if __name__ == "__main__":
    main()
