"""An objective over time, and what a definition would have come to: against statuses read at each moment."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest

from spanledger_server.slos import adjusting, burn, register, series, simulate, status
from spanledger_server.store.database import Database
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range
from tests.backend.rows import NOON, SECOND, insert, line
from tests.backend.slos.test_adjustments import ONCE
from tests.backend.slos.test_composites import add, composite, slo
from tests.support.thorough import examples

SLICES = {"method": "timeslices", "slice": {"window": "5m", "target": 0.8}}
EDGE = NOON + MINUTE_NS  # where windows end at noon


def traffic(chance: random.Random, hours: int, each_minute: int, bad: Range) -> list[dict[str, Any]]:
    """A call every so often, of which half fail in a stretch of trouble and few beside it."""
    rows = []
    for number in range(hours * 60 * each_minute):
        at_ns = EDGE - 1 - number * MINUTE_NS // each_minute
        failed = chance.random() < (0.5 if at_ns in bad else 0.005)
        rows.append(line(number + 1, at_ns, error_type="x" if failed else None))
    return rows


TROUBLE = Range(NOON - 9 * HOUR_NS, NOON - 8 * HOUR_NS)


@pytest.mark.parametrize("changed", [{}, SLICES, {"window": "1d"}], ids=["events", "slices", "a day"])
def test_the_last_point_is_where_the_objective_stands(database: Database, changed: dict[str, Any]):
    insert(database, "ledger", traffic(random.Random(1), 30, 2, TROUBLE))
    add(database, slo("calls", **changed), composite("all", calls=1))
    with database.transaction() as tx:
        planned = {**ONCE, "from": "2026-11-21T03:20:00Z", "to": "2026-11-21T03:40:00Z"}
        slo_id = register.one(tx, "calls").slo_id
        adjusting.add(tx, slo_id, planned, NOON, "tests")
        correction = {"kind": "correction", "reason": "ours", "at": "2026-11-21T05:00:00Z", "bad": 2}
        adjusting.add(tx, slo_id, correction, NOON, "tests")
    with database.reader() as reader:
        for name in ("calls", "all"):
            objective = register.one(reader, name).objective
            stands, found = status.of(reader, objective, NOON), series.of(reader, objective, NOON)
            assert stands.budget is not None
            assert found.points[-1].remaining_ratio == pytest.approx(stands.budget.remaining_ratio, abs=1e-6)
            assert len(found.points) <= series.MOST_POINTS + 1
            left = [each.remaining_ratio for each in found.points if each.remaining_ratio is not None]
            assert all(after <= before + 1e-9 for before, after in pairwise(left))
            assert found.points[0].window.from_ns == found.window.from_ns
        if not changed:
            assert sum(each.excluded_ns for each in found.points) == 0  # they are its part's
            assert sum(each.counts.total for each in found.points) == stands.period.counts.total


def test_a_gap_is_not_drawn_through_where_the_service_reports_regularly(database: Database):
    insert(database, "ledger", [line(n, NOON - hour * HOUR_NS) for n, hour in enumerate((20, 19, 5, 2), 1)])
    add(database, slo("calls", window="1d"))
    with database.reader() as reader:
        quiet = series.of(reader, register.one(reader, "calls").objective, NOON)
    assert all(each.known and each.remaining_ratio == 1 for each in quiet.points)
    insert(database, "metric_series", [{"series_id": 1, "name": "cpu", "kind": "gauge", "service": "shop"}])
    insert(database, "metric_1m", [{"bucket": NOON // MINUTE_NS - 9, "series_id": 1, "points": 1}])
    with database.reader() as reader:
        found = series.of(reader, register.one(reader, "calls").objective, NOON)
    assert sum(each.known for each in found.points) == 4
    assert {each.remaining_ratio for each in found.points if not each.known} == {None}


def test_nothing_is_drawn_of_nothing(database: Database):
    add(database, slo("calls"), composite("all", calls=1))
    with database.reader() as reader:
        for name in ("calls", "all"):
            found = series.of(reader, register.one(reader, name).objective, NOON)
            assert {each.remaining_ratio for each in found.points} == {None}
            assert simulate.of(reader, register.one(reader, name).objective, Range(EDGE - DAY_NS, EDGE)).pairs


@pytest.mark.parametrize("kind", ["events", "slices", "composite"])
def test_a_pair_would_have_held_when_the_status_of_that_moment_says_so(database: Database, kind: str):
    for seed in range(examples(1)):
        chance = random.Random(seed)
        with database.transaction() as tx:
            tx.execute("DELETE FROM ledger")
            tx.execute("DELETE FROM slos")
        insert(database, "ledger", traffic(chance, 20, chance.choice([1, 3]), TROUBLE))
        add(database, slo("calls", target=0.98, window="28d", **(SLICES if kind == "slices" else {})))
        add(database, composite("all", calls=1) | {"target": 0.98, "window": "28d"})
        asked = Range(EDGE - 12 * HOUR_NS, EDGE)
        with database.reader() as reader:
            objective = register.one(reader, "all" if kind == "composite" else "calls").objective
            found = simulate.of(reader, objective, asked)
            assert found.step_ns == MINUTE_NS
            for at_ns in chance.sample(range(asked.from_ns + MINUTE_NS, asked.to_ns, MINUTE_NS), 12):
                then = status.of(reader, objective, at_ns - 1)
                for pair, judged in zip(found.pairs, then.conditions, strict=True):
                    if judged.verdict.holds is not None:
                        assert any(at_ns in alert.window for alert in pair.alerts) == judged.verdict.holds, at_ns


def test_an_incident_is_told_of_in_time_and_a_quiet_history_wakes_nobody(database: Database):
    insert(database, "ledger", traffic(random.Random(3), 40, 4, TROUBLE))
    add(database, slo("calls", target=0.99, window="28d"))
    asked = Range(EDGE - 24 * HOUR_NS, EDGE)
    with database.reader() as reader:
        objective = register.one(reader, "calls").objective
        found = simulate.of(reader, objective, asked)
        again = simulate.of(reader, objective, asked)
        quiet = simulate.of(reader, objective, Range(EDGE - 7 * HOUR_NS, EDGE))
    assert found == again
    page = found.pairs[0]
    alert = page.alerts[0]
    assert alert.late_ns is not None
    assert alert.late_ns <= 30 * MINUTE_NS
    assert not alert.false
    assert alert.spent >= float(page.policy.budget_share)
    assert not any(each.false for each in page.alerts)
    assert page.alerts[-1].window.to_ns - TROUBLE.to_ns <= page.policy.short_ns + MINUTE_NS  # it rests when it is over
    assert found.missed == sum(each.window.from_ns not in TROUBLE for each in found.incidents)
    assert quiet.pairs[0].alerts == ()


def test_a_burst_in_a_quiet_hour_is_counted_as_false(database: Database):
    busy = traffic(random.Random(4), 200, 5, Range(0, 1))
    night = Range(NOON - 9 * HOUR_NS, NOON - 7 * HOUR_NS)
    rows = [one for one in busy if one["at_ns"] not in night]
    rows += [line(10**6 + n, night.from_ns + 70 * MINUTE_NS + n * 10 * SECOND, error_type="x") for n in range(8)]
    insert(database, "ledger", rows)
    add(database, slo("calls", target=0.99, window="28d"))
    with database.reader() as reader:
        found = simulate.of(reader, register.one(reader, "calls").objective, Range(EDGE - 8 * DAY_NS, EDGE))
    (alert,) = found.pairs[0].alerts
    assert alert.false
    assert alert.spent < float(burn.WORKBOOK[0].budget_share) / 2
