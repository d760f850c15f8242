"""How a budget of spans is divided among operations.

Given how often each operation begins a trace and how many spans such a trace has, gives the probability with which each
should be kept: all get the same number of traces a second, and what the rare ones do not use goes to the others, until
the spans of all of them make up the budget (max-min fairness). So a rare operation is kept whole, and a busy one pays.

Never: more than the budget, a clock, or a database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LEAST_PROBABILITY: Final = 2.0**-20  # about one of a million


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What arrives of an operation.

    Attributes:
        traces_per_s: How often it begins a trace, kept or not.
        spans_per_trace: How many spans a kept one brings; at least one.
    """

    traces_per_s: float
    spans_per_trace: float = 1.0


def level(arrivals: Mapping[tuple[str, str], Arrivals], spans_per_s: float) -> float:
    """How many traces a second each operation may keep at most.

    Args:
        arrivals: By service and operation.
        spans_per_s: The budget, above zero.

    Returns:
        Infinite when everything fits into the budget.
    """
    left = spans_per_s
    width = sum(each.spans_per_trace for each in arrivals.values())
    for each in sorted(arrivals.values(), key=lambda each: each.traces_per_s):
        if each.traces_per_s * width > left:
            return left / width
        left -= each.traces_per_s * each.spans_per_trace
        width -= each.spans_per_trace
    return float("inf")


def probabilities(arrivals: Mapping[tuple[str, str], Arrivals], spans_per_s: float) -> dict[tuple[str, str], float]:
    """The probability with which each operation's traces should be kept."""
    most = level(arrivals, spans_per_s)
    return {
        key: 1.0 if each.traces_per_s <= most else max(LEAST_PROBABILITY, most / each.traces_per_s)
        for key, each in arrivals.items()
    }
