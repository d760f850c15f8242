"""Ten thousand alerts at once."""

from __future__ import annotations

import time
from uuid import UUID

from spanledger_server.notify import kept, policy
from spanledger_server.notify.planner import with_events
from spanledger_server.notify.terms import DEFAULT, Known, Route, Terms
from spanledger_server.notify.written import event_of
from tests.backend.notify.events import MINUTE, SECOND, event
from tests.backend.notify.house import House

MANY = 10_000
RULES = 1000


def test_ten_thousand_alerts_are_planned_within_seconds_and_are_a_handful_of_messages() -> None:
    house = House("ops")
    house.record(
        *[event(alert=str(each), rule_id=UUID(int=each % RULES), name=f"r{each % RULES}") for each in range(MANY)]
    )
    with house.database.reader() as reader:
        events = [event_of(body) for (body,) in reader.tuples("SELECT body FROM notify_events ORDER BY place")]
        standing = with_events(kept.read(reader, house.now_ns), events)
    terms = Terms([Route(DEFAULT, DEFAULT)], {"ops": Known("ops", "ops", "webhook")})
    began = time.process_time()
    plan = policy.plan(standing, terms, lambda _labels, _severity: None, house.now_ns + SECOND)
    assert time.process_time() - began < 5  # usually a third of one; where each looked at all others, a minute
    assert len(plan.told) == MANY
    house.wait(10 * MINUTE, 5 * MINUTE)
    arrived = house.channels["ops"].arrived
    assert len(arrived) == len(plan.messages) <= 10
    assert sum(len(message.alerts) + message.omitted for message in arrived) == MANY
    assert house.rows("SELECT count(*) FROM notify_told") == [(MANY,)]
    house.close()
