"""Burn rates against the SRE workbook's figures, and the statistical gate against another implementation."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from spanledger_server.errors import Invalid
from spanledger_server.slos import burn
from spanledger_server.slos.burn import WORKBOOK, Counts, Policy
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS
from tests.support.thorough import PATIENT

THREE_NINES = Fraction("0.999")
MONTH = 30 * DAY_NS
PAGE = WORKBOOK[0]


@pytest.mark.parametrize(
    ("days", "rates"),
    [
        (30, [14.4, 6, 3, 1]),
        (28, [13.44, 5.6, 2.8, 0.9333]),
        (90, [43.2, 18, 9, 3]),
        (7, [13.44, 5.6, 2.8, 0.9333]),
    ],
)
def test_thresholds_are_the_workbooks_and_follow_from_the_period(days: int, rates: list[float]):
    period_ns = days * DAY_NS
    thresholds = [float(policy.threshold(period_ns)) for policy in burn.usual_policies(period_ns)]
    assert thresholds == pytest.approx(rates, rel=1e-4)


def test_pairs_longer_than_half_the_period_are_left_out():
    assert [policy.long_ns for policy in burn.usual_policies(DAY_NS)] == [HOUR_NS, 6 * HOUR_NS]
    assert burn.usual_policies(HOUR_NS) == ()


@pytest.mark.parametrize(("target", "dead"), [("0.9", True), ("0.93", True), ("0.931", False), ("0.999", False)])
def test_a_pair_that_can_never_hold_is_named(target: str, dead: bool):
    """The workbook: at 90 % the first pair could never fire; 14.4 is out of reach below 93.06 %."""
    reason = burn.limits(PAGE, Fraction(target), MONTH).unreachable
    assert (reason is not None) == dead
    if dead:
        assert "14.4" in str(reason)


def test_the_budget_of_the_workbooks_example():
    """99.9 % of 1,000,000 requests: 1,000 may fail; after 250 failures three quarters are left."""
    budget = burn.budget(Counts(999_750, 1_000_000, 1_000_000), Counts(3_590, 3_600, 3_600), 3600, THREE_NINES)
    assert budget.total == pytest.approx(1000)
    assert budget.remaining == pytest.approx(750)
    assert budget.remaining_ratio == pytest.approx(0.75)
    assert budget.seconds_left == pytest.approx(750 / 10 * 3600)


def test_an_overspent_budget_is_negative_and_has_no_time_left():
    budget = burn.budget(Counts(980, 1000, 1000), Counts(10, 10, 10), 3600, Fraction("0.99"))
    assert budget.remaining == pytest.approx(-10)
    assert budget.remaining_ratio == pytest.approx(-1)
    assert budget.seconds_left == 0


def test_nothing_is_said_of_nothing():
    nothing = Counts()
    budget = burn.budget(nothing, nothing, 3600, THREE_NINES)
    assert burn.burn_rate(nothing, THREE_NINES) is None
    assert budget.remaining_ratio is None
    assert budget.seconds_left is None


def judged(long: Counts, short: Counts, *, covered: bool = True, target: Fraction = THREE_NINES) -> burn.Verdict:
    windows = {PAGE.long_ns: long, PAGE.short_ns: short}
    return burn.judge(PAGE, target, MONTH, windows, dict.fromkeys(windows, covered))


def of(bad: int, total: int) -> Counts:
    return Counts(total - bad, total, total)


def test_a_pair_holds_when_both_windows_burn():
    assert judged(of(300, 10_000), of(30, 1000)).holds is True
    assert judged(of(300, 10_000), of(0, 1000)) == burn.Verdict(False, "slow", pytest.approx(30), 0)
    assert judged(of(0, 10_000), of(30, 1000)).holds is False


def test_one_failure_in_ten_requests_pages_nobody_though_it_burns_a_hundredfold():
    verdict = judged(of(1, 10), of(1, 1))
    assert (verdict.holds, verdict.reason) == (False, "few_events")
    assert verdict.long_rate == pytest.approx(100)


def test_a_total_outage_of_a_quiet_service_pages():
    assert judged(of(10, 10), of(3, 3)).holds is True


def test_without_events_or_coverage_nobody_can_know():
    assert judged(Counts(), Counts()) == burn.Verdict(None, "no_events", None, None)
    assert judged(of(300, 10_000), Counts()).holds is None  # it burned, and whether it still does nobody can know
    assert judged(of(1, 10_000), Counts()).holds is False
    assert judged(of(300, 10_000), of(30, 1000), covered=False).holds is None


def test_sampled_events_prove_less_than_seen_ones():
    seen, sampled = Counts(9_800, 10_000, 10_000), Counts(9_800, 10_000, 100)
    assert burn.proves_more_than(0.0144, seen)
    assert not burn.proves_more_than(0.0144, sampled)


@PATIENT
@given(
    events=st.integers(1, 5000),
    share=st.floats(0, 1),
    ratio=st.floats(1e-6, 0.999, allow_nan=False),
)
def test_the_gate_agrees_with_the_lower_bound_of_clopper_and_pearson(events: int, share: float, ratio: float):
    bad = round(events * share)
    bound = stats.beta.ppf(burn.SIGNIFICANCE, bad, events - bad + 1) if bad else 0.0
    if abs(bound - ratio) > 1e-9:
        assert burn.proves_more_than(ratio, of(bad, events)) == (bad >= burn.FEWEST_BAD and bound > ratio)


@PATIENT
@given(
    target=st.fractions(Fraction("0.9"), Fraction("0.99999")),
    days=st.sampled_from([7, 28, 30, 31, 90]),
    events=st.integers(1, 10**7),
    bad_share=st.floats(0, 1),
)
def test_burning_at_one_for_the_whole_period_spends_the_budget_exactly(
    target: Fraction, days: int, events: int, bad_share: float
):
    counts = of(round(events * bad_share), events)
    rate = burn.burn_rate(counts, target)
    budget = burn.budget(counts, counts, days * 86_400, target)
    assert rate is not None
    assert budget.consumed / budget.total == pytest.approx(rate)
    assert (rate > 1) == (budget.remaining < 0) or rate == pytest.approx(1)


@pytest.mark.parametrize(
    ("policy", "member"),
    [
        (Policy("page", Fraction(0), HOUR_NS, MINUTE_NS), "budget_percent"),
        (Policy("page", Fraction(2), HOUR_NS, MINUTE_NS), "budget_percent"),
        (Policy("page", Fraction(1, 50), HOUR_NS, HOUR_NS), "short"),
        (Policy("page", Fraction(1, 50), 2 * MONTH, HOUR_NS), "long"),
    ],
)
def test_pairs_that_make_no_sense_are_refused(policy: Policy, member: str):
    with pytest.raises(Invalid) as refused:
        burn.check_policy(policy, MONTH, "alerting[0]")
    assert refused.value.parameter == f"alerting[0].{member}"
