"""What an alert on an objective says beside how fast it burns: the windows, the events, the budget that is left.

Given a snapshot, a rule of the kind burn_rate and the labels of its alert, gives names and values for people.

Never: a figure of another objective than the one that burns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from spanledger_server.errors import NotFound
from spanledger_server.notify import text_values
from spanledger_server.rules import measured
from spanledger_server.rules.rule import Rule
from spanledger_server.slos import register, status
from spanledger_server.slos.status import Condition, Status
from spanledger_server.store.database import Reader

TIMES: Final = 2.0  # from here on a share says less than how often
Fact = tuple[str, str]


def facts(reader: Reader, rule: Rule, labels: Mapping[str, str], now_ns: int) -> list[Fact]:
    """Names and values; none where the objective is gone.

    Args:
        reader: One snapshot.
        rule: Of the kind burn_rate.
        labels: Of the alert; `slo` is the name of its objective.
        now_ns: The time.
    """
    try:
        objective = register.one(reader, labels.get("slo", "")).objective
    except NotFound:
        return []
    found = status.of(reader, objective, now_ns)
    promised = f"{_share(float(objective.target))} over {measured.spoken(objective.window.length_ns(now_ns))}"
    return [*_windows(rule, found), ("Objective", promised), *_spent(found)]


def _windows(rule: Rule, found: Status) -> list[Fact]:
    """The pair that burns most beyond its threshold: how fast in the long window, and is it going on."""
    mine = [each for each in found.conditions if each.verdict.holds and rule.burn in ("any", each.policy.severity)]
    if not mine:
        return []
    worst = max(mine, key=_beyond)
    rates = (worst.verdict.long_rate, worst.verdict.short_rate)
    lengths = (worst.policy.long_ns, worst.policy.short_ns)
    told = [
        f"{text_values.amount(rate, 'x')} over {measured.spoken(length_ns)}"
        for rate, length_ns in zip(rates, lengths, strict=True)
    ]
    return [("Windows", ", ".join(told))]


def _beyond(condition: Condition) -> float:
    return (condition.verdict.long_rate or 0.0) / condition.threshold if condition.threshold else 0.0


def _spent(found: Status) -> list[Fact]:
    counts, budget = found.period.counts, found.budget
    events = [("Bad events", f"{counts.bad:,.0f} of {counts.total:,.0f}")] if counts.total > 0 else []
    if budget is None or budget.remaining_ratio is None:
        return events
    spent = 1 - budget.remaining_ratio
    if spent >= TIMES:
        told = f"spent {text_values.amount(spent, None)} times over"
    else:
        told = f"{_share(spent)} spent, " + (f"{_share(budget.remaining_ratio)} left" if spent < 1 else "nothing left")
    return [*events, ("Error budget", told)]


def _share(share: float) -> str:
    return text_values.amount(share, "1")
