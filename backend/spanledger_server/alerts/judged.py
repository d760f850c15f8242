"""What the verdicts of a rule make of its alerts: of each group one, and one more while the rule cannot be evaluated.

Given a rule, its verdicts and the episodes that are known, gives those that go on and how.

Never: two episodes of one identity that are open at once, or an alert that is left alone because its rule is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from spanledger_server.alerts import kept, state
from spanledger_server.alerts.kept import Kept, Kind
from spanledger_server.alerts.record import Moved, Ways
from spanledger_server.alerts.state import Change, Policy, Standing
from spanledger_server.notify.event import Severity
from spanledger_server.rules import measured
from spanledger_server.rules.rule import Rule
from spanledger_server.rules.verdict import Story, Verdict

NAME: Final = "alertname"
UNEVALUATED_FOR_NS: Final = 5 * 60 * 10**9
REFRESH_NS: Final = 60 * 10**9  # how old a value of an alert that fires may be
MINUTE_NS: Final = 60 * 10**9
ONE_LOWER: Final[dict[Severity, Severity]] = {
    "critical": "error",
    "error": "error",
    "warning": "warning",
    "info": "info",
}

Tells = Callable[[Rule, Verdict], Story]


@dataclass(frozen=True, slots=True)
class Judged:
    """One alert of a rule at one evaluation.

    Attributes:
        rule: The rule.
        kind: Of the alert.
        key: Its identity.
        verdict: What is said of it; None: its group is not in the answer.
        policy: How it goes on.
        condition: Digest of what the rule judges.
    """

    rule: Rule
    kind: Kind
    key: str
    verdict: Verdict | None
    policy: Policy
    condition: str


def judged(
    rule: Rule, condition: str, verdicts: Sequence[Verdict], known: Mapping[str, Kept], every_ns: int
) -> Iterator[Judged]:
    """Every alert of the rule that may change.

    Args:
        rule: As it holds.
        condition: Its digest.
        verdicts: What it says of its groups; of two that say the same labels, the first counts.
        known: Its episodes by identity: those that are open, and what has to be remembered of others.
        every_ns: How often it is judged.
    """
    policy, checking = policy_of(rule, every_ns), unevaluated(rule, every_ns)
    whole = next((each for each in verdicts if each.outcome == "error" and each.labels == rule.labels), None)
    seen: set[str] = set()
    for verdict in verdicts:
        labels = kept.labels_text(verdict.labels)
        key = kept.dedup_key(rule.rule_id, labels)
        if key in seen:
            continue
        seen.add(key)
        before = known.get(key)
        if before is not None or verdict.outcome not in ("false", "no_data") or policy.no_data == "fire":
            yield Judged(rule, "alert", key, verdict, policy, condition)
        trouble = _trouble(rule, verdict, before)
        check_key = f"{key}:evaluation"
        if trouble or check_key in known:
            seen.add(check_key)
            checked = replace(verdict, outcome="true" if trouble else "false", clear=not trouble)
            yield Judged(rule, "evaluation", check_key, checked, checking, condition)
    for each in known.values():
        if each.dedup_key not in seen:
            yield _missing(rule, each, whole, checking if each.kind == "evaluation" else policy)


def calm(rule: Rule, verdicts: Sequence[Verdict]) -> bool:
    """Whether none of these begins anything, where no alert of the rule is open."""
    quiet = ("false",) if rule.no_data == "fire" else ("false", "no_data")
    return all(verdict.outcome in quiet for verdict in verdicts)


def _trouble(rule: Rule, verdict: Verdict, before: Kept | None) -> bool:
    """Whether nobody can say how it stands: it cannot be judged, or what fires is not measured any more.

    That nobody knows how a check does has a rule of its own.
    """
    fires = before is not None and before.kind == "alert" and before.standing.fires and not measured.lists_all(rule)
    return verdict.outcome == "error" or (verdict.outcome == "no_data" and fires)


def _missing(rule: Rule, each: Kept, whole: Verdict | None, policy: Policy) -> Judged:
    """A group that the answer does not have; while the rule as a whole cannot be judged, neither can its groups."""
    labels = kept.labels_of(each.labels)
    verdict = None if whole is None else replace(whole, labels=labels)
    if whole is None and measured.lists_all(rule):
        verdict = Verdict(labels, "false", clear=True)
    if each.kind == "evaluation":
        verdict = Verdict(labels, "false", clear=True)
    return Judged(rule, each.kind, each.dedup_key, verdict, policy, each.condition or "")


def policy_of(rule: Rule, every_ns: int) -> Policy:
    """What a rule says of how its alerts go on."""
    return Policy(rule.severity, rule.for_ns, rule.keep_firing_for_ns, rule.no_data, rule.error, every_ns)


def unevaluated(rule: Rule, every_ns: int) -> Policy:
    """How the alert goes on that a rule cannot be evaluated."""
    severity = ONE_LOWER[rule.severity]
    return Policy(severity, UNEVALUATED_FOR_NS, no_data="resolve", error="fire", every_ns=every_ns, damped=False)


def moved(each: Judged, before: Kept | None, now_ns: int, tells: Tells) -> Moved | None:
    """What is to be recorded of an alert; None: nothing.

    Args:
        each: The alert, judged.
        before: Its episode as it is known; None: there is none to remember.
        now_ns: The time.
        tells: What an alert says that begins to fire.
    """
    stood = None if before is None else before.standing
    stands, changes = state.step(stood, each.verdict, each.policy, now_ns)
    if stands is None:
        return Moved(before, None, changes) if changes else None
    if not changes and stands == stood and not _old(before, stands, now_ns):
        return None
    continues = before is not None and stands.alert_id is not None
    news: dict[str, Any] = {"standing": stands, "ways": _ways_text(ways_of(each.rule))}
    story: Story | None = None
    if any(change.kind == "fired" for change in changes) and each.verdict is not None:
        story = (tells if each.kind == "alert" else unevaluated_story)(each.rule, each.verdict)
        news["story"] = kept.story_text(story)
    after = replace(before, **news) if before and continues else _begun(each, now_ns, news)
    return Moved(before if continues else None, after, changes, story=None if story is None else lambda: story)


def _old(before: Kept | None, stands: Standing, now_ns: int) -> bool:
    """Whether the value in the store is too old to be shown of an alert that fires."""
    if before is None or not stands.fires or 0 <= now_ns - before.updated_ns < REFRESH_NS:
        return False
    stood = before.standing
    return (stands.value, stands.threshold, stands.reason) != (stood.value, stood.threshold, stood.reason)


def _begun(each: Judged, now_ns: int, news: dict[str, Any]) -> Kept:
    rule, verdict = each.rule, each.verdict
    named = {NAME: rule.name, **(verdict.labels if verdict else {})}
    if each.kind == "evaluation":
        named["alert_kind"] = "evaluation"
    return Kept(
        source="rule",
        kind=each.kind,
        rule_id=rule.rule_id,
        condition=each.condition,
        dedup_key=each.key,
        name=rule.name if each.kind == "alert" else f"{rule.name} cannot be evaluated",
        labels=kept.labels_text(named),
        operator=rule.operator if each.kind == "alert" else None,
        unit=rule.unit if each.kind == "alert" else None,
        **news | {"standing": replace(news["standing"], alert_id=kept.episode_id(each.key, now_ns))},
    )


@lru_cache(maxsize=1024)
def _ways_text(ways: Ways) -> str:
    return ways.text()


def ways_of(rule: Rule) -> Ways:
    """How the rule wants its alerts to be told."""
    return Ways(rule.notification_channels, rule.cooldown_minutes * MINUTE_NS, rule.max_alerts_per_hour)


def unevaluated_story(rule: Rule, verdict: Verdict) -> Story:
    """What the alert says that a rule cannot be evaluated."""
    reason = verdict.reason or "nothing is measured any more while it fires"
    minutes = UNEVALUATED_FOR_NS // MINUTE_NS
    return Story(
        title=f"{rule.name} cannot be evaluated",
        text=f"For {minutes} minutes the rule {rule.name} has not been judged: {reason}. Until it is, nobody can say "
        "whether its condition holds.",
        facts=(("reason", reason), *verdict.labels.items()),
        runbook_url=rule.annotations.get("runbook_url"),
    )


def ended(before: Kept, why: str, now_ns: int) -> Moved:
    """An alert whose rule is not what it was: one that fired is resolved, one that never did is forgotten."""
    if not before.standing.fires:
        return Moved(before, None, (Change("dropped", before.standing.state, None, why),))
    stands, changes = state.resolved(before.standing, now_ns, why)
    return Moved(before, replace(before, standing=stands), changes)


def gone(before: Kept, rules: Mapping[UUID, Rule]) -> str | None:
    """Why the rule of an episode does not judge it any more; None: it does, or may tomorrow."""
    rule = rules.get(before.rule_id) if before.rule_id is not None else None
    if rule is None or rule.deleted_ns is not None:
        return "rule deleted"
    if not rule.enabled:
        return "rule disabled"
    return None if rule.digest == before.condition else "rule changed"
