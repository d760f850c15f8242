"""What a program says of its calls itself: content, its own readers, `record_usage`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from spanledger import guard
from spanledger.context import context as who
from spanledger.recording import record_usage
from spanledger.traced_cost import traced_cost
from spanledger.usage import Usage
from tests.sdk.calls import Calls, calls_fixture  # noqa: F401

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-mini-2024-07-18",
    "service_tier": "flex",
    "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "the answer"}}],
    "usage": {
        "prompt_tokens": 120,
        "completion_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
}


def test_content_is_captured_only_where_asked_for_and_never_in_the_ledger(calls: Calls) -> None:
    def chat(messages: Any) -> Any:
        return ANSWER

    traced_cost(chat)(messages=[{"role": "user", "content": "the question"}])
    traced_cost(capture_content=True)(chat)(messages=[{"role": "user", "content": "the question" + "x" * 40_000}])
    silent, telling = (dict(span.attributes or {}) for span in calls.spans)
    assert "question" not in str(silent)
    assert "the question" in str(telling["gen_ai.input.messages"])
    assert len(str(telling["gen_ai.input.messages"])) <= 16_384
    assert "the answer" in str(telling["gen_ai.output.messages"])
    assert "question" not in str(calls.entries)
    assert "the answer" not in str(calls.entries)


def test_an_exceptions_message_is_shown_only_with_content(calls: Calls) -> None:
    def fails() -> None:
        raise ValueError("a secret")

    for decorate in (traced_cost, traced_cost(capture_content=True)):
        with pytest.raises(ValueError, match="a secret"):
            decorate(fails)()
    assert [span.status.description for span in calls.spans] == ["ValueError", "ValueError: a secret"]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (Usage(input_tokens=1, output_tokens=2), (1, 2)),
        ({"input_tokens": 1, "output_tokens": 2}, (1, 2)),
        ({"usage": {"prompt_tokens": 1, "completion_tokens": 2}}, (1, 2)),
        ({"characters": 5}, (120, 18)),
        (None, (120, 18)),
    ],
)
def test_the_users_own_reader_wins(calls: Calls, told: Any, expected: Any) -> None:
    traced_cost(usage=lambda answer: told)(lambda: ANSWER)()
    assert calls.tokens() == [expected]


def test_a_users_reader_that_fails_fails_alone(calls: Calls) -> None:
    assert traced_cost(usage=lambda answer: answer.missing)(lambda: ANSWER)() is ANSWER
    assert calls.tokens() == [(None, None)]
    assert guard.failures() == {"traced_cost.read: AttributeError": 1}
    guard.forget()


def test_record_usage_wins_over_what_is_read(calls: Calls) -> None:
    @traced_cost
    def chat() -> Any:
        record_usage(provider="groq", input_tokens=1)
        record_usage(model="m", audio_seconds=1.5, service_tier="batch")
        return ANSWER

    chat()
    assert calls.entry.provider == "groq"
    assert calls.entry.response_model == "m"
    assert calls.entry.usage == Usage(
        input_tokens=1, output_tokens=18, cache_read_tokens=100, reasoning_tokens=0, audio_seconds=Decimal("1.5")
    )
    assert calls.entry.batch


def test_record_usage_with_other_response_ids_makes_further_lines(calls: Calls) -> None:
    @traced_cost
    def chat() -> str:
        record_usage(model="m", input_tokens=1, response_id="a")
        record_usage(model="m", input_tokens=2, response_id="b")
        record_usage(model="m", output_tokens=3, response_id="a")
        return "text"

    chat()
    assert calls.tokens() == [(1, 3), (2, None)]
    assert calls.entries[1].parent_span_id == calls.entries[0].span_id
    assert len({entry.span_id for entry in calls.entries}) == 2


def test_record_usage_outside_any_call_is_a_line_below_the_current_span(calls: Calls) -> None:
    with calls.provider.get_tracer("x").start_as_current_span("job") as job, who(user_id="u1"):
        record_usage(provider="openai", model="whisper-1", audio_seconds=12.5, operation="speech_to_text")
    assert calls.entry.trace_id == job.get_span_context().trace_id
    assert calls.entry.parent_span_id == job.get_span_context().span_id
    assert calls.entry.span_id not in (0, job.get_span_context().span_id)
    assert calls.entry.usage == Usage(audio_seconds=Decimal("12.5"))
    assert calls.entry.context == {"user.id": "u1"}
    assert calls.entry.operation == "speech_to_text"


def test_record_usage_without_any_trace_makes_ids(calls: Calls) -> None:
    record_usage(model="m", input_tokens=1)
    assert calls.entry.trace_id
    assert calls.entry.span_id
    assert calls.entry.parent_span_id is None


def test_record_usage_takes_nonsense_without_complaint(calls: Calls, caplog: pytest.LogCaptureFixture) -> None:
    record_usage(model="m", input_tokens="many", tokens=3)  # type: ignore[arg-type, call-arg]
    assert calls.entry.usage is None
    assert "tokens" in caplog.text
    guard.forget()


def test_record_usage_of_another_response_than_the_one_returned_makes_two_lines(calls: Calls) -> None:
    @traced_cost(provider="openai")
    def chat() -> Any:
        record_usage(provider="groq", model="m", input_tokens=1, response_id="other")
        return ANSWER

    chat()
    assert calls.tokens() == [(1, None), (120, 18)]
    assert [entry.provider for entry in calls.entries] == ["groq", "openai"]
    assert [entry.response_id for entry in calls.entries] == ["other", "chatcmpl-1"]
