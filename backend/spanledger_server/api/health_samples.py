"""The health of services as metrics for Prometheus.

Never: a state of a check that nobody looks at, or a latency of a look that found nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from spanledger_server.api.exposition import Sample
from spanledger_server.health.answer import STATES
from spanledger_server.health.watch import Health, Looked

NS: Final = 10**9


def samples(health: Health) -> Iterator[Sample]:
    """All of them, one metric after another, as the exposition wants it."""
    known = [each for each in health.standing() if each.kept.check.enabled]
    yield from (
        Sample(
            "spanledger_health_state",
            "gauge",
            "1 for the state that a check is in.",
            int(each.standing.state == state),
            (*_labels(each), ("state", state)),
        )
        for each in known
        for state in STATES
    )
    for name, meaning, figure in FIGURES:
        yield from _gauges(name, meaning, figure, known)
    counters = health.counters
    yield Sample("spanledger_health_looks_total", "counter", "Looks that were begun.", counters.looks)
    yield Sample("spanledger_health_failures_total", "counter", "Looks that broke off here.", counters.failures)
    yield Sample("spanledger_health_late_seconds", "gauge", "How late the latest look began.", counters.late_s)


def _gauges(
    name: str, meaning: str, figure: Callable[[Looked], float | None], known: Sequence[Looked]
) -> Iterator[Sample]:
    for each in known:
        value = figure(each)
        if value is not None:
            yield Sample(f"spanledger_health_{name}", "gauge", meaning, value, _labels(each))


def _latency_s(each: Looked) -> float | None:
    answer = each.standing.answer
    return None if answer is None or answer.latency_ns is None else answer.latency_ns / NS


def _seen_s(each: Looked) -> float | None:
    return None if each.standing.seen_ns is None else each.standing.seen_ns / NS


def _certificate_days(each: Looked) -> float | None:
    answer = each.standing.answer
    return None if answer is None else answer.told.get("certificate_days")


FIGURES: Final = (
    ("latency_seconds", "How long a check's latest answer took.", _latency_s),
    ("last_timestamp_seconds", "When a check was last looked at.", _seen_s),
    ("certificate_days", "Days until the certificate ends that a check was shown.", _certificate_days),
)


def _labels(each: Looked) -> tuple[tuple[str, str], ...]:
    kept = each.kept
    return (("check", kept.check.name), ("kind", kept.check.kind), ("service", kept.check.service or ""))
