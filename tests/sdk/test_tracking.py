"""Tracking calls: what is in the ledger, in the log records and in the metrics, and what bad arguments get."""

from __future__ import annotations

import ast
import math
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

import spanledger
from spanledger import guard, semconv
from spanledger.delivery.ledger_record import ledger_record
from spanledger.testing import Captured, SteppedClock, capture
from spanledger.tracking import amount
from tests.sdk.making import program
from tests.sdk.receiver import Received, attributes, http_receiver

PAGE = (Path(__file__).parents[2] / "docs" / "tracking.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(autouse=True)
def counted_afresh() -> None:
    guard.forget()


def written(captured: Captured) -> list[dict[str, Any]]:
    """The lines as they are on the wire."""
    return [attributes(LogRecord.FromString(b"".join(ledger_record(entry, None)))) for entry in captured.entries]


@pytest.mark.parametrize(
    ("cost", "exact"),
    [
        (0.1, "0.1"),
        (0.0456, "0.0456"),
        ("12.50", "12.5"),
        (15, "15"),
        (0, "0"),
        ("-0", "0"),
        (Decimal("0.000000000001"), "0.000000000001"),
        (Decimal("999999999999.999999999999"), "999999999999.999999999999"),
        (1e-7, "0.0000001"),
        ("1e3", "1000"),
        (1e-300, "0"),
        ("0.0000000000005", "0"),
        ("0.0000000000015", "0.000000000002"),
    ],
)
def test_an_amount_is_on_the_wire_digit_by_digit(cost: Any, exact: str) -> None:
    with capture() as captured:
        spanledger.track_cost("openai", "gpt-4", cost)
    (line,) = written(captured)
    assert line["spanledger.cost.usd"] == exact
    assert line["spanledger.entry.kind"] == "cost"


@given(some.decimals(0, Decimal("999999999999.999999999999"), places=12, allow_nan=False))
def test_every_amount_of_twelve_places_stays_itself(cost: Decimal) -> None:
    assert amount(cost) == amount(str(cost)) == cost


@given(some.floats(1e-6, 1e11))
def test_a_float_counts_as_the_decimal_that_is_printed_for_it(cost: float) -> None:
    assert abs(amount(cost) - Decimal(repr(cost))) <= Decimal("5e-13")


HOSTILE = [math.nan, math.inf, -math.inf, -0.01, "-1", "", "a lot", None, True, 10**12, "1e12", 1e300, "9" * 5_000]
HOSTILE += ["999999999999.9999999999999", 10**5_000, [1], Decimal("sNaN"), "0x10", object()]


def test_what_is_no_amount_makes_no_line_and_is_logged_once_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    with capture() as captured:
        for cost in HOSTILE:
            spanledger.track_cost("openai", "gpt-4", cost)  # type: ignore[arg-type]
    assert captured.entries == []
    assert spanledger.stats()["failures"] == {"track_cost: ValueError": len(HOSTILE)}
    assert len(caplog.records) == 1


def test_a_cost_lies_below_the_current_span_and_has_what_the_context_says() -> None:
    clock = SteppedClock()
    with capture(sample_ratio=0.0, clock=clock) as captured:
        tracer = captured.tracer_provider.get_tracer("t")
        with spanledger.context(user_id="u-1", user_tier="free", feature="search", tenant="t-1"):
            spanledger.track_cost("openai", "alone", 1)
            with tracer.start_as_current_span("around") as span:
                spanledger.track_cost("openai", "inside", 1, user_id=7, session_id="s-1", tokens_input=3)
    alone, inside = captured.entries
    around = span.get_span_context()
    assert alone.parent_span_id is None
    assert (inside.trace_id, inside.parent_span_id) == (around.trace_id, around.span_id)
    assert len({alone.span_id, inside.span_id, around.span_id, 0}) == 4
    assert inside.start_ns == inside.end_ns == clock.time_ns()
    before, after = written(captured)
    assert (before["user.id"], after["user.id"], after["session.id"]) == ("u-1", "7", "s-1")
    assert {after[f"spanledger.{key}"] for key in ("user_tier", "feature", "tenant")} == {"free", "search", "t-1"}
    assert (after["gen_ai.provider.name"], after["gen_ai.operation.name"]) == ("openai", "inside")
    assert after["gen_ai.usage.input_tokens"] == 3
    assert "gen_ai.usage.output_tokens" not in after
    assert "spanledger.duration_ns" not in after
    assert captured.metrics == []  # an amount is no call: it has no duration


def test_metadata_stands_beside_the_amount_and_cannot_change_it() -> None:
    class Unprintable:
        def __str__(self) -> str:
            raise RuntimeError("no")

    circle: list[Any] = []
    circle.append(circle)
    shelf = {"a": [1, {"b": Decimal("0.1")}]}
    metadata = {"isbn": 9, "shelf": shelf, "spanledger.cost.usd": "0", "user.id": "evil", "gen_ai.request.model": "m"}
    metadata |= {"bad": Unprintable(), "circle": circle, "long": ["x" * 9_000], 5: None, "llm.usage.prompt_tokens": 4}
    with capture() as captured:
        spanledger.track_cost("openai", "gpt-4", 2, user_id="u-1", metadata=metadata)
        spanledger.track_cost("openai", "gpt-4", 2, metadata=[1])  # type: ignore[arg-type]
        spanledger.track_cost("openai", "gpt-4", 2, metadata={str(number): number for number in range(1_000)})
        shelf["a"].append("afterwards")
    first, second, third = written(captured)
    assert (first["spanledger.cost.usd"], first["user.id"]) == ("2", "u-1")
    assert (first["isbn"], first["shelf"], first["5"]) == (9, {"a": [1, {"b": "0.1"}]}, None)
    renamed = ("spanledger.cost.usd", "user.id", "gen_ai.request.model", "llm.usage.prompt_tokens")
    assert [first[f"metadata.{name}"] for name in renamed] == ["0", "evil", "m", 4]
    assert len(first["long"]) == 8_192
    assert not {"bad", "circle", "gen_ai.request.model"} & set(first)
    assert second["spanledger.cost.usd"] == "2"
    assert sum(name.isdigit() for name in third) == 64
    failures = spanledger.stats()["failures"]
    assert failures == {
        "track_cost.metadata: RuntimeError": 1,
        "track_cost.metadata: ValueError": 1,
        "track_cost.metadata: AttributeError": 1,
    }


KEYS = some.none() | some.booleans() | some.integers() | some.floats() | some.text()
SCALARS = KEYS | some.binary() | some.decimals()
NESTED = some.lists(SCALARS, max_size=2) | some.dictionaries(KEYS, SCALARS, max_size=2)
ANYTHING = SCALARS | NESTED | some.lists(NESTED, max_size=2)


@given(some.dictionaries(KEYS, ANYTHING, max_size=4))
def test_no_metadata_costs_the_line_its_amount(metadata: dict[Any, Any]) -> None:
    with capture() as captured:
        spanledger.track_cost("openai", "gpt-4", "0.1", user_id="u-1", metadata=metadata)
    (line,) = written(captured)
    assert (line["spanledger.cost.usd"], line["spanledger.entry.kind"], line["user.id"]) == ("0.1", "cost", "u-1")
    assert not spanledger.stats()["failures"].get("delivery.encode")


def test_users_tests_see_events_and_nothing_else_does(caplog: pytest.LogCaptureFixture) -> None:
    with capture() as captured, spanledger.context(user_id="u-1"):
        spanledger.track_cache("miss")
        spanledger.track_dialogue("s-1", "b-1", rating=4)
    assert [event.name for event in captured.events] == ["spanledger.cache", "spanledger.dialogue"]
    assert captured.events[1].attributes == {
        "user.id": "u-1",
        "session.id": "s-1",
        "spanledger.dialogue.book_id": "b-1",
        "spanledger.dialogue.rating": 4.0,
    }
    captured.clear()
    assert captured.events == caplog.records == []


def told(body: str, **env: str) -> tuple[Received, Any]:
    """What a program that makes these calls sends, at a sampling of nought."""
    with http_receiver() as (received, address):
        done = program(body, env={"SPANLEDGER_ENDPOINT": address, "SPANLEDGER_SAMPLE_RATIO": "0", **env})
    assert done.returncode == 0, done.stderr
    return received, done


def series(received: Received, name: str) -> dict[tuple[Any, ...], Any]:
    """The last reading of a metric: the values of its labels, and what was counted."""
    metric = received.metrics(name)[-1]
    points = metric.sum.data_points or metric.histogram.data_points
    return {tuple(attributes(point).values()): getattr(point, "as_int", 0) or point.sum for point in points}


def test_events_are_log_records_that_are_never_sampled_and_metrics_that_have_few_series() -> None:
    received, _ = told("""
        import spanledger
        from spanledger.configure import tracer
        spanledger.configure(service_name="s")
        with spanledger.context(user_id="u-1", feature="search"), tracer().start_as_current_span("around"):
            for number in range(300):
                spanledger.track_rate_limit("allowed", "user", f"key-{number}", 300 - number)
            spanledger.track_rate_limit("denied", "user", "key-1", 0)
            spanledger.track_cache("hit", "openai", saved_cost=0.0045, saved_tokens=300)
            spanledger.track_cache("miss", "openai")
            spanledger.track_request("GET", "/books/{id}", 200, 0.25, client_address="192.0.2.7", user_agent="curl")
            spanledger.track_request("BREW", "/pot", 418, 2, user_id="u-2")
        spanledger.track_dialogue("s-1", "b-1", user_id="u-3", model="m", type="t", message_count=4, duration_s=1.5,
                                  rating=4.5, feedback="x" * 10_000)
    """)
    assert received.spans() == []
    limits = received.records("spanledger.rate_limit")
    assert len(limits) == 301
    assert all(len(record.trace_id) == 16 and len(record.span_id) == 8 for record in limits)
    assert attributes(limits[-1]) == {
        "user.id": "u-1",
        "spanledger.feature": "search",
        "spanledger.rate_limit.event": "denied",
        "spanledger.rate_limit.type": "user",
        "spanledger.rate_limit.key": "key-1",
        "spanledger.rate_limit.remaining": 0,
    }
    hit, miss = map(attributes, received.records("spanledger.cache"))
    assert (hit["spanledger.cache.saved_cost_usd"], hit["spanledger.cache.saved_tokens"]) == ("0.0045", 300)
    assert set(hit) - set(miss) == {"spanledger.cache.saved_cost_usd", "spanledger.cache.saved_tokens"}
    got, brew = map(attributes, received.records("spanledger.request"))
    assert (got["user.id"], got["client.address"], got["user_agent.original"]) == ("u-1", "192.0.2.7", "curl")
    assert (brew["user.id"], brew["http.request.method"], brew["spanledger.process_time_s"]) == ("u-2", "_OTHER", 2)
    (dialogue,) = map(attributes, received.records("spanledger.dialogue"))
    assert (dialogue["session.id"], dialogue["user.id"], dialogue["gen_ai.request.model"]) == ("s-1", "u-3", "m")
    said = {name: dialogue[f"spanledger.dialogue.{name}"] for name in ("book_id", "type", "message_count", "rating")}
    assert said == {"book_id": "b-1", "type": "t", "message_count": 4, "rating": 4.5}
    assert (dialogue["spanledger.dialogue.duration_s"], len(dialogue["spanledger.dialogue.feedback"])) == (1.5, 8_192)
    counted = {("search", "allowed", "user"): 300, ("search", "denied", "user"): 1}
    assert series(received, "spanledger.rate_limit.decisions") == counted
    assert series(received, "spanledger.cache.events") == {
        ("search", "hit", "openai"): 1,
        ("search", "miss", "openai"): 1,
    }
    took = {("search", "GET", "/books/{id}", 200): 0.25, ("search", "_OTHER", "/pot", 418): 2.0}
    assert series(received, "http.server.request.duration") == took
    assert series(received, "spanledger.dialogues") == {("m", "t"): 1}


def test_what_cannot_be_is_left_out_and_counted_and_the_rest_is_told() -> None:
    received, done = told("""
        import math, spanledger
        spanledger.configure(service_name="s")
        spanledger.track_cache("hit", saved_cost=-1, saved_tokens="many")
        spanledger.track_cache("sideways")
        spanledger.track_rate_limit("maybe")
        spanledger.track_request("GET", "/", "200", math.nan)
        spanledger.track_dialogue(None, "b-1", message_count=1.5)
        spanledger.track_dialogue(None, None, rating=math.inf, message_count=-1, duration_s=True)
        print(sorted(spanledger.stats()["failures"].items()))
    """)
    assert ast.literal_eval(done.stdout) == [
        ("track_cache: ValueError", 1),
        ("track_rate_limit: ValueError", 1),
        ("tracking.figure: ValueError", 6),
        ("tracking.saved_cost: ValueError", 1),
    ]
    assert [attributes(record) for record in received.records("spanledger.cache")] == [
        {"spanledger.cache.event": "hit"}
    ]
    assert received.records("spanledger.rate_limit") == []
    (request,) = received.records("spanledger.request")
    said = {"http.request.method": "GET", "http.route": "/", "http.response.status_code": 200}
    assert attributes(request) == said
    assert received.metrics("http.server.request.duration") == []
    assert [attributes(record) for record in received.records("spanledger.dialogue")] == [
        {"spanledger.dialogue.book_id": "b-1"},
        {},
    ]


EVERY_CALL = """
    import spanledger
    spanledger.track_cost("openai", "gpt-4", 1)
    for _ in range(2):
        spanledger.track_cache("hit")
        spanledger.track_rate_limit("allowed")
        spanledger.track_request("GET", "/", 200, 1)
        spanledger.track_dialogue("s", "b")
    assert spanledger.stats()["failures"] == {}
    assert spanledger.flush(20)
"""


def test_without_configure_a_cost_arrives_and_the_others_say_once_what_they_need() -> None:
    received, done = told(EVERY_CALL)
    assert len(received.records()) == len(received.records("spanledger.ledger.entry")) == 1
    assert done.stderr.count("spanledger.configure()") == 1


def test_switched_off_nothing_is_told() -> None:
    mistakes = """
    spanledger.track_cost("openai", "gpt-4", "a lot")
    spanledger.track_cache("sideways")
    spanledger.track_dialogue("s", "b", rating=-1)
    assert spanledger.stats()["failures"] == {}
"""
    received, done = told(EVERY_CALL + mistakes, SPANLEDGER_ENABLED="false")
    assert received.requests == []
    assert done.stderr == ""


def test_the_page_shows_what_happens_and_names_every_event_and_metric() -> None:
    received, _ = told("".join(EXAMPLES))
    lines = [attributes(record) for record in received.records("spanledger.ledger.entry")]
    assert [(line["spanledger.cost.usd"], line["user.id"]) for line in lines] == [("12.5", "u-1"), ("0.0456", "u-1")]
    assert (lines[0]["job"], lines[0]["epochs"], lines[1]["session.id"]) == ("ft-7", 3, "s-9")
    events = {record.event_name for record in received.records()}
    ours = (semconv.CACHE_EVENT, semconv.RATE_LIMIT_EVENT, semconv.REQUEST_EVENT, semconv.DIALOGUE_EVENT)
    assert events == {semconv.LEDGER_EVENT, *ours}
    table = PAGE[PAGE.index("## Where it goes") :]
    metrics = [semconv.METRIC_CACHE_EVENTS, semconv.METRIC_RATE_LIMIT_DECISIONS, semconv.METRIC_DIALOGUES]
    for name in (*events, *metrics, semconv.METRIC_REQUEST_DURATION):
        assert f"`{name}`" in table
