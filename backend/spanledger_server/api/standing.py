"""What needs somebody now beside the figures: alerts, checks of health, objectives; and the sentence that says so.

Given the parts that hold them, reads what is a second old, for all pages at once. Each topic has a number that grows
when its content changed, so that a page is told only of what is new, and all of that.

Never: "all well" while an alert fires, a check is down, or a rule cannot be evaluated.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from spanledger_server.alerts import listed
from spanledger_server.api import alerts_shown, answers
from spanledger_server.health.watch import Looked
from spanledger_server.silences import held
from spanledger_server.silences.held import Held
from spanledger_server.slos.watch import Standing as Objective
from spanledger_server.store.database import Database

TOPICS: Final = ("alerts", "health", "slos")
MOST_SHOWN: Final = 20
MOST_HELD: Final = 1000  # where something is held back, so many are looked at to count what is not
NAMED: Final = 3
NS: Final = 10**9
LEVELS: Final = ("critical", "warning", "unknown", "ok")
SHOWN: Final = (
    *("id", "source", "kind", "rule_id", "rule_name", "severity", "state", "message", "started_at", "acknowledged"),
    *("held_back", "flapping", "current_value", "threshold_value", "operator", "unit", "labels", "reason"),
)


@dataclass(frozen=True, slots=True)
class Topic:
    """What is said of one topic.

    Attributes:
        version: Grows with each change.
        state: The content.
        message: Both as a message of the live channel.
    """

    version: int
    state: dict[str, Any]
    message: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that the sentence says: how bad it is, what it is, and of what."""

    level: str
    text: str
    named: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """With its names."""
        more = len(self.named) - NAMED
        names = [*self.named[:NAMED], *([f"and {more} more"] if more > 0 else [])]
        return f"{self.text} ({'; '.join(names)})" if names else self.text


@dataclass(slots=True)
class Standing:
    """The topics beside the figures, held for a second."""

    database: Database
    checks: Callable[[], Sequence[Looked]]
    objectives: Callable[[], Sequence[Objective]]
    _topics: dict[str, Topic] = field(default_factory=dict)
    _read_s: int = 0
    _reading: threading.Lock = field(default_factory=threading.Lock)

    def look(self, now_ns: int) -> Mapping[str, Topic]:
        """Each topic as it is now, by its name."""
        with self._reading:
            if self._read_s != now_ns // NS:
                states = {
                    "alerts": self._alerts(now_ns),
                    "health": _health(self.checks()),
                    "slos": _slos(self.objectives()),
                }
                self._topics = {name: _after(name, self._topics.get(name), state) for name, state in states.items()}
                self._read_s = now_ns // NS
            return self._topics

    @property
    def held(self) -> Mapping[str, Topic]:
        """Each topic as it was at the last look."""
        return self._topics

    def spoken(self, state: Mapping[str, Any], now_ns: int) -> dict[str, Any]:
        """The state of the figures with a sentence and a level that know of everything."""
        topics = {name: topic.state for name, topic in self.look(now_ns).items()}
        if state["failing"] is not None:
            return dict(state)
        text, level = sentence((state["sentence"], state["level"]), parts(topics))
        return {**state, "sentence": text, "level": level}

    def _alerts(self, now_ns: int) -> dict[str, Any]:
        with self.database.reader() as reader:
            counts = listed.open_counts(reader)
            holds = held.holding(reader, now_ns) if counts["open"] else Held()
            found = listed.worst(reader, MOST_SHOWN if holds.nothing else MOST_HELD) if counts["open"] else []
        items = [alerts_shown.shown(each, holds) for each in found]
        kept = [one for one in items if one["held_back"] and one["kind"] == "alert" and not one["acknowledged"]]
        severe = sum(one["severity"] in ("critical", "error") for one in kept)
        first = sorted(items, key=lambda one: bool(one["held_back"]))[:MOST_SHOWN]
        return {
            "needs": counts["unattended"] - len(kept),
            "severe": counts["severe"] - severe,
            "acknowledged": counts["acknowledged"],
            "held_back": len(kept),
            "pending": counts["pending"],
            "unevaluated": counts["unevaluated"],
            "items": [{name: one[name] for name in SHOWN} for one in first],
        }


def _after(name: str, before: Topic | None, state: dict[str, Any]) -> Topic:
    if before is not None and before.state == state:
        return before
    version = 1 if before is None else before.version + 1
    message = {"type": "topic", "topic": name, "version": version, "state": state}
    return Topic(version, state, orjson.dumps(message))


