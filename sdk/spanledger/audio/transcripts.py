"""Word error rate: how many words of a transcript are wrong, for each word of the reference.

Given transcript and reference, gives (substituted + missing + added) ÷ words of the reference. Case, punctuation and
Unicode's variants of a character do not count; how numbers are written does ("2" is not "two"). Computed in the
measuring process; no word of either leaves the machine.

Never: a rate for a reference without words, or for scripts that put no spaces between words.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from spanledger import semconv
from spanledger.audio.facts import NO_AUDIO, Facts

MOST_CHARACTERS: Final = 100_000
MOST_WORDS: Final = 10_000
_APOSTROPHES: Final = str.maketrans("’ʼ", "''")
_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_UNSPACED: Final = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


@dataclass(slots=True)
class Transcripts:
    """What was heard and what was said, to be compared."""

    transcript: str
    reference: str
    facts: Facts = NO_AUDIO

    def question(self, *, measure: bool) -> tuple[dict[str, Any], bytes]:
        """For the measuring process."""
        del measure
        return {"about": "transcripts"}, json.dumps([self.transcript, self.reference]).encode()

    def close(self) -> None:
        """Nothing is open."""


def refused(transcript: object, reference: object) -> str | None:
    """Why there can be no rate; None where there can."""
    if not isinstance(transcript, str) or not isinstance(reference, str):
        return "not_text"
    if max(len(transcript), len(reference)) > MOST_CHARACTERS:
        return "too_long"
    return None


def of_transcripts(question: Mapping[str, Any], content: bytes) -> dict[str, Any]:
    """The measuring process's answer."""
    del question
    rate = word_error_rate(*json.loads(content))
    if isinstance(rate, str):
        return {"skipped": rate}
    return {"measures": {semconv.AUDIO_WORD_ERROR_RATE: rate}}


def word_error_rate(transcript: str, reference: str) -> float | str:
    """The rate, which is above 1 where more is wrong than was said; or the reason why there is none."""
    if _UNSPACED.search(reference):
        return "no_spaces_between_words"
    heard, said = words(transcript), words(reference)
    if not said:
        return "empty_reference"
    if max(len(heard), len(said)) > MOST_WORDS:
        return "too_long"
    return _distance(heard, said) / len(said)


def words(text: str) -> list[str]:
    """A text's words, without what does not count."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES))


def _distance(heard: list[str], said: list[str]) -> int:
    """The least number of words to change, take out or put in; row by row, each row at once."""
    import numpy as np

    numbers = {word: number for number, word in enumerate(dict.fromkeys(said + heard))}
    across = np.array([numbers[word] for word in said])
    places = np.arange(len(said) + 1)
    row = places.copy()
    for number in (numbers[word] for word in heard):
        changed = np.minimum(row[1:] + 1, row[:-1] + (across != number))
        after = np.concatenate(([row[0] + 1], changed))
        row = np.minimum.accumulate(after - places) + places
    return int(row[-1])
