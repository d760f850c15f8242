"""Burn rates and error budgets: pure arithmetic on counts of events, after the SRE workbook's chapter 5.

A burn rate is the error ratio divided by the ratio that the target allows: at 1 the budget of a period is spent exactly
at its end. A condition looks at a long window and a short one and holds when both burn faster than its threshold,
which follows from the share of the budget that may be spent within the long window. Few events prove little: both
windows must also rule out, at 5 %, that the true error ratio is no higher than the threshold's (exact binomial test).

Never: a mean of ratios, or a verdict about a window in which nothing was seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final, Literal

from spanledger_server.errors import Invalid
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS

Severity = Literal["page", "ticket"]
SIGNIFICANCE: Final = 0.05
FEWEST_BAD: Final = 2  # one failed request alone wakes nobody
USUAL_PERIOD_NS: Final = 28 * DAY_NS
REMEMBERED: Final = 4096  # pairs of windows with a target and a period: what follows from them is worked out once


@dataclass(frozen=True, slots=True)
class Counts:
    """Events of a window.

    Attributes:
        good: How many were good; estimated where spans were sampled.
        total: How many there were.
        seen: How many of them were really seen: less than `total` where spans were sampled.
        uncounted: Spans seen beside them that do not say how many they stand for.
        plain_good: Good ones among all that were seen, each standing for itself.
    """

    good: float = 0.0
    total: float = 0.0
    seen: float = 0.0
    uncounted: float = 0.0
    plain_good: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        """Of both windows together."""
        return Counts(
            self.good + other.good,
            self.total + other.total,
            self.seen + other.seen,
            self.uncounted + other.uncounted,
            self.plain_good + other.plain_good,
        )

    @property
    def as_sent(self) -> Counts:
        """Each span standing for itself: what is left to do where none says what it stands for."""
        spans = self.seen + self.uncounted
        return Counts(self.plain_good, spans, spans)

    @property
    def bad(self) -> float:
        """How many were not good."""
        return self.total - self.good

    @property
    def good_ratio(self) -> float | None:
        """The indicator; None when there were no events."""
        return self.good / self.total if self.total > 0 else None

    @property
    def error_ratio(self) -> float | None:
        """The share that was not good; None when there were no events."""
        return self.bad / self.total if self.total > 0 else None


def allowed(target: Fraction) -> Fraction:
    """The error ratio that a target between 0 and 1 allows."""
    return 1 - target


def allowed_ratio(target: Fraction) -> float:
    """The same as the nearest number of the machine, without the detour over a fraction."""
    return (target.denominator - target.numerator) / target.denominator


def burn_rate(counts: Counts, target: Fraction) -> float | None:
    """How many times as fast as allowed the budget is spent; None when there were no events."""
    ratio = counts.error_ratio
    return None if ratio is None else ratio / allowed_ratio(target)


def highest_burn_rate(target: Fraction) -> Fraction:
    """The burn rate when every event fails."""
    return 1 / allowed(target)


@dataclass(frozen=True, slots=True)
class Policy:
    """When to tell somebody.

    Attributes:
        severity: Whether to wake somebody.
        budget_share: What of the period's budget may be spent within the long window.
        long_ns: The window that proves that it matters.
        short_ns: The window that proves that it goes on.
    """

    severity: Severity
    budget_share: Fraction
    long_ns: int
    short_ns: int

    def threshold(self, period_ns: int) -> Fraction:
        """The burn rate above which both windows must be."""
        return self.budget_share * period_ns / self.long_ns


WORKBOOK: Final = (
    Policy("page", Fraction(2, 100), HOUR_NS, 5 * MINUTE_NS),
    Policy("page", Fraction(5, 100), 6 * HOUR_NS, 30 * MINUTE_NS),
    Policy("ticket", Fraction(10, 100), DAY_NS, 2 * HOUR_NS),
    Policy("ticket", Fraction(10, 100), 3 * DAY_NS, 6 * HOUR_NS),
)


@lru_cache(maxsize=REMEMBERED)
def usual_policies(period_ns: int) -> tuple[Policy, ...]:
    """The workbook's pairs; for periods below four weeks with the burn rates that they have there.

    A pair whose long window is more than half the period is left out.
    """
    stretched = Fraction(max(USUAL_PERIOD_NS, period_ns), period_ns) if period_ns < USUAL_PERIOD_NS else Fraction(1)
    return tuple(
        Policy(policy.severity, policy.budget_share * stretched, policy.long_ns, policy.short_ns)
        for policy in WORKBOOK
        if 2 * policy.long_ns <= period_ns
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """What a pair asks for, of one target and period.

    Attributes:
        threshold: The burn rate above which it holds.
        ratio: The error ratio that this means.
        unreachable: Why it can never hold; None when it can.
    """

    threshold: float
    ratio: float
    unreachable: str | None


@lru_cache(maxsize=REMEMBERED)
def limits(policy: Policy, target: Fraction, period_ns: int) -> Limits:
    """What a pair asks for."""
    threshold, highest = policy.threshold(period_ns), highest_burn_rate(target)
    never = None
    if threshold >= highest:
        never = (
            f"it asks for a burn rate above {float(threshold):.4g}, and {float(highest):.4g} is the highest that a "
            f"target of {float(target) * 100:g} % has, with every event failing"
        )
    return Limits(float(threshold), float(threshold * allowed(target)), never)


def check_policy(policy: Policy, period_ns: int, place: str) -> None:
    """Refuse a pair that makes no sense for the period.

    Raises:
        Invalid: Naming `place`.
    """
    if not 0 < policy.budget_share <= 1:
        raise Invalid(f"{place}.budget_percent", float(policy.budget_share * 100), "above 0, at most 100")
    if not 0 < policy.short_ns < policy.long_ns:
        raise Invalid(f"{place}.short", policy.short_ns, "a window shorter than the long one")
    if policy.long_ns > period_ns:
        raise Invalid(f"{place}.long", policy.long_ns, "a window no longer than the objective's own")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a pair says.

    Attributes:
        holds: Whether it holds; None when nobody can know.
        reason: Why, in a word: burning, slow, few_events, no_events, low_coverage, unreachable.
        long_rate: The long window's burn rate.
        short_rate: The short window's.
    """

    holds: bool | None
    reason: str
    long_rate: float | None
    short_rate: float | None


