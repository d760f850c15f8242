"""How a service does, and the sentence: silence is unknown, and unknown never reads as well."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_server.live.health import ServiceHealth, Usual, sentence, services, usual_gap
from spanledger_server.live.window import Report, Window

NOW = 1_700_000_000


def window(*reports: tuple[int, Report]) -> Window:
    made = Window()
    by_second: dict[int, tuple[Report, ...]] = {}
    for ago, report in reports:
        by_second[NOW - ago] = (*by_second.get(NOW - ago, ()), report)
    made.replace(0, NOW + 1, {}, by_second)
    return made


def calls(service: str, count: int, errors: int = 0) -> Report:
    return Report(service, count, errors, Decimal(1), count)


def judged(made: Window, usual: dict[str, Usual] | None = None) -> list[ServiceHealth]:
    return services(made, usual or {}, NOW)


def test_all_services_that_report_and_work_are_well():
    found = judged(window((1, calls("a", 9)), (3, calls("b", 0))))
    assert sentence(found, ever=True) == ("All systems operational", "ok")


def test_a_service_that_is_silent_is_unknown_and_named_in_the_count():
    found = judged(window((1, calls("a", 9)), (2, calls("b", 9)), (61, calls("c", 1))))
    assert sentence(found, ever=True) == ("2 of 3 services healthy, 1 unknown", "unknown")
    assert found[0].reason == "silent for 61 s"


def test_a_service_known_only_from_its_rollups_is_unknown_until_a_day_has_passed():
    usual = {"old": Usual(NOW - 3600, 60), "gone": Usual(NOW - 86400, 60)}
    (found,) = judged(window(), usual)
    assert (found.service, found.state, found.reason) == ("old", "unknown", "silent for 60 min")


def test_a_service_may_be_silent_for_three_of_its_own_intervals():
    slow = [(ago, calls("slow", 1)) for ago in (110, 210, 310, 410, 510)]
    assert judged(window(*slow))[0].state == "ok"
    slower = [(ago + 200, report) for ago, report in slow]
    assert judged(window(*slower))[0].state == "unknown"
    assert judged(window((170, calls("a", 1))), {"a": Usual(NOW - 170, 60)})[0].state == "ok"


@pytest.mark.parametrize(
    ("count", "errors", "state"),
    [(20, 0, "ok"), (20, 1, "warning"), (20, 4, "warning"), (20, 5, "critical"), (4, 4, "ok")],
)
def test_failed_calls_are_judged_from_five_calls_on(count: int, errors: int, state: str):
    assert judged(window((1, calls("a", count, errors))))[0].state == state


def test_errors_older_than_five_minutes_no_longer_judge():
    old = [(ago, calls("a", 5, 5)) for ago in (400, 500)]
    (found,) = judged(window((1, calls("a", 10)), *old))
    assert (found.state, found.calls, found.errors) == ("ok", 20, 10)


def test_the_worst_is_said_first_and_unknown_is_still_counted():
    made = window(
        (1, calls("bad", 10, 9)), (1, calls("worse", 10, 1)), (1, calls("well", 10)), (300, calls("silent", 1))
    )
    told, level = sentence(judged(made), ever=True)
    assert level == "critical"
    assert told == (
        "2 of 4 services need attention "
        "(bad: 9 of 10 calls failed in 5 min; worse: 1 of 10 calls failed in 5 min) · 1 unknown"
    )


def test_nothing_and_nothing_lately_are_told_apart():
    assert sentence([], ever=False) == ("Nothing has reported yet", "unknown")
    assert sentence([], ever=True) == ("Nothing has reported for 24 hours", "unknown")


def test_a_server_that_cannot_store_says_so_before_everything_else():
    told, level = sentence(judged(window((1, calls("a", 9)))), ever=True, failing="the disk is full")
    assert (told, level) == ("New data cannot be stored: the disk is full", "critical")


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(0, 899), st.integers(0, 50), st.integers(0, 50)), max_size=40
    )
)
def test_all_is_well_only_when_every_service_is(rows: list[tuple[str, int, int, int]]):
    found = judged(window(*[(ago, calls(name, max(count, errors), errors)) for name, ago, count, errors in rows]))
    told, level = sentence(found, ever=True)
    well = bool(found) and all(health.state == "ok" for health in found)
    assert (level == "ok") is well
    assert (told == "All systems operational") is well


@given(st.lists(st.integers(0, 900), max_size=50, unique=True))
def test_the_usual_gap_is_one_of_the_gaps(seconds: list[int]):
    seconds.sort()
    gap = usual_gap(seconds)
    gaps = [later - earlier for earlier, later in pairwise(seconds)]
    assert gap is None if len(gaps) < 3 else gap in gaps
