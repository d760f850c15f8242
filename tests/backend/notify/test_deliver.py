"""Messages on their way: channels that fail, hang and come back; a server that is killed at any step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from spanledger_server.errors import Busy
from spanledger_server.notify import queue
from spanledger_server.notify.deliver import Delivery
from spanledger_server.notify.message import Delivered, Failed, Message
from spanledger_server.notify.worker import HANGS_NS
from spanledger_server.store.database import Transaction
from tests.backend.notify.events import HOUR, MINUTE, SECOND, event
from tests.backend.notify.house import House, Stuck, taken
from tests.support.stores import new_store
from tests.support.waiting import until

ATTEMPTS = "SELECT number, outcome, reason FROM notification_attempts ORDER BY at_ns, number"


@pytest.fixture
def house() -> Iterator[House]:
    made = House("ops", "spare")
    yield made
    made.close()


def only_ops(house: House, *more: str, **changed: object) -> None:
    house.record(event(*more, channels=("ops",), **changed))


def failing(*outcomes: Failed) -> Callable[[Message], Delivered | Failed]:
    left = list(outcomes)
    return lambda _: left.pop(0) if left else Delivered("taken")


def test_what_fails_is_tried_again_later_and_later_under_the_same_id(house: House) -> None:
    house.channels["ops"].answer = failing(*[Failed("HTTP 500", permanent=False)] * 3)
    only_ops(house)
    house.wait(MINUTE, SECOND)
    tried = house.channels["ops"].messages
    assert (len(tried), len({message.notification_id for message in tried})) == (4, 1)
    assert house.states() == [("firing", "delivered", 4)]
    assert [outcome for _, outcome, _ in house.rows(ATTEMPTS)] == ["failed"] * 3 + ["delivered"]
    at = [int(str(at_ns)) for (at_ns,) in house.rows("SELECT at_ns FROM notification_attempts ORDER BY number")]
    pauses = [(after - before) / SECOND for before, after in pairwise(at)]
    assert 1.6 <= pauses[0] <= 3.4
    assert 3.2 <= pauses[1] <= 6
    assert 6.4 <= pauses[2] <= 11


def test_a_channel_that_says_when_is_not_asked_before(house: House) -> None:
    house.channels["ops"].answer = failing(Failed("HTTP 429", permanent=False, after_s=120))
    only_ops(house)
    only_ops(house, alert="b", rule_id=None, name="Other")
    house.wait(119 * SECOND, SECOND * 7)
    assert len(house.channels["ops"].messages) == 1
    house.wait(10 * SECOND)
    assert len(house.channels["ops"].arrived) == 2


def test_an_end_waits_for_its_beginning(house: House) -> None:
    house.channels["ops"].answer = failing(*[Failed("HTTP 503", permanent=False)] * 4)
    only_ops(house)
    house.tick()
    only_ops(house, "resolved")
    house.wait(2 * MINUTE, SECOND)
    assert [status for status, _ in house.channels["ops"].told] == ["firing", "resolved"]


def test_an_end_whose_beginning_was_refused_is_dropped(house: House) -> None:
    house.channels["ops"].answer = failing(Failed("HTTP 404", permanent=True))
    only_ops(house)
    house.tick()
    only_ops(house, "resolved")
    house.tick(SECOND)
    assert house.channels["ops"].told == []
    assert [state for (state,) in house.rows("SELECT state FROM notifications WHERE channel_id = 'ops'")] == [
        "parked",
        "dropped",
    ]


def test_what_is_refused_is_told_through_another_channel_and_that_it_works_again_too(house: House) -> None:
    house.channels["ops"].answer = failing(Failed("HTTP 404", permanent=True))
    only_ops(house)
    house.tick()
    house.tick()
    (report,) = house.channels["spare"].arrived
    assert report.title == "The channel ops could not be told"
    assert "HTTP 404" in report.text
    assert "Slow answers: a" in report.text
    only_ops(house, alert="b", severity="critical")
    house.tick(MINUTE)
    house.tick()
    assert [status for status, _ in house.channels["spare"].told] == ["firing", "resolved"]
    assert not any(message.title == report.title for message in house.channels["ops"].messages)


def test_a_channel_that_stays_broken_is_reported_and_its_messages_are_parked_after_a_day(house: House) -> None:
    house.channels["ops"].answer = lambda _: Failed("no route to host", permanent=False)
    only_ops(house)
    house.wait(10 * MINUTE, 30 * SECOND)
    assert house.channels["spare"].told == [("firing", "The channel ops could not be told")]
    house.wait(25 * HOUR, HOUR)
    assert house.rows("SELECT state FROM notifications WHERE channel_id = 'ops'") == [("parked",)]


def test_a_channel_that_raises_has_not_delivered(house: House, caplog: pytest.LogCaptureFixture) -> None:
    def answer(_message: Message) -> Delivered:
        raise ValueError("secret")

    house.channels["ops"].answer = answer
    only_ops(house)
    house.tick()
    assert house.rows(ATTEMPTS) == [(1, "failed", "the channel failed: ValueError")]
    assert house.states() == [("firing", "waiting", 1)]


def test_what_waits_for_a_channel_that_is_gone_is_dropped(house: House) -> None:
    house.channels["ops"].answer = lambda _: Failed("HTTP 500", permanent=False)
    only_ops(house)
    house.tick()
    del house.channels.listed["ops"]
    house.delivery.keep(house.now_ns, HOUR)
    assert house.states() == [("firing", "dropped", 1)]


def test_a_receipt_comes_back_with_the_next_message_of_the_incident(house: House) -> None:
    house.channels["ops"].answer = lambda _: Delivered("taken", {"ts": "17"})
    only_ops(house)
    house.tick()
    only_ops(house, "resolved")
    house.tick(SECOND)
    assert [message.receipt for message in house.channels["ops"].messages] == [None, {"ts": "17"}]


def test_what_is_old_is_forgotten(house: House) -> None:
    only_ops(house)
    house.tick()
    only_ops(house, "resolved")
    house.tick(SECOND)
    house.now_ns += 10 * HOUR
    house.delivery.keep(house.now_ns, HOUR)
    for table in ("notify_events", "notifications", "notification_attempts", "notify_told", "notify_incidents"):
        assert house.rows(f"SELECT count(*) FROM {table}") == [(0,)], table
    only_ops(house, alert="b")
    house.tick()
    assert house.channels["ops"].told[-1] == ("firing", "Slow answers: b")


class Killed(BaseException):
    """The process ends here."""


class Deadly:
    """Kills at one of the boundaries that are passed: before a commit, after it, before a send, after it."""

    def __init__(self, at: int) -> None:
        self.left = at

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed

    def put_into(self, house: House) -> None:
        transaction = house.database.transaction

        @contextmanager
        def deadly() -> Iterator[Transaction]:
            with transaction() as tx:
                yield tx
                self.step()
            self.step()

        def answer(_message: Message) -> Delivered:
            self.step()
            return Delivered("taken")

        house.database.transaction = deadly  # type: ignore[method-assign]
        house.channels["ops"].answer = answer


def test_a_server_that_is_killed_at_any_step_loses_nothing_and_keeps_the_order(tmp_path: Path) -> None:
    house = House("ops", path=tmp_path / "store.duckdb")
    for number in range(1, 100):
        deadly = Deadly(number)
        house.channels["ops"].messages.clear()
        house.channels["ops"].arrived.clear()
        name = f"n{number}"
        kinds = ("fired", "acknowledged", "resolved")
        events = [
            event(kind, name, house.now_ns + step, step, rule_id=None, name=name) for step, kind in enumerate(kinds)
        ]
        transaction = house.database.transaction
        deadly.put_into(house)
        told = 0
        with suppress(Killed):
            for each in events:
                house.record(each)
                house.tick(SECOND)
                told += 1
        survived = deadly.left > 0
        house.database.transaction = transaction  # type: ignore[method-assign]
        house.channels["ops"].answer = taken
        house.restart()
        house.tick(SECOND)
        for each in events[told:]:
            house.record(each)
            house.tick(SECOND)
        house.wait(6 * MINUTE, 3 * MINUTE)
        arrived = [message.status for message in house.channels["ops"].arrived]
        assert arrived[0] == "firing", number
        assert arrived[-1] == "resolved", number
        order = ["firing", "acknowledged", "resolved"]
        assert [order.index(status) for status in arrived] == sorted(order.index(status) for status in arrived), number
        ids = [message.notification_id for message in house.channels["ops"].arrived]
        assert len(ids) - len(set(ids)) <= 1, number
        if survived:
            break
        house.now_ns += HOUR
    assert number > 20
    house.close()


@contextmanager
def running(house: House) -> Iterator[Delivery]:
    house.delivery.start()
    try:
        yield house.delivery
    finally:
        house.delivery.stop()


def test_a_hanging_channel_delays_no_other_and_is_tried_again(house: House) -> None:
    stuck = Stuck()
    house.channels["ops"].answer = stuck
    with running(house) as delivery:
        house.record(event())
        until(lambda: house.channels["spare"].arrived)
        assert stuck.entered.wait(10)
        house.channels["ops"].answer = taken
        house.now_ns += HANGS_NS + SECOND
        delivery.wake()
        until(lambda: house.rows("SELECT 1 FROM notification_attempts WHERE reason LIKE '%said nothing%'"))
        house.now_ns += MINUTE
        until(lambda: delivery.wake() or house.channels["ops"].arrived)
        stuck.release.set()
    assert house.states()[0][1] == "delivered"
    assert len({message.notification_id for message in house.channels["ops"].messages}) == 1


def test_a_commit_wakes_and_a_message_arrives_at_once() -> None:
    house = House("ops")
    arrived = threading.Event()

    def answer(_message: Message) -> Delivered:
        arrived.set()
        return Delivered("taken")

    house.channels["ops"].answer = answer
    with running(house):
        until(lambda: house.delivery.planner.counters.turned_ns is not None)
        house.record(event())
        assert arrived.wait(3)
    house.close()


def test_what_was_being_sent_when_the_server_stopped_is_sent_again(tmp_path: Path) -> None:
    house = House("ops", path=tmp_path / "store.duckdb")
    house.record(event())
    house.delivery.tick(house.now_ns)
    with house.database.transaction() as tx:
        job = queue.lease(tx, "ops", house.now_ns)
    assert isinstance(job, queue.Job)
    house.restart()
    house.tick(SECOND)
    assert [outcome for _, outcome, _ in house.rows(ATTEMPTS)] == ["interrupted", "delivered"]
    assert house.channels["ops"].arrived[0].notification_id == job.notification_id
    house.close()


def test_an_outcome_that_cannot_be_written_is_written_later_and_nothing_is_sent_twice(house: House) -> None:
    only_ops(house)
    house.delivery.tick(house.now_ns)
    transaction = house.database.transaction

    def answer(_message: Message) -> Delivered:
        house.database.transaction = full  # type: ignore[method-assign]
        return Delivered("taken")

    @contextmanager
    def full() -> Iterator[Transaction]:
        raise Busy("no space")
        yield

    house.channels["ops"].answer = answer
    with pytest.raises(Busy):
        house.delivery.send("ops", house.now_ns)
    house.database.transaction = transaction  # type: ignore[method-assign]
    house.tick(SECOND)
    assert house.states() == [("firing", "delivered", 1)]
    assert len(house.channels["ops"].messages) == 1


def test_an_event_that_cannot_be_read_keeps_nobody_from_being_told(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    only_ops(house, severity="loud")
    only_ops(house, alert="b")
    house.tick()
    assert house.channels["ops"].told == [("firing", "Slow answers: b")]


def test_an_alert_that_is_gone_where_it_was_judged_ends(house: House) -> None:
    only_ops(house)
    house.tick()
    house.delivery.keep(house.now_ns, HOUR)
    house.tick(6 * MINUTE)
    assert len(house.channels["ops"].told) == 1
    house.delivery.keep(house.now_ns, HOUR)
    house.tick()
    assert house.channels["ops"].told[-1] == ("resolved", "Slow answers: a")


def test_a_clock_that_is_set_back_holds_nothing_up(house: House) -> None:
    only_ops(house)
    house.tick()
    house.now_ns -= 10 * HOUR
    only_ops(house, "resolved")
    only_ops(house, alert="b", rule_id=None, name="Other")
    house.tick()
    house.tick(SECOND)
    assert sorted(house.channels["ops"].told) == [
        ("firing", "Slow answers: a"),
        ("firing", "Slow answers: b"),
        ("resolved", "Slow answers: a"),
    ]


def test_a_store_without_channels_tells_nobody_and_says_so() -> None:
    database = new_store()
    house = House("ops")
    house.channels.listed.clear()
    house.record(event())
    house.tick()
    assert house.rows("SELECT reason FROM notify_holds") == [("no_route",)]
    house.close()
    database.close()
