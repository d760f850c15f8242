"""Rules that may be worth having, or having otherwise, each with what replaying the last week says of it.

Given the rules in use, how often each fired and was useful, and the metrics that were sent, gives candidates: limits
that tell too often, rules that are off, metrics that nobody watches; of each replay, whether it is worth offering.

Never: a candidate that nothing is known of, offered as a good one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final, Literal, get_args

from spanledger_server.rules.backtest import Replay
from spanledger_server.rules.metrics import METRICS
from spanledger_server.rules.rule import Rule
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS

Kind = Literal["limit", "on", "new"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Left = Literal["noisy", "unknown"]

MOST: Final = 12  # that are tried
JUDGED_NS: Final = 30 * DAY_NS  # how far back alerts are counted
REPLAYED_NS: Final = 7 * DAY_NS
NOISY: Final = 5  # alerts in 30 days, of which no more than half were useful
DAILY: Final = 7  # alerts of the week that is replayed
LONG_NS: Final = 480 * MINUTE_NS  # of that week
ENOUGH_NS: Final = HOUR_NS  # for which it could be judged
QUICK: Final = ("threshold", "ratio", "change", "anomaly", "absence")  # whose past is read from rollups in a moment
AWAY: Final = tuple(map(Decimal, ("1.25", "1.5", "2", "3", "5")))
_TWO_DIGITS: Final = Context(prec=2, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is tried.

    Attributes:
        kind: ``limit``: another threshold; ``on``: a rule that is off; ``new``: one that is not there.
        title: The rule's name.
        why: Why it is tried, a sentence.
        rule: The rule that is there; None of a new one.
        body: What would make the new one; None of one that is there.
        unit: Of a new one's metric.
        thresholds: To compare with.
    """

    kind: Kind
    title: str
    why: str
    rule: Rule | None = None
    body: Mapping[str, Any] | None = None
    unit: str | None = None
    thresholds: tuple[Decimal, ...] = ()

    @property
    def place(self) -> tuple[int, str]:
        """Among those that are tried, one after another."""
        return KINDS.index(self.kind), self.title


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate and its past.

    Attributes:
        one: Which.
        replays: With its own limit, and with each further one; empty where it cannot be replayed.
    """

    one: Candidate
    replays: Sequence[Replay]

    @property
    def rank(self) -> int | Left:
        """Its place among those that are worth offering, the lower the better; why it is not where it is none."""
        if not self.replays:
            return "unknown"
        found = self.replays[0]
        firing_ns = sum(map(found.lasted_ns, found.episodes))
        loud = len(found.episodes) > DAILY or firing_ns > LONG_NS
        if self.one.kind == "limit" and self.calmer is not None:
            return 0
        known_ns = (1 - (1 if found.unknown_share is None else found.unknown_share)) * found.window.length_ns
        if loud or self.one.kind == "limit" or known_ns < ENOUGH_NS:
            return "noisy" if loud else "unknown"
        return 1 if found.episodes else 2

    @property
    def calmer(self) -> Replay | None:
        """Of further limits the first at which it would have fired once a week at most, and less often than it does."""
        now, *others = (len(each.episodes) for each in self.replays)
        found = (each for each, fired in zip(self.replays[1:], others, strict=True) if fired <= 1 and fired < now)
        return next(found, None)


def candidates(
    rules: Sequence[Rule], precision: Sequence[Mapping[str, Any]], sent: Mapping[str, str | None]
) -> list[Candidate]:
    """What is worth trying, at most `MOST`, by place.

    Args:
        rules: Those in use.
        precision: Of each rule that fired within `JUDGED_NS`: `rule_id`, `fired`, `judged`, `useful`, `precision`.
        sent: Metrics that were sent -> their unit.
    """
    told = {str(row["rule_id"]): row for row in precision}
    fired = [(rule, told[str(rule.rule_id)]) for rule in rules if rule.enabled and str(rule.rule_id) in told]
    noisy = [_calmed(rule, row) for rule, row in fired if _is_noisy(row) and further_limits(rule)]
    off = [_switched_on(rule) for rule in rules if not rule.enabled and rule.kind in QUICK]
    watched = {name for rule in rules if rule.enabled for name in (rule.metric, rule.divided_by)}
    unwatched = [name for name in sent if name not in METRICS and name not in watched]
    found = [*noisy, *off, *(_made(name, sent[name]) for name in unwatched)]
    return sorted(found, key=lambda one: one.place)[:MOST]


def further_limits(rule: Rule) -> tuple[Decimal, ...]:
    """Limits that are further away than a rule's own, at most five."""
    now = rule.threshold
    if rule.kind != "threshold" or rule.operator not in (">", ">=", "<", "<=") or now is None or now <= 0:
        return ()
    away = _TWO_DIGITS.multiply if rule.operator in (">", ">=") else _TWO_DIGITS.divide
    each = dict.fromkeys(away(now, by) for by in AWAY)
    return tuple(limit for limit in each if limit != now and (rule.unit != "1" or limit < 1))


def _is_noisy(row: Mapping[str, Any]) -> bool:
    return bool(row["fired"] >= NOISY and (row["precision"] is None or row["precision"] <= Decimal("0.5")))


def _calmed(rule: Rule, row: Mapping[str, Any]) -> Candidate:
    alerts = "1 alert" if row["judged"] == 1 else f"{row['judged']} alerts"
    judged = f"{row['useful']} of {alerts} that somebody judged had to be known"
    said = judged if row["judged"] else "nobody has said that any was useful"
    why = f"It fired {row['fired']} times in 30 days; {said}."
    return Candidate("limit", rule.name, why, rule, thresholds=further_limits(rule))


def _switched_on(rule: Rule) -> Candidate:
    return Candidate("on", rule.name, rule.annotations.get("description") or "It is there, and off.", rule)


def _made(metric: str, unit: str | None) -> Candidate:
    name = f"Unusual {metric}"[:200]
    body = {"name": name, "kind": "anomaly", "metric": metric, "threshold": 4, "direction": "both"}
    return Candidate("new", name, "It is sent, and no rule watches it.", body=body | {"severity": "warning"}, unit=unit)
