"""Pipelines and stages: spans, how they hang together, how fast they were, and what fails."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import spanledger
from spanledger.audio import current_pipeline, current_stage
from spanledger.testing import SteppedClock, capture
from tests.sdk.making import program

CLIPS = Path(__file__).parent / "clips"
SECOND = np.zeros(16_000, np.int16)


def shown(captured, name):
    return dict(captured.span(name).attributes)


def parent(captured, name):
    return captured.span(name).parent.span_id


def test_stages_are_spans_below_their_pipeline_and_say_which_audio_they_work_on():
    with capture() as captured:
        with spanledger.audio_pipeline("take-7", source="upload") as pipeline:
            with pipeline.stage("load_audio") as stage:
                stage.audio(SECOND, 16_000)
            with spanledger.stage("enhancement", attributes={"model.name": "denoiser"}):
                pass
        assert spanledger.flush(60)
    whole = shown(captured, "audio pipeline")
    assert (whole["audio.id"], whole["audio.source"]) == ("take-7", "upload")
    assert (whole["audio.duration_s"], whole["audio.sample_rate_hz"]) == (1.0, 16_000)
    assert (whole["audio.channels"], whole["audio.format"]) == (1, "int16")
    assert shown(captured, "enhancement")["audio.stage"] == "enhancement"
    assert shown(captured, "enhancement")["model.name"] == "denoiser"
    at = captured.span("audio pipeline").context.span_id
    assert [parent(captured, name) for name in ("load_audio", "enhancement")] == [at, at]


def test_speed_is_told_both_ways_round():
    clock = SteppedClock()
    with capture(clock=clock) as captured:
        with spanledger.audio_pipeline(1) as pipeline:
            with pipeline.stage("load_audio") as stage:
                stage.audio(SECOND, 16_000, format="pcm")
                clock.step(0.25)
            with pipeline.stage("enhancement"):
                clock.step(0.25)
        assert spanledger.flush(60)
    load, whole = shown(captured, "load_audio"), shown(captured, "audio pipeline")
    assert (load["audio.speed_factor"], load["audio.real_time_factor"]) == (4.0, 0.25)
    assert (whole["audio.speed_factor"], whole["audio.real_time_factor"]) == (2.0, 0.5)
    assert shown(captured, "enhancement")["audio.speed_factor"] == 4.0
    assert whole["audio.format"] == "pcm"


def test_a_span_ends_with_the_time_of_its_work_however_long_the_measuring_takes():
    clock = SteppedClock()
    with capture(clock=clock) as captured:
        with spanledger.stage("load_audio") as stage:
            stage.audio(SECOND, 16_000)
            clock.step(0.5)
        clock.step(1000)
        assert spanledger.flush(60)
    span = captured.span("load_audio")
    assert span.end_time - span.start_time == 500_000_000
    assert span.attributes["audio.silence_ratio"] == 1.0


def test_a_pipeline_ends_after_its_stages_even_where_they_are_still_measured():
    with capture() as captured:
        with spanledger.audio_pipeline("a") as pipeline, pipeline.stage("load_audio") as stage:
            stage.audio(SECOND, 16_000)
        assert spanledger.flush(60)
    assert [span.name for span in captured.spans] == ["load_audio", "audio pipeline"]


def test_audio_of_no_length_has_no_speed():
    with capture() as captured, spanledger.audio_pipeline("a") as pipeline, pipeline.stage("load_audio") as stage:
        stage.audio(CLIPS / "null.wav")
    assert "audio.speed_factor" not in shown(captured, "load_audio")
    assert shown(captured, "load_audio")["audio.features_skipped_reason"] == "empty"


def test_a_failed_stage_says_so_without_the_words_of_its_error_and_the_error_goes_on():
    def fail():
        with spanledger.audio_pipeline("a") as pipeline, pipeline.stage("enhancement"):
            raise ValueError("secret")

    with capture() as captured, pytest.raises(ValueError, match="secret"):
        fail()
    for name in ("enhancement", "audio pipeline"):
        span = captured.span(name)
        assert (span.attributes["error.type"], span.status.description) == ("ValueError", "ValueError")
        assert not span.status.is_ok
        assert not span.events
        assert "audio.speed_factor" not in span.attributes


def test_a_cancelled_stage_is_no_failure():
    async def work():
        async with spanledger.audio_pipeline("a") as pipeline, pipeline.stage("enhancement"):
            await asyncio.Event().wait()

    async def main():
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    with capture() as captured:
        asyncio.run(main())
    assert "error.type" not in shown(captured, "enhancement")
    assert captured.span("audio pipeline").status.is_unset


def test_model_calls_and_the_context_around_belong_to_the_stage():
    @spanledger.traced_cost(operation="speech_to_text", provider="openai", model="whisper-1")
    def transcribe():
        return {"audio_seconds": 12.5}

    with capture() as captured:
        around = spanledger.context(user_id="u-1", feature="captions")
        with around, spanledger.audio_pipeline("a") as pipeline, pipeline.stage("transcription"):
            transcribe()
    assert parent(captured, "speech_to_text whisper-1") == captured.span("transcription").context.span_id
    assert shown(captured, "transcription")["user.id"] == "u-1"
    assert shown(captured, "audio pipeline")["spanledger.feature"] == "captions"
    assert captured.entries[0].context["spanledger.feature"] == "captions"


def test_a_stage_in_another_thread_finds_its_pipeline_and_its_context():
    def work(pipeline):
        with pipeline.stage("enhancement"):
            assert current_pipeline() is pipeline
        assert current_pipeline() is None

    around = spanledger.context(user_id="u-1")
    with capture() as captured, ThreadPoolExecutor(1) as pool, around, spanledger.audio_pipeline("a") as pipeline:
        pool.submit(work, pipeline).result()
    assert parent(captured, "enhancement") == captured.span("audio pipeline").context.span_id
    assert shown(captured, "enhancement")["user.id"] == "u-1"


def test_stages_of_many_tasks_and_pipelines_do_not_mix():
    async def one(number):
        async with spanledger.audio_pipeline(number) as pipeline:
            for name in ("load_audio", "output"):
                async with spanledger.stage(f"{name} {number}") as stage:
                    await asyncio.sleep(0)
                    assert current_stage() is stage
                    assert stage.pipeline is pipeline

    async def main():
        await asyncio.gather(*(one(number) for number in range(20)))

    with capture() as captured:
        asyncio.run(main())
    ids = {
        span.attributes["audio.id"]: span.context.span_id for span in captured.spans if "audio.id" in span.attributes
    }
    for number in range(20):
        assert parent(captured, f"load_audio {number}") == parent(captured, f"output {number}") == ids[str(number)]


def test_decorators_make_a_pipeline_and_stages_of_functions_of_every_kind():
    @spanledger.stage("load_audio")
    def load():
        current_stage().audio(SECOND, 16_000)
        return 1

    @spanledger.stage("enhancement")
    async def enhance():
        await asyncio.sleep(0)
        return 2

    @spanledger.stage("output")
    def output():
        got = yield 3
        return got

    @spanledger.stage("streaming")
    async def streaming():
        yield current_stage().name

    @spanledger.audio_pipeline(source="upload")
    async def whole():
        """Doc."""
        generator = output()
        first = next(generator)
        with pytest.raises(StopIteration) as end:
            generator.send(4)
        return [load(), await enhance(), first, end.value.value, [item async for item in streaming()]]

    with capture() as captured:
        assert asyncio.run(whole()) == [1, 2, 3, 4, ["streaming"]]
        assert asyncio.run(whole()) == [1, 2, 3, 4, ["streaming"]]
        assert spanledger.flush(60)
    assert whole.__doc__ == "Doc."
    pipelines = [span for span in captured.spans if span.name == "audio pipeline"]
    assert len(pipelines) == 2
    for name in ("load_audio", "enhancement", "output", "streaming"):
        stages = [span for span in captured.spans if span.name == name]
        assert {span.parent.span_id for span in stages} == {span.context.span_id for span in pipelines}
    assert all(span.attributes["audio.duration_s"] == 1.0 for span in pipelines)


def test_a_generator_that_is_never_finished_ends_its_stage_and_leaves_nothing_on():
    @spanledger.stage("output")
    def output():
        yield current_stage()
        yield 2

    with capture() as captured:
        generator = output()
        assert next(generator) is not None
        assert current_stage() is None
        del generator
        gc.collect()
    assert captured.span("output").status.is_unset


def test_a_stage_told_twice_keeps_the_first_and_one_told_late_does_not_mind():
    with capture() as captured:
        with spanledger.stage("load_audio") as stage:
            stage.audio(SECOND, 16_000)
            stage.audio(SECOND, 8_000)
        assert spanledger.flush(60)
        stage.audio(SECOND, 8_000)
        stage.close()
    assert shown(captured, "load_audio")["audio.sample_rate_hz"] == 16_000
    assert len(captured.spans) == 1


def test_unsampled_pipelines_leave_no_span_and_no_trouble():
    with capture(sample_ratio=0) as captured:
        with spanledger.audio_pipeline("a") as pipeline, pipeline.stage("load_audio") as stage:
            stage.audio(SECOND, 16_000)
        assert spanledger.flush(60)
    assert captured.spans == []


def test_switched_off_nothing_is_done_and_no_package_is_imported():
    done = program(
        """
        import sys, threading, spanledger
        assert "numpy" not in sys.modules and "soundfile" not in sys.modules
        with spanledger.audio_pipeline("a") as pipeline:
            with pipeline.stage("load_audio") as stage:
                stage.audio("/nowhere.wav")
        assert spanledger.audio.current_pipeline() is None
        assert threading.active_count() == 1, threading.enumerate()
        """,
        env={"SPANLEDGER_ENABLED": "false"},
    )
    assert done.returncode == 0, done.stderr


def test_without_a_tracer_nothing_is_measured():
    done = program(
        f"""
        import threading, spanledger
        with spanledger.audio_pipeline("a") as pipeline:
            with pipeline.stage("load_audio") as stage:
                stage.audio({str(CLIPS / "001.wav")!r})
        assert spanledger.flush(60)
        assert threading.active_count() == 1, threading.enumerate()
        """
    )
    assert done.returncode == 0, done.stderr


def test_a_pipeline_used_by_many_threads_ends_once():
    with capture() as captured, spanledger.audio_pipeline("a") as pipeline:
        threads = [threading.Thread(target=pipeline.close) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(captured.spans) == 1
