"""The order in which a trace's spans are drawn."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spanledger_server.cli.waterfall import in_order


def span(span_id: str, parent: str | None, start: int) -> dict[str, Any]:
    return {"span_id": span_id, "parent_span_id": parent, "start_offset_ns": start}


def test_parents_come_before_children_and_siblings_by_their_start():
    spans = [span("c", "a", 5), span("a", None, 0), span("b", "a", 2), span("d", "b", 3)]
    assert [(depth, each["span_id"]) for depth, each in in_order(spans)] == [(0, "a"), (1, "b"), (2, "d"), (1, "c")]


def test_a_span_whose_parent_did_not_come_stands_at_the_top():
    assert [depth for depth, _ in in_order([span("a", "gone", 0)])] == [0]


def test_a_trace_ten_thousand_spans_deep_is_drawn():
    spans = [span(str(number), str(number - 1) if number else None, number) for number in range(10_000)]
    assert max(depth for depth, _ in in_order(spans)) == 9_999


@given(st.dictionaries(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 12)), max_size=10))
def test_every_span_is_drawn_exactly_once_also_when_parents_go_in_circles(parents: dict[int, int | None]):
    spans = [span(str(own), None if parent is None else str(parent), own) for own, parent in parents.items()]
    drawn = [each["span_id"] for _, each in in_order(spans)]
    assert sorted(drawn) == sorted(each["span_id"] for each in spans)
