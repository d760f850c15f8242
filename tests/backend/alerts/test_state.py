"""How one alert goes on, step by step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from spanledger_server.alerts import state
from spanledger_server.alerts.state import Policy, Standing
from spanledger_server.rules.verdict import Outcome, Verdict
from tests.backend.alerts.made import NS

SIGNS: dict[str, tuple[Outcome, bool]] = {
    "!": ("true", False),
    ".": ("false", True),
    "~": ("false", False),  # between the two thresholds
    "?": ("no_data", False),
    "x": ("error", False),
}
SHORT: dict[str | None, str] = {None: " ", "pending": "p", "firing": "F", "recovering": "r", "resolved": "."}


def verdict(sign: str) -> Verdict | None:
    if sign == "_":
        return None
    outcome, clear = SIGNS[sign]
    return Verdict({}, outcome, clear)


def run(measured: str, policy: Policy, standing: Standing | None = None) -> tuple[str, list[str], Standing | None]:
    """The states after each sign, one every ten seconds, and what happened."""
    states, kinds = "", []
    for number, sign in enumerate(measured):
        standing, changes = state.step(standing, verdict(sign), policy, number * 10 * NS)
        states += SHORT[None if standing is None else standing.state]
        kinds += [change.kind for change in changes]
    return states, kinds, standing


def policy(**more: Any) -> Policy:
    return Policy("error", **({"damped": False} | more))


@pytest.mark.parametrize(
    ("measured", "states", "more"),
    [
        ("..!!..", "  FF..", {}),
        ("..!!!!..", "  ppFF..", {"for_ns": 20 * NS}),
        ("!.!!!.", "p ppF.", {"for_ns": 20 * NS}),
        ("!!.....", "FFrrr..", {"keep_firing_ns": 30 * NS}),
        ("!!..!....", "FFrrFrrr.", {"keep_firing_ns": 30 * NS}),
        ("!~~~.", "FFFF.", {}),
        ("~~~", "   ", {}),
        ("!~!", "p p", {"for_ns": 20 * NS}),
        ("!.~..", "FrFrr", {"keep_firing_ns": 30 * NS}),
        ("!??????", "FFFFFFF", {"no_data": "keep"}),
        ("!?", "F.", {"no_data": "resolve"}),
        ("?.", "F.", {"no_data": "fire"}),
        ("???.", "ppF.", {"no_data": "fire", "for_ns": 20 * NS}),
        ("!xxx.", "FFFF.", {"error": "keep"}),
        ("!x", "F.", {"error": "resolve"}),
        ("x.", "F.", {"error": "fire"}),
        ("!???!", "ppp p", {"for_ns": 60 * NS}),
        ("!__.", "FFF.", {"no_data": "resolve"}),
        ("!___", "FFF.", {"no_data": "resolve"}),
        ("!_!___", "FFFFF.", {"no_data": "resolve"}),
        ("!____", "FFFFF", {"no_data": "keep"}),
        ("!___", "ppp ", {"for_ns": 60 * NS, "no_data": "resolve"}),
    ],
)
def test_states_follow_what_is_measured(measured: str, states: str, more: dict[str, Any]):
    assert run(measured, policy(**more))[0] == states


def test_what_happened_is_told_in_order_and_with_its_reason():
    _, kinds, _ = run("!!!..!.....", policy(for_ns=20 * NS, keep_firing_ns=30 * NS))
    assert kinds == ["pending", "fired", "recovering", "refired", "recovering", "resolved"]
    _, changes = state.step(None, Verdict({}, "error", reason="no such metric"), policy(error="fire"), 0)
    assert changes[0].why == "cannot be judged: no such metric"


def test_the_clock_may_be_set_back_and_nothing_waits_for_it_to_come_again():
    rules = policy(for_ns=20 * NS, keep_firing_ns=20 * NS)
    hour = 3600 * NS
    standing, _ = state.step(None, verdict("!"), rules, hour)
    seen = []
    for at_s in (0, 10, 20):
        standing, changes = state.step(standing, verdict("!"), rules, at_s * NS)
        seen += [change.kind for change in changes]
    assert seen == ["fired"]
    standing, _ = state.step(standing, verdict("."), rules, 2 * hour)
    for at_s in (30, 40, 50):
        standing, changes = state.step(standing, verdict("."), rules, at_s * NS)
        seen += [change.kind for change in changes]
    assert seen == ["fired", "resolved"]


def test_a_severity_that_rises_is_told_in_place_and_one_that_falls_is_not():
    standing, _ = state.step(None, verdict("!"), policy(), 0)
    standing, changes = state.step(standing, verdict("!"), Policy("critical"), 10 * NS)
    assert [(change.kind, change.why) for change in changes] == [("worse", "from error to critical")]
    standing, changes = state.step(standing, verdict("!"), Policy("warning"), 20 * NS)
    assert changes == ()
    assert standing is not None
    assert standing.severity == "warning"


def test_one_that_flaps_is_held_firing_told_once_and_ends_when_it_is_calm():
    states, kinds, _ = run("!.!." + "!." * 8 + "." * 30, policy(damped=True))
    assert kinds[:4] == ["fired", "resolved", "fired", "recovering"]
    assert kinds.count("flapping") == 1
    assert kinds.count("unflapping") == 1
    assert [kind for kind in kinds if kind in ("fired", "resolved")] == ["fired", "resolved", "fired", "resolved"]
    assert kinds[-2:] == ["unflapping", "resolved"]
    assert states.rstrip(". ").endswith("r")


def test_one_that_stops_flapping_while_its_condition_holds_fires_on():
    states, kinds, standing = run("!.!.!.!" + "!" * 30, policy(damped=True))
    assert states[-1] == "F"
    assert kinds[-1] == "unflapping"
    assert standing is not None
    assert not standing.flapping


def test_changes_are_counted_over_the_rules_own_delays_where_these_are_long():
    slow = policy(damped=True, for_ns=60 * NS)
    cycle = "!" * 7 + "."
    _, kinds, _ = run(cycle * 4, slow)
    assert "flapping" in kinds


def test_an_acknowledgement_ends_by_itself_when_somebody_takes_it_back_and_with_the_episode():
    standing, _ = state.step(None, verdict("!"), policy(), 0)
    assert standing is not None
    taken, (change,) = state.acknowledged(standing, "ana", 25 * NS, 5 * NS)
    assert (change.kind, taken.acked_by) == ("acknowledged", "ana")
    for at_s, kinds in ((10, []), (20, []), (30, ["unacknowledged"]), (40, [])):
        after, changes = state.step(taken, verdict("!"), policy(), at_s * NS)
        assert after is not None
        taken = after
        assert [change.kind for change in changes] == kinds
    assert taken.acked_by is None


def test_one_that_was_resolved_by_hand_fires_again_only_after_it_was_seen_to_be_over():
    standing, _ = state.step(None, verdict("!"), policy(), 0)
    assert standing is not None
    ended, _ = state.resolved(standing, 5 * NS, "by hand", waits=True)
    states, kinds, _ = run("!!!?x!.!", policy(), ended)
    assert (states, kinds) == (".......F", ["fired"])
    assert run("!~!", policy(), ended)[0] == "..F"
    assert run("!_!", policy(), ended)[0] == "..F"


def test_a_step_is_a_function_of_what_it_is_given():
    standing = run("!.!!", policy(damped=True))[2]
    first = state.step(standing, verdict("."), policy(damped=True), 50 * NS)
    assert state.step(standing, verdict("."), policy(damped=True), 50 * NS) == first
    assert standing == run("!.!!", policy(damped=True))[2]


def test_nothing_happens_where_nothing_is_wrong():
    def all_of(signs: Iterable[str]) -> list[state.Step]:
        return [state.step(None, verdict(sign), policy(), 0) for sign in signs]

    assert all_of(".~?x_") == [(None, ())] * 5


def test_a_pending_alert_takes_the_severity_of_its_rule_quietly():
    standing, _ = state.step(None, verdict("!"), policy(for_ns=60 * NS), 0)
    raised = replace(policy(for_ns=60 * NS), severity="critical")
    after, changes = state.step(standing, verdict("!"), raised, 10 * NS)
    assert after is not None
    assert (after.severity, changes) == ("critical", ())
