"""Quality against a reference: right where the two can be compared, a named reason where they cannot."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import soundfile

import spanledger
from spanledger.audio import quality
from spanledger.audio.quality import quality_index
from spanledger.testing import capture
from tests.sdk.making import program
from tests.sdk.receiver import attributes, http_receiver

CLIPS = Path(__file__).parent / "clips"
RATE = 16_000
REASON = "audio.quality_skipped_reason"
CLEAN = soundfile.read(CLIPS / "arctic_a0007.wav", dtype="float64")[0]
CLEAN = CLEAN * 0.7 / np.abs(CLEAN).max()


def told(degraded, reference=CLEAN, rate=RATE):
    """What a pipeline's span shows of the two."""
    with capture() as captured:
        with spanledger.audio_pipeline("a") as pipeline:
            pipeline.quality(reference=reference, degraded=degraded, sample_rate=rate)
        assert spanledger.flush(60)
    assert spanledger.stats()["failures"] == {}
    found = dict(captured.span("audio pipeline").attributes)
    del found["audio.id"]
    return {name.removeprefix("audio."): value for name, value in found.items() if "pesq" not in name}


def noisy(decibels):
    noise = np.random.default_rng(1).standard_normal(len(CLEAN))
    return CLEAN + noise * np.sqrt((CLEAN @ CLEAN) / (noise @ noise)) * 10 ** (-decibels / 20)


def test_a_perfect_copy_is_perfect_and_no_more():
    found = told(CLEAN.astype(np.float32))
    assert (found["stoi"], found["estoi"]) == (pytest.approx(1), pytest.approx(1))
    assert (found["si_sdr_db"], found["snr_db"]) == (60.0, 60.0)
    assert (found["delay_s"], found["analyzed_s"]) == (0, 4.0)


@pytest.mark.parametrize(("decibels", "stoi", "estoi"), [(20, 0.947, 0.862), (10, 0.875, 0.668), (0, 0.740, 0.447)])
def test_noise_is_heard_as_the_measurements_say(decibels, stoi, estoi):
    found = told(noisy(decibels))
    assert found["snr_db"] == pytest.approx(decibels, abs=0.01)
    assert found["si_sdr_db"] == pytest.approx(decibels, abs=0.2)
    assert found["stoi"] == pytest.approx(stoi, abs=0.02)
    assert found["estoi"] == pytest.approx(estoi, abs=0.03)


def test_a_quieter_copy_is_told_by_the_snr_alone():
    found = told(CLEAN / 10)
    assert (found["si_sdr_db"], found["stoi"]) == (60.0, pytest.approx(1))
    assert found["snr_db"] == pytest.approx(0.915, abs=0.01)


@pytest.mark.parametrize("frames", [160, 7_999, -160, -7_999])
def test_a_delay_is_told_and_costs_nothing(frames):
    late = np.zeros_like(CLEAN)
    late[max(0, frames) : len(CLEAN) + min(0, frames)] = CLEAN[max(0, -frames) : len(CLEAN) - max(0, frames)]
    found = told(late)
    assert found["delay_s"] == frames / RATE
    assert found["stoi"] > 0.999
    assert found["si_sdr_db"] > 40


def test_sample_formats_may_differ_and_a_column_is_a_channel():
    found = told((CLEAN * 32767).round().astype(np.int16)[:, np.newaxis])
    assert found["si_sdr_db"] == 60.0


def test_of_long_audio_the_middle_is_compared():
    long = np.tile(CLEAN, 20).astype(np.float32)
    changed = long.copy()
    changed[: 10 * RATE] = 0
    found = told(changed, long)
    assert (found["analyzed_s"], found["snr_db"]) == (30.0, 60.0)


@pytest.mark.parametrize(
    ("degraded", "reference", "rate", "reason"),
    [
        (CLEAN[:-1], CLEAN, RATE, "unequal_lengths"),
        (CLEAN[:7_999], CLEAN[:7_999], RATE, "too_short"),
        (np.stack([CLEAN] * 2), CLEAN, RATE, "not_mono"),
        (CLEAN, np.zeros((2, 3, 4)), RATE, "not_mono"),
        (CLEAN, CLEAN, 0, "bad_sample_rate"),
        (CLEAN, CLEAN, None, "bad_sample_rate"),
        (list(CLEAN), CLEAN, RATE, "not_samples"),
        (None, CLEAN, RATE, "not_samples"),
        (np.zeros(0), np.zeros(0), RATE, "empty"),
        (np.zeros(()), CLEAN, RATE, "empty"),
        (np.zeros_like(CLEAN), CLEAN, RATE, "silent_degraded"),
        (CLEAN, np.zeros_like(CLEAN), RATE, "silent_reference"),
        (CLEAN * np.nan, CLEAN, RATE, "non_finite"),
        (CLEAN, np.where(CLEAN > 0.5, np.inf, CLEAN), RATE, "non_finite"),
        (CLEAN * 32767, CLEAN, RATE, "out_of_range"),
        (CLEAN.astype(complex), CLEAN, RATE, "bad_sample_format"),
        (CLEAN.astype(object), CLEAN, RATE, "bad_sample_format"),
    ],
)
def test_what_cannot_be_compared_gives_a_reason_and_no_number(degraded, reference, rate, reason):
    found = told(degraded, reference, rate)
    assert set(found) == {"quality_skipped_reason"}
    assert found["quality_skipped_reason"].split(",")[0] == reason


