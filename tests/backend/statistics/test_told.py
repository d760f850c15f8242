"""What programs told: caches, rate limits, requests and dialogues agree with plain Python, rolled up or not."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_server import timegrid
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.levels import SPAN, TOLD
from spanledger_server.statistics import dialogues, periods, requests, told
from spanledger_server.traces import filters
from tests.backend.rows import DAY, HOUR, MINUTE, NOON, SECOND, insert, span
from tests.backend.statistics.rolled import roll_at_once
from tests.support.stores import new_store
from tests.support.thorough import examples

ALL_CACHES = filters.parse((), told.CACHES).bound()
ALL_LIMITS = filters.parse((), told.RATE_LIMITS).bound()
ALL_DIALOGUES = filters.parse((), dialogues.DIALOGUES).bound()


class House:
    """Logs and spans whose minutes are marked as ingest does."""

    def __init__(self) -> None:
        self.database = new_store()
        self.dirty = DirtyBuckets()

    def tell(self, records: list[dict[str, Any]]) -> None:
        insert(self.database, "logs", records)
        with self.database.transaction() as tx:
            self.dirty.mark(tx, "told", {one["at_ns"] // MINUTE for one in records})

    def serve(self, spans: list[dict[str, Any]]) -> None:
        insert(self.database, "spans", spans)
        with self.database.transaction() as tx:
            self.dirty.mark(tx, "span", {one["end_ns"] // MINUTE for one in spans})

    def roll(self, now_ns: int = NOON) -> None:
        roll_at_once(self.database, TOLD, now_ns)
        roll_at_once(self.database, SPAN, now_ns)
        self.dirty = DirtyBuckets()

    def report(self, length: str = "day") -> requests.Report:
        with self.database.reader() as reader:
            return requests.report(reader, periods.rolling(length, NOON, ZoneInfo("UTC")))  # type: ignore[arg-type]


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.database.close()


def record(number: int, at_ns: int, event: str, **said: Any) -> dict[str, Any]:
    named = {key.replace("__", "."): value for key, value in said.items() if value is not None}
    return {
        "record_id": number,
        "at_ns": at_ns,
        "service": "shop",
        "event_name": f"spanledger.{event}",
        "attributes": json.dumps(named),
    }


def hit(number: int, at_ns: int, outcome: str, provider: str | None, saved: str | None, tokens: int | None) -> Any:
    return record(
        number,
        at_ns,
        "cache",
        spanledger__cache__event=outcome,
        gen_ai__provider__name=provider,
        spanledger__cache__saved_cost_usd=saved,
        spanledger__cache__saved_tokens=tokens,
    )


def answered(number: int, at_ns: int, route: str, status: int, seconds: float) -> Any:
    return record(
        number,
        at_ns,
        "request",
        http__route=route,
        http__request__method="GET",
        http__response__status_code=status,
        spanledger__process_time_s=seconds,
    )


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"])
@pytest.mark.parametrize("rolled", ["not", "half", "all"])
def test_caches_of_a_period_are_those_that_were_told(house: House, zone: str, rolled: str) -> None:
    rng = random.Random(3)
    events = [
        (
            NOON - 1 - rng.randrange(45 * DAY),
            rng.choice(["hit", "hit", "miss", "store"]),
            rng.choice(["openai", "anthropic", None]),
            rng.choice([None, "0.0045", "1.000000000001"]),
            rng.choice([None, 300]),
        )
        for _ in range(300)
    ]
    records = [hit(number, *event) for number, event in enumerate(events)]
    house.tell(records[::2])
    if rolled != "not":
        house.roll()
    house.tell(records[1::2])
    if rolled == "all":
        house.roll()
    tz = ZoneInfo(zone)
    with house.database.reader() as reader:
        found = told.caches(reader, periods.to_date("month", NOON, tz), ALL_CACHES)
    today = timegrid.local_date(NOON, tz)
    within = [event for event in events if timegrid.local_date(event[0], tz) >= today.replace(day=1)]
    outcomes = Counter(event[1] for event in within)
    assert (found["hits"], found["misses"], found["stores"]) == (outcomes["hit"], outcomes["miss"], outcomes["store"])
    hits = [event for event in within if event[1] == "hit"]
    assert found["saved_cost"] == sum((Decimal(event[3]) for event in hits if event[3]), Decimal(0))
    assert found["saved_tokens"] == sum(event[4] or 0 for event in hits)
    assert float(found["hit_rate"]) == pytest.approx(len(hits) / (len(hits) + outcomes["miss"]), abs=1e-6)
    assert float(found["coverage"]["saved_cost"]) == pytest.approx(sum(bool(e[3]) for e in hits) / len(hits), abs=1e-6)
    days: Counter[str] = Counter(timegrid.local_date(event[0], tz).isoformat() for event in hits)
    assert {bar["date"]: bar["hits"] for bar in found["trend"] if bar["hits"]} == days
    providers = {each["category"]: each["hits"] for each in found["breakdown"]}
    assert providers == Counter(event[2] for event in hits) | dict.fromkeys(providers.keys() - {e[2] for e in hits}, 0)
    earlier = [e for e in events if timegrid.local_date(e[0], tz).replace(day=1) < today.replace(day=1)]
    assert found["previous"]["hits"] <= sum(event[1] == "hit" for event in earlier)


def test_a_saving_that_nobody_told_is_unknown_and_no_hit_saved_nothing(house: House) -> None:
    with house.database.reader() as reader:
        empty = told.caches(reader, periods.to_date("today", NOON, ZoneInfo("UTC")), ALL_CACHES)
    assert (empty["hit_rate"], empty["saved_cost"], empty["previous"]) == (None, 0, None)
    house.tell([hit(1, NOON - 5, "hit", None, None, None), hit(2, NOON - 5, "odd", None, "1", 1)])
    with house.database.reader() as reader:
        found = told.caches(reader, periods.to_date("today", NOON, ZoneInfo("UTC")), ALL_CACHES)
    assert (found["hits"], found["saved_cost"], found["saved_tokens"]) == (1, None, None)
    assert found["coverage"] == {"saved_cost": 0, "saved_tokens": 0}


def test_rate_limits_tell_the_share_that_was_denied_by_type(house: House) -> None:
    for number in range(20):
        outcome, kind = "denied" if number % 5 == 0 else "allowed", "user" if number % 2 else "ip"
        said = {"spanledger__rate_limit__event": outcome, "spanledger__rate_limit__type": kind}
        house.tell([record(number, NOON - number * MINUTE - 1, "rate_limit", **said)])
    for rolled in (False, True):
        if rolled:
            house.roll()
        with house.database.reader() as reader:
            found = told.rate_limits(reader, periods.to_date("today", NOON, ZoneInfo("UTC")), ALL_LIMITS)
        assert (found["decisions"], found["denied"], found["denial_rate"]) == (20, 4, Decimal("0.2"))
        assert {each["category"]: each["denied"] for each in found["breakdown"]} == {"ip": 2, "user": 2}
        only = ALL_LIMITS | {"limit_type": ["user"]}
        with house.database.reader() as reader:
            found = told.rate_limits(reader, periods.to_date("today", NOON, ZoneInfo("UTC")), only)
        assert found["decisions"] == 10


@pytest.mark.parametrize("rolled", [False, True])
def test_requests_that_were_told_and_requests_of_spans_are_added_each_once(house: House, rolled: bool) -> None:
    rng = random.Random(7)
    truth: list[tuple[str, int, float, float]] = []  # route, status, seconds, how many it stands for
    for number in range(200):
        at, took = NOON - 1 - rng.randrange(20 * HOUR), rng.lognormvariate(-2, 1)
        status, weight = rng.choice([200, 200, 301, 404, 500]), rng.choice([1.0, 4.0])
        route = rng.choice(["/a", "/b"])
        took_ns = int(took * 10**9)
        spans = span(number, 1, at - took_ns, took_ns, route=route, http_status=status, adjusted_count=weight)
        house.serve([spans | {"status_code": 2 if status == 500 else 0}])
        truth.append((route, status, took_ns / 1e9, weight))
    for number in range(100):
        status, took = rng.choice([200, 429, 503]), round(rng.lognormvariate(-2, 1), 9)
        house.tell([answered(number, NOON - 1 - rng.randrange(20 * HOUR), "/told", status, took)])
        truth.append(("/told", status, took, 1.0))
    if rolled:
        house.roll()
    whole = house.report().whole
    total = sum(weight for *_, weight in truth)
    assert whole.count.value == pytest.approx(total)
    assert whole.count.low <= total <= whole.count.high
    assert whole.failed.value == pytest.approx(sum(weight for _, status, _, weight in truth if status >= 400))
    assert whole.server_errors == pytest.approx(sum(weight for _, status, _, weight in truth if status >= 500))
    mean = sum(took * weight for _, _, took, weight in truth) / total
    assert whole.mean_ns is not None
    assert whole.mean_ns / 1e9 == pytest.approx(mean, rel=0.05)
    ordered = sorted((took, weight) for _, _, took, weight in truth)
    for q in (0.5, 0.95, 0.99):
        below, exact = 0.0, 0.0
        for took, weight in ordered:
            below, exact = below + weight, took
            if below >= q * total * (1 - 1e-12):
                break
        found = whole.quantile_ns(q)
        assert found is not None
        assert found.value / 1e9 == pytest.approx(exact, rel=0.0111)
    by_route = defaultdict(float)
    for route, _, _, weight in truth:
        by_route[route] += weight
    assert {path: one.count.value for (_, path), one in house.report().endpoints.items()} == pytest.approx(by_route)


def test_an_endpoint_that_is_told_and_spanned_counts_once_and_exactly(house: House) -> None:
    house.serve([span(number, 1, NOON - HOUR, route="/a", http_status=200, adjusted_count=9.0) for number in range(9)])
    house.tell([answered(number, NOON - HOUR, "/a", 200, 0.1) for number in range(80)])
    found = house.report()
    assert (found.whole.count.value, found.whole.sampled.spans) == (80, 0)


def test_spans_that_do_not_say_what_they_stand_for_count_once_and_make_a_lower_bound(house: House) -> None:
    house.serve([span(number, 1, NOON - HOUR, route="/a", http_status=200) for number in range(10)])
    for _ in ("not rolled up", "rolled up"):
        whole = house.report().whole
        assert (whole.count.value, whole.count.low, whole.count.high) == (10, 10, float("inf"))
        assert whole.quantile_ns(0.95) is not None
        assert sum(whole.durations.values()) == 10
        house.roll()


def test_requests_that_took_exactly_as_long_unsampled_have_an_exact_mean(house: House) -> None:
    spans = [
        span(number, 1, NOON - HOUR, 10**8 + number, route="/a", http_status=200, adjusted_count=1.0)
        for number in range(50)
    ]
    house.serve([*spans, span(99, 1, NOON - HOUR, 3 * SECOND, route="/slow", http_status=200, adjusted_count=1.0)])
    house.roll()
    found = house.report()
    assert found.endpoints["shop", "/a"].mean_ns == pytest.approx(10**8 + 24.5)
    assert found.whole.slow == 1
    assert found.whole.count.low == found.whole.count.high == 51


def test_calls_between_services_and_inner_spans_are_no_requests(house: House) -> None:
    house.serve(
        [
            span(1, 1, NOON - HOUR, kind=3, route="/client", adjusted_count=1.0),
            span(1, 2, NOON - HOUR, kind=1, parent_span_id=1, adjusted_count=1.0),
            span(1, 3, NOON - HOUR, kind=2, parent_span_id=1, flags=256, route="/inner", adjusted_count=1.0),
        ]
    )
    assert house.report().whole.count.value == 0


def test_hostile_figures_stop_no_rollup(house: House) -> None:
    times, statuses = (1e300, -1, "NaN", "Infinity", "soon", 9.3e9, None), (10**9, -5, "odd", None)
    hostile = [
        answered(10 * i + j, NOON - 5, "/a", status, took)
        for i, took in enumerate(times)
        for j, status in enumerate(statuses)
    ]
    house.tell([*hostile, hit(999, NOON - 5, "hit", "x", "1e99", 2**70)])
    house.serve(
        [span(n, 1, NOON - HOUR, route="/b", http_status=s, adjusted_count=1.0) for n, s in enumerate((10**9, -5))]
    )
    for _ in ("not rolled up", "rolled up"):
        assert (house.report().whole.told, house.report().whole.count.value) == (len(hostile), len(hostile) + 2)
        house.roll()


names = st.sampled_from([None, "a", "b", "红楼梦'; --"])


@st.composite
def talks(draw: st.DrawFn) -> list[dict[str, Any]]:
    return [
        {
            "record_id": number,
            "at_ns": NOON - draw(st.integers(1, 70 * DAY)),
            "book_id": draw(names),
            "user_id": draw(names),
            "model": draw(names),
            "type": draw(names),
            "message_count": draw(st.one_of(st.none(), st.integers(0, 100))),
            "duration_s": draw(st.one_of(st.none(), st.floats(0, 1e6))),
            "rating": draw(st.one_of(st.none(), st.floats(0, 5))),
            "feedback": draw(names),
        }
        for number in range(draw(st.integers(0, 30)))
    ]


@cache
def one_house() -> House:
    return House()


@settings(
    max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(
    talks(),
    st.sampled_from(["today", "week", "month", "year"]),
    st.sampled_from(["book", "user", "model", "type"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"]),
)
def test_dialogues_of_a_period_are_those_of_plain_python(
    lines: list[dict[str, Any]], period: str, dimension: str, zone: str
) -> None:
    database, tz = one_house().database, ZoneInfo(zone)
    database.memory.clear()  # dialogues are never changed, but here they are
    with database.transaction() as tx:
        tx.execute("DELETE FROM dialogues")
    insert(database, "dialogues", lines)
    span_of = periods.to_date(period, NOON, tz)  # type: ignore[arg-type]
    with database.reader() as reader:
        found = dialogues.dialogues(reader, span_of, dimension, ALL_DIALOGUES)
    within = [one for one in lines if span_of.from_ns <= one["at_ns"] < NOON]
    assert found["total_dialogues"] == len(within)
    assert found["unique_users"] == len({one["user_id"] for one in within} - {None})
    ratings = [one["rating"] for one in within if one["rating"] is not None]
    content = found["satisfaction"]
    assert content["rating_count"] == len(ratings)
    assert content["average_rating"] == (pytest.approx(sum(ratings) / len(ratings)) if ratings else None)
    assert content["feedback_count"] == sum(one["feedback"] is not None for one in within)
    column = {"book": "book_id", "user": "user_id"}.get(dimension, dimension)
    assert {one["category"]: one["count"] for one in found["breakdown"]} == Counter(one[column] for one in within)
    for item in found["breakdown"]:
        mine = [one for one in within if one[column] == item["category"]]
        told_by = [one["message_count"] for one in mine if one["message_count"] is not None]
        assert item["average_messages"] == (pytest.approx(sum(told_by) / len(told_by)) if told_by else None)
        assert item["unique_users"] == len({one["user_id"] for one in mine} - {None})
    if period != "today":
        days = Counter(timegrid.local_date(one["at_ns"], tz).isoformat() for one in within)
        assert {bar["date"]: bar["count"] for bar in found["trend"] if bar["count"]} == days


def test_categories_beyond_the_most_frequent_are_one_line_and_none_is_lost(house: House) -> None:
    insert(
        house.database,
        "dialogues",
        [{"record_id": n, "at_ns": NOON - 1, "book_id": f"b{n % 250}", "user_id": "u"} for n in range(500)],
    )
    with house.database.reader() as reader:
        found = dialogues.dialogues(reader, periods.to_date("today", NOON, ZoneInfo("UTC")), "book", ALL_DIALOGUES)
    *named, other = found["breakdown"]
    assert (len(named), other["category"], other["folded"], other["count"]) == (200, "other", 50, 100)
    assert sum(item["count"] for item in found["breakdown"]) == 500


def test_the_dialogues_before_are_compared_where_they_are_known(house: House) -> None:
    insert(
        house.database,
        "dialogues",
        [{"record_id": n, "at_ns": NOON - 1 - n * DAY, "book_id": "b"} for n in (0, 1, 1000, 1001)]
        + [{"record_id": 7, "at_ns": NOON - DAY - 2, "book_id": "b"}],
    )
    with house.database.reader() as reader:
        found = dialogues.dialogues(reader, periods.to_date("today", NOON, ZoneInfo("UTC")), "book", ALL_DIALOGUES)
    assert found["previous"]["total_dialogues"] == 2
    assert (found["previous"]["change"], found["previous"]["change_percent"]) == (-1, -50)
    assert found["previous"]["complete"] is True
