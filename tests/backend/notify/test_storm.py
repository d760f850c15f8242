"""Ten thousand alerts at once."""

from __future__ import annotations

import time
from uuid import UUID

import pytest

from spanledger_server.notify import kept, policy
from spanledger_server.notify.planner import with_events
from spanledger_server.notify.terms import DEFAULT, Known, Route, Terms
from spanledger_server.notify.written import event_of
from tests.backend.notify.events import MINUTE, SECOND, event
from tests.backend.notify.house import House

MANY = 10_000


@pytest.mark.parametrize("rules", [1, 1000])
def test_ten_thousand_alerts_are_a_handful_of_messages(rules: int) -> None:
    house = House("ops")
    alerts = [event(alert=str(each), rule_id=UUID(int=each % rules), name=f"r{each % rules}") for each in range(MANY)]
    house.record(*alerts)
    house.wait(10 * MINUTE, MINUTE)
    arrived = house.channels["ops"].arrived
    assert len(arrived) <= 10
    assert sum(len(message.alerts) + message.omitted for message in arrived) == MANY
    assert house.rows("SELECT count(*) FROM notify_told") == [(MANY,)]
    house.close()


def test_planning_a_storm_takes_less_than_a_second() -> None:
    house = House("ops")
    house.record(*[event(alert=str(each), rule_id=UUID(int=each % 100), name=f"r{each % 100}") for each in range(MANY)])
    with house.database.reader() as reader:
        standing = kept.read(reader, house.now_ns)
        bodies = [body for (body,) in reader.tuples("SELECT body FROM notify_events")]
    standing = with_events(standing, [event_of(body) for body in bodies])
    terms = Terms([Route(DEFAULT, DEFAULT)], {"ops": Known("ops", "ops", "webhook")})
    began = time.process_time()
    plan = policy.plan(standing, terms, lambda _labels, _severity: None, house.now_ns + SECOND)
    assert time.process_time() - began < 1
    assert len(plan.told) == MANY
    assert len(plan.messages) <= 10
    house.close()
