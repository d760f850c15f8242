"""How much of a reference is left: SNR, SI-SDR, STOI, ESTOI; and PESQ, where the user installed it.

Given a question about a pair, gives the measuring process's answer. The two are aligned first (a delay of 10 ms that
nobody hears would cost a fifth of the STOI) and the delay is told.

Never: the figures that the libraries give for silence, NaN or too little speech, which look like measurements.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger import semconv
from spanledger.audio.features import INAUDIBLE, Refused, as_float
from spanledger.audio.quality import SHORTEST_S

Signal = NDArray[np.float64]

BEST_DB: Final = 60.0  # a perfect copy has 300 dB, which is rounding
MOST_DELAY_S: Final = 0.5
PESQ_RATES: Final = {"wb": 16_000, "nb": 8_000}


def of_pair(question: Mapping[str, Any], content: bytes) -> dict[str, Any]:
    """All but PESQ."""
    rate = question["rate"]
    reference, degraded, delay = _aligned(*_signals(question, content), rate)
    measures = {
        semconv.AUDIO_ANALYZED_S: len(reference) / rate,
        semconv.AUDIO_DELAY_S: delay / rate,
        semconv.AUDIO_SNR_DB: _decibels(reference, degraded - reference),
        semconv.AUDIO_SI_SDR_DB: _si_sdr(reference, degraded),
    }
    skipped = []
    for name, extended in ((semconv.AUDIO_STOI, False), (semconv.AUDIO_ESTOI, True)):
        value = _stoi(reference, degraded, rate, extended=extended)
        if isinstance(value, str):
            skipped.append(f"{name.removeprefix('audio.')}={value}")
        else:
            measures[name] = value
    return {"measures": measures, "skipped": ",".join(skipped) or None}


def of_pesq(question: Mapping[str, Any], content: bytes) -> dict[str, Any]:
    """PESQ: wide band from 16 kHz on, narrow band from 8 kHz on."""
    try:
        import pesq
        from scipy.signal import resample_poly
    except ImportError:
        return {"skipped": "not_installed"}
    rate = question["rate"]
    mode = next((mode for mode, least in PESQ_RATES.items() if rate >= least), None)
    if mode is None:
        return {"skipped": "bad_sample_rate"}
    at = PESQ_RATES[mode]
    pair = [signal if rate == at else resample_poly(signal, at, rate) for signal in _signals(question, content)]
    try:
        value = float(pesq.pesq(at, *pair, mode))
    except (pesq.PesqError, ValueError):
        return {"skipped": "no_utterances"}
    if not np.isfinite(value):
        return {"skipped": "no_utterances"}
    return {"measures": {semconv.AUDIO_PESQ: value, semconv.AUDIO_PESQ_MODE: mode}}


def _signals(question: Mapping[str, Any], content: bytes) -> tuple[Signal, Signal]:
    first = question["first"]
    found = []
    for name, part, kind in zip(
        ("reference", "degraded"), (content[:first], content[first:]), question["dtypes"], strict=True
    ):
        signal = as_float(np.frombuffer(part, kind)).astype(np.float64)
        if np.abs(signal).max() < INAUDIBLE:
            raise Refused(f"silent_{name}")
        found.append(signal)
    return found[0], found[1]


def _aligned(reference: Signal, degraded: Signal, rate: int) -> tuple[Signal, Signal, int]:
    """What overlaps when the degraded signal is moved to where it fits best, and by how much it came late."""
    size = 1 << (2 * len(reference) - 1).bit_length()
    fit = np.abs(np.fft.irfft(np.fft.rfft(degraded, size) * np.fft.rfft(reference, size).conj(), size))
    most = min(round(MOST_DELAY_S * rate), len(reference) - round(SHORTEST_S * rate))
    late, early = fit[: most + 1], fit[size - most :] if most else fit[:0]
    delay = int(late.argmax())
    if early.size and early.max() > late.max():
        delay = int(early.argmax()) - most
    if delay > 0:
        reference, degraded = reference[:-delay], degraded[delay:]
    elif delay < 0:
        reference, degraded = reference[-delay:], degraded[:delay]
    return reference, degraded, delay


def _si_sdr(reference: Signal, degraded: Signal) -> float:
    reference, degraded = reference - reference.mean(), degraded - degraded.mean()
    target = reference * (degraded @ reference) / (reference @ reference)
    return _decibels(target, degraded - target)


def _decibels(signal: Signal, noise: Signal) -> float:
    above, below = float(signal @ signal), float(noise @ noise)
    if below <= above * 10 ** (-BEST_DB / 10):
        return BEST_DB
    return max(-BEST_DB, 10 * float(np.log10(max(above, 1e-30) / below)))


def _stoi(reference: Signal, degraded: Signal, rate: int, *, extended: bool) -> float | str:
    try:
        from pystoi import stoi
    except ImportError:
        return "not_installed"
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(stoi(reference, degraded, rate, extended))
        except RuntimeWarning:  # fewer frames with speech than it needs; it would say 0.00001
            return "too_little_speech"
