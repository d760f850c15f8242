"""Usage in forms that no recording has, and what is no usage at all."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType, SimpleNamespace
from typing import Any

import anthropic.types
import openai.types
import openai.types.chat
import openai.types.responses
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spanledger.providers import openai as openai_form
from spanledger.providers import plain
from spanledger.providers.fields import fields_of
from spanledger.usage import USAGE_FIELDS, Reading, Usage, named_usage, over, seconds, whole


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        (0, 0),
        (3.0, 3),
        ("3", 3),
        (Decimal(3), 3),
        (-1, None),
        (True, None),
        (1.5, None),
        ("x", None),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
        ([], None),
    ],
)
def test_counts_are_whole_numbers_from_nought_up(value: Any, expected: Any) -> None:
    assert whole(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(1.1, "1.1"), ("2.5", "2.5"), (0, "0"), (-1, None), (True, None), ({}, None)]
)
def test_seconds_are_exact(value: Any, expected: Any) -> None:
    assert seconds(value) == (None if expected is None else Decimal(expected))


def test_a_usage_is_true_as_soon_as_anything_is_known_be_it_nought() -> None:
    assert not Usage()
    assert Usage(0)
    assert Usage(web_searches=0)


def test_a_usage_that_a_function_returns_is_its_usage() -> None:
    used = Usage(1, 2, audio_seconds=Decimal("1.5"))
    assert plain.read(used) == Reading(used)
    assert plain.read(Usage()) is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"input_tokens": 1, "output_tokens": 2}, Usage(1, 2)),
        ({"usage": {"input_tokens": 1, "cache_read_tokens": 1}}, Usage(1, cache_read_tokens=1)),
        ({"characters": 9}, Usage(characters=9)),
        ({"usage": {"output_tokens": 4}}, Usage(output_tokens=4)),
        ({"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 10}, Usage(11, 2, 10)),
        (MappingProxyType({"prompt_tokens": 1, "completion_tokens": 2}), Usage(1, 2)),
        (SimpleNamespace(prompt_tokens=1, completion_tokens=2), Usage(1, 2)),
        ({"usage": {"type": "duration", "seconds": 12.5}}, Usage(audio_seconds=Decimal("12.5"))),
        (
            {"prompt_tokens": 5, "completion_tokens": 1, "prompt_cache_hit_tokens": 4},
            Usage(5, 1, 4),
        ),
        (
            anthropic.types.Usage.construct(
                input_tokens=1,
                output_tokens=2,
                cache_creation_input_tokens=30,
                cache_read_input_tokens=400,
                cache_creation={"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
                server_tool_use={"web_search_requests": 2},
            ),
            Usage(431, 2, 400, 30, 10, 20, web_searches=2),
        ),
        ("text", None),
        (None, None),
        (3, None),
        ([{"input_tokens": 1}], None),
        ({}, None),
        ({"usage": None}, None),
        ({"usage": {"input_tokens": "many"}}, None),
        ({"error": {"message": "no"}}, None),
        (anthropic.types.MessageTokensCount(input_tokens=5), None),
    ],
)
def test_what_plain_answers_say(answer: Any, expected: Any) -> None:
    read = plain.read(answer)
    assert (read.usage if read else None) == expected


def test_web_searches_of_the_responses_form_are_counted() -> None:
    body = {
        "object": "response",
        "id": "resp_1",
        "model": "gpt-4o",
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "output": [{"type": "web_search_call"}, {"type": "message"}, {"type": "web_search_call"}],
        "usage": {
            "input_tokens": 10,
            "output_tokens": 5,
            "input_tokens_details": {"cached_tokens": 4},
            "output_tokens_details": {"reasoning_tokens": 3},
        },
    }
    expected = Usage(10, 5, 4, reasoning_tokens=3, web_searches=2)
    for answer in (body, openai.types.responses.Response.construct(**body)):
        read = plain.read(answer)
        assert read is not None
        assert read.usage == expected
        assert plain.finish_reasons(answer) == ("max_output_tokens",)


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"),
        ("ft:gpt-4o:me", "openai"),
        ("deepseek-chat", None),
        ("meta-llama/Llama-3", None),
        ("Qwen2", None),
    ],
)
def test_the_form_alone_makes_nobody_openai(model: str, provider: str | None) -> None:
    body = {"object": "chat.completion", "model": model, "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    read = plain.read(body)
    assert read is not None
    assert read.provider == provider


def test_units_under_their_own_names() -> None:
    assert named_usage(dict.fromkeys(USAGE_FIELDS, 1)) == Usage(*[1] * 10, Decimal(1), 1, 1, 1)
    assert named_usage({"other": 1}) is None


def test_one_reading_over_another_fills_what_is_open() -> None:
    mine, other = Reading(Usage(1), "p"), Reading(Usage(5, 6), "q", "m", "r", "flex", ("stop",), "chat", "estimated")
    assert over(mine, other) == Reading(Usage(1, 6), "p", "m", "r", "flex", ("stop",), "chat", "reported")
    assert over(Reading(None, "p"), other).state == "estimated"
    assert over(mine, None) is mine


COUNTS = st.sampled_from([None, 0, 7, 120, -1, "12", 1.5, True])
DETAILS = st.none() | st.dictionaries(
    st.sampled_from(["cached_tokens", "audio_tokens", "reasoning_tokens", "cache_write_tokens", "image_tokens", "new"]),
    COUNTS,
)
CHATS = st.fixed_dictionaries(
    {"object": st.just("chat.completion"), "choices": st.just([{"index": 0, "finish_reason": "stop"}])},
    optional={
        "id": st.sampled_from(["chatcmpl-1", "", None, 7, "gen-1"]),
        "model": st.sampled_from(["gpt-4o", "llama-3", "", None, "x/gpt-4o", ["odd"]]),
        "service_tier": st.sampled_from(["default", "", None, "flex"]),
        "provider": st.sampled_from([None, "DeepInfra"]),
        "prompt_filter_results": st.just([]),
        "usage": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "prompt_tokens": COUNTS,
                "completion_tokens": COUNTS,
                "prompt_tokens_details": DETAILS,
                "completion_tokens_details": DETAILS,
                "prompt_cache_hit_tokens": COUNTS,
                "num_search_queries": COUNTS,
            },
        ),
    },
)
USUAL: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o",
    "service_tier": "default",
    "choices": [{"index": 0, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 120,
        "completion_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 100, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 7, "audio_tokens": 0},
    },
}


@given(CHATS)
@settings(max_examples=300, deadline=None)
@example(USUAL)
@example(USUAL | {"service_tier": ""})
@example(USUAL | {"model": ""})
@example(USUAL | {"model": None})
@example(USUAL | {"prompt_filter_results": []})
def test_the_short_way_into_a_usual_chat_finds_what_the_long_way_finds(body: dict[str, Any]) -> None:
    answer = openai.types.chat.ChatCompletion.construct(**body)  # as the client makes it: nothing is validated
    for one in (answer, body):
        short, fields = openai_form.usual_chat(one, type(one)), fields_of(one)
        if body == USUAL:
            assert short is not None
        if short is not None:
            assert fields is not None
            raw = fields_of(fields.get("usage"))
            assert raw is not None
            assert short == openai_form.chat_reading(fields, raw, type(one))
    assert openai_form.own_reason(answer) == "stop"
    assert plain.finish_reasons(answer) == ("stop",)
