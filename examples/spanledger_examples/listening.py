"""The bookshop's ear: a sentence that a reader read aloud goes through an audio pipeline, and what was heard comes out.

Given a recording (a WAV file of 16 bits) and who transcribes, gives the words. What the audio is, what it is like, how
fast each stage was and how many words were wrong is on the stages' spans, and the call that costs money is below them.

Never: keeps a recording.
"""

from __future__ import annotations

import asyncio
import io
import sys
import wave
from array import array
from collections.abc import Awaitable, Callable
from difflib import get_close_matches

import spanledger
from spanledger_examples.quotations import QUOTATIONS

_PEAK = round(0.7 * 32767)


async def heard(audio_id: str, recording: bytes, transcribe: Callable[[bytes], Awaitable[str]]) -> str:
    """The words of a recording."""
    async with spanledger.audio_pipeline(audio_id, source="upload") as pipeline:
        async with pipeline.stage("load_audio") as stage:
            stage.audio(recording)
        async with pipeline.stage("enhancement"):
            better = await asyncio.to_thread(levelled, recording)
        async with pipeline.stage("validation") as stage:
            stage.audio(better)
        async with pipeline.stage("transcription") as stage:
            words = await transcribe(better)
            for printed in get_close_matches(words, [quotation.words for quotation in QUOTATIONS], 1):
                stage.transcript(words, reference=printed)
        return words


def levelled(recording: bytes) -> bytes:
    """The same with its loudest sample at 70 % of what fits."""
    out = io.BytesIO()
    with wave.open(io.BytesIO(recording)) as read, wave.open(out, "wb") as write:
        samples = array("h", read.readframes(read.getnframes()))
        if sys.byteorder == "big":
            samples.byteswap()
        loudest = max((abs(sample) for sample in samples), default=0) or 1
        samples = array("h", [sample * _PEAK // loudest for sample in samples])
        if sys.byteorder == "big":
            samples.byteswap()
        write.setparams(read.getparams())
        write.writeframes(samples.tobytes())
    return out.getvalue()
