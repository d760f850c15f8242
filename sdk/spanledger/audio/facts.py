"""What an audio is, told from its shape or its header, in the caller's time; and a copy of it to be measured.

Given an array or an audio file, gives a `Sound`: the facts, and either something to measure or the reason why there is
nothing. WAV headers are read here; other files' by the measuring process.

Never: a number that the audio does not bear out, such as the length or rate that a broken header claims; nor a read of
more than a header.
"""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from spanledger import semconv
from spanledger.audio.riff import BadHeaderError, wav_facts
from spanledger.guard import guard

RATES: Final = (4_000, 384_000)  # what recorders and codecs use; beyond, the rate is a mistake
MOST_CHANNELS: Final = 32
MOST_COPIED: Final = 4 * 1024 * 1024  # of an array; more would be felt by the caller (0.5 ms)
MOST_FILE_BYTES: Final = 64 * 1024 * 1024
WINDOWS: Final = 8
_COPY = guard("audio.copy")


@dataclass(frozen=True, slots=True)
class Facts:
    """What an audio is; None where nobody knows."""

    duration_s: float | None = None
    sample_rate_hz: int | None = None
    channels: int | None = None
    format: str | None = None

    @property
    def known(self) -> bool:
        """Whether anything is."""
        return self.duration_s is not None

    def attributes(self) -> dict[str, Any]:
        """For a span."""
        named = {
            semconv.AUDIO_DURATION_S: self.duration_s,
            semconv.AUDIO_SAMPLE_RATE_HZ: self.sample_rate_hz,
            semconv.AUDIO_CHANNELS: self.channels,
            semconv.AUDIO_FORMAT: self.format,
        }
        return {name: value for name, value in named.items() if value is not None}

    def labels(self) -> dict[str, str]:
        """For a metric."""
        return {} if self.format is None else {semconv.AUDIO_FORMAT: self.format}


NO_AUDIO: Final = Facts(duration_s=0.0)  # for what is not an audio: nothing has to be found out about it


@dataclass(slots=True)
class Sound:
    """An audio as far as it is known.

    Attributes:
        facts: What it is.
        reason: Why it cannot be measured; None where it can.
        samples: Windows of an array's samples, as bytes, with the array's dtype and shape; at most `MOST_COPIED`.
        file: The file, open, its bytes not yet read.
    """

    facts: Facts = Facts()
    reason: str | None = None
    samples: tuple[bytes, str, tuple[int, ...]] | None = None
    file: BinaryIO | None = None

    def question(self, *, measure: bool) -> tuple[dict[str, Any], bytes]:
        """For the measuring process; a file's bytes are read here, on the measuring thread."""
        if self.samples is not None:
            content, kind, shape = self.samples
            return {"about": "samples", "dtype": kind, "shape": shape, "rate": self.facts.sample_rate_hz}, content
        content = b"" if self.file is None else self.file.read()
        return {"about": "file", "measure": measure, "known": self.facts.known}, content

    def close(self) -> None:
        """It is measured, or nobody will."""
        if self.file is not None:
            self.file.close()


def listen(audio: Any, sample_rate: float | None, name: str | None) -> Sound:
    """Tell what an audio is.

    Args:
        audio: An array, or a file: its path, an open binary file, or its bytes.
        sample_rate: Samples a second, for an array.
        name: What to call its format.
    """
    if isinstance(audio, bytes):
        return _of_file(io.BytesIO(audio), len(audio), name)
    if isinstance(audio, bytearray):  # which may change: to be copied
        return _of_file(io.BytesIO(bytes(audio[:MOST_COPIED])), len(audio), name, most=MOST_COPIED)
    if isinstance(audio, (str, os.PathLike)):
        return _of_path(Path(os.fspath(audio)), name)
    if hasattr(audio, "shape") and hasattr(audio, "dtype"):
        return _of_array(audio, sample_rate, name)
    if callable(getattr(audio, "fileno", None)) or isinstance(audio, io.BytesIO):
        return _of_open_file(audio, name)
    return Sound(reason="not_audio")


