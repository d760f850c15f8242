"""The index without a reference: worse audio has a lower one, and audio of which a part is not known has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from spanledger.audio import mos
from spanledger.audio.features import features
from spanledger.audio.quality import index_without_reference

HERE = Path(__file__).parent / "clips"
SHARED = Path(__file__).parents[4] / "shared" / "data" / "speech"
NAME = "audio.quality_index_no_reference"
PARTS = {
    "audio.dnsmos": 3.3,
    "audio.bandwidth_hz": 8000.0,
    "audio.loudness_lufs": -20.0,
    "audio.clipped_ratio": 0.0,
}
needs_the_extra = pytest.mark.skipif(not mos.installed(), reason="the extra audio-mos is not installed")
needs_the_recordings = pytest.mark.skipif(not SHARED.is_dir(), reason="no recordings beside the repository")


def test_the_best_of_everything_is_one_and_each_part_takes_its_share():
    assert index_without_reference(PARTS, 0.0) == 1
    assert index_without_reference({**PARTS, "audio.dnsmos": 4.9}, 0.0) == 1
    assert index_without_reference({**PARTS, "audio.dnsmos": 0.9}, 0.0) == 0
    assert index_without_reference({**PARTS, "audio.bandwidth_hz": 3500.0}, 0.0) == 0.5
    assert index_without_reference({**PARTS, "audio.loudness_lufs": -47.5}, 0.0) == 0.5
    assert index_without_reference({**PARTS, "audio.clipped_ratio": 0.05}, 0.0) == 0.5
    assert index_without_reference(PARTS, 0.1) == 0.5


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_is_not_known_leaves_no_index(name):
    assert index_without_reference({key: value for key, value in PARTS.items() if key != name}, 0.0) is None


def test_features_have_the_index_where_its_parts_are_there(monkeypatch):
    samples = soundfile.read(HERE / "arctic_a0007.wav", dtype="float32")[0][:, np.newaxis]
    monkeypatch.setattr(mos, "installed", lambda: True)
    monkeypatch.setattr(mos, "dnsmos", lambda *asked: 3.3)
    found, _ = features([samples], 16_000)
    assert found[NAME] == pytest.approx(1, abs=0.02)
    paused = np.concatenate([samples, np.zeros((16_000, 1), np.float32), samples])
    assert features([paused], 16_000)[0][NAME] == pytest.approx(found[NAME])  # a pause of made speech is no loss
    lossy = samples.copy()
    lossy[8_000:9_600] = 0
    assert features([lossy], 16_000)[0][NAME] < 0.9 * found[NAME]
    monkeypatch.setattr(mos, "dnsmos", lambda *asked: "no_speech")
    found, missing = features([samples], 16_000)
    assert NAME not in found
    assert missing == {"audio.dnsmos": "no_speech"}


def index_of(samples, rate):
    return features([samples.astype(np.float32)[:, np.newaxis]], rate)[0][NAME]


def limited(samples, rate, hertz):
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / rate) > hertz] = 0
    return np.fft.irfft(spectrum, len(samples))


def lost(samples, rate, share):
    """Packets of 20 ms replaced by silence."""
    size, kept = round(0.02 * rate), samples.copy()
    packets = np.random.default_rng(3).permutation(len(samples) // size)
    for packet in packets[: int(share * len(packets))]:
        kept[packet * size : (packet + 1) * size] = 0
    return kept


def check(file):
    samples, rate = soundfile.read(file, dtype="float64", always_2d=True)
    samples = samples.mean(axis=1)[: 9 * rate]
    samples *= 0.7 / np.abs(samples).max()
    noise = np.random.default_rng(5).standard_normal(len(samples))
    noise *= np.sqrt((samples @ samples) / (noise @ noise))
    clean = index_of(samples, rate)
    assert 0.6 < clean <= 1
    for worse in (
        [samples + noise * 10 ** (-decibels / 20) for decibels in (30, 20, 10, 0)],
        [samples.clip(-peak, peak) for peak in (0.35, 0.175, 0.07)],
        [limited(samples, rate, hertz) for hertz in (6000, 4000, 2500)],
        [lost(samples, rate, share) for share in (0.02, 0.05, 0.1, 0.2)],
    ):
        steps = [clean, *(index_of(step, rate) for step in worse)]
        assert steps == sorted(steps, reverse=True)
        assert steps[-1] < 0.75 * clean


@needs_the_extra
def test_the_index_falls_with_every_step_of_every_kind_of_damage():
    check(HERE / "arctic_a0007.wav")


@pytest.mark.slow
@needs_the_extra
@needs_the_recordings
@pytest.mark.parametrize(
    "name",
    [
        "librivox/sense_and_sensibility_01_austen_64kb-0880.wav",
        "asterisk-ru/demo-congrats.flac",
        "asterisk-it/conf-adminmenu-18.flac",
        "praatio/mary.wav",
        "cards/002.wav",
        "jfk/jfk.wav",
    ],
)
def test_it_falls_for_other_voices_languages_and_rates_too(name):
    check(SHARED / name)
