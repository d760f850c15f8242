from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from spanledger_server.ingest.windows import MOST_WINDOWS, Window, windows


def test_near_times_share_a_window_and_far_ones_do_not() -> None:
    assert windows([5, 1, 3, 100, 101, 3], apart_ns=10) == [Window(1, 5), Window(100, 101)]
    assert windows([0, 10, 20], apart_ns=10) == [Window(0, 20)]
    assert windows([], apart_ns=10) == []


@given(st.lists(st.integers(-(10**6), 10**6)), st.integers(1, 10**5))
def test_every_time_is_in_a_window_and_windows_do_not_touch(times: list[int], apart: int) -> None:
    found = windows(times, apart)
    assert len(found) <= MOST_WINDOWS
    assert all(sum(window.from_ns <= time <= window.to_ns for window in found) == 1 for time in times)
    assert all(before.to_ns < after.from_ns for before, after in pairwise(found))


def test_too_many_windows_become_one() -> None:
    assert windows(range(0, 1000, 10), apart_ns=1) == [Window(0, 990)]
