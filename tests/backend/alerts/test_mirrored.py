"""Alerts that others send, as episodes like all others and as events: each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from spanledger_server.alerts import by_hand, remembered
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


def written(database: Database) -> list[tuple[int, int | None]]:
    """Until when each fires, and when it ended, as minutes after noon."""
    with database.reader() as reader:
        rows = reader.tuples("SELECT expires_ns, ends_ns FROM received_alerts ORDER BY starts_ns")
    return [tuple((None if each is None else (each - NOON) // NS) for each in row) for row in rows]  # type: ignore[misc]


def test_saying_once_more_that_it_fires_is_written_with_the_tick_and_counts_at_once(database: Database):
    received = ReceivedAlerts(database, 5 * MINUTE, 86_400 * NS, NOON)
    received.take([said("A", NOON)], None, NOON)
    for second in range(1, 21):
        received.take([said("A", NOON + second * NS)], None, NOON + second * NS)
    assert written(database) == [(240, None)]
    received.tick(NOON + 240 * NS)
    assert written(database) == [(260, None)]
    received.tick(NOON + 260 * NS)
    assert written(database) == [(260, 260)]
    assert told(database) == [("fired", "A"), ("resolved", "A")]


def test_what_moves_its_end_by_much_or_says_something_else_is_written_at_once(database: Database):
    received = ReceivedAlerts(database, 5 * MINUTE, 86_400 * NS, NOON)
    received.take([said("A", NOON)], None, NOON)
    received.take([said("A", NOON + MINUTE)], None, NOON + NS)
    assert written(database) == [(300, None)]
    other = replace(said("A", NOON + MINUTE + NS), annotations='{"summary": "it is worse"}')
    received.take([other], None, NOON + 2 * NS)
    assert written(database) == [(301, None)]


def test_an_end_and_a_new_beginning_follow_what_was_said_and_not_yet_written(database: Database):
    received = ReceivedAlerts(database, 5 * MINUTE, 86_400 * NS, NOON)
    received.take([said("A", NOON), said("B", NOON)], None, NOON)
    received.take([said("A", NOON + 9 * NS), said("B", NOON + 9 * NS)], None, NOON + 9 * NS)
    received.take([said("A", 0, NOON + 10 * NS), said("B", NOON + 5 * NS)], None, NOON + 11 * NS)
    assert written(database) == [(249, 10), (240, None)]
    again = replace(said("A", NOON + MINUTE), starts_ns=NOON + MINUTE)
    received.take([again], None, NOON + MINUTE)
    received.tick(NOON + MINUTE)
    assert written(database) == [(249, 10), (249, None), (300, None)]
    assert told(database) == [("fired", "A"), ("fired", "B"), ("resolved", "A"), ("fired", "A")]


def test_after_a_restart_what_was_not_yet_written_gets_time(database: Database):
    ReceivedAlerts(database, 5 * MINUTE, 86_400 * NS, NOON).take([said("A", NOON)], None, NOON)
    lost = ReceivedAlerts(database, 5 * MINUTE, 86_400 * NS, NOON)
    lost.take([said("A", NOON + NS)], None, NOON + NS)
    lost.take([said("A", NOON + 2 * NS)], None, NOON + 2 * NS)
    later = ReceivedAlerts(database, 5 * MINUTE, 86_400 * NS, NOON + MINUTE)
    later.tick(NOON + MINUTE)
    assert written(database)[0][1] is None
    assert written(database)[0][0] >= 242


def test_of_more_than_are_remembered_each_still_ends_in_time(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(remembered, "MOST", 2)
    received = ReceivedAlerts(database, 5 * MINUTE, 86_400 * NS, NOON)
    for second in range(3):
        at_ns = NOON + second * NS
        received.take([said(name, at_ns) for name in "ABCDE"], None, at_ns)
        received.take([said("E", at_ns + NS)], None, at_ns)
    received.tick(NOON + 10 * NS)
    assert sorted(expires for expires, _ in written(database)) == [242, 242, 242, 242, 243]
    received.tick(NOON + 300 * NS)
    assert all(ends is not None for _, ends in written(database))
