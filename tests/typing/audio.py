"""What type checkers see of `audio_pipeline` and `stage`: checked by mypy --strict, never run.

Lines that must be refused carry the error they get; mypy warns about any such comment that is not needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import assert_type

import spanledger
from spanledger.audio import Pipeline, Stage


@spanledger.stage("load_audio")
def load(path: str) -> bytes:
    return path.encode()


@spanledger.audio_pipeline(source="upload")
async def caption(path: str, *, retries: int = 0) -> int:
    return len(load(path)) + retries


@spanledger.stage("output")
def output() -> Iterator[bytes]:
    yield b""


@spanledger.stage("output")
async def streamed() -> AsyncIterator[bytes]:
    yield b""


async def uses() -> None:
    with spanledger.audio_pipeline("a", source="upload") as pipeline:
        assert_type(pipeline, Pipeline)
        with pipeline.stage("load_audio") as stage:
            assert_type(stage, Stage)
            stage.audio(b"", 16_000, format="wav")
            stage.transcript("a", reference="b")
        pipeline.quality(reference=None, degraded=None, sample_rate=16_000)
    async with spanledger.audio_pipeline() as whole, spanledger.stage("output") as last:
        assert_type(whole, Pipeline)
        assert_type(last.pipeline, Pipeline | None)
    assert_type(load("a"), bytes)
    assert_type(await caption("a", retries=1), int)
    assert_type(output(), Iterator[bytes])
    assert_type(streamed(), AsyncIterator[bytes])


def misuses() -> None:
    load(1)  # type: ignore[arg-type]
    spanledger.stage()  # type: ignore[call-arg]
    spanledger.audio_pipeline("a", "upload")  # type: ignore[call-arg]
