"""When a certificate ends, read off its DER.

Python tells the fields of a certificate only where it was verified; here they are wanted of any.

Never: an error for bytes that are none: then nobody knows.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

SEQUENCE, INTEGER, VERSION, UTC_TIME, GENERALIZED_TIME = 0x30, 0x02, 0xA0, 0x17, 0x18
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def ends_ns(der: bytes) -> int | None:
    """The end of the time for which a certificate is valid, ns since 1970; None when it cannot be read."""
    try:
        _, certificate, _ = _element(der, SEQUENCE)
        _, signed, _ = _element(certificate, SEQUENCE)
        tag, _, after = _element(signed)
        rest = after if tag == VERSION else signed
        for wanted in (INTEGER, SEQUENCE, SEQUENCE):  # serial number, algorithm, issuer
            _, _, rest = _element(rest, wanted)
        _, validity, _ = _element(rest, SEQUENCE)
        _, _, rest = _element(validity)
        kind, text, _ = _element(rest)
        return _instant(kind, text.decode("ascii"))
    except (ValueError, IndexError, OverflowError):
        return None


def _element(data: bytes, wanted: int | None = None) -> tuple[int, bytes, bytes]:
    """The first element: its tag, its content, and what comes behind it.

    Raises:
        ValueError: It is another one, or cut off.
    """
    tag, length, begin = data[0], data[1], 2
    if length & 0x80:
        digits = length & 0x7F
        length, begin = int.from_bytes(data[2 : 2 + digits]), 2 + digits
    if (wanted is not None and tag != wanted) or begin + length > len(data):
        raise ValueError("no such element")
    return tag, data[begin : begin + length], data[begin + length :]


def _instant(kind: int, text: str) -> int:
    if kind == UTC_TIME:
        text = ("20" if int(text[:2]) < 50 else "19") + text
    elif kind != GENERALIZED_TIME:
        raise ValueError("no time")
    at = dt.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC)
    return (at - EPOCH) // dt.timedelta(microseconds=1) * 1000