def sane_rate(rate: object) -> int | None:
    """The rate as a whole number, or None if no recorder has it."""
    if isinstance(rate, bool) or not hasattr(rate, "__float__"):
        return None
    number = float(rate)
    return int(number) if RATES[0] <= number <= RATES[1] and number.is_integer() else None


def sample_format(samples: Any) -> str | None:
    """What an array's samples are, or None where their full scale is unknown."""
    kind = str(samples.dtype).rpartition(".")[2]
    return kind if kind.startswith(("int", "uint8", "float")) and kind != "int64" else None


def _of_array(samples: Any, sample_rate: float | None, name: str | None) -> Sound:
    if sample_rate is None:
        return Sound(reason="no_sample_rate")
    rate = sane_rate(sample_rate)
    if rate is None:
        return Sound(reason="bad_sample_rate")
    shape = tuple(int(size) for size in samples.shape)
    kind = sample_format(samples)
    if kind is None:
        return Sound(reason="bad_sample_format")
    if len(shape) not in (1, 2) or (len(shape) == 2 and min(shape) > MOST_CHANNELS):
        return Sound(reason="bad_shape")
    if len(shape) == 2 and shape[0] == shape[1] > 1:
        return Sound(reason="ambiguous_shape")
    if min(shape) == 0:
        return Sound(reason="empty")
    frames, channels = max(shape), 1 if len(shape) == 1 else min(shape)
    facts = Facts(frames / rate, rate, channels, name or kind)
    copied = _copied(samples, frames)
    return Sound(facts, "unreadable") if copied is None else Sound(facts, samples=copied)


def _copied(samples: Any, frames: int) -> tuple[bytes, str, tuple[int, ...]] | None:
    """The samples, which the caller may change while they are measured; of long audio, windows spread over it."""
    with _COPY:
        import numpy as np

        array = np.asarray(samples)
        if array.ndim == 2 and array.shape[0] < array.shape[1]:
            array = array.T
        frame_bytes = array.nbytes // frames
        most = MOST_COPIED // frame_bytes
        if frames > most:
            each = most // WINDOWS
            starts = [(frames - each) * number // (WINDOWS - 1) for number in range(WINDOWS)]
            array = np.stack([array[start : start + each] for start in starts])
        else:
            array = array[np.newaxis]
        return array.tobytes(), array.dtype.str, array.shape
    return None


def _of_path(path: Path, name: str | None) -> Sound:
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            return Sound(reason="not_a_file")
        return _of_file(path.open("rb"), about.st_size, name)
    except (OSError, ValueError):
        return Sound(reason="unreadable")


def _of_open_file(file: Any, name: str | None) -> Sound:
    """The caller goes on reading its file: ours is a file of its own."""
    if isinstance(file, io.BytesIO):
        content = file.getvalue()
        return _of_file(io.BytesIO(content), len(content), name)
    path = getattr(file, "name", None)
    return _of_path(Path(path), name) if isinstance(path, str) else Sound(reason="not_a_file")


def _of_file(file: BinaryIO, size: int, name: str | None, most: int = MOST_FILE_BYTES) -> Sound:
    sound = Sound(file=file)
    try:
        if size == 0:
            sound.reason = "empty"
            return sound
        found = wav_facts(file, size)
        if found is not None:
            duration_s, rate, channels = found
            if sane_rate(rate) is None:
                sound.reason = "bad_sample_rate"
            elif not 0 < channels <= MOST_CHANNELS:
                sound.reason = "bad_header"
            else:
                sound.facts = Facts(duration_s, rate, channels, name or "wav")
                sound.reason = None if duration_s else "empty"
        elif name:
            sound.facts = Facts(format=name)
    except BadHeaderError as error:
        sound.reason = str(error)
    except OSError:
        sound.reason = "unreadable"
    if sound.reason is None and size > most:
        sound.reason = "too_large"
    return sound
