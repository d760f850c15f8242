"""What it takes to believe an answer: the machine beside a plain account of the same rules."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.health.answer import CODES, Answer, State
from spanledger_server.health.machine import Change, Patience, Standing, fresh, heard, paused

S = 10**9
STATES = st.sampled_from(["healthy", "degraded", "down", "unknown"])


def after(states: list[State], down_after: int = 3, up_after: int = 1) -> Standing:
    standing = fresh(0)
    for number, state in enumerate(states):
        patience = Patience(down_after, up_after, 95 * S)
        standing, _ = heard(standing, Answer(state, state), (number + 1) * 30 * S, patience)
    return standing


def test_one_failure_changes_nothing_and_three_in_a_row_do():
    assert after(["healthy", "down", "down"]).state == "healthy"
    assert after(["healthy", "down", "down"]).streak == 2
    assert after(["healthy", "down", "down", "down"]).state == "down"
    assert after(["healthy", "down", "down", "healthy", "down", "down"]).state == "healthy"


def test_of_bad_answers_in_a_row_the_mildest_is_believed_and_of_good_ones_the_worst():
    assert after(["healthy", "down", "degraded", "down"]).state == "degraded"
    assert after(["down", "down", "down", "healthy", "degraded"], up_after=2).state == "degraded"


def test_nothing_is_believed_at_first_until_it_is_no_accident():
    assert after([]).reason == "Not checked yet"
    assert after(["down", "down"]).state == "unknown"
    assert after(["down", "down", "down"]).state == "down"
    assert after(["healthy"]).state == "healthy"
    assert after(["healthy"], up_after=2).state == "unknown"


def test_an_answer_that_says_nothing_counts_for_nothing_unless_nothing_else_comes():
    assert after(["healthy", "down", "unknown", "down", "unknown", "down"]).state == "down"
    assert after(["healthy", "unknown", "unknown"]).state == "healthy"
    assert after(["healthy", "unknown", "unknown", "unknown"]).state == "unknown"


def test_what_nobody_looked_at_is_unknown_from_when_its_answer_held_no_longer():
    standing = after(["healthy"])
    assert standing.at(30 * S + 95 * S, 95 * S).state == "healthy"
    gone = standing.at(1000 * S, 95 * S)
    assert (gone.state, gone.since_ns, gone.reason) == ("unknown", 125 * S, "Nobody has looked since")
    back, changes = heard(standing, Answer("healthy", "well"), 1000 * S, Patience(3, 1, 95 * S))
    assert [(each.at_ns, each.state) for each in changes] == [(125 * S, "unknown"), (1000 * S, "healthy")]
    assert (back.state, back.since_ns) == ("healthy", 1000 * S)


def test_a_clock_that_is_set_back_leaves_nothing_in_the_future():
    standing = after(["healthy"] * 10)
    back, changes = heard(standing, Answer("healthy", "well"), 5 * S, Patience(3, 1, 95 * S))
    assert (back.state, back.since_ns, back.seen_ns, changes) == ("healthy", 5 * S, 5 * S, [])


def test_a_paused_check_is_unknown_once():
    off, changes = paused(after(["healthy"]), 99 * S)
    assert (off.state, off.reason, off.seen_ns, len(changes)) == ("unknown", "Paused", None, 1)
    assert paused(off, 100 * S) == (off, [])


def plainly(state: State, answers: list[State], down_after: int, up_after: int) -> State:
    """The same in the words of the documentation: the last answers, one rule after another."""
    if answers[-down_after:] == ["unknown"] * down_after:
        return "unknown"
    known = [each for each in answers if each != "unknown"]
    last_worse, last_better = known[-down_after:], known[-up_after:]
    if state == "unknown":
        if len(last_better) == up_after and all(each in ("healthy", "degraded") for each in last_better):
            return "degraded" if "degraded" in last_better else "healthy"
        if len(last_worse) == down_after and all(each in ("degraded", "down") for each in last_worse):
            return "degraded" if "degraded" in last_worse else "down"
        return "unknown"
    if len(last_worse) == down_after and min(CODES[each] for each in last_worse) > CODES[state]:
        return "degraded" if "degraded" in last_worse else "down"
    if len(last_better) == up_after and max(CODES[each] for each in last_better) < CODES[state]:
        return "degraded" if "degraded" in last_better else "healthy"
    return state


@settings(max_examples=150, deadline=None)
@given(st.lists(STATES, max_size=30), st.integers(1, 4), st.integers(1, 4))
def test_the_machine_agrees_with_the_plain_rules(states: list[State], down_after: int, up_after: int):
    standing, expected, changes = fresh(0), "unknown", list[Change]()
    longest = 2 * max(down_after, up_after)
    for number, state in enumerate(states):
        patience = Patience(down_after, up_after, 95 * S)
        standing, new = heard(standing, Answer(state, state), (number + 1) * 30 * S, patience)
        expected = plainly(expected, states[: number + 1][-longest:], down_after, up_after)  # type: ignore[arg-type]
        changes += new
        assert standing.state == expected
    assert standing.changes == len(changes)
    assert [each.at_ns for each in changes] == sorted(each.at_ns for each in changes)
    assert all(one.state != other.state for one, other in pairwise(changes))
