"""What a sampling decision costs, as a ratio to OpenTelemetry's ParentBased(TraceIdRatioBased) in the same run; and
whether sums over kept spans are right: many seeded runs of a long workload through the head and the local tail.

Prints the cost for roots and children of each strategy (the aim: at most twice OpenTelemetry's), then for the unbiased
part the mean of estimate over truth for calls, failures and costs, with its standard error.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState, set_span_in_context

from spanledger.sampling.sampler import ConsistentSampler, RatioSampler
from spanledger.sampling.strategies import Gate, SpansPerSecond, TracesPerSecond
from spanledger.sampling.thresholds import ALL

ROUNDS, DECISIONS, LIMIT = 15, 5_000, 2.0
RUNS, CALLS = 200, 100_000
STEPS = ((0.1, 2.0), (0.2, 100.0), (0.4, 1000.0), (0.3, 50.0))  # a share of the calls, arriving so many a second


def samplers() -> dict[str, Sampler]:
    return {
        "OpenTelemetry's": ParentBased(TraceIdRatioBased(0.1)),
        "ratio": RatioSampler(0.1),
        "rate": ConsistentSampler(TracesPerSecond(10)),
        "adaptive": ConsistentSampler(SpansPerSecond(10)),
    }


def cost_us(sampler: Sampler, context: Any) -> float:
    ids = [random.getrandbits(128) for _ in range(DECISIONS)]
    attributes = {"gen_ai.request.model": "gpt-4o"}
    started = time.thread_time()
    for trace_id in ids:
        sampler.should_sample(context, trace_id, "chat gpt-4o", None, attributes, ())
    return (time.thread_time() - started) / DECISIONS * 1e6


def decisions() -> int:
    state = TraceState([("ot", "th:e666666666666")])
    parent = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=state)
    places = {"root": None, "child": set_span_in_context(NonRecordingSpan(parent))}
    made, best = samplers(), dict[tuple[str, str], float]()
    for _ in range(ROUNDS):
        for name, sampler in made.items():
            for place, context in places.items():
                found = cost_us(sampler, context)
                best[name, place] = min(found, best.get((name, place), found))
    failed = 0
    print(f"{'a decision':24}{'us':>8}{'ratio':>8}{'target':>8}")
    for (name, place), us in best.items():
        ratio = us / best["OpenTelemetry's", place]
        failed += ratio > LIMIT
        print(f"{name + ', ' + place:24}{us:8.2f}{ratio:8.2f}{LIMIT:8.1f}")
    return failed


def one_run(seed: int, tail: bool) -> tuple[float, float, float]:
    """Estimate over truth of calls, failures and costs, at ten traces a second."""
    chance = np.random.default_rng(seed)
    gate, at = Gate(), 0.0
    costs = chance.lognormal(-5, 1.5, CALLS)
    failed = chance.random(CALLS) < 0.01
    slow = chance.lognormal(0, 1, CALLS) > 10
    draws = chance.random(CALLS)
    gaps = np.concatenate([chance.exponential(1 / per_s, int(part * CALLS)) for part, per_s in STEPS])
    weights = np.zeros(CALLS)
    for number in range(CALLS):
        at += gaps[number]
        probability = (ALL - gate.threshold(at, 10)) / ALL
        certain = tail and (failed[number] or slow[number])
        if certain or draws[number] < probability:
            weights[number] = 1.0 if certain else 1 / probability
    truth = (CALLS, failed.sum(), costs.sum())
    found = (weights.sum(), (weights * failed).sum(), (weights * costs).sum())
    return tuple(a / b for a, b in zip(found, truth, strict=True))  # type: ignore[return-value]


def unbiased() -> int:
    failed = 0
    for tail in (False, True):
        runs = [one_run(seed, tail) for seed in range(RUNS)]
        for name, limit, values in zip(
            ("calls", "failures", "costs"), (0.005, 0.02, 0.015), zip(*runs, strict=True), strict=True
        ):
            mean, error = statistics.mean(values), statistics.stdev(values) / RUNS**0.5
            failed += abs(mean - 1) > max(limit, 3 * error)
            print(f"{'with' if tail else 'without'} the tail: {name:10} estimate / truth {mean:.4f} ± {error:.4f}")
    return failed


def main() -> int:
    checks: tuple[Callable[[], int], ...] = (decisions, unbiased)
    return 1 if sum(check() for check in checks) else 0


if __name__ == "__main__":
    sys.exit(main())
