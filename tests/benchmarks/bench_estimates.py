"""500 samples of two million calls, of which one in a hundred fails, with skewed costs: is the mean of the estimates the
truth, and how often do the intervals hold it? Then the same for counts and shares whose variance a rollup's sketch gives.
"""

from __future__ import annotations

import sys

import numpy as np

from spanledger_server import estimates
from tests.support.sampled import Workload, covered, moments, sketch

CALLS = 2_000_000
RUNS = 500
SKETCHED_RUNS = 1500
RATIO = 0.05
MOST_BIAS = {"count": 0.005, "errors": 0.005, "cost": 0.015}
WAYS = (("head", 0.1), ("head", 0.01), ("head", 0.001), ("tail", 0.1), ("tail", 0.01), ("tail", 0.001))
HELD = (0.92, 0.98)  # 93 % to 97 %, and what chance does to so many samples


def totals() -> int:
    """How many figures are not as they should be."""
    workload = Workload.drawn(CALLS, np.random.default_rng(1))
    failed = 0
    print(f"{'sampled':>14} {'figure':>8} {'kept':>10} {'mean ÷ truth':>13} {'interval':>10} {'holds':>7}")
    for keeping, ratio in WAYS:
        rng = np.random.default_rng(2)
        runs = [workload.kept(rng, ratio, keeping) for _ in range(RUNS)]
        kept = np.mean([len(where) for where, _ in runs])
        for figure, amounts in workload.amounts.items():
            truth = amounts.sum()
            found = [moments(weights, amounts[where]).interval() for where, weights in runs]
            mean = np.mean([each.value for each in found]) / truth
            width = np.median([each.margin for each in found]) / truth
            by_chance = 3 * np.std([each.value for each in found]) / truth / RUNS**0.5
            holds = covered(found, truth)
            wrong = abs(mean - 1) > MOST_BIAS[figure] + by_chance or (width > 0 and not HELD[0] <= holds <= HELD[1])
            failed += bool(wrong)
            label, mark = f"{keeping} {ratio:.1%}", "  <- not as it should be" if wrong else ""
            print(f"{label:>14} {figure:>8} {kept:10,.0f} {mean:13.4f} {f'± {width:.1%}':>10} {holds:7.1%}{mark}")
    return failed


def sketches() -> int:
    """The same for counts and shares of one operation, sampled at 5 %."""
    rng = np.random.default_rng(3)
    failed = 0
    print(f"\n{'kept':>14} {'failing':>8} {'count holds':>12} {'share holds':>12}")
    for traces, spans, failing in ((200, 1, 0.1), (600, 1, 0.02), (2000, 1, 0.02), (20_000, 1, 0.02), (20_000, 5, 0.1)):
        held = np.mean([_held(rng, traces, spans, failing) for _ in range(SKETCHED_RUNS)], axis=0)
        failed += not all(HELD[0] <= each <= HELD[1] for each in held)
        label = f"{traces * spans * RATIO:,.0f} spans"
        print(f"{label:>14} {failing:8.0%} {held[0]:12.1%} {held[1]:12.1%}")
    return failed


def _held(rng: np.random.Generator, traces: int, spans: int, failing: float) -> tuple[bool, bool]:
    """Whether the intervals of one sample hold the number of spans, and the share of them that failed."""
    errors = rng.binomial(spans, failing, traces)
    kept = rng.random(traces) < RATIO
    if not kept.any():
        return False, False
    amounts = np.column_stack([np.full(kept.sum(), spans), errors[kept]])
    seen, seen_errors = amounts.sum(axis=0)
    whole, part = sketch(rng, 1 / RATIO, amounts).T
    share = seen_errors / seen
    variance, residual = float((whole**2).sum()), float(((part - share * whole) ** 2).sum())
    count = estimates.total(seen / RATIO, seen, variance)
    ratio = estimates.share(seen_errors / RATIO, seen / RATIO, residual, variance)
    assert ratio is not None
    truth = errors.sum() / (traces * spans)
    return count.low <= traces * spans <= count.high, ratio.low <= truth <= ratio.high


if __name__ == "__main__":
    sys.exit(1 if totals() + sketches() else 0)
