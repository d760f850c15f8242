"""The same totals from everywhere: ledger, rollups of every level and both ways of the statistics.

A few hundred calls around midnights, changes of the clock, ends of months and a leap day, told by events, by spans or
by both, out of order, late and more than once. What they cost is added up by hand, from the wall clocks of the zone.
"""

from __future__ import annotations

import random
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import simplejson
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanledger_server import settings, timegrid
from spanledger_server.main import Server
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.store.database import Database
from tests.backend.ingest.requests import DAY, HOUR, MINUTE, SECOND, SteppedClock
from tests.support.telemetry import attributes, ledger_event, ledger_request, span_request

TOKEN = "sl_a-token-for-these-tests"
WIDTHS = {"1m": MINUTE, "1h": HOUR, "1d": DAY}
MODEL, INPUT_USD, OUTPUT_USD = "gpt-5-mini", Decimal("0.25"), Decimal(2)  # a million tokens
UNKNOWN_MODEL = "of-no-price-list"

# A zone, and a last moment before which something happens to its calendar.
SCENES = {
    "an hour twice, and the end of a month": ("Europe/Berlin", datetime(2026, 10, 31, 23, 30)),  # noqa: DTZ001
    "an hour that is skipped": ("America/New_York", datetime(2026, 3, 31, 23, 59, 59)),  # noqa: DTZ001
    "a leap day in a zone of half hours": ("Asia/Kolkata", datetime(2028, 2, 29, 18, 45)),  # noqa: DTZ001
}


@dataclass
class Call:
    """One call: when it ended, and what it cost; None where nobody knows."""

    at_ns: int
    model: str
    cost: Decimal | None
    records: list[Any] = field(default_factory=list)  # what tells of it: an event, a span, or both


def ns(moment: datetime) -> int:
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND


def local_date(at_ns: int, zone: ZoneInfo) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_ns // 1000)).astimezone(zone).date()


def moments(rng: random.Random, zone: ZoneInfo, now_ns: int) -> Iterator[int]:
    """Times of calls, several at each: around midnights where something happens and others, and within the last day."""
    today = local_date(now_ns, zone)
    changes = {date(2026, 10, 25), date(2026, 3, 8), date(2028, 2, 29)}
    firsts = {today.replace(day=1), today.replace(month=1, day=1), today}
    days = {*changes, *firsts, *(today - timedelta(days=back) for back in rng.sample(range(1, 360), 2))}
    midnights = [timegrid.day_start_ns(day, zone) for day in sorted(days)]
    near = [-1, 0, 30 * MINUTE, 59 * MINUTE, 90 * MINUTE, 2 * HOUR - 1, 150 * MINUTE, 3 * HOUR]
    found = [midnight + by for midnight in midnights for by in rng.sample(near, 4)]
    found += [now_ns - 1 - rng.randrange(22 * HOUR) for _ in range(12)]
    return (at_ns for at_ns in found for _ in range(6) if now_ns - 360 * DAY < at_ns < now_ns)


def calls(rng: random.Random, zone: ZoneInfo, now_ns: int) -> list[Call]:
    return [told(rng, at_ns, now_ns) for at_ns in moments(rng, zone, now_ns)]


def told(rng: random.Random, at_ns: int, now_ns: int) -> Call:
    """A call that ended then: what is too old for a span is told by an event alone."""
    by = rng.choice(["event", "span", "both"]) if at_ns > now_ns - 23 * HOUR else "event"
    model = UNKNOWN_MODEL if rng.random() < 0.1 else MODEL
    tokens = {"gen_ai.usage.input_tokens": rng.randrange(9_000), "gen_ai.usage.output_tokens": rng.randrange(900)}
    cost = None
    if model == MODEL:
        spent = zip(tokens.values(), (INPUT_USD, OUTPUT_USD), strict=True)
        cost = sum((count * rate / 10**6 for count, rate in spent), Decimal(0))
    call = Call(at_ns, model, cost)
    ids = {"trace_id": rng.randbytes(16), "span_id": rng.randbytes(8)}
    if by != "span":
        explicit = by == "event" and model == MODEL and rng.random() < 0.5
        if explicit:
            call.cost = Decimal(rng.randrange(1, 10**14)) / 10**12
        spoken = format(call.cost, "f") if explicit else None
        call.records.append(ledger_event(cost=spoken, model=model, at_ns=at_ns, **ids, **({} if explicit else tokens)))
    if by != "event":
        named = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.response.model": model}
        times = {"start_time_unix_nano": at_ns - SECOND, "end_time_unix_nano": at_ns}
        call.records.append(Span(**ids, **times, name="chat", attributes=attributes(named | tokens)))
    return call


