"""Totals, shares and quantiles from a sample of traces: right on average, and as uncertain as they say."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server import estimates
from spanledger_server.estimates import Moments
from tests.support.sampled import Workload, covered, moments, of_traces
from tests.support.thorough import examples

SPANS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.3, 0.5, 0.9, 0.99]), st.floats(0, 100).map(lambda x: round(x, 3))), max_size=6
)


def draws(spans: list[tuple[float, float]]) -> list[tuple[float, list[tuple[float, float]]]]:
    """All that one random number can leave of a trace: its chance, and the kept spans as (weight, x)."""
    thresholds = sorted({0.0, 1.0, *(threshold for threshold, _ in spans)})
    return [
        (up - down, [(1 / (1 - threshold), x) for threshold, x in spans if threshold <= down])
        for down, up in pairwise(thresholds)
    ]


@settings(max_examples=examples(200))
@given(SPANS)
def test_a_traces_total_and_its_variance_are_right_on_average_whatever_the_thresholds_within_it(
    spans: list[tuple[float, float]],
) -> None:
    truth = math.fsum(x for _, x in spans)
    found = [(chance, of_traces([kept])) for chance, kept in draws(spans)]
    mean = math.fsum(chance * each.total for chance, each in found)
    variance = math.fsum(chance * (each.total - truth) ** 2 for chance, each in found)
    assert mean == pytest.approx(truth, abs=1e-6)
    assert math.fsum(chance * each.variance for chance, each in found) == pytest.approx(variance, rel=1e-6, abs=1e-4)


def test_spans_of_one_trace_vary_together() -> None:
    apart = of_traces([[(10.0, 1.0)]] * 4)
    together = of_traces([[(10.0, 1.0)] * 4])
    assert (apart.total, together.total) == (40, 40)
    assert (apart.variance, together.variance) == (4 * 90, 16 * 90)


def test_what_is_kept_for_certain_has_no_interval() -> None:
    found = of_traces([[(1.0, 5.0)], [(1.0, 7.0), (1.0, 1.0)]]).interval()
    assert (found.value, found.low, found.high, found.margin) == (13, 13, 13, 0)
    assert of_traces([]).interval().value == 0


def test_an_interval_never_excludes_what_was_seen() -> None:
    found = of_traces([[(20.0, 1.0)]] * 3).interval()
    assert found.low >= 3
    assert estimates.total(60, 3, 3 * 380).low >= 3


@pytest.mark.parametrize("weight", [1.0, 2.0, 1e3, 2.0**56])
def test_any_weight_that_a_threshold_can_have_gives_finite_figures(weight: float) -> None:
    found = of_traces([[(weight, 1.0)], [(weight, 1e6)]]).interval()
    assert all(math.isfinite(figure) for figure in (found.value, found.low, found.high))


def test_students_quantile_is_the_tables() -> None:
    for freedom, table in ((3, 3.182), (5, 2.571), (10, 2.228), (30, 2.042)):
        assert estimates._student(estimates.USUAL, freedom) == pytest.approx(table, rel=0.02)


def test_a_share_stays_a_share() -> None:
    for part in (0.0, 1.0, 50.0, 99.0, 100.0):
        found = estimates.share(part, 100.0, 400.0, 900.0)
        assert found is not None
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.low < found.high
    assert estimates.share(0, 0, 0, 0) is None
    certain = estimates.share(3, 100, 0, 0)
    assert certain is not None
    assert certain.margin == 0


def test_a_share_of_which_nothing_was_seen_may_still_be_there() -> None:
    found = estimates.share(0, 2000, 0, 100 * 380)  # 100 traces of weight 20
    assert found is not None
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(3.7 / 100, rel=0.1)


def test_a_sketch_of_the_variance_is_right_on_average() -> None:
    rng = np.random.default_rng(3)
    added = rng.exponential(1, (400, 300))
    found = []
    for values in added:
        slots, signs = rng.integers(0, 64, 300), rng.choice([-1, 1], 300)
        sums = np.bincount(slots, values * signs, 64)
        found.append(estimates.spread_variance(dict(enumerate(sums))) / (values**2).sum())
    assert np.mean(found) == pytest.approx(1, abs=0.03)
    assert np.std(found) < 0.25


@pytest.mark.parametrize("ratio", [0.2, 0.05], ids=["a fifth", "a twentieth"])
@pytest.mark.parametrize("keeping", ["head", "tail"])
def test_estimates_are_unbiased_and_their_intervals_hold_the_truth_95_times_of_100(ratio: float, keeping: str) -> None:
    workload = Workload.drawn(100_000, np.random.default_rng(11))
    rng = np.random.default_rng(12)
    runs = [workload.kept(rng, ratio, keeping) for _ in range(200)]
    for figure, most_bias in (("count", 0.005), ("errors", 0.02), ("cost", 0.015)):
        found = [moments(weights, workload.amounts[figure][where]).interval() for where, weights in runs]
        truth = workload.amounts[figure].sum()
        assert abs(np.mean([each.value for each in found]) / truth - 1) < most_bias, figure
        if found[0].margin:
            assert 0.92 <= covered(found, truth) <= 0.98, figure


def test_the_moments_of_many_traces_are_those_of_each_added_up() -> None:
    weights, amounts = np.array([1.0, 10.0, 20.0]), np.array([3.0, 2.0, 5.0])
    found = moments(weights, amounts)
    one_by_one = of_traces([[(w, x)] for w, x in zip(weights, amounts, strict=True)])
    for name in Moments.__dataclass_fields__:
        assert getattr(found, name) == pytest.approx(getattr(one_by_one, name)), name


def test_a_weight_is_exact_for_every_ratio_that_a_threshold_can_say() -> None:
    from spanledger_server.otlp.tracestate import RANGE, sampling

    for digits in ("8", "c", "fd70a4", "0"):
        threshold, weight = sampling(f"ot=th:{digits}")
        assert threshold is not None
        assert weight == float(1 / Fraction(RANGE - threshold, RANGE))
