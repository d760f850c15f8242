"""Reads what a request's headers say of its body, and unpacks it within bounds.

Given header values and compressed bytes, gives the encoding and the plain bytes.

Never: more memory than the limit, whatever a small body unpacks to.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Final

from spanledger_server.api.receivers.receive import Encoding
from spanledger_server.errors import Malformed, TooLarge, UnsupportedMedia

STEP_BYTES: Final = 262_144
MOST_MEMBERS: Final = 1_024  # of one gzip body: each costs time whatever it holds
GZIP_FORMAT: Final = 16 + zlib.MAX_WBITS
ENCODINGS: Final[dict[str, Encoding]] = {"application/x-protobuf": "protobuf", "application/json": "json"}


def encoding_of(content_type: str | None) -> Encoding:
    """How a body with this Content-Type is written; parameters such as a charset are ignored.

    Raises:
        UnsupportedMedia: It is none of the two.
    """
    found = ENCODINGS.get((content_type or "").partition(";")[0].strip().lower())
    if found is None:
        spoken = " or ".join(ENCODINGS)
        raise UnsupportedMedia(f"Content-Type {(content_type or 'none')[:100]!r} is not spoken here: send {spoken}")
    return found


def is_gzip(content_encoding: str | None) -> bool:
    """Whether a body with this Content-Encoding is packed.

    Raises:
        UnsupportedMedia: It is packed in another way.
    """
    said = (content_encoding or "").strip().lower()
    if said in ("", "identity"):
        return False
    if said == "gzip":
        return True
    raise UnsupportedMedia(f"Content-Encoding {said[:100]!r} is not spoken here: send gzip or none")


def too_large(most_bytes: int) -> TooLarge:
    """The error of a body above the limit."""
    return TooLarge(
        f"the request is larger than {most_bytes} bytes: send smaller batches, or raise --max-request-bytes"
    )


def inflated(packed: bytes, most_bytes: int, grow: Callable[[int], None]) -> bytes:
    """`packed` without its gzip; several members in a row are one body.

    Args:
        packed: The body as it came.
        most_bytes: How much it may unpack to.
        grow: Called with the bytes held so far, plain and packed together; may raise `Busy`.

    Raises:
        Malformed: It is not gzip, or ends too early.
        TooLarge: It unpacks to more than `most_bytes`.
    """
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in _pieces(packed):
            size += len(piece)
            if size > most_bytes:
                raise too_large(most_bytes)
            grow(len(packed) + size)
            pieces.append(piece)
    except zlib.error as error:
        raise Malformed(f"the body is not gzip: {error}") from error
    return b"".join(pieces)


def _pieces(packed: bytes) -> Iterator[bytes]:
    reader = zlib.decompressobj(GZIP_FORMAT)
    members = 1
    for start in range(0, len(packed), STEP_BYTES):
        pending = packed[start : start + STEP_BYTES]
        while pending:
            if reader.eof:
                pending = pending.lstrip(b"\0")  # padding between members is allowed
                if not pending:
                    break
                members += 1
                if members > MOST_MEMBERS:
                    raise Malformed(f"the body has more than {MOST_MEMBERS} gzip members")
                reader = zlib.decompressobj(GZIP_FORMAT)
            yield reader.decompress(pending, STEP_BYTES)
            pending = reader.unused_data if reader.eof else reader.unconsumed_tail
    while not reader.eof:
        piece = reader.decompress(b"", STEP_BYTES)
        if not piece:
            raise Malformed("the gzip body ends too early")
        yield piece
