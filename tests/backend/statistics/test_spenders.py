"""What users spent: days by user, a year's sums and lines of the rest give the ledger's figures to the last digit."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spanledger_server.cli import check
from spanledger_server.cli.check import SQL as CHECKS
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import USERS_AFTER_NS, Rollups
from spanledger_server.rollups.users import refresh_users
from spanledger_server.statistics import costs, periods
from spanledger_server.store.database import Reader
from spanledger_server.traces import filters
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, SECOND, insert, line
from tests.support.stores import new_store

YEAR_BEGINS = periods.to_date("year", NOON, ZoneInfo("UTC")).from_ns  # of the year of NOON
YEAR_SUMS = """SELECT user_number, calls, cost_usd, input_tokens, input_told FROM user_1y WHERE bucket = 2026
    ORDER BY ALL"""
SUMMED = """SELECT user_number, sum(calls), sum(cost_usd), sum(input_tokens), count(input_tokens) FROM user_1d
    WHERE bucket >= {day} GROUP BY user_number ORDER BY ALL"""


ONE = "rowid = (SELECT min(rowid) FROM user_1d)"


def checked(reader: Reader) -> tuple[int, int, int]:
    """How many days, years and numbers of users are not as they should be."""
    days, years, numbers = (
        len(reader.tuples(CHECKS[name]))
        for name in ("user_days_unlike_ledger", "user_years_unlike_days", "users_without_number")
    )
    return days, years, numbers


class House:
    """A database to which lines are put as ingest does; all its rollups are made, or those by user alone."""

    def __init__(self, *, whole: bool = False) -> None:
        self.whole = whole
        self.database = new_store()
        self.dirty = DirtyBuckets()
        self.rollups = Rollups(self.database, self.dirty)
        self.number = 0
        self.known: dict[Any, dict[str, Any]] = {}  # what the ledger said, while it has not changed

    def put(self, times: list[int], rng: random.Random) -> None:
        rows = []
        for at_ns in times:
            self.number += 1
            cost = rng.choice([None, Decimal(rng.randrange(10**14)).scaleb(-12), Decimal(1)])
            rows.append(
                line(
                    self.number,
                    at_ns,
                    user_id=rng.choice([None, "", "other", *(f"u{int(rng.random() ** 3 * 260)}" for _ in range(12))]),
                    model=rng.choice(["a", "b", None]),
                    feature=rng.choice(["search", None]),
                    state="unpriced" if cost is None else "priced",
                    cost_usd=cost,
                    input_tokens=rng.choice([None, rng.randrange(2**40)]),
                )
            )
        insert(self.database, "ledger", rows)
        self.known.clear()
        with self.database.transaction() as tx:
            self.dirty.mark(tx, "cost", {at_ns // MINUTE for at_ns in times})
            if not self.whole:
                self.dirty.mark(tx, "user", {at_ns // DAY for at_ns in times}, "1d")

    def refresh(self, now_ns: int) -> None:
        if self.whole:
            self.rollups.refresh(now_ns)
        else:
            refresh_users(self.database, self.dirty, now_ns)

    def ask(self, period: Any, now_ns: int, zone: str, by: str, f: tuple[str, ...], route: Any) -> dict[str, Any]:
        conditions = filters.parse(f, filters.LEDGER)
        span = periods.to_date(period, now_ns, ZoneInfo(zone))
        with self.database.reader() as reader:
            return costs.costs(reader, span, by, conditions.bound(), conditions.asked(), route)

    def tuples(self, sql: str) -> list[tuple[Any, ...]]:
        with self.database.reader() as reader:
            return reader.tuples(sql)

    def wrong(self) -> tuple[int, int, int]:
        """What `spanledger check` finds of days, years and numbers of users."""
        with self.database.reader() as reader:
            return checked(reader)

    def agrees(self, now_ns: int, *zones: str) -> None:
        """Every way of asking about users gives what the ledger gives."""
        for zone in zones or ("Asia/Kathmandu",):
            for period in ("year", "month") if zone == "UTC" else ("year",):
                for by, f in (
                    ("user", ()),
                    ("user", ("feature:search",)),
                    ("user", ("!user_id:u0", "user_id:")),
                    ("model", ("user_id:u1", "user_id:")),
                ):
                    asked = (period, now_ns, zone, by, f)
                    if asked not in self.known:
                        self.known[asked] = self.ask(*asked, "ledger")
                    found = self.ask(*asked, None)
                    assert found.pop("source") == "rollup", asked
                    assert found == {key: value for key, value in self.known[asked].items() if key != "source"}, asked


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def sound() -> Iterator[House]:
    """A day of three lines of a user and of nobody, rolled up."""
    made = House()
    users = [line(number, NOON - DAY + number, user_id=user) for number, user in enumerate(("a", None, "a"))]
    insert(made.database, "ledger", users)
    with made.database.transaction() as tx:
        made.dirty.mark(tx, "user", {NOON // DAY - 1}, "1d")
    assert made.wrong() == (0, 0, 0), "what waits is not judged"
    made.refresh(NOON)
    assert made.wrong() == (0, 0, 0)
    yield made
    made.database.close()


def somewhen(rng: random.Random, number: int, now_ns: int) -> list[int]:
    """Times of two years, many of them around the turn of the year and of days."""
    edges = [YEAR_BEGINS + rng.randrange(-15 * HOUR, 15 * HOUR) for _ in range(number // 4)]
    days = [rng.randrange(400) * DAY for _ in range(number // 4)]
    turns = [now_ns // DAY * DAY - back + rng.choice([-1, 0, 1, 15 * MINUTE, -15 * MINUTE]) for back in days]
    return [*edges, *turns, *(now_ns - rng.randrange(400 * DAY) for _ in range(number // 2))]


def test_users_cost_what_the_ledger_says_whatever_came_late_and_whoever_is_new(house: House) -> None:
    rng = random.Random(1)
    house.put(somewhen(rng, 1_200, NOON), rng)
    house.refresh(NOON)
    house.put([NOON - 1, NOON - 40 * DAY, YEAR_BEGINS + 1, YEAR_BEGINS - 1, NOON - DAY], rng)
    house.agrees(NOON, "UTC", "America/New_York")
    house.refresh(NOON)
    house.agrees(NOON, "UTC", "Asia/Kathmandu")


def test_a_year_is_the_sum_of_its_days_and_days_are_the_ledgers(house: House) -> None:
    rng = random.Random(3)
    house.whole = True
    house.put(somewhen(rng, 24, NOON), rng)
    house.refresh(NOON + DAY)
    house.put([YEAR_BEGINS + 5, NOON], rng)
    house.refresh(NOON + DAY)
    assert house.tuples(YEAR_SUMS) == house.tuples(SUMMED.format(day=YEAR_BEGINS // DAY))
    assert house.tuples("SELECT sum(calls), sum(cost_usd) FROM user_1d") == house.tuples(
        "SELECT count(*), sum(cost_usd) FROM ledger"
    )
    assert house.tuples("SELECT count(*) FROM dirty_buckets") == [(0,)]


def test_a_year_is_not_read_again_when_its_first_users_change_places(house: House) -> None:
    insert(house.database, "ledger", [line(n, NOON - 9 * DAY, user_id=f"u{n}", cost_usd=f"{n}.5") for n in (1, 2)])
    with house.database.transaction() as tx:
        house.dirty.mark(tx, "user", {NOON // DAY - 9}, "1d")
    house.refresh(NOON)

    def asked() -> tuple[list[str], dict[str, Any]]:
        found = house.ask("year", NOON, "UTC", "user", (), None)
        day = next(each for each in found["trend"] if each["calls"])
        return [each["category"] for each in found["breakdown"]], day["by"]

    assert asked() == (["u2", "u1"], {"u1": Decimal("1.5"), "u2": Decimal("2.5")})
    with house.database.transaction() as tx:
        tx.execute("UPDATE user_1d SET cost_usd = 100")  # nothing tells of it: who reads them again has this
        house.dirty.mark(tx, "cost", {NOON // MINUTE - 1})
    insert(house.database, "ledger", [line(3, NOON - SECOND, user_id="u1", cost_usd="7.5")])
    assert asked() == (["u1", "u2"], {"u1": Decimal("1.5"), "u2": Decimal("2.5")})


def test_a_recomputation_that_was_broken_off_changes_nothing_and_is_done_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(4)
    house.put(somewhen(rng, 80, NOON), rng)
    house.refresh(NOON)
    house.put([NOON - DAY, NOON - 2 * DAY], rng)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("spanledger_server.rollups.users._recompute", killed)
        with pytest.raises(KeyboardInterrupt):
            house.refresh(NOON)
    house.agrees(NOON)
    house.dirty = DirtyBuckets()  # as after a restart
    assert refresh_users(house.database, house.dirty, NOON) > 0
    house.agrees(NOON)


def test_days_whose_lines_are_deleted_stay_away_from_the_sums(house: House) -> None:
    rng = random.Random(5)
    house.put(somewhen(rng, 100, NOON), rng)
    house.refresh(NOON)
    cut_ns = NOON // DAY * DAY - 20 * DAY
    with house.database.transaction() as tx:
        for subject in ("user_1d", "ledger"):
            tx.execute("INSERT INTO kept_from VALUES ($subject, $cut)", subject=subject, cut=cut_ns)
        tx.execute("DELETE FROM user_1d WHERE bucket < $day", day=cut_ns // DAY)
        tx.execute("DELETE FROM ledger WHERE at_ns < $cut", cut=cut_ns)
        tx.execute("DELETE FROM cost_1m WHERE bucket < $minute", minute=cut_ns // MINUTE)
        tx.execute("DELETE FROM cost_1h WHERE bucket < $hour", hour=cut_ns // HOUR)
        tx.execute("DELETE FROM cost_1d WHERE bucket < $day", day=cut_ns // DAY)
        house.dirty.mark(tx, "user", {cut_ns // DAY - 3}, "1d")
    house.agrees(NOON)
    house.refresh(NOON)
    house.agrees(NOON)
    assert house.tuples("SELECT min(bucket) FROM user_1d")[0][0] >= cut_ns // DAY
    wanted = "SELECT count(*) FROM user_numbers ANTI JOIN user_1d USING (user_number)"
    house.put([NOON - DAY], rng)
    house.refresh(NOON)
    assert house.tuples(wanted) == [(0,)]


def test_a_server_recomputes_days_by_user_now_and_then_and_answers_meanwhile(house: House) -> None:
    rng = random.Random(6)
    house.whole = True
    seldom = Rollups(house.database, house.dirty, within_s=60)
    house.put(somewhen(rng, 16, NOON), rng)
    seldom.refresh(NOON)
    house.put([NOON - 3 * DAY], rng)
    seldom.refresh(NOON + SECOND)
    waiting = "SELECT count(*) FROM dirty_buckets WHERE family = 'user' AND bucket = {}"
    late = NOON // DAY - 3
    assert house.tuples(waiting.format(late)) == [(1,)]
    house.agrees(NOON + SECOND)
    seldom.refresh(NOON + USERS_AFTER_NS)
    assert house.tuples(waiting.format(late)) == [(0,)]
    house.agrees(NOON + USERS_AFTER_NS)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (f"UPDATE user_1d SET cost_usd = cost_usd + 1 WHERE {ONE}", (1, 1, 0)),
        (f"UPDATE user_1d SET unpriced_calls = unpriced_calls + 1 WHERE {ONE}", (1, 1, 0)),
        (
            f"UPDATE user_1d SET user_number = (SELECT max(user_number) FROM user_1d) - user_number WHERE {ONE}",
            (1, 1, 0),
        ),
        ("DELETE FROM user_1d", (1, 1, 0)),
        (f"INSERT INTO user_1d SELECT * FROM user_1d WHERE {ONE}", (1, 1, 0)),
        ("UPDATE user_1y SET input_told = input_told + 1 WHERE user_number > 0", (0, 1, 0)),
        ("DELETE FROM user_1y WHERE user_number > 0", (0, 1, 0)),
        ("DELETE FROM user_numbers", (1, 0, 1)),
        ("INSERT INTO user_numbers SELECT user_number, 'second' FROM user_numbers", (1, 0, 1)),
        ("INSERT INTO user_numbers SELECT user_number + 7, 'a' FROM user_numbers", (0, 0, 1)),
    ],
)
def test_check_finds_figures_of_users_that_are_not_the_ledgers_and_mends_them(
    sound: House, damage: str, found: tuple[int, int, int]
) -> None:
    with sound.database.transaction() as tx:
        tx.execute(damage)
    assert sound.wrong() == found
    check.mark(sound.database, sound.dirty, NOON)
    sound.refresh(NOON)
    assert sound.wrong() == (0, 0, 0)
    assert sound.tuples("SELECT count(*), count(DISTINCT user_number), sum(calls) FROM user_1d") == [(2, 2, 3)]


def test_check_judges_only_days_of_which_all_lines_are_kept_and_that_do_not_wait(house: House) -> None:
    rng = random.Random(7)
    house.put(somewhen(rng, 32, NOON), rng)
    house.refresh(NOON)
    house.put([NOON - 5 * DAY], rng)
    assert house.wrong() == (0, 0, 0)
    with house.database.transaction() as tx:
        tx.execute("DELETE FROM dirty_buckets")
    assert house.wrong()[0] >= 1
    cut_ns = NOON // DAY * DAY - 2 * DAY
    with house.database.transaction() as tx:
        tx.execute("INSERT INTO kept_from VALUES ('ledger', $cut)", cut=cut_ns)
        tx.execute("DELETE FROM ledger WHERE at_ns < $cut", cut=cut_ns)
    assert house.wrong() == (0, 0, 0)
