"""What /metrics tells of real traffic: exact, once for each row, with the trace behind a slow request."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.support.inside import Inside
from tests.support.telemetry import attributes, ledger_event, ledger_request, span, span_request

OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0"}
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.response.model": "gpt-5-mini",
    "gen_ai.usage.input_tokens": 1_000_000,
    "gen_ai.usage.output_tokens": 0,
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Inside]:
    running = Inside(tmp_path)
    try:
        yield running.start()
    finally:
        running.stop()


def text(server: Inside) -> str:
    with server.client(token="") as client:
        answer = client.get("/metrics", headers=OPENMETRICS)
    assert answer.status_code == 200
    return answer.text


def values(server: Inside, family: str) -> dict[tuple[str, ...], Decimal]:
    """Label values -> value."""
    found = next(each for each in text_string_to_metric_families(text(server)) if each.name == family)
    return {tuple(sample.labels.values()): Decimal(str(sample.value)) for sample in found.samples}


def test_a_call_that_is_told_by_span_and_event_and_again_is_counted_once(server: Inside):
    call = span("chat")
    call.attributes.extend(attributes(CALL))
    event = ledger_event(trace_id=call.trace_id, span_id=call.span_id, at_ns=call.end_time_unix_nano)
    del event.attributes[:]
    event.attributes.extend(attributes({"spanledger.entry.kind": "usage", **CALL}))
    sent = (("traces", span_request(call)), ("logs", ledger_request(event)))
    for signal, body in (*sent, *sent):
        assert server.send(signal, body).status_code == 200
    (line,) = server.get("/api/v1/ledger")["items"]
    assert line["source"] == "event"
    assert values(server, "spanledger_ledger_lines")["priced",] == 1
    assert values(server, "spanledger_cost_usd") == {("openai", "gpt-5-mini"): line["cost_usd"]}
    rows = values(server, "spanledger_rows")
    assert (rows["traces",], rows["logs",]) == (1, 0)


def test_refusals_are_counted_by_signal_and_reason(server: Inside):
    broken = span()
    broken.end_time_unix_nano = broken.start_time_unix_nano - 1
    assert server.send("traces", span_request(broken, span())).status_code == 200
    (((signal, reason), count),) = values(server, "spanledger_loss_records").items()
    assert (signal, count) == ("traces", 1)
    assert reason.replace("_", "").isalpha()


def test_a_trace_of_the_request_stands_beside_the_time_it_took(server: Inside):
    one, other = span(), ledger_event()
    server.send("traces", span_request(one))
    server.send("logs", ledger_request(other))
    families = {family.name: family for family in text_string_to_metric_families(text(server))}
    samples = families["spanledger_ack_duration_seconds"].samples
    traces = {sample.labels["signal"]: sample.exemplar.labels["trace_id"] for sample in samples if sample.exemplar}
    assert traces == {"traces": one.trace_id.hex(), "logs": other.trace_id.hex()}
    counts = {sample.labels["signal"]: sample.value for sample in samples if sample.name.endswith("_count")}
    assert counts == {"traces": 1, "logs": 1, "metrics": 0}


def test_questions_are_timed_and_nothing_else_is(server: Inside):
    def count() -> Decimal:
        (found,) = (
            sample.value
            for family in text_string_to_metric_families(text(server))
            for sample in family.samples
            if sample.name == "spanledger_question_duration_seconds_count"
        )
        return Decimal(found)

    before = count()
    server.send("traces", span_request(span()))
    server.get("/api/v1/ledger")
    server.get("/api/v1/traces")
    assert count() - before == 2
