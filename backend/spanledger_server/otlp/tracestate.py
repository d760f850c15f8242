"""What a span's trace state says about its sampling: the threshold, and how many spans it stands for.

Given a W3C trace state, gives OpenTelemetry's ``th`` (consistent probability sampling): up to 14 hex digits, padded
right with zeros to 56 bits; a span is kept when its 56 random bits are not below it.

Never: a guess. Absent or malformed is unknown.
"""

from __future__ import annotations

import re
from functools import lru_cache

RANGE = 2**56
_THRESHOLD = re.compile(r"(?:^|,)[ \t]*ot=(?:[^,]*;)?th:([0-9a-f]{1,14})(?=[;, \t]|$)")

Sampling = tuple[int | None, float | None]


@lru_cache(maxsize=1024)
def sampling(trace_state: str) -> Sampling:
    """The sampling threshold and the adjusted count of a span with this trace state; None where it does not say."""
    found = _THRESHOLD.search(trace_state)
    if found is None:
        return None, None
    threshold = int(found[1].ljust(14, "0"), 16)
    return threshold, RANGE / (RANGE - threshold)
