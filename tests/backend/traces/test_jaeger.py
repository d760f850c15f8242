"""Shapes of Jaeger that no recorded answer holds: durations as Go spells them, and references in their order."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_server.api.jaeger_parameters import duration_ns
from spanledger_server.traces.jaeger import trace_shape
from spanledger_server.traces.jaeger_otlp import resource_spans
from spanledger_server.traces.jaeger_read import Whole
from spanledger_server.traces.jaeger_warnings import duration_text, skew

OWN, OTHER = UUID(int=7), UUID(int=8)


@pytest.mark.parametrize(
    ("length_ns", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (-999, "-999ns"),
        (1100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (3_300_000_000, "3.3s"),
        (-15_000_000, "-15ms"),
        (60 * 10**9, "1m0s"),
        (4 * 60 * 10**9 + 5_001_000_000, "4m5.001s"),
        (3600 * 10**9, "1h0m0s"),
        (8 * 60 * 10**9 + 1, "8m0.000000001s"),
        (2**63 - 1, "2562047h47m16.854775807s"),
    ],
)
def test_durations_are_spelled_as_go_does(length_ns: int, text: str):
    assert duration_text(length_ns) == text
    assert duration_ns(text) == length_ns


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_what_is_spelled_can_be_read(length_ns: int):
    assert duration_ns(duration_text(length_ns)) == length_ns


@pytest.mark.parametrize("text", ["", "1", "s", "1.2.3s", ".s", "1h 2m", "1d", "--1s", "١s", "9223372036854775808ns"])
def test_what_go_cannot_read_is_no_duration(text: str):
    assert duration_ns(text) is None


def test_other_spellings_of_go_are_read():
    assert duration_ns("0") == 0
    assert duration_ns("+1.5s") == 1_500_000_000
    assert duration_ns(".5s") == 500_000_000
    assert duration_ns("5.s") == 5 * 10**9
    assert duration_ns("1us") == duration_ns("1µs") == duration_ns("1\u03bcs") == 1000


def span(number: int, **values: Any) -> dict[str, Any]:
    return {
        "trace_id": OWN,
        "span_id": number,
        "parent_span_id": None,
        "start_ns": 1000 * number,
        "end_ns": 1000 * number + 500,
        "service": "shop",
        "name": "work",
        "kind": 1,
        "status_code": 0,
        "status_message": None,
        "scope": None,
        "trace_state": None,
        "flags": 0,
        "resource_id": 1,
        "attributes": {},
        "events": [],
        "links": [],
        "resource": {"service.name": "shop"},
    } | values


def link(trace: UUID, number: int, **attributes: Any) -> dict[str, Any]:
    return {"trace_id": trace.hex, "span_id": f"{number:016x}", "attributes": attributes}


def references(**values: Any) -> list[tuple[str, int, int]]:
    shape = trace_shape(Whole(OWN, [span(1, **values)], 1))["spans"][0]
    return [(each["refType"], int(each["traceID"], 16), int(each["spanID"], 16)) for each in shape["references"]]


def test_what_belongs_to_the_trace_is_the_first_reference():
    child = {"opentracing.ref_type": "child_of"}
    assert references() == []
    assert references(parent_span_id=5) == [("CHILD_OF", 7, 5)]
    assert references(links=[link(OTHER, 2), link(OWN, 3)]) == [("FOLLOWS_FROM", 7, 3), ("FOLLOWS_FROM", 8, 2)]
    found = references(links=[link(OTHER, 2, **child), link(OWN, 3), link(OWN, 4, **child)])
    assert found == [("CHILD_OF", 7, 4), ("FOLLOWS_FROM", 7, 3), ("CHILD_OF", 8, 2)]
    assert references(parent_span_id=5, links=[link(OWN, 5)]) == [("FOLLOWS_FROM", 7, 5)]


def test_a_link_to_nothing_is_a_warning():
    broken = [{"trace_id": "", "span_id": "", "attributes": {}}, {"trace_id": "0" * 32}]
    whole = Whole(OWN, [span(1, links=[*broken, link(OTHER, 1)])], 1)
    shown = trace_shape(whole)["spans"][0]
    assert (len(shown["references"]), len(shown["warnings"])) == (1, 2)
    (group,) = resource_spans([whole])
    assert len(group["scopeSpans"][0]["spans"][0]["links"]) == 1
    (raw,) = resource_spans([whole], raw=True)
    assert "attributes" not in raw["scopeSpans"][0]["spans"][0]
    assert trace_shape(whole, raw=True)["spans"][0]["warnings"] is None


def test_spans_of_one_process_share_it():
    other = {"resource_id": 2, "resource": {"service.name": "llm", "host.name": "h"}, "service": "llm"}
    shape = trace_shape(Whole(OWN, [span(1), span(2, **other), span(3)], 3))
    assert [each["processID"] for each in shape["spans"]] == ["p1", "p2", "p1"]
    assert shape["processes"]["p2"] == {
        "serviceName": "llm",
        "tags": [{"key": "host.name", "type": "string", "value": "h"}],
    }


@pytest.mark.parametrize(
    ("child", "parent", "expected"),
    [
        ((10, 20), (0, 100), 0),
        ((0, 100), (0, 100), 0),
        ((-30, 30), (0, 100), 50),
        ((90, 150), (0, 100), -70),
        ((-5, 200), (0, 100), 5),
        ((5, 200), (0, 100), 0),
    ],
)
def test_a_child_moves_into_the_middle_of_its_parent(child: tuple[int, int], parent: tuple[int, int], expected: int):
    inner, outer = ({"start_ns": start, "end_ns": end} for start, end in (child, parent))
    assert skew(inner, outer) == expected