def judge(
    policy: Policy,
    target: Fraction,
    period_ns: int,
    windows: Mapping[int, Counts],
    covered: Mapping[int, bool],
) -> Verdict:
    """Whether a pair holds.

    Args:
        policy: The pair.
        target: Between 0 and 1.
        period_ns: The objective's own window.
        windows: Length in nanoseconds -> counts, with both windows of the pair.
        covered: Length -> whether enough of the window was seen to judge by it.
    """
    long_window, short_window = windows[policy.long_ns], windows[policy.short_ns]
    rates = burn_rate(long_window, target), burn_rate(short_window, target)
    asked = limits(policy, target, period_ns)
    if asked.unreachable:
        return Verdict(False, "unreachable", *rates)
    if not (covered[policy.long_ns] and covered[policy.short_ns]):
        return Verdict(None, "low_coverage", *rates)
    if rates[0] is None or (rates[1] is None and rates[0] > asked.threshold):
        return Verdict(None, "no_events", *rates)  # whether it goes on nobody can know
    if rates[1] is None or min(rates[0], rates[1]) <= asked.threshold:
        return Verdict(False, "slow", *rates)
    proved = all(proves_more_than(asked.ratio, window) for window in (long_window, short_window))
    return Verdict(proved, "burning" if proved else "few_events", *rates)


def proves_more_than(ratio: float, counts: Counts) -> bool:
    """Whether the bad events rule out, at 5 %, that the true error ratio is at most `ratio` (and are two or more)."""
    events, bad = _seen(counts)
    return bad >= FEWEST_BAD and binomial_tail(bad, events, ratio) < SIGNIFICANCE


def _seen(counts: Counts) -> tuple[int, int]:
    """Events and bad ones as if all seen weighed the same: sampling makes a window prove less."""
    if counts.total <= 0:
        return 0, 0
    events = min(counts.seen, counts.total)
    return round(events), math.floor(events * counts.bad / counts.total + 1e-9)


def binomial_tail(least: int, events: int, ratio: float) -> float:
    """The probability of `least` or more out of `events`, each with probability `ratio`."""
    if least <= 0:
        return 1.0
    if least > events or ratio <= 0:
        return 0.0
    if ratio >= 1:
        return 1.0
    if least <= events * ratio:  # at or below the mean: more than a third, which is all that anybody asks
        return 1.0
    term = math.exp(
        math.lgamma(events + 1)
        - math.lgamma(least + 1)
        - math.lgamma(events - least + 1)
        + least * math.log(ratio)
        + (events - least) * math.log1p(-ratio)
    )
    total, odds = 0.0, ratio / (1 - ratio)
    for bad in range(least, events + 1):
        total += term
        term *= (events - bad) / (bad + 1) * odds
        if term <= total * 1e-12:  # also where the first term is too small for a number at all
            break
    return min(1.0, total)


@dataclass(frozen=True, slots=True)
class Budget:
    """An error budget, in events of the period so far.

    Attributes:
        total: How many events may be bad.
        consumed: How many were.
        seconds_left: When it is spent, if events go on failing as they do lately; None when they don't, 0 when it is.
    """

    total: float
    consumed: float
    seconds_left: float | None

    @property
    def remaining(self) -> float:
        """What is left; below zero when more was spent than there was."""
        return self.total - self.consumed

    @property
    def remaining_ratio(self) -> float | None:
        """The share that is left, with its sign; None without events."""
        return self.remaining / self.total if self.total > 0 else None


def budget(period: Counts, lately: Counts, lately_s: float, target: Fraction) -> Budget:
    """The budget of a period.

    Args:
        period: Its events.
        lately: The events of the last stretch.
        lately_s: The length of that stretch in seconds.
        target: Between 0 and 1.
    """
    total = period.total * allowed_ratio(target)
    per_second = lately.bad / lately_s if lately_s > 0 else 0.0
    left: float | None = None
    if period.bad >= total and period.bad > 0:
        left = 0.0
    elif per_second > 0:
        left = (total - period.bad) / per_second
    return Budget(total, period.bad, left)


def windows_of(policies: Sequence[Policy]) -> list[int]:
    """The lengths of all windows that these pairs look at, shortest first."""
    return sorted({length for policy in policies for length in (policy.long_ns, policy.short_ns)})
