"""Spans in every dialect, and ledger events, each made into the one right line."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest

from spanledger.pricing import PriceBook
from spanledger_server.ledger.entries import LEDGER_SCHEMA, lines
from spanledger_server.otlp.columns import Candidate, Refusals

NOON = 1_795_176_000 * 10**9  # 2026-11-20T12:00:00Z
SECOND = 10**9
BOOK = PriceBook.default()
MIGRATION = Path(__file__).parents[3] / "backend/spanledger_server/store/migrations/0001_first.sql"


def span(attributes: dict[str, Any], **more: Any) -> Candidate:
    given = {
        "source": "span",
        "trace_id": bytes(range(16)),
        "span_id": 7,
        "parent_span_id": 3,
        "start_ns": NOON - 2 * SECOND,
        "at_ns": NOON,
        "service": "shop",
        "scope": None,
        "error": False,
        **more,
    }
    return Candidate(attributes=attributes, **given)


def event(attributes: dict[str, Any], **more: Any) -> Candidate:
    return span(attributes, **{"source": "event", "parent_span_id": None, "start_ns": None, **more})


def one(candidate: Candidate) -> dict[str, Any]:
    made, refusals = lines([candidate], BOOK)
    assert refusals.total == 0
    (line,) = made.to_pylist()
    return line


def nothing(candidate: Candidate) -> bool:
    made, refusals = lines([candidate], BOOK)
    return made.num_rows == refusals.total == 0


CURRENT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5",
    "gen_ai.response.model": "gpt-5-2025-08-07",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 18_000,
    "gen_ai.usage.output_tokens": 4_000,
    "gen_ai.usage.cache_read.input_tokens": 17_920,
    "gen_ai.usage.reasoning.output_tokens": 3_200,
    "gen_ai.conversation.id": "c-1",
    "server.address": "api.openai.com",
    "server.port": 443,
}
BEFORE_1_37 = {
    "gen_ai.system": "az.ai.openai",
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "chatcmpl-2",
    "gen_ai.openai.response.service_tier": "default",
    "gen_ai.usage.input_tokens": 1_200,
    "gen_ai.usage.output_tokens": 350,
}
OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.provider": "openai",
    "llm.system": "openai",
    "llm.model_name": "gpt-4o-2024-08-06",
    "llm.token_count.prompt": 1_200,
    "llm.token_count.completion": 350,
    "llm.token_count.total": 1_550,
    "llm.token_count.prompt_details.cache_read": 1_024,
    "llm.input_messages.0.message.content": "Which book?",
    "session.id": "s-1",
    "user.id": "u-1",
}
TRACELOOP_OLD = {
    "llm.vendor": "OpenAI",
    "llm.request.type": "chat",
    "llm.request.model": "gpt-4o",
    "llm.response.model": "gpt-4o-2024-08-06",
    "llm.usage.prompt_tokens": 1_200,
    "llm.usage.completion_tokens": 350,
    "llm.usage.total_tokens": 1_550,
    "traceloop.association.properties.user_id": "u-2",
    "traceloop.association.properties.session_id": "s-2",
}
TRACELOOP_OLDER_GEN_AI = {
    "gen_ai.system": "OpenAI",
    "llm.request.type": "completion",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.prompt_tokens": 1_200,
    "gen_ai.usage.completion_tokens": 350,
    "llm.usage.total_tokens": 1_550,
    "llm.is_streaming": False,
}
TRACELOOP_ANTHROPIC = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-haiku-4-5",
    "gen_ai.response.model": "claude-haiku-4-5-20251001",
    "gen_ai.usage.input_tokens": 4_000,
    "gen_ai.usage.output_tokens": 120,
    "gen_ai.usage.cache_creation_input_tokens": 3_500,
    "gen_ai.usage.cache_read_input_tokens": 0,
    "traceloop.workflow.name": "shelf",
}
ANTHROPIC_SDK = {  # as com.anthropic.sdk.python writes it: its input holds what was cached
    "server.address": "api.anthropic.com",
    "server.port": 443,
    "gen_ai.provider.name": "anthropic",
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.request.max_tokens": 1024,
    "http.request.method": "POST",
    "http.route": "/v1/messages",
    "gen_ai.usage.input_tokens": 21_000,
    "http.response.status_code": 200,
    "anthropic.request.id": "req_1",
    "gen_ai.response.id": "msg_1",
    "gen_ai.response.model": "claude-sonnet-4-5-20250929",
    "gen_ai.usage.cache_write.input_tokens": 18_000,
    "gen_ai.usage.cache_read.input_tokens": 1_000,
    "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 10_000,
    "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 8_000,
    "anthropic.response.service_tier": "standard",
    "gen_ai.usage.output_tokens": 500,
    "anthropic.message.stop_reason": "end_turn",
}
ANTHROPIC_RAW = {  # cached input counted beside the input, as the provider's own answer has it
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.usage.input_tokens": 2_000,
    "gen_ai.usage.output_tokens": 500,
    "gen_ai.usage.cache_creation.input_tokens": 18_000,
    "gen_ai.usage.cache_read.input_tokens": 1_000,
    "spanledger.usage.cache_write_5m_tokens": 10_000,
    "spanledger.usage.cache_write_1h_tokens": 8_000,
}
VERCEL = {
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "ai.model.id": "gpt-4o",
    "ai.usage.cachedInputTokens": 1_024,
    "gen_ai.usage.input_tokens": 1_200,
    "gen_ai.usage.output_tokens": 350,
}
EMBEDDING = {
    "openinference.span.kind": "EMBEDDING",
    "embedding.model_name": "text-embedding-3-large",
    "llm.provider": "openai",
    "llm.token_count.prompt": 8_191,
}
BEDROCK = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "aws.bedrock",
    "gen_ai.request.model": "anthropic.claude-haiku-4-5-20251001-v1:0",
    "gen_ai.usage.input_tokens": 1_000,
    "gen_ai.usage.output_tokens": 100,
}
TRANSCRIPTION = {
    "gen_ai.operation.name": "speech_to_text",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "whisper-1",
    "spanledger.usage.audio_seconds": 90.0,
}


@pytest.mark.parametrize(
    ("attributes", "cost", "expected"),
    [
        (
            CURRENT,
            "0.04234",
            {
                "operation": "chat",
                "provider": "openai",
                "model": "gpt-5-2025-08-07",
                "request_model": "gpt-5",
                "response_id": "chatcmpl-1",
                "input_tokens": 18_000,
                "output_tokens": 4_000,
                "cached_input_tokens": 17_920,
                "reasoning_tokens": 3_200,
                "session_id": "c-1",
            },
        ),
        (BEFORE_1_37, "0.0065", {"provider": "azure.ai.openai", "service_tier": "default", "operation": "chat"}),
        (
            OPENINFERENCE,
            "0.00522",
            {
                "operation": "chat",
                "provider": "openai",
                "model": "gpt-4o-2024-08-06",
                "cached_input_tokens": 1_024,
                "user_id": "u-1",
                "session_id": "s-1",
            },
        ),
        (
            TRACELOOP_OLD,
            "0.0065",
            {
                "operation": "chat",
                "provider": "openai",
                "model": "gpt-4o-2024-08-06",
                "request_model": "gpt-4o",
                "user_id": "u-2",
                "session_id": "s-2",
            },
        ),
        (TRACELOOP_OLDER_GEN_AI, "0.0065", {"operation": "text_completion", "provider": "openai"}),
        (TRACELOOP_ANTHROPIC, "0.005475", {"cache_write_tokens": 3_500, "cached_input_tokens": 0}),
        (
            ANTHROPIC_SDK,
            "0.0993",
            {
                "input_tokens": 21_000,
                "cache_write_tokens": 18_000,
                "cache_write_5m_tokens": 10_000,
                "cache_write_1h_tokens": 8_000,
                "service_tier": "standard",
            },
        ),
        (ANTHROPIC_RAW, "0.0993", {"input_tokens": 21_000, "provider": "anthropic"}),
        (VERCEL, "0.00522", {"operation": None, "cached_input_tokens": 1_024}),
        (EMBEDDING, "0.00106483", {"operation": "embeddings", "model": "text-embedding-3-large"}),
        (BEDROCK, "0.00165", {"provider": "aws.bedrock"}),
        (TRANSCRIPTION, "0.009", {"operation": "speech_to_text", "audio_seconds": Decimal(90), "input_tokens": None}),
    ],
    ids=[
        "current",
        "up to 1.36",
        "OpenInference",
        "Traceloop, oldest",
        "Traceloop, older",
        "Traceloop, Anthropic",
        "Anthropic's own SDK",
        "exclusive counts",
        "Vercel",
        "OpenInference embedding",
        "Bedrock",
        "transcription",
    ],
)
def test_a_span_of_each_dialect_is_one_line_with_its_exact_cost(
    attributes: dict[str, Any], cost: str, expected: dict[str, Any]
) -> None:
    line = one(span(attributes))
    assert line["cost_usd"] == Decimal(cost)
    assert (line["state"], line["state_reason"], line["usage_state"]) == ("priced", None, "reported")
    assert {name: line[name] for name in expected} == expected
    assert (line["price_source"], line["price_version"]) == ("genai-prices", "genai-prices 0.2.3")


def test_a_line_has_the_spans_identity_times_and_service() -> None:
    line = one(span({**CURRENT, "gen_ai.response.time_to_first_chunk": 0.25}, error=True))
    assert line["trace_id"] == bytes(range(16))
    assert (line["span_id"], line["parent_span_id"], line["source"], line["service"]) == (7, 3, "span", "shop")
    assert (line["at_ns"], line["duration_ns"]) == (NOON, 2 * SECOND)
    assert line["time_to_first_chunk_ns"] == SECOND // 4
    assert line["error_type"] == "_OTHER"
    assert line["attributes"] is None
    assert orjson.loads(line["rate"]) == {"input_mtok": "1.25", "output_mtok": "10", "cache_read_mtok": "0.125"}


@pytest.mark.parametrize(
    "attributes",
    [
        {**CURRENT, "gen_ai.operation.name": "invoke_agent"},
        {**CURRENT, "gen_ai.operation.name": "invoke_workflow"},
        {**CURRENT, "gen_ai.operation.name": "execute_tool"},
        {**CURRENT, "gen_ai.operation.name": "fetch_response"},
        {**CURRENT, "gen_ai.operation.name": ["chat"]},
        {**CURRENT, "spanledger.call.span_id": "00000000000000aa"},
        {**OPENINFERENCE, "openinference.span.kind": "CHAIN"},
        {**OPENINFERENCE, "openinference.span.kind": "AGENT"},
        {**OPENINFERENCE, "openinference.span.kind": "TOOL"},
        {**CURRENT, "openinference.span.kind": "AGENT"},
        {**TRACELOOP_OLD, "traceloop.span.kind": "workflow"},
        {**TRACELOOP_OLD, "traceloop.span.kind": "task"},
        {**TRACELOOP_OLD, "traceloop.span.kind": "agent"},
        {**TRACELOOP_OLD, "traceloop.span.kind": "tool"},
        {**VERCEL, "gen_ai.agent.name": "librarian"},
        {"gen_ai.usage.input_tokens": 5},
        {"gen_ai.usage.input_tokens": 5, "gen_ai.request.model": "gpt-4o"},
        {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"},
        {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": None},
        {},
    ],
)
def test_what_holds_calls_or_says_no_usage_is_no_line(attributes: dict[str, Any]) -> None:
    assert nothing(span(attributes))


USED = {
    "spanledger.entry.kind": "usage",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1_200,
    "gen_ai.usage.output_tokens": 350,
    "spanledger.usage.state": "reported",
}


def test_an_event_is_a_line_with_everything_the_sender_said() -> None:
    line = one(
        event(
            {
                **USED,
                "spanledger.parent_span_id": "00000000000000ff",
                "spanledger.duration_ns": 1_500_000_000,
                "gen_ai.response.time_to_first_chunk": "0.1234567891",
                "spanledger.service_tier": "default",
                "user.id": 42,
                "session.id": "s-1",
                "spanledger.user_tier": "pro",
                "spanledger.feature": "search",
                "spanledger.tenant": "acme",
                "error.type": "TimeoutError",
                "spanledger.cost.estimated_usd": "0.0065",
                "spanledger.cost.estimated_micro_usd": 6500,
                "gen_ai.input.messages": "[…]",
                "gen_ai.request.stream": True,
                "book.id": "b-1",
                "book.pages": [1, 2],
            }
        )
    )
    assert (line["source"], line["kind"], line["state"], line["cost_usd"]) == (
        "event",
        "usage",
        "priced",
        Decimal("0.0065"),
    )
    assert (line["parent_span_id"], line["duration_ns"]) == (255, 1_500_000_000)
    assert line["time_to_first_chunk_ns"] == 123_456_789
    assert [line[name] for name in ("user_id", "session_id", "user_tier", "feature", "tenant")] == [
        "42",
        "s-1",
        "pro",
        "search",
        "acme",
    ]
    assert (line["error_type"], line["batch"], line["service_tier"]) == ("TimeoutError", False, "default")
    assert orjson.loads(line["attributes"]) == {"book.id": "b-1", "book.pages": [1, 2], "gen_ai.request.stream": True}


@pytest.mark.parametrize("parent", ["xyz", 7, "0" * 16, "g" * 16, "٣" * 16, "ff"])
def test_a_parent_that_is_no_span_id_is_unknown(parent: object) -> None:
    assert one(event({**USED, "spanledger.parent_span_id": parent}))["parent_span_id"] is None


def test_numbers_too_large_for_json_are_kept_as_they_are() -> None:
    assert one(event({**USED, "big": 2**70}))["attributes"] == '{"big": 1180591620717411303424}'


def test_an_event_of_any_operation_is_a_line() -> None:
    line = one(event({**USED, "gen_ai.operation.name": "invoke_agent"}))
    assert (line["operation"], line["cost_usd"]) == ("invoke_agent", Decimal("0.0065"))


@pytest.mark.parametrize("attributes", [{}, {"spanledger.entry.kind": "usage"}, {"user.id": "u"}])
def test_an_event_without_usage_is_an_unpriced_line(attributes: dict[str, Any]) -> None:
    line = one(event(attributes))
    assert (line["state"], line["cost_usd"], line["usage_state"]) == ("unpriced", None, "unknown")
    assert line["state_reason"] in ("usage_unknown", "model_missing")


def test_batch_halves_the_price() -> None:
    line = one(event({**USED, "spanledger.batch": True}))
    assert (line["batch"], line["state"], line["cost_usd"]) == (True, "priced", Decimal("0.00325"))


def test_estimated_usage_gives_an_estimated_cost() -> None:
    line = one(event({**USED, "spanledger.usage.state": "estimated"}))
    assert (line["state"], line["state_reason"]) == ("estimated", "usage_estimated")
    assert (line["usage_state"], line["cost_usd"]) == ("estimated", Decimal("0.0065"))


def test_a_model_that_costs_nothing_is_free() -> None:
    line = one(event({**USED, "gen_ai.provider.name": "ollama", "spanledger.usage.state": "estimated"}))
    assert (line["state"], line["cost_usd"], line["provider"]) == ("free", 0, "ollama")


def test_an_unknown_model_is_unpriced_and_keeps_its_usage() -> None:
    line = one(event({**USED, "gen_ai.response.model": "acme-1", "gen_ai.request.model": "acme-1"}))
    assert (line["state"], line["cost_usd"], line["state_reason"]) == ("unpriced", None, "model_unknown")
    assert (line["input_tokens"], line["price_source"], line["rate"]) == (1_200, None, None)


def test_an_unknown_answer_to_a_known_request_is_an_estimate() -> None:
    line = one(event({**USED, "gen_ai.response.model": "acme-1"}))
    assert (line["state"], line["cost_usd"], line["model"]) == ("estimated", Decimal("0.0065"), "acme-1")
    assert line["state_reason"] == "model_unknown: priced as the model that was asked for"


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        ("0.25", "0.25"),
        ("0", "0"),
        (" 1e-3 ", "0.001"),
        ("0.0000000000005", "0"),
        ("0.0000000000015", "0.000000000002"),
        (0.1, "0.1"),
        (3, "3"),
        ("999999999999.999999999999", "999999999999.999999999999"),
    ],
)
def test_an_explicit_cost_is_taken_as_it_is(cost: object, expected: str) -> None:
    line = one(event({"spanledger.entry.kind": "cost", "spanledger.cost.usd": cost, "gen_ai.usage.input_tokens": 9}))
    assert (line["kind"], line["state"], line["price_source"]) == ("cost", "priced", "explicit")
    assert (line["cost_usd"], line["input_tokens"], line["rate"]) == (Decimal(expected), 9, None)


@pytest.mark.parametrize(
    ("cost", "reason"),
    [
        (None, "cost_missing"),
        ("", "cost_malformed"),
        ("a lot", "cost_malformed"),
        ("NaN", "cost_malformed"),
        ("Infinity", "cost_malformed"),
        ("1_000", "cost_malformed"),
        (True, "cost_malformed"),
        ([1], "cost_malformed"),
        ("9" * 100, "cost_malformed"),
        ("1e999999999", "cost_malformed"),
        ("-0.01", "cost_negative"),
        ("1000000000000", "cost_out_of_range"),
        ("999999999999.9999999999999", "cost_out_of_range"),
    ],
)
def test_an_explicit_cost_that_cannot_be_read_is_unpriced(cost: object, reason: str) -> None:
    line = one(event({"spanledger.entry.kind": "cost", "spanledger.cost.usd": cost}))
    assert (line["kind"], line["state"], line["cost_usd"]) == ("cost", "unpriced", None)
    assert line["state_reason"] == reason


@pytest.mark.parametrize("value", [1200, 1200.0, "1200", " 1200 ", "1200.0", "1.2e3"])
def test_counts_may_come_as_integers_doubles_or_texts(value: object) -> None:
    line = one(span({**BEFORE_1_37, "gen_ai.usage.input_tokens": value}))
    assert (line["input_tokens"], line["cost_usd"]) == (1_200, Decimal("0.0065"))


@pytest.mark.parametrize("value", ["many", 1.5, -1, True, [1200], {"n": 1}, float("nan"), "Infinity", 2**63, "9" * 30])
def test_a_count_that_cannot_be_read_is_unknown_and_the_line_unpriced(value: object) -> None:
    line = one(span({**BEFORE_1_37, "gen_ai.usage.input_tokens": value}))
    assert (line["input_tokens"], line["output_tokens"], line["cost_usd"]) == (None, 350, None)
    assert (line["state"], line["state_reason"]) == ("unpriced", "usage_malformed: input_tokens")


def test_absurd_counts_are_stored_but_not_priced() -> None:
    line = one(span({**BEFORE_1_37, "gen_ai.usage.input_tokens": 2**62}))
    assert (line["input_tokens"], line["state_reason"]) == (2**62, "usage_out_of_range: input_tokens")


def test_the_current_name_goes_before_the_older_one_whatever_their_order() -> None:
    older = {"gen_ai.usage.prompt_tokens": 1, "gen_ai.system": "anthropic", "llm.token_count.prompt": 2}
    for attributes in ({**older, **BEFORE_1_37}, {**BEFORE_1_37, **older}):
        assert one(span(attributes))["input_tokens"] == 1_200
    assert one(span({**BEFORE_1_37, **older, "gen_ai.usage.input_tokens": None}))["input_tokens"] == 1


def test_lifetimes_of_cache_writes_make_up_their_total() -> None:
    attributes = {name: value for name, value in ANTHROPIC_RAW.items() if "cache_creation" not in name}
    line = one(span(attributes))
    assert (line["cache_write_tokens"], line["input_tokens"], line["cost_usd"]) == (18_000, 21_000, Decimal("0.0993"))


def test_seconds_of_audio_are_kept_to_the_microsecond() -> None:
    line = one(span({**TRANSCRIPTION, "spanledger.usage.audio_seconds": "1.23456789"}))
    assert line["audio_seconds"] == Decimal("1.234568")
    assert line["cost_usd"] == Decimal("0.000123456800")


def test_a_row_that_cannot_be_stored_is_counted_and_the_others_are_kept() -> None:
    bad = [
        event({**USED, "user.id": "\ud800"}),
        event(USED, span_id=2**64),
        event(USED, trace_id=b"short"),
        event(USED, at_ns=2**70),
        event(USED, span_id=None),
    ]
    made, refusals = lines([span(CURRENT), *bad, event(USED)], BOOK)
    assert made.column("source").to_pylist() == ["span", "event"]
    assert refusals.by_reason == {("shop", "line_unfit"): 5}
    assert len(refusals.examples) == Refusals.MOST_EXAMPLES


def test_attributes_too_deep_for_json_are_a_counted_refusal() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    made, refusals = lines([event({**USED, "deep": deep})], BOOK)
    assert (made.num_rows, refusals.by_reason) == (0, {("shop", "attributes_unreadable"): 1})


def test_no_candidates_give_an_empty_batch() -> None:
    made, refusals = lines([], BOOK)
    assert (made.num_rows, refusals.total) == (0, 0)
    assert made.schema.equals(LEDGER_SCHEMA, check_metadata=True)


def test_the_batch_goes_into_the_table_as_it_is() -> None:
    database = duckdb.connect()
    database.execute(MIGRATION.read_text())
    made, _ = lines([span(CURRENT), event(USED), event({})], BOOK)
    database.register("made", made)
    database.execute("INSERT INTO ledger SELECT * FROM made")
    columns = [name for name, *_ in database.execute("DESCRIBE ledger").fetchall()]
    assert columns == LEDGER_SCHEMA.names
    kinds = {name: kind for name, kind, *_ in database.execute("DESCRIBE ledger").fetchall()}
    assert {name: kind for name, kind, *_ in database.execute("DESCRIBE made").fetchall()} == kinds
    assert database.execute("SELECT sum(cost_usd), count(*) FROM ledger").fetchone() == (Decimal("0.04884"), 3)


REFUSED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5",
    "spanledger.usage.state": "unknown",
}


def test_a_call_that_the_provider_refused_is_free_for_refusals_are_not_billed() -> None:
    line = one(event({**REFUSED, "error.type": "RateLimitError", "http.response.status_code": 429}))
    assert (line["state"], line["cost_usd"], line["state_reason"]) == ("free", 0, "refused_by_provider")
    assert line["usage_state"] == "unknown"


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"error.type": "APITimeoutError"},
        {"http.response.status_code": 429},
        {"error.type": "x", "http.response.status_code": 200},
    ],
)
def test_a_call_that_broke_off_in_any_other_way_is_unpriced(more: dict[str, Any]) -> None:
    line = one(event({**REFUSED, **more}))
    assert (line["state"], line["cost_usd"]) == ("unpriced", None)
