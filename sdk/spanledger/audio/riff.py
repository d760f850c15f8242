"""The header of a WAV file.

Given a file, gives length, rate and channels, as far as header and file agree.

Never: a length that the file does not hold, nor a read beyond the header's chunks.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

_PLAIN: Final = frozenset({1, 3, 6, 7})  # PCM, float, A-law, µ-law: every sample takes the same number of bytes
_EXTENSIBLE: Final = 0xFFFE
_UNTIL_THE_END: Final = 0x7FFFFFFF - 1024  # what writers put who do not know the length yet
_MOST_CHUNKS: Final = 64


class BadHeaderError(ValueError):
    """The header cannot be true; its text is the reason to tell."""


def wav_facts(file: BinaryIO, size: int) -> tuple[float, int, int] | None:
    """Seconds, rate and channels; None where it is not WAV, or WAV of a compressed kind.

    Args:
        file: At its beginning; it is there again afterwards.
        size: The bytes it has.

    Raises:
        BadHeaderError: When header and file disagree.
    """
    try:
        start = file.read(12)
        if len(start) < 12 or start[:4] != b"RIFF" or start[8:] != b"WAVE":
            return None
        return _chunks(file, size)
    finally:
        file.seek(0)


def _chunks(file: BinaryIO, size: int) -> tuple[float, int, int] | None:
    described: tuple[int, int, int] | None = None  # rate, channels, bytes a frame
    for _ in range(_MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        name, length = struct.unpack("<4sI", head)
        if name == b"data":
            return None if described is None else _length(length, size - file.tell(), *described)
        if name == b"fmt ":
            described = _described(file.read(min(length, 64)))
            if described is None:
                return None
            file.seek(max(0, length - 64) + length % 2, 1)
        else:
            file.seek(length + length % 2, 1)
    raise BadHeaderError("bad_header")


def _described(chunk: bytes) -> tuple[int, int, int] | None:
    if len(chunk) < 16:
        raise BadHeaderError("bad_header")
    kind, channels, rate, _, frame_bytes, bits = struct.unpack("<HHIIHH", chunk[:16])
    if kind == _EXTENSIBLE and len(chunk) >= 26:
        kind = struct.unpack("<H", chunk[24:26])[0]
    if kind not in _PLAIN:
        return None
    if not rate:
        raise BadHeaderError("bad_sample_rate")
    if not channels or frame_bytes != channels * ((bits + 7) // 8) or not frame_bytes:
        raise BadHeaderError("bad_header")
    return rate, channels, frame_bytes


def _length(claimed: int, there: int, rate: int, channels: int, frame_bytes: int) -> tuple[float, int, int]:
    if claimed >= _UNTIL_THE_END:
        claimed = there
    if claimed > there:
        raise BadHeaderError("truncated")
    return claimed // frame_bytes / rate, rate, channels
