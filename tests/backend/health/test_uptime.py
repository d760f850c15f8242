"""Uptime beside a reference that goes second by second."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.health.machine import Change
from spanledger_server.health.uptime import Times, beats, times
from spanledger_server.timegrid import Range

STATES = st.sampled_from(["healthy", "degraded", "down", "unknown"])


def by_second(changes: list[Change], window: Range) -> dict[str, int]:
    spent = {"healthy": 0, "degraded": 0, "down": 0, "unknown": 0}
    for second in range(window.from_ns, window.to_ns):
        states = [each.state for each in changes if each.at_ns <= second]
        if states:
            spent[states[-1]] += 1
    return spent


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 200), STATES), max_size=12),
    st.integers(0, 150),
    st.integers(1, 100),
    st.integers(1, 20),
)
def test_times_and_beats_are_those_of_the_reference(given_: list[tuple[int, str]], begin: int, length: int, count: int):
    changes = [Change(at, state, "") for at, state in sorted(given_, key=lambda each: each[0])]  # type: ignore[arg-type]
    window = Range(begin, begin + length)
    found = times(changes, window)
    expected = by_second(changes, window)
    assert {name: getattr(found, name) for name in expected} == expected
    parts = beats(changes, window, count)
    assert sum(each.times.total for each in parts) == found.total
    for part in parts:
        spent = by_second(changes, part.window)
        worst = next((each for each in ("down", "degraded", "healthy", "unknown") if spent[each]), None)
        assert (part.state, part.times) == (worst, Times(**spent))


def test_unknown_time_is_not_time_that_it_was_up():
    found = Times(healthy=60, degraded=20, down=20, unknown=100)
    assert (found.uptime, found.at_least, found.known) == (0.8, 0.4, 0.5)
    assert (Times(unknown=5).uptime, Times(unknown=5).at_least, Times().known) == (None, 0.0, None)
