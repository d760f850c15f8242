"""The feed on a real store: nothing is read while nobody looks, and what is shown is what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.live import snapshot
from spanledger_server.live.feed import AWAKE_S, LiveFeed
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.store.database import Database, StatementFailed
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, SECOND, insert, line, span
from tests.support.stores import new_store

MIDNIGHT = NOON - 12 * HOUR


@pytest.fixture
def database() -> Iterator[Database]:
    opened = new_store()
    yield opened
    opened.close()


def feed(database: Database) -> LiveFeed:
    return LiveFeed(database, lambda _: MIDNIGHT, str)


def test_while_nobody_looks_touching_is_forgotten(database: Database):
    live = feed(database)
    live.touched([NOON // SECOND])
    assert not live.news


def test_what_was_stored_while_nobody_looked_is_there_when_somebody_does(database: Database):
    insert(database, "ledger", [line(1, NOON - 5 * SECOND), line(2, NOON - 901 * SECOND)])
    assert [point["calls"] for point in feed(database).look(NOON).points] == [1]


def test_only_what_was_touched_is_told_again(database: Database):
    live = feed(database)
    insert(database, "ledger", [line(1, NOON), line(2, NOON - SECOND)])
    before = live.look(NOON)
    insert(database, "ledger", [line(3, NOON)])
    live.touched([NOON // SECOND])
    after = live.look(NOON + SECOND, after_version=before.version)
    assert [(point["t"], point["calls"]) for point in after.points] == [(NOON // SECOND, 2)]


def test_a_call_told_late_reaches_its_own_second(database: Database):
    live = feed(database)
    before = live.look(NOON)
    insert(database, "ledger", [line(1, NOON - 700 * SECOND)])
    live.touched([NOON // SECOND - 700])
    after = live.look(NOON + SECOND, after_version=before.version)
    assert [point["t"] for point in after.points] == [NOON // SECOND - 700]


def test_seconds_with_spans_and_no_calls_are_points_too(database: Database):
    insert(database, "spans", [span(1, 1, NOON - 3 * SECOND, SECOND)])
    (point,) = feed(database).look(NOON).points
    assert (point["t"], point["calls"], point["spans"], point["cost"]) == (NOON // SECOND - 2, 0, 1, None)


def test_a_service_that_sends_only_metrics_lives(database: Database):
    insert(database, "metric_series", [{"series_id": 1, "name": "up", "kind": "gauge", "service": "worker"}])
    insert(database, "metric_points", [{"series_id": 1, "at_ns": NOON - 30 * SECOND, "value": 1}])
    live = feed(database)
    (service,) = live.look(NOON).state["services"]
    assert (service["service"], service["state"], service["calls"]) == ("worker", "ok", 0)
    for later in range(1, 5):
        state = live.look(NOON + later * 10 * SECOND).state
    assert state["services"][0]["state"] == "unknown"
    insert(database, "metric_points", [{"series_id": 1, "at_ns": NOON + 45 * SECOND, "value": 1}])
    for later in range(5, 7):
        state = live.look(NOON + later * 10 * SECOND).state
    assert state["services"][0]["state"] == "ok"


def test_a_service_silent_for_hours_is_still_listed_as_unknown(database: Database):
    insert(database, "ledger", [line(1, NOON - 3 * HOUR)])
    Rollups(database, marked(database, [NOON - 3 * HOUR])).refresh(NOON)
    state = feed(database).look(NOON).state
    assert [(service["service"], service["state"]) for service in state["services"]] == [("shop", "unknown")]
    assert state["sentence"] == "0 of 1 service healthy, 1 unknown"


def test_nobody_for_a_while_and_the_window_is_let_go(database: Database):
    live = feed(database)
    insert(database, "ledger", [line(1, NOON)])
    version = live.look(NOON).version
    live.rest(NOON + (AWAKE_S - 1) * SECOND)
    live.touched([NOON // SECOND])
    assert live.news
    live.rest(NOON + AWAKE_S * SECOND)
    live.touched([NOON // SECOND])
    assert not live.news
    again = live.look(NOON + 60 * SECOND, after_version=version)
    assert [point["calls"] for point in again.points] == [1]


def test_a_tick_reads_what_came_between_two_looks_and_the_next_look_tells_of_it(database: Database):
    live = feed(database)
    before = live.look(NOON)
    insert(database, "ledger", [line(1, NOON)])
    marked(database, [NOON])
    live.touched([NOON // SECOND])
    live.rest(NOON + SECOND // 2)
    assert live.news
    after = live.look(NOON + SECOND // 2, after_version=before.version)  # in the second of the look before
    assert ([point["calls"] for point in after.points], after.state["tiles"]["spend_today"]) == ([1], "0.01")
    assert not live.news


def test_a_window_that_could_not_be_filled_is_filled_by_the_next_look(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    live = feed(database)
    insert(database, "ledger", [line(1, NOON - 500 * SECOND)])
    monkeypatch.setitem(snapshot.SQL._by_name, "seconds", "SELECT nothing")
    with pytest.raises(StatementFailed):
        live.look(NOON)
    monkeypatch.undo()
    assert [point["calls"] for point in live.look(NOON + SECOND).points] == [1]


def test_todays_money_is_unknown_when_nothing_is_priced_and_zero_when_nothing_was_called(database: Database):
    assert feed(database).look(NOON).state["tiles"]["spend_today"] == "0"
    insert(database, "ledger", [line(1, NOON - SECOND, state="unpriced", cost_usd=None, model="x")])
    marked(database, [NOON - SECOND])
    tiles = feed(database).look(NOON).state["tiles"]
    assert (tiles["spend_today"], tiles["unpriced_today"], tiles["spend_today_coverage"]) == (None, 1, 0.0)


def marked(database: Database, times: list[int]) -> DirtyBuckets:
    dirty = DirtyBuckets()
    with database.transaction() as tx:
        dirty.mark(tx, "cost", {at_ns // MINUTE for at_ns in times})
    return dirty


TIMES = st.integers(MIDNIGHT - 5 * MINUTE, NOON + 5 * MINUTE)
LINES = st.lists(st.tuples(TIMES, st.none() | st.decimals(0, 100, places=12), st.sampled_from("ab")), max_size=25)


@settings(deadline=None, max_examples=25)
@given(early=LINES, late=LINES)
def test_todays_money_is_the_ledgers_sum_whatever_the_rollups_know(early: list[Any], late: list[Any]):
    database = new_store()
    try:
        rows = [
            line(number, at_ns, cost_usd=cost, model=model, state="unpriced" if cost is None else "priced")
            for number, (at_ns, cost, model) in enumerate([*early, *late])
        ]
        insert(database, "ledger", rows[: len(early)])
        dirty = marked(database, [row["at_ns"] for row in rows[: len(early)]])
        Rollups(database, dirty).refresh(NOON)
        insert(database, "ledger", rows[len(early) :])
        with database.transaction() as tx:
            dirty.mark(tx, "cost", {row["at_ns"] // MINUTE for row in rows[len(early) :]})
        today = [row for row in rows if MIDNIGHT <= row["at_ns"] < NOON + SECOND]
        state = feed(database).look(NOON).state
        known = [row["cost_usd"] for row in today if row["cost_usd"] is not None]
        shown = state["tiles"]["spend_today"]
        assert (shown is None) is (bool(today) and not known)
        if shown is not None:
            assert Decimal(shown) == sum(known, Decimal(0))
        assert state["tiles"]["calls_today"] == len(today)
        assert sum(model["calls"] for model in state["models"]) == len(today)
    finally:
        database.close()


def test_a_day_of_the_zone_and_not_of_utc_is_asked_for(database: Database):
    insert(database, "ledger", [line(1, NOON - DAY // 2 - SECOND), line(2, NOON - SECOND)])
    marked(database, [NOON - DAY // 2 - SECOND, NOON - SECOND])
    assert feed(database).look(NOON).state["tiles"]["calls_today"] == 1
