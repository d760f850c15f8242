"""Minutes of mixed calls in one process: its memory stays flat, and after `shutdown()` no thread of ours is left.

``python -m tests.benchmarks.bench_soak [MINUTES]`` (3; ``make soak`` takes 30). Each second a hundred calls:
plain, asynchronous, streams read to their end and broken off, calls that fail, requests to a FastAPI application that
answers with them or fails after them, requests to another service, other instrumentations' spans, events; by thousands
of users.
Memory is what only this process has, after a collection; its first fifth is warming up.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import fastapi
import httpx
import psutil
from opentelemetry import trace

import spanledger
from tests.benchmarks.bench_fastapi import service

TICK_S, LOOKS, MOST_GROWTH_MB = 0.1, 40, 2.0
CHUNK = {"id": "c1", "model": "gpt-5-mini", "choices": [{"index": 0, "delta": {"content": "a"}}]}
LAST = {**CHUNK, "choices": [], "usage": {"prompt_tokens": 120, "completion_tokens": 18, "total_tokens": 138}}


@spanledger.traced_cost(provider="openai")
def plain(number: int) -> dict[str, Any]:
    if number % 50 == 0:
        raise ValueError(f"on purpose, {number}")
    return {**LAST, "id": f"c{number}"}


@spanledger.traced_cost(provider="openai")
async def awaited(number: int) -> dict[str, Any]:
    await asyncio.sleep(0)
    return {**LAST, "id": f"c{number}"}


@spanledger.traced_cost(provider="openai")
def stream() -> Iterator[dict[str, Any]]:
    yield from (CHUNK, CHUNK, LAST)


@spanledger.traced_cost(provider="openai")
async def stream_async() -> AsyncIterator[dict[str, Any]]:
    for chunk in (CHUNK, CHUNK, LAST):
        yield chunk


async def broken_off() -> None:
    async for _ in stream_async():
        break


app = fastapi.FastAPI()


@app.get("/ask/{number}")
async def ask(number: int) -> dict[str, Any]:
    return await awaited(number)


@app.get("/fail")
async def fail() -> None:
    raise RuntimeError(f"on purpose, {await awaited(0)}")


async def mixed(client: httpx.AsyncClient, others: httpx.AsyncClient, numbers: Iterator[int]) -> None:
    """Twenty calls."""
    for number in itertools.islice(numbers, 6):
        with spanledger.context(user_id=f"u{number % 5_000}", session_id=f"s{number}", feature=f"f{number % 7}"):
            try:
                plain(number)
            except ValueError:
                spanledger.track_cache("hit", "openai", saved_tokens=number)
            await awaited(number)
            with trace.get_tracer("other").start_as_current_span("other") as span:
                span.set_attribute("number", number)
    list(stream())
    next(stream())
    async for _ in stream_async():
        pass
    await broken_off()
    number = next(numbers)
    await client.get(f"/ask/{number}", headers={"x-user-id": f"u{number % 5_000}"})
    await client.get(f"/nowhere/{number}")
    await client.get("/fail")
    await others.get(f"/prices/{number}")


def memory_mb() -> float:
    gc.collect()
    return float(psutil.Process().memory_full_info().uss) / 2**20


async def soak(minutes: float, other: str) -> tuple[list[tuple[float, float]], int]:
    """Memory at each look, as (hours, megabytes), and how many calls were made."""
    seen: list[tuple[float, float]] = []
    numbers = itertools.count(1)
    began, end = time.monotonic(), time.monotonic() + minutes * 60
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://soak") as client,
        httpx.AsyncClient(base_url=other, trust_env=False) as others,
    ):
        while (now := time.monotonic()) < end:
            await mixed(client, others, numbers)
            if now - began > (len(seen) + 1) * minutes * 60 / LOOKS:
                seen.append(((now - began) / 3600, memory_mb()))
            await asyncio.sleep(TICK_S)
    return seen, next(numbers)


def grown_mb(seen: list[tuple[float, float]]) -> float:
    """By how much the least of the last fifth is above the least of the second: what is held for a moment is not grown."""
    fifth = len(seen) // 5
    memory = [mb for _, mb in seen]
    return min(memory[-fifth:]) - min(memory[fifth : 2 * fifth])


def main(minutes: float) -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sink, _ = service(stack, folder, "sink", path="/")
        before = {thread.name for thread in threading.enumerate()}
        headers = {"user_id": "X-User-ID"}
        spanledger.configure(
            service_name="soak",
            endpoint=sink,
            spool_dir=str(folder / "spool"),
            identity_headers=headers,
            queue_size=5_000,
        )
        spanledger.instrument()
        seen, calls = asyncio.run(soak(minutes, sink))
        stats = spanledger.stats()
        spanledger.shutdown()
        left = {thread.name for thread in threading.enumerate() if thread.is_alive()} - before
    grown = grown_mb(seen)
    print(f"{calls} calls in {minutes:g} minutes; ledger {stats['ledger']}")
    print("memory, MB: " + " ".join(f"{mb:.1f}" for _, mb in seen))
    print(f"growth after warming up: {grown:.1f} MB, at most {MOST_GROWTH_MB:g}")
    print(f"threads left after shutdown(): {sorted(left) or 'none'}")
    failures = {kind: count for kind, count in stats["failures"].items() if count}
    print(f"failures kept in: {failures or 'none'}")
    return int(grown > MOST_GROWTH_MB or bool(left) or bool(failures))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0))
