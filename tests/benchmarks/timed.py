"""How long a running server takes to answer, by the clock and by what its processors do meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.benchmarks.bench_ingest import Backend


@dataclass
class Timed:
    """Answers to one question, asked again and again: milliseconds each waited, and those the server was busy."""

    backend: Backend
    waits: list[float] = field(default_factory=list)
    busy: float = 0.0

    def ask(self, question: Callable[[], object]) -> None:
        before = self.backend.process.cpu_times()
        began = time.perf_counter()
        question()
        self.waits.append((time.perf_counter() - began) * 1000)
        after = self.backend.process.cpu_times()
        self.busy += (after.user + after.system - before.user - before.system) * 1000

    def told(self, target_ms: float) -> str:
        """p50 and p95 by rank, and the mean of what the processors did, whatever else that was for."""
        waits = sorted(self.waits)
        p50, p95 = waits[len(waits) // 2], waits[min(len(waits) - 1, -(-len(waits) * 95 // 100) - 1)]
        busy = self.busy / len(waits)
        return f"p50 {p50:5.0f} ms   p95 {p95:5.0f} ms   (< {target_ms:g} ms)   processors {busy:5.1f} ms"
