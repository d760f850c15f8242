"""What the SDK's tests need again and again: an entry, a lane with its worker, a program in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opentelemetry.sdk.resources import Resource

from spanledger.call import Entry
from spanledger.delivery.encode import EntryEncoder
from spanledger.delivery.lane import Books, Lane
from spanledger.delivery.worker import Worker
from spanledger.endpoints import Target, targets
from spanledger.pipeline import transport_to
from spanledger.settings import Settings
from spanledger.usage import Usage

ROOT = Path(__file__).parents[2]
AT_NS = 1_795_000_000_000_000_000


def entry(number: int = 1, **changes: Any) -> Entry:
    """A finished call; `number` makes its ids."""
    made: dict[str, Any] = {
        "trace_id": 0xABC << 100 | number,
        "span_id": number,
        "parent_span_id": None,
        "start_ns": AT_NS - 1_500_000_000,
        "end_ns": AT_NS,
        "sampled": True,
        "operation": "chat",
        "provider": "openai",
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2024-08-06",
        "response_id": f"resp-{number}",
        "usage": Usage(input_tokens=100, output_tokens=20, cache_read_tokens=40),
        "usage_state": "reported",
    }
    return Entry(**(made | changes))


def target(address: str, signal: str = "logs", **settings: Any) -> Target:
    """Where `signal` goes when the endpoint is `address`."""
    return targets(Settings(endpoint=address, **settings), {})[0][signal]  # type: ignore[index]


def ledger_lane(address: str, *, protocol: str = "http/protobuf", service: str = "test", **more: Any) -> Lane:
    """A lane for entries to a receiver."""
    encoder = EntryEncoder(lambda: Resource({"service.name": service}), lambda entry: None)
    way = transport_to(target(address, protocol=protocol, timeout_s=5.0))
    return Lane("ledger", encoder, way, **({"limit": 10_000, "batch_size": 64, "encoder_under": encoder.under} | more))


@contextmanager
def working(*lanes: Lane, **more: Any) -> Iterator[Worker]:
    """The lanes with a worker that looks often; stopped at the end."""
    options: dict[str, Any] = {
        "interval_s": 0.005,
        "collect_interval_s": 3600.0,
        "timeout_s": {lane.signal: 5.0 for lane in lanes},
        "max_pause_s": 0.05,
    }
    worker = Worker(lanes, lambda: None, **(options | more))
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(0.0)


def adds_up(books: Books) -> bool:
    """Whether every item is in exactly one place."""
    ended = books.sent + books.refused + books.spooled + books.waiting + sum(books.dropped.values())
    return books.recorded + books.recovered == ended


def eventually(condition: Any, timeout_s: float = 20.0) -> Any:
    """Poll until the condition holds; fails after the deadline."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        os.sched_yield()
    raise AssertionError(f"not within {timeout_s} s: {condition}")


def environment(**more: str) -> dict[str, str]:
    """The environment of a program under test: ours, nothing of OpenTelemetry's, no spool."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "SPANLEDGER_"))}
    return kept | {"PYTHONPATH": f"{ROOT / 'sdk'}:{ROOT}", "SPANLEDGER_SPOOL_DIR": ""} | more


def program(
    code: str, *, env: Mapping[str, str] | None = None, timeout_s: float = 240.0
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment(**(env or {})),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