def test_too_little_speech_for_the_intelligibility_is_said():
    click = np.zeros(RATE)
    click[8_000:8_400] = CLEAN[20_000:20_400]
    found = told(click, click)
    assert found["quality_skipped_reason"].startswith("stoi=too_little_speech,estoi=too_little_speech")
    assert "stoi" not in found
    assert found["snr_db"] == 60.0


def test_the_quality_index_is_there_where_its_three_parts_are():
    parts = {"audio.pesq": 4.5, "audio.stoi": 1.0, "audio.snr_db": 30.0}
    assert quality_index(parts) == pytest.approx(1.0)
    assert quality_index(parts | {"audio.snr_db": -10.0, "audio.stoi": 0.5}) == pytest.approx(0.55)
    for name in parts:
        assert quality_index({other: value for other, value in parts.items() if other != name}) is None


STUB = """
import os, signal
class PesqError(Exception): pass
def pesq(rate, reference, degraded, mode):
    {body}
"""
COMPARED = f"""
import spanledger, soundfile
from spanledger.audio import measuring
spanledger.configure(service_name="s")
clean, rate = soundfile.read({str(CLIPS / "arctic_a0007.wav")!r})
with spanledger.audio_pipeline("a") as pipeline:
    pipeline.quality(reference=clean, degraded=clean, sample_rate=rate)
assert spanledger.flush(60)
with spanledger.audio_pipeline("b") as pipeline:
    pipeline.quality(reference=clean[: rate], degraded=clean[: rate], sample_rate=rate)
"""


def compared_with_pesq(tmp_path, body):
    (tmp_path / "pesq.py").write_text(STUB.format(body=body))
    code = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n" + COMPARED
    with http_receiver() as (received, address):
        done = program(code, env={"SPANLEDGER_ENDPOINT": address, "SPANLEDGER_SHUTDOWN_TIMEOUT_S": "60"})
        assert done.returncode == 0, done.stderr
        found = [attributes(span) for span in received.spans()]
    return sorted(found, key=lambda span: span["audio.id"]), done


def test_pesq_is_used_where_the_user_installed_it_and_makes_the_index_whole(tmp_path):
    (first, _), done = compared_with_pesq(tmp_path, "print('chatter'); return 4.5 if mode == 'wb' else 0.0")
    assert (first["audio.pesq"], first["audio.pesq_mode"]) == (4.5, "wb")
    assert first["audio.quality_index"] == pytest.approx(1.0)
    assert REASON not in first
    assert done.stdout == ""


def test_a_pesq_that_crashes_takes_nothing_with_it(tmp_path):
    (first, second), _ = compared_with_pesq(tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)")
    for span in (first, second):
        assert span[REASON] == "pesq=crashed"
        assert span["audio.stoi"] == pytest.approx(1)
        assert "audio.quality_index" not in span


@pytest.mark.parametrize("body", ["raise ValueError('NaN')", "raise PesqError", "return float('nan')"])
def test_a_pesq_that_finds_nothing_gives_no_value(tmp_path, body):
    (first, _), _ = compared_with_pesq(tmp_path, body)
    assert first[REASON] == "pesq=no_utterances"
    assert "audio.pesq" not in first


@pytest.mark.skipif(importlib.util.find_spec("pesq") is None, reason="pesq is not installed: its licence is the user's")
def test_the_real_pesq_gives_its_ceiling_for_a_copy():
    assert quality.has_pesq()
    with capture() as captured:
        with spanledger.audio_pipeline("a") as pipeline:
            pipeline.quality(reference=CLEAN, degraded=CLEAN, sample_rate=RATE)
        assert spanledger.flush(60)
    assert captured.span("audio pipeline").attributes["audio.pesq"] == pytest.approx(4.644, abs=0.001)
