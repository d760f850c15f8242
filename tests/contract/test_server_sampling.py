"""Sampling over HTTP: what senders are told, what people see, and the budget that an administrator sets."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from spanledger.sampling.remote import Remote
from spanledger.sampling.strategies import Ratio
from tests.support.inside import Inside, Shifted
from tests.support.telemetry import attributes, ledger_event, ledger_request, span, span_request
from tests.support.waiting import until

NS = 10**9
AGO_NS = 120 * NS  # old enough for the self-check
CALL = {
    "spanledger.entry.kind": "usage",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.response.model": "gpt-5",
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 1,
}


class Stopped(Shifted):
    """A clock that only a test moves."""

    def __init__(self) -> None:
        super().__init__()
        self._stopped_ns = time.time_ns()

    def now_ns(self) -> int:
        return self._stopped_ns + self.by_ns


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Inside]:
    """A server with a budget that looks at its rollups all the time, and whose clock stands still."""
    running = Inside(tmp_path, "--tick", "100ms", "--sampling-budget", "50", clock=Stopped())
    try:
        yield running.start()
    finally:
        running.stop()


def sampled(name: str, threshold: str | None, **more: Any) -> Any:
    made = span(name, at_ns=time.time_ns() - AGO_NS, **more)
    if threshold is not None:
        made.trace_state = f"vendor=1,ot=th:{threshold}"
    return made


def send_calls(server: Inside, service: str, threshold: str | None, kept: int, calls: int) -> None:
    """Billable calls, of which some leave a span."""
    spans = [sampled("chat", threshold) for _ in range(kept)]
    events = [
        ledger_event(trace_id=each.trace_id, span_id=each.span_id, at_ns=each.end_time_unix_nano) for each in spans
    ]
    at_ns = time.time_ns() - AGO_NS
    events += [ledger_event(at_ns=at_ns) for _ in range(calls - kept)]
    usage = attributes(
        {"spanledger.entry.kind": "usage", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 1}
    )
    for event in events:
        del event.attributes[:]
        model = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.response.model": "gpt-5"}
        event.attributes.extend([*usage, *attributes(model)])
    assert server.send("logs", ledger_request(*events, service=service)).status_code == 200
    if spans:
        assert server.send("traces", span_request(*spans, service=service)).status_code == 200


def ticked(server: Inside) -> None:
    """Returns after the loop has done what the clock makes due."""
    vitals = server.running._vitals
    assert vitals is not None
    assert vitals.loop is not None
    assert vitals.loop.tick() == 0


def service_of(answer: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in answer["services"] if each["service"] == name)


def test_senders_are_answered_as_jaeger_answers_them(shared_server: Inside):
    with shared_server.client(token="") as client:
        answer = client.get("/sampling", params={"service": "nobody knows it"})
        assert answer.status_code == 200
        assert answer.json() == {
            "strategyType": "PROBABILISTIC",
            "probabilisticSampling": {"samplingRate": 1.0},
            "operationSampling": {
                "defaultSamplingProbability": 1.0,
                "defaultLowerBoundTracesPerSecond": 0,
                "defaultUpperBoundTracesPerSecond": 0,
                "perOperationStrategies": [],
            },
        }
        for wrong in ({}, {"service": ["a", "b"]}, {"service": ""}):
            refused = client.get("/sampling", params=wrong)
            assert refused.status_code == 400
            assert refused.json()["detail"] == "'service' parameter must be provided once"


def test_requests_are_weighed_and_spans_that_say_nothing_are_counted_apart(quick: Inside):
    spans = [sampled("GET /a", "c", failed=number == 0) for number in range(20)]
    spans += [sampled("GET /a", None) for _ in range(5)] + [sampled("GET /b", "0") for _ in range(7)]
    assert quick.send("traces", span_request(*spans)).status_code == 200
    until(lambda: quick.get("/api/v1/sampling")["services"], called="the minute is rolled up")
    shop = service_of(quick.get("/api/v1/sampling"), "shop")
    by_name = {each["operation"]: each for each in shop["operations"]}
    a, b = by_name["GET /a"], by_name["GET /b"]
    assert (a["kept"], a["uncounted"], a["requests"]["value"], a["dropped"]) == (25, 5, 80, 60)
    assert a["requests"]["low"] < 80 < a["requests"]["high"]
    assert a["error_ratio"]["value"] == Decimal("0.05")
    assert (b["requests"], b["dropped"]) == ({"value": 7, "low": 7, "high": 7}, 0)
    assert b["duration_ms"]["p95"]["value"] == pytest.approx(50, rel=0.011)
    assert shop["requests"]["value"] == 87
    assert shop["uncounted_share"] == pytest.approx(Decimal(5) / 32)
    assert [each["service"] for each in quick.get("/api/v1/sampling", service="shop")["services"]] == ["shop"]
    assert quick.get("/api/v1/sampling", service="none")["services"] == []


def test_what_spans_tell_is_checked_against_the_ledger_and_what_does_not_agree_is_a_condition(quick: Inside):
    send_calls(quick, "right", "0", 30, 30)
    send_calls(quick, "loses", "0", 15, 30)
    send_calls(quick, "silent", None, 30, 30)
    send_calls(quick, "unsampled", "0", 0, 30)
    assert isinstance(quick.clock, Shifted)
    quick.clock.by_ns = 61 * NS
    until(lambda: quick.get("/api/v1/sampling")["conditions"], called="the minute's check")
    answer = quick.get("/api/v1/sampling")
    checks = {each["service"]: each["check"] for each in answer["services"]}
    states = {service: check["state"] for service, check in checks.items()}
    assert states == {"right": "ok", "loses": "outside", "silent": "unknown", "unsampled": "unknown"}
    assert checks["loses"]["calls"]["ratio"]["value"] == Decimal("0.5")
    assert "no th" in checks["silent"]["reason"]
    (condition,) = answer["conditions"]
    assert (condition["service"], condition["level"]) == ("loses", "warning")
    assert quick.get("/api/v1/status")["conditions"] == answer["conditions"]


def test_an_administrator_sets_the_budget_and_senders_are_told_at_once(quick: Inside):
    assert quick.get("/api/v1/sampling")["budget"]["source"] == "setting"
    now_ns = time.time_ns()
    spans = [span("busy", at_ns=now_ns - 55 * NS + number * NS // 12) for number in range(600)]
    for each in spans:
        each.trace_state = "ot=th:0"
    assert quick.send("traces", span_request(*spans)).status_code == 200
    with quick.client() as client:
        told = client.put("/api/v1/sampling", json={"budget_spans_per_second": 5}).json()
        assert (told["budget"]["spans_per_second"], told["budget"]["source"]) == (5, "administrator")
        operations = client.get("/sampling", params={"service": "shop"}).json()["operationSampling"]
        (busy,) = operations["perOperationStrategies"]
        assert busy["operation"] == "busy"
        assert busy["probabilisticSampling"]["samplingRate"] == pytest.approx(5 / 12, rel=0.1)  # twelve came a second
        assert client.put("/api/v1/sampling", json={"budget_spans_per_second": None}).status_code == 200
        operations = client.get("/sampling", params={"service": "shop"}).json()["operationSampling"]
        assert (operations["defaultSamplingProbability"], operations["perOperationStrategies"]) == (1.0, [])
        assert client.delete("/api/v1/sampling").json()["budget"]["source"] == "setting"
        actions = [row["action"] for row in client.get("/api/v1/audit").json()["items"]]
        assert actions[:3] == ["sampling.budget.reset", "sampling.budget.set", "sampling.budget.set"]


@pytest.mark.parametrize(
    "body", [{}, {"budget_spans_per_second": 0}, {"budget_spans_per_second": -1}, {"budget_spans_per_second": "many"}]
)
def test_a_budget_that_is_none_is_refused(shared_server: Inside, body: dict[str, Any]):
    with shared_server.client() as client:
        refused = client.put("/api/v1/sampling", json=body)
    assert refused.status_code == 422
    assert "budget_spans_per_second" in refused.json()["parameter"]


def test_a_viewer_sees_it_and_may_not_set_it(shared_server: Inside):
    with shared_server.client(shared_server.token_for("viewer")) as client:
        assert client.get("/api/v1/sampling").status_code == 200
        assert client.put("/api/v1/sampling", json={"budget_spans_per_second": 1}).status_code == 403
        assert client.delete("/api/v1/sampling").status_code == 403


def test_a_trace_says_why_it_was_kept_and_a_search_what_its_traces_stand_for(quick: Inside):
    chosen = sampled("GET /slow", "c")
    chosen.attributes.extend(
        attributes({"spanledger.sampling.strategy": "adaptive", "spanledger.sampling.stratum": "slow"})
    )
    unknown = sampled("GET /other", None)
    assert quick.send("traces", span_request(chosen, unknown)).status_code == 200
    found = quick.get(f"/api/v1/traces/{chosen.trace_id.hex()}")["sampling"]
    assert (found["strategy"], found["stratum"], found["reason"]) == ("adaptive", "slow", "it was slow")
    assert (found["probability"], found["adjusted_count"], found["uncounted_spans"]) == (Decimal("0.25"), 4, 0)
    search = quick.get("/api/v1/traces", from_="now-1h")
    assert (search["matched"], search["stand_for"]["value"], search["stand_for"]["uncounted"]) == (2, 4, 1)
    assert (
        quick.send("logs", ledger_request(ledger_event(trace_id=(only := secrets.token_bytes(16))))).status_code == 200
    )
    assert quick.get(f"/api/v1/traces/{only.hex()}")["sampling"] is None


def test_a_server_without_room_has_its_senders_keep_less_and_lets_them_come_back(quick: Inside):
    vitals = quick.running._vitals
    assert vitals is not None
    assert isinstance(quick.clock, Shifted)

    def told() -> float:
        with quick.client() as client:
            answer = client.get("/sampling", params={"service": "shop"}).json()
        return float(answer["operationSampling"]["defaultSamplingProbability"])

    ticked(quick)
    with vitals.admission.admit(2**40):
        assert quick.send("traces", span_request(span())).status_code == 503
    quick.clock.by_ns += 16 * NS
    ticked(quick)
    assert told() == 0.5
    assert quick.get("/api/v1/sampling")["budget"]["pressure"] == Decimal("0.5")
    for _ in range(4):
        quick.clock.by_ns += 16 * NS
        ticked(quick)
    assert told() == 1


def test_the_sdk_asks_and_keeps_what_it_is_told(quick: Inside):
    spans = [span("busy", at_ns=time.time_ns() - 55 * NS + number * NS // 12) for number in range(600)]
    for each in spans:
        each.trace_state = "ot=th:0"
    assert quick.send("traces", span_request(*spans)).status_code == 200
    with quick.client() as client:
        assert client.put("/api/v1/sampling", json={"budget_spans_per_second": 5}).status_code == 200
    remote = Remote(f"{quick.url}/sampling", "shop", Ratio(0.0))
    assert remote.threshold("busy", None) == 2**56
    assert remote.ask()
    assert remote.threshold("busy", None) / 2**56 == pytest.approx(7 / 12, rel=0.1)
    assert remote.threshold("never seen", None) / 2**56 == pytest.approx(0.96, rel=0.01)  # a tenth, of 12 a second
