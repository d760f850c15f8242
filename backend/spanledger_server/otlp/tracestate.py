"""What a span's trace state says about its sampling: the threshold, and how many spans it stands for.

Given a W3C trace state, gives OpenTelemetry's ``th`` (consistent probability sampling): up to 14 hex digits, padded
right with zeros to 56 bits; a span is kept when its 56 random bits are not below it.

Never: a guess. Absent, malformed, said twice or too long is unknown.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

RANGE: Final = 2**56
LONGEST: Final = 32 * (256 + 1 + 256 + 1)  # characters: as many members as W3C allows, each as long as it allows
LONGEST_OT: Final = 256
_THRESHOLD = re.compile(r"[0-9a-f]{1,14}")

Sampling = tuple[int | None, float | None]
UNKNOWN: Final[Sampling] = (None, None)


@lru_cache(maxsize=1024)
def sampling(trace_state: str) -> Sampling:
    """The sampling threshold and the adjusted count of a span with this trace state; None where it does not say."""
    if "th:" not in trace_state or len(trace_state) > LONGEST:
        return UNKNOWN
    ours = [member[3:] for part in trace_state.split(",") if (member := part.strip(" \t")).startswith("ot=")]
    if len(ours) != 1 or len(ours[0]) > LONGEST_OT:
        return UNKNOWN
    said = [part[3:] for part in ours[0].split(";") if part.startswith("th:")]
    if len(said) != 1 or not _THRESHOLD.fullmatch(said[0]):
        return UNKNOWN
    threshold = int(said[0].ljust(14, "0"), 16)
    return threshold, RANGE / (RANGE - threshold)
