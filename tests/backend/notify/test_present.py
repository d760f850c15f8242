"""A message that comes later than its alert fired says what is measured by then."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from spanledger_server.notify import routes, text
from spanledger_server.notify.message import Message
from spanledger_server.notify.written import event_of, event_text, message_of, message_text
from tests.backend.notify.events import HOUR, MINUTE, event, identity
from tests.backend.notify.house import House

PAGES = "https://pages.example"


@pytest.fixture
def house() -> Iterator[House]:
    made = House("ops")
    with made.database.transaction() as tx:
        routes.change(tx, routes.one(tx, "default"), {"repeat_seconds": 3600}, made.now_ns, "ann")
    yield made
    made.close()


def measures(house: House, value: float | None, state: str = "firing", alert: str = "a") -> None:
    """What the judges wrote of an alert last."""
    with house.database.transaction() as tx:
        tx.execute(
            """
            INSERT INTO alert_episodes (
                alert_id, source, kind, dedup_key, name, severity, labels, state, pending_ns, waits, flips, flapping,
                value, changes, updated_ns
            ) VALUES ($alert_id, 'rule', 'alert', $key, 'x', 'warning', '{}', $state, 0, false, '[]', false,
                $value, 0, 0)
            """,
            alert_id=str(identity("alert", alert)),
            key=alert,
            state=state,
            value=value,
        )


def measured(message: Message) -> str:
    return dict(text.told(message, PAGES).rows)["Measured"]


def test_a_repeat_says_the_present_value_and_the_one_it_began_with(house: House) -> None:
    house.record(event())
    house.tick()
    measures(house, 1250.0)
    house.wait(HOUR, 10 * MINUTE)
    first, later = house.channels["ops"].arrived
    assert (first.alerts[0].present, measured(first)) == (None, "912 ms, above 500 ms")
    assert measured(later) == "1.25 s now, above 500 ms; 912 ms when it began"
    assert "1.25 s now" in text.line(text.told(later, PAGES))
    assert message_of(message_text(later)) == later


@pytest.mark.parametrize(("value", "state"), [(912.0, "firing"), (None, "firing"), (40.0, "resolved")])
def test_what_is_no_news_or_not_known_is_not_said(house: House, value: float | None, state: str) -> None:
    house.record(event())
    house.tick()
    measures(house, value, state)
    house.wait(HOUR, 10 * MINUTE)
    assert measured(house.channels["ops"].arrived[-1]) == "912 ms, above 500 ms"


def test_each_of_several_says_its_own(house: House) -> None:
    house.record(event(), event(alert="b"))
    house.tick()
    measures(house, 700.0, alert="b")
    house.wait(HOUR, 10 * MINUTE)
    lines = text.told(house.channels["ops"].arrived[-1], PAGES).alerts
    assert [("700 ms now" in line, "912 ms" in line) for line in sorted(lines)] == [(False, True), (True, True)]


def test_an_event_that_was_written_before_this_was_known_is_read() -> None:
    written = event_text(event()).replace(',"present":null', "")
    assert "present" not in written
    assert event_of(written) == event()