def requests(rng: random.Random, found: Iterable[Call]) -> list[tuple[str, bytes]]:
    """Everything that tells of these calls, shuffled, in small requests, some of them twice."""
    records = [record for call in found for record in call.records]
    rng.shuffle(records)
    spans = [record for record in records if isinstance(record, Span)]
    events = [record for record in records if not isinstance(record, Span)]
    made = [("traces", span_request(*spans[at : at + 12])) for at in range(0, len(spans), 12)]
    made += [("logs", ledger_request(*events[at : at + 25])) for at in range(0, len(events), 25)]
    made += rng.sample(made, len(made) // 4)
    rng.shuffle(made)
    return made


def added(found: Iterable[Call], key: Callable[[Call], Any]) -> dict[Any, tuple[Decimal | None, int]]:
    """Cost and number of calls by key; the cost is None where none is known."""
    groups: dict[Any, list[Call]] = defaultdict(list)
    for call in found:
        groups[key(call)].append(call)
    return {name: (total([call.cost for call in group]), len(group)) for name, group in groups.items()}


def total(costs: list[Decimal | None]) -> Decimal | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if known else None


def everything(found: list[Call]) -> tuple[Decimal | None, int]:
    """Cost and number of all of them; without calls the cost is 0 and not unknown."""
    return (total([call.cost for call in found]) if found else Decimal(0)), len(found)


class House:
    """The whole server in this process, on a directory and with a clock that stands still."""

    def __init__(self, directory: Path, clock: SteppedClock) -> None:
        wanted = {"data_dir": str(directory), "port": "0", "otlp_http_port": "0", "otlp_grpc_port": "0"}
        wanted |= {"retention_minutes": "365d", "retention_hours": "365d"}  # so that every level holds all of it
        self.server = Server(settings.load(wanted | {"admin_token": TOKEN, "tick": "1h"}, {}), clock)
        self.server.start()
        headers = {"authorization": f"Bearer {TOKEN}"}
        self.client = httpx.Client(base_url=self.server.addresses.url, headers=headers, timeout=30, trust_env=False)

    def send(self, made: Iterable[tuple[str, bytes]]) -> None:
        for signal, body in made:
            answer = self.client.post(f"/v1/{signal}", content=body, headers={"content-type": "application/x-protobuf"})
            assert (answer.status_code, answer.content) == (200, b"")

    def roll(self) -> None:
        vitals = self.server._vitals
        assert vitals is not None
        assert vitals.loop is not None
        assert vitals.loop.tick() == 0

    def get(self, path: str, **query: str) -> Any:
        answer = self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return simplejson.loads(answer.text, use_decimal=True)

    def lines(self) -> Iterator[dict[str, Any]]:
        query = {"from": "now-366d", "limit": "1000"}
        while True:
            page = self.get("/api/v1/ledger", **query)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def stop(self) -> None:
        self.client.close()
        self.server.stop()


@contextmanager
def running(directory: Path, clock: SteppedClock) -> Iterator[House]:
    house = House(directory, clock)
    try:
        yield house
    finally:
        house.stop()


def expect_answers(house: House, found: list[Call], zone: ZoneInfo, now_ns: int) -> None:
    """The ledger, and the statistics of a month and a year: by model from the rollups, by user from the ledger."""
    lines = list(house.lines())
    assert (total([line["cost_usd"] for line in lines]), len(lines)) == everything(found)
    today = local_date(now_ns, zone)
    for period, first in (("month", today.replace(day=1)), ("year", today.replace(month=1, day=1))):
        inside = [call for call in found if local_date(call.at_ns, zone) >= first]
        by_day = added(inside, lambda call: local_date(call.at_ns, zone).isoformat())
        for dimension, key in (("model", lambda call: call.model), ("user", lambda _: None)):
            answer = house.get("/admin/statistics/costs", period=period, group_by=dimension, tz=zone.key)
            assert (answer["total_cost"], answer["calls"]) == everything(inside), (period, dimension)
            breakdown = {item["category"]: (item["cost"], item["count"]) for item in answer["breakdown"]}
            assert breakdown == added(inside, key), (period, dimension)
            days = {bar["date"]: (bar["cost"], bar["calls"]) for bar in answer["trend"] if bar["calls"]}
            assert days == by_day, (period, dimension)


def expect_tables(directory: Path, found: list[Call], now_ns: int) -> None:
    """The table, the public view and each bucket of each level, once all of them are over."""
    database = Database.open(directory / "spanledger.duckdb")
    try:
        Rollups(database, DirtyBuckets()).refresh(now_ns + 2 * DAY)
        with database.reader() as reader:
            for column, table in (("cost_usd", "ledger"), ("cost", "public.cost_tracking")):
                assert reader.tuples(f"SELECT sum({column}), count(*) FROM {table}") == [everything(found)]
            for level, width in WIDTHS.items():
                rows = reader.tuples(f"SELECT bucket, sum(cost_usd), sum(calls) FROM cost_{level} GROUP BY bucket")
                buckets = {bucket: (cost, count) for bucket, cost, count in rows}
                assert buckets == added(found, lambda call, width=width: call.at_ns // width), level
    finally:
        database.close()


def as_after_a_kill(directory: Path, to: Path) -> Path:
    """What would be on the disk if the server that runs on `directory` were killed now."""
    to.mkdir()
    for name in ("spanledger.duckdb", "spanledger.duckdb.wal"):
        if (directory / name).exists():
            shutil.copy(directory / name, to / name)
    return to


@pytest.mark.parametrize("scene", SCENES)
def test_every_source_tells_the_same_totals_also_after_restart_replay_and_kill(scene: str, tmp_path: Path) -> None:
    name, wall = SCENES[scene]
    zone, rng = ZoneInfo(name), random.Random(scene)
    now_ns = ns(wall.replace(tzinfo=zone))
    found = calls(rng, zone, now_ns)
    early, late = found[: -len(found) // 3], found[-len(found) // 3 :]
    first, second = requests(rng, early), requests(rng, late)
    clock = SteppedClock(now_ns)
    with running(tmp_path / "data", clock) as house:
        house.send(first)
        expect_answers(house, early, zone, now_ns)
        house.roll()
        expect_answers(house, early, zone, now_ns)
        house.send(second)  # some of it into hours and days that are rolled up already
        expect_answers(house, found, zone, now_ns)
    with running(tmp_path / "data", clock) as house:
        expect_answers(house, found, zone, now_ns)
        house.send([*second, *first])
        expect_answers(house, found, zone, now_ns)
        killed = as_after_a_kill(tmp_path / "data", tmp_path / "killed")
        house.roll()
        expect_answers(house, found, zone, now_ns)
    expect_tables(tmp_path / "data", found, now_ns)
    with running(killed, clock) as house:
        expect_answers(house, found, zone, now_ns)
    expect_tables(killed, found, now_ns)
