"""How services do, from both sides: what they report themselves, and what the checks of them find.

Never: "healthy" for a service of which one side says that it is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from spanledger_server.api import answers
from spanledger_server.health.answer import WORST_FIRST, State
from spanledger_server.health.watch import Looked
from spanledger_server.live.window import LENGTH_S

STATUS: Final[Mapping[str, State]] = {
    "ok": "healthy",
    "warning": "degraded",
    "critical": "down",
    "unknown": "unknown",
}
BAD: Final = ("down", "degraded")
NAMED_MOST: Final = 2
LEVELS: Final[Mapping[str, str]] = {"down": "critical", "degraded": "warning"}


def together(state: Mapping[str, Any], looked: Sequence[Looked]) -> dict[str, Any]:
    """Services and checks, and one sentence on all of them.

    Args:
        state: What the live feed knows.
        looked: Every check and where it stands.
    """
    watched = [each for each in looked if each.kept.check.enabled]
    of_service: dict[str, list[Looked]] = {}
    for each in watched:
        if each.kept.check.service is not None:
            of_service.setdefault(each.kept.check.service, []).append(each)
    listed = [_service(service, of_service.pop(service["service"], [])) for service in state["services"]]
    listed += [_unheard(name, mine) for name, mine in of_service.items()]
    listed.sort(key=lambda each: (WORST_FIRST.index(each["status"]), each["name"]))
    bad = [each for each in watched if each.standing.state in BAD]
    status, sentence = _sentence(STATUS[state["level"]], state["sentence"], bad, len(watched))
    counts = Counter(service["status"] for service in listed)
    return {
        "status": status,
        "sentence": sentence,
        "services": listed,
        "checks": [_check(each) for each in watched],
        "healthy_services": counts["healthy"],
        "total_services": len(listed),
        "counts": {each: counts[each] for each in WORST_FIRST},
        "window_s": LENGTH_S,
    }


def conditions(looked: Iterable[Looked]) -> list[dict[str, str]]:
    """The checks that somebody should look at."""
    return [
        {
            "level": LEVELS[each.standing.state],
            "service": each.kept.check.service or each.kept.check.name,
            "text": _said(each),
        }
        for each in looked
        if each.kept.check.enabled and each.standing.state in BAD
    ]


def _service(service: Mapping[str, Any], mine: Sequence[Looked]) -> dict[str, Any]:
    told = STATUS[service["state"]]
    bad = [each for each in mine if each.standing.state in BAD]
    reasons = ([service["reason"]] if service["reason"] else []) + [_said(each) for each in _worst_first(bad)]
    return {
        "name": service["service"],
        "status": _worst([told, *(each.standing.state for each in bad)]),
        "reason": "; ".join(reasons) or None,
        "last_seen": service["last_seen"],
        "requests": service["calls"],
        "errors": service["errors"],
        "p95_latency": service["p95_ms"],
        "spans": service["spans"],
        "cost": service["cost"],
        "checks": _counts(mine),
    }


def _unheard(name: str, mine: Sequence[Looked]) -> dict[str, Any]:
    """A service that reports nothing itself, and has checks."""
    known = [each for each in mine if each.standing.state != "unknown"]
    first = _worst_first(known or mine)[0]
    return {
        "name": name,
        "status": first.standing.state,
        "reason": _said(first),
        **dict.fromkeys(("last_seen", "requests", "errors", "p95_latency", "spans", "cost")),
        "checks": _counts(mine),
    }


def _counts(mine: Sequence[Looked]) -> dict[str, int]:
    counts = Counter(each.standing.state for each in mine)
    return {each: counts[each] for each in WORST_FIRST}


def _check(each: Looked) -> dict[str, Any]:
    answer = each.standing.answer
    return {
        "id": each.kept.check_id,
        "name": each.kept.check.name,
        "kind": each.kept.check.kind,
        "service": each.kept.check.service,
        "status": each.standing.state,
        "reason": each.standing.said,
        "since": answers.when(each.standing.since_ns),
        "last_checked": answers.when(each.standing.seen_ns),
        "latency": None if answer is None else answers.milliseconds(answer.latency_ns),
    }


def _said(each: Looked) -> str:
    return f"{each.kept.check.name}: {each.standing.said}"


def _worst(states: Iterable[State]) -> State:
    return min(states, key=WORST_FIRST.index)


def _worst_first(looked: Sequence[Looked]) -> list[Looked]:
    return sorted(looked, key=lambda each: (WORST_FIRST.index(each.standing.state), each.kept.check.name))


def _sentence(status: State, sentence: str, bad: Sequence[Looked], count: int) -> tuple[State, str]:
    """What the live feed says, and of the checks those that are not well."""
    if not bad:
        return status, sentence
    named = "; ".join(_said(each) for each in _worst_first(bad)[:NAMED_MOST])
    more = f"; and {len(bad) - NAMED_MOST} more" if len(bad) > NAMED_MOST else ""
    checks = "1 check" if count == 1 else f"{count} checks"
    said = f"{len(bad)} of {checks} {'needs' if len(bad) == 1 else 'need'} attention ({named}{more})"
    worst = _worst([status, *(each.standing.state for each in bad)])
    return worst, said if status == "healthy" else f"{said} · {sentence}"
