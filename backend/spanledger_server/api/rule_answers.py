"""Rules, verdicts and replays as answers have them, by our names and by those that others are used to.

Never: a threshold that lost a digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from spanledger_server.alerts.suggest import Tried
from spanledger_server.api import answers
from spanledger_server.rules import metrics
from spanledger_server.rules.backtest import Episode, Replay
from spanledger_server.rules.ready import Made
from spanledger_server.rules.rule import Rule
from spanledger_server.rules.verdict import Story, Verdict
from spanledger_server.timegrid import Range

MOST_EPISODES: Final = 200


def rule(found: Rule, warnings: Sequence[str] = ()) -> dict[str, Any]:
    """A rule by our names."""
    told = found.told()
    told |= {name: _decimal(told[name]) for name in ("threshold", "clear_threshold") if name in told}
    filters = {name: texts[0] if len(texts) == 1 else texts for name, texts in told["filters"].items()}
    return {
        "id": str(found.rule_id),
        "version": found.version,
        **told,
        "filters": filters,
        "unit": found.unit,
        "pack": found.pack,
        "created_at": answers.when(found.created_ns),
        "updated_at": answers.when(found.changed_ns),
        "updated_by": found.changed_by,
        "deleted_at": answers.when(found.deleted_ns),
        "warnings": list(warnings),
    }


def named(found: Rule, warnings: Sequence[str] = ()) -> dict[str, Any]:
    """A rule by the names of `/api/admin/monitoring/rules`, ours behind."""
    ours = rule(found, warnings)
    return {
        "id": ours.pop("id"),
        "rule_name": found.name,
        "metric_name": found.metric,
        "threshold_value": found.threshold,
        "comparison_operator": found.operator,
        "is_active": found.enabled,
        **ours,
    }


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def verdict(found: Verdict) -> dict[str, Any]:
    """What a rule says of one group."""
    return {
        "labels": dict(found.labels),
        "outcome": found.outcome,
        "clear": found.clear,
        "value": found.value,
        "threshold": found.threshold,
        "events": found.events,
        "reason": found.reason,
    }


def tested(found: Rule, verdicts: Sequence[Verdict], story: Story | None, now_ns: int) -> dict[str, Any]:
    """What a rule says now."""
    holding = [each for each in verdicts if each.outcome == "true"]
    shown = holding[0] if holding else verdicts[0] if verdicts else None
    return {
        "id": str(found.rule_id),
        "rule_id": str(found.rule_id),
        "rule_name": found.name,
        "evaluated_at": answers.when(now_ns),
        "triggered": bool(holding),
        "outcome": "no_data" if shown is None else shown.outcome,
        "current_value": None if shown is None else shown.value,
        "threshold_value": found.threshold if shown is None or shown.threshold is None else shown.threshold,
        "message": _message(found, verdicts, story),
        "unit": found.unit,
        "verdicts": [verdict(each) for each in verdicts],
        "story": None if story is None else told(story),
    }


def _message(found: Rule, verdicts: Sequence[Verdict], story: Story | None) -> str:
    if story is not None:
        return story.title
    reasons = [each.reason for each in verdicts if each.reason]
    if not verdicts:
        return f"{found.name}: there is nothing that it is about"
    if reasons:
        return f"{found.name}: {reasons[0]}"
    return f"{found.name}: the condition does not hold"


def told(story: Story) -> dict[str, Any]:
    """What an alert would say."""
    return {
        "title": story.title,
        "text": story.text,
        "facts": [{"name": name, "value": value} for name, value in story.facts],
        "contributors": [
            {"label": label, "value": value, "share": share} for label, value, share in story.contributors
        ],
        "traces": list(story.traces),
        "runbook_url": story.runbook_url,
        "path": story.path,
    }


def replay(replays: Sequence[Replay]) -> dict[str, Any]:
    """What a rule would have done, beside what other thresholds would have."""
    first = replays[0]
    return {
        "rule_name": first.rule.name,
        "from": answers.when(first.window.from_ns),
        "to": answers.when(first.window.to_ns),
        "step_seconds": first.step_ns // 10**9,
        **_came_to(first),
        "groups": first.groups,
        "unknown_share": first.unknown_share,
        "sentence": first.sentence,
        "episodes": [_episode(first, each) for each in first.episodes[:MOST_EPISODES]],
        "omitted": max(0, len(first.episodes) - MOST_EPISODES),
        "compared": [{**_came_to(each), "sentence": each.sentence} for each in replays[1:]],
    }


def suggested(tried: Sequence[Tried], of: int, window: Range) -> dict[str, Any]:
    """What is worth offering, the best first, and how many of those that were tried are not, and why."""
    ranks = [each.rank for each in tried]
    offered = sorted((rank, place) for place, rank in enumerate(ranks) if isinstance(rank, int))
    return {
        "from": answers.when(window.from_ns),
        "to": answers.when(window.to_ns),
        "items": [_suggested(tried[place], rank) for rank, place in offered],
        "of": of,
        "tried": len(tried),
        "noisy": ranks.count("noisy"),
        "unknown": ranks.count("unknown"),
    }


def _suggested(found: Tried, rank: int) -> dict[str, Any]:
    one, calmer = found.one, found.calmer if found.one.kind == "limit" else None
    return {
        "kind": one.kind,
        "title": one.title,
        "why": one.why,
        "rank": rank,
        "rule": {**(one.body or {}), "unit": one.unit} if one.rule is None else rule(one.rule),
        "body": one.body,
        "calmer": None if calmer is None else {**_came_to(calmer), "sentence": calmer.sentence},
        "replay": replay(found.replays),
    }


def _came_to(found: Replay) -> dict[str, Any]:
    return {
        "threshold": found.rule.threshold,
        "fired": len(found.episodes),
        "median_minutes": None if found.median_ns is None else found.median_ns / 60e9,
        "firing_minutes": sum(map(found.lasted_ns, found.episodes)) / 60e9,
        "breach_minutes": found.breach_ns / 60e9,
    }


def _episode(found: Replay, each: Episode) -> dict[str, Any]:
    return {
        "labels": dict(each.labels),
        "from": answers.when(each.from_ns),
        "to": answers.when(each.to_ns),
        "minutes": found.lasted_ns(each) / 60e9,
        "worst": each.worst,
    }


def default(found: Made) -> dict[str, Any]:
    """A default and what became of it."""
    body = found.default.body
    return {
        "name": found.default.name,
        "pack": found.default.pack,
        "description": body.get("description"),
        "enabled_at_first": bool(body.get("enabled", True)),
        "state": found.state,
        "id": None if found.rule is None else str(found.rule.rule_id),
        "enabled": None if found.rule is None else found.rule.enabled,
        "rule": dict(body),
    }


def metric_list(sent: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """Every metric that a rule may be about."""
    ours = [
        {
            "name": each.name,
            "unit": each.unit,
            "meaning": each.meaning,
            "labels": list(metrics.DIMENSIONS[each.source] or ()),
            "window_seconds": each.window_ns // 10**9,
        }
        for each in metrics.METRICS.values()
    ]
    others = [
        {
            "name": name,
            "unit": unit,
            "meaning": "a metric that was sent",
            "labels": ["service"],
            "window_seconds": metrics.SENT_WINDOW_NS // 10**9,
        }
        for name, unit in sorted(sent.items())
        if name not in metrics.METRICS
    ]
    return [*ours, *others]


_RULE: Final[dict[str, Any]] = {
    "id": "0b9f6f9e-5f1c-4c1e-9a51-6a1f6f1f9b11",
    "version": 1,
    "name": "High latency",
    "kind": "threshold",
    "severity": "warning",
    "metric": "p95_latency",
    "stat": None,
    "operator": ">",
    "threshold": 2000,
    "clear_threshold": 1800,
    "window_seconds": 300,
    "duration_seconds": 300,
    "keep_firing_seconds": 0,
    "filters": {"provider": "openai"},
    "group_by": ["model"],
    "group_limit": 50,
    "min_events": 20,
    "no_data": "keep",
    "on_error": "keep",
    "labels": {"team": "chat"},
    "annotations": {"runbook_url": "https://example.com/runbooks/latency"},
    "notification_channels": ["slack"],
    "cooldown_minutes": 15,
    "max_alerts_per_hour": 4,
    "enabled": True,
    "metric_expected": False,
    "unit": "ms",
    "pack": None,
    "created_at": "2026-11-21T12:00:00Z",
    "updated_at": "2026-11-21T12:00:00Z",
    "updated_by": "admin",
    "deleted_at": None,
    "warnings": [],
}
_NAMED: Final[dict[str, Any]] = {
    "id": _RULE["id"],
    "rule_name": "High latency",
    "metric_name": "p95_latency",
    "threshold_value": 2000,
    "comparison_operator": ">",
    "is_active": True,
    **{name: value for name, value in _RULE.items() if name != "id"},
}
_VERDICT: Final[dict[str, Any]] = {
    "labels": {"provider": "openai", "model": "gpt-5"},
    "outcome": "true",
    "clear": False,
    "value": 2412.5,
    "threshold": 2000,
    "events": 1204,
    "reason": None,
}
_REPLAY: Final[dict[str, Any]] = {
    "rule_name": "High latency",
    "from": "2026-10-22T12:00:00Z",
    "to": "2026-11-21T12:00:00Z",
    "step_seconds": 60,
    "threshold": 2000,
    "fired": 7,
    "median_minutes": 12,
    "firing_minutes": 96,
    "breach_minutes": 131,
    "groups": 3,
    "unknown_share": 0.02,
    "sentence": "would have fired 7 times in 30 days, median 12 minutes",
    "episodes": [
        {
            "labels": {"provider": "openai", "model": "gpt-5"},
            "from": "2026-10-30T09:14:00Z",
            "to": "2026-10-30T09:26:00Z",
            "minutes": 12,
            "worst": 4120.2,
        }
    ],
    "omitted": 6,
    "compared": [
        {
            "threshold": 3000,
            "fired": 2,
            "median_minutes": 8,
            "firing_minutes": 16,
            "breach_minutes": 21,
            "sentence": "would have fired 2 times in 30 days, median 8 minutes",
        }
    ],
}
EXAMPLES: Final[dict[str, Any]] = {
    "list": {"items": [_RULE], "next_cursor": None},
    "rule": _RULE,
    "named": _NAMED,
    "named_list": {"rules": [_NAMED], "total": 1},
    "tested": {
        "id": _RULE["id"],
        "rule_id": _RULE["id"],
        "rule_name": "High latency",
        "evaluated_at": "2026-11-21T12:00:00Z",
        "triggered": True,
        "outcome": "true",
        "current_value": 2412.5,
        "threshold_value": 2000,
        "message": "High latency: p95_latency is 2,412 ms, above 2,000 ms (provider openai, model gpt-5)",
        "unit": "ms",
        "verdicts": [_VERDICT],
        "story": None,
    },
    "replay": _REPLAY,
    "suggested": {
        "from": "2026-11-14T12:00:00Z",
        "to": "2026-11-21T12:00:00Z",
        "items": [
            {
                "kind": "limit",
                "title": "High latency",
                "why": "It fired 9 times in 30 days; 1 of 4 alerts that somebody judged had to be known.",
                "rank": 0,
                "rule": _RULE,
                "body": None,
                "calmer": {**_REPLAY["compared"][0], "fired": 1, "sentence": "would have fired once in 7 days"},
                "replay": _REPLAY,
            }
        ],
        "of": 4,
        "tried": 4,
        "noisy": 1,
        "unknown": 2,
        "next_cursor": None,
    },
}
