"""Suggested rules: what is tried, what is offered, and what is only counted."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from spanledger_server.alerts import suggest
from spanledger_server.alerts.suggest import Candidate, Tried
from spanledger_server.rules import register
from spanledger_server.rules.backtest import Episode, Replay
from spanledger_server.rules.rule import Rule
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range
from tests.backend.rows import NOON

WEEK = Range(NOON - 7 * DAY_NS, NOON)


def rule(name: str, metric: str, threshold: Any = 1, **more: Any) -> Rule:
    values = {"name": name, "kind": "threshold", "severity": "warning", "metric": metric, "operator": ">"}
    return register.unkept(values | {"threshold": Decimal(threshold)} | more)


def fired(of: Rule, times: int, judged: int, useful: int) -> dict[str, Any]:
    precision = useful / judged if judged else None
    return {"rule_id": of.rule_id, "fired": times, "judged": judged, "useful": useful, "precision": precision}


def replay(times: int, unknown: float | None = 0.0, threshold: Any = 1, minutes: int = 5) -> Replay:
    begins = [WEEK.from_ns + number * HOUR_NS for number in range(times)]
    episodes = tuple(Episode({}, begin, begin + minutes * MINUTE_NS) for begin in begins)
    return Replay(rule("x", "error_rate", threshold), WEEK, MINUTE_NS, episodes, 0, unknown, 1)


def tried(kind: suggest.Kind, *replays: Replay) -> Tried:
    return Tried(Candidate(kind, "x", ""), replays)


def test_what_is_off_tells_too_often_or_is_watched_by_nobody_is_tried():
    off, noisy = rule("off", "a", enabled=False), rule("noisy", "p95_latency", 200)
    trusted, slow = rule("trusted", "c", 3), rule("slow", "a", kind="forecast", enabled=False)
    counted = [fired(noisy, 9, 4, 1), fired(trusted, 9, 4, 4)]
    found = suggest.candidates(
        [off, noisy, trusted, slow], counted, {"own": "By", "c": None, "error_rate": "1", "a": None}
    )
    told = [("limit", "noisy"), ("on", "off"), ("new", "Unusual a"), ("new", "Unusual own")]
    assert [(one.kind, one.title) for one in found] == told, "a metric of a rule that is off is watched by nobody"
    assert found[0].why == "It fired 9 times in 30 days; 1 of 4 alerts that somebody judged had to be known."
    assert found[0].thresholds == suggest.further_limits(noisy)
    assert (found[3].body or {})["kind"] == "anomaly"
    assert found[3].unit == "By"
    assert suggest.candidates([], [], {}) == []
    assert [one.place for one in found] == sorted(one.place for one in found)


def test_no_more_are_tried_than_anybody_waits_for():
    many = {f"m{number}": None for number in range(40)}
    assert len(suggest.candidates([], [], many)) == suggest.MOST
    alone = rule("alone", "p95_latency", 200)
    one = suggest.candidates([alone], [fired(alone, 5, 0, 0)], {})
    assert one[0].why.endswith("nobody has said that any was useful.")
    assert suggest.candidates([alone], [fired(alone, 4, 0, 0)], {}) == []


@pytest.mark.parametrize(
    ("more", "limits"),
    [
        ({"metric": "p95_latency", "threshold": 200}, ["250", "300", "400", "600", "1000"]),
        ({"metric": "success_rate", "threshold": "0.4", "operator": "<"}, ["0.32", "0.27", "0.2", "0.13", "0.08"]),
        ({"metric": "error_rate", "threshold": "0.5"}, ["0.63", "0.75"]),
        ({"metric": "p95_latency", "threshold": 2, "kind": "ratio"}, []),
        ({"metric": "p95_latency", "threshold": 2, "operator": "=="}, []),
        ({"metric": "p95_latency", "threshold": 0}, []),
    ],
)
def test_further_limits_go_away_from_the_usual_and_a_share_stays_below_one(more: dict[str, Any], limits: Sequence[str]):
    assert list(suggest.further_limits(rule("x", **more))) == [Decimal(limit) for limit in limits]


def test_what_would_have_fired_daily_or_could_hardly_be_judged_is_not_offered():
    assert tried("on", replay(2, 0.9)).rank == 1
    assert tried("new", replay(0)).rank == 2
    assert tried("on", replay(8)).rank == "noisy"
    assert tried("on", replay(1, minutes=1440)).rank == "noisy"
    assert tried("on", replay(0, 0.999)).rank == "unknown"
    assert tried("on", replay(0, None)).rank == "unknown"
    assert tried("on").rank == "unknown", "it cannot be replayed"


def test_of_further_limits_the_first_is_offered_that_is_quiet_enough():
    one = tried("limit", replay(9), replay(4, threshold="1.25"), replay(1, threshold="1.5"), replay(0, threshold=2))
    assert one.rank == 0
    assert one.calmer is not None
    assert one.calmer.rule.threshold == Decimal("1.5")
    assert tried("limit", replay(1), replay(1)).rank == "unknown"
    assert tried("limit", replay(9), replay(2)).rank == "noisy"
