"""Definitions: what they mean, what is refused, and the files of others."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from spanledger_server.errors import Invalid, Malformed, Mistakes
from spanledger_server.slos import definition, documents, openslo, ready
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS
from tests.backend.rows import NOON
from tests.support.thorough import PATIENT

GIVEN: dict[str, Any] = {
    "name": "fast",
    "service": "shop",
    "indicator": {"kind": "span", "below": {"field": "duration_ms", "value": 500}},
    "target": 0.99,
    "window": "28d",
}


def refused(**changed: Any) -> list[str]:
    with pytest.raises(Mistakes) as mistakes:
        definition.parse({**GIVEN, **changed})
    return [mistake.parameter for mistake in mistakes.value.each]


def test_what_goes_without_saying_is_added():
    found = definition.parse(GIVEN)
    assert found.indicator.where.value_of("service") == "shop"
    assert found.indicator.where.value_of("entry") == "true"  # child spans are no requests
    assert found.target == Fraction(99, 100)
    assert [policy.long_ns for policy in found.pairs(NOON)] == [HOUR_NS, 6 * HOUR_NS, DAY_NS, 3 * DAY_NS]


@pytest.mark.parametrize(
    ("changed", "members"),
    [
        ({"name": "Not A Name"}, ["name"]),
        ({"target": 1}, ["target"]),
        ({"target": 99.9}, ["target"]),
        ({"target": True}, ["target"]),
        ({"window": "30s"}, ["window"]),
        ({"window": "2Y"}, ["window.duration"]),
        ({"window": {"duration": "2M", "calendar": True}}, ["window.duration"]),
        ({"window": {"duration": "1M", "calendar": True, "timezone": "Mars/Olympus"}}, ["window.timezone"]),
        ({"indicator": {"kind": "span"}}, ["indicator.good"]),
        ({"indicator": {"kind": "trace"}}, ["indicator.kind"]),
        ({"indicator": {"kind": "span", "good": {"status": "fine"}}}, ["indicator.good.status"]),
        ({"indicator": {"kind": "span", "below": {"value": 1}, "above": {"value": 2}}}, ["indicator.above"]),
        ({"indicator": {"kind": "span", "below": {"field": "colour", "value": 1}}}, ["indicator.below.field"]),
        ({"indicator": {"kind": "metric", "above": {"value": 1}}}, ["indicator.metric"]),
        ({"method": "sometimes"}, ["method"]),
        ({"method": "timeslices", "slice": {"window": "7m", "target": 0.9}}, ["slice.window"]),
        ({"alerting": [{"severity": "page", "budget_percent": 2, "long": "5m", "short": "1h"}]}, ["alerting[0].short"]),
        ({"alerting": [{"severity": "page", "budget_percent": 2, "long": "90d", "short": "1h"}]}, ["alerting[0].long"]),
        ({"colour": "red", "target": 0, "name": ""}, ["colour", "name", "target"]),
    ],
)
def test_every_mistake_is_named_with_its_member(changed: dict[str, Any], members: list[str]):
    assert sorted(refused(**changed)) == sorted(members)


@PATIENT
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_anything_else_is_refused_and_never_breaks(value: Any):
    for member in ("name", "service", "indicator", "target", "window", "method", "slice", "alerting", "labels"):
        with contextlib.suppress(Mistakes):
            definition.parse({**GIVEN, member: value})
    with pytest.raises(Mistakes):
        definition.parse(value)


@pytest.mark.parametrize("kind", ready.KINDS)
def test_the_objectives_to_begin_with_can_be_imported(kind: str):
    found = openslo.definitions(documents.read(ready.text(kind, "Chat API").encode()))
    assert len(found) >= 4
    assert all(one.definition["name"].startswith("chat-api-") for one in found)
    assert {one.definition["service"] for one in found} == {"Chat API"}
    if kind == "audio":
        throughput = definition.parse(found[-1].definition)
        assert (throughput.slice_events, throughput.slice_ns) == (100, MINUTE_NS)


@PATIENT
@given(
    target=st.decimals("0.5", "0.99999", places=5).map(float),
    window=st.sampled_from(["1d", "28d", {"duration": "1M", "calendar": True, "timezone": "Asia/Kathmandu"}]),
    method=st.sampled_from(["occurrences", "timeslices", "ratio_timeslices"]),
    alerting=st.none() | st.just([{"severity": "page", "budget_percent": 2.5, "long": "1h", "short": "5m"}]),
    slices=st.sampled_from([{"window": "5m", "target": 0.9}, {"window": "1m", "events": 100}]),
)
def test_a_definition_comes_back_from_openslo_as_it_was(
    target: float, window: Any, method: str, alerting: Any, slices: dict[str, Any]
):
    asked = {**GIVEN, "target": target, "window": window, "method": method}
    if alerting is not None:
        asked["alerting"] = alerting
    if method != "occurrences":
        asked["slice"] = slices if method == "timeslices" else {"window": "5m"}
    text = yaml.safe_dump(openslo.document(asked)).encode()
    (again,) = openslo.definitions(documents.read(text))
    assert definition.parse(again.definition) == definition.parse(asked)


RATIO = """
apiVersion: {version}
kind: SLO
metadata: {{name: ratio}}
spec:
  service: shop
  indicator:
    metadata: {{name: ratio}}
    spec:
      ratioMetric:
        {part}:
          metricSource: {{type: spanledger, spec: {{kind: span, filter: {{service: shop, status: {status}}}}}}}
        total: {{metricSource: {{type: spanledger, spec: {{kind: span, filter: {{service: shop}}}}}}}}
  timeWindow: [{{duration: 4w, isRolling: true}}]
  budgetingMethod: Occurrences
  objectives: [{{targetPercent: 99.9}}]
"""


@pytest.mark.parametrize("version", openslo.VERSIONS)
def test_a_ratio_of_bad_events_is_the_same_objective_as_one_of_good_ones(version: str):
    good, bad = (
        openslo.definitions(documents.read(RATIO.format(version=version, part=part, status=status).encode()))[0]
        for part, status in (("good", '"!error"'), ("bad", "error"))
    )
    first, second = (definition.parse(one.definition) for one in (good, bad))
    assert first.indicator == second.indicator
    assert first.target == Fraction(999, 1000)


SHARED = Path(__file__).parents[4] / "shared" / "data" / "openslo"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the files of others are not there")
def test_files_of_others_load_or_it_is_said_why_not():
    told = {}
    for path in sorted(SHARED.rglob("*.y*ml")):
        if "_gen" in path.parts:
            continue
        with pytest.raises((Invalid, Malformed)) as refusal:
            openslo.definitions(documents.read(path.read_bytes()))
        told[path.name] = str(refusal.value)
    assert "queries of other systems cannot be evaluated here" in told["occurences-slo.yaml"]
    assert "openslo/v1alpha" in told["openslo-getting-started.yml"]


def test_lines_of_documents_are_known():
    (first, second) = documents.read(b"a: 1\n---\nb:\n  - c: 2\n")
    assert second.lines["b[0].c"] == 4
    assert first.value == {"a": 1}
    assert documents.read(b"") == []
    assert documents.read(b"at: 2026-11-21\n")[0].value == {"at": "2026-11-21"}
