"""Conditions and expressions as people write them: read, or refused with the place of the mistake."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spanledger_server.errors import Invalid
from spanledger_server.rules import condition, expression
from spanledger_server.rules.condition import Condition
from tests.support.thorough import examples

SECOND = 10**9
SOME = settings(max_examples=examples(150), deadline=None)


def attempted(read: Callable[[], Any]) -> Any:
    """What it reads, or the mistake that it tells."""
    try:
        return read()
    except Invalid as refused:
        return refused


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processing_time > 500", Condition("processing_time", ">", Decimal(500))),
        (" quality_score<3.0 ", Condition("quality_score", "<", Decimal("3.0"))),
        ("p95_latency >= 2000 for 5m", Condition("p95_latency", ">=", Decimal(2000), None, 300 * SECOND)),
        ("error_rate > 5% over 10m for 1m", Condition("error_rate", ">", Decimal(5), "%", 60 * SECOND, 600 * SECOND)),
        ("cost > $10", Condition("cost", ">", Decimal(10), "usd")),
        ("latency => 2s", Condition("latency", ">=", Decimal(2), "s")),
        ("http.server.duration != -1e3", Condition("http.server.duration", "!=", Decimal("-1e3"))),
    ],
)
def test_a_condition_says_metric_comparison_number_and_lengths(text: str, expected: Condition) -> None:
    assert condition.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("", 1),
        ("> 5", 1),
        ("x", 2),
        ("x >", 4),
        ("x >> 5", 3),
        ("x > five", 5),
        ("x > 5 foo", 7),
        ("x > 5 for", 10),
        ("x > 5 for soon", 11),
        ("x > 5 for 5m for 6m", 14),
        ("x > 5; DROP TABLE rules", 6),
        ("x > (a+)+$", 5),
    ],
)
def test_a_mistake_points_at_its_character(text: str, at: int) -> None:
    with pytest.raises(Invalid) as refused:
        condition.parse(text)
    assert f"at character {at}," in refused.value.allowed
    assert refused.value.allowed.endswith("\n" + " " * (at - 1) + "^")


@SOME
@given(st.text(max_size=600))
@example("x > 1e99999999")
@example("x > " + "9" * 400)
@example("a" * 501)
def test_any_text_is_a_condition_or_a_pointed_mistake(text: str) -> None:
    found = attempted(lambda: condition.parse(text))
    if isinstance(found, Condition):
        assert found.number.is_finite()
        assert found.metric
    else:
        assert found.parameter == "condition"
        assert "at character " in found.allowed or "at most" in found.allowed


TREES = st.recursive(
    st.sampled_from("abc").map(expression.Name),
    lambda parts: st.one_of(
        parts.map(expression.Not),
        st.builds(expression.Both, st.sampled_from(("and", "or")), parts, parts),
    ),
    max_leaves=12,
)


def written(tree: expression.Tree) -> str:
    if isinstance(tree, expression.Name):
        return f"'{tree.name}'"
    if isinstance(tree, expression.Not):
        return f"not ({written(tree.part)})"
    return f"({written(tree.left)}) {tree.joined} ({written(tree.right)})"


@SOME
@given(TREES, st.fixed_dictionaries({name: st.sampled_from((True, False, None)) for name in "abc"}))
def test_an_expression_says_what_every_way_to_know_the_unknown_says(
    tree: expression.Tree, known: dict[str, bool | None]
):
    read = expression.parse(written(tree))
    assert expression.names(read) == expression.names(tree)
    said = expression.said(read, known.__getitem__)
    ways: list[dict[str, bool]] = [{}]
    for name, value in known.items():
        ways = [{**way, name: each} for way in ways for each in ((True, False) if value is None else (value,))]
    possible = {expression.said(tree, way.__getitem__) for way in ways}
    assert said is None or possible == {said}  # what it says holds, whatever is not known comes to


@SOME
@given(st.text(max_size=300))
@example("(" * 300)
@example("not " * 300 + "a")
@example("a or " * 390 + "a")
@example('"a')
def test_any_text_is_an_expression_or_a_pointed_mistake(text: str) -> None:
    found = attempted(lambda: expression.names(expression.parse(text)))
    if isinstance(found, Invalid):
        assert "at character " in found.allowed or "at most" in found.allowed


def test_a_way_from_a_rule_to_itself_is_found_over_any_number_of_steps() -> None:
    made_of = {f"r{n}": (f"r{n + 1}", "x") for n in range(500)}
    assert expression.cycle("r0", made_of) is None
    way = expression.cycle("r0", made_of | {"r500": ("r0",)})
    assert way is not None
    assert (way[0], way[-1], len(way)) == ("r0", "r0", 502)
