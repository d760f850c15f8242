"""The number by which Alertmanager, amtool and Prometheus know a set of labels.

Given labels, gives the 64 bits of FNV-1a over their names and values in order of the names, each followed by a byte
that stands in no text.

Never: a key of ours. Somebody can choose labels that have the number of others; the labels themselves tell them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OFFSET: Final = 0xCBF29CE484222325
PRIME: Final = 0x100000001B3
SEPARATOR: Final = b"\xff"


def fingerprint(labels: Mapping[str, str]) -> int:
    """The fingerprint of `labels`; 16 hexadecimal digits where it is shown."""
    found = OFFSET
    for name in sorted(labels, key=str.encode):
        for byte in name.encode() + SEPARATOR + labels[name].encode() + SEPARATOR:
            found = (found ^ byte) * PRIME & 0xFFFFFFFFFFFFFFFF
    return found
