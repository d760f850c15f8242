"""Why a trace was kept: what decided, with which probability, and in which stratum.

Given a trace's spans as rows, reads what its root says, or where the root says nothing, the first span that does.

Never: a reason that nobody told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from spanledger import semconv

BECAUSE: Final = {
    "error": "it failed",
    "slow": "it was slow",
    "expensive": "it was expensive",
    "early": "it was long, and decided by chance before it ended",
    "head": "it was drawn by chance when it began",
}


def explained(spans: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Strategy, stratum, probability and the reason in words; None when no span was kept.

    Args:
        spans: Rows with `attributes` parsed, by start.
    """
    if not spans:
        return None
    roots = [row for row in spans if row["parent_span_id"] is None]
    told = [row for row in (*roots, *spans) if semconv.SAMPLING_STRATEGY in row["attributes"]]
    row = (told or roots or spans)[0]
    weight = row["adjusted_count"]
    stratum = row["attributes"].get(semconv.SAMPLING_STRATUM)
    return {
        "strategy": row["attributes"].get(semconv.SAMPLING_STRATEGY),
        "stratum": stratum,
        "probability": None if weight is None else 1 / weight,
        "threshold": row["sampling_threshold"],
        "adjusted_count": weight,
        "uncounted_spans": sum(each["adjusted_count"] is None for each in spans),
        "reason": _reason(stratum, weight),
    }


def _reason(stratum: object, weight: float | None) -> str:
    if isinstance(stratum, str) and stratum in BECAUSE and (stratum != "head" or weight != 1):
        return BECAUSE[stratum]
    if weight is None:
        return "unknown: whoever sampled it did not say how (no th in its trace state)"
    return "all such traces were kept" if weight == 1 else BECAUSE["head"]
