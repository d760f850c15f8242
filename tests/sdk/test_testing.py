from decimal import Decimal

import pytest

import spanledger
from spanledger.configure import tracer
from spanledger.ledger import record
from spanledger.testing import SteppedClock, capture
from tests.sdk.making import entry


def test_what_a_monitor_collects_is_captured_and_nothing_is_configured(monkeypatch):
    monkeypatch.setattr("spanledger.production_monitor.configure", lambda **more: pytest.fail("configured"))
    with capture() as captured, spanledger.context(feature="f", user_id="u"):
        monitor = spanledger.ProductionMonitor({"collection_interval": 1})
        monitor.collect_metrics("shop", {"queue_size": 15, "ratio": 0.5, "broken": None})
    assert [(one.service, one.name, one.value) for one in captured.figures] == [
        ("shop", "queue_size", 15),
        ("shop", "ratio", 0.5),
    ]
    assert captured.figures[0].labels == (("spanledger.feature", "f"),)


def test_spans_entries_and_metrics_are_captured_and_nothing_else_happens():
    with capture() as captured:
        with tracer().start_as_current_span("work"):
            record(entry(1))
        record(entry(2, kind="cost", usage=None, cost_usd=Decimal("0.5")))
    assert captured.span("work").context.span_id == 1
    assert [found.span_id for found in captured.entries] == [1, 2]
    points = {(point.name, point.attributes.get("gen_ai.token.type")): point for point in captured.metrics}
    assert points["gen_ai.client.token.usage", "input"].total == 100
    assert points["gen_ai.client.operation.duration", None].count == 1
    captured.clear()
    assert (captured.spans, captured.entries, captured.metrics) == ([], [], [])


def test_ids_are_the_same_in_every_capture():
    ids = []
    for _ in range(2):
        with capture() as captured:
            with tracer().start_as_current_span("a"), tracer().start_as_current_span("b"):
                pass
            ids.append([(span.name, span.context.trace_id, span.context.span_id) for span in captured.spans])
    assert ids[0] == ids[1]


def test_sampling_takes_spans_and_never_entries():
    with capture(sample_ratio=0) as captured, tracer().start_as_current_span("a"):
        record(entry())
    assert captured.spans == []
    assert len(captured.entries) == 1


def test_calls_are_timed_by_a_stepped_clock():
    clock = SteppedClock()
    with capture(clock=clock) as captured:

        @spanledger.traced_cost(provider="openai", model="gpt-4o")
        def call():
            clock.step(2.5)
            return {"model": "gpt-4o", "usage": {"prompt_tokens": 3, "completion_tokens": 4}}

        call()
    (found,) = captured.entries
    assert found.end_ns - found.start_ns == 2_500_000_000


def test_asking_for_a_span_that_is_not_there_names_those_that_are():
    with capture() as captured, tracer().start_as_current_span("here"):
        pass
    with pytest.raises(LookupError, match="here"):
        captured.span("there")
