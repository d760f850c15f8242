"""Objectives as metrics for Prometheus.

Never: a figure where nobody knows: the sample is left out, and the state says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from spanledger_server.api.exposition import Sample
from spanledger_server.slos.status import Condition
from spanledger_server.slos.watch import Standing

STATES: Final = ("ok", "breach", "unknown")
SECOND_NS: Final = 10**9


def samples(standing: Sequence[Standing]) -> Iterator[Sample]:
    """All of them, one metric after another, as the exposition wants it."""
    yield from (
        Sample(
            "spanledger_slo_state",
            "gauge",
            "1 for the state that an objective is in.",
            int(each.status.state == state),
            (*_labels(each), ("state", state)),
        )
        for each in standing
        for state in STATES
    )
    yield from (
        Sample("spanledger_slo_objective_ratio", "gauge", "What should be good.", _target(each), _labels(each))
        for each in standing
    )
    yield from (
        Sample("spanledger_slo_good_ratio", "gauge", "What was, in its window.", good, _labels(each))
        for each in standing
        if (good := each.status.period.counts.good_ratio) is not None
    )
    yield from (
        Sample(
            "spanledger_slo_error_budget_remaining_ratio",
            "gauge",
            "The share of the error budget that is left; below 0 when more was spent than there was.",
            left,
            _labels(each),
        )
        for each in standing
        if each.status.budget is not None and (left := each.status.budget.remaining_ratio) is not None
    )
    yield from _burning(standing)


def _burning(standing: Sequence[Standing]) -> Iterator[Sample]:
    """How fast budgets are spent, and which pairs of windows hold."""
    yield from (
        Sample(
            "spanledger_slo_burn_rate",
            "gauge",
            "How many times as fast as allowed the error budget is spent, by window.",
            reading.burn_rate,
            (*_labels(each), ("window", f"{reading.window.length_ns // SECOND_NS}s")),
        )
        for each in standing
        for reading in each.status.readings
        if reading.burn_rate is not None
    )
    yield from (
        Sample(
            "spanledger_slo_pair_firing",
            "gauge",
            "Whether a pair of windows holds: both burn faster than its threshold, and the events prove it.",
            int(pair.verdict.holds),
            (*_labels(each), *_pair(pair)),
        )
        for each in standing
        for pair in each.status.conditions
        if pair.verdict.holds is not None and pair.unreachable is None
    )


def _pair(pair: Condition) -> tuple[tuple[str, str], ...]:
    lengths = pair.policy.long_ns // SECOND_NS, pair.policy.short_ns // SECOND_NS
    return (("severity", pair.policy.severity), ("long", f"{lengths[0]}s"), ("short", f"{lengths[1]}s"))


def _labels(each: Standing) -> tuple[tuple[str, str], ...]:
    return (("slo", each.kept.objective.name), ("service", each.kept.objective.service))


def _target(each: Standing) -> float:
    return float(each.kept.objective.target)
