"""Alerts that others send, as episodes like all others and as events: each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from spanledger_server.alerts import by_hand
from spanledger_server.alerts.by_hand import Who
from spanledger_server.alerts.episodes import Message
from spanledger_server.alerts.received import ReceivedAlerts
from spanledger_server.store.database import Database
from tests.backend.alerts.made import NOON, NS, episodes, events
from tests.support.stores import new_store

MINUTE = 60 * NS


@pytest.fixture
def database() -> Iterator[Database]:
    opened = new_store()
    yield opened
    opened.close()


def said(name: str, now_ns: int, ends_ns: int | None = None) -> Message:
    return Message(
        fingerprint=hash(name) % 2**63,
        labels=f'{{"alertname": "{name}"}}',
        name=name,
        severity="critical",
        annotations='{"summary": "it is wrong"}',
        generator_url=None,
        starts_ns=NOON,
        ends_ns=now_ns + 4 * MINUTE if ends_ns is None else ends_ns,
        fires=ends_ns is None,
    )


def told(database: Database) -> list[tuple[str, str]]:
    return [(kind, name) for kind, name, _ in events(database)]


def test_what_is_sent_again_and_again_is_told_once_and_its_end_too(database: Database):
    received = ReceivedAlerts(database, 5 * MINUTE, 86_400 * NS, NOON)
    for minute in range(5):
        at_ns = NOON + minute * MINUTE
        received.take([said("A", at_ns), said("A", at_ns)], "prometheus", at_ns)
    for minute in range(5, 8):
        received.take([said("A", 0, NOON + 5 * MINUTE - 1)], "prometheus", NOON + minute * MINUTE)
    assert told(database) == [("fired", "A"), ("resolved", "A")]
    (alert,) = episodes(database)
    assert (alert["source"], alert["state"], alert["changes"], alert["rule_id"]) == ("prometheus", "resolved", 2, None)


def test_what_was_over_before_anybody_heard_of_it_is_kept_and_not_told(database: Database):
    received = ReceivedAlerts(database, 5 * MINUTE, 86_400 * NS, NOON)
    received.take([said("A", 0, NOON + 1)], None, NOON + MINUTE)
    assert told(database) == []
    assert [alert["state"] for alert in episodes(database)] == ["resolved"]


def test_what_nobody_speaks_of_any_more_ends_and_is_told(database: Database):
    received = ReceivedAlerts(database, 5 * MINUTE, 86_400 * NS, NOON)
    received.take([said("A", NOON)], None, NOON)
    received.tick(NOON + 10 * MINUTE)
    assert told(database) == [("fired", "A"), ("resolved", "A")]


def test_one_that_comes_back_is_told_again_and_nobody_takes_care_of_it_any_more(database: Database):
    received = ReceivedAlerts(database, 5 * MINUTE, 86_400 * NS, NOON)
    received.take([said("A", NOON)], None, NOON)
    with database.transaction() as tx:
        (alert,) = episodes(database)
        by_hand.acknowledge(tx, [alert["alert_id"]], None, Who("ana", NOON))
    received.tick(NOON + 10 * MINUTE)
    received.take([said("A", NOON + 11 * MINUTE)], None, NOON + 11 * MINUTE)
    assert [kind for kind, _ in told(database)] == ["fired", "acknowledged", "resolved", "fired"]
    (alert,) = episodes(database)
    assert (alert["state"], alert["acked_by"]) == ("firing", None)


def test_one_that_was_ended_by_hand_stays_so_until_its_sender_ended_it(database: Database):
    received = ReceivedAlerts(database, 5 * MINUTE, 86_400 * NS, NOON)
    received.take([said("A", NOON)], None, NOON)
    (alert,) = episodes(database)
    with database.transaction() as tx:
        by_hand.resolve(tx, [alert["alert_id"]], Who("ana", NOON))
    received.take([said("A", NOON + MINUTE)], None, NOON + MINUTE)
    received.take([said("A", 0, NOON + 2 * MINUTE)], None, NOON + 2 * MINUTE)
    assert [kind for kind, _ in told(database)] == ["fired", "resolved"]


def test_a_storm_is_told_once_for_each_alert(database: Database):
    received = ReceivedAlerts(database, 5 * MINUTE, 86_400 * NS, NOON)
    storm = [said(f"A{number}", NOON) for number in range(2000)]
    for _ in range(3):
        received.take(storm, None, NOON)
    assert Counter(kind for kind, _ in told(database)) == {"fired": 2000}
