"""Planned downtime and corrections: when they are, in any zone, and that nothing excluded is counted."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_server.errors import Invalid, Mistakes, NotFound
from spanledger_server.slos import adjusting, adjustments, register, report, status
from spanledger_server.slos.adjustments import Recurring
from spanledger_server.slos.burn import Counts
from spanledger_server.store.database import Database
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range
from tests.backend.rows import NOON, SECOND, insert, line
from tests.support.thorough import PATIENT, examples

ONCE = {"kind": "downtime", "reason": "moving", "from": "2026-11-21T10:00:00Z", "to": "2026-11-21T11:00:00Z"}
NIGHTLY = {
    "kind": "downtime",
    "reason": "backups",
    "starts": "2026-03-01T02:30",
    "duration": "1h",
    "timezone": "Europe/Berlin",
    "repeats": "day",
}
FIRST = dt.datetime.fromisoformat("2024-01-01T00:00")  # on the clock of whatever zone
GIVEN: dict[str, Any] = {
    "name": "calls",
    "service": "shop",
    "indicator": {"kind": "ledger", "good": {"status": "ok"}},
    "target": 0.9,
    "window": "7d",
}


def at(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp()) * SECOND


def times(given: dict[str, Any], window: Range) -> list[str]:
    found = adjustments.parse(given)
    assert not isinstance(found, adjustments.Correction)
    return [f"{dt.datetime.fromtimestamp(each.from_ns / 1e9, dt.UTC):%m-%d %H:%M}" for each in found.within(window)]


def test_what_recurs_keeps_to_the_clock_of_its_zone_where_the_clocks_change():
    spring = Range(at("2026-03-27T00:00:00Z"), at("2026-03-31T00:00:00Z"))
    assert times(NIGHTLY, spring) == ["03-27 01:30", "03-28 01:30", "03-29 01:30", "03-30 00:30"]  # 02:30 is skipped
    autumn = Range(at("2026-10-24T12:00:00Z"), at("2026-10-26T12:00:00Z"))
    assert times(NIGHTLY, autumn) == ["10-25 00:30", "10-26 01:30"]  # 02:30 comes twice: the first time


def test_weeks_and_months_recur_on_their_day_until_their_last():
    sundays = NIGHTLY | {"repeats": "week", "every": 2, "until": "2026-03-29", "timezone": "UTC"}
    assert times(sundays, Range(0, at("2027-01-01T00:00:00Z"))) == ["03-01 02:30", "03-15 02:30", "03-29 02:30"]
    last = NIGHTLY | {"starts": "2026-01-31T00:00", "repeats": "month", "timezone": "UTC", "duration": "2d"}
    months = Range(at("2026-02-01T00:00:00Z"), at("2026-06-01T00:00:00Z"))
    assert times(last, months) == ["01-31 00:00", "03-31 00:00", "05-31 00:00"]  # no 31st, no downtime


@PATIENT
@given(
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    starts=st.integers(0, 3 * 366 * 1440).map(lambda minutes: FIRST + dt.timedelta(minutes=minutes)),
    repeats=st.sampled_from(["day", "week"]),
    every=st.integers(1, 3),
    minutes=st.integers(1, 3000),
    first=st.integers(0, 1500),
    days=st.integers(1, 20),
)
def test_what_recurs_is_what_trying_every_day_gives(
    zone: str, starts: dt.datetime, repeats: Any, every: int, minutes: int, first: int, days: int
):
    window = Range(at("2024-01-01T00:00:00Z") + first * DAY_NS, at("2024-01-01T00:00:00Z") + (first + days) * DAY_NS)
    length_ns = minutes * MINUTE_NS
    step = every * (7 if repeats == "week" else 1)
    expected = []
    for number in range(1500 // step + 30):
        local = dt.datetime.combine(starts.date() + dt.timedelta(days=number * step), starts.time(), ZoneInfo(zone))
        from_ns = int(local.timestamp()) * SECOND
        if from_ns < window.to_ns and from_ns + length_ns > window.from_ns:
            expected.append(Range(from_ns, from_ns + length_ns))
    assert list(Recurring(starts, length_ns, zone, repeats, every).within(window)) == expected


@PATIENT
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=8), st.integers(0, 30), st.integers(1, 50))
def test_what_is_left_and_what_is_excluded_are_the_window(stretches: list[tuple[int, int]], first: int, length: int):
    window = Range(first, first + length)
    out = adjustments.merged(Range(begin, begin + long) for begin, long in stretches)
    left = adjustments.without(window, out)
    minutes = {at_ns for each in left for at_ns in range(each.from_ns, each.to_ns)}
    excluded = {at_ns for begin, long in stretches for at_ns in range(begin, begin + long)}
    assert minutes == set(range(first, first + length)) - excluded
    assert adjustments.length_ns(window, out) == length - len(minutes)


@pytest.mark.parametrize(
    ("wrong", "members"),
    [
        ({**ONCE, "reason": " "}, {"reason"}),
        ({**ONCE, "to": ONCE["from"]}, {"to"}),
        ({**ONCE, "from": "2026-11-21T10:00:30Z"}, {"from"}),
        ({**ONCE, "from": "2026-11-21T10:00"}, {"from"}),
        ({**ONCE, "to": "2027-11-21T10:00:00Z"}, {"to"}),
        ({**ONCE, "kind": "holiday"}, {"kind"}),
        ({**ONCE, "colour": "red", "to": 7}, {"colour", "to"}),
        ({**NIGHTLY, "timezone": "Mars/Olympus", "repeats": "year", "every": 0}, {"timezone", "repeats", "every"}),
        (
            {**NIGHTLY, "starts": "2026-03-01T02:30Z", "duration": "8d", "until": "soon"},
            {"starts", "duration", "until"},
        ),
        ({"kind": "correction", "reason": "x", "at": "2026-11-21T10:00:00Z", "bad": 0}, {"bad"}),
        ({"kind": "correction", "reason": "x", "at": "then", "bad": float("nan")}, {"at", "bad"}),
        ([], {"body"}),
    ],
)
def test_every_mistake_is_named(wrong: Any, members: set[str]):
    with pytest.raises(Mistakes) as mistakes:
        adjustments.parse(wrong)
    assert {each.parameter for each in mistakes.value.each} == members


@PATIENT
@given(
    st.dictionaries(
        st.sampled_from([*ONCE, *NIGHTLY, "at", "bad"]), st.none() | st.text() | st.integers() | st.floats()
    )
)
def test_anything_else_is_refused_and_never_breaks(given_: dict[str, Any]):
    for kind in ("downtime", "correction"):
        with contextlib.suppress(Mistakes):
            adjustments.parse({**given_, "kind": kind})


def adjusted(database: Database, *each: dict[str, Any], **changed: Any) -> register.Kept:
    (kept,) = register.add(database, [({**GIVEN, **changed}, None)], NOON, "tests")
    with database.transaction() as tx:
        for one in each:
            adjusting.add(tx, kept.slo_id, one, NOON, "tests")
    with database.reader() as reader:
        return register.one(reader, "calls")


@pytest.mark.parametrize(
    "method", [{}, {"method": "timeslices", "slice": {"window": "5m", "target": 0.8}}], ids=["events", "slices"]
)
def test_windows_are_what_a_count_without_the_excluded_minutes_gives(database: Database, method: dict[str, Any]):
    for seed in range(examples(3)):
        with database.transaction() as tx:
            tx.execute("DELETE FROM slos")
            tx.execute("DELETE FROM ledger")
        chance = random.Random(seed)
        rows = [
            line(n, NOON - chance.randrange(4 * DAY_NS), error_type=chance.choice(["x", None, None]))
            for n in range(1, 400)
        ]
        insert(database, "ledger", rows)
        begin = NOON - chance.randrange(1, 3 * 1440) * MINUTE_NS
        once = {
            "kind": "downtime",
            "reason": "moving",
            "from": dt.datetime.fromtimestamp(begin / 1e9, dt.UTC).isoformat(),
            "to": dt.datetime.fromtimestamp((begin + chance.randrange(1, 600) * MINUTE_NS) / 1e9, dt.UTC).isoformat(),
        }
        hourly = NIGHTLY | {"starts": "2026-11-01T03:07", "duration": f"{chance.randrange(1, 900)}m"}
        kept = adjusted(database, once, hourly, **method)
        with database.reader() as reader:
            found = status.of(reader, kept.objective, NOON)
        for reading in (found.period, *found.readings):
            out = kept.objective.adjusted.excluded(reading.window)
            assert reading.excluded_ns == sum(stretch.length_ns for stretch in out)
            whole = kept.objective.adjusted.excluded(found.period.window)
            left = [one for one in rows if not any(one["at_ns"] in stretch for stretch in whole)]
            assert reading.counts == expected(left, reading.window, sliced=bool(method)), (seed, reading.window)


def expected(rows: list[dict[str, Any]], window: Range, *, sliced: bool) -> Counts:
    if not sliced:
        good = [one["error_type"] is None for one in rows if one["at_ns"] in window]
        return Counts(sum(good), len(good), len(good))
    slices: dict[int, list[bool]] = {}
    for one in rows:
        if (slice_ := one["at_ns"] // (5 * MINUTE_NS)) * 5 * MINUTE_NS in window:
            slices.setdefault(slice_, []).append(one["error_type"] is None)
    good = [sum(each) / len(each) >= 0.8 for each in slices.values()]
    return Counts(sum(good), len(good), len(good))


def test_an_incident_in_planned_downtime_is_shown_as_excluded_and_is_no_downtime(database: Database):
    rows = [line(n, NOON - 3 * HOUR_NS + n * SECOND) for n in range(1000)]
    rows += [line(2000 + n, at("2026-11-21T10:30:00Z") + n * SECOND, error_type="x") for n in range(500)]
    insert(database, "ledger", rows)
    kept = adjusted(database)
    with database.reader() as reader:
        before = report.of(reader, kept.objective, NOON)
    assert (before.status.state, before.down_ns > 5 * MINUTE_NS, len(before.incidents)) == ("breach", True, 1)
    with database.transaction() as tx:
        adjusting.add(tx, kept.slo_id, ONCE, NOON, "tests")
    with database.reader() as reader:
        after = report.of(reader, register.one(reader, "calls").objective, NOON)
    assert (after.status.state, after.down_ns, after.incidents) == ("ok", 0, ())
    assert after.status.period.counts.total == 1000
    assert after.excluded == (Range(at("2026-11-21T10:00:00Z"), at("2026-11-21T11:00:00Z")),)
    assert after.status.period.excluded_ns == HOUR_NS


def test_where_events_are_asked_for_an_excluded_slice_is_neither_good_nor_bad(database: Database):
    insert(database, "ledger", [line(n, NOON - 4 * HOUR_NS + n * MINUTE_NS) for n in range(60)])
    method = {"method": "timeslices", "slice": {"window": "1m", "events": 1}}
    silent = {**ONCE, "from": "2026-11-21T09:00:00Z", "to": "2026-11-21T11:58:00Z"}
    kept = adjusted(database, silent, **method)
    with database.reader() as reader:
        found = status.of(reader, kept.objective, NOON)
    assert (found.period.counts.good, found.period.counts.total) == (60, 62)


def test_silence_that_is_planned_is_no_gap(database: Database):
    insert(database, "metric_series", [{"series_id": 1, "name": "cpu", "kind": "gauge", "service": "shop"}])
    minutes = [{"bucket": NOON // MINUTE_NS - 60 - n, "series_id": 1, "points": 1} for n in range(300)]
    insert(database, "metric_1m", minutes)
    insert(database, "ledger", [line(n, NOON - 61 * MINUTE_NS - n * MINUTE_NS) for n in range(1, 290)])
    kept = adjusted(database)
    with database.reader() as reader:
        assert status.of(reader, kept.objective, NOON).reason == "stale"
    with database.transaction() as tx:
        planned = {**ONCE, "from": "2026-11-21T11:00:00Z", "to": "2026-11-21T13:00:00Z"}
        adjusting.add(tx, kept.slo_id, planned, NOON, "tests")
    with database.reader() as reader:
        found = status.of(reader, register.one(reader, "calls").objective, NOON)
    assert (found.state, found.silent_ns) == ("ok", 0)


def test_a_correction_gives_back_what_was_not_bad_and_no_more(database: Database):
    insert(database, "ledger", [line(n, NOON - HOUR_NS, error_type="x" if n < 30 else None) for n in range(100)])
    correction = {"kind": "correction", "reason": "a test of ours", "at": "2026-11-21T11:00:00Z", "bad": -25}
    kept = adjusted(database, correction)
    with database.reader() as reader:
        found = status.of(reader, kept.objective, NOON)
    assert (found.period.counts.good, found.period.counts.total, found.state) == (95, 100, "ok")
    with database.transaction() as tx:
        (there,) = adjusting.listed(tx, kept.slo_id)
        adjusting.change(tx, kept.slo_id, there.adjustment_id, correction | {"bad": -1000}, NOON, "tests")
    with database.reader() as reader:
        assert status.of(reader, register.one(reader, "calls").objective, NOON).period.counts.bad == 0


def test_every_change_is_in_the_trail_and_there_is_an_end(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(adjusting, "MOST", 3)
    kept = adjusted(database, ONCE)
    with database.transaction() as tx:
        (there,) = adjusting.listed(tx, kept.slo_id)
        adjusting.change(tx, kept.slo_id, there.adjustment_id, NIGHTLY, NOON, "tests")
        adjusting.delete(tx, kept.slo_id, there.adjustment_id, NOON, "tests")
        with pytest.raises(NotFound):
            adjusting.delete(tx, kept.slo_id, there.adjustment_id, NOON, "tests")
        actions = [
            row["action"] for row in tx.rows("SELECT action FROM audit WHERE action LIKE 'slo.adj%' ORDER BY ALL")
        ]
        assert actions == [f"slo.adjustment.{what}" for what in ("changed", "created", "deleted")]
        for _ in range(adjusting.MOST):
            adjusting.add(tx, kept.slo_id, ONCE, NOON, "tests")
        with pytest.raises(Invalid, match="at most 3"):
            adjusting.add(tx, kept.slo_id, ONCE, NOON, "tests")
