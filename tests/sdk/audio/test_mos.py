"""DNSMOS: the authors' number where the extra is installed, and never one for what is not speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from spanledger.audio import mos
from spanledger.audio.features import features

CLIPS = Path(__file__).parent / "clips"
RATE = 16_000
CLEAN = soundfile.read(CLIPS / "arctic_a0007.wav", dtype="float32")[0]
CLEAN = (CLEAN * 0.7 / np.abs(CLEAN).max())[:, np.newaxis]
needs_the_extra = pytest.mark.skipif(not mos.installed(), reason="the extra audio-mos is not installed")


@pytest.mark.parametrize(
    ("samples", "rate", "speech", "reason"),
    [
        (CLEAN, 8_000, 0.8, "bad_sample_rate"),
        (CLEAN, RATE, 0.0, "no_speech"),
        (CLEAN, RATE, "not_installed", "no_speech"),
        (CLEAN[:15_999], RATE, 1.0, "too_short"),
    ],
)
def test_what_the_model_does_not_know_is_not_scored(samples, rate, speech, reason):
    assert mos.dnsmos([samples], rate, speech) == reason


def test_without_the_extra_nothing_is_said_of_it(monkeypatch):
    monkeypatch.setattr(mos, "installed", lambda: False)
    found, missing = features([CLEAN], RATE)
    assert not any("dnsmos" in name for name in (*found, *missing))


def test_it_is_left_out_before_what_is_cheaper(monkeypatch):
    monkeypatch.setattr(mos, "installed", lambda: True)
    found, missing = features([CLEAN], RATE, spare=False)
    assert missing == {"audio.dnsmos": "over_budget"}
    assert "audio.loudness_lufs" in found


@needs_the_extra
def test_the_score_is_the_authors_own():
    assert mos.dnsmos([CLEAN], RATE, 0.8) == pytest.approx(3.088857, abs=1e-4)  # by speechmos, of the same 9.01 s


@needs_the_extra
def test_noise_is_heard_and_the_rate_does_not_matter():
    noise = np.random.default_rng(1).standard_normal(CLEAN.shape).astype(np.float32)
    noisy = CLEAN + noise * np.sqrt((CLEAN**2).sum() / (noise**2).sum())
    assert mos.dnsmos([noisy], RATE, 0.8) < 2
    spectrum = np.fft.rfft(CLEAN[:, 0])
    higher = (np.fft.irfft(spectrum, 3 * len(CLEAN)) * 3).astype(np.float32)[:, np.newaxis]
    assert mos.dnsmos([higher], 48_000, 0.8) == pytest.approx(3.09, abs=0.03)
