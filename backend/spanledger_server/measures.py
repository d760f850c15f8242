"""What is measured of audio, which way it is better, what of it is a problem, and what is no measure of anything.

The names are those of the attributes on spans, without their `audio.`; `took_s` is how long the span's work took.

Never: a value outside of a measure's bounds taken for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from spanledger_server.errors import Invalid

Better = Literal["more", "less"]
Subject = Literal["clips", "compared", "heard", "words"]
SUBJECTS: Final[dict[Subject, str]] = {
    "clips": "clips",
    "compared": "clips that could be compared with a reference",
    "heard": "stages that were told of audio",
    "words": "stages of the names whose words are ever checked",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """One of them.

    Attributes:
        name: As answers call it.
        unit: UCUM, `1` for shares and scores.
        meaning: One sentence.
        better: Which way; None where neither is.
        of: Of what it is measured; the share that has it is its coverage.
        least: The smallest value that can be.
        most: The largest.
        edges: Where the bars of a distribution begin, but for the first.
    """

    name: str
    unit: str
    meaning: str
    better: Better | None
    of: Subject
    least: float
    most: float
    edges: tuple[float, ...]

    @property
    def worst_is_high(self) -> bool:
        """Whether the largest values are to be looked at first; of what has no better side, the smallest."""
        return self.better == "less"

    def shown(self) -> dict[str, Any]:
        """As answers have it."""
        return {
            "metric": self.name,
            "unit": self.unit,
            "meaning": self.meaning,
            "better": self.better,
            "measured_of": SUBJECTS[self.of],
        }


def _steps(least: float, most: float, step: float) -> tuple[float, ...]:
    count = round((most - least) / step)
    return tuple(round(least + step * number, 6) for number in range(1, count))


_SHARES: Final = _steps(0, 1, 0.05)
_SCORES: Final = _steps(1, 5, 0.25)
_DECIBELS: Final = _steps(-20, 40, 3)
_DOUBLING: Final = tuple(2.0**power for power in range(-10, 11))
_SECONDS: Final = tuple(2.0**power for power in range(-7, 13))
_FAINT: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_MONTH_S: Final = 2_678_400.0

MEASURES: Final = tuple(
    Measure(*row)
    for row in (
        ("duration_s", "s", "Length of the audio", None, "clips", 0, _MONTH_S, _SECONDS),
        ("speed_factor", "1", "Seconds of audio for each second of work", "more", "clips", 1e-9, 1e9, _DOUBLING),
        ("real_time_factor", "1", "Seconds of work for each second of audio", "less", "clips", 1e-9, 1e9, _DOUBLING),
        ("sample_rate_hz", "Hz", "Samples a second", None, "clips", 1, 1e7, (8000, 16000, 22050, 32000, 44100, 48000)),
        ("pesq", "1", "PESQ, 1 to 4.6: quality against the reference", "more", "compared", -0.5, 5, _SCORES),
        ("stoi", "1", "STOI, to 1: intelligibility against the reference", "more", "compared", -1, 1, _SHARES),
        ("estoi", "1", "Extended STOI, to 1: also in changing noise", "more", "compared", -1, 1, _SHARES),
        ("snr_db", "dB", "Signal to noise against the reference", "more", "compared", -200, 200, _DECIBELS),
        ("si_sdr_db", "dB", "Signal to distortion, whatever the level", "more", "compared", -200, 200, _DECIBELS),
        ("quality_index", "1", "PESQ, STOI and SNR as one, 0 to 1", "more", "compared", 0, 1, _SHARES),
        ("dnsmos", "1", "DNSMOS, 1 to 5: what listeners would say", "more", "heard", 0, 5, _SCORES),
        ("quality_index_no_reference", "1", "Quality without a reference, 0 to 1", "more", "heard", 0, 1, _SHARES),
        ("loudness_lufs", "LUFS", "Integrated loudness", None, "heard", -200, 50, _steps(-60, 0, 3)),
        ("clipped_ratio", "1", "Share of clipped samples", "less", "heard", 0, 1, _FAINT),
        ("zero_frame_ratio", "1", "Share of the time that is exactly zero", "less", "heard", 0, 1, _FAINT),
        ("bandwidth_hz", "Hz", "Highest frequency in use", "more", "heard", 0, 1e7, _steps(0, 24000, 1000)),
        ("silence_ratio", "1", "Share of the time that is quiet", "less", "heard", 0, 1, _SHARES),
        ("speech_ratio", "1", "Share of the time with voice activity", "more", "heard", 0, 1, _SHARES),
        ("word_error_rate", "1", "Wrong words for each word of the reference", "less", "words", 0, 1e6, _SHARES),
        ("took_s", "s", "Time that the work took", "less", "clips", 0, 1e10, _SECONDS),
    )
)
BY_NAME: Final = {each.name: each for each in MEASURES}
PLACES: Final = {each.name: place for place, each in enumerate(MEASURES, 1)}  # in the lists of SQL
TOLD: Final = tuple(each.name for each in MEASURES if each.name != "took_s")
TEXTS: Final = ("stage", "format", "source", "id", "features_skipped_reason", "quality_skipped_reason")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an audio: its measure is beyond the limit."""

    name: str
    metric: str
    above: bool
    limit: float
    meaning: str

    def has(self, value: float | None) -> bool:
        """Whether an audio with this value of the measure has the problem."""
        return value is not None and (value > self.limit if self.above else value < self.limit)


