"""A reference and what became of it: one gate, and a copy of both to be compared.

Given two arrays and their rate, gives a `Pair` for the measuring process, or the reason why they cannot be compared.
Of long audio, the middle is compared: at most `LONGEST_S` seconds, and `MOST_COPIED` bytes together.

Never: a comparison of what differs in length, rate or channels.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, Literal

from spanledger import semconv
from spanledger.audio.facts import MOST_COPIED, NO_AUDIO, Facts, sample_format, sane_rate
from spanledger.guard import guard

LONGEST_S: Final = 30.0  # the PESQ library writes beyond its tables where there are more utterances than it expects
SHORTEST_S: Final = 0.5
CLEAN_DNSMOS: Final = 3.3
SPEECH_HZ: Final = 7_000.0
HALVED_BY_CLIPPED: Final = 0.05  # this share of clipped samples halves the index
HALVED_BY_GAPS: Final = 0.1
QUIET_LUFS: Final = -35.0
SILENT_LUFS: Final = -60.0
_COPY = guard("audio.copy")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two mono signals of the same length; `about` says what is wanted of them."""

    reference: tuple[bytes, str]
    degraded: tuple[bytes, str]
    rate: int
    about: Literal["pair", "pesq"] = "pair"
    facts: Facts = NO_AUDIO

    def question(self, *, measure: bool) -> tuple[dict[str, Any], bytes]:
        """For the measuring process."""
        del measure
        (first, first_kind), (second, second_kind) = self.reference, self.degraded
        asked = {"about": self.about, "rate": self.rate, "dtypes": [first_kind, second_kind], "first": len(first)}
        return asked, first + second

    def close(self) -> None:
        """Nothing is open."""

    def for_pesq(self) -> Pair:
        """The same, asked for its PESQ: by itself, because that may cost the measuring process its life."""
        return replace(self, about="pesq")


def paired(reference: Any, degraded: Any, sample_rate: float) -> Pair | str:
    """The pair, or the reason why there is none."""
    rate = sane_rate(sample_rate)
    if rate is None:
        return "bad_sample_rate"
    frames: set[int] = set()
    for samples in (reference, degraded):
        if not hasattr(samples, "shape") or not hasattr(samples, "dtype"):
            return "not_samples"
        if sample_format(samples) is None:
            return "bad_sample_format"
        if not samples.shape or min(samples.shape) == 0:
            return "empty"
        frames.add(max(samples.shape))
        if len(samples.shape) > 2 or (len(samples.shape) == 2 and min(samples.shape) > 1):
            return "not_mono"
    if len(frames) > 1:
        return "unequal_lengths"
    if frames.pop() < SHORTEST_S * rate:
        return "too_short"
    with _COPY:
        return _copied(reference, degraded, rate)
    return "unreadable"


@cache
def has_pesq() -> bool:
    """Whether the user installed it; it does not come with us, its licence forbids that."""
    return importlib.util.find_spec("pesq") is not None


def quality_index(measures: Mapping[str, float]) -> float | None:
    """0.4 · PESQ ÷ 4.5 + 0.3 · STOI + 0.3 · SNR ÷ 30 dB (between 0 and 1), where all three are there."""
    names = (semconv.AUDIO_PESQ, semconv.AUDIO_STOI, semconv.AUDIO_SNR_DB)
    if any(name not in measures for name in names):
        return None
    pesq, stoi, snr = (measures[name] for name in names)
    return 0.4 * pesq / 4.5 + 0.3 * stoi + 0.3 * min(max(snr / 30, 0.0), 1.0)


def index_without_reference(measures: Mapping[str, float], gaps: float) -> float | None:
    """Between 0 and 1, where all parts are there; each hears what the others do not.

    DNSMOS from 1 to 3.3, as clean speech has (noise, reverberation), × bandwidth ÷ 7 kHz × level from -60 to -35 LUFS
    (each between 0 and 1) ÷ (1 + clipped share ÷ 5 %) ÷ (1 + gaps ÷ 10 %).

    Args:
        measures: Values by attribute.
        gaps: Share of the time in short runs of exact zeros; a long one is a pause.
    """
    names = (semconv.AUDIO_DNSMOS, semconv.AUDIO_BANDWIDTH_HZ, semconv.AUDIO_LOUDNESS_LUFS, semconv.AUDIO_CLIPPED_RATIO)
    if any(name not in measures for name in names):
        return None
    score, bandwidth_hz, lufs, clipped = (measures[name] for name in names)
    heard = _between((score - 1) / (CLEAN_DNSMOS - 1)) * _between(bandwidth_hz / SPEECH_HZ)
    level = _between((lufs - SILENT_LUFS) / (QUIET_LUFS - SILENT_LUFS))
    return heard * level / (1 + clipped / HALVED_BY_CLIPPED) / (1 + gaps / HALVED_BY_GAPS)


def _between(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _copied(reference: Any, degraded: Any, rate: int) -> Pair:
    """The middle of both, of the same length."""
    import numpy as np

    arrays = [np.asarray(samples).reshape(-1) for samples in (reference, degraded)]
    most = min(int(LONGEST_S * rate), MOST_COPIED // sum(array.itemsize for array in arrays))
    start = max(0, (len(arrays[0]) - most) // 2)
    first, second = ((array[start : start + most].tobytes(), array.dtype.str) for array in arrays)
    return Pair(first, second, rate)
