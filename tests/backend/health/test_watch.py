"""The whole of it over a real store: looks, changes, restarts, clocks that jump, stores that refuse."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spanledger_server.errors import Busy
from spanledger_server.health import register, standing, uptime
from spanledger_server.health.question import House
from spanledger_server.health.results import HOUR_NS, MINUTE_NS, Keep
from spanledger_server.health.rounds import Rounds
from spanledger_server.health.watch import Health, Looked
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.store.database import Database
from spanledger_server.timegrid import Range
from tests.backend.health.scripted import hangs, look, says, serving
from tests.backend.rows import DAY, NOON, SECOND, line
from tests.backend.statistics.test_health import gauges, lines
from tests.support.stores import new_store
from tests.support.waiting import until

KEEP = Keep(30 * DAY, 365 * DAY)


class Now:
    """A clock that only a test moves."""

    def __init__(self, now_ns: int = NOON) -> None:
        self.ns = now_ns

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def database() -> Iterator[Database]:
    opened = new_store()
    yield opened
    opened.close()


@pytest.fixture
def now() -> Now:
    return Now()


def watching(database: Database, now: Now) -> Health:
    """Looks only when it is told to."""
    health = Health(database, now, KEEP)
    health.reload()
    health._house = House(database, now.ns, list, list)
    return health


def made(database: Database, target: str, **more: Any) -> str:
    given = {"name": "web", "kind": "http", "target": target, "timeout_s": 2, "interval_s": 30, **more}
    with database.transaction() as tx:
        return register.create(tx, given, NOON, "ada").check_id


def looked(health: Health, check_id: str, now: Now, *, after_s: int = 30) -> Looked:
    now.ns += after_s * SECOND
    health._look(check_id)
    return health.one(check_id)


def changes(database: Database, check_id: str) -> list[tuple[int, str]]:
    with database.reader() as reader:
        found = standing.changes(reader, [check_id], Range(0, NOON + 1000 * DAY)).get(check_id, [])
    return [((each.at_ns - NOON) // SECOND, each.state) for each in found]


def test_a_service_goes_down_and_comes_back_and_a_restart_forgets_nothing(database: Database, now: Now):
    with serving(says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as port:
        check_id = made(database, f"http://127.0.0.1:{port}/")
        health = watching(database, now)
        assert health.one("web").standing.reason == "Not checked yet"
        assert looked(health, check_id, now).standing.state == "healthy"
    for _ in range(2):
        assert looked(health, check_id, now).standing.state == "healthy"
    health.settle()
    again = watching(database, now)
    assert again.one("web").standing.streak == 2
    assert looked(again, check_id, now).standing.state == "down"
    assert changes(database, check_id) == [(0, "unknown"), (30, "healthy"), (120, "down")]
    now.ns += 40 * SECOND
    with database.reader() as reader:
        (found,) = [each for each in standing.of(reader, now.ns) if each.check == "web"]
    assert (found.state, found.code, found.uptime) == ("down", 2, 90 / 130)
    assert found.reason == "not reached: Connection refused"


def test_time_in_which_nobody_looked_is_unknown(database: Database, now: Now):
    with serving(says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as port:
        check_id = made(database, f"http://127.0.0.1:{port}/")
        looked(watching(database, now), check_id, now)
        now.ns += 3600 * SECOND
        again = watching(database, now)
        assert again.one("web").standing.state == "unknown"
        with database.reader() as reader:
            (found,) = [each for each in standing.of(reader, now.ns) if each.check == "web"]
        assert (found.state, found.reason, found.latency_ms) == ("unknown", "Nobody has looked since", None)
        looked(again, check_id, now)
        again.settle()
    assert changes(database, check_id) == [(0, "unknown"), (30, "healthy"), (122, "unknown"), (3660, "healthy")]
    with database.reader() as reader:
        spent = standing.times(reader, [check_id], Range(NOON, NOON + 3720 * SECOND))[check_id]
    assert (spent.healthy // SECOND, spent.unknown // SECOND) == (92 + 60, 30 + 3538)


def test_a_clock_that_was_ahead_leaves_no_future_behind(database: Database, now: Now):
    with serving(says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as port:
        check_id = made(database, f"http://127.0.0.1:{port}/")
        health = watching(database, now)
        looked(health, check_id, now, after_s=400 * 86_400)
        now.ns = NOON + 60 * SECOND
        looked(health, check_id, now, after_s=0)
        health.settle()
        health.tick(now.ns)
    assert all(at <= 60 for at, _ in changes(database, check_id))
    with database.reader() as reader:
        assert reader.value("SELECT max(bucket) FROM health_minutes") == now.ns // MINUTE_NS
    assert health.one(check_id).standing.since_ns <= now.ns


def test_a_changed_target_begins_anew_and_late_results_of_the_old_one_are_dropped(database: Database, now: Now):
    entered, leave = threading.Event(), threading.Event()

    def slow(caller: Any) -> None:
        caller.recv(1000)
        entered.set()
        leave.wait(5)
        caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with serving(slow) as port:
        check_id = made(database, f"http://127.0.0.1:{port}/")
        health = watching(database, now)
        looking = threading.Thread(target=health._look, args=(check_id,))
        looking.start()
        assert entered.wait(5)
        given = {"name": "web", "kind": "http", "target": f"http://127.0.0.1:{port}/other", "enabled": False}
        with database.transaction() as tx:
            register.change(tx, check_id, given, now.ns, "ada")
        health.reload()
        leave.set()
        looking.join(5)
    found = health.one(check_id).standing
    assert (found.state, found.reason, found.seen_ns) == ("unknown", "Paused", None)
    health.settle()
    with database.reader() as reader:
        assert reader.value("SELECT count(*) FROM health_minutes") == 0


def test_what_cannot_be_written_is_written_later(database: Database, now: Now, monkeypatch: pytest.MonkeyPatch):
    with serving(says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as port:
        check_id = made(database, f"http://127.0.0.1:{port}/")
        health = watching(database, now)

        def refused(*_: object) -> None:
            raise Busy("no space")

        with monkeypatch.context() as patch:
            patch.setattr("spanledger_server.health.results.write", refused)
            looked(health, check_id, now)
            with pytest.raises(Busy):
                health.tick(now.ns)
            looked(health, check_id, now, after_s=5)
    health.tick(now.ns)
    assert changes(database, check_id) == [(0, "unknown"), (30, "healthy")]
    with database.reader() as reader:
        assert reader.value("SELECT sum(healthy) FROM health_minutes") == 2


def test_minutes_become_hours_and_what_is_old_goes(database: Database, now: Now):
    check_id = made(database, "http://127.0.0.1:1/")
    health = watching(database, now)
    for _ in range(3):
        looked(health, check_id, now)
    health.settle()
    now.ns += 2 * HOUR_NS
    health.tick(now.ns)
    with database.reader() as reader:
        assert reader.rows("SELECT bucket, down, timed FROM health_hours") == [
            {"bucket": NOON // HOUR_NS, "down": 3, "timed": 0}
        ]
    now.ns += 31 * DAY
    health.tick(now.ns)
    with database.reader() as reader:
        assert reader.value("SELECT count(*) FROM health_minutes") == 0
        assert reader.value("SELECT count(*) FROM health_hours") == 1
    now.ns += 400 * DAY
    health.tick(now.ns)
    assert changes(database, check_id) == [(90, "down")]
    with database.reader() as reader:
        assert reader.value("SELECT count(*) FROM health_hours") == 0
        times = uptime.times(standing.changes(reader, [check_id], Range(now.ns - DAY, now.ns))[check_id], Range(0, 1))
    assert times.total == 0


def test_what_changed_of_a_deleted_check_stays_and_nothing_else(database: Database, now: Now):
    check_id = made(database, "http://127.0.0.1:1/")
    health = watching(database, now)
    for _ in range(3):
        looked(health, check_id, now)
    health.settle()
    with database.transaction() as tx:
        register.delete(tx, "web", now.ns + 1, "ada")
    health.reload()
    health._look(check_id)
    health.settle()
    assert [state for _, state in changes(database, check_id)] == ["unknown", "down", "unknown"]
    with database.reader() as reader:
        assert reader.value("SELECT count(*) FROM health_standing WHERE check_id = $id", id=check_id) == 0


def test_one_that_hangs_delays_nobody(database: Database, now: Now):
    with serving(hangs) as slow, serving(says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as port:
        for number in range(5):
            made(database, f"http://127.0.0.1:{slow}/", name=f"hangs {number}", timeout_s=30, interval_s=30)
        quick = made(database, f"http://127.0.0.1:{port}/", interval_s=5)
        health = Health(database, now, KEEP)
        health.start(list, list, spread_s=0.01)
        until(lambda: health.one(quick).standing.state == "healthy", called="the quick one was asked")
        assert health.look_now("web").standing.state == "healthy"
        assert health.counters.late_s < 2
        health.stop()
    assert [state for _, state in changes(database, quick)] == ["unknown", "healthy"]


def test_a_look_that_raises_what_it_should_not_is_counted_and_repeated():
    looks: list[str] = []

    def broken(key: str) -> None:
        looks.append(key)
        raise RuntimeError(key)

    rounds = Rounds(broken, spread_s=0.001)
    rounds.start()
    rounds.plan({"a": 0.01, "b": 0.01})
    until(lambda: looks.count("a") > 3 < looks.count("b"))
    rounds.plan({"b": 0.01})
    assert rounds.now("a", 1) is False
    assert rounds.now("b", 1) is True
    rounds.stop()
    assert rounds.counters.failures >= 6


def test_a_service_that_falls_silent_is_degraded_then_down_unless_this_server_was_away(database: Database):
    lines(database, [line(1, NOON, service="shop")])
    Rollups(database, DirtyBuckets()).refresh(NOON + DAY)

    def after(minutes: float, **more: Any) -> tuple[str, str]:
        found = look("telemetry", "shop", database=database, now_ns=NOON + round(minutes * 60 * SECOND), **more)
        return found.state, found.reason

    assert after(1) == ("healthy", "reported 60 s ago")
    assert after(6) == ("degraded", "silent for 6 min")
    assert after(20) == ("down", "silent for 19 min")  # by its minute's end
    away = after(20, started_ns=NOON + 18 * 60 * SECOND)
    assert away == ("unknown", "reported 19 min ago; this server has listened for 2 min")
    assert after(60, before={"last_ns": NOON}) == ("down", "silent for 59 min")
    assert after(-1) == ("healthy", "reported 0 s ago")
    assert look("telemetry", "*", database=database, now_ns=NOON + 60 * SECOND).state == "healthy"
    never = look("telemetry", "nobody", database=database, now_ns=NOON)
    assert (never.state, never.reason) == ("unknown", "has not reported yet")
    assert after(1, options={"signals": ["logs"]}) == ("unknown", "has not reported yet")


def test_a_figure_of_the_system_is_judged_while_it_is_new(database: Database):
    gauges(database, [("cpu_usage", {}, 95.5)], NOON)
    found = look("system", "cpu_usage", database=database, now_ns=NOON + 60 * SECOND)
    assert (found.state, found.reason) == ("degraded", "at 95.5 %, more than 90 %")
    assert look("system", "cpu_usage", database=database, now_ns=NOON, options={"down_above": 95}).state == "down"
    assert look("system", "cpu_usage", database=database, now_ns=NOON, options={"above": 96}).state == "healthy"
    late = look("system", "cpu_usage", database=database, now_ns=NOON + 600 * SECOND)
    assert (late.state, late.reason) == ("unknown", "nobody has told of it for 5 min")


def test_states_survive_the_file(tmp_path: Path, now: Now):
    database = Database.open(tmp_path / "x.duckdb")
    check_id = made(database, "http://127.0.0.1:1/")
    health = watching(database, now)
    for _ in range(3):
        looked(health, check_id, now)
    health.stop()
    database.close()
    database = Database.open(tmp_path / "x.duckdb")
    found = watching(database, now).one("web").standing
    database.close()
    assert (found.state, found.answer and found.answer.reason) == ("down", "not reached: Connection refused")
