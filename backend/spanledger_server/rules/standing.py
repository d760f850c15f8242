"""Rules on what others work out: how much of budgets is spent, where they go, and how fast error budgets burn.

Given a snapshot and the time, gives a verdict for each budget or objective that a rule is about. Budgets are read
once a minute, projections every five, objectives every thirty seconds, a few at each tick.

Never: a projection from less than a day of history, or "well" where nobody can know.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from spanledger_server.budgets import budget as budgets
from spanledger_server.budgets import record
from spanledger_server.budgets import status as of_budget
from spanledger_server.budgets.budget import Budget
from spanledger_server.rules.held import Held
from spanledger_server.rules.measured import judged
from spanledger_server.rules.rule import Rule
from spanledger_server.rules.verdict import Verdict
from spanledger_server.slos import register
from spanledger_server.slos import status as of_slo
from spanledger_server.slos.register import Kept
from spanledger_server.slos.status import Condition, Status
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader
from spanledger_server.timegrid import MINUTE_NS

SQL = sqlfile.load(__package__)

Spent = tuple[Decimal | None, int]  # percent of the limit, calls
Ahead = tuple[float | None, str | None]  # probability to pass the limit, why it is not known
TOO_YOUNG: Final = "there is less than a day of history to go by"
SAID: Final = {
    "low_coverage": "too much of the window is missing",
    "no_events": "no events to judge by",
    "few_events": "too few events to prove it",
}


class Standings:
    """Reads budgets and objectives for rules, and holds what it read."""

    def __init__(self, zone: str) -> None:
        """Nothing is read yet.

        Args:
            zone: IANA zone of budgets that name none.
        """
        self._zone = zone
        self._known: tuple[int, Sequence[Budget]] = (-1, ())
        self._spent: Held[Spent] = Held(MINUTE_NS, 50)
        self._ahead: Held[Ahead] = Held(5 * MINUTE_NS, 5)
        self._slos: Held[list[tuple[Kept, Status]]] = Held(MINUTE_NS // 2, 1)

    def turn(self, now_ns: int) -> None:
        """A tick begins."""
        for held in (self._spent, self._ahead, self._slos):
            held.turn(now_ns)

    def verdicts(self, reader: Reader, rule: Rule, now_ns: int) -> list[Verdict]:
        """What a rule of the kind budget, forecast or burn_rate says."""
        if rule.kind == "burn_rate":
            return self._burning(reader, rule, now_ns)
        judge = self._on_spending if rule.kind == "budget" else self._on_forecast
        return [judge(reader, rule, each, now_ns) for each in _of_rule(rule, self._budgets(reader))]

    def _budgets(self, reader: Reader) -> Sequence[Budget]:
        """All budgets; read again when any has changed."""
        versions = reader.once("rules.budgets", lambda: int(reader.value(SQL["budget_versions"])))
        if versions != self._known[0]:
            self._known = versions, record.listed(reader)
        return self._known[1]

    def _on_spending(self, reader: Reader, rule: Rule, budget: Budget, now_ns: int) -> Verdict:
        found = self._spent.get(
            (budget.budget_id, budget.version), now_ns, lambda: spent(reader, budget, now_ns, self._zone)
        )
        if found is None:
            return judged(rule, of(rule, budget), None, None, "it is not its turn yet")
        percent, calls = found
        return judged(rule, of(rule, budget), percent, calls, "no price is known of what was spent")

    def _on_forecast(self, reader: Reader, rule: Rule, budget: Budget, now_ns: int) -> Verdict:
        share = share_feared(rule, budget)
        found = self._ahead.get(
            (budget.budget_id, budget.version, share), now_ns, lambda: _ahead(reader, budget, now_ns, self._zone, share)
        )
        probability, reason = found or (None, "it is not its turn yet")
        return judged(rule, of(rule, budget), probability, None, reason)

    def _burning(self, reader: Reader, rule: Rule, now_ns: int) -> list[Verdict]:
        found = self._slos.get("all", now_ns, lambda: _objectives(reader, now_ns)) or []
        mine = [
            (kept, stands)
            for kept, stands in found
            if rule.slo is None or rule.slo in (kept.slo_id, kept.objective.name)
        ]
        if rule.slo is not None and not mine:
            return [missing(rule)]
        return [burning(rule, kept, stands.conditions, stands.period.counts.total) for kept, stands in mine]


def spent(reader: Reader, budget: Budget, now_ns: int, zone: str) -> Spent:
    """How much of a budget's limit is spent, in percent, and by how many calls."""
    found = of_budget.spent(reader, budget, budget.window(now_ns, zone), now_ns)
    limit = budget.limit_usd + of_budget.carried_over(reader, budget, now_ns, zone)
    return budgets.percentage(found.cost, limit), found.calls


