"""Statuses against the plainest way to work them out: each event looked at by itself, each minute tried, no rollups."""

from __future__ import annotations

import datetime as dt
import random
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spanledger_server.slos import adjusting, register, report, status
from spanledger_server.store.database import Database
from spanledger_server.timegrid import DAY_NS, HOUR_NS, MINUTE_NS, Range
from tests.backend.rows import SECOND, insert, line
from tests.backend.slos.test_adjustments import at
from tests.support.thorough import examples

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")  # the last one turns its clocks by half an hour
TURNS = ("2026-03-29T01:00:00Z", "2026-11-01T06:00:00Z", "2026-04-04T15:00:00Z", "2026-10-25T01:00:00Z")
ALLOWED = {"0.9": Fraction(1, 10), "0.95": Fraction(1, 20), "0.999": Fraction(1, 1000)}


class Made:
    """A random objective over random events, and what is true of it."""

    def __init__(self, seed: int) -> None:
        self.chance = chance = random.Random(seed)
        self.zone = chance.choice(ZONES)
        self.now_ns = at(chance.choice(TURNS)) + chance.randrange(-3 * DAY_NS, 3 * DAY_NS)
        self.edge_ns = (self.now_ns // MINUTE_NS + 1) * MINUTE_NS
        self.target = chance.choice(list(ALLOWED))
        self.calendar = chance.choice(["1M", "1w", "1d", None])
        self.slice_minutes = chance.choice([None, None, 1, 5])
        failing = self.now_ns - chance.randrange(20 * DAY_NS)
        self.events = []
        for _ in range(chance.choice([0, 1, 60, 250])):
            at_ns = self.now_ns - int(40 * DAY_NS * chance.random() ** 3)
            self.events.append((at_ns, chance.random() > (0.6 if abs(at_ns - failing) < 3 * HOUR_NS else 0.03)))
        self.out: set[int] = set()  # minutes
        self.given = [self.downtime() for _ in range(chance.choice([0, 0, 1, 3]))]

    def downtime(self) -> dict[str, Any]:
        chance = self.chance
        first = self.now_ns // MINUTE_NS - chance.randrange(30 * 1440)
        minutes = chance.randrange(1, 600)
        if chance.random() < 0.5:
            self.out |= set(range(first, first + minutes))
            ends = (self.told(first), self.told(first + minutes))
            return {"kind": "downtime", "reason": "x", "from": ends[0] + "Z", "to": ends[1] + "Z"}
        starts = dt.datetime.fromisoformat(self.told(first))
        for days in range(80):
            local = (starts + dt.timedelta(days=days)).replace(tzinfo=ZoneInfo(self.zone))
            begin = int(local.timestamp()) // 60
            self.out |= set(range(begin, begin + minutes))
        length = {"duration": f"{minutes}m", "timezone": self.zone, "repeats": "day"}
        return {"kind": "downtime", "reason": "x", "starts": f"{starts:%Y-%m-%dT%H:%M}", **length}

    @staticmethod
    def told(minute: int) -> str:
        return f"{dt.datetime.fromtimestamp(minute * 60, dt.UTC):%Y-%m-%dT%H:%M:%S}"

    def definition(self) -> dict[str, Any]:
        calendar = {"duration": self.calendar, "calendar": True, "timezone": self.zone}
        given: dict[str, Any] = {
            "name": "x",
            "service": "shop",
            "indicator": {"kind": "ledger", "good": {"status": "ok"}},
            "target": self.target,
            "window": calendar if self.calendar else "28d",
        }
        if self.slice_minutes:
            given |= {"method": "timeslices", "slice": {"window": f"{self.slice_minutes}m", "target": 0.75}}
        return given

    def period(self) -> Range:
        """From the first minute of the local day, week or month on, tried one by one."""
        if self.calendar is None:
            return Range(self.edge_ns - 28 * DAY_NS, self.edge_ns)
        tz = ZoneInfo(self.zone)
        key = {"1M": "%Y-%m", "1w": "%G-%V", "1d": "%Y-%m-%d"}[self.calendar]
        minute = self.now_ns // MINUTE_NS
        here = f"{dt.datetime.fromtimestamp(minute * 60, tz):{key}}"
        step = 30  # no zone begins its day at another time than each half an hour
        first = minute // step * step
        while f"{dt.datetime.fromtimestamp((first - step) * 60, tz):{key}}" == here:
            first -= step
        return Range(first * MINUTE_NS, self.edge_ns)

    def counts(self, window: Range, since_ns: int) -> tuple[int, int]:
        counted = [
            (at_ns, good) for at_ns, good in self.events if at_ns >= since_ns and at_ns // MINUTE_NS not in self.out
        ]
        if not self.slice_minutes:
            within = [good for at_ns, good in counted if at_ns in window]
            return sum(within), len(within)
        length_ns = self.slice_minutes * MINUTE_NS
        slices: dict[int, list[bool]] = {}
        for at_ns, good in counted:
            if at_ns < self.edge_ns and (begin := at_ns // length_ns * length_ns) in window:
                slices.setdefault(begin, []).append(good)
        return sum(4 * sum(each) >= 3 * len(each) for each in slices.values()), len(slices)


def test_a_status_is_what_looking_at_each_event_gives(database: Database):
    for seed in range(examples(8)):
        made = Made(seed)
        with database.transaction() as tx:
            for table in ("slos", "slo_adjustments", "ledger"):
                tx.execute(f"DELETE FROM {table}")
        rows = [line(n, at_ns, error_type=None if good else "x") for n, (at_ns, good) in enumerate(made.events, 1)]
        insert(database, "ledger", rows)
        register.add(database, [(made.definition(), None)], made.now_ns, "tests")
        with database.transaction() as tx:
            for each in made.given:
                adjusting.add(tx, register.one(tx, "x").slo_id, each, made.now_ns, "tests")
        with database.reader() as reader:
            objective = register.one(reader, "x").objective
            found = status.of(reader, objective, made.now_ns)
            (again,) = status.of_all(reader, [objective], made.now_ns)
        compare(made, found, seed)
        assert again == found


def compare(made: Made, found: status.Status, seed: int) -> None:
    """All that a status says, from counts that were made by hand."""
    allowed = ALLOWED[made.target]
    since_ns = min(each.window.from_ns for each in (found.period, *found.readings))
    assert found.period.window == made.period(), seed
    for each in (found.period, *found.readings):
        good, total = made.counts(each.window, since_ns)
        assert (each.counts.good, each.counts.total) == (good, total), (seed, each.window)
        assert each.burn_rate == (pytest.approx(float(Fraction(total - good, total) / allowed)) if total else None)
        minutes = range(each.window.from_ns // MINUTE_NS, each.window.to_ns // MINUTE_NS)
        assert each.excluded_ns == sum(minute in made.out for minute in minutes) * MINUTE_NS
    good, total = made.counts(found.period.window, since_ns)
    if not total:
        assert (found.state, found.budget) == ("unknown", None)
        return
    left = 1 - Fraction(total - good) / (total * allowed)
    assert found.budget is not None
    assert found.budget.remaining_ratio == pytest.approx(float(left), abs=1e-9)
    assert found.state == ("breach" if left < 0 else "ok"), seed


@pytest.mark.parametrize(
    ("zone", "month", "hours"),
    [
        ("Europe/Berlin", "2026-03", 743),
        ("Europe/Berlin", "2026-10", 745),
        ("America/New_York", "2026-03", 743),
        ("America/New_York", "2026-11", 721),
        ("Australia/Lord_Howe", "2026-04", 720.5),
        ("Australia/Lord_Howe", "2026-10", 743.5),
    ],
)
def test_a_month_in_which_the_clocks_change_has_the_budget_of_its_hours(
    zone: str, month: str, hours: float, database: Database
):
    first = int(dt.datetime.fromisoformat(f"{month}-01").replace(tzinfo=ZoneInfo(zone)).timestamp()) * SECOND
    to_ns = first + int(hours * HOUR_NS)
    every_hour = [
        line(n + 9, first + n * HOUR_NS // 2, error_type="x" if n % 50 == 0 else None) for n in range(-5, 1500)
    ]
    insert(database, "ledger", every_hour)
    window = {"duration": "1M", "calendar": True, "timezone": zone}
    given = {"name": "x", "service": "shop", "indicator": {"kind": "ledger", "good": {"status": "ok"}}, "target": 0.9}
    register.add(database, [(given | {"window": window}, None)], first, "tests")
    with database.reader() as reader:
        objective = register.one(reader, "x").objective
        found = report.of(reader, objective, to_ns - 1)
    within = [one for one in every_hour if first <= one["at_ns"] < to_ns]
    assert found.status.period.window == Range(first, to_ns)
    assert found.status.period.counts.total == len(within) == 2 * hours
    assert found.status.budget is not None
    assert found.status.budget.total == pytest.approx(len(within) / 10)
    assert found.status.budget.consumed == sum(one["error_type"] is not None for one in within)
    assert found.previous_window.to_ns == first
    threshold = found.status.conditions[0].threshold
    assert threshold == pytest.approx(0.02 * hours if hours >= 672 else 0, rel=1e-9)  # 2 % of the month in an hour
