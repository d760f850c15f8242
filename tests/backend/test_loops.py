from __future__ import annotations

import logging
import threading

import pytest

from spanledger_server.loops import Task, TickLoop

SECOND = 10**9


class SteppedClock:
    def __init__(self) -> None:
        self.time_ns = 1_000 * SECOND
        self.asked = 0

    def now_ns(self) -> int:
        self.asked += 1
        return self.time_ns


def test_every_task_is_told_the_same_time_and_the_clock_is_read_once_a_tick() -> None:
    clock, told = SteppedClock(), []
    loop = TickLoop(clock, [Task("one", told.append), Task("two", told.append)])
    assert loop.tick() == 0
    assert told == [clock.time_ns, clock.time_ns]
    assert clock.asked == 1


def test_a_task_that_raises_is_logged_and_counted_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    told: list[int] = []

    def fail(now_ns: int) -> None:
        raise ZeroDivisionError

    failing = Task("failing", fail)
    loop = TickLoop(SteppedClock(), [failing, Task("fine", told.append)])
    with caplog.at_level(logging.ERROR):
        assert loop.tick() == 1
        assert loop.tick() == 1
    assert len(told) == 2
    assert failing.failures == 2
    assert [record.getMessage() for record in caplog.records] == ["a task failed"] * 2


def test_a_task_waits_for_its_own_time_also_when_the_clock_is_set_back() -> None:
    clock, told = SteppedClock(), []
    loop = TickLoop(clock, [Task("hourly", told.append, every_ns=3600 * SECOND)])
    start = clock.time_ns
    for step in (0, 10, 3599, 3600, 3605, -50):
        clock.time_ns = start + step * SECOND
        loop.tick()
    assert [(told_ns - start) // SECOND for told_ns in told] == [0, 3600, -50]


def test_the_loop_ticks_on_its_own_thread_until_it_is_stopped() -> None:
    ticked = threading.Semaphore(0)
    loop = TickLoop(SteppedClock(), [Task("tick", lambda now_ns: ticked.release())], tick_s=0.001)
    loop.start()
    for _ in range(3):
        assert ticked.acquire(timeout=5)
    loop.stop()
    loop.stop()
    while ticked.acquire(blocking=False):
        pass
    assert not ticked.acquire(timeout=0.05)


def test_stopping_does_not_wait_for_the_next_tick() -> None:
    begun, ended = threading.Event(), threading.Event()
    loop = TickLoop(SteppedClock(), [Task("tick", lambda now_ns: begun.set())], tick_s=3600)
    loop.start()
    assert begun.wait(5)

    def stop() -> None:
        loop.stop()
        ended.set()

    threading.Thread(target=stop).start()
    assert ended.wait(5)


def test_stopping_between_two_tasks_leaves_the_second_out() -> None:
    told: list[str] = []
    loop = TickLoop(
        SteppedClock(),
        [Task("first", lambda now_ns: loop.stop()), Task("second", lambda now_ns: told.append("second"))],
    )
    loop.tick()
    assert told == []


def test_a_turn_is_timed() -> None:
    task = Task("tick", lambda now_ns: None)
    TickLoop(SteppedClock(), [task]).tick()
    assert task.seconds >= 0
    assert task.last_ns == 1_000 * SECOND
