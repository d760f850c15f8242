"""Why a trace was kept."""

from __future__ import annotations

from typing import Any

import pytest

from spanledger_server.traces.kept import explained


def row(
    weight: float | None = None, parent: int | None = None, stratum: str | None = None, strategy: str | None = None
) -> dict[str, Any]:
    said = {"spanledger.sampling.strategy": strategy, "spanledger.sampling.stratum": stratum}
    return {
        "parent_span_id": parent,
        "adjusted_count": weight,
        "sampling_threshold": None if weight is None else int(2**56 * (1 - 1 / weight)),
        "attributes": {name: value for name, value in said.items() if value is not None},
    }


@pytest.mark.parametrize(
    ("weight", "stratum", "reason"),
    [
        (1.0, "error", "it failed"),
        (1.0, "slow", "it was slow"),
        (10.0, "head", "it was drawn by chance when it began"),
        (10.0, None, "it was drawn by chance when it began"),
        (1.0, "head", "all such traces were kept"),
        (1.0, None, "all such traces were kept"),
        (1.0, "nonsense", "all such traces were kept"),
        (None, None, "unknown: whoever sampled it did not say how (no th in its trace state)"),
    ],
)
def test_the_reason_is_the_stratum_else_the_threshold_else_unknown(
    weight: float | None, stratum: str | None, reason: str
) -> None:
    found = explained([row(weight, stratum=stratum, strategy="tail")])
    assert found is not None
    assert found["reason"] == reason
    assert found["probability"] == (None if weight is None else 1 / weight)


def test_the_root_tells_and_where_it_does_not_the_first_span_that_does() -> None:
    other = row(4.0, parent=1, stratum="error", strategy="tail")
    silent, telling = row(2.0), row(8.0, strategy="adaptive", stratum="head")
    for spans, strategy in (([other, telling], "adaptive"), ([silent, other], "tail"), ([other, silent], "tail")):
        found = explained(spans)
        assert found is not None
        assert found["strategy"] == strategy


def test_a_trace_of_ledger_lines_alone_has_no_reason() -> None:
    assert explained([]) is None
