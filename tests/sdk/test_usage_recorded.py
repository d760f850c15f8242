"""Usage read from what providers really answered, as JSON and as their own packages' objects."""

from __future__ import annotations

from typing import Any

import anthropic.types
import openai.types
import openai.types.audio
import openai.types.chat
import openai.types.responses
import pytest

from spanledger.providers import plain
from spanledger.providers.chunks import Chunks
from tests.sdk.responses import Recorded, name, recorded, units

TYPES: dict[str, Any] = {
    "chat": openai.types.chat.ChatCompletion,
    "completions": openai.types.Completion,
    "responses": openai.types.responses.Response,
    "embeddings": openai.types.CreateEmbeddingResponse,
    "audio.transcription": openai.types.audio.Transcription,
    "messages": anthropic.types.Message,
}
WHOLE, STREAMS = recorded(streaming=False), recorded(streaming=True)


def read_units(answer: Any) -> dict[str, Any]:
    read = plain.read(answer)
    return units(read.usage if read else None)


def test_there_are_recorded_bodies_of_every_kind() -> None:
    assert {one.api for one in WHOLE} == set(TYPES)
    assert {one.path.parent.name for one in WHOLE + STREAMS} >= {
        "openai",
        "anthropic",
        "deepseek",
        "openrouter",
        "together",
    }


@pytest.mark.parametrize("one", WHOLE, ids=name)
def test_json_is_read_as_its_index_says(one: Recorded) -> None:
    assert read_units(one.json) == one.expected


@pytest.mark.parametrize("one", WHOLE, ids=name)
def test_the_packages_own_object_is_read_the_same(one: Recorded) -> None:
    assert read_units(TYPES[one.api].construct(**one.json)) == one.expected


@pytest.mark.parametrize("one", STREAMS, ids=name)
def test_the_chunks_of_a_stream_add_up_to_what_the_index_says(one: Recorded) -> None:
    chunks = Chunks()
    for chunk in one.chunks:
        chunks.add(chunk)
    result = chunks.result(complete=True)
    assert units(result.usage if result else None) == one.expected
    assert chunks.count == len(one.chunks)


@pytest.mark.parametrize("one", [one for one in WHOLE if one.about["model"]], ids=name)
def test_model_id_and_provider_come_with_it(one: Recorded) -> None:
    read = plain.read(one.json)
    assert read is not None
    assert read.model == one.about["model"]
    if one.api != "embeddings":
        assert read.response_id == one.json["id"]
    if one.path.parent.name == "anthropic":
        assert read.provider == "anthropic"
    elif one.path.parent.name == "openai":
        assert read.provider == "openai"
    else:
        assert read.provider in (None, "azure.ai.openai", "openai")
