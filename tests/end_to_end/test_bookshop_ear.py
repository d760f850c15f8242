"""The bookshop's audio pipeline on the demo's own recordings: what its spans say, and what the provider is sent."""

from __future__ import annotations

import asyncio
import io
import wave

import httpx
import pytest

import spanledger
from spanledger.testing import capture
from spanledger_examples import openai_wire
from spanledger_examples.listening import heard, levelled
from spanledger_examples.quotations import QUOTATIONS, length_s, nearest, recordings


def test_a_sentence_goes_through_every_stage_and_wrong_words_are_counted() -> None:
    async def transcribe(recording: bytes) -> str:
        return nearest(length_s(recording)).words.replace("ill disposed", "all disposed")

    with capture() as captured:
        words = asyncio.run(heard("take-1", recordings()[0], transcribe))
        assert spanledger.flush(60)
    assert words == "he was not an all disposed young man"
    assert spanledger.stats()["failures"] == {}
    stages = {span.attributes["audio.stage"]: span for span in captured.spans if span.attributes.get("audio.stage")}
    assert stages.keys() == {"load_audio", "enhancement", "validation", "transcription"}
    pipeline = captured.span("audio pipeline")
    assert pipeline.attributes["audio.duration_s"] == pytest.approx(2.99, abs=0.01)
    assert pipeline.attributes["audio.sample_rate_hz"] == 16_000
    assert {stage.parent.span_id for stage in stages.values()} == {pipeline.context.span_id}
    assert stages["transcription"].attributes["audio.word_error_rate"] == 1 / 8
    louder, softer = (stages[name].attributes.get("audio.loudness_lufs") for name in ("validation", "load_audio"))
    assert (louder is None and softer is None) or louder > softer  # none without the extra


def test_levelling_changes_the_level_and_nothing_else() -> None:
    for recording in recordings():
        better = levelled(recording)
        with wave.open(io.BytesIO(recording)) as before, wave.open(io.BytesIO(better)) as after:
            assert before.getparams() == after.getparams()
        assert length_s(better) == length_s(recording)
    silent = io.BytesIO()
    with wave.open(silent, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", "none"))
    assert length_s(levelled(silent.getvalue())) == 0


def test_the_provider_reads_an_upload_byte_by_byte() -> None:
    content = bytes(range(256)) * 3 + b"\r\n--\r\n\n\r"
    for file in (content, recordings()[1]):
        asked = httpx.Request("POST", "http://h", data={"model": "whisper-1"}, files={"file": ("a.wav", file)})
        parts = openai_wire.uploaded(asked.headers["content-type"], asked.read())
        assert (parts["file"], parts["model"]) == (file, b"whisper-1")


def test_each_recording_is_known_by_its_length() -> None:
    assert [nearest(length_s(recording)) for recording in recordings()] == list(QUOTATIONS)
