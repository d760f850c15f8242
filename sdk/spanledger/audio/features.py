"""What an audio is like: loudness, clipping, zeros, bandwidth, silence, speech. One gate before all of them.

Given samples and their rate, gives values under their attributes' names, and for each value that there is none of, the
reason. Runs in the measuring process.

Never: a number for what cannot be measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spanledger import semconv
from spanledger.audio import mos
from spanledger.audio.loudness import long_enough, loudness
from spanledger.audio.quality import index_without_reference

Samples = NDArray[np.float32]

SHORTEST_S: Final = 0.1
LOUDEST: Final = 4.0  # float samples beyond this are not in the usual range of -1 to 1
INAUDIBLE: Final = 1e-4  # -80 dBFS
QUIET_DBFS: Final = -50.0
FRAME_S: Final = 0.02
ZEROS_S: Final = 0.01
LONGEST_GAP_S: Final = 0.2  # what lost packets leave; longer zeros are a pause of made speech, or a noise gate
LEAST_PEAK: Final = 0.01  # below -40 dBFS a flat top may be quantisation
NEAR_PEAK: Final = 0.999
BAND_FLOOR: Final = 1e-6  # -60 dB
VAD_RATES: Final = (8_000, 16_000, 32_000, 48_000)
VAD_FRAME_S: Final = 0.03
VAD_MODE: Final = 2


class Refused(ValueError):
    """The audio cannot be measured; its text is the reason."""


def as_float(samples: NDArray[np.generic]) -> Samples:
    """Samples of any format, between -1 and 1.

    Raises:
        Refused: When that is not possible.
    """
    kind = samples.dtype
    if kind == np.uint8:
        return (samples.astype(np.float32) - np.float32(128)) / np.float32(128)
    if kind.kind == "i":
        return samples.astype(np.float32) / np.float32(2 ** (8 * kind.itemsize - 1))
    if kind.kind != "f":
        raise Refused("bad_sample_format")
    if not np.isfinite(samples).all():
        raise Refused("non_finite")
    if np.abs(samples).max() > LOUDEST:
        raise Refused("out_of_range")
    return samples.astype(np.float32)


def features(windows: Sequence[Samples], rate: int, *, spare: bool = True) -> tuple[dict[str, float], dict[str, str]]:
    """Values and reasons by attribute.

    Args:
        windows: Pieces of the audio, each frames × channels.
        rate: Samples a second.
        spare: Whether there is computing time for the score of a model.

    Raises:
        Refused: When nothing at all can be measured.
    """
    frames = sum(len(window) for window in windows)
    if frames < SHORTEST_S * rate:
        raise Refused("too_short")
    found: dict[str, float] = {
        semconv.AUDIO_ANALYZED_S: frames / rate,
        semconv.AUDIO_SILENCE_RATIO: _silence(windows, rate),
        semconv.AUDIO_ZERO_FRAME_RATIO: _zeros(windows, rate),
    }
    missing: dict[str, str] = {}
    speech = _speech(windows, rate)
    values: list[tuple[str, float | str]] = [
        (semconv.AUDIO_CLIPPED_RATIO, _clipped(windows)),
        (semconv.AUDIO_BANDWIDTH_HZ, _bandwidth(windows, rate)),
        (semconv.AUDIO_LOUDNESS_LUFS, _loudness(windows, rate)),
        (semconv.AUDIO_SPEECH_RATIO, speech),
    ]
    if mos.installed():
        values.append((semconv.AUDIO_DNSMOS, mos.dnsmos(windows, rate, speech) if spare else "over_budget"))
    for name, value in values:
        if isinstance(value, str):
            missing[name] = value
        else:
            found[name] = value
    index = index_without_reference(found, _zeros(windows, rate, LONGEST_GAP_S))
    if index is not None:
        found[semconv.AUDIO_QUALITY_INDEX_NO_REFERENCE] = index
    return found, missing


def _silence(windows: Sequence[Samples], rate: int) -> float:
    """Share of 20 ms frames whose level is below -50 dBFS."""
    size, quiet, all_ = max(1, round(FRAME_S * rate)), 0, 0
    for window in windows:
        count = len(window) // size
        powers = np.square(window[: count * size]).reshape(count, -1).mean(axis=1)
        quiet += int((powers < 10 ** (QUIET_DBFS / 10)).sum())
        all_ += count
    return quiet / all_


def _zeros(windows: Sequence[Samples], rate: int, most_s: float = math.inf) -> float:
    """Share of the time in runs of exact zeros, in all channels, of 10 ms and more: what lost packets leave."""
    least, most, zeros, frames = ZEROS_S * rate, most_s * rate, 0, 0
    for window in windows:
        silent = np.concatenate(([False], ~window.any(axis=1), [False]))
        edges = np.flatnonzero(silent[1:] != silent[:-1])
        runs = edges[1::2] - edges[::2]
        zeros += int(runs[(runs >= least) & (runs <= most)].sum())
        frames += len(window)
    return zeros / frames


def _clipped(windows: Sequence[Samples]) -> float | str:
    """Share of samples within 0.1 % of the audio's own peak, where two or more of them follow each other."""
    peak = max(float(np.abs(window).max()) for window in windows)
    if peak < LEAST_PEAK:
        return "too_quiet"
    flat = 0
    for window in windows:
        near = np.abs(window) >= NEAR_PEAK * peak
        before, after = np.zeros_like(near), np.zeros_like(near)
        before[1:], after[:-1] = near[:-1], near[1:]
        flat += int((near & (before | after)).sum())
    return flat / sum(window.size for window in windows)


