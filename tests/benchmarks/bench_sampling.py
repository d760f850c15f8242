"""What a sampling decision costs, as a ratio to OpenTelemetry's ParentBased(TraceIdRatioBased) in the same run; what
spans cost that are dropped, with the local tail and without; and whether sums over kept spans are right: many seeded
runs of a long workload through the head and the local tail.

Prints the cost for roots and children of each strategy (the aim: at most twice OpenTelemetry's), that of a span with
five attributes on the thread of who makes it, then for the unbiased part the mean of estimate over truth for calls,
failures and costs, with its standard error.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState, set_span_in_context

from spanledger.light import light_tracer
from spanledger.processors import LaneSpanProcessor
from spanledger.sampling.remote import Remote, strategies_in
from spanledger.sampling.sampler import ConsistentSampler, RatioSampler
from spanledger.sampling.strategies import Gate, Ratio, SpansPerSecond, TracesPerSecond
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
        "remote": ConsistentSampler(answered()),
    }


def answered() -> Remote:
    """One that has been told what to keep."""
    each = [{"operation": f"op {n}", "probabilisticSampling": {"samplingRate": 0.1}} for n in range(100)]
    made = Remote("http://127.0.0.1:9/sampling", "shop", Ratio(1.0))
    said = strategies_in({"operationSampling": {"defaultSamplingProbability": 0.1, "perOperationStrategies": each}})
    made._said = time.monotonic(), b"", said
    return made


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


def recorded() -> int:
    """The price of a span that is dropped, in that of one that is kept; the worker's part is not in it."""
    attributes = {"a": "b", "c": 1, "d": 2.0, "e": "f", "g": True}
    best: dict[tuple[str, str], float] = {}
    for _ in range(ROUNDS):
        for way, ratio, recorded in (("kept", 1.0, False), ("dropped, recorded", 0.0, True), ("dropped", 0.0, False)):
            sampler = RatioSampler(ratio)
            sampler.records_dropped = recorded
            provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
            ours = LaneSpanProcessor(lambda span: None, dropped_too=recorded)
            provider.add_span_processor(ours)
            for whose, tracer in (
                ("ours", light_tracer(provider, [ours], ours.put)),
                ("others'", provider.get_tracer("others")),
            ):
                assert tracer is not None
                started = time.thread_time()
                for _ in range(DECISIONS):
                    tracer.start_span("chat", attributes=attributes).end()
                found = (time.thread_time() - started) / DECISIONS * 1e6
                best[whose, way] = min(found, best.get((whose, way), found))
    print(f"{'a span':34}{'us':>8}{'ratio':>8}")
    for (whose, way), us in best.items():
        print(f"{whose + ', ' + way:34}{us:8.2f}{us / best[whose, 'kept']:8.2f}")
    return 0


def one_run(seed: int, tail: bool, calls: int = CALLS) -> tuple[float, float, float]:
    """Estimate over truth of calls, failures and costs, at ten traces a second."""
    chance = np.random.default_rng(seed)
    gate, at = Gate(), 0.0
    costs = chance.lognormal(-5, 1.5, calls)
    failed = chance.random(calls) < 0.01
    slow = chance.lognormal(0, 1, calls) > 10
    draws = chance.random(calls)
    gaps = np.concatenate([chance.exponential(1 / per_s, int(part * calls)) for part, per_s in STEPS])
    weights = np.zeros(calls)
    for number in range(calls):
        at += gaps[number]
        probability = (ALL - gate.threshold(at, 10)) / ALL
        certain = tail and (failed[number] or slow[number])
        if certain or draws[number] < probability:
            weights[number] = 1.0 if certain else 1 / probability
    truth = (calls, failed.sum(), costs.sum())
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
    checks: tuple[Callable[[], int], ...] = (decisions, recorded, unbiased)
    return 1 if sum(check() for check in checks) else 0


if __name__ == "__main__":
    sys.exit(main())