PROBLEMS: Final = tuple(
    Problem(*row)
    for row in (
        ("clipping", "clipped_ratio", True, 0.001, "more than 0.1 % of the samples are clipped"),
        ("gaps", "zero_frame_ratio", True, 0.01, "more than 1 % of the time is exactly zero, as lost packets leave it"),
        ("low_bandwidth", "bandwidth_hz", False, 5000, "nothing above 5 kHz, as on a telephone"),
        ("low_rate", "sample_rate_hz", False, 16000, "fewer than 16,000 samples a second"),
        ("too_quiet", "loudness_lufs", False, -35, "quieter than -35 LUFS"),
        ("mostly_silent", "silence_ratio", True, 0.8, "more than 80 % of the time is quiet"),
        ("no_speech", "speech_ratio", False, 0.1, "voice activity in less than 10 % of the time"),
        ("poor_sound", "dnsmos", False, 2.5, "DNSMOS below 2.5"),
        ("misheard", "word_error_rate", True, 0.25, "more than one word of four is wrong"),
        ("too_slow", "real_time_factor", True, 1, "the work takes longer than the audio"),
    )
)


_PROBLEM_OF: Final = {each.metric: each for each in PROBLEMS}
TAKEN: Final[dict[str, Any]] = {
    "paths": [f'$."audio.{name}"' for name in (*TEXTS, *TOLD)],
    "least": [BY_NAME[name].least for name in TOLD],
    "greatest": [BY_NAME[name].most for name in TOLD],
}
"""How the statement that takes spans of audio in finds their attributes."""


def counted_by(places: Sequence[int]) -> dict[str, Any]:
    """The parameters of the statements that count spans of audio.

    Args:
        places: Of the measures that are wanted.
    """
    judging = [_PROBLEM_OF.get(each.name) for each in MEASURES]
    return {
        "wanted": list(places),
        "edges": [list(each.edges) for each in MEASURES],
        "limits": [None if each is None else float(each.limit) for each in judging],
        "above": [None if each is None else each.above for each in judging],
        "references": [PLACES[each.name] for each in MEASURES if each.of == "compared"],
        "features": [PLACES[each.name] for each in MEASURES if each.of == "heard"],
        "words": PLACES["word_error_rate"],
        "length": PLACES["duration_s"],
    }


def named(text: str | None, default: str) -> Measure:
    """The measure of that name.

    Raises:
        Invalid: There is none.
    """
    found = BY_NAME.get(default if text is None else text)
    if found is None:
        raise Invalid("metric", text, "one of " + ", ".join(BY_NAME))
    return found