def _bandwidth(windows: Sequence[Samples], rate: int) -> float | str:
    """Highest frequency whose average power is within 60 dB of the strongest."""
    if max(float(np.abs(window).max()) for window in windows) < INAUDIBLE:
        return "silent"
    size = 1 << (rate // 16 - 1).bit_length()
    spectrum, count = np.zeros(size // 2 + 1), 0
    shape = np.hanning(size).astype(np.float32)[:, np.newaxis]
    for window in windows:
        for start in range(0, len(window) - size + 1, size):
            spectrum += np.square(np.abs(np.fft.rfft(window[start : start + size] * shape, axis=0))).sum(axis=1)
            count += 1
    if not count:
        return "too_short"
    used = np.flatnonzero(spectrum >= BAND_FLOOR * spectrum.max())
    return float(used[-1] * rate / size)


def _loudness(windows: Sequence[Samples], rate: int) -> float | str:
    if windows[0].shape[1] > 2:
        return "unknown_layout"
    if not any(long_enough(len(window), rate) for window in windows):
        return "too_short"
    value = loudness(windows, rate)
    return "too_quiet" if value is None else value


def _speech(windows: Sequence[Samples], rate: int) -> float | str:
    """Share of 30 ms frames in which WebRTC's detector hears a voice; it takes noises for voices too."""
    try:
        import webrtcvad
    except ImportError:
        return "not_installed"
    detector, voiced, frames = webrtcvad.Vad(VAD_MODE), 0, 0
    at_rate = rate if rate in VAD_RATES else 16_000
    size = round(VAD_FRAME_S * at_rate)
    for window in windows:
        mono = resampled(window.mean(axis=1), rate, at_rate)
        pcm = (np.clip(mono, -1, 1) * 32767).astype("<i2").tobytes()
        for start in range(0, len(pcm) - 2 * size + 1, 2 * size):
            voiced += detector.is_speech(pcm[start : start + 2 * size], at_rate)
            frames += 1
    return voiced / frames if frames else "too_short"


def resampled(mono: NDArray[np.float32], rate: int, to: int) -> NDArray[np.float32]:
    """The same at another rate."""
    if rate == to:
        return mono
    size = round(len(mono) * to / rate)
    return (np.fft.irfft(np.fft.rfft(mono), size) * (size / len(mono))).astype(np.float32)
