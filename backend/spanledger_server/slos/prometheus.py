"""Rule files for those who alert in Prometheus: recording rules and alerts over our own `spanledger_slo_*` metrics.

Given objectives, gives the text of one rule file. For each pair of windows it records the burn rate that both of them
reach, and alerts while that is above the pair's threshold and the events prove it (`spanledger_slo_pair_firing`, which
is left out where nobody can know). That nobody can know for as long as a total outage would take to be noticed is an
alert of its own, as is a budget that is spent, and that nothing is scraped.

Never: an alert that can not fire: pairs that the target makes impossible stand in a comment with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import yaml

from spanledger_server.slos import burn
from spanledger_server.slos.burn import Policy
from spanledger_server.slos.objective import Objective
from spanledger_server.timegrid import SECOND_NS

RATE: Final = "spanledger_slo_burn_rate"
PAIR: Final = "spanledger:slo_burn_rate:pair"
FIRING: Final = "spanledger_slo_pair_firing"
LEFT: Final = "spanledger_slo_error_budget_remaining_ratio"
SPENT: Final = "spanledger:slo_error_budget_spent:ratio"
STATE: Final = "spanledger_slo_state"
ABSENT_FOR: Final = "10m"
SHORTEST_FOR_S: Final = 300
UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def rules(objectives: Sequence[Objective], now_ns: int) -> str:
    """The rule file.

    Args:
        objectives: Which.
        now_ns: The time, which says how long a calendar window is.
    """
    notes = [note for each in objectives for note in _notes(each, now_ns)]
    head = "# Made by `spanledger slo rules`, over the metrics that /metrics of spanledger serves.\n"
    text = yaml.safe_dump(
        {"groups": [_group(each, now_ns) for each in objectives]}, sort_keys=False, allow_unicode=True, width=10_000
    )
    return head + "".join(f"# {note}\n" for note in notes) + text


def _notes(objective: Objective, now_ns: int) -> Iterator[str]:
    for policy in objective.pairs(now_ns):
        reason = burn.limits(policy, objective.target, objective.window.length_ns(now_ns)).unreachable
        if reason is not None:
            yield f"{objective.name}: no alert for {policy.severity} {_pair(policy)}: {reason}"


def _group(objective: Objective, now_ns: int) -> dict[str, Any]:
    period_ns = objective.window.length_ns(now_ns)
    policies = [
        each for each in objective.pairs(now_ns) if burn.limits(each, objective.target, period_ns).unreachable is None
    ]
    of = f'slo="{objective.name}"'
    return {
        "name": f"spanledger-slo-{objective.name}",
        "rules": [
            {"record": SPENT, "expr": f"1 - {LEFT}{{{of}}}", "labels": {"slo": objective.name}},
            *(_recorded(objective, of, policy) for policy in policies),
            *(_burning(objective, of, policy, policy.threshold(period_ns)) for policy in policies),
            _alert("SloBudgetSpent", f'{STATE}{{{of}, state="breach"}} == 1', "5m", "ticket", objective, "spent"),
            _alert(
                "SloUnknown",
                f'{STATE}{{{of}, state="unknown"}} == 1',
                _length(_unknown_for_s(objective, policies, period_ns)),
                "ticket",
                objective,
                "unknown",
            ),
            _alert("SloAbsent", f"absent({STATE}{{{of}}})", ABSENT_FOR, "ticket", objective, "absent"),
        ],
    }


def _recorded(objective: Objective, of: str, policy: Policy) -> dict[str, Any]:
    both = f'{RATE}{{{of}, window=~"{_seconds(policy.long_ns)}|{_seconds(policy.short_ns)}"}}'
    return {
        "record": PAIR,
        "expr": f"min without (window) ({both}) and count without (window) ({both}) == 2",
        "labels": {"slo": objective.name, "pair": _pair(policy)},
    }


def _burning(objective: Objective, of: str, policy: Policy, threshold: Any) -> dict[str, Any]:
    windows = f'long="{_seconds(policy.long_ns)}", short="{_seconds(policy.short_ns)}"'
    proved = f"max without (severity, long, short) ({FIRING}{{{of}, {windows}}}) == 1"
    expr = f'{PAIR}{{{of}, pair="{_pair(policy)}"}} > {float(threshold):.6g} and ignoring (pair) ({proved})'
    found = _alert("SloBurning", expr, None, policy.severity, objective, "burning")
    found["labels"]["pair"] = _pair(policy)
    found["annotations"]["description"] = (
        f'It burns {{{{ $value | printf "%.3g" }}}} times as fast as its budget allows, in the last '
        f"{_length(policy.long_ns // SECOND_NS)} and in the last {_length(policy.short_ns // SECOND_NS)}; "
        f"at {float(threshold):.4g} times {float(policy.budget_share) * 100:.4g} % of the budget are spent within the "
        "longer of them."
    )
    return found


SUMMARIES: Final = {
    "burning": "{name} burns its error budget too fast",
    "spent": "{name} has spent its error budget",
    "unknown": "nobody can know how {name} stands",
    "absent": "nothing is told of {name}: is spanledger scraped, and is the objective still there?",
}


def _alert(
    name: str, expr: str, lasting: str | None, severity: str, objective: Objective, summary: str
) -> dict[str, Any]:
    found: dict[str, Any] = {"alert": name, "expr": expr}
    if lasting is not None:
        found["for"] = lasting
    return found | {
        "labels": {"severity": severity, "slo": objective.name},
        "annotations": {"summary": SUMMARIES[summary].format(name=objective.name)},
    }


def _unknown_for_s(objective: Objective, policies: Sequence[Policy], period_ns: int) -> int:
    """As long as the first pair takes to notice that every event fails."""
    allowed = burn.allowed(objective.target)
    times = [policy.threshold(period_ns) * allowed * policy.long_ns / SECOND_NS for policy in policies]
    return max(SHORTEST_FOR_S, int(min(times, default=SHORTEST_FOR_S)) // 60 * 60)


def _pair(policy: Policy) -> str:
    return f"{_length(policy.long_ns // SECOND_NS)}/{_length(policy.short_ns // SECOND_NS)}"


def _seconds(length_ns: int) -> str:
    return f"{length_ns // SECOND_NS}s"


def _length(seconds: int) -> str:
    """As Prometheus spells it: the coarsest unit that is whole."""
    size, unit = next((size, unit) for size, unit in UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"
