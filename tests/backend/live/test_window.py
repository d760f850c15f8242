"""The window of seconds: replaced whole, told by version."""

from __future__ import annotations

from decimal import Decimal

import pytest

from spanledger_server.live.window import Window, amount, point


def made(t: int, calls: int) -> dict[str, object]:
    return point({"t": t, "calls": calls})


def test_only_what_changed_after_a_version_is_told():
    window = Window()
    window.replace(0, 10, {1: made(1, 1), 2: made(2, 1)}, {})
    before = window.version
    window.replace(0, 10, {1: made(1, 1), 2: made(2, 5), 3: made(3, 1)}, {})
    assert [each["t"] for each in window.points(after_version=before)] == [2, 3]
    assert [each["t"] for each in window.points()] == [1, 2, 3]
    assert [each["t"] for each in window.points(from_s=3)] == [3]


def test_a_second_whose_calls_moved_elsewhere_is_told_as_empty():
    window = Window()
    window.replace(0, 10, {1: made(1, 2)}, {})
    window.replace(0, 10, {4: made(4, 2)}, {})
    told = {each["t"]: each["calls"] for each in window.points(after_version=1)}
    assert told == {1: 0, 4: 2}


def test_a_stretch_leaves_the_seconds_beside_it_alone():
    window = Window()
    window.replace(0, 10, {1: made(1, 1), 8: made(8, 1)}, {})
    window.replace(5, 10, {}, {})
    assert {each["t"]: each["calls"] for each in window.points()} == {1: 1, 8: 0}
    window.forget_before(5)
    assert [each["t"] for each in window.points()] == [8]


def test_an_unknown_figure_is_none_and_an_amount_keeps_its_digits():
    empty = point({"t": 1})
    assert empty["cost"] is empty["p50"] is empty["ttfc_p95"] is None
    full = point({"t": 1, "cost": Decimal("0.100000000001"), "durations_ns": [1_500_000, 2_000_000, 3e6]})
    assert (full["cost"], full["p50"], full["p95"]) == ("0.100000000001", 1.5, 2.0)


@pytest.mark.parametrize(
    ("value", "text"), [("1E+3", "1000"), ("0.10", "0.1"), ("0E-12", "0"), ("1E-12", "0.000000000001"), (None, None)]
)
def test_money_leaves_as_plain_digits(value: str | None, text: str | None):
    assert amount(None if value is None else Decimal(value)) == text
