"""Where objectives stand, kept fresh by the tick, and as metrics."""

from __future__ import annotations

from typing import Any

import pytest

from spanledger_server.api import slo_samples
from spanledger_server.slos import register, status
from spanledger_server.slos.watch import Watch
from spanledger_server.store.database import Database
from spanledger_server.timegrid import Range
from tests.backend.rows import MINUTE, NOON, SECOND, insert, line

GIVEN: dict[str, Any] = {
    "name": "calls",
    "service": "shop",
    "indicator": {"kind": "ledger", "good": {"status": "ok"}},
    "target": 0.9,
    "window": "28d",
}


def samples(watch: Watch) -> dict[tuple[Any, ...], Any]:
    found = slo_samples.samples(watch.standing)
    return {
        (each.name, *(value for key, value in each.labels if key in ("state", "window"))): each.value for each in found
    }


def test_a_tick_reads_where_each_stands_and_forgets_what_was_deleted(database: Database):
    watch = Watch(database)
    watch.tick(NOON)
    assert watch.standing == ()
    register.add(database, [(GIVEN, None)], NOON, "tests")
    watch.tick(NOON)
    found = samples(watch)
    assert found["spanledger_slo_state", "unknown"] == 1
    assert ("spanledger_slo_good_ratio",) not in found
    insert(database, "ledger", [line(n, NOON - n * SECOND, error_type="x" if n <= 2 else None) for n in range(1, 11)])
    watch.tick(NOON)
    found = samples(watch)
    assert found["spanledger_slo_state", "breach"] == 1
    assert found["spanledger_slo_good_ratio",] == 0.8
    assert found["spanledger_slo_error_budget_remaining_ratio",] == pytest.approx(-1)
    assert found["spanledger_slo_burn_rate", "3600s"] == pytest.approx(2)
    with database.reader() as reader:
        (row,) = reader.rows("SELECT name, state, target, achieved, good, total FROM public.slo_status")
    assert row == {"name": "calls", "state": "breach", "target": 0.9, "achieved": 0.8, "good": 8, "total": 10}
    register.delete(database, "calls", NOON, "tests")
    watch.tick(NOON)
    assert watch.standing == ()
    with database.reader() as reader:
        assert reader.rows("SELECT * FROM public.slo_status") == []


def test_after_a_restart_sql_has_what_was_there_until_it_is_read_again_unless_it_was_changed(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    slices = {"method": "timeslices", "slice": {"target": 0.5}}
    register.add(database, [(GIVEN | {"name": name} | slices, None) for name in ("same", "changed")], NOON, "tests")
    register.add(database, [(GIVEN, None)], NOON, "tests")
    Watch(database).tick(NOON)
    register.change(database, "changed", GIVEN | {"name": "changed"} | slices, None, NOON + 1, "tests")
    monkeypatch.setattr("spanledger_server.slos.watch.LONGEST_S", 0.0)  # no time for those that are read one by one
    watch = Watch(database)
    watch.tick(NOON + SECOND)
    assert [one.kept.objective.name for one in watch.standing] == ["calls"]
    with database.reader() as reader:
        rows = reader.tuples('SELECT name, epoch("at") FROM public.slo_status ORDER BY name')
    assert rows == [("calls", (NOON + SECOND) / SECOND), ("same", NOON / SECOND)]


@pytest.mark.parametrize(("silent", "expected"), [(1, ("ok", "within")), (10, ("unknown", "stale"))])
def test_a_service_that_reports_and_goes_silent_is_unknown_and_its_pairs_say_nothing(
    database: Database, silent: int, expected: tuple[str, str]
):
    until = NOON - silent * MINUTE - 2 * MINUTE
    insert(database, "metric_series", [{"series_id": 1, "name": "cpu", "kind": "gauge", "service": "shop"}])
    minutes = [{"bucket": until // MINUTE - n, "series_id": 1, "points": 1} for n in range(400)]
    insert(database, "metric_1m", minutes)
    insert(database, "ledger", [line(n, until - n * MINUTE) for n in range(1, 300)])
    (kept,) = register.add(database, [(GIVEN, None)], NOON, "tests")
    with database.reader() as reader:
        found = status.of(reader, kept.objective, NOON)
    assert (found.state, found.reason) == expected
    said = {each.verdict.holds for each in found.conditions if not each.unreachable}
    assert said == ({False} if expected[0] == "ok" else {None})


def test_a_breach_is_not_forgotten_because_data_goes_missing(database: Database):
    insert(database, "metric_series", [{"series_id": 1, "name": "cpu", "kind": "gauge", "service": "shop"}])
    insert(
        database, "metric_1m", [{"bucket": NOON // MINUTE - 60 - n, "series_id": 1, "points": 1} for n in range(200)]
    )
    lines = [line(n, NOON - 61 * MINUTE - n * SECOND, error_type="x" if n % 2 else None) for n in range(1, 100)]
    insert(database, "ledger", lines)
    (kept,) = register.add(database, [(GIVEN, None)], NOON, "tests")
    with database.reader() as reader:
        found = status.of(reader, kept.objective, NOON)
    assert (found.state, found.reason, found.silent_ns > 30 * MINUTE) == ("breach", "overspent", True)


def test_a_window_of_the_past_is_not_judged_by_todays_silence(database: Database):
    insert(database, "metric_series", [{"series_id": 1, "name": "cpu", "kind": "gauge", "service": "shop"}])
    insert(
        database, "metric_1m", [{"bucket": NOON // MINUTE - 60 - n, "series_id": 1, "points": 1} for n in range(200)]
    )
    insert(database, "ledger", [line(n, NOON - 100 * MINUTE - n * SECOND) for n in range(1, 20)])
    (kept,) = register.add(database, [(GIVEN, None)], NOON, "tests")
    with database.reader() as reader:
        now = status.of(reader, kept.objective, NOON)
        past = status.of(reader, kept.objective, NOON, Range(NOON - 200 * MINUTE, NOON - 90 * MINUTE))
    assert (now.state, now.reason) == ("unknown", "stale")
    assert (past.state, past.reason) == ("ok", "within")
    assert [each.threshold for each in past.conditions] == [each.threshold for each in now.conditions]
