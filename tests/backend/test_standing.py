"""The one sentence on everything: the worst first, and nothing called well that is not."""

from __future__ import annotations

from typing import Any

import pytest

from spanledger_server.api.standing import parts, sentence

WELL = ("All systems operational", "ok")
ILL = ("1 of 2 services needs attention (mail: 3 of 20 calls failed in 5 min)", "warning")
QUIET: dict[str, Any] = {
    "alerts": {
        **dict.fromkeys(("needs", "severe", "acknowledged", "held_back", "pending", "unevaluated"), 0),
        "items": [],
    },
    "health": {"counts": {"healthy": 1, "degraded": 0, "down": 0, "unknown": 0}, "items": []},
    "slos": {"counts": {"ok": 1}, "items": []},
}


def fires(message: str, **other: Any) -> dict[str, Any]:
    return {"kind": "alert", "state": "firing", "message": message, "acknowledged": None, "held_back": None, **other}


def alerts(*items: dict[str, Any], **counts: int) -> dict[str, Any]:
    return {**QUIET, "alerts": {**QUIET["alerts"], **counts, "items": list(items)}}


DOWN = {
    **QUIET,
    "health": {
        "counts": {"healthy": 0, "degraded": 0, "down": 1, "unknown": 0},
        "items": [{"name": "cache", "state": "down", "reason": "refused"}],
    },
}
MISSED = {
    **QUIET,
    "slos": {
        "counts": {"breach": 1},
        "items": [{"display_name": "answers", "state": "breach", "burning": True}],
    },
}


@pytest.mark.parametrize(
    ("topics", "services", "said"),
    [
        (QUIET, WELL, WELL),
        (QUIET, ILL, ILL),
        (
            alerts(fires("slow"), fires("dear"), needs=2, severe=1),
            ILL,
            ("2 alerts need somebody (slow; dear) · 1 of 2 services needs attention", "critical"),
        ),
        (
            alerts(*(fires(str(n)) for n in range(5)), needs=9),
            WELL,
            ("9 alerts need somebody (0; 1; 2; and 6 more)", "warning"),
        ),
        (
            alerts(fires("slow", acknowledged={"by": "ana"}), acknowledged=1),
            WELL,
            ("1 alert is taken care of", "warning"),
        ),
        (
            alerts(fires("slow", held_back={"why": "silenced"}), held_back=1),
            WELL,
            ("All systems operational · 1 alert is held back", "ok"),
        ),
        (alerts(unevaluated=2), WELL, ("2 rules cannot be evaluated", "unknown")),
        (alerts(unevaluated=2), ILL, (f"{ILL[0]} · 2 rules cannot be evaluated", "warning")),
        (DOWN, WELL, ("1 check is down (cache: refused)", "critical")),
        (MISSED, WELL, ("1 objective is missed (answers)", "warning")),
    ],
)
def test_the_worst_is_said_first_and_the_rest_in_short(
    topics: dict[str, Any], services: tuple[str, str], said: tuple[str, str]
) -> None:
    assert sentence(services, parts(topics)) == said
