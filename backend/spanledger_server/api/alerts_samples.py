"""How the judging of rules goes, as Prometheus reads it.

Never: a question to the store.
"""

from __future__ import annotations

from collections.abc import Iterator

from spanledger_server.alerts.watch import Counters
from spanledger_server.api.exposition import Sample


def samples(counted: Counters, now_ns: int) -> Iterator[Sample]:
    """What the newest evaluation came to, and how old it is."""
    yield Sample("spanledger_rules", "gauge", "Rules that the newest evaluation judged.", counted.rules)
    yield Sample("spanledger_rules_groups", "gauge", "Groups that it judged.", counted.groups)
    yield Sample("spanledger_rules_failing", "gauge", "Rules that it could not judge.", len(counted.failing))
    yield Sample("spanledger_rules_evaluation_seconds", "gauge", "How long it took.", counted.seconds)
    yield Sample(
        "spanledger_rules_overruns_total", "counter", "Evaluations that took longer than a tick.", counted.overruns
    )
    yield Sample("spanledger_alert_events_total", "counter", "Events of rules' alerts given out.", counted.events)
    if counted.last_ns is not None:
        lag_s = max(0.0, (now_ns - counted.last_ns) / 1e9)
        yield Sample("spanledger_rules_lag_seconds", "gauge", "How old the newest evaluation is.", lag_s)