def of(rule: Rule, budget: Budget) -> dict[str, str]:
    """The labels of a budget: its name, and whom it is for."""
    return {**rule.labels, "budget": budget.name, **{name: str(value) for name, value in budget.scope.items()}}


def chosen(reader: Reader, rule: Rule) -> Sequence[Budget]:
    """The budgets that a rule is about."""
    return _of_rule(rule, record.listed(reader))


def _of_rule(rule: Rule, known: Sequence[Budget]) -> Sequence[Budget]:
    return [each for each in known if each.watched and _is_about(rule, each)]


def _is_about(rule: Rule, budget: Budget) -> bool:
    """Whether a rule is about a budget. A default on each is where that budget asks for its threshold."""
    if rule.budget is not None:
        return rule.budget in (budget.budget_id, budget.name)
    if rule.pack is None:
        return True
    return budget.asks_for(rule.threshold) if rule.kind == "budget" else budget.forecast_percent is not None


def share_feared(rule: Rule, budget: Budget) -> Decimal:
    """The share of a budget's limit, in percent, whose chance to be passed a rule on forecasts is about."""
    asked = None if rule.pack is None or rule.budget is not None else budget.forecast_percent
    return budgets.WHOLE if asked is None else asked


def _ahead(reader: Reader, budget: Budget, now_ns: int, zone: str, share: Decimal) -> Ahead:
    projection = of_budget.standing(reader, budget, now_ns, zone, share=share).projection
    if projection is None or not projection.certain:
        return None, TOO_YOUNG
    return projection.outlook.over, "nothing is known of what was spent"


def _objectives(reader: Reader, now_ns: int) -> list[tuple[Kept, Status]]:
    kept = register.listed(reader)
    found = of_slo.of_all(reader, [one.objective for one in kept], now_ns)
    return list(zip(kept, found, strict=True))


def missing(rule: Rule) -> Verdict:
    """What a rule says whose objective is gone."""
    return Verdict(dict(rule.labels), "error", reason=f"there is no objective {rule.slo!r}")


def burning(rule: Rule, kept: Kept, found: Sequence[Condition], events: float | None) -> Verdict:
    """What a rule says of an objective, by what its pairs of windows say."""
    named = {**rule.labels, "slo": kept.objective.name, "service": kept.objective.service}
    conditions = [each for each in found if rule.burn in ("any", each.policy.severity)]
    if not conditions:
        return Verdict(named, "error", reason=f"the objective has no pair of windows for {rule.burn}")
    holding = [each for each in conditions if each.verdict.holds]
    unknown = [each for each in conditions if each.verdict.holds is None]
    worst = max(holding or unknown or conditions, key=_urgency)
    outcome: Any = "true" if holding else "no_data" if unknown else "false"
    reason = SAID.get(worst.verdict.reason, worst.verdict.reason) if outcome != "true" else None
    return Verdict(named, outcome, outcome == "false", worst.verdict.long_rate, worst.threshold, events, reason)


def _urgency(condition: Condition) -> float:
    """How many times its threshold a pair burns."""
    rate = condition.verdict.long_rate
    return -1.0 if rate is None else rate / condition.threshold if condition.threshold else 0.0
