"""Usage read from what providers really answered: as JSON, attributes, their packages' own objects, and in streams."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anthropic.types
import google.genai.types
import groq.types.chat
import mistralai.client.models
import ollama
import openai.types
import openai.types.audio
import openai.types.beta.threads
import openai.types.chat
import openai.types.responses
import pytest

from spanledger import semconv
from spanledger.providers import plain
from spanledger.providers.chunks import Chunks
from tests.sdk.responses import DATA, Recorded, name, recorded, units

WHOLE, STREAMS = recorded(streaming=False), recorded(streaming=True)
CASES = WHOLE + STREAMS
EVERYTHING = Path(__file__).parents[3] / "shared" / "data" / "provider-responses"  # where this repository is developed
COPIED = {one.path.name for one in CASES}

OPENAI = {
    "assistants.run": openai.types.beta.threads.Run,
    "audio.transcription": openai.types.audio.Transcription,
    "chat": openai.types.chat.ChatCompletion,
    "completions": openai.types.Completion,
    "embeddings": openai.types.CreateEmbeddingResponse,
    "images": openai.types.ImagesResponse,
    "responses": openai.types.responses.Response,
}
OBJECTS: dict[str, dict[str, Callable[..., Any]]] = {
    "anthropic": {"messages": anthropic.types.Message.construct},
    "gemini": {"generate_content": lambda **body: google_answer(body)},
    "groq": {"chat": groq.types.chat.ChatCompletion.construct},
    "mistral": {
        "chat": lambda **body: mistralai.client.models.ChatCompletionResponse.model_validate(body),
        "embeddings": lambda **body: mistralai.client.models.EmbeddingResponse.model_validate(body),
    },
    "ollama": {"chat": lambda **body: ollama.ChatResponse(**body)},
}
OBJECTS |= {
    provider: {api: kind.construct for api, kind in OPENAI.items()}  # type: ignore[attr-defined]
    for provider in ("openai", "azure-openai", "together", "writer")
}
CHUNKS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("gemini", "generate_content"): lambda chunk: google_answer(chunk),
    ("groq", "chat"): lambda chunk: groq.types.chat.ChatCompletionChunk.construct(
        **{**chunk, "x_groq": chunk.get("x_groq") and groq_part(chunk["x_groq"])}
    ),
    ("mistral", "chat"): lambda chunk: mistralai.client.models.CompletionEvent(data=chunk),
    ("ollama", "chat"): lambda chunk: ollama.ChatResponse(**chunk),
    ("ollama", "completions"): lambda chunk: ollama.GenerateResponse(**chunk),
    ("openai", "chat"): lambda chunk: openai.types.chat.ChatCompletionChunk.construct(**chunk),
}
ANSWERS_BY = {
    "anthropic": "anthropic",
    "bedrock": "aws.bedrock",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "gemini": "gcp.gemini",
    "groq": "groq",
    "ollama": "ollama",
    "openai": "openai",
    "openrouter": "openrouter",
    "vertexai": "gcp.vertex_ai",
    "voyage": "voyageai",
}


def google_answer(body: dict[str, Any]) -> Any:
    """As its client makes one: fields that it does not know are left out."""
    usage = {key: value for key, value in body["usageMetadata"].items() if key != "serviceTier"}
    return google.genai.types.GenerateContentResponse.model_validate({**body, "usageMetadata": usage})


def groq_part(raw: dict[str, Any]) -> Any:
    return groq.types.chat.chat_completion_chunk.XGroq.construct(**raw)


def as_attributes(value: Any) -> Any:
    """The same with attributes instead of keys, as a client makes objects of it."""
    if isinstance(value, dict):
        return SimpleNamespace(**{key: as_attributes(part) for key, part in value.items()})
    return [as_attributes(part) for part in value] if isinstance(value, list) else value


def read_units(answer: Any) -> dict[str, Any]:
    read = plain.read(answer)
    return units(read.usage if read else None)


def read_stream(chunks: list[Any]) -> dict[str, Any]:
    state = Chunks()
    for chunk in chunks:
        state.add(chunk)
    assert state.count == len(chunks)
    result = state.result(complete=True)
    assert result is None or (result.state == "reported" and not result.further)
    return units(result.usage if result else None)


def test_there_is_a_body_of_every_provider() -> None:
    of_streams = {"bedrock", "cohere", "gemini", "groq", "mistral", "ollama", "vertexai", "writer", *ANSWERS_BY} - {
        "voyage"
    }
    assert {one.provider for one in STREAMS} >= of_streams
    assert {one.provider for one in CASES} >= of_streams | {"azure-openai", "together", "voyage"}
    assert sum(path.stat().st_size for path in DATA.rglob("*")) < 620_000


@pytest.mark.parametrize("one", WHOLE, ids=name)
def test_json_is_read_as_its_index_says(one: Recorded) -> None:
    assert read_units(one.answer) == one.expected


@pytest.mark.parametrize("one", WHOLE, ids=name)
def test_an_object_with_the_same_attributes_is_read_the_same(one: Recorded) -> None:
    if one.provider != "bedrock":  # boto3 gives dicts only
        assert read_units(as_attributes(one.json)) == one.expected


@pytest.mark.parametrize(
    "one",
    [one for one in WHOLE if one.api in OBJECTS.get(one.provider, {}) and "error" not in one.about["tags"]],
    ids=name,
)
def test_the_packages_own_object_is_read_the_same(one: Recorded) -> None:
    assert read_units(OBJECTS[one.provider][one.api](**one.json)) == one.expected


@pytest.mark.parametrize("one", STREAMS, ids=name)
def test_the_chunks_of_a_stream_add_up_to_what_the_index_says(one: Recorded) -> None:
    assert read_stream(one.chunks) == one.expected


@pytest.mark.parametrize("one", STREAMS, ids=name)
def test_chunks_with_the_same_attributes_add_up_the_same(one: Recorded) -> None:
    if one.provider != "bedrock":
        assert read_stream([as_attributes(chunk) for chunk in one.chunks]) == one.expected


@pytest.mark.parametrize("one", [one for one in STREAMS if (one.provider, one.api) in CHUNKS], ids=name)
def test_chunks_of_the_packages_own_types_add_up_the_same(one: Recorded) -> None:
    assert read_stream([CHUNKS[one.provider, one.api](chunk) for chunk in one.chunks]) == one.expected


@pytest.mark.parametrize("one", [one for one in STREAMS if one.expected["output_tokens"]], ids=name)
def test_a_stream_that_breaks_off_is_never_certain_of_its_output(one: Recorded) -> None:
    chunks = Chunks()
    for chunk in one.chunks[: len(one.chunks) // 2]:
        chunks.add(chunk)
    result = chunks.result(complete=False)
    assert result is None or result.usage is None or result.state == "estimated"


@pytest.mark.parametrize("one", CASES, ids=name)
def test_model_and_provider_come_with_it(one: Recorded) -> None:
    chunks = Chunks()
    for chunk in one.chunks if one.streaming else [one.answer]:
        chunks.add(chunk)
    read = chunks.result(complete=True)
    assert (read.model if read else None) == one.about["model"] or one.api == "interactions"
    if one.expected["input_tokens"] is not None and one.api != "audio.transcription":
        assert read is not None
        assert read.provider in (ANSWERS_BY.get(one.provider), "azure.ai.openai", "openai")
        assert read.operation is None or read.operation in semconv.BILLABLE_OPERATIONS


def spoilt(value: Any, odd: random.Random) -> Any:
    """The same with some of its parts replaced by what should not be there."""
    if odd.random() < 0.1:
        return odd.choice([None, "x", "", -1, 1.5, True, [], {}, [[]], {"a": {}}, 10**30, float("nan"), b"x", object()])
    if isinstance(value, dict):
        return {key: spoilt(part, odd) for key, part in value.items()}
    return [spoilt(part, odd) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("one", CASES, ids=name)
def test_a_spoilt_answer_is_read_without_an_error(one: Recorded) -> None:
    odd = random.Random(one.path.name)
    parts = (one.chunks[:20] + one.chunks[-3:]) if one.streaming else [one.answer]
    for _ in range(20):
        chunks = Chunks()
        for part in parts:
            broken = spoilt(part, odd)
            plain.read(broken)
            plain.read([broken, broken])
            plain.finish_reasons(broken)
            chunks.add(broken)
            chunks.add(as_attributes(broken))
        chunks.result(complete=False)


@pytest.mark.skipif(not EVERYTHING.is_dir(), reason=f"the whole collection of responses is not at {EVERYTHING}")
@pytest.mark.parametrize("streaming", [False, True])
def test_the_whole_collection_is_read_as_its_index_says(streaming: bool) -> None:
    found = recorded(streaming=streaming, data=EVERYTHING)
    assert COPIED - {one.path.name for one in recorded(streaming=not streaming, data=EVERYTHING)} <= {
        one.path.name for one in found
    }
    wrong = {
        name(one): (read, one.expected)
        for one in found
        if (read := read_stream(one.chunks) if streaming else read_units(one.answer)) != one.expected
    }
    assert not wrong
    assert len(found) > 70
