"""Telling people as metrics: what was sent, how late, what waits, and what was held back.

Never: an alert's labels, which have no bound.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from spanledger_server.api.exposition import Sample
from spanledger_server.api.histogram import Seen
from spanledger_server.notify.office import Notifications
from spanledger_server.notify.worker import LAG_BOUNDS_S


def samples(office: Notifications) -> Iterator[Sample]:
    """For /metrics."""
    planner, tally, names = office.delivery.planner.counters, office.delivery.tally, office.names()
    yield Sample("spanledger_notifications_planned_total", "counter", "Messages that were planned.", planner.planned)
    if planner.turned_ns is not None:
        meaning = "When it was last looked at what there is to tell."
        yield Sample("spanledger_notifications_turn_timestamp_seconds", "gauge", meaning, planner.turned_ns / 1e9)
    attempts: defaultdict[tuple[str, str], int] = defaultdict(int)
    for (channel_id, outcome), count in tally.attempts.copy().items():
        attempts[names.get(channel_id, "gone"), outcome] += count
    for (channel, outcome), count in attempts.items():
        labels = (("channel", channel), ("outcome", outcome))
        meaning = "Attempts to send a message, by what became of it."
        yield Sample("spanledger_notification_attempts_total", "counter", meaning, count, labels)
    with tally.lock:
        seen = Seen(LAG_BOUNDS_S, tuple(tally.lags_s), tally.lag_s, (None,) * len(tally.lags_s))
    meaning = "From what happened, or from the end of what held it back, to its delivery."
    yield Sample("spanledger_notification_lag_seconds", "histogram", meaning, seen)
    for each in office.waiting():
        mine = (("channel", each.channel),)
        yield Sample("spanledger_notification_queue", "gauge", "Messages to be sent.", each.messages, mine)
        at_s = each.oldest_ns / 1e9
        meaning = "When the oldest of them was made."
        yield Sample("spanledger_notification_queue_oldest_timestamp_seconds", "gauge", meaning, at_s, mine)
    for reason, count in planner.suppressed.copy().items():
        why = (("reason", reason),)
        meaning = "Times that a channel was not told of an alert, by why."
        yield Sample("spanledger_notifications_suppressed_total", "counter", meaning, count, why)
    for reason, count in planner.waiting.copy().items():
        why = (("reason", reason),)
        meaning = "Alerts that a channel is not told of now, by why."
        yield Sample("spanledger_notifications_held", "gauge", meaning, count, why)
