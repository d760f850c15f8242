"""Calls that make text of speech and speech of text: billed by the second, the character or the token."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from groq.types.audio.transcription import Transcription as GroqTranscription
from openai.types.audio import Transcription, TranscriptionVerbose

import spanledger
from spanledger.pricing import PriceBook
from spanledger.testing import capture
from spanledger.usage import Usage

CLIPS = Path(__file__).parent / "clips"
BOOK = PriceBook.default()
AT_NS = 1_795_000_000_000_000_000


def priced(entry):
    model = entry.response_model or entry.request_model
    return BOOK.price(entry.usage, provider=entry.provider, model=model, at_ns=AT_NS)


def called(answer=None, told=None, **options):
    @spanledger.traced_cost(**options)
    def call():
        if told:
            spanledger.record_usage(**told)
        return answer

    with capture() as captured, spanledger.audio_pipeline("a") as pipeline, pipeline.stage("speech"):
        call()
    (entry,) = captured.entries
    return entry


BY_THE_SECOND = {"text": "go forward", "usage": {"type": "duration", "seconds": 3}}


@pytest.mark.parametrize("answer", [BY_THE_SECOND, Transcription.model_validate(BY_THE_SECOND)])
def test_a_transcription_is_billed_by_the_seconds_that_its_answer_says(answer):
    entry = called(answer, provider="openai", model="whisper-1", operation="speech_to_text")
    assert entry.usage.audio_seconds == 3
    assert priced(entry).cost_usd == Decimal("0.0003")
    assert entry.operation == "speech_to_text"


def test_a_verbose_transcription_is_billed_by_what_is_billed_and_not_by_the_audio_s_exact_length():
    answer = {"text": "go", "language": "english", "duration": 2.786, "usage": {"type": "duration", "seconds": 3}}
    entry = called(TranscriptionVerbose.model_validate(answer), model="whisper-1", provider="openai")
    assert (entry.operation, entry.usage.audio_seconds) == ("speech_to_text", 3)


GROQ = {
    "task": "transcribe",
    "language": "English",
    "duration": 2.786,
    "text": "go",
    "segments": [],
    "x_groq": {"id": "r"},
}


@pytest.mark.parametrize(
    ("answer", "provider"),
    [
        (TranscriptionVerbose.model_validate({"text": "go", "language": "english", "duration": 2.786}), "openai"),
        ({"task": "translate", "language": "english", "duration": "2.786", "text": "", "segments": []}, None),
        (GROQ, "groq"),
        (GroqTranscription.model_validate(GROQ), "groq"),
    ],
)
def test_a_transcript_that_tells_only_the_audio_s_length_is_billed_by_it(answer, provider):
    entry = called(answer, model="whisper-large-v3")
    assert (entry.operation, entry.provider) == ("speech_to_text", provider)
    assert (entry.usage, entry.usage_state) == (Usage(audio_seconds=Decimal("2.786")), "reported")


@pytest.mark.parametrize(
    "answer",
    [
        {"task": "transcribe", "text": "go"},
        {"task": "transcribe", "duration": float("nan"), "text": "go"},
        {"task": "transcribe", "duration": -1, "text": "go"},
        {"task": "transcribe", "duration": True, "text": "go"},
        {"task": "cook", "duration": 3, "text": "go"},
        {"duration": 3, "text": "a program's own row"},
    ],
)
def test_what_is_no_transcript_with_a_length_is_not_taken_for_one(answer):
    assert called(answer, provider="openai", model="whisper-1").usage is None


def test_a_transcription_billed_by_tokens_keeps_audio_and_text_apart():
    usage = {"type": "tokens", "input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100}
    usage["input_token_details"] = {"audio_tokens": 900, "text_tokens": 100}
    entry = called({"text": "x", "usage": usage}, provider="openai", model="gpt-4o-transcribe")
    assert entry.usage.audio_input_tokens == 900
    assert priced(entry).cost_usd == (100 * Decimal("2.5") + 900 * 6 + 100 * 10) / 1_000_000


@pytest.mark.parametrize(("seconds", "billed"), [("2.786", 10), ("10", 10), ("10.5", Decimal("10.5"))])
def test_a_provider_s_minimum_is_billed_and_the_line_keeps_what_was_used(seconds, billed):
    told = {"audio_seconds": Decimal(seconds)}
    entry = called(told=told, provider="groq", model="whisper-large-v3", operation="speech_to_text")
    assert entry.usage.audio_seconds == Decimal(seconds)
    assert priced(entry).cost_usd == (Decimal("0.111") * billed / 3600).quantize(Decimal("1e-12"))
    assert ("audio_seconds_minimum" in json.loads(priced(entry).rate)) == (billed == 10 and seconds != "10")


def test_speech_is_billed_by_the_characters_that_the_call_says():
    text = "go forward ten meters"
    entry = called(b"RIFF", {"characters": len(text)}, provider="openai", model="tts-1", operation="text_to_speech")
    assert priced(entry).cost_usd == Decimal("0.000015") * len(text)
    assert (entry.operation, entry.usage.characters) == ("text_to_speech", 21)


def test_a_service_that_bills_by_the_minute_is_priced_by_the_price_file():
    entry = called(told={"audio_seconds": 90}, provider="deepgram", model="nova-3-general", operation="speech_to_text")
    found = priced(entry)
    assert (found.state, found.cost_usd) == ("estimated", Decimal("0.00645"))


def test_a_model_without_a_price_is_unpriced_and_never_free():
    entry = called(told={"audio_seconds": 90}, provider="nobody", model="nothing", operation="speech_to_text")
    assert (priced(entry).state, priced(entry).cost_usd) == ("unpriced", None)


def test_the_length_of_a_stage_s_audio_can_be_what_is_billed():
    @spanledger.traced_cost(provider="openai", model="whisper-1", operation="speech_to_text")
    def transcribe(stage):
        spanledger.record_usage(audio_seconds=stage.facts.duration_s)
        return "go forward"

    with capture() as captured, spanledger.stage("transcription") as stage:
        stage.audio(CLIPS / "arctic_a0007.wav")
        transcribe(stage)
    (entry,) = captured.entries
    assert entry.usage.audio_seconds == 4
    assert priced(entry).cost_usd == Decimal("0.0004")
