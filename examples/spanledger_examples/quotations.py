"""What readers read aloud in the demo: two sentences of a novel, recorded, and their words.

Given a quotation, gives its recording; given a recording's length, the quotation it is most likely to be.

Never: a recording without its licence beside it (`data/speech/README.md`).
"""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final


@dataclass(frozen=True, slots=True)
class Quotation:
    """A sentence and the name of its recording."""

    file: str
    words: str

    def recording(self) -> bytes:
        """The WAV file."""
        return (resources.files("spanledger_examples") / "data" / "speech" / self.file).read_bytes()


QUOTATIONS: Final = (
    Quotation("sense_and_sensibility_0880.wav", "he was not an ill disposed young man"),
    Quotation(
        "sense_and_sensibility_0890.wav",
        "unless to be rather cold hearted and rather selfish is to be ill disposed",
    ),
)


@cache
def recordings() -> tuple[bytes, ...]:
    """All recordings, read once."""
    return tuple(quotation.recording() for quotation in QUOTATIONS)


def length_s(recording: bytes) -> float:
    """How long a WAV file plays."""
    with wave.open(io.BytesIO(recording)) as file:
        return float(file.getnframes() / file.getframerate())


def nearest(seconds: float) -> Quotation:
    """The quotation whose recording is about this long."""
    lengths = [abs(length_s(recording) - seconds) for recording in recordings()]
    return QUOTATIONS[lengths.index(min(lengths))]