def _health(looked: Sequence[Looked]) -> dict[str, Any]:
    watched = [each for each in looked if each.kept.check.enabled]
    counts = Counter(each.standing.state for each in watched)
    bad = [each for state in ("down", "degraded") for each in watched if each.standing.state == state]
    return {
        "counts": {state: counts[state] for state in ("healthy", "degraded", "down", "unknown")},
        "items": [
            {
                "name": each.kept.check.name,
                "service": each.kept.check.service,
                "state": each.standing.state,
                "reason": each.standing.said,
                "since": answers.when(each.standing.since_ns),
            }
            for each in bad[:MOST_SHOWN]
        ],
    }


def _slos(standing: Sequence[Objective]) -> dict[str, Any]:
    items = [
        {
            "name": each.kept.objective.name,
            "display_name": each.kept.objective.display_name or each.kept.objective.name,
            "service": each.kept.objective.service,
            "state": each.status.state,
            "reason": each.status.reason,
            "remaining_ratio": None if each.status.budget is None else each.status.budget.remaining_ratio,
            "burning": any(pair.verdict.holds for pair in each.status.conditions),
        }
        for each in standing
    ]
    items.sort(key=_worst_first)
    return {"counts": dict(Counter(one["state"] for one in items)), "items": items[:MOST_SHOWN]}


def _worst_first(one: Mapping[str, Any]) -> tuple[bool, bool, float, str]:
    left = one["remaining_ratio"]
    return (one["state"] != "breach", not one["burning"], 2.0 if left is None else left, one["name"])


def parts(topics: Mapping[str, Mapping[str, Any]]) -> list[Part]:
    """What the topics come to; nothing of what is well."""
    alerts, checks, objectives = (topics[name] for name in TOPICS)
    return [*_of_alerts(alerts), *_of_checks(checks), *_of_objectives(objectives)]


def _of_alerts(alerts: Mapping[str, Any]) -> Iterable[Part]:
    names = [" ".join(one["message"].split()) for one in alerts["items"] if _needs_somebody(one)]
    if alerts["needs"] > 0:
        level = "critical" if alerts["severe"] > 0 else "warning"
        more = [""] * max(0, alerts["needs"] - len(names))
        yield Part(level, _many(alerts["needs"], "alert needs", "alerts need") + " somebody", (*names, *more))
    if alerts["acknowledged"]:
        yield Part("warning", _many(alerts["acknowledged"], "alert is", "alerts are") + " taken care of")
    if alerts["held_back"]:
        yield Part("ok", _many(alerts["held_back"], "alert is", "alerts are") + " held back")
    if alerts["unevaluated"]:
        yield Part("unknown", _many(alerts["unevaluated"], "rule", "rules") + " cannot be evaluated")


def _needs_somebody(one: Mapping[str, Any]) -> bool:
    return one["kind"] == "alert" and one["state"] != "pending" and not one["acknowledged"] and not one["held_back"]


def _of_checks(checks: Mapping[str, Any]) -> Iterable[Part]:
    for state, level in (("down", "critical"), ("degraded", "warning")):
        names = tuple(f"{one['name']}: {one['reason']}" for one in checks["items"] if one["state"] == state)
        if checks["counts"][state]:
            yield Part(level, _many(checks["counts"][state], "check is", "checks are") + f" {state}", names)


def _of_objectives(objectives: Mapping[str, Any]) -> Iterable[Part]:
    missed = tuple(one["display_name"] for one in objectives["items"] if one["state"] == "breach")
    burning = [one for one in objectives["items"] if one["burning"] and one["state"] != "breach"]
    if missed:
        yield Part(
            "warning", _many(objectives["counts"]["breach"], "objective is", "objectives are") + " missed", missed
        )
    if burning:
        names = tuple(one["display_name"] for one in burning)
        yield Part("warning", _many(len(burning), "error budget burns", "error budgets burn") + " fast", names)


def _many(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def sentence(services: tuple[str, str], others: Sequence[Part]) -> tuple[str, str]:
    """One sentence and its level: the worst first with its names, then the rest in short."""
    if not others:
        return services
    said = Part(services[1], services[0])
    found = [*others, said] if said.level != "ok" else list(others)
    found.sort(key=lambda part: LEVELS.index(part.level))
    level = found[0].level
    if level == "ok":
        return f"{said.text} · {' · '.join(part.text for part in found)}", "ok"
    rest = [re.sub(r" \(.*\)", "", part.text, flags=re.DOTALL) for part in found[1:]]
    return " · ".join([found[0].told, *rest]), level
