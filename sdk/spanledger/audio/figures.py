"""The audio metrics: one a measured value, under the name that the value has on the span.

Given values and what tells series apart, records them with OpenTelemetry's instruments: a histogram, or a gauge for
what may be negative, which a histogram does not take.

Never: an id, a file's name, or anything else with many values as an attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final

from opentelemetry.context import Context
from opentelemetry.metrics import get_meter
from opentelemetry.trace import Span, set_span_in_context

from spanledger import semconv
from spanledger.version import __version__

_SHARES: Final = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
_FACTORS: Final = tuple(2.0**power for power in range(-10, 13))
_SCORES: Final = tuple(1 + 0.25 * step for step in range(16))
FIGURES: Final[Mapping[str, tuple[str, str, Sequence[float] | None]]] = {
    semconv.AUDIO_DURATION_S: ("s", "Length of the audio", tuple(2.0**power for power in range(-3, 14))),
    semconv.AUDIO_SPEED_FACTOR: ("1", "Seconds of audio for each second of work", _FACTORS),
    semconv.AUDIO_REAL_TIME_FACTOR: ("1", "Seconds of work for each second of audio", _FACTORS),
    semconv.AUDIO_LOUDNESS_LUFS: ("LUFS", "Integrated loudness", None),
    semconv.AUDIO_CLIPPED_RATIO: ("1", "Share of clipped samples", _SHARES),
    semconv.AUDIO_ZERO_FRAME_RATIO: ("1", "Share of the time that is exactly zero", _SHARES),
    semconv.AUDIO_SILENCE_RATIO: ("1", "Share of the time that is quiet", _SHARES),
    semconv.AUDIO_SPEECH_RATIO: ("1", "Share of the time with voice activity", _SHARES),
    semconv.AUDIO_WORD_ERROR_RATE: ("1", "Wrong words for each word of the reference", (*_SHARES, 1.5, 2.0)),
    semconv.AUDIO_STOI: ("1", "Intelligibility against the reference", _SHARES),
    semconv.AUDIO_ESTOI: ("1", "Intelligibility against the reference, extended", None),
    semconv.AUDIO_SI_SDR_DB: ("dB", "Scale-invariant signal to distortion ratio", None),
    semconv.AUDIO_SNR_DB: ("dB", "Signal to noise ratio against the reference", None),
    semconv.AUDIO_PESQ: ("1", "PESQ, mean opinion score", _SCORES),
    semconv.AUDIO_DNSMOS: ("1", "DNSMOS, overall score without a reference", _SCORES),
    semconv.AUDIO_QUALITY_INDEX: ("1", "Quality index of PESQ, STOI and SNR", _SHARES),
    semconv.AUDIO_QUALITY_INDEX_NO_REFERENCE: ("1", "Quality index of DNSMOS, clipping, bandwidth and level", _SHARES),
    semconv.AUDIO_BANDWIDTH_HZ: ("Hz", "Highest frequency in use", tuple(1000.0 * kilo for kilo in range(1, 25))),
}


def labels(context: Mapping[str, str]) -> dict[str, str]:
    """What of who and what for may tell series apart."""
    return {key: context[key] for key in semconv.LOW_CARDINALITY_CONTEXT_KEYS if key in context}


def record(values: Mapping[str, object], labels: Mapping[str, str], span: Span) -> None:
    """Record those values that are metrics; the span becomes their exemplar where it is kept."""
    around: Context | None = None
    for name, value in values.items():
        if name in FIGURES and isinstance(value, (int, float)):
            around = around or set_span_in_context(span, Context())
            _instrument(name)(value, labels, around)


@cache
def _instrument(name: str) -> Callable[[float, Mapping[str, str], Context], None]:
    unit, description, bounds = FIGURES[name]
    meter = get_meter("spanledger.audio", __version__)
    if bounds is None:
        return meter.create_gauge(name, unit, description).set
    return meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=list(bounds)).record
